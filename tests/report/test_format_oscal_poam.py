"""report.oscal-poam.json: trestle loads it, and its items are what is open in the view."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook

from orgaudit.model import GLOBAL, Finding, Gap, GapReason, Severity, Status
from orgaudit.report.formats import fedramp_poam, oscal_ar, oscal_poam
from orgaudit.report.formats.oscal.items import with_ids
from orgaudit.report.viewing import viewing
from orgaudit.report.weaknesses import weaknesses
from orgaudit.store.run import Run
from tests.report import hostile
from tests.report.oscal_documents import assessment_results, of_type, only, plan_of_action, props
from tests.report.small import ACTIVE, REGISTER, Decided, decided, viewed
from tests.synthetic_run import account_id

PUBLIC = "s3_control_1_holds"


def written(run: Run, register: Decided, path: Path, **options: Any) -> dict[str, Any]:
    """Return the plan of a run with these decisions, as trestle reads it."""
    with viewed(run, register) as view:
        oscal_poam.write(view, path / "poam.json", **options)
    return plan_of_action(path / "poam.json")


def poam_id(item: dict[str, Any]) -> str:
    """Return FedRAMP's id of an item."""
    [found] = [each["value"] for each in item["props"] if each["name"] == "POAM-ID"]
    return str(found)


def test_the_items_of_the_demo_are_its_weaknesses_and_the_causes_of_what_was_not_assessed(
    demo_run: Run, tmp_path: Path
) -> None:
    with viewing(demo_run) as view:
        oscal_poam.write(view, tmp_path / "poam.json")
        document = plan_of_action(tmp_path / "poam.json")
        found = weaknesses(view.connection)
        assert [poam_id(item) for item in document["poam-items"]] == [
            *("/".join(filter(None, (each.control, each.exception_id))) for each in found),
            *(name for name, _ in with_ids(view.causes)),
        ]
        assert view.causes
        items = [item for item in document["poam-items"] if "counted" in props(item)]
        assert sum(int(props(item)["counted"]) for item in items) == view.summary.counts.failed
        assert len({props(item)["control"] for item in items}) == sum(bool(it.counts.failed) for it in view.controls)
        severities = [Severity(props(item)["severity"]).rank for item in items if "exception" not in props(item)]
        assert severities == sorted(severities, reverse=True)
    risks = {risk["uuid"]: risk for risk in document["risks"]}
    assert len(risks) == len(document["poam-items"])
    for item in document["poam-items"]:
        [risk] = item["related-risks"]
        assert risks[risk["risk-uuid"]]["related-observations"] == item["related-observations"]
        assert risks[risk["risk-uuid"]]["title"] == item["title"]


def test_every_asset_that_fails_is_a_subject_of_its_item(small: Run, tmp_path: Path) -> None:
    document = written(small, REGISTER, tmp_path)
    inventory = {each["uuid"]: each["props"][0]["value"] for each in document["local-definitions"]["inventory-items"]}
    observations = {each["uuid"]: each for each in document["observations"]}
    found = {
        (poam_id(item), inventory[subject["subject-uuid"]])
        for item in document["poam-items"]
        for each in item["related-observations"]
        for subject in observations[each["observation-uuid"]]["subjects"]
        if subject["type"] == "inventory-item"
    }
    with viewing(small) as view:
        assert found == {
            ("/".join(filter(None, (finding.control, finding.exception_id))), finding.resource)
            for finding in view.exported("status = 'FAIL'")
        }


def test_an_exception_in_force_and_what_it_does_not_cover_are_items_of_their_own(small: Run, tmp_path: Path) -> None:
    document = written(small, REGISTER, tmp_path)
    items = {poam_id(item): item for item in document["poam-items"]}
    risks = {risk["uuid"]: risk for risk in document["risks"]}
    covered, uncovered = items[f"{PUBLIC}/EXC-2026-0001"], items[PUBLIC]
    states = {name: risks[item["related-risks"][0]["risk-uuid"]] for name, item in items.items()}
    assert states[f"{PUBLIC}/EXC-2026-0001"]["status"] == "deviation-approved"
    assert states[f"{PUBLIC}/EXC-2026-0001"]["deadline"] == "2026-12-31T23:59:59Z"
    assert states[PUBLIC]["status"] == "open"
    assert covered["remarks"].startswith(
        "Accepted until 2026-12-31 by exception EXC-2026-0001 (Accepted until fixed, 1)"
    )
    assert "remarks" not in uncovered
    assert items["ec2_control_4_holds/EXC-2026-0002"]["remarks"].startswith(
        "Exception EXC-2026-0002 (Accepted until fixed, 2) expired on 2026-08-20, 42 days ago"
    )
    assert states["ec2_control_4_holds/EXC-2026-0002"]["status"] == "open"


@pytest.mark.parametrize(
    ("kind", "deviation"),
    [
        ("operational_requirement", [("operational-requirement", "approved")]),
        ("vendor_dependency", [("vendor-dependency", "tracking")]),
        ("false_positive", []),
        ("risk_acceptance", []),
    ],
)
def test_the_kinds_of_deviation_that_fedramp_knows_are_named_and_nothing_is_a_false_positive(
    small: Run, tmp_path: Path, kind: str, deviation: list[tuple[str, str]]
) -> None:
    result = REGISTER.result
    entries = tuple(msgspec.structs.replace(entry, type=kind) for entry in result.entries)
    register = Decided(msgspec.structs.replace(result, entries=entries), REGISTER.apply)
    risks = written(small, register, tmp_path)["risks"]
    fedramp = {
        risk["status"]: [(it["name"], it["value"]) for it in risk.get("props", ()) if "fedramp" in it.get("ns", "")]
        for risk in risks
    }
    assert fedramp["deviation-approved"] == deviation
    assert fedramp["open"] == []


def test_the_causes_of_what_was_not_assessed_are_investigated_and_say_how_to_fix_it(small: Run, tmp_path: Path) -> None:
    document = written(small, REGISTER, tmp_path)
    with viewing(small) as view:
        causes = dict(with_ids(view.causes))
    risks = {risk["uuid"]: risk for risk in document["risks"]}
    found = {poam_id(item): item for item in document["poam-items"] if poam_id(item).startswith("NOT-ASSESSED/")}
    assert set(found) == set(causes)
    assert {cause.reason for cause in causes.values()} == {"ACCOUNT_UNAVAILABLE", "DENIED"}
    for name, item in found.items():
        risk = risks[item["related-risks"][0]["risk-uuid"]]
        assert risk["status"] == "investigating"
        assert "deadline" not in risk
        assert risk["remediations"][0]["description"] == oscal_text(causes[name].fix)
        assert props(risk)["evaluations"] == str(causes[name].evaluations)


def oscal_text(text: str) -> str:
    """Return a text as OSCAL's markup has it, for the texts of this test."""
    return text.replace("`", "\\`").replace("[", "\\[").replace("]", "\\]").replace("<", "\\<")


def test_the_causes_keep_their_ids_unless_two_have_the_same_reason_and_actions(small: Run) -> None:
    with viewed(small, decided()) as view:
        cause, *_ = view.causes
    other = msgspec.structs.replace(cause, accounts=("999999999999",), example="another")
    [(alone, _)] = with_ids([cause])
    assert [name for name, _ in with_ids([other])] == [alone]
    together = [name for name, _ in with_ids([cause, other])]
    assert len({alone, *together}) == 3


def test_a_run_in_which_nothing_is_open_has_one_item_that_says_so(small: Run, tmp_path: Path) -> None:
    document = written(only(small, Status.PASS), decided(), tmp_path)
    [item] = document["poam-items"]
    assert poam_id(item) == "NOTHING-OPEN"
    assert item["description"] == "Nothing fails on 2026-10-01. Complete."
    assert "risks" not in document
    assert "related-risks" not in item


def test_a_run_that_saw_nothing_does_not_say_that_nothing_is_open(small: Run, tmp_path: Path) -> None:
    def unseen(findings: Iterable[Finding]) -> Iterable[Finding]:
        yield from (finding for finding in findings if finding.status is not Status.FAIL)

    document = written(small, decided(unseen), tmp_path)
    names = [poam_id(item) for item in document["poam-items"]]
    assert names
    assert all(name.startswith("NOT-ASSESSED/") for name in names)


def test_the_risks_and_observations_are_those_of_the_assessment_results(small: Run, tmp_path: Path) -> None:
    plan = written(small, REGISTER, tmp_path)
    with viewing(small) as view:
        oscal_ar.write(view, tmp_path / "ar.json")
    [result] = assessment_results(tmp_path / "ar.json")["results"]
    assert [risk for risk in plan["risks"] if risk["status"] != "investigating"] == result["risks"]
    assert of_type(plan["observations"], "finding") == of_type(result["observations"], "finding")


def test_the_same_run_makes_the_same_bytes_and_the_next_one_the_same_items(small: Run, tmp_path: Path) -> None:
    first = written(small, REGISTER, tmp_path)
    once = (tmp_path / "poam.json").read_bytes()
    assert written(small, REGISTER, tmp_path) == first
    assert (tmp_path / "poam.json").read_bytes() == once
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), run_id="2026-q4"))
    second = written(small, REGISTER, tmp_path)
    assert second["uuid"] == first["uuid"]
    assert [item["uuid"] for item in second["poam-items"]] == [item["uuid"] for item in first["poam-items"]]
    assert [risk["uuid"] for risk in second["risks"]] == [risk["uuid"] for risk in first["risks"]]


def test_hostile_names_stay_text(hostile_run: Run, tmp_path: Path) -> None:
    covering = msgspec.structs.replace(ACTIVE, owner=hostile.hostile("Ann"))

    def mark(findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            yield msgspec.structs.replace(finding, exception=covering if finding.status is Status.FAIL else None)

    document = written(hostile_run, Decided(hostile.REGISTER.result, mark), tmp_path)
    items = [item for item in document["poam-items"] if "exception" in props(item)]
    assert items
    for item in items:
        assert item["title"].startswith('\\=1+"')
        assert 'by exception EXC-2026-0001 (=1+"title' in item["remarks"]
        assert "\\<b>" in item["remarks"]
        assert not {"\n", "\0", "\x1b"} & set(item["remarks"])
    assert all(risk["status"] == "deviation-approved" for risk in document["risks"] if "exception" in props(risk))


def test_the_resources_past_the_limit_are_counted(small: Run, tmp_path: Path) -> None:
    document = written(small, REGISTER, tmp_path, most_listed=1)
    failing = of_type(document["observations"], "finding")
    assert sum(len(each["subjects"]) - 1 for each in failing) == 1
    left = sum(int(props(each).get("not-listed", "0")) for each in failing)
    assert left == sum(int(props(each)["findings"]) for each in failing) - 1
    none = written(small, REGISTER, tmp_path, most_listed=0)
    assert "inventory-items" not in none["local-definitions"]


def test_what_of_the_organization_was_not_read_is_an_item_and_nothing_is_called_open_beside_it(
    small: Run, tmp_path: Path
) -> None:
    run = only(small, Status.PASS)
    denied = [
        Gap(account_id(number), GLOBAL, "organizations:ListTagsForResource", GapReason.DENIED, f"not allowed {number}")
        for number in (1, 0)
    ]
    other = Gap(account_id(0), GLOBAL, "organizations:ListPolicies", GapReason.THROTTLED, "slow down")
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), discovery_gaps=(*denied, other)))
    document = written(run, decided(), tmp_path)
    found = {item["title"]: item for item in document["poam-items"] if item["title"].startswith("Not read")}
    assert set(found) == {"Not read: organizations:ListTagsForResource", "Not read: organizations:ListPolicies"}
    tags = found["Not read: organizations:ListTagsForResource"]
    assert tags["description"].startswith("not allowed 0\n\nAllow organizations:ListTagsForResource in the audit role")
    assert poam_id(tags).startswith("NOT-ASSESSED/DENIED/")
    assert "NOTHING-OPEN" not in {poam_id(item) for item in document["poam-items"]}
    risks = {risk["uuid"]: risk for risk in document["risks"]}
    assert risks[tags["related-risks"][0]["risk-uuid"]]["status"] == "investigating"
    with viewed(run, decided()) as view:
        fedramp_poam.write(view, tmp_path / "poam.xlsx")
    sheet = load_workbook(tmp_path / "poam.xlsx")["Open POA&M Items"]
    assert {str(row[0]) for row in sheet.iter_rows(6, values_only=True)} >= {poam_id(item) for item in found.values()}
