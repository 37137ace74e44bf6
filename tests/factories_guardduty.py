"""GuardDuty's regions for tests."""

from __future__ import annotations

from orgaudit.facts.guardduty import GuardDutyRegion
from tests.factories import HOME, MEMBER

ARN = f"arn:aws:guardduty:{HOME}:{MEMBER}:detectors"


def a_region(detector_id: str | None = "12abc34d") -> GuardDutyRegion:
    return GuardDutyRegion(arn=ARN, account_id=MEMBER, region=HOME, detector_id=detector_id)
