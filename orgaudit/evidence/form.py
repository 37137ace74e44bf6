"""The published form of a pack: pack.json, and the document of each requirement and account. It only gains fields."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import msgspec

from orgaudit.model import Caller, ExceptionRef, Gap, Json, RegionRecord
from orgaudit.report.evidence_parts import PartScore
from orgaudit.report.figures import RequirementStatus, StatusCounts
from orgaudit.store.register_result import Answer, AttestationRow, ExceptionRow
from orgaudit.store.seal import Standing

VERSION = 1
"""The version of the form, raised by every change after which a reader of the one before would be wrong."""
NAMESPACE = "orgaudit-evidence"
"""The namespace of a pack's signature: a signature that was made for anything else is none."""
INDEX, SIGNATURE, README, SUMS, SCHEMA = "pack.json", "pack.json.sig", "README.txt", "SHA256SUMS", "schema.json"
"""The files of a pack beside the documents; SIGNATURE is a signature over INDEX, which lists all others."""

_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]")
"""What a terminal acts on, or does not show; in JSON it stands inside of text only."""


class SealedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the run and its SHA-256 by the seal in run.json; None where the run is not sealed."""

    file: str
    sha256: str | None


class SampledRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run that the pack is about. `manifest_sha256` is that of run.json, which every report of the run prints.

    `standing` is what is known of the run's files; `files` are those that the pack was made from. `register_as_of` is
    the date for which exceptions and attestations were decided, `register_sha256` the hash of the register's file.
    """

    id: str
    tool_version: str
    started_at: datetime
    collected_at: datetime | None
    evaluated_at: datetime | None
    caller: Caller
    organization_id: str | None
    management_account_id: str | None
    accounts: int
    role_name: str
    session_name: str
    narrowed_by: tuple[str, ...] | None
    manifest_sha256: str
    standing: Standing
    register_as_of: date
    register_sha256: str | None
    discovery_gaps: tuple[Gap, ...]
    files: tuple[SealedFile, ...]


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How evaluations were drawn from each population; `size` is how many of each, or all of a smaller one."""

    method: str
    seed: str
    size: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement in the index: how many evaluations there are, how many of them are in the pack, and where."""

    name: str
    title: str
    status: RequirementStatus
    population: int
    included: int
    text: str
    document: str
    population_file: str


class FileHash(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the pack."""

    path: str
    size: int
    sha256: str


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of pack.json. `files` are all files of the pack but pack.json itself and its signature."""

    form: str = NAMESPACE
    schema_version: int = VERSION
    tool_version: str
    run: SampledRun
    sampling: Sampling | None
    requirements: tuple[Entry, ...]
    files: tuple[FileHash, ...]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One listing in one region: how many resources AWS returned, or why it could not be read; when, and as whom."""

    type: str
    region: str
    count: int
    gap: Gap | None
    at: datetime | None
    session: str | None


class AccountDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How one account was read: by which session, from when to when, which regions, and every listing.

    What earlier versions did not record is null.
    """

    id: str
    name: str
    state: str
    ou_path: str
    session: str | None
    began_at: datetime | None
    collected_at: datetime | None
    calls: int
    throttles: int
    retries: int
    regions_source: str
    regions: tuple[RegionRecord, ...]
    gap: Gap | None
    facts: SealedFile
    listings: tuple[Listing, ...]


class FactType(msgspec.Struct, frozen=True, kw_only=True):
    """How one type of fact is read; `parent` is empty for what is listed. Null: not recorded by the run's version."""

    name: str
    parent: str | None = None
    actions: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as the run stores it: `content` is its line in the account's file of facts.

    `role` is why it is here: it is about the resource (`judged`), the account's own copy of a resource that is judged
    elsewhere (`shown`), looked up in the account (`looked up`), or named by the verdict (`named`). `read_at` is when
    its listing ended, or its resource's details were read. `masked` is whether external ids were removed.
    """

    type: str
    role: str
    account_id: str
    arn: str
    read_at: datetime | None
    session: str | None
    actions: tuple[str, ...] | None
    operations: tuple[str, ...] | None
    masked: bool = False
    content: Any


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """How many facts of a type the verdict could look at, and how many of them are shown here."""

    type: str
    account_id: str
    found: int
    shown: int


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict on one resource, and what it was given on.

    `number` is its place in the population. `seen` is what the verdict states of what it saw. `exception` is the
    register's entry that speaks about it, and `covered` whether it covers the failure. `judged_in` is the account whose
    facts were judged, and `facts_of` its file in the run. `facts_selected` is false where the run does not record which
    facts its controls take: all that it has about the resource is shown.
    """

    number: int
    fingerprint: str
    control: str
    severity: str
    status: str
    reason: str
    account_id: str
    account_name: str
    ou_path: str
    region: str
    resource: str
    resource_type: str
    seen: dict[str, Json]
    gap: Gap | None
    accepted: bool
    exception: ExceptionRef | None
    covered: bool
    assessed_at: datetime
    first_seen: date | None
    due_on: date | None
    judged_in: str
    facts_of: SealedFile
    facts_selected: bool
    facts: tuple[Fact, ...]
    listings: tuple[Listing, ...]
    left_out: tuple[LeftOut, ...]


class ControlRule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that gave the verdicts: `digest` is the SHA-256 of its code and thresholds, empty where not recorded."""

    id: str
    title: str
    rationale: str
    severity: str
    scope: str
    digest: str
    uses_organization: bool
    facts: tuple[FactType, ...]
    account_facts: tuple[FactType, ...]


class NotAssessed(msgspec.Struct, frozen=True, kw_only=True):
    """Cells of the plan that could not be assessed for one reason; `accepted` where the settings accept that."""

    control: str
    reason: str
    action: str
    message: str
    accepted: bool
    cells: int
    accounts: tuple[str, ...]
    regions: tuple[str, ...]


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """All evaluations of the requirement's controls, listed in `file`.

    `cells` are account x region x control; `cells_without` are those that have no resource to evaluate.
    """

    size: int
    by_status: dict[str, int]
    cells: int
    cells_without: int
    file: str


class RequirementDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of one requirement's document.

    `conclusion` is the report's status of the requirement and its counts, of evaluations and of accounts.
    `controls_not_in_run` are controls that decide the requirement and that the run did not evaluate. `parts` are what
    a requirement by mapping asks for, with what is known of each.
    """

    form: str = f"{NAMESPACE}-requirement"
    schema_version: int = VERSION
    name: str
    framework: str
    framework_title: str
    framework_version: str
    id: str
    title: str
    section: str
    level: int | None
    assessment: str
    run_id: str
    manifest_sha256: str
    standing: Standing
    conclusion: RequirementStatus
    counts: StatusCounts
    accounts_failing: int
    accounts_not_assessed: int
    accounts_passing: int
    accounts_not_applicable: int
    controls: tuple[ControlRule, ...]
    controls_not_in_run: tuple[str, ...]
    thresholds: dict[str, Json]
    population: Population
    sampling: Sampling | None
    included: int
    not_assessed: tuple[NotAssessed, ...]
    exceptions: tuple[ExceptionRow, ...]
    attestations: tuple[AttestationRow, ...]
    answers: tuple[Answer, ...]
    parts: tuple[PartScore, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()


def written(value: object) -> bytes:
    """Return JSON in which nothing acts on a terminal: what cannot be seen is escaped, and reads as the same text."""
    text = msgspec.json.encode(value, order="deterministic").decode()
    if text.isprintable():
        return text.encode()
    return _UNSEEN.sub(lambda found: _escape(found[0]), text).encode()


def _escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the three kinds of documents."""
    kinds = (Pack, RequirementDocument, AccountDocument)
    documents, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The documents of an evidence pack",
        "anyOf": list(documents),
        "$defs": components,
    }
