"""The regular expressions of filter patterns: they have no groups, so a search never backtracks and is never slow.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_ITEM = re.compile(
    r"""(?P<bar>\|)
      | (?P<anchor>[\^$])
      | (?P<atom> \\x[0-9A-Fa-f]{2} | \\[dDsSwWtnrfv] | \\[^0-9A-Za-z]
                | \[ \^? (?: \\. | [^\]\[\\^] ) (?: \\. | [^\]\[\\] )* \]
                | [^\\\[\]{}()*+?|^$] )
        (?P<times> [*+?] | \{ (?: \d{1,9} (?: ,\d{0,9} )? | ,\d{1,9} ) \} )? (?P<lazy>\?)?""",
    re.VERBOSE | re.ASCII,
)
# Python reserves these inside a class; their meaning in the service is not documented.
_RESERVED = re.compile(r"--|&&|\|\||~~")


@dataclass(frozen=True, slots=True)
class _Repeat:
    """A character class that must match from `least` to `most` characters in a row."""

    atom: re.Pattern[str]
    least: int
    most: int | None


_Alternative = tuple[_Repeat | str, ...]


@lru_cache(maxsize=1024)
def compile_regex(source: str) -> tuple[_Alternative, ...]:
    """Return the alternatives of an expression; raises ValueError for one that is not documented."""
    alternatives: list[list[_Repeat | str]] = [[]]
    for item in _items(source):
        if item["bar"]:
            alternatives.append([])
        else:
            alternatives[-1].append(item["anchor"] or _repeat(item))
    return tuple(map(tuple, alternatives))


def search(source: str, text: str) -> bool:
    """Return whether the expression matches anywhere in the text."""
    return any(_reaches_end(alternative, text) for alternative in compile_regex(source))


def is_certain(source: str, piece: str, *, begins: bool) -> bool:
    """Return whether the expression matches every text with a piece in it, by what is in the piece alone.

    Only the anchor of the beginning is certain to hold, where the text `begins` with the piece.
    """
    anchors = {"$"} if begins else {"^", "$"}
    return any(
        not anchors.intersection(item for item in alternative if isinstance(item, str))
        and _reaches_end(alternative, piece)
        for alternative in compile_regex(source)
    )


def _items(source: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(source):
        item = _ITEM.match(source, position)
        if item is None:
            raise ValueError(f"unsupported regular expression near {source[position : position + 10]!r}")
        yield item
        position = item.end()


def _repeat(item: re.Match[str]) -> _Repeat:
    if item["lazy"] and not item["times"]:
        raise ValueError("a repetition without a character")
    least, most = _bounds(item["times"])
    if most is not None and least > most:
        raise ValueError(f"{item['times']} counts downwards")
    if item["atom"].startswith("[") and _RESERVED.search(item["atom"]):
        raise ValueError(f"unsupported character class {item['atom']}")
    try:
        return _Repeat(re.compile(item["atom"], re.ASCII), least, most)
    except re.error as error:
        raise ValueError(f"unsupported character class {item['atom']}: {error}") from error


def _bounds(times: str | None) -> tuple[int, int | None]:
    match times:
        case None:
            return 1, 1
        case "*":
            return 0, None
        case "+":
            return 1, None
        case "?":
            return 0, 1
    least, comma, most = times.strip("{}").partition(",")
    if not comma:
        return int(least), int(least)
    return int(least or 0), int(most) if most else None


def _reaches_end(alternative: _Alternative, text: str) -> bool:
    positions = set(range(len(text) + 1))
    for item in alternative:
        match item:
            case "^":
                positions &= {0}
            case "$":
                positions &= {len(text)}
            case _Repeat():
                positions = _advance(item, text, positions)
    return bool(positions)


def _advance(repeat: _Repeat, text: str, positions: set[int]) -> set[int]:
    fitting = {index for index, character in enumerate(text) if repeat.atom.match(character)}
    # A run longer than the text cannot match, so neither bound needs more rounds than that.
    for _ in range(min(repeat.least, len(text) + 1)):
        positions = {index + 1 for index in positions & fitting}
    reached = frontier = positions
    optional = len(text) if repeat.most is None else min(repeat.most - repeat.least, len(text))
    for _ in range(optional):
        frontier = {index + 1 for index in frontier & fitting}
        reached = reached | frontier
    return reached
