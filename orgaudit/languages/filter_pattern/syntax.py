"""The syntax tree of a filter pattern, for JSON or for the text of an event."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class PatternError(ValueError):
    """A text that is not a filter pattern for JSON or terms; `position` is the offset of the first misfit."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position})")
        self.position = position


class Operator(Enum):
    """The operators that compare a field with a value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class Glob:
    """Text in which each `*` stands for any run of characters, quoted or not."""

    text: str

    @property
    def matches_all(self) -> bool:
        """Whether every text matches, so that a comparison only requires presence."""
        return bool(self.text) and not self.text.strip("*")


@dataclass(frozen=True, slots=True)
class Number:
    """An unquoted number, as it was written."""

    text: str

    @property
    def value(self) -> float:
        """The number itself."""
        return float(self.text)


@dataclass(frozen=True, slots=True)
class Regex:
    """The expression between two `%`, searched for anywhere in the field."""

    source: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A field compared with a value; the orders `<` to `>=` take numbers only."""

    selector: str
    operator: Operator
    value: Glob | Number | Regex


@dataclass(frozen=True, slots=True)
class Is:
    """A field that must hold one JSON constant: true, false or null."""

    selector: str
    constant: bool | None


@dataclass(frozen=True, slots=True)
class NotExists:
    """A field that must be missing."""

    selector: str


@dataclass(frozen=True, slots=True)
class Term:
    """Text that the event must have anywhere; every event has the empty text."""

    text: str


@dataclass(frozen=True, slots=True)
class Without:
    """Text that the event must not have anywhere."""

    text: str


@dataclass(frozen=True, slots=True)
class Search:
    """An expression that is searched for anywhere in the text of the event."""

    source: str


@dataclass(frozen=True, slots=True)
class And:
    """Two or more patterns that must all match."""

    parts: tuple[FilterPattern, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more patterns of which one must match."""

    parts: tuple[FilterPattern, ...]


FieldCondition: TypeAlias = Compare | Is | NotExists
FilterPattern: TypeAlias = FieldCondition | Term | Without | Search | And | Or
