"""Opens the comparison of a run with an export of another tool: the counts of what became, and the rows as a stream."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import duckdb
import msgspec

from orgaudit.compare import prowler, security_hub
from orgaudit.compare.checks import Controls, Equivalents, answers_to, known_differences
from orgaudit.compare.join import TheirLine, join, line_of, load_ours, load_theirs
from orgaudit.compare.listing import ORDER, Listing
from orgaudit.compare.records import Left, Outcome, Row, TheirFinding, Tool, Why
from orgaudit.compare.refusals import shown
from orgaudit.compare.spool import Spool, Told, spooling
from orgaudit.errors import ConfigError, ReportError
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run
from orgaudit.store.tables import connection_in, quoted, scratch_of, table_files, with_later_columns

Read: TypeAlias = Callable[[Path], Iterator[TheirFinding | Left]]

READERS: dict[Tool, Read] = {Tool.SECURITY_HUB: security_hub.read, Tool.PROWLER: prowler.read}
"""What reads the export of each tool."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How much became of what, by both statuses; `why` is empty where both have an answer."""

    outcome: Outcome
    why: Why | None = None
    ours: str
    theirs: str
    count: int


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """How often both say the same of what a control, or several together, answers."""

    controls: tuple[str, ...]
    passed: int
    failed: int


class Exceptions(msgspec.Struct, frozen=True, kw_only=True):
    """Who accepts the failures that both see."""

    both: int
    ours_only: int
    theirs_only: int


@dataclass(slots=True)
class Export:
    """What was read of an export: its findings that take part, and how many do not, and why."""

    read: int = 0
    left: Counter[Left] = field(default_factory=Counter)
    accounts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Opinions:
    """A run beside an export of another tool."""

    tool: Tool
    file: Path
    manifest: Manifest
    export: Export
    connection: duckdb.DuckDBPyConnection
    listing: Listing

    def counts(self) -> list[Count]:
        """Return how much became of what."""
        found = self.connection.execute(
            "SELECT outcome, why, ours, theirs, count(*) FROM groups GROUP BY ALL "
            "UNION ALL SELECT 'only theirs', why, '', theirs, count(*) FROM their_rest GROUP BY ALL "
            "UNION ALL SELECT 'only ours', why, ours, '', count(*) FROM our_rest GROUP BY ALL"
        ).fetchall()
        counts = (
            Count(outcome=Outcome(outcome), why=Why(why) if why else None, ours=ours, theirs=theirs, count=count)
            for outcome, why, ours, theirs, count in found
        )
        reasons = list(Why)
        return sorted(
            counts,
            key=lambda it: (ORDER.index(it.outcome), reasons.index(it.why) if it.why else -1, it.ours, it.theirs),
        )

    def agreed(self) -> list[Agreed]:
        """Return how often both agree, by control."""
        rows = self.connection.execute(
            "SELECT controls, count(*) FILTER (ours = 'PASS'), count(*) FILTER (ours = 'FAIL') FROM groups "
            "JOIN (SELECT unit, list(control ORDER BY control) AS controls FROM units GROUP BY unit) USING (unit) "
            "WHERE outcome = $1 GROUP BY controls ORDER BY controls",
            [str(Outcome.AGREEMENT)],
        ).fetchall()
        return [Agreed(controls=tuple(controls), passed=passed, failed=failed) for controls, passed, failed in rows]

    def exceptions(self) -> Exceptions:
        """Return who accepts the failures that both see."""
        found = self.connection.execute(
            "WITH agreed AS (SELECT g.number, g.excepted AS theirs, bool_and(f.covered) AS ours FROM groups g "
            "JOIN pairs p ON p.unit = g.unit AND p.account = g.account AND p.region = g.region AND p.place = g.place "
            "JOIN findings f ON f.fingerprint = p.fingerprint AND f.status = 'FAIL' "
            "WHERE g.outcome = $1 AND g.ours = 'FAIL' GROUP BY g.number, g.excepted) "
            "SELECT count(*) FILTER (ours AND theirs), count(*) FILTER (ours AND NOT theirs), "
            "count(*) FILTER (theirs AND NOT ours) FROM agreed",
            [str(Outcome.AGREEMENT)],
        ).fetchall()
        both, ours_only, theirs_only = found[0]
        return Exceptions(both=both, ours_only=ours_only, theirs_only=theirs_only)

    def disagreements(self, most: int) -> Iterator[Row]:
        """Yield disagreements and contradictions, at most so many, those first that we pass and they fail."""
        wanted = (Outcome.DISAGREEMENT, Outcome.CONTRADICTION)
        yield from self._noted(self.listing.compared(wanted, most))

    def rows(self) -> Iterator[Row]:
        """Yield everything: what both speak about, then what only one does; nothing else may be asked meanwhile."""
        yield from self._noted(self.listing.compared(ORDER, sys.maxsize))
        yield from self.listing.theirs_alone()
        yield from self.listing.ours_alone()

    def _noted(self, rows: Iterator[Row]) -> Iterator[Row]:
        notes = known_differences(self.tool)
        for row in rows:
            known = " ".join(notes[control] for control in row.controls if control in notes)
            is_apart = known and row.outcome is Outcome.DISAGREEMENT
            yield msgspec.structs.replace(row, known=known) if is_apart else row


@contextmanager
def beside(run: Run, tool: Tool, file: Path, found: Equivalents) -> Iterator[Opinions]:
    """Compare a reported run with an export of another tool; `found` is what answers its checks.

    Raises ConfigError where the run has no tables or is not what was sealed, where the file is not an export of the
    tool, and where it shares no account with the run; and ReportError where there is no space to compare.
    """
    tables = table_files(run)
    seal.standing(run, seal.TABLES)
    manifest = run.read_evaluated()
    with scratch_of(run) as scratch, connection_in(scratch) as connection, spooling(scratch) as spool:
        findings = with_later_columns(connection, "findings", f"read_parquet({quoted(tables['findings'])})")
        connection.execute(f"CREATE VIEW findings AS {findings}")
        units = _units(found, {control.id for control in manifest.controls})
        export = Export()
        accounts = {account.id for account in manifest.accounts}
        reading = _Reading(found, units, accounts, export, spool)
        load_theirs(connection, scratch, reading.lines(READERS[tool](file)))
        _check(file, tool, export, accounts, manifest)
        load_ours(connection, scratch, units, manifest)
        try:
            join(connection, contradicts=tool is Tool.SECURITY_HUB)
            yield Opinions(tool, file, manifest, export, connection, Listing(connection, scratch, units, spool))
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise ReportError(f"cannot compare in {run.path}: {error}; free space, or split the export") from error


def _units(found: Equivalents, ran: set[str]) -> dict[Controls, int]:
    """Return a number for all controls of the run that together answer a check."""
    answers = {each.controls for several in found.values() for each in several if ran.issuperset(each.controls)}
    return {controls: number for number, controls in enumerate(sorted(answers))}


@dataclass(frozen=True, slots=True)
class _Reading:
    """The findings of an export as they are read: `export` counts them, `spool` keeps what they say."""

    found: Equivalents
    units: Mapping[Controls, int]
    accounts: set[str]
    export: Export
    spool: Spool

    def lines(self, findings: Iterator[TheirFinding | Left]) -> Iterator[TheirLine]:
        """Yield each finding that takes part, once for each unit that answers it, or once with why there is none."""
        for number, finding in enumerate(findings):
            if isinstance(finding, Left):
                self.export.left[finding] += 1
                continue
            self.export.read += 1
            self.export.accounts.add(finding.account_id)
            told = Told(resource=shown(finding.resource_id), reason=finding.reason, date=finding.date)
            line = line_of(number, finding, self.spool.add(told))
            answers = answers_to(finding.names, self.found)
            ran = [each for each in answers if each.controls in self.units]
            if finding.account_id not in self.accounts:
                yield msgspec.structs.replace(line, why=str(Why.ACCOUNT))
            elif not ran:
                yield msgspec.structs.replace(line, why=str(Why.NOT_RUN if answers else Why.NO_CONTROL))
            else:
                for each in ran:
                    yield msgspec.structs.replace(line, unit=self.units[each.controls], parts=each.parts)


def _check(file: Path, tool: Tool, export: Export, accounts: set[str], manifest: Manifest) -> None:
    """Raise ConfigError where nothing of an export can be compared with a run."""
    if not export.read:
        left = ", ".join(f"{count:,} {why}" for why, count in export.left.items())
        what = f"holds no finding of {tool} that is in force" + (f" ({left})" if left else "")
        raise ConfigError(f"{what}; export the findings again, without filters", file=str(file))
    if not export.accounts & accounts:
        theirs = ", ".join(shown(account) for account in sorted(export.accounts)[:_MOST_NAMED])
        raise ConfigError(
            f"shares no account with run {manifest.run_id}: it is about {theirs}; name a run of these accounts, or "
            "another export",
            file=str(file),
        )


_MOST_NAMED = 5
