"""Whether a database instance is reachable from the internet, by its subnets' routes and its security groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.ec2.reach import Inbound, PortOpening, Question
from orgaudit.analysis.ec2.vpcs import table_of
from orgaudit.facts.declare import Resource
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.facts.rds import DatabaseInstance
from orgaudit.facts.redshift import RedshiftCluster
from orgaudit.model import Gap, NotSeenError, Seen


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the path from the internet to an instance: sentences on what opens it, and what was not seen."""

    shown: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def open(self) -> bool | None:
        """Whether this half is open, None where that is unknown."""
        return True if self.shown else None if self.unseen else False


@dataclass(frozen=True, slots=True)
class Approach:
    """The path from the internet to an instance: the routes of its subnets, and what its security groups allow."""

    routes: Half
    groups: Half

    @property
    def reachable(self) -> bool | None:
        """Whether a route and the groups admit the internet, None where that is unknown."""
        halves = {self.routes.open, self.groups.open}
        return False if False in halves else None if None in halves else True


def approach_to(instance: DatabaseInstance, account: AccountFacts) -> Approach:
    """Return the path to an instance by the route tables and security groups of its account."""
    return Approach(_routes_to(instance, account), groups_of(instance, account))


def _routes_to(instance: DatabaseInstance, account: AccountFacts) -> Half:
    if gap := _not_listed(RouteTable, instance, account):
        return Half(unseen=(f"route tables: {gap}",))
    if isinstance(instance.subnets, Gap) or not instance.subnets.value:
        return Half(unseen=("the subnets of the instance",))
    tables = account.having(RouteTable, region_of, instance.region)
    vpc_id = instance.vpc_id.value if isinstance(instance.vpc_id, Seen) else None
    opening: list[str] = []
    unseen: list[str] = []
    for subnet in instance.subnets.value:
        table = table_of(subnet, vpc_id, tables)
        if table is None:
            unseen.append(f"the route table of subnet {subnet}")
        elif isinstance(table.internet, Gap):
            unseen.append(f"the routes of route table {table.name}")
        else:
            opening += (
                f"subnet {subnet} sends {route.destination} to {route.gateway} by {table.name}"
                for route in table.internet.value
            )
    return Half(tuple(opening), tuple(unseen))


def groups_of(instance: DatabaseInstance | RedshiftCluster, account: AccountFacts) -> Half:
    """Return what the security groups of an instance or a Redshift cluster open of its port to the internet."""
    if gap := _not_listed(SecurityGroup, instance, account):
        return Half(unseen=(f"security groups: {gap}",))
    if isinstance(instance.port, Gap) or instance.port.value is None:
        return Half(unseen=("the port of the instance",))
    if isinstance(instance.security_groups, Gap):
        return Half(unseen=("the security groups of the instance",))
    named = set(instance.security_groups.value)
    found = account.having(SecurityGroup, name_of, *named)
    groups = [each for each in found if isinstance(each.rules, Seen)]
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


def region_of(resource: Resource) -> str:
    """Return the region of a resource."""
    return resource.region


def name_of(resource: Resource) -> str:
    """Return the name of a resource."""
    return resource.name


def _not_listed(kind: type[Resource], instance: Resource, account: AccountFacts) -> str:
    """Return why the resources of a kind in the instance's region were not seen, empty where they were."""
    listed = account.listing(kind, instance.region)
    if listed is None:
        return "not collected in this run"
    return listed.gap.message or listed.gap.reason if listed.gap is not None else ""


def _described(opening: PortOpening, groups: Iterable[SecurityGroup]) -> str:
    rules = [source.rule for source in opening.sources]
    names = [group.name for group in groups if any(rule in group.rules.value for rule in rules)]
    return f"security group {' with '.join(names)} opens {opening.describe()}"
