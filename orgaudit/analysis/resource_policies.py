"""The ways in that the policies of resources leave to external callers."""

from __future__ import annotations

from dataclasses import replace

from orgaudit.facts.efs import FileSystemPolicy
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.languages.iam_policy import Condition, Effect, Opening, Policy, Statement, openings_of

MOUNT_TARGET = "elasticfilesystem:accessedviamounttarget"


def openings_in(attached: ResourcePolicy) -> tuple[Opening, ...]:
    """Return the ways in for external callers, directly or through a service that acts for any customer."""
    policy = attached.parsed
    if policy is None:
        return ()
    if isinstance(attached, FileSystemPolicy):
        policy = _without_mount_targets(policy)
    return openings_of(policy, resource=attached.governs, services=attached.called_by_services)


def _without_mount_targets(policy: Policy) -> Policy:
    """Return a file system's policy without what it allows through mount targets only: the VPC protects these."""
    # https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
    return replace(
        policy,
        statements=tuple(replace(each, principal=None) if _is_inside(each) else each for each in policy.statements),
    )


def _is_inside(statement: Statement) -> bool:
    """Return whether an Allow is only for what comes through a mount target."""
    return statement.effect is Effect.ALLOW and any(map(_is_mount_target, statement.conditions))


def _is_mount_target(condition: Condition) -> bool:
    values = [value.lower() for value in condition.values]
    return (condition.operator.lower(), condition.key.lower(), values) == ("bool", MOUNT_TARGET, ["true"])
