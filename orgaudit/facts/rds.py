"""RDS database instances and clusters. Neptune and DocumentDB answer through the same API and are left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.reach import Inbound, Opening, Question
from orgaudit.facts.ec2.routes import RouteTable, table_of
from orgaudit.facts.rows import each_row, tags_in
from orgaudit.model import Gap, NotSeenError, Observed, Scope, Seen

ENGINES_OF_OTHER_SERVICES = frozenset({"docdb", "neptune"})


class DatabaseInstance(Resource, frozen=True, kw_only=True):
    """A database instance; `cluster` names the cluster of which it is a member, `port` is None before it has one."""

    engine: Observed[str]
    public: Observed[bool]
    encrypted: Observed[bool]
    upgrades_minor_versions: Observed[bool]
    multi_az: Observed[bool]
    cluster: str | None = None
    vpc_id: Observed[str]
    subnets: Observed[tuple[str, ...]]
    security_groups: Observed[tuple[str, ...]]
    port: Observed[int | None]


class DatabaseCluster(Resource, frozen=True, kw_only=True):
    """A database cluster; `multi_az` says whether its instances stand in several zones."""

    engine: Observed[str]
    multi_az: Observed[bool]


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBInstances",))
async def database_instances(aws: Aws) -> AsyncIterator[DatabaseInstance]:
    """Yield the region's database instances, members of clusters included."""
    lists = (page["DBInstances"] async for page in aws.pages("rds", "DescribeDBInstances"))
    async for row in each_row(aws, "rds:DescribeDBInstances", lists):
        with row as found:
            if found.get("Engine") in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseInstance(
                arn=found["DBInstanceArn"],
                account_id=aws.account_id,
                region=aws.region,
                tags=tags_in(found.get("TagList")),
                engine=row.member("Engine", str),
                public=row.member("PubliclyAccessible", bool),
                encrypted=row.member("StorageEncrypted", bool),
                upgrades_minor_versions=row.member("AutoMinorVersionUpgrade", bool),
                multi_az=row.member("MultiAZ", bool),
                # Only members of a cluster have it:
                # docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
                cluster=found.get("DBClusterIdentifier"),
                vpc_id=row.member("DBSubnetGroup.VpcId", str),
                subnets=row.read(_subnets),
                security_groups=row.read(_security_groups),
                port=row.read(_port),
            )


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBClusters",))
async def database_clusters(aws: Aws) -> AsyncIterator[DatabaseCluster]:
    """Yield the region's database clusters."""
    lists = (page["DBClusters"] async for page in aws.pages("rds", "DescribeDBClusters"))
    async for row in each_row(aws, "rds:DescribeDBClusters", lists):
        with row as found:
            if found.get("Engine") in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseCluster(
                arn=found["DBClusterArn"],
                account_id=aws.account_id,
                region=aws.region,
                tags=tags_in(found.get("TagList")),
                engine=row.member("Engine", str),
                multi_az=row.member("MultiAZ", bool),
            )


def _subnets(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(subnet["SubnetIdentifier"] for subnet in found["DBSubnetGroup"]["Subnets"])


def _security_groups(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"])


def _port(found: Mapping[str, Any]) -> int | None:
    """Return the port, which the endpoint has; an instance that is being created has no endpoint and port 0."""
    return int(found.get("Endpoint", {}).get("Port") or found["DbInstancePort"]) or None


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
    if isinstance(instance.subnets, Gap) or not instance.subnets.value:
        return Half(unseen=("the subnets of the instance",))
    tables = [table for table in account.resources(RouteTable) if table.region == instance.region]
    vpc_id = instance.vpc_id.value if isinstance(instance.vpc_id, Seen) else None
    told: list[str] = []
    unseen: list[str] = []
    for subnet in instance.subnets.value:
        table = table_of(subnet, vpc_id, tables)
        if table is None:
            unseen.append(f"the route table of subnet {subnet}")
        elif isinstance(table.internet, Gap):
            unseen.append(f"the routes of route table {table.name}")
        else:
            told += (
                f"subnet {subnet} sends {route.destination} to {route.gateway} by {table.name}"
                for route in table.internet.value
            )
    return Half(tuple(told), tuple(unseen))


def _groups_of(instance: DatabaseInstance, account: AccountFacts) -> Half:
    if gap := _not_listed(SecurityGroup, instance, account):
        return Half(unseen=(f"security groups: {gap}",))
    if isinstance(instance.port, Gap) or instance.port.value is None:
        return Half(unseen=("the port of the instance",))
    if isinstance(instance.security_groups, Gap):
        return Half(unseen=("the security groups of the instance",))
    named = set(instance.security_groups.value)
    groups = [each for each in account.resources(SecurityGroup) if each.name in named and isinstance(each.rules, Seen)]
    # The rules of all groups of an instance add up.
    inbound = Inbound(
        [rule for group in groups for rule in group.rules.value],
        {list_id: found for group in groups for list_id, found in group.lists.items()},
    )
    lacking = tuple(f"security group {each}" for each in sorted(named - {group.name for group in groups}))
    try:
        openings = inbound.openings(Question((instance.port.value,), ("tcp",)))
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
    names = [group.name for group in groups if any(rule in group.rules.value for rule in rules)]
    return f"security group {' with '.join(names)} opens {opening.describe()}"
