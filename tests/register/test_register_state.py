from datetime import UTC, date, datetime

import pytest

from orgaudit.model import EntryState
from orgaudit.register.entries import ExceptionDraft
from orgaudit.register.state import days_left, state_of, today
from tests.register.making import entry

ON = date(2025, 3, 1)


def happened(*events: tuple[str, str]) -> list[dict[str, str]]:
    return [{"when": when, "who": "jo", "what": what, "why": "because"} for when, what in events]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, EntryState.ACTIVE),
        ({"expires_on": "2025-04-01"}, EntryState.ACTIVE),
        ({"expires_on": "2025-03-31"}, EntryState.EXPIRING),
        ({"expires_on": "2025-03-01"}, EntryState.EXPIRING),
        ({"expires_on": "2025-02-28"}, EntryState.EXPIRED),
        ({"starts_on": "2025-03-01"}, EntryState.ACTIVE),
        ({"starts_on": "2025-03-02"}, EntryState.SCHEDULED),
        ({"approved_on": "2025-03-02"}, EntryState.PENDING),
        ({"approved_by": None, "approved_on": None}, EntryState.PENDING),
        ({"approved_by": None, "approved_on": None, "expires_on": "2025-02-01"}, EntryState.PENDING),
        ({"history": happened(("2025-02-01", "revoked"))}, EntryState.REVOKED),
        ({"history": happened(("2025-03-01", "rejected"))}, EntryState.REJECTED),
        ({"history": happened(("2025-03-02", "revoked"))}, EntryState.ACTIVE),
        ({"history": happened(("2025-02-01", "rejected"), ("2025-02-01", "approved"))}, EntryState.ACTIVE),
        ({"history": happened(("2025-02-01", "revoked"), ("2025-02-02", "commented"))}, EntryState.REVOKED),
        ({"history": happened(("2025-02-01", "revoked")), "expires_on": "2025-02-02"}, EntryState.REVOKED),
    ],
)
def test_the_state_follows_from_the_date(changes: dict[str, object], state: EntryState) -> None:
    assert state_of(entry(**({"expires_on": "2025-04-01"} | changes)), ON, 30) is state


def test_a_draft_is_a_draft_until_it_is_rejected() -> None:
    draft = ExceptionDraft.model_validate({"id": "EXC-2025-0001"})
    assert state_of(draft, ON, 30) is EntryState.DRAFT
    rejected = draft.model_validate({"id": draft.id, "history": happened(("2025-01-01", "rejected"))})
    assert state_of(rejected, ON, 30) is EntryState.REJECTED


def test_only_active_and_expiring_cover() -> None:
    assert {state for state in EntryState if state.covers} == {EntryState.ACTIVE, EntryState.EXPIRING}


def test_days_left_counts_down_through_zero() -> None:
    assert [days_left(entry(expires_on=f"2025-03-0{day}"), date(2025, 3, 2)) for day in (1, 2, 3)] == [-1, 0, 1]


@pytest.mark.parametrize(
    ("zone", "last_minute", "first_minute"),
    [
        ("UTC", datetime(2025, 3, 31, 23, 59, tzinfo=UTC), datetime(2025, 4, 1, 0, 1, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2025, 4, 1, 6, 59, tzinfo=UTC), datetime(2025, 4, 1, 7, 1, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2025, 3, 31, 9, 59, tzinfo=UTC), datetime(2025, 3, 31, 10, 1, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2025, 3, 31, 18, 14, tzinfo=UTC), datetime(2025, 3, 31, 18, 16, tzinfo=UTC)),
    ],
)
def test_an_exception_ends_when_its_last_day_ends_in_the_registers_zone(
    zone: str, last_minute: datetime, first_minute: datetime
) -> None:
    exception = entry(expires_on="2025-03-31")
    assert state_of(exception, today(last_minute, zone), 30) is EntryState.EXPIRING
    assert state_of(exception, today(first_minute, zone), 30) is EntryState.EXPIRED
