"""Facts of one type by the ARN that they are about: as they are where they are few, packed where they are many."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.packed import Packed, PackedSequence
from orgaudit.facts.shard import DetailGap

F = TypeVar("F", Resource, Detail | DetailGap)

MANY = 5_000
"""The number of facts of one type from which they are packed: a decoded one takes up to a kilobyte, packed 60 bytes."""


class FactsByArn(Generic[F]):
    """The facts of one type. Of several about one ARN it is the first that counts, or the last.

    Facts are added first and read then. `kind` is what they are decoded as.
    """

    def __init__(self, *, first: bool) -> None:
        self._first = first
        self._few: dict[str, F] = {}
        self._many: Packed | None = None
        self._hashes = array("q")
        self._index: _Index | None = None

    def add(self, fact: F) -> None:
        """Add a fact."""
        if self._many is None:
            if not self._first or fact.arn not in self._few:
                self._few[fact.arn] = fact
            if len(self._few) > MANY:
                self._pack()
        else:
            self._append(self._many, fact)

    def _pack(self) -> None:
        self._many = Packed()
        for fact in self._few.values():
            self._append(self._many, fact)
        self._few = {}

    def _append(self, many: Packed, fact: F) -> None:
        many.append(_encode(fact))
        self._hashes.append(_hash(fact.arn))
        self._index = None

    def get(self, arn: str, kind: Any) -> F | None:  # noqa: ANN401 - a type, or a union of types
        """Return the fact about an ARN, or None."""
        if self._many is None:
            return self._few.get(arn)
        return next((fact for _, fact in self._about(arn, self._many, kind)), None)

    def values(self, kind: Any) -> Sequence[F]:  # noqa: ANN401 - a type, or a union of types
        """Return the facts in the order in which they were added, each once."""
        if self._many is None:
            return list(self._few.values())
        repeated = self._indexed(self._many, kind).repeated
        numbers = array("L", (n for n in range(len(self._many)) if n not in repeated)) if repeated else None
        return PackedSequence(self._many, _decoder(kind).decode, numbers)

    def _about(self, arn: str, many: Packed, kind: Any) -> Iterator[tuple[int, F]]:  # noqa: ANN401
        decode = _decoder(kind).decode
        for number in self._indexed(many, kind).having(_hash(arn)):
            fact: F = decode(many[number])
            if fact.arn == arn:
                yield number, fact

    def _indexed(self, many: Packed, kind: Any) -> _Index:  # noqa: ANN401
        if self._index is None:
            self._index = _Index(self._hashes, first=self._first)
            decode = _decoder(kind).decode
            self._index.repeated = frozenset(
                number
                for numbers in self._index.alike()
                for number in _repeated(numbers, [decode(many[each]).arn for each in numbers])
            )
        return self._index


def _repeated(numbers: Sequence[int], arns: Sequence[str]) -> Iterator[int]:
    """Yield the numbers whose ARN an earlier one of them has."""
    known: set[str] = set()
    for number, arn in zip(numbers, arns, strict=True):
        if arn in known:
            yield number
        known.add(arn)


class _Index:
    """The numbers of facts by the hash of their ARN: sorted arrays, a fifth of what a dictionary takes.

    Numbers with one hash are in the order in which they count. `repeated` are those that do not count.
    """

    def __init__(self, hashes: Sequence[int], *, first: bool) -> None:
        numbers = range(len(hashes)) if first else range(len(hashes) - 1, -1, -1)
        self._numbers = array("L", sorted(numbers, key=hashes.__getitem__))
        self._hashes = array("q", map(hashes.__getitem__, self._numbers))
        self.repeated: frozenset[int] = frozenset()

    def having(self, value: int) -> Iterator[int]:
        """Yield the numbers of the facts whose ARN has this hash."""
        place = bisect_left(self._hashes, value)
        while place < len(self._hashes) and self._hashes[place] == value:
            yield self._numbers[place]
            place += 1

    def alike(self) -> Iterator[list[int]]:
        """Yield the numbers that share a hash with others, which are mostly of one ARN, together."""
        begin = 0
        for place in range(1, len(self._hashes) + 1):
            if place == len(self._hashes) or self._hashes[place] != self._hashes[begin]:
                if place - begin > 1:
                    yield list(self._numbers[begin:place])
                begin = place


_encode = msgspec.json.Encoder().encode
_hash = hash
_decoder = cache(msgspec.json.Decoder)
