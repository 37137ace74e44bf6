"""Random lives of entries: whatever people do in whatever order, nothing is lost and what was approved stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from orgaudit.errors import ConfigError
from orgaudit.register import lifecycle
from orgaudit.register.entries import EXCEPTIONS
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import load_register
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.state import longest_life, state_of
from orgaudit.register.workbook import export, incoming
from orgaudit.register.workbook.incoming import Rules
from orgaudit.register.workbook.read import read
from orgaudit.settings.sections import RegisterSettings
from tests.register.making import fields
from tests.register.test_register_workbook import NAMES, edited, put

POLICY = RegisterSettings()
LONGEST = longest_life(POLICY)
FIRST = date(2026, 1, 1)
PEOPLE = ("ana@example.com", "jo@example.com", "Kim <kim@example.com>")
ASKING = {"request", "renew", "amend"}
"""What asks for more, and so never takes anything away."""

Action: TypeAlias = tuple[str, int, int, int, int]
"""What is done, to which entry, by whom, how many days later, and a number that decides the rest."""


@dataclass
class Desk:
    """A register file and what its entries promise: how long each stays in force, unless somebody shortens it."""

    path: Path
    on: date = FIRST
    promised: dict[str, date] = field(default_factory=dict)
    histories: dict[str, list[Any]] = field(default_factory=dict)

    def take(self, action: Action) -> None:
        verb, which, who, later, number = action
        self.on += timedelta(later)
        self.hold()
        editor = RegisterEditor.open(self.path)
        ids, step = editor.ids(), Step(PEOPLE[who], self.on, "why")
        if verb == "add" or not ids:
            self._add(editor, step, number)
            return
        name = ids[which % len(ids)]
        before = editor.entry(name)
        try:
            if verb == "workbook":
                verb = _in_the_workbook(self.path, name, step, number)
            else:
                _taken(editor, STEPS[verb](before, step, number), name)
        except (ValueError, ConfigError):
            event(f"{verb} refused")
            return
        event(verb)
        self._check(name, verb, before)

    def _add(self, editor: RegisterEditor, step: Step, number: int) -> None:
        draft = {"id": editor.next_id(step.on.year), **_complete(step.on, number)}
        begin = lifecycle.created if number % 2 else lifecycle.requested
        try:
            change = begin(EXCEPTIONS, draft, step, longest_days=LONGEST)
        except ValueError:
            return
        editor.add({**draft, **change.changes, "history": [change.event]})
        editor.save()
        event("add")

    def _check(self, name: str, verb: str, before: dict[str, Any]) -> None:
        after = RegisterEditor.open(self.path).entry(name)
        if verb in ASKING and before.get("approved_by") and not _closed(before, self.on):
            for key in ("approved_by", "approved_on", "scope", "starts_on"):
                assert after.get(key) == before.get(key), f"{verb} took {key} away"
            assert verb == "amend" or after["expires_on"] == before["expires_on"]
        if verb == "revoke":
            self.promised.pop(name, None)
        elif name in self.promised and verb in {"amend", "shorten"}:
            self.promised[name] = min(self.promised[name], _day(after["expires_on"]))

    def _entries(self) -> dict[str, dict[str, Any]]:
        """Return the entries by id as another reader of YAML sees them, which is faster than the register's own."""
        text = self.path.read_text() if self.path.exists() else ""
        found = yaml.load(text, Loader=yaml.CSafeLoader) or {}
        return {each["id"]: each for each in found.get("exceptions") or ()}

    def hold(self) -> None:
        """Assert on the day that it is what holds on any day."""
        register = load_register(self.path, POLICY, must_exist=False)
        assert register.problems() == []
        entries = self._entries()
        assert list(entries)[: len(self.histories)] == list(self.histories), "an entry is lost"
        for entry in register.entries(EXCEPTIONS):
            history = entries[entry.id].get("history") or []
            assert history[: len(self.histories.get(entry.id, []))] == self.histories.get(entry.id, []), (
                "history is lost"
            )
            self.histories[entry.id] = history
            state = state_of(entry, self.on, POLICY.expiring_days)
            if self.on <= self.promised.get(entry.id, date.min):
                assert state.covers, f"{entry.id} is {state} on {self.on}, before {self.promised[entry.id]}"
            if state.covers:
                self.promised[entry.id] = entry.last_day(self.on)  # type: ignore[union-attr, assignment]


def _taken(editor: RegisterEditor, change: EntryChange, name: str) -> None:
    editor.set(name, change.changes)
    if change.event:
        editor.note(name, change.event)
    editor.save()


def _in_the_workbook(path: Path, name: str, step: Step, number: int) -> str:
    """Edit an entry in an exported workbook, import that, and return what was done."""
    until = step.on + timedelta(number % 200)
    edits: list[tuple[str, dict[str, object]]] = [
        ("amend", {"Last day": until}),
        ("amend", {"Title": f"Title {number}", "Ticket": f"SEC-{number}"}),
        ("approve", {"Decision": "approve", "Why this change": "why"}),
        ("reject", {"Decision": "reject", "Why this change": "why"}),
        ("request", {"Set state": "pending", "Why this change": "why"}),
        ("revoke", {"Set state": "revoked", "Why this change": "why"}),
    ]
    verb, cells = edits[number % len(edits)]
    book = path.with_suffix(".xlsx")
    with book.open("wb") as file:
        export.write(file, RegisterEditor.open(path), {}, step.on)
    edited(book, lambda workbook: [put(workbook, name, title, value) for title, value in cells.items()])
    editor = RegisterEditor.open(path)
    incoming.bring(read(book), editor, Rules(step.by, step.on, lambda _: LONGEST, NAMES))
    editor.save()
    return verb


def _complete(on: date, number: int) -> dict[str, Any]:
    starts = on + timedelta(number % 20 - 5)
    unsigned = {"requested_by": None, "approved_by": None, "approved_on": None}
    return fields(id=None, starts_on=starts, expires_on=starts + timedelta(number % 400), **unsigned)


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _closed(entry: dict[str, Any], on: date) -> bool:
    return state_of(EXCEPTIONS.model_of(entry).model_validate(entry), on, 0) in {"rejected", "revoked"}


def _amend(entry: dict[str, Any], step: Step, number: int) -> EntryChange:
    """Return an edit, as the workbook's import makes it, of several keys at once."""
    edits: list[dict[str, Any]] = [
        {"title": f"Title {number}"},
        {"expires_on": _day(entry["expires_on"]) + timedelta(number % 90 - 30)},
        {"scope": {"controls": ["a_b"], "accounts": [f"{number:012}"]}},
        {"owner": PEOPLE[number % 3], "comments": f"Comment {number}"},
        {"starts_on": _day(entry["starts_on"]) + timedelta(number % 9 - 4)},
        {"ticket": f"SEC-{number}", "justification": "Other.", "expires_on": step.on + timedelta(number % 200)},
        {"requested_by": step.by},
    ]
    return lifecycle.edited(EXCEPTIONS, entry, entry | edits[number % len(edits)], step, longest_days=LONGEST)


def _shorten(entry: dict[str, Any], step: Step, number: int) -> EntryChange:
    """Return what somebody who opens the file in an editor does: an earlier last day, or a comment, without a word."""
    if number % 2 or _day(entry["expires_on"]) <= max(step.on, _day(entry["starts_on"])):
        return EntryChange({"comments": f"by hand {number}"})
    return EntryChange({"expires_on": max(step.on, _day(entry["starts_on"]))})


STEPS: dict[str, Callable[[dict[str, Any], Step, int], EntryChange]] = {
    "request": lambda entry, step, _: lifecycle.requested(EXCEPTIONS, entry, step, longest_days=LONGEST),
    "approve": lambda entry, step, _: lifecycle.approved(EXCEPTIONS, entry, step, longest_days=LONGEST),
    "reject": lambda entry, step, _: lifecycle.rejected(EXCEPTIONS, entry, step),
    "revoke": lambda entry, step, _: lifecycle.revoked(EXCEPTIONS, entry, step),
    "renew": lambda entry, step, number: lifecycle.renewed(
        EXCEPTIONS, entry, step.on + timedelta(number), step, longest_days=LONGEST
    ),
    "amend": _amend,
    "shorten": _shorten,
}
VERBS = (
    "add",
    "workbook",
    "request",
    "approve",
    "approve",
    "approve",
    "renew",
    "renew",
    "amend",
    "amend",
    "reject",
    "revoke",
    "shorten",
)
ACTIONS = st.tuples(
    st.sampled_from(VERBS), st.integers(0, 2), st.integers(0, 2), st.integers(0, 40), st.integers(0, 450)
)


@pytest.mark.parametrize("started", [False, True])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, min_size=4, max_size=16))
def test_what_was_approved_stands_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, actions: list[Action], *, started: bool
) -> None:
    desk = Desk(tmp_path_factory.mktemp("walk") / "exceptions.yaml")
    if started:  # half of the walks begin with an exception in force
        for action in (("add", 0, 0, 0, 98), ("approve", 0, 1, 0, 0)):
            desk.take(action)
        desk.on += timedelta(13)
        desk.hold()
        assert desk.promised
    for action in actions:
        desk.take(action)
    desk.on += timedelta(1)
    desk.hold()
