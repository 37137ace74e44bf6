"""RDS database instances and clusters. Neptune and DocumentDB answer through the same API and are left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.reach import Inbound, Opening, Question
from orgaudit.facts.ec2.routes import RouteTable, table_of
from orgaudit.model import NotSeenError, Scope

ENGINES_OF_OTHER_SERVICES = frozenset({"docdb", "neptune"})


class DatabaseInstance(Resource, frozen=True, kw_only=True):
    """A database instance; `cluster` names the cluster of which it is a member, `port` is None before it has one."""

    engine: str
    public: bool
    encrypted: bool
    upgrades_minor_versions: bool
    multi_az: bool
    cluster: str | None = None
    vpc_id: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    port: int | None = None


class DatabaseCluster(Resource, frozen=True, kw_only=True):
    """A database cluster; `multi_az` says whether its instances stand in several zones."""

    engine: str
    multi_az: bool


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBInstances",))
async def database_instances(aws: Aws) -> AsyncIterator[DatabaseInstance]:
    """Yield the region's database instances, members of clusters included."""
    async for page in aws.pages("rds", "DescribeDBInstances"):
        for found in page["DBInstances"]:
            if found["Engine"] in ENGINES_OF_OTHER_SERVICES:
                continue
            group = found.get("DBSubnetGroup", {})
            yield DatabaseInstance(
                arn=found["DBInstanceArn"],
                account_id=aws.account_id,
                region=aws.region,
                tags=_tags(found),
                engine=found["Engine"],
                public=found["PubliclyAccessible"],
                encrypted=found["StorageEncrypted"],
                upgrades_minor_versions=found["AutoMinorVersionUpgrade"],
                multi_az=found["MultiAZ"],
                cluster=found.get("DBClusterIdentifier"),
                vpc_id=group.get("VpcId"),
                subnets=tuple(subnet["SubnetIdentifier"] for subnet in group.get("Subnets", ())),
                security_groups=tuple(each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups", ())),
                port=found.get("Endpoint", {}).get("Port") or found.get("DbInstancePort") or None,
            )


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBClusters",))
async def database_clusters(aws: Aws) -> AsyncIterator[DatabaseCluster]:
    """Yield the region's database clusters."""
    async for page in aws.pages("rds", "DescribeDBClusters"):
        for found in page["DBClusters"]:
            if found["Engine"] in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseCluster(
                arn=found["DBClusterArn"],
                account_id=aws.account_id,
                region=aws.region,
                tags=_tags(found),
                engine=found["Engine"],
                multi_az=found["MultiAZ"],
            )


def _tags(found: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("TagList", ())}


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the way from the internet to an instance: the sentences that show it, and what was not seen of it."""

    shown: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def open(self) -> bool | None:
        """Whether this half is open, None where that is unknown."""
        return True if self.shown else None if self.unseen else False


@dataclass(frozen=True, slots=True)
class Approach:
    """What leads from the internet to an instance: routes of its subnets, and what its security groups let in."""

    routes: Half
    groups: Half

    @property
    def reachable(self) -> bool | None:
        """Whether a route and the groups let the internet in, None where that is unknown."""
        halves = {self.routes.open, self.groups.open}
        return False if False in halves else None if None in halves else True


def approach_to(instance: DatabaseInstance, account: AccountFacts) -> Approach:
    """Return what leads to an instance by the route tables and security groups that its account shows."""
    return Approach(_routes_to(instance, account), _groups_of(instance, account))


def _routes_to(instance: DatabaseInstance, account: AccountFacts) -> Half:
    if gap := _not_listed(RouteTable, instance, account):
        return Half(unseen=(f"route tables: {gap}",))
    tables = [table for table in account.resources(RouteTable) if table.region == instance.region]
    found = {subnet: table_of(subnet, instance.vpc_id, tables) for subnet in instance.subnets}
    return Half(
        tuple(
            f"subnet {subnet} sends {route.destination} to {route.gateway} by {table.name}"
            for subnet, table in found.items()
            if table is not None
            for route in table.internet
        ),
        tuple(f"the route table of subnet {subnet}" for subnet, table in found.items() if table is None)
        or (() if found else ("the subnets of the instance",)),
    )


def _groups_of(instance: DatabaseInstance, account: AccountFacts) -> Half:
    if gap := _not_listed(SecurityGroup, instance, account):
        return Half(unseen=(f"security groups: {gap}",))
    if instance.port is None:
        return Half(unseen=("the port of the instance",))
    named = set(instance.security_groups)
    groups = [each for each in account.resources(SecurityGroup) if each.name in named]
    # The rules of all groups of an instance add up.
    inbound = Inbound(
        [rule for group in groups for rule in group.rules],
        {list_id: found for group in groups for list_id, found in group.lists.items()},
    )
    lacking = tuple(f"security group {each}" for each in sorted(named - {group.name for group in groups}))
    try:
        openings = inbound.openings(Question((instance.port,), ("tcp",)))
    except NotSeenError as error:
        return Half(unseen=(*lacking, f"a prefix list that a rule names: {error.gap.message}"))
    return Half(tuple(_described(opening, groups) for opening in openings), lacking)


def _not_listed(kind: type[Resource], instance: DatabaseInstance, account: AccountFacts) -> str:
    """Return why the resources of a kind in the instance's region were not seen, empty where they were."""
    listed = account.listing(kind, instance.region)
    if listed is None:
        return "not collected in this run"
    return listed.gap.message or listed.gap.reason if listed.gap is not None else ""


def _described(opening: Opening, groups: Iterable[SecurityGroup]) -> str:
    rules = [source.rule for source in opening.sources]
    names = [group.name for group in groups if any(rule in group.rules for rule in rules)]
    return f"security group {' with '.join(names)} opens {opening.describe()}"
