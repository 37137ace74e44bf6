"""What a run set out to assess, and how much of each exception's scope it did: not scanned is not closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from orgaudit.model import GLOBAL, Account, Cell, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.entries import ExceptionEntry
from orgaudit.register.match import Matcher, control_names, written_out
from orgaudit.register.patterns import REGEX, Patterns, is_exact
from orgaudit.register.scope import ExceptionScope, units_of
from orgaudit.settings import frameworks
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import ExceptionRow
from orgaudit.store.run import Run
from orgaudit.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a run set out to assess, and what lies beyond it.

    `outside` are accounts that were left out of scope. `whole` is set where no other account exists. `names` maps each
    control of the run to all names that it answers to, `beyond` the same for the controls that were left out, and
    `frameworks` are the ids of those that are known: all that exist where `all_frameworks`, else those in the run.
    `regions` are those of the run, `unselected` the regions that are enabled in an account and were left out of scope,
    by account.
    """

    accounts: tuple[Account, ...]
    outside: tuple[Account, ...] = ()
    whole: bool = True
    names: Mapping[str, tuple[str, ...]]
    beyond: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frameworks: frozenset[str] = frozenset()
    all_frameworks: bool = False
    regions: frozenset[str] = frozenset()
    unselected: Mapping[str, frozenset[str]] = field(default_factory=dict)


def extent_of(
    manifest: Manifest,
    known: Collection[str],
    aliases: Mapping[str, str] | None = None,
    requirements: Mapping[str, tuple[str, ...]] | None = None,
) -> Extent:
    """Return what a run set out to assess.

    `known` are the ids of all controls that exist, `aliases` the old ids of renamed ones with the new, and
    `requirements` those of all framework files by their controls.
    """
    files = requirements or {}

    def names(control: str) -> tuple[str, ...]:
        return control_names(control, frameworks.requirements_of(manifest.frameworks, control), aliases or {}, files)

    judged = [record.id for record in manifest.controls]
    inside = {record.account_id: {region.name for region in record.regions} for record in manifest.records}
    regions = frozenset(region for names_ in inside.values() for region in names_) or frozenset(manifest.known_regions)
    return Extent(
        accounts=manifest.accounts,
        outside=manifest.out_of_scope,
        whole=manifest.organization is not None,
        names={control: names(control) for control in judged},
        beyond={control: names(control) for control in sorted({*known, *_named(manifest)} - {*judged})},
        frameworks=frozenset(it.id for it in manifest.frameworks) | _frameworks_of(files),
        all_frameworks=bool(files),
        regions=regions,
        unselected={
            record.account_id: left
            for record in manifest.records
            if (left := frozenset(record.enabled) - inside[record.account_id])
        },
    )


def _frameworks_of(files: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name.partition(":")[0] for names in files.values() for name in names if ":" in name)


def _named(manifest: Manifest) -> Iterator[str]:
    """Yield every control that the run's frameworks name."""
    for framework in manifest.frameworks:
        for requirement in framework.requirements:
            yield from requirement.controls


class Scanned:
    """How much of the scope of each exception a run assessed, whatever the exception's state.

    `cells` counts the evaluations that each scope reaches into, by the exception's id. Whatever might be in a scope
    counts as in it: a region for what is listed once for an account, an account whose tags or unit are not known.
    """

    def __init__(self, applied: AppliedRegister, extent: Extent, cells: Iterable[Cell]) -> None:
        self.cells: Counter[str] = Counter()
        self.applied, self.extent = applied, extent
        self._unseen: Counter[str] = Counter()
        self._regional: set[str] = set()
        self._judged: set[tuple[str, str]] = set()
        self._regions = {GLOBAL, *extent.regions}
        every = (*extent.names.values(), *extent.beyond.values())
        self._names = frozenset(name for names in every for name in names)
        self._beyond: dict[str, str] = {}
        self._missing: dict[str, str] = {}
        entries = applied.register.exceptions
        if not entries:
            return
        accounts = {account.id: account for account in (*extent.accounts, *extent.outside)}
        self._matcher = Matcher(entries, accounts, applied.aliases)
        self._count(cells)
        for entry_id, why in self._left_out():
            self._beyond.setdefault(entry_id, why)

    def missing(self, entry: ExceptionEntry) -> str:
        """Return what of an exception's scope the run did not assess, or nothing where it assessed all."""
        if entry.id not in self._missing:
            self._missing[entry.id] = self._what_is_missing(entry)
        return self._missing[entry.id]

    def _what_is_missing(self, entry: ExceptionEntry) -> str:
        if found := next(self._unread(entry), None) or self._beyond.get(entry.id):
            return found
        if unseen := self._unseen[entry.id]:
            return f"{unseen:,} of {counted(self.cells[entry.id], 'evaluation')} in its scope not assessed."
        if not self.cells[entry.id]:
            return "No account, region or control of its scope was part of this run."
        if manual := self.applied.tally.matched[entry.id, Status.MANUAL]:
            return f"{counted(manual, 'finding')} in its scope left to a manual review."
        if untagged := self.applied.tally.untagged[entry.id]:
            return f"{counted(untagged, 'failing resource')} would be in its scope by tags that the run did not see."
        return ""

    def rows(self) -> list[ExceptionRow]:
        """Return every exception of the register, by id, with what the run assessed and found of its scope."""
        found = {
            entry.id: {"not_scanned": self.missing(entry), "failing": self.applied.tally.matched[entry.id, Status.FAIL]}
            for entry in self.applied.register.exceptions
        }
        return [msgspec.structs.replace(row, **found.get(row.id, {})) for row in self.applied.exceptions()]

    def _count(self, cells: Iterable[Cell]) -> None:
        for cell in cells:
            self._regions.add(cell.region)
            self._judged.add((cell.account_id, cell.control))
            if cell.region != GLOBAL:
                self._regional.add(cell.control)
            names = self.extent.names.get(cell.control, (cell.control,))
            # What is listed once for an account, such as buckets, may be in any region.
            region = None if cell.region == GLOBAL else cell.region
            reached = [entry.id for entry in self._matcher.reaching(names, cell.account_id, region)]
            if not reached:
                continue
            self.cells.update(reached)
            if cell.status is Status.NOT_ASSESSED or cell.accepted:
                self._unseen.update(reached)

    def _left_out(self) -> Iterator[tuple[str, str]]:
        """Yield the exceptions whose scope reaches into what the run left out, and why."""
        extent = self.extent
        renamed = {self.applied.aliases[name] for name in extent.names if name in self.applied.aliases}
        beyond = {control: names for control, names in extent.beyond.items() if control not in renamed}
        for account in extent.outside:
            yield from self._reaching(
                {**extent.names, **beyond}, account, f"Account {account.id} was out of this run's scope."
            )
        for account in extent.accounts:
            for control, names in beyond.items():
                yield from self._reaching({control: names}, account, f"{control} was not part of this run.")
            for control in extent.names:
                if (account.id, control) not in self._judged:
                    why = f"Account {account.id} has no result of {control}."
                    yield from self._reaching({control: extent.names[control]}, account, why)
            regional = {control: names for control, names in extent.names.items() if control in self._regional}
            for region in sorted(extent.unselected.get(account.id, ())):
                yield from self._reaching(regional, account, _not_part(f"The region {region}"), region)

    def _reaching(
        self, controls: Mapping[str, Sequence[str]], account: Account, why: str, region: str | None = None
    ) -> Iterator[tuple[str, str]]:
        for names in controls.values():
            for entry in self._matcher.reaching(names, account.id, region):
                yield entry.id, why

    def _unread(self, entry: ExceptionEntry) -> Iterator[str]:
        """Yield what an exception's scope names, or may name, and the run does not know."""
        scope = entry.scope
        controls = written_out(scope.controls or (), entry.approved_meanings)
        yield from (_not_part(it) for it in controls if not self._knows_control(it))
        yield from (
            _not_part(f"The region {it}") for it in filter(is_exact, scope.regions or ()) if it not in self._regions
        )
        known = {account.id for account in (*self.extent.accounts, *self.extent.outside)}
        named = scope.accounts
        yield from (_not_part(f"Account {it}") for it in filter(is_exact, named or ()) if it not in known)
        if not self.extent.whole and not (named and all(map(is_exact, named))):
            yield "The run knows no organization, so other accounts may be in its scope."
        for account, what in _undecided(scope, (*self.extent.accounts, *self.extent.outside)):
            yield f"The {what} of account {account.id} {'are' if what == 'tags' else 'is'} not known to this run."

    def _knows_control(self, pattern: str) -> bool:
        """Return whether all that a pattern may name is known; what of it the run left out is judged elsewhere.

        A glob for requirements must name a framework that is known.
        """
        if is_exact(pattern):
            return bool({pattern, self.applied.aliases.get(pattern)} & self._names)
        framework, colon, _ = pattern.partition(":")
        if colon and not pattern.startswith(REGEX):
            return framework in self.extent.frameworks
        match = Patterns([pattern]).match
        controls = [*self.extent.names, *self.extent.beyond]
        if all(map(match, controls)):
            return True
        return any(map(match, controls)) and not any(map(match, self._names.difference(controls)))


def scanned(run: Run, applied: AppliedRegister, known: Collection[str]) -> Scanned:
    """Return how much of each exception's scope a run assessed, once all its findings have passed `applied`.

    `known` are the ids of all controls that exist. Raises ConfigError where the run's coverage cannot be read.
    """
    manifest = run.read_manifest()
    cells = (cell for account in manifest.accounts for cell in run.cells(account.id))
    return Scanned(applied, extent_of(manifest, known, applied.aliases, applied.requirements), cells)


def _undecided(scope: ExceptionScope, accounts: Iterable[Account]) -> Iterator[tuple[Account, str]]:
    """Yield the accounts that a scope may select by what is not known of them, which is their tags or their unit."""
    if scope.ous is None and scope.account_tags is None:
        return
    ids, ous = (None if named is None else Patterns(named) for named in (scope.accounts, scope.ous))
    tags = {key: Patterns([text]) for key, text in (scope.account_tags or {}).items()}
    for account in accounts:
        units, has = units_of(account), account.tags
        if (ids and not ids.match(account.id)) or (ous and units and not ous.match_any(units)):
            continue
        if scope.account_tags is not None and has is None:
            yield account, "tags"
        elif ous and not units and all(key in (has or {}) and it.match((has or {})[key]) for key, it in tags.items()):
            yield account, "unit"


def _not_part(what: str) -> str:
    return f"{what} was not part of this run."
