"""The directory in which runs are: whether it can be written, and the name that points at the last run."""

from __future__ import annotations

from pathlib import Path

from orgaudit.errors import ReportError
from orgaudit.store import copies
from orgaudit.store.lease import mark
from orgaudit.store.run import LATEST, Run


def check_writable(out: Path) -> None:
    """Raise ReportError where nothing can be written to the directory of runs."""
    if (copy := copies.copy_of(out)) is not None:
        copy.check_writable()
        return
    probe = out / f".writable-{mark()}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ReportError(f"cannot write to {out}: {error.strerror}; name another directory with --out") from error


def point_latest(run: Run) -> None:
    """Point the name `latest` beside a run at it; raises ReportError.

    In a directory that is a link, at an address a file with the run's id, which is put there after the run.
    """
    latest = run.path.parent / LATEST
    temporary = run.path.parent / f".latest-{mark()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(run.id, target_is_directory=True)
        temporary.replace(latest)
        if (copy := copies.copy_of(run.path)) is not None:
            copy.point_latest(run.id)
    except OSError as error:
        raise ReportError(
            f"cannot point {latest} at the run: {error.strerror or error}; remove it, or name another --out"
        ) from error
