"""What is said of a stage, in the words that the live view and plain lines share."""

from __future__ import annotations

from orgaudit.cli.progress.estimate import Left
from orgaudit.cli.progress.following import Seen, Slowest
from orgaudit.spreadsheet.text import one_line
from orgaudit.words import counted

MINUTES = 120
"""Seconds from which on a time is said in minutes."""
LONGEST_NAME = 40


def left_in_words(left: Left | None) -> str:
    """Return the time left in words, and nothing while it is unknown."""
    if left is None:
        return ""
    return f"{'at least' if left.at_least else 'about'} {duration(left.seconds)} left"


def duration(seconds: float) -> str:
    """Return a time as people read it: seconds up to two minutes, then minutes."""
    return f"{seconds:.0f} s" if seconds < MINUTES else f"{seconds / 60:,.0f} min"


def slowest_in_words(slowest: Slowest) -> str:
    """Return which account has been running for the longest time."""
    name = one_line(slowest.account.name)
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return f"slowest: {f'{short} ({slowest.account.id})' if short else slowest.account.id}, {duration(slowest.seconds)}"


def figures(seen: Seen) -> tuple[str, ...]:
    """Return what was sent and what is missing, each as one figure; nothing for a stage that calls nobody."""
    if not seen.sends:
        return ()
    rate = f"{seen.calls_per_second:,.0f}/s" if seen.calls_per_second is not None else ""
    return tuple(
        filter(
            None,
            (counted(seen.calls, "call"), rate, f"{seen.throttles:,} throttled", counted(seen.gaps, "gap")),
        )
    )
