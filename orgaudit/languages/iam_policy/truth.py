"""Three-valued truth that remembers which condition keys an unknown depends on."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Truth:
    """True, False, or unknown (`value` is None) with the condition keys that would settle it."""

    value: bool | None
    keys: frozenset[str] = frozenset()

    def negated(self) -> "Truth":
        """The opposite; unknown stays unknown."""
        return self if self.value is None else of(not self.value)


TRUE = Truth(value=True)
FALSE = Truth(value=False)


def of(value: bool) -> Truth:
    """The certain truth for a bool."""
    return TRUE if value else FALSE


def unknown(*keys: str) -> Truth:
    """An unknown that the given condition keys would settle."""
    return Truth(None, frozenset(keys))


def all_of(truths: Iterable[Truth]) -> Truth:
    """False if one is false, else unknown if one is unknown, else true (also for none at all)."""
    seen = tuple(truths)
    if any(truth.value is False for truth in seen):
        return FALSE
    return _joined(seen) or TRUE


def any_of(truths: Iterable[Truth]) -> Truth:
    """True if one is true, else unknown if one is unknown, else false (also for none at all)."""
    seen = tuple(truths)
    if any(truth.value is True for truth in seen):
        return TRUE
    return _joined(seen) or FALSE


def _joined(truths: tuple[Truth, ...]) -> Truth | None:
    unknowns = [truth.keys for truth in truths if truth.value is None]
    return Truth(None, frozenset().union(*unknowns)) if unknowns else None
