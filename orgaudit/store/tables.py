"""A run's findings and coverage as two Parquet files, opened as tables by DuckDB, without any network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import msgspec

from orgaudit.errors import ConfigError, ReportError
from orgaudit.model import Finding, Severity
from orgaudit.store.lease import mark
from orgaudit.store.manifest import Manifest
from orgaudit.store.rates import CONTROL_BITS
from orgaudit.store.run import Run, write_lines, writing

S = TypeVar("S", bound=msgspec.Struct)

Apply = Callable[[Iterable[Finding]], Iterable[Finding]]
"""What sets something of each finding as a stream: its owner, or its exception on one date."""

MEMORY_LIMIT = "192MB"
ROWS = 500
"""Rows of a query's answer that are taken at once."""

GROUP = 2048
"""Rows in a group of a Parquet file, which is as much as DuckDB holds of it in memory."""
_TEXT = "VARCHAR"
_GAP = 'STRUCT(account_id VARCHAR, region VARCHAR, "action" VARCHAR, reason VARCHAR, message VARCHAR)'
_REMEDY = '"text" VARCHAR, command VARCHAR'

FINDING_COLUMNS = {
    **dict.fromkeys(
        ("fingerprint", "control", "title", "severity", "status", "reason", "account_id", "account_name", "ou_path"),
        _TEXT,
    ),
    **dict.fromkeys(("region", "resource", "resource_type"), _TEXT),
    "resource_tags": "MAP(VARCHAR, VARCHAR)",
    "requirements": "STRUCT(framework VARCHAR, id VARCHAR)[]",
    "evidence": "JSON",
    "remediation": f"STRUCT(service_wide STRUCT({_REMEDY}), asset STRUCT({_REMEDY}), preventive STRUCT({_REMEDY}))",
    "exception": "STRUCT(id VARCHAR, owner VARCHAR, expires_on VARCHAR, state VARCHAR, days_overdue INTEGER)",
    "inherited_from": _TEXT,
    "gap": _GAP,
    "accepted": "BOOLEAN",
    "owner": _TEXT,
    "assessed_at": "TIMESTAMP",
    **dict.fromkeys(("family", "owner"), _TEXT),
    "first_seen": "DATE",
    "reopened": "INTEGER",
    "due_on": "DATE",
}
"""A finding's fields as Parquet columns; `assessed_at` is in UTC."""

LATER_COLUMNS = {"family": "control", "owner": "''", "first_seen": "NULL", "reopened": "0", "due_on": "NULL"}
"""What stands in those columns for findings that were written before the columns were there."""

CELL_COLUMNS = {
    **dict.fromkeys(("account_id", "account_name", "ou_path", "region", "control", "status", "reason"), _TEXT),
    **dict.fromkeys(("action", "message"), _TEXT),
    **dict.fromkeys(("passed", "failed", "not_assessed", "not_applicable", "manual", "accepted"), "INTEGER"),
    "inherited_from": _TEXT,
}

_MANIFEST_COLUMNS = {
    "accounts": {
        **dict.fromkeys(("id", "name", "state", "email", "ou_path"), _TEXT),
        "tags": "MAP(VARCHAR, VARCHAR)",
    },
    "records": {
        "account_id": _TEXT,
        "regions": f"STRUCT(name VARCHAR, state VARCHAR, gap {_GAP})[]",
        "regions_source": _TEXT,
        "gap": _GAP,
        **dict.fromkeys(("calls", "throttles", "retries"), "BIGINT"),
    },
    "owners": dict.fromkeys(("account_id", "owner", "contact", "environment"), _TEXT),
    "controls": {
        **dict.fromkeys(("id", "service", "severity", "scope", "title", "rationale"), _TEXT),
        "actions": "VARCHAR[]",
        **dict.fromkeys(("family", "digest", "effort", "disruption"), _TEXT),
        **dict.fromkeys(("per_resource", "reversible"), "BOOLEAN"),
    },
    "frameworks": {
        **dict.fromkeys(("id", "title", "version", "kind"), _TEXT),
        "requirements": 'STRUCT(id VARCHAR, title VARCHAR, "level" INTEGER, assessment VARCHAR, section VARCHAR, '
        "controls VARCHAR[], coverage VARCHAR, "
        "parts STRUCT(title VARCHAR, assessment VARCHAR, controls VARCHAR[])[])[]",
    },
}

COVERING_STATES = ("active", "expiring")

HOME = "coalesce(inherited_from, account_id)"
"""The account where a finding's resource lives."""

OPEN_CELLS = "SELECT DISTINCT control, account_id FROM findings WHERE open"
"""The accounts in which a control fails and no exception covers all of it; a rate with exceptions counts by them."""
ISSUE = f"md5_number(concat_ws(chr(10), {HOME}, region, resource, family))"
"""What identifies the issue that a finding belongs to."""

_SEVERITIES = f"{[str(severity) for severity in Severity]}"
SEVERITY_RANK = f"list_position({_SEVERITIES}, severity)"
"""The place of a finding's severity among all, 1 for the least."""


def severity_at(rank: str) -> str:
    """Return the SQL of the severity at such a place."""
    return f"{_SEVERITIES}[{rank}]"


def findings_table(run: Run) -> Path:
    """Return where the consolidated findings are."""
    return run.result_path("findings.parquet")


def coverage_table(run: Run) -> Path:
    """Return where the consolidated coverage is."""
    return run.result_path("coverage.parquet")


@contextmanager
def opened(run: Run) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the consolidated run as the tables findings, coverage, accounts, account_regions, controls, requirements.

    Raises ConfigError where the run is not consolidated.
    """
    files = table_files(run)
    with scratch_of(run) as scratch, connected(run, files, scratch) as connection:
        yield connection


def table_files(run: Run) -> dict[str, Path]:
    """Return the file of each consolidated table by the table's name; raises ConfigError where one is not there."""
    files = {"findings": findings_table(run), "coverage": coverage_table(run)}
    for path in files.values():
        if not path.is_file():
            raise ConfigError("the run has no tables yet; run `orgaudit report` first", file=str(path))
    return files


@contextmanager
def connected(run: Run, files: Mapping[str, Path], scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open these Parquet files under the names of their tables, with the tables that are made of the manifest."""
    with connection_in(scratch) as connection:
        for name, path in files.items():
            select = with_later_columns(connection, name, f"read_parquet({quoted(path)})")
            connection.execute(f"CREATE VIEW {name} AS {select}")
        if "findings" in files:
            connection.execute(f"CREATE VIEW open_cells AS {OPEN_CELLS}")
        _load_manifest(connection, run.read_manifest(), scratch)
        yield connection


def with_later_columns(connection: duckdb.DuckDBPyConnection, table: str, source: str) -> str:
    """Return the query for a table's rows, with the columns that the version did not have yet which wrote it."""
    if table != "findings":
        return f"SELECT * FROM {source}"  # noqa: S608 - no user's text
    found = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608
    later = (
        f"CAST({value} AS {FINDING_COLUMNS[name]}) AS {name}"
        for name, value in LATER_COLUMNS.items()
        if name not in found
    )
    return f"SELECT {', '.join(('*', *later))} FROM {source}"  # noqa: S608 - constants only


@contextmanager
def scratch_of(run: Run) -> Iterator[Path]:
    """Make a directory in a run's that is removed when the block ends; raises ReportError."""
    try:
        directory = tempfile.TemporaryDirectory(dir=run.path, prefix=f".tables.{mark()}.")
    except OSError as error:
        raise ReportError(f"cannot write {run.path}: {error.strerror or error}; free space or name another") from error
    with directory as name:
        yield Path(name)


@contextmanager
def connection_in(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database without a file, which spills to this directory and reaches no network."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            "memory_limit": MEMORY_LIMIT,
            "threads": 1,
            "temp_directory": str(scratch),
        },
    )
    try:
        connection.execute("SET streaming_buffer_size = '1MB'")
        yield connection
    finally:
        connection.close()


def rows_of(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] | Mapping[str, object] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query by the names of their columns; nothing else may be asked meanwhile."""
    connection.execute(sql, values)
    names = [column[0] for column in connection.description or ()]
    while rows := connection.fetchmany(ROWS):
        yield from (dict(zip(names, row, strict=True)) for row in rows)


def structs_of(
    connection: duckdb.DuckDBPyConnection,
    kind: type[S],
    sql: str,
    values: Sequence[object] | Mapping[str, object] | None = None,
) -> Iterator[S]:
    """Yield the rows of a query as structures whose fields are its columns; nothing else may be asked meanwhile."""
    yield from (msgspec.convert(row, kind) for row in rows_of(connection, sql, values))


def quoted(path: Path) -> str:
    """Return a path as SQL's text."""
    return "'" + str(path).replace("'", "''") + "'"


def json_lines(paths: list[Path], columns: dict[str, str]) -> str:
    """Return the table function that reads these columns of files that `write_lines` wrote."""
    fields = ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items())
    files = ", ".join(map(quoted, paths))
    return f"read_json([{files}], format = 'newline_delimited', compression = 'zstd', columns = {{{fields}}})"


def write_parquet(connection: duckdb.DuckDBPyConnection, select: str, path: Path, group: int = GROUP) -> None:
    """Write the rows of a query as a Parquet file, in groups of so many; raises ReportError."""
    copy_to(connection, select, path, f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}")


def copy_to(connection: duckdb.DuckDBPyConnection, select: str, path: Path, form: str) -> None:
    """Write the rows of a query as a file of a form that COPY knows; raises ReportError."""
    with writing(path) as file, refusing(path):
        connection.execute(f"COPY ({select}) TO {quoted(Path(file.name))} ({form}, USE_TMP_FILE false)")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Raise ReportError where the database has no room, on disk or in memory, for what becomes a file."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise ReportError(f"cannot write {path}: {error}; free space or name another --out") from error


def _load_manifest(connection: duckdb.DuckDBPyConnection, manifest: Manifest, scratch: Path) -> None:
    for name, columns in _MANIFEST_COLUMNS.items():
        lines = scratch / f"{name}.ndjson.zst"
        write_lines(lines, getattr(manifest, name))
        connection.execute(f"CREATE VIEW manifest_{name} AS SELECT * FROM {json_lines([lines], columns)}")  # noqa: S608
    for statement in (
        "CREATE TABLE accounts AS SELECT a.*, r.account_id IS NOT NULL AS collected, r.regions_source, "
        "r.calls, r.throttles, r.retries, r.gap, coalesce(o.owner, '') AS owner, coalesce(o.contact, '') AS contact, "
        "coalesce(o.environment, '') AS environment FROM manifest_accounts a "
        "LEFT JOIN manifest_records r ON r.account_id = a.id "
        "LEFT JOIN manifest_owners o ON o.account_id = a.id ORDER BY a.id",
        "CREATE TABLE account_regions AS SELECT account_id, g.name AS region, g.state, g.gap "
        "FROM (SELECT account_id, unnest(regions) AS g FROM manifest_records) ORDER BY account_id, region",
        "CREATE TABLE controls AS SELECT * FROM manifest_controls ORDER BY id",
        "CREATE TABLE requirements AS SELECT id AS framework, title AS framework_title, version, "
        "coalesce(kind, 'controls') AS kind, generate_subscripts(requirements, 1) AS position, "
        "unnest(requirements, recursive := true) FROM manifest_frameworks",
        f"CREATE TABLE control_bits AS {CONTROL_BITS}",
        *(f"DROP VIEW manifest_{name}" for name in _MANIFEST_COLUMNS),
    ):
        connection.execute(statement)
