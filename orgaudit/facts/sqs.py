"""SQS queues, their policies and their encryption."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import Row, listed
from orgaudit.model import Observed, Scope

GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
QUEUES_PER_PAGE = 1000
"""The most that one answer holds; without a number, SQS returns no token for further queues.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html"""

ATTRIBUTES = "sqs:GetQueueAttributes"
READ = ("Policy", "KmsMasterKeyId", "SqsManagedSseEnabled")
"""The attributes that are read of a queue; one without a policy or a key of KMS lacks these two.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""


class Queue(Resource, frozen=True, kw_only=True):
    """A queue; `url` is what SQS calls it by."""

    url: str


class QueuePolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A queue's policy."""

    called_by_services = True


class QueueEncryption(Detail, frozen=True, kw_only=True):
    """How a queue encrypts messages; `key_id` is the key of KMS, empty where there is none."""

    encrypted: Observed[bool]
    key_id: str = ""


@collector(scope=Scope.REGIONAL, actions=("sqs:ListQueues",))
async def queues(aws: Aws) -> AsyncIterator[Queue]:
    """Yield the region's queues."""
    async for row in listed(aws, "sqs", "ListQueues", "QueueUrls", omits_empty=True, MaxResults=QUEUES_PER_PAGE):
        with row as url:
            name = url.rsplit("/", 1)[-1]
            yield Queue(arn=f"arn:{aws.partition}:sqs:{aws.region}:{aws.account_id}:{name}", **here(aws), url=url)


@detail(actions=(ATTRIBUTES,))
async def queue_policy(aws: Aws, queue: Queue) -> QueuePolicy:
    """Return the queue's policy; a queue that is gone by now has none."""
    return QueuePolicy(arn=queue.arn, document=document_of((await aws.once(_attributes, queue.url)).get("Policy")))


@detail(actions=(ATTRIBUTES,))
async def queue_encryption(aws: Aws, queue: Queue) -> QueueEncryption:
    """Return how the queue encrypts messages, from the call that reads its policy too."""
    row = Row(aws, ATTRIBUTES, await aws.once(_attributes, queue.url))
    return QueueEncryption(arn=queue.arn, encrypted=row.read(_is_encrypted), key_id=row.found.get("KmsMasterKeyId", ""))


def _is_encrypted(found: Mapping[str, str]) -> bool:
    return bool(found.get("KmsMasterKeyId")) or found["SqsManagedSseEnabled"] == "true"


async def _attributes(aws: Aws, url: str) -> dict[str, str]:
    answer = await aws.find("sqs", "GetQueueAttributes", GONE, QueueUrl=url, AttributeNames=list(READ))
    attributes: dict[str, str] = answer.get("Attributes", {}) if answer else {}
    return attributes
