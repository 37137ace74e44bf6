"""The letter that carries a part of a report: what is open and late, what to do first, and what is attached."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import islice

from orgaudit.mail import LINE
from orgaudit.model import EntryState
from orgaudit.report.figures import ExceptionScore
from orgaudit.report.part import Division, Part
from orgaudit.report.view import View
from orgaudit.settings.people import Owner
from orgaudit.spreadsheet.text import one_line
from orgaudit.words import counted

FIRST = 3
"""How many actions a letter names."""

ENDING = 10
"""How many exceptions a letter names; the workbook has all."""


def subject(part: Part, view: View, late: int) -> str:
    """Return the subject: the audit and its date, what is open, and whose it is."""
    what = f"{counted(view.summary.issues.total, 'open issue')}, {late:,} late"
    return f"{one_line(view.settings.title)} of {view.as_of.isoformat()}: {what} ({_short(part)})"


def letter(part: Part, view: View, late: int, *, file: str, attached: bool) -> Iterator[str]:
    """Yield the lines. A workbook that is too large for a mail is named instead, as a file of the run."""
    yield "Hello,"
    yield ""
    yield from _wrapped(
        f"This is {_whose(part)} of the {one_line(view.settings.title)} as of {view.as_of.isoformat()}."
    )
    yield ""
    yield from _open(view, late)
    yield from _actions(view)
    yield from _exceptions(view.exceptions)
    yield ""
    if attached:
        yield from _wrapped(f"Attached is {file}, a workbook of these rows alone: {_CONTENT}.")
    else:
        yield from _wrapped(
            f"The workbook is too large to be attached. It is {file} in the directory of the run, with these rows "
            f"alone: {_CONTENT}."
        )
    yield ""
    yield "-- "
    yield f"orgaudit run {view.manifest.run_id}"


_CONTENT = "a page of figures, what is open, what to do first, the exceptions, and what changed"


def _wrapped(text: str, indent: str = "", more: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        LINE,
        initial_indent=indent,
        subsequent_indent=indent if more is None else more,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _short(part: Part) -> str:
    """Return what a part is called where there is little room."""
    owner = Owner.of(part.name) if part.division is Division.OWNER else None
    return one_line(owner.name or owner.mail if owner else part.name)


def _whose(part: Part) -> str:
    if part.division is Division.OWNER:
        return "your part" if part.key else "the part that has no owner"
    return f"the part of {one_line(part.words)}"


def _open(view: View, late: int) -> Iterator[str]:
    issues = view.summary.issues
    if not issues.total:
        yield "Nothing is open."
    else:
        yield f"{counted(issues.total, 'open issue')}:"
        for severity in ("critical", "high", "medium", "low"):
            if count := getattr(issues, severity):
                yield f"  {count:>6,}  {severity}"
        yield "None is past its due date." if not late else f"Past the due date: {late:,}."
    coverage = view.summary.coverage
    if missing := coverage.evaluations - coverage.evaluations_assessed:
        yield from _wrapped(
            f"{counted(missing, 'evaluation')} of {coverage.evaluations:,} could not be made; what they would have "
            "found is not in these figures."
        )


def _actions(view: View) -> Iterator[str]:
    if view.actions.actions:
        yield ""
        yield "Do first:"
    for action in islice(view.actions.actions, FIRST):
        yield from _wrapped(one_line(action.title), f"  {action.rank}. ", "     ")


def _exceptions(scores: Sequence[ExceptionScore]) -> Iterator[str]:
    """Yield the exceptions that end soon, and those that have ended while their findings still fail."""
    found = [score for score in scores if score.entry.state is EntryState.EXPIRING or score.expired]
    if not found:
        return
    found.sort(key=lambda score: (score.entry.days_left or 0, score.entry.id))
    yield ""
    yield "Exceptions that end soon or have ended:"
    for score in found[:ENDING]:
        title = one_line(score.entry.title) or "without a title"
        yield from _wrapped(f"{one_line(score.entry.id)}: {title}; {_when(score)}", "  - ", "    ")
    if len(found) > ENDING:
        yield f"  and {len(found) - ENDING:,} more"


def _when(score: ExceptionScore) -> str:
    days = score.entry.days_left or 0
    if score.entry.state is EntryState.EXPIRING:
        on = f" on {score.entry.expires_on.isoformat()}" if score.entry.expires_on else ""
        return f"ends{on}, in {counted(days, 'day')}"
    still = "its finding still fails" if score.expired == 1 else f"its {score.expired:,} findings still fail"
    return f"ended {counted(-days, 'day')} ago, and {still}"
