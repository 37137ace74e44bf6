"""The evaluation of patterns over events of which only some fields are known."""

import operator
from collections.abc import Callable, Iterable
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
from orgaudit.languages.filter_pattern.regex import is_certain, search
from orgaudit.languages.filter_pattern.syntax import (
    And,
    Compare,
    FieldCondition,
    FilterPattern,
    Glob,
    Is,
    NotExists,
    Number,
    Operator,
    Or,
    Regex,
    Search,
    Term,
    Without,
)
from orgaudit.languages.truth import FALSE, TRUE, UNKNOWN, Truth, all_of, any_of, truth_of, unknown

CONTAINS, LACKS, MATCHES = "contains ", "lacks ", "matches "


def quoted(term: str) -> str:
    """Return the key under which an event's fields hold whether its text has a term."""
    return f'"{term}"'


def evaluate(pattern: FilterPattern, fields: Fields) -> Truth:
    """Return whether the pattern matches every event with these fields, none, or perhaps some.

    An unknown depends on conditions: one on a field is named by its selector, one on the event's text by what it
    requires, as in `contains "word"`, `lacks "word"`, `matches %regex%`.
    """
    match pattern:
        case Compare() | Is() | NotExists():
            return _named(_field(pattern, fields), pattern.selector)
        case And(parts):
            return all_of(evaluate(part, fields) for part in parts)
        case Or(parts):
            return any_of(evaluate(part, fields) for part in parts)
        case Term(text):
            return _named(_has_term(text, fields), CONTAINS + quoted(text))
        case Without(text):
            return _named(_has_term(text, fields).negated(), LACKS + quoted(text))
        case Search(source):
            found = is_certain(source, "", begins=True) or any(
                is_certain(source, piece, begins=False) for piece in _certain_text(fields)
            )
            return _named(TRUE if found else UNKNOWN, f"{MATCHES}%{source}%")


def _named(truth: Truth, name: str) -> Truth:
    return unknown(name) if truth.value is None else truth


def _has_term(term: str, fields: Fields) -> Truth:
    """Return whether the event's text has a term; only what is in one name or one value is certain to be there.

    How CloudTrail writes what stands between them, and what else an event holds, is not documented.
    """
    assumed = fields.get(quoted(term))
    if isinstance(assumed, bool):
        return truth_of(assumed)
    return TRUE if any(term in piece for piece in _certain_text(fields)) else UNKNOWN


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
    """Return whether JSON has one way to write a text: what needs a backslash, or may have one, has several."""
    return text.isascii() and text.isprintable() and not {'"', "\\", "/"}.intersection(text)


def _field(condition: FieldCondition, fields: Fields) -> Truth:
    truth = _condition(condition, state_of(fields, condition.selector))
    wild = isinstance(condition, Compare) and condition.operator is Operator.EQUAL and ".*" in condition.selector
    if truth.value is None and wild:
        found = (_condition(condition, known) for known in siblings(fields, condition.selector))
        return TRUE if TRUE in found else UNKNOWN
    return truth


def _condition(condition: FieldCondition, state: Known | Literal[State.UNLISTED, State.OBJECT]) -> Truth:
    if state is State.UNLISTED:
        return UNKNOWN
    if isinstance(state, Maybe):
        return _common(_condition(condition, ABSENT), _condition(condition, state.text))
    if state is EITHER:
        return _common(_condition(condition, True), _condition(condition, False))
    return _holds(condition, state)


def _holds(
    condition: FieldCondition, state: Scalar | AnythingBut | Sample | Literal[State.ABSENT, State.OBJECT]
) -> Truth:
    match condition:
        case NotExists():
            return truth_of(state is ABSENT)
        case Is(_, constant):
            return truth_of(state is constant)
        case Compare(_, comparison, value):
            if isinstance(state, State):
                # What != does without a value to compare is not documented.
                return UNKNOWN if comparison is Operator.NOT_EQUAL else FALSE
            return _compare(comparison, value, state)


def _common(one: Truth, other: Truth) -> Truth:
    return one if one.value is other.value else UNKNOWN


def _compare(comparison: Operator, value: Glob | Number | Regex, state: Scalar | AnythingBut | Sample) -> Truth:
    match comparison:
        case Operator.EQUAL:
            return _equal(value, state)
        case Operator.NOT_EQUAL:
            return UNKNOWN if state is None else _equal(value, state).negated()
        case _ if isinstance(value, Number):
            return _numeric(_ORDERS[comparison], value, state)
        case _:
            return FALSE


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
    """Return a certain truth only where an expression matches all that the field may hold, or nothing of it."""
    if isinstance(value, Regex):
        return TRUE if is_certain(value.source, state.like.partition("*")[0], begins=True) else UNKNOWN
    if globs.includes(value.text, state.like):
        return TRUE
    return FALSE if value.text in state.values or globs.disjoint(value.text, state.like) else UNKNOWN


def _equal_sample(value: Glob | Regex, state: Sample) -> Truth:
    if value in state.matches:
        return truth_of(state.matches[value])
    return FALSE if isinstance(value, Glob) and "*" not in value.text else UNKNOWN


def _textual(matched: bool, state: Scalar, *, presence: bool) -> Truth:
    """Return a certain match for text only: whether other JSON values are compared as text is not documented."""
    if isinstance(state, str) or (presence and state is not None):
        return truth_of(matched)
    return UNKNOWN if matched else FALSE


def _numeric(holds: Callable[[float, float], bool], value: Number, state: Scalar | AnythingBut | Sample) -> Truth:
    match state:
        case AnythingBut() | Sample():
            return UNKNOWN
        case bool() | None:
            return FALSE
        case int() | float():
            return truth_of(holds(state, value.value))
        case str():
            try:
                held = holds(float(state), value.value)
            except ValueError:
                return FALSE
            # Whether text that reads as a number compares as one is not documented.
            return UNKNOWN if held else FALSE


def _json_text(scalar: Scalar) -> str:
    return scalar if isinstance(scalar, str) else msgspec.json.encode(scalar).decode()


_ORDERS = {
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}
