"""The change between two runs in one sentence that can be read aloud."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from orgaudit.store.kinds import Kind

_SAID = {
    Kind.NEW: "{} new",
    Kind.REGRESSED: "{} regressed",
    Kind.EXCEPTION_ENDED: "{} open again because an exception ended",
    Kind.STRICTER: "{} from stricter rules",
    Kind.RESOLVED: "{} resolved",
    Kind.GONE: "{} gone with their resource",
    Kind.EXCEPTION_BEGAN: "{} newly covered by exceptions",
    Kind.MORE_LENIENT: "{} dropped by more lenient rules",
}
_APART = {
    Kind.NOT_CHECKED_AGAIN: "{} not checked again",
    Kind.NEWLY_CHECKED: "{} checked for the first time",
    Kind.NEW_RULES: "{} open by changed rules",
    Kind.OLD_RULES: "{} no longer open by changed rules",
}
_ALWAYS = (Kind.NEW, Kind.RESOLVED)


def net(counts: Mapping[Kind, int]) -> int:
    """Return by how many what both runs compared grew: without what one of them did not look at by the same rules."""
    return sum(
        count if kind.began else -count
        for kind, count in counts.items()
        if kind.compared and kind is not Kind.PERSISTENT
    )


def sentence(counts: Mapping[Kind, int], noun: str, since: date) -> str:
    """Return the sentence: what changed, by how much that differs from the earlier day, and what was not compared.

    `noun` is what is counted, as a plural.
    """
    said = [text.format(f"{counts[kind]:,}") for kind, text in _SAID.items() if counts[kind] or kind in _ALWAYS]
    grown = net(counts)
    how = "as many" if not grown else f"{abs(grown):,} {'more' if grown > 0 else 'fewer'}"
    than = "as" if not grown else "than"
    apart = [text.format(f"{counts[kind]:,}") for kind, text in _APART.items() if counts[kind]]
    left = f"; not compared: {', '.join(apart)}" if apart else ""
    return f"{', '.join(said)}: {how} open {noun} {than} on {since.isoformat()}{left}"
