"""How commands print: JSON, counts, and the width of text."""

from __future__ import annotations

import click
import msgspec

WIDTH = 80
"""Columns of text that is wrapped."""


def print_json(value: object) -> None:
    """Write a value to standard output as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: 1 control, 1,234 controls."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
