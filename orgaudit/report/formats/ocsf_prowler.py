"""report.prowler.ocsf.json: findings as the OCSF Detection Findings that importers of Prowler's results expect.

Sources: https://docs.prowler.com/user-guide/tutorials/prowler-app-findings-ingestion and DefectDojo's parser of
`AWS Prowler V3`, which takes files by the end of their name, and reads the fields that the tests of this module name.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import msgspec

from orgaudit.model import Status
from orgaudit.report.formats import ocsf_parts as parts
from orgaudit.report.formats.finding_words import exception_words
from orgaudit.report.json_parts import json_lines
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import View
from orgaudit.store.run import writing

CLASS_UID, CLASS = 2004, "Detection Finding"
PROFILES = ("cloud", "datetime")
STATUS_CODES = {
    Status.PASS: "PASS",
    Status.FAIL: "FAIL",
    Status.NOT_ASSESSED: "MANUAL",
    Status.MANUAL: "MANUAL",
}
"""The dialect has three codes; what was not assessed is its MANUAL, with the reason, and never a pass."""
JUDGED = f"status <> '{Status.NOT_APPLICABLE}'"
"""The findings of the dialect, which has no code for what does not apply and writes nothing of it."""


class FindingInfo(msgspec.Struct, frozen=True, gc=False):
    """What the finding is; times are in seconds, as the dialect has them."""

    uid: str
    title: str
    desc: str
    created_time: int
    created_time_dt: str
    types: tuple[str, ...]


class Remediation(msgspec.Struct, frozen=True, gc=False):
    """How to fix it; `references` are the commands."""

    desc: str
    references: tuple[str, ...]


class Unmapped(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the dialect keeps here, empty where we have nothing of it, and what only we have."""

    related_url: str
    categories: tuple[str, ...]
    depends_on: tuple[str, ...]
    related_to: tuple[str, ...]
    additional_urls: tuple[str, ...]
    notes: str
    compliance: msgspec.Raw
    counted: bool
    status: str
    exception_id: str | None = None
    due_on: object = None


class DetectionFinding(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One event of the class."""

    message: str
    metadata: parts.Metadata
    severity_id: int
    severity: str
    status: str
    status_code: str
    status_detail: str
    status_id: int
    unmapped: Unmapped
    activity_name: str
    activity_id: int
    finding_info: FindingInfo
    resources: tuple[parts.Resource]
    category_name: str
    category_uid: int
    class_name: str
    class_uid: int
    cloud: msgspec.Raw
    risk_details: str
    time: int
    time_dt: str
    type_uid: int
    type_name: str
    remediation: Remediation


def write(view: View, path: Path) -> None:
    """Write every finding that the dialect has a code for as an event, one line each; raises ReportError."""
    encode = msgspec.json.Encoder().encode
    with writing(path) as file:
        file.writelines(json_lines(map(encode, _events(view))))
        file.write(b"\n")


def _events(view: View) -> Iterator[DetectionFinding]:
    said = parts.Parts(view)
    for finding in view.exported(JUDGED):
        yield _event(finding, said, said.control(finding))


def _event(finding: ExportedFinding, said: parts.Parts, control: parts.ControlParts) -> DetectionFinding:
    time = parts.moment_of(finding.assessed_at) // 1000
    moment = finding.assessed_at.replace(tzinfo=UTC).isoformat()
    activity_id, activity = parts.CREATE
    severity_id, severity = parts.SEVERITIES[finding.severity]
    status_id, status = parts.SUPPRESSED if finding.covered else parts.NEW
    resource = said.resource(finding, control)
    message = f"{finding.title}: {finding.reason} ({resource.name})"
    return DetectionFinding(
        message=message,
        metadata=said.metadata(finding, PROFILES),
        severity_id=severity_id,
        severity=severity,
        status=status,
        status_code=STATUS_CODES[Status(finding.status)],
        status_detail=message,
        status_id=status_id,
        unmapped=_unmapped(finding, control),
        activity_name=activity,
        activity_id=activity_id,
        finding_info=FindingInfo(
            uid=finding.fingerprint,
            title=finding.title,
            desc=control.rationale,
            created_time=time,
            created_time_dt=moment,
            types=control.types,
        ),
        resources=(resource,),
        category_name=parts.CATEGORY,
        category_uid=parts.CATEGORY_UID,
        class_name=CLASS,
        class_uid=CLASS_UID,
        cloud=said.cloud(finding, "aws"),
        risk_details=control.rationale,
        time=time,
        time_dt=moment,
        type_uid=CLASS_UID * 100 + activity_id,
        type_name=f"{CLASS}: {activity}",
        remediation=Remediation(finding.remedy or "", (finding.command,) if finding.command else ()),
    )


def _unmapped(finding: ExportedFinding, control: parts.ControlParts) -> Unmapped:
    return Unmapped(
        related_url="",
        categories=(),
        depends_on=(),
        related_to=(),
        additional_urls=(),
        notes=exception_words(finding),
        compliance=control.by_framework,
        counted=finding.counted,
        status=finding.status,
        exception_id=finding.exception_id,
        due_on=finding.due_on,
    )
