"""The words that printed text, reports and the register share: a count with its noun, a share as a percentage."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, such as "1 account" or "1,200 accounts"; the noun's plural ends in s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rate(share: float | None) -> str:
    """Return a share as a percentage with one decimal, - for none."""
    if share is None:
        return "-"
    # Halves are rounded up, as the workbook shows them.
    return f"{Decimal(str(share * 100)).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"
