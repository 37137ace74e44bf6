"""The organization that an account belongs to in moto, and the service control policies above the account."""

from collections.abc import Iterator

from moto.organizations.models import (
    FakeAccount,
    FakeDelegatedAdministrator,
    FakeOrganizationalUnit,
    FakePolicy,
    OrganizationsBackend,
    organizations_backends,
)

ACCOUNT_SERVICE = "account.amazonaws.com"
# More of https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrated-services-list.html than moto knows.
_DELEGABLE = (
    ACCOUNT_SERVICE,
    "cloudtrail.amazonaws.com",
    "config.amazonaws.com",
    "inspector2.amazonaws.com",
    "securityhub.amazonaws.com",
)


def allow_delegation() -> None:
    """Let accounts be registered as administrators of services for which moto refuses it."""
    services = FakeDelegatedAdministrator.SUPPORTED_SERVICES
    services.extend(service for service in _DELEGABLE if service not in services)


def organization_of(account: str) -> OrganizationsBackend | None:
    """The organization of the account, kept in its management account; None outside of any."""
    management, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    backend = organizations_backends[management][partition]
    return backend if backend.org else None


def is_member(account: str) -> bool:
    """Whether the account is in an organization without being its management account."""
    home = organization_of(account)
    return home is not None and home.account_id != account


def is_closed(account: str) -> bool:
    """Whether the account is in an organization and no longer active there."""
    home = organization_of(account)
    return home is not None and any(each.id == account and each.state != "ACTIVE" for each in home.accounts)


def delegated_services(account: str) -> frozenset[str]:
    """The service principals that the account administers for its organization."""
    home = organization_of(account)
    admins = home.admins if home else []
    return frozenset(service for admin in admins if admin.account.id == account for service in admin.services)


def may_ask_for(caller: str, account: str) -> bool:
    """Whether the caller speaks for the organization and the account is another member of it.

    Management must leave its own id out: https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    home = organization_of(caller)
    if home is None or account == home.account_id or organization_of(account) is not home:
        return False
    trusted = any(service["ServicePrincipal"] == ACCOUNT_SERVICE for service in home.services)
    return trusted and (caller == home.account_id or ACCOUNT_SERVICE in delegated_services(caller))


def control_policies(account: str) -> Iterator[FakePolicy]:
    """The service control policies of a member and of every unit above it; none bind the management account."""
    home = organization_of(account)
    if home is None or home.account_id == account:
        return
    targets: dict[str, FakeAccount | FakeOrganizationalUnit] = {unit.id: unit for unit in home.ou} | {
        each.id: each for each in home.accounts
    }
    target = targets.get(account)
    while target:
        yield from (policy for policy in target.attached_policies if policy.type == "SERVICE_CONTROL_POLICY")
        target = targets.get(target.parent_id or "")
