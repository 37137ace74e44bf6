"""What the controls on databases say, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control
from orgaudit.controls.rds.clusters import (
    rds_cluster_multi_az as cluster_multi_az,
)
from orgaudit.controls.rds.instances import (
    rds_instance_auto_minor_upgrade_enabled as upgraded,
)
from orgaudit.controls.rds.instances import (
    rds_instance_multi_az as multi_az,
)
from orgaudit.controls.rds.instances import (
    rds_instance_private as private,
)
from orgaudit.controls.rds.instances import (
    rds_instance_storage_encrypted as encrypted,
)
from orgaudit.facts.declare import Resource
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.facts.rds import DatabaseInstance
from orgaudit.facts.shard import ListingResult
from orgaudit.model import UNKNOWN, Cell, Status
from orgaudit.store.run import Run, read_lines
from tests.evaluated import findings
from tests.factories import (
    HOME,
    MEMBER,
    NASTY,
    REGIONS,
    Case,
    denied,
    every,
    facts_of,
    failing,
    idle,
    name_of,
    passing,
)
from tests.factories_ec2 import ANY4, ANY6, HALVES4, OFFICE, a_group, a_route_table, all_traffic, listed, rule
from tests.factories_rds import a_cluster, an_instance

NO_ROUTES, NO_GROUPS = denied("ec2:DescribeRouteTables"), denied("ec2:DescribeSecurityGroups")
NO_LIST = denied("ec2:GetManagedPrefixListEntries")

PLACED: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "subnets": ("subnet-1", "subnet-2"),
    "security_groups": ("sg-1", "sg-2"),
    "port": 5432,
}
OPEN, SHUT = rule("tcp", 5432, ANY4), rule("tcp", 5432, OFFICE)
LISTED = (listed(RouteTable), listed(SecurityGroup))
PUBLIC_SUBNET = a_route_table("subnet-2", to_internet=True)
MAIN = a_route_table(table_id="rtb-2", main=True)
SECOND = a_group(group_id="sg-2")


def near(*lines: Resource | ListingResult, **changes: Any) -> tuple[DatabaseInstance, AccountFacts]:
    """A public instance with what of its network was seen."""
    return an_instance(public=True, **PLACED | changes), facts_of(MEMBER, *lines, regions=(HOME,))


NOWHERE = facts_of(MEMBER, *LISTED, regions=(HOME,))
REACHED = (
    failing(
        "a route of one subnet and a group",
        *near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(OPEN), SECOND),
        says="can reach it now: subnet subnet-2 sends 0.0.0.0/0 to igw-1 by rtb-1, and security group sg-1 opens "
        "tcp 5432 from 0.0.0.0/0",
    ),
    failing(
        "the main table's route",
        *near(*LISTED, a_route_table(main=True, to_internet=True), a_group(all_traffic(ANY6)), SECOND),
        says="subnet subnet-1 sends 0.0.0.0/0 to igw-1 by rtb-1, and security group sg-1",
    ),
    failing(
        "two groups with half of the internet each",
        *near(
            *(*LISTED, PUBLIC_SUBNET, MAIN),
            *(
                a_group(rule("tcp", 5432, half), group_id=name)
                for half, name in zip(HALVES4, ("sg-1", "sg-2"), strict=True)
            ),
        ),
        says="security group sg-1 with sg-2 opens tcp 5432 from 0.0.0.0/1 + 128.0.0.0/1",
    ),
    failing(
        "a table of its own without the main one's route",
        *near(
            *(*LISTED, a_route_table("subnet-1", "subnet-2"), a_group(OPEN), SECOND),
            a_route_table(table_id="rtb-2", main=True, to_internet=True),
        ),
        says="cannot reach it now: none of its subnets has a route to an internet gateway",
    ),
    failing(
        "the main table of another VPC",
        *near(*LISTED, MAIN, a_route_table(vpc_id="vpc-2", main=True, to_internet=True), a_group(OPEN), SECOND),
        says="cannot reach it now: none of its subnets",
    ),
    failing(
        "public behind a group",
        *near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(SHUT), SECOND),
        says="cannot reach it now: none of its security groups opens its port to the internet",
    ),
    failing(
        "another port is open",
        *near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(rule("tcp", 443, ANY4), rule("udp", 5432, ANY4)), SECOND),
        says="none of its security groups",
    ),
    failing(
        "neither", *near(*LISTED, MAIN, a_group(), SECOND), says="internet gateway and none of its security groups"
    ),
    failing(
        "route tables denied",
        *near(listed(RouteTable, gap=NO_ROUTES), LISTED[1], a_group(OPEN), SECOND),
        says="is unknown; not assessed: route tables: ec2:DescribeRouteTables is denied",
    ),
    failing(
        "route tables denied, groups closed",
        *near(listed(RouteTable, gap=NO_ROUTES), LISTED[1], a_group(), SECOND),
        says="cannot reach it now: none of its security groups",
    ),
    failing(
        "groups denied",
        *near(LISTED[0], listed(SecurityGroup, gap=NO_GROUPS), PUBLIC_SUBNET, MAIN),
        says="not assessed: security groups: ec2:DescribeSecurityGroups is denied",
    ),
    failing("nothing collected", *near(), says="route tables: not collected in this run; security groups: not"),
    failing(
        "a group that was not seen",
        *near(*LISTED, PUBLIC_SUBNET, MAIN, a_group()),
        says="not assessed: security group sg-2",
    ),
    failing(
        "a prefix list that was not seen",
        *near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(all_traffic("pl-1"), pl_1=NO_LIST), SECOND),
        says="not assessed: a prefix list that a rule names: ec2:GetManagedPrefixListEntries is denied",
    ),
    failing(
        "a table that was not seen", *near(*LISTED, a_group(OPEN), SECOND), says="the route table of subnet subnet-1"
    ),
    failing(
        "no port yet",
        *near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(OPEN), SECOND, port=None),
        says="not assessed: the port of the instance",
    ),
    failing(
        "subnets that RDS does not name",
        *near(*LISTED, PUBLIC_SUBNET, a_group(OPEN), SECOND, subnets=()),
        says="not assessed: the subnets of the instance",
    ),
)

CASES: dict[Control, tuple[Case, ...]] = {
    encrypted: (
        passing("encrypted", an_instance()),
        failing("plain", an_instance(encrypted=False), says="not encrypted"),
    ),
    upgraded: (
        passing("by itself", an_instance()),
        failing("by hand", an_instance(upgrades_minor_versions=False), says="are not upgraded automatically"),
    ),
    private: (
        passing("private", an_instance(), NOWHERE),
        passing("private, in a public subnet", an_instance(), near(*LISTED, PUBLIC_SUBNET, a_group(OPEN))[1]),
        failing("public", an_instance(public=True), NOWHERE, says="publicly accessible"),
        *REACHED,
    ),
    multi_az: (
        passing("standby", an_instance()),
        failing("one zone", an_instance(multi_az=False), says="a single Availability Zone"),
        idle(
            "a member of a cluster",
            an_instance(multi_az=False, cluster="orders"),
            says="a member of cluster orders",
        ),
    ),
    cluster_multi_az: (
        passing("several zones", a_cluster()),
        failing("one zone", a_cluster(multi_az=False), says="one Availability Zone"),
    ),
}


NASTY_RESOURCES = (an_instance(NASTY), a_cluster(NASTY, engine=NASTY))


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_what_stands_before_a_public_instance_is_in_the_evidence() -> None:
    """Subnets and groups are shown, and decide nothing."""
    evidence = private(*near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(OPEN), SECOND)).evidence
    assert evidence == {
        "engine": "postgres",
        "vpc": "vpc-1",
        "subnets": ("subnet-1", "subnet-2"),
        "security_groups": ("sg-1", "sg-2"),
        "port": 5432,
        "reachable_from_internet": True,
        "internet_routes": ["subnet subnet-2 sends 0.0.0.0/0 to igw-1 by rtb-1"],
        "open_groups": ["security group sg-1 opens tcp 5432 from 0.0.0.0/0"],
        "unseen": [],
    }


@pytest.mark.parametrize("case", REACHED, ids=name_of)
def test_reach_is_told_as_far_as_it_was_seen(case: Case) -> None:
    evidence = private(*case.arguments).evidence
    told = {True: "can reach it now", False: "cannot reach it now", None: "reach it now is unknown"}
    assert told[evidence["reachable_from_internet"]] in private(*case.arguments).reason
    assert evidence["unseen"] or evidence["reachable_from_internet"] is not None


@pytest.mark.parametrize("field", ["vpc_id", "subnets", "security_groups", "port"])
def test_what_was_not_seen_of_a_network_decides_nothing(field: str) -> None:
    hidden = {field: denied("rds:DescribeDBInstances")}
    lines = (*LISTED, MAIN, a_group(OPEN), SECOND)
    verdict = private(*near(*lines, **hidden))
    name = {"vpc_id": "vpc"}.get(field, field)
    assert verdict.status is Status.FAIL
    assert verdict.evidence[name] == UNKNOWN
    assert private(an_instance(**PLACED | hidden), NOWHERE).status is Status.PASS
    assert verdict.evidence["unseen"]


HIDDEN = denied("ec2:DescribeRouteTables")
OTHER = a_route_table(table_id="rtb-9", vpc_id="vpc-2")
PARTLY = {
    "subnets of a table": (msgspec.structs.replace(a_route_table(), subnets=HIDDEN), MAIN, None),
    "subnets of a table of an unknown VPC": (
        msgspec.structs.replace(OTHER, vpc_id=HIDDEN, subnets=HIDDEN),
        *(MAIN, None),
    ),
    "subnets of a table of another VPC": (msgspec.structs.replace(OTHER, subnets=HIDDEN), MAIN, False),
    "VPC of the main table": (msgspec.structs.replace(MAIN, vpc_id=HIDDEN), OTHER, None),
    "whether a table is the main one": (msgspec.structs.replace(MAIN, main=HIDDEN), OTHER, None),
    "routes": (msgspec.structs.replace(MAIN, internet=HIDDEN), OTHER, None),
}


@pytest.mark.parametrize(("table", "other", "reachable"), PARTLY.values(), ids=list(PARTLY))
def test_route_tables_that_were_seen_in_part(table: RouteTable, other: RouteTable, reachable: bool | None) -> None:
    evidence = private(*near(*LISTED, table, other, a_group(OPEN), SECOND)).evidence
    assert evidence["reachable_from_internet"] is reachable
    assert bool(evidence["unseen"]) is (reachable is None)


def test_group_without_its_rules_is_not_seen() -> None:
    hidden = msgspec.structs.replace(SECOND, rules=denied("ec2:DescribeSecurityGroups"))
    evidence = private(*near(*LISTED, PUBLIC_SUBNET, MAIN, a_group(SHUT), hidden)).evidence
    assert (evidence["reachable_from_internet"], evidence["unseen"]) == (None, ["security group sg-2"])


def test_encryption_is_about_storage_only() -> None:
    """Nothing but the storage's encryption is asked."""
    assert encrypted(an_instance(public=True, multi_az=False, upgrades_minor_versions=False)).status is Status.PASS


def test_what_was_seen_of_a_listing_is_judged_beside_its_gap(tmp_path: Path) -> None:
    """One row that cannot be read neither hides the others nor lets the region pass."""
    cut_off = ListingResult("DatabaseInstance", HOME, count=1, gap=denied("rds:DescribeDBInstances"))
    facts = facts_of(MEMBER, cut_off, an_instance(public=True), regions=REGIONS)
    region, instance = findings(tmp_path, private, facts)
    assert (region.status, region.resource) == (Status.NOT_ASSESSED, f"{MEMBER}:{HOME}")
    assert (instance.status, instance.resource) == (Status.FAIL, an_instance().arn)
    (cell,) = read_lines(Run(tmp_path).cells_path(MEMBER), msgspec.json.Decoder(Cell))
    assert (cell.status, cell.not_assessed, cell.failed) == (Status.NOT_ASSESSED, 1, 1)
