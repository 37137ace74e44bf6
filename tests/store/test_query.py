"""Queries: what people may ask of a run, that no statement can change or read anything else, and that each one ends."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from orgaudit.cli import orgaudit
from orgaudit.errors import ConfigError, ExitCode, ReportError
from orgaudit.query.meanings import MEANINGS
from orgaudit.query.tables import RunTables
from orgaudit.store import query as module
from orgaudit.store import tables
from orgaudit.store.query import BATCH, Named, Prepare, query, query_to_parquet
from orgaudit.store.run import Run
from tests.query.answering import forked_answers
from tests.query.shards import write_shards
from tests.report.small import REGISTER, store
from tests.synthetic_run import MANAGEMENT, account_id, build

__all__ = ["forked_answers"]

pytestmark = pytest.mark.usefixtures("forked_answers")

MANY = 1_000_000
"""Findings of a large organization."""

COPIED = "(SELECT 1 AS one) TO '{findings}' (FORMAT parquet, USE_TMP_FILE false)"
"""What overwrites the evidence, behind COPY."""
WRITING = (
    "COPY {copied}",
    "EXPLAIN ANALYZE COPY {copied}",
    "EXPLAIN COPY {copied}",
    "WITH x AS (COPY {copied}) SELECT * FROM x",
    "WITH x AS (SELECT 1), y AS (COPY {copied}) SELECT * FROM x, y",
    "SELECT * FROM (WITH x AS (COPY {copied}) SELECT * FROM x)",
    "SELECT 1; COPY {copied}",
    "SELECT 1; SELECT 2",
    "PREPARE p AS COPY {copied}",
    "COPY (SELECT 1) TO '{outside}/made.csv'",
    "COPY findings TO '{run}/facts/made.parquet'",
    "EXPORT DATABASE '{outside}/made'",
    "ATTACH '{outside}/made.db' AS made",
    "ATTACH '{run}/made.db'",
    "CREATE TABLE findings2 AS SELECT 1",
    "CREATE OR REPLACE VIEW findings AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "DROP VIEW findings",
    "WITH x AS (INSERT INTO accounts SELECT * FROM accounts RETURNING 1) SELECT * FROM x",
    "WITH x AS (DELETE FROM accounts RETURNING 1) SELECT * FROM x",
    "UPDATE accounts SET name = ''",
    "TRUNCATE controls",
    "VACUUM",
    "CHECKPOINT",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{outside}/made.duckdb_extension'",
    "PRAGMA database_list",
    "PRAGMA enable_profiling='json'",
    "PRAGMA profiling_output='{outside}/made.json'",
    "SET memory_limit = '10GB'",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '{outside}'",
    "RESET lock_configuration",
    "CALL enable_logging(storage = 'file', storage_path = '{outside}')",
    "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{outside}/made')",
    "SELECT * FROM enable_profiling(format = 'json', save_location = '{findings}')",
    "SELECT * FROM json_execute_serialized_sql('{{}}')",
    "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{findings}'') SELECT 1')",
)
READING = (
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_json('{run}/run.json')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM glob('{outside}/*')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM '{findings}'",
    "SELECT * FROM read_parquet('{findings}')",
    "SELECT * FROM parquet_metadata('{findings}')",
    "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    "SELECT * FROM read_duckdb('{outside}/x.db')",
    "FROM read_text('{secret}')",
    "SELECT (SELECT content FROM read_text('{secret}'))",
    "SELECT * FROM accounts WHERE id IN (SELECT content FROM read_text('{secret}'))",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)",
    "SELEC 1",
    "SELECT no_such_column FROM findings",
    "PIVOT findings ON status",
    "",
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A consolidated run, which tests only copy."""
    run = build(tmp_path_factory.mktemp("stored") / "run")
    store(run, REGISTER)
    write_shards(run)
    return run


@pytest.fixture
def run(tmp_path: Path, stored: Run) -> Run:
    run = Run(shutil.copytree(stored.path, tmp_path / "run", symlinks=True))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("a secret\n")
    return run


@pytest.fixture
def there(run: Run, tmp_path: Path) -> Callable[[str], str]:
    """Return what puts the places of this test into a statement."""
    outside = tmp_path / "outside"
    places = {"run": run.path, "findings": tables.findings_table(run), "outside": outside}
    return lambda sql: sql.replace("{copied}", COPIED).format(**places, secret=outside / "secret.txt")


@pytest.fixture
def untouched(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where any file below the test's directory, or the working directory, changes, comes or goes."""
    monkeypatch.chdir(tmp_path)
    before = _files(tmp_path)
    yield
    assert _files(tmp_path) == before


def _files(directory: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in directory.rglob("*")
    }


def answered(run: Run, sql: str, seconds: float = 30) -> list[tuple[object, ...]]:
    with query(run, sql, prepared_of(run), seconds=seconds) as answer:
        return list(answer.rows)


def prepared_of(run: Run) -> Prepare:
    return RunTables(run).prepare


ALL = frozenset({*MEANINGS, "facts_bucket", "facts_bucket_versioning"} - {"changes"})
"""Every table of a run that was compared with nothing; of those of facts two."""


@contextmanager
def connected(run: Run) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Path]]]:
    """Open all tables as the process that answers does, with the files that it may read."""
    with tables.scratch_of(run) as scratch:
        prepared = RunTables(run).prepare(Named(ALL, frozenset()), scratch)
        with tables.connected(run, prepared.tables, scratch) as connection:
            for statement in prepared.statements:
                connection.execute(statement)
            yield connection, prepared.allowed


def rows(connection: duckdb.DuckDBPyConnection, sql: str, _target: Path) -> None:
    connection.execute(sql).fetchall()


def parquet(connection: duckdb.DuckDBPyConnection, sql: str, target: Path) -> None:
    connection.sql(sql).write_parquet(str(target))


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("answer", [rows, parquet])
@pytest.mark.parametrize("sql", [*WRITING, *READING])
def test_statement_that_does_more_than_select_from_the_tables_is_refused(
    run: Run,
    there: Callable[[str], str],
    sql: str,
    answer: Callable[[duckdb.DuckDBPyConnection, str, Path], None],
) -> None:
    with connected(run) as (connection, files):
        target = files[0].parent / module.ANSWER_AS_PARQUET

        def ask() -> None:
            module.check(there(sql))
            module.close(connection, [*files, target])
            answer(connection, there(sql), target)

        with pytest.raises((ConfigError, duckdb.Error)) as raised:
            ask()
    assert "a secret" not in str(raised.value)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("sql", [*WRITING[:4], *READING[:2], "SELEC 1", "SELECT no_such_column FROM findings"])
@pytest.mark.parametrize("ask", [query, query_to_parquet])
def test_refusal_is_an_error_of_the_statement(
    run: Run, there: Callable[[str], str], sql: str, ask: Callable[..., AbstractContextManager[Any]]
) -> None:
    with pytest.raises(ConfigError, match=r"^SQL: "), ask(run, there(sql), prepared_of(run)):
        pass
    assert not active_children()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("answer", [rows, parquet])
@pytest.mark.parametrize("sql", WRITING)
def test_no_statement_reaches_the_evidence_through_the_connection_alone(
    run: Run,
    there: Callable[[str], str],
    sql: str,
    answer: Callable[[duckdb.DuckDBPyConnection, str, Path], None],
) -> None:
    """What the reading of the statement would let through still meets copies and a connection that is shut."""
    with connected(run) as (connection, files):
        target = files[0].parent / module.ANSWER_AS_PARQUET
        module.close(connection, [*files, target])
        with suppress(duckdb.Error, AttributeError):  # what is no query has no relation that could be written
            answer(connection, there(sql), target)
        with pytest.raises(duckdb.Error):
            connection.execute(there("SELECT * FROM read_text('{secret}')"))


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("table", sorted(ALL))
def test_no_table_leads_to_a_file_or_can_be_changed(run: Run, there: Callable[[str], str], table: str) -> None:
    with connected(run) as (connection, files):

        def ask(sql: str) -> None:
            module.check(sql)
            connection.execute(sql).fetchall()

        module.close(connection, files)
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() > [(0,)]  # noqa: S608 - its name
        for sql in (
            "COPY {table} TO '{outside}/made.csv'",
            "COPY {table} TO '{findings}'",
            "SELECT * FROM {table}, read_text('{secret}')",
            "SELECT getenv('HOME') FROM {table}",
            "CREATE OR REPLACE VIEW {table} AS SELECT content FROM read_text('{secret}')",
            "SELECT * FROM {table} WHERE 'a secret' IN (SELECT content FROM read_blob('{secret}'))",
        ):
            with pytest.raises((ConfigError, duckdb.Error)):
                ask(there(sql.replace("{table}", table)))


def test_files_that_a_statement_may_read_are_copies_and_its_answer(run: Run) -> None:
    with connected(run) as (_, files):
        assert all(path.parent.parent == run.path and path.parent.name.startswith(".tables.") for path in files)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1 AS one, 'x' AS two", [(1, "x")]),
        ("FROM controls SELECT count(*) > 1", [(True,)]),
        ("WITH failed AS (SELECT * FROM findings WHERE status = 'FAIL') SELECT count(*) FROM failed", [(9,)]),
        ("WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT max(n) FROM t", [(5,)]),
        ("SELECT count(*) FROM (SELECT unnest(requirements) FROM findings) WHERE false", [(0,)]),
        ("SELECT sum(range) FROM range(4)", [(6,)]),
        ("SELECT 1 UNION ALL SELECT 2", [(1,), (2,)]),
        ("SELECT id FROM accounts WHERE id = 'read_text(''x'')'", []),
        ("SELECT count(*) FROM (DESCRIBE accounts) WHERE column_name = 'name'", [(1,)]),
    ],
)
def test_select_is_answered(run: Run, sql: str, found: list[tuple[object, ...]]) -> None:
    assert answered(run, sql) == found


def test_answer_names_its_columns(run: Run) -> None:
    with query(run, "SELECT 1 AS one, 'x' AS two", prepared_of(run)) as answer:
        assert answer.columns == ["one", "two"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b",
        "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",  # does not heed an interrupt
        "SELECT sleep_ms(60000)",
        "SELECT * FROM range(1000000000000)",
    ],
)
def test_query_ends_when_its_time_is_over(run: Run, sql: str) -> None:
    started = time.monotonic()
    with (
        pytest.raises(ConfigError, match=r"longer than 1\.5 s.*--timeout"),
        query(run, sql, prepared_of(run), seconds=1.5) as answer,
    ):
        deque(answer.rows, maxlen=0)
    assert time.monotonic() - started < 50
    assert not active_children()


def test_time_in_which_nobody_reads_does_not_count(run: Run) -> None:
    with query(run, f"FROM range({20 * BATCH})", prepared_of(run), seconds=3) as answer:
        first = next(answer.rows)
        time.sleep(3.5)
        assert first == (0,)
        assert sum(1 for _ in answer.rows) == 20 * BATCH - 1


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT length(repeat('x', 3000000000))",
        "SELECT unnest(range(2000000000))",
        "SELECT list(range) FROM range(1000000000)",
    ],
)
def test_query_that_needs_more_memory_than_it_may_have_is_refused(run: Run, sql: str) -> None:
    with pytest.raises(ConfigError, match="memory"):
        answered(run, sql)


def test_process_that_is_killed_is_an_error_that_says_so(run: Run) -> None:
    with query(run, "SELECT * FROM range(1000000000000)", prepared_of(run)) as answer:
        next(answer.rows)
        (process,) = active_children()
        process.kill()
        with pytest.raises(ConfigError, match="was ended"):
            deque(answer.rows, maxlen=0)


def test_caller_that_stops_reading_leaves_nothing_behind(run: Run) -> None:
    before = set(run.path.iterdir())
    with query(run, "SELECT * FROM range(1000000000000)", prepared_of(run)) as answer:
        next(answer.rows)
    assert not active_children()
    assert set(run.path.iterdir()) == before


def test_disk_without_room_for_copies_is_an_error_of_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ReportError, match="No space left"):
        answered(run, "SELECT 1 FROM findings")


def test_a_million_findings_can_be_grouped_joined_and_sorted(run: Run) -> None:
    with tables.opened(run) as connection:
        path, times = tables.findings_table(run), MANY // len(connection.execute("FROM findings").fetchall()) + 1
        connection.execute(
            "COPY (SELECT * REPLACE (md5(fingerprint || range) AS fingerprint, resource || '/' || range AS resource) "  # noqa: S608
            f"FROM findings, range({times}) LIMIT {MANY}) TO '{path}.new' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
        )
    Path(f"{path}.new").replace(path)
    sql = "SELECT count(*), count(DISTINCT fingerprint) FROM findings"
    assert answered(run, sql, 120) == [(MANY, MANY)]
    sql = "SELECT severity, name, count(*) FROM findings JOIN accounts ON id = account_id GROUP BY ALL ORDER BY ALL"
    assert sum(int(str(row[2])) for row in answered(run, sql, 120)) == MANY
    with query(
        run, "SELECT fingerprint, reason, resource FROM findings ORDER BY fingerprint", prepared_of(run), seconds=120
    ) as answer:
        found = [str(row[0]) for row in answer.rows]
    assert len(found) == MANY
    assert found == sorted(found)


def test_command_prints_csv_or_json(run: Run) -> None:
    sql = "SELECT id, name, tags FROM accounts ORDER BY id LIMIT 2"
    assert called(run, sql).stdout.splitlines()[:2] == ["id,name,tags", "100000000000,account 0,"]
    assert [account["id"] for account in json.loads(called(run, sql, "--json").stdout)] == [MANAGEMENT, account_id(1)]
    assert json.loads(called(run, "SELECT 1 WHERE false", "--json").stdout) == []


def test_command_takes_the_time_limit(run: Run) -> None:
    result = called(run, "SELECT sleep_ms(60000)", "--timeout", "1")
    assert isinstance(result.exception, ConfigError)
    assert "longer than 1 s" in str(result.exception)
    assert called(run, "SELECT 1", "--timeout", "0").exit_code == ExitCode.USAGE


def called(run: Run, *arguments: str) -> Result:
    return CliRunner().invoke(orgaudit, ["query", str(run.path), *arguments])


def test_nested_values_are_json_in_a_cell(run: Run) -> None:
    sql = "SELECT ['a', 'b'] AS names, {'one': 1} AS pair, MAP {'key': 'value'} AS tags, 'plain' AS text"
    rows = list(csv.DictReader(io.StringIO(called(run, sql).stdout)))
    assert [{key: json.loads(row[key]) for key in ("names", "pair", "tags")} for row in rows] == [
        {"names": ["a", "b"], "pair": {"one": 1}, "tags": {"key": "value"}}
    ]
    assert rows[0]["text"] == "plain"
