"""The two tables that other programs load: a row a finding, and a row a finding and requirement; scalar columns only.

The formats csv and parquet write them, and `orgaudit query` has them under the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

import duckdb

from orgaudit.store.manifest import Manifest
from orgaudit.store.tables import HOME, SEVERITY_RANK


class Kind(StrEnum):
    """What a column holds, by the name of its type in SQL. JSON is text."""

    TEXT = "VARCHAR"
    WHOLE = "INTEGER"
    FLAG = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIMESTAMP"


Forms: TypeAlias = Mapping[Kind, str]
"""What is made of the values of a type: SQL with braces for the value."""
AS_IT_IS: Forms = {}
KEYS = {"controls": "id", "accounts": "id", "requirements": "concat_ws(chr(10), framework, id)"}
"""The tables in which values are looked up, each with what identifies a row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, the SQL of its value, what the value means, and its type.

    `of` is the small table that the value is looked up in, empty for the table's own rows. What is `ours` is a key or a
    word of orgaudit, which holds nothing that a program could misread.
    """

    name: str
    sql: str
    meaning: str
    kind: Kind = Kind.TEXT
    of: str = ""
    ours: bool = False

    def value(self, forms: Forms) -> str:
        """Return the SQL of its value, in the form of its type."""
        form = "{}" if self.ours else forms.get(self.kind, "{}")
        return form.format(f"CAST({self.sql} AS {self.kind})")

    @property
    def variable(self) -> str:
        """The variable that has its values in all rows of the table that they are looked up in."""
        return f"flat_{self.of}_{self.name}"


@dataclass(frozen=True, slots=True)
class FlatTable:
    """A table: its name, that of its files, what a row is, the SQL of its rows, and its columns in their order.

    `keys` are the tables that columns are looked up in, each with what a row here has of its KEYS.
    """

    name: str
    file: str
    meaning: str
    source: str
    keys: Mapping[str, str]
    columns: tuple[Column, ...]

    def preparation(self, forms: Forms = AS_IT_IS) -> Iterator[str]:
        """Yield the statements that come before the query: types that number the rows of small tables, and variables.

        A join would be shorter, and would not keep the order of the findings. `forms` are those of the query.
        """
        for table in self.keys:
            key = KEYS[table]
            yield f"DROP TYPE IF EXISTS flat_{table}"
            numbered = f"SELECT '' UNION ALL (SELECT {key} FROM {table} ORDER BY ALL)"  # noqa: S608 - constants only
            yield f"CREATE TEMP TYPE flat_{table} AS ENUM ({numbered})"
            for column in self.columns:
                if column.of == table:
                    values = f"list({column.value(forms)} ORDER BY {key})"
                    yield f"SET VARIABLE {column.variable} = (SELECT {values} FROM {table})"  # noqa: S608 - constants

    def select(self, about: Mapping[str, str], forms: Forms = AS_IT_IS) -> str:
        """Return the query for its rows in the order of the findings, about this run.

        `forms` are what is made of the values of a type.
        """
        places = (f"enum_code(TRY_CAST({here} AS flat_{table})) AS at_{table}" for table, here in self.keys.items())
        constants = (f"{value} AS {name}" for name, value in about.items())
        values = (
            f"getvariable('{it.variable}')[at_{it.of}] AS \"{it.name}\""
            if it.of
            else f'{it.value(forms)} AS "{it.name}"'
            for it in self.columns
        )
        return f"SELECT {', '.join(values)} FROM (SELECT {', '.join((*constants, *places))}, * FROM {self.source})"  # noqa: S608 - see about()


def prepared(connection: duckdb.DuckDBPyConnection, table: FlatTable, about: Mapping[str, str], forms: Forms) -> str:
    """Return the query for the rows of a table, prepared for this connection."""
    for statement in table.preparation(forms):
        connection.execute(statement)
    return table.select(about, forms)


def about(manifest: Manifest, as_of: date) -> dict[str, str]:
    """Return what every row says of its run, as SQL by name: so that the rows of several runs can stand together."""
    organization = manifest.organization.id if manifest.organization else None
    return {
        "about_run": _literal(manifest.run_id),
        "about_date": f"DATE '{as_of.isoformat()}'",
        "about_organization": _literal(organization),
    }


def _literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


_RUN = (
    Column("run_id", "about_run", "The run.", ours=True),
    Column("as_of", "about_date", "The date for which the register was applied.", Kind.DATE),
    Column("organization", "about_organization", "The organization's id; nothing for accounts without one."),
    Column(
        "finding_id",
        "concat_ws('/', about_run, fingerprint)",
        "The key of a finding among those of several runs.",
        ours=True,
    ),
    Column("fingerprint", "fingerprint", "The key of a finding in a run, the same from run to run.", ours=True),
)
"""The columns with which every row begins."""

_LATE = "date_diff('day', due_on, about_date)"

FINDINGS = FlatTable(
    "findings_flat",
    "report.flat-findings",
    "One row a finding, without nested values.",
    "findings",
    {"controls": "control", "accounts": "account_id"},
    (
        *_RUN,
        Column("status", "status", "PASS, FAIL, NOT_ASSESSED, NOT_APPLICABLE or MANUAL.", ours=True),
        Column("open", "open", "It fails, and no exception in force covers it.", Kind.FLAG),
        Column("covered", "covered", "It fails, and an exception in force covers it.", Kind.FLAG),
        Column("counted", "counted", "Figures count it: one row of a shared resource, an open one first.", Kind.FLAG),
        Column("severity", "severity", "critical, high, medium or low.", ours=True),
        Column("severity_rank", SEVERITY_RANK, "4 for critical to 1 for low, to sort by.", Kind.WHOLE),
        Column("control", "control", "The control that was judged."),
        Column("title", "title", "What is true when the control passes."),
        Column("family", "family", "The controls that one fix closes together."),
        Column("service", "service", "The AWS service of the control.", of="controls"),
        Column(
            "issue",
            f"md5(concat_ws(chr(10), {HOME}, region, resource, family))",
            "The issue: all findings of one family at one resource. Reports count issues that are open and counted.",
            ours=True,
        ),
        Column("account_id", "account_id", "The account, 12 digits.", ours=True),
        Column("account_name", "account_name", "The account's name."),
        Column("ou_path", "ou_path", "The account's unit, by the names from the root on."),
        Column(
            "environment",
            "environment",
            "The account's environment, from the file of owners or its tags.",
            of="accounts",
        ),
        Column("region", "region", "The region; global for what exists once in an account."),
        Column("resource", "resource", "The resource's ARN."),
        Column("resource_type", "resource_type", "The type of fact that was judged."),
        Column("resource_tags", "to_json(resource_tags)", "The resource's tags, a JSON object."),
        Column("owner", "owner", "Who has to fix it; empty where nobody is named."),
        Column("reason", "reason", "What was seen, against what is required."),
        Column("evidence", "to_json(evidence)", "The values that decided, a JSON object."),
        Column(
            "requirements",
            "array_to_string(list_transform(requirements, lambda it: it.framework || ' ' || it.id), ', ')",
            "The requirements that it decides; requirements_flat has a row for each.",
        ),
        Column("first_seen", "first_seen", "The first day of the present failure.", Kind.DATE),
        Column(
            "days_open",
            "if(open, date_diff('day', first_seen, about_date), NULL)",
            "Days since then, of what is open.",
            Kind.WHOLE,
        ),
        Column("reopened", "reopened", "How often it failed again after it had passed.", Kind.WHOLE),
        Column("due_on", "due_on", "The day by which it is to be fixed.", Kind.DATE),
        Column(
            "days_overdue",
            f"if(open AND due_on IS NOT NULL, greatest({_LATE}, 0), NULL)",
            "Days past that day, of what is open: 0 is in time, nothing has no such day.",
            Kind.WHOLE,
        ),
        Column(
            "effort",
            "nullif(effort, '')",
            "Of its fix: S up to an hour, M up to a day, L more.",
            of="controls",
        ),
        Column(
            "disruption",
            "nullif(disruption, '')",
            "What its fix interrupts: none, restart or replacement.",
            of="controls",
        ),
        Column("remedy", "remediation.asset.text", "How to fix the resource."),
        Column("command", "remediation.asset.command", "The command that fixes the resource."),
        Column("service_wide", "remediation.service_wide.text", "How to fix it for the whole service."),
        Column("service_wide_command", "remediation.service_wide.command", "The command for that."),
        Column("preventive", "remediation.preventive.text", "How to keep it from coming back."),
        Column("preventive_command", "remediation.preventive.command", "The command for that."),
        Column("exception_id", "exception.id", "The exception of the register that speaks about it."),
        Column("exception_owner", "exception.owner", "Who owns the exception."),
        Column("exception_expires_on", "nullif(exception.expires_on, '')", "The exception's last day.", Kind.DATE),
        Column(
            "exception_state", "exception.state", "active, expiring or expired; only the first two cover.", ours=True
        ),
        Column(
            "exception_days_overdue",
            "exception.days_overdue",
            "Days since the exception ended, 0 until then.",
            Kind.WHOLE,
        ),
        Column("gap_reason", "gap.reason", "Why it was not assessed, or why nothing can be there.", ours=True),
        Column("gap_action", "gap.action", "The IAM action that was refused."),
        Column("gap_message", "gap.message", "What AWS answered."),
        Column("accepted", "accepted", "Not assessed in a region that the settings accept as not audited.", Kind.FLAG),
        Column(
            "inherited_from", "inherited_from", "The account where a shared resource lives and was judged.", ours=True
        ),
        Column("assessed_at", "assessed_at", "When it was judged, in UTC.", Kind.TIME),
    ),
)

REQUIREMENTS = FlatTable(
    "requirements_flat",
    "report.flat-requirements",
    "One row a finding and requirement that it decides: the bridge from findings_flat to frameworks.",
    "(SELECT fingerprint, unnest(requirements) AS it FROM findings)",
    {"requirements": "concat_ws(chr(10), it.framework, it.id)"},
    (
        *_RUN,
        Column("framework", "it.framework", "The framework's id, such as cis_7.0."),
        Column("framework_title", "framework_title", "The framework's title.", of="requirements"),
        Column("framework_version", "version", "The framework's version.", of="requirements"),
        Column("requirement", "it.id", "The requirement's number in the framework."),
        Column("requirement_title", "title", "The requirement's title.", of="requirements"),
        Column("section", "section", "The section of the framework.", of="requirements"),
        Column(
            "level",
            '"level"',
            "The requirement's level or profile, where the framework has them.",
            Kind.WHOLE,
            of="requirements",
        ),
        Column("assessment", "assessment", "automated, or manual where a person decides.", of="requirements"),
    ),
)

TABLES = (FINDINGS, REQUIREMENTS)
