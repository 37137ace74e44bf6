"""A run's findings and coverage as two Parquet files, opened as tables by DuckDB, without any network."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import duckdb
import msgspec
import zstandard

from orgaudit.errors import ConfigError, ReportError
from orgaudit.model import Finding, Severity, Status
from orgaudit.store.lease import mark
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, read_lines, write_lines, writing

S = TypeVar("S", bound=msgspec.Struct)

Apply = Callable[[Iterable[Finding]], Iterable[Finding]]
"""What sets something of each finding as a stream: its owner, or its exception on one date."""

MEMORY_LIMIT = "192MB"
ROWS = 500
"""Rows of a query's answer that are taken at once."""

GROUP = 2048
"""Rows in a group of a Parquet file, which is as much as DuckDB holds of it in memory."""
PIECE = 2000
"""Findings in one of the files from which DuckDB makes a table."""

_FINDINGS = msgspec.json.Decoder(Finding)

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

_COVERED = f"coalesce(status = 'FAIL' AND exception.state IN {COVERING_STATES}, false)"

_WITH_FAMILY = "REPLACE (coalesce(nullif(family, ''), control) AS family)"
"""What gives a finding of a run from before there were families its control's id as one."""

_COUNTED = """
    if(inherited_from IS NULL, fingerprint NOT IN (FROM replaced_findings), fingerprint IN (FROM first_repetitions))
"""

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


_STATUS_ORDER = (Status.FAIL, Status.NOT_ASSESSED, Status.MANUAL, Status.PASS, Status.NOT_APPLICABLE)


def findings_table(run: Run) -> Path:
    """Return where the consolidated findings are."""
    return run.result_path("findings.parquet")


def coverage_table(run: Run) -> Path:
    """Return where the consolidated coverage is."""
    return run.result_path("coverage.parquet")


def consolidate(run: Run, apply: Apply) -> None:
    """Write findings.parquet, with exceptions and in the order of reports, and coverage.parquet.

    Three columns are added to a finding's own: `covered` (a FAIL under an active or expiring exception), `open` (any
    other FAIL) and `counted`. Of a shared resource one row is counted: that of the account where it lives, or the first
    repetition where an exception covers only the former, because an issue is open if any of its rows is.
    Raises ConfigError where the run is not evaluated, and ReportError where the files cannot be written.
    """
    accounts = sorted(account.id for account in run.read_manifest().accounts)
    for path in (path for account in accounts for path in (run.findings_path(account), run.cells_path(account))):
        if not path.is_file():
            raise ConfigError("the run is not evaluated; run `orgaudit evaluate` first", file=str(path))
    with scratch_of(run) as scratch:
        repetitions = _Repetitions()
        findings = apply(finding for account in accounts for finding in run.unopened_findings(account))
        pieces = _write_in_order(scratch, repetitions.noted(findings))
        homes = (account for account in accounts if account in repetitions.homes)
        repetitions.compare(finding for account in homes for finding in run.unopened_findings(account))
        covered = (path for place in pieces if place[1] for path in pieces[place])
        repetitions.replace(finding for path in covered for finding in read_lines(path, _FINDINGS))
        with connection_in(scratch) as connection:
            _load_fingerprints(connection, "first_repetitions", repetitions.first)
            _load_fingerprints(connection, "replaced_findings", repetitions.replaced)
            ordered = [path for place in sorted(pieces) for path in pieces[place]] or [_empty(scratch)]
            source = json_lines(ordered, FINDING_COLUMNS)
            connection.execute(f"CREATE VIEW source AS SELECT * FROM {source}")  # noqa: S608 - no user's text
            write_parquet(
                connection,
                f"SELECT * {_WITH_FAMILY}, {_COVERED} AS covered, status = 'FAIL' AND NOT covered AS open, "  # noqa: S608
                f"({_COUNTED}) AS counted FROM source",
                findings_table(run),
            )
            cells = json_lines([run.cells_path(account) for account in accounts], CELL_COLUMNS)
            write_parquet(
                connection,
                f"SELECT * REPLACE (coalesce(accepted, 0) AS accepted) FROM {cells} "  # noqa: S608 - no user's text
                "ORDER BY account_id, region, control",
                coverage_table(run),
            )


def _load_fingerprints(connection: duckdb.DuckDBPyConnection, table: str, names: Iterable[str]) -> None:
    select = "SELECT unnest($1::VARCHAR[]) AS fingerprint"
    connection.execute(f"CREATE TEMP TABLE {table} AS {select}", [sorted(names)])


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


_Shared: TypeAlias = tuple[str, str, str]
"""A shared resource as it is judged: the account where it lives, the control and the resource."""


class _Repetitions:
    """The findings that repeat, for another account, how a resource was judged in the account where it lives.

    `first` are the repetitions that are counted, and `replaced` the findings of the homes that are not counted, because
    an exception covers them and not the repetition.
    """

    def __init__(self) -> None:
        self._first: dict[_Shared, tuple[bool, str, str]] = {}
        self._open: dict[_Shared, str] = {}
        self.first: set[str] = set()
        self.replaced: set[str] = set()

    def noted(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings, having noted those that repeat another: an open one goes first."""
        for finding in findings:
            if finding.inherited_from is not None:
                place = (finding.inherited_from, finding.control, finding.resource)
                is_open = finding.status is Status.FAIL and not _is_covered(finding)
                found = (not is_open, finding.account_id + finding.region, finding.fingerprint)
                self._first[place] = min(self._first.get(place, found), found)
            yield finding

    @property
    def homes(self) -> set[str]:
        """The accounts where the resources live."""
        return {home for home, _, _ in self._first}

    def compare(self, own: Iterable[Finding]) -> None:
        """Keep the first repetition of each finding that the home does not have, given those that homes have."""
        self.first = {name for *_, name in self._first.values()}
        for finding in own:
            place = (finding.account_id, finding.control, finding.resource)
            if finding.inherited_from is None and place in self._first:
                is_closed, _, name = self._first[place]
                self.first.discard(name)
                if not is_closed:
                    self._open[place] = name

    def replace(self, covered: Iterable[Finding]) -> None:
        """Count an open repetition in place of the home's finding where that is covered, given all that are."""
        if not self._open:
            return
        for finding in covered:
            place = (finding.account_id, finding.control, finding.resource)
            if finding.inherited_from is None and place in self._open:
                self.replaced.add(finding.fingerprint)
                self.first.add(self._open[place])


def _write_in_order(scratch: Path, findings: Iterable[Finding]) -> dict[_Place, list[Path]]:
    """Write findings, which come account by account, as files, whose places make up the order of reports.

    A sort of all findings would need memory, or a disk, for all of them; this needs memory for one account.
    """
    pieces: dict[_Place, _Pieces] = {}
    try:
        with ExitStack() as stack:
            for _, group in groupby(findings, key=attrgetter("account_id")):
                members: defaultdict[_Place, list[Finding]] = defaultdict(list)
                for finding in group:
                    members[_place(finding)].append(finding)
                for place, found in members.items():
                    if place not in pieces:
                        name = "findings-{}-{:d}-{}".format(*place)
                        pieces[place] = stack.enter_context(_Pieces(scratch / name))
                    pieces[place].write(sorted(found, key=_WITHIN))
    except OSError as error:
        raise ReportError(
            f"cannot write {scratch}: {error.strerror or error}; free space or name another --out"
        ) from error
    return {place: found.paths for place, found in pieces.items()}


_Place: TypeAlias = tuple[int, bool, int]
"""Where findings stand in the order of reports, before their account and what follows it; the second is `covered`."""

_PLACES: dict[tuple[Status, Severity], _Place] = {
    (status, severity): (index, False, -severity.rank)
    for index, status in enumerate(_STATUS_ORDER)
    for severity in Severity
}


def _place(finding: Finding) -> _Place:
    status, covered, rank = _PLACES[finding.status, finding.severity]
    return (status, _is_covered(finding), rank) if finding.exception else (status, covered, rank)


_WITHIN = attrgetter("control", "region", "resource", "fingerprint")


class _Pieces(ExitStack):
    """Writes findings to one file after another, each of PIECE findings: DuckDB holds whole files in memory."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.paths: list[Path] = []
        self._path, self._room = path, 0
        self._encoder = msgspec.json.Encoder()

    def write(self, findings: list[Finding]) -> None:
        while findings:
            if not self._room:
                self.close()
                self.paths.append(self._path.with_suffix(f".{len(self.paths)}.ndjson.zst"))
                self._stream = self.enter_context(_compressed(self.paths[-1]))
                self._room = PIECE
            fitting, findings = findings[: self._room], findings[self._room :]
            self._room -= len(fitting)
            self._stream.write(self._encoder.encode_lines(fitting))


_PRIVATE = partial(os.open, mode=0o600)
"""Opens a file that nobody else may read, whatever the umask."""


@contextmanager
def _compressed(path: Path) -> Iterator[BinaryIO]:
    compressor = zstandard.ZstdCompressor(level=1)
    with open(path, "wb", opener=_PRIVATE) as file, compressor.stream_writer(file, closefd=False) as stream:
        yield stream


def _empty(scratch: Path) -> Path:
    path = scratch / "findings.ndjson.zst"
    write_lines(path, [])
    return path


def _is_covered(finding: Finding) -> bool:
    exception = finding.exception
    return finding.status is Status.FAIL and exception is not None and exception.state in COVERING_STATES


def write_parquet(connection: duckdb.DuckDBPyConnection, select: str, path: Path, group: int = GROUP) -> None:
    """Write the rows of a query as a Parquet file, in groups of so many; raises ReportError."""
    copy_to(connection, select, path, f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}")


def copy_to(connection: duckdb.DuckDBPyConnection, select: str, path: Path, form: str) -> None:
    """Write the rows of a query as a file of a form that COPY knows; raises ReportError."""
    with writing(path) as file:
        try:
            connection.execute(f"COPY ({select}) TO {quoted(Path(file.name))} ({form}, USE_TMP_FILE false)")
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
        *(f"DROP VIEW manifest_{name}" for name in _MANIFEST_COLUMNS),
    ):
        connection.execute(statement)
