"""Tickets: what each owner has to do for each action, for the trackers that import them.

The first actions have tickets of their own. What they do not close is in one further ticket of each owner, so that the
issues of all tickets are the open issues of the run. An exception in force makes no ticket.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import msgspec

from orgaudit.actions.plan import Action
from orgaudit.model import Severity
from orgaudit.report.view import View
from orgaudit.settings.people import Owner, identity
from orgaudit.store.rates import OUTLIVED
from orgaudit.store.tables import HOME, SEVERITY_RANK, structs_of

ID_DIGITS = 16
NAMED = 10
"""How many resources a ticket names."""

_ISSUES = f"""
    WITH marked AS (
        SELECT *, {HOME} AS home, {SEVERITY_RANK} AS rank FROM findings
            LEFT JOIN (SELECT unnest($1::VARCHAR[]) AS fingerprint, unnest($2::INTEGER[]) AS action) USING (fingerprint)
        WHERE open)
    SELECT min(action) AS action, coalesce(min(owner), '') AS owner, home AS account_id,
        coalesce(any_value(account_name) FILTER (account_id = home), '') AS account_name, region, resource,
        arg_max(reason, (rank, counted)) AS reason, arg_max(fingerprint, (rank, counted)) AS fingerprint,
        max(rank) AS rank,
        count(*) AS findings, coalesce(bool_or({OUTLIVED}), false) AS outlived,
        min(due_on) AS due_on, min(first_seen) AS first_seen,
        list(DISTINCT control ORDER BY control) AS controls,
        list_filter(list(DISTINCT remediation.asset.command) || list(DISTINCT remediation.service_wide.command),
            lambda it: it IS NOT NULL) AS commands
    FROM marked GROUP BY home, region, resource, family
    ORDER BY action NULLS LAST, rank DESC, account_id, region, resource, fingerprint
"""  # noqa: S608 - constants only
"""The open issues, as everywhere that issues are counted, each with the position of the action that closes it."""
_SEVERITIES = list(Severity)


class _Issue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One open issue."""

    action: int | None
    owner: str
    account_id: str
    account_name: str
    region: str
    resource: str
    reason: str
    fingerprint: str
    rank: int
    findings: int
    outlived: bool
    due_on: date | None
    first_seen: date | None
    controls: list[str]
    commands: list[str]


@dataclass(slots=True, kw_only=True)
class Ticket:
    """What one owner has to do for one action, or for all the further ones where `action` is None.

    `id` is the same in every run, whatever the counts and dates are. `severity` is the highest of its issues, `worst`
    the fingerprint of such a finding, and `due_on` the earliest due date. `outlived` are issues past the last day of
    an exception. `accounts` are issues by id and name; `resources` are the first, and `commands` all that its findings
    carry.
    """

    id: str
    action: Action | None
    owner: Owner
    severity: Severity
    worst: str
    issues: int = 0
    findings: int = 0
    outlived: int = 0
    due_on: date | None = None
    first_seen: date | None = None
    accounts: Counter[tuple[str, str]] = field(default_factory=Counter)
    resources: list[str] = field(default_factory=list)
    controls: set[str] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)

    def add(self, issue: _Issue) -> None:
        """Add an issue; the most severe comes first."""
        self.issues += 1
        self.findings += issue.findings
        self.outlived += issue.outlived
        self.due_on = min(filter(None, (self.due_on, issue.due_on)), default=None)
        self.first_seen = min(filter(None, (self.first_seen, issue.first_seen)), default=None)
        self.accounts[issue.account_id, issue.account_name] += 1
        self.controls.update(issue.controls)
        if len(self.resources) < NAMED:
            self.resources.append(f"{issue.resource} ({issue.account_id}, {issue.region}): {issue.reason}")
        if self.action is not None:
            self.commands.update(issue.commands)


def tickets(view: View) -> Iterator[Ticket]:
    """Yield the tickets in the order of the actions, then by severity; those for the further actions come last."""
    actions = view.actions.actions
    marks = [(name, position) for position, action in enumerate(actions) for name in action.fingerprints]
    asked = [[name for name, _ in marks], [position for _, position in marks]]
    issues = structs_of(view.connection.cursor(), _Issue, _ISSUES, asked)
    for position, together in groupby(issues, key=lambda issue: issue.action):
        found: dict[str, Ticket] = {}
        for issue in together:
            who = identity(issue.owner)
            if who not in found:
                found[who] = _ticket(None if position is None else actions[position], who, issue)
            found[who].add(issue)
        yield from found.values()


def _ticket(action: Action | None, who: str, issue: _Issue) -> Ticket:
    return Ticket(
        id=ticket_id(action.id if action else "", who),
        action=action,
        owner=Owner.of(issue.owner),
        severity=_SEVERITIES[issue.rank - 1],
        worst=issue.fingerprint,
    )


def ticket_id(action: str, who: str) -> str:
    """Return what identifies, from run to run, the ticket of an action, empty for the further ones, and of an owner."""
    return "orgaudit-" + hashlib.sha256(f"{action}\n{who}".encode()).hexdigest()[:ID_DIGITS]
