"""EventBridge event buses; their policies come with the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.policies import Policy, parse
from orgaudit.facts.resource_policies import document_of
from orgaudit.facts.rows import each_row
from orgaudit.model import Json, Observed, Scope, Seen

BUSES_PER_PAGE = 100


class EventBus(Resource, frozen=True, kw_only=True):
    """An event bus; `policy` is JSON, None where it has none."""

    policy: Observed[Json] = Seen(None)

    @property
    def parsed(self) -> Policy | None:
        """The policy, or None where there is none; raises NotSeenError where it was not seen."""
        return None if self.policy.value is None else parse(self.policy.value)


@collector(scope=Scope.REGIONAL, actions=("events:ListEventBuses",))
async def event_buses(aws: Aws) -> AsyncIterator[EventBus]:
    """Yield the region's event buses, the default one first; the SDK does not page this listing."""
    async for row in each_row(aws, "events:ListEventBuses", _listed(aws)):
        with row as bus:
            # Only a bus with a policy has it: docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventBus.html
            policy = row.read(lambda found: document_of(found.get("Policy")))
            yield EventBus(arn=bus["Arn"], account_id=aws.account_id, region=aws.region, policy=policy)


async def _listed(aws: Aws) -> AsyncIterator[list[dict[str, Any]]]:
    token: dict[str, str] = {}
    while True:
        page = await aws.call("events", "ListEventBuses", Limit=BUSES_PER_PAGE, **token)
        yield page["EventBuses"]
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
