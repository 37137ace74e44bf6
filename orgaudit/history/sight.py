"""Whether a run looked where it reports nothing: in SQL, because there are as many places as a run has cells.

A resource that a run does not report is gone only where the run saw all that its control could look at there.
"""

from __future__ import annotations

from datetime import UTC

import duckdb

from orgaudit.model import GLOBAL
from orgaudit.store.manifest import Manifest

BLIND = "status = 'NOT_ASSESSED' AND (resource = account_id OR resource = account_id || ':' || region)"
"""The findings that stand for a whole cell: nothing, or not everything, of it could be listed."""

_NEAR = """
    SELECT DISTINCT c.account_id, c.control, c.region FROM {run}_coverage c
    SEMI JOIN {absent} a ON a.account_id = c.account_id AND a.control = c.control
"""
_SEEN = f"""
    WITH wanted AS (SELECT DISTINCT account_id, control, region FROM {{absent}}),
    blind AS (SELECT DISTINCT account_id, control, region FROM {{run}}_findings WHERE {BLIND}),
    cells AS (
        SELECT w.*, w.region AS cell FROM wanted w SEMI JOIN near_cells c
            ON c.account_id = w.account_id AND c.control = w.control AND c.region = w.region
        UNION ALL
        SELECT w.*, '{GLOBAL}' AS cell FROM wanted w SEMI JOIN near_cells c
            ON c.account_id = w.account_id AND c.control = w.control AND c.region = '{GLOBAL}'
        WHERE w.region <> '{GLOBAL}'),
    looked AS (
        SELECT cells.account_id, cells.control, cells.region, cell = cells.region AS own, b.control IS NULL AS seen
        FROM cells LEFT JOIN blind b
            ON b.account_id = cells.account_id AND b.control = cells.control AND b.region = cells.cell)
    SELECT account_id, control, region, arg_max(seen, own) AS seen FROM looked GROUP BY ALL
"""  # noqa: S608 - constants only


def look(connection: duckdb.DuckDBPyConnection, run: str, absent: str, into: str) -> None:
    """Make the table `into` of the places of `absent` that have a cell in a run: whether all in it was seen.

    The place of a resource is its region's cell, or the account's where the control has one cell an account. `absent`
    has the columns account_id, control and region; the run is the tables `<run>_findings` and `<run>_coverage`.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE near_cells AS {_NEAR.format(run=run, absent=absent)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS {_SEEN.format(run=run, absent=absent)}")


def load_places(connection: duckdb.DuckDBPyConnection, run: str, manifest: Manifest) -> None:
    """Make the tables of what a run knows beyond its cells: `<run>_accounts`, `<run>_disabled` and `<run>_taken`.

    The last has the accounts whose facts were taken over, with the day on which these were collected.
    """
    known = [account.id for account in (*manifest.accounts, *manifest.out_of_scope)]
    disabled = [(record.account_id, region) for record in manifest.records for region in record.disabled]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {run}_accounts AS SELECT unnest($1::VARCHAR[]) AS account_id", [known]
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {run}_disabled AS "
        "SELECT unnest($1::VARCHAR[]) AS account_id, unnest($2::VARCHAR[]) AS region",
        [[account for account, _ in disabled], [region for _, region in disabled]],
    )
    taken = manifest.taken_over
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {run}_taken AS "
        "SELECT unnest($1::VARCHAR[]) AS account_id, unnest($2::DATE[]) AS day",
        [list(taken), [each.collected_at.astimezone(UTC).date() for each in taken.values()]],
    )


def vanished(run: str, manifest: Manifest, place: str) -> str:
    """Return the condition that a place without a cell cannot hold anything any more.

    Its account left the organization, of which a run lists every account, or its region is not enabled there.
    """
    disabled = f"({place}.account_id, {place}.region) IN (SELECT (account_id, region) FROM {run}_disabled)"  # noqa: S608 - constants only
    left = f"{place}.account_id NOT IN (SELECT account_id FROM {run}_accounts)"  # noqa: S608 - constants only
    return f"({disabled} OR {left})" if manifest.organization is not None else disabled
