"""The files of a run's parts: names that every file system takes, and that are the same whichever other parts exist."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from unicodedata import normalize

from orgaudit.report.part import NO_UNIT, UNASSIGNED, Division, Part

LONGEST = 90
"""The most characters of a name without its ending."""

_DIGITS, _ALL_DIGITS = 8, 64

_PLAIN = re.compile(rf"[a-z0-9](?:[a-z0-9@._+-]{{0,{LONGEST - 2}}}[a-z0-9_+-])?")
"""A key that is a file's name as it is."""

_ACCOUNT = re.compile(r"[0-9]{12}")

_HASHED = re.compile(rf"-(?:[0-9a-f]{{{_DIGITS}}}|[0-9a-f]{{{_ALL_DIGITS}}})")
"""How the names end that are not keys, so that no key can be one of them."""

_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9]|lpt[0-9])(?:\..*)?")
"""Names that are devices on Windows, whatever their ending."""

_NOBODY = {Division.OWNER: UNASSIGNED, Division.UNIT: NO_UNIT.replace(" ", "-"), Division.ACCOUNT: "no-account"}


def file_names(parts: Sequence[Part]) -> dict[Part, str]:
    """Return the name of each part's files, without an ending; no two are alike in any letter case."""
    short = {part: _name(part, _DIGITS) for part in parts}
    often = Counter(short.values())
    return {part: name if often[name] == 1 else _name(part, _ALL_DIGITS) for part, name in short.items()}


def _name(part: Part, digits: int) -> str:
    """Return the part's key where that is a safe name, else what is safe of it with so many digits of its hash."""
    if not part.key:
        return _NOBODY[part.division]
    if part.division is Division.ACCOUNT and _ACCOUNT.fullmatch(part.key):
        return f"{part.key}-{_slug(part.name)}"[:LONGEST].rstrip("-") if part.name != part.key else part.key
    taken = part.key == _NOBODY[part.division] or _HASHED.search(part.key[-_ALL_DIGITS - 1 :])
    if _PLAIN.fullmatch(part.key) and not taken and not _DEVICE.fullmatch(part.key):
        return part.key
    hashed = hashlib.sha256(part.key.encode(errors="surrogatepass")).hexdigest()[:digits]
    return f"{_slug(part.key)[: LONGEST - digits - 1].strip('-') or 'part'}-{hashed}"


def _slug(text: str) -> str:
    """Return the letters and digits of a text that every file system knows, the rest as hyphens."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
