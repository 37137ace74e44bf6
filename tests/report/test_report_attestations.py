"""What people attest shows in every report, and never hides what the run found."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import msgspec
import openpyxl
import pytest

from orgaudit.model import Account
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.file.load import load_register
from orgaudit.report import json_document, xlsx
from orgaudit.report.figures import RequirementScore
from orgaudit.report.view import View
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.settings.sections import RegisterSettings
from orgaudit.store.register_result import Attested
from orgaudit.store.run import Run
from tests.register.making import register_file
from tests.report.small import AS_OF, Decided, decided, viewed
from tests.synthetic_run import account_id

ALL = tuple(account_id(number) for number in range(4))
REQUIREMENTS = (
    Requirement(id="left", title="left", assessment=Assessment.MANUAL, controls=("cloudtrail_control_0_holds",)),
    Requirement(id="bare", title="bare", assessment=Assessment.MANUAL),
    Requirement(id="judged", title="judged", assessment=Assessment.AUTOMATED, controls=("cloudtrail_control_0_holds",)),
)


def attested(path: Path, *answers: tuple[str, str, tuple[str, ...]], expires_on: str = "2026-12-31") -> Attested:
    """Each answer is a requirement, a status and the accounts that it is for."""
    entries = [
        {
            "id": f"ATT-2026-{number:04}",
            "requirement": f"own:{requirement}",
            "status": status,
            "accounts": list(accounts),
            "attested_by": "=Ana",
            "attested_on": "2026-09-01",
            "evidence": ["minutes"],
            "expires_on": expires_on,
        }
        for number, (requirement, status, accounts) in enumerate(answers, 1)
    ]
    file = register_file(path, attestations=entries)
    register = load_register(file, RegisterSettings())
    assert register.problems() == []
    return AppliedRegister(register, [Account(id=name, name=name) for name in ALL], AS_OF).attested()


def registered(run: Run, said: Attested) -> Decided:
    framework = Framework(id="own", title="Own", version="1", requirements=REQUIREMENTS)
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), frameworks=(framework,)))
    return decided(attested=said)


def scores(view: View) -> dict[str, RequirementScore]:
    return {score.id: score for score in view.requirements}


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([("bare", "pass", ALL)], "PASS"),
        ([("bare", "pass", ALL[:3])], "MANUAL"),
        ([("bare", "pass", ALL[:3]), ("bare", "not_applicable", ALL[3:])], "PASS"),
        ([("bare", "not_applicable", ALL)], "NOT_APPLICABLE"),
        ([("bare", "pass", ALL[:2]), ("bare", "fail", ALL[2:3])], "FAIL"),
    ],
)
def test_a_manual_requirement_is_what_people_say(
    small: Run, tmp_path: Path, answers: list[tuple[str, str, tuple[str, ...]]], status: str
) -> None:
    with viewed(small, registered(small, attested(tmp_path, *answers))) as view:
        score = scores(view)["bare"]
        counts = [accounts for _, _, accounts in answers]
        assert str(score.status) == status
        assert score.accounts_failing + score.accounts_passing + score.accounts_not_applicable == sum(map(len, counts))
        assert str(scores(view)["left"].status) == "MANUAL"


def test_a_lapsed_attestation_leaves_the_requirement_manual(small: Run, tmp_path: Path) -> None:
    said = attested(tmp_path, ("bare", "pass", ALL), expires_on="2026-09-30")
    with viewed(small, registered(small, said)) as view:
        assert str(scores(view)["bare"].status) == "MANUAL"
        assert view.manual.answers == ()
        assert [score.effect for score in view.manual.attestations] == ["Answers nothing: it is expired."]


def test_nobody_attests_what_the_run_decides(small: Run, tmp_path: Path) -> None:
    with viewed(small, registered(small, attested(tmp_path, ("judged", "pass", ALL)))) as view:
        assert str(scores(view)["judged"].status) == "FAIL"
        assert view.manual.answers == ()
        assert view.manual.attestations[0].effect == "Answers nothing: the run itself found FAIL."


def test_a_requirement_that_the_run_does_not_ask_for_is_told(small: Run, tmp_path: Path) -> None:
    with viewed(small, registered(small, attested(tmp_path, ("gone", "pass", ALL)))) as view:
        assert "is not part of the run" in view.manual.attestations[0].effect


def test_a_pass_that_findings_contradict_is_told(small: Run, tmp_path: Path) -> None:
    with viewed(small, registered(small, attested(tmp_path, ("left", "pass", ALL)))) as view:
        (score,) = view.manual.attestations
        assert score.contradicted == ALL[:3]
        assert "findings fail in 3 of 4 accounts" in score.effect
        assert scores(view)["left"].counts.failed == 3


def test_reports_name_who_says_what_until_when(small: Run, tmp_path: Path) -> None:
    said = attested(tmp_path, ("bare", "pass", ALL[:1]))
    with viewed(small, registered(small, said)) as view:
        json_document.write(view, tmp_path / "report.json")
        xlsx.write(view, tmp_path / "report.xlsx")
    document = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    jsonschema.validate(document, json_document.schema())
    (answer,) = document["attestations"]["answers"]
    assert answer == {
        "id": "ATT-2026-0001",
        "requirement": "own:bare",
        "account_id": ALL[0],
        "status": "pass",
        "attested_by": "=Ana",
        "attested_on": "2026-09-01",
        "expires_on": "2026-12-31",
    }
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx")["Manual review"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert any(row[:4] == ["ATT-2026-0001", "own:bare", "active", "pass"] for row in rows)
    shown = next(row for row in rows if row[0] == ALL[0])
    assert (shown[2], shown[4]) == ("PASS", "=Ana")
    assert str(shown[6]).startswith("2026-12-31")


def test_without_attestations_there_is_no_sheet(small: Run, tmp_path: Path) -> None:
    with viewed(small, registered(small, Attested())) as view:
        xlsx.write(view, tmp_path / "report.xlsx")
    assert "Manual review" not in openpyxl.load_workbook(tmp_path / "report.xlsx").sheetnames
