"""Controls on managed policies, and on the principals that hold the most powerful ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from fnmatch import fnmatchcase

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.authorization import AwsPolicy, CustomerPolicy, Group, IamPrincipal, ManagedPolicy, Role, User
from orgaudit.languages.iam_policy import PolicyGrants
from orgaudit.model import (
    Disruption,
    Effort,
    Gap,
    Json,
    NotSeenError,
    Severity,
    Verdict,
    failed,
    manual,
    not_applicable,
    passed,
    require,
)
from orgaudit.settings.thresholds import Thresholds

CLOUDSHELL = "AWSCloudShellFullAccess"
SUPPORT = "AWSSupportAccess"


def _unapproved(holders: Iterable[str], approved: Iterable[str]) -> list[str]:
    """Return the principals that no ARN or glob of the list names."""
    globs = tuple(approved)
    return [arn for arn in holders if not any(fnmatchcase(arn, glob) for glob in globs)]


def _detach(policy_arn: str, principal_arn: str) -> str:
    """Return the command that detaches a policy from a principal."""
    kind, name = principal_arn.split(":")[5].split("/", 1)
    holder = f"aws iam detach-{kind}-policy --{kind}-name {shlex.quote(name.rsplit('/', 1)[-1])}"
    return f"{holder} --policy-arn {shlex.quote(policy_arn)}"


def _seen(policy: ManagedPolicy, grants: PolicyGrants) -> dict[str, Json]:
    """Return the principals that a policy is attached to, its widest grants, and the actions that it denies."""
    return {
        "attached_to": list(policy.attached_to),
        "grants": [grant.describe() for grant in grants.full],
        "conditions": [condition for grant in grants.full for condition in grant.conditions],
        "denies": list(grants.denied),
    }


def _judge_grants(policy: ManagedPolicy) -> Verdict:
    grants = policy.grants.value
    if grants.unclear and not grants.administering:
        return _unclear(policy, grants)
    wide = "; ".join(grant.describe() for grant in grants.administering)
    spared = "; ".join(grant.describe() for grant in grants.full)
    widest = f"the widest grants are: {spared}" if spared else "no statement allows everything"
    return require(
        not wide,
        then=f"no full administrative access; {widest}",
        otherwise=f"full administrative access: {wide}",
        **_seen(policy, grants),
    )


def _unclear(policy: ManagedPolicy, grants: PolicyGrants) -> Verdict:
    wide = "; ".join(grant.describe() for grant in grants.unclear)
    reason = f"{wide}; whether the conditions and Deny statements leave full administrative access cannot be determined"
    return manual(reason, **_seen(policy, grants))


LIMITED = Fix(
    service_wide="Limit administrative access to one reviewed role in each account, and grant others the actions they "
    "use.",
    asset="Replace the statement of {resource.name} that allows everything with the actions that are used.",
    command="aws iam create-policy-version --policy-arn {resource.arn} --policy-document file://POLICY.json "
    "--set-as-default",
    preventive="Check policies in the pipeline, and limit the permissions of roles with a permissions boundary.",
    effort=Effort.M,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)


@control(Severity.HIGH, fix=LIMITED, family="iam_customer_policy_admin")
def iam_customer_policy_limited(policy: CustomerPolicy) -> Verdict:
    """Customer managed policies do not grant full administrative access.

    Every principal that may attach policies can use such a policy to become an administrator. A policy is judged by
    what its statements allow together after what they deny; NotAction counts as everything unless it excludes granting
    permissions.
    """
    return _judge_grants(policy)


@control(Severity.HIGH, fix=LIMITED, family="iam_customer_policy_admin")
def iam_customer_policy_attached_limited(policy: CustomerPolicy) -> Verdict:
    """Attached customer managed policies do not grant full administrative access.

    A principal with such a policy, or an attacker who compromises it, controls the account. A policy is judged by what
    its statements allow together after what they deny; NotAction counts as everything unless it excludes granting
    permissions.
    """
    if not (policy.attached_to or policy.holders):
        return not_applicable("the policy is not attached")
    return _judge_grants(policy)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Limit administrative access to one reviewed role in each account, and declare it in [thresholds] "
        "approved_administrators.",
        asset="Detach {resource.name} from the principals that are not approved, and grant them the actions they use.",
        command="aws iam list-entities-for-policy --policy-arn {resource.arn}",
        preventive="Deny the attachment of AWS managed administrator policies with a service control policy on "
        "iam:PolicyARN.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_aws_policy_full_admin_restricted(policy: AwsPolicy, thresholds: Thresholds) -> Verdict:
    """Only approved principals have AWS managed policies with full administrative access.

    An account needs an administrator, and an AWS managed policy is the usual way to provide one. Other principals with
    such a policy have more permissions than their tasks require.
    """
    grants = policy.grants.value
    evidence = _seen(policy, grants)
    if not grants.administering and not grants.unclear:
        return passed("the policy does not grant full administrative access", **evidence)
    others = _unapproved(policy.attached_to, thresholds.approved_administrators)
    if not others:
        return passed(f"approved principals with {policy.name}: {len(policy.holders)}", **evidence)
    if not grants.administering:
        return _unclear(policy, grants)
    said = f"{policy.name} is attached to principals that are not approved: {', '.join(others)}"
    return failed(said, command=_detach(policy.arn, others[0]), unapproved=others, **evidence)


def _holding(name: str, principals: Iterable[IamPrincipal]) -> tuple[dict[str, IamPrincipal], Gap | None]:
    """Return the principals that hold a policy of AWS's own, and a gap where another one may hold it too."""
    holders: dict[str, IamPrincipal] = {}
    hidden: Gap | None = None
    for each in principals:
        if isinstance(each.attached, Gap):
            hidden = hidden or each.attached
        elif each.holds_aws_policy(name):
            holders[each.arn] = each
    return holders, hidden


def _principals(account: AccountFacts) -> list[IamPrincipal]:
    return [*account.everywhere(User), *account.everywhere(Group), *account.everywhere(Role)]


@control(
    Severity.MEDIUM,
    facts=(User, Group, Role),
    fix=Fix(
        service_wide="Grant CloudShell without file transfer through one customer managed policy in every account.",
        asset="Detach AWSCloudShellFullAccess from the principals of account {account} that are not approved.",
        command="aws iam list-entities-for-policy --policy-arn arn:{partition}:iam::aws:policy/AWSCloudShellFullAccess",
        preventive="Deny the attachment of the policy with a service control policy on iam:PolicyARN, and declare "
        "exceptions in [thresholds] approved_cloudshell_principals.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_cloudshell_full_access_restricted(account: AccountFacts, thresholds: Thresholds) -> Verdict:
    """Only approved principals have AWSCloudShellFullAccess.

    The policy allows file transfer to and from an environment with internet access that the company does not monitor.
    """
    holders, hidden = _holding(CLOUDSHELL, _principals(account))
    others = _unapproved(sorted(holders), thresholds.approved_cloudshell_principals)
    evidence: dict[str, Json] = {"holders": sorted(holders), "unapproved": others}
    if not others:
        if hidden is not None:
            raise NotSeenError(hidden)
        said = f"attached to {len(holders)} approved principals" if holders else "not attached"
        return passed(f"{CLOUDSHELL} is {said}", **evidence)
    arn = next(arn for arn in holders[others[0]].attached.value if arn.endswith(CLOUDSHELL))
    said = f"{CLOUDSHELL} is attached to principals that are not approved: {', '.join(others)}"
    return failed(said, command=_detach(arn, others[0]), **evidence)


def _supported(name: str, title: str, *kinds: type[IamPrincipal], holder: str, listed: str) -> Control:
    """Return the control that a principal of one of these kinds can open cases; evidence names them as `listed`."""

    def judge(account: AccountFacts) -> Verdict:
        holders, hidden = _holding(SUPPORT, [one for kind in kinds for one in account.everywhere(kind)])
        found = sorted(holders)
        if hidden is not None and not found:
            raise NotSeenError(hidden)
        return require(
            bool(found),
            then=f"{SUPPORT} is attached to {', '.join(found)}",
            otherwise=f"{SUPPORT} is not attached to any {holder}",
            **{listed: found},
        )

    rationale = "In an incident, AWS Support must be available without first requesting access or using the root user."
    fix = Fix(
        service_wide="Create a support role in every account with a StackSet.",
        asset="Attach AWSSupportAccess in account {account} to the role of the incident response team.",
        command="aws iam attach-role-policy --role-name ROLE_NAME "
        "--policy-arn arn:{partition}:iam::aws:policy/AWSSupportAccess",
        preventive="Create the support role in the account factory.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    )
    family = "iam_support_access"
    return control(Severity.LOW, facts=kinds, fix=fix, id=name, title=title, rationale=rationale, family=family)(judge)


iam_support_role_exists = _supported(
    "iam_support_role_exists", "A role can open AWS Support cases", Role, holder="role", listed="roles"
)
iam_support_policy_attached = _supported(
    "iam_support_policy_attached",
    "A user, group or role can open AWS Support cases",
    *(User, Group, Role),
    holder="user, group or role",
    listed="holders",
)
