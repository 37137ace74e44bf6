"""Reads page one of a workbook as its reader does: by the words that stand there."""

from __future__ import annotations

from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet

Shown = object
INDEX = "In this workbook"


@dataclass(frozen=True)
class PageOne:
    """The page, which is a sheet with its results in place of its formulas."""

    sheet: Worksheet

    @property
    def last(self) -> int:
        """The last row that is printed."""
        return int(str(self.sheet.print_area).rpartition("$")[2])

    def place(self, label: str) -> tuple[int, int]:
        """Return the row and column of the only cell with a label, or that begins so where it ends in an ellipsis."""
        found = [
            (cell.row, cell.column)
            for row in self.sheet.iter_rows(max_row=self.last if label != INDEX else None)
            for cell in row
            if isinstance(cell.value, str)
            and (cell.value == label or (label.endswith("…") and cell.value.startswith(label[:-1])))
        ]
        assert len(found) == 1, (label, found)
        return found[0]

    def below(self, label: str, rows: int = 1) -> Shown:
        """Return what stands so many rows below a label."""
        row, column = self.place(label)
        return self.sheet.cell(row + rows, column).value

    def tile(self, label: str) -> tuple[Shown, Shown, Shown, Shown]:
        """Return a figure, its change, what stands in place of its line, and its note."""
        row, column = self.place(label)
        line = self.sheet.cell(row + 2, column + 3).value
        return self.below(label), self.below(label, 2), line, self.below(label, 3)

    def panel(self, heading: str, *, until: str = "") -> list[tuple[Shown, ...]]:
        """Return the filled rows of a panel: those below its heads, up to an empty one or one that begins so."""
        row, column = self.place(heading)
        last = 25 if column > 2 or heading.startswith("Where") else 14
        rows: list[tuple[Shown, ...]] = []
        for cells in self.sheet.iter_rows(min_row=row + 1, min_col=column, max_col=last, values_only=True):
            values = tuple(value for value in cells if value is not None)
            if not values or (until and str(values[0]).startswith(until)):
                break
            rows.append(values)
        return rows

    @property
    def texts(self) -> list[str]:
        """All texts of the page."""
        return [str(value) for row in self.sheet.iter_rows(values_only=True) for value in row if isinstance(value, str)]
