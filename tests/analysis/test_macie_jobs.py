"""Which buckets the jobs of Macie inspect, and what Macie is in a region."""

from __future__ import annotations

import pytest

from orgaudit.analysis.macie import covers, macie_in
from orgaudit.facts.macie import BucketCriterion, ClassificationJob
from orgaudit.facts.shard import ListingResult
from orgaudit.model import GapReason, NotSeenError
from tests.factories import HOME, MEMBER, SECURITY, denied, facts_of
from tests.factories_macie import a_session
from tests.factories_s3 import a_bucket

SESSION, BUCKET = a_session(), a_bucket()
MINE, NOT_MINE = BucketCriterion("ACCOUNT_ID", "EQ", (MEMBER,)), BucketCriterion("ACCOUNT_ID", "NE", (MEMBER, SECURITY))
THIS, TAGS = BucketCriterion("S3_BUCKET_NAME", "EQ", ("more", "data")), BucketCriterion("tags")
SHARED = BucketCriterion("S3_BUCKET_SHARED_ACCESS", "EQ", ("NOT_SHARED",))
ODD = BucketCriterion("S3_BUCKET_NAME", "CONTAINS", ("dat",))


@pytest.mark.parametrize(
    ("includes", "excludes", "covered"),
    [
        ((), (), True),
        ((MINE,), (), True),
        ((MINE, THIS), (), True),
        ((MINE, NOT_MINE), (), False),
        ((NOT_MINE, TAGS), (), False),
        ((MINE, TAGS), (), None),
        ((SHARED,), (), None),
        ((ODD,), (), None),
        ((MINE,), (NOT_MINE,), True),
        ((MINE,), (THIS,), False),
        ((MINE,), (THIS, NOT_MINE), True),
        ((MINE,), (TAGS,), None),
        ((TAGS,), (THIS,), False),
    ],
)
def test_conditions_of_a_job(
    includes: tuple[BucketCriterion, ...], excludes: tuple[BucketCriterion, ...], covered: bool | None
) -> None:
    assert covers(ClassificationJob("job", includes=includes, excludes=excludes, chooses=True), BUCKET) is covered


def test_macie_in_a_region() -> None:
    elsewhere = a_session(region="us-east-1")
    assert macie_in(facts_of(MEMBER, SESSION, elsewhere), "us-east-1") == elsewhere
    with pytest.raises(NotSeenError, match="is denied"):
        macie_in(facts_of(MEMBER, ListingResult("MacieSession", HOME, gap=denied())), HOME)
    with pytest.raises(NotSeenError) as raised:
        macie_in(facts_of(MEMBER, SESSION), "eu-north-1")
    assert raised.value.gap.reason is GapReason.UNREACHABLE
