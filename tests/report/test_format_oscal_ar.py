"""report.oscal-ar.json: trestle loads it, and every part of it says what the view says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.model import EntryState, Finding, Gap, GapReason, Status
from orgaudit.report.figures import RegionScore, RequirementStatus
from orgaudit.report.formats import oscal_ar
from orgaudit.report.formats.oscal.people import _is_mail
from orgaudit.report.formats.oscal.requirements import nist_id
from orgaudit.report.formats.oscal.text import NOTHING, line, markup, paragraphs, token
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.report.weaknesses import weaknesses
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.register_result import Answer, AttestationRow, Attested, AttestedStatus
from orgaudit.store.run import Run, write_lines
from tests.report import hostile
from tests.report.oscal_documents import assessment_results, by_name, of_type, only, props
from tests.report.small import ACTIVE, REGISTER, Decided, decided, small_run, store, viewed
from tests.synthetic_run import STARTED, account_id

TRAIL, PUBLIC = "cloudtrail_control_0_holds", "s3_control_1_holds"


def written(run: Run, register: Decided, path: Path, **options: Any) -> dict[str, Any]:
    """Return the results of a run with these decisions, as trestle reads them."""
    with viewed(run, register) as view:
        oscal_ar.write(view, path / "ar.json", **options)
    return assessment_results(path / "ar.json")


def result_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the only result."""
    [found] = document["results"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def demo(demo_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterable[tuple[View, dict[str, Any]]]:
    """The demo's view and its results, as trestle reads them."""
    path = tmp_path_factory.mktemp("ar") / "report.oscal-ar.json"
    with viewing(demo_run) as view:
        oscal_ar.write(view, path)
        yield view, assessment_results(path)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of the small run with its register, which tests only read."""
    path = tmp_path_factory.mktemp("usual")
    return written(small_run(path), REGISTER, path)


def test_the_figures_of_the_demo_are_those_of_the_view(demo: tuple[View, dict[str, Any]]) -> None:
    view, document = demo
    result = result_of(document)
    figures, counts, issues = props(result), view.summary.counts, view.summary.issues
    assert {name: int(figures[name]) for name in ("passed", "failed", "covered", "open", "not-assessed", "manual")} == {
        "passed": counts.passed,
        "failed": counts.failed,
        "covered": counts.covered,
        "open": counts.open,
        "not-assessed": counts.not_assessed,
        "manual": counts.manual,
    }
    assert int(figures["open-issues"]) == issues.total
    assert figures["complete"] == "false"
    assert result["description"].startswith("INCOMPLETE: ")
    risks = result["risks"]
    counted = {
        status: sum(int(props(risk)["counted"]) for risk in risks if risk["status"] == status)
        for status in ("open", "deviation-approved")
    }
    assert counted == {"open": counts.open, "deviation-approved": counts.covered}
    failing = of_type(result["observations"], "finding")
    assert sum(int(props(each)["counted"]) for each in failing) == counts.failed
    assert sum(len(each["subjects"]) - 1 for each in failing) == counts.failed  # the demo's are all counted
    controls = of_type(result["observations"], "control-objective")
    assert sum(int(props(each)["passed"]) for each in controls) == counts.passed
    assert sum(int(props(each)["not-assessed"]) for each in controls) == counts.not_assessed


def test_every_requirement_is_satisfied_exactly_where_the_view_says_that_it_passes(
    demo: tuple[View, dict[str, Any]],
) -> None:
    view, document = demo
    findings = result_of(document)["findings"]
    found = {
        (props(each)["framework"], props(each)["requirement"]): (
            each["target"]["status"]["state"],
            each["target"]["status"]["reason"],
        )
        for each in findings
        if props(each)["framework"] != "orgaudit"
    }
    reasons = {RequirementStatus.PASS: ("satisfied", "pass"), RequirementStatus.FAIL: ("not-satisfied", "fail")}
    assert found == {
        (score.framework, score.id): reasons.get(score.status, ("not-satisfied", "other"))
        for score in view.requirements
    }
    assert {score.status for score in view.requirements} >= {RequirementStatus.FAIL, RequirementStatus.NOT_ASSESSED}
    selected = [
        each["control-id"]
        for selection in result_of(document)["reviewed-controls"]["control-selections"]
        for each in selection["include-controls"]
    ]
    assert len(selected) == len(set(selected)) == len(findings)
    assert {"ac-2.1", "ac-2", "fsbp-ec2.15", "cis_7.0-2.1.1"} <= set(selected)


def test_the_targets_are_objectives_of_nist_or_of_the_document_itself(demo: tuple[View, dict[str, Any]]) -> None:
    _, document = demo
    local = {part["id"] for each in document["local-definitions"]["objectives-and-methods"] for part in each["parts"]}
    [objectives] = result_of(document)["reviewed-controls"]["control-objective-selections"]
    named = {each["objective-id"] for each in objectives["include-objectives"]}
    targets = {each["target"]["target-id"] for each in result_of(document)["findings"]}
    assert targets == named
    assert all(each.partition("-")[0].isalpha() and len(each.partition("-")[0]) == 2 for each in targets - local)


def test_an_exception_in_force_is_a_deviation_until_its_last_day_and_an_expired_one_is_open(
    usual: dict[str, Any],
) -> None:
    result = result_of(usual)
    risks = {(props(risk)["control"], props(risk).get("exception", "")): risk for risk in result["risks"]}
    active, plain = risks[PUBLIC, "EXC-2026-0001"], risks[PUBLIC, ""]
    assert active["status"] == "deviation-approved"
    assert active["deadline"] == "2026-12-31T23:59:59Z"
    assert props(active)["exception-owner"] == "Ann Example"
    assert "Accepted until 2026-12-31 by exception EXC-2026-0001" in active["description"]
    assert [entry["status-change"] for entry in active["risk-log"]["entries"]] == ["deviation-approved"]
    [plan] = [each for each in active["remediations"] if each["lifecycle"] == "planned"]
    assert [task["timing"]["on-date"]["date"] for task in plan["tasks"]] == ["2026-12-31T23:59:59Z"]
    assert plain["status"] == "open"
    assert "exception" not in props(plain)
    [expired] = [risk for (_, exception), risk in risks.items() if exception == "EXC-2026-0002"]
    assert expired["status"] == "open"
    assert props(expired)["exception-overdue"] == "42"
    assert "EXC-2026-0002" in expired["description"]
    assert "expired on 2026-08-20, 42 days ago: it accepts nothing any more" in expired["description"]
    assert [(entry["status-change"], entry["start"][:10]) for entry in expired["risk-log"]["entries"]] == [
        ("open", "2026-08-21"),
        ("deviation-approved", "2026-01-01"),
    ]
    assert {
        facet["value"] for risk in (active, plain) for it in risk["characterizations"] for facet in it["facets"]
    } == {"critical"}


def test_a_failure_that_is_not_excepted_has_its_earliest_due_date_and_a_milestone_for_each(
    small: Run, tmp_path: Path
) -> None:
    days = {account_id(0): date(2026, 11, 1), account_id(1): date(2026, 10, 20), account_id(2): date(2026, 11, 1)}

    def dated(findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            due = days.get(finding.account_id) if finding.status is Status.FAIL else None
            yield msgspec.structs.replace(
                finding, due_on=due, first_seen=date(2026, 9, 1), owner="Ann <ann@example.com>"
            )

    document = written(small, decided(dated), tmp_path)
    [risk] = [risk for risk in result_of(document)["risks"] if props(risk)["control"] == TRAIL]
    assert risk["deadline"] == "2026-10-20T23:59:59Z"
    [plan] = [each for each in risk["remediations"] if each["lifecycle"] == "planned"]
    assert [(task["title"], task["timing"]["on-date"]["date"][:10]) for task in plan["tasks"]] == [
        ("Fix 1 finding in 1 account", "2026-10-20"),
        ("Fix 2 findings in 2 accounts", "2026-11-01"),
    ]
    parties = {party["uuid"]: party for party in document["metadata"]["parties"]}
    [owner] = {uuid for task in plan["tasks"] for each in task["responsible-roles"] for uuid in each["party-uuids"]}
    assert (parties[owner]["name"], parties[owner]["email-addresses"]) == ("Ann", ["ann@example.com"])


def test_a_shared_resource_is_one_asset_and_each_account_that_inherits_it_says_whose_it_is(
    usual: dict[str, Any],
) -> None:
    result = result_of(usual)
    [risk] = [risk for risk in result["risks"] if props(risk)["control"] == TRAIL]
    assert {name: props(risk)[name] for name in ("findings", "counted", "resources", "accounts")} == {
        "findings": "3",
        "counted": "1",
        "resources": "1",
        "accounts": "3",
    }
    failing = [each for each in of_type(result["observations"], "finding") if props(each)["control"] == TRAIL]
    subjects = [subject for each in failing for subject in each["subjects"][1:]]
    assert len({subject["subject-uuid"] for subject in subjects}) == 1
    assert sorted(props(subject).get("inherited-from", "") for subject in subjects) == [
        "",
        account_id(0),
        account_id(0),
    ]
    assert all("says fail" in subject["remarks"] for subject in subjects)
    [item] = [each for each in result["local-definitions"]["inventory-items"] if "organization" in str(each)]
    assert item["props"][0] == {"name": "asset-id", "value": subjects[0]["title"]}
    home = by_name(result["local-definitions"]["components"], "organizational-unit")["Root"]
    assert item["implemented-components"] == [{"component-uuid": home["uuid"]}]


def test_what_was_not_seen_is_an_observation_and_satisfies_nothing(usual: dict[str, Any]) -> None:
    result = result_of(usual)
    gaps = of_type(result["observations"], "not-assessed")
    suspended = by_name(gaps, "reason")["ACCOUNT_UNAVAILABLE"]
    accounts = {each["props"][0]["value"]: each["uuid"] for each in result["local-definitions"]["components"]}
    assert [subject["subject-uuid"] for subject in suspended["subjects"]] == [accounts[account_id(3)]]
    assert "Create the audit role" in suspended["description"] or "SUSPENDED" in suspended["description"]
    controls = by_name(of_type(result["observations"], "control-objective"), "control")
    statuses = {
        subject["subject-uuid"]: props(subject)["status"] for each in controls.values() for subject in each["subjects"]
    }
    assert statuses[accounts[account_id(3)]] == "NOT_ASSESSED"
    [manual] = [each for each in result["findings"] if props(each)["requirement"] == "9.9"]
    assert manual["target"]["status"]["state"] == "not-satisfied"
    assert manual["target"]["status"]["reason"] == "other"
    satisfied = [each for each in result["findings"] if each["target"]["status"]["state"] == "satisfied"]
    assert satisfied == []  # one account was never entered


def test_what_of_the_organization_was_not_read_and_accepted_regions_are_observations(
    small: Run, tmp_path: Path
) -> None:
    gap = Gap(account_id(0), "global", "organizations:ListTagsForResource", GapReason.DENIED, "not allowed")
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), discovery_gaps=(gap,)))
    with viewed(small, decided()) as view:
        regions = (RegionScore("ap-south-1", 3, 0, 2, 2), RegionScore("eu-west-1", 3, 3))
        oscal_ar.write(replace(view, regions=regions), tmp_path / "ar.json")
    gaps = of_type(result_of(assessment_results(tmp_path / "ar.json"))["observations"], "not-assessed")
    [unread] = [each for each in gaps if each["title"] == "Not read: organizations:ListTagsForResource"]
    assert unread["description"].startswith("not allowed\n\nAllow organizations:ListTagsForResource in the audit role")
    assert len(unread["subjects"]) == 1
    [accepted] = [each for each in gaps if each["title"].startswith("Accepted")]
    assert accepted["title"] == "Accepted as not audited: ap-south-1 in 2 accounts"
    assert props(accepted) == {"reason": "SCP_DENIED", "regions": "ap-south-1"}


def test_controls_that_no_requirement_names_are_objectives_of_their_own(small: Run, tmp_path: Path) -> None:
    run = only(small, Status.PASS)
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), frameworks=()))
    result = result_of(written(run, decided(), tmp_path))
    found = {props(each)["requirement"]: each["target"]["status"]["state"] for each in result["findings"]}
    assert found == {record.id: "satisfied" for record in run.read_manifest().controls}
    assert {each["target"]["target-id"] for each in result["findings"]} >= {f"orgaudit-{TRAIL}_obj"}


def test_an_attestation_satisfies_a_manual_requirement_and_is_in_the_results(small: Run, tmp_path: Path) -> None:
    row = AttestationRow(
        id="ATT-2026-0001",
        requirement="cis_4.0:9.9",
        state=EntryState.ACTIVE,
        attested_by="Carol Example <carol@example.com>",
        status="pass",
        subject="Everybody was trained",
        attested_on=date(2026, 9, 1),
        expires_on=date(2027, 9, 1),
        accounts=tuple(map(account_id, range(4))),
    )
    answers = {
        name: Answer(
            id=row.id,
            requirement=row.requirement,
            account_id=name,
            status=AttestedStatus.PASS,
            attested_by=row.attested_by,
            attested_on=date(2026, 9, 1),
            expires_on=date(2027, 9, 1),
        )
        for name in row.accounts
    }
    draft = msgspec.structs.replace(row, id="ATT-2026-0002", state=EntryState.EXPIRED)
    attested = Attested(rows=(row, draft), answers={"cis_4.0:9.9": answers})
    document = written(small, decided(attested=attested), tmp_path)
    [finding] = [each for each in result_of(document)["findings"] if props(each)["requirement"] == "9.9"]
    assert finding["target"]["status"] == {
        "state": "satisfied",
        "reason": "pass",
        "remarks": "Every control of it passed wherever it applies, or people attest it",
    }
    [attestation] = result_of(document)["attestations"]
    [part] = attestation["parts"]
    assert (props(part)["id"], props(part)["status"]) == ("ATT-2026-0001", "pass")
    assert part["prose"].startswith("Everybody was trained\n\nAnswers for 4 accounts.")
    [party] = [
        it
        for it in document["metadata"]["parties"]
        if it["uuid"] in attestation["responsible-parties"][0]["party-uuids"]
    ]
    assert party["email-addresses"] == ["carol@example.com"]


def test_what_does_not_apply_is_said_to_and_is_not_satisfied(small: Run, tmp_path: Path) -> None:
    run = only(small, Status.NOT_APPLICABLE)
    result = result_of(written(run, decided(), tmp_path))
    targets = {props(each)["requirement"]: each["target"] for each in result["findings"]}
    assert targets["1.1"]["implementation-status"] == {"state": "not-applicable"}
    assert targets["1.1"]["status"]["state"] == "not-satisfied"
    assert targets["1.1"]["status"]["reason"] == "other"
    assert "risks" not in result
    assert "inventory-items" not in result["local-definitions"]


def test_a_run_in_which_all_passes_has_no_risk(small: Run, tmp_path: Path) -> None:
    result = result_of(written(only(small, Status.PASS), decided(), tmp_path))
    assert "risks" not in result
    states = {props(each)["requirement"]: each["target"]["status"]["state"] for each in result["findings"]}
    assert states.pop("9.9") == "not-satisfied"
    assert set(states.values()) == {"satisfied"}


def test_a_run_without_findings_frameworks_and_coverage_is_still_loaded(small: Run, tmp_path: Path) -> None:
    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
        write_lines(small.cells_path(account.id), [])
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), frameworks=()))
    document = written(small, decided(), tmp_path)
    result = result_of(document)
    assert "observations" not in result
    assert {each["target"]["status"]["state"] for each in result["findings"]} == {"not-satisfied"}
    assert {props(each)["framework"] for each in result["findings"]} == {"orgaudit"}
    assert len(result["findings"]) == 5


def test_the_resources_past_the_limit_are_counted_and_the_others_are_the_worst(small: Run, tmp_path: Path) -> None:
    result = result_of(written(small, REGISTER, tmp_path, most_listed=3))
    failing = of_type(result["observations"], "finding")
    listed = [subject for each in failing for subject in each["subjects"][1:]]
    assert len(listed) == 3
    assert len(result["local-definitions"]["inventory-items"]) == 3
    total = sum(int(props(each)["findings"]) for each in failing)
    left = sum(int(props(each).get("not-listed", "0")) for each in failing)
    assert total == left + 3
    with viewing(small) as view:
        first = [finding.fingerprint for finding, _ in zip(view.exported("status = 'FAIL'"), range(3), strict=False)]
    assert sorted(first) == sorted(props(subject)["fingerprint"] for subject in listed)
    assert any("are not listed here" in each["description"] for each in failing)


def test_the_same_run_makes_the_same_bytes_and_its_risks_keep_their_ids(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        oscal_ar.write(view, tmp_path / "1.json")
        oscal_ar.write(view, tmp_path / "2.json")
        ids = [each.exception_id for each in weaknesses(view.connection)]
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    first = result_of(assessment_results(tmp_path / "1.json"))
    assert len(ids) == len(first["risks"])
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), run_id="2026-q4"))
    second = result_of(written(small, REGISTER, tmp_path))
    assert [risk["uuid"] for risk in second["risks"]] == [risk["uuid"] for risk in first["risks"]]
    assert {each["uuid"] for each in second["observations"]}.isdisjoint(each["uuid"] for each in first["observations"])


def test_times_are_those_of_the_run_and_the_plan_is_its_manifest(usual: dict[str, Any]) -> None:
    document = usual
    assert document["metadata"]["last-modified"].startswith("2026-10-01T")
    assert document["metadata"]["version"] == "2026-q3, as of 2026-10-01"
    assert result_of(document)["start"].startswith(STARTED.isoformat()[:19])
    resources = {each["uuid"]: each for each in document["back-matter"]["resources"]}
    plan = resources[document["import-ap"]["href"].removeprefix("#")]
    [link] = plan["rlinks"]
    assert link["href"] == "run.json"
    assert link["hashes"] == [{"algorithm": "SHA-256", "value": props(document["metadata"])["manifest-sha256"]}]


def test_hostile_names_stay_text(hostile_run: Run, tmp_path: Path) -> None:
    covering = msgspec.structs.replace(ACTIVE, owner=hostile.hostile("Ann"))

    def mark(findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            covered = finding.status is Status.FAIL and finding.account_id == account_id(1)
            yield msgspec.structs.replace(finding, exception=covering if covered else None)

    result = result_of(written(hostile_run, Decided(hostile.REGISTER.result, mark), tmp_path))
    accounts = result["local-definitions"]["components"]
    assert len(accounts) == 4
    for component in accounts:
        assert component["title"].startswith('\\=1+"account')
        assert "\\<b>" in component["title"]
        assert "\\&amp;" in component["title"]
        assert "␀␁␋␛\\[31m␡\ufffd\ufffd" in component["title"]
        assert not {"\n", "\0", "\x1b", "\ufffe"} & set(component["title"])
    statuses = {risk["status"] for risk in result["risks"]}
    assert statuses == {"open", "deviation-approved"}
    owners = {props(risk)["exception-owner"] for risk in result["risks"] if "exception-owner" in props(risk)}
    assert len(owners) == 1
    assert owners.pop().startswith('=1+"Ann')


def test_a_newer_register_is_a_later_modification(small: Run, tmp_path: Path) -> None:
    later = decided(entries=REGISTER.result.entries, apply=REGISTER.apply)
    source = msgspec.structs.replace(later.result.source, as_of=date(2026, 12, 24))
    store(small, Decided(msgspec.structs.replace(later.result, source=source), later.apply))
    with viewing(small) as view:
        oscal_ar.write(view, tmp_path / "ar.json")
    document = assessment_results(tmp_path / "ar.json")
    assert document["metadata"]["last-modified"] == "2026-12-24T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a b  ", "a b"),
        ("", NOTHING),
        (" \n ", NOTHING),
        ("a\r\nb\tc\x85d", "a b c d"),
        ("a\x00b", "a␀b"),
        ("\ufeffa", "\ufeffa"),
    ],
)
def test_a_string_of_oscal_is_one_line_without_white_space_at_its_ends(text: str, shown: str) -> None:
    assert line(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3_bucket_versioned", "s3_bucket_versioned"),
        ("_a_ *b* `c`", "\\_a\\_ \\*b\\* \\`c\\`"),
        ("<b>[x](y)", "\\<b>\\[x\\](y)"),
        ("a & b &lt; &#60;", "a & b \\&lt; \\&#60;"),
        ("# heading", "\\# heading"),
        ("{{ insert: param, x }}", "\\{{ insert: param, x }}"),
        ("C:\\x", "C:\\\\x"),
    ],
)
def test_markup_shows_a_text_as_it_is(text: str, shown: str) -> None:
    assert markup(text) == shown


def test_paragraphs_leave_out_what_is_empty() -> None:
    assert paragraphs("a\nb", "", " \n", "- c") == "a  \nb\n\n\\- c"
    assert paragraphs("") == NOTHING


def test_the_ids_of_controls_are_tokens() -> None:
    assert [nist_id(name) for name in ("AC-2", "AC-2(1)", "SC-7(21)")] == ["ac-2", "ac-2.1", "sc-7.21"]
    assert token("164.308(a)(1)(i)") == "164.308.a.1.i"
    assert token("GV.OC-01") == "gv.oc-01"


def test_requirements_that_differ_in_no_letter_or_digit_have_ids_of_their_own(small: Run, tmp_path: Path) -> None:
    alike = Framework(
        id="1 Ours!",
        title="Ours",
        version="1",
        requirements=tuple(
            Requirement(id=name, title=name, assessment=Assessment.MANUAL) for name in ("1(a)", "1.a", "Ä", "Ö")
        ),
    )
    manifest = small.read_manifest()
    small.write_manifest(msgspec.structs.replace(manifest, frameworks=(*manifest.frameworks, alike)))
    result = result_of(written(small, decided(), tmp_path))
    [selection] = [
        each for each in result["reviewed-controls"]["control-selections"] if props(each)["framework"] == "1 Ours!"
    ]
    found = [each["control-id"] for each in selection["include-controls"]]
    assert len(set(found)) == 4
    assert found[0] == "_1.ours-1.a"


@pytest.mark.parametrize(
    ("mail", "accepted"),
    [
        ("ann@example.com", True),
        ("ann@meridian.example", True),
        ("ann@corp.local", False),
        ("ann..b@example.com", False),
        ("ann@example", False),
        ("", False),
    ],
)
def test_only_mail_addresses_that_every_validator_accepts_are_addresses(mail: str, accepted: bool) -> None:
    assert _is_mail(mail) is accepted
