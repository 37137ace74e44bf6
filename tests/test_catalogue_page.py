"""The generated page of all controls: current, whole and the same every time; and the guide to adding one."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from orgaudit.controls.declare import Control, catalogue
from orgaudit.controls.efs import efs_file_system_encrypted as encrypted
from orgaudit.controls.organizations import organizations_root_access_centralized as centralized
from orgaudit.facts.declare import ENTRY_POINT
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from scripts.write_catalogue import PAGE, packaged_page, page

CONTROLS = list(catalogue().values())
ROOT = PAGE.parents[1]
GUIDE = ROOT / "docs" / "adding-a-control.md"
SHOWN = [
    "orgaudit/facts/efs.py",
    "orgaudit/controls/efs.py",
    "config/frameworks/cis_7.0.yaml",
    "tests/controls/test_efs.py",
]
"""The files of which the guide shows a part, in its order."""


@pytest.fixture(scope="module")
def text() -> str:
    return packaged_page()


def asking(framework: str, *ids: str, control: str = encrypted.id) -> Framework:
    requirements = tuple(
        Requirement(id=each, title="Asks", assessment=Assessment.AUTOMATED, controls=(control,)) for each in ids
    )
    return Framework(id=framework, title="Rules", version="1", requirements=requirements)


def row_of(text: str, control: str) -> list[str]:
    """The cells of a control's row."""
    [row] = [line for line in text.splitlines() if line.startswith(f"| [`{control}`]")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_page_is_current(text: str) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == text, "run `python scripts/write_catalogue.py` to write docs/catalogue.md anew"


def test_another_process_writes_the_same_page(text: str) -> None:
    code = "import sys; from scripts.write_catalogue import packaged_page; sys.stdout.write(packaged_page())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == text


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_every_control_has_a_row_and_a_section(control: Control, text: str) -> None:
    assert len(row_of(text, control.id)) == 6
    assert text.count(f"\n### {control.id}\n") == 1


def test_links_lead_to_sections_and_files(text: str) -> None:
    headings = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= headings
    for path in set(re.findall(r"\]\(\.\./([\w/]+\.py)\)", text)):
        assert (ROOT / path).is_file()


def test_a_row_counts_and_frameworks_that_agree_share_a_line() -> None:
    frameworks = [asking("cis_1", "2.4.1"), asking("cis_2", "2.4.1"), asking("cis_3"), asking("cis_4", "2.4.1", "9")]
    assert row_of(page([encrypted], frameworks), encrypted.id) == [
        "[`efs_file_system_encrypted`](#efs_file_system_encrypted)<br>EFS file systems are encrypted",
        "medium",
        "regional",
        "1",
        "1",
        "`cis_1 to cis_2` 2.4.1<br>`cis_4` 2.4.1, 9",
    ]


def test_a_control_that_nobody_asks_for_says_so() -> None:
    text = page([encrypted], [])
    assert row_of(text, encrypted.id)[-1] == "none"
    assert "- Required by: no framework" in text


def test_a_section_names_needs_and_three_ways_to_mend() -> None:
    text = page([centralized], [])
    for action in centralized.actions:
        assert f"`{action}`" in text
    assert [text.count(f"**{name}.**") for name in ("Service", "Resource", "Prevention")] == [1, 1, 1]
    assert centralized.rationale in text
    assert "{" not in text


def test_controls_come_by_service_then_id() -> None:
    text = page(reversed(CONTROLS), [])
    order = re.findall(r"^\| \[`(\w+)`\]", text, re.MULTILINE)
    assert order == [each.id for each in sorted(CONTROLS, key=lambda each: (each.service, each.id))]


def test_the_guide_shows_the_code_as_it_is() -> None:
    blocks = re.findall(r"```(?:python|yaml)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    for path, block in zip(SHOWN, blocks, strict=True):
        assert block in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_guide_names_what_exists() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:orgaudit|tests|config|scripts)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path
    assert f'entry-points."{ENTRY_POINT}"' in text
