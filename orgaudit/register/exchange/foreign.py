"""Exceptions from elsewhere, as drafts: what a reader found in a foreign file is added whole, or nothing of it.

What narrows a scope and cannot be expressed leaves the draft without a scope: a scope without it would cover more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from pydantic import ValidationError

from orgaudit.register import lifecycle
from orgaudit.register.entries import EXCEPTIONS, REQUIRED, ExceptionDraft
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.lifecycle import Step
from orgaudit.register.names import KnownNames
from orgaudit.register.scope import ExceptionScope
from orgaudit.settings.documents import dotted, explain

LongestDays: TypeAlias = Callable[[Mapping[str, Any]], int]
"""The longest life that policy allows an entry, in days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEntry:
    """A foreign entry in our keys; `place` is where it is, `notes` what was not taken over unchanged."""

    place: str
    data: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """A foreign entry that becomes no draft, and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """What a foreign file holds."""

    entries: tuple[ForeignEntry, ...]
    skipped: tuple[SkippedEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDraft:
    """One imported entry: where it was, what it lacks, what was not taken over unchanged, whether it is requested."""

    id: str
    place: str
    title: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of a file's entries; `present` pairs a place with the id of the equal entry of the register.

    `warnings` are sentences on what could not be checked.
    """

    drafts: tuple[ImportedDraft, ...] = ()
    skipped: tuple[SkippedEntry, ...] = ()
    present: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def import_drafts(
    found: ForeignFile,
    editor: RegisterEditor,
    names: KnownNames,
    *,
    by: str,
    on: date,
    origin: str,
    longest_days: LongestDays | None = None,
) -> ImportResult:
    """Add the entries of a foreign file as drafts; the caller saves the register. `origin` is the file's name.

    A scope with a name that `names` refuses is left out: without that part it would cover more. With `longest_days`,
    the longest life that policy allows an entry, approval is requested for those that are complete.
    """
    known = {_likeness(editor.entry(name)): name for name in editor.ids()}
    step = Step(by, on, f"imported from {origin}")
    drafts: list[ImportedDraft] = []
    present: list[tuple[str, str]] = []
    for foreign in found.entries:
        data, refused = _sound(foreign, names)
        likeness = _likeness(data)
        if likeness in known:
            present.append((foreign.place, known[likeness]))
            continue
        ordered = {key: data[key] for key in ExceptionDraft.model_fields if key in data}
        entry = {"id": editor.next_id(on.year), **ordered}
        entry["history"] = [lifecycle.created(EXCEPTIONS, entry, step).event]
        lacking = missing(entry)
        is_complete = not set(lacking) - _BY_STEPS
        reason = _request(entry, step, longest_days) if longest_days is not None and is_complete else ""
        editor.add(entry)
        known[likeness] = entry["id"]
        drafts.append(
            ImportedDraft(
                id=entry["id"],
                place=foreign.place,
                title=str(data.get("title", "")),
                missing=missing(entry),
                notes=(*foreign.notes, *refused, *([f"not requested: {reason}"] if reason else [])),
                requested="requested_by" in entry,
            )
        )
    warnings = names.check(_subjects(editor.entry(draft.id) for draft in drafts)).warnings
    return ImportResult(drafts=tuple(drafts), skipped=found.skipped, present=tuple(present), warnings=warnings)


_BY_STEPS = frozenset({"requested_by", "approved_by", "approved_on"})
"""What an entry gets by being requested and approved."""


def _request(entry: dict[str, Any], step: Step, longest_days: LongestDays) -> str:
    """Request approval of an entry; returns why that is refused, else nothing."""
    try:
        change = lifecycle.requested(EXCEPTIONS, entry, step, longest_days=longest_days(entry))
    except ValueError as error:
        return str(error)
    history = entry.pop("history")
    entry |= change.changes
    entry["history"] = [*history, change.event]
    return ""


def missing(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that an entry lacks before it is in force, with `broad` where its scope requires it."""
    lacking = [key for key in (*REQUIRED, "approved_by", "approved_on") if not entry.get(key)]
    if entry.get("scope") and not entry.get("broad"):
        scope = ExceptionScope.model_validate(entry["scope"])
        lacking += ["broad"] if scope.all_controls or scope.all_accounts else []
    return tuple(lacking)


def _subjects(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the accounts and units of the scopes of entries, each once."""
    scopes = [entry.get("scope") or {} for entry in entries]
    return {
        key: list(dict.fromkeys(text for scope in scopes for text in scope.get(key, ()))) for key in ("accounts", "ous")
    }


def _sound(foreign: ForeignEntry, names: KnownNames) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what a draft may hold of an entry, and what is wrong with the rest, which goes into the comments."""
    data = dict(foreign.data)
    refused: list[str] = []
    kept: list[str] = [data["comments"]] if data.get("comments") else []
    if scope := data.get("scope"):
        checked = names.check(scope)
        data["scope"] = checked.scope
        if checked.problems:
            refused += (f"{it.path[-2]}: {it.sentence}" for it in checked.problems)
            kept.append(f"scope: {_plain(data.pop('scope'))}")
    try:
        ExceptionDraft.model_validate({"id": "EXC-0000-0000", **data})
    except ValidationError as error:
        for path, message, remedy in explain(error, ExceptionDraft, data):
            refused.append(f"{dotted(path)}: {f'{message}; {remedy}' if remedy else message}")
            if path and (key := str(path[0])) in data:
                kept.append(f"{key}: {_plain(data.pop(key))}")
    if kept:
        data["comments"] = "\n".join(kept)
    return data, tuple(refused)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _likeness(entry: Mapping[str, Any]) -> str:
    """Return what two entries of the same origin share; renewals and, where there is a scope, comments do not count."""
    scope = entry.get("scope")
    parts = (
        entry.get("title", ""),
        _plain(scope or ""),
        entry.get("ticket", ""),
        "" if scope else entry.get("comments", ""),
    )
    return "\0".join(map(str, parts))
