"""An account's organization in moto: membership, delegation, and the service control policies that apply to it."""

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
    """Add the services for which moto refuses delegated administrators."""
    services = FakeDelegatedAdministrator.SUPPORTED_SERVICES
    services.extend(service for service in _DELEGABLE if service not in services)


def organization_of(account: str) -> OrganizationsBackend | None:
    """Return the organization of an account, which moto keeps in its management account; None without one."""
    management, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    backend = organizations_backends[management][partition]
    return backend if backend.org else None


def is_member(account: str) -> bool:
    """Return whether an account is in an organization and is not its management account."""
    home = organization_of(account)
    return home is not None and home.account_id != account


def is_closed(account: str) -> bool:
    """Return whether an account is in an organization and no longer active."""
    home = organization_of(account)
    return home is not None and any(each.id == account and each.state != "ACTIVE" for each in home.accounts)


def delegated_services(account: str) -> frozenset[str]:
    """Return the service principals that an account administers for its organization."""
    home = organization_of(account)
    admins = home.admins if home else []
    return frozenset(service for admin in admins if admin.account.id == account for service in admin.services)


def may_read_account(caller: str, account: str) -> bool:
    """Return whether a caller may read the account settings of another member of its organization.

    The management account cannot name its own id: https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    home = organization_of(caller)
    if home is None or account == home.account_id or organization_of(account) is not home:
        return False
    trusted = any(service["ServicePrincipal"] == ACCOUNT_SERVICE for service in home.services)
    return trusted and (caller == home.account_id or ACCOUNT_SERVICE in delegated_services(caller))


def control_policies(account: str) -> Iterator[FakePolicy]:
    """Yield the service control policies of a member and of every unit above it; the management account has none."""
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
