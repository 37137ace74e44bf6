"""AWS Config in each region: what its recorders are set to record, whether they do, and where they deliver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import Row
from orgaudit.model import Observed, Scope

ACTION = "config:DescribeConfigurationRecorders"
EXCLUSION = "EXCLUSION_BY_RESOURCE_TYPES"
EVERYTHING = "ALL_SUPPORTED_RESOURCE_TYPES"
"""Two of the strategies: https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingStrategy.html"""


class RecordingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorder is set to record; `included` and `excluded` are the resource types that its settings name."""

    all_supported: bool = False
    global_types: Observed[bool]
    strategy: str = ""
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether it records every resource type of its region, those that AWS adds included."""
        return (self.all_supported or self.strategy == EVERYTHING) and not self.excluded


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """A customer managed recorder and what it is set to record."""

    name: str
    group: Observed[RecordingGroup]


class ConfigRecording(Resource, frozen=True, kw_only=True):
    """What is set to be recorded in one region of an account.

    Recorders that AWS services run for themselves are named in `service_linked` only: they record what their service
    needs. https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorder.html
    """

    recorders: tuple[Recorder, ...] = ()
    service_linked: tuple[str, ...] = ()

    @property
    def recorder_name(self) -> str:
        """The name of the first recorder, or the default of AWS Config for a new one."""
        return self.recorders[0].name if self.recorders else "default"


class RecorderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a recorder records, and how its last recording went; the status comes in upper and in mixed case.

    https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorderStatus.html
    """

    name: str
    recording: bool
    last_status: str = ""
    error: str = ""


class ConfigRecordingStatus(Detail, frozen=True, kw_only=True):
    """The status of each recorder of a region."""

    recorders: tuple[RecorderStatus, ...] = ()


class ConfigDelivery(Detail, frozen=True, kw_only=True):
    """The buckets to which the delivery channel of a region delivers."""

    buckets: tuple[str, ...] = ()


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def config_recordings(aws: Aws) -> AsyncIterator[ConfigRecording]:
    """Yield what is recorded in the region: one item, with or without recorders."""
    answer = await aws.call("config", "DescribeConfigurationRecorders")
    found = answer["ConfigurationRecorders"]
    yield ConfigRecording(
        arn=f"arn:{aws.partition}:config:{aws.region}:{aws.account_id}:configuration-recorders",
        **here(aws),
        recorders=tuple(_recorder(Row(aws, ACTION, each)) for each in found if not each.get("servicePrincipal")),
        service_linked=tuple(each["name"] for each in found if each.get("servicePrincipal")),
    )


def _recorder(row: Row) -> Recorder:
    return Recorder(name=row.found["name"], group=row.read(lambda found: _group(row, found["recordingGroup"])))


def _group(row: Row, group: dict[str, Any]) -> RecordingGroup:
    """Return what a recorder records; raises KeyError where its strategy names types and they are not there."""
    # https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
    strategy = group.get("recordingStrategy", {}).get("useOnly", "")
    excluded = group["exclusionByResourceTypes"] if strategy == EXCLUSION else group.get("exclusionByResourceTypes", {})
    return RecordingGroup(
        all_supported=group.get("allSupported", False) if strategy else group["allSupported"],
        global_types=row.member("recordingGroup.includeGlobalResourceTypes", bool),
        strategy=strategy,
        included=tuple(group.get("resourceTypes", ())),
        excluded=tuple(excluded["resourceTypes"] if strategy == EXCLUSION else excluded.get("resourceTypes", ())),
    )


@detail(actions=("config:DescribeConfigurationRecorderStatus",))
async def config_recording_status(aws: Aws, recording: ConfigRecording) -> ConfigRecordingStatus:
    """Return the status of the region's recorders, where there are any."""
    if not recording.recorders:
        return ConfigRecordingStatus(arn=recording.arn)
    answer = await aws.call("config", "DescribeConfigurationRecorderStatus")
    statuses = {status["name"]: status for status in answer["ConfigurationRecordersStatus"]}
    return ConfigRecordingStatus(
        arn=recording.arn, recorders=tuple(_status(statuses[each.name]) for each in recording.recorders)
    )


def _status(answer: dict[str, Any]) -> RecorderStatus:
    return RecorderStatus(
        name=answer["name"],
        recording=answer["recording"],
        last_status=answer.get("lastStatus", ""),
        error=answer.get("lastErrorCode", ""),
    )


@detail(actions=("config:DescribeDeliveryChannels",))
async def config_delivery(aws: Aws, recording: ConfigRecording) -> ConfigDelivery:
    """Return where the region's recorders deliver, where there are any."""
    if not recording.recorders:
        return ConfigDelivery(arn=recording.arn)
    answer = await aws.call("config", "DescribeDeliveryChannels")
    return ConfigDelivery(arn=recording.arn, buckets=tuple(each["s3BucketName"] for each in answer["DeliveryChannels"]))
