"""What run.json holds: who was audited, as whom, with which rules, and how each stage ended."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orgaudit.model import Account, AccountRecord, Caller, Gap, Json, OrganizationRecord, Remediation, Severity
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.people import AccountOwner, OwnershipRecord

SCHEMA_VERSION = 1


class ControlRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What reports say of a control, kept so that an old run can be reported without its code.

    `digest` is the SHA-256 of its code and thresholds, a hyphen, and that of its requirements. `effort`,
    `per_resource`, `disruption` and `reversible` describe its fix, and `remediation` says how to make it, with names in
    capitals for those of a resource. Runs of earlier versions have neither these nor a `family`.

    `facts` are the fact types that it takes of the one resource that it judges, `account_facts` those that it looks up
    in a whole account, each with what had to be read before it. `uses_organization` is whether it may look at the
    organization and at other accounts. Both lists are empty where an earlier version evaluated the run.
    """

    id: str
    service: str
    severity: Severity
    scope: str
    title: str
    rationale: str
    actions: tuple[str, ...]
    family: str = ""
    digest: str = ""
    effort: str = ""
    per_resource: bool = False
    disruption: str = ""
    reversible: bool = True
    remediation: Remediation | None = None
    facts: tuple[str, ...] = ()
    account_facts: tuple[str, ...] = ()
    uses_organization: bool = False

    @property
    def judged_by(self) -> str:
        """The part of the digest that decides verdicts: code and thresholds; "" where it is not known."""
        return self.digest.partition("-")[0]


class FactRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one type of fact was read, kept so that the facts of an old run can be followed without its code.

    `scope` is whether it was listed once in each account or in each region. `parent` is empty for what is listed, and
    for a detail the type of the resources of which it was read. `actions` are the only IAM actions that its reader may
    send, `operations` the API operations that these permit.
    """

    name: str
    scope: str
    parent: str = ""
    actions: tuple[str, ...]
    operations: tuple[str, ...]


class BaselineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The run from which a run's history was carried forward."""

    run_id: str
    started_at: datetime


class ParentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The run whose facts a run judges again, with the SHA-256 of the run.json that sealed them."""

    run_id: str
    manifest_sha256: str


class TakenOver(msgspec.Struct, frozen=True, kw_only=True):
    """An account that was not looked at again: the run that collected its facts, and when that ended."""

    account_id: str
    run_id: str
    collected_at: datetime


class SinceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The run of which an audit took facts over, when it began, the SHA-256 of its run.json, and whose facts these are.

    Accounts out of scope whose resources others share are among them.
    """

    run_id: str
    started_at: datetime
    manifest_sha256: str
    accounts: tuple[TakenOver, ...] = ()


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a run is meant."""

    accounts: int
    regions: int
    controls: int


class OnlyOpenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The run whose open findings an audit checks, with the SHA-256 of its run.json, and where these are.

    `places` are the regions of the plan by account and control. `owners` are the accounts in which judging those
    findings looked something up, which are collected in every region. `left_out` is how much of the other run was not
    looked at, `checked_of` how much that run is of.
    """

    run_id: str
    manifest_sha256: str
    places: dict[str, dict[str, tuple[str, ...]]]
    owners: tuple[str, ...] = ()
    left_out: Extent
    checked_of: Extent


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of run.json.

    `accounts` are those in scope; `supporting` are ids of accounts out of scope whose facts were collected because
    accounts in scope share their resources. `discovery_gaps` say what of the organization could not be read.
    `known_regions` stand for the run's where no account listed its own. `inputs` maps each file that was
    read to its SHA-256. `records` are there once collection is over, `evaluated_at` once the findings are.
    `ownership` is who owned what when the run was evaluated; runs of earlier versions have an empty one. `narrowed_by`
    are the options of the command that left something out of the settings' scope; None in runs of earlier versions.
    `baseline` is the run whose history was carried forward, None for the first. `parent` is the run whose facts are
    judged again, None for an audit. `remediation_days` are those in which findings are to be fixed, by severity.
    `headline_framework` is the id of the framework whose rate stands first; runs of earlier versions name none.
    `facts` are the types of facts that were collected; runs of earlier versions list none.
    `since` is the run of which facts were taken over, `only_open` the one whose open findings alone were checked.
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
    facts: tuple[FactRecord, ...] = ()
    frameworks: tuple[Framework, ...]
    headline_framework: str | None = None
    thresholds: dict[str, Json]
    accept_blocked_regions: tuple[str, ...] = ()
    ownership: OwnershipRecord = OwnershipRecord()
    narrowed_by: tuple[str, ...] | None = None
    baseline: BaselineRecord | None = None
    parent: ParentRecord | None = None
    since: SinceRecord | None = None
    only_open: OnlyOpenRecord | None = None
    remediation_days: dict[str, int] = {}
    settings: dict[str, Json]
    inputs: dict[str, str]
    records: tuple[AccountRecord, ...] = ()
    seal: dict[str, str] | None = None

    @property
    def ended_at(self) -> datetime:
        """When the run was evaluated, or how far it came."""
        return self.evaluated_at or self.collected_at or self.started_at

    @property
    def taken_over(self) -> dict[str, TakenOver]:
        """The accounts that were not looked at again, by id."""
        return {each.account_id: each for each in self.since.accounts} if self.since else {}

    @property
    def owners(self) -> tuple[AccountOwner, ...]:
        """The owners of the accounts."""
        return self.ownership.accounts
