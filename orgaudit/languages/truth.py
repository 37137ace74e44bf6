"""Three-valued truth: true, false, or unknown with what would settle it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Truth:
    """True, false, or unknown (`value` is None), then with the names of what the answer depends on."""

    value: bool | None
    depends_on: tuple[str, ...] = ()

    def negated(self) -> Truth:
        """Return the opposite; unknown stays unknown."""
        return self if self.value is None else truth_of(not self.value)


TRUE = Truth(value=True)
FALSE = Truth(value=False)


def truth_of(value: bool) -> Truth:
    """Return the certain truth of a bool."""
    return TRUE if value else FALSE


@lru_cache(maxsize=4096)
def unknown(*names: str) -> Truth:
    """Return an unknown that depends on these names."""
    return Truth(None, names)


UNKNOWN = unknown()


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return false if one is false, else unknown if one is unknown, else true, also for none at all."""
    return _joined(truths, decisive=False)


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return true if one is true, else unknown if one is unknown, else false, also for none at all."""
    return _joined(truths, decisive=True)


def _joined(truths: Iterable[Truth], *, decisive: bool) -> Truth:
    """Return the first truth that decides; without one an unknown that depends on all that the unknown ones do."""
    undecided: list[Truth] = []
    for truth in truths:
        if truth.value is decisive:
            return truth
        if truth.value is None:
            undecided.append(truth)
    if not undecided:
        return truth_of(not decisive)
    return unknown(*dict.fromkeys(name for truth in undecided for name in truth.depends_on))
