"""What became of findings and issues between two runs, against a small judge in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings

from orgaudit.history.compare import MEMBER, compare, prepare
from orgaudit.history.sight import load_places
from orgaudit.model import GLOBAL
from orgaudit.store.kinds import CLOSING, OPENING, Kind
from tests.history.invented import ACCOUNTS, CONTROLS, PER_REGION, SECOND, Invented, Key, cell_of
from tests.history.random_runs import sequences

A = ACCOUNTS[0]
THING = (A, PER_REGION, "eu-west-1", "thing/0")
OTHER = (A, SECOND, "eu-west-1", "thing/0")
CELL = THING[:3]
FAMILIES = {PER_REGION: "ec2_family", SECOND: "ec2_family"}
COLUMNS = (
    "fingerprint VARCHAR, control VARCHAR, family VARCHAR, account_id VARCHAR, region VARCHAR, resource VARCHAR, "
    "severity VARCHAR, status VARCHAR, open BOOLEAN, covered BOOLEAN, counted BOOLEAN, reopened INTEGER, due_on DATE, "
    "inherited_from VARCHAR"
)


@contextmanager
def compared(
    old: Invented,
    new: Invented,
    *,
    reopened: Mapping[Key, int] | None = None,
    changed: Mapping[str, bool] | None = None,
    again: Mapping[Key, str] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compare two runs in memory; `changed` are controls with whether they were judged again, with `again`."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        prepare(connection)
        for name, run in (("old", old), ("new", new)):
            _load(connection, name, run, reopened or {} if name == "new" else {})
        for control, judged in (changed or {}).items():
            for account in ACCOUNTS:
                connection.execute("INSERT INTO changed VALUES (?, ?, ?)", [control, account, judged])
        for (account, control, region, resource), status in (again or {}).items():
            connection.execute(
                f"INSERT INTO judged_again SELECT {MEMBER}, ? FROM (SELECT NULL AS inherited_from, ? AS account_id, "  # noqa: S608
                "? AS region, ? AS resource, ? AS control)",
                [status, account, region, resource, control],
            )
        compare(connection, new.manifest())
        yield connection


def _load(connection: duckdb.DuckDBPyConnection, name: str, run: Invented, reopened: Mapping[Key, int]) -> None:
    connection.execute(f"CREATE TEMP TABLE {name}_findings ({COLUMNS})")
    for row in run.rows():
        key = row["account_id"], row["control"], row["region"], row["resource"]
        covered = key in run.covered
        del row["inherited_from"]
        connection.execute(
            f"INSERT INTO {name}_findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, true, ?, NULL, NULL)",  # noqa: S608
            [
                *({**row, "family": FAMILIES.get(row["control"], row["control"])}.values()),
                row["status"] == "FAIL" and not covered,
                covered,
                reopened.get(key, 0),
            ],
        )
    connection.execute(f"CREATE TEMP TABLE {name}_coverage (account_id VARCHAR, control VARCHAR, region VARCHAR)")
    if run.cells:
        connection.executemany(f"INSERT INTO {name}_coverage VALUES (?, ?, ?)", sorted(run.cells))  # noqa: S608
    load_places(connection, name, run.manifest())


def kinds(connection: duckdb.DuckDBPyConnection, table: str = "changed_issues") -> Counter[str]:
    """How many have each kind."""
    rows = connection.execute(f"SELECT kind::VARCHAR, count(*) FROM {table} GROUP BY kind").fetchall()  # noqa: S608
    return Counter(dict(rows))


def seen(day: int, *failing: Key, passing: tuple[Key, ...] = (), **changes: Any) -> Invented:
    """A run of the cells of both controls, in which these resources fail and pass."""
    statuses = {**dict.fromkeys(failing, "FAIL"), **dict.fromkeys(passing, "PASS")}
    run = Invented(date(2026, 1, day), cells=frozenset([CELL, OTHER[:3]]), statuses=statuses)
    return replace(run, **changes)


NONE_LEFT: dict[str, Any] = {"accounts": (ACCOUNTS[1],), "cells": frozenset()}
BLIND = frozenset([CELL])
PIECES: list[tuple[Invented, Invented, dict[str, object], Kind]] = [
    (seen(1), seen(2, THING), {}, Kind.NEW),
    (seen(1, passing=(THING,)), seen(2, THING), {}, Kind.NEW),
    (seen(1, passing=(THING,)), seen(2, THING), {"reopened": {THING: 1}}, Kind.REGRESSED),
    (seen(1, THING, covered=frozenset([THING])), seen(2, THING), {}, Kind.EXCEPTION_ENDED),
    (seen(1, blind=BLIND), seen(2, THING), {}, Kind.NEWLY_CHECKED),
    (seen(1, cells=frozenset()), seen(2, THING), {}, Kind.NEWLY_CHECKED),
    (seen(1, **NONE_LEFT), seen(2, THING), {}, Kind.NEWLY_CHECKED),
    (seen(1, statuses={THING: "NOT_ASSESSED"}), seen(2, THING), {}, Kind.NEWLY_CHECKED),
    (seen(1, THING), seen(2, THING), {}, Kind.PERSISTENT),
    (seen(1, THING, passing=(OTHER,)), seen(2, OTHER, passing=(THING,)), {}, Kind.PERSISTENT),
    (seen(1, THING), seen(2, passing=(THING,)), {}, Kind.RESOLVED),
    (seen(1, THING), seen(2, statuses={THING: "NOT_APPLICABLE"}), {}, Kind.RESOLVED),
    (seen(1, THING), seen(2), {}, Kind.GONE),
    (seen(1, THING), seen(2, accounts=(), known=(), cells=frozenset()), {}, Kind.GONE),
    (seen(1, THING), seen(2, **NONE_LEFT), {}, Kind.NOT_CHECKED_AGAIN),
    (seen(1, THING), seen(2, blind=BLIND), {}, Kind.NOT_CHECKED_AGAIN),
    (seen(1, THING), seen(2, cells=frozenset([OTHER[:3]])), {}, Kind.NOT_CHECKED_AGAIN),
    (seen(1, THING), seen(2, statuses={THING: "MANUAL"}), {}, Kind.NOT_CHECKED_AGAIN),
    (seen(1, THING, OTHER), seen(2, passing=(OTHER,), blind=BLIND), {}, Kind.NOT_CHECKED_AGAIN),
    (seen(1, THING), seen(2, THING, covered=frozenset([THING])), {}, Kind.EXCEPTION_BEGAN),
    (
        seen(1, passing=(THING,)),
        seen(2, THING),
        {"changed": {PER_REGION: True}, "again": {THING: "FAIL"}},
        Kind.STRICTER,
    ),
    (seen(1, passing=(THING,)), seen(2, THING), {"changed": {PER_REGION: True}, "again": {THING: "PASS"}}, Kind.NEW),
    (
        seen(1, passing=(THING,)),
        seen(2, THING),
        {"changed": {PER_REGION: True}, "again": {THING: "NOT_ASSESSED"}},
        Kind.NEW_RULES,
    ),
    (seen(1, passing=(THING,)), seen(2, THING), {"changed": {PER_REGION: False}}, Kind.NEW_RULES),
    (
        seen(1, THING),
        seen(2, passing=(THING,)),
        {"changed": {PER_REGION: True}, "again": {THING: "PASS"}},
        Kind.MORE_LENIENT,
    ),
    (
        seen(1, THING),
        seen(2, passing=(THING,)),
        {"changed": {PER_REGION: True}, "again": {THING: "FAIL"}},
        Kind.RESOLVED,
    ),
    (seen(1, THING), seen(2, passing=(THING,)), {"changed": {PER_REGION: False}}, Kind.OLD_RULES),
]


@pytest.mark.parametrize(("old", "new", "more", "kind"), PIECES, ids=[str(n) for n in range(len(PIECES))])
def test_pieces_of_a_story(old: Invented, new: Invented, more: dict[str, object], kind: Kind) -> None:
    with compared(old, new, **more) as connection:  # type: ignore[arg-type]
        assert kinds(connection) == {str(kind): 1}


def test_every_kind_has_a_piece_and_one_place_in_the_order() -> None:
    assert {kind for *_, kind in PIECES} == {*Kind} == {*OPENING, *CLOSING, Kind.PERSISTENT}
    assert len(OPENING) + len(CLOSING) + 1 == len(Kind)


def test_an_issue_has_the_severity_of_what_is_open_now() -> None:
    with compared(seen(1, THING, OTHER), seen(2, OTHER, passing=(THING,))) as connection:
        assert connection.execute("SELECT severity FROM changed_issues").fetchall() == [(1,)]
    with compared(seen(1, THING, OTHER), seen(2)) as connection:
        assert connection.execute("SELECT severity FROM changed_issues").fetchall() == [(3,)]


@settings(max_examples=50)
@given(runs=sequences(2, 2))
def test_sums_are_exact_for_random_runs(runs: list[Invented]) -> None:
    old, new = runs
    with compared(old, new) as connection:
        findings, issues = kinds(connection, "changed_findings"), kinds(connection)
    was, now = _open(old), _open(new)
    for found, before, after in ((findings, was, now), (issues, _issues(was), _issues(now))):
        by = {kind: found[str(kind)] for kind in Kind}
        assert found.total() == len(before | after)
        assert by[Kind.PERSISTENT] == len(before & after)
        assert by[Kind.PERSISTENT] + sum(by[kind] for kind in CLOSING) == len(before)
        assert by[Kind.PERSISTENT] + sum(by[kind] for kind in OPENING) == len(after)
    assert findings == _judged(old, new)
    assert issues == _judged_issues(old, new)


def _open(run: Invented) -> set[Key]:
    return {key for key, status in run.statuses.items() if status == "FAIL" and key not in run.covered}


def _issue(key: Key) -> tuple[str, ...]:
    return key[0], key[2], key[3], FAMILIES.get(key[1], key[1])


def _issues(keys: set[Key]) -> set[tuple[str, ...]]:
    return set(map(_issue, keys))


def _judged(old: Invented, new: Invented) -> Counter[str]:
    return Counter(str(_kind(old, new, key)) for key in _open(old) | _open(new))


def _judged_issues(old: Invented, new: Invented) -> Counter[str]:
    """Of the kinds of its open findings, an issue has the one that stands first."""
    was, now = _open(old), _open(new)
    members = defaultdict(set)
    for key in was | now:
        members[_issue(key)].add(key)
    found = []
    for keys in members.values():
        if keys & was and keys & now:
            found.append(Kind.PERSISTENT)
        else:
            found.append(min((_kind(old, new, key) for key in keys), key=[*OPENING, *CLOSING].index))
    return Counter(map(str, found))


def _kind(old: Invented, new: Invented, key: Key) -> Kind:
    was, now = key in _open(old), key in _open(new)
    if was and now:
        return Kind.PERSISTENT
    cell = (key[0], key[1], cell_of(key[1], key[2]))
    before, after = old.statuses.get(key), new.statuses.get(key)
    if now:
        if key in old.covered:
            return Kind.EXCEPTION_ENDED
        assessed = before in {"PASS", "NOT_APPLICABLE"} or (
            before is None and cell in old.cells and cell not in old.blind
        )
        return Kind.NEW if assessed else Kind.NEWLY_CHECKED
    if after == "FAIL":
        return Kind.EXCEPTION_BEGAN
    if after is not None:
        return Kind.NOT_CHECKED_AGAIN if after in {"NOT_ASSESSED", "MANUAL"} else Kind.RESOLVED
    gone = key[0] not in new.known or (cell in new.cells and cell not in new.blind)
    return Kind.GONE if gone else Kind.NOT_CHECKED_AGAIN


def test_controls_and_places_of_the_judge_are_those_of_the_runs() -> None:
    assert {GLOBAL, "eu-west-1"} == {cell_of(name, "eu-west-1") for name in CONTROLS}
