"""Every query of docs/questions.md gives the answer that the page shows, on the demo's run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.store.run import Run
from tests.demo_run import demo_run

__all__ = ["demo_run"]

PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
HEADINGS = re.findall(r"^## (\d+)\. .+\?$", PAGE, re.MULTILINE)
QUESTIONS = list(zip(BLOCKS[::2], BLOCKS[1::2], strict=True))


def test_there_are_ten_questions_each_with_a_command_and_its_answer() -> None:
    assert list(map(int, HEADINGS)) == list(range(1, 11))
    assert [kind for kind, _ in BLOCKS] == ["bash", "csv"] * 10
    assert all(answer.count("\n") <= 6 for _, (_, answer) in QUESTIONS)


@pytest.mark.parametrize("number", range(10), ids=lambda number: f"question {number + 1}")
def test_the_command_prints_the_answer(demo_run: Run, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    (_, command), (_, answer) = QUESTIONS[number]
    program, *arguments = shlex.split(command)
    assert (program, arguments[:2]) == ("orgaudit", ["query", "latest"])
    monkeypatch.chdir(demo_run.path.parents[1])
    result = CliRunner().invoke(cli.orgaudit, arguments)
    assert result.stdout == answer, result.exception
