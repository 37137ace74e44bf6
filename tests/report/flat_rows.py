"""What the flat tables must hold, made in Python from the view's findings and the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from orgaudit.model import Finding
from orgaudit.report.view import ReportedFinding, View

Row = dict[str, Any]


def findings(view: View) -> Iterator[Row]:
    """Yield the rows of findings_flat."""
    controls = {control.id: control for control in view.manifest.controls}
    environments = {owner.account_id: owner.environment for owner in view.manifest.owners}
    for found in view.findings():
        finding = found.finding
        control = controls[finding.control]
        yield {
            **_run(view, finding),
            **_fields(finding),
            "status": str(finding.status),
            "open": found.open,
            "covered": found.covered,
            "counted": found.counted,
            "severity": str(finding.severity),
            "severity_rank": finding.severity.rank + 1,
            "service": control.service,
            "issue": _issue(finding),
            "environment": environments.get(finding.account_id, "") or "",
            "effort": control.effort or None,
            "disruption": control.disruption or None,
            **_dates(found, view.as_of),
            **_remedies(finding),
            **_exception(finding),
        }


def requirements(view: View) -> Iterator[Row]:
    """Yield the rows of requirements_flat."""
    known = {
        (framework.id, requirement.id): (framework, requirement)
        for framework in view.manifest.frameworks
        for requirement in framework.requirements
    }
    for found in view.findings():
        for reference in found.finding.requirements:
            framework, requirement = known[reference.framework, reference.id]
            yield {
                **_run(view, found.finding),
                "framework": reference.framework,
                "framework_title": framework.title,
                "framework_version": framework.version,
                "requirement": reference.id,
                "requirement_title": requirement.title,
                "section": requirement.section,
                "level": requirement.level,
                "assessment": str(requirement.assessment),
            }


def _run(view: View, finding: Finding) -> Row:
    organization = view.manifest.organization
    return {
        "run_id": view.manifest.run_id,
        "as_of": view.as_of,
        "organization": organization.id if organization else None,
        "finding_id": f"{view.manifest.run_id}/{finding.fingerprint}",
        "fingerprint": finding.fingerprint,
    }


def _fields(finding: Finding) -> Row:
    same = (
        *("control", "title", "family", "account_id", "account_name", "ou_path", "region", "resource"),
        *("resource_type", "resource_tags", "owner", "reason", "evidence", "accepted", "inherited_from", "reopened"),
        *("first_seen", "due_on"),
    )
    gap = finding.gap
    return {name: getattr(finding, name) for name in same} | {
        "requirements": ", ".join(f"{each.framework} {each.id}" for each in finding.requirements),
        "assessed_at": finding.assessed_at,
        "gap_reason": gap and str(gap.reason),
        "gap_action": gap and gap.action,
        "gap_message": gap and gap.message,
    }


def _issue(finding: Finding) -> str:
    home = finding.inherited_from or finding.account_id
    return hashlib.md5("\n".join((home, finding.region, finding.resource, finding.family)).encode()).hexdigest()  # noqa: S324 - a key


def _dates(found: ReportedFinding, as_of: date) -> Row:
    first, due = found.finding.first_seen, found.finding.due_on
    return {
        "days_open": (as_of - first).days if found.open and first else None,
        "days_overdue": max((as_of - due).days, 0) if found.open and due else None,
    }


def _remedies(finding: Finding) -> Row:
    remediation, row = finding.remediation, {}
    for name, remedy in (
        ("remedy", remediation and remediation.asset),
        ("service_wide", remediation and remediation.service_wide),
        ("preventive", remediation and remediation.preventive),
    ):
        row[name] = remedy and remedy.text
        row["command" if name == "remedy" else f"{name}_command"] = remedy and remedy.command
    return row


def _exception(finding: Finding) -> Row:
    exception = finding.exception
    return {
        "exception_id": exception and exception.id,
        "exception_owner": exception and exception.owner,
        "exception_expires_on": exception and date.fromisoformat(exception.expires_on),
        "exception_state": exception and exception.state,
        "exception_days_overdue": exception and exception.days_overdue,
    }


def with_json(row: Row) -> Row:
    """Return a row in which what is JSON is read, so that no spelling of it matters."""
    return row | {name: json.loads(row[name]) for name in ("evidence", "resource_tags") if name in row}
