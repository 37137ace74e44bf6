"""Prepares the tables that a statement names: copies, and what is made of a run's files for the statement alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from pathlib import Path

import msgspec

from orgaudit.actions.plan import Action, plan
from orgaudit.errors import ConfigError, ReportError
from orgaudit.query import facts
from orgaudit.query.meanings import MEANINGS
from orgaudit.report import flat
from orgaudit.report.view import numbers_of
from orgaudit.report.viewing import ACTIONS
from orgaudit.settings.documents import nearest
from orgaudit.store import seal
from orgaudit.store.comparison import changes_table, read_comparison
from orgaudit.store.query import Named, Prepared
from orgaudit.store.register_result import ExceptionRow, RegisterResult, read_result
from orgaudit.store.run import Run, write_lines
from orgaudit.store.seal import Standing, standing
from orgaudit.store.tables import json_lines, opened, quoted, table_files

FLAT = {table.name: table for table in flat.TABLES}
SOURCES = {"findings": {"findings", *FLAT}, "coverage": {"coverage"}}
"""The tables that are made of each consolidated one."""
PARTS = {"changes": seal.COMPARED, "exceptions": ("register.json",), **dict.fromkeys(FLAT, ("register.json",))}
"""The parts of the seal that tables are made of, beside the consolidated tables."""

_EXCEPTION_COLUMNS = {
    **dict.fromkeys(("id", "title", "type", "state", "owner", "approved_by", "ticket"), "VARCHAR"),
    **dict.fromkeys(("starts_on", "expires_on"), "DATE"),
    "days_left": "INTEGER",
    "scope": "VARCHAR",
    "broad": "BOOLEAN",
    "review_by": "DATE",
    **dict.fromkeys(("ending", "amendment"), "VARCHAR"),
    "renewal_pending": "BOOLEAN",
    "failing": "INTEGER",
    "not_scanned": "VARCHAR",
    **dict.fromkeys(("covered", "overdue"), "INTEGER"),
}
_ACTION_COLUMNS = {
    "rank": "INTEGER",
    **dict.fromkeys(("id", "kind", "title", "what"), "VARCHAR"),
    **dict.fromkeys(("issues", "findings", "resources", "accounts", "points"), "INTEGER"),
    "effort": "VARCHAR",
    **dict.fromkeys(("times", "cost"), "INTEGER"),
    "disruption": "VARCHAR",
    "reversible": "BOOLEAN",
    **dict.fromkeys(("points_so_far", "cost_so_far"), "INTEGER"),
    "share_so_far": "DOUBLE",
    "owners": "STRUCT(owner VARCHAR, issues INTEGER)[]",
    **dict.fromkeys(("families", "controls"), "VARCHAR[]"),
    **dict.fromkeys(("text", "preventive", "preventive_command"), "VARCHAR"),
    "commands": "STRUCT(account_id VARCHAR, account_name VARCHAR, command VARCHAR)[]",
    **dict.fromkeys(("account_ids", "fingerprints"), "VARCHAR[]"),
}


class _ActionRow(Action, frozen=True, kw_only=True):
    """An action with what it closes beside its fields; `accounts` counts them."""

    accounts: int  # type: ignore[assignment]  # the ids are in account_ids
    account_ids: tuple[str, ...]
    issues: int
    findings: int
    resources: int
    points: int


class _ExceptionRow(ExceptionRow, frozen=True, kw_only=True):
    """An exception with the findings that it covers, and covered until it ended."""

    covered: int
    overdue: int


class RunTables:
    """The tables of one run. `standing` and `notes` say, once tables were prepared, what an answer is worth.

    Raises ConfigError where files were changed after the run was sealed, unless `unverified` is accepted.
    """

    def __init__(self, run: Run, *, unverified: bool = False) -> None:
        self.run = run
        self.notes: list[str] = []
        self.standing = Standing.NOT_SEALED
        self._unverified = unverified
        self._manifest = run.read_manifest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all tables, those of facts last."""
        return (*MEANINGS, *sorted(facts.records(self._manifest)))

    def meaning(self, table: str) -> tuple[str, dict[str, str]]:
        """Return what a row of a table is, and the meanings of its columns; raises ConfigError for an unknown one."""
        self._check({table})
        if table in MEANINGS:
            return MEANINGS[table]
        record = facts.records(self._manifest)[table]
        kind = facts.fact_types().get(record.name)
        if kind is None:
            return f"{record.name}, of a package that is not installed here.", {**facts.PLACE, "fact": "All of it."}
        reasons = {
            f"{it.name}_not_read": f"Why {it.name} could not be read; empty where it was."
            for it in facts.fields_of(kind)
            if it.observed
        }
        return " ".join((kind.__doc__ or record.name).split()), {**facts.PLACE, **reasons}

    def prepare(self, named: Named, scratch: Path) -> Prepared:
        """Return the tables that a statement names, in files of this directory.

        Raises ConfigError for a name that is no table, and where the run has no such table.
        """
        self._check(named.tables - named.own)
        names = named.tables & set(self.names)
        of_facts = {name for name in names if name == facts.LISTINGS or name not in MEANINGS}
        parts = {part for name in names for part in PARTS.get(name, ())}
        wanted = (*seal.TABLES, *sorted(parts), *(seal.FACTS if of_facts else ()))
        self.standing = standing(self.run, wanted, unverified=self._unverified)
        stored = table_files(self.run)
        tables = {name: _copied(path, scratch) for name, path in stored.items() if SOURCES[name] & names}
        prepared = Prepared(tables)
        for name, make in _MADE.items():
            if name in names:
                make(self, prepared, scratch)
        if of_facts:
            self._facts(of_facts, prepared, scratch)
        return self._with_flat(names, prepared)

    def _check(self, names: Collection[str]) -> None:
        for name in sorted(set(names) - set(self.names)):
            advice = nearest(name, self.names) or "`orgaudit query RUN --tables` lists all"
            raise ConfigError(f"there is no table {name!r}; {advice}", key="SQL")

    def _with_flat(self, names: Collection[str], prepared: Prepared) -> Prepared:
        wanted = [table for name, table in FLAT.items() if name in names]
        if wanted:
            run = flat.about(self._manifest, read_result(self.run).source.as_of)
            for table in wanted:
                prepared.statements.extend([*table.preparation(), f"CREATE VIEW {table.name} AS {table.select(run)}"])
        return prepared

    def changes(self, prepared: Prepared, scratch: Path) -> None:
        """Prepare the changes since the baseline; raises ConfigError where the run was not compared with any."""
        comparison = read_comparison(self.run)
        if comparison.baseline is None:
            raise ConfigError(f"the run has no table 'changes': not compared: {comparison.why_none}", key="SQL")
        path = _copied(changes_table(self.run), scratch)
        prepared.add("changes", f"SELECT * FROM read_parquet({quoted(path)})", [path])  # noqa: S608 - quoted

    def exceptions(self, prepared: Prepared, scratch: Path) -> None:
        """Prepare the exceptions of the register."""
        result = read_result(self.run)
        _lines("exceptions", _EXCEPTION_COLUMNS, _exceptions(result), prepared, scratch)

    def actions(self, prepared: Prepared, scratch: Path) -> None:
        """Prepare the actions that reports list."""
        with opened(self.run) as connection:
            found = plan(connection, self._manifest, numbers_of(self._manifest), top=ACTIONS)
        if found.count > len(found.actions):
            self.notes.append(f"the table actions has the first {len(found.actions):,} of {found.count:,} actions")
        _lines("actions", _ACTION_COLUMNS, map(_action, found.actions), prepared, scratch)

    def _facts(self, names: Collection[str], prepared: Prepared, scratch: Path) -> None:
        written = facts.write(self.run, self._manifest, names, scratch)
        self.notes += written.notes
        known, types = facts.records(self._manifest), facts.fact_types()
        for name, paths in written.files.items():
            prepared.add(name, facts.select(paths, types.get(known[name].name)), paths)
        if facts.LISTINGS in names:
            source = json_lines([written.listings], facts.LISTING_COLUMNS)
            prepared.add(facts.LISTINGS, f"SELECT * FROM {source}", [written.listings])  # noqa: S608 - no user's text


_MADE: dict[str, Callable[[RunTables, Prepared, Path], None]] = {
    "changes": RunTables.changes,
    "exceptions": RunTables.exceptions,
    "actions": RunTables.actions,
}


def _exceptions(result: RegisterResult) -> Iterator[_ExceptionRow]:
    for entry in result.entries:
        covered, overdue = result.covered.get(entry.id, 0), result.overdue.get(entry.id, 0)
        yield _ExceptionRow(**msgspec.structs.asdict(entry), covered=covered, overdue=overdue)


def _action(action: Action) -> _ActionRow:
    fields = msgspec.structs.asdict(action) | msgspec.structs.asdict(action.closes)
    return _ActionRow(**fields, account_ids=action.accounts)


def _lines(
    name: str, columns: dict[str, str], rows: Iterator[msgspec.Struct], prepared: Prepared, scratch: Path
) -> None:
    path = scratch / f"{name}.ndjson.zst"
    write_lines(path, rows)
    prepared.add(name, f"SELECT {', '.join(columns)} FROM {json_lines([path], columns)}", [path])  # noqa: S608


def _copied(path: Path, scratch: Path) -> Path:
    try:
        return Path(shutil.copyfile(path, scratch / path.name))
    except OSError as error:
        raise ReportError(f"cannot copy {path}: {error.strerror or error}; free space") from error
