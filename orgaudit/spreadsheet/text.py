"""Text that people or AWS wrote, safe to show: in a cell never a formula or too long, elsewhere what can be seen."""

from __future__ import annotations

import re
from unicodedata import category

CELL_LIMIT = 32_767
"""The most that a cell holds, in UTF-16 code units."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
_ESCAPE_LOOKALIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n", "\r")
"""As OWASP lists them (https://owasp.org/www-community/attacks/CSV_Injection)."""


_TERMINAL = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, moves of the cursor
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"  # titles of windows, links
    "|\x1b[ -/]*[0-~]"
)
"""What a terminal takes for a command (ECMA-48) and shows none of."""

_JOINERS = "\u200c\u200d"
"""Invisible, but emoji and several scripts are spelled with them."""

_SHOWN = {"Cc": " ", "Zl": " ", "Zp": " ", "Cs": "\ufffd", "Cf": ""}
"""What stands for a character of these categories of Unicode."""


def displayed(text: str) -> str:
    """Return a text without what a terminal or a mail acts on and does not show; line feeds and tabs stay.

    Those are control characters, a terminal's commands, other line ends, and invisible marks such as those that turn
    the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(map(_seen, _TERMINAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))))


def one_line(text: str) -> str:
    """Return a text as `displayed`, on one line."""
    return " ".join(displayed(text).split())


def _seen(character: str) -> str:
    if character in _JOINERS or character in "\n\t":
        return character
    return _SHOWN.get(category(character), character)


def printable(text: str) -> str:
    """Return a text that XML can hold: control characters as their pictures, and U+FFFD for invalid characters."""
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    text = _CONTROL.sub(lambda match: chr(0x2421 if match[0] == "\x7f" else 0x2400 + ord(match[0])), text)
    return _NO_CHARACTER.sub("\ufffd", text)


def fitted(text: str, limit: int = CELL_LIMIT) -> str:
    """Return a text as a cell shows it: printable, and cut at the limit with a mark that gives the whole length."""
    if len(text) <= limit // 2 and text.isprintable():
        return text
    text = printable(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)
    if len(text) <= limit // 2 or _width(_escaped(text)) <= limit:
        return text
    mark = f" … [cut, {len(text):,} characters in all]"
    room = limit - len(mark)
    units = text.encode("utf-16-le")[: 2 * (room // 2 if _ESCAPE_LOOKALIKE.search(text) else room)]
    return units.decode("utf-16-le", errors="ignore") + mark


def stored(text: str, limit: int = CELL_LIMIT) -> str:
    """Return a text as the file's format writes it: fitted, and escaped where _x0041_ would stand for a letter.

    Source: ST_Xstring in ISO/IEC 29500-1, 22.9.2.19.
    """
    return _escaped(fitted(text, limit))


def criterion(text: str) -> str:
    """Return what a cell must hold so that COUNTIFS and its like find by it the cells that show exactly this text."""
    return "=" + re.sub("([~*?])", r"~\1", fitted(text))


def looks_like_formula(value: str) -> bool:
    """Return whether a program that opens the cell's text alone could take it for a formula."""
    return value.startswith(_FORMULA_STARTS)


def inert(text: str) -> str:
    """Return a text for a file that holds the text alone, such as CSV, so that no program takes it for a formula."""
    return f"'{text}" if looks_like_formula(text) else text


def _escaped(text: str) -> str:
    return _ESCAPE_LOOKALIKE.sub("_x005F_", text) if "_x" in text else text


def _width(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
