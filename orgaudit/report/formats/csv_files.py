r"""report.flat-findings.csv and report.flat-requirements.csv: the flat tables as RFC 4180 has it.

Records end with CR LF, fields with commas, quotes or line ends stand in quotes, and quotes in them are doubled
(https://www.rfc-editor.org/rfc/rfc4180#section-2). The files are UTF-8 and begin with a byte order mark: without one
Excel reads names as Windows-1252, and what loads CSV otherwise leaves it out (Python: `encoding="utf-8-sig"`). An
empty field without quotes is a missing value. Control characters, which RFC 4180 has no place for, are shown as
pictures, and a text that a spreadsheet would take for a formula has a ' before it, as in all CSV of orgaudit.
"""

from __future__ import annotations

from pathlib import Path

from orgaudit.report.flat import TABLES, FlatTable, Kind, about, prepared
from orgaudit.report.view import UTC_TEXT, View
from orgaudit.store.tables import copy_to

FORM = "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NEW_LINE '\r\n'"
MARK = "\ufeff"
_CONTROLS = [code for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"]
_UNUSUAL = "[" + "".join(rf"\x{code:02x}" for code in _CONTROLS) + r"\x{fffe}\x{ffff}]"
_FROM = " || ".join(f"chr({code})" for code in (*_CONTROLS, 0xFFFE, 0xFFFF))
_TO = "".join(chr(0x2421 if code == 0x7F else 0x2400 + code) for code in _CONTROLS) + "\ufffd\ufffd"  # noqa: PLR2004
INERT = rf"""
    CREATE OR REPLACE TEMP MACRO inert(it) AS if(
        regexp_matches(it, '^[-=+@\t\n\r]|{_UNUSUAL}'),
        if(regexp_matches(it, '^[-=+@\t\n\r]'), '''', '') || translate(it, {_FROM}, '{_TO}'),
        it)
"""
"""Makes what `inert` and `printable` of spreadsheet/text.py do to a text, for DuckDB."""
FORMS = {Kind.TEXT: "inert({})", Kind.TIME: UTC_TEXT}


def write(view: View, results: Path) -> list[Path]:
    """Write both tables, and return their files; raises ReportError."""
    run = about(view.manifest, view.as_of)
    paths = {results / f"{table.file}.csv": table for table in TABLES}
    view.connection.execute(INERT)
    for path, table in paths.items():
        copy_to(view.connection, _marked(table, prepared(view.connection, table, run, FORMS)), path, FORM)
    return list(paths)


def _marked(table: FlatTable, select: str) -> str:
    """Return a query whose first column's name begins with the byte order mark, which so begins the file."""
    first = table.columns[0].name
    return f'SELECT "{first}" AS "{MARK}{first}", * EXCLUDE ("{first}") FROM ({select})'  # noqa: S608 - constants only
