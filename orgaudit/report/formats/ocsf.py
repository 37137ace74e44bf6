"""report.ocsf.json: every finding as an OCSF Compliance Finding, one event a line of one JSON array.

Source of the class: https://schema.ocsf.io/1.5.0/classes/compliance_finding?profiles=cloud
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from orgaudit.model import Status
from orgaudit.report.formats import ocsf_parts as parts
from orgaudit.report.formats.finding_words import exception_words
from orgaudit.report.formats.shared import OncePerControl, is_resolved
from orgaudit.report.json_parts import json_lines
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import View
from orgaudit.store.run import writing

CLASS_UID, CLASS = 2003, "Compliance Finding"
PROFILES = ("cloud",)
COMPLIANCE = {
    Status.PASS: (1, "Pass"),
    Status.FAIL: (3, "Fail"),
    Status.NOT_ASSESSED: (0, "Unknown"),
    Status.MANUAL: (2, "Warning"),
    Status.NOT_APPLICABLE: (99, "Not Applicable"),
}
"""The compliance status of each of ours with its caption.

Nothing is known of what was not assessed. The schema's Warning is a check without a result for want of information,
which is what a person has to give where the status is MANUAL. Other is neither a pass nor a failure.
"""
INFORMATIONAL = (1, "Informational")
"""The severity where no action is required; that of the control is in the event's check."""


class FindingInfo(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the finding is. `created_time` and `first_seen_time` are the first day of the present episode."""

    uid: str
    title: str
    desc: str
    analytic: msgspec.Raw
    data_sources: tuple[str, ...]
    created_time: int
    modified_time: int
    last_seen_time: int
    first_seen_time: int | None = None


class Remediation(msgspec.Struct, frozen=True, gc=False):
    """How to fix it."""

    desc: str


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """What was seen."""

    data: msgspec.Raw


class OurException(msgspec.Struct, frozen=True, gc=False):
    """The exception of the register that speaks about a finding."""

    id: str
    owner: str | None
    expires_on: str | None
    state: str | None
    days_overdue: int | None


class OurRemediation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What of a remediation the schema has no attribute for."""

    command: str | None = None
    service_wide: str | None = None
    preventive: str | None = None


class Unmapped(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the schema has no attribute for, named as in report.json."""

    family: str
    open: bool
    covered: bool
    counted: bool
    accepted: bool
    reopened: int
    due_on: object = None
    inherited_from: str | None = None
    gap_action: str | None = None
    gap_reason: str | None = None
    exception: OurException | None = None
    remediation: OurRemediation | None = None


class ComplianceFinding(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One event of the class."""

    activity_id: int
    activity_name: str
    category_uid: int
    category_name: str
    class_uid: int
    class_name: str
    type_uid: int
    type_name: str
    time: int
    severity_id: int
    severity: str
    status_id: int
    status: str
    status_code: str
    status_detail: str
    message: str
    metadata: parts.Metadata
    finding_info: FindingInfo
    compliance: msgspec.Raw
    resources: tuple[parts.Resource]
    cloud: msgspec.Raw
    unmapped: Unmapped
    remediation: Remediation | None = None
    evidences: tuple[Evidence] | None = None
    comment: str | None = None


def write(view: View, path: Path) -> None:
    """Write every finding as an event, one line each; raises ReportError."""
    encode = msgspec.json.Encoder().encode
    with writing(path) as file:
        file.writelines(json_lines(map(encode, _events(view))))
        file.write(b"\n")


def _events(view: View) -> Iterator[ComplianceFinding]:
    said = parts.Parts(view)
    judged = OncePerControl(lambda finding: _compliance(finding, said.control(finding)))
    for finding in view.exported():
        yield _event(finding, said, said.control(finding), judged.of(finding))


def _event(
    finding: ExportedFinding, said: parts.Parts, control: parts.ControlParts, compliance: msgspec.Raw
) -> ComplianceFinding:
    time, first_seen = parts.moment_of(finding.assessed_at), finding.first_seen
    known = first_seen is not None and first_seen < finding.assessed_at.date()
    activity_id, activity = parts.UPDATE if known else parts.CREATE
    severity_id, severity = INFORMATIONAL if is_resolved(finding.status) else parts.SEVERITIES[finding.severity]
    status_id, status = parts.SUPPRESSED if finding.covered else parts.NEW
    evidence = _evidence(finding)
    return ComplianceFinding(
        activity_id=activity_id,
        activity_name=activity,
        category_uid=parts.CATEGORY_UID,
        category_name=parts.CATEGORY,
        class_uid=CLASS_UID,
        class_name=CLASS,
        type_uid=CLASS_UID * 100 + activity_id,
        type_name=f"{CLASS}: {activity}",
        time=time,
        severity_id=severity_id,
        severity=severity,
        status_id=status_id,
        status=status,
        status_code=finding.status,
        status_detail=finding.reason,
        message=f"{finding.title}: {finding.reason}",
        metadata=said.metadata(finding, PROFILES),
        finding_info=_info(finding, control, time),
        compliance=compliance,
        resources=(said.resource(finding, control),),
        cloud=said.cloud(finding, "AWS"),
        unmapped=_unmapped(finding),
        remediation=_remediation(finding),
        evidences=(Evidence(evidence),) if evidence else None,
        comment=exception_words(finding) or None,
    )


def _info(finding: ExportedFinding, control: parts.ControlParts, time: int) -> FindingInfo:
    first_seen = parts.midnight_of(finding.first_seen) if finding.first_seen else None
    return FindingInfo(
        uid=finding.fingerprint,
        title=finding.title,
        desc=control.rationale,
        analytic=control.analytic,
        data_sources=control.actions,
        created_time=first_seen or time,
        modified_time=time,
        last_seen_time=time,
        first_seen_time=first_seen,
    )


def _compliance(finding: ExportedFinding, control: parts.ControlParts) -> msgspec.Raw:
    """Return what a control says of all findings with a status, as JSON; `status` is the schema's, if not the model's.

    Where the id is Other, the schema requires a caption.
    """
    status_id, status = COMPLIANCE[Status(finding.status)]
    severity_id, severity = parts.SEVERITIES[finding.severity]
    check = {
        "uid": finding.control,
        "name": finding.title,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
    }
    return parts.raw(
        {
            "control": finding.control,
            "standards": control.standards,
            "requirements": control.requirements,
            "status_id": status_id,
            "status": status,
            "checks": [check],
        }
    )


def _unmapped(finding: ExportedFinding) -> Unmapped:
    return Unmapped(
        family=finding.family,
        open=finding.open,
        covered=finding.covered,
        counted=finding.counted,
        accepted=finding.accepted,
        reopened=finding.reopened,
        due_on=finding.due_on,
        inherited_from=finding.inherited_from,
        gap_action=finding.gap_action,
        gap_reason=finding.gap_reason,
        exception=_exception(finding),
        remediation=OurRemediation(finding.command, finding.service_wide, finding.preventive)
        if finding.remedy
        else None,
    )


def _exception(finding: ExportedFinding) -> OurException | None:
    if finding.exception_id is None:
        return None
    return OurException(
        id=finding.exception_id,
        owner=finding.exception_owner,
        expires_on=finding.exception_expires,
        state=finding.exception_state,
        days_overdue=finding.exception_overdue,
    )


def _remediation(finding: ExportedFinding) -> Remediation | None:
    """Return how to fix the finding, with the command on a line of its own; None where there is nothing to fix."""
    if finding.remedy is None:
        return None
    return Remediation(f"{finding.remedy}\n{finding.command}" if finding.command else finding.remedy)


def _evidence(finding: ExportedFinding) -> msgspec.Raw | None:
    """Return the finding's evidence as JSON, None where it is empty."""
    return None if finding.evidence == "{}" else msgspec.Raw(finding.evidence)
