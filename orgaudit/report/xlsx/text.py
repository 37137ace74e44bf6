"""Text as a cell may hold it: visible, never a formula, and no longer than Excel allows."""

from __future__ import annotations

import re

from orgaudit.model import Json

CELL_LIMIT = 32_767
"""The most that a cell holds, in UTF-16 code units."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
_ESCAPE_LOOKALIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")


def cell_text(value: str, limit: int = CELL_LIMIT) -> str:
    """Return the text with control characters made visible, and cut at the limit with a mark that says so."""
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub(lambda match: chr(0x2421 if match[0] == "\x7f" else 0x2400 + ord(match[0])), text)
    text = _NO_CHARACTER.sub("\ufffd", text)
    # Excel reads _x0041_ as the character with that code; https://learn.microsoft.com/openspecs/office_standards
    text = _ESCAPE_LOOKALIKE.sub("_x005F_", text)
    return _cut(text, limit)


def looks_like_formula(value: str) -> bool:
    """Tell whether a program that opens the cell's text alone could take it for a formula."""
    return value.startswith(_FORMULA_STARTS)


def evidence_text(evidence: dict[str, Json], limit: int = 600) -> str:
    """Return evidence as short lines of `name: value`."""
    return cell_text("\n".join(f"{name}: {_value_text(value)}" for name, value in evidence.items()), limit)


def _value_text(value: Json) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_value_text, value)) or "none"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value_text(inner)}" for name, inner in value.items()) + "}"
    return str(value)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit // 2 or _width(text) <= limit:
        return text
    mark = f" … [cut, {len(text):,} characters in all]"
    units = text.encode("utf-16-le")[: 2 * (limit - len(mark))]
    return units.decode("utf-16-le", errors="ignore") + mark


def _width(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
