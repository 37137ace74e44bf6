"""The parts of a run by owner, unit or account: the same tables and the same view of each, with nothing of another's.

A row belongs to exactly one part: to its owner, or to the account where the resource lives. An exception belongs to its
own owner; for units and accounts, to those whose findings it is about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import duckdb
import msgspec

from orgaudit.model import Account, Caller
from orgaudit.report import part_tables
from orgaudit.report.figures import ExceptionScore
from orgaudit.report.view import View
from orgaudit.report.viewing import Basis, exceptions_of, opened_with, outlived_of, view_of
from orgaudit.settings.people import OwnershipRecord, People, identity
from orgaudit.settings.sections import ReportSettings
from orgaudit.store.comparison import Comparison, KindCount, Point
from orgaudit.store.kinds import Kind
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import Attested, ExceptionRow, RegisterResult
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.tables import scratch_of

UNASSIGNED, NO_UNIT = "unassigned", "no unit"
"""What the part is called of what has no owner, and of accounts outside of any unit."""

ELSEWHERE = "more than is in this workbook"
"""What stands for the scope of an exception that is about findings of several units or accounts."""


class Division(StrEnum):
    """What a run is split by."""

    OWNER = "owner"
    UNIT = "unit"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One owner, unit or account.

    `key` identifies it: a mail address or a name in lower case, the unit's path, or the account's id; it is empty for
    what has no owner or no unit. `values` are the texts of the column that say that a row is of this part, `accounts`
    the ids of the accounts that are the part's own.
    """

    division: Division
    key: str
    name: str
    values: tuple[str, ...]
    accounts: frozenset[str]

    @property
    def words(self) -> str:
        """Whose or what part it is, such as "owner Jo <jo@example.com>", as it follows "the part of"."""
        if not self.key:
            return _NOBODYS[self.division]
        number = f" ({self.key})" if self.division is Division.ACCOUNT and self.key != self.name else ""
        return f"{self.division} {self.name}{number}"


_NOBODYS = {
    Division.OWNER: "what has no owner",
    Division.UNIT: "the accounts in no unit",
    Division.ACCOUNT: "what is in no account",
}


@contextmanager
def parted(
    run: Run, division: Division, *, standing: Standing = Standing.NOT_SEALED, settings: ReportSettings | None = None
) -> Iterator[Parts]:
    """Open a run to which the register was applied as its parts; raises ConfigError where it was not."""
    with opened_with(run, standing, settings) as (connection, basis), scratch_of(run) as scratch:
        yield Parts(connection, basis, division, scratch)


class Parts:
    """The parts of a run, of which one at a time can be viewed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, basis: Basis, division: Division, scratch: Path) -> None:
        self._connection, self._basis, self._scratch = connection, basis, scratch
        self._division, self._by_owner = division, division is Division.OWNER
        self._scores = exceptions_of(connection, basis.register.entries)
        self._outlived = outlived_of(connection)
        self._people = People(basis.manifest.ownership.people)
        part_tables.set_aside(connection, compared=basis.comparison.baseline is not None)
        part_tables.load_values(connection, {value: n for n, part in enumerate(self.all) for value in part.values})

    @cached_property
    def all(self) -> tuple[Part, ...]:
        """Every part that has findings, changes or exceptions, by key; what has no owner or no unit comes last."""
        found = part_tables.values(self._connection, by_owner=self._by_owner)
        parts = self._owners(found) if self._by_owner else self._places(found)
        return tuple(sorted(parts, key=lambda part: (not part.key, part.key)))

    @cached_property
    def open_and_late(self) -> dict[Part, tuple[int, int]]:
        """How many issues of each part are open, and how many of these are past their due date."""
        as_of = self._basis.register.source.as_of
        counts = part_tables.open_and_late(self._connection, as_of, by_owner=self._by_owner)
        return {part: counts.get(number, (0, 0)) for number, part in enumerate(self.all)}

    @contextmanager
    def view(self, part: Part) -> Iterator[View]:
        """Open the view of one part, until the next is opened."""
        own = self._entries_of(part) if self._by_owner else None
        part_tables.restrict(
            self._connection,
            self._scratch,
            part_tables.Restriction(
                number=self.all.index(part),
                together=math.isqrt(len(self.all)) + 1,
                by_owner=self._by_owner,
                accounts=sorted(part.accounts),
                exceptions=None if own is None else [score.entry.id for score in own],
            ),
        )
        accounts = part_tables.accounts_in(self._connection)
        scores = tuple(self._matching(part) if own is None else own)
        basis = replace(
            self._basis,
            manifest=_manifest_of(self._basis.manifest, part.accounts, accounts),
            register=_register_of(self._basis.register, scores, part.accounts),
        )
        shown = replace(view_of(self._connection, basis, scores), part=part.words)
        yield replace(
            shown, comparison=self._compared(shown), outlived=shown.outlived if own is None else self._outlived
        )

    def _owners(self, texts: Iterable[str]) -> Iterator[Part]:
        """Yield the owners of findings, changes and exceptions; one person is one part, however they are written."""
        spelled: dict[str, set[str]] = {}
        for text in texts:
            spelled.setdefault(identity(text), set()).add(text)
        names = {key: set(found) for key, found in spelled.items()}
        for score in self._scores:
            if not score.closed:
                names.setdefault(self._owner_of(score.entry), set()).add(self._people.person(score.entry.owner))
        owned: dict[str, set[str]] = {}
        for each in self._basis.manifest.owners:
            owned.setdefault(identity(each.owner), set()).add(each.account_id)
        for key, found in names.items():
            yield Part(
                division=self._division,
                key=key,
                name=max(sorted(found), key=len) if key else UNASSIGNED,
                values=tuple(sorted(spelled.get(key, ()))),
                accounts=frozenset(owned.get(key, ())),
            )

    def _places(self, ids: Iterable[str]) -> Iterator[Part]:
        """Yield the units of accounts where resources live, or these accounts."""
        known = self._places_known()
        by_key: dict[str, list[str]] = {}
        for each in ids:
            key = known.get(each, ("", ""))[1] if self._division is Division.UNIT else each
            by_key.setdefault(key, []).append(each)
        in_run = {account.id for account in self._basis.manifest.accounts}
        for key, found in by_key.items():
            name = key or NO_UNIT if self._division is Division.UNIT else known.get(key, ("", ""))[0] or key
            yield Part(
                division=self._division,
                key=key,
                name=name,
                values=tuple(sorted(found)),
                accounts=frozenset(found) & in_run,
            )

    def _places_known(self) -> dict[str, tuple[str, str]]:
        """Return the name and the unit of every account that is known, also of those that left the organization."""
        manifest = self._basis.manifest
        known = dict(part_tables.places(self._connection))
        return known | {each.id: (each.name, each.ou_path) for each in (*manifest.out_of_scope, *manifest.accounts)}

    def _owner_of(self, entry: ExceptionRow) -> str:
        return identity(self._people.person(entry.owner))

    def _entries_of(self, part: Part) -> list[ExceptionScore]:
        """Return a person's exceptions, with all that they cover, whoever owns that."""
        return [score for score in self._scores if self._owner_of(score.entry) == part.key]

    def _matching(self, part: Part) -> Iterator[ExceptionScore]:
        """Yield the exceptions about findings of the part, counted in it, without the scope of one that goes beyond."""
        whole = {score.entry.id: score for score in self._scores}
        every = exceptions_of(self._connection, [score.entry for score in self._scores])
        found = [score for score in every if score.covered or score.expired]
        others = self._elsewhere(part, found)
        for score in found:
            before = whole[score.entry.id]
            counts = (score.covered, score.expired)
            if counts == (before.covered, before.expired) and others.isdisjoint(_named(score.entry)):
                yield score
                continue
            failing = score.covered + score.expired
            entry = msgspec.structs.replace(score.entry, scope=ELSEWHERE, failing=failing, not_scanned=None)
            yield ExceptionScore(entry, score.covered, score.expired)

    def _elsewhere(self, part: Part, scores: Iterable[ExceptionScore]) -> set[str]:
        """Return which names in the exceptions' scopes are of accounts, units or resources outside of the part."""
        manifest = self._basis.manifest
        accounts = (*manifest.accounts, *manifest.out_of_scope)
        own = {name for each in accounts if each.id in part.values for name in _names_of(each)} | {*part.values}
        known = {name for each in accounts for name in _names_of(each)}
        named = {name for score in scores for name in _named(score.entry)}
        numbers = {name for name in named if _NUMBER.fullmatch(name)}
        resources = part_tables.resources_elsewhere(self._connection, sorted(named), sorted(part.values))
        return ((named & known) | numbers) - own | resources

    def _compared(self, shown: View) -> Comparison:
        """Return the comparison with the counts of the part: its own changes, and of the runs this one alone."""
        whole = self._basis.comparison
        if whole.baseline is None:
            return msgspec.structs.replace(whole, points=self._points(shown))
        counts = part_tables.changes_by_kind(self._connection)
        began = {
            severity: sum(by.get(severity, 0) for kind, by in counts.items() if kind.began) for severity in SEVERITIES
        }
        now = msgspec.structs.asdict(shown.summary.issues)
        # Of what a resource that owners share repeats, the change is in the part of one of them.
        counts[Kind.PERSISTENT] = {severity: max(now[severity] - began[severity], 0) for severity in SEVERITIES}
        return msgspec.structs.replace(
            whole,
            why_none="the earlier figures were counted over the whole run",
            points=self._points(shown),
            issues=tuple(
                KindCount(kind=kind, meaning=kind.meaning, count=sum(by.values()), **by)
                for kind, by in ((kind, counts.get(kind, {})) for kind in Kind)
            ),
            rates_before={},
        )

    def _points(self, shown: View) -> tuple[Point, ...]:
        """Return the figures of the part in this run; those of earlier runs were counted over all of them."""
        if not self._basis.comparison.points:
            return ()
        last, issues, headline = self._basis.comparison.points[-1], shown.summary.issues, shown.summary.headline
        late = part_tables.late(self._connection, shown.as_of)
        return (
            msgspec.structs.replace(
                last,
                open=issues.total,
                **msgspec.structs.asdict(issues),
                rate=headline.rated.counts.rate if headline else None,
                rate_with_exceptions=headline.rated.with_exceptions.rate if headline else None,
                coverage=shown.summary.coverage.share,
                overdue_issues=late if last.overdue_issues is not None else None,
                overdue_exceptions=sum(score.expired > 0 for score in shown.exceptions),
            ),
        )


_NUMBER = re.compile(r"[0-9]{12}")


def _named(entry: ExceptionRow) -> set[str]:
    """Return what an exception's scope, and what of it was not scanned, may name: its pieces, and ids of accounts."""
    text = f"{entry.scope}; {entry.not_scanned or ''}"
    pieces = {piece.strip() for piece in re.split(r"[;,()]|: ", text)}
    return pieces | {*_NUMBER.findall(text)}


def _names_of(account: Account) -> Iterator[str]:
    """Yield the names of an account, and of the units that it is in."""
    yield account.id
    yield account.name
    yield from account.ou_ids
    parts = account.ou_path.split("/")
    yield from ("/".join(parts[: depth + 1]) for depth in range(len(parts)))


SEVERITIES = ("critical", "high", "medium", "low")


def _manifest_of(manifest: Manifest, own: Collection[str], accounts: Collection[str]) -> Manifest:
    """Return a manifest of these accounts alone, with no more than the name of those that are not the part's own."""
    ownership = manifest.ownership
    organization = manifest.organization
    caller = manifest.caller
    return msgspec.structs.replace(
        manifest,
        caller=caller if caller.account_id in own else Caller(account_id="", arn="", partition=caller.partition),
        organization=organization and msgspec.structs.replace(organization, delegated=None),
        accounts=tuple(
            each if each.id in own else Account(id=each.id, name=each.name, state=each.state, ou_path=each.ou_path)
            for each in manifest.accounts
            if each.id in accounts
        ),
        out_of_scope=(),
        discovery_gaps=tuple(gap for gap in manifest.discovery_gaps if gap.account_id in own),
        supporting=(),
        ownership=OwnershipRecord(
            audit_team=ownership.audit_team,
            accounts=tuple(each for each in ownership.accounts if each.account_id in own),
        ),
        settings={name: value for name, value in manifest.settings.items() if name == "actions"},
        inputs={},
        records=tuple(record for record in manifest.records if record.account_id in own),
    )


def _register_of(register: RegisterResult, scores: Iterable[ExceptionScore], own: Collection[str]) -> RegisterResult:
    """Return the register's result with these exceptions, and with the attestations of these accounts alone."""
    entries = tuple(score.entry for score in scores)
    names = {entry.id for entry in entries if entry.scope != ELSEWHERE}
    return msgspec.structs.replace(
        register,
        entries=entries,
        covered={},
        overdue={},
        problems=(),
        hygiene=tuple(remark for remark in register.hygiene if remark.id in names),
        attested=Attested(
            answers={
                requirement: {account: answer for account, answer in given.items() if account in own}
                for requirement, given in register.attested.answers.items()
            }
        ),
    )
