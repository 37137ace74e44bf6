"""The run with which another one is compared, and which runs can be that: those of the whole scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.settings.sections import ScopeSettings
from orgaudit.store import copies
from orgaudit.store.manifest import SCHEMA_VERSION, Manifest
from orgaudit.store.run import LATEST, Run

NONE = "none"
"""What --baseline takes for a run that begins a history of its own."""
NARROWING = {"accounts": "--account", "ous": "--ou", "regions": "--region", "controls": "--control"}
"""The keys of [scope] that leave something out when an option of the command line sets them, and these options."""
FRAMEWORKS = {"controls": "--control", "frameworks": "--framework", "nist_baseline": "--nist-baseline"}
"""The same for an evaluation of stored facts."""
EVALUATED = "evaluate "
"""What stands before an option with which a run was evaluated again."""


class _Organization(msgspec.Struct, frozen=True):
    id: str


class _Caller(msgspec.Struct, frozen=True):
    account_id: str


class _Parent(msgspec.Struct, frozen=True):
    run_id: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What of run.json decides whether the run is a baseline."""

    schema_version: int
    run_id: str
    started_at: Annotated[datetime, msgspec.Meta(tz=True)]
    evaluated_at: datetime | None = None
    organization: _Organization | None
    caller: _Caller
    settings: dict[str, Json]
    narrowed_by: tuple[str, ...] | None = None
    parent: _Parent | None = None

    @property
    def audited(self) -> str:
        """What was audited: the organization's id, or without one the id of the account that asked."""
        return self.organization.id if self.organization else self.caller.account_id

    @property
    def place(self) -> tuple[datetime, str]:
        """The run's place among all runs."""
        return self.started_at, self.run_id

    def is_before(self, other: Head) -> bool:
        """Return whether the run began before another one; whose facts are judged again began when that one did."""
        return self.place < other.place if other.parent is None else self.started_at < other.started_at


def head_of(manifest: Manifest) -> Head:
    """Return what decides whether a run is a baseline."""
    return msgspec.convert(msgspec.to_builtins(manifest), Head)


def is_whole(run: Head | Manifest) -> bool:
    """Return whether a run is an audit of the whole scope of the settings: no option of its command left anything out.

    A run that judges the facts of another one again is no audit.
    Runs of earlier versions do not list the options; there, any choice of accounts, units, regions or controls counts.
    """
    if run.parent is not None:
        return False
    if run.narrowed_by is not None:
        return not run.narrowed_by
    scope = run.settings.get("scope", {})
    return not any(scope.get(key) for key in NARROWING)


def narrowed_by(scope: ScopeSettings) -> tuple[str, ...]:
    """Return the options of an audit's command line that leave something out."""
    return tuple(option for key, option in NARROWING.items() if scope.is_chosen(key))


def narrowed_again(manifest: Manifest, scope: ScopeSettings) -> tuple[str, ...]:
    """Return the same for a run that is evaluated: what was left out when it was audited stays so."""
    before = manifest.narrowed_by
    if before is None:
        before = tuple(option for key, option in NARROWING.items() if manifest.settings.get("scope", {}).get(key))
    kept = [option for option in before if not option.startswith(EVALUATED)]
    return (*kept, *(f"{EVALUATED}{option}" for key, option in FRAMEWORKS.items() if scope.is_chosen(key)))


def is_newest(run: Run) -> bool:
    """Return whether a run is an audit of the whole scope, and did not begin before the one at which `latest` points.

    Raises ConfigError where the run's manifest cannot be read.
    """
    own = head_of(run.read_manifest())
    copies.need_latest(run.path.parent)
    try:
        last = msgspec.json.decode((run.path.parent / LATEST / "run.json").read_bytes(), type=Head)
    except (OSError, msgspec.MsgspecError):
        return is_whole(own)
    return is_whole(own) and last.place <= own.place


def heads(out: Path) -> Iterator[tuple[Path, Head]]:
    """Yield the runs of a directory that were evaluated; a run.json that cannot be read is none."""
    copies.need_each(out)
    for path in sorted(out.glob("*/run.json")):
        if path.parent.name == LATEST:
            continue
        try:
            head = msgspec.json.decode(path.read_bytes(), type=Head)
        except (OSError, msgspec.MsgspecError):
            continue
        if head.schema_version == SCHEMA_VERSION and head.evaluated_at is not None:
            yield path.parent, head


def newest_before(run: Run, manifest: Manifest) -> Run | None:
    """Return the newest earlier run of the same organization with the whole scope, or None.

    Earlier is what began earlier: when a run was evaluated does not count.
    """
    own = head_of(manifest)
    return _newest(run, own, lambda head: head.is_before(own))


def usual(run: Run, manifest: Manifest) -> Run | None:
    """Return the run from which another one's history is carried forward where none is named, or None.

    That is the newest earlier one of the whole scope. A run that looked again at a part of an earlier one goes on from
    that; where that was not evaluated, from the newest that began no later, because facts that were taken over show
    nothing of what a later one saw.
    """
    record = manifest.since or manifest.only_open
    if record is None:
        return newest_before(run, manifest)
    beside = run.path.parent / record.run_id
    own = head_of(manifest)
    if any(path == beside and head.audited == own.audited for path, head in heads(run.path.parent)):
        return Run(beside)
    latest = manifest.since.started_at if manifest.since else manifest.started_at
    return _newest(run, own, lambda head: head.is_before(own) and head.started_at <= latest)


def _newest(run: Run, own: Head, is_earlier: Callable[[Head], bool]) -> Run | None:
    earlier = [
        (head.place, path)
        for path, head in heads(run.path.parent)
        if head.audited == own.audited and is_whole(head) and is_earlier(head)
    ]
    return Run(max(earlier)[1]) if earlier else None


def descends(run: Run, ancestor: Run) -> bool:
    """Return whether the history of a run was carried forward from another one beside it, over any runs in between."""
    found = run
    while found.id != ancestor.id:
        try:
            record = found.read_manifest().baseline
        except ConfigError:
            return False
        if record is None:
            return False
        found = Run(run.path.parent / record.run_id)
    return True


def check_baseline(run: Run, manifest: Manifest, baseline: Run) -> None:
    """Raise ConfigError where a run that was named cannot be the baseline of another one."""
    found, own = head_of(baseline.read_evaluated()), head_of(manifest)
    if found.audited != own.audited:
        raise ConfigError(
            f"run {baseline.id} is of {found.audited}, and run {run.id} of {own.audited}", key="--baseline"
        )
    if not found.is_before(own):
        raise ConfigError(f"run {baseline.id} did not begin before run {run.id}; name an earlier one", key="--baseline")
    if manifest.since is not None and found.started_at > manifest.since.started_at:
        raise ConfigError(
            f"run {baseline.id} began after run {manifest.since.run_id}, whose facts run {run.id} has; "
            "name that one or an earlier one",
            key="--baseline",
        )
