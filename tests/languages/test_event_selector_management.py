"""Which management events get through event selectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.analysis.cloudtrail.recording import recorded_management
from orgaudit.languages.event_selector import (
    AdvancedSelector,
    BasicSelector,
    FieldSelector,
    ManagementEvents,
    management_events,
)
from tests.factories import MANAGEMENT_FIELD, a_selection, a_trail, advanced, basic, field

KMS, RDS = "kms.amazonaws.com", "rdsdata.amazonaws.com"
ALL = "all management events"
NONE = "no management events"
READS, WRITES = field("readOnly", "true"), field("readOnly", "false")
NO_KMS, NO_RDS = (field("eventSource", not_equals=(source,)) for source in (KMS, RDS))
S3_DATA = advanced(field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object"))


def managed(*narrower: FieldSelector, name: str = "") -> AdvancedSelector:
    return advanced(MANAGEMENT_FIELD, *narrower, name=name)


@pytest.mark.parametrize(
    ("selectors", "said"),
    [
        ([], ALL),
        ([basic()], ALL),
        ([basic("ReadOnly")], "only read management events"),
        ([basic("WriteOnly")], "only write management events"),
        ([basic("ReadOnly"), basic("WriteOnly")], ALL),
        ([basic("ReadOnly"), basic("ReadOnly")], "only read management events"),
        ([basic(management=False)], NONE),
        ([basic(management=False), basic("WriteOnly")], "only write management events"),
        ([basic("Sometimes")], NONE),
        ([basic(excluding=[KMS])], f"{ALL} except those of {KMS}"),
        ([basic(excluding=[RDS, KMS])], f"{ALL} except those of {KMS}, {RDS}"),
        ([basic(excluding=[KMS]), basic(excluding=[RDS])], ALL),
        ([basic("ReadOnly", excluding=[KMS]), basic("WriteOnly")], f"{ALL} except those of {KMS}"),
        ([managed()], ALL),
        ([managed(name="Management events selector")], ALL),
        ([managed(READS, name="Management events selector")], "only read management events"),
        ([managed(WRITES)], "only write management events"),
        ([managed(READS), managed(WRITES)], ALL),
        ([managed(field("readOnly", "true", "false"))], ALL),
        ([managed(field("readOnly", not_equals=("true",)))], "only write management events"),
        ([managed(field("readOnly", "TRUE"))], "only read management events"),
        ([managed(field("readOnly", "true", not_equals=("true",)))], NONE),
        ([managed(NO_KMS)], f"{ALL} except those of {KMS}"),
        ([managed(READS, NO_KMS), managed(WRITES)], f"{ALL} except those of {KMS}"),
        ([managed(NO_KMS), managed(NO_RDS)], ALL),
        ([managed(field("eventSource", "s3.amazonaws.com"))], NONE),
        ([managed(field("eventName", "CreateUser"))], NONE),
        ([managed(field("eventName", not_equals=("Decrypt",)))], NONE),
        ([managed(field("readOnly", other=True))], NONE),
        ([managed(READS, field("readOnly", "true", "false"))], NONE),
        ([S3_DATA], NONE),
        ([S3_DATA, managed()], ALL),
        ([S3_DATA, managed(READS)], "only read management events"),
        ([advanced(READS)], NONE),
        ([advanced(field("eventCategory", "NetworkActivity"))], NONE),
        ([advanced(field("eventCategory", not_equals=("Data",)))], NONE),
    ],
)
def test_what_is_recorded(selectors: list[BasicSelector | AdvancedSelector], said: str) -> None:
    recorded = recorded_by(selectors)
    assert recorded.describe() == said
    assert recorded.complete == said.startswith(ALL)


def test_a_side_that_is_not_recorded_excludes_nothing() -> None:
    assert ManagementEvents(None, frozenset({KMS})).excluded == (KMS,)
    assert ManagementEvents(None, None).excluded == ()


SOURCES = st.lists(st.sampled_from([KMS, RDS]), unique=True)
BASIC = st.builds(basic, st.sampled_from(["All", "ReadOnly", "WriteOnly"]), management=st.booleans(), excluding=SOURCES)
NARROWER = st.sampled_from([READS, WRITES, NO_KMS, NO_RDS, field("eventName", "CreateUser")])
ADVANCED = st.builds(lambda fields: managed(*fields), st.lists(NARROWER, max_size=2, unique_by=lambda one: one.field))
SELECTORS = st.one_of(st.lists(BASIC, min_size=1), st.lists(ADVANCED | st.just(S3_DATA), min_size=1))


def recorded_by(selectors: list[BasicSelector | AdvancedSelector]) -> ManagementEvents:
    return recorded_management(a_selection(a_trail(), *selectors))


def holds(events: ManagementEvents, side: str, source: str) -> bool:
    excluded: frozenset[str] | None = getattr(events, side)
    return excluded is not None and source not in excluded


@given(SELECTORS)
def test_selectors_add_up(selectors: list[BasicSelector | AdvancedSelector]) -> None:
    """An event is recorded exactly when one of the selectors records it by itself."""
    together, apart = recorded_by(selectors), [recorded_by([one]) for one in selectors]
    for side in ("read", "write"):
        for source in (KMS, RDS, "iam.amazonaws.com"):
            assert holds(together, side, source) == any(holds(one, side, source) for one in apart)


@given(SELECTORS)
def test_order_and_names_are_ignored(selectors: list[BasicSelector | AdvancedSelector]) -> None:
    turned = list(reversed(selectors))
    renamed = [
        AdvancedSelector("All of it", one.fields) if isinstance(one, AdvancedSelector) else one for one in turned
    ]
    assert recorded_by(renamed) == recorded_by(selectors)


@given(st.lists(BASIC, min_size=1), st.lists(ADVANCED))
def test_more_selectors_never_record_less(some: list[BasicSelector], more: list[AdvancedSelector]) -> None:
    before, after = management_events(some, ()), management_events(some, more)
    for side, source in (("read", KMS), ("write", KMS), ("read", RDS), ("write", RDS)):
        assert holds(after, side, source) or not holds(before, side, source)
