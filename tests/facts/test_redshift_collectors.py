"""What the collectors of Redshift make of answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.redshift import RedshiftLogging, redshift_clusters, redshift_logging, redshift_parameters
from orgaudit.model import Gap, NotSeenError, Seen
from tests.factories_redshift import a_warehouse
from tests.literal_aws import LiteralAws, aws_of

CLUSTER: dict[str, Any] = {
    "ClusterIdentifier": "sales",
    "ClusterStatus": "available",
    "PubliclyAccessible": False,
    "Encrypted": True,
    "AutomatedSnapshotRetentionPeriod": 7,
    "AllowVersionUpgrade": True,
    "EnhancedVpcRouting": True,
    "MasterUsername": "owner",
    "MultiAZ": "Enabled",
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    "Endpoint": {"Address": "sales.example.com", "Port": 5439},
    "ClusterParameterGroups": [{"ParameterGroupName": "own", "ParameterApplyStatus": "in-sync"}],
}
REQUIRED = {"ParameterName": "require_ssl", "ParameterValue": "true"}


def aws(**answers: Any) -> LiteralAws:
    return aws_of("redshift", **answers)


async def clusters(*rows: dict[str, Any]) -> list[Any]:
    pages = [{"Clusters": [row]} for row in rows]
    return [one async for one in redshift_clusters(aws(DescribeClusters=pages))]


async def test_clusters_page_by_page() -> None:
    tagged = CLUSTER | {"ClusterIdentifier": "b", "Tags": [{"Key": "stage", "Value": "prod"}], "MultiAZ": "Disabled"}
    assert await clusters(CLUSTER, tagged) == [
        a_warehouse(),
        a_warehouse("b", tags={"stage": "prod"}, multi_az="Disabled"),
    ]


async def test_port_of_a_cluster() -> None:
    bare = {name: value for name, value in CLUSTER.items() if name != "Endpoint"}
    (created,) = await clusters(bare | {"ClusterStatus": "creating"})
    assert created.port == Seen(None)
    (odd,) = await clusters(bare)
    assert isinstance(odd.port, Gap)
    assert odd.port.message == "the answer lacks Endpoint"


async def test_what_a_cluster_lacks_is_a_gap_of_that_field() -> None:
    (found,) = await clusters({name: value for name, value in CLUSTER.items() if name != "MultiAZ"})
    assert isinstance(found.multi_az, Gap)
    assert found.encrypted == Seen(True)


async def test_a_parameter_group_is_read_once_for_all_clusters() -> None:
    other = {"ParameterName": "statement_timeout", "ParameterValue": "0"}
    at = aws(DescribeClusterParameters=[{"Parameters": [other]}, {"Parameters": [REQUIRED]}])
    for name in ("sales", "stock"):
        found = await redshift_parameters(at, a_warehouse(name))
        assert (found.arn, found.require_ssl) == (a_warehouse(name).arn, {"own": "true"})
    assert len(at.world.calls) == 2
    assert {call.parameters["ParameterGroupName"] for call in at.world.calls} == {"own"}


async def test_a_group_without_the_parameter_is_not_taken_for_either() -> None:
    with pytest.raises(KeyError, match="require_ssl"):
        await redshift_parameters(aws(DescribeClusterParameters={"Parameters": []}), a_warehouse())


@pytest.mark.parametrize(
    ("answer", "enabled", "destination"),
    [
        ({"LoggingEnabled": False}, False, ""),
        ({"LoggingEnabled": True, "BucketName": "logs"}, True, "logs"),
        ({"LoggingEnabled": True, "LogDestinationType": "cloudwatch"}, True, "cloudwatch"),
    ],
)
async def test_logging(answer: dict[str, Any], enabled: bool, destination: str) -> None:
    found = await redshift_logging(aws(DescribeLoggingStatus=answer), a_warehouse())
    assert found == RedshiftLogging(arn=a_warehouse().arn, enabled=enabled, destination=destination)


async def test_denied() -> None:
    with pytest.raises(NotSeenError) as raised:
        _ = [one async for one in redshift_clusters(aws())]
    assert raised.value.gap.action == "redshift:DescribeClusters"
    for read, action in (
        (redshift_parameters, "DescribeClusterParameters"),
        (redshift_logging, "DescribeLoggingStatus"),
    ):
        with pytest.raises(NotSeenError) as raised:
            await read(aws(), a_warehouse())
        assert raised.value.gap.action == f"redshift:{action}"
