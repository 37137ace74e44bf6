"""register.json: what the register decided for the findings and requirements of a run, on a date."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.model import EntryState, Json
from orgaudit.store.run import Run, read_document, writing

SCHEMA_VERSION = 1


class AttestedStatus(StrEnum):
    """What a person attests of a requirement."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


class ExceptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One exception as a report lists it; what a draft or an invalid entry lacks is empty or None.

    `ending` is when, by whom and why a rejected or revoked one was closed, `amendment` what of an approved one waits
    for approval, and `renewal_pending` whether that is a later last day. `failing` counts the findings that fail in
    its scope. `not_scanned` is what of its scope the run did not assess, empty where it assessed all, and None where
    that is not known: of drafts and invalid entries, and in results of earlier versions. `stands_for` are the controls
    that each requirement in its scope stands for here, by the name as written.
    """

    id: str
    title: str
    type: str = ""
    state: EntryState
    owner: str
    approved_by: str = ""
    ticket: str = ""
    starts_on: date | None = None
    expires_on: date | None = None
    days_left: int | None = None
    scope: str = ""
    broad: bool = False
    review_by: date | None = None
    ending: str = ""
    amendment: str = ""
    renewal_pending: bool = False
    failing: int = 0
    not_scanned: str | None = None
    stands_for: dict[str, tuple[str, ...]] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person attests of one requirement in one account, and until when."""

    id: str
    requirement: str
    account_id: str
    status: AttestedStatus
    attested_by: str
    attested_on: date
    expires_on: date


class AttestationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attestation as a report lists it; what an invalid entry lacks is empty or None.

    `accounts` are those of the run for which it answers now, `instead` the attestations that answer for the others.
    """

    id: str
    requirement: str
    state: EntryState
    attested_by: str
    status: str = ""
    subject: str = ""
    attested_on: date | None = None
    expires_on: date | None = None
    days_left: int | None = None
    evidence: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


class Attested(msgspec.Struct, frozen=True):
    """Attestations applied to accounts on a date: a row each, and the answers by requirement and account id."""

    rows: tuple[AttestationRow, ...] = ()
    answers: dict[str, dict[str, Answer]] = {}


class HygieneConcern(StrEnum):
    """Why an entry needs attention, the most pressing first."""

    EXPIRED_MATCHING = "expired_matching"
    TOO_LONG = "too_long"
    GROWN = "grown"
    REVIEW_PASSED = "review_passed"
    MEANING_CHANGED = "meaning_changed"
    EXPIRING = "expiring"
    NO_OWNER = "no_owner"
    ORPHANED = "orphaned"
    OVERLAPPING = "overlapping"
    SHADOWED = "shadowed"
    UNUSED_FIXED = "unused_fixed"
    UNUSED_NOT_SCANNED = "unused_not_scanned"
    EXPIRED_NOT_SCANNED = "expired_not_scanned"
    DRAFT = "draft"

    @property
    def heading(self) -> str:
        """The concern as people read it."""
        return _HEADINGS[self]

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return _REMEDIES[self]


_HEADINGS = {
    HygieneConcern.EXPIRED_MATCHING: "Expired, still failing",
    HygieneConcern.TOO_LONG: "Too long for severity",
    HygieneConcern.GROWN: "Grown past its limit",
    HygieneConcern.REVIEW_PASSED: "Review overdue",
    HygieneConcern.MEANING_CHANGED: "Requirement decided by other controls",
    HygieneConcern.EXPIRING: "Expiring",
    HygieneConcern.NO_OWNER: "Without an owner",
    HygieneConcern.ORPHANED: "Orphaned",
    HygieneConcern.OVERLAPPING: "Overlapping",
    HygieneConcern.SHADOWED: "Shadowed",
    HygieneConcern.UNUSED_FIXED: "Unused: fixed",
    HygieneConcern.UNUSED_NOT_SCANNED: "Unused: not scanned",
    HygieneConcern.EXPIRED_NOT_SCANNED: "Expired: not scanned",
    HygieneConcern.DRAFT: "Draft, covers nothing",
}


_REMEDIES = {
    HygieneConcern.EXPIRED_MATCHING: "Fix the findings, or renew the exception.",
    HygieneConcern.TOO_LONG: "Set an earlier expires_on, or leave those findings out of its scope.",
    HygieneConcern.GROWN: "Narrow its scope, or request approval of a higher max_findings.",
    HygieneConcern.REVIEW_PASSED: "Review it, and set the next review_by.",
    HygieneConcern.MEANING_CHANGED: "Name the controls that it is to cover, and request approval of that.",
    HygieneConcern.EXPIRING: "Fix the findings in time, or renew the exception.",
    HygieneConcern.NO_OWNER: "Name an owner: a person with an address, or a team.",
    HygieneConcern.ORPHANED: "Remove that from its scope, or revoke the exception.",
    HygieneConcern.OVERLAPPING: "Keep one of the two, or narrow one scope.",
    HygieneConcern.SHADOWED: "Revoke it: other exceptions cover all failures in its scope.",
    HygieneConcern.UNUSED_FIXED: "Revoke it: nothing in its scope fails any more.",
    HygieneConcern.UNUSED_NOT_SCANNED: "Keep it until a run has assessed all of its scope.",
    HygieneConcern.EXPIRED_NOT_SCANNED: "Audit all of its scope, or revoke it: nobody knows what still fails.",
    HygieneConcern.DRAFT: "Complete and request it, or reject it.",
}


class HygieneRemark(msgspec.Struct, frozen=True, kw_only=True):
    """One concern about one exception.

    `findings` is how many it is about, as rows of the findings' list; `within` the 30, 60 or 90 days of a coming
    expiry; `other` the exception that wins where two overlap. A draft may have no owner and no last day.
    """

    concern: HygieneConcern
    id: str
    title: str
    owner: str
    expires_on: date | None = None
    days_left: int | None = None
    findings: int = 0
    within: int | None = None
    other: str = ""
    detail: str


class RegisterProblem(msgspec.Struct, frozen=True):
    """What is wrong in the register: `place` is file:line."""

    place: str
    key: str
    message: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a register's result for one run: the date, the register's file and the rules for its entries.

    `sha256` is None where there is no such file.
    """

    as_of: date
    file: str
    sha256: str | None
    policy: dict[str, Json]

    def equals(self, other: Source) -> bool:
        """Return whether both lead to the same result, wherever the file is."""
        return (self.as_of, self.sha256, self.policy) == (other.as_of, other.sha256, other.policy)


class RegisterResult(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of register.json. What became of each finding is in findings.parquet.

    `covered` and `overdue` count the findings that each exception covers, or covered until it expired.
    """

    schema_version: int = SCHEMA_VERSION
    source: Source
    entries: tuple[ExceptionRow, ...] = ()
    covered: dict[str, int] = {}
    overdue: dict[str, int] = {}
    problems: tuple[RegisterProblem, ...] = ()
    hygiene: tuple[HygieneRemark, ...] = ()
    attested: Attested = Attested()


def register_path(run: Run) -> Path:
    """Return where the register's result is."""
    return run.result_path("register.json")


def write_result(run: Run, result: RegisterResult) -> None:
    """Write register.json; raises ReportError."""
    with writing(register_path(run)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(result, order="deterministic"), indent=1))


def read_result(run: Run) -> RegisterResult:
    """Return register.json; raises ConfigError where it is missing or foreign."""
    path = register_path(run)
    found = read_document(path, RegisterResult, "a register's result")
    if found is None:
        raise ConfigError("cannot be read (No such file or directory)", file=str(path))
    return found
