"""The situations in which statements take effect: every way in which their conditions can evaluate together.

A condition on a key that is not known may evaluate as some request makes it. Conditions on the same key are tried with
the values that they distinguish. What no tried value brings about stays conceivable, unless one condition is the
opposite of another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product

from orgaudit.languages.iam_policy.addresses import first_addresses
from orgaudit.languages.iam_policy.conditions import holds, moment_of, predicate_of
from orgaudit.languages.iam_policy.document import Condition, Effect, Statement
from orgaudit.languages.iam_policy.external_callers import ADDRESSES, ALWAYS, BOOLS, OWN, TIMES
from orgaudit.languages.iam_policy.external_conditions import VARIABLE, distinguished
from orgaudit.languages.iam_policy.key_outcomes import KeyOutcome, by_key, combined
from orgaudit.languages.truth import TRUE, Truth, truth_of

_MOST_CONDITIONS = 10
_FRESH = ("chosen", "arn:aws:iam::986420135790:role/chosen", "0", "1000000")
_FRESH_ADDRESSES = ("8.8.8.8", "198.51.100.7", "2600:1f00::1")
_NEVER_ABSENT = (ALWAYS | TIMES) - {"aws:tokenissuetime"}
# Every signed request carries them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_OF_SIGNED = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:principaltype", "aws:userid"}
)

KnownKeys = tuple[tuple[str, tuple[str, ...]], ...]
"""Keys in lower case with the values that the requests in question carry, none for a key that they do not carry."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The places of the statements that take effect; `certain` if a request is known that brings it about."""

    active: tuple[int, ...]
    certain: bool


def situations(statements: Sequence[Statement], known: KnownKeys = (), *, variables: bool) -> tuple[Situation, ...]:
    """Return every conceivable situation of the statements, as far as their conditions decide."""
    keyed, carried = by_key(each.conditions for each in statements), dict(known)
    # The situation that allows the most: only a Deny with conditions does not take effect.
    widest = tuple(truth_of(each.effect is Effect.ALLOW or not each.conditions) for each in statements)
    if any(len(entries) > _MOST_CONDITIONS for entries in keyed.values()):
        return (Situation(_active(widest), certain=False),)
    outcomes = [
        (entries, _outcomes(key, tuple(each for _, each in entries), carried.get(key), variables=variables))
        for key, entries in keyed.items()
    ]
    found: dict[tuple[int, ...], bool] = {}
    for truths, certain in combined([TRUE] * len(statements), outcomes, beyond=widest):
        active = _active(truths)
        found[active] = found.get(active, False) or certain
    return tuple(Situation(active, certain) for active, certain in found.items())


def _active(truths: Sequence[Truth]) -> tuple[int, ...]:
    return tuple(number for number, truth in enumerate(truths) if truth.value)


@lru_cache(maxsize=4096)
def _outcomes(
    key: str, conditions: tuple[Condition, ...], carried: tuple[str, ...] | None, *, variables: bool
) -> tuple[KeyOutcome, ...]:
    """Return what the conditions on a key can evaluate to, tried values first."""
    if variables:
        # The value of a variable is the caller's choice or unrelated to the key: the two can be equal or not.
        conditions = tuple(_resolved(condition) for condition in conditions)
    found: dict[tuple[Truth, ...], bool] = {}
    undecided = carried is None and key not in BOOLS
    for value, certain in _values(key, conditions) if carried is None else [(carried, True)]:
        truths = tuple(holds(condition, {key: value}, variables=variables) for condition in conditions)
        if any(truth.value is None for truth in truths):
            undecided = True
        else:
            found[truths] = found.get(truths, False) or certain
    for truths in _conceivable(conditions) if undecided else ():
        found.setdefault(truths, False)
    return tuple(KeyOutcome(truths, certain) for truths, certain in found.items())


def _resolved(condition: Condition) -> Condition:
    values = tuple(VARIABLE.sub(_FRESH[0], value) for value in condition.values)
    return condition if values == condition.values else replace(condition, values=values)


def _conceivable(conditions: Sequence[Condition]) -> Iterator[tuple[Truth, ...]]:
    """Yield what the conditions can evaluate to when the key is present, as far as their form shows."""
    predicates = [predicate_of(condition) for condition in conditions]
    names = list(dict.fromkeys(name for name, _ in predicates))
    for chosen in product((True, False), repeat=len(names)):
        holding = dict(zip(names, chosen, strict=True))
        yield tuple(truth_of(holding[name] is not negated) for name, negated in predicates)


def _values(key: str, conditions: Sequence[Condition]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield values that the conditions distinguish, and whether a request with them is known."""
    if key not in _NEVER_ABSENT:
        yield (), key not in _OF_SIGNED
    texts = ("true", "false") if key in BOOLS else tuple(dict.fromkeys(_texts(key, conditions)))
    # A request cannot choose who owns the resource.
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
        if key in ADDRESSES:
            yield from first_addresses(condition.values)
        else:
            yield from _moments(condition) if key in TIMES else distinguished(condition)


def _moments(condition: Condition) -> Iterator[str]:
    """Yield the moments before and after those that the condition names."""
    for value in condition.values:
        moment = moment_of(value)
        if moment is not None and datetime(1971, 1, 1, tzinfo=UTC) < moment < datetime(2900, 1, 1, tzinfo=UTC):
            yield from ((moment + timedelta(days=days)).isoformat() for days in (-1, 0, 1))
