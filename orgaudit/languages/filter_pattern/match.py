"""Evaluates patterns over events of which only some fields are known, in Kleene's three-valued logic."""

import operator
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Literal

import msgspec

from orgaudit.languages.filter_pattern import globs
from orgaudit.languages.filter_pattern.known import (
    ABSENT,
    EITHER,
    AnythingBut,
    Fields,
    Known,
    Maybe,
    Sample,
    Scalar,
    State,
    siblings,
    state_of,
)
from orgaudit.languages.filter_pattern.regex import certain, search
from orgaudit.languages.filter_pattern.syntax import (
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
    Search,
    Term,
    Without,
)


class Truth(Enum):
    """Whether a pattern matches: all events of a kind, none, or some that the known fields do not tell apart."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Judgement(msgspec.Struct, frozen=True):
    """The truth of a pattern and, when that is unknown, what it depends on.

    A condition on a field is named by its selector, one on the event's text by what it requires: `contains "word"`,
    `lacks "word"`, `matches %regex%`.
    """

    truth: Truth
    open_selectors: tuple[str, ...] = ()


CONTAINS, LACKS, MATCHES = "contains ", "lacks ", "matches "


def quoted(term: str) -> str:
    """Return the key under which an event's fields say whether its text has a term."""
    return f'"{term}"'


def evaluate(pattern: Pattern, fields: Fields) -> Truth:
    """Whether the pattern matches every event with these fields (TRUE), none (FALSE), or perhaps some (UNKNOWN)."""
    return judge(pattern, fields).truth


def judge(pattern: Pattern, fields: Fields) -> Judgement:
    """Like `evaluate`, with what leaves the answer open."""
    match pattern:
        case And(parts):
            return _combine(parts, fields, deciding=Truth.FALSE, otherwise=Truth.TRUE)
        case Or(parts):
            return _combine(parts, fields, deciding=Truth.TRUE, otherwise=Truth.FALSE)
        case Term(text):
            return _open(_has_term(text, fields), CONTAINS + quoted(text))
        case Without(text):
            return _open(_NEGATION[_has_term(text, fields)], LACKS + quoted(text))
        case Search(source):
            found = certain(source, "", begins=True) or any(
                certain(source, piece, begins=False) for piece in _certain_text(fields)
            )
            return _open(Truth.TRUE if found else Truth.UNKNOWN, f"{MATCHES}%{source}%")
        case _:
            return _open(_field(pattern, fields), pattern.selector)


def _open(truth: Truth, depends_on: str) -> Judgement:
    return Judgement(truth, (depends_on,) if truth is Truth.UNKNOWN else ())


def _combine(parts: tuple[Pattern, ...], fields: Fields, *, deciding: Truth, otherwise: Truth) -> Judgement:
    selectors: dict[str, None] = {}
    for part in parts:
        judgement = judge(part, fields)
        if judgement.truth is deciding:
            return judgement
        selectors.update(dict.fromkeys(judgement.open_selectors))
    return Judgement(Truth.UNKNOWN if selectors else otherwise, tuple(selectors))


def _has_term(term: str, fields: Fields) -> Truth:
    """Whether the event's text has a term; only what is in one name or one value is certain to be there.

    How CloudTrail writes what stands between them, and what else an event holds, is not documented.
    """
    assumed = fields.get(quoted(term))
    if isinstance(assumed, bool):
        return _truth(assumed)
    return Truth.TRUE if any(term in piece for piece in _certain_text(fields)) else Truth.UNKNOWN


def _certain_text(fields: Fields) -> Iterable[str]:
    """Yield names and values that are certain to be in the event's text, as they are in JSON."""
    yield ""
    for selector, known in fields.items():
        if known is ABSENT or isinstance(known, Maybe) or not selector.startswith("$."):
            continue
        yield from selector.split(".")[1:]
        if isinstance(known, bool) or (isinstance(known, str) and _is_written_plainly(known)):
            yield _json_text(known)


def _is_written_plainly(text: str) -> bool:
    """Whether JSON has one way to write a text: what needs a backslash, or may have one, has several."""
    return text.isascii() and text.isprintable() and not {'"', "\\", "/"}.intersection(text)


def _field(condition: Condition, fields: Fields) -> Truth:
    truth = _condition(condition, state_of(fields, condition.selector))
    wild = isinstance(condition, Compare) and condition.operator is Operator.EQUAL and ".*" in condition.selector
    if truth is Truth.UNKNOWN and wild:
        found = (_condition(condition, known) for known in siblings(fields, condition.selector))
        return Truth.TRUE if Truth.TRUE in found else Truth.UNKNOWN
    return truth


def _condition(condition: Condition, state: Known | Literal[State.UNLISTED, State.OBJECT]) -> Truth:
    if state is State.UNLISTED:
        return Truth.UNKNOWN
    if isinstance(state, Maybe):
        return _common(_condition(condition, ABSENT), _condition(condition, state.text))
    if state is EITHER:
        return _common(_condition(condition, True), _condition(condition, False))
    return _holds(condition, state)


def _holds(condition: Condition, state: Scalar | AnythingBut | Sample | Literal[State.ABSENT, State.OBJECT]) -> Truth:
    match condition:
        case NotExists():
            return _truth(state is ABSENT)
        case Is(_, constant):
            return _truth(state is _CONSTANTS[constant])
        case Compare(_, comparison, value):
            if isinstance(state, State):
                # What != does without a value to compare is not documented.
                return Truth.UNKNOWN if comparison is Operator.NOT_EQUAL else Truth.FALSE
            return _compare(comparison, value, state)


def _common(one: Truth, other: Truth) -> Truth:
    return one if one is other else Truth.UNKNOWN


def _compare(comparison: Operator, value: Glob | Number | Regex, state: Scalar | AnythingBut | Sample) -> Truth:
    match comparison:
        case Operator.EQUAL:
            return _equal(value, state)
        case Operator.NOT_EQUAL:
            return Truth.UNKNOWN if state is None else _NEGATION[_equal(value, state)]
        case _ if isinstance(value, Number):
            return _numeric(_ORDERS[comparison], value, state)
        case _:
            return Truth.FALSE


def _equal(value: Glob | Number | Regex, state: Scalar | AnythingBut | Sample) -> Truth:
    if isinstance(value, Number):
        return _numeric(operator.eq, value, state)
    if isinstance(state, AnythingBut):
        return _equal_anything_but(value, state)
    if isinstance(state, Sample):
        return _equal_sample(value, state)
    if isinstance(value, Glob):
        return _textual(globs.matches(value.text, _json_text(state)), state, presence=value.matches_all)
    return _textual(search(value.source, _json_text(state)), state, presence=False)


def _equal_anything_but(value: Glob | Regex, state: AnythingBut) -> Truth:
    """An expression is certain only where it takes in, or leaves out, all that the field may hold."""
    if isinstance(value, Regex):
        sure = certain(value.source, state.like.partition("*")[0], begins=True)
        return Truth.TRUE if sure else Truth.UNKNOWN
    if globs.includes(value.text, state.like):
        return Truth.TRUE
    return Truth.FALSE if value.text in state.values or globs.disjoint(value.text, state.like) else Truth.UNKNOWN


def _equal_sample(value: Glob | Regex, state: Sample) -> Truth:
    if value in state.matches:
        return _truth(state.matches[value])
    return Truth.FALSE if isinstance(value, Glob) and "*" not in value.text else Truth.UNKNOWN


def _textual(matched: bool, state: Scalar, *, presence: bool) -> Truth:
    """A match is certain on text only: whether booleans, numbers and nulls are seen as text is not documented."""
    if isinstance(state, str) or (presence and state is not None):
        return _truth(matched)
    return Truth.UNKNOWN if matched else Truth.FALSE


def _numeric(holds: Callable[[float, float], bool], value: Number, state: Scalar | AnythingBut | Sample) -> Truth:
    match state:
        case AnythingBut() | Sample():
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
