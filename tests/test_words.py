"""One function writes counts with their nouns, and no module builds them beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orgaudit.words import counted

PACKAGE = Path(__file__).parent.parent / "orgaudit"
BY_HAND = re.compile(r"""["'](?:\w*s)?["'] if [^\n]*== 1 else ["'](?:\w*s)?["']""")


@pytest.mark.parametrize(("count", "text"), [(0, "0 problems"), (1, "1 problem"), (1234, "1,234 problems")])
def test_a_count_agrees_with_its_noun(count: int, text: str) -> None:
    assert counted(count, "problem") == text


def test_no_other_module_makes_a_plural() -> None:
    made = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if BY_HAND.search(path.read_text())}
    assert made == {"words.py"}
