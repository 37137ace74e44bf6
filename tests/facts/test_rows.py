"""How rows are read: one by one, member by member, with a gap for what is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from orgaudit.facts.rows import Row, RowError, each_row, tags_in, text
from orgaudit.model import UNKNOWN, Gap, GapReason, NotSeenError, Seen, shown
from tests.factories import HOME, MEMBER, denied
from tests.literal_aws import LiteralAws, World

AWS = LiteralAws(World({MEMBER: {}}), MEMBER, HOME)
ACTION = "rds:DescribeDBInstances"
HIDDEN = {"Name": "hidden"}
FOUND: dict[str, Any] = {"Public": False, "State": {"Name": "running"}, "Count": "three"}


def gap(message: str) -> Gap:
    return Gap(MEMBER, HOME, ACTION, GapReason.MALFORMED, message)


@pytest.mark.parametrize(
    ("path", "kind", "observed"),
    [
        ("Public", bool, Seen(value=False)),
        ("State.Name", str, Seen("running")),
        ("Missing", bool, gap("the answer lacks Missing")),
        ("State.Code", int, gap("the answer lacks State.Code")),
        ("Missing.Name", str, gap("the answer lacks Missing.Name")),
        ("Count.Name", str, gap("the answer lacks Count.Name")),
        ("Count", int, gap("the answer's Count is not of type int")),
    ],
)
def test_member(path: str, kind: type, observed: Any) -> None:
    assert Row(AWS, ACTION, FOUND).member(path, kind) == observed


def test_reading_that_lacks_something_is_a_gap() -> None:
    row = Row(AWS, ACTION, FOUND)
    assert row.read(lambda found: found["State"]["Name"].upper()) == Seen("RUNNING")
    assert row.read(lambda found: found["State"]["Code"]) == gap("the answer lacks Code")
    assert row.read(lambda found: found["Count"] + 1).reason is GapReason.MALFORMED  # type: ignore[union-attr]
    with pytest.raises(ZeroDivisionError):
        row.read(lambda _: 1 / 0)


async def test_further_call_that_is_refused_is_its_own_gap() -> None:
    async def call(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    row = Row(AWS, ACTION, FOUND)
    assert await row.follow(call(3)) == Seen(3)
    assert await row.follow(call(NotSeenError(denied()))) == denied()
    assert await row.follow(call(KeyError("PrefixListId"))) == gap("the answer lacks PrefixListId")


async def drained(rows: AsyncIterator[Any]) -> tuple[list[Any], Exception | None]:
    """What a listing yields, and what it ends with."""
    seen: list[Any] = []
    try:
        async for each in rows:
            seen.append(each)  # noqa: PERF401 - what was seen before an error is kept
    except (RowError, NotSeenError) as error:
        return seen, error
    return seen, None


async def names(lists: Any) -> AsyncIterator[str]:
    async for row in each_row(AWS, ACTION, lists):
        with row as found:
            if found == HIDDEN:
                raise NotSeenError(denied("s3:GetBucketLocation"))
            yield found["Name"].lower()


async def test_rows_behind_one_that_cannot_be_read_are_read() -> None:
    seen, error = await drained(names([[{"Name": "A"}, {}], [{"Name": 5}, {"Name": "B"}]]))
    assert seen == ["a", "b"]
    assert isinstance(error, RowError)
    assert str(error) == "the answer lacks Name"


async def test_row_whose_further_call_is_refused_leaves_the_others() -> None:
    seen, error = await drained(names([[{"Name": "A"}, HIDDEN, {"Name": "B"}]]))
    assert seen == ["a", "b"]
    assert isinstance(error, NotSeenError)
    assert error.gap == denied("s3:GetBucketLocation")


async def test_defects_are_not_taken_for_answers() -> None:
    async for row in each_row(AWS, ACTION, [[1]]):
        with pytest.raises(ZeroDivisionError), row as found:
            found / 0


async def test_page_that_was_not_seen_ends_the_listing_at_once() -> None:
    async def pages() -> AsyncIterator[list[dict[str, str]]]:
        yield [{}, {"Name": "a"}]
        raise NotSeenError(denied())

    seen, error = await drained(names(pages()))
    assert seen == ["a"]
    assert isinstance(error, NotSeenError)


def test_tags() -> None:
    assert tags_in([{"Key": "a", "Value": "b"}, {"Key": "c"}, {"Value": "d"}]) == {"a": "b", "c": ""}
    assert tags_in(None) == {}


def test_only_texts_are_names() -> None:
    assert text("orders") == "orders"
    with pytest.raises(TypeError):
        text(5)


def test_what_is_only_shown_raises_nothing() -> None:
    assert shown(Seen(value=False)) is False
    assert shown(denied()) == UNKNOWN
