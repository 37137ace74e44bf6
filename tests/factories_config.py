"""AWS Config facts for tests: every factory builds one that is right, and its keywords say what is different."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.config import (
    ConfigDelivery,
    ConfigRecording,
    ConfigRecordingStatus,
    Recorder,
    RecorderStatus,
    RecordingGroup,
)
from orgaudit.model import Seen
from tests.factories import HOME, MEMBER, seen_all


def a_recorder(name: str = "default", **changes: Any) -> Recorder:
    values: dict[str, Any] = {"all_supported": True, "global_types": True, "strategy": "ALL_SUPPORTED_RESOURCE_TYPES"}
    return Recorder(name=name, group=Seen(seen_all(RecordingGroup, **values | changes)))


def without(*kinds: str) -> Recorder:
    """A recorder that leaves out these resource types."""
    strategy = "EXCLUSION_BY_RESOURCE_TYPES"
    return a_recorder(all_supported=False, global_types=False, strategy=strategy, excluded=kinds)


def only(*kinds: str) -> Recorder:
    """A recorder of these resource types."""
    strategy = "INCLUSION_BY_RESOURCE_TYPES"
    return a_recorder(all_supported=False, global_types=False, strategy=strategy, included=kinds)


def a_recording(*recorders: Recorder, region: str = HOME, service_linked: tuple[str, ...] = ()) -> ConfigRecording:
    """What a region records: without recorders, nothing."""
    return ConfigRecording(
        arn=f"arn:aws:config:{region}:{MEMBER}:configuration-recorders",
        account_id=MEMBER,
        region=region,
        recorders=recorders,
        service_linked=service_linked,
    )


def a_recording_status(of: ConfigRecording, /, **changes: Any) -> ConfigRecordingStatus:
    values: dict[str, Any] = {"recording": True, "last_status": "SUCCESS"} | changes
    found = tuple(RecorderStatus(name=each.name, **values) for each in of.recorders)
    return ConfigRecordingStatus(arn=of.arn, recorders=found)


def a_delivery(recording: ConfigRecording, *buckets: str) -> ConfigDelivery:
    return ConfigDelivery(arn=recording.arn, buckets=buckets)
