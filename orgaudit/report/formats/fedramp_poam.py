"""report.fedramp-poam.xlsx: what is open in the run in FedRAMP's template of a plan of action and milestones.

https://www.fedramp.gov/resources/templates/FedRAMP-POAM-Template.xlsx: the headings stand in the fifth row, and
a row is a unique weakness with its assets. What the register and the run do not know stays empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
from openpyxl.utils import get_column_letter

from orgaudit.model import Severity
from orgaudit.report.figures import Cause
from orgaudit.report.formats.oscal.coverage import cause_title
from orgaudit.report.formats.oscal.document import Audit
from orgaudit.report.formats.oscal.items import weakness_id, with_ids
from orgaudit.report.formats.oscal.requirements import nist_requirements
from orgaudit.report.formats.oscal.weaknesses import exception_words, milestones, statement
from orgaudit.report.view import View
from orgaudit.report.weaknesses import Asset, ClosedWeakness, Weakness, assets, closed_weaknesses, weaknesses
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import CellWriter, Column, Content, header_row, record_rows, row, title_row
from orgaudit.spreadsheet.text import CELL_LIMIT, one_line
from orgaudit.spreadsheet.workbook import A3, WorkbookWriter, limit_to
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.run import writing
from orgaudit.store.tables import findings_table
from orgaudit.words import counted

OPEN, CLOSED = "Open POA&M Items", "Closed POA&M Items"
HEADER_ROW = 5
MOST_ASSETS = 200
"""How many assets a row names; the others are counted."""
_ROOM = CELL_LIMIT - 100
_YES, _NO = "Yes", "No"
NOT_RATED = "N/A"
RATINGS = {Severity.LOW: "Low", Severity.MEDIUM: "Moderate", Severity.HIGH: "High", Severity.CRITICAL: "High"}
"""FedRAMP's ratings; it has none above High."""
_LINES, _PAGES_WIDE = 12, 4

CONFIGURATION, ASSESSMENT = "CM-6", "CA-2"
"""The controls that stand for a weakness of which no requirement of SP 800-53 in the run names the control
(configuration settings), and for what was not assessed (control assessments)."""

_REQUIRED = frozenset({"operational_requirement", "risk_acceptance", "compensating_control", "not_applicable"})
"""The types of exceptions for which something stays as it is while they are in force."""


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the plan, by the columns of the template."""

    poam_id: str
    controls: str
    name: str
    description: str
    source: str
    source_id: str
    assets: str
    contact: str
    resources: str = ""
    plan: str
    detected: date | None
    completion: date | None = None
    milestones: str = ""
    changes: str = ""
    status_date: date
    vendor: str = _NO
    rating: str
    requirement: str = _NO
    rationale: str = ""
    documents: str
    comments: str
    service: str = ""


_WRAPPED = replace(look.TEXT, grid=look.LINE)
_DATE = replace(look.DATE, grid=look.LINE)
_YES_NO = (_YES, _NO, "Pending")
_RATED = ("Low", "Moderate", "High", NOT_RATED)


def _column(title: str, width: float, content: Callable[[PlanRow], Content]) -> Column[PlanRow]:
    return Column(title, width, content, _DATE if title in _DATES else _WRAPPED)


_DATES = frozenset(
    {
        "Original Detection Date",
        "Scheduled Completion Date",
        "Status Date",
        "Last Vendor Check-in Date",
        "Binding Operational Directive 22-01 Due Date",
    }
)

COLUMNS: tuple[Column[PlanRow], ...] = (
    _column("POAM ID", 30, lambda it: it.poam_id),
    _column("Controls", 18, lambda it: it.controls),
    _column("Weakness Name", 34, lambda it: it.name),
    _column("Weakness Description", 48, lambda it: it.description),
    _column("Weakness Detector Source", 16, lambda it: it.source),
    _column("Weakness Source Identifier", 28, lambda it: it.source_id),
    _column("Asset Identifier", 56, lambda it: it.assets),
    _column("Point of Contact", 26, lambda it: it.contact),
    _column("Resources Required", 20, lambda it: it.resources),
    _column("Overall Remediation Plan", 48, lambda it: it.plan),
    _column("Original Detection Date", 13, lambda it: it.detected),
    _column("Scheduled Completion Date", 13, lambda it: it.completion),
    _column("Planned Milestones", 40, lambda it: it.milestones),
    _column("Milestone Changes", 28, lambda it: it.changes),
    _column("Status Date", 13, lambda it: it.status_date),
    _column("Vendor Dependency", 13, lambda it: it.vendor),
    _column("Last Vendor Check-in Date", 13, lambda _: None),
    _column("Vendor Dependent Product Name", 16, lambda _: None),
    _column("Original Risk Rating", 11, lambda it: it.rating),
    _column("Adjusted Risk Rating", 11, lambda _: NOT_RATED),
    _column("Risk Adjustment", 12, lambda _: _NO),
    _column("False Positive", 10, lambda _: _NO),
    _column("Operational Requirement", 14, lambda it: it.requirement),
    _column("Deviation Rationale", 36, lambda it: it.rationale),
    _column("Supporting Documents", 22, lambda it: it.documents),
    _column("Comments", 40, lambda it: it.comments),
    _column("Auto-Approve", 10, lambda _: _NO),
    _column("Binding Operational Directive 22-01 tracking", 16, lambda _: _NO),
    _column("Binding Operational Directive 22-01 Due Date", 16, lambda _: None),
    _column("CVE", 12, lambda _: None),
    _column("Service Name", 14, lambda it: it.service),
)

LIMITS: dict[str, str | Sequence[str]] = {
    **dict.fromkeys(("Vendor Dependency", "Risk Adjustment", "False Positive", "Operational Requirement"), _YES_NO),
    **dict.fromkeys(("Original Risk Rating", "Adjusted Risk Rating"), _RATED),
    "Auto-Approve": (_YES, _NO),
}


def write(view: View, path: Path) -> None:
    """Write the view as a plan of action in FedRAMP's template; raises ReportError."""
    manifest, audit = view.manifest, Audit(view)
    book = WorkbookWriter(footer=f"orgaudit run {manifest.run_id}")
    with writing(path) as file, book:
        _sheet(book, audit, OPEN, tuple(open_rows(audit)))
        _sheet(book, audit, CLOSED, tuple(_closed_rows(audit)))
        book.save(
            file,
            title=one_line(f"Plan of action and milestones, run {manifest.run_id}"),
            creator=f"orgaudit {manifest.tool_version}",
            stamp=manifest.started_at,
        )


def _sheet(book: WorkbookWriter, audit: Audit, title: str, records: Sequence[PlanRow]) -> None:
    """Write one sheet: the title, the system, and the rows under the headings."""
    sheet = book.sheet(title, widths=[column.width for column in COLUMNS])
    sheet.page_setup.paperSize = A3
    sheet.page_setup.fitToWidth = _PAGES_WIDE
    sheet.print_title_cols = "A:C"
    sheet.freeze_panes = f"D{HEADER_ROW + 1}"
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    last = HEADER_ROW + max(len(records), 1)
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{get_column_letter(len(COLUMNS))}{last}"
    for index, column in enumerate(COLUMNS, 1):
        if limit := LIMITS.get(column.title):
            cells = f"{get_column_letter(index)}{HEADER_ROW + 1}:{get_column_letter(index)}{last}"
            limit_to(sheet, cells, column.title, limit)
    heads, texts, dates = (CellWriter(sheet, each) for each in (look.HEADER, _WRAPPED, _DATE))
    organization = audit.people.organization.name
    about: tuple[Content, ...] = (organization, audit.scope, "", audit.view.as_of)
    named = ("CSP", "System Name", "Impact Level", "POAM Date")
    written = record_rows(
        sheet, COLUMNS, records, first=HEADER_ROW + 1, total=len(records), fitted=range(len(COLUMNS)), most_lines=_LINES
    )
    book.rows[title] += (
        (
            title_row(sheet, "FedRAMP Plan of Action and Milestones (POA&M)", 1, height=26),
            row(2, [heads.cell(f"{letter}2", name) for letter, name in zip("ABCD", named, strict=True)]),
            row(
                3,
                [
                    (dates if letter == "D" else texts).cell(f"{letter}3", value)
                    for letter, value in zip("ABCD", about, strict=True)
                ],
            ),
            header_row(sheet, COLUMNS, HEADER_ROW, height=52),
        ),
        written,
    )


def open_rows(audit: Audit) -> Iterator[PlanRow]:
    """Yield what fails, then what was not assessed, as the items of report.oscal-poam.json."""
    connection = audit.view.connection
    places = assets(connection, MOST_ASSETS)
    for weakness in weaknesses(connection):
        found = places[weakness.control, weakness.exception_id, weakness.covered]
        yield _open_row(audit, weakness, listed(names_of(found), weakness.resources))
    for name, cause in with_ids(audit.view.all_causes):
        yield _gap_row(audit, name, cause)


def names_of(found: Iterable[Asset]) -> Iterator[str]:
    """Yield the names of assets."""
    return (asset.name for asset in found)


def listed(found: Iterable[str], total: int) -> str:
    """Return assets, one a line, as many as a cell has room for, and how many more there are."""
    lines: list[str] = []
    room = _ROOM
    for asset in found:
        name = one_line(asset)
        room -= len(name.encode("utf-16-le")) // 2 + 1
        if room < 0:
            break
        lines.append(name)
    more = total - len(lines)
    return "\n".join([*lines, *([f"and {more:,} more: orgaudit query lists them"] if more else [])])


def _open_row(audit: Audit, weakness: Weakness, names: str) -> PlanRow:
    record, exception = audit.records[weakness.control], audit.exceptions.get(weakness.exception_id)
    kind = exception.type if exception and weakness.covered else ""
    words = exception_words(weakness, exception)
    approved = f"; approved by {exception.approved_by}" if exception and exception.approved_by else ""
    owners = [weakness.exception_owner or ""] if weakness.covered else [*weakness.owners]
    return PlanRow(
        poam_id=weakness_id(weakness),
        controls=_controls(audit, weakness.control),
        name=one_line(record.title),
        description="\n".join(filter(None, (record.rationale, statement(weakness)))),
        source=_source(audit),
        source_id=weakness.control,
        assets=names,
        contact=_contact(audit, owners),
        resources=_resources(record),
        plan=_plan(record),
        detected=weakness.first_seen,
        completion=weakness.exception_expires if weakness.covered else weakness.due_on,
        milestones="\n".join(
            f"Milestone {number}: {one_line(title)} by {day}"
            for number, (title, day) in enumerate(milestones(weakness), 1)
        ),
        changes="" if weakness.covered else words,
        status_date=audit.view.as_of,
        vendor=_YES if kind == "vendor_dependency" else _NO,
        rating=RATINGS[weakness.severity],
        requirement=_YES if kind in _REQUIRED else _NO,
        rationale=one_line(words + approved) if weakness.covered else "",
        documents=_documents(audit, exception.ticket if exception else ""),
        comments=_comments(audit, weakness),
        service=record.service,
    )


def _gap_row(audit: Audit, name: str, cause: Cause) -> PlanRow:
    return PlanRow(
        poam_id=name,
        controls=ASSESSMENT,
        name=cause_title(cause),
        description=f"{cause.example}\nWhat was not assessed may fail: nothing of it passes.",
        source=_source(audit),
        source_id=str(cause.reason),
        assets=listed(cause.accounts[:MOST_ASSETS], len(cause.accounts)),
        contact=_contact(audit, ()),
        plan=cause.fix,
        detected=audit.view.manifest.ended_at.date(),
        status_date=audit.view.as_of,
        rating=NOT_RATED,
        documents=_documents(audit, ""),
        comments=f"Regions: {', '.join(cause.regions)}",
    )


def _closed_rows(audit: Audit) -> Iterator[PlanRow]:
    """Yield what was closed since the baseline: nothing fails any more, and all was assessed again."""
    comparison = audit.view.comparison
    for found in closed_weaknesses(audit.view.connection, comparison, MOST_ASSETS):
        yield _closed_row(audit, found, f"{comparison.baseline} of {comparison.baseline_date}")


def _closed_row(audit: Audit, found: ClosedWeakness, baseline: str) -> PlanRow:
    record = audit.records[found.control]
    gone = f", {found.gone:,} of them with their resource" if found.gone else ""
    return PlanRow(
        poam_id=found.control,
        controls=_controls(audit, found.control),
        name=one_line(record.title),
        description=record.rationale,
        source=_source(audit),
        source_id=found.control,
        assets=listed(names_of(found.assets), found.resources),
        contact=_contact(audit, found.owners),
        resources=_resources(record),
        plan=_plan(record),
        detected=found.first_seen,
        completion=audit.view.as_of,
        status_date=audit.view.as_of,
        rating=RATINGS[found.severity],
        documents=_documents(audit, ""),
        comments=f"{counted(found.issues, 'issue')} closed since run {baseline}{gone}",
        service=record.service,
    )


def _controls(audit: Audit, control: str) -> str:
    return ", ".join(nist_requirements(audit.controls[control])) or CONFIGURATION


def _source(audit: Audit) -> str:
    return f"orgaudit {audit.view.manifest.tool_version}"


def _contact(audit: Audit, owners: Iterable[str]) -> str:
    return "; ".join(filter(None, map(one_line, owners))) or audit.people.team.name


def _documents(audit: Audit, ticket: str) -> str:
    return "\n".join(filter(None, (findings_table(audit.view.run).name, ticket)))


def _resources(record: ControlRecord) -> str:
    effort = f"effort {record.effort}{' for each resource' if record.per_resource else ''}" if record.effort else ""
    disruption = {"": "", "none": "no interruption"}.get(record.disruption, f"needs a {record.disruption}")
    return ", ".join(filter(None, (effort, disruption)))


def _plan(record: ControlRecord) -> str:
    remediation = record.remediation
    if remediation is None:
        return "\N{EN DASH}"
    fixes = (remediation.service_wide, remediation.asset, remediation.preventive)
    return "\n".join(f"({number}) {fix.text}" for number, fix in enumerate(fixes, 1))


def _comments(audit: Audit, weakness: Weakness) -> str:
    named = nist_requirements(audit.controls[weakness.control])
    return "\n".join(
        filter(
            None,
            (
                f"{counted(weakness.findings, 'finding')} in {counted(len(weakness.accounts), 'account')}",
                "Severity: critical" if weakness.severity is Severity.CRITICAL else "",
                f"{weakness.without_owner:,} without an owner" if weakness.without_owner else "",
                ""
                if named
                else f"No requirement of SP 800-53 in the run names the control: {CONFIGURATION} stands for it",
            ),
        )
    )
