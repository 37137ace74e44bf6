"""What the ARN of a log group and a subscription filter name, without a call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.facts.cloudtrail.log_groups import group_name
from tests.factories import HOME, MANAGEMENT, MEMBER, a_trail, subscriptions_to

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
