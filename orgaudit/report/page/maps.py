"""The page's two maps: where open findings are, controls by accounts, and what was seen, accounts by regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orgaudit.report.figures import AccountRegion, Completeness
from orgaudit.report.heat import Cell, by_control, by_section, sections
from orgaudit.report.page.tables import Shown, findings_of, tone_of
from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import NO_UNIT
from orgaudit.report.xlsx.heat import MANY, SOME, shown
from orgaudit.spreadsheet.text import one_line

MOST_CELLS = 40_000
"""How many cells a map has: browsers lay out more of them too slowly. Then accounts are by section."""

LONGEST_NAME = 42


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a map: its name, what is said of it beside that, where it leads, and its cells."""

    name: str
    detail: str
    kind: str
    href: str
    cells: Iterable[Shown]


@dataclass(frozen=True, slots=True)
class Map:
    """A map: the title over its rows' names, the names of its columns with where they lead, and its rows."""

    caption: str
    corner: str
    heads: tuple[Shown, ...]
    lines: Iterable[Line]
    left_out: str = ""


def heat_map(view: View, most: int = MOST_CELLS) -> Map:
    """Return where open findings are: by control and account, or by account and section where accounts are many."""
    by = _by_control if len(view.accounts) * len(view.controls) <= most else _by_section
    return by(view)


def _by_control(view: View) -> Map:
    cells = by_control(view)
    return Map(
        "Open findings by control and account, the worst first",
        "Control",
        tuple(Shown(_short(f"{score.name or score.id}"), "", findings_of(account=score.id)) for score in view.accounts),
        (
            Line(
                _short(score.title, 90),
                score.severity.value,
                tone_of(score.severity.value) if score.counts.open else "",
                findings_of(control=score.id),
                _cells(view, cells.get(score.id, {}), score.id),
            )
            for score in view.controls
        ),
    )


def _cells(view: View, cells: Mapping[str, Cell], control: str) -> Iterator[Shown]:
    for score in view.accounts:
        cell = cells.get(score.id, Cell())
        yield _cell(cell, findings_of(control=control, account=score.id) if cell.open else "")


def _by_section(view: View) -> Map:
    cells, columns = by_section(view), sections(view)
    return Map(
        "Open issues by account and section of the headline framework, the worst first",
        "Account",
        tuple(Shown(_short(name, 60) or "no section") for name in columns),
        (
            Line(
                _short(score.name or score.id),
                score.id,
                "",
                findings_of(account=score.id),
                [
                    _cell(cell, findings_of(account=score.id) if cell.open else "")
                    for cell in (cells.get(score.id, {}).get(name, Cell()) for name in columns)
                ],
            )
            for score in view.accounts
        ),
    )


def _cell(cell: Cell, href: str) -> Shown:
    content = shown(cell)
    return Shown(f"{content:,}" if isinstance(content, int) else str(content), _heat(content), href)


def _heat(content: object) -> str:
    """Return the tone of a cell, as the workbook's map has it."""
    if not isinstance(content, int):
        return "u" if content else ""
    return "h3" if content >= MANY else "h2" if content >= SOME else "h1" if content else "h0"


_STATES = {"AUDITED": "complete", "NOT_ASSESSED": "not assessed"}


def coverage_map(view: View, most: int = MOST_CELLS) -> Map:
    """Return what was seen of every region of every account; of many accounts, of those that were not seen whole."""
    found: dict[str, dict[str, AccountRegion]] = {}
    regions: set[str] = set()
    for each in view.account_regions():
        found.setdefault(each.account_id, {})[each.region] = each
        regions.add(each.region)
    columns = sorted(regions)
    scores = view.accounts
    if len(scores) * len(columns) > most:
        incomplete = [score for score in scores if score.completeness is not Completeness.COMPLETE]
        scores = tuple(incomplete[: most // max(len(columns), 1)])
    out = len(view.accounts) - len(scores)
    return Map(
        "What was assessed, by account and region",
        "Account",
        tuple(Shown(one_line(region)) for region in columns),
        (
            Line(
                _short(score.name or score.id),
                one_line(score.ou_path) or NO_UNIT,
                "",
                "",
                [_state(found.get(score.id, {}).get(region)) for region in columns],
            )
            for score in scores
        ),
        left_out=f"{out:,} accounts are not shown here, complete ones first; the workbook's sheet Coverage has all."
        if out
        else "",
    )


def _state(region: AccountRegion | None) -> Shown:
    if region is None:
        return Shown("")
    if region.state == "PARTIAL":
        return Shown(f"{region.evaluations_assessed:,} of {region.evaluations:,}", tone_of("PARTIAL"))
    return Shown(_STATES.get(region.state, region.state.lower()), tone_of(region.state))


def _short(name: str, limit: int = LONGEST_NAME) -> str:
    name = one_line(name)
    return name if len(name) <= limit else f"{name[: limit - 1]}…"
