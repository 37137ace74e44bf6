"""A run that judges the facts of an earlier one again: its name, the shards that both share, and what links the two.

What was delivered of the earlier run, its parent, stays as it was: nothing in its directory is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError, CutShortError, ReportError
from orgaudit.settings.people import OwnershipRecord
from orgaudit.store import lease, seal
from orgaudit.store.manifest import Manifest, ParentRecord
from orgaudit.store.run import Run, TakenError, make_directory, valid_id, writing

_NUMBERED = re.compile(r"(?P<stem>.+)\.\d+")
COMMAND = "evaluate"
"""The command by which a run is held while it is made."""
_BEGUN = {*seal.FACTS, "lease.json", "reports.json"}
"""What such a run has before its run.json."""


def next_run(parent: Run, name: str | None = None) -> Run:
    """Return the run in which the facts of an evaluated one are judged again: RUN.2 and so on, or of this name.

    One that was begun and never evaluated is continued. Raises ConfigError for a name that is taken or cannot be.
    """
    stem = parent.id
    if parent.read_manifest().parent is not None and (numbered := _NUMBERED.fullmatch(parent.id)):
        stem = numbered["stem"]
    for each in [name] if name else (f"{stem}.{number}" for number in count(2)):
        run = Run(parent.path.parent / each)
        if not valid_id(each):
            raise ConfigError(f"a run cannot be called {each!r}; name it with --run-id", key="--run-id")
        if _is_free(run, parent):
            return run
    raise ConfigError(f"run {name} exists; name another --run-id", key="--run-id")


def _is_free(run: Run, parent: Run) -> bool:
    """Return whether nothing has a run's name, or only what was begun from the same parent and not evaluated."""
    if run.path.is_symlink() or (run.path.exists() and not run.path.is_dir()):
        return False
    if not run.manifest_path.is_file():
        found, writer = {path.name for path in run.path.glob("[!.]*")}, lease.holder(run)
        return found <= {"lease.json"} or (found <= _BEGUN and writer is not None and writer.command == COMMAND)
    try:
        manifest = run.read_manifest()
    except ConfigError:
        return False
    return manifest.evaluated_at is None and manifest.parent is not None and manifest.parent.run_id == parent.id


@contextmanager
def begun(run: Run, parent: Run) -> Iterator[None]:
    """Make a run of the facts of its parent, which the caller holds and evaluates in the block, and continue one.

    Where the block fails, nothing of the run stays; a process that is killed leaves a run that can be continued.
    Raises ConfigError where the facts are not what was sealed, and ReportError.
    """
    if not _is_free(run, parent):
        raise ConfigError(f"run {run.id} was made by another process meanwhile; do this again")
    try:
        if not run.manifest_path.is_file():
            _begin(run, parent)
        yield
    except CutShortError:  # the run is another process's now, or can be continued where a worker was lost
        raise
    except ConfigError as error:
        _discard(run)
        told = str(error).replace(str(run.path / "facts"), str(parent.path / "facts"))
        raise ConfigError(told) from error
    except BaseException:
        _discard(run)
        raise


def _discard(run: Run) -> None:
    """Remove a run that was not evaluated to the end; the facts are its parent's too."""
    if not run.manifest_path.is_file() or run.read_manifest().evaluated_at is None:
        shutil.rmtree(run.path, ignore_errors=True)


def _begin(run: Run, parent: Run) -> None:
    sha256 = seal.digest(parent.manifest_path)
    manifest = parent.read_collected()
    seal.standing(parent, seal.FACTS)
    run.create(stat.S_IMODE(parent.path.stat().st_mode))
    seal.ledger_path(run.path).unlink(missing_ok=True)
    for part in seal.FACTS:
        shutil.rmtree(run.path / part, ignore_errors=True)
        for path in seal.shards(parent, part):
            make_directory(run.path / part)
            share(path, run.path / part / path.name)
    collected = msgspec.structs.replace(
        manifest,
        run_id=run.id,
        parent=ParentRecord(run_id=parent.id, manifest_sha256=sha256),
        evaluated_at=None,
        baseline=None,
        ownership=OwnershipRecord(),
    )
    unsealed = [] if manifest.seal else [path for part in seal.FACTS for path in seal.shards(run, part)]
    seal.seal(run, collected, unsealed, keep=seal.FACTS)


def share(path: Path, target: Path) -> bool:
    """Make a file of one run a file of another: a hard link, or a copy where the file system or its rules have none.

    Return whether that was done: a file that is there stays. Raises ReportError.
    """
    try:
        if not path.is_symlink():
            os.link(path, target)
            return True
    except FileExistsError:
        return False
    except OSError:
        pass
    try:
        with path.open("rb") as source, writing(target, new=True) as file:
            shutil.copyfileobj(source, file)
    except TakenError:
        return False
    except OSError as error:
        raise ReportError(f"cannot copy {path}: {error.strerror or error}") from error
    return True


def parent_of(run: Run, manifest: Manifest) -> Run | None:
    """Return the run whose facts a run judges, where it is beside it; None for an audit."""
    if manifest.parent is None or not valid_id(manifest.parent.run_id):
        return None
    parent = Run(run.path.parent / manifest.parent.run_id)
    return parent if parent.manifest_path.is_file() else None


def parent_problems(run: Run, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong between a run and its parent, where that is beside it, a sentence each."""
    if manifest.parent is None or (parent := parent_of(run, manifest)) is None:
        return
    try:
        known = seal.manifests_of(parent)
        facts = seal.of(parent.read_manifest(), seal.FACTS)
    except ConfigError as error:
        yield f"its parent, run {parent.id}: {error}"
        return
    if manifest.parent.manifest_sha256 not in known:
        sha256 = manifest.parent.manifest_sha256
        yield f"{run.manifest_path}: names a run.json of run {parent.id} that this never had: SHA-256 {sha256}"
    if facts and facts != seal.of(manifest, seal.FACTS):
        yield f"{run.manifest_path}: its facts are not those of its parent, run {parent.id}"


def parent_notes(run: Run, manifest: Manifest) -> Iterator[str]:
    """Yield from which run the facts of a run are, or nothing for an audit."""
    if manifest.parent is None:
        return
    sha256, name = manifest.parent.manifest_sha256, manifest.parent.run_id
    gone = "" if parent_of(run, manifest) else ", which is not beside it any more"
    yield f"judges the facts of run {name}{gone}, whose run.json had the SHA-256 {sha256}"
