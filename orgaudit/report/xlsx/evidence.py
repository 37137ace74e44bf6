"""Evidence as the text of a cell."""

from __future__ import annotations

from orgaudit.model import Json
from orgaudit.spreadsheet.text import fitted

_AS_THEY_ARE = frozenset({str, int, float})


def evidence_text(evidence: dict[str, Json], limit: int = 600) -> str:
    """Return evidence as short lines of `name: value`."""
    lines = [
        f"{name}: {value if type(value) in _AS_THEY_ARE else _value_text(value)}" for name, value in evidence.items()
    ]
    return fitted("\n".join(lines), limit)


def _value_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_value_text, value)) or "none"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value_text(inner)}" for name, inner in value.items()) + "}"
    return str(value)
