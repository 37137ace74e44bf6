"""report.json: the view by the published schema, written finding by finding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.actions.plan import ActionPlan
from orgaudit.model import Json
from orgaudit.report import json_parts as parts
from orgaudit.report.evidence_parts import counts_of
from orgaudit.report.figures import (
    AccountScore,
    ControlScore,
    Missing,
    MissingPermission,
    Rated,
    RatedCounts,
    RequirementScore,
)
from orgaudit.report.formats import JSON_VERSION
from orgaudit.report.view import View
from orgaudit.settings.frameworks import Framework
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.register_result import HygieneRemark
from orgaudit.store.run import writing

IN_CATALOGUE = ("title", "requirements", "remediation")
"""What is said once of a control, and not again by its findings."""
_COMMAND = "remediation.asset.command"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every report.json fulfils."""
    return parts.schema("report.schema.json")


def write(view: View, path: Path) -> None:
    """Write the view as JSON, one line a finding; raises ReportError."""
    with writing(path) as file:
        file.writelines(_document(view))


def _document(view: View) -> Iterator[bytes]:
    yield b'{"schema_version": %d' % JSON_VERSION
    yield b',\n"run": ' + parts.encoded(parts.without(parts.run(view), "frameworks"))
    yield b',\n"organization": ' + parts.encoded(parts.organization(view))
    yield b',\n"summary": ' + parts.encoded(_summary(view))
    yield b',\n"coverage": '
    yield from parts.coverage(view, _missing, view.causes)
    yield b',\n"accounts": '
    yield from parts.lines(map(_account, view.accounts))
    yield b',\n"controls": '
    yield from parts.lines(_controls(view))
    yield b',\n"frameworks": '
    yield from parts.lines(_frameworks(view))
    yield b',\n"findings": '
    yield from parts.json_lines(map(str.encode, view.findings_as_json(without=IN_CATALOGUE, command=_COMMAND)))
    yield b',\n"comparison": ' + parts.encoded(parts.without(msgspec.structs.asdict(view.comparison), "schema_version"))
    yield b',\n"changes": '
    yield from parts.lines(view.changes())
    yield b',\n"actions": '
    yield from _actions(view.actions)
    yield b',\n"exceptions": ' + parts.encoded(parts.exceptions(view, _remark))
    yield b',\n"attestations": ' + parts.encoded(parts.attestations(view.manual)) + b"\n}\n"


def _summary(view: View) -> Json:
    summary, headline = view.summary, view.summary.headline
    return {
        "headline": headline
        and {
            "framework": headline.framework,
            "title": headline.title,
            "version": headline.version,
            **_rates(headline.rated),
        },
        "open_issues": summary.issues.total,
        "open_issues_by_severity": summary.issues,
        **parts.counts(summary.counts),
        "open_by_severity": summary.open,
        "exceptions": summary.exceptions,
        "units": [
            {"unit": unit.unit, "open_issues_by_severity": unit.issues, "open_by_severity": unit.open}
            for unit in view.units
        ],
    }


def _rates(rated: Rated) -> dict[str, Json]:
    return {"rate": _rate(rated.counts), "with_exceptions": _rate(rated.with_exceptions)}


def _rate(counts: RatedCounts) -> Json:
    return {"share": counts.rate, **msgspec.structs.asdict(counts)}


def _account(score: AccountScore) -> dict[str, Json]:
    fields = parts.account(score)
    return parts.without(fields, "rated", "overdue", "opened", "closed") | {
        "overdue_issues": score.overdue,
        "opened_issues": score.opened,
        "closed_issues": score.closed,
        **_rates(score.rated),
    }


def _actions(plan: ActionPlan) -> Iterator[bytes]:
    """Yield what is open, how many actions there are, and the first of them."""
    yield b'{"open": ' + parts.encoded(plan.open) + b',\n"count": ' + parts.encoded(plan.count) + b',\n"listed": '
    yield from parts.lines(plan.actions)
    yield b"}"


def _controls(view: View) -> Iterator[Json]:
    """Yield every control of the run with what is said of it once, and its figures."""
    records = {record.id: record for record in view.manifest.controls}
    for score in view.controls:
        yield _control(records[score.id], score)


def _control(record: ControlRecord, score: ControlScore) -> dict[str, Json]:
    about = {
        "id": record.id,
        "family": record.family or record.id,
        "service": record.service,
        "severity": record.severity,
        "scope": record.scope,
        "title": record.title,
        "rationale": record.rationale,
        "remediation": record.remediation,
    }
    return about | {name: value for name, value in parts.scored(score).items() if name not in about}


def _frameworks(view: View) -> Iterator[Json]:
    """Yield every framework of the run with its requirements and their figures."""
    by_framework = {
        name: list(scores) for name, scores in groupby(view.requirements, lambda requirement: requirement.framework)
    }
    for framework in view.manifest.frameworks:
        yield _framework(framework, by_framework.get(framework.id, []))


def _framework(framework: Framework, scores: list[RequirementScore]) -> Json:
    about: dict[str, Json] = {
        "id": framework.id,
        "title": framework.title,
        "version": framework.version,
        "kind": framework.kind,
        "evidence": counts_of(part for score in scores for part in score.parts) if framework.is_mapping else None,
    }
    return about | {"requirements": [_requirement(score) for score in scores]}


def _requirement(score: RequirementScore) -> dict[str, Json]:
    fields = parts.without(parts.scored(score), "framework", "rated") | _rates(score.rated)
    if not score.parts:
        return fields | {"evidence": None}
    return fields | {"pass_rate": None, "pass_rate_with_exceptions": None, "evidence": score.evidence}


def _missing(item: Missing | MissingPermission) -> dict[str, Json]:
    return msgspec.structs.asdict(item) | {"remediation": item.fix}


def _remark(remark: HygieneRemark) -> dict[str, Json]:
    return msgspec.structs.asdict(remark) | {"remediation": remark.concern.remedy}
