"""The digits of account ids in tables, as spreadsheets leave them: without zeros, with a point, or parted."""

from __future__ import annotations

import re
from decimal import Decimal

ACCOUNT_DIGITS = 12
"""The digits of an account id."""

SCIENTIFIC = re.compile(r"(\d)[.,](\d+)E\+?(\d\d?)", re.IGNORECASE | re.ASCII)
"""A number that a spreadsheet writes in powers of ten."""


def account_digits(text: str) -> str:
    """Return the digits of a text that is nothing but a number, else an empty text; zeros at its front may be lost.

    Raises ValueError where a spreadsheet has rounded the number.
    """
    if match := SCIENTIFIC.fullmatch(text):
        whole, decimals, exponent = match[1], match[2], int(match[3])
        if len(decimals) < exponent or decimals[exponent:].strip("0"):
            raise ValueError(f"{text!r} has lost its last digits; format the column as text, and write 12 digits")
        return str(int(Decimal(f"{whole}.{decimals}E+{exponent}")))
    digits = re.sub(r"[\s-]", "", re.sub(r"\.0+$", "", text))
    return digits if re.fullmatch(r"\d+", digits, re.ASCII) else ""
