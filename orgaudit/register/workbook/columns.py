"""The columns of the register's sheets: which field each shows, how it reads and parses, and who may change it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orgaudit.model import Json, Severity
from orgaudit.register.amendment import proposed
from orgaudit.register.entries import ExceptionType
from orgaudit.register.workbook import grammar
from orgaudit.register.workbook.grammar import Form
from orgaudit.spreadsheet.text import fitted
from orgaudit.store.register_result import AttestedStatus

STATE, DAYS_LEFT, COVERED, PENDING, ROW_ID = "=state", "=days_left", "=covered", "=pending", "=row"
"""Keys of what is computed when the workbook is written."""

SET_STATE, DECISION, WHY = "=set_state", "=decision", "=why"
"""Keys of what people request beside the fields: another state, an approver's decision, and the reason for a row."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `key` is the entry's field, with `scope.` before a key of the scope; `band` groups columns.

    A `folded` column is behind the visible one on its left until somebody unfolds it.
    """

    key: str
    title: str
    help: str
    form: Form = grammar.TEXT
    width: float = 18
    choices: tuple[str, ...] = ()
    editable: bool = True
    band: str = ""
    folded: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """Return the keys that lead to the field in the entry; none for a computed column."""
        return () if self.key.startswith("=") else tuple(self.key.split("."))

    def text(self, entry: Mapping[str, Any]) -> str:
        """Return the field as the text that stands for it; empty where the entry lacks it."""
        value: Json = entry
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return grammar.shown(value, self.form) if self.path else ""


@dataclass(frozen=True, slots=True)
class SectionSheet:
    """One section of the register as a sheet."""

    sheet: str
    section: str
    columns: tuple[Field, ...]

    def column(self, key: str) -> Field:
        """Return the column of a key."""
        return next(column for column in self.columns if column.key == key)

    def texts(self, entry: Mapping[str, Any]) -> dict[str, str]:
        """Return an entry's texts by key, without the empty ones."""
        return {column.key: text for column in self.columns if (text := column.text(entry))}

    def pending(self, entry: Mapping[str, Any]) -> str:
        """Return in words what an entry's amendment would change, who requests it and why; empty without one."""
        if not (amendment := entry.get("amendment")):
            return ""
        try:
            new = proposed(entry)
            lines = [
                f"{column.title}: {column.text(new).replace(chr(10), ', ') or 'none'}"
                for column in self.columns
                if column.key != "requested_by" and column.editable and column.text(new) != column.text(entry)
            ]
            by = f"Requested by {amendment['requested_by']} on {amendment['requested_on']}: {amendment['why']}"
        except (TypeError, ValueError, AttributeError, KeyError):
            return grammar.shown(json.dumps(amendment, ensure_ascii=False, default=str), grammar.TEXT)
        return fitted(grammar.normal("\n".join([*lines, by])))


_ONE_A_LINE = "One a line (Alt+Enter; in LibreOffice Ctrl+Enter)."
_PATTERN = "The whole value, a glob (* ?), or regex: and an expression for the whole value."
_TAGS = f"key=pattern; every line must match. {_PATTERN} {_ONE_A_LINE}"


def _band(band: str, *columns: Field) -> tuple[Field, ...]:
    return tuple(replace(column, band=band) for column in columns)


def _folded(*columns: Field) -> tuple[Field, ...]:
    return tuple(replace(column, folded=True) for column in columns)


def _scope(key: str, word: str) -> tuple[Field, ...]:
    controls = f"Ids, or framework:requirement. {_PATTERN} {_ONE_A_LINE}"
    units = f"Ids of units, or paths such as Root/Workloads; units below are included. {_ONE_A_LINE}"
    columns = (
        Field("controls", "controls", controls, grammar.WORDS, 16),
        Field("accounts", "accounts", f"Ids of 12 digits, or names. {_ONE_A_LINE}", grammar.ACCOUNTS, 12.5),
        Field("ous", "units", units, grammar.LIST, 24),
        Field("account_tags", "account tags", _TAGS, grammar.TAGS, 22),
        Field("regions", "regions", f"Names such as eu-west-1, or global. {_ONE_A_LINE}", grammar.WORDS, 15),
        Field("resources", "resources", f"ARNs or names. {_PATTERN} {_ONE_A_LINE}", grammar.LIST, 40),
        Field("resource_tags", "resource tags", _TAGS, grammar.TAGS, 22),
    )
    return tuple(replace(it, key=f"{key}.{it.key}", title=f"{word} {it.title}") for it in columns)


def _locked(key: str, title: str, text: str, width: float, form: Form = grammar.TEXT) -> Field:
    return Field(key, title, text, form, width, editable=False)


_APPROVE = "Set by `orgaudit exceptions approve` only."
_ID = "Never reused. Leave it empty for a new entry; the import assigns the next one."
_DAYS_LEFT = "Days to the last day, on the day of the export. Written by orgaudit."
_COVERS = "Open findings that it covers in the run of the export. Written by orgaudit."
_SET_STATE = "pending requests approval; revoked ends an approved exception. Give the reason beside it."
_ADJUSTED = "The severity with the compensating controls in place."
_COMPENSATING = f"What reduces the risk instead. {_ONE_A_LINE}"
_MILESTONES = f"2025-03-31: title, or 2025-03-31 (done 2025-03-01): title. {_ONE_A_LINE}"
_PENDING = "A change that waits for approval; until then the approved values are in force. Written by orgaudit."
_DECISION = "For approvers: approve or reject what is pending. Give the reason under Why this change."
_DECISIONS = ("approve", "reject")
_FIRST = (
    _locked(ROW_ID, "Row", "Links this row to the register. Written by orgaudit.", 17),
    _locked("id", "ID", _ID, 13.5),
    _locked(STATE, "State", "The state on the day of the export. Written by orgaudit.", 9),
    _locked(DAYS_LEFT, "Days left", _DAYS_LEFT, 5.5, grammar.NUMBER),
)
_LAST = _folded(
    Field("comments", "Comments", "Anything worth knowing.", width=34),
    _locked("history", "History", "What happened so far. Written by orgaudit.", 60, grammar.HISTORY),
)
_WHY = Field(WHY, "Why this change", "Why you changed this row; the reason is added to the history.", width=11)
_BROAD = Field("broad", "Broad", "yes where it covers all controls or all accounts.", grammar.YES, 9, ("yes",))
_CONTROLS, _ACCOUNTS, *_FURTHER_SCOPE = _scope("scope", "Covers")

EXCEPTIONS = SectionSheet(
    "Exceptions",
    "exceptions",
    (
        *_band("Register", *_FIRST, *_folded(_locked(COVERED, "Covers", _COVERS, 9, grammar.NUMBER))),
        *_band(
            "What",
            Field("title", "Title", "What is excepted, in one line.", width=18),
            Field("type", "Type", "Exception type.", grammar.NAME, 11.5, grammar.names(ExceptionType)),
        ),
        *_band(
            "Who",
            Field("owner", "Owner", "Name <name@example.com>, or a team's name.", width=16),
            *_folded(
                Field("requested_by", "Requested by", "Who requests it. Without this it is a draft.", width=26),
                _locked("approved_by", "Approved by", _APPROVE, 26),
                _locked("approved_on", "Approved on", _APPROVE, 13, grammar.DAY),
            ),
        ),
        *_band(
            "When",
            Field("expires_on", "Last day", "A date. A later one requires a new approval.", grammar.DAY, 10),
            *_folded(
                Field("starts_on", "First day", "A date.", grammar.DAY, 13),
                Field("review_by", "Review by", "A date.", grammar.DAY, 13),
            ),
        ),
        *_band(
            "Why",
            Field("justification", "Justification", "Why the risk is acceptable.", width=20),
            *_folded(
                Field("severity_adjusted", "Adjusted severity", _ADJUSTED, width=13, choices=grammar.names(Severity)),
                Field("risk_statement", "Risk", "What could happen.", width=40),
                Field("compensating_controls", "Compensating controls", _COMPENSATING, grammar.LIST, 36),
                Field("milestones", "Milestones", _MILESTONES, grammar.MILESTONES, 36),
            ),
        ),
        *_band(
            "Record",
            Field("ticket", "Ticket", "Where it was discussed.", width=8.5),
            *_folded(
                Field("evidence", "Evidence", f"Links. {_ONE_A_LINE}", grammar.LIST, 36),
                Field("supersedes", "Supersedes", "The id of the exception that this one replaces.", width=17),
            ),
            *_LAST,
        ),
        *_band("In scope", _CONTROLS, _ACCOUNTS, *_folded(*_FURTHER_SCOPE)),
        *_band("Not in scope", *_folded(*_scope("scope.except", "Not"))),
        *_band(
            "Limits",
            *_folded(
                _BROAD,
                Field("max_findings", "Most findings", "The most that it is expected to cover.", grammar.NUMBER, 10),
            ),
        ),
        *_band(
            "Change",
            _locked(PENDING, "Pending change", _PENDING, 11.5),
            Field(SET_STATE, "Set state", _SET_STATE, width=8.5, choices=("pending", "revoked")),
            Field(DECISION, "Decision", _DECISION, width=8.5, choices=_DECISIONS),
            _WHY,
        ),
    ),
)

ATTESTATIONS = SectionSheet(
    "Attestations",
    "attestations",
    (
        *_band("Register", *_FIRST),
        *_band(
            "What",
            Field("requirement", "Requirement", "framework:requirement, such as cis_2.0:1.1.", width=18),
            Field("status", "Answer", "The result of the review.", grammar.NAME, 12, grammar.names(AttestedStatus)),
            Field(
                "accounts",
                "Accounts",
                f"Ids of 12 digits, or names; these or units. {_ONE_A_LINE}",
                grammar.ACCOUNTS,
                12.5,
            ),
            Field("ous", "Units", f"Ids or paths; these or accounts. {_ONE_A_LINE}", grammar.LIST, 18),
            *_folded(_BROAD),
        ),
        *_band("Who", Field("attested_by", "Attested by", "Who attests this.", width=20)),
        *_band(
            "When",
            Field("attested_on", "Attested on", "A date.", grammar.DAY, 10),
            Field("expires_on", "Last day", "A date; after it the requirement has no answer.", grammar.DAY, 10),
        ),
        *_band(
            "Record",
            Field("evidence", "Evidence", f"Links, or what was reviewed. {_ONE_A_LINE}", grammar.LIST, 32),
            *_LAST,
        ),
        *_band("Change", replace(_WHY, width=18)),
    ),
)

TABLES = (EXCEPTIONS, ATTESTATIONS)
BASE_SHEET = "orgaudit"
"""The hidden sheet of what the register held when the workbook was written."""

HEADER_ROW = 3
"""Above the headers stand the sheet's title and the bands."""
