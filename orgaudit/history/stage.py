"""The stage after evaluation: carries the history of findings forward from a run's baseline, and dates the findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import partial
from itertools import chain, count, groupby, islice
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TypeAlias

import duckdb
import msgspec

from orgaudit.errors import ConfigError
from orgaudit.history.baseline import NONE
from orgaudit.history.episodes import HISTORY_COLUMNS, JUDGED_COLUMNS, Judged, carry_forward, make_empty
from orgaudit.history.sight import load_places
from orgaudit.model import Finding
from orgaudit.store import seal
from orgaudit.store.manifest import BaselineRecord, Manifest
from orgaudit.store.parts import by_id
from orgaudit.store.run import Run, read_lines, write_lines
from orgaudit.store.tables import ROWS, Apply, connection_in, json_lines, quoted, scratch_of, write_parquet

HISTORY = "history.parquet"
HELD = 2 << 20
"""Bytes of findings, compressed, of which the history is carried forward at once; some fifty thousand findings."""
PIECE = 10_000
"""Findings in one of the files that DuckDB reads, of which it holds whole ones in memory."""

_PLACES = dict.fromkeys(("account_id", "region", "control"), "VARCHAR")


def history_path(run: Run) -> Path:
    """Return where a run's history is."""
    run.need(HISTORY)
    return run.path / HISTORY


def day_of(manifest: Manifest) -> date:
    """Return the day of a run, in UTC: the one on which it began, whenever it was evaluated."""
    return manifest.started_at.astimezone(UTC).date()


def carry(run: Run, manifest: Manifest, baseline: Run | None, aliases: Mapping[str, str]) -> Path:
    """Write the history of a run that was judged as its manifest lists, and return the file.

    `aliases` are the former ids of controls with the present ones. A baseline of an earlier version, which has no
    history, is the beginning of one. A finding stays in its account, so that is done for some accounts after others,
    which take memory that does not grow with the organization. Raises ConfigError where a file cannot be read, and
    ReportError.
    """
    columns = ", ".join(HISTORY_COLUMNS)
    with scratch_of(run) as scratch, connection_in(scratch) as connection:
        load_aliases(connection, aliases)
        load_places(connection, "now", manifest)
        before = None if baseline is None or history_path(baseline).is_file() else baseline.read_evaluated()
        if before is not None:
            load_places(connection, "before", before)
        written: list[Path] = []
        for part in _parts(run, manifest):
            _load_history(connection, baseline, before, part, scratch)
            _load_run(connection, "now", run, part.accounts, scratch)
            carry_forward(connection, "now", manifest, old="history", day=day_of(manifest), into="next")
            written.append(scratch / f"history.{len(written)}.parquet")
            ordered = f"SELECT {columns} FROM next ORDER BY account_id, fingerprint"  # noqa: S608 - constants only
            write_parquet(connection, ordered, written[-1])
        files = ", ".join(map(quoted, written))
        write_parquet(connection, f"SELECT {columns} FROM read_parquet([{files}])", history_path(run))  # noqa: S608
    return history_path(run)


@dataclass(frozen=True, slots=True)
class _Part:
    """Neighbouring accounts of a run, and those of its baseline: the ones after an id, up to another or to the end."""

    accounts: tuple[str, ...]
    after: str
    until: str | None

    def has(self, account_id: str) -> bool:
        """Return whether an account of the baseline is among these."""
        return account_id > self.after and (self.until is None or account_id <= self.until)


def _parts(run: Run, manifest: Manifest) -> Iterator[_Part]:
    """Yield all accounts in parts, by the size of what was found in them; an account is in one part."""
    parts: list[list[str]] = [[]]
    held = 0
    for account in by_id(manifest):
        path = run.findings_path(account.id)
        size = path.stat().st_size if path.is_file() else 0
        if held and held + size > HELD:
            parts.append([])
            held = 0
        parts[-1].append(account.id)
        held += size
    ends = [part[-1] for part in parts[:-1]]
    for part, after, until in zip(parts, ["", *ends], [*ends, None], strict=True):
        yield _Part(tuple(part), after, until)


def described(
    manifest: Manifest, baseline: Run | None, days: Mapping[str, int], narrowed_by: tuple[str, ...] | None
) -> Manifest:
    """Return a manifest that lists what its history was made of; without `narrowed_by` that stays as it is."""
    found = baseline.read_manifest() if baseline is not None else None
    return msgspec.structs.replace(
        manifest,
        baseline=BaselineRecord(run_id=found.run_id, started_at=found.started_at) if found else None,
        remediation_days=dict(days),
        narrowed_by=manifest.narrowed_by if narrowed_by is None else narrowed_by,
    )


def check_readable(baseline: Run) -> None:
    """Raise ConfigError where what a history is carried forward from is not what was sealed."""
    try:
        seal.standing(baseline, (HISTORY,) if history_path(baseline).is_file() else seal.JUDGED)
    except ConfigError as error:
        remedy = f"name another run with --baseline, or `--baseline {NONE}` to begin a history"
        raise ConfigError(f"the baseline, run {baseline.id}, cannot be used: {error}; {remedy}") from error


def load_aliases(connection: duckdb.DuckDBPyConnection, aliases: Mapping[str, str]) -> None:
    """Make the table of former ids of controls that RESOLVED reads."""
    connection.execute(
        "CREATE TEMP TABLE aliases AS SELECT unnest($1::VARCHAR[]) AS former, unnest($2::VARCHAR[]) AS present",
        [list(aliases), list(aliases.values())],
    )


RESOLVED = "coalesce((SELECT present FROM aliases WHERE former = control), control) AS control"
"""A control's present id."""


def _load_history(
    connection: duckdb.DuckDBPyConnection, baseline: Run | None, manifest: Manifest | None, part: _Part, scratch: Path
) -> None:
    """Make the table `history` what a baseline knew of some accounts, under the present ids of controls.

    `manifest` is that of a baseline that has no history, of whose places there are tables.
    """
    make_empty(connection, "history")
    if baseline is None:
        return
    if manifest is None:
        source = f"read_parquet({quoted(history_path(baseline))})"
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE history AS SELECT * REPLACE ({RESOLVED}) FROM {source} "  # noqa: S608
            "WHERE account_id > $1 AND ($2 IS NULL OR account_id <= $2)",
            [part.after, part.until],
        )
        return
    accounts = [account.id for account in by_id(manifest) if part.has(account.id)]
    if not accounts:
        return
    _load_run(connection, "before", baseline, accounts, scratch)
    carry_forward(connection, "before", manifest, old="history", day=day_of(manifest), into="begun")
    connection.execute("CREATE OR REPLACE TEMP TABLE history AS FROM begun")


def _load_run(
    connection: duckdb.DuckDBPyConnection, name: str, run: Run, accounts: Sequence[str], scratch: Path
) -> None:
    """Make the tables of what a run judged in some accounts: `<name>_findings` and `<name>_coverage`."""
    pieces = list(_pieces(run, accounts, scratch / name))
    for table, source in (
        ("TABLE {}_findings", json_lines(pieces, JUDGED_COLUMNS)),
        ("VIEW {}_coverage", json_lines([run.cells_path(account) for account in accounts], _PLACES)),
    ):
        connection.execute(
            f"CREATE OR REPLACE TEMP {table.format(name)} AS SELECT * REPLACE ({RESOLVED}) FROM {source}"  # noqa: S608
        )


def _pieces(run: Run, accounts: Iterable[str], path: Path) -> Iterator[Path]:
    """Write what the history takes of a run's findings, and yield the files."""
    decoder = msgspec.json.Decoder(Judged)
    found = (each for account in accounts for each in read_lines(run.findings_path(account), decoder))
    for number in count():
        piece = list(islice(found, PIECE))
        if number and not piece:
            return
        write_lines(path.with_suffix(f".{number}.ndjson.zst"), piece)
        yield path.with_suffix(f".{number}.ndjson.zst")


def dated(run: Run) -> Apply:
    """Return what sets the first day, the regressions and the due date of findings, which come in order of account id.

    A run without a history leaves them as they are.
    """
    if not history_path(run).is_file():
        return iter
    return partial(_dated, run, run.read_manifest().remediation_days)


def _dated(run: Run, days: Mapping[str, int], findings: Iterable[Finding]) -> Iterator[Finding]:
    following = iter(findings)
    if (beginning := next(following, None)) is None:
        return
    findings = chain([beginning], following)
    with scratch_of(run) as scratch, connection_in(scratch) as connection:
        histories = _histories(connection, run, beginning.account_id)
        last, (account_id, known) = "", next(histories, _NO_MORE)
        for account, group in groupby(findings, key=attrgetter("account_id")):
            if account < last:
                raise ValueError(f"findings of account {account} come after those of {last}")
            last = account
            while account_id is not None and account_id < account:
                account_id, known = next(histories, _NO_MORE)
            for finding in group:
                if account_id != account or finding.fingerprint not in known:
                    yield finding
                    continue
                first_seen, reopened = known[finding.fingerprint]
                due_on = due(first_seen, days.get(finding.severity))
                yield msgspec.structs.replace(finding, first_seen=first_seen, reopened=reopened, due_on=due_on)


_Known: TypeAlias = dict[str, tuple[date | None, int]]
"""The first day of the present episode and the regressions before it, by fingerprint."""

_NO_MORE: tuple[None, _Known] = (None, {})


def _histories(connection: duckdb.DuckDBPyConnection, run: Run, first: str) -> Iterator[tuple[str, _Known]]:
    """Yield each account, from the first on, that has a history with what is known of its findings, by account id.

    The file is in that order, so no more of it is read than is asked for.
    """
    path, last = history_path(run), first
    connection.execute(
        f"SELECT account_id, fingerprint, first_seen, reopened FROM read_parquet({quoted(path)}) "  # noqa: S608
        "WHERE account_id >= $1 AND (first_seen IS NOT NULL OR reopened > 0)",
        [first],
    )
    rows = chain.from_iterable(iter(lambda: connection.fetchmany(ROWS), []))
    for account, group in groupby(rows, key=itemgetter(0)):
        if account < last:
            raise ConfigError("is not in the order of accounts; restore it from a copy, or audit again", file=str(path))
        last = account
        yield account, {fingerprint: (first_seen, reopened) for _, fingerprint, first_seen, reopened in group}


def due(first_seen: date | None, days: int | None) -> date | None:
    """Return the last day in which a finding is to be fixed; None for one that does not fail."""
    return None if first_seen is None or days is None else first_seen + timedelta(days=days)
