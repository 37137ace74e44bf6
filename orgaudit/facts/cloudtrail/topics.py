"""The SNS topics that alarms notify: their policies, their keys and their subscriptions."""

from __future__ import annotations

import msgspec

from orgaudit.facts.cloudtrail.alarms import TrailAlarms
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.declare import Aws, Detail, detail, observe
from orgaudit.facts.kms import AWS_ALIAS
from orgaudit.facts.resource_policies import document_of
from orgaudit.facts.sns import GONE
from orgaudit.languages import iam_policy as policies
from orgaudit.model import Gap, GapReason, Json, Observed, Seen, parse_arn


class TopicKey(msgspec.Struct, frozen=True, kw_only=True):
    """The KMS key of an encrypted topic, `name` as the topic has it; the policy of an AWS managed one is not read.

    `state` is KMS's, None for a key that does not exist.
    """

    name: str
    arn: str = ""
    state: str | None = None
    managed_by_aws: bool = False
    policy: Json = None


class AlarmTopic(msgspec.Struct, frozen=True, kw_only=True):
    """An SNS topic: how many of its subscriptions are confirmed and how many pending. `exists` False: it is gone.

    `key` is None for a topic that is not encrypted with a KMS key.
    """

    arn: str
    exists: bool
    confirmed: int = 0
    pending: int = 0
    policy: Observed[Json]
    key: Observed[TopicKey | None]


class TrailTopics(Detail, frozen=True, kw_only=True):
    """The topics that a trail's alarms notify, each seen or not by itself: they may be another account's."""

    topics: dict[str, Observed[AlarmTopic]]


@detail(actions=("kms:DescribeKey", "kms:GetKeyPolicy", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"))
async def trail_topics(aws: Aws, trail: Trail, alarms: TrailAlarms) -> TrailTopics:
    """Return every topic that the alarms notify, read in the account of the topic, and its key in that of the key."""
    acting = [alarm for alarm in (*alarms.alarms, *alarms.composites) if alarm.actions_enabled]
    arns = sorted({arn for alarm in acting for arn in alarm.topics})
    return TrailTopics(arn=trail.arn, topics={arn: await observe(_topic(aws, arn)) for arn in arns})


async def _topic(aws: Aws, arn: str) -> AlarmTopic:
    return await (await aws.at(arn)).once(_topic_there, arn)


async def _topic_there(aws: Aws, arn: str) -> AlarmTopic:
    subscribers = await _subscribers(aws, arn)
    if subscribers is None:
        return AlarmTopic(arn=arn, exists=False, policy=Seen(None), key=Seen(None))
    attributes = await observe(aws.call("sns", "GetTopicAttributes", TopicArn=arn))
    if isinstance(attributes, Gap):
        return AlarmTopic(arn=arn, exists=True, **subscribers, policy=attributes, key=attributes)
    found = attributes.value["Attributes"]
    return AlarmTopic(
        arn=arn,
        exists=True,
        **subscribers,
        policy=_document(found.get("Policy"), aws, "sns:GetTopicAttributes"),
        key=await observe(_key(aws, found.get("KmsMasterKeyId"))),
    )


async def _subscribers(aws: Aws, arn: str) -> dict[str, int] | None:
    """Return how many subscriptions are confirmed and how many pending, None where the topic is gone."""
    states: list[bool] = []
    async for page in aws.find_pages("sns", "ListSubscriptionsByTopic", GONE, TopicArn=arn):
        if page is None:
            return None
        states += [_is_arn(each["SubscriptionArn"]) for each in page["Subscriptions"]]
        if any(states):
            break
    return {"confirmed": sum(states), "pending": len(states) - sum(states)}


async def _key(aws: Aws, name: str | None) -> TopicKey | None:
    """Return the key that a topic names by id, alias or ARN; the alias shows one that AWS manages, without a call."""
    if not name:
        return None
    if name.rpartition(":")[2].startswith(AWS_ALIAS):
        return TopicKey(name=name, managed_by_aws=True)
    there = await aws.at(name) if name.startswith("arn:") else aws
    answer = await there.find("kms", "DescribeKey", ("NotFoundException",), KeyId=name)
    if answer is None:
        return TopicKey(name=name)
    key = answer["KeyMetadata"]
    described = TopicKey(name=name, arn=key["Arn"], state=key["KeyState"], managed_by_aws=key["KeyManager"] == "AWS")
    if described.managed_by_aws or described.state != "Enabled":
        return described
    policy = await there.call("kms", "GetKeyPolicy", KeyId=described.arn, PolicyName="default")
    document = _document(policy["Policy"], there, "kms:GetKeyPolicy")
    return msgspec.structs.replace(described, policy=document.value)


def _document(text: str | None, aws: Aws, action: str) -> Observed[Json]:
    try:
        return Seen(document_of(text))
    except policies.PolicyError as error:
        return Gap(aws.account_id, aws.region, action, GapReason.MALFORMED, f"the policy cannot be read: {error}")


def _is_arn(text: str) -> bool:
    """Return whether a subscription is confirmed: others have PendingConfirmation or Deleted in place of an ARN."""
    # https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
    try:
        parse_arn(text)
    except ValueError:
        return False
    return True
