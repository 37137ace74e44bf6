"""Controls on where an account's people come from."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.iam.authorization import User
from orgaudit.facts.iam.credential_report import UserCredentials
from orgaudit.facts.iam.federation import FederationProtocol, IdentityCenter, IdentityProvider
from orgaudit.model import Json, Seen, Severity, Status, Verdict, failed, passed


def _identity_centers(account: AccountFacts, organization: Organization) -> list[str]:
    """Return the organization's instances of IAM Identity Center, as the account or the management account sees them.

    An instance that a member has for itself signs nobody in to AWS accounts:
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


def _of_organization(found: list[IdentityCenter], management: str | None) -> list[str]:
    own = [each for each in found if each.account_id == management]
    seen = sorted({each.arn for each in own if isinstance(each.status, Seen) and each.active})
    return seen or sorted({each.arn for each in own if each.active})


@control(
    Severity.MEDIUM,
    facts=(User, UserCredentials, IdentityProvider, IdentityCenter),
    fix=Fix(
        service_wide="Connect IAM Identity Center to the company's identity provider, and give people permission sets.",
        asset="Give the people behind the IAM users of account {account} a permission set, and take their passwords.",
        command="aws iam list-users",
        preventive="Deny iam:CreateUser and iam:CreateLoginProfile in member accounts with a service control policy.",
    ),
)
def iam_identity_federation_configured(account: AccountFacts, organization: Organization) -> Verdict:
    """People sign in through a central identity provider.

    Whoever leaves the company loses all access where their identity is kept, in one place. IAM users stay behind in
    every account that somebody forgets.
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
        return failed(f"{len(local)} IAM users have a password, and no identity provider is configured", **evidence)
    if local:
        said = f"an identity provider is there, and {len(local)} IAM users have a password all the same"
        said = f"{said}: a person must tell whether all people come through the provider"
        return Verdict(Status.MANUAL, said, evidence)
    if centers or FederationProtocol.SAML in providers.values():
        return passed("no IAM user has a password, and an identity provider is configured", **evidence)
    known = (
        "only OIDC providers are configured, which may serve programs"
        if providers
        else "no identity provider is configured"
    )
    said = f"{len(keyed)} IAM users have access keys, and {known}"
    return Verdict(Status.MANUAL, f"{said}: a person has to confirm that none of the keys is a person's", evidence)
