"""The tables of a part under the names of a run's tables, so that every figure is counted by the same SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orgaudit.store.kinds import Kind
from orgaudit.store.tables import HOME, ISSUE, OPEN_CELLS, quoted, write_parquet

ANOTHER = "of another owner"
"""What stands for an exception in a finding of somebody else than the exception's owner."""

OUTSIDE = "NOT_IN_PART"
"""The reason of a cell that stands for what of an account is not in the part: nobody has to assess it there."""

_WHOLE = {"findings": "VIEW", "coverage": "VIEW", "accounts": "TABLE", "account_regions": "TABLE"}
"""The tables of a run that a part has its own of; those of the whole run get the name `every_…`."""

_MOVED = f"""
    CREATE TABLE moved AS
    SELECT r.fingerprint, c.owner FROM (
        SELECT fingerprint, {HOME} AS home, control, resource, coalesce(owner, '') AS owner FROM every_findings
        WHERE NOT counted) r
    JOIN (
        SELECT {HOME} AS home, control, resource, arg_min(coalesce(owner, ''), fingerprint) AS owner FROM every_findings
        WHERE counted GROUP BY ALL) c USING (home, control, resource)
    WHERE c.owner <> r.owner
"""  # noqa: S608 - constants only
"""Makes the table of the rows that repeat what a row of another owner says of a shared resource, with that owner.

They go where the row goes that counts, so that an issue is in one part, and the parts add up to the run.
"""

_OWNED_CELLS = """
    WITH cells AS (
        SELECT account_id, any_value(account_name) AS account_name, any_value(ou_path) AS ou_path, region, control,
            arg_min(gap, fingerprint) FILTER (gap IS NOT NULL) AS gap,
            (count(*) FILTER (status = 'PASS'))::INTEGER AS passed,
            (count(*) FILTER (status = 'FAIL'))::INTEGER AS failed,
            (count(*) FILTER (status = 'NOT_ASSESSED' AND NOT accepted))::INTEGER AS not_assessed,
            (count(*) FILTER (status = 'NOT_APPLICABLE'))::INTEGER AS not_applicable,
            (count(*) FILTER (status = 'MANUAL'))::INTEGER AS manual,
            (count(*) FILTER (status = 'NOT_ASSESSED' AND accepted))::INTEGER AS accepted_here,
            any_value(inherited_from) AS inherited_from
        FROM findings WHERE counted GROUP BY account_id, region, control)
    SELECT account_id, account_name, ou_path, region, control,
        CASE WHEN not_assessed > 0 THEN 'NOT_ASSESSED' WHEN failed > 0 THEN 'FAIL' WHEN passed > 0 THEN 'PASS'
             WHEN manual > 0 THEN 'MANUAL' WHEN not_applicable > 0 THEN 'NOT_APPLICABLE'
             ELSE 'NOT_ASSESSED' END AS status,
        gap.reason AS reason, gap."action" AS "action", coalesce(gap.message, '') AS message,
        passed, failed, not_assessed, not_applicable, manual, accepted_here AS accepted, inherited_from
    FROM cells
"""
"""The cells of what a person owns, made of the findings as evaluation made those of the run."""

_OTHER_CELLS = f"""
    SELECT a.id AS account_id, a.name AS account_name, a.ou_path, 'global' AS region, c.id AS control,
        'MANUAL' AS status, '{OUTSIDE}' AS reason, NULL::VARCHAR AS "action", '' AS message, 0 AS passed, 0 AS failed,
        0 AS not_assessed, 0 AS not_applicable, 0 AS manual, 0 AS accepted, NULL::VARCHAR AS inherited_from
    FROM part_accounts p JOIN accounts a USING (id) CROSS JOIN controls c
    WHERE NOT p.whole AND NOT EXISTS (SELECT 1 FROM part_cells k WHERE k.account_id = a.id AND k.control = c.id)
"""  # noqa: S608 - constants only
"""A cell for each control of which the part has nothing in an account: without it, it would count as not assessed."""


_EXCEPTION = f"""
    if(exception IS NULL OR exception.id IN (SELECT id FROM part_exceptions), exception,
       struct_pack(id := '{ANOTHER} (' || exception.state || ')', owner := '', expires_on := exception.expires_on,
                   state := exception.state, days_overdue := exception.days_overdue))
"""  # noqa: S608 - constants only
"""A finding's exception: of another person's, only what it does to the finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """Which part: its number in `load_values`, the ids of the accounts that are its own, and of its exceptions.

    So many parts are copied `together` before each is copied from that. Without `exceptions`, findings show whichever
    they have. Accounts are `whole` where all of them is in the part.
    """

    number: int
    together: int
    by_owner: bool
    accounts: Sequence[str]
    exceptions: Sequence[str] | None

    @property
    def whole(self) -> bool:
        """Whether the part has all of its accounts, and not only what a person owns in them."""
        return not self.by_owner


def set_aside(connection: duckdb.DuckDBPyConnection, *, compared: bool) -> None:
    """Give the tables of the whole run names of their own."""
    connection.execute("DROP VIEW open_cells")
    for name, kind in _WHOLE.items():
        connection.execute(f"ALTER {kind} {name} RENAME TO every_{name}")
    columns = "'' AS account_id, '' AS account_name, '' AS ou_path, '' AS owner, '' AS kind, '' AS severity"
    connection.execute(
        "ALTER VIEW changes RENAME TO every_changes"
        if compared
        else f"CREATE VIEW every_changes AS SELECT {columns} WHERE false"
    )
    connection.execute(_MOVED)
    connection.execute(
        "CREATE VIEW every_owned AS SELECT f.*, coalesce(m.owner, f.owner, '') AS part_owner "
        "FROM every_findings f LEFT JOIN moved m USING (fingerprint)"
        if connection.execute("FROM moved LIMIT 1").fetchall()
        else "CREATE VIEW every_owned AS SELECT *, coalesce(owner, '') AS part_owner FROM every_findings"
    )
    cells = OPEN_CELLS.replace("FROM findings", "FROM every_findings")
    connection.execute(f"CREATE TABLE every_open_cells AS {cells}")


def values(connection: duckdb.DuckDBPyConnection, *, by_owner: bool) -> list[str]:
    """Return who owns findings and changes, or the ids of the accounts where their resources live."""
    found, changed = _values_of(by_owner=by_owner)
    rows = connection.execute(
        f"SELECT DISTINCT {found} FROM every_owned UNION SELECT {changed} FROM every_changes ORDER BY 1"  # noqa: S608
    )
    return [row[0] for row in rows.fetchall()]


def places(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the id of each account that had changes, with its name and unit."""
    rows = connection.execute("SELECT account_id, min(account_name), min(ou_path) FROM every_changes GROUP BY 1")
    yield from ((each, (name, unit)) for each, name, unit in rows.fetchall())


def load_values(connection: duckdb.DuckDBPyConnection, numbers: Mapping[str, int]) -> None:
    """Make the table of which value of `values` is of the part with which number."""
    connection.execute(
        "CREATE TABLE part_values AS SELECT unnest($1::VARCHAR[]) AS value, unnest($2::INTEGER[]) AS part",
        [list(numbers), list(numbers.values())],
    )


def open_and_late(connection: duckdb.DuckDBPyConnection, as_of: date, *, by_owner: bool) -> dict[int, tuple[int, int]]:
    """Return how many issues of each part are open, and how many of these are past their due date."""
    found, _ = _values_of(by_owner=by_owner)
    rows = connection.execute(
        "SELECT part, count(*), count(*) FILTER (due_on < $1) FROM ("  # noqa: S608 - constants only
        f"SELECT part, min(due_on) AS due_on FROM every_owned JOIN part_values ON value = {found} "
        f"WHERE open GROUP BY part, {ISSUE}) GROUP BY part",
        [as_of],
    )
    return {part: (opened, late) for part, opened, late in rows.fetchall()}


def restrict(connection: duckdb.DuckDBPyConnection, scratch: Path, part: Restriction) -> None:
    """Make the tables of a part, in the place of those of the part before."""
    for path in scratch.glob("part-*.parquet"):
        path.unlink()
    _load_group(connection, scratch, part)
    _load_findings(connection, scratch, part)
    connection.execute(
        "CREATE OR REPLACE TABLE part_accounts AS SELECT id, bool_or(own) AS own, bool_or(own) AND $2 AS whole "
        "FROM (SELECT unnest($1::VARCHAR[]) AS id, true AS own "
        "UNION ALL SELECT DISTINCT account_id, false FROM findings WHERE counted) GROUP BY id",
        [list(part.accounts), part.whole],
    )
    own = "IN (SELECT id FROM part_accounts WHERE own)"
    for statement in (
        # By name: what a run holds of an account that is not the part's own stays out, whatever columns there are.
        f"CREATE OR REPLACE TABLE accounts AS SELECT * FROM (SELECT * FROM every_accounts WHERE id {own} "  # noqa: S608
        "UNION ALL BY NAME SELECT id, name, state, ou_path, collected, '' AS email, '' AS owner, '' AS contact, "
        f"'' AS environment FROM every_accounts WHERE id IN (SELECT id FROM part_accounts WHERE NOT own)) ORDER BY id",
        f"CREATE OR REPLACE TABLE account_regions AS SELECT * FROM every_account_regions WHERE account_id {own}",  # noqa: S608
        f"CREATE OR REPLACE VIEW changes AS SELECT * FROM every_changes "  # noqa: S608
        f"WHERE {_values_of(by_owner=part.by_owner)[1]} IN ({_chosen(part)})",
    ):
        connection.execute(statement)
    _load_cells(connection, scratch, part, own)


def accounts_in(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the ids of the accounts of the part: its own, and those where it has anything."""
    return frozenset(row[0] for row in connection.execute("SELECT id FROM accounts").fetchall())


def late(connection: duckdb.DuckDBPyConnection, as_of: date) -> int:
    """Return how many open issues of the part are past their due date."""
    [(count,)] = connection.execute(
        "SELECT count(*) FROM (SELECT min(due_on) AS due_on FROM findings "  # noqa: S608 - constants only
        f"WHERE open GROUP BY {ISSUE}) WHERE due_on < $1",
        [as_of],
    ).fetchall()
    return int(count)


def resources_elsewhere(connection: duckdb.DuckDBPyConnection, named: Sequence[str], homes: Sequence[str]) -> set[str]:
    """Return which of these resources live in none of these accounts."""
    if not named:
        return set()
    rows = connection.execute(
        "SELECT DISTINCT resource FROM every_findings "  # noqa: S608 - constants only
        f"WHERE resource IN (SELECT unnest($1)) AND {HOME} NOT IN (SELECT unnest($2))",
        [list(named), list(homes)],
    )
    return {row[0] for row in rows.fetchall()}


def changes_by_kind(connection: duckdb.DuckDBPyConnection) -> dict[Kind, dict[str, int]]:
    """Return how many changes of the part are of each kind, by severity."""
    found: dict[Kind, dict[str, int]] = defaultdict(dict)
    for kind, severity, count in connection.execute(
        "SELECT kind, severity, count(*) FROM changes GROUP BY ALL"
    ).fetchall():
        found[Kind(kind)][severity] = count
    return found


def _values_of(*, by_owner: bool) -> tuple[str, str]:
    """Return what of a finding, and of a change, says which part it is of."""
    return ("part_owner", "owner") if by_owner else (HOME, "account_id")


def _chosen(part: Restriction) -> str:
    return f"SELECT value FROM part_values WHERE part = {part.number}"  # noqa: S608 - a number


def _load_group(connection: duckdb.DuckDBPyConnection, scratch: Path, part: Restriction) -> None:
    """Make the view of the rows of several parts, of which this is one: through all rows for each would take long."""
    group = part.number // part.together
    rows = scratch / f"group-{group}.parquet"
    if rows.is_file():
        return
    for path in scratch.glob("group-*.parquet"):
        path.unlink()
    found, _ = _values_of(by_owner=part.by_owner)
    chosen = f"SELECT value FROM part_values WHERE part // {part.together} = {group}"  # noqa: S608 - numbers
    write_parquet(connection, f"SELECT * FROM every_owned WHERE {found} IN ({chosen})", rows)  # noqa: S608
    connection.execute(f"CREATE OR REPLACE VIEW group_rows AS SELECT * FROM read_parquet({quoted(rows)})")  # noqa: S608


def _load_findings(connection: duckdb.DuckDBPyConnection, scratch: Path, part: Restriction) -> None:
    """Make the view of the part's rows, which are copied once: every figure reads them."""
    found, _ = _values_of(by_owner=part.by_owner)
    if part.exceptions is not None:
        connection.execute(
            "CREATE OR REPLACE TABLE part_exceptions AS SELECT unnest($1::VARCHAR[]) AS id", [list(part.exceptions)]
        )
    own = "" if part.exceptions is None else f" REPLACE ({_EXCEPTION} AS exception, part_owner AS owner)"
    rows = scratch / f"part-{part.number}-findings.parquet"
    chosen = f"SELECT * EXCLUDE (part_owner){own} FROM group_rows WHERE {found} IN ({_chosen(part)})"  # noqa: S608
    write_parquet(connection, chosen, rows)
    connection.execute(f"CREATE OR REPLACE VIEW findings AS SELECT * FROM read_parquet({quoted(rows)})")  # noqa: S608


def _load_cells(connection: duckdb.DuckDBPyConnection, scratch: Path, part: Restriction, own: str) -> None:
    """Make the coverage of the part: the cells of its accounts, or those of what a person owns."""
    whole = f"SELECT * FROM every_coverage WHERE account_id {own}"  # noqa: S608 - constants only
    cells = scratch / f"part-{part.number}-cells.parquet"
    write_parquet(connection, _OWNED_CELLS if part.by_owner else whole, cells)
    for statement in (
        f"CREATE OR REPLACE VIEW part_cells AS SELECT * FROM read_parquet({quoted(cells)})",  # noqa: S608
        f"CREATE OR REPLACE TABLE other_cells AS {_OTHER_CELLS}",
        "CREATE OR REPLACE VIEW coverage AS SELECT * FROM part_cells UNION ALL BY NAME SELECT * FROM other_cells",
    ):
        connection.execute(statement)
    opened = f"{OPEN_CELLS} AND counted" if part.by_owner else f"SELECT * FROM every_open_cells WHERE account_id {own}"  # noqa: S608
    connection.execute(f"CREATE OR REPLACE TABLE open_cells AS {opened}")
