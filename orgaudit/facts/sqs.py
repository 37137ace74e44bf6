"""SQS queues and their policies."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Scope

GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
QUEUES_PER_PAGE = 1000
"""The most that one answer holds; without a number, SQS returns no token for further queues.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html"""


class Queue(Resource, frozen=True, kw_only=True):
    """A queue; `url` is what SQS calls it by."""

    url: str


class QueuePolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A queue's policy."""

    called_by_services = True


@collector(scope=Scope.REGIONAL, actions=("sqs:ListQueues",))
async def queues(aws: Aws) -> AsyncIterator[Queue]:
    """Yield the region's queues."""
    async for row in listed(aws, "sqs", "ListQueues", "QueueUrls", omits_empty=True, MaxResults=QUEUES_PER_PAGE):
        with row as url:
            name = url.rsplit("/", 1)[-1]
            yield Queue(arn=f"arn:{aws.partition}:sqs:{aws.region}:{aws.account_id}:{name}", **here(aws), url=url)


@detail(actions=("sqs:GetQueueAttributes",))
async def queue_policy(aws: Aws, queue: Queue) -> QueuePolicy:
    """Return the queue's policy; a queue that is gone by now has none."""
    answer = await aws.find("sqs", "GetQueueAttributes", GONE, QueueUrl=queue.url, AttributeNames=["Policy"])
    text = answer.get("Attributes", {}).get("Policy") if answer else None
    return QueuePolicy(arn=queue.arn, document=document_of(text))
