"""The open issues of a run, with the facts by which they are grouped, and the fix of each family of controls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from sys import intern
from typing import Any, TypeVar

import duckdb
import msgspec

from orgaudit.model import Disruption, Effort, Severity
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.tables import HOME, SEVERITY_RANK

E = TypeVar("E", bound=StrEnum)

STACK_ID, STACK_NAME = "aws:cloudformation:stack-id", "aws:cloudformation:stack-name"
LAUNCH_TEMPLATE, SCALING_GROUP = "aws:ec2launchtemplate:id", "aws:autoscaling:groupName"
PULUMI = ("pulumi:project", "pulumi:stack")
SST = ("sst:app", "sst:stage")
YOR = ("git_org", "git_repo", "git_file")
TAGS = (STACK_ID, STACK_NAME, LAUNCH_TEMPLATE, SCALING_GROUP, *PULUMI, *SST, *YOR)
"""The keys of tags that name what made a resource.

CloudFormation sets its own, also where CDK, SAM, Serverless Framework, Elastic Beanstalk or eksctl deploy through it
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html). EC2 and Auto
Scaling set theirs on instances
(https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html). SST sets its own, and Yor those
that trace a resource to its template file; Pulumi's are a convention of those who use it. Terraform itself sets none.
"""


class Issue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One open issue: (account, region, resource, family), with its open findings and their highest severity.

    A resource that several accounts share is one issue of the account where it lives, as everywhere that issues are
    counted; `shared_by` is how many they are. `account_name` is empty where that account was not in the run. `owner` is
    empty without one. `tags` are the resource's of TAGS. `text` and `command` are the service-wide ones, and `policy`
    the hash of the policy's text, where all its findings have the same. `is_beyond` is whether that command is for
    member accounts and this is the management account.
    """

    account_id: str
    account_name: str
    region: str
    resource: str
    resource_type: str
    family: str
    severity: Severity
    fingerprints: tuple[str, ...]
    owner: str
    shared_by: int
    tags: Mapping[str, str]
    text: str | None
    command: str | None
    policy: str | None
    is_beyond: bool


@dataclass(frozen=True, slots=True)
class FamilyFix:
    """What one fix of a family takes: the most that any of its controls declares; effort is None for older runs.

    `per_resource` is whether each resource is fixed by itself, rather than all of them by one setting.
    """

    effort: Effort | None
    per_resource: bool
    disruption: Disruption | None
    reversible: bool


def family_fixes(controls: Iterable[ControlRecord]) -> dict[str, FamilyFix]:
    """Return the fix of each family; what a run of an earlier version does not say is None, and fixed one by one."""
    families: dict[str, list[ControlRecord]] = {}
    for control in controls:
        families.setdefault(control.family or control.id, []).append(control)
    return {
        family: FamilyFix(
            effort=_most(Effort, [each.effort for each in members]),
            per_resource=any(each.per_resource or not each.effort for each in members),
            disruption=_most(Disruption, [each.disruption for each in members]),
            reversible=all(each.reversible for each in members),
        )
        for family, members in families.items()
    }


UNKNOWN_FIX = FamilyFix(effort=None, per_resource=True, disruption=None, reversible=True)
"""The fix of a family that the manifest does not have."""


def together(members: Sequence[FamilyFix]) -> FamilyFix:
    """Return what one change takes that fixes all these families: the most that any of them does."""
    if len(members) == 1:
        return members[0]
    efforts, disruptions = [each.effort for each in members], [each.disruption for each in members]
    return FamilyFix(
        effort=_most(Effort, [each or "" for each in efforts]),
        per_resource=any(each.per_resource for each in members),
        disruption=_most(Disruption, [each or "" for each in disruptions]),
        reversible=all(each.reversible for each in members),
    )


def _most(order: type[E], stated: Sequence[str]) -> E | None:
    """Return the last in the order that is stated, or None where one states nothing that is known."""
    known = list(order)
    return None if set(stated) - set(known) else max(map(order, stated), key=known.index)


def _same(column: str) -> str:
    """Return the SQL of what all findings of an issue have in a column, NULL where they differ or one has nothing."""
    return f"if(min({column}) = max({column}) AND count({column}) = count(*), min({column}), NULL)"


_TAG_VALUES = ", ".join(f"map_extract(resource_tags, '{tag}')[1]" for tag in TAGS)

_ISSUES = f"""
    SELECT home, coalesce(any_value(account_name) FILTER (account_id = home), ''), region, resource,
           any_value(resource_type), family,
           max(rank), list(fingerprint ORDER BY fingerprint), coalesce(min(owner), ''),
           count(DISTINCT account_id), any_value(tags),
           {_same("wide_text")}, {_same("wide_command")}, {_same("policy")},
           home = $2 AND bool_or(wide_text ILIKE '%member%')
    FROM (SELECT {HOME} AS home, account_id, account_name, region, resource,
                 resource_type, family, {SEVERITY_RANK} AS rank, fingerprint, owner,
                 if(cardinality(resource_tags) = 0, NULL, [{_TAG_VALUES}]) AS tags,
                 remediation.service_wide.text AS wide_text, remediation.service_wide.command AS wide_command,
                 if(contains(evidence, 'policy_sha256'), evidence->>'$.policy_sha256', NULL) AS policy
          FROM findings WHERE open AND (len($1) = 0 OR coalesce(owner, '') IN (SELECT unnest($1))))
    GROUP BY home, region, resource, family
"""  # noqa: S608 - constants only
_RESOURCES = f"""
    SELECT DISTINCT {HOME}, resource FROM findings
    WHERE open AND (len($1) = 0 OR coalesce(owner, '') IN (SELECT unnest($1)))
"""  # noqa: S608 - constants only
_SEVERAL = f"""
    SELECT {HOME}, resource, family FROM findings WHERE open GROUP BY ALL HAVING min(region) <> max(region)
"""  # noqa: S608 - constants only
_OWNERS = "SELECT DISTINCT coalesce(owner, '') FROM findings WHERE open ORDER BY 1"
_AT_ONCE = 5000
_PLACE = ("account_id", "region", "resource", "family")
"""The fields that identify an issue, in the order by which issues are sorted."""


def owners_in(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return who owns open findings; the empty name is of those without an owner."""
    return [row[0] for row in connection.execute(_OWNERS).fetchall()]


def open_issues(
    connection: duckdb.DuckDBPyConnection, owners: Collection[str] = (), management: str = ""
) -> Iterator[Issue]:
    """Yield every open issue of these owners, or of all without any, in no order.

    `management` is the id of the management account.
    """
    rows = connection.execute(_ISSUES, [list(owners), management])
    while chunk := rows.fetchmany(_AT_ONCE):
        yield from map(_issue, chunk)


def in_order(issues: list[Issue]) -> None:
    """Sort issues by account, region, resource and family."""
    for place in reversed(_PLACE):  # a key of four values would be a tuple for each
        issues.sort(key=attrgetter(place))


def open_resources(connection: duckdb.DuckDBPyConnection, owners: Collection[str] = ()) -> int:
    """Return how many resources have open findings of these owners, or of anybody without any."""
    return int(connection.execute(f"SELECT count(*) FROM ({_RESOURCES})", [list(owners)]).fetchall()[0][0])  # noqa: S608


def in_several_regions(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    """Return the account, resource and family of what is open in more than one region."""
    return set(connection.execute(_SEVERAL).fetchall())


_SEVERITIES = list(Severity)
_NO_TAGS: Mapping[str, str] = {}


def _issue(row: tuple[Any, ...]) -> Issue:
    account, name, region, resource, kind, family, rank, fingerprints, owner, shared_by, *facts = row
    tags, text, command, policy, beyond = facts
    return Issue(
        account_id=intern(account),
        account_name=intern(name),
        region=intern(region),
        resource=resource,
        resource_type=intern(kind),
        family=intern(family),
        severity=_SEVERITIES[rank - 1],
        fingerprints=tuple(fingerprints),
        owner=intern(owner),
        shared_by=shared_by,
        tags={key: value for key, value in zip(TAGS, tags, strict=True) if value} or _NO_TAGS if tags else _NO_TAGS,
        text=text and intern(text),
        command=command and intern(command),
        policy=policy,
        is_beyond=beyond,
    )
