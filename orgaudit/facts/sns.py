"""SNS topics and their policies."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Scope

GONE = ("NotFound", "NotFoundException")


class SnsTopic(Resource, frozen=True, kw_only=True):
    """A topic."""


class TopicPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A topic's policy."""

    called_by_services = True


@collector(scope=Scope.REGIONAL, actions=("sns:ListTopics",))
async def topics(aws: Aws) -> AsyncIterator[SnsTopic]:
    """Yield the region's topics."""
    async for row in listed(aws, "sns", "ListTopics", "Topics"):
        with row as topic:
            yield SnsTopic(arn=topic["TopicArn"], **here(aws))


@detail(actions=("sns:GetTopicAttributes",))
async def topic_policy(aws: Aws, topic: SnsTopic) -> TopicPolicy:
    """Return the topic's policy; a topic that is gone by now has none."""
    # https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
    answer = await aws.find("sns", "GetTopicAttributes", GONE, TopicArn=topic.arn)
    return TopicPolicy(arn=topic.arn, document=document_of(answer["Attributes"].get("Policy") if answer else None))
