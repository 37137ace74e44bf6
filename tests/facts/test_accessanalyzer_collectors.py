"""What the collector of access analyzers makes of literal answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.accessanalyzer import Analyzer, region_analyzers
from orgaudit.model import GapReason, NotSeenError
from tests.factories import HOME, MEMBER, NOW
from tests.factories_iam import an_analyzer, analyzers_in
from tests.literal_aws import LiteralAws, Refused, World

LIST = ("accessanalyzer", "ListAnalyzers")


def aws(answer: Any) -> LiteralAws:
    return LiteralAws(World({MEMBER: {LIST: answer}}), MEMBER, HOME)


def page(*analyzers: Analyzer) -> dict[str, Any]:
    return {
        "analyzers": [
            {"name": each.name, "arn": each.arn, "type": each.type, "status": each.status, "createdAt": NOW}
            for each in analyzers
        ]
    }


async def test_analyzers_of_every_type_and_page() -> None:
    ours, unused = an_analyzer(), an_analyzer("ACCOUNT_UNUSED_ACCESS", "DISABLED")
    at = aws([page(ours), page(unused)])
    assert [each async for each in region_analyzers(at)] == [analyzers_in(HOME, ours, unused)]
    assert at.world.actions == {"access-analyzer:ListAnalyzers"}


async def test_region_without_analyzers_is_there_all_the_same() -> None:
    assert [each async for each in region_analyzers(aws(page()))] == [analyzers_in(HOME)]


async def test_refusal_is_a_gap() -> None:
    with pytest.raises(NotSeenError) as error:
        [each async for each in region_analyzers(aws(Refused()))]
    assert (error.value.gap.reason, error.value.gap.region) == (GapReason.DENIED, HOME)


@pytest.mark.parametrize(
    ("kind", "status", "finds"),
    [
        ("ACCOUNT", "ACTIVE", True),
        ("ORGANIZATION", "ACTIVE", True),
        ("ACCOUNT", "CREATING", False),
        ("ACCOUNT_UNUSED_ACCESS", "ACTIVE", False),
        ("ORGANIZATION_INTERNAL_ACCESS", "ACTIVE", False),
    ],
)
def test_which_find_external_access(kind: str, status: str, finds: bool) -> None:
    assert an_analyzer(kind, status).finds_external_access("ACCOUNT", "ORGANIZATION") is finds
