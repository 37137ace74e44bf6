"""What the collectors of databases make of answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.rds import database_clusters, database_instances
from orgaudit.model import NotSeenError
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
        "DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-1"}]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
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
            vpc_id="vpc-1",
            subnets=("subnet-1",),
            security_groups=("sg-1",),
            port=5433,
            tags={"stage": "prod"},
        ),
    ]


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


@pytest.mark.parametrize("lacking", ["PubliclyAccessible", "StorageEncrypted", "MultiAZ"])
async def test_an_instance_without_a_setting_is_no_answer(lacking: str) -> None:
    answer = {name: value for name, value in INSTANCE.items() if name != lacking}
    with pytest.raises(KeyError, match=lacking):
        await all_of(database_instances(aws(DescribeDBInstances={"DBInstances": [answer]})))


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
