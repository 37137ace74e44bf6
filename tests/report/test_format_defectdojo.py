"""DefectDojo's Generic Findings Import takes report.defectdojo.json, and every field says what the view says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.model import EntryState, Finding, GapReason, Status
from orgaudit.report.formats import FORMATS, defectdojo
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from tests.report import hostile, parts
from tests.report import small as few
from tests.report.parts import Kept, Seen
from tests.report.small import viewed
from tests.synthetic_run import account_id, build

REQUIRED = {"title", "severity", "description"}
ALLOWED = REQUIRED | {
    *("date", "cwe", "cve", "cvssv3", "cvssv3_score", "mitigation", "impact", "steps_to_reproduce"),
    *("severity_justification", "references", "active", "verified", "false_p", "out_of_scope", "risk_accepted"),
    *("under_review", "is_mitigated", "thread_id", "mitigated", "numerical_severity", "param", "payload", "line"),
    *("file_path", "component_name", "component_version", "static_finding", "dynamic_finding", "scanner_confidence"),
    *("unique_id_from_tool", "vuln_id_from_tool", "sast_source_object", "sast_sink_object", "sast_source_line"),
    *("sast_source_file_path", "nb_occurences", "publish_date", "service", "planned_remediation_date"),
    *("planned_remediation_version", "effort_for_fixing", "tags"),
}
"""The keys of dojo/tools/generic/json_parser.py; it refuses a file that has another one."""
TEXTS = {
    **dict.fromkeys(("description", "mitigation", "impact", "steps_to_reproduce", "references"), None),
    "severity_justification": None,
    "title": 511,
    "component_name": 500,
    "unique_id_from_tool": 500,
    "vuln_id_from_tool": 500,
    "service": 200,
    "effort_for_fixing": 99,
}
"""The columns of the model Finding that hold text, with the most characters that the database takes."""
FLAGS = ("active", "verified", "risk_accepted", "false_p", "out_of_scope", "is_mitigated")


def imported(path: Path) -> list[dict[str, Any]]:
    """Return the findings of a file, refused as DefectDojo's parser, model and database refuse them."""
    report = json.loads(path.read_bytes())
    assert set(report) <= {"name", "type", "version", "findings"}
    assert len(report["version"]) <= 100
    return [_checked(item) for item in report["findings"]]


def _checked(item: dict[str, Any]) -> dict[str, Any]:
    assert set(item) >= REQUIRED, f"Required fields are missing: {sorted(REQUIRED - set(item))}"
    assert set(item) <= ALLOWED, f"Not allowed fields are present: {sorted(set(item) - ALLOWED)}"
    assert item["severity"] in {"Info", "Low", "Medium", "High", "Critical"}
    for name in {"date", "planned_remediation_date"} & set(item):
        assert date.fromisoformat(item[name]).isoformat() == item[name]
    for name in set(FLAGS) & set(item):
        assert isinstance(item[name], bool)
    for name, limit in TEXTS.items():
        if name in item:
            assert isinstance(item[name], str)
            assert "\0" not in item[name]
            assert limit is None or len(item[name]) <= limit
    for tag in item["tags"]:
        assert not set(" ,'\"\0") & set(tag), f"Invalid tag: {tag!r}"
        assert 0 < len(tag) <= 255
    return item


def written(view: View, path: Path) -> list[dict[str, Any]]:
    defectdojo.write(view, path / "report.defectdojo.json")
    return imported(path / "report.defectdojo.json")


@contextmanager
def of(path: Path, seen: Sequence[Seen], kept: Sequence[Kept] = ()) -> Iterator[list[dict[str, Any]]]:
    run = parts.written(path, (("Ann <ann@example.org>", "Root/Payments"), ("", "Root/Claims")), seen, kept=kept)
    with viewing(run) as view:
        yield written(view, path)


def tags(item: dict[str, Any]) -> dict[str, str]:
    return dict(tag.split(":", 1) for tag in item["tags"])


def test_the_demo_is_imported_with_the_figures_of_the_view(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        items = written(view, tmp_path)
        counts, opened = view.summary.counts, msgspec.structs.asdict(view.summary.open)
        rows = Counter(found.status for found in view.exported())
        fingerprints = {found.fingerprint for found in view.exported("status IN ('FAIL', 'NOT_ASSESSED')")}
    assert {item["unique_id_from_tool"] for item in items} == fingerprints
    assert len(items) == rows["FAIL"] + rows["NOT_ASSESSED"] == len(fingerprints)
    once = [item for item in items if "repeats" not in tags(item)]
    assert sum(item["risk_accepted"] for item in once) == counts.covered > 0
    unseen = [item for item in once if item["severity"] == "Info" and not item["out_of_scope"]]
    assert len(unseen) == counts.not_assessed > 0
    severities = Counter(item["severity"].lower() for item in once if item["active"] and item["severity"] != "Info")
    assert severities == {name: count for name, count in opened.items() if count}
    assert {item["effort_for_fixing"] for item in items if "effort_for_fixing" in item} == {"Low", "Medium", "High"}


def test_each_finding_has_a_hash_of_its_own_in_defectdojo(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        items = written(view, tmp_path)
    hashed = {(item["title"].lower(), item["description"], item["service"]) for item in items}
    assert len(hashed) == len(items)


def test_hostile_names_are_imported(hostile_run: Run, tmp_path: Path) -> None:
    with viewed(hostile_run, hostile.REGISTER) as view:
        items = written(view, tmp_path)
        assert len(items) == sum(1 for _ in view.exported("status IN ('FAIL', 'NOT_ASSESSED')"))
    assert all("&lt;" not in item["title"] and "<b>" in item["title"] for item in items)
    assert all("\n" not in tag for item in items for tag in item["tags"])


def test_the_same_view_gives_the_same_bytes(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        defectdojo.write(view, tmp_path / "one.json")
        defectdojo.write(view, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_failure_has_every_field(tmp_path: Path) -> None:
    with of(tmp_path, [Seen(name="a", owner="Ann <ann@example.org>")]) as [item]:
        assert item == {
            "title": "Promise 0 is kept",
            "severity": "Critical",
            "description": (
                "Control control0 in account 700000000000 (accountname0x, Root/Payments), region eu-central-1."
                "\n\nResource: arn:aws:s3:::a-bucket"
            ),
            "date": "2026-09-22",
            "active": True,
            "verified": False,
            "risk_accepted": False,
            "out_of_scope": False,
            "impact": "It matters.",
            "mitigation": (
                "Turn it on here.\n\n    aws s3 turn-on a-bucket\n\nEverywhere: Turn it on for all."
                "\n\nPrevent it: Deny turning it off."
            ),
            "steps_to_reproduce": 'Seen at 2026-10-01 06:00 UTC: a-reason\n\n{"seen":"a-evidence"}',
            "severity_justification": "The control's severity is critical.",
            "references": "cis_4.0 1.1",
            "component_name": "arn:aws:s3:::a-bucket",
            "service": "s3",
            "unique_id_from_tool": parts.print_of(Seen(name="a")),
            "vuln_id_from_tool": "control0",
            "planned_remediation_date": "2026-10-04",
            "tags": [
                *("status:fail", "account:700000000000", "unit:Root/Payments", "region:eu-central-1"),
                "owner:Ann_<ann@example.org>",
            ],
        }


def test_a_failure_under_an_exception_in_force_is_an_accepted_risk_and_not_a_false_positive(tmp_path: Path) -> None:
    seen = [Seen(name="a", exception="EXC-1")]
    with of(tmp_path, seen, [Kept(name="EXC-1", owner="Bo <bo@example.org>")]) as [item]:
        assert (item["risk_accepted"], item["active"], item["severity"]) == (True, False, "Critical")
        assert not {"false_p", "is_mitigated", "mitigated"} & set(item)
        said = "Exception EXC-1 of Bo <bo@example.org> accepts this until 2026-12-31; it still fails."
        assert item["description"].endswith(said)
        assert item["severity_justification"] == said
        assert {"exception:EXC-1", "exception-state:active", "expires:2026-12-31", "owner:unassigned"} <= {
            *item["tags"]
        }


def test_a_failure_whose_exception_ended_is_active_again_and_named(tmp_path: Path) -> None:
    seen = [Seen(name="a", exception="EXC-1")]
    with of(tmp_path, seen, [Kept(name="EXC-1", owner="Bo", state=EntryState.EXPIRED)]) as [item]:
        assert (item["risk_accepted"], item["active"]) == (False, True)
        assert "EXC-1 of Bo ended on 2026-12-31 and accepts this no longer." in item["description"]
        assert tags(item)["exception-state"] == "expired"


def test_what_was_not_assessed_is_informational_with_how_to_make_it_assessable(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        items = [item for item in written(view, tmp_path) if item["severity"] == "Info"]
        assert len(items) == view.summary.counts.not_assessed
    (closed, *_) = [item for item in items if tags(item)["account"] == account_id(3)]
    assert closed["title"].startswith("Not assessed: ")
    assert closed["mitigation"] == GapReason.ACCOUNT_UNAVAILABLE.remediation("sts:AssumeRole")
    assert "nothing is known of it here" in closed["severity_justification"]
    assert "effort_for_fixing" not in closed
    assert tags(closed)["status"] == "not-assessed"
    assert all(item["active"] and not item["risk_accepted"] for item in items)


def test_what_the_settings_accept_as_not_audited_is_out_of_scope(small: Run, tmp_path: Path) -> None:
    account = account_id(3)
    found = [msgspec.structs.replace(each, accepted=True) for each in small.findings(account)]
    write_lines(small.findings_path(account), found)
    with viewed(small, few.REGISTER) as view:
        items = [item for item in written(view, tmp_path) if tags(item)["account"] == account]
        assert len(items) == view.summary.counts.accepted > 0
    assert all(item["out_of_scope"] and not item["active"] and not item["risk_accepted"] for item in items)
    assert all("accept that this region is not audited" in item["severity_justification"] for item in items)


@pytest.mark.parametrize("status", [Status.PASS, Status.NOT_APPLICABLE, Status.MANUAL])
def test_what_neither_fails_nor_was_unseen_is_not_written(status: Status, tmp_path: Path) -> None:
    with of(tmp_path, [Seen(name="a", status=status), Seen(name="b")]) as items:
        assert [item["component_name"] for item in items] == ["arn:aws:s3:::b-bucket"]


def test_a_shared_resource_is_marked_where_another_finding_counts_it(tmp_path: Path) -> None:
    with of(tmp_path, [Seen(name="a"), Seen(name="a", account=1, home=0)]) as (own, other):
        assert "inherited-from" not in tags(own)
        assert (tags(other)["inherited-from"], tags(other)["repeats"]) == (parts.number(0), "shared-resource")
        assert "the resource is of account 700000000000" in other["description"]


def test_the_effort_is_that_of_the_control(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    efforts = ("S", "M", "L", "", "")
    controls = tuple(msgspec.structs.replace(c, effort=e) for c, e in zip(manifest.controls, efforts, strict=True))
    small.write_manifest(msgspec.structs.replace(manifest, controls=controls))
    with viewed(small, few.REGISTER) as view:
        items = written(view, tmp_path)
    shown = {item["vuln_id_from_tool"]: item.get("effort_for_fixing") for item in items if item["severity"] != "Info"}
    expected = dict(zip((c.id for c in controls), ("Low", "Medium", "High", None, None), strict=True))
    assert shown == {control: expected[control] for control in shown}
    assert set(shown.values()) == {"Low", "Medium", "High", None}


def test_a_long_name_is_cut_to_what_the_database_takes(small: Run, tmp_path: Path) -> None:
    def long(found: Finding) -> Finding:
        return msgspec.structs.replace(found, title="t" * 600, resource="r" * 600, ou_path="u" * 600)

    write_lines(small.findings_path(account_id(0)), [long(each) for each in small.findings(account_id(0))])
    with viewed(small, few.REGISTER) as view:
        items = [item for item in written(view, tmp_path) if item["title"].startswith("ttt")]
    assert items
    assert all(item["title"].endswith("600 characters in all]") for item in items)
    assert all(f"Resource: {'r' * 600}" in item["description"] for item in items)


def test_a_run_of_nothing_is_an_empty_report(tmp_path: Path) -> None:
    with viewed(build(tmp_path / "empty", accounts=1, regions=1, controls=0), few.decided()) as view:
        assert written(view, tmp_path) == []


def test_the_format_is_listed() -> None:
    assert FORMATS["defectdojo"].file == "report.defectdojo.json"
