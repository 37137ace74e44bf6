"""The walk-through of the exception register is run as it is written, and prints what it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest

from orgaudit.demo import Demo
from tests.audit_runs import Caller, Outcome, environment_for
from tests.docs import messy_workbook

PAGE = Path(__file__).parents[2] / "docs" / "exceptions-walkthrough.md"
_BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?P<rest>[^\n]*)\n(?P<body>.*?)^```$|(?P<table>(?:^\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the page, how it ends, and what it prints."""

    command: str
    code: int
    output: str


def steps(body: str, rest: str) -> Iterator[Step]:
    """Yield the commands of a block; a block that ends otherwise than by 0 says so behind its fence."""
    code = int(match[1]) if (match := re.search(r"exit=(\d+)", rest)) else 0
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Step(command, code, output)


def is_shown_by(told: str, page: str) -> bool:
    """Return whether the page shows an output; a line of … there stands for lines that it leaves out."""
    parts = [re.escape(part.strip("\n")) for part in re.split(r"^…$", page.strip(), flags=re.MULTILINE)]
    return re.fullmatch(r"\n(?:.*\n)*?".join(parts), told.strip()) is not None


def fill_in(workbook: Path, table: str) -> None:
    """Write the values of the page's table into the workbook, as an owner does by hand."""
    book = openpyxl.load_workbook(workbook)
    sheet = book["Exceptions"]
    top, header = next((it, row) for it, row in enumerate(sheet.iter_rows(), 1) if "ID" in {cell.value for cell in row})
    columns = {str(cell.value): index for index, cell in enumerate(header)}
    rows = {str(row[columns["ID"]].value): row for row in sheet.iter_rows(min_row=top + 1)}
    for line in table.splitlines()[2:]:
        name, column, text = (cell.strip() for cell in line.strip("|").split("|"))
        is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
        value = datetime.combine(date.fromisoformat(text), time()) if is_day else text
        rows[name][columns[column]].value = value
    book.save(workbook)


@pytest.fixture(scope="module")
def caller(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Caller:
    """A user with one stored run, from whom the emulated organization is out of reach."""
    directory = tmp_path_factory.mktemp("walk")
    one = Caller(environment_for(demo.endpoint_url, demo), directory)
    config = str(one.configured())
    messy_workbook.write(directory / "risks.xlsx")
    made = one.call("audit", "--config", config, "--run-id", "2026-q4")
    assert made.code == 1, made.stderr
    return Caller(environment_for("http://127.0.0.1:9", demo), directory)


def test_every_command_does_what_the_page_says(caller: Caller) -> None:
    ran = 0
    for block in _BLOCK.finditer(PAGE.read_text()):
        if block["table"]:
            fill_in(caller.directory / "register.xlsx", block["table"])
        for step in steps(block["body"] or "", block["rest"] or ""):
            _, *arguments = shlex.split(step.command)
            outcome: Outcome = caller.call(*arguments)
            told = outcome.stdout + (outcome.stderr if step.code == 2 else "")
            assert outcome.code == step.code, (step.command, told)
            assert is_shown_by(told, step.output), f"{step.command}\n{told}"
            ran += 1
    assert ran > 15


def test_six_commands_lead_from_the_spreadsheet_to_thirty_approved() -> None:
    text = PAGE.read_text()
    top = next(block["body"] for block in _BLOCK.finditer(text) if block["kind"] == "sh")
    ran = [step for block in _BLOCK.finditer(text) for step in steps(block["body"] or "", block["rest"] or "")]
    shown = [shlex.split(line) for line in top.splitlines()]
    assert len(shown) <= 6
    rest = iter(ran)
    done = [next((step for step in rest if shlex.split(step.command) == command), None) for command in shown]
    assert all(step is not None and step.code == 0 for step in done)
    assert done[-1] is not None
    assert done[-1].output.endswith("\n30 active\n")
    before = ran[: ran.index(done[-1])]
    changing = {"import", "request", "approve", "reject", "renew", "revoke", "add"}
    others = [step for step in before if step not in done and shlex.split(step.command)[2] in changing]
    assert all(step.code == 2 for step in others), "nothing but the six commands changes the register"


def test_lines_left_out_of_the_page_stand_for_any_others_and_nothing_else_does() -> None:
    assert is_shown_by("a\nb\nc\nd\n", "a\n…\nd\n")
    assert is_shown_by("a\nd\n", "a\n…\nd\n")
    assert not is_shown_by("a\nb\nc\nd\ne\n", "a\n…\nd\n")
    assert not is_shown_by("a\nb\n", "a\n")


def test_the_page_walks_through_every_stage() -> None:
    commands = re.findall(r"^\$ orgaudit (?:exceptions )?(\S+)", PAGE.read_text(), re.MULTILINE)
    assert {"import", "export", "match", "request", "approve", "report", "renew", "due", "hygiene"} <= set(commands)
