"""Many records in little memory: encoded and compressed in blocks, of which the last ones that were read stay open."""

from __future__ import annotations

import pickle
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import msgspec
import zstandard

T = TypeVar("T")

BLOCK = 1 << 16
"""The bytes of records from which a block is compressed."""
OPEN = 32
"""How many blocks stay decompressed."""
MANY_ROWS = 1_000
"""The rows from which they are packed: as the SDK parses them, one of IAM takes tens of kilobytes."""


class Packed:
    """Records of bytes by their number, in the order in which they were added."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._starts = array("Q")
        self._last: list[bytes] = []
        self._size = self._before = 0
        self._opened: OrderedDict[int, list[bytes]] = OrderedDict()

    def append(self, record: bytes) -> None:
        """Add a record."""
        self._last.append(record)
        self._size += len(record)
        if self._size >= BLOCK:
            self._starts.append(self._before)
            block = _COMPRESSOR.compress(msgspec.msgpack.encode(self._last))
            self._blocks.append(bytes(memoryview(block)))  # a copy: zstandard's own keeps the memory of the longest
            self._before += len(self._last)
            self._last, self._size = [], 0

    def __len__(self) -> int:
        """Return how many records there are."""
        return self._before + len(self._last)

    def __getitem__(self, number: int) -> bytes:
        """Return a record by its number."""
        if number >= self._before:
            return self._last[number - self._before]
        place = bisect_right(self._starts, number) - 1
        return self._block(place)[number - self._starts[place]]

    def _block(self, place: int) -> list[bytes]:
        block = self._opened.get(place)
        if block is None:
            block = self._opened[place] = _BYTES.decode(_DECOMPRESSOR.decompress(self._blocks[place]))
            if len(self._opened) > OPEN:
                self._opened.popitem(last=False)
        else:
            self._opened.move_to_end(place)
        return block


_COMPRESSOR, _DECOMPRESSOR = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
_BYTES = msgspec.msgpack.Decoder(list[bytes])


class PackedSequence(Sequence[T], Generic[T]):
    """Values that are decoded each time they are taken, from packed records of these numbers, or of all."""

    def __init__(self, records: Packed, decode: Callable[[bytes], T], numbers: Sequence[int] | None = None) -> None:
        self._records, self._decode = records, decode
        self._numbers = range(len(records)) if numbers is None else numbers

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> PackedSequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | PackedSequence[T]:
        """Return the value at a place, or those of a slice."""
        if isinstance(place, slice):
            return PackedSequence(self._records, self._decode, self._numbers[place])
        return self._decode(self._records[self._numbers[place]])

    def __iter__(self) -> Iterator[T]:
        """Yield each value."""
        for number in self._numbers:
            yield self._decode(self._records[number])


class Rows(Sequence[dict[str, Any]]):
    """Rows of answers of the SDK for `Aws.once`: as they are where they are few, packed where they are many.

    Take each once, and keep what is needed of it: of many, a row is decoded each time it is taken.
    """

    def __init__(self, rows: Iterable[dict[str, Any]] = ()) -> None:
        self._few: list[dict[str, Any]] = []
        self._many = Packed()
        self.extend(rows)

    def extend(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows."""
        self._few.extend(rows)
        if len(self._few) > MANY_ROWS or len(self._many):
            for row in self._few:
                self._many.append(pickle.dumps(row, pickle.HIGHEST_PROTOCOL))
            self._few.clear()

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._few) or len(self._many)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        """Return the row at a place, or those of a slice."""
        return self._rows()[place]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each row."""
        return iter(self._rows())

    def _rows(self) -> Sequence[dict[str, Any]]:
        return PackedSequence(self._many, _unpickled) if len(self._many) else self._few


def _unpickled(record: bytes) -> dict[str, Any]:
    # What the SDK parsed, a number of any size or half a pair of surrogates too, exactly as it was in this process.
    found: dict[str, Any] = pickle.loads(record)  # noqa: S301 - pickled by Rows, and never stored
    return found
