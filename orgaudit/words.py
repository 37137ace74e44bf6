"""The words that printed text, reports and the register share: a count with its noun."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, such as "1 account" or "1,200 accounts"; the noun's plural ends in s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
