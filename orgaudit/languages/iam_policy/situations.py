"""In which situations statements take effect: every way in which their conditions can turn out together.

A condition on a key that is not known turns out as some request makes it. Conditions on the same key are tried with the
values that they tell apart. What no tried value brings about stays conceivable, unless one condition is the opposite of
another.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_network
from itertools import product

from orgaudit.languages.iam_policy.callers import ADDRESSES, ALWAYS, BOOLS, OWN, TIMES
from orgaudit.languages.iam_policy.conditions import holds, moment_of, test_of
from orgaudit.languages.iam_policy.document import Condition, Effect, Statement
from orgaudit.languages.iam_policy.outsiders import tries

_MOST_COMBINATIONS = 4096
_MOST_CONDITIONS = 10
_FRESH = ("chosen", "arn:aws:iam::986420135790:role/chosen", "0", "1000000")
_FRESH_ADDRESSES = ("8.8.8.8", "198.51.100.7", "2600:1f00::1")
_VARIABLE = re.compile(r"\$\{[^}*?$]+\}")
_NEVER_ABSENT = (ALWAYS | TIMES) - {"aws:tokenissuetime"}
# Whoever signs a request carries them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_OF_SIGNED = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:principaltype", "aws:userid"}
)

Known = tuple[tuple[str, tuple[str, ...]], ...]
"""Keys in lower case with the values that the requests in question carry, none for a key that they do not carry."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The places of the statements that take effect; `certain` if a request is known that brings it about."""

    active: tuple[int, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class _Turn:
    """What the conditions on one key come to, in their order."""

    each: tuple[bool, ...]
    certain: bool


def situations(statements: Sequence[Statement], known: Known = (), *, variables: bool) -> tuple[Situation, ...]:
    """Return every conceivable situation of the statements, as far as their conditions decide."""
    keyed: dict[str, list[tuple[int, Condition]]] = {}
    for number, statement in enumerate(statements):
        for condition in statement.conditions:
            keyed.setdefault(condition.key.lower(), []).append((number, condition))
    if any(len(entries) > _MOST_CONDITIONS for entries in keyed.values()):
        return (Situation(_widest(statements), certain=False),)
    carried = dict(known)
    turns = [
        _turns(key, tuple(condition for _, condition in entries), carried.get(key), variables=variables)
        for key, entries in keyed.items()
    ]
    owners = [[number for number, _ in entries] for entries in keyed.values()]
    found: dict[tuple[int, ...], bool] = {}
    for tried, chosen in enumerate(product(*turns)):
        if tried >= _MOST_COMBINATIONS:
            return (*_listed(found), Situation(_widest(statements), certain=False))
        failing = {number for places, turn in zip(owners, chosen, strict=True) for number in _failing(places, turn)}
        active = tuple(number for number in range(len(statements)) if number not in failing)
        found[active] = found.get(active, False) or all(turn.certain for turn in chosen)
    return _listed(found)


def _listed(found: dict[tuple[int, ...], bool]) -> tuple[Situation, ...]:
    return tuple(Situation(active, certain) for active, certain in found.items())


def _failing(places: Sequence[int], turn: _Turn) -> Iterator[int]:
    return (place for place, holding in zip(places, turn.each, strict=True) if not holding)


def _widest(statements: Sequence[Statement]) -> tuple[int, ...]:
    """The situation that allows the most: only a Deny with conditions does not take effect."""
    return tuple(number for number, each in enumerate(statements) if each.effect is Effect.ALLOW or not each.conditions)


@lru_cache(maxsize=4096)
def _turns(
    key: str, conditions: tuple[Condition, ...], carried: tuple[str, ...] | None, *, variables: bool
) -> tuple[_Turn, ...]:
    """Return what the conditions on a key can come to, tried values first."""
    if variables:
        # What a variable stands for is up to the caller or unrelated to the key: the caller can make them equal or not.
        conditions = tuple(_resolved(condition) for condition in conditions)
    values = list(_values(key, conditions)) if carried is None else [(carried, True)]
    found: dict[tuple[bool, ...], bool] = {}
    undecided = False
    for value, certain in values:
        each = [holds(condition, {key: value}, variables=variables).value for condition in conditions]
        decided = tuple(truth for truth in each if truth is not None)
        undecided = undecided or len(decided) < len(each)
        if len(decided) == len(each):
            found[decided] = found.get(decided, False) or certain
    if undecided or (carried is None and key not in BOOLS):
        for conceived in _conceivable(conditions):
            found.setdefault(conceived, False)
    return tuple(_Turn(turn, certain) for turn, certain in found.items())


def _resolved(condition: Condition) -> Condition:
    values = tuple(_VARIABLE.sub(_FRESH[0], value) for value in condition.values)
    return condition if values == condition.values else replace(condition, values=values)


def _conceivable(conditions: Sequence[Condition]) -> Iterator[tuple[bool, ...]]:
    """Yield what the conditions can come to when the key is present, as far as their form shows."""
    tests = [test_of(condition) for condition in conditions]
    names = list(dict.fromkeys(name for name, _ in tests))
    for chosen in product((True, False), repeat=len(names)):
        truth = dict(zip(names, chosen, strict=True))
        yield tuple(truth[name] is not negated for name, negated in tests)


def _values(key: str, conditions: Sequence[Condition]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield values that the conditions tell apart, and whether a request is known to come with them."""
    if key not in _NEVER_ABSENT:
        yield (), key not in _OF_SIGNED
    texts = ("true", "false") if key in BOOLS else tuple(dict.fromkeys(_texts(key, conditions)))
    # Whose the resource is cannot be chosen by a request.
    certain = key not in OWN
    yield from (((text,), certain) for text in texts)
    if any(":" in each.operator for each in conditions):
        yield texts, certain
        yield from (((text, _FRESH[0]), certain) for text in texts)


def _texts(key: str, conditions: Sequence[Condition]) -> Iterator[str]:
    if any(each.operator.lower().startswith("bool") for each in conditions):
        yield from ("true", "false")
        return
    yield from _FRESH_ADDRESSES if key in ADDRESSES else () if key in TIMES else _FRESH
    for condition in conditions:
        yield from (
            _addresses(condition) if key in ADDRESSES else _moments(condition) if key in TIMES else tries(condition)
        )


def _addresses(condition: Condition) -> Iterator[str]:
    for value in condition.values:
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            continue
        yield str(network.network_address)


def _moments(condition: Condition) -> Iterator[str]:
    """Yield the moments before and after those that the condition names."""
    for value in condition.values:
        moment = moment_of(value)
        if moment is not None and datetime(1971, 1, 1, tzinfo=UTC) < moment < datetime(2900, 1, 1, tzinfo=UTC):
            yield from ((moment + timedelta(days=days)).isoformat() for days in (-1, 0, 1))
