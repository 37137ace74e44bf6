"""report.json: the view by the published schema, written finding by finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.model import Gap, Json
from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import (
    AccountScore,
    BySeverity,
    ControlScore,
    ExceptionScore,
    Missing,
    MissingPermission,
    RequirementScore,
    StatusCounts,
)
from orgaudit.report.manual import ManualReview
from orgaudit.report.view import ReportedFinding, View
from orgaudit.store.register_result import HygieneRemark
from orgaudit.store.run import writing

SCHEMA_VERSION = 1
NOT_IN_VERSION_1 = {"family", "owner", "first_seen", "reopened", "due_on"}
"""The fields of a finding that this version of the schema does not have."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every report.json fulfils."""
    text = resources.files("orgaudit.report").joinpath("report.schema.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


def write(view: View, path: Path) -> None:
    """Write the view as JSON, one line a finding; raises ReportError."""
    with writing(path) as file:
        for chunk in _document(view):
            file.write(chunk)


def _document(view: View) -> Iterator[bytes]:
    yield b'{"schema_version": %d' % SCHEMA_VERSION
    yield b',\n"run": ' + _encoded(_run(view))
    yield b',\n"organization": ' + _encoded(_organization(view))
    yield b',\n"summary": ' + _encoded(_summary(view))
    yield b',\n"coverage": {"totals": ' + _encoded(_coverage_totals(view))
    yield b',\n"discovery_gaps": ' + _encoded([_gap(gap) for gap in view.manifest.discovery_gaps])
    yield b',\n"regions": ' + _encoded(view.regions)
    yield b',\n"unseen": ' + _encoded(view.unseen)
    yield b',\n"missing": ' + _encoded([_missing(item) for item in view.missing])
    yield b',\n"missing_permissions": ' + _encoded([_missing(item) for item in view.missing_permissions])
    yield b',\n"account_regions": '
    yield from _lines(view.account_regions())
    yield b'},\n"findings": '
    yield from _lines(map(_finding, view.findings()))
    yield b',\n"exceptions": {"entries": ' + _encoded([_exception(score) for score in view.exceptions])
    yield b',\n"hygiene": ' + _encoded([_remark(remark) for remark in view.hygiene])
    yield b',\n"problems": ' + _encoded(view.problems) + b"}"
    yield b',\n"attestations": ' + _encoded(_attestations(view.manual)) + b"\n}\n"


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def _lines(values: Iterable[object]) -> Iterator[bytes]:
    separator = b"["
    for value in values:
        yield separator + b"\n" + _encoded(value)
        separator = b","
    yield b"[]" if separator == b"[" else b"\n]"


def _run(view: View) -> Json:
    manifest = view.manifest
    return {
        "id": manifest.run_id,
        "tool_version": manifest.tool_version,
        "started_at": manifest.started_at,
        "collected_at": manifest.collected_at,
        "evaluated_at": manifest.evaluated_at,
        "as_of": view.as_of,
        "caller": manifest.caller,
        "frameworks": [{"id": f.id, "title": f.title, "version": f.version} for f in manifest.frameworks],
        "thresholds": manifest.thresholds,
        "accept_blocked_regions": manifest.accept_blocked_regions,
        "inputs": manifest.inputs,
        "manifest_sha256": view.manifest_sha256,
        "register_sha256": view.register_sha256,
        "standing": view.standing,
    }


def _organization(view: View) -> Json:
    organization = view.manifest.organization
    if organization is None:
        return None
    return {
        "id": organization.id,
        "arn": organization.arn,
        "management_account_id": organization.management_account_id,
        "feature_set": organization.feature_set,
        "out_of_scope": [account.id for account in view.manifest.out_of_scope],
    }


def _summary(view: View) -> Json:
    summary = view.summary
    return {
        **_counts(summary.counts),
        "open_by_severity": summary.open,
        "exceptions": summary.exceptions,
        "units": view.units,
        "accounts": [_account(score) for score in view.accounts],
        "controls": [_scored(score) for score in view.controls],
        "requirements": [_scored(score) for score in view.requirements],
    }


def _counts(counts: StatusCounts) -> dict[str, Json]:
    return {
        "counts": msgspec.structs.asdict(counts) | {"open": counts.open},
        "pass_rate": counts.pass_rate,
        "pass_rate_with_exceptions": counts.pass_rate_with_exceptions,
    }


def _scored(score: AccountScore | ControlScore | RequirementScore) -> dict[str, Json]:
    fields = msgspec.structs.asdict(score)
    return fields | _counts(fields["counts"])


def _account(score: AccountScore) -> dict[str, Json]:
    fields = _scored(score)
    severities: BySeverity = fields.pop("open")
    return fields | {"open_by_severity": severities, "expired_matching": fields.pop("expired")}


def _coverage_totals(view: View) -> dict[str, Json]:
    totals = view.summary.coverage
    further = {"share": totals.share, "complete": totals.complete, "completeness": completeness_of(view)}
    return msgspec.structs.asdict(totals) | further


def _missing(item: Missing | MissingPermission) -> dict[str, Json]:
    return msgspec.structs.asdict(item) | {"mend": item.fix}


def _gap(gap: Gap) -> dict[str, Json]:
    return {name: getattr(gap, name) for name in gap.__struct_fields__}


def _finding(reported: ReportedFinding) -> dict[str, Json]:
    written: dict[str, Json] = msgspec.to_builtins(reported.finding)
    fields = {name: value for name, value in written.items() if name not in NOT_IN_VERSION_1}
    if reported.finding.gap:
        fields["gap"] = _gap(reported.finding.gap)
    return fields | {"open": reported.open, "covered": reported.covered, "counted": reported.counted}


def _attestations(review: ManualReview) -> dict[str, Json]:
    entries = [
        msgspec.structs.asdict(score.entry) | {"effect": score.effect, "contradicted": score.contradicted}
        for score in review.attestations
    ]
    return {"entries": entries, "answers": review.answers}


def _exception(score: ExceptionScore) -> dict[str, Json]:
    return msgspec.structs.asdict(score.entry) | {
        "covered": score.covered,
        "expired_matching": score.expired,
        "unused": score.unused,
        "closed": score.closed,
    }


def _remark(remark: HygieneRemark) -> dict[str, Json]:
    return msgspec.structs.asdict(remark) | {"mend": remark.concern.remedy}
