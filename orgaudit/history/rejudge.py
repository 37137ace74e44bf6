"""Judges the facts of an old run by the new rules, for the controls whose rules changed between two runs.

Without that, a stricter control would look like new failures, and a more lenient one like repaired resources.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec

from orgaudit.controls.aliases import resolve
from orgaudit.controls.declare import catalogue
from orgaudit.evaluate.rules import Rules, rules_again
from orgaudit.evaluate.stage import judged_by
from orgaudit.history.compare import MEMBER
from orgaudit.history.sight import BLIND
from orgaudit.model import Finding
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, write_lines
from orgaudit.store.tables import json_lines


@dataclass(frozen=True, slots=True)
class ChangedRules:
    """The controls whose rules changed, those of them that were judged again, and the CPU seconds that this took."""

    controls: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    seconds: float = 0


class _Judged(msgspec.Struct, frozen=True):
    """What is kept of a finding that was judged again."""

    account_id: str
    inherited_from: str | None
    control: str
    region: str
    resource: str
    status: str


_COLUMNS = dict.fromkeys(_Judged.__struct_fields__, "VARCHAR")


def changed_controls(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Return the controls of both runs whose code, thresholds or requirements differ, by their present ids.

    Runs of earlier versions do not say what their rules were; nothing of them counts as changed.
    """
    before = {resolve(record.id): record.digest for record in old.controls}
    after = {resolve(record.id): record.digest for record in new.controls}
    return tuple(
        name for name, digest in sorted(after.items()) if digest and before.get(name) and before[name] != digest
    )


def judge_again(
    connection: duckdb.DuckDBPyConnection, old: Run, new: Manifest, changed: tuple[str, ...], scratch: Path
) -> ChangedRules:
    """Fill `changed`, `judged_again` and `blind_again` by judging an old run's facts; return what that took.

    A control whose present rules are not those of the new run cannot be judged again.
    """
    started = time.process_time()
    rules = _rules(new, changed)
    again = tuple(control.id for control in rules.controls)
    unread = set()
    pieces = []
    for account, findings in judged_by(old, rules) if again else ():
        if findings is None:
            unread.add(account)
            continue
        pieces.append(scratch / f"again-{account}.ndjson.zst")
        write_lines(pieces[-1], map(_kept, findings))
    if pieces:
        source = json_lines(pieces, _COLUMNS)
        connection.execute(
            f"INSERT INTO judged_again SELECT {MEMBER} AS member, "  # noqa: S608 - no user's text
            f"arg_min(status, inherited_from IS NOT NULL)::finding_status FROM {source} GROUP BY member"
        )
        connection.execute(
            f"INSERT INTO blind_again SELECT DISTINCT account_id, control, region FROM {source} WHERE {BLIND}"  # noqa: S608
        )
    note_changed(connection, old.read_manifest(), changed, judged=frozenset(again), unread=frozenset(unread))
    return ChangedRules(changed, again, time.process_time() - started)


def note_changed(
    connection: duckdb.DuckDBPyConnection,
    old: Manifest,
    changed: tuple[str, ...],
    *,
    judged: frozenset[str] = frozenset(),
    unread: frozenset[str] = frozenset(),
) -> None:
    """Fill the table `changed`: in which accounts each control was judged again; `unread` have no readable facts."""
    rows = [
        (control, account.id, control in judged and account.id not in unread)
        for control in changed
        for account in old.accounts
    ]
    connection.execute(
        "INSERT INTO changed SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::BOOLEAN[])",
        [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []],
    )


def _rules(new: Manifest, changed: tuple[str, ...]) -> Rules:
    """Return the rules of a run for the controls whose present rules they are."""
    known = catalogue()
    records = {resolve(record.id): record for record in new.controls}
    kept = tuple(records[name] for name in changed if name in known)
    rules = rules_again(msgspec.structs.replace(new, controls=kept))
    present = {record.id: record.digest for record in rules.records}
    same = tuple(control for control in rules.controls if present[control.id] == records[control.id].digest)
    return Rules(same, rules.frameworks, rules.thresholds, new.accept_blocked_regions)


def _kept(finding: Finding) -> _Judged:
    return _Judged(
        finding.account_id, finding.inherited_from, finding.control, finding.region, finding.resource, finding.status
    )
