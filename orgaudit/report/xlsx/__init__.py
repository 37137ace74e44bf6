"""report.xlsx: the view as a workbook that an executive reads and an auditor accepts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from orgaudit.report.view import View
from orgaudit.report.xlsx.actions import ACTIONS
from orgaudit.report.xlsx.changes import CHANGES
from orgaudit.report.xlsx.coverage import COVERAGE
from orgaudit.report.xlsx.findings import EVALUATIONS, OPEN
from orgaudit.report.xlsx.heat import HEAT_MAP
from orgaudit.report.xlsx.lists import lists, write_lists
from orgaudit.report.xlsx.method import METHOD
from orgaudit.report.xlsx.register import CLOSED, EXCEPTIONS, HYGIENE, MANUAL_REVIEW
from orgaudit.report.xlsx.results import ACCOUNTS, CONTROLS, FRAMEWORKS
from orgaudit.report.xlsx.summary import write_summary
from orgaudit.report.xlsx.tables import Tables, TableSheet
from orgaudit.spreadsheet.links import MOST_LINKS
from orgaudit.spreadsheet.text import one_line
from orgaudit.spreadsheet.workbook import ROW_LIMIT, WorkbookWriter
from orgaudit.store.run import writing

SHEETS = (
    *(COVERAGE, ACCOUNTS, FRAMEWORKS, CONTROLS, HEAT_MAP, ACTIONS, CHANGES, OPEN, EVALUATIONS),
    *(EXCEPTIONS, HYGIENE, CLOSED, MANUAL_REVIEW, METHOD),
)
"""The sheets behind the summary, in their order."""

SHEETS_OF_A_PART = (OPEN, ACTIONS, EXCEPTIONS, CHANGES)
"""The sheets behind the summary of a part of a run."""


def write(
    view: View,
    path: Path,
    *,
    sheets: Iterable[TableSheet[Any]] = SHEETS,
    row_limit: int = ROW_LIMIT,
    link_limit: int = MOST_LINKS,
) -> None:
    """Write the view as a workbook with these sheets behind the summary; raises ReportError.

    A sheet goes on in the next past `row_limit` rows, and has no more than `link_limit` links.
    """
    run = view.manifest
    book = WorkbookWriter(footer=f"orgaudit run {run.run_id}", row_limit=row_limit, link_limit=link_limit)
    with writing(path) as file, book:
        tables = Tables(book, view, sheets)
        blocks = lists(tables, view)
        alt_texts = write_summary(book, view, tables, blocks)
        tables.write()
        write_lists(book, blocks)
        book.save(
            file,
            title=", ".join(filter(None, (f"AWS security audit, run {run.run_id}", one_line(view.part)))),
            creator=f"orgaudit {run.tool_version}",
            stamp=run.started_at,
            alt_texts=alt_texts,
        )
