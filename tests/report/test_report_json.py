"""report.json: its schema, its figures, and its bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from orgaudit.report.json_document import schema
from orgaudit.store.run import Run, write_lines
from tests.report.small import REGISTER, Decided, decided, write
from tests.synthetic_run import MANAGEMENT


def written(run: Run, register: Decided = REGISTER) -> dict[str, Any]:
    (path,) = write(run, register, ["json"])
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_report_fulfils_its_schema(small: Run) -> None:
    validator().validate(written(small))


def test_a_report_of_nothing_fulfils_its_schema(small: Run) -> None:
    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
        write_lines(small.cells_path(account.id), [])
    document = written(small, decided())
    validator().validate(document)
    assert document["findings"] == []
    assert document["summary"]["pass_rate"] is None


def test_the_sections_are_those_of_the_contract(small: Run) -> None:
    document = written(small)
    assert list(document) == [
        "schema_version",
        "run",
        "organization",
        "summary",
        "coverage",
        "findings",
        "exceptions",
        "attestations",
    ]
    assert document["run"]["id"] == "2026-q3"
    assert document["run"]["as_of"] == "2026-10-01"
    assert document["organization"]["management_account_id"] == MANAGEMENT


def test_the_figures(small: Run) -> None:
    document = written(small)
    summary = document["summary"]
    assert summary["counts"] == {
        "passed": 14,
        "failed": 7,
        "covered": 1,
        "not_assessed": 19,
        "not_applicable": 18,
        "manual": 0,
        "accepted": 0,
        "open": 6,
    }
    assert summary["open_by_severity"] == {"critical": 1, "high": 2, "medium": 3, "low": 0}
    assert summary["pass_rate_with_exceptions"] == pytest.approx(0.7)
    assert document["coverage"]["totals"]["share"] == pytest.approx(41 / 60)
    assert len(document["findings"]) == 60
    assert len(document["coverage"]["account_regions"]) == 12


def test_a_finding_field_by_field(small: Run) -> None:
    finding = next(f for f in written(small)["findings"] if f["covered"])
    arn = "arn:aws:s3:eu-central-1:100000000001:thing/1-0"
    assert finding | {"fingerprint": ""} == {
        "fingerprint": "",
        "control": "s3_control_1_holds",
        "title": "S3 resources keep promise 1",
        "severity": "critical",
        "status": "FAIL",
        "reason": f"{arn} says fail: seen against what was asked",
        "account_id": "100000000001",
        "account_name": "account 1",
        "ou_path": "Root/Workloads/Payments",
        "region": "eu-central-1",
        "resource": arn,
        "resource_type": "s3:thing",
        "resource_tags": {"owner": "team-a", "=cost": "12"},
        "requirements": [{"framework": "cis_4.0", "id": "1.1"}],
        "evidence": {
            "retention_days": 90,
            "log_group": "arn:aws:logs:eu-central-1:100000000001:log-group:trail",
            "ok": None,
        },
        "remediation": {
            "service_wide": {"text": "Turn it on for the organization.", "command": None},
            "asset": {
                "text": "Turn it on here.",
                "command": f"aws s3 update-thing --name {arn} --region eu-central-1",
            },
            "preventive": {"text": "Deny turning it off with a service control policy.", "command": None},
        },
        "exception": {
            "id": "EXC-2026-0001",
            "owner": "Ann Example",
            "expires_on": "2026-12-31",
            "state": "active",
            "days_overdue": 0,
        },
        "inherited_from": None,
        "gap": None,
        "accepted": False,
        "assessed_at": "2026-10-01T06:12:00Z",
        "open": False,
        "covered": True,
        "counted": True,
    }


def test_a_finding_that_was_not_assessed_says_why(small: Run) -> None:
    finding = next(f for f in written(small)["findings"] if f["status"] == "NOT_ASSESSED")
    assert finding["gap"]["reason"] in {"DENIED", "ACCOUNT_UNAVAILABLE"}
    assert set(finding["gap"]) == {"account_id", "region", "action", "reason", "message"}


def _add(document: dict[str, Any]) -> None:
    document["extra"] = 1


def _add_to_finding(document: dict[str, Any]) -> None:
    document["findings"][0]["extra"] = 1


def _drop_exception(document: dict[str, Any]) -> None:
    del document["findings"][0]["exception"]


def _break_status(document: dict[str, Any]) -> None:
    document["findings"][0]["status"] = "EXCEPTED"


def _break_date(document: dict[str, Any]) -> None:
    document["run"]["as_of"] = "1 October"


def _break_time(document: dict[str, Any]) -> None:
    document["findings"][0]["assessed_at"] = "yesterday"


def _break_count(document: dict[str, Any]) -> None:
    document["summary"]["counts"]["open"] = -1


def _break_account(document: dict[str, Any]) -> None:
    document["summary"]["accounts"][0]["id"] = 100000000001


@pytest.mark.parametrize(
    "break_it",
    [
        _add,
        _add_to_finding,
        _drop_exception,
        _break_status,
        _break_date,
        _break_time,
        _break_count,
        _break_account,
    ],
)
def test_a_broken_report_does_not_fulfil_the_schema(small: Run, break_it: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(written(small))
    break_it(document)
    with pytest.raises(ValidationError):
        validator().validate(document)


def _objects(node: object) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _objects(item)]
    if not isinstance(node, dict):
        return []
    return [node] * ("properties" in node) + [found for item in node.values() for found in _objects(item)]


def test_every_object_of_the_schema_is_closed_and_requires_all_it_has() -> None:
    closed = _objects(schema())
    assert len(closed) > 20
    for node in closed:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])


def test_the_same_input_makes_the_same_bytes(small: Run) -> None:
    (path,) = write(small, REGISTER, ["json"])
    first = path.read_bytes()
    write(small, REGISTER, ["json"])
    assert path.read_bytes() == first
