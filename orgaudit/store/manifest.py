"""What run.json holds: who was audited, as whom, with which rules, and how each stage ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from orgaudit.frameworks import Framework
from orgaudit.model import Account, Gap, Json, Severity, is_opt_in

SCHEMA_VERSION = 1
PARTITION_DEFAULTS = "partition defaults"
"""Where an account's regions are from when AWS listed none: the SDK's own list."""


class Caller(msgspec.Struct, frozen=True):
    """The identity that ran the audit, as sts:GetCallerIdentity names it."""

    account_id: str
    arn: str
    partition: str


class OrganizationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The organization as discovered; `delegated` maps a service principal to its administrator accounts."""

    id: str
    arn: str
    management_account_id: str
    feature_set: str
    delegated: dict[str, tuple[str, ...]] | None = None


class ControlRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What reports say of a control, kept so that an old run can be reported without its code."""

    id: str
    service: str
    severity: Severity
    scope: str
    title: str
    rationale: str
    actions: tuple[str, ...]


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
    says: the IAM action that told, or "partition defaults" when none did.
    """

    account_id: str
    collected_at: datetime
    regions: tuple[RegionRecord, ...]
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    regions_source: str
    gap: Gap | None = None
    calls: int = 0
    throttles: int = 0
    retries: int = 0

    def has_enabled(self, region: str) -> bool | None:
        """Return whether the account has a region enabled, or None where AWS did not list the account's regions.

        Without that list only the regions are known that no account can disable.
        """
        if self.enabled and self.regions_source != PARTITION_DEFAULTS:
            return region in self.enabled
        return None if is_opt_in(region) else True


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of run.json.

    `accounts` are those in scope; `supporting` are ids of accounts out of scope whose facts were collected because
    accounts in scope share their resources. `discovery_gaps` say what of the organization could not be read.
    `known_regions` are those that stand for the run's where no account told its own. `inputs` maps each file that was
    read to its SHA-256. `records` are there once collection is over, `evaluated_at` once the findings are.
    `accept_blocked_regions` are the patterns of regions that the evaluation accepted as not audited. `seal` maps each
    file of the run that was there when run.json was written to its SHA-256; runs of earlier versions have none.
    """

    schema_version: int = SCHEMA_VERSION
    run_id: str
    tool_version: str
    started_at: datetime
    collected_at: datetime | None = None
    evaluated_at: datetime | None = None
    caller: Caller
    organization: OrganizationRecord | None
    accounts: tuple[Account, ...]
    out_of_scope: tuple[Account, ...] = ()
    discovery_gaps: tuple[Gap, ...] = ()
    known_regions: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()
    controls: tuple[ControlRecord, ...]
    frameworks: tuple[Framework, ...]
    thresholds: dict[str, Json]
    accept_blocked_regions: tuple[str, ...] = ()
    settings: dict[str, Json]
    inputs: dict[str, str]
    records: tuple[AccountRecord, ...] = ()
    seal: dict[str, str] | None = None
