"""The trust policies of roles: who may assume them. They come with the bulk read of the account."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.declare import Aws, detail
from orgaudit.facts.iam.authorization import ACTION, ROLES, Role, authorization
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.languages.iam_policy import dump_policy, parse_policy


class RoleTrust(ResourcePolicy, frozen=True, kw_only=True):
    """A role's trust policy; there is always one."""


@detail(actions=(ACTION,))
async def role_trust(aws: Aws, role: Role) -> RoleTrust:
    """Return the role's trust policy; raises PolicyError, which makes a gap, for a document that is not a policy."""
    answers = await aws.once(_by_arn)
    return RoleTrust(arn=role.arn, document=dump_policy(parse_policy(answers[role.arn]["AssumeRolePolicyDocument"])))


async def _by_arn(aws: Aws) -> dict[Any, dict[str, Any]]:
    return {each.get("Arn"): each for each in (await aws.once(authorization))[ROLES]}
