"""The nouns that every stage shares: what was seen, what is judged, and what is reported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")

Json: TypeAlias = Any
"""A value that JSON can hold: None, bool, int, float, str, or lists and string-keyed mappings of these."""

GLOBAL = "global"
"""The region of what exists once in an account."""


ENABLED_BY_DEFAULT = frozenset(
    {
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)
"""The regions of the partition aws that every account has and none can disable: a closed list, because each one that
AWS adds is opt-in (docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html)."""
_WITHOUT_OPT_IN = ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")
"""How the regions of the partitions begin in which no region is opt-in."""


def is_opt_in(region: str) -> bool:
    """Return whether a region has to be enabled by an account before anything can be there."""
    return region not in ENABLED_BY_DEFAULT and not region.startswith(_WITHOUT_OPT_IN)


class Severity(StrEnum):
    """How much a failing control matters, least first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return 0 for low up to 3 for critical."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Status(StrEnum):
    """What a control says about one resource, or what became of one cell of the plan."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    NOT_ASSESSED = "NOT_ASSESSED"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    MANUAL = "MANUAL"


class Scope(StrEnum):
    """How often a control is asked in one account."""

    ACCOUNT = "account"
    REGIONAL = "regional"


class Effort(StrEnum):
    """How long it takes to fix one failure: up to an hour, up to a day, or longer."""

    S = "S"
    M = "M"
    L = "L"


class Disruption(StrEnum):
    """What a fix interrupts while it is made, least first.

    A restart is one of an instance, a cluster or a service; with a replacement the resource is created again.
    """

    NONE = "none"
    RESTART = "restart"
    REPLACEMENT = "replacement"


class GapReason(StrEnum):
    """Why something could not be looked at."""

    DENIED = "DENIED"
    SCP_DENIED = "SCP_DENIED"
    THROTTLED = "THROTTLED"
    UNREACHABLE = "UNREACHABLE"
    NOT_OFFERED = "NOT_OFFERED"
    REGION_DISABLED = "REGION_DISABLED"
    ACCOUNT_UNAVAILABLE = "ACCOUNT_UNAVAILABLE"
    MALFORMED = "MALFORMED"
    TIME_LIMIT = "TIME_LIMIT"
    DEFECT = "DEFECT"

    @property
    def nothing_there(self) -> bool:
        """Whether the reason proves that nothing can exist where nothing could be read."""
        return self in {GapReason.NOT_OFFERED, GapReason.REGION_DISABLED}

    def remediation(self, action: str) -> str:
        """Return what to do so that the next run can read what this one could not."""
        return _REMEDIATIONS[self].format(action=action or "the read action")


_REMEDIATIONS = {
    GapReason.DENIED: "Allow {action} in the audit role's policy; `orgaudit policy` prints the complete policy.",
    GapReason.SCP_DENIED: (
        "A service control policy denies {action}: exempt the audit role in the policy's condition. A region that the "
        "policy denies completely can be accepted as not audited in [scope] accept_blocked_regions."
    ),
    GapReason.THROTTLED: "Audit again when the account sends fewer calls, or lower the rate in config/limits.toml.",
    GapReason.UNREACHABLE: "Open the network path to the service's endpoint in this region, then audit again.",
    GapReason.NOT_OFFERED: "No action is required: the service is not offered in this region.",
    GapReason.REGION_DISABLED: "No action is required: the region is not enabled in this account.",
    GapReason.ACCOUNT_UNAVAILABLE: (
        "Create the audit role in the account, or correct its trust policy; `orgaudit doctor` shows which is needed."
    ),
    GapReason.MALFORMED: "The answer to {action} could not be read: audit again, and report the error if it persists.",
    GapReason.TIME_LIMIT: (
        "Raise [run] account_minutes, or the account's rates in config/limits.toml where its quotas are higher, then "
        "audit the account again."
    ),
    GapReason.DEFECT: "This is a defect of orgaudit: report it with the traceback in the log.",
}


class Gap(msgspec.Struct, frozen=True, gc=False, tag="gap"):
    """A fact that could not be read: where, with which IAM action, and why."""

    account_id: str
    region: str
    action: str
    reason: GapReason
    message: str

    @property
    def value(self) -> NoReturn:
        """Refuse: a gap has no value, so no control can mistake it for an empty one."""
        raise NotSeenError(self)


class Seen(msgspec.Struct, Generic[T], frozen=True, tag="seen"):
    """A fact that was read; `Seen(None)` is what AWS answers for "not configured"."""

    value: T


Observed: TypeAlias = Seen[T] | Gap


UNKNOWN = "unknown"


def shown(observed: Observed[Any]) -> Json:
    """Return what was seen for evidence, and "unknown" for a gap: what is only shown decides nothing."""
    return observed.value if isinstance(observed, Seen) else UNKNOWN


class NotSeenError(Exception):
    """A control needs a fact that could not be read; `gap` has the reason."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.message)
        self.gap = gap


class Verdict(msgspec.Struct, frozen=True):
    """A status, the sentence that explains it, and what was seen.

    `accepted` is set where the status is NOT_ASSESSED because of a service control policy in a region that the settings
    accept as not audited.
    """

    status: Status
    reason: str
    evidence: dict[str, Json] = {}
    command: str | None = None
    inherited_from: str | None = None
    gap: Gap | None = None
    accepted: bool = False


def passed(reason: str, **evidence: Json) -> Verdict:
    """Return a PASS with what was seen."""
    return Verdict(Status.PASS, reason, evidence)


def failed(reason: str, *, command: str | None = None, **evidence: Json) -> Verdict:
    """Return a FAIL with what was seen; `command` replaces the control's own where this failure needs another."""
    return Verdict(Status.FAIL, reason, evidence, command)


def not_applicable(reason: str, **evidence: Json) -> Verdict:
    """Return a NOT_APPLICABLE verdict with what makes it so."""
    return Verdict(Status.NOT_APPLICABLE, reason, evidence)


def manual(reason: str, **evidence: Json) -> Verdict:
    """Return a MANUAL verdict with what a person needs in order to decide."""
    return Verdict(Status.MANUAL, reason, evidence)


def not_assessed(gap: Gap) -> Verdict:
    """Return a NOT_ASSESSED verdict for what could not be read."""
    return Verdict(Status.NOT_ASSESSED, f"not assessed: {gap.message}", {"action": gap.action}, gap=gap)


def require(holds: bool, *, then: str, otherwise: str, **evidence: Json) -> Verdict:
    """Return a PASS with the sentence `then` if the condition holds, else a FAIL with `otherwise`."""
    return passed(then, **evidence) if holds else failed(otherwise, **evidence)


class RequirementRef(msgspec.Struct, frozen=True, order=True, gc=False):
    """One requirement of one framework, such as cis_4.0 3.1."""

    framework: str
    id: str


class Remedy(msgspec.Struct, frozen=True, gc=False):
    """One way to remediate a finding: what to do, and the command where there is one."""

    text: str
    command: str | None = None


class Remediation(msgspec.Struct, frozen=True, gc=False):
    """The three paths of a finding's remediation, in the order in which they are rolled out."""

    service_wide: Remedy
    asset: Remedy
    preventive: Remedy


class ExceptionRef(msgspec.Struct, frozen=True, gc=False):
    """The register entry that speaks about a finding, and its state on the report's date."""

    id: str
    owner: str
    expires_on: str
    state: str
    days_overdue: int = 0


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One verdict on one resource, as every report shows it.

    `fingerprint` is stable across runs. `inherited_from` names the account where a shared resource was judged; such a
    finding repeats that judgement. `remediation` is None where there is nothing to fix. `gap` is set exactly where the
    status is NOT_ASSESSED, or where the region holds nothing because it is disabled or the service is not offered.
    `accepted` is that of the verdict: not assessed, in a region that the settings accept as not audited. `family` is
    that of the control. `owner`, `first_seen`, `reopened` and `due_on` are set when the run is consolidated: whose it
    is ("Name <mail>", a name or a mail, and empty where nobody is named), the first day of its present episode, the
    number of regressions before it, and its deadline.
    """

    fingerprint: str
    control: str
    family: str = ""
    title: str
    severity: Severity
    status: Status
    reason: str
    account_id: str
    account_name: str
    ou_path: str
    region: str
    resource: str
    resource_type: str
    resource_tags: dict[str, str]
    requirements: list[RequirementRef]
    evidence: dict[str, Json]
    remediation: Remediation | None
    exception: ExceptionRef | None = None
    inherited_from: str | None = None
    gap: Gap | None = None
    accepted: bool = False
    assessed_at: datetime
    owner: str = ""
    first_seen: date | None = None
    reopened: int = 0
    due_on: date | None = None


class UnopenedFinding(Finding, frozen=True, kw_only=True, gc=False):
    """A finding whose longest parts are left as the JSON that they were stored as, for what only passes them on."""

    requirements: msgspec.Raw  # type: ignore[assignment]
    evidence: msgspec.Raw  # type: ignore[assignment]
    remediation: msgspec.Raw  # type: ignore[assignment]
    gap: msgspec.Raw = msgspec.Raw(b"null")  # type: ignore[assignment]


def requirements_in(stored: Sequence[RequirementRef] | msgspec.Raw) -> Sequence[RequirementRef]:
    """Return the requirements of a finding, which may be as they were stored."""
    return msgspec.json.decode(stored, type=list[RequirementRef]) if isinstance(stored, msgspec.Raw) else stored


def fingerprint(control: str, account_id: str, region: str, resource: str) -> str:
    """Return the 32 hexadecimal digits that identify a finding from run to run."""
    return hashlib.sha256("\n".join((control, account_id, region, resource)).encode()).hexdigest()[:32]


class Cell(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one account x region x control of the plan; every expected cell has exactly one.

    The status is NOT_ASSESSED when any part of the cell was not seen, else FAIL when anything failed, else PASS when
    anything passed, else MANUAL or NOT_APPLICABLE. The counts are findings in the cell, by status; `accepted` are those
    not assessed in a region that the settings accept, which are in no other count. They leave the status to the others;
    a cell that has only such ones is NOT_ASSESSED, and `is_accepted`.
    """

    account_id: str
    account_name: str
    ou_path: str
    region: str
    control: str
    status: Status
    reason: GapReason | None = None
    action: str | None = None
    message: str = ""
    passed: int = 0
    failed: int = 0
    not_assessed: int = 0
    not_applicable: int = 0
    manual: int = 0
    accepted: int = 0
    inherited_from: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Return whether nothing but what the settings accept keeps the cell from being assessed."""
        return self.status is Status.NOT_ASSESSED and self.accepted > 0 and not self.not_assessed


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account: of the organization, or named in the settings without one.

    `state` is AWS's: PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED. `tags` is None where
    they could not be read.
    """

    id: str
    name: str
    state: str = "ACTIVE"
    email: str = ""
    ou_path: str = ""
    ou_ids: tuple[str, ...] = ()
    tags: dict[str, str] | None = None

    @property
    def usable(self) -> bool:
        """Whether a role can be assumed in an account of this state."""
        return self.state in {"ACTIVE", "PENDING_CLOSURE"}


def parse_arn(arn: str) -> tuple[str, str, str, str, str]:
    """Return (partition, service, region, account id, resource) of an ARN; raises ValueError for anything else."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":  # noqa: PLR2004 - an ARN has six parts
        raise ValueError(f"{arn!r} is not an ARN; write one such as arn:aws:iam::111122223333:role/Name")
    return parts[1], parts[2], parts[3], parts[4], parts[5]


def key_hint(access_key_id: str) -> str:
    """Return the first and the last four characters of an access key's id: enough to find it among a user's keys."""
    return f"{access_key_id[:4]}…{access_key_id[-4:]}"


Tags: TypeAlias = Mapping[str, str]


PARTITION_DEFAULTS = "partition defaults"
"""Where an account's regions are from when AWS listed none: the SDK's own list."""


class Caller(msgspec.Struct, frozen=True):
    """The identity that ran the audit, as sts:GetCallerIdentity names it."""

    account_id: str
    arn: str
    partition: str


class RegionState(StrEnum):
    """What became of one region of one account."""

    AUDITED = "AUDITED"
    DISABLED = "DISABLED"
    BLOCKED = "BLOCKED"
    UNREACHABLE = "UNREACHABLE"
    NOT_ASSESSED = "NOT_ASSESSED"


class RegionRecord(msgspec.Struct, frozen=True):
    """One region of one account; `gap` says why it is anything but AUDITED.

    BLOCKED is a region that a service control policy denies whole while another region of the account answers.
    """

    name: str
    state: RegionState
    gap: Gap | None = None


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the audit of one account went; `gap` is set where the account could not be entered at all.

    `regions` are the enabled ones in scope; `enabled` and `disabled` are all, in scope or not, as `regions_source`
    says: the IAM action that listed them, or "partition defaults" when none did. Calls were made from `began_at` to
    `collected_at` by `session`: the ARN of the assumed role's session, or of the caller in its own account. Runs of
    earlier versions have neither `began_at` nor `session`. `time_limit` is set where the time that the settings give an
    account ended before everything was read: it is the first gap that is due to that.
    """

    account_id: str
    began_at: datetime | None = None
    collected_at: datetime
    session: str = ""
    regions: tuple[RegionRecord, ...]
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    regions_source: str
    gap: Gap | None = None
    calls: int = 0
    throttles: int = 0
    retries: int = 0
    time_limit: Gap | None = None

    def has_enabled(self, region: str) -> bool | None:
        """Return whether the account has a region enabled, or None where AWS did not list the account's regions.

        Without that list only the regions are known that no account can disable.
        """
        if self.enabled and self.regions_source != PARTITION_DEFAULTS:
            return region in self.enabled
        return None if is_opt_in(region) else True


class OrganizationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The organization as discovered; `delegated` maps a service principal to its administrator accounts."""

    id: str
    arn: str
    management_account_id: str
    feature_set: str
    delegated: dict[str, tuple[str, ...]] | None = None


class EntryState(StrEnum):
    """Where an exception stands in its life on a date."""

    DRAFT = "draft"
    PENDING = "pending"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REVOKED = "revoked"
    INVALID = "invalid"

    @property
    def covers(self) -> bool:
        """Whether an exception in this state covers findings."""
        return self in {EntryState.ACTIVE, EntryState.EXPIRING}


GLOBAL_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
"""The region for which requests to a partition's global services are signed:
https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints"""
