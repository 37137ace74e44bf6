"""What the demo answers of machines and containers where moto answers wrongly or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from orgaudit.demo import Demo
from orgaudit.demo.accounts import ROLE_NAME, account_named
from orgaudit.demo.seeding.networks import NETWORKS, Network
from tests.literal_aws import checked, service_model

SANDBOX, WEBSHOP = ("Sandbox Platform", "us-east-1"), ("Webshop Production", "eu-west-1")
"""An account and region with a public snapshot, and with one that is not."""


def client(demo: Demo, service: str, name: str, region: str) -> Any:
    """A client of a service as the audit role of an account."""
    sdk: Any = boto3  # its stubs know services by literal name only
    keys = {
        "aws_access_key_id": demo.environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": demo.environment["AWS_SECRET_ACCESS_KEY"],
    }
    sts = sdk.client("sts", region_name=region, endpoint_url=demo.endpoint_url, **keys)
    arn = f"arn:aws:iam::{account_named(name).id}:role/{ROLE_NAME}"
    session = sts.assume_role(RoleArn=arn, RoleSessionName="orgaudit")["Credentials"]
    return sdk.client(
        service,
        region_name=region,
        endpoint_url=demo.endpoint_url,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


def as_modelled(service: str, operation: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer without the SDK's own part; it is one that the operation can give."""
    model = service_model(service).operation_model(operation)
    return checked(model, {name: value for name, value in answer.items() if name != "ResponseMetadata"})


@pytest.mark.parametrize(("place", "public"), [(SANDBOX, 1), (WEBSHOP, 0)])
def test_snapshots_that_everyone_may_restore(demo: Demo, place: tuple[str, str], public: int) -> None:
    ec2 = client(demo, "ec2", *place)
    everyone = ec2.describe_snapshots(OwnerIds=["self"], RestorableByUserIds=["all"], MaxResults=1000)
    found = as_modelled("ec2", "DescribeSnapshots", everyone)["Snapshots"]
    (own,) = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [each["SnapshotId"] for each in found] == [own["SnapshotId"]] * public
    assert [each["OwnerId"] for each in found] == [account_named(place[0]).id] * public
    for each in found:
        assert each == {name: own[name] for name in each}
        assert len(each) == 7


def test_versions_of_kubernetes_with_each_kind_of_support(demo: Demo) -> None:
    eks = client(demo, "eks", "Shared Services", "eu-west-1")
    answer = eks.describe_cluster_versions(includeAll=True, maxResults=100)
    versions = as_modelled("eks", "DescribeClusterVersions", answer)["clusterVersions"]
    assert {each["versionStatus"] for each in versions} == {"STANDARD_SUPPORT", "EXTENDED_SUPPORT", "UNSUPPORTED"}
    for each in versions:
        in_future = each["endOfStandardSupportDate"] > datetime.now(UTC)
        assert in_future is (each["versionStatus"] == "STANDARD_SUPPORT")


def test_time_of_the_stop_is_as_ec2_writes_it(demo: Demo) -> None:
    instances = client(demo, "ec2", "Data Platform Production", "eu-west-1").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["stopped"]}]
    )
    (instance,) = [each for held in instances["Reservations"] for each in held["Instances"]]
    reason = instance["StateTransitionReason"]
    stopped = datetime.strptime(reason, "User initiated (%Y-%m-%d %H:%M:%S GMT)").replace(tzinfo=UTC)
    assert (datetime.now(UTC) - stopped).days == 400
    assert instance["LaunchTime"] < stopped


ENTERED = [each for each in NETWORKS if account_named(each.account).has_audit_role]


@pytest.mark.parametrize("network", ENTERED, ids=lambda network: f"{network.account} {network.cidr}")
def test_own_networks_assign_no_public_addresses(demo: Demo, network: Network) -> None:
    ec2 = client(demo, "ec2", network.account, network.region)
    vpcs = {vpc["VpcId"]: vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    found = [each for each in ec2.describe_subnets()["Subnets"] if vpcs[each["VpcId"]] == network.cidr]
    assert [(each["MapPublicIpOnLaunch"], each["DefaultForAz"]) for each in found] == [(False, False)] * 2
