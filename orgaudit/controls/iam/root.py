"""Controls on the root user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.credential_report import RootCredentials
from orgaudit.facts.iam.root import Root, RootFeatures, RootVirtualDevices
from orgaudit.model import (
    Disruption,
    Effort,
    Json,
    NotSeenError,
    Observed,
    Severity,
    Verdict,
    failed,
    manual,
    passed,
    require,
    shown,
)
from orgaudit.settings.thresholds import Thresholds
from orgaudit.words import counted

NO_CREDENTIALS = "the root user has no password, no access key and no certificate"
NO_CONSOLE_ACCESS = "the root user has no password and cannot sign in to the console"
REMOVAL = (
    "aws sts assume-root --region {region} --target-principal {account} "
    "--task-policy-arn arn=arn:{partition}:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
)
CENTRAL_COMMAND = "aws iam enable-organizations-root-credentials-management"
MFA = "iam_root_mfa"
"""The family that a hardware MFA device, or no credentials at all, makes pass."""


def _fix(asset: str, effort: Effort) -> Fix:
    return Fix(
        service_wide="Manage root access centrally, and delete the root credentials of all member accounts.",
        service_wide_command=CENTRAL_COMMAND,
        asset=asset,
        command=REMOVAL,
        preventive="Create accounts without root credentials in the account factory, and deny the actions of the root "
        "users of member accounts with a service control policy on aws:PrincipalArn.",
        effort=effort,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    )


def _seen(root: Root, organization: Organization) -> dict[str, Json]:
    """Return which credentials the root user has, and how the organization manages root access."""
    return {
        "mfa": shown(root.mfa),
        "password": shown(root.password),
        "access_keys": shown(root.access_keys),
        "signing_certificates": shown(root.signing_certificates),
        "central_root_management": _central(organization),
    }


def _central(organization: Organization) -> Json:
    if organization.management_account_id is None:
        return "not in an organization"
    try:
        found = organization.facts(organization.management_account_id).anywhere(RootFeatures)
    except NotSeenError as error:
        return f"not assessed: {error.gap.message}"
    return [feature for each in found for feature in each.enabled]


def _mfa_enabled(name: str, title: str, needs_mfa: Callable[[Root], bool]) -> Control:
    """Return the control that requires MFA of a root user that needs it."""

    def judge(root: Root, organization: Organization) -> Verdict:
        evidence = _seen(root, organization)
        if not root.mfa.value and not needs_mfa(root):
            return passed(NO_CREDENTIALS if root.is_bare else NO_CONSOLE_ACCESS, **evidence)
        return require(root.mfa.value, then="MFA is enabled", otherwise="the root user has no MFA device", **evidence)

    rationale = (
        "The root user has unrestricted access, and no policy of its own account limits it. Without MFA, a compromised "
        "password or access key is sufficient to control the account. A root user without credentials is safer still "
        "and passes."
    )
    asset = (
        "Delete the root credentials of member account {account}; in a management account sign in as the root user and "
        "register an MFA device."
    )
    return control(
        Severity.CRITICAL,
        fix=_fix(asset, Effort.S),
        facts=(RootFeatures,),
        id=name,
        title=title,
        rationale=rationale,
        family=MFA,
    )(judge)


iam_root_mfa_enabled = _mfa_enabled("iam_root_mfa_enabled", "The root user has MFA", lambda root: root.has_credentials)
iam_root_console_mfa_enabled = _mfa_enabled(
    "iam_root_console_mfa_enabled", "A root user with a password has MFA", lambda root: root.password.value
)


@control(
    Severity.CRITICAL,
    facts=(RootFeatures,),
    fix=_fix(
        "Delete the root credentials of member account {account}; in a management account replace the root user's "
        "virtual MFA device with a hardware one.",
        Effort.S,
    ),
    family=MFA,
)
def iam_root_hardware_mfa_enabled(
    root: Root, devices: Observed[RootVirtualDevices], organization: Organization
) -> Verdict:
    """The root user has a hardware MFA device.

    The secret of a virtual device is stored on a phone or in a password manager and is copied with backups. A hardware
    device has to be stolen to be used. AWS does not list the root user's hardware devices, so MFA without a virtual
    device passes.
    """
    evidence = _seen(root, organization)
    if not root.has_credentials:
        return passed(NO_CREDENTIALS, **evidence)
    if not root.mfa.value:
        return failed("the root user has no MFA device", **evidence)
    virtual = list(devices.value.serial_numbers)
    return require(
        not virtual,
        then="MFA is enabled without a virtual device, so with a passkey, a security key or a hardware token",
        otherwise=f"the root user has the virtual MFA device {', '.join(virtual)}",
        virtual_devices=virtual,
        **evidence,
    )


@control(
    Severity.CRITICAL,
    facts=(RootFeatures,),
    fix=_fix(
        "Delete the root credentials of member account {account}; in a management account sign in as the root user, "
        "and delete its access keys once they are no longer used.",
        Effort.M,
    ),
)
def iam_root_access_keys_absent(root: Root, organization: Organization) -> Verdict:
    """The root user has no access keys.

    An access key of the root user gives unrestricted access to the account, without MFA and without expiry. Inactive
    keys count too, because a single call activates them.
    """
    evidence = _seen(root, organization)
    keys = root.access_keys.value
    return require(
        keys == 0,
        then=NO_CREDENTIALS if root.is_bare else "the root user has no access keys",
        otherwise=f"the root user has {keys} access key{'s' * (keys > 1)}",
        **evidence,
    )


def _idle(name: str, title: str, when_used: Callable[..., Verdict]) -> Control:
    """Return the control on the root user's last use; `when_used` returns the verdict on a recent one."""

    def judge(
        _root: Root, credentials: Observed[RootCredentials], observed: AccountFacts, thresholds: Thresholds
    ) -> Verdict:
        seen = credentials.value
        used = seen.row.last_used
        evidence = {"last_used": used, "report_of": seen.generated_at, "days": thresholds.root_idle_days}
        if not used:
            return passed("the root user has never been used", **evidence)
        what = max(used, key=lambda credential: used[credential])
        days = (observed.now - used[what]) // timedelta(days=1)
        said = f"the root user's {what} was last used {counted(days, 'day')} ago, on {used[what]:%Y-%m-%d}"
        if days >= thresholds.root_idle_days:
            return passed(said, **evidence)
        return when_used(f"{said}; at least {thresholds.root_idle_days} days without use are required", **evidence)

    rationale = (
        "The root user has unrestricted access, and its activity cannot be attributed to a person. Daily work belongs "
        "to roles; the few tasks that require the root user are rare enough to be explained individually."
    )
    fix = Fix(
        service_wide="Assign the tasks of the root user to roles, and use the root user only for tasks that require "
        "it.",
        asset="Determine in CloudTrail who used the root user of account {account}, and for which task.",
        command="aws cloudtrail lookup-events --region {region} "
        "--lookup-attributes AttributeKey=Username,AttributeValue=root",
        preventive="Raise an alarm on every use of the root user, and delete the root credentials of member accounts.",
        preventive_command=CENTRAL_COMMAND,
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    )
    family = "iam_root_use"
    return control(Severity.HIGH, fix=fix, id=name, title=title, rationale=rationale, family=family)(judge)


def _to_be_reviewed(reason: str, **evidence: Json) -> Verdict:
    return manual(f"{reason}; a person must confirm that the task required the root user", **evidence)


iam_root_idle = _idle("iam_root_idle", "The root user is not used", failed)
iam_root_use_reviewed = _idle("iam_root_use_reviewed", "Use of the root user is reviewed", _to_be_reviewed)
