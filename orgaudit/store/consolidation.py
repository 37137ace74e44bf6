"""Makes a run's tables of what was judged: all findings in the order of reports, and the coverage."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import chain, count, groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Generic, TypeAlias, TypeVar
from uuid import uuid4

import duckdb
import msgspec
import zstandard

from orgaudit.errors import ConfigError, ReportError
from orgaudit.model import Account, Finding, Severity, Status, UnopenedFinding
from orgaudit.store.manifest import Manifest
from orgaudit.store.parts import by_id, in_parts
from orgaudit.store.run import Run, make_directory, read_encoded, read_lines, write_encoded, write_lines
from orgaudit.store.tables import (
    CELL_COLUMNS,
    COVERING_STATES,
    FINDING_COLUMNS,
    Apply,
    connection_in,
    coverage_table,
    findings_table,
    json_lines,
    quoted,
    refusing,
    scratch_of,
    write_parquet,
)

T = TypeVar("T")

Begin: TypeAlias = Callable[[tuple[Account, ...]], tuple[Apply, T]]
"""What is set of the findings of these accounts, and what is counted while it is; it can be pickled."""

PIECE = 2000
"""Findings in one of the files from which DuckDB makes a table, of which it holds whole ones in memory."""
HELD = 20_000
"""Findings of one account that are sorted in memory; the others are merged from files. Also the cells of one file."""

_COVERED = f"coalesce(status = 'FAIL' AND exception.state IN {COVERING_STATES}, false)"
_WITH_FAMILY = "REPLACE (coalesce(nullif(family, ''), control) AS family)"
"""What gives a finding of a run from before there were families its control's id as one."""
_COUNTED = """
    if(inherited_from IS NULL, fingerprint NOT IN (FROM replaced_findings), fingerprint IN (FROM first_repetitions))
"""
_STATUS_ORDER = (Status.FAIL, Status.NOT_ASSESSED, Status.MANUAL, Status.PASS, Status.NOT_APPLICABLE)


def consolidate(run: Run, begin: Begin[T], executor: Executor | None = None) -> list[T]:
    """Write findings.parquet, with exceptions and in the order of reports, and coverage.parquet.

    Three columns are added to a finding's own: `covered` (a FAIL under an active or expiring exception), `open` (any
    other FAIL) and `counted`. Of a shared resource one row is counted: that of the account where it lives, or the first
    repetition where an exception covers only the former, because an issue is open if any of its rows is.

    Return what was counted, by part; with an executor its processes share the parts, and the rows are the same.
    Raises ConfigError where the run is not evaluated, and ReportError where the files cannot be written.
    """
    manifest = run.read_manifest()
    accounts = by_id(manifest)
    for path in (path for it in accounts for path in (run.findings_path(it.id), run.cells_path(it.id))):
        if not path.is_file():
            raise ConfigError("the run is not evaluated; run `orgaudit evaluate` first", file=str(path))
    with scratch_of(run) as scratch, connection_in(scratch) as connection:
        if executor is None:
            parts = [_part(run, begin, scratch, accounts)]
        else:
            parts = _in_processes(executor, partial(_tabled, run, begin, scratch), manifest, scratch)
        findings = _sources([part.findings for part in parts], scratch)
        connection.execute(f"CREATE VIEW source AS SELECT * {_WITH_FAMILY}, {_COVERED} AS covered FROM {findings}")  # noqa: S608
        with refusing(findings_table(run)):
            covered = [{place: paths for place, paths in part.findings.items() if place[1]} for part in parts]
            repetitions = _Repetitions.of(part.repetitions for part in parts)
            _load_repetitions(connection, run, repetitions, _sources(covered, scratch))
        write_parquet(
            connection,
            f"SELECT *, status = 'FAIL' AND NOT covered AS open, ({_COUNTED}) AS counted FROM source",  # noqa: S608
            findings_table(run),
        )
        write_parquet(connection, _cells_of([path for part in parts for path in part.cells]), coverage_table(run))
    return [part.counted for part in parts]


@dataclass(frozen=True, slots=True)
class _Part(Generic[T]):
    """What was made of neighbouring accounts: files of findings by their place, files of cells, what was counted."""

    findings: Mapping[_Place, list[Path]]
    cells: list[Path]
    repetitions: _Repetitions
    counted: T


def _part(run: Run, begin: Begin[T], scratch: Path, accounts: tuple[Account, ...]) -> _Part[T]:
    """Write the findings of some accounts as files in a directory, in the order of reports."""
    apply, counted = begin(accounts)
    repetitions = _Repetitions()
    findings = apply(finding for account in accounts for finding in run.unopened_findings(account.id))
    pieces = _write_in_order(scratch, repetitions.noted(findings))
    return _Part(pieces, list(_cells(scratch, run, accounts)), repetitions, counted)


def _cells(scratch: Path, run: Run, accounts: Iterable[Account]) -> Iterator[Path]:
    """Write the cells of some accounts as files of HELD, and yield these: DuckDB takes long to open one.

    It takes a file that ends too early for a whole one, which is refused here.
    """
    cells = chain.from_iterable(read_encoded(run.cells_path(account.id)) for account in accounts)
    for number in count():
        piece = list(islice(cells, HELD))
        if number and not piece:
            return
        path = scratch / f"cells-{number}.ndjson.zst"
        write_encoded(path, piece)
        yield path


def _tabled(run: Run, begin: Begin[T], scratch: Path, accounts: tuple[Account, ...]) -> _Part[T]:
    """Write the findings and the cells of some accounts as tables, as a process beside others does."""
    own = scratch / uuid4().hex  # another process may make the same tables
    make_directory(own)
    part = _part(run, begin, own, accounts)
    findings: dict[_Place, list[Path]] = {}
    with connection_in(own) as connection:
        for number, (place, paths) in enumerate(sorted(part.findings.items())):
            findings[place] = [own / f"{number}.parquet"]
            write_parquet(connection, f"FROM {json_lines(paths, FINDING_COLUMNS)}", findings[place][0])
            for path in paths:
                path.unlink()
        cells = own / "cells.parquet"
        write_parquet(connection, _cells_of(part.cells), cells)
    return _Part(findings, [cells], part.repetitions, part.counted)


def _in_processes(
    executor: Executor, work: Callable[[tuple[Account, ...]], _Part[T]], manifest: Manifest, scratch: Path
) -> list[_Part[T]]:
    """Return the parts in the order of their accounts."""
    done = {part[0].id: found for part, found in in_parts(executor, work, manifest, scratch)}
    return [done[first] for first in sorted(done)]


def _sources(parts: Iterable[Mapping[_Place, list[Path]]], scratch: Path) -> str:
    """Return the table function for the findings of all parts in the order of reports."""
    found = list(parts)
    places = sorted({place for part in found for place in part})
    paths = [path for place in places for part in found for path in part.get(place, ())] or [_empty(scratch)]
    return _read(paths, FINDING_COLUMNS)


def _cells_of(paths: list[Path]) -> str:
    """Return the query for the cells in some files, in the order of the coverage."""
    order = "" if paths and paths[0].suffix == ".parquet" else " ORDER BY account_id, region, control"
    source = _read(paths, CELL_COLUMNS)
    return f"SELECT * REPLACE (coalesce(accepted, 0) AS accepted) FROM {source}{order}"  # noqa: S608 - no user's text


def _read(paths: list[Path], columns: dict[str, str]) -> str:
    """Return the table function for files of JSON lines, or for the tables that were made of such."""
    if paths[0].suffix != ".parquet":
        return json_lines(paths, columns)
    types = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns.items())
    return f"(SELECT {types} FROM read_parquet([{', '.join(map(quoted, paths))}]))"  # noqa: S608 - no user's text


def _load_repetitions(connection: duckdb.DuckDBPyConnection, run: Run, repetitions: _Repetitions, covered: str) -> None:
    """Make the tables of the repetitions that are counted, and of the findings in whose place they are.

    `covered` is the table function for the findings under an exception.
    """
    homes = sorted(repetitions.homes & {account.id for account in run.read_manifest().accounts})
    repetitions.compare(finding for account in homes for finding in run.unopened_findings(account))
    if repetitions.rivals:
        sql = f"SELECT account_id, control, resource, fingerprint FROM {covered} WHERE inherited_from IS NULL"  # noqa: S608
        found = connection.execute(f"{sql} AND account_id IN (SELECT unnest($1::VARCHAR[]))", [homes])
        while rows := found.fetchmany(PIECE):
            repetitions.replace(rows)
    for table, names in (("first_repetitions", repetitions.first), ("replaced_findings", repetitions.replaced)):
        select = "SELECT unnest($1::VARCHAR[]) AS fingerprint"
        connection.execute(f"CREATE TEMP TABLE {table} AS {select}", [sorted(names)])


_Shared: TypeAlias = tuple[str, str, str]
"""A shared resource as it is judged: the account where it lives, the control and the resource."""


class _Repetitions:
    """The findings that repeat, for another account, how a resource was judged in the account where it lives.

    `noticed` has of each shared resource the repetition that goes first: whether it is not open, where, and its name.
    `first` are the repetitions that are counted, and `replaced` the findings of the homes that are not counted, because
    an exception covers them and not the repetition. `rivals` are the open repetitions of what a home has itself.
    """

    def __init__(self) -> None:
        self.noticed: dict[_Shared, tuple[bool, str, str]] = {}
        self.rivals: dict[_Shared, str] = {}
        self.first: set[str] = set()
        self.replaced: set[str] = set()

    @classmethod
    def of(cls, parts: Iterable[_Repetitions]) -> _Repetitions:
        """Return what was noted in all parts."""
        whole = cls()
        for part in parts:
            for place, found in part.noticed.items():
                whole.noticed[place] = min(whole.noticed.get(place, found), found)
        return whole

    def noted(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings, having noted those that repeat another: an open one goes first."""
        for finding in findings:
            if finding.inherited_from is not None:
                place = (finding.inherited_from, finding.control, finding.resource)
                is_open = finding.status is Status.FAIL and not _is_covered(finding)
                found = (not is_open, finding.account_id + finding.region, finding.fingerprint)
                self.noticed[place] = min(self.noticed.get(place, found), found)
            yield finding

    @property
    def homes(self) -> set[str]:
        """The accounts where the resources live."""
        return {home for home, _, _ in self.noticed}

    def compare(self, own: Iterable[Finding]) -> None:
        """Keep the first repetition of each finding that the home does not have, given those that homes have."""
        self.first = {name for *_, name in self.noticed.values()}
        for finding in own:
            place = (finding.account_id, finding.control, finding.resource)
            if finding.inherited_from is None and place in self.noticed:
                is_closed, _, name = self.noticed[place]
                self.first.discard(name)
                if not is_closed:
                    self.rivals[place] = name

    def replace(self, covered: Iterable[tuple[str, str, str, str]]) -> None:
        """Count an open repetition in place of a home's finding that is covered: its account, control, resource, id."""
        for account_id, control, resource, name in covered:
            if (rival := self.rivals.get((account_id, control, resource))) is not None:
                self.replaced.add(name)
                self.first.add(rival)


def _write_in_order(scratch: Path, findings: Iterable[Finding]) -> dict[_Place, list[Path]]:
    """Write findings, which come account by account, as files, whose places make up the order of reports.

    A sort of all findings would need memory, or a disk, for all of them; this needs memory for HELD of one account.
    """
    pieces: dict[_Place, _Pieces] = {}
    try:
        with ExitStack() as stack:
            for _, group in groupby(findings, key=attrgetter("account_id")):
                for place, found in _sorted(scratch, group):
                    if place not in pieces:
                        name = "findings-{}-{:d}-{}".format(*place)
                        pieces[place] = stack.enter_context(_Pieces(scratch / name))
                    while members := list(islice(found, PIECE)):
                        pieces[place].write(members)
    except OSError as error:
        raise ReportError(
            f"cannot write {scratch}: {error.strerror or error}; free space or name another --out"
        ) from error
    return {place: found.paths for place, found in pieces.items()}


def _sorted(scratch: Path, findings: Iterable[Finding]) -> Iterator[tuple[_Place, Iterator[Finding]]]:
    """Yield the findings of an account by their place, sorted; those beyond HELD wait in files until all are known."""
    spilled: defaultdict[_Place, list[Path]] = defaultdict(list)
    waiting = iter(findings)
    while True:
        members: defaultdict[_Place, list[Finding]] = defaultdict(list)
        for finding in islice(waiting, HELD):
            members[_place(finding)].append(finding)
        if sum(map(len, members.values())) < HELD:
            break
        for place, found in members.items():
            path = scratch / "sorted-{}-{:d}-{}-{}.ndjson.zst".format(*place, len(spilled[place]))
            write_lines(path, sorted(found, key=_WITHIN))
            spilled[place].append(path)
    for place in sorted(members.keys() | spilled.keys()):
        stored = (read_lines(path, _UNOPENED) for path in spilled.get(place, ()))
        yield place, merge(*stored, sorted(members[place], key=_WITHIN), key=_WITHIN)
        for path in spilled.get(place, ()):
            path.unlink()


_UNOPENED = msgspec.json.Decoder(UnopenedFinding)

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
