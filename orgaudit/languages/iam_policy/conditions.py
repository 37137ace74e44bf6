"""Condition operators: whether a condition holds in a request context that may be known only in part.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from operator import eq, ge, gt, le, lt
from typing import TypeVar

from orgaudit.languages.cidr import block_holds
from orgaudit.languages.iam_policy.document import Condition
from orgaudit.languages.iam_policy.vocabulary import ARN_PARTS
from orgaudit.languages.iam_policy.wildcards import ANY, Tokens, WildcardPattern, compile_pattern, matches
from orgaudit.languages.truth import FALSE, Truth, all_of, any_of, truth_of, unknown

T = TypeVar("T", Decimal, datetime)

Context = Mapping[str, tuple[str, ...]]
"""The values of a request by their keys in lower case; empty for a key that the request is known not to carry."""
Comparison = Callable[[WildcardPattern, str], bool]
"""Whether a value is as required; raises ValueError, InvalidOperation or OverflowError where that is undefined."""

_OPERATOR = re.compile(r"(?:(foranyvalue|forallvalues):)?([a-z]+?)(ifexists)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator taken apart; `base` is in lower case, `quantifier` is "any", "all" or None."""

    base: str
    quantifier: str | None
    if_exists: bool

    @property
    def is_negated(self) -> bool:
        """Whether the operator requires that no value matches."""
        return self.base in _NEGATED

    @property
    def positive(self) -> str:
        """The base of the operator that requires a match."""
        return _NEGATED.get(self.base, self.base)

    @property
    def has_wildcards(self) -> bool:
        """Whether `*` and `?` stand for other characters."""
        return self.positive in _WITH_WILDCARDS


@lru_cache(maxsize=256)
def operator_of(name: str) -> Operator | None:
    """Return the operator of that name, or None for one that is not understood."""
    match = _OPERATOR.fullmatch(name)
    if match is None:
        return None
    quantifier, base, if_exists = match.groups()
    base = base.lower()
    if base != "null" and base not in _COMPARISONS and base not in _NEGATED:
        return None
    return Operator(base, quantifier[3:6].lower() if quantifier else None, if_exists is not None)


def predicate_of(condition: Condition) -> tuple[Hashable, bool]:
    """Return what the condition examines in a key that is present, and whether it requires the opposite of that."""
    operator, values = operator_of(condition.operator), frozenset(condition.values)
    if operator is None or not values:
        return (condition.operator, values), False
    if operator.base in {"bool", "null"}:
        wanted = frozenset(value.lower() for value in values)
        opposite = wanted == {"false"} and operator.quantifier is None
        return (operator.base, operator.quantifier, frozenset({"true"}) if opposite else wanted), opposite
    every = operator.quantifier == ("any" if operator.is_negated else "all")
    return (operator.positive, every, values), operator.is_negated


def moment_of(text: str) -> datetime | None:
    """Return the moment that the value of a date condition names, or None for a text that names none."""
    try:
        return _date(text)
    except (ValueError, OverflowError):
        return None


def holds(condition: Condition, context: Context, *, variables: bool) -> Truth:
    """Return whether the condition holds; unknown for a key outside the context or an operator not understood."""
    operator = operator_of(condition.operator)
    values = context.get(condition.key.lower())
    if operator is None or values is None:
        return unknown(condition.key)
    if operator.base == "null":
        return truth_of(any((wanted.lower() == "true") is (not values) for wanted in condition.values))
    if not values:
        return truth_of(_holds_without_value(operator))
    found = [_found(condition, operator, value, variables=variables) for value in values]
    if operator.is_negated:
        found = [truth.negated() for truth in found]
    wants_all = operator.quantifier == "all" or (operator.quantifier is None and operator.is_negated)
    return all_of(found) if wants_all else any_of(found)


def _holds_without_value(operator: Operator) -> bool:
    # IfExists has no effect under a set operator, as there is no value to apply it to:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    if operator.quantifier is not None:
        return operator.quantifier == "all"
    return operator.if_exists or operator.is_negated


def _found(condition: Condition, operator: Operator, value: str, *, variables: bool) -> Truth:
    patterns = (
        compile_pattern(wanted, wildcards=operator.has_wildcards, variables=variables) for wanted in condition.values
    )
    return any_of(_compared(pattern, operator.positive, value, condition.key) for pattern in patterns)


def _compared(wanted: WildcardPattern, base: str, value: str, key: str) -> Truth:
    try:
        result = _COMPARISONS[base](wanted, value)
    except (ValueError, InvalidOperation, OverflowError):
        return unknown(*wanted.variables or (key,))
    if wanted.variables:
        # The variable stands for any text: what cannot match even so is false for certain.
        return unknown(*wanted.variables) if result or base not in _TEXTUAL else FALSE
    return truth_of(result)


def _text(wanted: WildcardPattern) -> str:
    return "".join(token for token in wanted.tokens if token is not ANY)


def _like(wanted: WildcardPattern, value: str) -> bool:
    return matches(wanted.tokens, value)


def _like_ignoring_case(wanted: WildcardPattern, value: str) -> bool:
    # compiled without wildcards, so that only a variable is left to be kept as it is
    lowered = tuple(token if token is ANY else token.lower() for token in wanted.tokens)
    return matches(lowered, value.lower())


def _arn_like(wanted: WildcardPattern, value: str) -> bool:
    """Compare part by part, as a wildcard does not match a colon; raises ValueError for a pattern of too few parts."""
    patterns, parts = _arn_parts(wanted.tokens), value.split(":", ARN_PARTS - 1)
    if len(patterns) < ARN_PARTS:
        raise ValueError("not the pattern of an ARN")
    return len(parts) == ARN_PARTS and all(map(matches, patterns, parts))


def _arn_parts(tokens: Tokens) -> list[Tokens]:
    parts: list[Tokens] = []
    start = 0
    for place, sign in enumerate(tokens):
        if sign == ":" and len(parts) < ARN_PARTS - 1:
            parts.append(tokens[start:place])
            start = place + 1
    return [*parts, tokens[start:]]


def _ordered(read: Callable[[str], T], compare: Callable[[T, T], bool], wanted: WildcardPattern, value: str) -> bool:
    return compare(read(value), read(_text(wanted)))


def _date(text: str) -> datetime:
    """Return the moment of a date in ISO 8601 or in seconds of the epoch."""
    if re.fullmatch(r"-?\d{5,}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(wanted: WildcardPattern, value: str) -> bool:
    return block_holds(_text(wanted), value)


_ORDERS = {"equals": eq, "lessthan": lt, "lessthanequals": le, "greaterthan": gt, "greaterthanequals": ge}
_COMPARISONS: dict[str, Comparison] = {
    "stringequals": _like,
    "stringequalsignorecase": _like_ignoring_case,
    "stringlike": _like,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
    "binaryequals": _like,
    "bool": _like_ignoring_case,
    "ipaddress": _in_network,
    **{f"numeric{name}": partial(_ordered, Decimal, order) for name, order in _ORDERS.items()},
    **{f"date{name}": partial(_ordered, _date, order) for name, order in _ORDERS.items()},
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
_WITH_WILDCARDS = frozenset({"stringlike", "arnequals", "arnlike"})
_TEXTUAL = _WITH_WILDCARDS | {"stringequals", "stringequalsignorecase"}
