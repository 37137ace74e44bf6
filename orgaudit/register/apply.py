"""Marks findings with the exception that speaks about them, for one date, and counts what each exception did."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from orgaudit.model import Account, EntryState, ExceptionRef, Finding, Severity, Status
from orgaudit.register.entries import ExceptionDraft, ExceptionEntry
from orgaudit.register.file.load import Register
from orgaudit.register.match import Matcher
from orgaudit.register.state import days_left, state_of
from orgaudit.settings.documents import Problem
from orgaudit.store.register_result import ExceptionRow
from orgaudit.store.run import Run


class Tally(msgspec.Struct):
    """What the exceptions did to the findings so far.

    `matched` counts findings in scope by (exception id, status), `covered` those that the exception covers, `overdue`
    those that it covered until it expired, `overlaps` findings by (id that won, id that would have covered too), and
    `too_long` findings that it does not cover because it lives longer than their severity allows.
    """

    matched: Counter[tuple[str, Status]] = msgspec.field(default_factory=Counter)
    covered: Counter[str] = msgspec.field(default_factory=Counter)
    overdue: Counter[str] = msgspec.field(default_factory=Counter)
    overlaps: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    too_long: Counter[tuple[str, Severity]] = msgspec.field(default_factory=Counter)


def _ending(entry: ExceptionDraft, state: EntryState) -> str:
    """Return when and by whom an exception was rejected or revoked, and why."""
    closing = [event for event in entry.history if event.what.value == state.value]
    return f"{closing[-1].when.isoformat()}, {closing[-1].who}: {closing[-1].why}" if closing else ""


class Application:
    """A register applied on one date to the findings of accounts; `tally` grows with the findings that pass through."""

    def __init__(self, register: Register, accounts: Mapping[str, Account], as_of: date) -> None:
        self.register = register
        self.as_of = as_of
        self.tally = Tally()
        self._matcher = Matcher(register.entries, accounts)
        self._states = {entry.id: self.state(entry) for entry in register.entries}

    def apply(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield every finding, with the exception that covers it or that covered it until it expired."""
        for finding in findings:
            entries = self._matcher.matching(finding)
            yield self._marked(finding, entries) if entries else finding

    def state(self, entry: ExceptionDraft) -> EntryState:
        """Return an exception's state on the date."""
        return state_of(entry, self.as_of, self.register.policy.expiring_days)

    def problems(self) -> list[Problem]:
        """Return the register's problems and, from the findings so far, the exceptions too long for what they match."""
        longest = self.register.policy.longest_days
        entries = {entry.id: entry for entry in self.register.entries}
        too_long = [
            Problem(
                file=self.register.file,
                line=self.register.lines.get(name),
                key=name,
                message=f"lives {entries[name].life_days} days, but {severity} findings may be excepted for "
                f"{longest.of(severity)}: {count} stay open",
                mend="expire it earlier, or leave those findings out of its scope",
            )
            for (name, severity), count in sorted(self.tally.too_long.items())
        ]
        return [*self.register.problems, *too_long]

    def rows(self) -> list[ExceptionRow]:
        """Return every exception of the register, by id."""
        sound = [self._row(entry) for entry in (*self.register.entries, *self.register.drafts)]
        broken = [
            ExceptionRow(
                id=it.id, title=it.title, owner=it.owner, type="", state=EntryState.INVALID, approved_by="", ticket=""
            )
            for it in self.register.invalid
        ]
        return sorted((*sound, *broken), key=lambda row: row.id)

    def _row(self, entry: ExceptionDraft) -> ExceptionRow:
        return ExceptionRow(
            id=entry.id,
            title=entry.title or "",
            type=entry.type or "",
            state=self.state(entry),
            owner=entry.owner or "",
            approved_by=entry.approved_by or "",
            ticket=entry.ticket or "",
            starts_on=entry.starts_on,
            expires_on=entry.expires_on,
            days_left=days_left(entry, self.as_of) if isinstance(entry, ExceptionEntry) else None,
            scope="" if entry.scope is None else str(entry.scope),
            broad=entry.broad,
            review_by=entry.review_by,
            ending=_ending(entry, self.state(entry)),
        )

    def _marked(self, finding: Finding, entries: list[ExceptionEntry]) -> Finding:
        """Return a finding with its exception; `entries` match it, most specific first."""
        self.tally.matched.update((entry.id, finding.status) for entry in entries)
        if finding.status is not Status.FAIL:
            return finding
        covering = [entry for entry in entries if self._covers(entry, finding)]
        if covering:
            winner = covering[0]
            self.tally.covered[winner.id] += 1
            self.tally.overlaps.update((winner.id, other.id) for other in covering[1:])
            return msgspec.structs.replace(finding, exception=self._reference(winner))
        expired = next((entry for entry in entries if self._states[entry.id] is EntryState.EXPIRED), None)
        if expired is None:
            return finding
        self.tally.overdue[expired.id] += 1
        return msgspec.structs.replace(finding, exception=self._reference(expired))

    def _covers(self, entry: ExceptionEntry, finding: Finding) -> bool:
        if not self._states[entry.id].covers:
            return False
        if entry.life_days <= self.register.policy.longest_days.of(finding.severity):
            return True
        self.tally.too_long[entry.id, finding.severity] += 1
        return False

    def _reference(self, entry: ExceptionEntry) -> ExceptionRef:
        return ExceptionRef(
            id=entry.id,
            owner=entry.owner,
            expires_on=entry.expires_on.isoformat(),
            state=self._states[entry.id].value,
            days_overdue=max(0, -days_left(entry, self.as_of)),
        )


def applied(register: Register, run: Run, as_of: date) -> Application:
    """Return a register's application after all findings of a run have passed through it; raises ConfigError."""
    accounts = run.read_manifest().accounts
    application = Application(register, {account.id: account for account in accounts}, as_of)
    for account in accounts:
        if run.findings_path(account.id).is_file():
            deque(application.apply(run.findings(account.id)), maxlen=0)
    return application
