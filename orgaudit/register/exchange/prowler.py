"""Reads a Prowler mute list: each account and check of it as the beginning of a draft."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.register.exchange.foreign import ForeignEntry, ForeignFile, SkippedEntry
from orgaudit.settings.documents import Document, error_of, read
from orgaudit.settings.syntax import KeyPath

_TOPS = ("Mutelist", "Mute List", "Allowlist")
_KEYS = {"Regions", "Resources", "Tags", "Exceptions", "Description"}
_EXCEPTED = {"Accounts", "Regions", "Resources", "Tags"}
_ALL = {"*", ".*", ""}
_MAGIC = set(r".^$*+?{}[]\|()")


class _NotTranslatableError(Exception):
    """A part of a mute that no scope can express; the message names it."""


@cache
def checks() -> dict[str, tuple[str, ...]]:
    """Return the controls that decide the same as a Prowler check, by the check."""
    text = resources.files("orgaudit.register.exchange").joinpath("prowler_checks.csv").read_text("utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["check"]] = (*found.get(row["check"], ()), row["control"])
    return found


def read_mutes(file: Path, controls: Collection[str]) -> ForeignFile:
    """Return the mutes of a file; raises ConfigError where it is not a mute list."""
    document = read(file)
    if document.flaws:
        raise error_of([problem for _, problem in document.flaws])
    top = next((name for name in _TOPS if isinstance(document.data, dict) and name in document.data), None)
    if top is None:
        raise ConfigError(
            "is not a Prowler mute list, since it has no key Mutelist; name the file that Prowler reads",
            file=document.file,
            line=1,
        )
    known = {check: tuple(name for name in ours if name in controls) for check, ours in checks().items()}
    found: list[ForeignEntry] = []
    skipped: list[SkippedEntry] = []
    accounts = _table(document, (top, "Accounts"))
    for account in accounts:
        path: KeyPath = (top, "Accounts", account, "Checks")
        for check, mute in _table(document, path).items():
            here = f"{document.file}:{document.line((*path, check))}"
            ours = _controls_of(check, known)
            if ours == ():
                skipped.append(SkippedEntry(here, f"no control corresponds to the check {check}"))
                continue
            if not isinstance(mute, dict | None):
                raise _wrong(document, (*path, check), "must be a table of keys and values")
            found.append(_entry(here, account, check, ours, mute or {}))
    return ForeignFile(tuple(found), tuple(skipped))


def _table(document: Document, path: KeyPath) -> dict[str, Any]:
    data = document.data
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        raise _wrong(document, path, "must be a table of keys and values")
    return data


def _wrong(document: Document, path: KeyPath, message: str) -> ConfigError:
    return error_of([document.problem(path, message)])


def _controls_of(check: str, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the controls that a check's name or glob stands for; ("*",) for all checks."""
    if check in _ALL:
        return ("*",)
    names = [name for name in known if fnmatch.fnmatchcase(name, check)]
    return tuple(sorted({control for name in names for control in known[name]}))


def _entry(place: str, account: str, check: str, controls: tuple[str, ...], mute: Mapping[str, Any]) -> ForeignEntry:
    where = "all accounts" if account in _ALL else f"account {account}"
    data: dict[str, Any] = {"title": f"{'Every check' if check in _ALL else check} muted in {where}"}
    if mute.get("Description"):
        data["justification"] = str(mute["Description"])
    try:
        scope, notes = _scope(account, controls, mute)
    except _NotTranslatableError as error:
        data["comments"] = f"Prowler mutes here: {_shown(mute)}"
        return ForeignEntry(place=place, data=data, notes=(f"scope: {error}; write the scope by hand",))
    return ForeignEntry(place=place, data=data | {"scope": scope}, notes=(*_wider(check, controls), *notes))


def _wider(check: str, controls: tuple[str, ...]) -> Iterator[str]:
    by_control: dict[str, set[str]] = {}
    for name, ours in checks().items():
        for control in ours:
            by_control.setdefault(control, set()).add(name)
    for control in controls:
        others = sorted(by_control.get(control, set()) - {check})
        if others and not set(check) & set("*?["):
            yield f"{control} covers more than {check}: also {', '.join(others)}"


def _shown(mute: Mapping[str, Any]) -> str:
    return msgspec.json.encode(mute, enc_hook=str).decode()


def _scope(account: str, controls: tuple[str, ...], mute: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    if unknown := sorted(set(mute) - _KEYS):
        raise _NotTranslatableError(f"the key {unknown[0]} is not known")
    notes: list[str] = []
    scope: dict[str, Any] = {"controls": list(controls)}
    if account not in _ALL:
        scope["accounts"] = [account]
    scope |= _choice(mute, notes)
    excepted = mute.get("Exceptions") or {}
    if not isinstance(excepted, dict) or set(excepted) - _EXCEPTED:
        raise _NotTranslatableError("Exceptions has keys that are not known")
    accounts = _texts(excepted, "Accounts")
    if out := _choice(excepted, notes) | ({"accounts": accounts} if accounts else {}):
        scope["except"] = out
    return scope, list(dict.fromkeys(notes))


def _choice(mute: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    choice: dict[str, Any] = {}
    regions, resources_, tags = (_texts(mute, key) for key in ("Regions", "Resources", "Tags"))
    if regions and not set(regions) & _ALL:
        choice["regions"] = regions
    if resources_ and not set(resources_) & _ALL:
        choice["resources"] = [_part(text) for text in resources_]
        notes.append("resources: Prowler mutes by a part of the name, and so do these patterns; narrow them")
    if tags and not set(tags) & _ALL:
        choice["resource_tags"] = dict(map(_tag, tags))
        if len(choice["resource_tags"]) < len(tags):
            raise _NotTranslatableError("the same tag is required twice")
    return choice


def _texts(mute: Mapping[str, Any], key: str) -> list[str]:
    value = mute.get(key) or []
    if not isinstance(value, list):
        raise _NotTranslatableError(f"{key} is not a list")
    return list(map(str, value))


def _part(text: str) -> str:
    """Return a pattern over the whole name for one that Prowler looks for anywhere in it."""
    if not set(text) & _MAGIC:
        return f"*{text}*"
    return f"regex:.*(?:{_expression('.*' + text[1:] if text.startswith('*') else text, text)}).*"


def _expression(regex: str, text: str) -> str:
    try:
        re.compile(regex)
    except re.error as error:
        raise _NotTranslatableError(f"{text!r} is not a regular expression ({error})") from error
    return regex


def _tag(text: str) -> tuple[str, str]:
    """Return key and pattern of `key=value` or `key=this|key=that`; raises _NotTranslatableError for another form."""
    pairs = [alternative.partition("=") for alternative in text.split("|")]
    keys = {key for key, _, _ in pairs}
    if len(keys) != 1 or not all(equals for _, equals, _ in pairs) or set(*keys) & _MAGIC:
        raise _NotTranslatableError(f"the tags {text!r} are not of one key and its values")
    values = [value for _, _, value in pairs]
    (key,) = keys
    if values == ["*"]:
        return key, "*"
    if len(values) == 1 and not set(values[0]) & _MAGIC:
        return key, values[0]
    return key, f"regex:{_expression('|'.join(values), text)}"
