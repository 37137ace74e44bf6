"""report.json: its schema, its figures, and its bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from orgaudit.model import Remediation, Remedy
from orgaudit.report import json_document, json_version_1, stage
from orgaudit.report.json_document import schema
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from orgaudit.store.seal import Standing
from tests.report.compared import CHANGES, COMPARISON, compare
from tests.report.small import REGISTER, Decided, decided, small_run, store, write
from tests.synthetic_run import MANAGEMENT, build


def written(run: Run, register: Decided = REGISTER) -> dict[str, Any]:
    (path,) = write(run, register, ["json"])
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


@cache
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
        "accounts",
        "controls",
        "frameworks",
        "findings",
        "comparison",
        "changes",
        "actions",
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
    assert summary["open_issues_by_severity"] == {"critical": 1, "high": 2, "medium": 3, "low": 0}
    assert summary["open_issues"] == 6
    assert summary["pass_rate_with_exceptions"] == pytest.approx(0.7)
    assert [account["id"] for account in document["accounts"]][-1] == "100000000003"
    assert document["coverage"]["totals"]["share"] == pytest.approx(41 / 60)
    assert len(document["findings"]) == 60
    assert len(document["coverage"]["account_regions"]) == 12


def test_a_finding_field_by_field(small: Run) -> None:
    finding = next(f for f in written(small)["findings"] if f["covered"])
    arn = "arn:aws:s3:eu-central-1:100000000001:thing/1-0"
    assert finding | {"fingerprint": ""} == {
        "fingerprint": "",
        "control": "s3_control_1_holds",
        "family": "s3_control_1_holds",
        "severity": "critical",
        "status": "FAIL",
        "reason": f"{arn} says fail: seen against what was asked",
        "account_id": "100000000001",
        "account_name": "account 1",
        "ou_path": "Root/Workloads/Payments",
        "owner": "",
        "region": "eu-central-1",
        "resource": arn,
        "resource_type": "s3:thing",
        "resource_tags": {"owner": "team-a", "=cost": "12"},
        "evidence": {
            "retention_days": 90,
            "log_group": "arn:aws:logs:eu-central-1:100000000001:log-group:trail",
            "ok": None,
        },
        "command": f"aws s3 update-thing --name {arn} --region eu-central-1",
        "exception": {
            "id": "EXC-2026-0001",
            "owner": "Ann Example",
            "expires_on": "2026-12-31",
            "state": "active",
            "days_overdue": 0,
        },
        "first_seen": None,
        "reopened": 0,
        "due_on": None,
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
    document["accounts"][0]["id"] = 100000000001


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of the small run, which tests only copy."""
    return written(small_run(tmp_path_factory.mktemp("whole")))


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
def test_a_broken_report_does_not_fulfil_the_schema(
    whole: dict[str, Any], break_it: Callable[[dict[str, Any]], None]
) -> None:
    document = copy.deepcopy(whole)
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


def test_a_control_is_described_once_and_findings_refer_to_it(small: Run) -> None:
    record = small.read_manifest().controls[1]
    fix = Remediation(Remedy("For all."), Remedy("For one.", "aws fix NAME"), Remedy("For ever."))
    controls = tuple(
        msgspec.structs.replace(it, family="s3_fixed_at_once", remediation=fix) if it is record else it
        for it in (record, *small.read_manifest().controls[2:])
    )
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), controls=controls))
    document = written(small)
    [control] = [each for each in document["controls"] if each["id"] == "s3_control_1_holds"]
    validator().validate(document)
    about = ("family", "service", "severity", "scope", "title", "rationale", "requirements", "remediation")
    assert {name: control[name] for name in about} == {
        "family": "s3_fixed_at_once",
        "service": "s3",
        "severity": "critical",
        "scope": "regional",
        "title": "S3 resources keep promise 1",
        "rationale": "Without it nobody notices what went wrong.",
        "requirements": ["cis_4.0 1.2"],
        "remediation": {
            "service_wide": {"text": "For all.", "command": None},
            "asset": {"text": "For one.", "command": "aws fix NAME"},
            "preventive": {"text": "For ever.", "command": None},
        },
    }
    assert not {"title", "requirements", "remediation"} & set(document["findings"][0])


def test_the_headline_and_its_framework(small: Run) -> None:
    document = written(small)
    headline, [framework] = document["summary"]["headline"], document["frameworks"]
    assert (headline["framework"], headline["version"]) == ("cis_4.0", "4.0.0")
    assert headline["rate"]["share"] == pytest.approx(headline["rate"]["passed"] / 20)
    for kind in ("rate", "with_exceptions"):
        for name in ("passed", "failed", "not_assessed"):
            assert sum(each[kind][name] for each in framework["requirements"]) == headline[kind][name]


STORED = Path(__file__).parent / "stored" / "version_1.json"
"""What the last program that knew only version 1 wrote of the run that `of_stored` builds."""


@pytest.fixture
def of_stored(tmp_path: Path) -> Run:
    return build(tmp_path / "2026-q3", accounts=4, regions=2, controls=5)


def version_1(run: Run) -> dict[str, Any]:
    store(run, REGISTER)
    with stage.written(run, ["json"], standing=Standing.NOT_SEALED, json_version=1) as (_, [path]):
        assert path.name == "report.v1.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def test_version_1_is_what_it_was(of_stored: Run) -> None:
    document, stored = version_1(of_stored), json.loads(STORED.read_bytes())
    of_files = {"manifest_sha256": "", "register_sha256": ""}
    for each in (document, stored):
        each["run"] |= of_files
    assert document == stored
    assert json.dumps(document) == json.dumps(stored), "the order of keys is the same too"


def test_version_1_of_later_fields_fulfils_its_schema(small: Run) -> None:
    """A finding with all that is known today is written without what version 1 does not have."""
    account = small.read_manifest().accounts[0].id
    later = {"family": "other", "owner": "a@example.com", "first_seen": date(2026, 9, 1), "due_on": date(2026, 9, 30)}
    findings = [msgspec.structs.replace(each, **later, reopened=1) for each in small.findings(account)]
    write_lines(small.findings_path(account), findings)
    Draft202012Validator(json_version_1.schema()).validate(version_1(small))
    shown = next(f for f in written(small)["findings"] if f["account_id"] == account and f["family"] == "other")
    assert (
        shown | {"owner": "a@example.com", "first_seen": "2026-09-01", "due_on": "2026-09-30", "reopened": 1} == shown
    )


def test_both_versions_stand_beside_each_other(small: Run) -> None:
    paths = write(small, REGISTER, ["json"])
    before = paths[0].read_bytes()
    version_1(small)
    assert paths[0].read_bytes() == before
    assert json.loads(before)["schema_version"] == 2


def test_the_same_input_makes_the_same_bytes(small: Run) -> None:
    (path,) = write(small, REGISTER, ["json"])
    first = path.read_bytes()
    write(small, REGISTER, ["json"])
    assert path.read_bytes() == first


def test_what_changed_and_what_to_do_are_those_of_the_view(small: Run, tmp_path: Path) -> None:
    store(small, REGISTER)
    compare(small)
    with viewing(small) as view:
        json_document.write(view, tmp_path / "report.json")
        plan, causes = view.actions, view.causes
    document = json.loads((tmp_path / "report.json").read_bytes())
    validator().validate(document)
    stated = json.loads(msgspec.json.encode(COMPARISON))
    assert document["comparison"] == {key: value for key, value in stated.items() if key != "schema_version"}
    assert document["changes"] == json.loads(msgspec.json.encode(CHANGES))
    assert document["actions"]["listed"] == json.loads(msgspec.json.encode(plan.actions))
    assert (document["actions"]["count"], document["actions"]["open"]["issues"]) == (plan.count, 6)
    assert [(each["reason"], each["evaluations"]) for each in document["coverage"]["causes"]] == [
        (each.reason, each.evaluations) for each in causes
    ]
    accounts = {each["id"]: each for each in document["accounts"]}
    changed = accounts["100000000001"]
    assert (changed["opened_issues"], changed["closed_issues"], changed["rate"]["passed"]) == (2, 0, 2)


def test_version_1_has_none_of_what_came_later(small: Run, tmp_path: Path) -> None:
    store(small, REGISTER)
    compare(small)
    with viewing(small) as view:
        json_version_1.write(view, tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_bytes())
    Draft202012Validator(json_version_1.schema()).validate(document)
