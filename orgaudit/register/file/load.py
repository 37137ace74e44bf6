"""Reads the register's file: a wrong entry is set aside with its problems, the others work."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict

from orgaudit.errors import ConfigError
from orgaudit.register.entries import ExceptionDraft, ExceptionEntry
from orgaudit.settings.documents import Document, Problem, error_of, read, validate, value_at
from orgaudit.settings.sections import RegisterSettings, TimeZone
from orgaudit.settings.settings import Settings
from orgaudit.settings.syntax import KeyPath

MOST_BYTES = 64 * 1024 * 1024


class Invalid(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that covers nothing because it is wrong; texts are what could be read of it."""

    id: str
    title: str
    owner: str
    problems: tuple[Problem, ...]


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """The register as read. `lines` maps an id to its line; `time_zone` is the file's, else the settings'."""

    file: str
    policy: RegisterSettings
    time_zone: str
    entries: tuple[ExceptionEntry, ...] = ()
    drafts: tuple[ExceptionDraft, ...] = ()
    invalid: tuple[Invalid, ...] = ()
    lines: dict[str, int] = {}

    @property
    def problems(self) -> list[Problem]:
        """Return every problem of every entry, in the order of the file."""
        return [problem for entry in self.invalid for problem in entry.problems]


def register_of(settings: Settings, file: Path | None) -> Register:
    """Return the register of the settings, or the one in the given file.

    Raises ConfigError where a named register is missing or cannot be understood as a whole.
    """
    must_exist = file is not None or settings.register_named
    return load(file or settings.register_path, settings.exceptions, must_exist=must_exist)


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: TimeZone | None = None
    exceptions: tuple[Any, ...] | None = None
    attestations: tuple[Any, ...] | None = None  # read by orgaudit.register.attestations


def load(path: Path, policy: RegisterSettings, *, must_exist: bool = True) -> Register:
    """Return the register; raises ConfigError where the file as a whole cannot be understood.

    A missing file is an empty register unless it must exist. What is wrong in one entry is in the register's problems.
    """
    if not must_exist and not path.exists():
        return Register(file=str(path), policy=policy, time_zone=policy.time_zone)
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"is larger than {MOST_BYTES >> 20} MB; a register is not", file=str(path))
    document = read(path)
    envelope = validate(document, _Envelope)
    flaws = [problem for place, problem in document.flaws if not _in_an_entry(place)]
    if isinstance(envelope, list) or flaws:
        raise error_of([*flaws, *(envelope if isinstance(envelope, list) else ())])
    return _sorted_out(document, len(envelope.exceptions or ()), policy, envelope.time_zone or policy.time_zone)


def _sorted_out(document: Document, count: int, policy: RegisterSettings, time_zone: str) -> Register:
    """Put each item of the file where it belongs: a sound entry, a draft, or invalid."""
    problems: dict[int | None, list[Problem]] = defaultdict(list)
    flaws = [(_index(flawed), problem) for flawed, problem in document.flaws]
    for index, problem in [*flaws, *_reused_ids(document, count)]:
        problems[index].append(problem)
    sound: list[ExceptionDraft] = []
    invalid: list[Invalid] = []
    lines: dict[str, int] = {}
    for index in range(count):
        place: KeyPath = ("exceptions", index)
        found = _entry(document, place, policy)
        problems[index] += found if isinstance(found, list) else []
        data = value_at(document.data, place)
        lines.setdefault(_text(data, "id"), document.line(place) or 0)
        if not isinstance(found, list) and not problems[index]:
            sound.append(found)
        else:
            texts = {key: _text(data, key) for key in ("id", "title", "owner")}
            invalid.append(Invalid(**texts, problems=tuple(problems[index])))
    return Register(
        file=document.file,
        policy=policy,
        time_zone=time_zone,
        entries=tuple(entry for entry in sound if isinstance(entry, ExceptionEntry)),
        drafts=tuple(entry for entry in sound if not isinstance(entry, ExceptionEntry)),
        invalid=tuple(invalid),
        lines=lines,
    )


def _entry(document: Document, place: KeyPath, policy: RegisterSettings) -> ExceptionDraft | list[Problem]:
    data = value_at(document.data, place)
    is_draft = isinstance(data, dict) and not any(
        data.get(key) for key in ("requested_by", "approved_by", "approved_on")
    )
    found: ExceptionDraft | list[Problem] = validate(document, ExceptionDraft if is_draft else ExceptionEntry, place)
    longest = max(days for _, days in policy.longest_days)
    if isinstance(found, ExceptionEntry) and found.life_days > longest:
        message = f"lives {found.life_days} days from {found.valid_from}, and no severity allows more than {longest}"
        return [document.problem((*place, "expires_on"), message, "expire it earlier")]
    return found


def _reused_ids(document: Document, count: int) -> list[tuple[int, Problem]]:
    """Return a problem for each entry that shares its id: nobody can tell which of them was approved."""
    where: dict[str, list[int]] = defaultdict(list)
    for index in range(count):
        if name := _text(value_at(document.data, ("exceptions", index)), "id"):
            where[name].append(index)
    found = []
    for name, indexes in where.items():
        for index in indexes:
            others = [str(document.line(("exceptions", other))) for other in indexes if other != index]
            if others:
                message = f"{name} is also the id of the entry on line {', '.join(others)}"
                found.append((index, document.problem(("exceptions", index, "id"), message, "never reuse an id")))
    return found


def _in_an_entry(place: KeyPath) -> bool:
    return len(place) > 1 and place[0] in {"exceptions", "attestations"}


def _index(place: KeyPath) -> int | None:
    """Return which entry a place is in, or None for one outside of all entries."""
    return place[1] if len(place) > 1 and place[0] == "exceptions" and isinstance(place[1], int) else None


def _text(data: object, key: str) -> str:
    """Return a text of an entry that may be wrong in any way."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""
