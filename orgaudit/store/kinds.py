"""The kinds of change between two runs: each issue that is open in either has exactly one."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What became of an issue, or of a finding, that is open in one of two runs or in both."""

    NEW = "new"
    REGRESSED = "regressed"
    EXCEPTION_ENDED = "exception ended"
    STRICTER = "judged differently, stricter"
    NEW_RULES = "judged differently, not comparable: open now"
    NEWLY_CHECKED = "newly checked"
    PERSISTENT = "persistent"
    RESOLVED = "resolved"
    GONE = "gone with its resource"
    EXCEPTION_BEGAN = "exception began"
    MORE_LENIENT = "judged differently, more lenient"
    OLD_RULES = "judged differently, not comparable: no longer open"
    NOT_CHECKED_AGAIN = "not checked again"

    @property
    def began(self) -> bool:
        """Whether it is open in the new run only."""
        return self in OPENING

    @property
    def ended(self) -> bool:
        """Whether it is open in the old run only."""
        return self in CLOSING

    @property
    def compared(self) -> bool:
        """Whether both runs looked at it, by rules of which the effect is known."""
        return self not in {Kind.NEWLY_CHECKED, Kind.NOT_CHECKED_AGAIN, Kind.NEW_RULES, Kind.OLD_RULES}

    @property
    def meaning(self) -> str:
        """The kind in a sentence."""
        return _MEANINGS[self]


OPENING = (
    *(Kind.EXCEPTION_ENDED, Kind.REGRESSED, Kind.NEW, Kind.STRICTER),
    *(Kind.NEW_RULES, Kind.NEWLY_CHECKED),
)
"""The kinds of what is open in the new run only. An issue of several findings has the first that one of them has."""
CLOSING = (
    *(Kind.NOT_CHECKED_AGAIN, Kind.OLD_RULES, Kind.EXCEPTION_BEGAN, Kind.MORE_LENIENT),
    *(Kind.RESOLVED, Kind.GONE),
)
"""The kinds of what is open in the old run only, in the same way: what was not proven to be fixed comes first."""

_MEANINGS = {
    Kind.NEW: "it was never open before",
    Kind.REGRESSED: "it was open before, was fixed, and is open again",
    Kind.EXCEPTION_ENDED: "an exception covered it in the old run, and none does now",
    Kind.STRICTER: "the control changed; by the new rules it was already failing in the old run",
    Kind.NEW_RULES: "the control changed; whether it failed before by the new rules cannot be determined",
    Kind.NEWLY_CHECKED: "its account, region or control was not assessed in the old run",
    Kind.PERSISTENT: "it is open in both runs",
    Kind.RESOLVED: "it was assessed again and no longer fails",
    Kind.GONE: "its resource, account or region no longer exists",
    Kind.EXCEPTION_BEGAN: "it still fails, and an exception covers it now",
    Kind.MORE_LENIENT: "the control changed; by the new rules it did not fail in the old run either",
    Kind.OLD_RULES: "the control changed; whether it failed before by the new rules cannot be determined",
    Kind.NOT_CHECKED_AGAIN: "it was open, and the new run did not assess it",
}
