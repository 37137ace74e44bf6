"""Which buckets' object events selectors record."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.analysis.cloudtrail.recording import record_objects
from orgaudit.facts.cloudtrail.trails import TrailSelectors, trail_selectors
from orgaudit.languages.event_selector import AdvancedSelector, BasicSelector, FieldSelector
from tests.factories import HOME, MEMBER, a_trail, advanced, field
from tests.literal_aws import LiteralAws, World

FOO = "arn:aws:s3:::foo"
DATA, OBJECT = field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")


def objects(*values: str, side: str = "All") -> BasicSelector:
    return BasicSelector(management=False, read_write_type=side, objects=values)


def arns(**operators: tuple[str, ...]) -> AdvancedSelector:
    return advanced(DATA, OBJECT, FieldSelector("resources.ARN", **operators))  # type: ignore[arg-type]


def selected(*selectors: BasicSelector | AdvancedSelector) -> TrailSelectors:
    return TrailSelectors(
        arn="trail",
        basic=tuple(each for each in selectors if isinstance(each, BasicSelector)),
        advanced=tuple(each for each in selectors if isinstance(each, AdvancedSelector)),
    )


@pytest.mark.parametrize(
    ("selector", "one", "every"),
    [
        pytest.param(objects("arn:aws:s3"), True, True, id="all buckets"),
        pytest.param(objects("arn:aws:s3:::"), True, True, id="all buckets, with colons"),
        pytest.param(objects("arn:aws-cn:s3:::"), True, True, id="all buckets of another partition"),
        pytest.param(objects(f"{FOO}/"), True, False, id="the bucket"),
        pytest.param(objects("arn:aws:s3:::bar/", f"{FOO}/"), True, False, id="the bucket beside another"),
        pytest.param(objects(FOO), False, False, id="the bucket without a prefix's slash"),
        pytest.param(objects(f"{FOO}/logs/"), False, False, id="a part of the bucket"),
        pytest.param(objects(f"{FOO}bar/"), False, False, id="a longer name"),
        pytest.param(objects("arn:aws:s3:::fo/"), False, False, id="a shorter name"),
        pytest.param(objects(), False, False, id="no objects"),
        pytest.param(advanced(DATA, OBJECT), True, True, id="advanced"),
        pytest.param(advanced(DATA), False, False, id="advanced without a type"),
        pytest.param(advanced(OBJECT), False, False, id="advanced without a category"),
        pytest.param(advanced(field("eventCategory", "Management"), OBJECT), False, False, id="management"),
        pytest.param(advanced(DATA, field("resources.type", "AWS::S3::AccessPoint")), False, False, id="access points"),
        pytest.param(advanced(DATA, OBJECT, field("eventName", "PutObject")), False, False, id="one call"),
        pytest.param(arns(starts_with=(f"{FOO}/",)), True, False, id="narrowed to the bucket"),
        pytest.param(arns(starts_with=("arn:aws:s3:::fo",)), True, False, id="a beginning of names"),
        pytest.param(arns(starts_with=("arn:aws:s3:::",)), True, True, id="a beginning of all"),
        pytest.param(arns(starts_with=(f"{FOO}/logs/",)), False, False, id="a part"),
        pytest.param(arns(starts_with=("arn:aws:s3:::bar/",)), False, False, id="another bucket"),
        pytest.param(arns(equals=(f"{FOO}/key",)), False, False, id="one object"),
        pytest.param(arns(equals=(f"{FOO}/",)), False, False, id="an object with an empty name"),
        pytest.param(arns(not_starts_with=("arn:aws:s3:::logs/",)), True, False, id="all but another bucket"),
        pytest.param(arns(not_starts_with=(f"{FOO}/",)), False, False, id="all but this one"),
        pytest.param(arns(not_starts_with=(f"{FOO}/tmp/",)), False, False, id="all but a part of this one"),
        pytest.param(arns(not_starts_with=("arn:aws:s3:::f",)), False, False, id="all but names that begin so"),
        pytest.param(arns(not_equals=(f"{FOO}/key",)), False, False, id="all but one object"),
        pytest.param(arns(starts_with=(f"{FOO}/",), not_equals=(f"{FOO}/a",)), False, False, id="less one object"),
        pytest.param(
            advanced(DATA, OBJECT, FieldSelector("resources.ARN", other=True)), False, False, id="by the end of names"
        ),
    ],
)
def test_reach(selector: BasicSelector | AdvancedSelector, one: bool, every: bool) -> None:
    for side in ("read", "write"):
        assert record_objects([selected(selector)], side, FOO) is one
        assert record_objects([selected(selector)], side) is every


@pytest.mark.parametrize(
    ("selectors", "read", "write"),
    [
        ([objects("arn:aws:s3", side="ReadOnly")], True, False),
        ([objects("arn:aws:s3", side="WriteOnly")], False, True),
        ([advanced(DATA, OBJECT, field("readOnly", "true"))], True, False),
        ([advanced(DATA, OBJECT, field("readOnly", "false"))], False, True),
        ([advanced(DATA, OBJECT, field("readOnly", starts_with=("t",)))], False, False),
        ([advanced(DATA, OBJECT, field("readOnly", v)) for v in ("true", "false")], True, True),
        ([], False, False),
    ],
)
def test_sides(selectors: list[BasicSelector | AdvancedSelector], read: bool, write: bool) -> None:
    """Reads and writes are two questions."""
    found = selected(*selectors)
    assert (record_objects([found], "read"), record_objects([found], "write")) == (read, write)


HALF, OTHER_HALF = arns(starts_with=(f"{FOO}/logs/",)), arns(not_starts_with=(f"{FOO}/logs/",))


@pytest.mark.parametrize(
    ("selectors", "one", "every"),
    [
        ([HALF, OTHER_HALF], True, True),
        ([HALF], False, False),
        ([OTHER_HALF], False, False),
        ([objects(f"{FOO}/logs/"), OTHER_HALF], True, True),
        ([objects(f"{FOO}/log"), OTHER_HALF], True, True),
        ([objects(f"{FOO}/logs/a"), OTHER_HALF], False, False),
        ([arns(not_equals=(f"{FOO}/key",)), arns(equals=(f"{FOO}/key",))], True, True),
        ([arns(not_equals=(f"{FOO}/key",)), arns(equals=(f"{FOO}/kez",))], False, False),
        ([arns(not_equals=(f"{FOO}/key",)), arns(starts_with=(f"{FOO}/k",))], True, True),
        ([arns(not_equals=(f"{FOO}/a", f"{FOO}/b")), arns(not_equals=(f"{FOO}/c",))], True, True),
        ([arns(not_starts_with=("arn:aws:s3:::f",)), arns(not_starts_with=("arn:aws:s3:::b",))], True, True),
        ([arns(not_starts_with=("arn:aws:s3:::f",)), arns(not_starts_with=("arn:aws:s3:::fo",))], False, False),
        ([objects(f"{FOO}/"), arns(not_starts_with=(f"{FOO}/",))], True, True),
        ([objects("arn:aws:s3:::bar/"), arns(not_starts_with=(f"{FOO}/",))], False, False),
        ([objects("arn:aws:s3:::bar/"), arns(not_starts_with=("arn:aws:s3:::bar/",))], True, True),
        ([HALF, advanced(DATA, OBJECT, field("readOnly", "true"), field("resources.ARN", other=True))], False, False),
        ([arns(equals=(f"{FOO}/key",), starts_with=(f"{FOO}/",))], True, False),
        ([advanced(DATA, OBJECT, *[FieldSelector("resources.ARN", starts_with=(f"{FOO}/",))] * 2)], False, False),
    ],
)
def test_selectors_add_up(selectors: list[BasicSelector | AdvancedSelector], one: bool, every: bool) -> None:
    """Within one trail and over several: an event is recorded where any selector of any trail records it."""
    apart = [selected(each) for each in selectors]
    for side in ("read", "write"):
        assert record_objects([selected(*selectors)], side, FOO) is one
        assert record_objects(apart, side, FOO) is one
        assert record_objects(apart, side) is every


def test_no_trails_record_nothing() -> None:
    assert not record_objects([], "read", FOO)
    assert not record_objects([], "read")


def test_all_buckets_are_those_of_the_partition() -> None:
    china = msgspec.structs.replace(selected(arns(starts_with=("arn:aws-cn:s3:::",))), arn="arn:aws-cn:cloudtrail")
    assert record_objects([china], "read")
    assert record_objects([china], "read", "arn:aws-cn:s3:::foo")
    assert not record_objects([china], "read", FOO)


KEYS = st.text("ab/", min_size=1, max_size=4)
STARTS = st.text("ab/", max_size=3)
LISTS = st.lists(KEYS | STARTS, max_size=3).map(lambda found: tuple(f"{FOO}/{each}" for each in found))
CONDITIONS = st.builds(
    lambda *lists: arns(equals=lists[0], not_equals=lists[1], starts_with=lists[2], not_starts_with=lists[3]),
    *[LISTS | st.just(())] * 4,
)


def lets_through(selector: AdvancedSelector, key: str) -> bool:
    condition = selector.get("resources.ARN")
    assert condition is not None
    arn = f"{FOO}/{key}"
    barred = arn in condition.not_equals or any(arn.startswith(each) for each in condition.not_starts_with)
    named = [arn == each for each in condition.equals] + [arn.startswith(each) for each in condition.starts_with]
    return not barred and (not named or any(named))


@given(st.lists(CONDITIONS, min_size=1, max_size=3))
def test_a_bucket_is_covered_when_every_key_is(selectors: list[AdvancedSelector]) -> None:
    keys = ["".join(letters) for length in range(1, 6) for letters in product("ab/z", repeat=length)]
    expected = all(any(lets_through(each, key) for each in selectors) for key in keys)
    assert record_objects([selected(each) for each in selectors], "read", FOO) is expected


NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True)


@given(NAMES, NAMES)
def test_naming_one_bucket_covers_no_other(name: str, other: str) -> None:
    for selector in (objects(f"arn:aws:s3:::{name}/"), arns(starts_with=(f"arn:aws:s3:::{name}/",))):
        assert record_objects([selected(selector)], "read", f"arn:aws:s3:::{other}") is (name == other)


@given(NAMES, NAMES)
def test_leaving_out_one_bucket_keeps_every_other(name: str, other: str) -> None:
    selector = arns(not_starts_with=(f"arn:aws:s3:::{name}/",))
    assert record_objects([selected(selector)], "write", f"arn:aws:s3:::{other}") is (name != other)


async def test_selectors_as_aws_answers_them() -> None:
    answer = {
        "TrailARN": a_trail().arn,
        "EventSelectors": [
            {
                "ReadWriteType": "WriteOnly",
                "DataResources": [
                    {"Type": "AWS::S3::Object", "Values": [f"{FOO}/"]},
                    {"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]},
                    {"Type": "AWS::S3::Object"},
                ],
            }
        ],
        "AdvancedEventSelectors": [
            {
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Data"]},
                    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                    {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::bar/"], "NotStartsWith": ["x"]},
                ]
            }
        ],
    }
    at = LiteralAws(World({MEMBER: {("cloudtrail", "GetEventSelectors"): answer}}), MEMBER, HOME)
    found = await trail_selectors(at, a_trail())
    assert found.basic[0].objects == (f"{FOO}/",)
    assert (record_objects([found], "write", FOO), record_objects([found], "read", FOO)) == (True, False)
    assert record_objects([found], "read", "arn:aws:s3:::bar")
