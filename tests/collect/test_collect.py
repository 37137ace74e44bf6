"""One account's surprise is a gap of that account: it never takes the others down, and says so in one line."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from orgaudit.aws.access import Access
from orgaudit.collect.account import collect_account
from orgaudit.errors import AccessError
from orgaudit.model import Account, GapReason
from orgaudit.settings.sections import Sections
from orgaudit.store.shards import Spool

ACCOUNT = Account(id="111111111111", name="One")


class Broken:
    """An access in which entering an account ends in an error that nobody foresaw."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def enter(self, account_id: str) -> Any:
        raise self.error


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
async def test_a_surprise_is_a_gap_and_one_line(level: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(level, logger="orgaudit")
    error = ExceptionGroup("many", [ZeroDivisionError("by zero")])
    lines = Spool()
    found = await collect_account(cast("Access", Broken(error)), ACCOUNT, [], Sections(), lines)
    assert (found.header.account, found.header.lines, list(lines)) == (ACCOUNT, 0, [])
    gap = found.record.gap
    assert gap is not None
    assert (gap.account_id, gap.reason) == (ACCOUNT.id, GapReason.DEFECT)
    assert "ExceptionGroup: many" in gap.message
    first, *more = caplog.records
    assert first.getMessage().startswith(f"account {ACCOUNT.id} could not be collected: ExceptionGroup: many")
    assert first.exc_info is None
    assert [bool(record.exc_info) for record in more] == ([True] if level == logging.INFO else [])


async def test_what_ends_the_run_still_does() -> None:
    with pytest.raises(AccessError, match="no way"):
        await collect_account(cast("Access", Broken(AccessError("no way"))), ACCOUNT, [], Sections(), Spool())


async def test_a_surprise_that_quotes_a_secret_is_a_gap_without_it() -> None:
    error = ValueError("SessionToken=FwoGZXIvYXdzEXAMPLE")
    found = await collect_account(cast("Access", Broken(error)), ACCOUNT, [], Sections(), Spool())
    assert found.record.gap is not None
    assert found.record.gap.message == "the collection of the account failed: ValueError: SessionToken=***"
