"""report.json by version 1 of its schema, for programs that read it: findings that repeat what a control says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.model import Json
from orgaudit.report import json_parts as parts
from orgaudit.report.figures import AccountScore, Missing, MissingPermission, RequirementScore, RequirementStatus
from orgaudit.report.view import View
from orgaudit.store.register_result import HygieneConcern, HygieneRemark
from orgaudit.store.run import writing

VERSION = 1
LATER = frozenset({"family", "owner", "first_seen", "reopened", "due_on"})
"""The fields of a finding that this version does not have."""

LATER_OF_ACCOUNT = frozenset(
    {
        *("open_issues_by_severity", "counted_issues_by_severity", "owner", "contact", "environment", "rated"),
        *("overdue", "opened", "closed"),
    }
)
"""The fields of an account that this version does not have."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of this version."""
    return parts.schema("report.schema.v1.json")


def write(view: View, path: Path) -> None:
    """Write the view as JSON of this version, one line a finding; raises ReportError."""
    with writing(path) as file:
        file.writelines(_document(view))


def _document(view: View) -> Iterator[bytes]:
    yield b'{"schema_version": %d' % VERSION
    yield b',\n"run": ' + parts.encoded(parts.run(view))
    yield b',\n"organization": ' + parts.encoded(parts.organization(view))
    yield b',\n"summary": ' + parts.encoded(_summary(view))
    yield b',\n"coverage": '
    yield from parts.coverage(view, _missing)
    yield b',\n"findings": '
    yield from parts.lines(map(msgspec.Raw, view.findings_as_json(without=LATER)))
    yield b',\n"exceptions": ' + parts.encoded(_exceptions(view))
    yield b',\n"attestations": ' + parts.encoded(parts.attestations(view.manual)) + b"\n}\n"


def _summary(view: View) -> Json:
    summary = view.summary
    return {
        **parts.counts(summary.counts),
        "open_by_severity": summary.open,
        "exceptions": summary.exceptions,
        "units": [{"unit": score.unit, "open": score.open} for score in view.units],
        "accounts": [_account(score) for score in view.accounts],
        "controls": [parts.scored(score) for score in view.controls],
        "requirements": [_requirement(score) for score in view.requirements if _is_known(score)],
    }


def _is_known(score: RequirementScore) -> bool:
    """Return whether this version knows the status of a requirement: none by mapping, and nothing not covered."""
    return not score.parts and score.status is not RequirementStatus.NOT_COVERED


def _account(score: AccountScore) -> dict[str, Json]:
    return parts.without(parts.account(score), *LATER_OF_ACCOUNT)


def _requirement(score: RequirementScore) -> dict[str, Json]:
    return parts.without(parts.scored(score), "rated", "parts")


def _missing(item: Missing | MissingPermission) -> dict[str, Json]:
    return msgspec.structs.asdict(item) | {"mend": item.fix}


def _exceptions(view: View) -> dict[str, Json]:
    return {
        "entries": [parts.without(parts.exception(score), "stands_for") for score in view.exceptions],
        "hygiene": [_remark(each) for each in view.hygiene if each.concern is not HygieneConcern.MEANING_CHANGED],
        "problems": view.problems,
    }


def _remark(remark: HygieneRemark) -> dict[str, Json]:
    return msgspec.structs.asdict(remark) | {"mend": remark.concern.remedy}
