"""What the role of a trail may do, without a call."""

from __future__ import annotations

import pytest

from orgaudit.analysis.cloudtrail.log_delivery import WRITES, trusts_cloudtrail, writes_to
from orgaudit.languages.iam_policy import Outcome, PolicyError
from tests.factories import HOME, MANAGEMENT, MEMBER, a_role, a_trail, statement, trust

TRAIL = a_trail()
PREFIX = f"arn:aws:logs:{HOME}:{MEMBER}:log-group"
SOURCE = {"StringEquals": {"aws:SourceAccount": MEMBER}}


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (trust(), Outcome.ALLOWED),
        (trust("lambda.amazonaws.com"), Outcome.NOT_ALLOWED),
        (trust(Condition=SOURCE), Outcome.ALLOWED),
        (trust(Condition={"StringEquals": {"aws:SourceAccount": MANAGEMENT}}), Outcome.NOT_ALLOWED),
        (trust(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:cloudtrail:*:{MEMBER}:trail/*"}}), Outcome.ALLOWED),
        (trust(Condition={"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}}), Outcome.UNKNOWN),
        (statement("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{MEMBER}:root"}), Outcome.NOT_ALLOWED),
    ],
)
def test_trust(document: dict[str, object], outcome: Outcome) -> None:
    assert trusts_cloudtrail(a_role(TRAIL, trust=document), TRAIL).outcome is outcome


STREAM = f"{PREFIX}:trail-events:log-stream"


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize(
    ("on", "outcome"),
    [
        ("*", Outcome.ALLOWED),
        (f"{STREAM}:*", Outcome.ALLOWED),
        (f"{STREAM}:{MEMBER}_CloudTrail_{HOME}*", Outcome.ALLOWED),
        (f"{PREFIX}:trail-events:*", Outcome.ALLOWED),
        (f"{STREAM}:{MANAGEMENT}_CloudTrail_{HOME}*", Outcome.NOT_ALLOWED),
        (f"{STREAM}:{MEMBER}_CloudTrail_us-east-1*", Outcome.NOT_ALLOWED),
        (f"{PREFIX}:trail-event:log-stream:*", Outcome.NOT_ALLOWED),
    ],
)
def test_writes(action: str, on: str, outcome: Outcome) -> None:
    assert writes_to(a_role(TRAIL, writes=action, on=on), TRAIL, action).outcome is outcome


def test_boundary_limits_and_never_grants() -> None:
    wide = statement("*", Resource="*")
    narrow = statement("logs:CreateLogStream", Resource="*")
    assert writes_to(a_role(TRAIL, boundary=wide), TRAIL, "logs:PutLogEvents").outcome is Outcome.ALLOWED
    assert writes_to(a_role(TRAIL, boundary=narrow), TRAIL, "logs:PutLogEvents").outcome is Outcome.NOT_ALLOWED
    without = a_role(TRAIL, permissions=(), boundary=wide)
    assert writes_to(without, TRAIL, "logs:PutLogEvents").outcome is Outcome.NOT_ALLOWED


def test_unreadable_policy_raises() -> None:
    with pytest.raises(PolicyError):
        trusts_cloudtrail(a_role(TRAIL, trust={"Statement": 1}), TRAIL)
