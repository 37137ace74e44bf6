"""Applies a register on one date: exceptions to findings, which it counts, and attestations to accounts."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date

import msgspec

from orgaudit.model import Account, EntryState, ExceptionRef, Finding, Severity, Status
from orgaudit.register.entries import (
    ATTESTATIONS,
    EXCEPTIONS,
    Attestation,
    ExceptionDraft,
    ExceptionEntry,
    RegisterEntry,
)
from orgaudit.register.file.load import Register
from orgaudit.register.match import Matcher
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.register.state import days_left, last_day, life_days, pending_amendment, state_of
from orgaudit.settings.documents import Problem
from orgaudit.store.register_result import Answer, AttestationRow, Attested, ExceptionRow
from orgaudit.store.run import Run
from orgaudit.words import counted


@dataclass(slots=True)
class Tally:
    """What the exceptions of a register did to findings.

    `matched` counts findings in scope by (exception id, status), `covered` those that the exception covers, `overdue`
    those that it covered until it expired, `overlaps` findings by (id that won, id that would have covered too), and
    `too_long` findings that it does not cover because it lives longer than their severity allows. `untagged` counts the
    failures without any tags that are in scope but for their tags, which may not have been read.
    """

    matched: Counter[tuple[str, Status]] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    overdue: Counter[str] = field(default_factory=Counter)
    overlaps: Counter[tuple[str, str]] = field(default_factory=Counter)
    too_long: Counter[tuple[str, Severity]] = field(default_factory=Counter)
    untagged: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count what the exceptions did to other findings, too."""
        for each in fields(Tally):
            getattr(self, each.name).update(getattr(other, each.name))


class AppliedRegister:
    """A register on one date, with the `tally` of the findings that passed through `apply` so far.

    `aliases` are the old ids of renamed controls with the new ones, and `requirements` those of all framework files by
    their controls.
    """

    def __init__(
        self,
        register: Register,
        accounts: Iterable[Account],
        as_of: date,
        aliases: Mapping[str, str] | None = None,
        *,
        requirements: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.register = register
        self.accounts = {account.id: account for account in accounts}
        self.as_of = as_of
        self.aliases = aliases or {}
        self.requirements = requirements or {}
        self.tally = Tally()
        self._matcher = Matcher(register.exceptions, self.accounts, self.aliases, requirements=self.requirements)
        self._states = {entry.id: self.state(entry) for entry in register.exceptions}
        self._decided_by: dict[str, list[str]] = {}
        for control, names in self.requirements.items():
            for name in names:
                self._decided_by.setdefault(name, []).append(control)

    def state(self, entry: RegisterEntry) -> EntryState:
        """Return an entry's state on the date."""
        return state_of(entry, self.as_of, self.register.policy.expiring_days)

    def apply(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield every finding, with the exception that covers it or that covered it until it expired."""
        for finding in findings:
            entries = self._matcher.matching(finding)
            if entries:
                self.tally.matched.update((entry.id, finding.status) for entry in entries)
            untagged = finding.status is Status.FAIL and not finding.resource_tags
            if untagged and (others := self._matcher.untagged(finding)):
                self.tally.untagged.update(entry.id for entry in others)
            entry = self._deciding(finding, entries) if entries and finding.status is Status.FAIL else None
            if entry is None:
                yield finding
                continue
            reference = ExceptionRef(
                id=entry.id,
                owner=entry.owner,
                expires_on=last_day(entry, self.as_of).isoformat(),
                state=self._states[entry.id].value,
                days_overdue=max(0, -days_left(entry, self.as_of)),
            )
            yield msgspec.structs.replace(finding, exception=reference)

    def _deciding(self, finding: Finding, entries: list[ExceptionEntry]) -> ExceptionEntry | None:
        """Return the exception that decides a failure, and count it; `entries` match it, most specific first."""
        longest = self.register.policy.longest_days.of(finding.severity)
        in_force = [(entry, life_days(entry)) for entry in entries if self._states[entry.id].covers]
        covering = [entry for entry, days in in_force if days <= longest]
        self.tally.too_long.update((entry.id, finding.severity) for entry, days in in_force if days > longest)
        if covering:
            self.tally.covered[covering[0].id] += 1
            self.tally.overlaps.update((covering[0].id, other.id) for other in covering[1:])
            return covering[0]
        expired = next((entry for entry in entries if self._states[entry.id] is EntryState.EXPIRED), None)
        if expired is not None:
            self.tally.overdue[expired.id] += 1
        return expired

    def problems(self) -> list[Problem]:
        """Return the register's problems and, from the findings so far, the exceptions too long for what they match."""
        register, entries = self.register, {entry.id: entry for entry in self.register.exceptions}
        too_long = [
            Problem(
                file=register.document.file,
                line=register.document.line(register.places.get(name, ())),
                key=name,
                message=f"lives {counted(life_days(entries[name]), 'day')}, but {severity} findings may be excepted "
                f"for {register.policy.longest_days.of(severity)}: {count} stay open",
                remedy="set an earlier expires_on, or leave those findings out of its scope",
            )
            for (name, severity), count in sorted(self.tally.too_long.items())
        ]
        return [*register.problems(EXCEPTIONS), *too_long, *register.problems(ATTESTATIONS)]

    def exceptions(self) -> list[ExceptionRow]:
        """Return every exception of the register, by id."""
        rows = list(map(self._exception, (*self.register.exceptions, *self.register.drafts)))
        rows += (
            ExceptionRow(
                id=it.id, title=it.texts.get("title", ""), owner=it.texts.get("owner", ""), state=EntryState.INVALID
            )
            for it in self.register.invalid
            if it.kind is EXCEPTIONS
        )
        return sorted(rows, key=lambda row: row.id)

    def stands_for(self, name: str) -> tuple[str, ...]:
        """Return the controls that a requirement's name in a scope, or a pattern of names, stands for by the files."""
        if is_exact(name):
            return tuple(sorted(self._decided_by.get(name, ())))
        match = Patterns([name]).match
        if any(map(match, (*self.requirements, *self.aliases))):
            return ()
        found = (controls for written, controls in self._decided_by.items() if match(written))
        return tuple(sorted({control for controls in found for control in controls}))

    def meanings(self, entry: ExceptionDraft) -> dict[str, tuple[str, ...]]:
        """Return the controls that each requirement in a scope stands for: as recorded at its approval, else by now."""
        if entry.scope is None:
            return {}
        left_out = entry.scope.exclusion.controls if entry.scope.exclusion is not None else None
        written = (*(entry.scope.controls or ()), *(left_out or ()))
        found = ((name, entry.approved_meanings.get(name) or self.stands_for(name)) for name in written)
        return {name: controls for name, controls in found if controls}

    def _exception(self, entry: ExceptionDraft) -> ExceptionRow:
        state, amendment = self.state(entry), pending_amendment(entry, self.as_of)
        complete = entry if isinstance(entry, ExceptionEntry) else None
        return ExceptionRow(
            id=entry.id,
            title=entry.title or "",
            type=entry.type or "",
            state=state,
            owner=entry.owner or "",
            approved_by=entry.approved_by or "",
            ticket=entry.ticket or "",
            starts_on=entry.starts_on,
            expires_on=last_day(complete, self.as_of) if complete else entry.expires_on,
            days_left=days_left(complete, self.as_of) if complete else None,
            scope="" if entry.scope is None else str(entry.scope),
            broad=entry.broad,
            review_by=entry.review_by,
            ending=_ending(entry, state),
            amendment="" if amendment is None else amendment.words,
            renewal_pending=amendment is not None and amendment.renews,
            stands_for=self.meanings(entry),
        )

    def attested(self) -> Attested:
        """Return every attestation of the register, by id, and what those in force answer for each account.

        Where several answer, the one that names accounts exactly wins, then one with patterns, then one for units;
        among equals the one attested last, then the greater id.
        """
        answers: dict[str, dict[str, Answer]] = {}
        answered: dict[str, list[str]] = defaultdict(list)
        for entry in sorted(self.register.attestations, key=_precedence):
            if self.state(entry).covers:
                winners = answers.setdefault(entry.requirement, {})
                for account in filter(entry.answers, self.accounts.values()):
                    winners[account.id] = _answer(entry, account)
                    answered[entry.id].append(account.id)
        rows = [
            self._attestation(
                entry, {account: answers[entry.requirement][account].id for account in answered[entry.id]}
            )
            for entry in self.register.attestations
        ]
        rows += (
            AttestationRow(
                id=it.id,
                requirement=it.texts.get("requirement", ""),
                attested_by=it.texts.get("attested_by", ""),
                state=EntryState.INVALID,
            )
            for it in self.register.invalid
            if it.kind is ATTESTATIONS
        )
        return Attested(tuple(sorted(rows, key=lambda row: row.id)), answers)

    def _attestation(self, entry: Attestation, winners: Mapping[str, str]) -> AttestationRow:
        """Return an attestation's row; `winners` are the ids that answer for each of its accounts."""
        return AttestationRow(
            id=entry.id,
            requirement=entry.requirement,
            state=self.state(entry),
            status=entry.status.value,
            subject=entry.subject,
            attested_by=entry.attested_by,
            attested_on=entry.attested_on,
            expires_on=entry.expires_on,
            days_left=days_left(entry, self.as_of),
            evidence=entry.evidence,
            accounts=tuple(sorted(account for account, winner in winners.items() if winner == entry.id)),
            instead=tuple(sorted({winner for winner in winners.values() if winner != entry.id})),
        )


def _ending(entry: RegisterEntry, state: EntryState) -> str:
    """Return when and by whom an entry was rejected or revoked, and why."""
    closing = [event for event in entry.history if event.what.value == state.value]
    return f"{closing[-1].when.isoformat()}, {closing[-1].who}: {closing[-1].why}" if closing else ""


def _precedence(entry: Attestation) -> tuple[int, date, str]:
    """Return a key by which the attestation that wins comes last."""
    narrow = 0 if entry.accounts is None else 2 if all(map(is_exact, entry.accounts)) else 1
    return narrow, entry.attested_on, entry.id


def _answer(entry: Attestation, account: Account) -> Answer:
    return Answer(
        id=entry.id,
        requirement=entry.requirement,
        account_id=account.id,
        status=entry.status,
        attested_by=entry.attested_by,
        attested_on=entry.attested_on,
        expires_on=entry.expires_on,
    )


def findings_of(run: Run) -> Iterator[Finding]:
    """Yield the findings of a run, one account at a time; raises ConfigError where a file of them cannot be read."""
    for account in run.read_manifest().accounts:
        if run.findings_path(account.id).is_file():
            yield from run.findings(account.id)


def applied(
    register: Register,
    run: Run,
    as_of: date,
    aliases: Mapping[str, str] | None = None,
    *,
    requirements: Mapping[str, tuple[str, ...]] | None = None,
) -> AppliedRegister:
    """Return a register after all findings of a run have passed through it; raises ConfigError."""
    found = AppliedRegister(register, run.read_manifest().accounts, as_of, aliases, requirements=requirements)
    deque(found.apply(findings_of(run)), maxlen=0)
    return found
