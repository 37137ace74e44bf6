"""What is late, by owner: issues past their due date, and exceptions past their last day that still fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orgaudit.model import Severity
from orgaudit.report.view import View
from orgaudit.store.tables import ISSUE, SEVERITY_RANK

_SEVERITIES = list(Severity)

_ISSUES = f"""
    WITH issues AS (
        SELECT coalesce(min(owner), '') AS owner, max({SEVERITY_RANK}) AS rank, min(due_on) AS due_on,
            max({{'rank': {SEVERITY_RANK}, 'title': title}}).title AS title
        FROM findings WHERE open AND counted GROUP BY {ISSUE} HAVING min(due_on) < $as_of),
    owners AS (
        SELECT owner, min({{'rank': -rank, 'due_on': due_on, 'title': title}}) AS worst, count(*) AS issues
        FROM issues GROUP BY owner)
    SELECT owner, worst.title, -worst.rank, date_diff('day', worst.due_on, $as_of), issues FROM owners
"""  # noqa: S608 - constants only

BY_ACCOUNT = f"""
    SELECT account_id, count(*) FROM (
        SELECT min(account_id) AS account_id FROM findings WHERE open AND counted
        GROUP BY {ISSUE} HAVING min(due_on) < $as_of) GROUP BY account_id
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What one owner has late: the worst item in words, its severity, days past its day, and how many issues.

    `owner` is empty where there is none. An exception past its last day is an item of its own, with the issues that
    outlived it; `exception` is its id, else empty.
    """

    owner: str
    item: str
    severity: Severity
    days: int
    issues: int
    exception: str = ""


def late(view: View) -> tuple[Late, ...]:
    """Return what is late on the report's date: the most severe first, then the longest."""
    rows = view.connection.execute(_ISSUES, {"as_of": view.as_of}).fetchall()
    found = [*map(_of_issues, rows), *_exceptions(view)]
    return tuple(sorted(found, key=lambda it: (-it.severity.rank, -it.days, -it.issues, it.owner, it.item)))


def late_by_account(view: View) -> dict[str, int]:
    """Return how many issues of each account are past their due date; accounts without any are left out."""
    return dict(view.connection.execute(BY_ACCOUNT, {"as_of": view.as_of}).fetchall())


def _of_issues(row: tuple[Any, ...]) -> Late:
    owner, title, rank, days, issues = row
    return Late(owner=owner, item=title, severity=_SEVERITIES[rank - 1], days=days, issues=issues)


def _exceptions(view: View) -> list[Late]:
    return [
        Late(
            owner=score.entry.owner,
            item=f"Exception {score.entry.id} has ended: {score.entry.title}",
            severity=_SEVERITIES[view.outlived[score.entry.id][0] - 1],
            days=-(score.entry.days_left or 0),
            issues=view.outlived[score.entry.id][1],
            exception=score.entry.id,
        )
        for score in view.exceptions
        if score.entry.id in view.outlived
    ]
