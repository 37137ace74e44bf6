"""Merges three ways: what the workbook held when it was written, what it holds now, and what the register holds now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Fields: TypeAlias = Mapping[str, str]
"""An entry as texts by field; a field that is not there is empty."""

Entries: TypeAlias = Mapping[str, Fields]
"""Entries by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that both sides changed, each in its own way; `ours` is None where the register's entry is gone."""

    id: str
    field: str
    base: str
    theirs: str
    ours: str | None


@dataclass(frozen=True, slots=True)
class Merged:
    """What the workbook brings: new texts by id and field, and what people must decide first."""

    edits: dict[str, dict[str, str]]
    conflicts: list[Conflict]


def merge(base: Entries, theirs: Entries, ours: Entries) -> Merged:
    """Return the workbook's edits that the register lacks; an entry that `theirs` lacks is left as it is.

    Every id of `theirs` is one of `base`. An entry that `ours` lacks is not brought back: an edit to it conflicts.
    """
    edits: dict[str, dict[str, str]] = {}
    conflicts: list[Conflict] = []
    for name, fields in theirs.items():
        before, now = base[name], ours.get(name)
        for field in {**before, **fields}:
            was, wished = before.get(field, ""), fields.get(field, "")
            is_now = None if now is None else now.get(field, "")
            if wished in (was, is_now):
                continue
            if is_now == was:
                edits.setdefault(name, {})[field] = wished
            else:
                conflicts.append(Conflict(id=name, field=field, base=was, theirs=wished, ours=is_now))
    return Merged(edits, conflicts)
