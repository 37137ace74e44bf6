"""report.asff-0001.json …: findings in the AWS Security Finding Format, each file what one BatchImportFindings takes.

A file has findings of one account and region, because only that account may import them there. orgaudit imports
nothing: it writes to no account. Sources: https://docs.aws.amazon.com/securityhub/1.0/APIReference/ with
API_BatchImportFindings.html and API_AwsSecurityFinding.html.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from orgaudit.model import GLOBAL, GLOBAL_REGIONS, Status
from orgaudit.report.formats.asff_objects import (
    Compliance,
    Note,
    ProviderFields,
    Recommendation,
    Remediation,
    Resource,
    SecurityFinding,
    Severity,
    Standard,
    StatusReason,
    Workflow,
)
from orgaudit.report.formats.asff_types import ACCOUNT, type_of
from orgaudit.report.formats.finding_words import exception_words
from orgaudit.report.formats.shared import OncePerControl, is_resolved, requirements_of, tags_of, types_of
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import View
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.run import writing

FILE = "report.asff-{:04}.json"
FINDINGS, BYTES = 100, 6_000_000
"""The most findings of one call, and somewhat less than its most bytes."""
WAITING = 96 * 1024 * 1024
"""The most bytes of findings that wait until their files are full."""
TITLE, DESCRIPTION, NAME, IDENTIFIER, RECOMMENDATION, NOTE, REASON = 256, 1024, 50, 512, 512, 512, 1024
REGION, REQUIREMENT, REQUIREMENTS, VALUE = 16, 256, 32, 2048
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256
"""The longest texts and lists. AWS counts characters; these are bytes of UTF-8, which are never fewer."""
SCHEMA = "2018-10-08"
PARTITIONS = frozenset(GLOBAL_REGIONS)
"""The partitions that a resource can name."""
COMPLIANCE = {
    Status.PASS: "PASSED",
    Status.FAIL: "FAILED",
    Status.NOT_ASSESSED: "NOT_AVAILABLE",
    Status.MANUAL: "WARNING",
    Status.NOT_APPLICABLE: "NOT_AVAILABLE",
}
"""The compliance status of each of ours; the reason's code says which it is."""
NEW, RESOLVED, SUPPRESSED = "NEW", "RESOLVED", "SUPPRESSED"
INFORMATIONAL = "INFORMATIONAL"
"""The severity where no issue was found."""


class ControlParts(msgspec.Struct, frozen=True):
    """What is said of a control once."""

    title: str
    rationale: str
    generator: str
    types: tuple[str, ...]
    standards: tuple[Standard, ...]
    requirements: tuple[str, ...]
    all_requirements: str


def write(view: View, results: Path) -> list[Path]:
    """Write every finding, and return the files; raises ReportError."""
    paths: list[Path] = []
    for batch in _batches(view):
        paths.append(results / FILE.format(len(paths) + 1))
        with writing(paths[-1]) as file:
            file.write(b"[\n" + b",\n".join(batch) + b"\n]\n")
    return paths


@dataclass(slots=True)
class _Batch:
    """Findings of one account and region that wait for their file, as JSON."""

    findings: list[bytes] = field(default_factory=list)
    size: int = 0

    def has_room(self, encoded: bytes) -> bool:
        """Return whether one call takes this finding too."""
        return len(self.findings) < FINDINGS and self.size + len(encoded) <= BYTES

    def add(self, encoded: bytes) -> None:
        """Add a finding and what separates it from the next."""
        self.findings.append(encoded)
        self.size += len(encoded) + 2


def _batches(view: View) -> Iterator[list[bytes]]:
    """Yield the findings of each call, as JSON, each of one account and region and in the order of the view.

    Past WAITING bytes the longest batch is yielded before it is full, so that memory does not grow with the accounts.
    """
    encode, made = msgspec.json.Encoder().encode, _Findings(view)
    pending: defaultdict[tuple[str, str], _Batch] = defaultdict(_Batch)
    waiting = 0
    for finding in view.exported():
        key, encoded = (finding.account_id, made.region(finding)), encode(made.finding(finding))
        full = None if pending[key].has_room(encoded) else key
        if waiting > WAITING:
            full = full or max(pending, key=lambda each: pending[each].size)
        if full:
            batch = pending.pop(full)
            waiting -= batch.size
            yield batch.findings
        pending[key].add(encoded)
        waiting += len(encoded) + 2
    yield from (batch.findings for batch in pending.values())


class _Findings:
    """Makes security findings of a run's; what a control says is made once."""

    def __init__(self, view: View) -> None:
        manifest = view.manifest
        self._partition = cut(manifest.caller.partition, REGION)
        elsewhere = min(manifest.known_regions, default="us-east-1")
        self._global = GLOBAL_REGIONS.get(self._partition, elsewhere)
        self._records = {record.id: record for record in manifest.controls}
        self._frameworks = {each.id: each for each in manifest.frameworks}
        self._controls = OncePerControl(self._parts)
        self._as_of = datetime.combine(view.as_of, datetime.min.time())
        self._run = {
            "orgaudit/Version": cut(manifest.tool_version, VALUE),
            "orgaudit/RunId": cut(manifest.run_id, VALUE),
            "orgaudit/AsOf": view.as_of.isoformat(),
        }

    def region(self, finding: ExportedFinding) -> str:
        """Return the region where the finding is imported: for what exists once in an account, that of its services."""
        return cut(self._global if finding.region == GLOBAL else finding.region, REGION)

    def finding(self, finding: ExportedFinding) -> SecurityFinding:
        """Return the security finding."""
        control, region = self._controls.of(finding), self.region(finding)
        first_seen = f"{finding.first_seen}T00:00:00.000Z" if finding.first_seen else None
        assessed = stamp(finding.assessed_at)
        updated = max(assessed, stamp(self._as_of))
        severity = Severity(
            INFORMATIONAL if is_resolved(finding.status) else finding.severity.upper(), finding.severity
        )
        exception = exception_words(finding)
        return SecurityFinding(
            schema_version=SCHEMA,
            id=f"orgaudit/{finding.fingerprint}",
            product_arn=f"arn:{self._partition}:securityhub:{region}:{finding.account_id}:product/{finding.account_id}/default",
            product_name="orgaudit",
            company_name="orgaudit",
            generator_id=control.generator,
            aws_account_id=finding.account_id,
            aws_account_name=cut(finding.account_name, NAME),
            types=control.types,
            created_at=first_seen or assessed,
            updated_at=updated,
            last_observed_at=assessed,
            severity=severity,
            finding_provider_fields=ProviderFields(severity, control.types),
            title=control.title,
            description=cut(f"{finding.reason}. {control.rationale}", DESCRIPTION),
            product_fields=self._fields(finding, control),
            resources=(self._resource(finding, region),),
            compliance=_compliance(finding, control),
            workflow=Workflow(_workflow(finding)),
            record_state="ARCHIVED" if is_resolved(finding.status) else "ACTIVE",
            first_observed_at=first_seen,
            remediation=_remediation(finding),
            note=Note(cut(exception, NOTE), "orgaudit", updated) if exception else None,
        )

    def _parts(self, finding: ExportedFinding) -> ControlParts:
        refs = requirements_of(finding.requirement_refs)
        frameworks = [self._frameworks[name] for name in dict.fromkeys(ref.framework for ref in refs)]
        requirements = [cut(f"{ref.framework} {ref.id}", REQUIREMENT) for ref in refs]
        return ControlParts(
            title=cut(finding.title, TITLE),
            rationale=self._records[finding.control].rationale,
            generator=cut(f"orgaudit/{finding.control}", IDENTIFIER),
            types=types_of(cut(f"{each.title} {each.version}", REQUIREMENT) for each in frameworks),
            standards=tuple(Standard(cut(f"standards/{each.id}", REQUIREMENT)) for each in frameworks),
            requirements=tuple(requirements[:REQUIREMENTS]),
            all_requirements=cut(", ".join(requirements), VALUE) if requirements else "",
        )

    def _fields(self, finding: ExportedFinding, control: ControlParts) -> dict[str, str]:
        """Return what the format has no attribute for; empty values are not allowed, and left out."""
        said = {
            "Family": finding.family,
            "Region": finding.region,
            "Resource": finding.resource,
            "ResourceType": finding.resource_type,
            "OrganizationalUnit": finding.ou_path,
            "Owner": finding.owner,
            "DueOn": finding.due_on and finding.due_on.isoformat(),
            "Reopened": finding.reopened and str(finding.reopened),
            "InheritedFrom": finding.inherited_from,
            "GapAction": finding.gap_action,
            "GapReason": finding.gap_reason,
            "Exception": finding.exception_id,
            "ExceptionOwner": finding.exception_owner,
            "ExceptionExpires": finding.exception_expires,
            "ExceptionState": finding.exception_state,
            "Command": finding.command,
            "Evidence": finding.evidence if finding.evidence != "{}" else None,
        }
        fields = self._run | {f"orgaudit/{name}": cut(value, VALUE) for name, value in said.items() if value}
        fields["orgaudit/Control"] = finding.control
        fields["orgaudit/Status"] = finding.status
        fields["orgaudit/Counted"] = "true" if finding.counted else "false"
        fields["orgaudit/Covered"] = "true" if finding.covered else "false"
        fields["orgaudit/Accepted"] = "true" if finding.accepted else "false"
        if control.all_requirements:
            fields["orgaudit/Requirements"] = control.all_requirements
        return fields

    def _resource(self, finding: ExportedFinding, region: str) -> Resource:
        kind = type_of(finding.resource_type, finding.resource)
        identifier = f"AWS::::Account:{finding.account_id}" if kind == ACCOUNT else cut(finding.resource, IDENTIFIER)
        return Resource(
            type=kind,
            id=identifier,
            region=region,
            partition=self._partition if self._partition in PARTITIONS else None,
            tags=_tags_of(finding.resource_tags) if finding.resource_tags != "{}" else None,
        )


def cut(text: str, limit: int) -> str:
    """Return a text on one line without what is not shown, cut at a character with "…" past so many bytes of UTF-8.

    Nothing to show is a hyphen, because the format allows no blank text.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit and not text.isspace() and text:
        return text
    text = one_line(text) or "-"
    if len(encoded := text.encode()) <= limit:
        return text
    return encoded[: limit - len("…".encode())].decode(errors="ignore") + "…"


def stamp(time: datetime) -> str:
    """Return a time, which is in UTC, as the format writes it."""
    return time.isoformat(timespec="milliseconds") + "Z"


def _tags_of(stored: str) -> dict[str, str] | None:
    """Return the first tags that have a value: a blank one is not allowed."""
    tags = [(key, value) for key, value in tags_of(stored).items() if key.strip() and value.strip()]
    return {cut(key, TAG_KEY): cut(value, TAG_VALUE) for key, value in tags[:TAGS]} or None


def _compliance(finding: ExportedFinding, control: ControlParts) -> Compliance:
    code = finding.gap_reason or finding.status
    return Compliance(
        status=COMPLIANCE[Status(finding.status)],
        status_reasons=(StatusReason(code, cut(finding.reason, REASON)),),
        security_control_id=cut(finding.control, IDENTIFIER),
        associated_standards=control.standards,
        related_requirements=control.requirements,
    )


def _workflow(finding: ExportedFinding) -> str:
    if finding.covered:
        return SUPPRESSED
    return RESOLVED if is_resolved(finding.status) else NEW


def _remediation(finding: ExportedFinding) -> Remediation | None:
    if finding.remedy is None:
        return None
    text = f"{finding.remedy} Command: {finding.command}" if finding.command else finding.remedy
    return Remediation(Recommendation(cut(text, RECOMMENDATION)))
