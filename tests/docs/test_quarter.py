"""The story of five quarters is run as it is written, and its figures are those that were computed by hand."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from orgaudit.demo import running
from orgaudit.quarter.folder import Folder
from orgaudit.report.late import late
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run
from tests import commands
from tests.audit_runs import environment_for
from tests.docs.quarters import Organization
from tests.docs.test_walkthrough import is_shown_by, steps
from tests.report.page_one import PageOne
from tests.shared import made_once

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
    ("2026-q3", "2026-q4"): {"persistent": 17, "resolved": 1},
    ("2026-q4", "2027-q1"): {"persistent": 17, "regressed": 1},
}
"""What becomes of each issue from quarter to quarter, computed by hand from the changes in quarters.py.

Third quarter of 2025: 5 passwords, 16 buckets (that of the network account is not seen), 2 log groups: 23 open.
Fourth: -2 fixed (a password policy, the shop's test bucket), -1 with its bucket, +1 new bucket, +1 in the network
account, -1 under an exception: 21. First of 2026: +1 versions suspended again, +1 the exception ended, -2 with their
account, -1 in the account whose role is lost: 20. Second: -1 by the rule of 30 days, +1 in the account whose role is
back: 20. Third: -2 password policies: 18. Fourth: -1 the bucket of the exports: 17. First of 2027: +1 its versions
suspended again: 18.
"""
OPEN = {
    "2025-q3": 23,
    "2025-q4": 21,
    "2026-q1": 20,
    "2026-q2": 20,
    "2026-q3": 18,
    "2026-q4": 17,
    "2027-q1": 18,
}
BETWEEN = {"2027-02": 18}
"""What is open in the audit between two quarters, with which neither is compared."""
FOLDERS = {"2026-q4": ("quarter-2026-12-31", "2026-q3"), "2027-q1": ("quarter-2027-03-31", "2026-q4")}
"""The folder of each quarter that was made in one command, and the run with which it is compared."""

DASH = "\N{EN DASH}"
SUSPENDED, NORTHGATE = "Legacy Loyalty (801649273350)", "Northgate Acquisition (913527640881)"
NO_ROLE_YET, ROLE_LOST = "Network (402958167743)", "Shared Services (417630285594)"


@dataclass(frozen=True)
class Page:
    """What page one of a quarter shows, computed by hand; the changes are None where nothing can be compared.

    The rate is of pairs of an account and a requirement, the coverage of accounts x regions x controls, 1 + 1 + 4 in
    each account. `open` are medium and low, no other severity is there. `overdue` are issues and exceptions. `shut` are
    accounts to be entered.
    """

    rate: tuple[int, int]
    rate_change: float | None
    coverage: tuple[int, int]
    coverage_change: float | None
    open: tuple[int, int]
    overdue: tuple[int, int]
    overdue_change: int | None
    shut: tuple[str, ...]


PAGES = {
    "2025-q3": Page((16, 44), None, (70, 90), None, (7, 16), (0, 0), None, (SUSPENDED, NO_ROLE_YET, NORTHGATE)),
    "2025-q4": Page((19, 44), 6.8, (76, 90), 6.7, (6, 15), (6, 0), 6, (SUSPENDED, NORTHGATE)),
    "2026-q1": Page((16, 41), -4.2, (64, 84), -8.3, (5, 15), (17, 1), 12, (SUSPENDED, NORTHGATE, ROLE_LOST)),
    "2026-q2": Page((19, 41), 7.3, (70, 84), 7.1, (4, 16), (19, 1), 2, (SUSPENDED, NORTHGATE)),
    "2026-q3": Page((21, 41), 4.9, (70, 84), 0, (2, 16), (18, 1), -1, (SUSPENDED, NORTHGATE)),
}
"""Every issue of the first audit is due 90 days later where it is medium, on 29 December 2025, and 180 days later where
it is low, on 29 March 2026. Each account has three requirements; 1 or 2 do not apply in one account without trail."""

LATEST_DAYS = {"2025-q3": 0, "2025-q4": 2, "2026-q1": 92, "2026-q2": 183, "2026-q3": 275}
"""How many days the issues that were medium in the first audit are late."""


@dataclass
class Story:
    """The page as it is run: one organization, one directory, and the day of the section."""

    directory: Path
    environment: dict[str, str]
    day: date = date(2025, 9, 30)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        now = datetime.combine(self.day, time(8), UTC)
        done = commands.run(arguments, self.environment, self.directory, now=now)
        return done.returncode, done.stdout, done.stderr

    def tell(self, organization: Organization) -> Iterator[tuple[str, int, int, str, str]]:
        """Yield each command of the page with its exit code and output, as expected and as they are."""
        for block in _BLOCK.finditer(PAGE.read_text()):
            if block["day"]:
                self.day = datetime.strptime(block["day"], "%d %B %Y").date()  # noqa: DTZ007 - a day has no zone
                quarter = (self.day.year - 2025) * 4 + (self.day.month + 2) // 3 - 2
                organization.change_before(quarter)
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
                    shown = re.sub(r"^([a-z]+ +) \d+ (?:s|min)  ", _one_second, shown, flags=re.MULTILINE)
                    shown = re.sub(r"(was completed \S+) \d\d:\d\d", r"\1 08:00", shown)
                    yield step.command, step.code, code, step.output, shown


def _one_second(match: re.Match[str]) -> str:
    return f"{match[1].strip():<11} {'1 s':>6}  "


def tell(directory: Path) -> None:
    """Run the page as it is written, and write all it shows."""
    with running() as demo:
        story = Story(directory, environment_for(demo.endpoint_url, demo))
        ran = 0
        for command, expected, code, page, output in story.tell(Organization(demo)):
            assert code == expected, f"{command}\n{output}"
            assert is_shown_by(output, page), f"{command}\n{output}"
            ran += 1
    assert ran >= 12
    (directory / "day").write_text(story.day.isoformat())
    for run in PAGES:
        code, _, error = story.run("report", run, "--format", "xlsx")
        assert code in {0, 1, 3}, error


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story at its end, whose organization nobody answers for any more."""
    directory = made_once(tmp_path_factory, "story", tell)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORGAUDIT_"))}
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    return Story(directory, kept | nobody, date.fromisoformat((directory / "day").read_text()))


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
    assert {point["run"]: point["open"] for point in points} == OPEN | BETWEEN
    for point in points:
        report = json.loads((told.directory / "reports" / point["run"] / "report.json").read_bytes())
        headline = report["summary"]["headline"]
        assert point["rate"] == pytest.approx(headline["rate"]["share"])
        assert point["rate_with_exceptions"] == pytest.approx(headline["with_exceptions"]["share"])
    by_run = {point["run"]: point for point in points}
    for name, page in PAGES.items():
        assert (by_run[name]["overdue_issues"], by_run[name]["overdue_exceptions"]) == page.overdue
        assert by_run[name]["coverage"] == pytest.approx(page.coverage[0] / page.coverage[1])


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


@pytest.mark.parametrize("run", list(FOLDERS))
def test_the_folder_of_a_quarter_agrees_with_the_reports(told: Story, run: str) -> None:
    name, baseline = FOLDERS[run]
    folder, reports = told.directory / "reports" / name, told.directory / "reports" / run
    record = Folder.read(folder).record
    assert (record.run, record.baseline, record.completed_at is not None) == (run, baseline, True)
    comparison = json.loads((reports / "comparison.json").read_bytes())
    assert comparison["baseline"] == baseline
    counted = {it["kind"]: it["count"] for it in comparison["issues"] if it["count"]}
    assert counted == KINDS[baseline, run]
    table = re.findall(r"^(\S.*?) {2,}(\d+) +\d+ +\d+ +\d+ +\d+$", (folder / "changes.txt").read_text(), re.MULTILINE)
    assert {kind: int(count) for kind, count in table} == KINDS[baseline, run]
    report = json.loads((folder / "report.json").read_bytes())
    page = (folder / "README.md").read_text()
    severities = report["summary"]["open_issues_by_severity"]
    assert f"{OPEN[run]} open issues: {', '.join(f'{n} {name}' for name, n in severities.items())};" in page
    assert f"{report['summary']['headline']['rate']['share']:.1%}".replace("%", " %") in page
    assert f"Compared with run {baseline} of " in page
    for each in ("report.xlsx", "report.json"):
        assert (folder / each).read_bytes() == (reports / each).read_bytes()


@pytest.mark.parametrize("run", list(FOLDERS))
def test_owners_and_auditors_find_theirs_in_the_folder(told: Story, run: str) -> None:
    folder = told.directory / "reports" / FOLDERS[run][0]
    assert {path.name for path in (folder / "owners").iterdir()} >= {
        *("kim.sato@meridian.example.xlsx", "kim.sato@meridian.example.eml"),
    }
    book = openpyxl.load_workbook(folder / "owners" / "kim.sato@meridian.example.xlsx")
    cells = {str(cell) for row in book["Open"].iter_rows(values_only=True) for cell in row if cell is not None}
    assert any("629183640572" in cell for cell in cells)
    assert not any("548193720661" in cell for cell in cells)
    for command in (("verify", run), ("verify", str(folder / "evidence.zip"))):
        code, out, error = told.run(*command)
        assert code == 0, out + error


def test_the_history_of_an_audit_in_between_is_kept(told: Story) -> None:
    manifest = Run(told.directory / "reports" / "2027-q1").read_manifest()
    assert manifest.baseline is not None
    assert manifest.baseline.run_id == "2027-02"


@pytest.fixture(scope="module")
def books(told: Story) -> dict[str, PageOne]:
    """Page one of each quarter's workbook."""
    pages = {}
    for run in PAGES:
        book = openpyxl.load_workbook(told.directory / "reports" / run / "report.xlsx", data_only=True)
        pages[run] = PageOne(book["Summary"])
    return pages


def changed(number: float | None) -> object:
    return DASH if number is None else pytest.approx(number)


@pytest.mark.parametrize("run", list(PAGES))
def test_page_one_has_the_figures_that_were_computed_by_hand(books: dict[str, PageOne], run: str) -> None:
    page, expected = books[run], PAGES[run]
    medium, low = expected.open
    passed, rated = expected.rate
    share = f"{passed / rated:.1%}".replace("%", " %")
    line = None if run != "2025-q3" else "first audit"
    rate, change = pytest.approx(passed / rated), changed(expected.rate_change)
    assert page.tile("Headline rate") == (rate, change, line, f"{share} with exceptions")
    assert page.tile("Open critical and high issues") == (
        *(0, DASH if line else 0, line),
        f"of {OPEN[run]} open issues, 0 critical, 0 high, {medium} medium, {low} low",
    )
    assessed, cells = expected.coverage
    found = page.tile("Coverage: what was assessed")
    assert found[:3] == (pytest.approx(assessed / cells), changed(expected.coverage_change), line)
    accounts, missing = (15 if run < "2026" else 14), len(expected.shut)
    assert str(found[3]).startswith(f"{accounts - missing} of {accounts} accounts, 4 of 4 regions; {cells - assessed} ")
    issues, exceptions = expected.overdue
    assert page.tile("Overdue") == (
        *(issues + exceptions, changed(expected.overdue_change), line),
        f"{issues} issues past the due date, {exceptions} exception{'' if exceptions == 1 else 's'} past the last day",
    )
    assert (page.sheet["B3"].value, page.sheet["R3"].value) == (rate, change)
    assert page.panel("Frameworks")[1:] == [("What the board requires 1", rate, change, "none")]
    whole = page.panel("Where the issues are…", until="The redder")[-1]
    assert whole == ("All units", 0, 0, medium, low, OPEN[run], rate)


@pytest.mark.parametrize("run", list(PAGES))
def test_page_one_has_the_decisions_and_what_is_late(told: Story, books: dict[str, PageOne], run: str) -> None:
    page, expected = books[run], PAGES[run]
    decisions = page.panel(f"Decisions for you ({len(expected.shut)})", until="Exceptions:")[1:]
    assert sorted(str(it[0]).removeprefix("Let the audit into ").partition(". ")[0] for it in decisions) == sorted(
        expected.shut
    )
    assert all(str(page.sheet["B5"].value).count(account) == 1 for account in expected.shut)
    with viewing(Run(told.directory / "reports" / run)) as view:
        found = late(view)
    issues, exceptions = expected.overdue
    assert sum(it.issues for it in found if not it.exception) == issues
    assert sum(bool(it.exception) for it in found) == exceptions
    assert max((it.days for it in found), default=0) == LATEST_DAYS[run]
    shown = page.panel("Late", until="and ")
    assert (shown[1:] if found else []) == [
        (it.owner or "unassigned", f"{it.severity}: {it.item}", it.days, it.issues) for it in found[:5]
    ]
    ended = [it for it in found if it.exception]
    assert [(it.owner, it.item, it.issues) for it in ended] == [
        ("Data team <data@meridian.example>", "Exception EXC-2025-0001 has ended: The lake keeps no versions", 1)
    ] * exceptions


@pytest.mark.parametrize("run", list(PAGES))
def test_page_one_has_the_first_actions_and_what_they_remove(books: dict[str, PageOne], run: str) -> None:
    medium, low = PAGES[run].open
    actions = books[run].panel("Do these first")
    assert [it[0] for it in actions[:5]] == [1, 2, 3, 4, 5]
    assert f" of {2 * medium + low} points, " in str(actions[5][0])
    assert f" of {OPEN[run]} issues; " in str(actions[5][0])
    if run == "2026-q3":
        assert str(actions[0][1]).startswith(
            "Let people sign in through IAM Identity Center, and deploy one strict policy to every account from a "
            'template ("Passwords have at least 14 characters"): closes 1 issue in 1 account, effort S'
        )
        assert actions[5] == (
            "These 5 actions remove 35.0 % of the risk: 7 of 20 points, 5 of 18 issues; 18 actions in all",
        )
