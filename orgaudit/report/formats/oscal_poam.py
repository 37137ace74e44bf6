"""report.oscal-poam.json: what is open in the run as OSCAL's plan of action and milestones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from orgaudit.report.formats.oscal import coverage, items, weaknesses
from orgaudit.report.formats.oscal.document import (
    Audit,
    accounts,
    assets,
    back_matter,
    encoded,
    member,
    members,
    metadata,
)
from orgaudit.report.formats.oscal.model import SystemId
from orgaudit.report.formats.oscal.text import OURS
from orgaudit.report.formats.oscal.weaknesses import MOST_LISTED, Listed
from orgaudit.report.view import View
from orgaudit.report.weaknesses import weaknesses as failing
from orgaudit.store.run import writing


def write(view: View, path: Path, *, most_listed: int = MOST_LISTED) -> None:
    """Write the view as a plan of action, listing so many failures with their resources; raises ReportError."""
    with writing(path) as file:
        file.writelines(_document(view, most_listed))


def _document(view: View, most_listed: int) -> Iterator[bytes]:
    audit = Audit(view)
    found, components = failing(view.connection), accounts(audit)
    risks = tuple(weaknesses.risks(audit, found))  # before the metadata, which lists everybody who owns any
    listed = Listed(audit, most_listed)

    yield b'{"plan-of-action-and-milestones": {"uuid": "%s"' % audit.names.of("plan-of-action").encode()
    yield member("metadata", metadata(audit, "plan of action and milestones"))
    yield member("system-id", SystemId(identifier_type=OURS, id=audit.scope))
    yield b',\n"local-definitions": {"assessment-assets": ' + encoded(assets(audit))
    yield from members("components", components)
    yield from members("inventory-items", listed.inventory())
    yield b"}"
    yield from members("observations", chain(coverage.gaps(audit), weaknesses.observations(audit, listed)))
    yield from members("risks", chain(risks, items.gap_risks(audit)))
    yield from members("poam-items", items.items(audit, found))
    yield member("back-matter", back_matter(audit)) + b"}}\n"
