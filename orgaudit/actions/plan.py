"""The actions of a run in their order, with what each closes that none before it has closed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import msgspec

from orgaudit.actions.groups import Group, Kind, grouped
from orgaudit.actions.issues import Issue, family_fixes, open_issues
from orgaudit.actions.order import greedy
from orgaudit.actions.remedies import Command, Remedies
from orgaudit.actions.words import title, what_to_do
from orgaudit.model import Disruption, Effort, Severity
from orgaudit.settings.sections import ActionSettings
from orgaudit.store.manifest import Manifest

ID_DIGITS = 16


class Closes(msgspec.Struct, frozen=True, kw_only=True):
    """What is open, or what closes it, counted: a resource that several accounts share counts once."""

    issues: int
    findings: int
    resources: int
    accounts: int
    points: int


class OwnerCount(msgspec.Struct, frozen=True):
    """How many of the issues an owner has; the empty name is of those without an owner."""

    owner: str
    issues: int


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One change that removes issues together.

    `id` is the same in every run for the same thing to change. `closes` counts what no action before it closes, and
    `points_so_far` adds up to it; `share_so_far` is of the points of all open issues, None where these are 0. `effort`
    is that of one fix, made `times` times, and `cost` both in numbers; `effort` and `disruption` are None where the run
    does not say, and an unknown effort costs as M. `commands` are for all that it closes, the first of them first.
    """

    id: str
    rank: int
    kind: Kind
    families: tuple[str, ...]
    controls: tuple[str, ...]
    title: str
    what: str
    effort: Effort | None
    times: int
    cost: int
    disruption: Disruption | None
    reversible: bool
    closes: Closes
    points_so_far: int
    cost_so_far: int
    share_so_far: float | None
    owners: tuple[OwnerCount, ...]
    text: str
    preventive: str
    preventive_command: str | None
    commands: tuple[Command, ...]
    accounts: tuple[str, ...]
    fingerprints: tuple[str, ...]


class ActionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The first actions in their order, how many there are, and all that is open."""

    open: Closes
    count: int
    actions: tuple[Action, ...]


def plan(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    numbers: ActionSettings,
    *,
    owners: Collection[str] = (),
    top: int | None = None,
) -> ActionPlan:
    """Return the actions of a consolidated run on the open issues of these owners, or of all; only the first `top`."""
    management = manifest.organization.management_account_id if manifest.organization else ""
    issues = open_issues(connection, owners, management)
    weights = _Weights(
        {effort: numbers.effort.of(effort) for effort in Effort},
        {severity: numbers.points.of(severity) for severity in Severity},
    )
    groups = grouped(issues, family_fixes(manifest.controls))
    count, first = 0, list[tuple[Group, list[Issue]]]()
    for index, closed in greedy(
        [group.issues for group in groups],
        [weights.cost(group) for group in groups],
        [weights.points[issue.severity] for issue in issues],
    ):
        count += 1
        if top is None or count <= top:
            first.append((groups[index], [issues[each] for each in closed]))
    names = {account.id: account.name for account in manifest.accounts}
    fingerprints = (name for _, closed in first for issue in closed for name in issue.fingerprints)
    remedies = Remedies(connection, fingerprints, names)
    total = weights.closes(issues)
    return ActionPlan(open=total, count=count, actions=tuple(_actions(first, total, weights, remedies)))


@dataclass(frozen=True, slots=True)
class _Weights:
    """The numbers of the settings, applied to groups and issues."""

    efforts: Mapping[Effort, int]
    points: Mapping[Severity, int]

    def cost(self, group: Group) -> int:
        """Return the effort of a whole group in numbers."""
        return group.times * self.efforts[group.fix.effort or Effort.M]

    def closes(self, issues: Sequence[Issue]) -> Closes:
        """Return the counts of issues that are closed together."""
        return Closes(
            issues=len(issues),
            findings=sum([len(issue.fingerprints) for issue in issues]),
            resources=len({(issue.account_id, issue.resource) for issue in issues}),
            accounts=len({issue.account_id for issue in issues}),
            points=sum([self.points[issue.severity] for issue in issues]),
        )


def _actions(
    steps: Sequence[tuple[Group, list[Issue]]], total: Closes, weights: _Weights, remedies: Remedies
) -> Iterator[Action]:
    points = cost = 0
    for rank, (group, closed) in enumerate(steps, 1):
        fix, closes, remedy = group.fix, weights.closes(closed), remedies.of(group.target.kind, closed)
        points, cost = points + closes.points, cost + weights.cost(group)
        what = what_to_do(group.target, remedy, closed)
        yield Action(
            id=action_id(group),
            rank=rank,
            kind=group.target.kind,
            families=group.families,
            controls=remedy.controls,
            title=title(what, fix, group.times, issues=closes.issues, accounts=closes.accounts),
            what=what,
            effort=fix.effort,
            times=group.times,
            cost=weights.cost(group),
            disruption=fix.disruption,
            reversible=fix.reversible,
            closes=closes,
            points_so_far=points,
            cost_so_far=cost,
            share_so_far=points / total.points if total.points else None,
            owners=_owners(closed),
            text=remedy.text,
            preventive=remedy.preventive,
            preventive_command=remedy.preventive_command,
            commands=remedy.commands,
            accounts=tuple(sorted({issue.account_id for issue in closed})),
            fingerprints=tuple(name for issue in closed for name in issue.fingerprints),
        )


def action_id(group: Group) -> str:
    """Return the 16 hexadecimal digits that identify what is changed from run to run."""
    text = "\n".join((group.target.kind, *_family_of(group), group.target.key))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


def _family_of(group: Group) -> tuple[str, ...]:
    """Return the family that identifies an action; one that fixes several is the same whichever are open in a run."""
    return () if group.target.kind in {Kind.ORGANIZATION, Kind.SETTING} else group.families


def _owners(issues: Iterable[Issue]) -> tuple[OwnerCount, ...]:
    counts = Counter(issue.owner for issue in issues)
    return tuple(OwnerCount(owner, count) for owner, count in sorted(counts.items(), key=lambda each: (-each[1], each)))
