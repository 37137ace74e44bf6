"""The actions of a run in their order, with what each closes that none before it has closed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge, nsmallest
from itertools import islice

import duckdb
import msgspec

from orgaudit.actions.groups import Group, Kind, alone, grouped, place_of
from orgaudit.actions.issues import (
    UNKNOWN_FIX,
    FamilyFix,
    Issue,
    family_fixes,
    in_order,
    in_several_regions,
    open_issues,
    open_resources,
)
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
    weights = _Weights(
        {effort: numbers.effort.of(effort) for effort in Effort},
        {severity: numbers.points.of(severity) for severity in Severity},
    )
    sorting = _Sorting(weights, family_fixes(manifest.controls), in_several_regions(connection))
    alone = sorting.alone(open_issues(connection, owners, management))
    best = sorted(alone, key=_rank) if top is None else nsmallest(top, alone, key=_rank)
    together = list(_together(sorting, weights))
    first = list(islice(merge(together, best, key=_rank), top))
    names = {account.id: account.name for account in manifest.accounts}
    fingerprints = (name for step in first for issue in step.closed for name in issue.fingerprints)
    remedies = Remedies(connection, fingerprints, names)
    total = msgspec.structs.replace(sorting.total(), resources=open_resources(connection, owners))
    count = len(together) + sorting.count
    return ActionPlan(open=total, count=count, actions=tuple(_actions(first, total, weights, remedies)))


@dataclass(frozen=True, slots=True)
class _Step:
    """A group, and what of it is closed when it is its turn: the points, and the issues."""

    group: Group
    cost: int
    points: int
    closed: list[Issue]


def _rank(step: _Step) -> tuple[float, int, int, tuple[int, tuple[str, ...], str]]:
    """Return what steps are in the order of, as `greedy` has it."""
    return -step.points / step.cost, -step.points, -len(step.closed), place_of(step.group)


class _Sorting:
    """Parts what is open: issues that several groups may hold are kept, and those alone in their group passed on.

    Of the latter there may be as many as there are resources, and only the first of them are shown.
    """

    def __init__(
        self, weights: _Weights, fixes: Mapping[str, FamilyFix], several: Collection[tuple[str, str, str]]
    ) -> None:
        self.issues: list[Issue] = []
        self.fixes = fixes
        self.count = 0
        self._weights, self._several = weights, several
        self._issues = self._findings = self._points = 0
        self._accounts: set[str] = set()

    def alone(self, issues: Iterable[Issue]) -> Iterator[_Step]:
        """Yield the steps of the issues that are alone in their group; the others are in `issues` at the end."""
        for issue in issues:
            points = self._weights.points[issue.severity]
            self._issues, self._findings = self._issues + 1, self._findings + len(issue.fingerprints)
            self._points += points
            self._accounts.add(issue.account_id)
            has_more = (issue.account_id, issue.resource, issue.family) in self._several
            group = None if has_more else alone(issue, self.fixes.get(issue.family, UNKNOWN_FIX))
            if group is None:
                self.issues.append(issue)
                continue
            self.count += 1
            yield _Step(group, self._weights.cost(group), points, [issue])
        in_order(self.issues)

    def total(self) -> Closes:
        """Return the counts of all issues but of their resources."""
        accounts = len(self._accounts)
        return Closes(issues=self._issues, findings=self._findings, resources=0, accounts=accounts, points=self._points)


def _together(sorting: _Sorting, weights: _Weights) -> Iterator[_Step]:
    """Yield the steps of the issues that several groups may hold, in their order."""
    issues, points = sorting.issues, weights.points
    groups = grouped(issues, sorting.fixes)
    costs = [weights.cost(group) for group in groups]
    for index, positions in greedy(
        [group.issues for group in groups], costs, [points[issue.severity] for issue in issues]
    ):
        closed = [issues[each] for each in positions]
        yield _Step(groups[index], costs[index], sum([points[issue.severity] for issue in closed]), closed)


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


def _actions(steps: Sequence[_Step], total: Closes, weights: _Weights, remedies: Remedies) -> Iterator[Action]:
    points = cost = 0
    for rank, step in enumerate(steps, 1):
        group, closed = step.group, step.closed
        fix, closes, remedy = group.fix, weights.closes(closed), remedies.of(group.target.kind, closed)
        points, cost = points + closes.points, cost + step.cost
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
            cost=step.cost,
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
