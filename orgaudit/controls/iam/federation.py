"""Controls on where an account's people come from."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.account import AccountFacts
from orgaudit.facts.iam.authorization import User
from orgaudit.facts.iam.credential_report import UserCredentials
from orgaudit.facts.iam.federation import IdentityCenter, IdentityProvider
from orgaudit.facts.organization import Organization
from orgaudit.model import Json, Severity, Status, Verdict, failed, passed


def _identity_centers(account: AccountFacts, organization: Organization) -> list[str]:
    """Return the instances of IAM Identity Center that serve an account: those it sees, and the organization's."""
    found = account.resources(IdentityCenter)
    management = organization.management_account_id
    if not any(each.active for each in found):
        found = account.everywhere(IdentityCenter)
        if management not in {None, account.account_id}:
            found = [*found, *organization.facts(str(management)).everywhere(IdentityCenter)]
    return sorted({each.arn for each in found if each.active})


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
    central = bool(providers or centers)
    if local and not central:
        return failed(f"{len(local)} IAM users have a password, and no identity provider is configured", **evidence)
    if local:
        said = f"an identity provider is there, and {len(local)} IAM users have a password all the same"
        said = f"{said}: a person must tell whether all people come through the provider"
        return Verdict(Status.MANUAL, said, evidence)
    if not central:
        said = f"{len(keyed)} IAM users have access keys, and no identity provider is configured"
        return Verdict(Status.MANUAL, f"{said}: a person has to confirm that none of the keys is a person's", evidence)
    return passed("no IAM user has a password, and an identity provider is configured", **evidence)
