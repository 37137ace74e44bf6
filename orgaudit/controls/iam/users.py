"""Controls on IAM users: their passwords, MFA, access keys and policies."""

from __future__ import annotations

import shlex
from datetime import timedelta

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.access_keys import AccessKey, UserAccessKeys
from orgaudit.facts.iam.authorization import User
from orgaudit.facts.iam.credential_report import UserCredentials
from orgaudit.model import (
    GLOBAL,
    Disruption,
    Effort,
    Gap,
    GapReason,
    NotSeenError,
    Observed,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
)
from orgaudit.words import counted

REPORT = "iam:GetCredentialReport"
KEY_DAYS = 90
AT_ONCE = timedelta(seconds=10)
"""The longest time between the creation of a user and of its initial key: the console and scripts take seconds."""
DAY = timedelta(days=1)


def _deactivate(user: User, key: AccessKey) -> str:
    """Return the command that deactivates a key of a user; it looks the whole id up, which no fact holds."""
    name = shlex.quote(user.name)
    query = shlex.quote(f'AccessKeyMetadata[?ends_with(AccessKeyId, `"{key.id[-4:]}"`)].AccessKeyId')
    found = f"aws iam list-access-keys --user-name {name} --query {query} --output text"
    return f'aws iam update-access-key --user-name {name} --status Inactive --access-key-id "$({found})"'


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Let people sign in through IAM Identity Center, which requires MFA in one place.",
        asset="Register an MFA device for {resource.name}, or delete the password.",
        command="aws iam delete-login-profile --user-name {resource.name}",
        preventive="Deny all actions except registering a device to users without aws:MultiFactorAuthPresent.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def iam_user_console_mfa_enabled(_user: User, credentials: Observed[UserCredentials]) -> Verdict:
    """IAM users with a password have MFA.

    Passwords are guessed, reused and phished. With a second factor, a compromised password alone is not sufficient.
    """
    seen = credentials.value
    if not seen.row.password_enabled:
        return not_applicable("the user has no password", report_of=seen.generated_at)
    return require(
        seen.row.mfa,
        then="the user has a password and MFA",
        otherwise="the user has a password and no MFA device",
        report_of=seen.generated_at,
        password_last_used=seen.row.password_used_at,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Let people sign in through IAM Identity Center, and give programs roles instead of users.",
        asset="Register an MFA device for {resource.name}, or delete the user.",
        command="aws iam list-mfa-devices --user-name {resource.name}",
        preventive="Deny all actions except registering a device to users without aws:MultiFactorAuthPresent.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def iam_user_mfa_enabled(_user: User, credentials: Observed[UserCredentials]) -> Verdict:
    """Every IAM user has MFA.

    Users without a password are judged as well: their access keys can be restricted to sessions with a second factor,
    and a password may be added at any time. The root user is judged elsewhere.
    """
    seen = credentials.value
    return require(
        seen.row.mfa,
        then="the user has MFA",
        otherwise="the user has no MFA device",
        report_of=seen.generated_at,
        password=bool(seen.row.password_enabled),
    )


def _idle_disabled(name: str, days: int) -> Control:
    """Return the control that credentials are disabled once they were idle for so many days."""

    def judge(_user: User, credentials: Observed[UserCredentials], observed: AccountFacts) -> Verdict:
        seen = credentials.value
        idle = {what: (observed.now - since) // DAY for what, since in seen.row.idle_since.items()}
        if not idle:
            return not_applicable("the user has no password and no active access key", report_of=seen.generated_at)
        over = [f"{what} for {count} days" for what, count in idle.items() if count >= days]
        return require(
            not over,
            then=f"every credential was used or set in the last {days} days",
            otherwise=f"idle: {', '.join(over)}; {days} days or more are not allowed",
            idle_days=idle,
            last_used=seen.row.last_used,
            report_of=seen.generated_at,
        )

    title = f"IAM user credentials that were idle for {days} days are disabled"
    rationale = (
        "The theft of an unused credential is not noticed. A credential that was never used counts as idle since it "
        "was set."
    )
    fix = Fix(
        service_wide="Disable idle passwords and keys on a schedule in every account.",
        asset="Delete the idle password of {resource.name} and deactivate its idle keys.",
        command="aws iam list-access-keys --user-name {resource.name}",
        preventive="Use roles for people and programs, because their credentials expire automatically.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    )
    family = "iam_user_idle_credentials"
    return control(Severity.MEDIUM, fix=fix, id=name, title=title, rationale=rationale, family=family)(judge)


iam_user_credentials_unused_45_days_disabled = _idle_disabled("iam_user_credentials_unused_45_days_disabled", 45)
iam_user_credentials_unused_90_days_disabled = _idle_disabled("iam_user_credentials_unused_90_days_disabled", 90)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace access keys with roles wherever a program can assume one.",
        asset="Create a new key for {resource.name}, deploy it, and deactivate the old one.",
        command="aws iam create-access-key --user-name {resource.name}",
        preventive="Rotate the remaining keys on a schedule from a secrets manager.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_user_access_key_rotated_90_days(_user: User, keys: Observed[UserAccessKeys], observed: AccountFacts) -> Verdict:
    """Active access keys are at most 90 days old.

    An access key is valid until it is deactivated, wherever copies of it are: laptops, logs or repositories.
    """
    active = keys.value.active
    if not active:
        return not_applicable("the user has no active access key")
    ages = [(key.id, (observed.now - key.created_at) // DAY) for key in active]
    old = [f"{key} is {age} days old" for key, age in ages if age > KEY_DAYS]
    return require(
        not old,
        then=f"the oldest active key is {counted(max(age for _, age in ages), 'day')} old",
        otherwise=f"access key {' and '.join(old)}; at most {KEY_DAYS} are allowed",
        active_key_days=dict(ages),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace access keys with roles wherever a program can assume one.",
        asset="Determine which key of {resource.name} is in use, and deactivate the other one.",
        command="aws iam list-access-keys --user-name {resource.name}",
        preventive="Create a second key only for the duration of an automated rotation.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_user_single_active_access_key(user: User, keys: Observed[UserAccessKeys]) -> Verdict:
    """IAM users have at most one active access key.

    The second key is intended for rotation. If it stays active, two keys can leak, and it is not clear which one is in
    use.
    """
    active = sorted(keys.value.active, key=lambda key: key.created_at)
    if len(active) > 1:
        said = f"{len(active)} access keys are active; at most one is allowed"
        return failed(said, command=_deactivate(user, active[0]), active_keys=[key.id for key in active])
    return passed(f"{len(active) or 'no'} access key is active", active_keys=[key.id for key in active])


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create users with a password or a key, never with both.",
        asset="Delete the key of {resource.name} that was created with the user and never used.",
        command="aws iam list-access-keys --user-name {resource.name}",
        preventive="Create users only from a template that creates no keys.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def iam_user_initial_access_key_absent(user: User, credentials: Observed[UserCredentials]) -> Verdict:
    """IAM users with a password have no unused access key from their creation.

    A key that was created together with the user is often neither required nor managed, and its theft is not noticed.
    """
    row = credentials.value.row
    if not row.password_enabled:
        return not_applicable("the user has no password")
    unused = [key for key in row.keys if key.active and key.used_at is None]
    initial = [key.slot for key in unused if key.rotated_at and abs(key.rotated_at - row.created_at) <= AT_ONCE]
    undated = [str(key.slot) for key in unused if key.rotated_at is None]
    if undated and not initial:
        message = f"the credential report does not show when the unused access key {' and '.join(undated)} was created"
        raise NotSeenError(Gap(user.account_id, GLOBAL, REPORT, GapReason.MALFORMED, message))
    return require(
        not initial,
        then="no access key from the user's creation is unused",
        otherwise=f"access key {' and '.join(map(str, initial))} was created with the user and never used",
        user_created=row.created_at,
        keys=[
            {"slot": key.slot, "active": key.active, "made": key.rotated_at, "used": key.used_at} for key in row.keys
        ],
        report_of=credentials.value.generated_at,
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Grant permissions to groups, or preferably to permission sets of IAM Identity Center.",
        asset="Add {resource.name} to a group that has these policies, and remove them from the user.",
        command="aws iam add-user-to-group --user-name {resource.name} --group-name GROUP_NAME",
        preventive="Deny iam:AttachUserPolicy and iam:PutUserPolicy with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_user_permissions_through_groups(user: User) -> Verdict:
    """Permissions are granted to groups, not to individual IAM users.

    Permissions of individual users are seldom revoked. Permissions of a group are reviewed once for all of its members,
    and end with the membership.
    """
    direct = [*user.attached.value, *(f"inline policy {name}" for name in user.inline.value)]
    return require(
        not direct,
        then=f"no policy is attached to the user directly; groups: {', '.join(user.groups) or 'none'}",
        otherwise=f"policies attached to the user directly: {', '.join(direct)}",
        attached=list(user.attached.value),
        inline=list(user.inline.value),
        groups=list(user.groups),
    )
