"""Attestations: what a person answers where no machine can, from the register's file to the accounts of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from orgaudit.errors import ConfigError
from orgaudit.model import Account, EntryState, Severity
from orgaudit.register.entries import AccountPattern, EventType, Selection, PatternList, Day, HistoryEvent
from orgaudit.register.file.load import MOST_BYTES
from orgaudit.register.match import units_of
from orgaudit.register.patterns import Patterns
from orgaudit.settings.documents import Document, Problem, error_of, nearest, read, validate, value_at
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.sections import RegisterSettings, Section, Text, TimeZone
from orgaudit.settings.syntax import KeyPath
from orgaudit.store.register_result import AttestedStatus

SECTION = "attestations"
"""The key of the register's file under which attestations are."""


def _requirement(text: str) -> str:
    framework, colon, requirement = text.partition(":")
    if not (framework and colon and requirement):
        raise ValueError(f"{text!r} names no requirement; write framework:requirement such as cis_2.0:1.1")
    return text


class Attestation(Section):
    """One person's answer to one requirement, for accounts or for the accounts below units, until a day."""

    id: Annotated[str, StringConstraints(pattern=r"^ATT-[0-9]{4}-[0-9]{4,}$")]
    requirement: Annotated[Text, AfterValidator(_requirement)]
    status: AttestedStatus
    accounts: Annotated[tuple[AccountPattern, ...], Field(min_length=1)] | None = None
    ous: PatternList | None = None
    attested_by: Text
    attested_on: Day
    evidence: Annotated[tuple[Text, ...], Field(min_length=1)]
    expires_on: Day
    broad: bool = False
    comments: Text | None = None
    history: tuple[HistoryEvent, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.accounts is None) == (self.ous is None):
            raise ValueError("an attestation is for accounts or for ous; give one of the two")
        if not self.broad and Selection(accounts=self.accounts, ous=self.ous).of_all_accounts:
            raise ValueError("takes all accounts; name some, or say broad: true")
        if self.expires_on < self.attested_on:
            raise ValueError(f"expires_on {self.expires_on} is before attested_on {self.attested_on}; correct one")
        days = [event.when for event in self.history]
        if days != sorted(days):
            raise ValueError("history is not in the order of its dates; add new events at its end")
        return self

    @property
    def framework(self) -> str:
        """Return the id of the framework whose requirement is answered."""
        return self.requirement.partition(":")[0]

    @property
    def subject(self) -> str:
        """Return for whom it answers, in words."""
        return f"accounts: {', '.join(self.accounts)}" if self.accounts else f"ous: {', '.join(self.ous or ())}"

    def answers(self, account: Account) -> bool:
        """Tell whether it speaks for an account."""
        if self.accounts is not None:
            return Patterns(self.accounts).match(account.id)
        return Patterns(self.ous or ()).match_any(units_of(account))


class InvalidAttestation(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that answers nothing because it is wrong; texts are what could be read of it."""

    id: str
    requirement: str
    attested_by: str
    problems: tuple[Problem, ...]


class Attestations(msgspec.Struct, frozen=True, kw_only=True):
    """The attestations of a register's file; `lines` maps an id to its line."""

    file: str
    policy: RegisterSettings
    time_zone: str
    entries: tuple[Attestation, ...] = ()
    invalid: tuple[InvalidAttestation, ...] = ()
    lines: dict[str, int] = {}

    @property
    def problems(self) -> list[Problem]:
        """Return every problem of every entry, in the order of the file."""
        return [problem for entry in self.invalid for problem in entry.problems]


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    time_zone: TimeZone | None = None
    attestations: tuple[Any, ...] | None = None


def load(
    path: Path,
    policy: RegisterSettings,
    frameworks: Mapping[str, Framework],
    *,
    complete: bool = True,
    must_exist: bool = True,
) -> Attestations:
    """Return the attestations of a register's file; what is wrong in one entry leaves the others to work.

    `complete` tells that `frameworks` are all that there are, so that a requirement of another one is a problem.
    Raises ConfigError where the file as a whole cannot be understood. A missing file has none, unless it must exist.
    """
    if not must_exist and not path.exists():
        return Attestations(file=str(path), policy=policy, time_zone=policy.time_zone)
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"is larger than {MOST_BYTES >> 20} MB; a register is not", file=str(path))
    document = read(path)
    envelope = validate(document, _Envelope)
    if isinstance(envelope, list):
        raise error_of(envelope)
    wrong = _problems_of_form(document, len(envelope.attestations or ()))
    sound: list[Attestation] = []
    invalid: list[InvalidAttestation] = []
    lines: dict[str, int] = {}
    for index, data in enumerate(envelope.attestations or ()):
        place: KeyPath = (SECTION, index)
        found = _entry(document, place, policy, frameworks, complete=complete)
        problems = (*wrong[index], *(found if isinstance(found, list) else ()))
        lines.setdefault(_text(data, "id"), document.line(place) or 0)
        if isinstance(found, Attestation) and not problems:
            sound.append(found)
        else:
            texts = {key: _text(data, key) for key in ("id", "requirement", "attested_by")}
            invalid.append(InvalidAttestation(**texts, problems=problems))
    return Attestations(
        file=document.file,
        policy=policy,
        time_zone=envelope.time_zone or policy.time_zone,
        entries=tuple(sound),
        invalid=tuple(invalid),
        lines=lines,
    )


def _entry(
    document: Document, place: KeyPath, policy: RegisterSettings, frameworks: Mapping[str, Framework], *, complete: bool
) -> Attestation | list[Problem]:
    found = validate(document, Attestation, place)
    if isinstance(found, list):
        return found
    known = _unknown(document, place, found, frameworks, complete=complete)
    return [*_beyond_the_model(document, place, found, policy), *known] or found


def _problems_of_form(document: Document, count: int) -> dict[int, list[Problem]]:
    """Return, by entry, the flaws of the file in it and the ids that are used twice."""
    found: dict[int, list[Problem]] = defaultdict(list)
    for place, problem in document.flaws:
        if len(place) > 1 and place[0] == SECTION and isinstance(place[1], int):
            found[place[1]].append(problem)
    where: dict[str, list[int]] = defaultdict(list)
    for index in range(count):
        if name := _text(value_at(document.data, (SECTION, index)), "id"):
            where[name].append(index)
    for name, indexes in where.items():
        for index in indexes if len(indexes) > 1 else ():
            others = ", ".join(str(document.line((SECTION, other))) for other in indexes if other != index)
            message = f"{name} is also the id of the entry on line {others}"
            found[index].append(document.problem((SECTION, index, "id"), message, "never reuse an id"))
    return found


def _beyond_the_model(
    document: Document, place: KeyPath, entry: Attestation, policy: RegisterSettings
) -> Iterator[Problem]:
    longest = longest_life(policy)
    life = (entry.expires_on - entry.attested_on).days
    if life > longest:
        message = f"lives {life} days from {entry.attested_on}, and policy allows {longest}"
        yield document.problem((*place, "expires_on"), message, "expire it earlier, and attest again then")


def _unknown(
    document: Document, place: KeyPath, entry: Attestation, frameworks: Mapping[str, Framework], *, complete: bool
) -> Iterator[Problem]:
    framework, _, requirement = entry.requirement.partition(":")
    known = [item.id for item in frameworks[framework].requirements] if framework in frameworks else []
    if framework not in frameworks and complete:
        message = f"no framework {framework!r}"
        yield document.problem((*place, "requirement"), message, nearest(framework, frameworks))
    elif known and requirement not in known:
        message = f"{framework} has no requirement {requirement!r}"
        yield document.problem((*place, "requirement"), message, nearest(requirement, known))


def _text(data: object, key: str) -> str:
    """Return a text of an entry that may be wrong in any way."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def longest_life(policy: RegisterSettings) -> int:
    """Return for how many days an attestation may stand: as long as the longest exception."""
    return max(map(policy.longest_days.of, Severity))


def state_of(entry: Attestation, on: date, expiring_days: int) -> EntryState:
    """Return an attestation's state on a date; the last day ends in the register's time zone."""
    if _is_revoked(entry, on):
        return EntryState.REVOKED
    if on < entry.attested_on:
        return EntryState.PENDING
    if on > entry.expires_on:
        return EntryState.EXPIRED
    return EntryState.EXPIRING if (entry.expires_on - on).days <= expiring_days else EntryState.ACTIVE


def _is_revoked(entry: Attestation, on: date) -> bool:
    last = None
    for event in entry.history:
        if event.when <= on and event.what in {EventType.REVOKED, EventType.RENEWED}:
            last = event.what
    return last is EventType.REVOKED


class EntryChange(msgspec.Struct, frozen=True):
    """What a step changes: keys with their new values, and the event that the history gains."""

    changes: dict[str, Any]
    event: dict[str, Any]


def added(data: Mapping[str, Any], by: str, on: date, policy: RegisterSettings) -> EntryChange:
    """Return the beginning of an attestation; raises ValueError where it is wrong or lives too long."""
    _checked(data, policy)
    return EntryChange({}, _event(data, EventType.CREATED, by, on, "attested"))


def renewed(
    data: Mapping[str, Any], until: date, by: str, on: date, why: str, *, policy: RegisterSettings, **new: object
) -> EntryChange:
    """Return what makes an answer anew, by who looked again today; `new` may hold another status and evidence.

    Raises ValueError where it does not end later, or lives too long.
    """
    was = _checked(data, policy)
    if until <= was.expires_on and not _is_revoked(was, on):
        raise ValueError(f"{was.id} ends on {was.expires_on} now; a renewal ends later")
    changes = {"attested_by": by, "attested_on": on, "expires_on": until}
    changes |= {key: value for key, value in new.items() if value}
    _checked({**data, **changes}, policy)
    return EntryChange(changes, _event(data, EventType.RENEWED, by, on, f"until {until}, was {was.expires_on}: {why}"))


def revoked(data: Mapping[str, Any], by: str, on: date, why: str, policy: RegisterSettings) -> EntryChange:
    """Return what ends an answer before its day; raises ValueError where it is revoked already."""
    if _is_revoked(_checked(data, policy), on):
        raise ValueError(f"{data['id']} is revoked already")
    return EntryChange({}, _event(data, EventType.REVOKED, by, on, why))


def _checked(data: Mapping[str, Any], policy: RegisterSettings) -> Attestation:
    document = Document(file="", data=dict(data), lines={})
    found = validate(document, Attestation)
    problems = found if isinstance(found, list) else list(_beyond_the_model(document, (), found, policy))
    if isinstance(found, list) or problems:
        told = [f"{problem.key}: {problem.sentence}" if problem.key else problem.sentence for problem in problems]
        raise ValueError("; ".join(told))
    return found


def _event(data: Mapping[str, Any], what: EventType, by: str, on: date, why: str) -> dict[str, Any]:
    if not by.strip() or not why.strip():
        raise ValueError(f"{data['id']}: say who does this and why")
    last = max((date.fromisoformat(str(event["when"])) for event in data.get("history") or ()), default=on)
    if on < last:
        raise ValueError(f"the history of {data['id']} goes on to {last}, so nothing can be added for {on}")
    return {"when": on, "who": by.strip(), "what": what.value, "why": why.strip()}
