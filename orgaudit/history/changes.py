"""Opens the comparison of two stored runs: the counts of each kind of change, and the changes as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb

from orgaudit.errors import ConfigError
from orgaudit.history.baseline import head_of
from orgaudit.history.compare import MEMBER, compare, prepare
from orgaudit.history.rejudge import ChangedRules, changed_controls, judge_again, note_changed
from orgaudit.history.sight import load_places
from orgaudit.history.stage import RESOLVED, load_aliases
from orgaudit.model import Severity
from orgaudit.store import seal
from orgaudit.store.comparison import Change, KindCount
from orgaudit.store.kinds import Kind
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run
from orgaudit.store.tables import (
    HOME,
    ISSUE,
    connection_in,
    quoted,
    scratch_of,
    severity_at,
    structs_of,
    table_files,
    with_later_columns,
    write_parquet,
)


class Unit(StrEnum):
    """What is counted: issues, or findings."""

    ISSUES = "issues"
    FINDINGS = "findings"


@dataclass(frozen=True, slots=True)
class Changes:
    """Two runs compared; `rules` is what changed in the rules."""

    old: Manifest
    new: Manifest
    rules: ChangedRules
    connection: duckdb.DuckDBPyConnection

    def counts(self, unit: Unit) -> dict[Kind, KindCount]:
        """Return the count of every kind, in the order in which people read them."""
        found: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
        for kind, rank, count in self.connection.execute(
            f"SELECT kind::VARCHAR, severity, count(*) FROM changed_{unit} GROUP BY ALL"  # noqa: S608 - a constant
        ).fetchall():
            found[Kind(kind)][str(list(Severity)[rank - 1])] = count
        return {
            kind: KindCount(kind=kind, meaning=kind.meaning, count=sum(by.values()), **by) for kind, by in found.items()
        }

    def rows(self, unit: Unit) -> Iterator[Change]:
        """Yield every change, by kind, severity and place; nothing else may be asked meanwhile."""
        return structs_of(self.connection, Change, _rows(unit))

    def write(self, path: Path) -> None:
        """Write the issues that changed, in their order, as a Parquet file; raises ReportError."""
        write_parquet(self.connection, _rows(Unit.ISSUES, f"WHERE kind <> '{Kind.PERSISTENT}'"), path)


_LISTED = f"{HOME} AS account_id, region, resource, family, control, title, owner, first_seen"
_ROWS = f"""
    WITH listed AS (
        SELECT {{key}} AS key, {_LISTED} FROM new_findings WHERE counted AND open
        UNION ALL
        SELECT {{key}} AS key, {_LISTED} FROM old_findings WHERE counted AND open
            AND {{key}} IN (SELECT {{name}} FROM changed_{{unit}} WHERE NOT is_open)),
    described AS (
        SELECT key, any_value(account_id) AS account_id,
            any_value(region) AS region, any_value(resource) AS resource, any_value(family) AS family,
            list(DISTINCT control ORDER BY control) AS controls, min(title) AS title,
            coalesce(min(owner), '') AS owner, min(first_seen) AS first_seen
        FROM listed GROUP BY key)
    SELECT kind::VARCHAR AS kind, {severity_at("severity")} AS severity, d.* EXCLUDE (key),
        due_on,
        coalesce(account_name, '') AS account_name, coalesce(ou_path, '') AS ou_path
    FROM changed_{{unit}} c JOIN described d ON d.key = c.{{name}} LEFT JOIN listed_accounts USING (account_id)
    {{where}} ORDER BY c.kind, c.severity DESC, account_id, region, resource, controls
"""  # noqa: S608 - constants only


def _rows(unit: Unit, where: str = "") -> str:
    key, name = {Unit.ISSUES: (ISSUE, "issue"), Unit.FINDINGS: (MEMBER, "member")}[unit]
    return _ROWS.format(unit=unit, key=key, name=name, where=where)


@contextmanager
def compared(old: Run, new: Run, aliases: Mapping[str, str], *, rejudge: bool = True) -> Iterator[Changes]:
    """Compare two reported runs of one organization; without `rejudge` what changed rules did cannot be compared.

    Raises ConfigError where the runs cannot be compared, have no tables, or are not what was sealed, and ReportError.
    """
    table_files(new)
    seal.standing(new, seal.TABLES)
    with compared_with(old, new, aliases, rejudge=rejudge) as changes:
        yield changes


@contextmanager
def compared_with(old: Run, new: Run, aliases: Mapping[str, str], *, rejudge: bool = True) -> Iterator[Changes]:
    """Compare a reported run with one that has tables which are not sealed yet, as `compared`."""
    table_files(old)
    seal.standing(old, seal.TABLES)
    before, after = old.read_evaluated(), new.read_evaluated()
    _check(before, after)
    changed = changed_controls(before, after)
    with scratch_of(new) as scratch, connection_in(scratch) as connection:
        load_aliases(connection, aliases)
        prepare(connection)
        _load_families(connection, before, after, aliases)
        _load_accounts(connection, before, after)
        for name, run in (("old", old), ("new", new)):
            _load_tables(connection, name, run)
        load_places(connection, "new", after)
        if rejudge and changed:
            rules = judge_again(connection, old, after, changed, scratch)
        else:
            rules = ChangedRules(changed)
            note_changed(connection, before, changed)
        compare(connection, after)
        yield Changes(before, after, rules, connection)


def _check(old: Manifest, new: Manifest) -> None:
    before, after = head_of(old), head_of(new)
    if before.audited != after.audited:
        raise ConfigError(f"run {old.run_id} is of {before.audited}, and run {new.run_id} of {after.audited}")
    if not before.is_before(after) and (after.parent is None or before.started_at > after.started_at):
        raise ConfigError(f"run {old.run_id} did not begin before run {new.run_id}; name the older run first")


def _load_families(
    connection: duckdb.DuckDBPyConnection, old: Manifest, new: Manifest, aliases: Mapping[str, str]
) -> None:
    """Make the table of families: those of the new run for both, so that a family that changed makes nothing new."""
    families = {
        aliases.get(record.id, record.id): record.family or aliases.get(record.id, record.id)
        for manifest in (old, new)
        for record in manifest.controls
    }
    connection.execute(
        "CREATE TEMP TABLE families AS SELECT unnest($1::VARCHAR[]) AS name, unnest($2::VARCHAR[]) AS family",
        [list(families), list(families.values())],
    )


def _load_accounts(connection: duckdb.DuckDBPyConnection, old: Manifest, new: Manifest) -> None:
    """Make the table of the accounts' names and units, those of the new run where it has them."""
    accounts = {account.id: account for account in (*old.accounts, *new.accounts)}.values()
    connection.execute(
        "CREATE TEMP TABLE listed_accounts AS SELECT unnest($1::VARCHAR[]) AS account_id, "
        "unnest($2::VARCHAR[]) AS account_name, unnest($3::VARCHAR[]) AS ou_path",
        [[it.id for it in accounts], [it.name for it in accounts], [it.ou_path for it in accounts]],
    )


def _load_tables(connection: duckdb.DuckDBPyConnection, name: str, run: Run) -> None:
    """Make the views of a run's findings and coverage, under the present ids of controls and with these families."""
    files = table_files(run)
    source = with_later_columns(connection, "findings", _parquet(files["findings"]))
    connection.execute(
        f"CREATE TEMP VIEW {name}_findings AS SELECT f.* REPLACE (coalesce(families.family, control) AS family) "  # noqa: S608
        f"FROM (SELECT * REPLACE ({RESOLVED}) FROM ({source})) f LEFT JOIN families ON families.name = f.control"
    )
    connection.execute(
        f"CREATE TEMP VIEW {name}_coverage AS SELECT account_id, {RESOLVED}, region "  # noqa: S608
        f"FROM {_parquet(files['coverage'])}"
    )


def _parquet(path: Path) -> str:
    return f"read_parquet({quoted(path)})"
