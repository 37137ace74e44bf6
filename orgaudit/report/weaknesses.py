"""What fails as plans of action count it: one weakness a control and exception, and where each is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import msgspec

from orgaudit.model import Severity, Status
from orgaudit.store.comparison import Comparison
from orgaudit.store.kinds import Kind
from orgaudit.store.rates import ACCEPTED, EVALUATIONS, UNSEEN
from orgaudit.store.tables import HOME, SEVERITY_RANK, severity_at, structs_of


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
    """What became of one control in one account: failing anywhere, else unseen, else left to a person, else passing."""

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


class Asset(msgspec.Struct, frozen=True):
    """A resource, and the account where it lives."""

    account_id: str
    region: str
    resource: str

    @property
    def name(self) -> str:
        """What identifies it among all of an organization: its ARN, or its name with its account and region."""
        return self.resource if self.resource.startswith("arn:") else f"{self.account_id}/{self.region}/{self.resource}"


class WeaknessAssets(msgspec.Struct, frozen=True, kw_only=True):
    """The first resources of one weakness, by account, region and name."""

    control: str
    exception_id: str
    covered: bool
    assets: tuple[Asset, ...]


class ClosedWeakness(msgspec.Struct, frozen=True, kw_only=True):
    """A control that failed in the baseline and fails nowhere any more, though all of it was assessed again.

    `issues` are those that were open, `gone` those of them of which the resource is gone, and `assets` the first of the
    `resources`.
    """

    control: str
    severity: Severity
    issues: int
    gone: int
    resources: int
    assets: tuple[Asset, ...]
    owners: tuple[str, ...]
    first_seen: date | None


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
    SELECT w.* EXCLUDE (rank), {severity_at("rank")} AS severity,
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
                 WHEN bool_or(manual > 0) THEN 'MANUAL' WHEN bool_or(passed > 0) THEN 'PASS'
                 WHEN bool_or({ACCEPTED}) THEN 'NOT_ASSESSED' ELSE 'NOT_APPLICABLE' END AS status
        FROM coverage GROUP BY control, account_id)
    SELECT control, list({{'account_id': account_id, 'status': status, 'evaluations': evaluations,
            'evaluations_assessed': evaluations_assessed, 'passed': passed, 'failed': failed}}
            ORDER BY account_id) AS accounts
    FROM cells GROUP BY control ORDER BY control
"""  # noqa: S608 - constants only

ASSETS = f"""
    WITH failing AS (
        SELECT DISTINCT {_WEAKNESS}, {HOME} AS account_id, region, resource FROM findings WHERE status = 'FAIL'),
    numbered AS (
        SELECT *, row_number() OVER (
            PARTITION BY control, covered, exception_id ORDER BY account_id, region, resource) AS number
        FROM failing)
    SELECT control, covered, exception_id,
        list({{'account_id': account_id, 'region': region, 'resource': resource}} ORDER BY number) AS assets
    FROM numbered WHERE number <= $most GROUP BY ALL
"""  # noqa: S608 - constants only

CLOSED = f"""
    WITH changed AS (SELECT unnest(controls) AS control, * EXCLUDE (controls) FROM changes)
    SELECT control, {severity_at(f"max({SEVERITY_RANK})")} AS severity, count(*) AS issues,
        count(*) FILTER (kind = $gone) AS gone, count(DISTINCT (account_id, region, resource)) AS resources,
        min(first_seen) AS first_seen,
        list(DISTINCT {{'account_id': account_id, 'region': region, 'resource': resource}}
             ORDER BY {{'account_id': account_id, 'region': region, 'resource': resource}})[:$most] AS assets,
        coalesce(list(DISTINCT owner ORDER BY owner) FILTER (owner <> ''), []) AS owners
    FROM changed WHERE control IN (SELECT id FROM controls)
        AND control NOT IN (SELECT control FROM findings WHERE status = 'FAIL')
        AND control NOT IN (SELECT control FROM coverage WHERE {UNSEEN})
    GROUP BY control HAVING bool_and(kind IN ($resolved, $gone)) ORDER BY max({SEVERITY_RANK}) DESC, control
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


def assets(connection: duckdb.DuckDBPyConnection, most: int) -> dict[tuple[str, str, bool], tuple[Asset, ...]]:
    """Return the first resources of every weakness, so many, by control, exception and whether it is covered."""
    found = structs_of(connection.cursor(), WeaknessAssets, ASSETS, {"most": most})
    return {(each.control, each.exception_id, each.covered): each.assets for each in found}


def closed_weaknesses(
    connection: duckdb.DuckDBPyConnection, comparison: Comparison, most: int
) -> tuple[ClosedWeakness, ...]:
    """Return what was closed since the baseline, with so many resources; nothing without a baseline."""
    if comparison.baseline is None:
        return ()
    asked = {"resolved": Kind.RESOLVED.value, "gone": Kind.GONE.value, "most": most}
    return tuple(structs_of(connection.cursor(), ClosedWeakness, CLOSED, asked))
