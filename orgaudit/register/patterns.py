"""Patterns over a whole value: exact, glob, or `regex:` and a regular expression."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable

REGEX = "regex:"


def is_exact(pattern: str) -> bool:
    """Return whether a pattern stands for itself only."""
    return not pattern.startswith(REGEX) and not set(pattern) & set("*?[")


class Patterns:
    """A list of patterns of which one must match a whole value, with letter case; raises ValueError for a bad one."""

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = tuple(patterns)
        self.exact = frozenset(filter(is_exact, patterns))
        self.loose = tuple((_start(pattern), _compiled(pattern)) for pattern in patterns if not is_exact(pattern))
        """The other patterns, each with the plain text that every match begins with."""

    def match(self, value: str) -> bool:
        """Return whether any pattern matches the value."""
        return self.match_any((value,))

    def match_any(self, values: Collection[str]) -> bool:
        """Return whether any pattern matches any of the values."""
        if not self.exact.isdisjoint(values):
            return True
        for start, loose in self.loose:
            for value in values:
                if value.startswith(start) and loose.fullmatch(value):
                    return True
        return False


def _start(pattern: str) -> str:
    return "" if pattern.startswith(REGEX) else re.split(r"[*?[]", pattern, maxsplit=1)[0]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        if pattern.startswith(REGEX):
            return re.compile(pattern.removeprefix(REGEX))
        return re.compile(fnmatch.translate(pattern))
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression ({error}); correct it") from error
