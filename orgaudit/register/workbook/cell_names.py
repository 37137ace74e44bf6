"""Checks the names that an edited cell brings: those that stood there before are left to the hygiene of a run."""

from __future__ import annotations

from orgaudit.model import Json
from orgaudit.register.names import KnownNames, NameCheck
from orgaudit.register.workbook.columns import Field

_NAMES = {"controls", "accounts", "ous"}


def checked(names: KnownNames, column: Field, value: Json, was: str) -> tuple[Json, NameCheck]:
    """Return a cell's new value with ids for names of accounts, and what is said of it; `was` is its text before."""
    key = column.path[-1] if column.path else ""
    if key == "requirement" and isinstance(value, str):
        unknown = names.requirement(value) if ":" in value else None
        return value, NameCheck({}, () if unknown is None else (unknown,))
    if key not in _NAMES or not isinstance(value, list):
        return value, NameCheck({})
    kept = _parsed(column, was)
    found = names.check({key: [item for item in value if item not in kept]})
    brought = iter(found.scope[key])
    return [item if item in kept else next(brought) for item in value], found


def _parsed(column: Field, text: str) -> list[Json]:
    """Return the values that a cell held; none where a wrong entry was shown as JSON."""
    try:
        value = column.form.parse(text) if text else None
    except ValueError:
        return []
    return value if isinstance(value, list) else []
