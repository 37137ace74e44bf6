"""The page's findings as two compressed documents: what its list needs, and what one finding shows when it is opened.

Both are columns: a finding is a place in each, and a value that findings share stands once in a list of names. Texts
that name the resource, its account or its region have marks instead, so that the same sentence is one name for all.
"""

from __future__ import annotations

import zlib
from array import array
from base64 import b64encode
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

import msgspec

from orgaudit.model import Severity
from orgaudit.report.listed import PagedFinding
from orgaudit.report.view import View
from orgaudit.spreadsheet.text import printable

MOST_FINDINGS = 100_000
"""How many findings a page has; with more, browsers take longer to open it than people wait."""

FAILING = "status = 'FAIL' AND counted"
"""What the page lists: the open ones, which come first, then those under an exception."""

URGENT = "open AND counted AND severity IN ('critical', 'high')"
"""What it lists where more are open than it has room for."""

RESOURCE, NAME, ACCOUNT, REGION = "\x01", "\x02", "\x03", "\x04"
"""The marks for the resource, the last part of its name, its account and its region; no printable text has them."""

SHORTEST_NAME = 3
"""Shorter names of resources stand in texts as they are: they would be found within words."""

PIECE = 48_000
"""The bytes that are written as one line of text."""


@dataclass(slots=True)
class Names:
    """The different values of a column, in the order of their first appearance."""

    places: dict[Hashable, int] = field(default_factory=dict)

    def place(self, value: Hashable) -> int:
        """Return the place of a value."""
        return self.places.setdefault(value, len(self.places))


@dataclass(slots=True)
class Columns:
    """Columns of places, and the names that the places are of."""

    names: dict[str, Names]
    places: dict[str, array[int]]

    @classmethod
    def of(cls, *titles: str) -> Columns:
        """Return empty columns of these titles."""
        return cls({title: Names() for title in titles}, {title: array("I") for title in titles})

    def add(self, *values: Hashable) -> None:
        """Add a row, with a value for each column in their order."""
        for (title, names), value in zip(self.names.items(), values, strict=True):
            self.places[title].append(names.place(value))

    def packed(self) -> dict[str, Any]:
        """Return the columns as they are written."""
        return {
            "names": {title: list(names.places) for title, names in self.names.items()},
            "places": {title: places.tolist() for title, places in self.places.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The findings of a page: the two documents, compressed, and what is in them.

    `open` and `excepted` are how many findings are listed; the other two are how many of the run are not.
    """

    list: bytes
    details: bytes
    open: int
    excepted: int
    open_left_out: int
    excepted_left_out: int
    only_urgent: bool


def pack(view: View, most: int) -> Packed:
    """Return the findings of a view, with no more than `most`."""
    counts = view.summary.counts
    only_urgent = counts.open > most
    listing = Columns.of(
        *("severity", "control", "account", "region", "resource", "reason", "owner", "first_seen", "due_on"),
        *("exception", "action"),
    )
    details = Columns.of("type", "evidence", "remedies", "reopened")
    fingerprints, opened = _fill(view, listing, details, islice(view.paged(URGENT if only_urgent else FAILING), most))
    excepted = len(fingerprints) - opened
    return Packed(
        list=compressed(
            {
                "as_of": view.as_of,
                "severities": [it.value for it in reversed(Severity)],
                "controls": _controls(view),
                "frameworks": _frameworks(view),
                "actions": [(action.id, action.rank, printable(action.what)) for action in view.actions.actions],
                "open": opened,
                "fingerprints": fingerprints,
                **listing.packed(),
            }
        ),
        details=compressed(details.packed()),
        open=opened,
        excepted=excepted,
        open_left_out=counts.open - opened,
        excepted_left_out=counts.covered - excepted,
        only_urgent=only_urgent,
    )


def _fill(view: View, listing: Columns, details: Columns, findings: Iterable[PagedFinding]) -> tuple[list[str], int]:
    """Add the findings to the columns; return their fingerprints and how many are open."""
    action_of = {name: action.id for action in view.actions.actions for name in action.fingerprints}
    fingerprints: list[str] = []
    opened = 0
    for found in findings:
        marked = Marks.of(found)
        listing.add(
            found.severity,
            found.control,
            (found.account_id, printable(found.account_name), printable(found.ou_path)),
            printable(found.region),
            marked.placed(printable(found.resource)),
            marked.within(found.reason),
            printable(found.owner),
            found.first_seen,
            found.due_on,
            _exception(found),
            action_of.get(found.fingerprint, ""),
        )
        details.add(
            printable(found.resource_type), marked.within(found.evidence), _remedies(found, marked), found.reopened
        )
        fingerprints.append(found.fingerprint)
        opened += found.open
    return fingerprints, opened


@dataclass(frozen=True, slots=True)
class Marks:
    """What of a finding has a mark in its texts."""

    resource: str
    name: str
    account: str
    region: str

    @classmethod
    def of(cls, found: PagedFinding) -> Marks:
        """Return what of a finding has a mark."""
        resource = printable(found.resource)
        name = resource.rpartition("/")[2].rpartition(":")[2]
        return cls(resource, name if len(name) >= SHORTEST_NAME else "", found.account_id, printable(found.region))

    def placed(self, text: str) -> str:
        """Return a text with marks for the account and the region."""
        text = text.replace(self.account, ACCOUNT) if self.account else text
        return text.replace(self.region, REGION) if self.region else text

    def within(self, text: str | None) -> str | None:
        """Return a text with all marks."""
        if text is None:
            return None
        text = printable(text)
        if self.resource:
            text = text.replace(self.resource, RESOURCE)
        if self.name:
            text = text.replace(self.name, NAME)
        return self.placed(text)


def _remedies(found: PagedFinding, marked: Marks) -> tuple[str | None, ...]:
    """Return the three paths of a remediation, each with its command."""
    paths = (
        *(found.remedy, found.command, found.service_wide, found.service_wide_command),
        *(found.preventive, found.preventive_command),
    )
    return tuple(map(marked.within, paths))


def _exception(found: PagedFinding) -> tuple[str, str, str, str] | None:
    if found.exception_id is None:
        return None
    owner, expires = printable(found.exception_owner or ""), printable(found.exception_expires or "")
    return printable(found.exception_id), owner, expires, found.exception_state or ""


def _controls(view: View) -> dict[str, Any]:
    """Return what is said once of each control: title, service, why it matters, and its requirements."""
    records = {record.id: record for record in view.manifest.controls}
    return {
        score.id: (
            printable(score.title),
            printable(records[score.id].rationale),
            [printable(each) for each in score.requirements],
        )
        for score in view.controls
    }


def _frameworks(view: View) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return each framework with the requirements that a control answers."""
    found: dict[str, list[tuple[str, str]]] = {}
    for score in view.requirements:
        if score.controls:
            found.setdefault(score.framework, []).append((printable(score.id), printable(score.title)))
    return [
        (it.id, printable(f"{it.title} {it.version}".strip()), found[it.id])
        for it in view.manifest.frameworks
        if it.id in found
    ]


def compressed(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON, compressed as gzip does without a time: the same input gives the same bytes."""
    press = zlib.compressobj(level=6, wbits=31)
    pieces = [press.compress(msgspec.json.encode(document, enc_hook=_encoded)), press.flush()]
    return b"".join(pieces)


def _encoded(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value)} is in no document")


def as_text(data: bytes) -> Iterator[str]:
    """Yield bytes as lines of base64."""
    for start in range(0, len(data), PIECE):
        yield b64encode(data[start : start + PIECE]).decode()
        yield "\n"
