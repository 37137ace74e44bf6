"""What a process that was killed leaves behind in a run's directory and beside it, and its removal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orgaudit.errors import ConfigError
from orgaudit.store import lease, leases
from orgaudit.store.place import Directory
from orgaudit.store.run import Run

PARTS = (
    "",
    "facts",
    "receipts",
    "leases",
    "findings",
    "coverage",
    "as-of-*",
    "unverified",
    "split-*",
    "as-of-*/split-*",
    "unverified/split-*",
)
"""Where a run has files, as patterns below its directory."""
COLLECTED = frozenset({"facts", "receipts", "leases"})
"""Where processes write that do not hold the run: those that hold accounts of it."""

_TEMPORARY = re.compile(
    r"\.(?:(?:run|reports|register|lease)\.json|report\.\w+|(?:findings|coverage|history)\.parquet|\d{12}\.(?:ndjson\.zst|json)|collection-[0-9a-f]{32}\.json"
    r"|[a-z0-9][a-z0-9@._+-]*\.(?:xlsx|eml))"
    r"\.[a-z0-9_]{8}"
)
"""What `writing` calls a file until it is whole."""
_MARKED = re.compile(r"\.(?:tables\.|writable-|latest-)(?P<space>[0-9a-f]{8})\.(?P<pid>\d+)(?:\.[a-z0-9_]{8})?")
"""What a process makes for itself, named by `lease.mark`."""
_UNMARKED = re.compile(r"\.(?:tables\.[a-z0-9_]{8}|(?:writable|latest)-\d+)")
"""The same with names that do not say whose it is."""
_LONG = timedelta(days=1)
"""How long no process works on what it makes for itself."""


def sweep_run(run: Run) -> None:
    """Remove what an earlier process left in the run's directory; the caller holds the run, and renews its lease."""
    if not run.path.is_dir():  # it has not begun, and is gone again
        return
    with lease.alone(run.path):  # else the file that is to be the renewed lease would go, too
        _sweep(run)


def _sweep(run: Run) -> None:
    place = Directory(run.path)
    sweep_leases(run)
    collected = any(leases.alive(place, account_id) for account_id in leases.held(place))
    for directory in _directories(run):
        if collected and directory.name in COLLECTED:  # other processes collect: what is there may be theirs
            continue
        for path in _entries(directory):
            if _TEMPORARY.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)
            else:
                _remove_marked(path)


def sweep_leases(run: Run) -> None:
    """Remove the leases of accounts that no process collects any more; the caller need not hold the run."""
    leases.clear(Directory(run.path), gone_only=True)


def sweep_output(out: Path) -> None:
    """Remove what killed processes left in the directory of runs, and in runs that no process holds any more."""
    for path in _entries(out):
        _remove_marked(path)
        run = Run(path)
        found = None if path.is_symlink() else lease.holder(run)
        if found is not None and found.gone(datetime.now(UTC)):
            with suppress(ConfigError), lease.held(run, "audit", remedy="wait until it ends"):
                sweep_run(run)


def _directories(run: Run) -> Iterator[Path]:
    for part in PARTS:
        yield from [run.path] if not part else (path for path in run.path.glob(part) if path.is_dir())


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _remove_marked(path: Path) -> None:
    found = _MARKED.fullmatch(path.name)
    gone = found and lease.is_gone(found["space"], int(found["pid"]))
    if not gone and not ((found or _UNMARKED.fullmatch(path.name)) and lease.age(path) > _LONG):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
