"""The figures of a report: what is counted of accounts, controls, requirements, regions and exceptions."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orgaudit.model import EntryState, GapReason, Severity
from orgaudit.report.evidence_parts import PartCounts, PartScore, counts_of
from orgaudit.settings.frameworks import Assessment
from orgaudit.store.register_result import ExceptionRow
from orgaudit.store.tables import COVERING_STATES

ACTIONS_NAMED = 3
"""How many IAM actions the advice on one cause names."""


class StatusCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Findings by status; `covered` are those of the failed that an active or expiring exception covers.

    `accepted` are not assessed, in a region that the settings accept as not audited; they are not in `not_assessed`.
    """

    passed: int = 0
    failed: int = 0
    covered: int = 0
    not_assessed: int = 0
    not_applicable: int = 0
    manual: int = 0
    accepted: int = 0

    @property
    def open(self) -> int:
        """The failed findings that no exception covers."""
        return self.failed - self.covered

    @property
    def total(self) -> int:
        """The number of all."""
        return self.passed + self.failed + self.not_assessed + self.not_applicable + self.manual + self.accepted

    @property
    def pass_rate(self) -> float | None:
        """PASS / (PASS + FAIL), or None where nothing passed or failed."""
        return _share(self.passed, self.passed + self.failed)

    @property
    def pass_rate_with_exceptions(self) -> float | None:
        """PASS / (PASS + open FAIL), or None where neither exists."""
        return _share(self.passed, self.passed + self.open)


class BySeverity(msgspec.Struct, frozen=True, kw_only=True):
    """Findings by the severity of their control, or issues by the highest severity of their open findings."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0

    @property
    def total(self) -> int:
        """The number of all."""
        return self.critical + self.high + self.medium + self.low


class RatedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of an account and an automated requirement, by what the controls of the requirement found there."""

    passed: int = 0
    failed: int = 0
    not_assessed: int = 0

    @property
    def total(self) -> int:
        """The number of all, which is what a rate is of."""
        return self.passed + self.failed + self.not_assessed

    @property
    def rate(self) -> float | None:
        """PASS / (PASS + FAIL + NOT_ASSESSED), or None where there is none of these."""
        return _share(self.passed, self.total)


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """What is rated, and the same without the failures that an active or expiring exception covers.

    A pair of which only covered failures remain is not in `with_exceptions`.
    """

    counts: RatedCounts = RatedCounts()
    with_exceptions: RatedCounts = RatedCounts()


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """The headline rate: the framework that it is of, and its accounts x automated requirements."""

    framework: str
    title: str
    version: str
    rated: Rated


class Completeness(StrEnum):
    """How much of an account or region was seen; the region states are those of the manifest, and PARTIAL."""

    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    NOT_ASSESSED = "NOT_ASSESSED"


class CoverageTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What the run set out to see, and what it saw.

    `regions` are names, `account_regions` pairs of an account and a region; both are of accounts that were assessed,
    without regions that are disabled or accepted. `evaluations` are the account x region x control cells of the plan
    that a machine can decide, without `evaluations_accepted`, which are denied in regions that the settings accept.
    `evaluations_not_applicable` are some of those assessed, `evaluations_blocked` (by a service control policy) some of
    those that were not. `looked_at` are the cells in which anything was seen.
    """

    accounts: int
    accounts_assessed: int
    accounts_partial: int
    regions: int
    regions_assessed: int
    regions_blocked: int
    regions_accepted: int
    account_regions: int
    account_regions_assessed: int
    evaluations: int
    evaluations_assessed: int
    evaluations_not_applicable: int
    evaluations_blocked: int
    evaluations_accepted: int
    looked_at: int

    @property
    def share(self) -> float | None:
        """The share of evaluations that were assessed, or None where none was planned."""
        return _share(self.evaluations_assessed, self.evaluations)

    @property
    def complete(self) -> bool:
        """Whether all that was planned was assessed, and anything at all was seen."""
        return self.looked_at > 0 and self.evaluations_assessed == self.evaluations


class RegionScore(msgspec.Struct, frozen=True):
    """One region: of how many assessed accounts it is to be audited, and of how many it was.

    `accounts_blocked` are those of `accounts` where a service control policy denies the region whole; where the
    settings accept that, the account is in `accounts_accepted` alone.
    """

    region: str
    accounts: int
    accounts_assessed: int
    accounts_blocked: int = 0
    accounts_accepted: int = 0


class UnitScore(msgspec.Struct, frozen=True):
    """Open findings and issues of one organizational unit, each shared resource counted once."""

    unit: str
    open: BySeverity
    issues: BySeverity


class AccountScore(msgspec.Struct, frozen=True, kw_only=True):
    """The scorecard of one account; inherited findings count here.

    `issues` are the open ones; `counted_issues` are those of them that headline figures count. `rated` are its
    automated requirements of the headline framework. `overdue` are open issues past their due date, None where the run
    has no due dates. `opened` and `closed` are issues since the baseline, None without one; what was not checked again
    is in neither.
    """

    id: str
    name: str
    ou_path: str
    state: str
    completeness: Completeness
    reason: str
    evaluations: int
    evaluations_assessed: int
    counts: StatusCounts
    open: BySeverity
    issues: BySeverity
    counted_issues: BySeverity
    expired: int
    owner: str = ""
    contact: str = ""
    environment: str = ""
    rated: Rated = Rated()
    overdue: int | None = None
    opened: int | None = None
    closed: int | None = None


class ControlScore(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one control; each shared resource counts once, and accounts that inherit it count as accounts."""

    id: str
    service: str
    severity: Severity
    title: str
    requirements: tuple[str, ...]
    counts: StatusCounts
    accounts_failing: int
    evaluations: int
    evaluations_assessed: int


class RequirementStatus(StrEnum):
    """What the run says of a requirement: failing anywhere, else unseen anywhere, else passing.

    One that its publisher leaves to a person is MANUAL whatever was found: the counts are that person's evidence.
    Where people attested it, it is what they say: failing anywhere, else MANUAL where an account has no answer yet.
    An automated one with a control that was not part of the run is unseen, unless another one fails. NOT_COVERED is
    what a machine could decide and no control does: nothing is known of it, and no person answers it here. EVIDENCE is
    said of a requirement by mapping, of which no part fails or was not seen; it is never said to pass.
    """

    FAIL = "FAIL"
    NOT_ASSESSED = "NOT_ASSESSED"
    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    NOT_APPLICABLE = "NOT_APPLICABLE"
    MANUAL = "MANUAL"
    NOT_COVERED = "NOT_COVERED"
    EVIDENCE = "EVIDENCE"


class RequirementScore(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one requirement of one framework; inherited findings count, and every account has one status.

    `rated` are the accounts that a rate of the framework counts; it is empty where a person decides. `parts` are those
    of a requirement by mapping, which has no rate.
    """

    framework: str
    id: str
    title: str
    section: str
    level: int | None
    assessment: str
    controls: tuple[str, ...]
    status: RequirementStatus
    counts: StatusCounts
    accounts_failing: int
    accounts_not_assessed: int
    accounts_passing: int
    accounts_not_applicable: int
    rated: Rated = Rated()
    parts: tuple[PartScore, ...] = ()

    @property
    def evidence(self) -> PartCounts:
        """How many of its parts have evidence."""
        return counts_of(self.parts)

    @property
    def takes_attestations(self) -> bool:
        """Whether people answer it, or a part of it."""
        if self.parts:
            return any(part.assessment == Assessment.MANUAL for part in self.parts)
        return self.status is RequirementStatus.MANUAL


class AccountRegion(msgspec.Struct, frozen=True, kw_only=True):
    """One region of one account: its state, and the evaluations there."""

    account_id: str
    account_name: str
    ou_path: str
    region: str
    state: str
    reason: str
    action: str
    message: str
    evaluations: int
    evaluations_assessed: int
    evaluations_not_applicable: int
    evaluations_blocked: int
    evaluations_accepted: int


class Unseen(msgspec.Struct, frozen=True):
    """How many evaluations were not assessed for one reason, and in how many accounts."""

    reason: GapReason
    accounts: int
    evaluations: int


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """What one control lacks for one reason: the IAM action, how many accounts, regions and evaluations."""

    control: str
    action: str
    reason: GapReason
    accounts: int
    regions: int
    evaluations: int
    example: str

    @property
    def fix(self) -> str:
        """How to fix it."""
        return self.reason.remediation(self.action)


def fix_of_state(state: str) -> str:
    """Return what to do about an account that AWS does not list as active."""
    return f"AWS lists it as {state}: close it, leave it out of the scope, or have it reinstated."


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why something was not assessed: the IAM actions, the accounts by id, the regions, and an example.

    `account_state` is AWS's state of the accounts where that is why their role could not be assumed, else empty.
    """

    reason: GapReason
    actions: tuple[str, ...] | None
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    evaluations: int
    example: str
    account_state: str = ""

    @property
    def fix(self) -> str:
        """How to fix it."""
        if self.account_state:
            return fix_of_state(self.account_state)
        named, more = (self.actions or ())[:ACTIONS_NAMED], len(self.actions or ()) - ACTIONS_NAMED
        return self.reason.remediation(", ".join(named) + (f" and {more} more" if more > 0 else ""))


class MissingPermission(msgspec.Struct, frozen=True, kw_only=True):
    """One IAM action that was refused, over all controls."""

    action: str
    reason: GapReason
    accounts: int
    controls: int
    evaluations: int

    @property
    def fix(self) -> str:
        """How to fix it."""
        return self.reason.remediation(self.action)


class ExceptionScore(msgspec.Struct, frozen=True):
    """One exception of the register, the findings that it covers, and those that outlived it.

    An exception speaks about every row of the findings' list, so the repetitions of a shared resource are in.
    """

    entry: ExceptionRow
    covered: int
    expired: int

    @property
    def unused(self) -> bool:
        """Whether the entry is in force and covers nothing."""
        return self.entry.state in COVERING_STATES and not self.covered

    @property
    def closed(self) -> bool:
        """Whether nothing is left to do: rejected, revoked, or expired, all assessed, and nothing fails in scope."""
        over = self.entry.state is EntryState.EXPIRED and not self.entry.failing and self.entry.not_scanned == ""
        return (over and not self.expired) or self.entry.state in {EntryState.REJECTED, EntryState.REVOKED}


class ExceptionTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The register in figures; `expired_matching` counts findings, the others entries.

    `broad` are those in force for all controls or all accounts; `closed` are rejected, revoked, or expired where
    the run assessed all of their scope and nothing fails in it.
    """

    active: int
    expiring: int
    expired: int
    unused: int
    broad: int
    closed: int
    problems: int
    expired_matching: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The headline figures; each shared resource counts once.

    `counts` and `open` are findings, `issues` the open issues. `headline` is None without a framework of which all
    controls were in the run.
    """

    headline: Headline | None
    counts: StatusCounts
    open: BySeverity
    issues: BySeverity
    coverage: CoverageTotals
    exceptions: ExceptionTotals


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
