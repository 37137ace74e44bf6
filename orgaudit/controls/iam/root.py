"""Controls on the root user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.credential_report import RootCredentials
from orgaudit.facts.iam.root import Root, RootFeatures, RootVirtualDevices
from orgaudit.model import Json, NotSeenError, Observed, Severity, Status, Verdict, failed, passed, require, shown
from orgaudit.settings.thresholds import Thresholds

NO_CREDENTIALS = "the root user has no password, no access key and no certificate: there is nothing to sign in with"
NOBODY_SIGNS_IN = "the root user has no password, so nobody signs in as it"
REMOVAL = (
    "aws sts assume-root --region {region} --target-principal {account} "
    "--task-policy-arn arn=arn:{partition}:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
)
CENTRAL_COMMAND = "aws iam enable-organizations-root-credentials-management"


def _fix(asset: str) -> Fix:
    return Fix(
        service_wide="Manage root access centrally, and remove the root credentials of every member account.",
        service_wide_command=CENTRAL_COMMAND,
        asset=asset,
        command=REMOVAL,
        preventive="Let the account factory create accounts without root credentials, and deny what the root user of "
        "a member does with a service control policy on aws:PrincipalArn.",
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
        return f"not seen: {error.gap.message}"
    return [feature for each in found for feature in each.enabled]


def _mfa_enabled(name: str, title: str, needs_mfa: Callable[[Root], bool]) -> Control:
    """Return the control that asks for MFA where a root user needs it."""

    def judge(root: Root, organization: Organization) -> Verdict:
        evidence = _seen(root, organization)
        if not root.mfa.value and not needs_mfa(root):
            return passed(NO_CREDENTIALS if root.is_bare else NOBODY_SIGNS_IN, **evidence)
        return require(root.mfa.value, then="MFA is on", otherwise="the root user has no MFA device", **evidence)

    judge.__name__ = name
    judge.__doc__ = f"""{title}.

    The root user can do everything, and no policy of its own account stops it. With a password or a key alone whoever
    finds that out owns the account; a root user without any credential is safer still, and counts as right.
    """
    asset = (
        "Remove the root credentials of member account {account}; in a management account sign in as the root "
        "user and register an MFA device."
    )
    return control(Severity.CRITICAL, fix=_fix(asset), facts=(RootFeatures,))(judge)


root_mfa = _mfa_enabled("iam_root_mfa_enabled", "The root user has MFA", lambda root: root.has_credentials)
root_console_mfa = _mfa_enabled(
    "iam_root_console_mfa_enabled", "A root user with a password has MFA", lambda root: root.password.value
)


@control(
    Severity.CRITICAL,
    facts=(RootFeatures,),
    fix=_fix(
        "Remove the root credentials of member account {account}; in a management account replace the root user's "
        "virtual device by a hardware one."
    ),
)
def iam_root_hardware_mfa_enabled(
    root: Root, devices: Observed[RootVirtualDevices], organization: Organization
) -> Verdict:
    """The MFA device of the root user is hardware.

    A virtual device is a secret on a telephone or in a password store, copied with every backup. A security key or a
    token has to be stolen to be used. AWS does not list root's hardware devices, so it is MFA without a virtual one.
    """
    evidence = _seen(root, organization)
    if not root.has_credentials:
        return passed(NO_CREDENTIALS, **evidence)
    if not root.mfa.value:
        return failed("the root user has no MFA device", **evidence)
    virtual = list(devices.value.serial_numbers)
    return require(
        not virtual,
        then="MFA is on and no virtual device is the root user's: it is a passkey, a security key or a token",
        otherwise=f"the root user has the virtual MFA device {', '.join(virtual)}",
        virtual_devices=virtual,
        **evidence,
    )


@control(
    Severity.CRITICAL,
    facts=(RootFeatures,),
    fix=_fix(
        "Remove the root credentials of member account {account}; in a management account sign in as the root user, "
        "and delete its access keys once nothing uses them."
    ),
)
def iam_root_access_keys_absent(root: Root, organization: Organization) -> Verdict:
    """The root user has no access keys.

    An access key of the root user gives a program every right in the account, without MFA and without an end. Inactive
    keys count too: one call turns them on again.
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
    """Return the control on the root user's last use; `when_used` makes the verdict on a recent one."""

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
        said = f"the root user's {what} was last used {days} days ago, on {used[what]:%Y-%m-%d}"
        if days >= thresholds.root_idle_days:
            return passed(said, **evidence)
        return when_used(f"{said}; at least {thresholds.root_idle_days} days are asked for", **evidence)

    judge.__name__ = name
    judge.__doc__ = f"""{title}.

    Nothing limits the root user, and its traces name no person. Daily work belongs to roles; the few tasks that only
    root can do are rare enough to be explained one by one.
    """
    fix = Fix(
        service_wide="Give every task of the root user to a role, and keep root for what only root can do.",
        asset="Find out in CloudTrail who used the root user of account {account} and for what.",
        command="aws cloudtrail lookup-events --region {region} "
        "--lookup-attributes AttributeKey=Username,AttributeValue=root",
        preventive="Alarm on every use of the root user, and remove the root credentials of member accounts.",
        preventive_command=CENTRAL_COMMAND,
    )
    return control(Severity.HIGH, fix=fix)(judge)


def _to_be_reviewed(reason: str, **evidence: Json) -> Verdict:
    return Verdict(Status.MANUAL, f"{reason}; a person must tell whether only root could do it", evidence)


root_idle = _idle("iam_root_idle", "The root user is not used", failed)
root_use_reviewed = _idle("iam_root_use_reviewed", "Use of the root user is explained", _to_be_reviewed)
