"""Controls on managed policies, and on who holds those that give the most."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from fnmatch import fnmatchcase

from orgaudit.analysis.account import AccountFacts
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.authorization import AwsPolicy, CustomerPolicy, Group, ManagedPolicy, Principal, Role, User
from orgaudit.languages.iam_policy import PolicyGrants
from orgaudit.model import (
    Gap,
    Json,
    NotSeenError,
    Severity,
    Status,
    Verdict,
    failed,
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
    """Return the command that takes a policy from a principal."""
    kind, name = principal_arn.split(":")[5].split("/", 1)
    holder = f"aws iam detach-{kind}-policy --{kind}-name {shlex.quote(name.rsplit('/', 1)[-1])}"
    return f"{holder} --policy-arn {shlex.quote(policy_arn)}"


def _seen(policy: ManagedPolicy, grants: PolicyGrants) -> dict[str, Json]:
    """Return whom a policy is attached to, what it grants at its widest, and which actions it denies."""
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
    return require(
        not wide,
        then=f"no statement makes an administrator: {spared or 'none allows everything'}",
        otherwise=f"full administration: {wide}",
        **_seen(policy, grants),
    )


def _unclear(policy: ManagedPolicy, grants: PolicyGrants) -> Verdict:
    wide = "; ".join(grant.describe() for grant in grants.unclear)
    reason = f"{wide}; whether the conditions and Deny statements leave full administration cannot be determined"
    return Verdict(Status.MANUAL, reason, _seen(policy, grants))


LIMITED = Fix(
    service_wide="Keep administration to one reviewed role in each account, and give all others what they use.",
    asset="Replace the statement of {resource.name} that allows everything by the actions that are used.",
    command="aws iam create-policy-version --policy-arn {resource.arn} --policy-document file://POLICY.json "
    "--set-as-default",
    preventive="Check policies in the pipeline, and cap what roles can be given with a permissions boundary.",
)


@control(Severity.HIGH, fix=LIMITED)
def iam_customer_policy_limited(policy: CustomerPolicy) -> Verdict:
    """The account's own policies do not give full administration.

    A policy that allows everything is one attachment away from whoever may attach policies. It is judged by what its
    statements allow together after what they deny; NotAction counts as everything unless nobody can be given rights.
    """
    return _judge_grants(policy)


@control(Severity.HIGH, fix=LIMITED)
def iam_customer_policy_attached_limited(policy: CustomerPolicy) -> Verdict:
    """The account's own policies that are in use do not give full administration.

    Whoever holds such a policy, or breaks into what holds it, owns the account. It is judged by what its statements
    allow together after what they deny; NotAction counts as everything unless nobody can be given rights.
    """
    if not (policy.attached_to or policy.holders):
        return not_applicable("the policy is attached to nobody")
    return _judge_grants(policy)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Keep administration to one reviewed role in each account, and name it in [thresholds] "
        "approved_administrators.",
        asset="Take {resource.name} from the principals that are not approved, and give them what they use.",
        command="aws iam list-entities-for-policy --policy-arn {resource.arn}",
        preventive="Deny attaching AWS's administrator policies with a service control policy on iam:PolicyARN.",
    ),
)
def iam_aws_policy_full_admin_restricted(policy: AwsPolicy, thresholds: Thresholds) -> Verdict:
    """Only approved principals hold AWS's policies for full administration.

    An account needs an administrator, and AWS's own policy is the usual way to have one. Everybody else who holds it
    has more than any task takes.
    """
    grants = policy.grants.value
    evidence = _seen(policy, grants)
    if not grants.administering and not grants.unclear:
        return passed("the policy makes nobody an administrator", **evidence)
    others = _unapproved(policy.attached_to, thresholds.approved_administrators)
    if not others:
        return passed(f"{len(policy.holders)} approved principals hold {policy.name}", **evidence)
    if not grants.administering:
        return _unclear(policy, grants)
    said = f"{policy.name} is attached to {', '.join(others)}"
    return failed(said, command=_detach(policy.arn, others[0]), unapproved=others, **evidence)


def _holding(name: str, principals: Iterable[Principal]) -> tuple[dict[str, Principal], Gap | None]:
    """Return the principals that hold a policy of AWS's own, and a gap where another one may hold it too."""
    holders: dict[str, Principal] = {}
    hidden: Gap | None = None
    for each in principals:
        if isinstance(each.attached, Gap):
            hidden = hidden or each.attached
        elif each.holds_aws_policy(name):
            holders[each.arn] = each
    return holders, hidden


def _principals(account: AccountFacts) -> list[Principal]:
    return [*account.everywhere(User), *account.everywhere(Group), *account.everywhere(Role)]


@control(
    Severity.MEDIUM,
    facts=(User, Group, Role),
    fix=Fix(
        service_wide="Give CloudShell without file transfer through one policy of your own in every account.",
        asset="Take AWSCloudShellFullAccess from the principals of account {account} that are not approved.",
        command="aws iam list-entities-for-policy --policy-arn arn:{partition}:iam::aws:policy/AWSCloudShellFullAccess",
        preventive="Deny attaching the policy with a service control policy on iam:PolicyARN, and approve exceptions "
        "in [thresholds] approved_cloudshell_principals.",
    ),
)
def iam_cloudshell_full_access_restricted(account: AccountFacts, thresholds: Thresholds) -> Verdict:
    """Only approved principals hold the policy for all of CloudShell.

    Its holders can move files in and out of a machine with internet access that the company's controls do not see.
    """
    holders, hidden = _holding(CLOUDSHELL, _principals(account))
    others = _unapproved(sorted(holders), thresholds.approved_cloudshell_principals)
    evidence: dict[str, Json] = {"holders": sorted(holders), "unapproved": others}
    if not others:
        if hidden is not None:
            raise NotSeenError(hidden)
        said = f"held by {len(holders)} approved principals" if holders else "attached to nobody"
        return passed(f"{CLOUDSHELL} is {said}", **evidence)
    arn = next(arn for arn in holders[others[0]].attached.value if arn.endswith(CLOUDSHELL))
    return failed(f"{CLOUDSHELL} is attached to {', '.join(others)}", command=_detach(arn, others[0]), **evidence)


def _supported(name: str, title: str, *kinds: type[Principal], holder: str, listed: str) -> Control:
    """Return the control that a principal of one of these kinds can open cases; evidence names them as `listed`."""

    def judge(account: AccountFacts) -> Verdict:
        holders, hidden = _holding(SUPPORT, [one for kind in kinds for one in account.everywhere(kind)])
        found = sorted(holders)
        if hidden is not None and not found:
            raise NotSeenError(hidden)
        return require(
            bool(found),
            then=f"{SUPPORT} is attached to {', '.join(found)}",
            otherwise=f"{SUPPORT} is attached to no {holder}",
            **{listed: found},
        )

    judge.__name__ = name
    judge.__doc__ = f"""{title}.

    In an incident nobody should first have to ask for the right to ask AWS for help, or use root to do it.
    """
    fix = Fix(
        service_wide="Create a support role in every account with a StackSet.",
        asset="Attach AWSSupportAccess in account {account} to the role of those who handle incidents.",
        command="aws iam attach-role-policy --role-name ROLE_NAME "
        "--policy-arn arn:{partition}:iam::aws:policy/AWSSupportAccess",
        preventive="Make the support role a part of the account factory.",
    )
    return control(Severity.LOW, facts=kinds, fix=fix)(judge)


iam_support_role_exists = _supported(
    "iam_support_role_exists", "A role can open cases with AWS Support", Role, holder="role", listed="roles"
)
iam_support_policy_attached = _supported(
    "iam_support_policy_attached",
    "A user, group or role can open cases with AWS Support",
    *(User, Group, Role),
    holder="user, group or role",
    listed="holders",
)
