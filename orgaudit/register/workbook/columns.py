"""The columns of the register's sheets: which field each shows, how it reads and parses, and who may change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orgaudit.model import Json, Severity
from orgaudit.register.attestations import SECTION
from orgaudit.register.entries import Kind
from orgaudit.register.workbook import grammar
from orgaudit.register.workbook.grammar import Form
from orgaudit.store.register_result import AttestedStatus

STATE, DAYS_LEFT, COVERED, ROW_ID = "=state", "=days_left", "=covered", "=row"
"""Keys of what is computed when the workbook is written."""

SET_STATE, WHY = "=set_state", "=why"
"""Keys of what an owner asks for beside the fields: another state, and the reason for it and for edits."""


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """One column. `key` is the entry's field, with `scope.` before a key of the scope; `band` groups columns."""

    key: str
    title: str
    help: str
    band: str
    form: Form = grammar.TEXT
    width: float = 18
    choices: tuple[str, ...] = ()
    editable: bool = True

    @property
    def path(self) -> tuple[str, ...]:
        """Return the keys that lead to the field in the entry; none for what is no field."""
        return () if self.key.startswith("=") else tuple(self.key.split("."))

    def text(self, entry: Mapping[str, Any]) -> str:
        """Return the field as the text that stands for it; empty where the entry lacks it."""
        value: Json = entry
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return grammar.shown(value, self.form) if self.path else ""


@dataclass(frozen=True, slots=True)
class RegisterTable:
    """One section of the register as a sheet."""

    sheet: str
    section: str
    columns: tuple[FieldColumn, ...]

    def column(self, key: str) -> FieldColumn:
        """Return the column of a key."""
        return next(column for column in self.columns if column.key == key)

    def texts(self, entry: Mapping[str, Any]) -> dict[str, str]:
        """Return an entry's texts by key, without the empty ones."""
        return {column.key: text for column in self.columns if (text := column.text(entry))}


_ONE_A_LINE = "One a line (Alt+Enter; in LibreOffice Ctrl+Enter)."
_PATTERN = "The whole value, a glob (* ?), or regex: and an expression for the whole value."


def _scope(prefix: str, band: str, word: str) -> tuple[FieldColumn, ...]:
    def column(key: str, title: str, text: str, form: Form, width: float = 22) -> FieldColumn:
        return FieldColumn(f"{prefix}.{key}", f"{word}{title}", f"{text} {_ONE_A_LINE}", band, form, width)

    tag = f"key=pattern; every line must hold. {_PATTERN}"
    return (
        column("controls", "controls", f"Ids, or framework:requirement. {_PATTERN}", grammar.WORDS, 30),
        column("accounts", "accounts", "Ids of 12 digits.", grammar.WORDS, 17),
        column("ous", "units", "Ids of units, or paths such as Root/Workloads; units below are in.", grammar.LIST, 24),
        column("account_tags", "account tags", tag, grammar.TAGS),
        column("regions", "regions", "Names such as eu-west-1, or global.", grammar.WORDS, 15),
        column("resources", "resources", f"ARNs or names. {_PATTERN}", grammar.LIST, 40),
        column("resource_tags", "resource tags", tag, grammar.TAGS),
    )


def _computed(key: str, title: str, text: str, width: float, form: Form = grammar.TEXT) -> FieldColumn:
    return FieldColumn(key, title, f"{text} Written by orgaudit.", "Register", form, width, editable=False)


_ID = FieldColumn(
    "id",
    "ID",
    "Never used again. Leave it empty for a new entry; the import gives the next one.",
    "Register",
    width=17,
    editable=False,
)
_FIRST = (
    _computed(ROW_ID, "Row", "Ties this row to the register.", 17),
    _ID,
    _computed(STATE, "State", "The state on the day of the export.", 11),
    _computed(DAYS_LEFT, "Days left", "Days to the last day, on the day of the export.", 10, grammar.NUMBER),
)
_HISTORY = FieldColumn(
    "history", "History", "What happened so far. Written by orgaudit.", "Record", grammar.HISTORY, 60, editable=False
)
_COMMENTS = FieldColumn("comments", "Comments", "Anything worth knowing.", "Record", width=34)
_WHY = FieldColumn(
    WHY, "Why this change", "Why you changed something in this row; it goes into the history.", "Your request", width=30
)
_BROAD = FieldColumn(
    "broad", "Broad", "yes where it takes all controls or all accounts.", "Limits", grammar.YES, 9, choices=("yes",)
)

EXCEPTIONS = RegisterTable(
    "Exceptions",
    "exceptions",
    (
        *_FIRST,
        _computed(COVERED, "Covers", "Open findings that it covers in the run of the export.", 9, grammar.NUMBER),
        FieldColumn("title", "Title", "What is excepted, in a line.", "What", width=40),
        FieldColumn("type", "Type", "Why it is let be.", "What", width=22, choices=tuple(map(str, Kind))),
        FieldColumn("justification", "Justification", "Why that is acceptable.", "What", width=48),
        FieldColumn("ticket", "Ticket", "Where it was discussed.", "What", width=14),
        FieldColumn("owner", "Owner", "Name <name@example.com>, or a team's name.", "Who", width=30),
        FieldColumn("requested_by", "Requested by", "Who asks for it. Without this it is a draft.", "Who", width=26),
        FieldColumn(
            "approved_by", "Approved by", "Set by `orgaudit exceptions approve` only.", "Who", width=26, editable=False
        ),
        FieldColumn(
            "approved_on",
            "Approved on",
            "Set by `orgaudit exceptions approve` only.",
            "Who",
            grammar.DAY,
            13,
            editable=False,
        ),
        FieldColumn("starts_on", "First day", "A date.", "When", grammar.DAY, 13),
        FieldColumn(
            "expires_on",
            "Last day",
            "A date; it ends with this day. A later one needs a new approval.",
            "When",
            grammar.DAY,
            13,
        ),
        FieldColumn("review_by", "Review by", "A date.", "When", grammar.DAY, 13),
        *_scope("scope", "In scope", "Covers "),
        *_scope("scope.except", "Not in scope", "Not "),
        _BROAD,
        FieldColumn("max_findings", "Most findings", "The most that it should cover.", "Limits", grammar.NUMBER, 10),
        FieldColumn(
            "severity_adjusted",
            "Adjusted severity",
            "What it weighs with what is done about it.",
            "Risk",
            width=13,
            choices=tuple(map(str, Severity)),
        ),
        FieldColumn("risk_statement", "Risk", "What could happen.", "Risk", width=40),
        FieldColumn(
            "compensating_controls",
            "Compensating controls",
            f"What is done instead. {_ONE_A_LINE}",
            "Risk",
            grammar.LIST,
            36,
        ),
        FieldColumn(
            "milestones",
            "Milestones",
            f"2025-03-31: title, or 2025-03-31 (done 2025-03-01): title. {_ONE_A_LINE}",
            "Risk",
            grammar.MILESTONES,
            36,
        ),
        FieldColumn("evidence", "Evidence", f"Links. {_ONE_A_LINE}", "Record", grammar.LIST, 36),
        FieldColumn("supersedes", "Supersedes", "The id of the exception that this one replaces.", "Record", width=17),
        _COMMENTS,
        _HISTORY,
        FieldColumn(
            SET_STATE,
            "Set state",
            "pending asks for approval; revoked ends an approved one. Say why beside it.",
            "Your request",
            width=12,
            choices=("pending", "revoked"),
        ),
        _WHY,
    ),
)

ATTESTATIONS = RegisterTable(
    "Attestations",
    SECTION,
    (
        *_FIRST,
        FieldColumn("requirement", "Requirement", "framework:requirement, such as cis_2.0:1.1.", "What", width=24),
        FieldColumn("status", "Answer", "What was seen.", "What", width=16, choices=tuple(map(str, AttestedStatus))),
        FieldColumn(
            "accounts", "Accounts", f"Ids of 12 digits; either these or units. {_ONE_A_LINE}", "What", grammar.WORDS, 17
        ),
        FieldColumn("ous", "Units", f"Ids or paths; either these or accounts. {_ONE_A_LINE}", "What", grammar.LIST, 24),
        _BROAD,
        FieldColumn("attested_by", "Attested by", "Who answers for it.", "Who", width=26),
        FieldColumn("attested_on", "Attested on", "A date.", "When", grammar.DAY, 13),
        FieldColumn("expires_on", "Last day", "A date; from the next day on nobody answers.", "When", grammar.DAY, 13),
        FieldColumn("evidence", "Evidence", f"Links, or what was looked at. {_ONE_A_LINE}", "Record", grammar.LIST, 40),
        _COMMENTS,
        _HISTORY,
        _WHY,
    ),
)

TABLES = (EXCEPTIONS, ATTESTATIONS)
BASE_SHEET = "orgaudit"
"""The hidden sheet of what the register held when the workbook was written."""

HEADER_ROW = 3
"""Above the headers stand the sheet's title and the bands."""
