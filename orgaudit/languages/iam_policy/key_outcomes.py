"""What the conditions of several statements evaluate to together, key by key: a request carries a key once for all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from orgaudit.languages.iam_policy.document import Condition
from orgaudit.languages.truth import Truth

_MOST_COMBINATIONS = 4096

Entries = Sequence[tuple[int, Condition]]
"""The conditions on one key, each with the number of its statement."""


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """What the conditions on one key evaluate to in one request, in order; `certain` if such a request is known."""

    truths: tuple[Truth, ...]
    certain: bool = True


def by_key(statements: Iterable[Iterable[Condition]]) -> dict[str, list[tuple[int, Condition]]]:
    """Return the conditions of several statements by their keys in lower case."""
    keyed: dict[str, list[tuple[int, Condition]]] = {}
    for number, conditions in enumerate(statements):
        for condition in conditions:
            keyed.setdefault(condition.key.lower(), []).append((number, condition))
    return keyed


def combined(
    start: Sequence[Truth], outcomes: Sequence[tuple[Entries, Sequence[KeyOutcome]]], beyond: Sequence[Truth]
) -> Iterator[tuple[tuple[Truth, ...], bool]]:
    """Yield what the statements evaluate to for each combination of key outcomes, and whether that is certain.

    `start` is what they evaluate to without conditions, `beyond` what is yielded in place of more combinations than
    are tried.
    """
    numbers = [[number for number, _ in entries] for entries, _ in outcomes]
    choices = [chosen for _, chosen in outcomes]
    for combination in islice(product(*choices), _MOST_COMBINATIONS):
        found = list(start)
        for places, outcome in zip(numbers, combination, strict=True):
            for number, truth in zip(places, outcome.truths, strict=True):
                if truth.value is not True and found[number].value is not False:
                    found[number] = truth
        yield tuple(found), all(outcome.certain for outcome in combination)
    if prod(map(len, choices)) > _MOST_COMBINATIONS:
        yield tuple(beyond), False
