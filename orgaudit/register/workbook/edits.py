"""What people edited in the rows of one sheet: merged with the register's texts, each problem at its cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orgaudit.register.names import KnownNames
from orgaudit.register.workbook.cell_names import checked
from orgaudit.register.workbook.columns import DECISION, ROW_ID, SET_STATE, WHY, Field, SectionSheet
from orgaudit.register.workbook.merge import Conflict, Entries, merge
from orgaudit.register.workbook.read import EditedRow
from orgaudit.settings.documents import Problem
from orgaudit.settings.syntax import KeyPath
from orgaudit.spreadsheet.text import fitted

_ASKED = (SET_STATE, DECISION, WHY)


class RowEdits:
    """Reads the edits of one sheet; `problems` grows with what is wrong, `warnings` with what could not be checked."""

    def __init__(self, table: SectionSheet, file: str, names: KnownNames) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._table, self._file, self._names = table, file, names

    def merged(
        self, base: Entries, known: Mapping[str, EditedRow], ours: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, str]]:
        """Return the edits of fields by id, each in the form that the register's own text has."""
        theirs = {name: self.texts(line, base[name]) for name, line in known.items()}
        whole = {name: self._table.texts(entry) for name, entry in ours.items()}
        current = {name: {**base[name], **self._fields(texts)} for name, texts in whole.items()}
        merged = merge(base, theirs, current)
        for conflict in merged.conflicts:
            self._conflict(known[conflict.id], conflict)
        for name, fields in merged.edits.items():
            for key in fields:
                if fitted(text := whole[name].get(key, "")) != text:
                    message = "the register holds more here than a cell can"
                    self.problem(known[name], key, message, "undo the edit, and edit the register's file")
        return merged.edits

    def _fields(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return the texts of all fields as cells hold them; computed columns are not fields."""
        return {column.key: fitted(texts.get(column.key, "")) for column in self._table.columns if column.path}

    def texts(self, line: EditedRow, base: Mapping[str, str]) -> dict[str, str]:
        """Return a row's texts, edited ones as the register would write them; what cannot be is a problem."""
        texts = {}
        for column in self._table.columns:
            now, was = line.texts.get(column.key, ""), base.get(column.key, "")
            if column.key in {*_ASKED, ROW_ID, "id"}:
                continue
            if now == was:
                texts[column.key] = was
            elif not column.editable:
                texts[column.key] = was
                self.problem(
                    line, column.key, f"{column.title} cannot be changed here", f"write {was!r} back. {column.help}"
                )
            else:
                texts[column.key] = self._reparsed(line, column, now, was)
        return texts

    def _reparsed(self, line: EditedRow, column: Field, now: str, was: str) -> str:
        try:
            value = column.form.parse(now) if now else None
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            self.problem(line, column.key, message, remedy)
            return was
        value, found = checked(self._names, column, value, was)
        self.warnings += found.warnings
        for problem in found.problems:
            self.problem(line, column.key, problem.message, problem.remedy)
        return was if found.problems else "" if value is None else column.form.write(value)

    def _conflict(self, line: EditedRow, conflict: Conflict) -> None:
        title = self._table.column(conflict.field).title
        was = f"at the export it was {conflict.base!r}"
        if conflict.ours is None:
            message = (
                f"{conflict.id} {title}: the workbook says {conflict.theirs!r}, and the register has no such entry now"
            )
        else:
            message = (
                f"{conflict.id} {title}: the workbook says {conflict.theirs!r}, the register says {conflict.ours!r}, "
                f"and {was}"
            )
        remedy = "decide for one, write it into the workbook or the register, and import again"
        self.problem(line, conflict.field, message, remedy)

    def problem(self, line: EditedRow, key: str, message: str, remedy: str) -> None:
        """Add a problem at the cell of a row's key."""
        self.problems.append(Problem(file=self._file, key=line.place(key), message=message, remedy=remedy))

    def problem_at(self, line: EditedRow, path: KeyPath, message: str, remedy: str) -> None:
        """Add a problem at the cell that is nearest to a place in the row's entry."""
        names = tuple(part for part in path if isinstance(part, str))
        nearest = (
            column.key
            for length in range(len(names), 0, -1)
            for column in self._table.columns
            if column.path[:length] == names[:length] and column.key in line.cells
        )
        self.problem(line, next(nearest, "id"), message, remedy)
