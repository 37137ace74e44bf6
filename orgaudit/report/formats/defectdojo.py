"""report.defectdojo.json: what fails and what was not assessed, as DefectDojo's Generic Findings Import takes it.

Keys, required keys and types: dojo/tools/generic/json_parser.py of https://github.com/DefectDojo/django-DefectDojo;
lengths: its model Finding. DefectDojo recognizes a finding by title, description and service, so the description says
where it is and what the register decided, and not what changes from day to day. A finding that is not in the file
passed, does not apply, or waits for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from orgaudit.model import Effort, Status
from orgaudit.report.formats.finding_words import ACCEPTED, exception_words, place_words, remedy_words
from orgaudit.report.json_parts import json_lines
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import FAILED_OR_UNSEEN, View
from orgaudit.spreadsheet.text import fitted, printable
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.run import writing

INFO = "Info"
"""The severity of what was not assessed: nothing is known of it, and it is not left out."""

TITLE, NAME, SERVICE, TAG = 511, 500, 200, 255
"""The longest title, name of a component, service and tag that DefectDojo stores."""
_EFFORTS: dict[str, str] = {Effort.S: "Low", Effort.M: "Medium", Effort.L: "High"}
_NOT_IN_A_TAG = re.compile(r"[\s,'\"]+")


class _Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One finding with the keys of DefectDojo."""

    title: str
    severity: str
    description: str
    date: str
    active: bool
    verified: bool
    risk_accepted: bool
    out_of_scope: bool
    impact: str
    mitigation: str
    steps_to_reproduce: str
    severity_justification: str
    references: str
    component_name: str
    service: str
    unique_id_from_tool: str
    vuln_id_from_tool: str
    planned_remediation_date: str | UnsetType = UNSET
    effort_for_fixing: str | UnsetType = UNSET
    tags: list[str]


@dataclass(frozen=True, slots=True)
class _About:
    """What all findings of a control share."""

    service: str
    impact: str
    effort: str | UnsetType


def write(view: View, path: Path) -> None:
    """Write the view as Generic Findings, one line a finding; raises ReportError."""
    encoder = msgspec.json.Encoder()
    about = {record.id: _about(record) for record in view.manifest.controls}
    found = (_finding(each, about[each.control]) for each in view.exported(FAILED_OR_UNSEEN))
    with writing(path) as file:
        file.writelines(_document(view, map(encoder.encode, found)))


def _document(view: View, findings: Iterator[bytes]) -> Iterator[bytes]:
    names = {"name": "orgaudit", "type": "orgaudit", "version": view.manifest.run_id}
    yield msgspec.json.encode(names)[:-1] + b',"findings": '
    yield from json_lines(findings)
    yield b"}\n"


def _about(record: ControlRecord) -> _About:
    return _About(fitted(record.service, SERVICE), fitted(record.rationale), _EFFORTS.get(record.effort, UNSET))


def _finding(found: ExportedFinding, about: _About) -> _Finding:
    unseen = found.status == Status.NOT_ASSESSED
    title = f"Not assessed: {found.title}" if unseen else found.title
    return _Finding(
        title=fitted(title, TITLE),
        severity=INFO if unseen else found.severity.capitalize(),
        description=fitted(_description(found)),
        date=(found.first_seen or found.assessed_at.date()).isoformat(),
        active=not (found.covered or found.accepted),
        verified=False,
        risk_accepted=found.covered,
        out_of_scope=found.accepted,
        impact=about.impact,
        mitigation=fitted(_mitigation(found)),
        steps_to_reproduce=fitted(
            f"Seen at {found.assessed_at:%Y-%m-%d %H:%M} UTC: {found.reason}\n\n{found.evidence}"
        ),
        severity_justification=fitted(_justification(found)),
        references=fitted(found.requirements.replace(", ", "\n")),
        component_name=fitted(found.resource, NAME),
        service=about.service,
        unique_id_from_tool=found.fingerprint,
        vuln_id_from_tool=found.control,
        planned_remediation_date=found.due_on.isoformat() if found.due_on else UNSET,
        effort_for_fixing=UNSET if unseen else about.effort,
        tags=list(_tags(found)),
    )


def _description(found: ExportedFinding) -> str:
    lines = (f"Control {found.control} in {place_words(found)}.", f"Resource: {found.resource}", exception_words(found))
    return "\n\n".join(filter(None, lines))


def _mitigation(found: ExportedFinding) -> str:
    """Return how to fix it; a command is indented, which Markdown shows as it stands."""
    ways = remedy_words(found)
    if found.command and found.status == Status.FAIL:
        ways.insert(1, "    " + found.command.replace("\n", "\n    "))
    return "\n\n".join(ways)


def _justification(found: ExportedFinding) -> str:
    if found.status == Status.NOT_ASSESSED:
        accepted = f" {ACCEPTED}" if found.accepted else ""
        return f"The control's severity is {found.severity}; nothing is known of it here.{accepted}"
    return exception_words(found) or f"The control's severity is {found.severity}."


def _tags(found: ExportedFinding) -> Iterator[str]:
    tags = {
        "status": found.status.lower().replace("_", "-"),
        "account": found.account_id,
        "unit": found.ou_path,
        "region": found.region,
        "owner": found.owner or "unassigned",
        "exception": found.exception_id,
        "exception-state": found.exception_state,
        "expires": found.exception_expires,
        "inherited-from": found.inherited_from,
        "repeats": None if found.counted else "shared-resource",
    }
    for name, value in tags.items():
        if value:
            yield printable(_NOT_IN_A_TAG.sub("_", f"{name}:{value}"))[:TAG]
