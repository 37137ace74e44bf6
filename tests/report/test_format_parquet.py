"""The flat tables as Parquet: every value of the view under its column, typed, in the order of the reports."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from orgaudit.errors import ReportError
from orgaudit.model import Finding
from orgaudit.report import flat
from orgaudit.report.flat import FlatTable
from orgaudit.report.formats import FORMATS, parquet
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run
from tests.report import flat_rows, hostile
from tests.report.flat_rows import Row, with_json
from tests.report.small import AS_OF, REGISTER, decided, mark, viewed

EXPECTED: dict[str, Callable[[View], Iterator[Row]]] = {
    "report.flat-findings": flat_rows.findings,
    "report.flat-requirements": flat_rows.requirements,
}
BY_FILE = {table.file: table for table in flat.TABLES}


def loaded(path: Path) -> list[Row]:
    """Return the rows as another program reads them; times are aware, as expected ones are."""
    with duckdb.connect() as connection:
        cursor = connection.execute("FROM read_parquet($1)", [str(path)])
        names = [column[0] for column in cursor.description or ()]
        rows = [with_json(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    return [
        {name: value.replace(tzinfo=UTC) if name == "assessed_at" else value for name, value in row.items()}
        for row in rows
    ]


def assert_whole(view: View, paths: Sequence[Path]) -> None:
    assert [path.name for path in paths] == ["report.flat-findings.parquet", "report.flat-requirements.parquet"]
    for path in paths:
        rows, expected = loaded(path), list(EXPECTED[path.stem](view))
        assert expected
        assert set(rows[0]) == set(expected[0]) == {column.name for column in BY_FILE[path.stem].columns}
        assert rows == expected


def test_every_value_of_the_view_is_in_its_column(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        assert_whole(view, parquet.write(view, tmp_path / "out"))
        states = {row["exception_state"] for row in loaded(tmp_path / "out" / "report.flat-findings.parquet")}
        assert states == {None, "active", "expired"}


def late(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Mark the findings as the small run's register does, and give each a day by which it is to be fixed."""
    due = itertools.cycle((AS_OF - timedelta(days=9), AS_OF, AS_OF + timedelta(days=9), None))
    for finding, day in zip(mark(findings), due, strict=False):
        yield msgspec.structs.replace(finding, first_seen=date(2026, 9, 1), due_on=day, reopened=2)


def test_only_what_is_open_is_late_and_only_past_its_day(small: Run, tmp_path: Path) -> None:
    with viewed(small, decided(late)) as view:
        paths = parquet.write(view, tmp_path)
        assert_whole(view, paths)
    days = {(row["open"], row["due_on"], row["days_open"], row["days_overdue"]) for row in loaded(paths[0])}
    early, later = AS_OF - timedelta(days=9), AS_OF + timedelta(days=9)
    assert {each for each in days if each[0]} == {
        (True, early, 30, 9), (True, AS_OF, 30, 0), (True, later, 30, 0), (True, None, 30, None)
    }  # fmt: skip
    assert {each[2:] for each in days if not each[0]} == {(None, None)}


def test_hostile_names_stay_the_text_that_they_are(hostile_run: Run, tmp_path: Path) -> None:
    with viewed(hostile_run, hostile.REGISTER) as view:
        assert_whole(view, parquet.write(view, tmp_path / "out"))


def test_the_demo_is_there_as_a_whole(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        paths = parquet.write(view, tmp_path / "out")
        assert_whole(view, paths)
        rows = loaded(paths[0])
    assert len(rows) == view.findings_total > 2048, "more than one group of rows"
    assert {row["status"] for row in rows} >= {"PASS", "FAIL", "NOT_ASSESSED", "NOT_APPLICABLE", "MANUAL"}
    assert any(row["inherited_from"] for row in rows)
    assert any(row["exception_days_overdue"] for row in rows)
    assert any(row["gap_action"] for row in rows)


@pytest.mark.parametrize("table", flat.TABLES, ids=lambda table: table.name)
def test_types_are_those_that_the_table_says(small: Run, tmp_path: Path, table: FlatTable) -> None:
    with viewed(small, REGISTER) as view:
        parquet.write(view, tmp_path)
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE FROM read_parquet($1)", [str(tmp_path / f"{table.file}.parquet")])
        found = {row[0]: row[1] for row in described.fetchall()}
    assert found == {column.name: str(column.kind) for column in table.columns}
    assert {found["run_id"], found["fingerprint"], found["as_of"]} == {"VARCHAR", "DATE"}


def test_same_input_is_same_bytes(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        first = [path.read_bytes() for path in parquet.write(view, tmp_path / "first")]
    with viewing(small) as view:
        assert [path.read_bytes() for path in parquet.write(view, tmp_path / "second")] == first


def test_a_run_without_findings_gives_tables_without_rows(small: Run, tmp_path: Path) -> None:
    with viewed(small, decided(lambda _: iter(()))) as view:
        assert [loaded(path) for path in parquet.write(view, tmp_path)] == [[], []]


def test_figures_are_those_of_the_view(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view, duckdb.connect() as connection:
        path = str(parquet.write(view, tmp_path)[0])
        counted = "count(*) FILTER (counted AND {})"
        counts, issues = view.summary.counts, view.summary.issues
        asked = {
            counted.format("status = 'PASS'"): counts.passed,
            counted.format("status = 'FAIL'"): counts.failed,
            counted.format("covered"): counts.covered,
            counted.format("open"): counts.open,
            counted.format("status = 'NOT_ASSESSED' AND NOT accepted"): counts.not_assessed,
            "count(DISTINCT issue) FILTER (counted AND open)": issues.total,
        }
        (found,) = connection.execute(f"SELECT {', '.join(asked)} FROM read_parquet($1)", [path]).fetchall()  # noqa: S608
    assert list(found) == list(asked.values())
    assert all(found)


def test_what_an_earlier_writing_left_is_removed(small: Run, tmp_path: Path) -> None:
    left = tmp_path / "report.flat-old.parquet"
    left.write_bytes(b"")
    with viewed(small, REGISTER) as view:
        written = FORMATS["parquet"].write(view, tmp_path)
    assert not left.exists()
    assert all(path.is_file() for path in written)


def test_a_place_that_cannot_be_written_is_an_error(small: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        viewed(small, REGISTER) as view,
        pytest.raises(ReportError, match=r"cannot write .*report.flat-findings\.parquet"),
    ):
        parquet.write(view, tmp_path / "file")
