"""The story of five quarters is run as it is written, and its figures are those that were computed by hand."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from orgaudit.demo import Demo, running
from tests import commands
from tests.audit_runs import environment_for
from tests.docs.quarters import Organization
from tests.docs.test_walkthrough import is_shown_by, steps

PAGE = Path(__file__).parents[2] / "docs" / "a-quarter.md"
_BLOCK = re.compile(
    r"^## .*?(?P<day>\d+ [A-Z]\w+ \d{4})$|^```\w+(?P<rest>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)

KINDS: dict[tuple[str, str], dict[str, int]] = {
    ("2025-q3", "2025-q4"): {
        "new": 1,
        "newly checked": 1,
        "persistent": 19,
        "resolved": 2,
        "gone with its resource": 1,
        "exception began": 1,
    },
    ("2025-q4", "2026-q1"): {
        "regressed": 1,
        "exception ended": 1,
        "persistent": 18,
        "gone with its resource": 2,
        "not checked again": 1,
    },
    ("2026-q1", "2026-q2"): {"newly checked": 1, "persistent": 19, "judged differently, more lenient": 1},
    ("2026-q2", "2026-q3"): {"persistent": 18, "resolved": 2},
}
"""What becomes of each issue from quarter to quarter, computed by hand from the changes in quarters.py.

Third quarter of 2025: 5 passwords, 16 buckets (that of the network account is not seen), 2 log groups: 23 open.
Fourth: -2 fixed (a password policy, the shop's test bucket), -1 with its bucket, +1 new bucket, +1 in the network
account, -1 under an exception: 21. First of 2026: +1 versions suspended again, +1 the exception ended, -2 with their
account, -1 in the account whose role is lost: 20. Second: -1 by the rule of 30 days, +1 in the account whose role is
back: 20. Third: -2 password policies: 18.
"""
OPEN = {"2025-q3": 23, "2025-q4": 21, "2026-q1": 20, "2026-q2": 20, "2026-q3": 18}


@dataclass
class Story:
    """The page as it is run: one organization, one directory, and the day of the section."""

    demo: Demo
    directory: Path
    organization: Organization
    day: date = date(2025, 9, 30)
    outputs: list[tuple[str, int, str, str]] = field(default_factory=list)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        now = datetime.combine(self.day, time(8), UTC)
        environment = environment_for(self.demo.endpoint_url, self.demo)
        done = commands.run(arguments, environment, self.directory, now=now)
        return done.returncode, done.stdout, done.stderr

    def tell(self) -> Iterator[tuple[str, int, int, str, str]]:
        """Yield each command of the page with its exit code and output, as expected and as they are."""
        for block in _BLOCK.finditer(PAGE.read_text()):
            if block["day"]:
                self.day = datetime.strptime(block["day"], "%d %B %Y").date()  # noqa: DTZ007 - a day has no zone
                quarter = (self.day.year - 2025) * 4 + (self.day.month + 2) // 3 - 2
                self.organization.change_before(quarter)
            elif named := re.search(r"file=(\S+)", block["rest"]):
                path = self.directory / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block["body"])
            else:
                for step in steps(block["body"], block["rest"]):
                    code, out, error = self.run(*shlex.split(step.command)[1:])
                    # Times differ from run to run, and so does the hash of a run, which holds some.
                    shown = re.sub(r"^run\.json .*\n", "", out if step.code != 2 else error, flags=re.MULTILINE)
                    shown = re.sub(r"in [\d.]+ s of CPU time", "in 0.1 s of CPU time", shown)
                    yield step.command, step.code, code, step.output, shown


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running() as demo:
        yield Story(demo, tmp_path_factory.mktemp("story"), Organization(demo))


@pytest.fixture(scope="module")
def told(story: Story) -> Story:
    ran = 0
    for command, expected, code, page, output in story.tell():
        assert code == expected, f"{command}\n{output}"
        assert is_shown_by(output, page), f"{command}\n{output}"
        ran += 1
    assert ran >= 12
    return story


def json_of(story: Story, *arguments: str) -> Any:
    code, out, error = story.run(*arguments, "--json")
    assert code == 0, error
    return json.loads(out)


@pytest.mark.parametrize(("old", "new"), list(KINDS))
def test_each_change_is_of_the_kind_that_was_computed_by_hand(told: Story, old: str, new: str) -> None:
    found = json_of(told, "diff", old, new)
    kinds = {it["kind"]: it["count"] for it in found["kinds"] if it["count"]}
    assert kinds == KINDS[old, new]
    assert (found["old"]["open"], found["new"]["open"]) == (OPEN[old], OPEN[new])


def test_the_trend_has_the_figures_of_the_reports(told: Story) -> None:
    points = json_of(told, "trend")
    assert {point["run"]: point["open"] for point in points} == OPEN
    for point in points:
        report = json.loads((told.directory / "reports" / point["run"] / "report.json").read_bytes())
        headline = report["summary"]["headline"]
        assert point["rate"] == pytest.approx(headline["rate"]["share"])
        assert point["rate_with_exceptions"] == pytest.approx(headline["with_exceptions"]["share"])


@pytest.mark.parametrize(("old", "new"), list(KINDS))
def test_the_results_keep_what_changed_since_the_baseline(told: Story, old: str, new: str) -> None:
    found = json.loads((told.directory / "reports" / new / "comparison.json").read_bytes())
    assert found["baseline"] == old
    assert {it["kind"]: it["count"] for it in found["issues"] if it["count"]} == KINDS[old, new]
    assert [point["open"] for point in found["points"]] == list(OPEN.values())[: list(OPEN).index(new) + 1]


def test_a_new_owner_has_the_issues_of_the_account(told: Story) -> None:
    actions = json_of(told, "actions", "2026-q3", "--owner", "kim.sato@meridian.example")["actions"]
    assert sum(action["closes"]["issues"] for action in actions) == 2
    assert {owner["owner"] for action in actions for owner in action["owners"]} == {
        "Kim Sato <kim.sato@meridian.example>"
    }
