"""The tickets for Jira and ServiceNow: every open issue in one of them, and the same id in every run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from orgaudit.model import EntryState, Status
from orgaudit.report import viewing as views
from orgaudit.report.formats import FORMATS, jira, servicenow
from orgaudit.report.formats.ticket_words import Words
from orgaudit.report.tickets import tickets
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.settings.people import identity
from orgaudit.store.run import Run
from tests.report import hostile, parts
from tests.report import small as few
from tests.report.parts import Kept, Seen
from tests.report.small import viewed
from tests.synthetic_run import build

ANN, BO = "Ann Example <ann@example.org>", "Bo <bo@example.org>"
WRITERS = {"jira": jira, "servicenow": servicenow}
SCRIPT = ("=", "+", "-", "@", "\t", "\n")
"""How a cell begins that a spreadsheet takes for a formula."""


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the rows of a file, refused where RFC 4180 or an importer would refuse it."""
    content = path.read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\r\n")
    heads, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    assert all(len(row) == len(heads) for row in rows)
    assert content.count(b"\r\n") == len(rows) + 1, "only a row ends with both"
    assert not [value for row in rows for value in row if value.startswith(SCRIPT)]
    assert not [value for row in rows for value in row if "\0" in value]
    return heads, rows


def rows(view: View, path: Path, name: str) -> list[dict[str, str]]:
    """Return the rows by their heads, the values of a repeated head joined."""
    WRITERS[name].write(view, path / f"{name}.csv")
    heads, found = read(path / f"{name}.csv")
    return [
        {head: " ".join(value for each, value in zip(heads, row, strict=True) if each == head) for head in heads}
        for row in found
    ]


@contextmanager
def of(path: Path, *seen: Seen, kept: Sequence[Kept] = ()) -> Iterator[View]:
    run = parts.written(path, ((ANN, "Root/Payments"), (BO, "Root/Claims")), seen, kept=kept)
    with viewing(run) as view:
        yield view


@pytest.mark.parametrize(("name", "key"), [("jira", "External issue ID"), ("servicenow", "correlation_id")])
def test_the_demo_has_every_open_issue_in_one_ticket(demo_run: Run, tmp_path: Path, name: str, key: str) -> None:
    with viewing(demo_run) as view:
        found = rows(view, tmp_path, name)
        plan, issues = view.actions, view.summary.issues
    issues_head, findings_head = ("Issues", "Findings") if name == "jira" else ("issues", "findings")
    assert sum(int(row[issues_head]) for row in found) == plan.open.issues == issues.total
    assert sum(int(row[findings_head]) for row in found) == plan.open.findings
    assert len({row[key] for row in found}) == len(found) > plan.count


def test_each_action_has_a_ticket_an_owner_with_their_issues(demo_run: Run) -> None:
    with viewing(demo_run) as view:
        found = list(tickets(view))
        wanted = [
            (action.id, identity(each.owner), each.issues) for action in view.actions.actions for each in action.owners
        ]
    made = [(t.action and t.action.id, identity(str(t.owner)), t.issues) for t in found]
    assert sorted(made, key=str) == sorted(wanted, key=str)


@pytest.mark.parametrize("name", WRITERS)
def test_what_has_no_ticket_of_its_own_is_in_a_further_one_of_its_owner(
    demo_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(views, "ACTIONS", 5)
    with viewing(demo_run) as view:
        assert len(view.actions.actions) == 5
        found = list(tickets(view))
        further = [ticket for ticket in found if ticket.action is None]
        assert sum(ticket.issues for ticket in found) == view.actions.open.issues
        assert sum(ticket.findings for ticket in found) == view.actions.open.findings
        assert found[-len(further) :] == further
        written = rows(view, tmp_path, name)
        more = view.actions.count - 5
    assert len({str(ticket.owner) for ticket in further}) == len(further) > 1
    last = written[-1]["Summary" if name == "jira" else "short_description"]
    assert last.startswith(f"Review the {more} further actions: ")


@pytest.mark.parametrize("name", WRITERS)
def test_hostile_names_are_text_and_never_formulas(hostile_run: Run, tmp_path: Path, name: str) -> None:
    with viewed(hostile_run, hostile.REGISTER) as view:
        found = rows(view, tmp_path, name)
        assert found
        issues = sum(int(row["Issues" if name == "jira" else "issues"]) for row in found)
        assert issues == view.actions.open.issues
    summaries = [row["Summary" if name == "jira" else "short_description"] for row in found]
    assert all(summary.startswith("'=1+") for summary in summaries)
    assert all("\n" not in summary for summary in summaries)
    assert any("<b>&amp;" in row["Description" if name == "jira" else "description"] for row in found)


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_view_gives_the_same_bytes(small: Run, tmp_path: Path, name: str) -> None:
    with viewed(small, few.REGISTER) as view:
        WRITERS[name].write(view, tmp_path / "one.csv")
        WRITERS[name].write(view, tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_jira_is_given_every_field(tmp_path: Path) -> None:
    with of(tmp_path, Seen(name="a", owner=ANN)) as view:
        (row,) = rows(view, tmp_path, "jira")
        (ticket,) = tickets(view)
        assert ticket.action
        action = ticket.action
    print_of_a = parts.print_of(Seen(name="a"))
    assert row == {
        "External issue ID": ticket.id,
        "Issue Type": "Task",
        "Summary": f"{action.what}: 1 issue in 1 account",
        "Description": "\n".join(
            (
                "{noformat}",
                f"{action.what}.",
                "",
                "Closes 1 issue in 1 account. Highest severity: critical. Due on 2026-10-04, failing since 2026-09-22.",
                "",
                "How: Turn it on here. (effort -, interruption unknown)",
                "",
                "So that it does not come back: Deny turning it off.",
                "",
                "Commands:",
                "# account 700000000000 accountname0x",
                "aws s3 turn-on a-bucket",
                "",
                "Where:",
                "- 700000000000 accountname0x: 1 issue",
                "- arn:aws:s3:::a-bucket (700000000000, eu-central-1): a-reason",
                "",
                f"Owner: {ANN}. Ticket {ticket.id}.",
                "",
                "Run 2026-q3 as of 2026-10-01: Complete. "
                f"See action {action.id} in report.xlsx, sheet Actions; report.html#finding={print_of_a}",
                "",
                "Why:",
                "- Promise 0 is kept (critical, control0). It matters.",
                "{noformat}",
            )
        ),
        "Priority": "Highest",
        "Assignee": "ann@example.org",
        "Due date": "2026-10-04",
        "Component": "s3",
        "Labels": f"orgaudit {ticket.id} orgaudit-critical orgaudit-run-2026-q3",
        "Owner": ANN,
        "Issues": "1",
        "Findings": "1",
        "Run": "2026-q3",
    }


def test_servicenow_is_given_every_field(tmp_path: Path) -> None:
    with of(tmp_path, Seen(name="a", owner=ANN)) as view:
        (row,) = rows(view, tmp_path, "servicenow")
        (like,) = rows(view, tmp_path, "jira")
    assert row == {
        "correlation_id": like["External issue ID"],
        "correlation_display": "orgaudit",
        "short_description": like["Summary"],
        "description": like["Description"].removeprefix("{noformat}\n").removesuffix("\n{noformat}"),
        "impact": "1",
        "urgency": "1",
        "assigned_to": "ann@example.org",
        "assignment_group": "",
        "due_date": "2026-10-04",
        "owner": ANN,
        "issues": "1",
        "findings": "1",
        "run": "2026-q3",
    }


@pytest.mark.parametrize(
    ("control", "priority", "weights"), [(0, "Highest", ("1", "1")), (1, "High", ("1", "2")), (2, "Low", ("2", "3"))]
)
def test_the_priority_is_that_of_the_severity(
    control: int, priority: str, weights: tuple[str, str], tmp_path: Path
) -> None:
    with of(tmp_path, Seen(name="a", control=control)) as view:
        assert [row["Priority"] for row in rows(view, tmp_path, "jira")] == [priority]
        assert [(row["impact"], row["urgency"]) for row in rows(view, tmp_path, "servicenow")] == [weights]


def test_the_id_of_a_ticket_does_not_depend_on_counts_dates_or_how_the_owner_is_written(tmp_path: Path) -> None:
    with of(tmp_path / "1", Seen(name="a", owner=ANN)) as view:
        (before,) = tickets(view)
    changed = (Seen(name="a", owner="ann@EXAMPLE.org", late=True), Seen(name="b", owner=ANN), Seen(name="c", owner=BO))
    with of(tmp_path / "2", *changed) as view:
        after = {ticket.id: ticket for ticket in tickets(view)}
    assert after[before.id].due_on != before.due_on
    assert len(after) == 3


def test_two_owners_of_one_action_have_a_ticket_each_and_one_owner_in_two_spellings_has_one(tmp_path: Path) -> None:
    seen = (
        Seen(name="a", account=0, owner=ANN),
        Seen(name="b", account=1, owner=BO),
        Seen(name="c", account=1, owner="bo@example.org", late=True),
        Seen(name="d", account=1),
    )
    run = parts.written(tmp_path, ((ANN, "Root"), (BO, "Root")), seen)
    manifest = run.read_manifest()
    one_setting = tuple(msgspec.structs.replace(record, effort="S") for record in manifest.controls)
    run.write_manifest(msgspec.structs.replace(manifest, controls=one_setting))
    with viewing(run) as view:
        found = list(tickets(view))
    assert len({ticket.action.id for ticket in found if ticket.action}) == 1
    assert {ticket.owner.mail: ticket.issues for ticket in found} == {"ann@example.org": 1, "bo@example.org": 2, "": 1}
    (of_bo,) = [ticket for ticket in found if ticket.owner.mail == "bo@example.org"]
    assert str(of_bo.due_on) == "2026-09-28", "the earliest due date"
    assert of_bo.accounts == {("700000000001", "accountname1x"): 2}


def test_a_command_stands_in_the_tickets_of_its_own_account_alone(demo_run: Run) -> None:
    with viewing(demo_run) as view:
        for ticket in tickets(view):
            words = "\n\n".join(Words(view).description(ticket))
            commands = words.partition("Commands:\n")[2].partition("\n\nWhere:")[0]
            named = {line.split()[2] for line in commands.splitlines() if line.startswith("# account ")}
            assert named <= {account for account, _ in ticket.accounts}


def test_an_exception_in_force_makes_no_ticket_and_one_that_ended_is_named(tmp_path: Path) -> None:
    kept = (Kept(name="EXC-1", owner=BO), Kept(name="EXC-2", owner=BO, state=EntryState.EXPIRED))
    with of(tmp_path, Seen(name="a", exception="EXC-1"), Seen(name="b", exception="EXC-2"), kept=kept) as view:
        (row,) = rows(view, tmp_path, "jira")
    assert "b-bucket" in row["Description"]
    assert "1 issue of these had an exception that ended." in row["Description"]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.FAIL])
def test_what_does_not_fail_makes_no_ticket(status: Status, tmp_path: Path) -> None:
    with of(tmp_path, Seen(name="a", status=status)) as view:
        assert rows(view, tmp_path, "jira") == rows(view, tmp_path, "servicenow") == []


def test_a_team_without_an_address_is_a_group_and_nobody_is_unassigned(tmp_path: Path) -> None:
    with of(tmp_path, Seen(name="a", owner="Team Storage"), Seen(name="b")) as view:
        found = {row["owner"]: row for row in rows(view, tmp_path, "servicenow")}
        assignees = {row["Owner"]: row["Assignee"] for row in rows(view, tmp_path, "jira")}
    assert (found["Team Storage"]["assigned_to"], found["Team Storage"]["assignment_group"]) == ("", "Team Storage")
    assert (found["unassigned"]["assigned_to"], found["unassigned"]["assignment_group"]) == ("", "")
    assert assignees == {"Team Storage": "", "unassigned": ""}


def test_a_shared_resource_is_one_issue_of_its_home(tmp_path: Path) -> None:
    with of(tmp_path, Seen(name="a", owner=ANN), Seen(name="a", account=1, home=0, owner=ANN)) as view:
        (ticket,) = tickets(view)
        assert (ticket.issues, ticket.findings) == (1, 2)
        assert (view.actions.open.issues, view.actions.open.findings) == (1, 2)
    assert ticket.accounts == {("700000000000", "accountname0x"): 1}


@pytest.mark.parametrize("name", WRITERS)
def test_texts_are_no_longer_than_their_fields(
    demo_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(views, "ACTIONS", 20)
    with viewing(demo_run) as view:
        found = rows(view, tmp_path, name)
    summary, description = ("Summary", "Description") if name == "jira" else ("short_description", "description")
    assert max(len(row[summary]) for row in found) <= WRITERS[name].SUMMARY
    assert max(len(row[description]) for row in found) <= WRITERS[name].DESCRIPTION
    if name == "servicenow":
        assert any("characters in all]" in row[description] for row in found), "a long one is cut, and says so"


@pytest.mark.parametrize("name", WRITERS)
def test_a_run_of_nothing_has_heads_alone(tmp_path: Path, name: str) -> None:
    with viewed(build(tmp_path / "empty", accounts=1, regions=1, controls=0), few.decided()) as view:
        assert rows(view, tmp_path, name) == []
    assert read(tmp_path / f"{name}.csv")[0] == list(WRITERS[name].HEADS)


def test_the_heads_of_jira_have_no_punctuation() -> None:
    assert all(head.replace(" ", "").isalnum() for head in jira.HEADS)


def test_the_formats_are_listed() -> None:
    assert (FORMATS["jira-csv"].file, FORMATS["servicenow-csv"].file) == ("report.jira.csv", "report.servicenow.csv")
