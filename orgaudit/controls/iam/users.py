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

REPORT = "iam:GetCredentialReport"
KEY_DAYS = 90
AT_ONCE = timedelta(seconds=10)
"""How soon after its user a key is made that is made with it: the console and scripts take seconds for both."""
DAY = timedelta(days=1)


def _switch_off(user: User, key: AccessKey) -> str:
    """Return the command that makes a key of a user inactive; AWS looks its whole id up, which no fact holds."""
    name = shlex.quote(user.name)
    query = shlex.quote(f'AccessKeyMetadata[?ends_with(AccessKeyId, `"{key.id[-4:]}"`)].AccessKeyId')
    found = f"aws iam list-access-keys --user-name {name} --query {query} --output text"
    return f'aws iam update-access-key --user-name {name} --status Inactive --access-key-id "$({found})"'


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Let people sign in through IAM Identity Center, which asks for MFA in one place.",
        asset="Let {resource.name} register an MFA device, or take the password away.",
        command="aws iam delete-login-profile --user-name {resource.name}",
        preventive="Deny everything but registering a device to users without aws:MultiFactorAuthPresent.",
    ),
)
def iam_user_console_mfa_enabled(_user: User, credentials: Observed[UserCredentials]) -> Verdict:
    """Users with a password have MFA.

    Passwords are guessed, reused and given to false sign-in pages. A second factor makes each of these worthless alone.
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


def _idle_disabled(days: int) -> Control:
    """Return the control that asks for credentials to be disabled once they were idle for so many days."""

    def judge(_user: User, credentials: Observed[UserCredentials], observed: AccountFacts) -> Verdict:
        seen = credentials.value
        idle = {what: (observed.now - since) // DAY for what, since in seen.row.idle_since.items()}
        if not idle:
            return not_applicable("the user has no password and no active access key", report_of=seen.generated_at)
        over = [f"the {what} for {count} days" for what, count in idle.items() if count >= days]
        return require(
            not over,
            then=f"every credential was used or set in the last {days} days",
            otherwise=f"not used: {', '.join(over)}; {days} days are too many",
            idle_days=idle,
            last_used=seen.row.last_used,
            report_of=seen.generated_at,
        )

    judge.__name__ = f"iam_user_credentials_unused_{days}_days_disabled"
    judge.__doc__ = f"""Credentials that were idle for {days} days are disabled.

    Nobody misses a credential that nobody uses, also when it is stolen. One that was never used is idle since it was
    set.
    """
    fix = Fix(
        service_wide="Disable idle passwords and keys on a schedule in every account.",
        asset="Take the idle password of {resource.name} away and make its idle keys inactive.",
        command="aws iam list-access-keys --user-name {resource.name}",
        preventive="Give people and programs roles, whose credentials end by themselves.",
    )
    return control(Severity.MEDIUM, fix=fix)(judge)


unused_45 = _idle_disabled(45)
unused_90 = _idle_disabled(90)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace access keys by roles wherever a program can assume one.",
        asset="Make a new key for {resource.name}, put it to use, and switch the old one off.",
        command="aws iam create-access-key --user-name {resource.name}",
        preventive="Rotate the keys that remain from a secret store on a schedule.",
    ),
)
def iam_user_access_key_rotated_90_days(_user: User, keys: Observed[UserAccessKeys], observed: AccountFacts) -> Verdict:
    """Active access keys are at most 90 days old.

    A key works until somebody ends it, wherever copies of it have gone meanwhile: laptops, logs, repositories.
    """
    active = keys.value.active
    if not active:
        return not_applicable("the user has no active access key")
    ages = [(key.id, (observed.now - key.created_at) // DAY) for key in active]
    old = [f"{key} is {age} days old" for key, age in ages if age > KEY_DAYS]
    return require(
        not old,
        then=f"the oldest active key is {max(age for _, age in ages)} days old",
        otherwise=f"access key {' and '.join(old)}; at most {KEY_DAYS} are allowed",
        active_key_days=dict(ages),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace access keys by roles wherever a program can assume one.",
        asset="Find out which key of {resource.name} is in use, and switch the other one off.",
        command="aws iam list-access-keys --user-name {resource.name}",
        preventive="Keep a second key only for the hours of a rotation that a pipeline ends.",
    ),
)
def iam_user_single_active_access_key(user: User, keys: Observed[UserAccessKeys]) -> Verdict:
    """Users have one active access key at most.

    The second key is there for rotation. Left active it doubles what can leak, and hides which of the two is in use.
    """
    active = sorted(keys.value.active, key=lambda key: key.created_at)
    if len(active) > 1:
        said = f"{len(active)} access keys are active"
        return failed(said, command=_switch_off(user, active[0]), active_keys=[key.id for key in active])
    return passed(f"{len(active) or 'no'} access key is active", active_keys=[key.id for key in active])


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create users with a password or a key, never with both.",
        asset="Delete the key of {resource.name} that was made with the user and never used.",
        command="aws iam list-access-keys --user-name {resource.name}",
        preventive="Create users only from a template that makes no keys.",
    ),
)
def iam_user_initial_access_key_absent(user: User, credentials: Observed[UserCredentials]) -> Verdict:
    """Users with a password have no unused access key from their creation.

    A key that came with the user because a box was ticked is one that nobody asked for, looks after or would miss.
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
        otherwise=f"access key {' and '.join(map(str, initial))} was made with the user and never used",
        user_created=row.created_at,
        keys=[
            {"slot": key.slot, "active": key.active, "made": key.rotated_at, "used": key.used_at} for key in row.keys
        ],
        report_of=credentials.value.generated_at,
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Give rights to groups, or better to permission sets of IAM Identity Center.",
        asset="Put {resource.name} into a group that has these policies, and take them from the user.",
        command="aws iam add-user-to-group --user-name {resource.name} --group-name GROUP_NAME",
        preventive="Deny iam:AttachUserPolicy and iam:PutUserPolicy with a service control policy.",
    ),
)
def iam_user_permissions_through_groups(user: User) -> Verdict:
    """Users get their rights through groups only.

    Rights given one by one are seldom taken back. Rights of a group are reviewed once for all, and end with membership.
    """
    direct = [*user.attached.value, *(f"inline policy {name}" for name in user.inline.value)]
    return require(
        not direct,
        then=f"no policy is the user's own; groups: {', '.join(user.groups) or 'none'}",
        otherwise=f"{len(direct)} policies are the user's own: {', '.join(direct)}",
        attached=list(user.attached.value),
        inline=list(user.inline.value),
        groups=list(user.groups),
    )
