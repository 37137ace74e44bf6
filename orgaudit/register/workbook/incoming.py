"""Brings an edited workbook into the register: merged, checked by the rules of an entry's life, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec
from pydantic import ValidationError

from orgaudit.model import EntryState
from orgaudit.register import lifecycle
from orgaudit.register.entries import KINDS, EventType, ExceptionEntry, HistoryEvent
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.names import KnownNames
from orgaudit.register.state import state_of
from orgaudit.register.workbook.cell_names import checked
from orgaudit.register.workbook.columns import (
    DECISION,
    EXCEPTIONS,
    ROW_ID,
    SET_STATE,
    TABLES,
    WHY,
    Field,
    SectionSheet,
)
from orgaudit.register.workbook.decisions import MADE, DecisionError, check_decision, decided
from orgaudit.register.workbook.merge import Conflict, Entries, merge
from orgaudit.register.workbook.read import EditedRow, EditedWorkbook
from orgaudit.settings.documents import Problem, error_of, explain
from orgaudit.settings.syntax import KeyPath
from orgaudit.spreadsheet.text import fitted

IN_THE_WORKBOOK = "edited in the workbook"
_ASKED = (SET_STATE, DECISION, WHY)


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
        problems += bringer.problems
        outcome.warnings.extend(bringer.warnings)
    if problems:
        raise error_of(problems)
    return outcome


class _Bringer:
    """Brings one sheet; `problems` grows with what stands against it, `warnings` with what could not be checked."""

    def __init__(self, table: SectionSheet, book: EditedWorkbook, ledger: RegisterEditor, rules: Rules) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._table, self._book, self._ledger = table, book, ledger
        self._kind = KINDS[table.section]
        self._rules, self._by, self._on, self._names = rules, rules.by, rules.on, rules.names

    def bring(self, outcome: Outcome) -> None:
        section = self._table.section
        lines = self._book.lines[section]
        base = self._book.base.get(section, {})
        # a row as it was written brings nothing, whatever the register says by now
        known = {line.id: line for line in lines if line.id is not None and line.texts != base[line.id]}
        ours = {name: self._ledger.entry(name, section) for name in self._ledger.ids(section) if name in known}
        edits = self._merged(base, known, ours)
        for name, line in known.items():
            asked = [key for key in (SET_STATE, DECISION) if key in line.texts]
            if name not in ours:
                for key in asked:
                    self._problem(line, key, f"the register has no entry {name} now", "clear it, or export anew")
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

    def _merged(
        self, base: Entries, known: Mapping[str, EditedRow], ours: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, str]]:
        """Return the edits of fields by id, each in the form that the register's own text has."""
        theirs = {name: self._canonical(line, base[name]) for name, line in known.items()}
        whole = {name: self._table.texts(entry) for name, entry in ours.items()}
        current = {name: {**base[name], **self._fields(texts)} for name, texts in whole.items()}
        merged = merge(base, theirs, current)
        for conflict in merged.conflicts:
            self._conflict(known[conflict.id], conflict)
        for name, fields in merged.edits.items():
            for key in fields:
                if fitted(text := whole[name].get(key, "")) != text:
                    message = "the register holds more here than a cell can"
                    self._problem(known[name], key, message, "undo the edit, and edit the register's file")
        return merged.edits

    def _fields(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return the texts of all fields as cells hold them; computed columns are not fields."""
        return {column.key: fitted(texts.get(column.key, "")) for column in self._table.columns if column.path}

    def _canonical(self, line: EditedRow, base: Mapping[str, str]) -> dict[str, str]:
        """Return a row's texts, edited ones as the register would write them; what cannot be is a problem."""
        texts = {}
        for column in self._table.columns:
            now, was = line.texts.get(column.key, ""), base.get(column.key, "")
            if column.key in {*_ASKED, ROW_ID, "id"}:
                continue
            if now == was:
                texts[column.key] = was
            elif not column.editable:
                texts[column.key] = was
                self._problem(
                    line, column.key, f"{column.title} cannot be changed here", f"write {was!r} back. {column.help}"
                )
            else:
                texts[column.key] = self._reparsed(line, column, now, was)
        return texts

    def _reparsed(self, line: EditedRow, column: Field, now: str, was: str) -> str:
        try:
            value = column.form.parse(now) if now else None
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            self._problem(line, column.key, message, remedy)
            return was
        value, found = checked(self._names, column, value, was)
        self.warnings += found.warnings
        for problem in found.problems:
            self._problem(line, column.key, problem.message, problem.remedy)
        return was if found.problems else "" if value is None else column.form.write(value)

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
            self._problem(line, where, message, remedy)
            return []
        return done

    def _requested(self, entry: dict[str, Any], why: str) -> dict[str, Any]:
        longest = self._longest(entry)
        return self._step(entry, lifecycle.requested(self._kind, entry, self._by_whom(why), longest_days=longest))

    def _longest(self, entry: Mapping[str, Any]) -> int | None:
        """Return the longest life of an entry where it must be approved; its scope may still be wrong."""
        if self._kind.needs_approval and not list(_wrong(self._table, entry)):
            return self._rules.longest_days(entry)
        return None

    def _decide(self, line: EditedRow, entry: dict[str, Any], base: Mapping[str, str], *, is_edited: bool) -> list[str]:
        """Put an approver's decision into the ledger and return what it made of the entry."""
        problems = [message for _, message, _ in _wrong(self._table, entry)]
        try:
            check_decision(line, base, problems, is_edited=is_edited)
            step = self._by_whom(line.texts[WHY])
            change = decided(self._table, line, entry, base, step, longest_days=self._longest(entry))
        except DecisionError as error:
            self._problem(line, error.key, error.message, error.remedy)
            return []
        if change is None:
            return []
        self._step(entry, change)
        return [MADE[line.texts[DECISION]]]

    def _edited(self, line: EditedRow, old: dict[str, Any], texts: Mapping[str, str], why: str) -> dict[str, Any]:
        new = _with_texts(self._table, old, texts)
        before = list(_wrong(self._table, old))
        after = [each for each in _wrong(self._table, self._unapproved(new)) if each not in before]
        if before:
            after += self._too_long(new)
        for path, message, remedy in after:
            self._problem(line, _key_at(self._table, line, path), message, remedy)
        if after:
            return old
        why = why or IN_THE_WORKBOOK
        if not before:
            keys = {self._table.column(key).path[0] for key in texts}
            longest = self._longest(self._unapproved(new)) if keys & self._kind.substance else None
            return self._step(old, lifecycle.edited(self._kind, old, new, self._by_whom(why), longest_days=longest))
        changes = {key: new.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
        if self._kind.substance & changes.keys():
            signed = self._kind.signed(old, self._by, self._on)
            changes = {key: value for key, value in signed.items() if key != "requested_by"} | changes
        event = self._event(EventType.CHANGED, f"{', '.join(sorted(changes))}: {why}")
        return self._step(old, EntryChange(changes, event))

    def _too_long(self, entry: dict[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
        """Yield why a requested exception could not be approved on this day, where that is its length."""
        asked = self._unapproved(entry)
        if (longest := self._longest(asked)) is None or not isinstance(
            found := self._kind.model_of(asked).model_validate(asked), ExceptionEntry
        ):
            return
        begins = max(found.starts_on, self._on)
        if (days := (found.expires_on - begins).days) > longest:
            message = f"would live {days} days, and policy allows {longest} for what it covers"
            yield ("expires_on",), message, f"set {begins + timedelta(longest)} or an earlier date"

    def _add(self, line: EditedRow) -> str | None:
        """Add a row without an id as a new entry and return its id; None where something is wrong with it."""
        section, known = self._table.section, len(self.problems)
        texts = self._canonical(line, {})
        wish, why = line.texts.get(SET_STATE, ""), line.texts.get(WHY, "")
        if wish and (wish != "pending" or not why):
            self._wish_problem(line, wish)
        if DECISION in line.texts:
            self._problem(line, DECISION, "a new entry cannot be decided about", "clear it, and import first")
        if not any(texts.values()):
            self._problem(line, "id", "this row says nothing of an entry", "fill it in, or clear it")
        name = self._ledger.next_id(self._on.year, section)
        entry = _with_texts(self._table, {"id": name}, texts)
        if wish == "pending":
            entry.setdefault("requested_by", self._by)
            entry.setdefault("starts_on", self._on)
        if len(self.problems) == known:
            for path, message, remedy in (*_wrong(self._table, entry), *self._too_long(entry)):
                self._problem(line, _key_at(self._table, line, path), message, remedy)
        if len(self.problems) > known:
            return None
        what = EventType.REQUESTED if entry.get("requested_by") else EventType.CREATED
        self._ledger.add({**entry, "history": [self._event(what, why or "added in the workbook")]}, section)
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

    def _event(self, what: EventType, why: str) -> dict[str, Any]:
        event = {"when": self._on, "who": self._by, "what": what.value, "why": why}
        HistoryEvent.model_validate(event)
        return event

    def _closed(self, entry: Mapping[str, Any]) -> bool:
        if list(_wrong(self._table, entry)):
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
            self._problem(line, SET_STATE, f"{wish!r} is not a state that a workbook sets", "choose pending or revoked")
        elif line.id is None and wish != "pending":
            self._problem(line, SET_STATE, "a new entry cannot be revoked", "clear it, or choose pending")
        else:
            self._problem(line, WHY, f"{wish} needs a reason", "say why in this cell")

    def _conflict(self, line: EditedRow, conflict: Conflict) -> None:
        title = self._table.column(conflict.field).title
        was = f"at the export it was {conflict.base!r}"
        if conflict.ours is None:
            message = (
                f"{conflict.id} {title}: the workbook says {conflict.theirs!r}, and the register has no such entry now"
            )
        else:
            message = (
                f"{conflict.id} {title}: the workbook says {conflict.theirs!r}, the register says {conflict.ours!r}, "
                f"and {was}"
            )
        self._problem(
            line,
            conflict.field,
            message,
            "decide for one, write it into the workbook or the register, and import again",
        )

    def _problem(self, line: EditedRow, key: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(file=self._book.file, key=line.place(key), message=message, remedy=remedy))


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


def _wrong(table: SectionSheet, entry: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield what is wrong in an entry: the path, the message and the remedy."""
    model = KINDS[table.section].model_of(entry)
    try:
        model.model_validate(entry)
    except ValidationError as error:
        yield from explain(error, model, dict(entry))


def _key_at(table: SectionSheet, line: EditedRow, path: KeyPath) -> str:
    """Return the column whose cell is nearest to a place in an entry."""
    names = tuple(part for part in path if isinstance(part, str))
    for length in range(len(names), 0, -1):
        for column in table.columns:
            if column.path[:length] == names[:length] and column.key in line.cells:
                return column.key
    return "id"
