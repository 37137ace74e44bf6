import itertools
import random
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.cli import orgaudit
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.model import Severity, Status
from orgaudit.register.amendment import proposed
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import load_register
from orgaudit.register.names import KnownNames
from orgaudit.register.workbook import export, grammar, incoming
from orgaudit.register.workbook.columns import BASE_SHEET, HEADER_ROW, TABLES
from orgaudit.register.workbook.export import Computed
from orgaudit.register.workbook.incoming import Outcome, Rules
from orgaudit.register.workbook.instructions import Readers
from orgaudit.register.workbook.read import read
from orgaudit.settings import framework_files
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.sections import RegisterSettings
from orgaudit.spreadsheet.cells import read_sheets
from orgaudit.spreadsheet.text import fitted, stored
from tests import needs
from tests.register.making import fields, register_file
from tests.synthetic_run import build

ON = date(2025, 2, 1)
BY = "eve@example.com"
POLICY = RegisterSettings()
NAMES = KnownNames(
    controls=frozenset(catalogue()), frameworks=framework_files.load(PACKAGED), any_run=True, accept_unknown=True
)
REGISTER = """\
# kept by hand
time_zone: Europe/Paris

exceptions:
  - id: EXC-2025-0001
    title: The sandbox trail rests   # said twice
    type: compensating_control
    scope:
      controls: ["cis_2.0:3.4", 'regex:s3_(a|b){1,2}']
      ous: ["Root/Sales, EU"]
      account_tags: {"a=b": "x=y", stage: prod-*}
      regions: [eu-*]
      except:
        accounts: ["012345678901"]
    justification: "=1+1 is no formula"
    owner: Ana Silva <ana@example.com>
    requested_by: ana@example.com
    approved_by: jo@example.com
    approved_on: 2025-01-10
    ticket: "1234"
    starts_on: 2025-01-15
    expires_on: 2025-06-30
    compensating_controls:
      - Alarms in the lake
      - " odd\\n\\"item\\""
    milestones:
      - {title: "moved: half", due_on: 2025-03-01, done_on: 2025-02-20}
      - {title: moved, due_on: 2025-05-01}
    max_findings: 12
    history:
      - {when: 2025-01-08, who: ana@example.com, what: requested, why: the lake has taken over}
      - {when: 2025-01-10, who: jo@example.com, what: approved, why: seen}

  - id: EXC-2025-0002
    title: "-cmd _x0041_ <&> ü 🙂"
  - id: EXC-2025-0003
    title: Broken
    requested_by: ana@example.com
    typ: x
    expires_on: 31.03.2025

attestations:
  - id: ATT-2025-0001
    requirement: cis_2.0:1.1
    status: pass
    accounts: ["111122223333"]
    attested_by: ana@example.com
    attested_on: 2025-01-01
    expires_on: 2025-06-30
    evidence: [https://wiki.example.com/contacts]
"""


@pytest.fixture
def register(tmp_path: Path) -> Path:
    path = tmp_path / "exceptions.yaml"
    path.write_text(REGISTER)
    return path


def exported(register: Path, computed: dict[str, Computed] | None = None) -> Path:
    path = register.with_suffix(".xlsx")
    with path.open("wb") as file:
        export.write(file, RegisterEditor.open(register), computed or {}, ON)
    return path


def column_of(sheet: Worksheet, title: str) -> int:
    return next(number for number, cell in enumerate(sheet[HEADER_ROW], 1) if cell.value == title)


def row_of(sheet: Worksheet, name: str) -> int:
    return next(number for number, cell in enumerate(sheet["B"], 1) if cell.value == name)


def put(book: Workbook, name: str | int, title: str, value: object) -> str:
    """Write into the row of an id, or into a row by its number, and return the cell's name."""
    sheet = book["Attestations" if str(name).startswith("ATT") else "Exceptions"]
    cell = sheet.cell(name if isinstance(name, int) else row_of(sheet, name), column_of(sheet, title))
    cell.value = value  # type: ignore[assignment]  # any value is the point
    return f"{sheet.title}!{cell.coordinate}"


def edited(path: Path, edit: Callable[[Workbook], Any]) -> Any:
    book = load_workbook(path)
    told = edit(book)
    book.save(path)
    return told


def bring(
    path: Path, register: Path, *, on: date = ON, by: str = BY, longest: int = 365, names: KnownNames = NAMES
) -> Outcome:
    ledger = RegisterEditor.open(register)
    outcome = incoming.bring(read(path), ledger, Rules(by, on, lambda _: longest, names))
    ledger.save()
    return outcome


def refused(path: Path, register: Path, *words: str, by: str = BY, longest: int = 365) -> None:
    before = register.read_bytes()
    with pytest.raises(ConfigError) as caught:
        bring(path, register, by=by, longest=longest)
    for word in words:
        assert word in str(caught.value)
    assert register.read_bytes() == before


def new_row(book: Workbook) -> int:
    return row_of(book["Exceptions"], "EXC-2025-0003") + 1


def test_without_edits_nothing_is_written(register: Path) -> None:
    assert bring(exported(register), register) == Outcome()
    assert register.read_text() == REGISTER


def test_saved_by_another_program_without_edits_nothing_is_written(register: Path) -> None:
    path = exported(register, {"EXC-2025-0001": Computed("active", 149, 7)})
    edited(path, lambda book: None)
    assert bring(path, register) == Outcome()
    assert register.read_text() == REGISTER


def test_the_sheet_shows_what_people_need(register: Path) -> None:
    sheet = load_workbook(exported(register, {"EXC-2025-0001": Computed("active", 149, 7)}))["Exceptions"]
    shown = {cell.value: sheet.cell(4, number) for number, cell in enumerate(sheet[HEADER_ROW], 1)}
    assert [shown[key].value for key in ("State", "Days left", "Covers")] == ["active", 149, 7]
    assert shown["Last day"].value == datetime(2025, 6, 30, tzinfo=UTC).replace(tzinfo=None)
    assert shown["Last day"].is_date
    assert (shown["Justification"].value, shown["Justification"].data_type) == ("=1+1 is no formula", "s")
    assert shown["Justification"].quotePrefix
    assert shown["Covers controls"].value == "cis_2.0:3.4\nregex:s3_(a|b){1,2}"
    assert shown["Covers account tags"].value == '"a=b"=x=y\nstage=prod-*'
    assert shown["Milestones"].value == "2025-03-01 (done 2025-02-20): moved: half\n2025-05-01: moved"
    assert not shown["Title"].protection.locked
    assert [shown[key].protection.locked for key in ("ID", "State", "Approved by", "History")] == [True] * 4


def test_the_sheet_is_made_to_be_edited(register: Path) -> None:
    book = load_workbook(exported(register))
    sheet = book["Exceptions"]
    assert [it.title for it in book.worksheets] == ["Read me", "Exceptions", "Attestations", BASE_SHEET]
    assert [it.title for it in book.worksheets if it.sheet_state == "hidden"] == [BASE_SHEET]
    assert book.active is book["Read me"]
    assert sheet.column_dimensions["A"].hidden
    assert sheet.protection.sheet
    assert sheet.freeze_panes == "C4"
    assert sheet.auto_filter.ref.startswith("A3:")
    assert all(cell.comment is not None for cell in sheet[HEADER_ROW])
    kinds = {(it.type, it.formula1.split(",")[0]) for it in sheet.data_validations.dataValidation}
    assert {("list", '"risk acceptance'), ("list", '"pending'), ("list", '"low'), ("date", "36526")} <= kinds
    assert {kind for kind, _ in kinds} == {"list", "date", "whole"}


def shown_titles(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for cell in sheet[HEADER_ROW] if not dimension_of(sheet, cell.column).hidden]


def dimension_of(sheet: Worksheet, number: int | None) -> ColumnDimension:
    """Return the dimension that holds for a column: a file names one for several that are alike."""
    every = sheet.column_dimensions.values()
    return next(it for it in every if number in range(it.min or 0, (it.max or 0) + 1))


def test_one_screen_shows_what_an_owner_edits_first_and_the_rest_is_folded(register: Path) -> None:
    sheet = load_workbook(exported(register))["Exceptions"]
    assert shown_titles(sheet) == [
        *("ID", "State", "Days left", "Title", "Type", "Owner", "Last day", "Justification", "Ticket"),
        *("Covers controls", "Covers accounts", "Pending change", "Set state", "Decision", "Why this change"),
    ]
    folded = [dimension_of(sheet, cell.column) for cell in sheet[HEADER_ROW] if cell.value not in shown_titles(sheet)]
    assert [it.outlineLevel for it in folded[1:]] == [1] * (len(sheet[HEADER_ROW]) - 16)
    outline = sheet.sheet_properties.outlinePr
    assert outline is not None
    assert outline.summaryRight is False
    beside = [
        cell.value
        for cell, after in itertools.pairwise(sheet[HEADER_ROW])
        if dimension_of(sheet, after.column).outlineLevel and not dimension_of(sheet, cell.column).outlineLevel
    ]
    assert beside == ["Days left", "Owner", "Last day", "Justification", "Ticket", "Covers accounts"]
    assert all(dimension_of(sheet, column_of(sheet, str(title))).collapsed for title in beside)


@pytest.mark.parametrize("name", ["Exceptions", "Attestations"])
def test_the_visible_columns_fit_a_laptop(register: Path, name: str) -> None:
    sheet = load_workbook(exported(register))[name]
    widths = [dimension_of(sheet, column_of(sheet, title)).width for title in shown_titles(sheet)]
    # 1366 pixels less those of the row numbers and the scroll bar, at 7 for each unit of width
    assert 160 < sum(widths) <= (1366 - 55) / 7


def test_long_texts_in_folded_columns_make_no_row_taller(register: Path) -> None:
    short = load_workbook(exported(register))["Exceptions"]
    register.write_text(
        register.read_text().replace("max_findings: 12", f"max_findings: 12\n    comments: {'long ' * 900}")
    )
    sheet = load_workbook(exported(register))["Exceptions"]
    assert "long long" in str(sheet.cell(4, column_of(sheet, "Comments")).value)
    assert sheet.row_dimensions[4].height == short.row_dimensions[4].height
    register.write_text(register.read_text().replace('"=1+1 is no formula"', "why " * 60))
    taller = load_workbook(exported(register))["Exceptions"]
    assert taller.row_dimensions[4].height > short.row_dimensions[4].height


REALISTIC = {
    "type": ["compensating_control", "operational_requirement", "planned_remediation"],
    "title": ["Sandbox trails are not delivered to CloudWatch Logs", "Security groups of the VPN allow UDP 500"],
    "justification": [
        "The organization trail records the same events, and its alarms are read every day. " * 3,
        "Soon.",
    ],
}


@needs.libreoffice
@pytest.mark.parametrize(("count", "pages"), [(30, 3), (10, 1), (0, 1)])
def test_ten_entries_take_at_most_a_printed_page(tmp_path: Path, count: int, pages: int) -> None:
    register = register_file(
        tmp_path,
        *(
            fields(
                id=f"EXC-2025-{number:04}",
                owner="Payments engineering <payments.engineering@meridian.example>",
                scope={
                    "controls": ["cloudtrail_trail_cloudwatch_logs_delivered", "s3_bucket_public_access_blocked"][
                        : 1 + number % 2
                    ],
                    "accounts": ["634718250996", "708263951447", "111122223333"][: 1 + number % 3],
                },
                comments="a long text that nobody sees " * 40,
                **{key: texts[number % len(texts)] for key, texts in REALISTIC.items()},
            )
            for number in range(1, count + 1)
        ),
    )
    path = exported(register)
    # empty rows for new entries are not printed, and take nothing from the size of the others
    area = str(load_workbook(path)["Exceptions"].print_area)
    assert area.rpartition("$")[2] == str(HEADER_ROW + max(count, 1))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    printed = subprocess.run(
        ["pdftotext", "-layout", str(path.with_suffix(".pdf")), "-"], check=True, capture_output=True, text=True
    ).stdout.split("\f")[:-1]
    # the instructions and the attestations take one page each
    assert len(printed) <= 1 + pages + 1
    assert "read this first" in printed[0]
    rows = "".join(printed[1:-1])
    assert [rows.count(f"EXC-2025-{number:04}") for number in range(1, count + 1)] == [1] * count
    assert all("Why this" in page and "Justification" in page for page in printed[1:-1])


def test_the_first_sheet_shows_what_to_do_and_is_locked(register: Path) -> None:
    path = register.with_suffix(".xlsx")
    readers = Readers("Ana Silva <ana@example.com>", {"EXC-2025-0001"}, ("Jo <jo@example.com>", "Bo <bo@example.com>"))
    with path.open("wb") as file:
        export.write(file, RegisterEditor.open(register), {}, ON, readers)
    sheet = load_workbook(path)["Read me"]
    assert sheet.protection.sheet
    assert all(cell.protection.locked for row in sheet.iter_rows() for cell in row)
    lines = [" ".join(str(cell.value) for cell in row if cell.value is not None) for row in sheet.iter_rows()]
    told = " ".join(lines)
    assert f"Written by orgaudit on {ON}, for Ana Silva <ana@example.com>, with their own entries only." in told
    assert "Who approves Jo <jo@example.com>, Bo <bo@example.com>. Nobody approves their own request." in told
    for topic in ("A new entry", "Request approval", "Decide", "Import", "Folded columns", "No longer needed"):
        assert any(line.startswith(topic) and len(line) > 60 for line in lines), topic
    fills = {str(cell.value): cell.fill.start_color.rgb for row in sheet.iter_rows() for cell in row if cell.value}
    assert len({fills[word] for word in ("white", "grey", "active", "expiring", "expired")}) == 5
    assert max(len(str(cell.value)) for row in sheet.iter_rows() for cell in row) <= 150
    assert load_workbook(path)["Exceptions"].cell(5, 2).value is None


def test_the_example_of_a_new_row_can_be_imported_as_it_stands(register: Path) -> None:
    path = exported(register)

    def copy_it(book: Workbook) -> None:
        rows = list(book["Read me"].iter_rows())
        at = next(at for at, row in enumerate(rows) if row[1].value == "Example of a new row")
        for title, cell in zip(rows[at][2:], rows[at + 1][2:], strict=True):
            put(book, new_row(book), str(title.value), cell.value)

    edited(path, copy_it)
    assert bring(path, register).added == ["EXC-2025-0004"]
    found = load_register(register, POLICY)
    [entry] = [it for it in found.exceptions if it.id == "EXC-2025-0004"]
    assert (entry.requested_by, entry.starts_on, entry.type) == (BY, ON, "risk_acceptance")


def test_a_workbook_of_an_older_format_is_refused_with_what_to_do(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: setattr(book[BASE_SHEET]["B1"], "value", "1"))
    refused(path, register, "another version of orgaudit (format 1)", "export the register anew")


def test_an_edit_in_what_was_approved_asks_for_a_new_approval(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Justification", "=SUM(A1) as text"))
    edited(path, lambda book: _as_text(book, "EXC-2025-0001", "Justification"))
    assert bring(path, register).changed == {"EXC-2025-0001": ["justification"]}
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert entry["amendment"] == {
        "requested_by": BY,
        "requested_on": ON,
        "why": "edited in the workbook",
        "changes": {"justification": "=SUM(A1) as text"},
    }
    assert (entry["justification"], entry["approved_by"]) == ("=1+1 is no formula", "jo@example.com")
    assert (entry["history"][-1]["who"], entry["history"][-1]["what"]) == (BY, "amended")
    assert "justification" in entry["history"][-1]["why"]
    assert "# kept by hand" in register.read_text()


def test_the_same_workbook_imported_twice_changes_nothing_the_second_time(register: Path) -> None:
    path = exported(register)

    def edit(book: Workbook) -> None:
        put(book, "EXC-2025-0001", "Title", "Another title")
        put(book, "EXC-2025-0001", "Last day", date(2025, 4, 30))
        put(book, "EXC-2025-0001", "Covers regions", "eu-west-1")
        put(book, "EXC-2025-0001", "Ticket", "SEC-9")
        put(book, "EXC-2025-0001", "Why this change", "as agreed")

    edited(path, edit)
    assert bring(path, register).changed.keys() == {"EXC-2025-0001"}
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    # an earlier end takes effect at once, and what is beside the approval too
    assert (entry["expires_on"], entry["ticket"]) == (date(2025, 4, 30), "SEC-9")
    assert (entry["amendment"]["changes"].keys(), entry["amendment"]["why"]) == ({"title", "scope"}, "as agreed")
    before = register.read_bytes()
    assert bring(path, register) == Outcome()
    assert register.read_bytes() == before


def test_a_second_and_different_amendment_is_refused(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Last day", date(2025, 12, 31)))
    bring(path, register)
    where = edited(path, lambda book: put(book, "EXC-2025-0001", "Last day", date(2025, 11, 30)))
    refused(path, register, where, "has an amendment already (renewal until 2025-12-31")


def shown_to_approvers(register: Path) -> Path:
    """Return the workbook that the command exports, with each entry's state and what waits in it."""
    path = register.with_suffix(".xlsx")
    assert run("export", path, "--register", register, "--as-of", ON).exit_code == 0
    return path


def decide(book: Workbook, name: str | int, decision: str, why: str = "seen in the review") -> str:
    put(book, name, "Why this change", why)
    return put(book, name, "Decision", decision)


APPROVER = "jo@example.com"


@pytest.fixture
def pending(register: Path) -> Path:
    """A register in which 0001 is approved and 0004 waits for approval."""
    waiting = fields(id="EXC-2025-0004", approved_by=None, approved_on=None, requested_by=BY, expires_on="2025-04-30")
    editor = RegisterEditor.open(register)
    editor.add({key: date.fromisoformat(it) if key.endswith("_on") else it for key, it in waiting.items()})
    editor.save()
    return register


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_an_approver_decides_in_the_workbook(pending: Path, decision: str, state: str) -> None:
    path = shown_to_approvers(pending)
    edited(path, lambda book: decide(book, "EXC-2025-0004", decision))
    assert bring(path, pending, by=APPROVER).changed == {"EXC-2025-0004": [state]}
    entry = RegisterEditor.open(pending).entry("EXC-2025-0004")
    assert (entry.get("approved_by"), entry.get("approved_on")) == {
        "approve": (APPROVER, ON),
        "reject": (None, None),
    }[decision]
    last = entry["history"][-1]
    assert (last["what"], last["who"], last["why"]) == (state, APPROVER, "seen in the review")
    before = pending.read_bytes()
    assert bring(path, pending, by=APPROVER) == Outcome()
    assert pending.read_bytes() == before


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_an_approver_decides_about_a_pending_change_that_the_sheet_shows(register: Path, decision: str) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Last day", date(2025, 12, 31)))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Covers regions", "eu-west-1\neu-west-3"))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Why this change", "the reader comes later"))
    bring(path, register)
    path = shown_to_approvers(register)
    sheet = load_workbook(path)["Exceptions"]
    shown = sheet.cell(4, column_of(sheet, "Pending change"))
    assert str(shown.value).split("\n") == [
        "Last day: 2025-12-31",
        "Covers regions: eu-west-1, eu-west-3",
        f"Requested by {BY} on {ON}: the reader comes later",
    ]
    assert shown.protection.locked
    assert sheet.cell(4, column_of(sheet, "Last day")).value == datetime(2025, 6, 30, tzinfo=UTC).replace(tzinfo=None)
    edited(path, lambda book: decide(book, "EXC-2025-0001", decision))
    assert bring(path, register, by="ana.lim@example.com").changed == {
        "EXC-2025-0001": ["approved" if decision == "approve" else "rejected"]
    }
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert "amendment" not in entry
    if decision == "approve":
        assert (entry["expires_on"], entry["approved_by"]) == (date(2025, 12, 31), "ana.lim@example.com")
        assert entry["scope"]["regions"] == ["eu-west-1", "eu-west-3"]
    else:
        assert (entry["expires_on"], entry["approved_by"]) == (date(2025, 6, 30), "jo@example.com")
        assert entry["history"][-1]["what"] == "amendment_rejected"
    before = register.read_bytes()
    assert bring(path, register, by="ana.lim@example.com") == Outcome()
    assert register.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "decision", "why", "words"),
    [
        ("EXC-2025-0001", "approve", "x", "EXC-2025-0001 is active, and nothing of it waits for approval"),
        ("EXC-2025-0001", "reject", "x", "EXC-2025-0001 is active, and nothing of it waits for approval"),
        ("EXC-2025-0002", "approve", "x", "EXC-2025-0002 is draft, and nothing of it waits for approval"),
        ("EXC-2025-0003", "approve", "x", "correct it first"),
        ("EXC-2025-0004", "approve", "", "approve needs a reason"),
        ("EXC-2025-0004", "reject", "", "reject needs a reason"),
        ("EXC-2025-0004", "accept", "x", "'accept' is not a decision; choose approve or reject"),
        (8, "approve", "x", "a new entry cannot be decided about"),
    ],
)
def test_a_decision_that_cannot_be_taken_names_its_cell(
    pending: Path, name: str | int, decision: str, why: str, words: str
) -> None:
    path = shown_to_approvers(pending)
    where = edited(path, lambda book: decide(book, name, decision, why))
    edited(path, lambda book: put(book, "ATT-2025-0001", "Comments", "not written either"))
    sheet = load_workbook(path)["Exceptions"]
    if "reason" in words:
        where = f"Exceptions!{sheet.cell(row_of(sheet, str(name)), column_of(sheet, 'Why this change')).coordinate}"
    refused(path, pending, where, words, by=APPROVER)


def test_nobody_approves_their_own_request_or_past_the_longest_life(pending: Path) -> None:
    path = shown_to_approvers(pending)
    where = edited(path, lambda book: decide(book, "EXC-2025-0004", "approve"))
    refused(path, pending, where, "another person must approve it", by=f"Eve <{BY.upper()}>")
    refused(path, pending, where, "would live 88 days, and policy allows 87", by=APPROVER, longest=87)
    assert bring(path, pending, by=APPROVER, longest=88).changed == {"EXC-2025-0004": ["approved"]}


def test_a_row_is_decided_about_or_changed_and_not_both(pending: Path) -> None:
    path = shown_to_approvers(pending)
    where = edited(path, lambda book: decide(book, "EXC-2025-0004", "approve"))
    edited(path, lambda book: put(book, "EXC-2025-0004", "Ticket", "SEC-9"))
    refused(path, pending, where, "also changes", by=APPROVER)
    edited(path, lambda book: put(book, "EXC-2025-0004", "Ticket", "SEC-1"))
    edited(path, lambda book: put(book, "EXC-2025-0004", "Set state", "pending"))
    refused(path, pending, where, "also changes", by=APPROVER)


@pytest.mark.parametrize("edit", ["last day", "requester", "regions"])
def test_what_changed_since_the_export_is_not_approved_unseen(pending: Path, edit: str) -> None:
    path = shown_to_approvers(pending)
    where = edited(path, lambda book: decide(book, "EXC-2025-0004", "approve"))
    ledger = RegisterEditor.open(pending)
    changes: dict[str, dict[str, Any]] = {
        "last day": {"expires_on": date(2025, 4, 29)},
        "requester": {"requested_by": "mallory@example.com"},
        "regions": {"scope": {**ledger.entry("EXC-2025-0004")["scope"], "regions": ["eu-*"]}},
    }
    ledger.set("EXC-2025-0004", changes[edit])
    ledger.save()
    refused(path, pending, where, "is not what this workbook shows", "export the register anew", by=APPROVER)


def test_another_amendment_than_the_one_shown_is_not_approved(register: Path) -> None:
    amendment = {"requested_by": BY, "requested_on": ON, "why": "x", "changes": {"title": "One"}}
    ledger = RegisterEditor.open(register)
    ledger.set("EXC-2025-0001", {"amendment": amendment})
    ledger.save()
    path = shown_to_approvers(register)
    where = edited(path, lambda book: decide(book, "EXC-2025-0001", "approve"))
    ledger.set("EXC-2025-0001", {"amendment": {**amendment, "changes": {"title": "Two"}}})
    ledger.save()
    refused(path, register, where, "is not what this workbook shows", by=APPROVER)


def test_a_decision_about_an_entry_that_is_gone_is_refused(pending: Path) -> None:
    path = shown_to_approvers(pending)
    where = edited(path, lambda book: decide(book, "EXC-2025-0002", "approve"))
    text = pending.read_text()
    pending.write_text(text[: text.index("  - id: EXC-2025-0002")] + text[text.index("  - id: EXC-2025-0003") :])
    refused(path, pending, where, "no entry EXC-2025-0002 now", by=APPROVER)


def _as_text(book: Workbook, name: str, title: str) -> None:
    sheet = book["Exceptions"]
    sheet.cell(row_of(sheet, name), column_of(sheet, title)).data_type = "s"


def test_an_edit_beside_the_approval_keeps_it(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Ticket", 5678))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Why this change", "moved"))
    bring(path, register)
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert (entry["ticket"], entry["approved_by"]) == ("5678", "jo@example.com")
    assert entry["history"][-1]["why"] == "ticket: moved"
    assert register.read_text().startswith(REGISTER[: REGISTER.index("    ticket")])


@pytest.mark.parametrize(
    ("title", "cell", "key", "value"),
    [
        ("Covers controls", "a_b\n\n c_d ", "controls", ["a_b", "c_d"]),
        ("Covers regions", "", "regions", None),
        ("Not accounts", "111122223333", "except", {"accounts": ["111122223333"]}),
        ("Not accounts", None, "except", None),
        ("Covers account tags", 'k=v=w\n"x="=', "account_tags", None),
        ("Covers resources", "regex:.*", "resources", ["regex:.*"]),
    ],
)
def test_the_scope_is_edited_key_by_key(register: Path, title: str, cell: str | None, key: str, value: object) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", title, cell))
    if title == "Covers account tags":
        refused(path, register, "Exceptions!", "at least 1 character")
        return
    before = RegisterEditor.open(register).entry("EXC-2025-0001")["scope"]
    bring(path, register)
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert entry["scope"] == before
    after = proposed(entry)["scope"]
    assert after.get(key) == value
    assert {name: it for name, it in after.items() if name != key} == {
        name: it for name, it in before.items() if name != key
    }


def test_a_row_without_an_id_becomes_a_draft_with_the_next_id(register: Path) -> None:
    path = exported(register)

    def add(book: Workbook) -> None:
        put(book, new_row(book), "Title", "A new one")
        put(book, new_row(book), "Last day", date(2025, 5, 1))

    edited(path, add)
    assert bring(path, register).added == ["EXC-2025-0004"]
    entry = RegisterEditor.open(register).entry("EXC-2025-0004")
    assert (entry["title"], entry["expires_on"]) == ("A new one", date(2025, 5, 1))
    assert [event["what"] for event in entry["history"]] == ["created"]
    assert [it.id for it in load_register(register, POLICY).drafts] == ["EXC-2025-0002", "EXC-2025-0004"]


def test_a_deleted_row_deletes_nothing(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: book["Exceptions"].delete_rows(4))
    assert bring(path, register) == Outcome()
    assert register.read_text() == REGISTER


def test_rows_may_be_sorted(register: Path) -> None:
    path = exported(register)

    def swap(book: Workbook) -> None:
        sheet = book["Exceptions"]
        for one, other in zip(sheet[4], sheet[5], strict=True):
            one.value, other.value = other.value, one.value
            for cell in (one, other):
                if isinstance(cell.value, str):
                    cell.data_type = "s"

    edited(path, swap)
    assert bring(path, register) == Outcome()


def test_edits_on_both_sides_are_kept(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Ticket", "SEC-9"))
    register.write_text(register.read_text().replace("trail rests ", "trail sleeps "))
    bring(path, register)
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert (entry["title"], entry["ticket"]) == ("The sandbox trail sleeps", "SEC-9")


def test_the_same_edit_on_both_sides_is_no_edit(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Last day", date(2025, 5, 31)))
    register.write_text(
        register.read_text().replace("expires_on: 2025-06-30\n    comp", 'expires_on: "2025-05-31"\n    comp')
    )
    before = register.read_text()
    assert bring(path, register) == Outcome()
    assert register.read_text() == before


def test_all_conflicts_are_told_with_both_values_and_nothing_is_written(register: Path) -> None:
    path = exported(register)
    where = edited(path, lambda book: put(book, "EXC-2025-0001", "Ticket", "SEC-theirs"))
    also = edited(path, lambda book: put(book, "EXC-2025-0002", "Title", "theirs too"))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Owner", "A team"))
    text = register.read_text().replace('"1234"', '"SEC-ours"').replace("-cmd _x0041_", "ours too")
    register.write_text(text)
    refused(path, register, where, also, "'SEC-theirs'", "'SEC-ours'", "'theirs too'", "'ours too <&> ü 🙂'", "'1234'")


def test_an_edit_to_an_entry_that_is_gone_conflicts_and_does_not_bring_it_back(register: Path) -> None:
    path = exported(register)
    text = register.read_text()
    register.write_text(text[: text.index("  - id: EXC-2025-0002")] + text[text.index("  - id: EXC-2025-0003") :])
    assert bring(path, register) == Outcome()
    where = edited(path, lambda book: put(book, "EXC-2025-0002", "Title", "still here"))
    refused(path, register, where, "no such entry")


@pytest.mark.parametrize(
    ("name", "title", "value", "words"),
    [
        ("EXC-2025-0001", "Last day", "soon", "'soon' is not a date; write one such as 2025-03-31"),
        ("EXC-2025-0001", "Last day", "45000", "'45000' is not a date"),
        ("EXC-2025-0001", "Last day", datetime(2025, 3, 1, 12, tzinfo=UTC).replace(tzinfo=None), "has a time"),
        ("EXC-2025-0001", "Last day", date(2024, 1, 1), "before starts_on"),
        (
            "EXC-2025-0001",
            "Last day",
            date(2027, 1, 1),
            "and policy allows 365 for what it covers; set expires_on to 2026-02-01",
        ),
        ("EXC-2025-0001", "Title", "=1+1", "holds a formula"),
        ("EXC-2025-0001", "Type", "risk_acceptence", "did you mean risk_acceptance"),
        ("EXC-2025-0001", "Covers accounts", "12345", "12 digits"),
        ("EXC-2025-0001", "Covers controls", "a, b", "one a line"),
        ("EXC-2025-0001", "Covers controls", "regex:(x", "not a regular expression"),
        ("EXC-2025-0001", "Most findings", 0.5, "not a whole number"),
        ("EXC-2025-0001", "Milestones", "later", "not a milestone"),
        ("EXC-2025-0001", "Broad", "perhaps", "neither yes nor no"),
        ("EXC-2025-0001", "State", "expired", "cannot be changed here"),
        ("EXC-2025-0001", "Approved by", "me", "cannot be changed here"),
        ("EXC-2025-0001", "History", None, "cannot be changed here"),
        ("EXC-2025-0001", "ID", "EXC-2025-0009", "the id of this row is EXC-2025-0001"),
        ("EXC-2025-0001", "ID", None, "the id of this row is EXC-2025-0001"),
        ("EXC-2025-0001", "Set state", "approved", "not a state that a workbook sets"),
        ("EXC-2025-0003", "Type", "what", "is not one of"),
        ("ATT-2025-0001", "Answer", "maybe", "is not one of"),
        ("ATT-2025-0001", "Units", "Root", "give one of the two"),
    ],
)
def test_a_problem_names_its_cell_and_its_mend(
    register: Path, name: str, title: str, value: object, words: str
) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0002", "Owner", "A team"))
    where = edited(path, lambda book: put(book, name, title, value))
    if "before starts_on" in words or "give one of" in words:
        where = where.partition("!")[0]
    refused(path, register, where, words)


def test_an_unknown_id_and_a_doubled_row_are_refused(register: Path) -> None:
    path = exported(register)
    where = edited(path, lambda book: put(book, new_row(book), "ID", "EXC-2024-0001"))
    refused(path, register, where, "not an id of this export")
    edited(path, lambda book: [put(book, new_row(book), title, "EXC-2025-0001") for title in ("Row", "ID")])
    refused(path, register, where, "stands in Exceptions!B4 already")


def test_owners_ask_for_approval_and_end_exceptions(register: Path) -> None:
    path = exported(register)
    reasonless = edited(path, lambda book: put(book, "EXC-2025-0001", "Set state", "revoked"))
    refused(path, register, "revoked needs a reason", reasonless[:12])
    edited(path, lambda book: put(book, "EXC-2025-0001", "Why this change", "mended"))
    assert bring(path, register).changed == {"EXC-2025-0001": ["revoked"]}
    assert RegisterEditor.open(register).entry("EXC-2025-0001")["history"][-1]["what"] == "revoked"
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Why this change", "broken again"))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Set state", "pending"))
    bring(path, register)
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert (entry["requested_by"], entry.get("approved_by")) == (BY, None)


def test_a_broken_entry_can_be_mended_step_by_step(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0003", "Last day", date(2025, 3, 31)))
    assert bring(path, register).changed == {"EXC-2025-0003": ["expires_on"]}
    assert RegisterEditor.open(register).entry("EXC-2025-0003")["expires_on"] == date(2025, 3, 31)


HISTORY_OF_LATER = "    history:\n      - {when: 2027-01-08, who: ana@example.com, what: created, why: later}\n"


def test_the_history_of_a_broken_entry_keeps_its_order(register: Path) -> None:
    register.write_text(register.read_text().replace("    typ: x\n", f"    typ: x\n{HISTORY_OF_LATER}"))
    path = exported(register)
    where = edited(path, lambda book: put(book, "EXC-2025-0003", "Last day", date(2025, 3, 31)))
    refused(path, register, where, "the history of EXC-2025-0003 goes on to 2027-01-08")


@pytest.mark.parametrize("history", ["[x, {when: never}]", "none", "7"])
def test_an_entry_with_a_broken_history_brings_no_traceback(register: Path, history: str) -> None:
    register.write_text(register.read_text().replace("    typ: x\n", f"    typ: x\n    history: {history}\n"))
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0003", "Last day", date(2025, 3, 31)))
    if history.startswith("["):
        assert bring(path, register).changed == {"EXC-2025-0003": ["expires_on"]}
    else:
        refused(path, register, "EXC-2025-0003: history is not a list; correct it first")


def test_who_changes_what_an_attestation_says_attests(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "ATT-2025-0001", "Answer", "fail"))
    bring(path, register)
    entry = RegisterEditor.open(register).entry("ATT-2025-0001", "attestations")
    assert (entry["status"], entry["attested_by"], entry["attested_on"]) == ("fail", BY, ON)
    assert entry["history"][-1]["what"] == "changed"


def test_a_text_that_no_cell_holds_is_cut_and_not_edited(register: Path) -> None:
    long = "é" * 40_000
    register.write_text(register.read_text().replace("-cmd _x0041_ <&> ü 🙂", long))
    path = exported(register)
    assert bring(path, register) == Outcome()
    where = edited(path, lambda book: put(book, "EXC-2025-0002", "Title", "short"))
    refused(path, register, where, "more here than a cell can")


FIELDS = {
    "Title": "title",
    "Ticket": "ticket",
    "Comments": "comments",
    "Justification": "justification",
    "Risk": "risk_statement",
}


def test_of_a_thousand_edits_on_both_sides_none_is_lost_and_nothing_deleted_comes_back(tmp_path: Path) -> None:
    names = [f"EXC-2025-{number:04}" for number in range(1, 251)]
    register = tmp_path / "exceptions.yaml"
    items = "".join(f"  - id: {name}\n    title: t {name}\n    ticket: one\n" for name in names)
    register.write_text(f"exceptions:\n{items}")
    path = exported(register)
    deleted = set(random.sample(names, 20))
    places = [(name, title) for name in names if name not in deleted for title in FIELDS]
    chosen = random.sample(places, 1000)
    beginnings = random.sample(["=1", "a\nb", "-x", ""] * 125, 500)
    theirs = {place: f"{begin}{number}" for number, (place, begin) in enumerate(zip(chosen, beginnings, strict=False))}
    ours = {place: f"ours {number}" for number, place in enumerate(chosen[500:])}
    edited(path, lambda book: write_all(book, theirs))
    ledger = RegisterEditor.open(register)
    for (name, title), text in ours.items():
        ledger.set(name, {FIELDS[title]: text})
    ledger.save()
    kept = register.read_text().split("  - id: ")
    register.write_text("  - id: ".join(part for part in kept if part.split("\n")[0] not in deleted))
    bring(path, register)
    after = RegisterEditor.open(register)
    assert set(after.ids()) == set(names) - deleted
    entries = {name: after.entry(name) for name in after.ids()}
    for (name, title), text in {**theirs, **ours}.items():
        assert entries[name][FIELDS[title]] == text
    untouched = [place for place in places if place not in theirs and place not in ours]
    before = {"Title": lambda name: f"t {name}", "Ticket": lambda _: "one"}
    for name, title in untouched:
        assert entries[name].get(FIELDS[title]) == before.get(title, lambda _: None)(name)


def write_all(book: Workbook, edits: dict[tuple[str, str], str]) -> None:
    sheet = book["Exceptions"]
    numbers = {cell.value: number for number, cell in enumerate(sheet["B"], 1)}
    columns = {cell.value: number for number, cell in enumerate(sheet[HEADER_ROW], 1)}
    for (name, title), text in edits.items():
        cell = sheet.cell(numbers[name], columns[title])
        cell.value = text
        cell.data_type = "s"


@needs.libreoffice
def test_through_libreoffice_exactly_the_edits_come_back(register: Path, tmp_path: Path) -> None:
    path = exported(register, {"EXC-2025-0001": Computed("active", 149, 7)})
    assert bring(through_libreoffice(path, tmp_path / "untouched"), register) == Outcome()
    assert register.read_text() == REGISTER

    def edit(book: Workbook) -> None:
        put(book, "EXC-2025-0001", "Title", " Über\n-the top")
        put(book, "EXC-2025-0001", "Last day", date(2025, 5, 31))
        put(book, "EXC-2025-0001", "Not accounts", "012345678901\n000000000007")
        put(book, "EXC-2025-0001", "Most findings", 13)
        put(book, "ATT-2025-0001", "Comments", "007")
        put(book, new_row(book), "Title", "Added")

    edited(path, edit)
    outcome = bring(through_libreoffice(path, tmp_path / "edited"), register)
    assert outcome.added == ["EXC-2025-0004"]
    assert {name: set(keys) for name, keys in outcome.changed.items()} == {
        "EXC-2025-0001": {"title", "expires_on", "scope.except.accounts", "max_findings"},
        "ATT-2025-0001": {"comments"},
    }
    entry = proposed(RegisterEditor.open(register).entry("EXC-2025-0001"))
    assert (entry["title"], entry["expires_on"]) == ("Über\n-the top", date(2025, 5, 31))
    assert entry["scope"]["except"]["accounts"] == ["012345678901", "000000000007"]
    assert entry["scope"]["account_tags"] == {"a=b": "x=y", "stage": "prod-*"}
    assert RegisterEditor.open(register).entry("ATT-2025-0001", "attestations")["comments"] == "007"


def through_libreoffice(path: Path, work: Path) -> Path:
    """Return the workbook as LibreOffice saves it, by way of its own format."""
    work.mkdir()
    source = path
    for kind in ("ods", "xlsx"):
        profile = f"-env:UserInstallation=file://{work}/profile"
        command = ["soffice", "--headless", profile, "--convert-to", kind, "--outdir", str(work), str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
        source = work / f"{path.stem}.{kind}"
    return source


def run(*arguments: object) -> Result:
    return CliRunner().invoke(orgaudit, ["exceptions", *map(str, arguments)])


def test_the_commands_export_and_import(register: Path, tmp_path: Path) -> None:
    path = tmp_path / "owners.xlsx"
    common = ("--register", register, "--as-of", "2025-02-01")
    done = run("export", path, *common)
    assert (done.exit_code, "3 exceptions and 1 attestations" in done.output) == (0, True)
    shown = load_workbook(path)["Exceptions"]
    assert [shown.cell(row, 3).value for row in (4, 5, 6)] == ["active", "draft", "invalid"]
    assert "no edits" in run("import", path, *common, "--by", BY).output
    edited(path, lambda book: put(book, "EXC-2025-0001", "Ticket", "SEC-9"))
    assert "EXC-2025-0001 changed: ticket" in run("import", path, *common, "--by", BY).output
    assert isinstance(run("export", tmp_path / "a.csv", *common).exception, ConfigError)
    assert isinstance(run("import", path, *common, "--by", BY, "--dates", "dmy").exception, ConfigError)


def test_with_a_run_the_sheet_tells_how_many_findings_each_covers(register: Path, tmp_path: Path) -> None:
    built = build(tmp_path / "run", accounts=6, regions=4, controls=5)
    failing = [
        finding
        for account in built.read_manifest().accounts
        for finding in built.findings(account.id)
        if finding.status is Status.FAIL and finding.severity in {Severity.LOW, Severity.MEDIUM}
    ]
    names = {finding.control for finding in failing if finding.account_id == failing[0].account_id}
    expected = sum(finding.account_id == failing[0].account_id for finding in failing)
    begin, end = REGISTER.index("      controls:"), REGISTER.index("      except:")
    scope = f'      controls: [{", ".join(names)}]\n      accounts: ["{failing[0].account_id}"]\n'
    register.write_text(REGISTER[:begin] + scope + REGISTER[end:])
    path = tmp_path / "owners.xlsx"
    run("export", path, "--register", register, "--as-of", "2025-02-01", "--run", tmp_path / "run")
    sheet = load_workbook(path)["Exceptions"]
    assert expected > 0
    assert [sheet.cell(row, column_of(sheet, "Covers")).value for row in (4, 5)] == [expected, 0]


# What the grammar writes it parses back, whatever the text.

words = st.text(min_size=1).map(str.strip).filter(bool)
days = st.dates(min_value=date(1000, 1, 1))


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (grammar.LIST, st.lists(st.text(min_size=1), min_size=1)),
        (grammar.TAGS, st.dictionaries(st.text(), st.text(), min_size=1)),
        (grammar.DAY, days),
        (grammar.NUMBER, st.integers(min_value=0, max_value=10**9 - 1)),
        (grammar.YES, st.just(True)),
        (
            grammar.MILESTONES,
            st.lists(
                st.fixed_dictionaries({"title": st.text(min_size=1), "due_on": days}, optional={"done_on": days}),
                min_size=1,
            ),
        ),
    ],
)
def test_what_a_form_writes_it_parses_back(form: grammar.Form, values: st.SearchStrategy[Any]) -> None:
    @given(values)
    def holds(value: Any) -> None:
        text = grammar.shown(value, form)
        assert form.parse(text) == value
        assert grammar.shown(form.parse(text), form) == text

    holds()


@given(st.lists(st.text(), min_size=1, max_size=20))
def test_every_text_survives_the_file(texts: list[str]) -> None:
    shown = [fitted(grammar.normal(text)) for text in texts]
    book = Workbook()
    for row, text in enumerate(shown, 1):
        cell = book.worksheets[0].cell(row, 1, stored(text))
        cell.data_type = "s"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.xlsx"
        book.save(path)
        rows = read_sheets(path)["Sheet"]
    assert [rows.get(row, {}).get(1, "") for row in range(1, len(shown) + 1)] == shown


def test_titles_of_columns_are_unique_and_drop_downs_fit_into_a_cell_rule() -> None:
    for table in TABLES:
        titles = [column.title for column in table.columns]
        assert len(set(titles)) == len(titles)
        assert all(len(",".join(column.choices)) < 253 for column in table.columns)


ORGANIZATION = replace(
    NAMES,
    accounts={"012345678901": "Old", "111122223333": "Shop Prod", "444455556666": "Lab"},
    units=frozenset({"Root", "Root/Lab"}),
    accept_unknown=False,
)


def test_a_cell_that_brings_an_unknown_name_is_refused_and_all_are_listed(register: Path) -> None:
    path = exported(register)

    def edit(book: Workbook) -> list[str]:
        row = new_row(book)
        put(book, row, "Title", "New")
        return [
            put(book, "EXC-2025-0001", "Covers controls", "cis_2.0:3.4\ncloudtrail_trail_loging"),
            put(book, "EXC-2025-0001", "Not accounts", "012345678901\nShop Prd\n999999999999"),
            put(book, row, "Covers units", "Root/Lap"),
            put(book, "ATT-2025-0001", "Requirement", "cis_2.0:1.111"),
        ]

    places = edited(path, edit)
    before = register.read_bytes()
    with pytest.raises(ConfigError) as caught:
        bring(path, register, names=ORGANIZATION)
    said = str(caught.value).splitlines()
    wrong = (
        "no control 'cloudtrail_trail_loging'; did you mean cloudtrail_trail_logging? (--unknown accepts it)",
        "no account is called 'Shop Prd'; did you mean Shop Prod?",
        "no known unit 'Root/Lap'; did you mean Root/Lab? (--unknown accepts it)",
        "cis_2.0 has no requirement '1.111'; did you mean 1.11?",
    )
    for place, message in zip(places, wrong, strict=True):
        assert [line for line in said if place in line and message in line], (place, message)
    assert len(said) == 5
    assert "no known account '999999999999'" in str(caught.value)
    assert register.read_bytes() == before


def test_names_that_stood_there_before_are_no_error_of_the_import(register: Path) -> None:
    register.write_text(register.read_text().replace('["012345678901"]', '["012345678901", "777777777777"]'))
    path = exported(register)
    more = "012345678901\n777777777777\nlab"
    edited(path, lambda book: put(book, "EXC-2025-0001", "Not accounts", more))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Covers units", "Root/Sales, EU\nRoot"))
    edited(path, lambda book: put(book, "EXC-2025-0001", "Ticket", "SEC-9"))
    bring(path, register, names=replace(ORGANIZATION, accounts={"444455556666": "Lab"}))
    scope = proposed(RegisterEditor.open(register).entry("EXC-2025-0001"))["scope"]
    assert scope["except"]["accounts"] == ["012345678901", "777777777777", "444455556666"]
    assert scope["ous"] == ["Root/Sales, EU", "Root"]


def test_the_name_of_an_account_in_a_cell_becomes_its_id(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Covers accounts", "shop prod\n444455556666"))
    edited(path, lambda book: put(book, "ATT-2025-0001", "Accounts", "Lab"))
    assert bring(path, register, names=ORGANIZATION).warnings == []
    ledger = RegisterEditor.open(register)
    assert proposed(ledger.entry("EXC-2025-0001"))["scope"]["accounts"] == ["111122223333", "444455556666"]
    assert ledger.entry("ATT-2025-0001", "attestations")["accounts"] == ["444455556666"]


@pytest.mark.parametrize("text", ["111122223333 444455556666", "111122223333, Lab", "Lab;111122223333"])
def test_two_accounts_on_a_line_are_a_slip(register: Path, text: str) -> None:
    path = exported(register)
    where = edited(path, lambda book: put(book, "EXC-2025-0001", "Covers accounts", text))
    refused(path, register, where, "is more than one value; write one a line")


def test_without_a_run_an_account_in_a_cell_is_accepted_with_a_warning(register: Path) -> None:
    path = exported(register)
    edited(path, lambda book: put(book, "EXC-2025-0001", "Covers accounts", "999999999999"))
    outcome = bring(path, register, names=replace(ORGANIZATION, accounts={}, units=frozenset(), any_run=False))
    assert outcome.warnings == ["no run is stored, so the account 999999999999 was not checked"]
    entry = RegisterEditor.open(register).entry("EXC-2025-0001")
    assert proposed(entry)["scope"]["accounts"] == ["999999999999"]
