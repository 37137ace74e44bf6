"""The accounts in a cell, as spreadsheets leave them: numbers without their zeros, names, and both."""

from __future__ import annotations

import re

from orgaudit.register.exchange.days import text_of
from orgaudit.register.names import KnownNames
from orgaudit.settings.account_digits import ACCOUNT_DIGITS, SCIENTIFIC, account_digits
from orgaudit.spreadsheet.cells import CellValue

_LONGEST = 200
"""The longest text that can be a name and an id."""

_ID = r"\d{12}|\d{4}[- ]\d{4}[- ]\d{4}"
_WITH_NAME = re.compile(
    rf"(?P<name>\D.*?)\s*(?:[(\[]\s*(?P<id>{_ID})\s*[)\]]|[-:\u2013\u2014|/]\s+(?P<behind>{_ID}))"
    rf"|(?P<first>{_ID})\s*(?:[(\[]\s*(?P<in>[^)\]]+?)\s*[)\]]|\s[-:\u2013\u2014|/]\s+(?P<last>\D.*))",
    re.ASCII,
)


def account_ids(cell: CellValue, names: KnownNames) -> list[str]:
    """Return the ids of the accounts in a cell, each once; raises ValueError for what names none, or not surely one."""
    text = text_of(cell)
    found: list[str] = []
    for part in [text] if _is_one(text, names) else re.split(r"[,;\n]", text):
        if re.fullmatch(r"[\d\s/-]+", part, re.ASCII):
            whole = re.sub(r"[\s-]", "", part)
            each = [whole] if len(whole) == ACCOUNT_DIGITS else re.split(r"[\s/]+", part)
            found += [_id(digits, names) for digits in each if digits]
        elif part.strip():
            found.append(_id(part.strip(), names))
    return list(dict.fromkeys(found))


def _is_one(text: str, names: KnownNames) -> bool:
    """Return whether a cell is a number with a comma, or the name of an account with what else parts names."""
    if SCIENTIFIC.fullmatch(text):
        return True
    return any(name and " ".join(text.split()).casefold() == name.casefold() for name in names.accounts.values())


def _id(text: str, names: KnownNames) -> str:
    if len(text) <= _LONGEST and (match := _WITH_NAME.fullmatch(text)):
        return _from_pair(text, match, names)
    digits = account_digits(text)
    if not digits or len(digits) > ACCOUNT_DIGITS:
        return names.account(text)
    full = digits.zfill(ACCOUNT_DIGITS)
    if len(digits) < ACCOUNT_DIGITS and full not in names.accounts:
        raise ValueError(f"{text!r} is not an account id; write 12 digits, also where it begins with zeros")
    return full


def _from_pair(text: str, match: re.Match[str], names: KnownNames) -> str:
    """Return the id of a text with both, where the name is not another account's."""
    given = re.sub(r"\D", "", next(filter(None, (match["id"], match["behind"], match["first"]))))
    name = next(filter(None, (match["name"], match["in"], match["last"])))
    others = {number for number, known in names.accounts.items() if known.casefold() == name.strip().casefold()}
    if others and given not in others:
        raise ValueError(f"{text!r} names two accounts, since {name.strip()} is {', '.join(sorted(others))}; write one")
    return given
