"""Compares two runs: what became of each finding, and of each issue, that is open in either.

The figures are those of the headline: of a shared resource one row counts. An issue is (account, region, resource,
family), the account being the one where the resource lives.
"""

from __future__ import annotations

import duckdb

from orgaudit.history.sight import look, vanished
from orgaudit.model import GLOBAL
from orgaudit.store.kinds import CLOSING, OPENING, Kind
from orgaudit.store.manifest import Manifest
from orgaudit.store.tables import HOME, ISSUE, SEVERITY_RANK

MEMBER = f"md5_number(concat_ws(chr(10), {HOME}, region, resource, control))"
"""What identifies a finding in both runs, whichever account's row of a shared resource counts."""

_MEMBERS = f"""
    SELECT {MEMBER} AS member, {ISSUE} AS issue, account_id, control, region,
        {SEVERITY_RANK}::TINYINT AS severity, status::finding_status AS status, open, covered, reopened, due_on
    FROM {{run}}_findings WHERE counted
"""  # noqa: S608 - constants only

_BOTH = """
    SELECT coalesce(n.member, o.member) AS member, coalesce(n.issue, o.issue) AS issue,
        coalesce(n.account_id, o.account_id) AS account_id, coalesce(n.control, o.control) AS control,
        coalesce(n.region, o.region) AS region, coalesce(o.open, false) AS was_open, coalesce(n.open, false) AS is_open,
        o.status AS stood, n.status AS found, coalesce(o.covered, false) AS was_covered,
        coalesce(n.covered, false) AS is_covered, coalesce(n.reopened, 0) > 0 AS again,
        if(n.open, n.severity, o.severity) AS severity, if(n.open, n.due_on, o.due_on) AS due_on
    FROM old_members o FULL JOIN new_members n ON o.member = n.member WHERE o.open OR n.open
"""

_PLACED = """
    SELECT b.*, before.seen AS seen_before, coalesce(after.seen, {vanished}) AS seen_after,
        c.control IS NOT NULL AS changed, a.status AS rejudged,
        NOT coalesce(c.judged, false) OR coalesce(a.status IN ('NOT_ASSESSED', 'MANUAL'), g.control IS NOT NULL)
            AS unknown
    FROM both_members b
        LEFT JOIN places_before before
            ON before.account_id = b.account_id AND before.control = b.control AND before.region = b.region
        LEFT JOIN places_after after
            ON after.account_id = b.account_id AND after.control = b.control AND after.region = b.region
        LEFT JOIN changed c ON c.account_id = b.account_id AND c.control = b.control
        LEFT JOIN judged_again a ON a.member = b.member
        LEFT JOIN blind_again g
            ON g.account_id = b.account_id AND g.control = b.control AND g.region IN (b.region, '{everywhere}')
"""

_KINDS = """
    SELECT member, issue, was_open, is_open, severity, due_on,
        CASE
            WHEN was_open AND is_open THEN '{persistent}'
            WHEN is_open THEN CASE
                WHEN was_covered THEN '{exception_ended}'
                WHEN NOT coalesce(stood IN ('PASS', 'FAIL', 'NOT_APPLICABLE'), seen_before, false)
                    THEN '{newly_checked}'
                WHEN changed AND unknown THEN '{new_rules}'
                WHEN changed AND rejudged = 'FAIL' THEN '{stricter}'
                WHEN again THEN '{regressed}' ELSE '{new}' END
            WHEN is_covered THEN '{exception_began}'
            WHEN coalesce(found IN ('NOT_ASSESSED', 'MANUAL'), NOT seen_after) THEN '{not_checked_again}'
            WHEN changed AND unknown THEN '{old_rules}'
            WHEN changed AND rejudged IS DISTINCT FROM 'FAIL' THEN '{more_lenient}'
            WHEN found IS NULL THEN '{gone}' ELSE '{resolved}' END::change_kind AS kind
    FROM ({placed})
"""

_ISSUES = """
    SELECT issue, bool_or(was_open) AS was_open, bool_or(is_open) AS is_open,
        coalesce(max(severity) FILTER (is_open), max(severity)) AS severity,
        if(bool_or(is_open), min(due_on) FILTER (is_open), min(due_on)) AS due_on,
        if(bool_or(was_open) AND bool_or(is_open), '{persistent}'::change_kind,
            min(kind) FILTER (was_open <> is_open)) AS kind
    FROM changed_findings GROUP BY issue
"""


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the types of a comparison, in the order in which kinds go before each other, and its empty tables."""
    order = ", ".join(f"'{kind}'" for kind in (*OPENING, *CLOSING, Kind.PERSISTENT))
    connection.execute(f"CREATE TYPE change_kind AS ENUM ({order})")
    connection.execute(
        "CREATE TYPE finding_status AS ENUM ('PASS', 'FAIL', 'NOT_ASSESSED', 'NOT_APPLICABLE', 'MANUAL')"
    )
    connection.execute("CREATE TEMP TABLE changed (control VARCHAR, account_id VARCHAR, judged BOOLEAN)")
    connection.execute("CREATE TEMP TABLE judged_again (member UHUGEINT, status finding_status)")
    connection.execute("CREATE TEMP TABLE blind_again (account_id VARCHAR, control VARCHAR, region VARCHAR)")


def compare(connection: duckdb.DuckDBPyConnection, new: Manifest) -> None:
    """Make the tables `changed_findings` and `changed_issues`: the kind of each that is open in either run.

    The runs are the tables `<run>_findings` and `<run>_coverage` of `old` and `new`, with `new_accounts` and
    `new_disabled`; what changed in the rules is in `changed`, `judged_again` and `blind_again`.
    """
    names = {kind.name.lower(): str(kind) for kind in Kind}
    for run in ("old", "new"):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {run}_members AS {_MEMBERS.format(run=run)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE both_members AS {_BOTH}")
    for run in ("old", "new"):
        connection.execute(f"DROP TABLE {run}_members")
    for run, into, status in (("old", "places_before", "stood"), ("new", "places_after", "found")):
        connection.execute(
            "CREATE OR REPLACE TEMP VIEW absent AS "  # noqa: S608 - constants only
            f"SELECT account_id, control, region FROM both_members WHERE {status} IS NULL"
        )
        look(connection, run, "absent", into)
    placed = _PLACED.format(vanished=vanished("new", new, "b"), everywhere=GLOBAL)
    kinds = _KINDS.format(placed=placed, **names)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE changed_findings AS {kinds}")
    connection.execute("DROP TABLE both_members")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE changed_issues AS {_ISSUES.format(**names)}")
