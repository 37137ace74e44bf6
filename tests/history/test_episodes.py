"""The history that a run carries, against a small judge in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgaudit.history.episodes import HISTORY_COLUMNS, JUDGED_COLUMNS, carry_forward, make_empty
from orgaudit.history.sight import load_places
from orgaudit.model import GLOBAL
from tests.history.invented import ACCOUNTS, PER_ACCOUNT, PER_REGION, Invented, cell_of, key_of
from tests.history.random_runs import sequences, with_taken

A = ACCOUNTS[0]
THING = (A, PER_REGION, "eu-west-1", "thing/0")
CELL = THING[:3]
History = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 1}) as opened:
        yield opened


def carried(connection: duckdb.DuckDBPyConnection, runs: list[Invented]) -> History:
    """The history after these runs, each carried from the one before."""
    make_empty(connection, "history")
    for run in runs:
        columns = ", ".join(f"{name} {kind}" for name, kind in JUDGED_COLUMNS.items())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE now_findings ({columns})")
        if rows := run.rows():
            connection.executemany(
                "INSERT INTO now_findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [[row[name] for name in JUDGED_COLUMNS] for row in rows],
            )
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE now_coverage (account_id VARCHAR, control VARCHAR, region VARCHAR)"
        )
        if run.cells:
            connection.executemany("INSERT INTO now_coverage VALUES (?, ?, ?)", sorted(run.cells))
        load_places(connection, "now", run.manifest())
        carry_forward(connection, "now", run.manifest(), old="history", day=run.day, into="next")
        connection.execute("CREATE OR REPLACE TEMP TABLE history AS FROM next")
    stored = connection.execute("FROM history").fetchall()
    found = [dict(zip(HISTORY_COLUMNS, row, strict=True)) for row in stored]
    assert len({row["fingerprint"] for row in found}) == len(found)
    return {row["fingerprint"]: row for row in found}


def judged(runs: list[Invented]) -> History:
    """The same in plain Python, one resource at a time."""
    known: History = {}
    for run in runs:
        rows = {row["fingerprint"]: row for row in run.rows()}
        for key, row in rows.items():
            known.setdefault(
                key, {"status": None, "last_seen": None, "first_seen": None, "reopened": 0, "failed": False}
            )
            own = {name: row[name] for name in JUDGED_COLUMNS if name not in {"status", "inherited_from"}}
            known[key].update(own, gone=False)
        for key, entry in known.items():
            if key in rows:
                places = (rows[key]["account_id"], rows[key]["inherited_from"])
                _found(entry, rows[key]["status"], min(run.taken.get(place, run.day) for place in places))
            elif entry["gone"] or _is_gone(run, entry):
                entry.update(gone=True, first_seen=None)
    return known


def _found(entry: dict[str, Any], status: str, day: date) -> None:
    if status == "NOT_ASSESSED" or (status == "MANUAL" and entry["first_seen"]):
        entry["status"] = entry["status"] or status
        return
    entry["status"], entry["last_seen"] = status, day
    if status != "FAIL":
        entry["first_seen"] = None
    elif entry["first_seen"] is None:
        entry["reopened"] += entry["failed"]
        entry["first_seen"], entry["failed"] = day, True


def _is_gone(run: Invented, entry: dict[str, Any]) -> bool:
    if entry["account_id"] not in run.known:
        return True
    cell = entry["account_id"], entry["control"], cell_of(entry["control"], entry["region"])
    return cell in run.cells and cell not in run.blind


def seen(day: int, status: str = "", **changes: Any) -> Invented:
    """A run of one cell, in which one resource has a status or does not exist."""
    run = Invented(date(2026, 1, day), cells=frozenset([CELL]), statuses={THING: status} if status else {})
    return replace(run, **changes)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([seen(1, "FAIL"), seen(2, "FAIL")], ("FAIL", 2, 1, 0, False)),
        ([seen(1, "FAIL"), seen(2, "PASS")], ("PASS", 2, None, 0, False)),
        ([seen(1, "FAIL"), seen(2, "PASS"), seen(3, "FAIL")], ("FAIL", 3, 3, 1, False)),
        ([seen(1, "PASS"), seen(2, "FAIL")], ("FAIL", 2, 2, 0, False)),
        ([seen(1, "FAIL"), seen(2, "NOT_ASSESSED"), seen(3, "FAIL")], ("FAIL", 3, 1, 0, False)),
        ([seen(1, "FAIL"), seen(2, "NOT_ASSESSED")], ("FAIL", 1, 1, 0, False)),
        ([seen(1, "FAIL"), seen(2, "MANUAL")], ("FAIL", 1, 1, 0, False)),
        ([seen(1, "FAIL"), seen(2, blind=frozenset([CELL]))], ("FAIL", 1, 1, 0, False)),
        ([seen(1, "FAIL"), seen(2, cells=frozenset())], ("FAIL", 1, 1, 0, False)),
        ([seen(1, "FAIL"), seen(2)], ("FAIL", 1, None, 0, True)),
        ([seen(1, "FAIL"), seen(2), seen(3, "FAIL")], ("FAIL", 3, 3, 1, False)),
        ([seen(1, "FAIL"), seen(2), seen(3, cells=frozenset())], ("FAIL", 1, None, 0, True)),
        ([seen(1, "FAIL"), seen(2, accounts=(), known=(), cells=frozenset())], ("FAIL", 1, None, 0, True)),
        ([seen(1, "FAIL"), seen(2, accounts=(ACCOUNTS[1],), cells=frozenset())], ("FAIL", 1, 1, 0, False)),
        ([seen(1, "NOT_ASSESSED")], ("NOT_ASSESSED", None, None, 0, False)),
    ],
)
def test_pieces_of_a_story(
    connection: duckdb.DuckDBPyConnection, runs: list[Invented], expected: tuple[object, ...]
) -> None:
    row = carried(connection, runs)[key_of(*THING)]
    days = tuple(day and day.day for day in (row["last_seen"], row["first_seen"]))
    assert (row["status"], *days, row["reopened"], row["gone"]) == expected


def test_what_an_account_has_once_is_gone_where_its_one_cell_was_seen(connection: duckdb.DuckDBPyConnection) -> None:
    bucket = (A, PER_ACCOUNT, "us-east-1", "thing/0")
    cell = (A, PER_ACCOUNT, GLOBAL)
    first = Invented(date(2026, 1, 1), cells=frozenset([cell]), statuses={bucket: "FAIL"})
    unseen = Invented(date(2026, 1, 2), cells=frozenset([cell]), blind=frozenset([cell]))
    whole = Invented(date(2026, 1, 2), cells=frozenset([cell]))
    assert [carried(connection, [first, run])[key_of(*bucket)]["gone"] for run in (unseen, whole)] == [False, True]


TAKEN = {A: date(2026, 1, 2)}
HOME = {"taken": {ACCOUNTS[1]: date(2026, 1, 2)}, "homes": {THING: ACCOUNTS[1]}}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([seen(1, "FAIL"), seen(3, "FAIL", taken=TAKEN)], ("FAIL", 2, 1, 0, False)),
        ([seen(1, "PASS"), seen(3, "FAIL", taken=TAKEN)], ("FAIL", 2, 2, 0, False)),
        ([seen(1, "FAIL"), seen(3, "PASS", taken=TAKEN)], ("PASS", 2, None, 0, False)),
        ([seen(1, "FAIL"), seen(3, "PASS", **HOME)], ("PASS", 2, None, 0, False)),
        ([seen(1, "FAIL"), seen(3, "FAIL", taken={ACCOUNTS[1]: date(2026, 1, 2)})], ("FAIL", 3, 1, 0, False)),
    ],
)
def test_what_was_taken_over_was_seen_when_it_was_collected(
    connection: duckdb.DuckDBPyConnection, runs: list[Invented], expected: tuple[object, ...]
) -> None:
    test_pieces_of_a_story(connection, runs, expected)


@settings(max_examples=50)
@given(runs=sequences().flatmap(lambda found: st.tuples(*map(with_taken, found)).map(list)))
def test_history_is_what_plain_python_says(runs: list[Invented]) -> None:
    with duckdb.connect(":memory:", config={"threads": 1}) as opened:
        found = carried(opened, runs)
    expected = judged(runs)
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row == expected[key], row
