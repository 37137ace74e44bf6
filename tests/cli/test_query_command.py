"""`orgaudit query`: its formats, where they are written, and how it lists what can be asked."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from orgaudit.cli import answers, orgaudit
from orgaudit.cli import query as command
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.query.meanings import MEANINGS
from orgaudit.query.tables import RunTables
from orgaudit.report.viewing import viewing
from orgaudit.store.comparison import Comparison, changes_table, write_comparison
from orgaudit.store.query import Answer, query
from orgaudit.store.run import Run
from orgaudit.store.tables import opened, write_parquet
from tests.query.shards import write_shards
from tests.report import hostile
from tests.report.small import REGISTER, store
from tests.synthetic_run import MANAGEMENT, build

VALUES = (
    "SELECT ['a', NULL] AS names, {'one': DATE '2026-01-02'} AS pair, MAP {'key': 1} AS tags, "
    "DATE '2026-01-02' AS day, TIMESTAMP '2026-01-02 03:04:05' AS moment, true AS yes, NULL AS nothing, "
    "170141183460469231731687303715884105727 AS huge, '=1+1' AS text"
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with facts and changes, which tests only read."""
    run = build(tmp_path_factory.mktemp("command") / "run")
    store(run, REGISTER)
    write_shards(run)
    write_comparison(run, Comparison(baseline="before", baseline_date=date(2026, 1, 1)))
    with opened(run) as connection:
        row = (
            f"SELECT 'new' AS kind, 'high' AS severity, '{MANAGEMENT}' AS account_id, 'one' AS account_name, "
            "'Root' AS ou_path, 'eu-west-1' AS region, 'arn:x' AS resource, 'f' AS family, ['c'] AS controls, "
            "'t' AS title, '' AS owner, DATE '2026-01-01' AS first_seen, NULL::DATE AS due_on"
        )
        write_parquet(connection, row, changes_table(run))
    return run


def called(run: Run, *arguments: str) -> Result:
    return CliRunner().invoke(orgaudit, ["query", str(run.path), *arguments])


def test_csv_is_what_a_script_gets_and_shows_values_as_json_and_iso(stored: Run) -> None:
    (row,) = csv.DictReader(io.StringIO(called(stored, VALUES).stdout))
    assert row == {
        "names": '["a",null]', "pair": '{"one":"2026-01-02"}', "tags": '{"key":1}', "day": "2026-01-02",
        "moment": "2026-01-02T03:04:05", "yes": "true", "nothing": "",
        "huge": "170141183460469231731687303715884105727", "text": "=1+1",
    }  # fmt: skip


@pytest.mark.parametrize("option", ["--json", "--format=json"])
def test_json_keeps_the_nesting_and_the_numbers(stored: Run, option: str) -> None:
    (row,) = json.loads(called(stored, VALUES, option).stdout)
    assert row == {
        "names": ["a", None], "pair": {"one": "2026-01-02"}, "tags": {"key": 1}, "day": "2026-01-02",
        "moment": "2026-01-02T03:04:05", "yes": True, "nothing": None, "huge": 2**127 - 1, "text": "=1+1",
    }  # fmt: skip
    assert json.loads(called(stored, "SELECT 1 WHERE false", option).stdout) == []


def test_parquet_has_the_types_of_the_answer(stored: Run, tmp_path: Path) -> None:
    target = tmp_path / "answer.parquet"
    sql = "SELECT fingerprint, open, requirements FROM findings ORDER BY fingerprint"
    assert called(stored, sql, "--to", str(target)).exit_code == 0
    piped = called(stored, sql, "--format", "parquet")
    assert piped.stdout_bytes == target.read_bytes()
    with duckdb.connect() as connection, query(stored, sql, RunTables(stored).prepare) as answer:
        found = connection.execute("FROM read_parquet($1)", [str(target)])
        assert [str(column[1]) for column in found.description or ()][:2] == ["VARCHAR", "BOOLEAN"]
        assert found.fetchall() == list(answer.rows)


def test_parquet_is_not_printed_on_a_terminal(stored: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_on_terminal", lambda: True)
    result = called(stored, "SELECT 1", "--format", "parquet")
    assert result.exit_code == ExitCode.USAGE
    assert "--to" in result.stderr


@pytest.mark.parametrize(("name", "start"), [("a.csv", "one\n1\n"), ("a.json", '[{"one":1}]\n'), ("a", "one\n1\n")])
def test_a_file_is_written_in_the_format_of_its_name(stored: Run, tmp_path: Path, name: str, start: str) -> None:
    result = called(stored, "SELECT 1 AS one", "--to", str(tmp_path / name))
    assert (tmp_path / name).read_text() == start
    assert result.stdout == ""


def test_nothing_is_left_of_a_file_when_a_query_fails(stored: Run, tmp_path: Path) -> None:
    for form in ("csv", "json", "parquet"):
        sql = "SELECT error('no') FROM range(10000) WHERE range > 9000"
        result = called(stored, sql, "--to", str(tmp_path / f"a.{form}"))
        assert isinstance(result.exception, ConfigError)
    assert not list(tmp_path.iterdir())


def test_a_terminal_gets_a_table(stored: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_on_terminal", lambda: True)
    assert called(stored, "SELECT 1 AS one, 'x' AS two").stdout == "one  two\n---  ---\n1    x\n1 row\n"


@pytest.mark.parametrize("width", [80, 160])
def test_a_table_fits_and_says_what_it_leaves_out(hostile_run: Run, width: int) -> None:
    store(hostile_run, hostile.REGISTER)
    with query(hostile_run, "SELECT * FROM findings_flat", RunTables(hostile_run).prepare) as answer:
        file = io.StringIO()
        answers.write_table(answer, file, width)
    lines = file.getvalue().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    shown = len(lines[1].split())
    assert lines[-1] == f"and {len(answer.columns) - shown} more columns: --format csv or json has all"


def test_a_table_counts_the_rows_that_it_leaves_out() -> None:
    file = io.StringIO()
    answers.write_table(Answer(["n"], ((number,) for number in range(answers.ROWS + 1234))), file, 80)
    lines = file.getvalue().splitlines()
    assert len(lines) == answers.ROWS + 3
    assert lines[-1] == "and 1,234 more rows: --format csv or json has all"


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        (["a", "b"], ("x" * 50, "y" * 50), [39, 39]),
        (["a", "b"], ("x" * 5, "y" * 500), [5, 73]),
        (["only"], ("z" * 200,), [80]),
        ([*"abcdefghi"], tuple("w" * 20 for _ in range(9)), [11] * 6),
    ],
)
def test_the_widest_columns_are_narrowed_first(columns: list[str], row: tuple[str, ...], expected: list[int]) -> None:
    file = io.StringIO()
    answers.write_table(Answer(columns, iter([row])), file, 80)
    assert [len(part) for part in file.getvalue().splitlines()[1].split("  ")] == expected


def test_an_unknown_table_or_column_gets_a_suggestion(stored: Run) -> None:
    assert "did you mean findings_flat?" in str(called(stored, "SELECT * FROM findings_fat").exception)
    assert "did you mean facts_bucket?" in str(called(stored, "SELECT * FROM facts_buckt").exception)
    assert '"severity"' in str(called(stored, "SELECT sevrity FROM findings_flat").exception)
    assert "did you mean coverage?" in str(called(stored, "--tables", "coverge").exception)


def test_a_name_of_the_statement_itself_is_no_table_of_the_run(stored: Run) -> None:
    sql = "WITH Mine AS (SELECT count(*) AS n FROM Findings) SELECT n > 0 AS some FROM mine"
    assert called(stored, sql).stdout == "some\ntrue\n"


def test_changes_need_a_baseline(stored: Run, tmp_path: Path) -> None:
    assert (
        called(stored, "SELECT account_id, controls FROM changes").stdout
        == f'account_id,controls\n{MANAGEMENT},"[""c""]"\n'
    )
    alone = Run(shutil.copytree(stored.path, tmp_path / "alone"))
    changes_table(alone).unlink()
    write_comparison(alone, Comparison(why_none="there is no earlier audit"))
    assert "not compared: there is no earlier audit" in str(called(alone, "SELECT * FROM changes").exception)


def test_actions_and_exceptions_are_those_of_the_reports(stored: Run) -> None:
    with viewing(stored) as view:
        actions = [(it.rank, it.id, it.closes.issues, list(it.fingerprints)) for it in view.actions.actions]
        exceptions = [(it.entry.id, it.entry.state, it.entry.expires_on) for it in view.exceptions]
    assert actions
    assert exceptions
    assert asked(stored, "SELECT rank, id, issues, fingerprints FROM actions") == actions
    assert asked(stored, "SELECT id, state, expires_on FROM exceptions") == exceptions


def asked(run: Run, sql: str) -> list[tuple[Any, ...]]:
    with query(run, sql, RunTables(run).prepare) as answer:
        return list(answer.rows)


def test_every_table_is_listed_with_its_columns(stored: Run) -> None:
    lines = called(stored, "--tables").stdout.splitlines()
    starts = {line.partition(":")[0] for line in lines if not line.startswith(" ")}
    assert starts == set(RunTables(stored).names) > {*MEANINGS, "facts_bucket"}
    listed = called(stored, "--tables", "facts_bucket_acl").stdout
    assert "owner VARCHAR" in listed
    assert "owner_not_read VARCHAR: Why owner could not be read" in listed


@pytest.mark.parametrize("table", [*MEANINGS, "facts_bucket"])
def test_every_column_has_a_meaning_and_every_meaning_a_column(stored: Run, table: str) -> None:
    _, meanings = RunTables(stored).meaning(table)
    columns = {row[0] for row in asked(stored, f"SELECT column_name FROM (DESCRIBE {table})")}  # noqa: S608 - its name
    assert columns - {"tags"} == set(meanings) - {"tags"}
    assert all(text.endswith(".") for text in meanings.values())


@pytest.mark.parametrize("arguments", [(), ("SELECT 1", "--json", "--format", "csv"), ("SELECT 1", "--format", "yaml")])
def test_wrong_usage_is_refused(stored: Run, arguments: tuple[str, ...]) -> None:
    assert called(stored, *arguments).exit_code == ExitCode.USAGE


def test_what_was_changed_after_the_seal_is_refused_by_the_tables_that_are_named(demo_run: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(demo_run.path, tmp_path / "run"))
    shard, other = sorted((run.path / "facts").iterdir())[:2]
    shutil.copyfile(other, shard)
    assert asked(run, "SELECT count(*) > 0 FROM findings_flat") == [(True,)]
    result = called(run, "SELECT count(*) FROM facts_bucket")
    assert shard.name in str(result.exception)
    assert "UNVERIFIED" in called(run, "SELECT 1 FROM listings LIMIT 0", "--unverified").stderr
