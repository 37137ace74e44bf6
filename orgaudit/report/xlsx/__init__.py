"""report.xlsx: the view as a workbook that an executive reads and an auditor accepts."""

from __future__ import annotations

from pathlib import Path

from orgaudit.report.view import View
from orgaudit.report.xlsx import sheets
from orgaudit.report.xlsx.charts import lists, write_lists
from orgaudit.report.xlsx.manual import TITLE as MANUAL_REVIEW
from orgaudit.report.xlsx.manual import write_manual
from orgaudit.report.xlsx.method import method_lines, write_method
from orgaudit.report.xlsx.summary import write_summary
from orgaudit.spreadsheet.archive import Additions, save
from orgaudit.spreadsheet.workbook import ROW_LIMIT, Book
from orgaudit.store.run import writing


def write(view: View, path: Path, *, row_limit: int = ROW_LIMIT) -> None:
    """Write the view as a workbook whose sheets go on in the next past `row_limit` rows; raises ReportError."""
    footer = f"orgaudit run {view.manifest.run_id}"
    with writing(path) as file, Book(footer=footer, row_limit=row_limit) as book:
        blocks = lists(book, view)
        alt_texts = write_summary(book, view, blocks, _contents(book, view))
        sheets.write_coverage(book, view)
        sheets.write_accounts(book, view)
        sheets.write_frameworks(book, view)
        sheets.write_controls(book, view)
        sheets.write_findings(book, view)
        sheets.write_exceptions(book, view)
        sheets.write_hygiene(book, view)
        sheets.write_closed(book, view)
        write_manual(book, view)
        write_method(book, view)
        write_lists(book, blocks)
        book.workbook.properties.title = f"AWS security audit, run {view.manifest.run_id}"
        book.workbook.properties.creator = f"orgaudit {view.manifest.tool_version}"
        additions = Additions(book.results, book.rows, alt_texts)
        save(book.workbook, file, stamp=view.manifest.started_at, additions=additions)


def _contents(book: Book, view: View) -> list[tuple[str, int, str]]:
    attested = len(view.manual.attestations)
    tables = (
        ("Coverage", view.account_regions_total, "every region, and what is missing"),
        ("Accounts", len(view.accounts), "one scorecard an account"),
        ("Frameworks", len(view.requirements), "requirements and who fails them"),
        ("Controls", len(view.controls), "what was asked, the worst first"),
        ("Findings", view.findings_total, "every finding, the open first"),
        ("Exceptions", len(view.kept), "the register on the report's date"),
        (sheets.HYGIENE, len(view.hygiene), "what the register needs from its owners"),
        *([(sheets.CLOSED, len(view.closed), "rejected, revoked, or expired for good")] if view.closed else []),
        *([(MANUAL_REVIEW, attested, "what people answer where no machine can")] if attested else []),
        ("Method", len(method_lines(view)), "definitions, thresholds, inputs"),
    )
    return [
        (part.sheet, part.records, text if part.sheet == title else f"{title}, continued")
        for title, total, text in tables
        for part in book.parts(title, total)
    ]
