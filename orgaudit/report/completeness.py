"""Whether a run saw all that it was to see, in one sentence that every format shows."""

from __future__ import annotations

from orgaudit.report.view import View
from orgaudit.words import counted

NAMED = 5
"""How many accepted regions are named."""


def completeness_of(view: View) -> str:
    """Return the sentence: incomplete, with how much is missing, or complete, with the regions that were accepted."""
    totals = view.summary.coverage
    if not totals.looked_at:
        return "INCOMPLETE: nothing was assessed; no control could look at anything in any account and region"
    if not totals.complete:
        missing = counted(totals.evaluations - totals.evaluations_assessed, "evaluation")
        return f"INCOMPLETE: {missing} not assessed{_accepted(view, '; also ')}"
    return f"Complete{_accepted(view, ' but for ')}"


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
