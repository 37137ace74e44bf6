"""What removes issues together: each rule says of an issue which one thing, if any, would remove it with others.

A rule uses only what the run shows: what a control declares of its fix, the tags that tools set, the hash of a policy's
text, the account that owns a shared resource. An issue may be in several groups; the order decides which one counts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache, lru_cache

import msgspec

from orgaudit.actions.issues import (
    LAUNCH_TEMPLATE,
    PULUMI,
    SCALING_GROUP,
    SST,
    STACK_ID,
    STACK_NAME,
    UNKNOWN_FIX,
    YOR,
    FamilyFix,
    Issue,
    together,
)
from orgaudit.model import Disruption


class Kind(StrEnum):
    """What is changed once, the widest first."""

    ORGANIZATION = "organization"
    SETTING = "setting"
    STACK = "stack"
    LAUNCH_TEMPLATE = "launch template"
    POLICY = "policy"
    SHARED_RESOURCE = "shared resource"
    RESOURCE = "resource"


class Target(msgspec.Struct, frozen=True, gc=False):
    """One thing to change: its kind, what identifies it among these, and its name in words."""

    kind: Kind
    key: str
    words: str = ""


class Group(msgspec.Struct, frozen=True, gc=False):
    """The issues that one change removes, as positions in a list of issues, their families, and what it takes.

    They are of one family, or of several where one command of the organization or one service-wide text fixes all.
    `times` is how often the fix is made: for each family of a setting and each resource with a policy, else once.
    """

    target: Target
    families: tuple[str, ...]
    fix: FamilyFix
    issues: tuple[int, ...]
    times: int


_ORGANIZATION = re.compile("organization", re.IGNORECASE)
_STACK_SET = re.compile(r"StackSet-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The name of a stack that a StackSet made: the StackSet's own, and an id in each account and region."""


def is_of_organization(command: str | None, account: str) -> bool:
    """Return whether a service-wide command is one of the organization and not of an account."""
    return command is not None and account not in command and _names_organization(command)


@lru_cache(maxsize=4096)
def _names_organization(command: str) -> bool:
    return _ORGANIZATION.search(command) is not None


def organization(issue: Issue, _fix: FamilyFix) -> Target | None:
    """Return the command of the organization that fixes every account, but for one that it does not reach."""
    if issue.command is None or issue.is_beyond or not is_of_organization(issue.command, issue.account_id):
        return None
    return Target(Kind.ORGANIZATION, issue.command.replace(issue.region, "{region}"))


def setting(issue: Issue, fix: FamilyFix) -> Target | None:
    """Return the setting of accounts or regions that fixes all of a family, or whose command names the account."""
    if organization(issue, fix):
        return None
    names_account = issue.command is not None and issue.account_id in issue.command
    return None if fix.per_resource and not names_account else Target(Kind.SETTING, "")


def stack(issue: Issue, _fix: FamilyFix) -> Target | None:
    """Return what made the resource by a template, as the tags show."""
    if not issue.tags:
        return None
    return _cloudformation(issue) or _pulumi(issue) or _sst(issue) or _traced(issue)


def _cloudformation(issue: Issue) -> Target | None:
    name, arn = issue.tags.get(STACK_NAME), issue.tags.get(STACK_ID)
    if name is None:
        return None
    if of_set := _STACK_SET.fullmatch(name):
        return Target(Kind.STACK, f"StackSet {of_set[1]}", f"the StackSet {of_set[1]}")
    key = arn or f"{issue.account_id} {issue.region} {name}"
    return Target(Kind.STACK, key, f"the CloudFormation stack {name} of account {issue.account_name}")


def _pulumi(issue: Issue) -> Target | None:
    return _named(issue, PULUMI, "the Pulumi stack")


def _sst(issue: Issue) -> Target | None:
    return _named(issue, SST, "the SST application")


def _traced(issue: Issue) -> Target | None:
    return _named(issue, YOR, "the template file")


def _named(issue: Issue, keys: Iterable[str], noun: str) -> Target | None:
    """Return what all these tags name together; None where one is missing, because the others do not identify it."""
    names = [issue.tags.get(key, "") for key in keys]
    return Target(Kind.STACK, f"{noun} {'/'.join(names)}", f"{noun} {'/'.join(names)}") if all(names) else None


def launch_template(issue: Issue, _fix: FamilyFix) -> Target | None:
    """Return the launch template of an instance, or the Auto Scaling group that starts it from one."""
    if issue.resource_type != "Instance":
        return None
    if template := issue.tags.get(LAUNCH_TEMPLATE):
        return Target(Kind.LAUNCH_TEMPLATE, template, f"the launch template {template}")
    if group := issue.tags.get(SCALING_GROUP):
        key = f"{issue.account_id} {issue.region} {group}"
        return Target(Kind.LAUNCH_TEMPLATE, key, f"the Auto Scaling group {group} of account {issue.account_name}")
    return None


def policy(issue: Issue, _fix: FamilyFix) -> Target | None:
    """Return the policy text, where it is the same but for the ARN of the resource that has it."""
    return Target(Kind.POLICY, issue.policy, "the same policy text") if issue.policy else None


def resource(issue: Issue, fix: FamilyFix) -> Target | None:
    """Return the resource itself, in the account where it lives, where each is fixed by itself."""
    return Target(Kind.RESOURCE, f"{issue.account_id} {issue.resource}") if fix.per_resource else None


RULES: tuple[Callable[[Issue, FamilyFix], Target | None], ...] = (
    organization,
    setting,
    stack,
    launch_template,
    policy,
    resource,
)


def grouped(issues: Sequence[Issue], fixes: Mapping[str, FamilyFix]) -> list[Group]:
    """Return every group that a rule makes of issues, the widest kinds first, then by family and key.

    Each issue is in at least one. A group of a single issue is left out where the resource itself is a group.
    """
    found: dict[tuple[Kind, str, str], tuple[Target, list[int]]] = {}
    for position, issue in enumerate(issues):
        fix = fixes.get(issue.family, UNKNOWN_FIX)
        for rule in RULES:
            target = rule(issue, fix)
            if target is None:
                continue
            place = (target.kind, "" if target.kind is Kind.ORGANIZATION else issue.family, target.key)
            if place in found:
                found[place][1].append(position)
            else:
                found[place] = (target, [position])
    groups = (
        _group(target, [issues[each] for each in members], members, fixes)
        for target, members in _one_setting_each(found, issues, fixes)
    )
    return sorted((group for group in groups if group is not None), key=place_of)


def alone(issue: Issue, fix: FamilyFix) -> Group | None:
    """Return the group of an issue that nothing but a change of its own resource removes; None for any other.

    It closes that issue alone, unless its resource is open in several regions.
    """
    target = resource(issue, fix)
    if target is None or any(rule(issue, fix) for rule in RULES if rule is not resource):
        return None
    return _group(target, [issue], (0,), {issue.family: fix})


_KINDS = {kind: rank for rank, kind in enumerate(Kind)}


def place_of(group: Group) -> tuple[int, tuple[str, ...], str]:
    """Return what groups are sorted by: the widest kinds first, then family and key."""
    return _KINDS[group.target.kind], group.families, group.target.key


def _one_setting_each(
    found: dict[tuple[Kind, str, str], tuple[Target, list[int]]],
    issues: Sequence[Issue],
    fixes: Mapping[str, FamilyFix],
) -> Iterator[tuple[Target, list[int]]]:
    """Yield targets with their issues, and take them out of those found.

    Families that the same service-wide text fixes at the same effort are one.
    """
    settings: dict[str, list[int]] = {}
    while found:  # what was yielded is not held any longer: there may be as many groups as issues
        (kind, family, _), (target, positions) = found.popitem()
        if kind is not Kind.SETTING:
            yield target, positions
            continue
        texts = {issues[each].text for each in positions}
        text = texts.pop() if len(texts) == 1 else None
        size = fixes.get(family, UNKNOWN_FIX).effort
        settings.setdefault(f"{size} {text}" if text else family, []).extend(positions)
    for key, positions in settings.items():
        yield Target(Kind.SETTING, key), sorted(positions)


def _group(
    target: Target, members: Sequence[Issue], positions: Sequence[int], fixes: Mapping[str, FamilyFix]
) -> Group | None:
    families = _alone(members[0].family) if len(members) == 1 else tuple(sorted({issue.family for issue in members}))
    fix = together([fixes.get(family, UNKNOWN_FIX) for family in families])
    if target.kind is Kind.RESOURCE:
        shared = any(issue.shared_by > 1 for issue in members)
        target = msgspec.structs.replace(target, kind=Kind.SHARED_RESOURCE) if shared else target
    elif len(members) == 1 and fix.per_resource:
        return None
    if target.kind is Kind.LAUNCH_TEMPLATE:
        # A new version of a launch template changes no instance that runs.
        fix = replace(fix, disruption=Disruption.REPLACEMENT)
    times = len(families) if target.kind is Kind.SETTING else 1
    if target.kind is Kind.POLICY and fix.per_resource:
        times = len({(issue.account_id, issue.resource) for issue in members})
    return Group(target, families, fix, tuple(positions), times)


@cache
def _alone(family: str) -> tuple[str, ...]:
    """Return a family by itself, the same object for all of the many groups of one issue."""
    return (family,)
