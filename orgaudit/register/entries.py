"""The entries of the register's file: exceptions, complete or in draft, and attestations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from orgaudit.model import Account, Severity
from orgaudit.register.patterns import Patterns
from orgaudit.register.scope import AccountPatterns, ExceptionScope, PatternList, Selection, units_of
from orgaudit.settings.people import checked_person, identity
from orgaudit.settings.sections import Section, Text
from orgaudit.store.register_result import AttestedStatus


class ExceptionType(StrEnum):
    """Why a failure is accepted."""

    RISK_ACCEPTANCE = "risk_acceptance"
    FALSE_POSITIVE = "false_positive"
    COMPENSATING_CONTROL = "compensating_control"
    OPERATIONAL_REQUIREMENT = "operational_requirement"
    NOT_APPLICABLE = "not_applicable"
    PLANNED_REMEDIATION = "planned_remediation"
    VENDOR_DEPENDENCY = "vendor_dependency"


class EventType(StrEnum):
    """What can happen to an entry; the last rejection or revocation that nothing reopens closes it.

    An amendment is requested (`amended`), and then approved (`renewed` where it only sets a later last day, else
    `approved`) or not (`amendment_rejected`).
    """

    CREATED = "created"
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGED = "changed"
    AMENDED = "amended"
    AMENDMENT_REJECTED = "amendment_rejected"
    RENEWED = "renewed"
    REVOKED = "revoked"
    COMMENTED = "commented"


def _day(value: object) -> object:
    # pydantic would also read a number as seconds since 1970 and drop the time of a datetime at midnight.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{value!r} is not a date; write one such as 2025-03-31")


def _requirement(text: str) -> str:
    framework, _, requirement = text.partition(":")
    if not (framework and requirement):
        raise ValueError(f"{text!r} is not a requirement; write framework:requirement such as cis_2.0:1.1")
    return text


Day: TypeAlias = Annotated[date, BeforeValidator(_day)]
Person: TypeAlias = Annotated[Text, AfterValidator(checked_person)]
ExceptionId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^EXC-[0-9]{4}-[0-9]{4,}$")]


class Milestone(Section):
    """A step towards the remediation of what the exception covers."""

    title: Text
    due_on: Day
    done_on: Day | None = None


class HistoryEvent(Section):
    """One line of an entry's history; `until` is the last day of an approval from then on, where the event sets it.

    `stands_for` are the controls that each requirement in the scope stood for when the scope was approved.
    """

    when: Day
    who: Text
    what: EventType
    why: Text
    until: Day | None = None
    stands_for: dict[Text, tuple[Text, ...]] | None = None


def _in_order(events: tuple[HistoryEvent, ...]) -> tuple[HistoryEvent, ...]:
    days = [event.when for event in events]
    if days != sorted(days):
        raise ValueError("is not in the order of its dates; add new events at its end")
    return events


History: TypeAlias = Annotated[tuple[HistoryEvent, ...], AfterValidator(_in_order)]


class Amendment(Section):
    """A renewal or another change of an approved exception that waits for approval: keys with their new values."""

    requested_by: Text
    requested_on: Day
    why: Text
    changes: Annotated[dict[str, Any], Field(min_length=1)]

    @property
    def renews(self) -> bool:
        """Whether it sets another last day."""
        return "expires_on" in self.changes

    @property
    def words(self) -> str:
        """What it would change, who requests it, and why."""
        until = self.changes.get("expires_on")
        parts = [f"renewal until {until}"] if until else []
        parts += [f"{key} changed" for key in self.changes if key != "expires_on"]
        return f"{', '.join(parts)}; requested on {self.requested_on} by {self.requested_by}: {self.why}"


class ExceptionDraft(Section):
    """An exception that is not requested yet, so that anything but its id may still be missing."""

    reopened_by: ClassVar = frozenset({EventType.REQUESTED, EventType.APPROVED, EventType.RENEWED})

    id: ExceptionId
    title: Text | None = None
    type: ExceptionType | None = None
    scope: ExceptionScope | None = None
    justification: Text | None = None
    owner: Person | None = None
    requested_by: Text | None = None
    approved_by: Text | None = None
    approved_on: Day | None = None
    ticket: Text | None = None
    starts_on: Day | None = None
    expires_on: Day | None = None
    severity_adjusted: Severity | None = None
    risk_statement: Text | None = None
    compensating_controls: tuple[Text, ...] = ()
    evidence: tuple[Text, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    review_by: Day | None = None
    max_findings: int | None = Field(default=None, ge=1)
    broad: bool = False
    supersedes: ExceptionId | None = None
    comments: Text | None = None
    amendment: Amendment | None = None
    history: History = ()

    @property
    def approved_meanings(self) -> Mapping[str, tuple[str, ...]]:
        """The controls that each requirement in its scope stood for when that was approved last, as far as recorded."""
        recorded = (event.stands_for for event in reversed(self.history) if event.stands_for is not None)
        return next(recorded, {}) if self.approved_by is not None else {}

    @model_validator(mode="after")
    def _is_approved_where_amended(self) -> Self:
        if self.amendment is not None and self.approved_by is None:
            raise ValueError("amendment is for an approved exception; change the keys themselves until it is approved")
        return self


class ExceptionEntry(ExceptionDraft):
    """A requested exception; without `approved_by` it is pending."""

    title: Text
    type: ExceptionType
    scope: ExceptionScope
    justification: Text
    owner: Person
    requested_by: Text
    ticket: Text
    starts_on: Day
    expires_on: Day

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.expires_on < self.starts_on:
            raise ValueError(f"expires_on {self.expires_on} is before starts_on {self.starts_on}; correct one of them")
        if (self.approved_by is None) != (self.approved_on is None):
            raise ValueError("approved_by and approved_on go together; give both, or neither while approval is pending")
        if self.approved_by is not None and identity(self.approved_by) == identity(self.requested_by):
            raise ValueError("requested_by and approved_by are the same person; another person must approve")
        if not self.broad and (self.scope.all_controls or self.scope.all_accounts):
            what = "controls" if self.scope.all_controls else "accounts"
            raise ValueError(f"scope covers all {what}; name some, or set broad: true")
        return self

    @property
    def approved(self) -> bool:
        """Whether it is approved."""
        return self.approved_by is not None

    @property
    def begins_on(self) -> date:
        """The first day that its approval is about."""
        return self.starts_on

    @property
    def valid_from(self) -> date:
        """The day from which its life counts: it has started, and its latest approval, if any, was given."""
        return max(self.starts_on, self.approved_on or self.starts_on)

    def last_day(self, on: date) -> date | None:
        """Return the last day for which it is approved on a date; None where it is not approved then.

        Before the latest approval, the history's earlier ones count, unless more than the last day has changed since.
        """
        if self.approved_on is not None and self.approved_on <= on:
            return self.expires_on
        until: date | None = None
        for event in self.history:
            if event.when > on and event.what is EventType.APPROVED:
                return None
            if event.when <= on:
                closes = event.what in {EventType.REJECTED, EventType.REVOKED}
                until = None if closes else event.until or until
        return until


REQUIRED = tuple(name for name, field in ExceptionEntry.model_fields.items() if field.is_required())
"""The keys that an exception must have to be requested, in the order of the file."""


class Attestation(Section):
    """One person's answer to one requirement, for accounts or for the accounts below units, until a day."""

    reopened_by: ClassVar = frozenset({EventType.RENEWED})
    approved: ClassVar = True

    id: Annotated[str, StringConstraints(pattern=r"^ATT-[0-9]{4}-[0-9]{4,}$")]
    requirement: Annotated[Text, AfterValidator(_requirement)]
    status: AttestedStatus
    accounts: AccountPatterns | None = None
    ous: PatternList | None = None
    attested_by: Text
    attested_on: Day
    evidence: Annotated[tuple[Text, ...], Field(min_length=1)]
    expires_on: Day
    broad: bool = False
    comments: Text | None = None
    history: History = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.accounts is None) == (self.ous is None):
            raise ValueError("an attestation is for accounts or for ous; give one of the two")
        if not self.broad and Selection(accounts=self.accounts, ous=self.ous).all_accounts:
            raise ValueError("covers all accounts; name some, or set broad: true")
        if self.expires_on < self.attested_on:
            raise ValueError(f"expires_on {self.expires_on} is before attested_on {self.attested_on}; correct one")
        return self

    @property
    def begins_on(self) -> date:
        """The first day on which it answers anything."""
        return self.attested_on

    @property
    def valid_from(self) -> date:
        """The day from which its life counts."""
        return self.attested_on

    def last_day(self, on: date) -> date | None:  # noqa: ARG002 - an exception's depends on the date
        """Return the last day on which it answers."""
        return self.expires_on

    @property
    def subject(self) -> str:
        """The accounts or units that it is for, in words."""
        return f"accounts: {', '.join(self.accounts)}" if self.accounts else f"ous: {', '.join(self.ous or ())}"

    def answers(self, account: Account) -> bool:
        """Return whether it is for an account."""
        if self.accounts is not None:
            return Patterns(self.accounts).match(account.id)
        return Patterns(self.ous or ()).match_any(units_of(account))


CompleteEntry: TypeAlias = ExceptionEntry | Attestation
RegisterEntry: TypeAlias = ExceptionDraft | Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind:
    """One kind of entry: its section of the file, how its ids begin, its models, and what an edit of it means.

    `draft` is the model of an entry of which none of the keys `requested` is given. `substance` are the keys that an
    approval or an answer is about, `by_steps_only` those that no edit changes. Where `needs_approval` is set, what is
    requested or renewed waits for the approval of another person; else it is in force at once.
    """

    section: str
    prefix: str
    model: type[CompleteEntry]
    draft: type[RegisterEntry]
    needs_approval: bool
    requested: tuple[str, ...] = ()
    substance: frozenset[str]
    by_steps_only: tuple[str, ...]

    @property
    def noun(self) -> str:
        """The word for one entry."""
        return self.section.removesuffix("s")

    def model_of(self, data: Mapping[str, Any]) -> type[RegisterEntry]:
        """Return the model that an entry's data must have."""
        return self.model if any(data.get(key) for key in self.requested) else self.draft

    def signed(self, data: Mapping[str, Any], by: str, on: date) -> dict[str, Any]:
        """Return the keys by which a person answers for an entry's content, and any approval of before ends."""
        if self.needs_approval:
            return {"requested_by": by, **{key: None for key in ("approved_by", "approved_on") if key in data}}
        return {"attested_by": by, "attested_on": on}


EXCEPTIONS = EntryKind(
    section="exceptions",
    prefix="EXC",
    model=ExceptionEntry,
    draft=ExceptionDraft,
    needs_approval=True,
    requested=("requested_by", "approved_by", "approved_on"),
    substance=frozenset(
        {
            *("title", "type", "scope", "justification", "requested_by", "starts_on", "expires_on", "broad"),
            *("severity_adjusted", "risk_statement", "compensating_controls", "max_findings", "supersedes"),
        }
    ),
    by_steps_only=("id", "approved_by", "approved_on", "amendment", "history"),
)
ATTESTATIONS = EntryKind(
    section="attestations",
    prefix="ATT",
    model=Attestation,
    draft=Attestation,
    needs_approval=False,
    substance=frozenset({"requirement", "status", "accounts", "ous", "broad", "evidence", "expires_on"}),
    by_steps_only=("id", "history"),
)
KINDS = {kind.section: kind for kind in (EXCEPTIONS, ATTESTATIONS)}
"""The kinds of entries by their sections, in the order of reports."""
