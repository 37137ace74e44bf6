"""An approver's decision in a row: whether it can be taken there, and what it changes in the entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orgaudit.model import EntryState
from orgaudit.register import lifecycle
from orgaudit.register.entries import KINDS, EventType
from orgaudit.register.lifecycle import EntryChange, Meanings, Step
from orgaudit.register.workbook.columns import DECISION, PENDING, SET_STATE, STATE, WHY, SectionSheet
from orgaudit.register.workbook.read import EditedRow
from orgaudit.settings.people import identity
from orgaudit.spreadsheet.text import fitted

MADE = {"approve": "approved", "reject": "rejected"}
"""What each decision makes of an entry."""

_EVENTS = {
    "approve": {EventType.APPROVED, EventType.RENEWED},
    "reject": {EventType.REJECTED, EventType.AMENDMENT_REJECTED},
}
"""The events that each decision may add to the history."""


class DecisionError(Exception):
    """Why a decision cannot be taken: the key of the column to change, the message and the remedy."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.key, self.message, self.remedy = key, message, remedy


def check_decision(line: EditedRow, base: Mapping[str, str], problems: Sequence[str], *, is_edited: bool) -> None:
    """Raise DecisionError where a decision cannot be taken in its row.

    `base` is what the row held at the export, `problems` what is wrong with the entry, and `is_edited` whether the row
    changes the entry too.
    """
    decision = line.texts[DECISION]
    if decision not in MADE:
        raise DecisionError(DECISION, f"{decision!r} is not a decision", "choose approve or reject, or clear it")
    if not line.texts.get(WHY):
        raise DecisionError(WHY, f"{decision} needs a reason", "write it into this cell")
    if is_edited or SET_STATE in line.texts:
        message = "decides about an entry that this row also changes"
        raise DecisionError(DECISION, message, "decide, or change it, and not both")
    if problems:
        raise DecisionError(DECISION, f"the entry is wrong ({problems[0]})", "correct it first")
    if base.get(STATE) not in {None, EntryState.PENDING.value} and not base.get(PENDING):
        raise DecisionError(DECISION, f"{line.id} is {base[STATE]}, and nothing of it waits for approval", "clear it")


def decided(
    table: SectionSheet,
    line: EditedRow,
    entry: dict[str, Any],
    base: Mapping[str, str],
    step: Step,
    *,
    longest_days: int | None,
    meanings: Meanings,
) -> EntryChange | None:
    """Return what a decision changes; None where the same one was taken before, as by a second import.

    Raises DecisionError where the entry is not what the approver saw, or a rule forbids the decision.
    """
    kind, decision = KINDS[table.section], line.texts[DECISION]
    last = (entry.get("history") or [{}])[-1]
    by_the_same = identity(str(last.get("who", ""))) == identity(step.by) and str(last.get("why")).endswith(step.why)
    if last.get("what") in _EVENTS[decision] and by_the_same:
        return None
    if _is_stale(table, entry, base):
        message = "the register's entry is not what this workbook shows, so it cannot be decided about here"
        raise DecisionError(DECISION, message, "export the register anew, and decide there")
    try:
        if decision == "approve":
            return lifecycle.approved(kind, entry, step, longest_days=longest_days, meanings=meanings)
        return lifecycle.rejected(kind, entry, step)
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        raise DecisionError(DECISION, message, remedy) from error


def _is_stale(table: SectionSheet, entry: Mapping[str, Any], base: Mapping[str, str]) -> bool:
    """Return whether somebody changed an entry, or what waits in it, since the workbook was written."""
    approved = KINDS[table.section].substance | {"approved_by", "approved_on"}
    columns = [column for column in table.columns if column.path and column.path[0] in approved]
    changed = any(fitted(column.text(entry)) != base.get(column.key, "") for column in columns)
    return changed or table.pending(entry) != base.get(PENDING, "")
