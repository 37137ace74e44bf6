"""Text as OSCAL's data types allow it (https://pages.nist.gov/OSCAL/reference/datatypes/), and its names and dates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from uuid import UUID, uuid5

from orgaudit.report.formats.oscal.model import Prop
from orgaudit.spreadsheet.text import printable

OURS = "urn:orgaudit:oscal"
"""The namespace of the properties that neither NIST nor FedRAMP defines."""
FEDRAMP = "https://fedramp.gov/ns/oscal"

_NAMESPACE = UUID("6c8f5f4e-8d0b-5b9e-9d7c-3b1f0a4c2e55")
NOTHING = "\N{EN DASH}"
"""What stands for an empty text."""
_C1 = re.compile("[\x80-\x9f\u2028\u2029]")

_MARKUP = re.compile(
    r"[\\`*\[\]<~^]"  # emphasis, code, links, HTML, subscript and superscript
    r"|\{(?=\{)"  # the insertion of a parameter
    r"|&(?=#?\w+;)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; inside a word it is none
    r"|^[ \t]*[#>+=|-]",  # headings, quotations, lists, tables
    re.MULTILINE,
)
"""What is markup in OSCAL's subset of CommonMark (https://pages.nist.gov/OSCAL/reference/datatypes/#markup-multiline).
"""
_NOT_A_TOKEN = re.compile(r"[^a-z0-9_.]+")


def line(text: str) -> str:
    """Return a text as OSCAL's string: one line without white space at its ends, never empty.

    Control characters are shown as their pictures, line ends as spaces.
    """
    if text.isprintable():
        return text.strip() or NOTHING
    shown = _C1.sub(" ", " ".join(printable(text).splitlines())).replace("\t", " ")
    return shown.strip() or NOTHING


def markup(text: str) -> str:
    """Return a text as one line of OSCAL's markup that shows it as it is."""
    return _MARKUP.sub(_escaped, line(text))


def paragraphs(*texts: str) -> str:
    """Return texts as OSCAL's markup of several lines that shows them as they are; empty ones are left out."""
    blocks = ([each for each in printable(text).splitlines() if each.strip()] for text in texts)
    return "\n\n".join("  \n".join(map(markup, block)) for block in blocks if block) or NOTHING


def _escaped(match: re.Match[str]) -> str:
    return f"{match[0][:-1]}\\{match[0][-1]}"


def token(text: str) -> str:
    """Return a text as a part of OSCAL's token: lower case, and what a token cannot hold as full stops."""
    return _NOT_A_TOKEN.sub(lambda match: "-" if match[0] == "-" else ".", text.lower()).strip(".") or "unnamed"


def prop(name: str, value: object) -> Prop:
    """Return a property of ours."""
    return Prop(name=name, value=line(str(value)), ns=OURS)


def given(**values: object) -> tuple[Prop, ...]:
    """Return properties of ours by their names, with hyphens, of those values that are neither None nor empty."""
    return tuple(
        prop(name.replace("_", "-"), value) for name, value in values.items() if value is not None and value != ""
    )


def end_of(day: date) -> datetime:
    """Return the last second of a day, which is when a deadline on it passes."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def start_of(day: date) -> datetime:
    """Return the first second of a day."""
    return datetime.combine(day, time(), UTC)


class Names:
    """Names things by UUIDs of version 5: the same thing of the same organization has the same in every document."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    def of(self, kind: str, *names: str) -> str:
        """Return the UUID of the thing of this kind that has these names."""
        return str(uuid5(_NAMESPACE, "\n".join((self._scope, kind, *names))))
