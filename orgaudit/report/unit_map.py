"""The heat map: open issues of each organizational unit by section of the headline framework, or by severity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orgaudit.model import Severity
from orgaudit.report.figures import BySeverity
from orgaudit.report.view import View
from orgaudit.settings.frameworks import Framework
from orgaudit.store.rates import UNSEEN
from orgaudit.store.tables import ISSUE

FEW_SECTIONS = 3
"""With fewer sections the map is by severity."""

MOST_SECTIONS, MOST_UNITS = 8, 8
"""How many columns and rows the map has; what is left is one column or row together."""

OTHER_SECTIONS = "Other sections"
_SECTION_PARTS = " / "

_OPEN = f"""
    WITH placed AS (SELECT unnest($controls) AS control, unnest($places) AS place)
    SELECT account_id, place, count(*) FROM (
        SELECT min(account_id) AS account_id, place FROM findings JOIN placed USING (control)
        WHERE open AND counted GROUP BY {ISSUE}, place) GROUP BY ALL
"""  # noqa: S608 - constants only

_LOOKED = f"""
    WITH placed AS (SELECT unnest($controls) AS control, unnest($places) AS place)
    SELECT account_id, place, count(*) FILTER (status NOT IN ('MANUAL', 'NOT_ASSESSED')), count(*) FILTER ({UNSEEN})
    FROM coverage JOIN placed USING (control) GROUP BY ALL
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One account in one column: its open issues that are counted, and the evaluations that were and were not made."""

    account_id: str
    row: int
    column: int
    open: int
    assessed: int
    unseen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """The map: its rows are units, the one with the most risk first, its columns sections or severities.

    `others` is how many units the last row has together, 0 where each has its own. `row_of` is the row of each unit.
    """

    units: tuple[str, ...]
    others: int
    columns: tuple[str, ...]
    by_severity: bool
    row_of: Mapping[str, int]
    cells: tuple[HeatCell, ...]


def heat_map(view: View) -> HeatMap:
    """Return the map of a view; an issue that touches two sections is in both."""
    ranked = _ranked_units(view)
    others = len(ranked) - MOST_UNITS + 1 if len(ranked) > MOST_UNITS else 0
    shown = ranked[: len(ranked) - others]
    row_of = {unit: min(number, len(shown)) for number, unit in enumerate(ranked)}
    rows = {score.id: row_of[score.ou_path] for score in view.accounts}
    columns, places = _sections(view)
    cells = _by_section(view, rows, places) if places else _by_severity(view, rows)
    return HeatMap(
        units=tuple(shown),
        others=others,
        columns=columns or tuple(it.value.capitalize() for it in reversed(Severity)),
        by_severity=not places,
        row_of=row_of,
        cells=tuple(cells),
    )


def _ranked_units(view: View) -> list[str]:
    points = view.numbers.points
    weights: dict[str, int] = {}
    for score in view.accounts:
        risk = sum(points.of(it) * _count(score.counted_issues, it) for it in Severity)
        weights[score.ou_path] = weights.get(score.ou_path, 0) + risk
    return sorted(weights, key=lambda unit: (-weights[unit], unit))


def _count(counts: BySeverity, severity: Severity) -> int:
    return int(getattr(counts, severity.value))


def _sections(view: View) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """Return the titles of the columns, and each control of the headline framework with its columns' numbers.

    Both are empty where there are few sections. Where there are many, those with the most open findings have a column.
    """
    headline = view.summary.headline
    framework = next((it for it in view.manifest.frameworks if headline and it.id == headline.framework), None)
    if framework is None:
        return (), []
    placed = _placed(framework)
    sections = list(dict.fromkeys(section for _, section in placed))
    if len(sections) < FEW_SECTIONS:
        return (), []
    if len(sections) > MOST_SECTIONS:
        found = {score.id: score.counts.open for score in view.controls}
        weights = {it: sum(found.get(control, 0) for control, section in placed if section == it) for it in sections}
        kept = set(sorted(sections, key=lambda it: -weights[it])[: MOST_SECTIONS - 1])
        placed = [(control, section if section in kept else OTHER_SECTIONS) for control, section in placed]
        sections = [*(it for it in sections if it in kept), OTHER_SECTIONS]
    places = sorted({(control, sections.index(section)) for control, section in placed})
    return tuple(sections), places


def _placed(framework: Framework) -> list[tuple[str, str]]:
    """Return each control of a framework with the top sections in which it is, in the framework's order."""
    return [
        (control, requirement.section.partition(_SECTION_PARTS)[0])
        for requirement in framework.requirements
        for control in requirement.controls
    ]


def _by_section(view: View, rows: Mapping[str, int], places: Sequence[tuple[str, int]]) -> Iterable[HeatCell]:
    placed = {"controls": [control for control, _ in places], "places": [place for _, place in places]}
    found = {(account, place): count for account, place, count in view.connection.execute(_OPEN, placed).fetchall()}
    looked = view.connection.execute(_LOOKED, placed).fetchall()
    for account, place, assessed, unseen in sorted(looked):
        count = found.get((account, place), 0)
        yield HeatCell(
            account_id=account, row=rows[account], column=place, open=count, assessed=assessed, unseen=unseen
        )


def _by_severity(view: View, rows: Mapping[str, int]) -> Iterable[HeatCell]:
    for score in view.accounts:
        for column, severity in enumerate(reversed(Severity)):
            yield HeatCell(
                account_id=score.id,
                row=rows[score.id],
                column=column,
                open=_count(score.counted_issues, severity),
                assessed=score.evaluations_assessed,
                unseen=score.evaluations - score.evaluations_assessed,
            )
