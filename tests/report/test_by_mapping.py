"""What reports say of frameworks by mapping: parts with evidence, and never a rate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import msgspec
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.cli.summary import print_summary
from orgaudit.errors import ExitCode
from orgaudit.model import GLOBAL, Account, Cell, Status
from orgaudit.quarter.read_me import verdict
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.file.load import load_register
from orgaudit.report import json_document, json_version_1, xlsx
from orgaudit.report.evidence_parts import PartCounts, PartScore, PartState, counts_of
from orgaudit.report.figures import RequirementScore, RequirementStatus, StatusCounts
from orgaudit.report.framework_scores import by_mapping, framework_scores
from orgaudit.report.mapped import status_of, with_parts
from orgaudit.report.view import View
from orgaudit.settings.frameworks import Assessment, EvidencePart, Framework, Kind, Requirement
from orgaudit.settings.sections import RegisterSettings
from orgaudit.store.run import Run, write_lines
from tests.evidence.made import evidence_run, packed
from tests.register.making import register_file
from tests.report.small import AS_OF, Decided, decided, small_run, viewed
from tests.synthetic_run import account_id

FAILING, UNSEEN, PASSING = "cloudtrail_control_0_holds", "kms_control_3_holds", "iam_control_2_holds"
LEFT_OUT = "rds_control_left_out"
ALL = tuple(account_id(number) for number in range(4))


def part(title: str, *controls: str, manual: bool = False, needs: str = "") -> EvidencePart:
    assessment = Assessment.MANUAL if manual else Assessment.AUTOMATED
    return EvidencePart(title=title, assessment=assessment, controls=controls, needs=needs)


def by(name: str, *parts: EvidencePart) -> Requirement:
    controls = tuple(dict.fromkeys(control for each in parts for control in each.controls))
    automated = any(each.assessment is Assessment.AUTOMATED for each in parts)
    assessment = Assessment.AUTOMATED if automated else Assessment.MANUAL
    return Requirement(id=name, title=f"title of {name}", assessment=assessment, controls=controls, parts=parts)


MAPPING = Framework(
    id="own",
    title="Own",
    version="1",
    kind=Kind.MAPPING,
    requirements=(
        by(
            "five",
            part("passes", PASSING),
            part("fails", FAILING, PASSING),
            part("partly", PASSING, LEFT_OUT),
            part("unseen", LEFT_OUT),
            part("people", manual=True),
        ),
        by("good", part("one", PASSING), part("uncovered")),
        by("bare", part("nothing")),
        by("people", part("whole", manual=True)),
    ),
)


def let_pass(run: Run, control: str = PASSING) -> None:
    """Let a control pass once in every account."""
    for number in range(4):
        account = account_id(number)
        others = [cell for cell in run.cells(account) if cell.control != control]
        cell = Cell(
            account_id=account,
            account_name=f"account {number}",
            ou_path="Root",
            region=GLOBAL,
            control=control,
            status=Status.PASS,
            passed=1,
        )
        write_lines(run.cells_path(account), [*others, cell])


def registered(run: Run, *answers: tuple[str, str, tuple[str, ...]], path: Path | None = None) -> Decided:
    """The run by the mapping, with a register of these attestations: a requirement, a status, and accounts."""
    let_pass(run)
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), frameworks=(MAPPING,)))
    if path is None:
        return decided()
    entries = [
        {
            "id": f"ATT-2026-{number:04}",
            "requirement": f"own:{requirement}",
            "status": status,
            "accounts": list(accounts),
            "attested_by": "Ana",
            "attested_on": "2026-09-01",
            "evidence": ["minutes"],
            "expires_on": "2026-12-31",
        }
        for number, (requirement, status, accounts) in enumerate(answers, 1)
    ]
    register = load_register(register_file(path, attestations=entries), RegisterSettings())
    assert register.problems() == []
    return decided(attested=AppliedRegister(register, [Account(id=name, name=name) for name in ALL], AS_OF).attested())


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """The view of the run by the mapping, which tests only read."""
    run = small_run(tmp_path_factory.mktemp("viewed"))
    with viewed(run, registered(run)) as found:
        yield found


def scores(view: View) -> dict[str, RequirementScore]:
    return {score.id: score for score in view.requirements}


def states(score: RequirementScore) -> list[str]:
    return [each.state.value for each in score.parts]


def test_the_state_of_each_part(view: View) -> None:
    found = scores(view)
    assert states(found["five"]) == ["EVIDENCE", "FAIL", "PARTLY_SEEN", "NOT_SEEN", "MANUAL"]
    assert states(found["good"]) == ["EVIDENCE", "NOT_COVERED"]
    assert {name: score.status.value for name, score in found.items()} == {
        "five": "FAIL",
        "good": "EVIDENCE",
        "bare": "NOT_COVERED",
        "people": "MANUAL",
    }
    assert found["five"].evidence.words == (
        "1 of 5 parts have evidence, 1 fails, 1 was seen in part, 1 was not seen, 1 waits for an attestation"
    )
    assert [each.accounts_failing for each in found["five"].parts] == [0, 3, 0, 0, 0]


def test_a_framework_by_mapping_is_counted_in_parts_and_never_rated(view: View) -> None:
    [score] = framework_scores(view)
    assert (score.rate, score.rated.total) == (None, 0)
    assert score.why == (
        "2 of 9 parts have evidence, 1 fails, 1 was seen in part, 1 was not seen, 2 wait for attestations, "
        "2 are not covered"
    )
    assert view.summary.headline is None
    assert all(each.rated.counts.total == 0 for each in view.requirements)
    assert by_mapping(view) == (f"own: {score.why}",)


def test_an_account_that_was_not_seen_leaves_no_evidence(small: Run) -> None:
    register = registered(small)
    account = account_id(2)
    unseen = [
        msgspec.structs.replace(cell, status=Status.NOT_ASSESSED, passed=0, not_assessed=1)
        if cell.control == PASSING
        else cell
        for cell in small.cells(account)
    ]
    write_lines(small.cells_path(account), unseen)
    with viewed(small, register) as view:
        found = scores(view)["good"]
    assert (found.parts[0].state, found.parts[0].accounts_not_seen) == (PartState.PARTLY_SEEN, 1)
    assert found.status is RequirementStatus.NOT_ASSESSED


@pytest.mark.parametrize(
    ("status", "accounts", "state", "said"),
    [
        ("pass", ALL, "EVIDENCE", "EVIDENCE"),
        ("pass", ALL[:3], "MANUAL", "MANUAL"),
        ("fail", ALL[:1], "FAIL", "FAIL"),
        ("not_applicable", ALL, "NOT_APPLICABLE", "NOT_APPLICABLE"),
    ],
)
def test_people_answer_the_parts_that_controls_do_not(
    small: Run, status: str, accounts: tuple[str, ...], state: str, said: str
) -> None:
    answers = (("five", status, accounts), ("people", status, accounts))
    register = registered(small, *answers, path=small.path.parent)
    with viewed(small, register) as view:
        found = scores(view)
        effects = [each.effect for each in view.manual.attestations]
    assert states(found["five"]) == ["EVIDENCE", "FAIL", "PARTLY_SEEN", "NOT_SEEN", state]
    assert (states(found["people"]), found["people"].status.value) == ([state], said)
    assert [effect.split(" for ")[0] for effect in effects] == ["Answers 1 of 5 parts", "Answers 1 of 1 part"]


def test_what_controls_answer_is_not_attested(small: Run, tmp_path: Path) -> None:
    register = registered(small, ("good", "pass", ALL), path=tmp_path)
    with viewed(small, register) as view:
        [attestation] = view.manual.attestations
        assert states(scores(view)["good"]) == ["EVIDENCE", "NOT_COVERED"]
    assert attestation.effect == "Answers nothing: no part of it is left to people."


def test_no_report_has_a_percentage_of_it(view: View, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(view, [], ExitCode.FINDINGS)
    printed = {line[:11].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "%" not in printed["Rate"] + printed["By mapping"]
    assert "own: 2 of 9 parts have evidence" in printed["By mapping"]
    [said] = [line for line in verdict(view) if line.startswith("By mapping")]
    assert "%" not in said + verdict(view)[1]
    xlsx.write(view, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx", data_only=True)
    rows = list(book["Frameworks"].iter_rows(values_only=True))
    head = next(row for row in rows if row and "Requirement" in row)
    body = [dict(zip(head, row, strict=True)) for row in rows if row and row[0] == "own"]
    assert len(body) == len(MAPPING.requirements)
    assert {row["Pass rate"] for row in body} | {row["Pass rate with exceptions"] for row in body} == {"–"}  # noqa: RUF001
    assert str(body[0]["Evidence"]).startswith("1 of 5 parts have evidence, 1 fails")
    assert not [cell for row in body for cell in row.values() if isinstance(cell, str) and "%" in cell]
    page = [str(cell) for row in book["Summary"].iter_rows(values_only=True) for cell in row if cell is not None]
    [shown] = [cell for cell in page if "2 of 9 parts have evidence" in cell]
    assert "%" not in shown


def test_json_counts_parts_and_rates_nothing(view: View, tmp_path: Path) -> None:
    json_document.write(view, tmp_path / "report.json")
    document: dict[str, Any] = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    jsonschema.Draft202012Validator(json_document.schema()).validate(document)
    [framework] = document["frameworks"]
    assert (framework["kind"], framework["evidence"]["total"], framework["evidence"]["evidence"]) == ("mapping", 9, 2)
    five = framework["requirements"][0]
    assert [each["state"] for each in five["parts"]] == ["EVIDENCE", "FAIL", "PARTLY_SEEN", "NOT_SEEN", "MANUAL"]
    for requirement in framework["requirements"]:
        figures = [requirement[key]["share"] for key in ("rate", "with_exceptions")]
        assert [*figures, requirement["pass_rate"], requirement["pass_rate_with_exceptions"]] == [None] * 4
    assert document["summary"]["headline"] is None
    json_version_1.write(view, tmp_path / "first.json")
    first: dict[str, Any] = msgspec.json.decode((tmp_path / "first.json").read_bytes())
    jsonschema.Draft202012Validator(json_version_1.schema()).validate(first)
    assert first["summary"]["requirements"] == []


def test_an_evidence_pack_shows_the_parts(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), frameworks=(MAPPING,)))
    pack = packed(run, tmp_path / "evidence.zip", "own:five")
    document = pack.document("own:five")
    assert [each["title"] for each in document["parts"]] == ["passes", "fails", "partly", "unseen", "people"]
    assert document["conclusion"] == "FAIL"
    text = pack.text("own:five")
    assert f"By mapping: {counts_of(msgspec.convert(document['parts'], list[PartScore])).words}" in " ".join(
        text.split()
    )
    assert "Part 2: FAIL, fails in " in text
    assert "Answered by: people, who attest the requirement" in " ".join(text.split())
    assert "%" not in text[: text.index("Population")]


CONTROLS, ACCOUNTS = ("a", "b", "c"), ("1", "2")
STATUSES = ("PASS", "FAIL", "NOT_ASSESSED", "NOT_APPLICABLE", "MANUAL", "ACCEPTED")
cells = st.dictionaries(st.tuples(st.sampled_from(CONTROLS), st.sampled_from(ACCOUNTS)), st.sampled_from(STATUSES))


def judged(controls: frozenset[str], found: dict[tuple[str, str], str]) -> PartState:
    """Return the state of a part by reading its cells one by one."""
    if not controls:
        return PartState.NOT_COVERED
    seen = {control: [found.get((control, account), "ABSENT") for account in ACCOUNTS] for control in controls}
    every = [status for statuses in seen.values() for status in statuses]
    if "FAIL" in every:
        return PartState.FAIL
    answers = {"PASS", "NOT_APPLICABLE"}
    answered = [control for control, statuses in seen.items() if answers & {*statuses}]
    if not answered:
        return PartState.NOT_SEEN
    if len(answered) < len(controls) or {"NOT_ASSESSED", "ABSENT"} & {*every}:
        return PartState.PARTLY_SEEN
    return PartState.EVIDENCE if "PASS" in every else PartState.NOT_APPLICABLE


def computed(controls: frozenset[str], found: dict[tuple[str, str], str]) -> PartScore:
    """Return the state of a part by the tables of a run."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE accounts AS SELECT unnest($1) AS id", [list(ACCOUNTS)])
        connection.execute(
            "CREATE TABLE coverage (control VARCHAR, account_id VARCHAR, status VARCHAR, passed INTEGER, "
            "failed INTEGER, not_assessed INTEGER, accepted INTEGER)"
        )
        for (control, account), status in found.items():
            shown = "NOT_ASSESSED" if status == "ACCEPTED" else status
            counts = [int(status == name) for name in ("PASS", "FAIL", "NOT_ASSESSED", "ACCEPTED")]
            connection.execute("INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?, ?)", [control, account, shown, *counts])
        connection.execute(
            "CREATE TABLE requirements AS SELECT 'own' AS framework, 'R' AS id, 'mapping' AS kind, "
            "[{'title': 'part', 'assessment': 'automated', 'controls': $1::VARCHAR[]}] AS parts",
            [sorted(controls)],
        )
        [score] = with_parts(connection, [SCORE])
    [found_part] = score.parts
    return found_part


SCORE = RequirementScore(
    framework="own",
    id="R",
    title="R",
    section="",
    level=None,
    assessment="automated",
    controls=(),
    status=RequirementStatus.MANUAL,
    counts=StatusCounts(),
    accounts_failing=0,
    accounts_not_assessed=0,
    accounts_passing=0,
    accounts_not_applicable=0,
)


@given(st.frozensets(st.sampled_from(CONTROLS)), cells)
def test_the_state_of_a_part_is_what_a_reader_of_its_cells_finds(
    controls: frozenset[str], found: dict[tuple[str, str], str]
) -> None:
    assert computed(controls, found).state is judged(controls, found)


@given(st.lists(st.sampled_from(PartState), min_size=1, max_size=8))
def test_the_counts_add_up_and_nothing_passes_that_was_not_seen(found: list[PartState]) -> None:
    counts = counts_of(PartScore(title="t", assessment="automated", controls=(), state=state) for state in found)
    assert sum(getattr(counts, name) for name in PartCounts.__struct_fields__ if name != "total") == counts.total
    assert counts.total == len(found)
    said = status_of(counts)
    assert (said is RequirementStatus.FAIL) is (PartState.FAIL in found)
    if said is RequirementStatus.EVIDENCE:
        assert PartState.EVIDENCE in found
        assert not {PartState.NOT_SEEN, PartState.PARTLY_SEEN, PartState.MANUAL, PartState.FAIL} & {*found}
    assert said is not RequirementStatus.PASS
    numbers = [int(number) for number in re.findall(r"\d+", counts.words)]
    assert sum(numbers) - counts.total == counts.total
    assert "%" not in counts.words
