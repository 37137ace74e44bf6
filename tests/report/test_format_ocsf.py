"""report.ocsf.json: accepted key by key by py-ocsf-models, and each field where the schema wants it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.objects.cloud import Cloud

from orgaudit.model import Account, Finding, OrganizationRecord, Status
from orgaudit.report.formats import FORMATS, ocsf
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from tests.report.hostile import REGISTER as HOSTILE_REGISTER
from tests.report.small import REGISTER, decided, small_run, store, viewed
from tests.synthetic_run import TRAIL_CONTROL, account_id

Event = dict[str, Any]

LACKING = {"cloud", "compliance.status"}
"""Attributes of the schema that this class of py-ocsf-models leaves out: the cloud profile's, and a caption."""

CAPTIONS = {
    "activity": {1: "Create", 2: "Update"},
    "severity": {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"},
    "status": {1: "New", 3: "Suppressed"},
    "compliance": {0: "Unknown", 1: "Pass", 2: "Warning", 3: "Fail", 99: "Not Applicable"},
}
"""The schema's ids with their captions; Other is named by its source."""


def events_of(view: View, path: Path) -> list[Event]:
    ocsf.write(view, path)
    found: list[Event] = json.loads(path.read_bytes())
    return found


def lost(given: Any, parsed: Any, place: str = "") -> Iterator[str]:
    """Yield where what a model holds is not what it was given."""
    if isinstance(given, dict) and isinstance(parsed, dict):
        for key, value in given.items():
            yield from lost(value, parsed.get(key), f"{place}.{key}" if place else key)
    elif isinstance(given, list) and isinstance(parsed, list) and len(given) == len(parsed):
        for value, other in zip(given, parsed, strict=True):
            yield from lost(value, other, place)
    elif given != parsed:
        yield place


def assert_known(event: Event) -> None:
    """Assert that the models know each key, keep each value, and that ids and captions belong together."""
    assert set(lost(event, ComplianceFinding(**event).model_dump(mode="json"))) == LACKING
    assert not list(lost(event["cloud"], Cloud(**event["cloud"]).model_dump(mode="json")))
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["type_name"] == f"{event['class_name']}: {event['activity_name']}"
    assert event["activity_name"] == CAPTIONS["activity"][event["activity_id"]]
    assert event["severity"] == CAPTIONS["severity"][event["severity_id"]]
    assert event["status"] == CAPTIONS["status"][event["status_id"]]
    (check,) = event["compliance"]["checks"]
    for part in (event["compliance"], check):
        assert part["status"] == CAPTIONS["compliance"][part["status_id"]]
    assert check["severity"] == CAPTIONS["severity"][check["severity_id"]]


@pytest.fixture(scope="module")
def small_events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """The events of the small run, which tests only read."""
    path = tmp_path_factory.mktemp("small")
    with viewed(small_run(path), REGISTER) as view:
        return events_of(view, path / "out.json")


def of(events: list[Event], control: str, account: int, region: str) -> Event:
    """Return the event of one control, account and region."""
    (found,) = (
        event
        for event in events
        if event["metadata"]["event_code"] == control
        and event["cloud"]["account"]["uid"] == account_id(account)
        and event["cloud"]["region"] == region
    )
    return found


def test_the_demo_is_accepted_key_by_key_and_shows_the_views_figures(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        events = events_of(view, tmp_path / "report.ocsf.json")
        rows = view.connection.execute("SELECT fingerprint, status, open, covered FROM findings").fetchall()
    assert len(events) == view.findings_total > 5000
    for event in events:
        assert_known(event)
    assert [
        (each["finding_info"]["uid"], each["status_code"], each["unmapped"]["open"], each["unmapped"]["covered"])
        for each in events
    ] == rows
    counted = Counter(event["compliance"]["status"] for event in events if event["unmapped"]["counted"])
    counts = view.summary.counts
    assert counted == {
        "Pass": counts.passed,
        "Fail": counts.failed,
        "Unknown": counts.not_assessed + counts.accepted,
        "Not Applicable": counts.not_applicable,
        "Warning": counts.manual,
    }
    assert len({event["metadata"]["uid"] for event in events}) == len(events)


def test_hostile_names_are_accepted_and_stay_the_text_that_they_are(hostile_run: Run, tmp_path: Path) -> None:
    with viewed(hostile_run, HOSTILE_REGISTER) as view:
        events = events_of(view, tmp_path / "out.json")
        findings = [each.finding for each in view.findings()]
    assert len(events) == len(findings) > 0
    for event, finding in zip(events, findings, strict=True):
        assert_known(event)
        assert event["status_detail"] == finding.reason
        assert event["resources"][0]["uid"] == finding.resource
        assert event["cloud"]["account"]["name"] == finding.account_name
        assert event["cloud"]["org"]["ou_name"] == finding.ou_path


def test_one_event_a_line_and_the_same_bytes_again(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        events = events_of(view, tmp_path / "first.json")
    with viewed(small, REGISTER) as view:
        ocsf.write(view, tmp_path / "second.json")
    text = (tmp_path / "first.json").read_bytes()
    assert text == (tmp_path / "second.json").read_bytes()
    first, *lines, last = text.decode().splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.removesuffix(",")) for line in lines] == events


def test_what_is_said_of_an_open_finding(small: Run, tmp_path: Path) -> None:
    def one(finding: Finding) -> Finding:
        return msgspec.structs.replace(
            finding,
            resource="arn:aws:s3:::shop/logs",
            resource_tags={"app": "shop", "env": "live"},
            owner="Ann Example <Ann@Example.com>",
            first_seen=date(2026, 9, 1),
            due_on=date(2026, 9, 16),
            reopened=2,
            evidence={"deep": [{"a": None}]},
        )

    account = small.read_manifest().accounts[0]
    chosen = next(each for each in small.findings(account.id) if each.status is Status.FAIL)
    write_lines(small.findings_path(account.id), [one(chosen)])
    for other in small.read_manifest().accounts[1:]:
        write_lines(small.findings_path(other.id), [])
    manifest = small.read_manifest()
    ids = {"ou_ids": ("r-1", "ou-2"), "tags": {"environment": "live"}}
    accounts = tuple(msgspec.structs.replace(each, **ids) for each in manifest.accounts)
    small.write_manifest(msgspec.structs.replace(manifest, accounts=accounts))
    record = next(each for each in manifest.controls if each.id == chosen.control)
    with viewed(small, REGISTER) as view:
        (event,) = events_of(view, tmp_path / "out.json")
    began, seen = datetime(2026, 9, 1, tzinfo=UTC), chosen.assessed_at
    assert event["time"] == int(seen.timestamp()) * 1000
    assert (event["activity_id"], event["status_code"], event["status_detail"]) == (2, "FAIL", chosen.reason)
    assert event["message"] == f"{chosen.title}: {chosen.reason}"
    assert event["metadata"] == {
        "version": OCSF_VERSION,
        "product": {"name": "orgaudit", "uid": "orgaudit", "vendor_name": "orgaudit", "version": manifest.tool_version},
        "profiles": ["cloud"],
        "uid": f"{manifest.run_id}:2026-10-01:{chosen.fingerprint}",
        "event_code": chosen.control,
        "correlation_uid": manifest.run_id,
        "tenant_uid": manifest.organization.id if manifest.organization else None,
    }
    info = event["finding_info"]
    assert (info["uid"], info["title"], info["desc"]) == (chosen.fingerprint, chosen.title, record.rationale)
    assert info["created_time"] == info["first_seen_time"] == int(began.timestamp()) * 1000
    assert info["last_seen_time"] == info["modified_time"] == event["time"]
    assert (info["analytic"]["uid"], info["analytic"]["type"]) == (chosen.control, "Rule")
    assert info["data_sources"] == list(record.actions)
    requirements = [f"{each.framework} {each.id}" for each in chosen.requirements]
    assert event["compliance"]["control"] == chosen.control
    assert event["compliance"]["standards"] == ["CIS AWS Foundations 4.0.0"]
    assert event["compliance"]["requirements"] == requirements
    person = {"uid": account.id, "name": account.name, "type_id": 10, "type": "AWS Account"}
    assert event["resources"] == [
        {
            "uid": "arn:aws:s3:::shop/logs",
            "name": "logs",
            "type": chosen.resource_type,
            "region": chosen.region,
            "cloud_partition": "aws",
            "group": {"name": record.service},
            "owner": {
                "name": "Ann Example",
                "uid": "ann@example.com",
                "type_id": 0,
                "type": "Unknown",
                "email_addr": "ann@example.com",
                "account": person,
            },
            "labels": ["app:shop", "env:live"],
        }
    ]
    assert event["cloud"] == {
        "provider": "AWS",
        "account": person | {"labels": ["environment:live"]},
        "org": {"uid": event["metadata"]["tenant_uid"], "ou_name": "Root", "ou_uid": "ou-2"},
        "region": chosen.region,
    }
    assert event["evidences"] == [{"data": {"deep": [{"a": None}]}}]
    paths = chosen.remediation
    assert paths is not None
    assert event["remediation"]["desc"].startswith(paths.asset.text)
    assert event["unmapped"] == {
        "family": chosen.family or chosen.control,
        "open": True,
        "covered": False,
        "counted": True,
        "accepted": False,
        "reopened": 2,
        "due_on": "2026-09-16",
        "remediation": {
            **({"command": paths.asset.command} if paths.asset.command else {}),
            "service_wide": paths.service_wide.text,
            "preventive": paths.preventive.text,
        },
    }
    assert "comment" not in event


def test_the_command_stands_below_what_to_do(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        events = events_of(view, tmp_path / "out.json")
        listed = {each.fingerprint: each for each in view.listed("remediation IS NOT NULL")}
    assert {event["finding_info"]["uid"] for event in events if "remediation" in event} == set(listed)
    with_command = [event for event in events if "command" in event["unmapped"].get("remediation", {})]
    assert with_command
    for event in with_command:
        finding = listed[event["finding_info"]["uid"]]
        assert event["remediation"]["desc"] == f"{finding.remedy}\n{finding.command}"


@pytest.mark.parametrize(
    ("status", "compliance", "severity"),
    [
        (Status.PASS, (1, "Pass"), "Informational"),
        (Status.FAIL, (3, "Fail"), "Critical"),
        (Status.NOT_ASSESSED, (0, "Unknown"), "Critical"),
        (Status.MANUAL, (2, "Warning"), "Critical"),
        (Status.NOT_APPLICABLE, (99, "Not Applicable"), "Informational"),
    ],
)
def test_only_a_pass_is_a_pass(
    small: Run, tmp_path: Path, status: Status, compliance: tuple[int, str], severity: str
) -> None:
    account = small.read_manifest().accounts[0]
    critical = [each for each in small.findings(account.id) if each.severity == "critical"]
    write_lines(small.findings_path(account.id), [msgspec.structs.replace(critical[0], status=status)])
    with viewed(small, decided()) as view:
        event = next(each for each in events_of(view, tmp_path / "out.json") if is_of(each, account))
    assert_known(event)
    assert (event["compliance"]["status_id"], event["compliance"]["status"]) == compliance
    assert (event["status_code"], event["severity"]) == (status, severity)
    assert event["compliance"]["checks"][0]["severity"] == "Critical"


def is_of(event: Event, account: Account) -> bool:
    return bool(event["cloud"]["account"]["uid"] == account.id)


def test_what_was_not_assessed_says_why(small_events: list[Event]) -> None:
    event = of(small_events, TRAIL_CONTROL, 3, "eu-central-1")
    assert event["compliance"]["status_id"] == 0
    assert event["status_detail"] == "sts:AssumeRole: account unavailable"
    assert event["unmapped"]["gap_reason"] == "ACCOUNT_UNAVAILABLE"
    assert event["unmapped"]["gap_action"] == "sts:AssumeRole"


def test_a_covered_failure_is_a_suppressed_failure_and_an_expired_exception_covers_nothing(
    small_events: list[Event],
) -> None:
    (covered,) = (event for event in small_events if event["status"] == "Suppressed")
    assert covered["compliance"]["status"] == "Fail"
    assert covered["status_code"] == "FAIL"
    assert (covered["unmapped"]["open"], covered["unmapped"]["covered"]) == (False, True)
    assert covered["unmapped"]["exception"] == {
        "id": "EXC-2026-0001",
        "owner": "Ann Example",
        "expires_on": "2026-12-31",
        "state": "active",
        "days_overdue": 0,
    }
    assert covered["comment"] == "Exception EXC-2026-0001 of Ann Example accepts this until 2026-12-31; it still fails."
    expired = [event for event in small_events if event["unmapped"].get("exception", {}).get("state") == "expired"]
    assert expired
    for event in expired:
        assert (event["status"], event["compliance"]["status"], event["unmapped"]["open"]) == ("New", "Fail", True)
        assert event["comment"].endswith("of Bob Example ended on 2026-08-20 and accepts this no longer.")
        assert event["unmapped"]["exception"]["days_overdue"] == 42


def test_a_repetition_names_where_the_resource_lives_and_is_not_counted(small_events: list[Event]) -> None:
    inherited = [event for event in small_events if "inherited_from" in event["unmapped"]]
    assert inherited
    for event in inherited:
        assert event["unmapped"]["inherited_from"] == account_id(0) != event["cloud"]["account"]["uid"]
        assert event["unmapped"]["counted"] is False


def test_without_an_organization_nothing_of_one_is_said(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    assert isinstance(manifest.organization, OrganizationRecord)
    for account in manifest.accounts:
        found = [msgspec.structs.replace(each, ou_path="") for each in small.findings(account.id)]
        write_lines(small.findings_path(account.id), found)
    small.write_manifest(msgspec.structs.replace(manifest, organization=None))
    with viewed(small, REGISTER) as view:
        events = events_of(view, tmp_path / "out.json")
    for event in events:
        assert_known(event)
        assert "tenant_uid" not in event["metadata"]
        assert "org" not in event["cloud"]


def test_a_run_without_findings_is_an_empty_list(small: Run, tmp_path: Path) -> None:
    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
        write_lines(small.cells_path(account.id), [])
    with viewed(small, decided()) as view:
        assert events_of(view, tmp_path / "out.json") == []


def test_it_is_a_format_of_the_command(small: Run) -> None:
    store(small, REGISTER)
    with viewing(small) as view:
        (path,) = FORMATS["ocsf"].write(view, small.results)
    assert path.name == "report.ocsf.json"
    assert len(json.loads(path.read_bytes())) == view.findings_total
