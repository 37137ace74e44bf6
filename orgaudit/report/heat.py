"""Where open findings are: each account by control, or by section of the headline framework."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from orgaudit.report.view import View
from orgaudit.store.rates import UNSEEN
from orgaudit.store.tables import rows_of

_CELLS = f"""
    seen AS (
        SELECT account_id, control, bool_or({UNSEEN}) AS unseen, bool_or(passed + failed + manual > 0) AS judged
        FROM coverage GROUP BY account_id, control)
"""  # noqa: S608 - constants only

_BY_CONTROL = f"""
    WITH {_CELLS},
    found AS (SELECT account_id, control, count(*) AS open FROM findings WHERE open GROUP BY account_id, control)
    SELECT control, account_id, coalesce(open, 0) AS open, unseen, judged
    FROM seen LEFT JOIN found USING (account_id, control)
"""  # noqa: S608 - constants only

_BY_SECTION = f"""
    WITH asked AS (
        SELECT DISTINCT section AS name, control
        FROM (SELECT section, unnest(controls) AS control FROM requirements WHERE framework = $framework)
        UNION ALL SELECT service, id FROM controls WHERE $framework = ''),
    {_CELLS},
    found AS (
        SELECT account_id, name, count(DISTINCT (region, resource, family)) AS open
        FROM findings JOIN asked USING (control) WHERE open GROUP BY account_id, name),
    places AS (
        SELECT account_id, name, bool_or(unseen) AS unseen, bool_or(judged) AS judged
        FROM seen JOIN asked USING (control) GROUP BY account_id, name)
    SELECT account_id, name, coalesce(open, 0) AS open, unseen, judged
    FROM places LEFT JOIN found USING (account_id, name)
"""  # noqa: S608 - constants only


class Cell(msgspec.Struct, frozen=True):
    """What is open in an account of one control or section, whether any of it was not assessed, and any was judged."""

    open: int = 0
    unseen: bool = False
    judged: bool = False


Cells = Mapping[str, Mapping[str, Cell]]
"""Cells by the id of their row, then of their column; what is not there was not planned."""


def by_control(view: View) -> Cells:
    """Return the open findings of each control in each account."""
    return _cells(view, _BY_CONTROL, {})


def by_section(view: View) -> Cells:
    """Return the open issues of each account by section of the headline framework, or by service without one."""
    headline = view.summary.headline
    return _cells(view, _BY_SECTION, {"framework": headline.framework if headline else ""})


def sections(view: View) -> list[str]:
    """Return the names of these sections in the framework's order, or of the services by name."""
    headline = view.summary.headline
    if headline is None:
        return sorted({record.service for record in view.manifest.controls})
    names = (score.section for score in view.requirements if score.framework == headline.framework and score.controls)
    return list(dict.fromkeys(names))


def _cells(view: View, sql: str, asked: dict[str, str]) -> Cells:
    cells: dict[str, dict[str, Cell]] = {}
    for row in rows_of(view.connection.cursor(), sql, asked):
        line, column, *found = row.values()
        cells.setdefault(line, {})[column] = Cell(*found)
    return cells
