"""What may be known of an event: fields, each with its value or with the values that it may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from orgaudit.languages.filter_pattern.syntax import Glob, Regex


class State(Enum):
    """What a field may be other than a value; the last two are never listed, they follow from other fields."""

    ABSENT = "absent"
    EITHER = "true or false"
    UNLISTED = "unlisted"
    OBJECT = "object"


ABSENT: Final = State.ABSENT
"""The event does not have the field."""

EITHER: Final = State.EITHER
"""The field is there and holds true or false."""


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """A field that is there and holds text that matches the glob `like`, other than these values."""

    values: frozenset[str] = frozenset()
    like: str = "*"


@dataclass(frozen=True, slots=True)
class Maybe:
    """A field that may be missing, and holds such text where it is there."""

    text: AnythingBut


@dataclass(frozen=True, slots=True)
class Sample:
    """A text of which it is known which expressions it matches, and that it equals no text that anything names."""

    matches: Mapping[Glob | Regex, bool]


Scalar: TypeAlias = str | bool | int | float | None
Known: TypeAlias = Scalar | Literal[State.ABSENT, State.EITHER] | AnythingBut | Maybe | Sample
Fields: TypeAlias = Mapping[str, Known]
"""What is known of an event, by selector (`$.userIdentity.type`); a selector that is not listed may hold anything."""


def state_of(fields: Fields, selector: str) -> Known | Literal[State.UNLISTED, State.OBJECT]:
    """Return what is known of a field, also from the fields above and below it."""
    if selector in fields:
        return fields[selector]
    for listed, known in fields.items():
        if _is_below(selector, listed):
            return ABSENT  # a scalar has nothing below it, and neither has what is missing
        if known is not ABSENT and not isinstance(known, Maybe) and _is_below(listed, selector):
            return State.OBJECT
    return State.UNLISTED


def siblings(fields: Fields, selector: str) -> list[Known]:
    """Return what is known of the listed fields that the one `.*` of a selector stands for."""
    before, _, after = selector.partition("*")
    found = []
    for listed, known in fields.items():
        name = listed[len(before) : len(listed) - len(after)]
        if f"{before}{name}{after}" == listed and name and not {".", "["}.intersection(name):
            found.append(known)
    return found


def _is_below(selector: str, ancestor: str) -> bool:
    return selector.startswith((f"{ancestor}.", f"{ancestor}["))
