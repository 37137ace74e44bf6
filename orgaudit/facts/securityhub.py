"""Security Hub in each region: whether the account is subscribed to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.model import NotSeenError, Scope

OFF = "not subscribed"
"""Part of the message where Security Hub is off; the code, InvalidAccessException, may also be a missing permission.
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html"""


class SecurityHub(Resource, frozen=True, kw_only=True):
    """The hub of one region of an account; `subscribed_at` is when it was enabled, in AWS's spelling."""

    enabled: bool
    subscribed_at: str | None = None
    enables_new_controls: bool | None = None


@collector(scope=Scope.REGIONAL, actions=("securityhub:DescribeHub",))
async def security_hubs(aws: Aws) -> AsyncIterator[SecurityHub]:
    """Yield the region's hub: one item, whether it is enabled or not."""
    arn = f"arn:{aws.partition}:securityhub:{aws.region}:{aws.account_id}:hub/default"
    answer = await _hub(aws)
    if answer is None:
        yield SecurityHub(arn=arn, **here(aws), enabled=False)
        return
    yield SecurityHub(
        arn=answer["HubArn"],
        **here(aws),
        enabled=True,
        subscribed_at=answer.get("SubscribedAt"),
        enables_new_controls=answer.get("AutoEnableControls"),
    )


async def _hub(aws: Aws) -> dict[str, Any] | None:
    try:
        return await aws.find("securityhub", "DescribeHub", ("ResourceNotFoundException",))
    except NotSeenError as error:
        if OFF not in error.gap.message:
            raise
        return None
