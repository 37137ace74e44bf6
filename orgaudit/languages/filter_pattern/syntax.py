"""The syntax tree of a filter pattern, for JSON or for the text of an event, and its way back to text."""

from enum import Enum
from typing import TypeAlias

import msgspec


class PatternError(ValueError):
    """The text is not a filter pattern for JSON or terms; `position` is the offset of the first misfit."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position})")
        self.position = position


class Operator(Enum):
    """How a field is compared with a value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class Constant(Enum):
    """The JSON constants that `IS` asks for."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    NULL = "NULL"


class Glob(msgspec.Struct, frozen=True, tag=True):
    """Text in which each `*` stands for any run of characters, quoted or not."""

    text: str

    @property
    def matches_all(self) -> bool:
        """Whether every text matches, so that a comparison only asks for presence."""
        return bool(self.text) and not self.text.strip("*")


class Number(msgspec.Struct, frozen=True, tag=True):
    """An unquoted number, as it was written."""

    text: str

    @property
    def value(self) -> float:
        """The number itself."""
        return float(self.text)


class Regex(msgspec.Struct, frozen=True, tag=True):
    """The expression between two `%`, searched for anywhere in the field."""

    source: str


class Compare(msgspec.Struct, frozen=True, tag=True):
    """A field compared with a value; the orders `<` to `>=` take numbers only."""

    selector: str
    operator: Operator
    value: Glob | Number | Regex


class Is(msgspec.Struct, frozen=True, tag=True):
    """A field that must hold one JSON constant."""

    selector: str
    constant: Constant


class NotExists(msgspec.Struct, frozen=True, tag=True):
    """A field that must be missing."""

    selector: str


class Term(msgspec.Struct, frozen=True, tag=True):
    """Text that the event must have anywhere; every event has the empty text."""

    text: str


class Without(msgspec.Struct, frozen=True, tag=True):
    """Text that the event must not have anywhere."""

    text: str


class Search(msgspec.Struct, frozen=True, tag=True):
    """An expression that is searched for anywhere in the text of the event."""

    source: str


class And(msgspec.Struct, frozen=True, tag=True):
    """Two or more patterns that must all match."""

    parts: "tuple[Pattern, ...]"


class Or(msgspec.Struct, frozen=True, tag=True):
    """Two or more patterns of which one must match."""

    parts: "tuple[Pattern, ...]"


Condition: TypeAlias = Compare | Is | NotExists
TextCondition: TypeAlias = Term | Without | Search
Pattern: TypeAlias = Condition | TextCondition | And | Or


def render(pattern: Pattern) -> str:
    """The text of a pattern; parsing it gives the same tree."""
    match pattern:
        case Term() | Without() | Search():
            return _text_condition(pattern)
        case And(parts) | Or(parts) if all(isinstance(part, Term | Without | Search) for part in parts):
            mark = "?" if isinstance(pattern, Or) else ""
            return " ".join(f"{mark}{render(part)}" for part in parts)
        case _:
            return f"{{ {_expression(pattern)} }}"


def _text_condition(condition: TextCondition) -> str:
    match condition:
        case Term(text):
            return _quoted(text)
        case Without(text):
            return f"-{_quoted(text)}"
        case Search(source):
            return f"%{source}%"


def _expression(pattern: Pattern) -> str:
    match pattern:
        case Compare(selector, operator, value):
            return f"{selector} {operator.value} {_value(value)}"
        case Is(selector, constant):
            return f"{selector} IS {constant.value}"
        case NotExists(selector):
            return f"{selector} NOT EXISTS"
        case And(parts):
            return " && ".join(map(_operand, parts))
        case Or(parts):
            return " || ".join(map(_operand, parts))
        case Term() | Without() | Search():
            raise TypeError("a condition on the event's text has no place among conditions on its fields")


def _operand(pattern: Pattern) -> str:
    text = _expression(pattern)
    return f"({text})" if isinstance(pattern, And | Or) else text


def _value(value: Glob | Number | Regex) -> str:
    match value:
        case Glob(text):
            return _quoted(text)
        case Number(text):
            return text
        case Regex(source):
            return f"%{source}%"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
