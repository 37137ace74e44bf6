"""What fails as plans of action count it: one weakness a control and exception, and where each is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import msgspec

from orgaudit.model import Severity, Status
from orgaudit.store.rates import ACCEPTED, EVALUATIONS, UNSEEN
from orgaudit.store.tables import HOME, SEVERITY_RANK, structs_of


class DueDate(msgspec.Struct, frozen=True):
    """How many findings of a weakness, in how many accounts, are to be fixed by a date."""

    due_on: date
    findings: int
    accounts: int


class Weakness(msgspec.Struct, frozen=True, kw_only=True):
    """What fails of one control under one exception, or under none; a finding belongs to exactly one.

    `findings` are all, `counted` those that headline figures count. `resources` are distinct, and `accounts` those that
    have the findings. `due_on` is the earliest due date, and `due_dates` are all. `owners` are distinct, and
    `without_owner` are findings. `covered` is whether the exception is in force; the other three fields of the
    exception are None without one.
    """

    control: str
    severity: Severity
    covered: bool
    exception_id: str
    exception_owner: str | None
    exception_expires: date | None
    exception_overdue: int | None
    findings: int
    counted: int
    resources: int
    accounts: tuple[str, ...]
    owners: tuple[str, ...]
    without_owner: int
    first_seen: date | None
    due_on: date | None
    reopened: int
    due_dates: tuple[DueDate, ...]


class WeaknessPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What fails of one weakness in one account."""

    control: str
    exception_id: str
    covered: bool
    account_id: str
    findings: int
    counted: int
    resources: int
    first_seen: date | None
    due_on: date | None


class ControlInAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one control in one account: failing anywhere, else unseen anywhere, else passing."""

    account_id: str
    status: Status
    evaluations: int
    evaluations_assessed: int
    passed: int
    failed: int


class ControlInAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one control in every account."""

    control: str
    accounts: tuple[ControlInAccount, ...]


_PLACE = f"md5_number(concat_ws(chr(10), {HOME}, region, resource))"
_WEAKNESS = "control, covered, coalesce(exception.id, '') AS exception_id"
_FIGURES = f"""count(*) AS findings, count(*) FILTER (counted) AS counted, count(DISTINCT {_PLACE}) AS resources,
        min(first_seen) AS first_seen, min(due_on) AS due_on"""

WEAKNESSES = f"""
    WITH weaknesses AS (
        SELECT {_WEAKNESS}, {_FIGURES}, max({SEVERITY_RANK}) AS rank,
            min(exception.owner) AS exception_owner, max(try_cast(exception.expires_on AS DATE)) AS exception_expires,
            max(exception.days_overdue) AS exception_overdue,
            list(DISTINCT account_id ORDER BY account_id) AS accounts,
            coalesce(list(DISTINCT owner ORDER BY owner) FILTER (owner <> ''), []) AS owners,
            count(*) FILTER (coalesce(owner, '') = '') AS without_owner, coalesce(max(reopened), 0) AS reopened
        FROM findings WHERE status = 'FAIL' GROUP BY ALL),
    dated AS (
        SELECT {_WEAKNESS}, due_on, count(*) AS findings, count(DISTINCT account_id) AS accounts
        FROM findings WHERE status = 'FAIL' AND due_on IS NOT NULL GROUP BY ALL),
    dates AS (
        SELECT control, covered, exception_id,
            list({{'due_on': due_on, 'findings': findings, 'accounts': accounts}} ORDER BY due_on) AS due_dates
        FROM dated GROUP BY ALL)
    SELECT w.* EXCLUDE (rank), ['low', 'medium', 'high', 'critical'][rank] AS severity,
        coalesce(d.due_dates, []) AS due_dates
    FROM weaknesses w LEFT JOIN dates d USING (control, covered, exception_id)
    ORDER BY covered, rank DESC, control, exception_id
"""  # noqa: S608 - constants only

PLACES = f"""
    SELECT {_WEAKNESS}, account_id, {_FIGURES} FROM findings WHERE status = 'FAIL' GROUP BY ALL
    ORDER BY covered, control, exception_id, account_id
"""  # noqa: S608 - constants only

CONTROLS_IN_ACCOUNTS = f"""
    WITH cells AS (
        SELECT control, account_id, {EVALUATIONS}, sum(passed)::BIGINT AS passed, sum(failed)::BIGINT AS failed,
            CASE WHEN bool_or(failed > 0) THEN 'FAIL' WHEN bool_or({UNSEEN}) THEN 'NOT_ASSESSED'
                 WHEN bool_or(passed > 0) THEN 'PASS' WHEN bool_or(manual > 0) THEN 'MANUAL'
                 WHEN bool_or({ACCEPTED}) THEN 'NOT_ASSESSED' ELSE 'NOT_APPLICABLE' END AS status
        FROM coverage GROUP BY control, account_id)
    SELECT control, list({{'account_id': account_id, 'status': status, 'evaluations': evaluations,
            'evaluations_assessed': evaluations_assessed, 'passed': passed, 'failed': failed}}
            ORDER BY account_id) AS accounts
    FROM cells GROUP BY control ORDER BY control
"""  # noqa: S608 - constants only


def weaknesses(connection: duckdb.DuckDBPyConnection) -> tuple[Weakness, ...]:
    """Return every weakness: open first, then by severity, control and exception."""
    return tuple(structs_of(connection.cursor(), Weakness, WEAKNESSES))


def places(connection: duckdb.DuckDBPyConnection) -> Iterator[WeaknessPlace]:
    """Yield what fails of every weakness in each account."""
    return structs_of(connection.cursor(), WeaknessPlace, PLACES)


def controls_in_accounts(connection: duckdb.DuckDBPyConnection) -> Iterator[ControlInAccounts]:
    """Yield what became of every control in each account, by control."""
    return structs_of(connection.cursor(), ControlInAccounts, CONTROLS_IN_ACCOUNTS)
