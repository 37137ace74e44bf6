"""report.xlsx: the view as a workbook that an executive reads and an auditor accepts."""

from __future__ import annotations

from collections.abc import Sequence
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
from orgaudit.spreadsheet.workbook import ROW_LIMIT, WorkbookWriter
from orgaudit.store.run import writing

SHEETS = (
    *(COVERAGE, ACCOUNTS, FRAMEWORKS, CONTROLS, HEAT_MAP, ACTIONS, CHANGES, OPEN, EVALUATIONS),
    *(EXCEPTIONS, HYGIENE, CLOSED, MANUAL_REVIEW, METHOD),
)
"""The sheets behind the summary, in their order."""

SHEETS_OF_A_PART = (OPEN, ACTIONS, EXCEPTIONS, CHANGES)
"""The sheets behind the summary of a part of a run."""


def write(view: View, path: Path, *, row_limit: int = ROW_LIMIT) -> None:
    """Write the view as a workbook whose sheets go on in the next past `row_limit` rows; raises ReportError."""
    _write(view, path, SHEETS, row_limit)


def write_part(view: View, path: Path) -> None:
    """Write the view of a part as its workbook; raises ReportError."""
    _write(view, path, SHEETS_OF_A_PART, ROW_LIMIT)


def _write(view: View, path: Path, sheets: Sequence[TableSheet[Any]], row_limit: int) -> None:
    run = view.manifest
    with writing(path) as file, WorkbookWriter(footer=f"orgaudit run {run.run_id}", row_limit=row_limit) as book:
        tables = Tables(book, view, sheets)
        blocks = lists(tables, view)
        alt_texts = write_summary(book, view, tables, blocks)
        tables.write()
        write_lists(book, blocks)
        book.save(
            file,
            title=f"AWS security audit, run {run.run_id}",
            creator=f"orgaudit {run.tool_version}",
            stamp=run.started_at,
            alt_texts=alt_texts,
        )
