"""Brings an edited workbook into the register: merged, checked by the rules of an entry's life, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from orgaudit.model import EntryState
from orgaudit.register import lifecycle
from orgaudit.register.entries import KINDS, EventType
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.names import KnownNames
from orgaudit.register.state import state_of
from orgaudit.register.validity import too_long, wrong_in
from orgaudit.register.workbook.columns import (
    DECISION,
    EXCEPTIONS,
    SET_STATE,
    TABLES,
    WHY,
    SectionSheet,
)
from orgaudit.register.workbook.decisions import MADE, DecisionError, check_decision, decided
from orgaudit.register.workbook.edits import RowEdits
from orgaudit.register.workbook.read import EditedRow, EditedWorkbook
from orgaudit.settings.documents import Problem, error_of
from orgaudit.settings.syntax import KeyPath

IN_THE_WORKBOOK = "edited in the workbook"


class Outcome(msgspec.Struct, frozen=True):
    """What the workbook brought: ids that were added, and the keys or states that changed by id.

    `warnings` are sentences on what could not be checked.
    """

    added: list[str] = []
    changed: dict[str, list[str]] = {}
    warnings: list[str] = []


@dataclass(frozen=True, slots=True)
class Rules:
    """Who imports, on which day, the longest life that policy allows for an exception's data, and the known names."""

    by: str
    on: date
    longest_days: Callable[[Mapping[str, Any]], int]
    names: KnownNames


def bring(book: EditedWorkbook, ledger: RegisterEditor, rules: Rules) -> Outcome:
    """Put the workbook's edits and decisions into the ledger, which is not saved yet.

    Raises ConfigError with every conflict and problem by sheet and cell; the ledger must not be saved then.
    """
    outcome = Outcome([], {}, [])
    problems: list[Problem] = []
    for table in TABLES:
        bringer = _Bringer(table, book, ledger, rules)
        bringer.bring(outcome)
        problems += bringer.edits.problems
        outcome.warnings.extend(bringer.edits.warnings)
    if problems:
        raise error_of(problems)
    return outcome


class _Bringer:
    """Brings one sheet; `edits` collects the problems with it, and what could not be checked."""

    def __init__(self, table: SectionSheet, book: EditedWorkbook, ledger: RegisterEditor, rules: Rules) -> None:
        self.edits = RowEdits(table, book.file, rules.names)
        self._table, self._book, self._ledger = table, book, ledger
        self._kind = KINDS[table.section]
        self._rules, self._by, self._on = rules, rules.by, rules.on

    def bring(self, outcome: Outcome) -> None:
        section = self._table.section
        lines = self._book.lines[section]
        base = self._book.base.get(section, {})
        # a row as it was written brings nothing, whatever the register says by now
        known = {line.id: line for line in lines if line.id is not None and line.texts != base[line.id]}
        ours = {name: self._ledger.entry(name, section) for name in self._ledger.ids(section) if name in known}
        edits = self.edits.merged(base, known, ours)
        for name, line in known.items():
            asked = [key for key in (SET_STATE, DECISION) if key in line.texts]
            if name not in ours:
                for key in asked:
                    self.edits.problem(line, key, f"the register has no entry {name} now", "clear it, or export anew")
                continue
            if name not in edits and not asked and WHY not in line.texts:
                continue
            if DECISION in line.texts:
                done = self._decide(line, ours[name], base[name], is_edited=name in edits)
            else:
                done = self._change(line, ours[name], edits.get(name, {}))
            if done:
                outcome.changed[name] = done
        for line in lines:
            if line.id is None and (added := self._add(line)) is not None:
                outcome.added.append(added)

    def _change(self, line: EditedRow, old: dict[str, Any], texts: Mapping[str, str]) -> list[str]:
        """Put one row's edits and wishes into the ledger and return what changed."""
        entry, done = old, []
        wish, why = line.texts.get(SET_STATE, ""), line.texts.get(WHY, "")
        if wish and (wish not in {"pending", "revoked"} or not why):
            self._wish_problem(line, wish)
            return []
        try:
            if wish == "pending" and self._closed(old):
                entry, wish = self._requested(entry, why), ""
                done.append("pending")
            if texts and (after := self._edited(line, entry, texts, why)) != entry:
                entry = after
                done += texts
            if wish == "revoked":
                entry = self._step(entry, lifecycle.revoked(self._kind, entry, self._by_whom(why)))
                done.append(wish)
            elif wish == "pending" and not entry.get("requested_by"):
                entry = self._requested(entry, why)
                done.append(wish)
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            named = (key for key in texts if key.partition(".")[0] in message)
            where = SET_STATE if line.texts.get(SET_STATE) else next(named, next(iter(texts), "id"))
            self.edits.problem(line, where, message, remedy)
            return []
        return done

    def _requested(self, entry: dict[str, Any], why: str) -> dict[str, Any]:
        longest = self._longest(entry)
        return self._step(entry, lifecycle.requested(self._kind, entry, self._by_whom(why), longest_days=longest))

    def _longest(self, entry: Mapping[str, Any]) -> int | None:
        """Return the longest life of an entry where it must be approved; its scope may still be wrong."""
        if self._kind.needs_approval and not list(self._wrong(entry)):
            return self._rules.longest_days(entry)
        return None

    def _decide(self, line: EditedRow, entry: dict[str, Any], base: Mapping[str, str], *, is_edited: bool) -> list[str]:
        """Put an approver's decision into the ledger and return what it made of the entry."""
        problems = [message for _, message, _ in self._wrong(entry)]
        try:
            check_decision(line, base, problems, is_edited=is_edited)
            step = self._by_whom(line.texts[WHY])
            change = decided(
                self._table,
                line,
                entry,
                base,
                step,
                longest_days=self._longest(entry),
                meanings=self._rules.names.meanings,
            )
        except DecisionError as error:
            self.edits.problem(line, error.key, error.message, error.remedy)
            return []
        if change is None:
            return []
        self._step(entry, change)
        return [MADE[line.texts[DECISION]]]

    def _edited(self, line: EditedRow, old: dict[str, Any], texts: Mapping[str, str], why: str) -> dict[str, Any]:
        new = _with_texts(self._table, old, texts)
        before = list(self._wrong(old))
        after = [each for each in self._wrong(self._unapproved(new)) if each not in before]
        if before:
            after += self._too_long(new)
        for path, message, remedy in after:
            self.edits.problem_at(line, path, message, remedy)
        if after:
            return old
        step = self._by_whom(why or IN_THE_WORKBOOK)
        if before:
            return self._step(old, lifecycle.corrected(self._kind, old, new, step))
        keys = {self._table.column(key).path[0] for key in texts}
        longest = self._longest(self._unapproved(new)) if keys & self._kind.substance else None
        return self._step(old, lifecycle.edited(self._kind, old, new, step, longest_days=longest))

    def _wrong(self, entry: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
        return wrong_in(self._kind.model_of(entry), entry)

    def _too_long(self, entry: dict[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
        """Yield why a requested exception could not be approved on this day, where that is its length."""
        asked = self._unapproved(entry)
        if (longest := self._longest(asked)) is not None:
            found = self._kind.model_of(asked).model_validate(asked)
            yield from ((("expires_on",), *words) for words in too_long(found, longest, self._on))

    def _add(self, line: EditedRow) -> str | None:
        """Add a row without an id as a new entry and return its id; None where something is wrong with it."""
        section, known = self._table.section, len(self.edits.problems)
        texts = self.edits.texts(line, {})
        wish, why = line.texts.get(SET_STATE, ""), line.texts.get(WHY, "")
        if wish and (wish != "pending" or not why):
            self._wish_problem(line, wish)
        if DECISION in line.texts:
            self.edits.problem(line, DECISION, "a new entry cannot be decided about", "clear it, and import first")
        if not any(texts.values()):
            self.edits.problem(line, "id", "this row says nothing of an entry", "fill it in, or clear it")
        name = self._ledger.next_id(self._on.year, section)
        entry = _with_texts(self._table, {"id": name}, texts)
        if wish == "pending":
            entry.setdefault("requested_by", self._by)
            entry.setdefault("starts_on", self._on)
        if len(self.edits.problems) == known:
            for path, message, remedy in (*self._wrong(entry), *self._too_long(entry)):
                self.edits.problem_at(line, path, message, remedy)
        if len(self.edits.problems) > known:
            return None
        what = EventType.REQUESTED if entry.get("requested_by") else EventType.CREATED
        event = lifecycle.event(entry, what, self._by_whom(why or "added in the workbook"))
        self._ledger.add({**entry, "history": [event]}, section)
        return name

    def _step(self, entry: dict[str, Any], change: EntryChange) -> dict[str, Any]:
        section, name = self._table.section, str(entry["id"])
        if change.changes:
            self._ledger.set(name, change.changes, section)
        if change.event:
            self._ledger.note(name, change.event, section)
        return self._ledger.entry(name, section)

    def _by_whom(self, why: str) -> Step:
        return Step(self._by, self._on, why)

    def _closed(self, entry: Mapping[str, Any]) -> bool:
        if list(self._wrong(entry)):
            return False
        state = state_of(self._kind.model_of(entry).model_validate(entry), self._on, 0)
        return state in {EntryState.REJECTED, EntryState.REVOKED}

    def _unapproved(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return an exception as it will be judged: an edit is not held against the approval that it asks to change."""
        if self._table is not EXCEPTIONS or not entry.get("requested_by"):
            return entry
        return {key: value for key, value in entry.items() if key not in {"approved_by", "approved_on", "amendment"}}

    def _wish_problem(self, line: EditedRow, wish: str) -> None:
        if wish not in {"pending", "revoked"}:
            self.edits.problem(
                line, SET_STATE, f"{wish!r} is not a state that a workbook sets", "choose pending or revoked"
            )
        elif line.id is None and wish != "pending":
            self.edits.problem(line, SET_STATE, "a new entry cannot be revoked", "clear it, or choose pending")
        else:
            self.edits.problem(line, WHY, f"{wish} needs a reason", "say why in this cell")


def _with_texts(table: SectionSheet, entry: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return an entry with the values of some texts; an empty text leaves its key out."""
    new = dict(entry)
    for key, text in texts.items():
        column = table.column(key)
        if column.path:
            value = column.form.parse(text) if text else None
            new = _put(new, column.path, value)
    return new


def _put(data: Mapping[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a copy with a value at a path; None removes the key, and a part that is empty then goes with it."""
    key, *rest = path
    inner = data.get(key)
    if rest:
        value = _put(inner if isinstance(inner, Mapping) else {}, tuple(rest), value) or None
    if value is None:
        return {name: kept for name, kept in data.items() if name != key}
    return {**data, key: value}
