"""The evidence for the parts of a requirement by mapping: the state of each, and how many have which, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from orgaudit.words import counted


class PartState(StrEnum):
    """What is known of one part of a requirement by mapping.

    FAIL where any of its evidence fails. EVIDENCE where all of its controls answered in all accounts and none fails, or
    people attested it for all. PARTLY_SEEN where some answered and some did not, NOT_SEEN where none did. MANUAL waits
    for an attestation, NOT_COVERED is what no control answers.
    """

    FAIL = "FAIL"
    NOT_SEEN = "NOT_SEEN"
    PARTLY_SEEN = "PARTLY_SEEN"
    EVIDENCE = "EVIDENCE"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    MANUAL = "MANUAL"
    NOT_COVERED = "NOT_COVERED"


class PartScore(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a requirement: its state, and in how many accounts its evidence fails or was not all seen."""

    title: str
    assessment: str
    controls: tuple[str, ...]
    state: PartState
    accounts_failing: int = 0
    accounts_not_seen: int = 0


class PartCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many parts are in each state; the states add up to `total`."""

    total: int = 0
    evidence: int = 0
    failing: int = 0
    partly_seen: int = 0
    not_seen: int = 0
    not_applicable: int = 0
    manual: int = 0
    not_covered: int = 0

    @property
    def words(self) -> str:
        """The counts as a sentence, such as "3 of 5 parts have evidence, 1 fails, 1 was not seen"."""
        have = "has" if self.total == 1 else "have"
        others = (
            (self.failing, "fails", "fail"),
            (self.partly_seen, "was seen in part", "were seen in part"),
            (self.not_seen, "was not seen", "were not seen"),
            (self.not_applicable, "does not apply", "do not apply"),
            (self.manual, "waits for an attestation", "wait for attestations"),
            (self.not_covered, "is not covered", "are not covered"),
        )
        said = [f"{count:,} {one if count == 1 else more}" for count, one, more in others if count]
        return ", ".join([f"{self.evidence:,} of {counted(self.total, 'part')} {have} evidence", *said])


def counts_of(parts: Iterable[PartScore]) -> PartCounts:
    """Return how many of these parts are in each state."""
    states = Counter(part.state for part in parts)
    return PartCounts(
        total=states.total(),
        evidence=states[PartState.EVIDENCE],
        failing=states[PartState.FAIL],
        partly_seen=states[PartState.PARTLY_SEEN],
        not_seen=states[PartState.NOT_SEEN],
        not_applicable=states[PartState.NOT_APPLICABLE],
        manual=states[PartState.MANUAL],
        not_covered=states[PartState.NOT_COVERED],
    )
