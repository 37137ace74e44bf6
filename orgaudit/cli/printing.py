"""How commands print: JSON, and the width of text."""

from __future__ import annotations

import shutil
import sys

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
