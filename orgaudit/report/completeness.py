"""Whether a run saw all that it was to see, in one sentence that every format shows."""

from __future__ import annotations

from orgaudit.report.figures import AccountScore, Completeness
from orgaudit.report.view import View
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.earlier import age_of, left_out
from orgaudit.words import counted

NAMED = 5
"""How many accepted regions, and how many accounts, are named."""


def completeness_of(view: View) -> str:
    """Return the sentence: incomplete, with how much is missing, or complete, with the regions that were accepted.

    It names what was not looked at again, and of when those facts are.
    """
    only_open = view.manifest.only_open
    apart = (age_of(view.manifest, [score.id for score in view.accounts]), left_out(only_open) if only_open else "")
    return "; ".join((_seen(view), *filter(None, apart)))


def _seen(view: View) -> str:
    totals = view.summary.coverage
    if view.nothing_to_assess:
        return "Exceptions and changes alone: there was nothing to assess"
    if not totals.looked_at:
        return "INCOMPLETE: nothing was assessed; no control could look at anything in any account and region"
    if not totals.complete:
        missing = counted(totals.evaluations - totals.evaluations_assessed, "evaluation")
        return f"INCOMPLETE: {missing} not assessed{_accepted(view, '; also ')}"
    return f"Complete{_accepted(view, ' but for ')}"


def missing_names(view: View) -> str:
    """Return which accounts were not assessed, or only in part: the first of them in full; nothing without any."""
    scores = [score for score in view.accounts if score.completeness is not Completeness.COMPLETE]
    scores.sort(key=lambda score: score.completeness is Completeness.PARTIAL)
    names = [_named(score) for score in scores]
    where = "in the whole report" if view.part else "Coverage"
    more = f"; and {len(names) - NAMED:,} more: {where}" if len(names) > NAMED else ""
    return f"Missing: {'; '.join(names[:NAMED])}{more}" if names else ""


def _named(score: AccountScore) -> str:
    name = f"{one_line(score.name)} ({score.id})" if score.name else score.id
    return f"{name}, in part" if score.completeness is Completeness.PARTIAL else name


def _accepted(view: View, joined: str) -> str:
    """Return how many regions were accepted, with their names and in how many accounts, or nothing."""
    found = [
        f"{score.region} in {counted(score.accounts_accepted, 'account')}"
        for score in view.regions
        if score.accounts_accepted
    ]
    if not found:
        return ""
    named = ", ".join(found[:NAMED]) + (" …" if len(found) > NAMED else "")
    evaluations = counted(view.summary.coverage.evaluations_accepted, "evaluation")
    return f"{joined}{counted(len(found), 'accepted region')} ({named}; {evaluations} not made)"
