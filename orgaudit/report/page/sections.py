"""The page's sections that are tables: which columns of which sheets they show, and where their cells lead."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from orgaudit.actions.plan import Action
from orgaudit.report.figures import AccountScore, ControlScore, ExceptionScore, RequirementScore
from orgaudit.report.page.tables import Pick, Table, findings_of, table, table_of
from orgaudit.report.view import View
from orgaudit.report.xlsx.actions import ACTIONS
from orgaudit.report.xlsx.changes import CHANGES
from orgaudit.report.xlsx.coverage import COVERAGE
from orgaudit.report.xlsx.method import METHOD
from orgaudit.report.xlsx.register import CLOSED, EXCEPTIONS, HYGIENE, MANUAL_REVIEW
from orgaudit.report.xlsx.results import ACCOUNTS, CONTROLS, FRAMEWORKS, NEAR
from orgaudit.report.xlsx.tables import TableSheet
from orgaudit.settings.frameworks import Framework
from orgaudit.store.comparison import Change
from orgaudit.store.kinds import Kind

MOST_CHANGES = 2_000
"""How many changed issues a page lists."""

PRINTED = 40


def note(sheet: TableSheet[Any], view: View) -> str:
    """Return the note of a sheet, without what is said of its print."""
    text = sheet.note if isinstance(sheet.note, str) else sheet.note(view)
    return text.replace("{as_of}", str(view.as_of))


def _of_account(severity: str = "") -> Callable[[AccountScore], str]:
    return lambda score: findings_of(account=score.id, severity=severity)


def _of_control(score: ControlScore) -> str:
    return findings_of(control=score.id)


def _rate_tone(view: View) -> Callable[[AccountScore], str]:
    """Return what gives a rate its tone, as the workbook's colours have it."""
    threshold = view.settings.pass_rate_threshold

    def tone(score: AccountScore) -> str:
        counts = score.rated.counts
        if counts.rate is None or not counts.passed + counts.failed:
            return "tone unseen"
        return (
            "tone good" if counts.rate >= threshold else "tone warn" if counts.rate >= threshold * NEAR else "tone bad"
        )

    return tone


def accounts(view: View) -> Table:
    """Return the scorecards."""
    return table(
        ACCOUNTS,
        view,
        "Accounts, the worst first",
        (
            Pick("Account", _of_account()),
            Pick("Account id", _of_account()),
            Pick("Unit", lambda a: findings_of(unit=a.ou_path)),
            Pick("Owner"),
            Pick("Environment"),
            Pick("Coverage"),
            Pick("Assessed share"),
            Pick("Rate", tone=_rate_tone(view)),
            Pick("Open issues", _of_account()),
            *(Pick(it.capitalize(), _of_account(it)) for it in ("critical", "high", "medium", "low")),
            Pick("Overdue", lambda a: findings_of(account=a.id, late="yes")),
            Pick("Opened"),
            Pick("Closed"),
            Pick("Why not assessed"),
        ),
        printed=PRINTED,
        tall=True,
    )


def controls(view: View) -> Table:
    """Return the controls with their results."""
    return table(
        CONTROLS,
        view,
        "Controls, the worst first",
        (
            Pick("Title", _of_control),
            Pick("Severity", toned=lambda c: c.counts.open > 0),
            Pick("Open", _of_control),
            Pick("Excepted", lambda c: findings_of(control=c.id, state="excepted")),
            Pick("Passed"),
            Pick("Not assessed"),
            Pick("Accounts failing"),
            Pick("Pass rate"),
            Pick("Assessed share"),
            Pick("Rationale"),
            Pick("Control"),
            Pick("Requirements"),
        ),
        printed=PRINTED,
        tall=True,
    )


def requirements(view: View, framework: Framework) -> Table:
    """Return the requirements of one framework; one by mapping has evidence and no rate."""
    records = [score for score in view.requirements if score.framework == framework.id]
    rated = (
        ("Evidence",) if framework.is_mapping else ("Accounts passing", "Accounts not assessed", "Open", "Pass rate")
    )
    return table(
        FRAMEWORKS,
        view,
        f"Requirements of {framework.title} {framework.version}".strip(),
        (
            Pick("Requirement", _of_requirement),
            Pick("Title"),
            Pick("Section"),
            Pick("Status"),
            Pick("Accounts failing", _of_requirement),
            *map(Pick, rated),
            Pick("Decided by"),
            Pick("Controls"),
        ),
        records=records,
        printed=PRINTED,
        tall=True,
    )


def _of_requirement(score: RequirementScore) -> str:
    return findings_of(requirement=f"{score.framework} {score.id}") if score.controls else ""


def causes(view: View) -> Table:
    """Return what was not assessed, one row a cause, with how to fix it."""
    return table(
        COVERAGE,
        view,
        "Causes of what was not assessed",
        (
            Pick("Reason", tone=lambda _: "tone unseen"),
            Pick("Evaluations not assessed"),
            Pick("Accounts"),
            Pick("Regions"),
            Pick("How to fix it"),
            Pick("Permission"),
            Pick("AWS's answer, for example"),
        ),
    )


def kinds(view: View) -> Table:
    """Return how many issues are of each kind of change, with its meaning."""
    picks = ("Kind", "Issues", "Critical", "High", "Medium", "Low", "Meaning", "Now")
    return table(CHANGES, view, "Kinds of change", [Pick(title) for title in picks])


def changes(view: View) -> Table:
    """Return the issues that changed, with no more than MOST_CHANGES."""
    below = CHANGES.below
    if below is None:
        raise TypeError("the sheet of changes lists them below")
    total = below.count(view)
    more = f"{total - MOST_CHANGES:,} more are in the workbook, sheet Changes, and in report.json."
    return table_of(
        below.columns,
        "Every issue that changed",
        (
            Pick("Kind"),
            Pick("Severity", toned=_is_open),
            Pick("Title", _of_change),
            Pick("Account"),
            Pick("Account id"),
            Pick("Region"),
            Pick("Resource"),
            Pick("Owner"),
            Pick("First seen"),
            Pick("Due"),
            Pick("Now"),
        ),
        islice(view.changes(), MOST_CHANGES),
        count=total,
        printed=PRINTED,
        left_out=more if total > MOST_CHANGES else "",
        tall=True,
    )


def _is_open(change: Change) -> bool:
    return change.kind.began or change.kind is Kind.PERSISTENT


def _of_change(change: Change) -> str:
    """Return the findings of an issue that is open now."""
    if not _is_open(change) or not change.controls:
        return ""
    return findings_of(control=change.controls[0], account=change.account_id, q=change.resource)


def actions(view: View) -> Table:
    """Return the actions in their order."""
    return table(
        ACTIONS,
        view,
        "Actions, in the order of risk points per effort",
        (
            Pick("Rank"),
            Pick("Action", of_action),
            Pick("Effort"),
            Pick("Interruption"),
            Pick("Reversible"),
            Pick("Closes issues", of_action),
            Pick("Closes findings", of_action),
            Pick("Accounts"),
            Pick("Share of risk so far"),
            Pick("Owners, with their issues"),
            Pick("Run in"),
            Pick("First command", is_command=True),
        ),
        printed=PRINTED,
        tall=True,
    )


def of_action(action: Action) -> str:
    """Return the findings that an action closes."""
    return findings_of(action=action.id)


def exceptions(view: View) -> Table:
    """Return the exceptions that are not closed."""
    return table(
        EXCEPTIONS,
        view,
        "Exceptions in force, expiring, pending and expired",
        (
            Pick("Exception", _of_exception),
            Pick("Title"),
            Pick("State"),
            Pick("Effect"),
            Pick("Findings covered", _of_exception),
            Pick("Failing after expiry", _of_exception),
            Pick("Starts"),
            Pick("Expires"),
            Pick("Days left"),
            Pick("Owner"),
            Pick("Approved by"),
            Pick("Ticket"),
            Pick("Broad"),
            Pick("Scope"),
        ),
    )


def _of_exception(score: ExceptionScore) -> str:
    return findings_of(exception=score.entry.id, state="all") if score.covered or score.expired else ""


def _all(sheet: TableSheet[Any], view: View, caption: str) -> Table:
    """Return all columns of a sheet."""
    return table(sheet, view, caption, [Pick(column.title) for column in sheet.columns_of(view)])


def hygiene(view: View) -> Table:
    """Return what the register requires from its owners."""
    return _all(HYGIENE, view, "Expiring and hygiene: what the register requires, the most urgent first")


def closed(view: View) -> Table:
    """Return the exceptions that are closed."""
    return _all(CLOSED, view, "Closed exceptions")


def problems(view: View) -> Table:
    """Return the invalid entries of the register."""
    below = EXCEPTIONS.below
    if below is None:
        raise TypeError("the sheet of exceptions lists invalid entries below")
    picks: list[Pick[Any]] = [Pick(column.title) for column in below.columns]
    return table_of(
        below.columns, "Invalid entries, which cover nothing", picks, view.problems, count=len(view.problems)
    )


def attestations(view: View) -> Table:
    """Return the attestations of manual requirements."""
    return _all(MANUAL_REVIEW, view, "Attestations of manual requirements")


def method(view: View) -> Table:
    """Return how the figures are made, and from which inputs."""
    return _all(METHOD, view, "How the figures are made, and from which inputs")
