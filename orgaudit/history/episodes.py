"""The history of findings: one row for each fingerprint that was ever known, carried from run to run.

An episode is the time from the run that first saw a finding fail to the one that sees it fail no longer. What a run did
not assess stays as it was; a verdict that only a person can give does not end an episode either.

What was judged by facts that a run took over from an earlier one was seen on the day on which they were collected. The
history is that of the earlier run or an older one, so nothing in it was seen later than they.
"""

from __future__ import annotations

from datetime import date

import duckdb
import msgspec

from orgaudit.history.sight import look, vanished
from orgaudit.store.manifest import Manifest

HISTORY_COLUMNS = {
    **dict.fromkeys(("fingerprint", "control", "family", "account_id", "region", "resource"), "VARCHAR"),
    **dict.fromkeys(("severity", "status"), "VARCHAR"),
    "last_seen": "DATE",
    "first_seen": "DATE",
    "reopened": "INTEGER",
    "failed": "BOOLEAN",
    "gone": "BOOLEAN",
}
"""The columns of history.parquet: `status` as last assessed, `last_seen` when that was, `first_seen` the first day of
the present episode, `reopened` the number of regressions, `failed` whether there was any episode, `gone` whether the
resource no longer exists."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What the history takes of a finding."""

    fingerprint: str
    control: str
    family: str = ""
    account_id: str
    region: str
    resource: str
    severity: str
    status: str
    inherited_from: str | None = None


JUDGED_COLUMNS = dict.fromkeys(Judged.__struct_fields__, "VARCHAR")

_CARRIED = """
    WITH joined AS (
        SELECT n.fingerprint IS NOT NULL AS reported,
            coalesce(n.fingerprint, o.fingerprint) AS fingerprint, coalesce(n.control, o.control) AS control,
            coalesce(n.family, o.family) AS family, coalesce(n.account_id, o.account_id) AS account_id,
            coalesce(n.region, o.region) AS region, coalesce(n.resource, o.resource) AS resource,
            coalesce(n.severity, o.severity) AS severity, n.status AS found, o.status AS stood, o.last_seen,
            o.first_seen AS since, coalesce(o.reopened, 0) AS reopened, coalesce(o.failed, false) AS failed,
            coalesce(o.gone, false) AS gone, n.inherited_from
        FROM {run}_findings n FULL JOIN {old} o ON n.fingerprint = o.fingerprint),
    looked AS (
        SELECT j.*, least($day::DATE, own.day, home.day) AS seen_on
        FROM joined j LEFT JOIN {run}_taken own ON own.account_id = j.account_id
            LEFT JOIN {run}_taken home ON home.account_id = j.inherited_from),
    decided AS (
        SELECT j.*, coalesce(found = 'FAIL', false) AS fails,
            coalesce(found IN ('PASS', 'FAIL', 'NOT_APPLICABLE') OR found = 'MANUAL' AND since IS NULL, false)
                AS judged,
            NOT reported AND (gone OR coalesce(s.seen, {vanished})) AS lost
        FROM looked j LEFT JOIN carried_places s
            ON NOT reported AND s.account_id = j.account_id AND s.control = j.control AND s.region = j.region)
    SELECT fingerprint, control, family, account_id, region, resource, severity,
        if(judged, found, coalesce(stood, found)) AS status,
        if(judged, seen_on, last_seen) AS last_seen,
        CASE WHEN fails THEN coalesce(since, seen_on) WHEN judged OR lost THEN NULL ELSE since END AS first_seen,
        (reopened + (fails AND failed AND since IS NULL)::INTEGER)::INTEGER AS reopened,
        failed OR fails AS failed,
        lost AS gone
    FROM decided
"""


def carry_forward(
    connection: duckdb.DuckDBPyConnection, run: str, manifest: Manifest, *, old: str, day: date, into: str
) -> None:
    """Make the table `into`: the history `old` with what a run of a day found.

    The run is the tables `<run>_findings`, `<run>_coverage`, `<run>_accounts`, `<run>_disabled` and `<run>_taken`.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW carried_absent AS SELECT account_id, control, region FROM {old} o "  # noqa: S608
        f"ANTI JOIN {run}_findings n ON n.fingerprint = o.fingerprint"
    )
    look(connection, run, "carried_absent", "carried_places")
    sql = _CARRIED.format(run=run, old=old, vanished=vanished(run, manifest, "j"))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS {sql}", {"day": day})


def make_empty(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make the table of a history in which nothing is known."""
    columns = ", ".join(f"{column} {kind}" for column, kind in HISTORY_COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
