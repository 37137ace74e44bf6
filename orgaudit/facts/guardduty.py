"""GuardDuty in each region of an account: its detector, and which protection plans run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.model import Scope

ENABLED = "ENABLED"


class GuardDutyRegion(Resource, frozen=True, kw_only=True):
    """GuardDuty in one region of an account; `detector_id` is None where it has no detector.

    A member has a detector of its own, which shows what its administrator account has set for it.
    https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_accounts.html
    """

    detector_id: str | None = None


class Detector(Detail, frozen=True, kw_only=True):
    """What the detector does; without one `status` is None.

    `features` has the status of each protection plan by name, and of each part of one as "PLAN.PART".
    """

    status: str | None = None
    features: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        """Whether the detector works; one that is suspended keeps its settings and finds nothing."""
        # https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_suspend-disable.html
        return self.status == ENABLED

    def runs(self, feature: str) -> bool | None:
        """Return whether a plan, or a part of one, is enabled; None where the detector does not list it."""
        plan, _, part = feature.partition(".")
        for name in (plan, feature) if part else (plan,):
            status = self.features.get(name)
            if status != ENABLED:
                return None if status is None else False
        return True


@collector(scope=Scope.REGIONAL, actions=("guardduty:ListDetectors",))
async def guardduty_regions(aws: Aws) -> AsyncIterator[GuardDutyRegion]:
    """Yield the state of GuardDuty in the region: one item, whether there is a detector or not."""
    # An account has at most one detector in a region:
    # https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html
    found = [each async for page in aws.pages("guardduty", "ListDetectors") for each in page["DetectorIds"]]
    arn = f"arn:{aws.partition}:guardduty:{aws.region}:{aws.account_id}:detectors"
    yield GuardDutyRegion(arn=arn, **here(aws), detector_id=found[0] if found else None)


@detail(actions=("guardduty:GetDetector",))
async def detector(aws: Aws, region: GuardDutyRegion) -> Detector:
    """Return what the region's detector does, if there is one."""
    if region.detector_id is None:
        return Detector(arn=region.arn)
    answer = await aws.call("guardduty", "GetDetector", DetectorId=region.detector_id)
    return Detector(arn=region.arn, status=answer["Status"], features=dict(_features(answer.get("Features", ()))))


def _features(found: Iterable[Mapping[str, Any]], within: str = "") -> Iterator[tuple[str, str]]:
    for each in found:
        if "Name" in each and "Status" in each:
            yield f"{within}{each['Name']}", each["Status"]
            yield from _features(each.get("AdditionalConfiguration", ()), f"{each['Name']}.")
