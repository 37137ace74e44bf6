"""Exceptions from elsewhere, as drafts: Prowler's mute lists and spreadsheets of any columns, all of a file or none.

What narrows a scope and cannot be said here leaves the draft without a scope: a scope without it would take more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from orgaudit.errors import ConfigError
from orgaudit.register.entries import EventType, ExceptionDraft, ExceptionEntry
from orgaudit.register.exchange import prowler, spreadsheet
from orgaudit.register.exchange.prowler import Candidate, LeftOut
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.scope import ExceptionScope
from orgaudit.settings.documents import dotted, explain

KINDS = ("prowler", "spreadsheet")

APPROVAL = ("approved_by", "approved_on")


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """One entry that arrived as a draft: where it was, what it lacks, and what was not taken over as it stood."""

    id: str
    place: str
    title: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file's entries; `already` pairs a place with the id of the entry that says the same."""

    arrived: tuple[Arrived, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    already: tuple[tuple[str, str], ...] = ()


def run_foreign_import(
    kind: str,
    file: Path,
    mapping: Mapping[str, str],
    ledger: RegisterEditor,
    *,
    controls: Collection[str],
    by: str,
    on: date,
    day_first: bool | None = None,
) -> Imported:
    """Add the entries of a foreign file to a ledger as drafts; the caller saves it.

    `mapping` is a spreadsheet's columns by the keys that they become, and `controls` are the ids of all controls.
    Raises ConfigError, and adds nothing, where the file or the mapping cannot be understood.
    """
    if kind == "prowler":
        found = prowler.candidates(file, controls)
    elif kind == "spreadsheet":
        found = spreadsheet.candidates(file, mapping, controls, day_first=day_first)
    else:
        raise ConfigError(f"unknown kind {kind!r}; choose from {', '.join(KINDS)}", key="--from")
    present = {_likeness(ledger.entry(name)): name for name in ledger.ids()}
    arrived: list[Arrived] = []
    already: list[tuple[str, str]] = []
    for candidate in found.candidates:
        data, refused = _sound(candidate)
        likeness = _likeness(data)
        if likeness in present:
            already.append((candidate.place, present[likeness]))
            continue
        event = {"when": on, "who": by, "what": EventType.CREATED.value, "why": f"imported from {file.name}"}
        entry = {"id": ledger.next_id(on.year), **_ordered(data), "history": [event]}
        ledger.add(entry)
        present[likeness] = entry["id"]
        notes = (*candidate.notes, *refused)
        title = str(data.get("title", ""))
        arrived.append(Arrived(id=entry["id"], place=candidate.place, title=title, missing=missing(entry), notes=notes))
    return Imported(arrived=tuple(arrived), left_out=tuple(found.left_out), already=tuple(already))


def missing(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that an entry lacks before it is in force, with `broad` where its scope asks for it."""
    needed = [name for name, field in ExceptionEntry.model_fields.items() if field.is_required()]
    lacking = [key for key in (*needed, *APPROVAL) if not entry.get(key)]
    if entry.get("scope") and not entry.get("broad"):
        scope = ExceptionScope.model_validate(entry["scope"])
        lacking += ["broad"] if scope.all_controls or scope.all_accounts else []
    return tuple(lacking)


def _sound(candidate: Candidate) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what a draft may hold of a candidate, and what is wrong with the rest, which goes into the comments."""
    data = dict(candidate.data)
    refused: list[str] = []
    kept: list[str] = [data["comments"]] if data.get("comments") else []
    try:
        ExceptionDraft.model_validate({"id": "EXC-0000-0000", **data})
    except ValidationError as error:
        for path, message, mend in explain(error, ExceptionDraft, data):
            refused.append(f"{dotted(path)}: {f'{message}; {mend}' if mend else message}")
            if path and (key := str(path[0])) in data:
                kept.append(f"{key}: {_plain(data.pop(key))}")
    if kept:
        data["comments"] = "\n".join(kept)
    return data, tuple(refused)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _ordered(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: data[key] for key in ExceptionDraft.model_fields if key in data}


def _likeness(entry: Mapping[str, Any]) -> str:
    """Return what two entries share that came from the same place; renewals and comments do not matter."""
    said: Iterable[str] = (str(entry.get("title", "")), _plain(entry.get("scope") or ""), str(entry.get("ticket", "")))
    scope = entry.get("scope")
    return "\0".join(said) if scope else "\0".join((*said, str(entry.get("comments", ""))))
