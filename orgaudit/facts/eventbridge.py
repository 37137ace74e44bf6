"""EventBridge event buses; their policies come with the list."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.resource_policies import document_of
from orgaudit.facts.rows import each_row
from orgaudit.languages.iam_policy import Opening, Policy, openings_of, parse_policy
from orgaudit.model import Json, Observed, Scope, Seen

BUSES_PER_PAGE = 100


class EventBus(Resource, frozen=True, kw_only=True):
    """An event bus; `policy` is JSON, None where it has none."""

    policy: Observed[Json] = Seen(None)

    @property
    def parsed(self) -> Policy | None:
        """The policy, or None where there is none; raises NotSeenError where it was not seen."""
        return None if self.policy.value is None else parse_policy(self.policy.value)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that the policy leaves to external callers."""
        policy = self.parsed
        return () if policy is None else openings_of(policy, resource=self.arn)


@collector(scope=Scope.REGIONAL, actions=("events:ListEventBuses",))
async def event_buses(aws: Aws) -> AsyncIterator[EventBus]:
    """Yield the region's event buses, the default one first."""
    lists = (page["EventBuses"] async for page in aws.pages("events", "ListEventBuses", Limit=BUSES_PER_PAGE))
    async for row in each_row(aws, "events:ListEventBuses", lists):
        with row as bus:
            # Only a bus with a policy has it: docs.aws.amazon.com/eventbridge/latest/APIReference/API_EventBus.html
            policy = row.read(lambda found: document_of(found.get("Policy")))
            yield EventBus(arn=bus["Arn"], account_id=aws.account_id, region=aws.region, policy=policy)
