"""Lists what became of findings, row by row: SQL orders what is narrow, and what findings say comes from the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from orgaudit.compare.checks import Controls
from orgaudit.compare.records import Outcome, Row, Why
from orgaudit.compare.spool import Spool, Told
from orgaudit.store.run import write_encoded
from orgaudit.store.tables import json_lines, rows_of

ORDER = (
    Outcome.DISAGREEMENT,
    Outcome.CONTRADICTION,
    Outcome.THEIRS_ONLY,
    Outcome.OURS_ONLY,
    Outcome.UNDECIDED,
    Outcome.AGREEMENT,
)
"""Outcomes in the order in which people read them."""


_RANKED = """
    CREATE OR REPLACE TEMP TABLE ranked AS
    SELECT number, row_number() OVER (
        ORDER BY list_position($order, outcome), theirs = 'FAIL' AND ours = 'PASS' DESC, ours = 'FAIL' DESC,
            theirs DESC, unit, account, region, place) AS rank
    FROM groups WHERE list_contains($outcomes, outcome) QUALIFY rank <= $most
"""

_MEMBERS = """
    CREATE OR REPLACE TEMP TABLE members AS
    SELECT DISTINCT r.rank, g.ours, p.unit, p.id, p.fingerprint FROM ranked r JOIN groups g ON g.number = r.number
    JOIN pairs p ON p.unit = g.unit AND p.account = g.account AND p.region = g.region AND p.place = g.place
"""

_DECIDING = """
    SELECT f.fingerprint, f.resource, f.reason, CAST(f.evidence AS VARCHAR) AS evidence,
        if(f.covered, f.exception.id, '') AS exception
    FROM findings f WHERE f.fingerprint IN (SELECT fingerprint FROM members WHERE members.ours = f.status)
"""

_LISTED = """
    SELECT r.rank, 0 AS side, g.outcome, g.why, g.checks, g.unit, g.account, g.region, g.ours, g.theirs, g.excepted
    FROM ranked r JOIN groups g ON g.number = r.number
    UNION ALL BY NAME
    SELECT DISTINCT m.rank, 1 AS side, o.control AS name, d.spot FROM members m
    JOIN deciding d ON d.fingerprint = m.fingerprint JOIN ours o ON o.fingerprint = m.fingerprint AND o.unit = m.unit
    UNION ALL BY NAME
    SELECT DISTINCT m.rank, 2 AS side, t.asked || ' ' || t.said AS name, t.spot FROM members m
    JOIN theirs t ON t.id = m.id AND t.unit = m.unit
    ORDER BY rank, side, name, spot
"""
"""The groups in their order, each followed by our findings that decide it and by all of theirs."""

_THEIRS_ALONE = "SELECT * FROM their_rest ORDER BY theirs, why, asked, account, region, spot"

_OURS_ALONE = """
    SELECT r.why, f.control, f.account_id, f.region, f.resource, r.ours, f.reason,
        CAST(f.evidence AS VARCHAR) AS evidence, if(f.covered, f.exception.id, '') AS exception
    FROM findings f JOIN our_rest r ON r.fingerprint = f.fingerprint
"""
"""In the order of reports, which is that of the table: sorting by DuckDB would need memory for all evidence."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What became of findings; while rows are read nothing else may be asked of the connection."""

    connection: duckdb.DuckDBPyConnection
    scratch: Path
    units: Mapping[Controls, int]
    spool: Spool

    def compared(self, outcomes: Sequence[Outcome], most: int) -> Iterator[Row]:
        """Yield what both say about the same with one of these outcomes, at most so many."""
        values = {"outcomes": list(map(str, outcomes)), "order": list(map(str, ORDER)), "most": most}
        self.connection.execute(_RANKED, values)
        self.connection.execute(_MEMBERS)
        path = self.scratch / "deciding.ndjson.zst"
        write_encoded(path, map(msgspec.json.Encoder().encode, self._deciding()))
        source = json_lines([path], {"fingerprint": "VARCHAR", "spot": "BIGINT"})
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE deciding AS SELECT * FROM {source}")  # noqa: S608 - no user's text
        controls = {number: names for names, number in self.units.items()}
        for _, lines in groupby(rows_of(self.connection, _LISTED), key=itemgetter("rank")):
            head, *others = lines
            yield self._row(
                head,
                [it for it in others if it["side"] == _OURS],
                [it for it in others if it["side"] != _OURS],
                controls[head["unit"]],
            )

    def _deciding(self) -> Iterator[dict[str, object]]:
        """Yield where the spool has what each of our findings says that decides a group."""
        for row in rows_of(self.connection, _DECIDING):
            told = Told(
                resource=row["resource"],
                reason=row["reason"],
                exception=row["exception"],
                evidence=msgspec.Raw(row["evidence"].encode()),
            )
            yield {"fingerprint": row["fingerprint"], "spot": self.spool.add(told)}

    def _row(
        self,
        head: Mapping[str, Any],
        ours: Sequence[Mapping[str, Any]],
        theirs: Sequence[Mapping[str, Any]],
        controls: Controls,
    ) -> Row:
        """Return the row of one group."""
        own = [(line["name"], self.spool.at(line["spot"])) for line in ours]
        said = [(line["name"], self.spool.at(line["spot"])) for line in theirs]
        is_one = len(controls) == 1
        evidence = {name: told.evidence for name, told in own}
        return Row(
            outcome=Outcome(head["outcome"]),
            why=Why(head["why"]) if head["why"] else None,
            controls=controls,
            checks=tuple(head["checks"]),
            account_id=head["account"],
            region=head["region"],
            resource=own[0][1].resource,
            ours=head["ours"],
            our_reason=_joined(told.reason if is_one else f"{name}: {told.reason}" for name, told in own),
            evidence=own[0][1].evidence if is_one else msgspec.Raw(msgspec.json.encode(evidence)),
            our_exception=min((told.exception for _, told in own if told.exception), default=""),
            theirs=head["theirs"],
            their_reason=_joined(f"{name}: {told.reason}" if told.reason else name for name, told in said),
            their_exception=head["excepted"],
            their_date=max(told.date for _, told in said),
        )

    def theirs_alone(self) -> Iterator[Row]:
        """Yield what only they have a finding of, failures first."""
        for row in rows_of(self.connection, _THEIRS_ALONE):
            told = self.spool.at(row["spot"])
            yield Row(
                outcome=Outcome.THEIRS_ONLY,
                why=Why(row["why"]),
                checks=(row["asked"],),
                account_id=row["account"],
                region=row["region"],
                resource=told.resource,
                theirs=row["theirs"],
                their_reason=told.reason,
                their_exception=row["excepted"],
                their_date=told.date,
            )

    def ours_alone(self) -> Iterator[Row]:
        """Yield what only we have a finding of, in the order of reports."""
        for row in rows_of(self.connection, _OURS_ALONE):
            yield Row(
                outcome=Outcome.OURS_ONLY,
                why=Why(row["why"]),
                controls=(row["control"],),
                account_id=row["account_id"],
                region=row["region"],
                resource=row["resource"],
                ours=row["ours"],
                our_reason=row["reason"],
                evidence=msgspec.Raw(row["evidence"].encode()),
                our_exception=row["exception"],
            )


_OURS = 1


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
