"""Checking open findings: in which other accounts judging them looks something up."""

from __future__ import annotations

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.evaluate.only_open import _Noting
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.model import NotSeenError
from tests.factories import MEMBER, OUTSIDER, SECURITY, an_account, facts_of

GONE = f"arn:aws:cloudtrail:eu-west-1:{SECURITY}:trail/gone"


@pytest.fixture
def organization() -> Organization:
    facts: dict[str, AccountFacts] = {each: facts_of(each) for each in (MEMBER, SECURITY)}
    everybody = [an_account(each) for each in (MEMBER, SECURITY, OUTSIDER)]
    return Organization(everybody, management_account_id=MEMBER, load=facts.get, holders=lambda _kind: {"": MEMBER})


def test_an_account_in_which_nothing_was_found_was_looked_into(organization: Organization) -> None:
    noting = _Noting(organization)
    assert noting.find(Trail, GONE) is None, "it may be there after the fix"
    assert noting.looked_into == {SECURITY}


def test_an_account_without_facts_was_looked_into(organization: Organization) -> None:
    noting = _Noting(organization)
    with pytest.raises(NotSeenError):
        noting.facts(OUTSIDER)
    assert noting.looked_into == {OUTSIDER}


def test_who_has_what_names_no_account_was_looked_into(organization: Organization) -> None:
    noting = _Noting(organization)
    assert noting.find(Trail, "arn:aws:s3:::elsewhere") is None
    assert noting.looked_into == set()
    assert noting.find(Trail, "") is not None
    assert noting.looked_into == {MEMBER}
