"""What the versions of report.json have in common: the parts of the document as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from typing import Any

import msgspec

from orgaudit.model import Gap, Json
from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import (
    AccountScore,
    Cause,
    ControlScore,
    ExceptionScore,
    Missing,
    MissingPermission,
    RequirementScore,
    StatusCounts,
)
from orgaudit.report.manual import ManualReview
from orgaudit.report.view import View
from orgaudit.store.register_result import HygieneRemark


def schema(file: str) -> dict[str, Any]:
    """Return a JSON Schema of the package."""
    return msgspec.json.decode(resources.files("orgaudit.report").joinpath(file).read_bytes(), type=dict[str, Any])


def encoded(value: object) -> bytes:
    """Return a value as JSON."""
    return msgspec.json.encode(value)


def lines(values: Iterable[object]) -> Iterator[bytes]:
    """Yield a list as JSON, one line a value."""
    return json_lines(map(encoded, values))


def json_lines(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a list of what is JSON already, one line a value."""
    separator = b"[\n"
    for text in texts:
        yield separator
        yield text
        separator = b",\n"
    yield b"[]" if separator == b"[\n" else b"\n]"


def without(fields: dict[str, Json], *names: str) -> dict[str, Json]:
    """Return the fields without those of these names."""
    return {name: value for name, value in fields.items() if name not in names}


def run(view: View) -> dict[str, Json]:
    """Return the run's own facts."""
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


def organization(view: View) -> Json:
    """Return the organization, or None where there is none."""
    found = view.manifest.organization
    if found is None:
        return None
    return {
        "id": found.id,
        "arn": found.arn,
        "management_account_id": found.management_account_id,
        "feature_set": found.feature_set,
        "out_of_scope": [account.id for account in view.manifest.out_of_scope],
    }


def counts(found: StatusCounts) -> dict[str, Json]:
    """Return findings by status, with the rates of them."""
    return {
        "counts": msgspec.structs.asdict(found) | {"open": found.open},
        "pass_rate": found.pass_rate,
        "pass_rate_with_exceptions": found.pass_rate_with_exceptions,
    }


def scored(score: AccountScore | ControlScore | RequirementScore) -> dict[str, Json]:
    """Return the figures of a score, with its rates."""
    fields = msgspec.structs.asdict(score)
    return fields | counts(fields["counts"])


def account(score: AccountScore) -> dict[str, Json]:
    """Return the scorecard of an account."""
    fields = scored(score)
    return fields | {
        "open_by_severity": fields.pop("open"),
        "open_issues_by_severity": fields.pop("issues"),
        "counted_issues_by_severity": fields.pop("counted_issues"),
        "expired_matching": fields.pop("expired"),
    }


def coverage(
    view: View, missing: Callable[[Missing | MissingPermission], Json], causes: Sequence[Cause] | None = None
) -> Iterator[bytes]:
    """Yield what was assessed and what was not; `missing` returns what is missing with how to fix it.

    Without `causes` there is no such part.
    """
    totals = view.summary.coverage
    further = {"share": totals.share, "complete": totals.complete, "completeness": completeness_of(view)}
    yield b'{"totals": ' + encoded(msgspec.structs.asdict(totals) | further)
    yield b',\n"discovery_gaps": ' + encoded([gap(each) for each in view.manifest.discovery_gaps])
    yield b',\n"regions": ' + encoded(view.regions)
    yield b',\n"unseen": ' + encoded(view.unseen)
    yield b',\n"missing": ' + encoded([missing(item) for item in view.missing])
    yield b',\n"missing_permissions": ' + encoded([missing(item) for item in view.missing_permissions])
    if causes is not None:
        yield b',\n"causes": ' + encoded([_cause(each) for each in causes])
    yield b',\n"account_regions": '
    yield from lines(view.account_regions())
    yield b"}"


def _cause(cause: Cause) -> dict[str, Json]:
    return without(msgspec.structs.asdict(cause), "account_state") | {
        "actions": cause.actions or (),
        "remediation": cause.fix,
    }


def gap(found: Gap) -> dict[str, Json]:
    """Return a gap without its tag."""
    return {name: getattr(found, name) for name in found.__struct_fields__}


def exceptions(view: View, remark: Callable[[HygieneRemark], Json]) -> dict[str, Json]:
    """Return the register's entries and what it needs; `remark` returns a remark with how to fix it."""
    return {
        "entries": [exception(score) for score in view.exceptions],
        "hygiene": [remark(each) for each in view.hygiene],
        "problems": view.problems,
    }


def exception(score: ExceptionScore) -> dict[str, Json]:
    """Return one exception with what it covers."""
    return msgspec.structs.asdict(score.entry) | {
        "covered": score.covered,
        "expired_matching": score.expired,
        "unused": score.unused,
        "closed": score.closed,
    }


def attestations(review: ManualReview) -> dict[str, Json]:
    """Return the attestations with their effect, and the answers for accounts."""
    entries = [
        msgspec.structs.asdict(score.entry) | {"effect": score.effect, "contradicted": score.contradicted}
        for score in review.attestations
    ]
    return {"entries": entries, "answers": review.answers}
