"""EventBridge event buses; their policies come with the list."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Json, Observed, Scope, Seen

BUSES_PER_PAGE = 100
"""The most that one answer holds: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListEventBuses.html"""


class EventBus(Resource, frozen=True, kw_only=True):
    """An event bus; `policy` is JSON, None where it has none."""

    policy: Observed[Json] = Seen(None)

    @property
    def custom(self) -> bool:
        """Whether the account made it: neither the default bus nor one that receives the events of a partner."""
        path = self.arn.partition(":event-bus/")[2]
        return path != "default" and not path.startswith("aws.partner/")

    @property
    def attached(self) -> ResourcePolicy:
        """The policy as that of any other resource; raises NotSeenError where it was not seen."""
        return ResourcePolicy(arn=self.arn, document=self.policy.value)


@collector(scope=Scope.REGIONAL, actions=("events:ListEventBuses",))
async def event_buses(aws: Aws) -> AsyncIterator[EventBus]:
    """Yield the region's event buses, the default one first."""
    async for row in listed(aws, "events", "ListEventBuses", "EventBuses", Limit=BUSES_PER_PAGE):
        with row as bus:
            # Only a bus with a policy has it: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventBus.html
            policy = row.read(lambda found: document_of(found.get("Policy")))
            yield EventBus(arn=bus["Arn"], **here(aws), policy=policy)
