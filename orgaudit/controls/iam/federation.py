"""Controls on how people sign in to an account."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.iam.authorization import User
from orgaudit.facts.iam.credential_report import UserCredentials
from orgaudit.facts.iam.federation import FederationProtocol, IdentityCenter, IdentityProvider
from orgaudit.model import Disruption, Effort, Json, Seen, Severity, Verdict, failed, manual, passed

NO_PROVIDER = "no identity provider is configured"


def _identity_centers(account: AccountFacts, organization: Organization) -> list[str]:
    """Return the organization's instances of IAM Identity Center, as the account or the management account sees them.

    An account instance of a member gives no access to AWS accounts:
    https://docs.aws.amazon.com/singlesignon/latest/userguide/identity-center-instances.html
    """
    management = organization.management_account_id
    found = _of_organization(account.resources(IdentityCenter), management)
    if not found:
        found = _of_organization(account.everywhere(IdentityCenter), management)
        if management not in {None, account.account_id}:
            theirs = organization.facts(str(management)).everywhere(IdentityCenter)
            found = _of_organization(theirs, management)
    return found


def _of_organization(found: Iterable[IdentityCenter], management: str | None) -> list[str]:
    own = [each for each in found if each.account_id == management]
    seen = sorted({each.arn for each in own if isinstance(each.status, Seen) and each.active})
    return seen or sorted({each.arn for each in own if each.active})


@control(
    Severity.MEDIUM,
    facts=(User, UserCredentials, IdentityProvider, IdentityCenter),
    fix=Fix(
        service_wide="Connect IAM Identity Center to the company's identity provider, and assign permission sets to "
        "people.",
        asset="Assign permission sets to the people behind the IAM users of account {account}, and delete their "
        "passwords.",
        command="aws iam list-users",
        preventive="Deny iam:CreateUser and iam:CreateLoginProfile in member accounts with a service control policy.",
        effort=Effort.L,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def iam_identity_federation_configured(account: AccountFacts, organization: Organization) -> Verdict:
    """People sign in through a central identity provider.

    With a central identity provider, the access of people who leave the company is removed in one place. IAM users
    remain in every account until they are deleted there.
    """
    rows = {user.name: account.detail(UserCredentials, user).value.row for user in account.everywhere(User)}
    local = sorted(name for name, row in rows.items() if row.password_enabled)
    keyed = sorted(name for name, row in rows.items() if not row.password_enabled and row.has_active_key)
    providers = {each.arn: each.protocol.value for each in account.everywhere(IdentityProvider)}
    evidence: dict[str, Json] = {"console_users": local, "key_users": keyed, "identity_providers": providers}
    if not local and not keyed:
        return passed("no IAM user has a password or an active access key", **evidence)
    centers = _identity_centers(account, organization)
    evidence["identity_center"] = centers
    if local and not providers and not centers:
        return failed(f"IAM users with a password: {len(local)}; {NO_PROVIDER}", **evidence)
    if local:
        said = f"IAM users with a password: {len(local)}, although an identity provider is configured"
        return manual(f"{said}; a person must confirm that all people sign in through the provider", **evidence)
    if centers or FederationProtocol.SAML in providers.values():
        return passed("no IAM user has a password, and an identity provider is configured", **evidence)
    known = "only OIDC providers are configured, which may serve programs" if providers else NO_PROVIDER
    said = f"IAM users with access keys: {len(keyed)}; {known}"
    return manual(f"{said}; a person must confirm that no person uses these keys", **evidence)
