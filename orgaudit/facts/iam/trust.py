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
    answer = (await aws.once(authorization))[ROLES][(await aws.once(_places))[role.arn]]
    return RoleTrust(arn=role.arn, document=dump_policy(parse_policy(answer["AssumeRolePolicyDocument"])))


async def _places(aws: Aws) -> dict[Any, int]:
    """Return where each role stands among those of the bulk read, by its ARN."""
    return {each.get("Arn"): place for place, each in enumerate((await aws.once(authorization))[ROLES])}
