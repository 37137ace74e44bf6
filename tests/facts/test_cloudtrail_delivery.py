"""What a trail's log group and role say, without a call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.facts.cloudtrail.delivery import WRITES, group_name
from orgaudit.languages.iam_policy import Outcome, PolicyError
from tests.factories import HOME, MANAGEMENT, MEMBER, a_role, a_trail, statement, subscriptions_to, trust

TRAIL = a_trail()
PREFIX = f"arn:aws:logs:{HOME}:{MEMBER}:log-group"


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("trail:*", "trail"),
        ("trail", "trail"),
        ("/aws/cloudtrail/trail:*", "/aws/cloudtrail/trail"),
        ("a.b#c_d-e:*", "a.b#c_d-e"),
    ],
)
def test_group_name(resource: str, name: str) -> None:
    assert group_name(f"{PREFIX}:{resource}") == name


@given(st.text("abcXYZ019_/.#-", min_size=1))
def test_group_name_comes_back(name: str) -> None:
    assert group_name(f"{PREFIX}:{name}:*") == name


@pytest.mark.parametrize("arn", ["", "trail", f"{PREFIX}:", PREFIX, f"arn:aws:sns:{HOME}:{MEMBER}:topic"])
def test_other_arns_are_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="not "):
        group_name(arn)


def test_subscription_knows_its_receiver() -> None:
    (found,) = subscriptions_to(TRAIL, MANAGEMENT).subscriptions
    assert found.destination_account == MANAGEMENT


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
    assert a_role(TRAIL, trust=document).trusts_cloudtrail(TRAIL).outcome is outcome


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
    assert a_role(TRAIL, writes=action, on=on).writes_to(TRAIL, action).outcome is outcome


def test_boundary_limits_and_never_grants() -> None:
    wide = statement("*", Resource="*")
    narrow = statement("logs:CreateLogStream", Resource="*")
    assert a_role(TRAIL, boundary=wide).writes_to(TRAIL, "logs:PutLogEvents").outcome is Outcome.ALLOWED
    assert a_role(TRAIL, boundary=narrow).writes_to(TRAIL, "logs:PutLogEvents").outcome is Outcome.NOT_ALLOWED
    without = a_role(TRAIL, permissions=(), boundary=wide)
    assert without.writes_to(TRAIL, "logs:PutLogEvents").outcome is Outcome.NOT_ALLOWED


def test_unreadable_policy_raises() -> None:
    with pytest.raises(PolicyError):
        a_role(TRAIL, trust={"Statement": 1}).trusts_cloudtrail(TRAIL)
