"""What the collectors of AWS Config and Security Hub make of literal answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest

from orgaudit.aws.access import Access
from orgaudit.demo import Demo
from orgaudit.facts.config import (
    ConfigDelivery,
    ConfigRecording,
    RecorderStatus,
    config_delivery,
    config_recording_status,
    config_recordings,
)
from orgaudit.facts.declare import Collector, closure
from orgaudit.facts.securityhub import SecurityHub, security_hubs
from orgaudit.model import Gap, GapReason, NotSeenError, Seen
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from tests.emulated import leading_to
from tests.factories import HOME, MEMBER
from tests.factories_config import a_recorder, a_recording, only, without
from tests.literal_aws import Answers, LiteralAws, Refused, aws

T = TypeVar("T")
RECORDING, NOTHING = a_recording(a_recorder()), a_recording()


async def the_one(listing: AsyncIterator[T]) -> T:
    (found,) = [each async for each in listing]
    return found


# Recorders

RECORDERS, STATUSES = ("config", "DescribeConfigurationRecorders"), ("config", "DescribeConfigurationRecorderStatus")
CHANNELS, HUB = ("config", "DescribeDeliveryChannels"), ("securityhub", "DescribeHub")
WHOLE: dict[str, Any] = {
    "allSupported": True,
    "includeGlobalResourceTypes": True,
    "resourceTypes": [],
    "exclusionByResourceTypes": {"resourceTypes": []},
    "recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"},
}
PARTLY = WHOLE | {"allSupported": False, "includeGlobalResourceTypes": False}
EXCLUDING = PARTLY | {
    "exclusionByResourceTypes": {"resourceTypes": ["AWS::EC2::Volume"]},
    "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
}
EXCLUSION_OF_NOTHING = {"allSupported": False, "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"}}
LISTING = PARTLY | {
    "resourceTypes": ["AWS::S3::Bucket"],
    "recordingStrategy": {"useOnly": "INCLUSION_BY_RESOURCE_TYPES"},
}
LINKED = {
    "name": "AWSConfigurationRecorderForObservabilityAdmin",
    "servicePrincipal": "observabilityadmin.amazonaws.com",
    "recordingScope": "INTERNAL",
}


async def recordings(*recorders: dict[str, Any]) -> ConfigRecording:
    return await the_one(config_recordings(aws({RECORDERS: {"ConfigurationRecorders": [*recorders]}})))


def lacking(member: str) -> Gap:
    action = "config:DescribeConfigurationRecorders"
    return Gap(MEMBER, HOME, action, GapReason.MALFORMED, f"the answer lacks {member}")


async def test_region_without_a_recorder_is_an_item_too() -> None:
    assert await recordings() == NOTHING


@pytest.mark.parametrize(
    ("group", "recorder"),
    [
        (WHOLE, a_recorder()),
        (
            {"allSupported": True},
            a_recorder(global_types=lacking("recordingGroup.includeGlobalResourceTypes"), strategy=""),
        ),
        (EXCLUDING, without("AWS::EC2::Volume")),
        (LISTING, only("AWS::S3::Bucket")),
    ],
    ids=["whole", "older form", "excluding", "listing"],
)
async def test_recorder(group: dict[str, Any], recorder: Any) -> None:
    assert await recordings({"name": "default", "recordingGroup": group}) == a_recording(recorder)


async def test_service_linked_recorders_are_kept_apart() -> None:
    found = await recordings(LINKED, {"name": "default", "recordingGroup": WHOLE})
    assert found == a_recording(a_recorder(), service_linked=(LINKED["name"],))
    assert (await recordings(LINKED)).recorders == ()


@pytest.mark.parametrize("settings", [{}, {"recordingGroup": {}}, {"recordingGroup": EXCLUSION_OF_NOTHING}])
async def test_recorder_without_settings_is_a_gap_of_the_recorder(settings: dict[str, Any]) -> None:
    found = await recordings({"name": "default", **settings}, {"name": "other", "recordingGroup": WHOLE})
    group, other = (each.group for each in found.recorders)
    assert isinstance(group, Gap)
    assert (group.reason, group.action) == (GapReason.MALFORMED, "config:DescribeConfigurationRecorders")
    assert other == a_recorder().group


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (
            {"recording": True, "lastStatus": "Success"},
            RecorderStatus(name="default", recording=True, last_status="Success"),
        ),
        ({"recording": False}, RecorderStatus(name="default", recording=False)),
        (
            {"recording": True, "lastStatus": "Failure", "lastErrorCode": "NoSuchBucket"},
            RecorderStatus(name="default", recording=True, last_status="Failure", error="NoSuchBucket"),
        ),
    ],
    ids=["success", "never started", "failure"],
)
async def test_status(answer: dict[str, Any], status: RecorderStatus) -> None:
    others = {"name": "another", "recording": False}
    told = {STATUSES: {"ConfigurationRecordersStatus": [others, answer | {"name": "default"}]}}
    assert (await config_recording_status(aws(told), RECORDING)).recorders == (status,)


async def test_recorder_without_a_status_is_no_answer() -> None:
    with pytest.raises(KeyError):
        await config_recording_status(aws({STATUSES: {"ConfigurationRecordersStatus": []}}), RECORDING)


@pytest.mark.parametrize("buckets", [(), ("archive",)])
async def test_delivery(buckets: tuple[str, ...]) -> None:
    told = {CHANNELS: {"DeliveryChannels": [{"name": "default", "s3BucketName": bucket} for bucket in buckets]}}
    assert await config_delivery(aws(told), RECORDING) == ConfigDelivery(arn=RECORDING.arn, buckets=buckets)


async def test_without_a_recorder_nothing_more_is_asked() -> None:
    at = aws({})
    assert (await config_recording_status(at, NOTHING)).recorders == ()
    assert (await config_delivery(at, NOTHING)).buckets == ()
    assert at.world.calls == []


# Security Hub

ARN = f"arn:aws:securityhub:{HOME}:{MEMBER}:hub/default"


async def hub(answer: Any) -> SecurityHub:
    return await the_one(security_hubs(aws({HUB: answer})))


def a_hub(**values: Any) -> SecurityHub:
    return SecurityHub(arn=ARN, account_id=MEMBER, region=HOME, **values)


async def test_hub() -> None:
    whole = {"HubArn": ARN, "SubscribedAt": "2024-03-01T09:30:00.000Z", "AutoEnableControls": False}
    assert await hub(whole) == a_hub(enabled=True, subscribed_at=whole["SubscribedAt"], enables_new_controls=False)
    assert await hub({"HubArn": ARN}) == a_hub(enabled=True)


@pytest.mark.parametrize(
    "refusal",
    [
        f"InvalidAccessException: Account {MEMBER} is not subscribed to AWS Security Hub",
        f"InvalidAccessException: Account {MEMBER} is not subscribed to AWS Security Hub CSPM",
        "ResourceNotFoundException",
    ],
)
async def test_hub_that_is_not_there_is_an_answer(refusal: str) -> None:
    assert await hub(Refused(refusal)) == a_hub(enabled=False)


@pytest.mark.parametrize("refusal", ["InvalidAccessException", "AccessDeniedException"])
async def test_hub_that_may_not_be_looked_at_is_a_gap(refusal: str) -> None:
    with pytest.raises(NotSeenError) as error:
        await hub(Refused(refusal))
    assert error.value.gap.reason is GapReason.DENIED


# Every collector


async def all_recordings(at: LiteralAws) -> None:
    await the_one(config_recordings(at))


async def all_hubs(at: LiteralAws) -> None:
    await the_one(security_hubs(at))


EVERY: dict[Callable[..., Any], tuple[Answers, tuple[Any, ...], Callable[..., Any]]] = {
    all_recordings: ({RECORDERS: {"ConfigurationRecorders": []}}, (), config_recordings),
    config_recording_status: (
        {STATUSES: {"ConfigurationRecordersStatus": [{"name": "default", "recording": True}]}},
        (RECORDING,),
        config_recording_status,
    ),
    config_delivery: ({CHANNELS: {"DeliveryChannels": []}}, (RECORDING,), config_delivery),
    all_hubs: ({HUB: {"HubArn": ARN}}, (), security_hubs),
}


def declared(run: Callable[..., Any]) -> Collector:
    found: Collector = getattr(EVERY[run][2], "__collector__")  # noqa: B009 - set by the decorator
    return found


@pytest.mark.parametrize("run", EVERY)
async def test_declared_actions_are_those_that_are_used(run: Callable[..., Awaitable[Any]]) -> None:
    answers, arguments, _ = EVERY[run]
    at = aws(answers)
    await run(at, *arguments)
    assert at.world.actions == set(declared(run).actions)
    assert len(at.world.calls) == 1
    assert declared(run) in closure({declared(run).fact})


@pytest.mark.parametrize("run", EVERY)
async def test_refusal_is_a_gap(run: Callable[..., Awaitable[Any]]) -> None:
    with pytest.raises(NotSeenError) as error:
        await run(aws({}), *EVERY[run][1])
    gap = error.value.gap
    assert (gap.account_id, gap.region, gap.reason) == (MEMBER, HOME, GapReason.DENIED)
    assert (gap.action,) == declared(run).actions


# An emulated account


def seed(url: str) -> None:
    """Security Hub and a recorder in one region, nothing in the other."""
    keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    config, hub, s3 = (
        boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)
        for service in ("config", "securityhub", "s3")
    )
    s3.create_bucket(Bucket="orgaudit-config")
    role = "arn:aws:iam::123456789012:role/records"
    group = {"allSupported": True, "includeGlobalResourceTypes": True}
    config.put_configuration_recorder(ConfigurationRecorder={"name": "all", "roleARN": role, "recordingGroup": group})
    config.put_delivery_channel(DeliveryChannel={"name": "all", "s3BucketName": "orgaudit-config"})
    config.start_configuration_recorder(ConfigurationRecorderName="all")
    hub.enable_security_hub()


async def read_account() -> dict[str, Any]:
    actions = sorted({action for run in EVERY for action in declared(run).actions})
    found: dict[str, Any] = {}
    async with Access(
        AccessSettings(), RunSettings(attempts=1), load_limits(Path("no file of the user's")), actions=actions
    ) as access:
        entered = access.as_caller()
        for region in ("us-east-1", "eu-west-1"):
            at = entered.region(region)
            recording = await the_one(config_recordings(at))
            status = await config_recording_status(at, recording)
            delivery = await config_delivery(at, recording)
            found[region] = recording, status, delivery, await the_one(security_hubs(at))
    return found


@pytest.fixture(scope="module")
def emulated(empty: Demo) -> Iterator[dict[str, Any]]:
    with leading_to(empty):
        seed(empty.endpoint_url)
        yield asyncio.run(read_account())


def test_region_of_the_emulator_with_everything(emulated: dict[str, Any]) -> None:
    recording, status, delivery, found = emulated["us-east-1"]
    assert [(each.name, each.group.value.everything) for each in recording.recorders] == [("all", True)]
    assert recording.recorders[0].group.value.global_types == Seen(True)
    assert [each.recording for each in status.recorders] == [True]
    assert delivery.buckets == ("orgaudit-config",)
    assert (found.enabled, found.subscribed_at is not None) == (True, True)


def test_region_of_the_emulator_with_nothing(emulated: dict[str, Any]) -> None:
    recording, _, _, found = emulated["eu-west-1"]
    assert (recording.recorders, found.enabled) == ((), False)
