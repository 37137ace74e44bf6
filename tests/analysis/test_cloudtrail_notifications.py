"""Whether a topic takes what an alarm sends to it: its policy, its key and its subscribers, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.analysis.cloudtrail.notifications import WORKS, Notification, NotificationDelivery
from orgaudit.model import Seen
from tests.factories import HOME, MEMBER, SECURITY, a_topic, a_topic_key, denied, statement, topic_arn

ALARM = f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:trail-changes"
ORGANIZATION = "o-example1234"
ANYONE, CLOUDWATCH = {"AWS": "*"}, {"Service": "cloudwatch.amazonaws.com"}
EVENTS = {"Service": "events.amazonaws.com"}


def notified(organization_id: str | None = ORGANIZATION, **changes: Any) -> NotificationDelivery:
    return Notification(a_topic(**changes), ALARM, organization_id).delivery


def allowing(principal: object = CLOUDWATCH, action: object = "SNS:Publish", **more: Any) -> dict[str, Any]:
    return statement(action, Principal=principal, **{"Resource": topic_arn()} | more)


def with_policy(*statements: dict[str, Any]) -> NotificationDelivery:
    together = [one for each in statements for one in each["Statement"]]
    return notified(policy=Seen(statement("x", Resource="*") | {"Statement": together}))


def denying(**more: Any) -> dict[str, Any]:
    found = allowing(ANYONE, **more)
    return found | {"Statement": [each | {"Effect": "Deny"} for each in found["Statement"]]}


def owned_by(account: str) -> dict[str, Any]:
    """The policy that SNS gives a new topic."""
    return allowing(ANYONE, ["SNS:Publish", "SNS:Subscribe"], Condition={"StringEquals": {"AWS:SourceOwner": account}})


OVER_TLS = {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    "policy",
    [
        owned_by(MEMBER),
        allowing(),
        allowing({"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]}),
        allowing("*"),
        allowing(action="sns:*", Resource="*"),
        allowing(Condition={"StringEquals": {"aws:SourceAccount": [MEMBER, SECURITY]}}),
        allowing(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:*:{MEMBER}:alarm:*"}}),
        allowing(Condition={"StringEquals": {"aws:SourceOrgID": ORGANIZATION}}),
    ],
    ids=["default", "service", "services", "anyone", "everything", "account", "alarm", "organization"],
)
def test_policy_that_lets_cloudwatch_publish(policy: dict[str, Any]) -> None:
    assert with_policy(policy) == WORKS
    assert with_policy(policy, denying(Condition=OVER_TLS)) == WORKS


@pytest.mark.parametrize(
    "statements",
    [
        [owned_by(SECURITY)],
        [allowing(EVENTS)],
        [allowing({"AWS": f"arn:aws:iam::{MEMBER}:root"})],
        [allowing(action="sns:Subscribe")],
        [allowing(Resource=topic_arn("other"))],
        [allowing(Condition={"StringEquals": {"aws:SourceAccount": SECURITY}})],
        [allowing(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:*:{MEMBER}:alarm:other*"}})],
        [allowing(ANYONE, Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})],
        [allowing(Condition={"StringEquals": {"aws:SourceOrgID": "o-other"}})],
        [allowing(), denying()],
        [allowing(), denying(Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}})],
        [],
    ],
    ids=[
        *("another owner", "another service", "account only", "subscribe only", "another topic", "another account"),
        *("another alarm", "principals of the organization", "another organization", "denied", "denied to services"),
        "nothing",
    ],
)
def test_policy_that_does_not(statements: list[dict[str, Any]]) -> None:
    assert with_policy(*statements).broken == ("has a policy that does not let cloudwatch.amazonaws.com publish to it")


def test_topic_without_a_policy_is_closed_to_services() -> None:
    assert notified(policy=Seen(None)).broken is not None


def test_policy_of_which_it_cannot_be_determined() -> None:
    by_address = allowing(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    assert with_policy(by_address) == NotificationDelivery(
        unclear="whether its policy lets CloudWatch publish depends on aws:SourceIp"
    )
    by_organization = Seen(allowing(Condition={"StringEquals": {"aws:SourceOrgID": ORGANIZATION}}))
    assert notified(None, policy=by_organization).unclear is not None


# Keys


def encrypted(**changes: Any) -> NotificationDelivery:
    return notified(key=Seen(a_topic_key(**changes)))


def key_policy(principal: object = CLOUDWATCH, action: object = "kms:*", **more: Any) -> dict[str, Any]:
    return statement(action, Principal=principal, Resource="*", **more)


@pytest.mark.parametrize(
    "policy",
    [
        key_policy(),
        key_policy(action=["kms:Decrypt", "kms:GenerateDataKey*"]),
        key_policy(action=["kms:Decrypt", "kms:GenerateDataKey"]),
        key_policy(Condition={"StringEquals": {"aws:SourceAccount": MEMBER}}),
    ],
)
def test_key_that_lets_cloudwatch_encrypt(policy: dict[str, Any]) -> None:
    assert encrypted(policy=policy) == WORKS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"policy": key_policy({"AWS": f"arn:aws:iam::{MEMBER}:root"})}, "cloudwatch.amazonaws.com call kms:Decrypt"),
        ({"policy": key_policy({"Service": "sns.amazonaws.com"})}, "whose policy does not let cloudwatch"),
        ({"policy": key_policy(action="kms:Decrypt")}, "cloudwatch.amazonaws.com call kms:GenerateDataKey"),
        ({"policy": key_policy(action="kms:GenerateDataKey*")}, "cloudwatch.amazonaws.com call kms:Decrypt"),
        ({"policy": key_policy(Condition={"StringEquals": {"aws:SourceAccount": SECURITY}})}, "does not let"),
        ({"name": "alias/aws/sns", "managed_by_aws": True, "policy": None}, "the key alias/aws/sns, which AWS manages"),
        ({"state": "PendingDeletion", "policy": None}, "the key alias/alerts, which is in state PendingDeletion"),
        ({"state": None, "policy": None}, "the key alias/alerts, which does not exist"),
    ],
)
def test_key_that_does_not(changes: dict[str, Any], says: str) -> None:
    found = encrypted(**changes)
    assert found.broken is not None
    assert says in found.broken


def test_key_of_which_it_cannot_be_determined() -> None:
    policy = key_policy(Condition={"StringEquals": {"kms:ViaService": f"sns.{HOME}.amazonaws.com"}})
    assert encrypted(policy=policy).unclear == (
        "whether the policy of its key alias/alerts lets CloudWatch call kms:Decrypt depends on kms:ViaService"
    )


# In order

REFUSED, CLOSED = denied("sns:GetTopicAttributes"), Seen(allowing(EVENTS))
UNCLEAR = Seen(allowing(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
DISABLED = Seen(a_topic_key(state="Disabled"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exists": False, "policy": CLOSED}, "does not exist"),
        ({"policy": CLOSED, "key": DISABLED, "confirmed": 0}, "has a policy that does not let"),
        ({"policy": REFUSED, "key": DISABLED}, "Disabled"),
        ({"policy": UNCLEAR, "key": DISABLED}, "Disabled"),
        ({"key": DISABLED, "confirmed": 0}, "Disabled"),
        ({"policy": REFUSED, "key": REFUSED, "confirmed": 0}, "has no confirmed subscriber"),
        ({"confirmed": 0, "pending": 2}, "has no confirmed subscriber; 2 wait for confirmation"),
    ],
)
def test_the_first_link_that_is_broken_for_certain_is_named(changes: dict[str, Any], says: str) -> None:
    found = notified(**changes)
    assert found.broken is not None
    assert says in found.broken
    assert found.silent == ("subscriber" in says)


def test_what_was_not_seen_comes_before_what_is_unclear() -> None:
    assert notified(policy=UNCLEAR, key=REFUSED) == NotificationDelivery(gap=REFUSED)
    assert notified(policy=REFUSED) == NotificationDelivery(gap=REFUSED)


def test_topic_of_another_account_has_to_name_the_alarm_s() -> None:
    shared = topic_arn("soc", SECURITY)
    by_default = Seen(allowing(ANYONE, Resource=shared, Condition={"StringEquals": {"AWS:SourceOwner": SECURITY}}))
    named = Seen(allowing(Resource=shared, Condition={"StringEquals": {"aws:SourceAccount": MEMBER}}))
    assert Notification(a_topic(shared, policy=by_default), ALARM).delivery.broken is not None
    assert Notification(a_topic(shared, policy=named), ALARM).delivery == WORKS
