"""What an accepted region leaves to the rest: cells, findings, and the controls over a whole account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control, catalogue
from orgaudit.evaluate.account import evaluate_account
from orgaudit.facts.s3.buckets import BucketVersioning
from orgaudit.facts.shard import AccountHeader, DetailGap, ListingResult
from orgaudit.model import GLOBAL, Cell, Finding, Gap, GapReason, RegionRecord, RegionState, Status
from orgaudit.store.run import Run
from tests.evaluated import context_of
from tests.factories import HOME, MANAGEMENT, MEMBER, REGIONS, a_trail, an_account, facts_of
from tests.factories_iam import a_user, credentials_of
from tests.factories_s3 import a_bucket

DENIED = REGIONS[1]
NAMES = (HOME, DENIED)
FAR = a_bucket("far", region=DENIED)
NEAR = a_bucket("near")


def refused(action: str, reason: GapReason = GapReason.SCP_DENIED) -> Gap:
    return Gap(MEMBER, DENIED, action, reason, "with an explicit deny in a service control policy")


def judged(
    tmp_path: Path, control: str, *lines: Any, accepts: Callable[[str], bool] = DENIED.__eq__
) -> tuple[list[Cell], list[Finding]]:
    """Return what an evaluation makes of these facts of an account whose second region a policy denies."""
    blocked = RegionRecord(DENIED, RegionState.BLOCKED, refused("cloudtrail:DescribeTrails"))
    record = facts_of(MEMBER).record
    record = msgspec.structs.replace(record, regions=(record.regions[0], blocked))
    facts = AccountFacts([AccountHeader(an_account(), record), *lines], accepts)
    run = Run(tmp_path)
    management = facts_of(MANAGEMENT, *(ListingResult("IdentityCenter", region) for region in NAMES))
    evaluate_account(run, facts, context_of(_control(control), facts, management, regions=NAMES))
    return list(run.cells(MEMBER)), list(run.findings(MEMBER))


def _control(name: str) -> Control:
    return catalogue()[name]


def buckets(*denied: Any) -> tuple[Any, ...]:
    """The listing of two buckets, of which the near one keeps versions and the far one is denied."""
    versioned = BucketVersioning(arn=NEAR.arn, enabled=True, mfa_delete=True)
    return NEAR, FAR, versioned, *denied, ListingResult("Bucket", GLOBAL, count=2)


def test_bucket_in_an_accepted_region_leaves_the_cell_to_the_others(tmp_path: Path) -> None:
    hidden = DetailGap("BucketVersioning", FAR.arn, refused("s3:GetBucketVersioning"))
    (cell,), found = judged(tmp_path, "s3_bucket_versioning_enabled", *buckets(hidden))
    assert (cell.status, cell.passed, cell.not_assessed, cell.accepted) == (Status.PASS, 1, 0, 1)
    assert not cell.is_accepted
    (far,) = [each for each in found if each.resource == FAR.arn]
    assert (far.status, far.accepted) == (Status.NOT_ASSESSED, True)
    assert far.evidence["accepted_by"] == "[scope] accept_blocked_regions"


@pytest.mark.parametrize(
    ("reason", "accepts"),
    [
        pytest.param(GapReason.SCP_DENIED, HOME.__eq__, id="another region is accepted"),
        pytest.param(GapReason.THROTTLED, DENIED.__eq__, id="for another reason"),
    ],
)
def test_other_gaps_keep_the_cell_from_being_assessed(
    tmp_path: Path, reason: GapReason, accepts: Callable[[str], bool]
) -> None:
    hidden = DetailGap("BucketVersioning", FAR.arn, refused("s3:GetBucketVersioning", reason))
    (cell,), found = judged(tmp_path, "s3_bucket_versioning_enabled", *buckets(hidden), accepts=accepts)
    assert (cell.status, cell.not_assessed, cell.accepted) == (Status.NOT_ASSESSED, 1, 0)
    assert not any(each.accepted for each in found)


def test_denied_listing_is_a_cell_that_is_accepted(tmp_path: Path) -> None:
    denied = ListingResult("Trail", DENIED, gap=refused("cloudtrail:DescribeTrails"))
    cells, _ = judged(tmp_path, "cloudtrail_trail_logging", ListingResult("Trail", HOME), denied)
    near, far = cells
    assert (near.status, near.is_accepted) == (Status.NOT_APPLICABLE, False)
    assert (far.status, far.reason, far.is_accepted) == (Status.NOT_ASSESSED, GapReason.SCP_DENIED, True)
    assert (far.not_assessed, far.accepted) == (0, 1)


@pytest.mark.parametrize("accepted", [True, False])
def test_control_over_the_account_needs_every_region_that_is_not_accepted(tmp_path: Path, accepted: bool) -> None:
    user = a_user()
    seen = (
        user,
        credentials_of(user),
        ListingResult("User", GLOBAL, count=1),
        ListingResult("IdentityProvider", GLOBAL),
        ListingResult("IdentityCenter", HOME),
    )
    denied = ListingResult("IdentityCenter", DENIED, gap=refused("sso:ListInstances"))
    (cell,), (finding,) = judged(
        tmp_path, "iam_identity_federation_configured", *seen, denied, accepts=lambda _region: accepted
    )
    assert cell.accepted == 0
    if accepted:
        assert cell.status is Status.FAIL
        assert finding.evidence["accepted_regions_not_audited"] == [DENIED]
    else:
        assert (cell.status, cell.reason) == (Status.NOT_ASSESSED, GapReason.SCP_DENIED)


def test_verdict_on_an_account_is_never_accepted(tmp_path: Path) -> None:
    """A trail of the accepted region whose details are denied leaves the question open for the whole account."""
    trail = a_trail(region=DENIED)
    details = ("TrailStatus", "TrailSelectors")
    gaps = [DetailGap(name, trail.arn, refused(f"cloudtrail:Get{name}")) for name in details]
    control = "cloudtrail_trail_multi_region_management_events"
    (cell,), (finding,) = judged(tmp_path, control, trail, *gaps, ListingResult("Trail", HOME, count=1))
    assert (cell.status, cell.is_accepted, finding.accepted) == (Status.NOT_ASSESSED, False, False)
