"""The tables in scripts/frameworks, and the lines of the framework files that are written from them."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

T = TypeVar("T", bound=msgspec.Struct)
TABLES = Path(__file__).resolve().parent / "frameworks"
WIDTH = 120


class SecurityHubControl(msgspec.Struct, frozen=True):
    """One line of security_hub.csv: a control of Security Hub, what it is part of, and which of ours decide it."""

    id: str
    section: str
    title: str
    standard: str
    controls: tuple[str, ...]
    needs: str
    nist_800_53_r5: tuple[str, ...]
    aliases: tuple[str, ...]


class NistRequirement(msgspec.Struct, frozen=True):
    """One line of nist_800_53_r5.csv: a requirement, and the controls that other mappings name."""

    id: str
    section: str
    title: str
    baseline: str
    aliases: tuple[str, ...]
    supporting: tuple[str, ...]


def security_hub() -> list[SecurityHubControl]:
    """Return the controls of Security Hub that are part of a standard here, in the order of the table."""
    return table("security_hub.csv", SecurityHubControl)


def nist_requirements() -> list[NistRequirement]:
    """Return the requirements of NIST 800-53 that are listed here, in the order of the table."""
    return table("nist_800_53_r5.csv", NistRequirement)


def related_controls(known: Collection[str]) -> dict[str, list[str]]:
    """Return the controls that AWS's documentation relates to each requirement of NIST 800-53, sorted."""
    related: dict[str, set[str]] = {}
    for each in security_hub():
        for requirement in each.nist_800_53_r5:
            related.setdefault(requirement, set()).update(known_of(each.controls, known))
    return {name: sorted(controls) for name, controls in related.items()}


def table(name: str, kind: type[T]) -> list[T]:
    """Return the lines of a table; the cells of a list are words."""
    lists = {it.encode_name for it in msgspec.structs.fields(kind) if it.type is not str}
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        return [
            msgspec.convert({key: tuple(cell.split()) if key in lists else cell for key, cell in row.items()}, kind)
            for row in csv.DictReader(file)
        ]


def known_of(controls: Iterable[str], known: Collection[str]) -> list[str]:
    """Return those of these controls that the catalogue has."""
    return [control for control in controls if control in known]


def listed(key: str, items: Sequence[str]) -> Iterator[str]:
    """Yield a list in one line where it fits, else one item a line."""
    if not items:
        return
    line = f"    {key}: [{', '.join(items)}]"
    if len(line) <= WIDTH:
        yield line
    else:
        yield f"    {key}:"
        yield from (f"      - {item}" for item in items)


def needs_lines(text: str) -> list[str]:
    """Return the lines of what would have to be read."""
    line = f"    needs: {quoted(text)}"
    return (
        [line]
        if len(line) <= WIDTH
        else ["    needs: >-", *(f"      {part}" for part in textwrap.wrap(text, WIDTH - 6))]
    )


def quoted(text: str) -> str:
    """Return a text as YAML."""
    return f'"{text}"' if any(mark in text for mark in ":#,[]{}") else text
