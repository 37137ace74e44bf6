"""Evaluates patterns over events of which only some fields are known, in Kleene's three-valued logic."""

import operator
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Literal, TypeAlias

import msgspec

from orgaudit.facts.patterns.regex import search
from orgaudit.facts.patterns.syntax import (
    And,
    Compare,
    Condition,
    Constant,
    Glob,
    Is,
    NotExists,
    Number,
    Operator,
    Or,
    Pattern,
    Regex,
)


class Truth(Enum):
    """Whether a pattern matches: all events of a kind, none, or some that the known fields do not tell apart."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class _State(Enum):
    ABSENT = "absent"
    UNLISTED = "unlisted"
    OBJECT = "object"


ABSENT: Final = _State.ABSENT
"""The event does not have the field."""


class AnythingBut(msgspec.Struct, frozen=True):
    """The field is there and holds text other than these."""

    values: frozenset[str]


Scalar: TypeAlias = str | bool | int | float | None
Known: TypeAlias = Scalar | Literal[_State.ABSENT] | AnythingBut
Fields: TypeAlias = Mapping[str, Known]
"""What is known of an event, by selector (`$.userIdentity.type`); a selector that is not listed may hold anything."""


class Judgement(msgspec.Struct, frozen=True):
    """The truth of a pattern and, when that is unknown, the selectors that it hangs on."""

    truth: Truth
    open_selectors: tuple[str, ...] = ()


def evaluate(pattern: Pattern, fields: Fields) -> Truth:
    """Whether the pattern matches every event with these fields (TRUE), none (FALSE), or perhaps some (UNKNOWN)."""
    return judge(pattern, fields).truth


def judge(pattern: Pattern, fields: Fields) -> Judgement:
    """Like `evaluate`, with the selectors that leave the answer open."""
    match pattern:
        case And(parts):
            return _combine(parts, fields, deciding=Truth.FALSE, otherwise=Truth.TRUE)
        case Or(parts):
            return _combine(parts, fields, deciding=Truth.TRUE, otherwise=Truth.FALSE)
        case _:
            truth = _condition(pattern, _state(fields, pattern.selector))
            return Judgement(truth, (pattern.selector,) if truth is Truth.UNKNOWN else ())


def _combine(parts: tuple[Pattern, ...], fields: Fields, *, deciding: Truth, otherwise: Truth) -> Judgement:
    selectors: dict[str, None] = {}
    for part in parts:
        judgement = judge(part, fields)
        if judgement.truth is deciding:
            return judgement
        selectors.update(dict.fromkeys(judgement.open_selectors))
    return Judgement(Truth.UNKNOWN if selectors else otherwise, tuple(selectors))


def _state(fields: Fields, selector: str) -> Known | Literal[_State.UNLISTED, _State.OBJECT]:
    if selector in fields:
        return fields[selector]
    for listed, known in fields.items():
        if _is_below(selector, listed):
            return ABSENT  # a scalar has nothing below it, and neither has what is missing
        if known is not ABSENT and _is_below(listed, selector):
            return _State.OBJECT
    return _State.UNLISTED


def _is_below(selector: str, ancestor: str) -> bool:
    return selector.startswith((f"{ancestor}.", f"{ancestor}["))


def _condition(condition: Condition, state: Known | Literal[_State.UNLISTED, _State.OBJECT]) -> Truth:
    if state is _State.UNLISTED:
        return Truth.UNKNOWN
    match condition:
        case NotExists():
            return _truth(state is ABSENT)
        case Is(_, constant):
            return _truth(state is _CONSTANTS[constant])
        case Compare(_, comparison, value):
            if isinstance(state, _State):
                # What != does without a value to compare is not documented.
                return Truth.UNKNOWN if comparison is Operator.NOT_EQUAL else Truth.FALSE
            return _compare(comparison, value, state)


def _compare(comparison: Operator, value: Glob | Number | Regex, state: Scalar | AnythingBut) -> Truth:
    match comparison:
        case Operator.EQUAL:
            return _equal(value, state)
        case Operator.NOT_EQUAL:
            return Truth.UNKNOWN if state is None else _NEGATION[_equal(value, state)]
        case _ if isinstance(value, Number):
            return _numeric(_ORDERS[comparison], value, state)
        case _:
            return Truth.FALSE


def _equal(value: Glob | Number | Regex, state: Scalar | AnythingBut) -> Truth:
    match value:
        case Number():
            return _numeric(operator.eq, value, state)
        case Glob(text):
            if isinstance(state, AnythingBut):
                return _equal_anything_but(value, state)
            return _textual(_glob_matches(text, _json_text(state)), state, presence=value.matches_all)
        case Regex(source):
            if isinstance(state, AnythingBut):
                return Truth.UNKNOWN
            return _textual(search(source, _json_text(state)), state, presence=False)


def _equal_anything_but(glob: Glob, state: AnythingBut) -> Truth:
    """Only `*` takes all texts; any other glob leaves endless texts out, and takes endless texts in if it has a `*`."""
    if glob.matches_all:
        return Truth.TRUE
    return Truth.FALSE if glob.text in state.values and "*" not in glob.text else Truth.UNKNOWN


def _textual(matched: bool, state: Scalar, *, presence: bool) -> Truth:
    """A match is certain on text only: whether booleans, numbers and nulls are seen as text is not documented."""
    if isinstance(state, str) or (presence and state is not None):
        return _truth(matched)
    return Truth.UNKNOWN if matched else Truth.FALSE


def _numeric(holds: Callable[[float, float], bool], value: Number, state: Scalar | AnythingBut) -> Truth:
    match state:
        case AnythingBut():
            return Truth.UNKNOWN
        case bool() | None:
            return Truth.FALSE
        case int() | float():
            return _truth(holds(state, value.value))
        case str():
            try:
                held = holds(float(state), value.value)
            except ValueError:
                return Truth.FALSE
            # Whether text that reads as a number compares as one is not documented.
            return Truth.UNKNOWN if held else Truth.FALSE


def _glob_matches(glob: str, text: str) -> bool:
    first, *rest = glob.split("*")
    if not rest:
        return glob == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, max(end, 0))
        if found < 0:
            return False
        position = found + len(piece)
    return position <= end


def _json_text(scalar: Scalar) -> str:
    return scalar if isinstance(scalar, str) else msgspec.json.encode(scalar).decode()


def _truth(holds: bool) -> Truth:
    return Truth.TRUE if holds else Truth.FALSE


_NEGATION = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}
_CONSTANTS = {Constant.TRUE: True, Constant.FALSE: False, Constant.NULL: None}
_ORDERS = {
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}
