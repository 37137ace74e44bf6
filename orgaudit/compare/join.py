"""Joins findings of another tool with ours in SQL, since there may be more of both than memory, and says what became.

Two findings are joined where both are about the same resource in the same account, or both about the account, or the
region of it, as a whole. One resource on each side that are not the same are never joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import msgspec

from orgaudit.compare.checks import Controls
from orgaudit.compare.places import Place, place_of, region_of
from orgaudit.compare.records import Outcome, TheirFinding, Why
from orgaudit.model import GLOBAL, Status
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import write_encoded
from orgaudit.store.tables import json_lines, rows_of

_TEXT = "VARCHAR"
_PLACE = {"unit": "INTEGER", "account": _TEXT, "region": _TEXT, "key": _TEXT, "whole": "BOOLEAN"}
_THEIRS = {
    **_PLACE,
    "id": "BIGINT",
    "spot": "BIGINT",
    **dict.fromkeys(("asked", "standard", "status", "said", "why"), _TEXT),
    "parts": "INTEGER",
    "excepted": "BOOLEAN",
}
_OURS = {**_PLACE, "fingerprint": _TEXT, "control": _TEXT, "status": _TEXT}


class _OurLine(msgspec.Struct, frozen=True, kw_only=True):
    unit: int
    account: str
    region: str
    key: str
    whole: bool
    fingerprint: str
    control: str
    status: str


class TheirLine(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of theirs beside one unit: controls that answer its check; unit -1 and `why` where there are none."""

    unit: int = -1
    account: str
    region: str
    key: str
    whole: bool
    id: int
    asked: str
    standard: str
    status: str
    said: str
    spot: int
    why: str = ""
    parts: int = 1
    excepted: bool


def line_of(number: int, finding: TheirFinding, spot: int) -> TheirLine:
    """Return a finding of theirs as it is joined; `spot` is where the spool has what it says."""
    place = place_of(finding.resource_id, finding.account_id, finding.region, finding.resource_type)
    return TheirLine(
        account=finding.account_id,
        region=place.region,
        key=place.key,
        whole=place.is_whole,
        id=number,
        asked=finding.check,
        standard=finding.standard,
        status=finding.status,
        said=finding.said,
        spot=spot,
        excepted=finding.excepted,
    )


def load_theirs(connection: duckdb.DuckDBPyConnection, scratch: Path, lines: Iterable[TheirLine]) -> None:
    """Make the table of their findings."""
    path = scratch / "theirs.ndjson.zst"
    write_encoded(path, map(msgspec.json.Encoder().encode, lines))
    connection.execute(f"CREATE TEMP TABLE theirs AS SELECT * FROM {json_lines([path], _THEIRS)}")  # noqa: S608 - no user's text


def load_ours(
    connection: duckdb.DuckDBPyConnection, scratch: Path, units: Mapping[Controls, int], manifest: Manifest
) -> None:
    """Make the tables of our findings beside the units that they are part of, and of where we looked."""
    by_control: dict[str, list[int]] = {}
    for controls, unit in units.items():
        for control in controls:
            by_control.setdefault(control, []).append(unit)
    pairs = [(control, unit) for control, found in by_control.items() for unit in found]
    connection.execute(
        "CREATE TEMP TABLE units AS SELECT unnest($1::VARCHAR[]) AS control, unnest($2::INTEGER[]) AS unit",
        [[control for control, _ in pairs], [unit for _, unit in pairs]],
    )
    regions = [(record.account_id, region.name) for record in manifest.records for region in record.regions]
    connection.execute(
        "CREATE TEMP TABLE audited AS SELECT unnest($1::VARCHAR[]) AS account, unnest($2::VARCHAR[]) AS region",
        [[account for account, _ in regions], [region for _, region in regions]],
    )
    path = scratch / "ours.ndjson.zst"
    write_encoded(path, map(msgspec.json.Encoder().encode, _our_lines(connection, by_control)))
    connection.execute(f"CREATE TEMP TABLE ours AS SELECT * FROM {json_lines([path], _OURS)}")  # noqa: S608 - no user's text


def _our_lines(connection: duckdb.DuckDBPyConnection, by_control: Mapping[str, Sequence[int]]) -> Iterator[_OurLine]:
    for row in rows_of(
        connection,
        "SELECT fingerprint, control, account_id, region, resource, status FROM findings "
        "WHERE control IN (SELECT control FROM units)",
    ):
        place: Place = place_of(row["resource"], row["account_id"], row["region"])
        region = place.region if place.is_whole else region_of(row["region"])
        for unit in by_control[row["control"]]:
            yield _OurLine(
                unit=unit,
                account=row["account_id"],
                region=region,
                key=place.key,
                whole=place.is_whole,
                fingerprint=row["fingerprint"],
                control=row["control"],
                status=row["status"],
            )


_PAIRS = f"""
    CREATE TEMP TABLE pairs AS
    SELECT t.id, o.fingerprint, o.unit, o.account, o.region, if(o.whole, '', o.key) AS place
    FROM theirs t JOIN ours o ON o.unit = t.unit AND o.account = t.account AND o.key = t.key
    UNION
    SELECT t.id, o.fingerprint, o.unit, o.account, o.region, '' AS place
    FROM theirs t JOIN ours o ON o.unit = t.unit AND o.account = t.account
    WHERE t.whole AND o.whole AND (o.region = '{GLOBAL}' OR o.region = t.region)
"""  # noqa: S608 - constants only

_WORST = "CASE {} ELSE 'NOT_APPLICABLE' END".format(
    " ".join(
        f"WHEN bool_or(status = '{status}') THEN '{status}'"
        for status in (Status.FAIL, Status.NOT_ASSESSED, Status.MANUAL, Status.PASS)
    )
)
"""What several controls that together answer a check say of a resource."""

_GROUPS = f"""
    CREATE TEMP TABLE groups AS
    WITH our_side AS (
        SELECT unit, account, region, place, {_WORST} AS ours
        FROM (SELECT DISTINCT unit, account, region, place, fingerprint FROM pairs)
        JOIN (SELECT DISTINCT fingerprint, status FROM ours) USING (fingerprint) GROUP BY ALL),
    their_side AS (
        SELECT p.unit, p.account, p.region, p.place,
            list(DISTINCT t.asked ORDER BY t.asked) AS checks,
            coalesce(list(DISTINCT t.asked) FILTER (t.status = 'PASS'), []) AS passing,
            coalesce(list(DISTINCT t.asked) FILTER (t.status = 'FAIL'), []) AS failing,
            coalesce(list(DISTINCT t.standard) FILTER (t.status = 'PASS'), []) AS passing_in,
            coalesce(list(DISTINCT t.standard) FILTER (t.status = 'FAIL'), []) AS failing_in,
            min(t.parts) FILTER (t.status = 'PASS') AS parts, bool_or(t.excepted) AS excepted
        FROM (SELECT DISTINCT unit, account, region, place, id FROM pairs) p
        JOIN theirs t ON t.unit = p.unit AND t.id = p.id GROUP BY ALL),
    said AS (
        SELECT * EXCLUDE (passing, failing, passing_in, failing_in, parts), CASE
            WHEN len(passing) > 0 AND len(failing) > 0
                AND $contradicts AND (list_has_any(passing, failing) OR list_sort(passing_in) <> list_sort(failing_in)
                    OR len(passing_in) > 1) THEN 'CONTRADICTION'
            WHEN len(failing) > 0 THEN 'FAIL'
            WHEN len(passing) >= parts THEN 'PASS'
            WHEN len(passing) > 0 THEN 'PART'
            ELSE 'UNDECIDED' END AS theirs
        FROM their_side),
    judged AS (
        SELECT *, CASE
            WHEN theirs = 'CONTRADICTION' THEN '{Outcome.CONTRADICTION}'
            WHEN ours IN ('NOT_ASSESSED', 'MANUAL')
                THEN if(theirs IN ('PASS', 'FAIL'), '{Outcome.THEIRS_ONLY}', '{Outcome.UNDECIDED}')
            WHEN theirs IN ('UNDECIDED', 'PART')
                THEN if(ours = 'NOT_APPLICABLE', '{Outcome.UNDECIDED}', '{Outcome.OURS_ONLY}')
            WHEN ours = theirs THEN '{Outcome.AGREEMENT}'
            ELSE '{Outcome.DISAGREEMENT}' END AS outcome
        FROM our_side JOIN said USING (unit, account, region, place))
    SELECT row_number() OVER () AS number, *, CASE
        WHEN outcome = '{Outcome.THEIRS_ONLY}' AND ours = 'MANUAL' THEN '{Why.MANUAL}'
        WHEN outcome = '{Outcome.THEIRS_ONLY}' THEN '{Why.NOT_ASSESSED}'
        WHEN outcome = '{Outcome.OURS_ONLY}' AND theirs = 'PART' THEN '{Why.PART}'
        WHEN outcome = '{Outcome.OURS_ONLY}' THEN '{Why.UNDECIDED}' END AS why
    FROM judged
"""  # noqa: S608 - constants only

_OTHERS = f"""
    CREATE TEMP TABLE their_rest AS
    WITH rest AS (SELECT * FROM theirs WHERE id NOT IN (SELECT id FROM pairs)),
    blind AS (
        SELECT DISTINCT unit, account, region FROM ours
        WHERE status = 'NOT_ASSESSED' AND whole AND starts_with(key, 'whole ')),
    kinds AS (SELECT unit, account, bool_or(whole) AS wholes, bool_or(NOT whole) AS singles FROM ours GROUP BY ALL),
    explained AS (
        SELECT rest.*, CASE
            WHEN rest.why <> '' THEN rest.why
            WHEN EXISTS (FROM blind b WHERE b.unit = rest.unit AND b.account = rest.account
                AND b.region IN (rest.region, '{GLOBAL}')) THEN '{Why.NOT_ASSESSED}'
            WHEN rest.region <> '{GLOBAL}' AND NOT EXISTS (FROM audited a WHERE a.account = rest.account
                AND a.region = rest.region) THEN '{Why.REGION}'
            WHEN if(rest.whole, NOT kinds.wholes, NOT kinds.singles) THEN '{Why.OTHER_UNIT}'
            ELSE '{Why.RESOURCE}' END AS because
        FROM rest LEFT JOIN kinds ON kinds.unit = rest.unit AND kinds.account = rest.account)
    SELECT asked, account, region, min(spot) AS spot, min(because) AS why,
        CASE WHEN bool_or(status = 'FAIL') THEN 'FAIL' WHEN bool_or(status = 'PASS') THEN 'PASS'
            ELSE 'UNDECIDED' END AS theirs,
        bool_or(excepted) AS excepted
    FROM explained GROUP BY asked, account, region, key
"""  # noqa: S608 - constants only

_OUR_REST = f"""
    CREATE TEMP TABLE our_rest AS
    WITH exported AS (SELECT DISTINCT unit FROM theirs),
    places AS (SELECT DISTINCT account, region FROM theirs),
    rest AS (
        SELECT fingerprint, control, account_id, region, status FROM findings
        WHERE counted AND status IN ('PASS', 'FAIL') AND fingerprint NOT IN (SELECT fingerprint FROM pairs))
    SELECT fingerprint, status AS ours, CASE
        WHEN control NOT IN (SELECT control FROM units) THEN '{Why.NO_CHECK}'
        WHEN account_id NOT IN (SELECT account FROM places) THEN '{Why.ACCOUNT_ABSENT}'
        WHEN NOT EXISTS (FROM units u JOIN exported e ON e.unit = u.unit WHERE u.control = rest.control)
            THEN '{Why.CHECK_ABSENT}'
        WHEN region <> '{GLOBAL}' AND NOT EXISTS (FROM places p WHERE p.account = rest.account_id
            AND p.region = rest.region) THEN '{Why.REGION_ABSENT}'
        ELSE '{Why.RESOURCE_ABSENT}' END AS why
    FROM rest
"""  # noqa: S608 - constants only


def join(connection: duckdb.DuckDBPyConnection, *, contradicts: bool) -> None:
    """Make the tables of what both say about the same, and of what only one of them says.

    With `contradicts`, a check that passes and fails on one resource contradicts itself, as do two standards. Without,
    each finding is about a part of the resource, such as one of a user's keys, and a failure decides.
    """
    connection.execute(_PAIRS)
    connection.execute(_GROUPS, {"contradicts": contradicts})
    connection.execute(_OTHERS)
    connection.execute(_OUR_REST)
