"""What the collectors of databases make of answers."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from orgaudit.facts.docdb import docdb_clusters
from orgaudit.facts.neptune import neptune_clusters
from orgaudit.facts.rds import database_clusters, database_instances
from orgaudit.facts.rds_snapshots import (
    database_snapshots,
    docdb_snapshot_shared,
    docdb_snapshots,
    neptune_snapshot_shared,
    neptune_snapshots,
    snapshot_shared,
)
from orgaudit.model import Gap, GapReason, NotSeenError, Seen
from tests.factories import HOME, MEMBER
from tests.factories_rds import (
    a_cluster,
    a_docdb_cluster,
    a_docdb_snapshot,
    a_neptune_cluster,
    a_neptune_snapshot,
    a_snapshot,
    an_instance,
)
from tests.literal_aws import LiteralAws, aws_of, drained

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
    "DBInstanceStatus": "available",
    "MonitoringInterval": 60,
    "DeletionProtection": True,
    "EnabledCloudwatchLogsExports": ["upgrade", "postgresql"],
    "IAMDatabaseAuthenticationEnabled": True,
    "BackupRetentionPeriod": 7,
    "CopyTagsToSnapshot": True,
    "MasterUsername": "owner",
}
CLUSTER: dict[str, Any] = {
    "DBClusterArn": a_cluster().arn,
    "Engine": "aurora-mysql",
    "MultiAZ": True,
    "StorageEncrypted": True,
    "DeletionProtection": True,
    "BackupRetentionPeriod": 7,
    "EnabledCloudwatchLogsExports": ["audit"],
    "EngineMode": "provisioned",
    "Port": 3307,
    "IAMDatabaseAuthenticationEnabled": True,
    "CopyTagsToSnapshot": True,
    "MasterUsername": "owner",
    "AutoMinorVersionUpgrade": True,
    "BacktrackWindow": 86400,
}
SNAPSHOT: dict[str, Any] = {
    "DBSnapshotArn": a_snapshot().arn,
    "DBSnapshotIdentifier": "orders-1",
    "Encrypted": True,
    "SnapshotType": "manual",
}


def a_cluster_snapshot(name: str, engine: str, **changes: Any) -> dict[str, Any]:
    return {
        "DBClusterSnapshotArn": a_snapshot(name, of_cluster=True).arn,
        "DBClusterSnapshotIdentifier": name,
        "Engine": engine,
        "StorageEncrypted": True,
        "SnapshotType": "manual",
    } | changes


def aws(**answers: Any) -> LiteralAws:
    return aws_of("rds", **answers)


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
    assert await drained(database_instances(at)) == [
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
    (instance,) = await drained(database_instances(aws(DescribeDBInstances={"DBInstances": [bare | found]})))
    assert instance.port == port


@pytest.mark.parametrize("engine", ["neptune", "docdb"])
async def test_other_services_databases_are_left_out(engine: str) -> None:
    """Neptune and DocumentDB answer through the same API."""
    at = aws(
        DescribeDBInstances={"DBInstances": [INSTANCE | {"Engine": engine}, INSTANCE]},
        DescribeDBClusters={"DBClusters": [CLUSTER | {"Engine": engine}, CLUSTER]},
    )
    assert await drained(database_instances(at)) == [an_instance()]
    assert await drained(database_clusters(at)) == [a_cluster()]


async def test_clusters_page_by_page() -> None:
    one_zone = CLUSTER | {"DBClusterArn": a_cluster("small").arn, "MultiAZ": False}
    at = aws(DescribeDBClusters=[{"DBClusters": [CLUSTER]}, {"DBClusters": [one_zone]}])
    assert await drained(database_clusters(at)) == [a_cluster(), a_cluster("small", multi_az=False)]


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
    found, other = await drained(database_instances(aws(DescribeDBInstances={"DBInstances": [answer, INSTANCE]})))
    gap = Gap(MEMBER, HOME, "rds:DescribeDBInstances", GapReason.MALFORMED, f"the answer lacks {lacking}")
    changes: dict[str, Any] = {field: gap}
    assert (found, other) == (an_instance(**changes), an_instance())


async def test_no_databases() -> None:
    at = aws(DescribeDBInstances={"DBInstances": []}, DescribeDBClusters={"DBClusters": []})
    assert await drained(database_instances(at)) == []
    assert await drained(database_clusters(at)) == []


@pytest.mark.parametrize(
    ("run", "action"),
    [(database_instances, "rds:DescribeDBInstances"), (database_clusters, "rds:DescribeDBClusters")],
)
async def test_denied(run: Any, action: str) -> None:
    with pytest.raises(NotSeenError) as raised:
        await drained(run(aws()))
    assert raised.value.gap.action == action


async def test_one_listing_serves_three_services() -> None:
    rows = [CLUSTER | {"Engine": engine, "DBClusterArn": a_cluster(engine).arn} for engine in ("neptune", "docdb")]
    at = aws(DescribeDBClusters=[{"DBClusters": [CLUSTER]}, {"DBClusters": rows}])
    assert await drained(database_clusters(at)) == [a_cluster()]
    assert await drained(neptune_clusters(at)) == [a_neptune_cluster("neptune")]
    assert await drained(docdb_clusters(at)) == [a_docdb_cluster("docdb")]
    assert len(at.world.calls) == 2


async def test_a_cluster_without_an_engine_may_be_of_any_service() -> None:
    answer = {name: value for name, value in CLUSTER.items() if name != "Engine"}
    for run in (neptune_clusters, docdb_clusters):
        with pytest.raises(ValueError, match="the answer lacks Engine"):
            await drained(run(aws(DescribeDBClusters={"DBClusters": [answer]})))


async def test_a_cluster_that_exports_no_logs_lacks_the_list() -> None:
    bare = {name: value for name, value in CLUSTER.items() if name != "EnabledCloudwatchLogsExports"}
    (found,) = await drained(database_clusters(aws(DescribeDBClusters={"DBClusters": [bare]})))
    assert found == a_cluster(logs=())


async def test_a_replica_and_a_member_of_a_global_database() -> None:
    replica = INSTANCE | {"ReadReplicaSourceDBClusterIdentifier": "main", "MonitoringInterval": 0}
    bare = {name: value for name, value in CLUSTER.items() if name != "BacktrackWindow"}
    at = aws(
        DescribeDBInstances={"DBInstances": [replica]},
        DescribeDBClusters={"DBClusters": [bare | {"GlobalClusterIdentifier": "world"}]},
    )
    assert await drained(database_instances(at)) == [an_instance(replica_of="main", monitoring_seconds=0)]
    assert await drained(database_clusters(at)) == [a_cluster(backtrack_seconds=0, global_cluster="world")]


async def test_snapshots_of_three_services() -> None:
    of_clusters = [a_cluster_snapshot(name, name) for name in ("aurora-mysql", "neptune", "docdb")]
    at = aws(
        DescribeDBSnapshots=[{"DBSnapshots": [SNAPSHOT]}, {"DBSnapshots": []}],
        DescribeDBClusterSnapshots={"DBClusterSnapshots": of_clusters},
    )
    assert await drained(database_snapshots(at)) == [a_snapshot(), a_snapshot("aurora-mysql", of_cluster=True)]
    assert await drained(neptune_snapshots(at)) == [a_neptune_snapshot("neptune")]
    assert await drained(docdb_snapshots(at)) == [a_docdb_snapshot("docdb")]
    assert [call.operation for call in at.world.calls].count("DescribeDBClusterSnapshots") == 1


RESTORE = {"AttributeName": "restore", "AttributeValues": ["all", "333333333333"]}
OF_INSTANCE = {"DBSnapshotAttributesResult": {"DBSnapshotAttributes": [RESTORE]}}
OF_CLUSTER = {"DBClusterSnapshotAttributesResult": {"DBClusterSnapshotAttributes": [RESTORE]}}
SHARED = [
    (snapshot_shared, a_snapshot(), "DescribeDBSnapshotAttributes", OF_INSTANCE),
    (snapshot_shared, a_snapshot(of_cluster=True), "DescribeDBClusterSnapshotAttributes", OF_CLUSTER),
    (neptune_snapshot_shared, a_neptune_snapshot(), "DescribeDBClusterSnapshotAttributes", OF_CLUSTER),
    (docdb_snapshot_shared, a_docdb_snapshot(), "DescribeDBClusterSnapshotAttributes", OF_CLUSTER),
]


@pytest.mark.parametrize(("run", "snapshot", "operation", "answer"), SHARED)
async def test_sharing(run: Any, snapshot: Any, operation: str, answer: dict[str, Any]) -> None:
    assert (await run(aws(**{operation: answer}), snapshot)).accounts == ("333333333333", "all")
    with pytest.raises(NotSeenError) as raised:
        await run(aws(), snapshot)
    assert raised.value.gap.action == f"rds:{operation}"


@pytest.mark.parametrize(("run", "snapshot", "operation", "answer"), SHARED)
async def test_automated_snapshots_are_not_asked(
    run: Any, snapshot: Any, operation: str, answer: dict[str, Any]
) -> None:
    at = aws(**{operation: answer})
    automated = replace(snapshot, kind=Seen("automated"))
    assert (await run(at, automated)).accounts == ()
    assert list(at.world.calls) == []


async def test_an_answer_without_the_attribute_is_not_taken_for_nobody() -> None:
    at = aws(DescribeDBSnapshotAttributes={"DBSnapshotAttributesResult": {"DBSnapshotAttributes": []}})
    with pytest.raises(KeyError, match="restore"):
        await snapshot_shared(at, a_snapshot())
