"""The flat tables as CSV: by the grammar of RFC 4180, every value under its column, and no text that runs."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orgaudit.report import flat
from orgaudit.report.formats import FORMATS, csv_files
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.spreadsheet.text import inert, printable
from orgaudit.store.run import Run
from tests.report import hostile
from tests.report.flat_rows import Row, with_json
from tests.report.small import REGISTER, decided, viewed
from tests.report.test_format_parquet import BY_FILE, EXPECTED

GRAMMAR = re.compile(
    rb'(?:(?:"(?:[^"\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|"")*+"|[^",\x00-\x08\x0a-\x1f\x7f]*+)(?:,|\r\n))*+', re.DOTALL
)
"""RFC 4180, section 2, with bytes of UTF-8 and, in quotes, tabs beside the characters that it names."""
JSON = ("evidence", "resource_tags")


def text_of(value: Any) -> str:
    """Return what CSV shows of a value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return inert(printable(value))
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def loaded(path: Path) -> list[Row]:
    """Return the rows as a program reads them that knows nothing but RFC 4180 and the mark of UTF-8."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [with_json(row) for row in csv.DictReader(file, strict=True)]


def assert_whole(view: View, paths: Sequence[Path]) -> None:
    assert [path.name for path in paths] == ["report.flat-findings.csv", "report.flat-requirements.csv"]
    for path in paths:
        content = path.read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        assert GRAMMAR.fullmatch(content.removeprefix(b"\xef\xbb\xbf"))
        expected = [
            {name: value if name in JSON else text_of(value) for name, value in row.items()}
            for row in EXPECTED[path.stem](view)
        ]
        assert expected
        assert loaded(path) == [printable_json(row) for row in expected]


def printable_json(row: Row) -> Row:
    """Return a row whose values that were JSON are as a text of them is after control characters were replaced."""

    def seen(value: Any) -> Any:
        if isinstance(value, dict):
            return {seen(key): seen(each) for key, each in value.items()}
        if isinstance(value, list):
            return [seen(each) for each in value]
        return UNESCAPED.sub(lambda match: printable(match[0]), value) if isinstance(value, str) else value

    return row | {name: seen(row[name]) for name in JSON if name in row}


UNESCAPED = re.compile("[\x7f\ufffe\uffff]")
"""What JSON does not escape, so that it is replaced in its text."""


def test_every_value_of_the_view_is_in_its_column(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        assert_whole(view, csv_files.write(view, tmp_path / "out"))


def test_hostile_names_stay_text_and_keep_the_grammar(hostile_run: Run, tmp_path: Path) -> None:
    with viewed(hostile_run, hostile.REGISTER) as view:
        paths = csv_files.write(view, tmp_path / "out")
        assert_whole(view, paths)
    texts = [
        row[column.name]
        for path in paths
        for row in loaded(path)
        for column in BY_FILE[path.stem].columns
        if column.kind is flat.Kind.TEXT and column.name not in JSON
    ]
    assert any(text.startswith("'=1+") for text in texts)
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


def test_the_demo_is_there_as_a_whole(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        assert_whole(view, csv_files.write(view, tmp_path / "out"))


def test_header_names_the_columns_in_their_order(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        for path in csv_files.write(view, tmp_path):
            header = path.read_text("utf-8-sig").partition("\n")[0]
            assert header.split(",") == [column.name for column in BY_FILE[path.stem].columns]


def test_an_empty_text_differs_from_a_missing_value(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        line = csv_files.write(view, tmp_path)[0].read_text("utf-8-sig").splitlines()[1]
    names = [column.name for column in flat.FINDINGS.columns]
    cells = dict(zip(names, re.findall(r'("(?:[^"]|"")*"|[^",]*)(?:,|$)', line), strict=False))
    assert (cells["owner"], cells["gap_reason"]) == ('""', "")


def test_same_input_is_same_bytes(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        first = [path.read_bytes() for path in csv_files.write(view, tmp_path / "first")]
    with viewing(small) as view:
        assert [path.read_bytes() for path in csv_files.write(view, tmp_path / "second")] == first


def test_a_run_without_findings_gives_the_headers(small: Run, tmp_path: Path) -> None:
    with viewed(small, decided(lambda _: iter(()))) as view:
        for path in csv_files.write(view, tmp_path):
            assert path.read_bytes().count(b"\r\n") == 1
            assert loaded(path) == []


def test_both_files_are_the_format_s(small: Run, tmp_path: Path) -> None:
    (tmp_path / "report.flat-old.csv").write_bytes(b"")
    with viewed(small, REGISTER) as view:
        written = FORMATS["csv"].write(view, tmp_path)
    assert sorted(tmp_path.glob("*.csv")) == sorted(written)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(csv_files.INERT)
        yield connection


@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.text("=+-@\t\r\n\x00\x0b\x1f\x7f'a\ufffe\uffff\U0001fffe")
)
@example("")
@example("\r=1")
@example("a\x00")
@example("'=1")
def test_sql_makes_of_a_text_what_python_does(database: duckdb.DuckDBPyConnection, text: str) -> None:
    assert database.execute("SELECT inert($1)", [text]).fetchall() == [(inert(printable(text)),)]


def test_sql_leaves_a_missing_value(database: duckdb.DuckDBPyConnection) -> None:
    assert database.execute("SELECT inert(NULL)").fetchall() == [(None,)]
