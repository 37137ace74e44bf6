"""report.prowler.ocsf.json: what DefectDojo and Prowler Cloud make of it, and py-ocsf-models key by key."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from orgaudit.model import Finding, Status
from orgaudit.report.formats import FORMATS, ocsf_prowler
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from tests.report.hostile import REGISTER as HOSTILE_REGISTER
from tests.report.small import REGISTER, decided, store, viewed
from tests.report.test_format_ocsf import Event, lost
from tests.synthetic_run import account_id

SEVERITIES = {"Critical": 5, "High": 4, "Medium": 3, "Low": 2}


@dataclass(frozen=True)
class Imported:
    """What DefectDojo keeps of one event."""

    unique_id: str
    title: str
    severity: str
    on: date
    component: str
    description: str
    mitigation: str
    impact: str | None
    references: str


def import_in_defectdojo(path: Path) -> list[Imported]:
    """Return what DefectDojo's `AWS Prowler V3` makes of a file, which it takes by the end of its name.

    Only failures are kept, and none that is muted; one id is one finding. Severities are DefectDojo's own five.
    """
    assert path.name.endswith(".ocsf.json")
    kept: dict[str, Imported] = {}
    for event in json.loads(path.read_bytes()):
        if event["status_code"].upper() != "FAIL" or event["status"] == "Suppressed":
            continue
        resource, unmapped = event["resources"][0], event["unmapped"]
        standards = " | ".join(f"{name}:{','.join(ids)}" for name, ids in unmapped["compliance"].items())
        severity = event["severity"].capitalize()
        assert severity in {"Info", "Low", "Medium", "High", "Critical"}
        account, service = event["cloud"]["account"]["uid"], resource["group"]["name"]
        facts = (event["status_detail"], event["finding_info"]["desc"], account, resource["region"], service)
        assert event["finding_info"]["uid"] not in kept
        kept[event["finding_info"]["uid"]] = Imported(
            unique_id=event["finding_info"]["uid"],
            title=textwrap.shorten(event["status_detail"], 150),
            severity=severity,
            on=date.fromisoformat(event["time_dt"][:10]),
            component=resource["uid"] or resource["name"],
            description="\n".join([*facts, resource["type"], standards]),
            mitigation=event["remediation"].get("desc", ""),
            impact=event.get("risk_details"),
            references=f"{event['remediation'].get('references', '')}\n{unmapped.get('related_url', '')}",
        )
    return list(kept.values())


def refused_by_prowler_cloud(events: list[Event]) -> list[str]:
    """Return why Prowler Cloud would refuse events, by its list of required fields and accepted values."""
    problems = []
    for event in events:
        uid = event["finding_info"]["uid"]
        checks = {
            "class": event["class_uid"] == 2004,
            "code": bool(event["metadata"]["event_code"]),
            "provider": event["cloud"]["provider"] == "aws",
            "account": len(event["cloud"]["account"]["uid"]) == 12,
            "uid": bool(uid),
            "resource": all(resource["uid"] for resource in event["resources"]),
            "status": event["status_code"] in {"PASS", "FAIL", "MANUAL"},
            "severity": event["severity"].lower() in {"critical", "high", "medium", "low", "informational"},
            "time": datetime.fromisoformat(event["time_dt"]).timestamp() // 1 == event["time"],
        }
        problems += [f"{uid}: {name}" for name, holds in checks.items() if not holds]
    uids = Counter(event["finding_info"]["uid"] for event in events)
    return problems + [uid for uid, count in uids.items() if count > 1]


def events_of(view: View, path: Path) -> list[Event]:
    ocsf_prowler.write(view, path)
    found: list[Event] = json.loads(path.read_bytes())
    return found


def assert_known(event: Event) -> None:
    assert not list(lost(at_utc(event), DetectionFinding(**event).model_dump(mode="json")))
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"] == 200401
    assert event["type_name"] == f"{event['class_name']}: {event['activity_name']}"
    assert SEVERITIES[event["severity"]] == event["severity_id"]
    assert {"New": 1, "Suppressed": 3}[event["status"]] == event["status_id"]


def at_utc(event: Event) -> Event:
    """Return the event with times as pydantic writes those in UTC."""
    info = event["finding_info"]
    times = {name: event["time_dt"].replace("+00:00", "Z") for name in ("time_dt", "created_time_dt")}
    changed: dict[str, Any] = {"time_dt": times["time_dt"]}
    return event | changed | {"finding_info": info | {"created_time_dt": times["created_time_dt"]}}


def test_the_demo_is_imported_with_the_views_open_findings(demo_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.prowler.ocsf.json"
    with viewing(demo_run) as view:
        events = events_of(view, path)
        judged = view.connection.execute(
            "SELECT fingerprint, status FROM findings WHERE status <> 'NOT_APPLICABLE'"
        ).fetchall()
        open_findings = list(view.listed("open"))
    for event in events:
        assert_known(event)
    assert not refused_by_prowler_cloud(events)
    assert [(event["finding_info"]["uid"], event["unmapped"]["status"]) for event in events] == judged
    imported = import_in_defectdojo(path)
    assert [each.unique_id for each in imported] == [each.fingerprint for each in open_findings]
    for each, finding in zip(imported, open_findings, strict=True):
        assert each.severity.lower() == finding.severity
        assert (each.component, each.on) == (finding.resource, finding.assessed_at.date())
        assert each.mitigation == finding.remedy
        assert finding.title[:100] in each.title
        for part in (finding.account_id, finding.region, finding.reason):
            assert part in each.description
        if finding.command:
            assert repr([finding.command]) in each.references


def test_hostile_names_are_accepted_and_imported(hostile_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.prowler.ocsf.json"
    with viewed(hostile_run, HOSTILE_REGISTER) as view:
        events = events_of(view, path)
        findings = {each.fingerprint: each for each in view.exported(ocsf_prowler.JUDGED)}
    assert len(events) == len(findings) > 0
    for event in events:
        assert_known(event)
        assert findings[event["finding_info"]["uid"]].reason in event["status_detail"]
    assert not refused_by_prowler_cloud(events)
    assert import_in_defectdojo(path)


@pytest.mark.parametrize(
    ("status", "code"),
    [(Status.PASS, "PASS"), (Status.FAIL, "FAIL"), (Status.NOT_ASSESSED, "MANUAL"), (Status.MANUAL, "MANUAL")],
)
def test_what_was_not_assessed_is_for_a_person(small: Run, tmp_path: Path, status: Status, code: str) -> None:
    (event,) = of_one(small, tmp_path, status=status)
    assert (event["status_code"], event["unmapped"]["status"], event["severity"]) == (code, status, "Critical")


def test_what_does_not_apply_is_left_out(small: Run, tmp_path: Path) -> None:
    assert of_one(small, tmp_path, status=Status.NOT_APPLICABLE) == []


def of_one(run: Run, directory: Path, **changes: Any) -> list[Event]:
    """Return the events of a run of one critical finding, with these changes."""
    first, *others = run.read_manifest().accounts
    critical = next(each for each in run.findings(first.id) if each.severity == "critical")
    write_lines(run.findings_path(first.id), [msgspec.structs.replace(critical, **changes)])
    for other in others:
        write_lines(run.findings_path(other.id), [])
    with viewed(run, decided()) as view:
        return events_of(view, directory / "out.json")


def test_each_field_is_where_the_dialect_has_it(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    account = manifest.accounts[0]
    chosen: Finding = next(each for each in small.findings(account.id) if each.severity == "critical")
    record = next(each for each in manifest.controls if each.id == chosen.control)
    changes = {"resource": "arn:aws:s3:::shop", "resource_tags": {"app": "shop"}, "due_on": date(2026, 9, 16)}
    (event,) = of_one(small, tmp_path, status=Status.FAIL, reason="it is public", **changes)
    moment = chosen.assessed_at.astimezone(UTC)
    assert (event["time"], event["time_dt"]) == (int(moment.timestamp()), moment.isoformat())
    assert event["message"] == event["status_detail"] == f"{chosen.title}: it is public (shop)"
    assert event["risk_details"] == event["finding_info"]["desc"] == record.rationale
    assert event["finding_info"]["types"] == [
        "Software and Configuration Checks/Industry and Regulatory Standards/CIS AWS Foundations 4.0.0"
    ]
    assert event["unmapped"]["compliance"] == {"cis_4.0": [each.id for each in chosen.requirements]}
    assert (event["unmapped"]["due_on"], event["unmapped"]["counted"]) == ("2026-09-16", True)
    (resource,) = event["resources"]
    assert (resource["uid"], resource["name"], resource["labels"]) == ("arn:aws:s3:::shop", "shop", ["app:shop"])
    assert (resource["group"], resource["cloud_partition"]) == ({"name": record.service}, "aws")
    assert event["metadata"]["event_code"] == chosen.control
    assert (event["cloud"]["provider"], event["cloud"]["account"]["uid"]) == ("aws", account.id)


def test_exceptions_mute_while_they_cover(small: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.prowler.ocsf.json"
    with viewed(small, REGISTER) as view:
        events = events_of(view, path)
    (covered,) = (event for event in events if event["status"] == "Suppressed")
    assert (covered["status_code"], covered["unmapped"]["exception_id"]) == ("FAIL", "EXC-2026-0001")
    assert covered["unmapped"]["notes"].startswith("Exception EXC-2026-0001 of Ann Example accepts this until 2026-12")
    imported = {each.unique_id for each in import_in_defectdojo(path)}
    assert covered["finding_info"]["uid"] not in imported
    expired = [event for event in events if event["unmapped"].get("exception_id") == "EXC-2026-0002"]
    assert expired
    assert {event["finding_info"]["uid"] for event in expired} <= imported


def test_repetitions_are_marked(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        events = events_of(view, tmp_path / "out.json")
        repeated = [each.fingerprint for each in view.listed("NOT counted AND status <> 'NOT_APPLICABLE'")]
    marked = [event for event in events if not event["unmapped"]["counted"]]
    assert [event["finding_info"]["uid"] for event in marked] == repeated
    assert account_id(0) not in {event["cloud"]["account"]["uid"] for event in marked}
    assert marked


def test_the_same_bytes_again_and_nothing_is_an_empty_list(small: Run, tmp_path: Path) -> None:
    store(small, REGISTER)
    for name in ("first.json", "second.json"):
        with viewing(small) as view:
            ocsf_prowler.write(view, tmp_path / name)
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
        write_lines(small.cells_path(account.id), [])
    with viewed(small, decided()) as view:
        assert events_of(view, tmp_path / "empty.json") == []


def test_importers_take_the_file_by_its_name() -> None:
    assert FORMATS["ocsf-prowler"].file.endswith(".ocsf.json")
    assert FORMATS["ocsf-prowler"].file != FORMATS["ocsf"].file
