"""How commands print: JSON, shares, and the width of text."""

from __future__ import annotations

import shutil
import sys
from decimal import ROUND_HALF_UP, Decimal

import click
import msgspec

NARROW, WIDE = 80, 160
"""Columns of text where standard output is not a terminal, and at most where it is one."""


def width() -> int:
    """Return the columns for text: those of the terminal, from 80 to 160, and 80 for a file or a pipe."""
    if not sys.stdout.isatty():
        return NARROW
    return min(max(shutil.get_terminal_size((NARROW, 24)).columns, NARROW), WIDE)


def print_json(value: object) -> None:
    """Write a value to standard output as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def rate(share: float | None) -> str:
    """Return a share as a percentage with one decimal, - for none."""
    if share is None:
        return "-"
    # Halves are rounded up, as the workbook shows them.
    return f"{Decimal(str(share * 100)).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"
