"""What a pack takes from a run's tables: each requirement's evaluations, what was not assessed, and its exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

import duckdb
import msgspec

from orgaudit.evidence.form import NotAssessed, Population
from orgaudit.model import Finding
from orgaudit.report.figures import RequirementScore
from orgaudit.report.manual import answered
from orgaudit.report.mapped import with_parts
from orgaudit.report.queries import REQUIREMENTS
from orgaudit.store.register_result import Attested
from orgaudit.store.tables import FINDING_COLUMNS, rows_of

_OF_CONTROLS = "control IN (SELECT unnest($1))"
_IN_ORDER = "ORDER BY account_id, control, region, resource, fingerprint"
_NOT_ASSESSED = f"""
    SELECT control, coalesce(reason, 'DEFECT') AS reason, coalesce(action, '') AS action, min(message) AS message,
        accepted > 0 AND not_assessed = 0 AS accepted, count(*) AS cells,
        list(DISTINCT account_id ORDER BY account_id) AS accounts, list(DISTINCT region ORDER BY region) AS regions
    FROM coverage WHERE status = 'NOT_ASSESSED' AND {_OF_CONTROLS}
    GROUP BY control, coalesce(reason, 'DEFECT'), coalesce(action, ''), accepted > 0 AND not_assessed = 0,
        replace(replace(message, account_id, ''), region, '')
    ORDER BY control, cells DESC, reason, action, message
"""  # noqa: S608 - constants only
_NOT_SHOWN = {
    "resource_tags": "MAP {} AS resource_tags",
    "requirements": "[] AS requirements",
    "remediation": "NULL AS remediation",
}
"""What packs do not show of a finding, and what is read instead: half of a row, and slow to read."""


class Tables:
    """The tables of a run, asked for the evaluations of some controls."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def scores(self, attested: Attested, accounts: int) -> dict[str, RequirementScore]:
        """Return the report's figures of every requirement by its name."""
        scores = (msgspec.convert(row, RequirementScore) for row in self._rows(REQUIREMENTS, []))
        found = (answered(score, attested, accounts) for score in with_parts(self._connection, scores))
        return {f"{score.framework}:{score.id}": score for score in found}

    def fingerprints(self, controls: Sequence[str]) -> Iterator[str]:
        """Yield the fingerprint of every evaluation of these controls."""
        query = f"SELECT fingerprint FROM findings WHERE {_OF_CONTROLS}"  # noqa: S608 - constants only
        return (row["fingerprint"] for row in self._rows(query, [list(controls)]))

    def population(self, controls: Sequence[str], file: str) -> Population:
        """Return the counts of the evaluations of these controls; `file` is where they are listed."""
        by_status = f"SELECT status, count(*) AS n FROM findings WHERE {_OF_CONTROLS} GROUP BY status ORDER BY status"  # noqa: S608
        counts = {row["status"]: row["n"] for row in self._rows(by_status, [list(controls)])}
        empty = "passed + failed + not_assessed + not_applicable + manual + coalesce(accepted, 0) = 0"
        cells = f"SELECT count(*) AS n, count(*) FILTER ({empty}) AS without FROM coverage WHERE {_OF_CONTROLS}"  # noqa: S608
        (row,) = self._rows(cells, [list(controls)])
        return Population(
            size=sum(counts.values()), by_status=counts, cells=row["n"], cells_without=row["without"], file=file
        )

    def not_assessed(self, controls: Sequence[str]) -> tuple[NotAssessed, ...]:
        """Return what could not be assessed by these controls, a row each reason and action."""
        return tuple(msgspec.convert(row, NotAssessed) for row in self._rows(_NOT_ASSESSED, [list(controls)]))

    def exceptions(self, controls: Sequence[str]) -> list[str]:
        """Return the ids of the exceptions that speak about an evaluation of these controls, sorted."""
        query = f"SELECT DISTINCT exception.id AS id FROM findings WHERE exception IS NOT NULL AND {_OF_CONTROLS} ORDER BY id"  # noqa: S608, E501
        return [row["id"] for row in self._rows(query, [list(controls)])]

    def findings(self, account_id: str, controls: Sequence[str]) -> Iterator[tuple[Finding, bool]]:
        """Yield each evaluation of these controls in an account and whether it is covered, in a population's order."""
        names = ", ".join((*(_NOT_SHOWN.get(name, name) for name in FINDING_COLUMNS), "covered"))
        where = f"{_OF_CONTROLS} AND account_id = $2"
        for row in self._rows(f"SELECT {names} FROM findings WHERE {where} {_IN_ORDER}", [list(controls), account_id]):  # noqa: S608
            yield _finding(row)

    def _rows(self, query: str, values: list[Any]) -> Iterator[dict[str, Any]]:
        yield from rows_of(self._connection.cursor(), query, values)


def _finding(row: dict[str, Any]) -> tuple[Finding, bool]:
    covered = row.pop("covered")
    row["evidence"] = msgspec.json.decode(row["evidence"])
    row["assessed_at"] = row["assessed_at"].replace(tzinfo=UTC)
    return msgspec.convert(row, Finding), covered
