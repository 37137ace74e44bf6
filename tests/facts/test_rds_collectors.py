"""What the collectors of databases make of answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.rds import database_clusters, database_instances
from orgaudit.model import Gap, GapReason, NotSeenError, Seen
from tests.factories import HOME, MEMBER
from tests.factories_rds import a_cluster, an_instance
from tests.literal_aws import LiteralAws, World

INSTANCE: dict[str, Any] = {
    "DBInstanceArn": an_instance().arn,
    "Engine": "postgres",
    "PubliclyAccessible": False,
    "StorageEncrypted": True,
    "AutoMinorVersionUpgrade": True,
    "MultiAZ": True,
    "DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-1"}]},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    "Endpoint": {"Address": "orders.example.com", "Port": 5432},
}
CLUSTER: dict[str, Any] = {"DBClusterArn": a_cluster().arn, "Engine": "aurora-mysql", "MultiAZ": True}


def aws(**answers: Any) -> LiteralAws:
    return LiteralAws(World({MEMBER: {("rds", name): answer for name, answer in answers.items()}}), MEMBER, HOME)


async def all_of(found: Any) -> list[Any]:
    return [one async for one in found]


async def test_instances_page_by_page() -> None:
    full = INSTANCE | {
        "DBInstanceArn": an_instance("full").arn,
        "DBClusterIdentifier": "orders",
        "PubliclyAccessible": True,
        "DBSubnetGroup": {"VpcId": "vpc-2", "Subnets": [{"SubnetIdentifier": "subnet-2"}]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-2", "Status": "active"}],
        "Endpoint": {"Address": "full.example.com", "Port": 5433},
        "TagList": [{"Key": "stage", "Value": "prod"}],
    }
    at = aws(DescribeDBInstances=[{"DBInstances": [INSTANCE]}, {"DBInstances": [full]}])
    assert await all_of(database_instances(at)) == [
        an_instance(),
        an_instance(
            "full",
            cluster="orders",
            public=True,
            vpc_id="vpc-2",
            subnets=("subnet-2",),
            security_groups=("sg-2",),
            port=5433,
            tags={"stage": "prod"},
        ),
    ]


@pytest.mark.parametrize(
    ("found", "port"),
    [
        ({"Endpoint": {"Port": 3306}}, Seen(3306)),
        ({"DbInstancePort": 3307}, Seen(3307)),
        ({"DbInstancePort": 0}, Seen(None)),
    ],
)
async def test_port_of_an_instance(found: dict[str, Any], port: Seen[int | None]) -> None:
    bare = {name: value for name, value in INSTANCE.items() if name != "Endpoint"}
    (instance,) = await all_of(database_instances(aws(DescribeDBInstances={"DBInstances": [bare | found]})))
    assert instance.port == port


@pytest.mark.parametrize("engine", ["neptune", "docdb"])
async def test_other_services_databases_are_left_out(engine: str) -> None:
    """Neptune and DocumentDB answer through the same API."""
    at = aws(
        DescribeDBInstances={"DBInstances": [INSTANCE | {"Engine": engine}, INSTANCE]},
        DescribeDBClusters={"DBClusters": [CLUSTER | {"Engine": engine}, CLUSTER]},
    )
    assert await all_of(database_instances(at)) == [an_instance()]
    assert await all_of(database_clusters(at)) == [a_cluster()]


async def test_clusters_page_by_page() -> None:
    one_zone = CLUSTER | {"DBClusterArn": a_cluster("small").arn, "MultiAZ": False}
    at = aws(DescribeDBClusters=[{"DBClusters": [CLUSTER]}, {"DBClusters": [one_zone]}])
    assert await all_of(database_clusters(at)) == [a_cluster(), a_cluster("small", multi_az=False)]


@pytest.mark.parametrize(
    ("lacking", "field"),
    [
        ("PubliclyAccessible", "public"),
        ("StorageEncrypted", "encrypted"),
        ("AutoMinorVersionUpgrade", "upgrades_minor_versions"),
        ("MultiAZ", "multi_az"),
        ("Engine", "engine"),
    ],
)
async def test_what_an_instance_lacks_is_a_gap_of_that_field(lacking: str, field: str) -> None:
    answer = {name: value for name, value in INSTANCE.items() if name != lacking}
    found, other = await all_of(database_instances(aws(DescribeDBInstances={"DBInstances": [answer, INSTANCE]})))
    gap = Gap(MEMBER, HOME, "rds:DescribeDBInstances", GapReason.MALFORMED, f"the answer lacks {lacking}")
    changes: dict[str, Any] = {field: gap}
    assert (found, other) == (an_instance(**changes), an_instance())


async def test_no_databases() -> None:
    at = aws(DescribeDBInstances={"DBInstances": []}, DescribeDBClusters={"DBClusters": []})
    assert await all_of(database_instances(at)) == await all_of(database_clusters(at)) == []


@pytest.mark.parametrize(
    ("run", "action"),
    [(database_instances, "rds:DescribeDBInstances"), (database_clusters, "rds:DescribeDBClusters")],
)
async def test_denied(run: Any, action: str) -> None:
    with pytest.raises(NotSeenError) as raised:
        await all_of(run(aws()))
    assert raised.value.gap.action == action
