"""A quarter's folder and its quarter.json: which run it is of, and which steps are done, with the hash of each file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from orgaudit import __version__
from orgaudit.errors import ConfigError
from orgaudit.store import copies, seal
from orgaudit.store.run import Run, writing

SCHEMA_VERSION = 1
RECORD = "quarter.json"
CONTINUED = timedelta(days=7)
"""For how long a folder that was begun is gone on with: a run of older facts and newer ones shows no day."""

PREFIX = "quarter-"
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")
"""What `writing` calls a file until it is whole."""


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is done: what there is to say of it, and the SHA-256 of each file that it wrote."""

    name: str
    note: str
    done_at: datetime
    seconds: float
    settings_sha256: str
    files: dict[str, str] = {}


class QuarterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of quarter.json.

    `chosen` is the baseline that was named, `audited` what was audited (an organization's id, or an account's), and
    `baseline` the run with which this one is compared. `results` is where the run's results are, below the run;
    before the steps that find them out, the three are not set. `completed_at` is when the last step was done.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str = __version__
    date: date
    run: str
    existing: bool = False
    chosen: str | None = None
    audited: str | None = None
    baseline: str | None = None
    results: str | None = None
    steps: tuple[StepRecord, ...] = ()
    completed_at: datetime | None = None

    def step(self, name: str) -> StepRecord | None:
        """Return a step that is done, or None."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each file, in the order in which they were written."""
        return {name: sha256 for step in self.steps for name, sha256 in step.files.items()}


class Folder:
    """The folder of one quarter, and the record in it."""

    def __init__(self, path: Path, record: QuarterRecord) -> None:
        self.path = path
        self.record = record

    @classmethod
    def begin(cls, path: Path, record: QuarterRecord, mode: int) -> Folder:
        """Make a folder; raises ConfigError where there are files of another one, and ReportError."""
        if any(not it.name.startswith(".") and it.name != "lease.json" for it in path.glob("*")):
            raise ConfigError(f"has files, and no {RECORD}; move the folder away", file=str(path))
        Run(path).create(mode)
        folder = cls(path, record)
        folder.write()
        return folder

    @classmethod
    def read(cls, path: Path) -> Folder:
        """Return the folder in a directory; raises ConfigError where its record is missing, damaged or foreign."""
        file = path / RECORD
        remedy = "restore it from a copy, or move the folder away"
        try:
            record = msgspec.json.decode(file.read_bytes(), type=QuarterRecord)
        except OSError as error:
            raise ConfigError(f"cannot be read ({error.strerror}); {remedy}", file=str(file)) from error
        except msgspec.MsgspecError as error:
            raise ConfigError(
                f"is not a {RECORD} that this version of orgaudit reads; {remedy}", file=str(file)
            ) from error
        if record.schema_version != SCHEMA_VERSION:
            other = f"schema version {record.schema_version} is not {SCHEMA_VERSION}"
            raise ConfigError(f"{other}; use the version of orgaudit that wrote it", file=str(file))
        return cls(path, record)

    def write(self) -> None:
        """Replace the record; raises ReportError."""
        with writing(self.path / RECORD) as file:
            file.write(msgspec.json.format(msgspec.json.encode(self.record), indent=1))
        copies.put_back(self.path)

    def note(self, **found: str | datetime | None) -> None:
        """Set fields of the record and write it; raises ReportError."""
        self.record = msgspec.structs.replace(self.record, **found)
        self.write()

    def forget(self) -> None:
        """Remove the record of a folder in which nothing was done."""
        (self.path / RECORD).unlink(missing_ok=True)

    def digests(self, places: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of each file in these files and directories."""
        files = (
            it
            for path in self.places(places)
            for it in (sorted(path.rglob("*")) if path.is_dir() else [path])
            if it.is_file()
        )
        return {path.relative_to(self.path).as_posix(): seal.digest(path) for path in files}

    def finish(self, step: StepRecord, places: Iterable[str]) -> StepRecord:
        """Record a step with the hashes of the files in its places; raises ReportError."""
        done = msgspec.structs.replace(step, files=self.digests(places))
        self.record = msgspec.structs.replace(self.record, steps=(*self.record.steps, done))
        self.write()
        return done

    def clear(self, places: Iterable[str]) -> None:
        """Remove what a step that did not come to its end left in its places."""
        for path in self.places(places):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def places(self, names: Iterable[str]) -> list[Path]:
        """Return the files and directories of these names, or patterns of names, that are there."""
        return [path for name in names for path in sorted(self.path.glob(name))]

    def sweep(self) -> None:
        """Remove the beginnings of files that a killed process left; the caller holds the folder."""
        for path in self.path.rglob(".*"):
            if _TEMPORARY.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise ConfigError where a file of the steps that are done is not what it was."""
        found = list(seal.changed(self.path, self.record.files))
        if found:
            more = f" and {len(found) - 1:,} more differences" if len(found) > 1 else ""
            remedy = (
                "restore it from a copy, or move the folder away: then "
                f"`orgaudit quarter --run {self.record.run}` makes another of the same run"
            )
            raise ConfigError(f"{found[0]}{more}; {remedy}")


def name_of(day: date) -> str:
    """Return the name of a day's folder."""
    return f"{PREFIX}{day.isoformat()}"


def folders(out: Path) -> Iterator[tuple[date, Path]]:
    """Yield the day and the path of each folder that was begun in a directory, the newest first."""
    copies.need_each(out, RECORD, PREFIX)
    for path in sorted(out.glob(f"{PREFIX}*/{RECORD}"), reverse=True):
        with suppress(ValueError):
            yield date.fromisoformat(path.parent.name.removeprefix(PREFIX)), path.parent


def to_continue(out: Path, today: date) -> Folder | None:
    """Return the folder of a day, or the newest before it where that is recent and was not completed.

    Raises ConfigError where its record is damaged.
    """
    for day, path in folders(out):
        if day == today:
            return Folder.read(path)
        if today - CONTINUED <= day < today:
            folder = Folder.read(path)
            return folder if folder.record.completed_at is None else None
        if day < today:
            break
    return None


def moment() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)
