"""What the register's file may hold: exceptions, complete or in draft, and the scope that each asks for."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from orgaudit.model import Severity
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.settings.identifiers import account_id
from orgaudit.settings.sections import Section, Text


class ExceptionType(StrEnum):
    """Why something that fails is let be."""

    RISK_ACCEPTANCE = "risk_acceptance"
    FALSE_POSITIVE = "false_positive"
    COMPENSATING_CONTROL = "compensating_control"
    OPERATIONAL_REQUIREMENT = "operational_requirement"
    NOT_APPLICABLE = "not_applicable"
    PLANNED_REMEDIATION = "planned_remediation"
    VENDOR_DEPENDENCY = "vendor_dependency"


class EventType(StrEnum):
    """What can happen to an exception; the last rejection or revocation that no approval follows closes it."""

    CREATED = "created"
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGED = "changed"
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
    raise ValueError(f"{value!r} is no date; write one such as 2025-03-31")


def _pattern(text: str) -> str:
    Patterns([text])
    return text


def _account_pattern(value: object) -> object:
    is_pattern = isinstance(value, str) and (value.startswith("regex:") or set(value) & set("*?["))
    return value if is_pattern else account_id(value)


def _person(text: str) -> str:
    if "@" in text and not re.fullmatch(r"[^<>@]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+", text):
        raise ValueError(f"{text!r} is no owner; write Name <name@example.com>, or a team's name")
    return text


Day: TypeAlias = Annotated[date, BeforeValidator(_day)]
Pattern: TypeAlias = Annotated[Text, AfterValidator(_pattern)]
AccountPattern: TypeAlias = Annotated[Pattern, BeforeValidator(_account_pattern)]
Person: TypeAlias = Annotated[Text, AfterValidator(_person)]
ExceptionId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^EXC-[0-9]{4}-[0-9]{4,}$")]
PatternList: TypeAlias = Annotated[tuple[Pattern, ...], Field(min_length=1)]
TagPatterns: TypeAlias = Annotated[dict[str, Pattern], Field(min_length=1)]


class Selection(Section):
    """What must hold of a finding: every key that is given, by any one of its patterns (tags: by all of them)."""

    controls: PatternList | None = None
    accounts: Annotated[tuple[AccountPattern, ...], Field(min_length=1)] | None = None
    ous: PatternList | None = None
    account_tags: TagPatterns | None = None
    regions: PatternList | None = None
    resources: PatternList | None = None
    resource_tags: TagPatterns | None = None

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                "is empty; name controls, accounts, ous, account_tags, regions, resources or resource_tags"
            )
        return self

    @property
    def of_all_controls(self) -> bool:
        """Tell whether no control is left out."""
        return self.controls is None or any(_takes_all(self.controls, samples) for samples in _CONTROLS)

    @property
    def of_all_accounts(self) -> bool:
        """Tell whether no account is left out; the organization's root as a unit leaves none out."""
        named = self.accounts is not None and not _takes_all(self.accounts, _ACCOUNTS)
        in_units = self.ous is not None and not any(map(_is_root, self.ous))
        return not (named or in_units or self.account_tags is not None)

    def __str__(self) -> str:
        return "; ".join(f"{key}: {_listed(value)}" for key, value in self if value is not None)


class ExceptionScope(Selection):
    """What an exception covers: a choice, and what is left out of it again."""

    exclusion: Selection | None = Field(default=None, alias="except")

    def __str__(self) -> str:
        chosen = "; ".join(
            f"{key}: {_listed(value)}" for key, value in self if value is not None and key != "exclusion"
        )
        return chosen if self.exclusion is None else f"{chosen}; except ({self.exclusion})"


# Whether a pattern takes everything is judged by values as unlike each other as their kind allows.
_CONTROLS = (
    ("iam_user_mfa_enabled", "s3_bucket_versioned", "z_z"),
    ("cis_2.0:3.4", "nist_800_53_r5:AU-2(b)", "zz:1"),
)
_ACCOUNTS = ("000000000000", "123456789012", "999999999999")
_ROOTS = ("Root", "r-0000", "r-a1b2c3")


def _takes_all(patterns: tuple[str, ...], samples: tuple[str, ...]) -> bool:
    return all(map(Patterns(pattern for pattern in patterns if not is_exact(pattern)).match, samples))


def _is_root(pattern: str) -> bool:
    return Patterns([pattern]).match_any(_ROOTS) or re.fullmatch(r"r-[0-9a-z]{4,32}", pattern) is not None


def _listed(value: tuple[str, ...] | dict[str, str]) -> str:
    return ", ".join(f"{key}={text}" for key, text in value.items()) if isinstance(value, dict) else ", ".join(value)


class Milestone(Section):
    """A step on the way to mending what the exception covers."""

    title: Text
    due_on: Day
    done_on: Day | None = None


class HistoryEvent(Section):
    """One line of an exception's history."""

    when: Day
    who: Text
    what: EventType
    why: Text


class ExceptionDraft(Section):
    """An exception that nobody has asked for yet, so that anything but its id may still be missing."""

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
    history: tuple[HistoryEvent, ...] = ()

    @model_validator(mode="after")
    def _history_only_grows(self) -> Self:
        days = [event.when for event in self.history]
        if days != sorted(days):
            raise ValueError("history is not in the order of its dates; add new events at its end")
        return self


class ExceptionEntry(ExceptionDraft):
    """An exception that somebody asked for; without `approved_by` it waits for approval."""

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
    def _holds_together(self) -> Self:
        if self.expires_on < self.starts_on:
            raise ValueError(f"expires_on {self.expires_on} is before starts_on {self.starts_on}; correct one of them")
        if (self.approved_by is None) != (self.approved_on is None):
            raise ValueError("approved_by and approved_on go together; give both, or neither while approval is pending")
        if self.approved_by is not None and identity(self.approved_by) == identity(self.requested_by):
            raise ValueError("requested_by and approved_by are the same person; somebody else must approve")
        if not self.broad and (self.scope.of_all_controls or self.scope.of_all_accounts):
            what = "controls" if self.scope.of_all_controls else "accounts"
            raise ValueError(f"scope takes all {what}; name some, or say broad: true")
        return self

    @property
    def valid_from(self) -> date:
        """Return the first day on which the exception may cover anything: it has started and is approved."""
        return max(self.starts_on, self.approved_on or self.starts_on)

    @property
    def life_days(self) -> int:
        """Return the days from the first valid day to the last; a renewal, being a new approval, starts it again."""
        return (self.expires_on - self.valid_from).days


def identity(person: str) -> str:
    """Return what tells persons apart: the e-mail address where there is one, else the name, without letter case."""
    address = re.search(r"[^\s<>@]+@[^\s<>@]+", person)
    return (address[0] if address else " ".join(person.split())).casefold()
