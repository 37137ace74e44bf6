"""Brings an edited workbook into the register: merged, checked by the rules of an entry's life, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from orgaudit.model import EntryState
from orgaudit.register import lifecycle
from orgaudit.register.attestations import Attestation
from orgaudit.register.edit import Ledger
from orgaudit.register.entries import Action, Draft, Entry, Event
from orgaudit.register.lifecycle import Change
from orgaudit.register.state import state_of
from orgaudit.register.workbook.columns import EXCEPTIONS, ROW_ID, SET_STATE, TABLES, WHY, Field, SectionSheet
from orgaudit.register.workbook.merge import Conflict, Entries, merge
from orgaudit.register.workbook.read import EditedRow, EditedWorkbook
from orgaudit.settings.documents import Problem, error_of, explain
from orgaudit.settings.sections import RegisterSettings
from orgaudit.settings.syntax import KeyPath
from orgaudit.spreadsheet.text import fitted

IN_THE_WORKBOOK = "edited in the workbook"
_REQUESTS = (SET_STATE, WHY)
_ATTESTED = frozenset({"requirement", "status", "accounts", "ous", "broad", "evidence", "expires_on"})
"""What is attested: who changes any of it becomes who attests."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the workbook brought: ids that were added, and the keys or states that changed by id."""

    added: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)


def bring(workbook: EditedWorkbook, ledger: Ledger, *, by: str, on: date, policy: RegisterSettings) -> Outcome:
    """Put the workbook's edits into the ledger, which is not saved yet.

    Raises ConfigError with every conflict and problem by sheet and cell; the ledger must not be saved then.
    """
    outcome = Outcome()
    problems: list[Problem] = []
    for table in TABLES:
        sheet = _SheetImport(table=table, workbook=workbook, ledger=ledger, by=by, on=on, policy=policy)
        sheet.bring(outcome)
        problems += sheet.problems
    if problems:
        raise error_of(problems)
    return outcome


@dataclass(slots=True, kw_only=True)
class _SheetImport:
    """The import of one sheet; `problems` are what stands against it."""

    table: SectionSheet
    workbook: EditedWorkbook
    ledger: Ledger
    by: str
    on: date
    policy: RegisterSettings
    problems: list[Problem] = field(default_factory=list)

    def bring(self, outcome: Outcome) -> None:
        section = self.table.section
        rows = self.workbook.rows[section]
        base = self.workbook.base.get(section, {})
        # a row as it was written brings nothing, whatever the register holds by now
        known = {row.id: row for row in rows if row.id is not None and row.texts != base[row.id]}
        ours = {name: self.ledger.entry(name, section) for name in self.ledger.ids(section) if name in known}
        edits = self._merged(base, known, ours)
        for name, row in known.items():
            requests = name in ours and (name in edits or row.texts.keys() & set(_REQUESTS))
            if requests and (done := self._change(row, ours[name], edits.get(name, {}))):
                outcome.changed[name] = done
        for row in rows:
            if row.id is None and (added := self._add(row)) is not None:
                outcome.added.append(added)

    def _merged(
        self, base: Entries, known: Mapping[str, EditedRow], ours: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, str]]:
        """Return the edits of fields by id, each in the form that the register's own text has."""
        theirs = {name: self._canonical(row, base[name]) for name, row in known.items()}
        whole = {name: self.table.texts(entry) for name, entry in ours.items()}
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
        """Return the texts of all fields as cells hold them; what is computed is not a field."""
        return {column.key: fitted(texts.get(column.key, "")) for column in self.table.columns if column.path}

    def _canonical(self, row: EditedRow, base: Mapping[str, str]) -> dict[str, str]:
        """Return a row's texts, edited ones as the register would write them; what cannot be is a problem."""
        texts = {}
        for column in self.table.columns:
            now, was = row.texts.get(column.key, ""), base.get(column.key, "")
            if column.key in {*_REQUESTS, ROW_ID, "id"}:
                continue
            if now == was:
                texts[column.key] = was
            elif not column.editable:
                texts[column.key] = was
                self._problem(
                    row, column.key, f"{column.title} cannot be changed here", f"write {was!r} back. {column.help}"
                )
            else:
                texts[column.key] = self._reparsed(row, column, now, was)
        return texts

    def _reparsed(self, row: EditedRow, column: Field, now: str, was: str) -> str:
        try:
            value = column.form.parse(now) if now else None
        except ValueError as error:
            self._problem(row, column.key, str(error))
            return was
        return "" if value is None else column.form.write(value)

    def _change(self, row: EditedRow, old: dict[str, Any], texts: Mapping[str, str]) -> list[str]:
        """Put one row's edits and requests into the ledger and return what changed."""
        entry, done = old, []
        request, why = row.texts.get(SET_STATE, ""), row.texts.get(WHY, "")
        if request and (request not in {"pending", "revoked"} or not why):
            self._request_problem(row, request)
            return []
        try:
            if request == "pending" and self._closed(old):
                entry, request = self._step(entry, lifecycle.requested(entry, self.by, self.on, why)), ""
                done.append("pending")
            if texts:
                entry = self._edited(row, entry, texts, why)
                done += texts
            if request == "revoked":
                entry = self._step(entry, lifecycle.revoked(entry, self.by, self.on, why))
                done.append(request)
            elif request == "pending" and not entry.get("requested_by"):
                entry = self._step(entry, lifecycle.requested(entry, self.by, self.on, why))
                done.append(request)
        except ValueError as error:
            self._problem(row, SET_STATE if row.texts.get(SET_STATE) else next(iter(texts), "id"), str(error))
            return []
        return done

    def _edited(self, row: EditedRow, old: dict[str, Any], texts: Mapping[str, str], why: str) -> dict[str, Any]:
        new = _with_texts(self.table, old, texts)
        before = self._wrong(old)
        if self._explain(row, [each for each in self._wrong(self._unapproved(new)) if each not in before]):
            return old
        why = why or IN_THE_WORKBOOK
        if self.table is EXCEPTIONS and not before:
            return self._step(old, lifecycle.edited(old, new, self.by, self.on, why))
        changes = {key: new.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
        if self.table is not EXCEPTIONS and _ATTESTED & changes.keys():
            changes = {"attested_by": self.by, "attested_on": self.on} | changes
        if self.table is EXCEPTIONS and lifecycle.APPROVED_FIELDS & changes.keys():
            changes |= {key: None for key in ("approved_by", "approved_on") if key in old}
        event = self._event(Action.CHANGED, f"{', '.join(sorted(changes))}: {why}")
        return self._step(old, Change(changes, event))

    def _add(self, row: EditedRow) -> str | None:
        """Add a row without an id as a new entry and return its id; None where something is wrong with it."""
        section, known = self.table.section, len(self.problems)
        texts = self._canonical(row, {})
        request, why = row.texts.get(SET_STATE, ""), row.texts.get(WHY, "")
        if request and (request != "pending" or not why):
            self._request_problem(row, request)
        if not any(texts.values()):
            self._problem(row, "id", "this row holds nothing of an entry", "fill it in, or clear it")
        name = self.ledger.next_id(self.on.year, section)
        entry = _with_texts(self.table, {"id": name}, texts)
        if request == "pending":
            entry.setdefault("requested_by", self.by)
        if len(self.problems) == known:
            self._explain(row, self._wrong(entry))
        if len(self.problems) > known:
            return None
        what = Action.REQUESTED if entry.get("requested_by") else Action.CREATED
        self.ledger.add({**entry, "history": [self._event(what, why or "added in the workbook")]}, section)
        return name

    def _step(self, entry: dict[str, Any], change: Change) -> dict[str, Any]:
        section, name = self.table.section, str(entry["id"])
        if change.changes:
            self.ledger.set(name, change.changes, section)
        if change.event:
            self.ledger.note(name, change.event, section)
        return self.ledger.entry(name, section)

    def _event(self, what: Action, why: str) -> dict[str, Any]:
        event = {"when": self.on, "who": self.by, "what": what.value, "why": why}
        Event.model_validate(event)
        return event

    def _closed(self, entry: Mapping[str, Any]) -> bool:
        if self._wrong(entry):
            return False
        state = state_of(_model(self.table, entry).model_validate(entry), self.on, 0)  # type: ignore[arg-type]  # a Draft: only exceptions have requests
        return state in {EntryState.REJECTED, EntryState.REVOKED}

    def _unapproved(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return an exception as it will be judged: an edit is not held against the approval that it ends."""
        if self.table is not EXCEPTIONS or not entry.get("requested_by"):
            return entry
        return {key: value for key, value in entry.items() if key not in {"approved_by", "approved_on"}}

    def _request_problem(self, row: EditedRow, request: str) -> None:
        if request not in {"pending", "revoked"}:
            self._problem(row, SET_STATE, f"{request!r} is not a state to set here", "choose pending or revoked")
        elif row.id is None and request != "pending":
            self._problem(row, SET_STATE, "a new entry cannot be revoked", "clear it, or choose pending")
        else:
            self._problem(row, WHY, f"{request} needs a reason", "give the reason in this cell")

    def _conflict(self, row: EditedRow, conflict: Conflict) -> None:
        register = f"the register has {conflict.ours!r}, and at the export it was {conflict.base!r}"
        if conflict.ours is None:
            register = "the register no longer has such an entry"
        title = self.table.column(conflict.field).title
        message = f"{conflict.id} {title}: the workbook has {conflict.theirs!r}, {register}"
        choose = "choose one, write it into the workbook or the register, and import again"
        self._problem(row, conflict.field, message, choose)

    def _wrong(self, entry: Mapping[str, Any]) -> list[tuple[KeyPath, str, str]]:
        """Return what is wrong in an entry: the path, the message and the remedy."""
        return list(_wrong(self.table, entry, self.policy, self.on))

    def _explain(self, row: EditedRow, wrong: list[tuple[KeyPath, str, str]]) -> bool:
        """Add a problem for each thing that is wrong; return whether there is any."""
        for path, message, mend in wrong:
            self._problem(row, _key_at(self.table, row, path), message, mend)
        return bool(wrong)

    def _problem(self, row: EditedRow, key: str, message: str, mend: str = "") -> None:
        self.problems.append(Problem(file=self.workbook.file, key=row.place(key), message=message, mend=mend))


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


def _model(table: SectionSheet, entry: Mapping[str, Any]) -> type[BaseModel]:
    if table is not EXCEPTIONS:
        return Attestation
    return Entry if any(entry.get(key) for key in ("requested_by", "approved_by", "approved_on")) else Draft


def _wrong(
    table: SectionSheet, entry: Mapping[str, Any], policy: RegisterSettings, on: date
) -> Iterator[tuple[KeyPath, str, str]]:
    model = _model(table, entry)
    try:
        found = model.model_validate(entry)
    except ValidationError as error:
        yield from explain(error, model, dict(entry))
        return
    longest = max(days for _, days in policy.longest_days)
    if isinstance(found, Entry):
        begins = found.valid_from if found.approved_by else max(found.starts_on, on)
        if (days := (found.expires_on - begins).days) > longest:
            yield (
                ("expires_on",),
                f"would be in force for {days} days, and no severity allows more than {longest}",
                "end it earlier",
            )


def _key_at(table: SectionSheet, row: EditedRow, path: KeyPath) -> str:
    """Return the column whose cell is nearest to a place in an entry."""
    names = tuple(part for part in path if isinstance(part, str))
    for length in range(len(names), 0, -1):
        for column in table.columns:
            if column.path[:length] == names[:length] and column.key in row.cells:
                return column.key
    return "id"
