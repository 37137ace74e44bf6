"""What the collectors of endpoints, storage, subnets, containers and settings make of answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from orgaudit.aws.access import Access
from orgaudit.demo import Demo
from orgaudit.facts.declare import Collector
from orgaudit.facts.ec2.acls import network_acls
from orgaudit.facts.ec2.endpoints import vpc_endpoints
from orgaudit.facts.ec2.instances import instances
from orgaudit.facts.ec2.snapshots import public_snapshots, snapshot_sharing
from orgaudit.facts.ec2.subnets import subnets
from orgaudit.facts.ec2.volumes import volumes
from orgaudit.facts.ecs import clusters, task_definition, task_families
from orgaudit.facts.eks import eks_cluster_settings, eks_clusters, eks_version_support
from orgaudit.facts.lambda_ import functions
from orgaudit.facts.ssm import document_sharing
from orgaudit.model import Gap, NotSeenError, Seen
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from tests.emulated import leading_to
from tests.factories import HOME, MEMBER, SECURITY
from tests.factories_compute import (
    a_container,
    a_family,
    a_subnet,
    a_volume,
    an_ecs_cluster,
    an_eks_cluster,
    an_endpoint,
    documents_shared,
    eks_settings,
    sharing_of,
    snapshots_shared,
    tasks,
)
from tests.literal_aws import Answers, LiteralAws, World, aws, drained

# Instances


def instance(**more: Any) -> Answers:
    found = {"InstanceId": "i-1", "State": {"Name": "stopped", "Code": 80}, "NetworkInterfaces": []} | more
    return {("ec2", "DescribeInstances"): {"Reservations": [{"OwnerId": MEMBER, "Instances": [found]}]}}


CARRIER = {"Association": {"CarrierIp": "203.0.113.5"}}


@pytest.mark.parametrize(
    ("more", "address"),
    [
        ({}, None),
        ({"PublicIpAddress": "203.0.113.5", "NetworkInterfaces": [{}]}, "203.0.113.5"),
        ({"PublicIpAddress": "203.0.113.5", "NetworkInterfaces": [CARRIER]}, None),
        ({"PublicIpAddress": "203.0.113.6", "NetworkInterfaces": [CARRIER]}, "203.0.113.6"),
    ],
    ids=["none", "public", "carrier", "public beside a carrier"],
)
async def test_carrier_address_is_not_public(more: dict[str, Any], address: str | None) -> None:
    (found,) = await drained(instances(aws(instance(**more))))
    assert found.public_address == Seen(address)


@pytest.mark.parametrize(
    ("reason", "at"),
    [
        ("User initiated (2025-01-31 08:00:01 GMT)", datetime(2025, 1, 31, 8, 0, 1, tzinfo=UTC)),
        ("User initiated (2025-01-31 08:00:01 UTC)", datetime(2025, 1, 31, 8, 0, 1, tzinfo=UTC)),
        ("Server.ScheduledStop: Stopped due to scheduled retirement", None),
        ("", None),
    ],
)
async def test_time_of_the_last_change_of_state(reason: str, at: datetime | None) -> None:
    (found,) = await drained(instances(aws(instance(StateTransitionReason=reason))))
    assert found.changed_at == Seen(at)


async def test_instance_without_these_members_leaves_gaps() -> None:
    bare = {"InstanceId": "i-1", "State": {"Name": "stopped", "Code": 80}}
    answer = {"Reservations": [{"OwnerId": MEMBER, "Instances": [bare]}]}
    (found,) = await drained(instances(aws({("ec2", "DescribeInstances"): answer})))
    values = (found.public_address, found.ipv6_addresses, found.interfaces, found.virtualization)
    assert all(isinstance(value, Gap) for value in (*values, found.changed_at, found.launched_at))


# Networks and storage


@pytest.mark.parametrize(("associations", "used"), [([], False), ([{"SubnetId": "subnet-1"}], True)])
async def test_use_of_a_network_acl(associations: list[dict[str, Any]], used: bool) -> None:
    row = {"OwnerId": MEMBER, "NetworkAclId": "acl-1", "Associations": associations}
    (found,) = await drained(network_acls(aws({("ec2", "DescribeNetworkAcls"): {"NetworkAcls": [row]}})))
    assert found.in_use == Seen(used)


ENDPOINT = {
    "VpcEndpointId": "vpce-1",
    "VpcId": "vpc-1",
    "ServiceName": f"com.amazonaws.{HOME}.ec2",
    "VpcEndpointType": "Interface",
}


@pytest.mark.parametrize("state", ["available", "Available"])
async def test_state_of_an_endpoint_is_in_lower_case(state: str) -> None:
    class Answering(LiteralAws):
        """AWS that answers the state in lower case, which the SDK's model does not have."""

        def _checked(self, service: str, operation: str, parameters: dict[str, Any], told: Any) -> Any:
            super()._checked(service, operation, parameters, {"VpcEndpoints": [ENDPOINT]})
            return told

    answers = {("ec2", "DescribeVpcEndpoints"): {"VpcEndpoints": [ENDPOINT | {"State": state}]}}
    at = Answering(World({MEMBER: answers}), MEMBER, HOME)
    assert await drained(vpc_endpoints(at)) == [an_endpoint()]
    assert at.world.calls[0].parameters == {"MaxResults": 1000}


async def test_volumes_of_all_pages() -> None:
    attached = {"VolumeId": "vol-1", "Encrypted": True, "State": "in-use", "KmsKeyId": "key"}
    free = {"VolumeId": "vol-2", "Encrypted": False, "State": "available"}
    at = aws({("ec2", "DescribeVolumes"): [{"Volumes": [attached]}, {"Volumes": [free]}]})
    plain = a_volume("vol-2", encrypted=False, state="available", key_id=None)
    assert await drained(volumes(at)) == [a_volume(), plain]
    assert at.world.calls[0].parameters == {"MaxResults": 1000}


async def test_shared_subnet_belongs_to_its_owner() -> None:
    flags = {"DefaultForAz": False, "MapPublicIpOnLaunch": False, "AssignIpv6AddressOnCreation": False}
    rows = [{"OwnerId": each, "SubnetId": "subnet-1", "VpcId": "vpc-1", **flags} for each in (MEMBER, SECURITY)]
    own, shared = await drained(subnets(aws({("ec2", "DescribeSubnets"): {"Subnets": rows}})))
    assert own == a_subnet()
    assert (shared.account_id, shared.arn) == (SECURITY, f"arn:aws:ec2:{HOME}:{SECURITY}:subnet/subnet-1")


async def test_only_own_snapshots_count() -> None:
    rows = [{"SnapshotId": "snap-2", "OwnerId": MEMBER}, {"SnapshotId": "snap-3", "OwnerId": SECURITY}]
    pages = [{"Snapshots": rows}, {"Snapshots": [{"SnapshotId": "snap-1", "OwnerId": MEMBER}]}]
    at = aws({("ec2", "DescribeSnapshots"): pages})
    assert await drained(public_snapshots(at)) == [snapshots_shared("snap-1", "snap-2")]
    asked = {"OwnerIds": ["self"], "RestorableByUserIds": ["all"], "MaxResults": 1000}
    assert at.world.calls[0].parameters == asked


async def test_region_without_public_snapshots_is_seen() -> None:
    assert await drained(public_snapshots(aws({("ec2", "DescribeSnapshots"): {"Snapshots": []}}))) == [
        snapshots_shared()
    ]


async def test_state_of_the_block_of_sharing() -> None:
    answer = {"State": "block-new-sharing", "ManagedBy": "declarative-policy"}
    (found,) = await drained(snapshot_sharing(aws({("ec2", "GetSnapshotBlockPublicAccessState"): answer})))
    assert found == sharing_of("block-new-sharing", managed_by="declarative-policy")


async def test_setting_of_documents() -> None:
    at = aws({("ssm", "GetServiceSetting"): {"ServiceSetting": {"SettingValue": "Enable"}}})
    assert await drained(document_sharing(at)) == [documents_shared("Enable")]
    assert at.world.calls[0].parameters == {"SettingId": "/ssm/documents/console/public-sharing-permission"}


@pytest.mark.parametrize(
    ("row", "runtime"),
    [({"PackageType": "Zip", "Runtime": "python3.13"}, "python3.13"), ({"PackageType": "Image"}, None)],
    ids=["archive", "image"],
)
async def test_runtime_of_a_function(row: dict[str, Any], runtime: str | None) -> None:
    answer = {"Functions": [{"FunctionArn": f"arn:aws:lambda:{HOME}:{MEMBER}:function:a", **row}]}
    (found,) = await drained(functions(aws({("lambda", "ListFunctions"): answer})))
    assert found.runtime == Seen(runtime)


@pytest.mark.parametrize("row", [{"PackageType": "Zip"}, {"Runtime": "python3.13"}], ids=["no runtime", "no package"])
async def test_function_that_may_be_an_image_is_not_seen_as_one(row: dict[str, Any]) -> None:
    answer = {"Functions": [{"FunctionArn": f"arn:aws:lambda:{HOME}:{MEMBER}:function:a", **row}]}
    (found,) = await drained(functions(aws({("lambda", "ListFunctions"): answer})))
    assert isinstance(found.runtime, Gap)


# Containers


async def test_settings_of_clusters_are_asked_for() -> None:
    row: dict[str, Any] = {
        "clusterArn": an_ecs_cluster().arn,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "activeServicesCount": 0,
        "status": "ACTIVE",
        "settings": [{"name": "containerInsights", "value": "enhanced"}],
    }
    listed: dict[tuple[str, str], Any] = {("ecs", "ListClusters"): {"clusterArns": ["main"]}}
    at = aws(listed | {("ecs", "DescribeClusters"): {"clusters": [row]}})
    assert await drained(clusters(at)) == [an_ecs_cluster(insights="enhanced")]
    assert at.world.asked("DescribeClusters")[0].parameters["include"] == ["SETTINGS"]
    del row["settings"]
    (hidden,) = await drained(clusters(aws(listed | {("ecs", "DescribeClusters"): {"clusters": [row]}})))
    assert isinstance(hidden.insights, Gap)


async def test_active_families_of_all_pages() -> None:
    pages: list[dict[str, Any]] = [{"families": ["web"], "nextToken": "2"}, {"families": ["jobs"]}]
    at = aws({("ecs", "ListTaskDefinitionFamilies"): pages})
    assert await drained(task_families(at)) == [a_family(), a_family("jobs")]
    assert at.world.calls[0].parameters == {"status": "ACTIVE", "maxResults": 100}


SECRET = "AKIAIOSFODNN7EXAMPLE"
WHOLE = {
    "name": "app",
    "privileged": True,
    "readonlyRootFilesystem": True,
    "user": "root",
    "logConfiguration": {"logDriver": "awslogs"},
    "environment": [{"name": "AWS_ACCESS_KEY_ID", "value": SECRET}, {"name": "STAGE", "value": "test"}],
}
VOLUMES = [
    {"name": "scratch", "host": {}},
    {"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}},
    {"name": "off", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "DISABLED"}},
    {"name": "default", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}},
]


def defined(*containers: dict[str, Any], **more: Any) -> LiteralAws:
    found = {"revision": 3, "containerDefinitions": [*containers], **more}
    return aws({("ecs", "DescribeTaskDefinition"): {"taskDefinition": found}})


async def test_task_definition_without_options() -> None:
    at = defined({"name": "app"})
    bare = a_container(read_only=False, user=None, log_driver=None)
    assert Seen(await task_definition(at, a_family())) == tasks(bare)[1]
    assert at.world.calls[0].parameters == {"taskDefinition": "web"}


async def test_task_definition_with_all_options_and_no_values() -> None:
    platform = {"operatingSystemFamily": "LINUX"}
    at = defined(WHOLE, pidMode="host", runtimePlatform=platform, volumes=VOLUMES)
    found = await task_definition(at, a_family())
    whole = a_container(privileged=True, user="root", credentials=("AWS_ACCESS_KEY_ID",))
    mounts = {"mounts": ("data", "off", "default"), "plain_mounts": ("off", "default")}
    assert Seen(found) == tasks(whole, pid_mode="host", system="LINUX", **mounts)[1]
    assert SECRET not in repr(found)


async def test_eks_clusters_of_all_pages() -> None:
    at = aws({("eks", "ListClusters"): [{"clusters": ["main"], "nextToken": "2"}, {"clusters": ["other"]}]})
    assert await drained(eks_clusters(at)) == [an_eks_cluster(), an_eks_cluster("other")]


EKS = {
    "status": "ACTIVE",
    "version": "1.34",
    "resourcesVpcConfig": {"endpointPublicAccess": False, "publicAccessCidrs": []},
    "logging": {
        "clusterLogging": [
            {"types": ["audit", "api"], "enabled": True},
            {"types": ["scheduler"], "enabled": False},
        ]
    },
}


async def test_settings_of_an_eks_cluster() -> None:
    at = aws({("eks", "DescribeCluster"): {"cluster": EKS}})
    assert Seen(await eks_cluster_settings(at, an_eks_cluster())) == eks_settings()
    assert at.world.calls[0].parameters == {"name": "main"}


async def test_absent_endpoint_is_not_a_private_one() -> None:
    found = await eks_cluster_settings(aws({("eks", "DescribeCluster"): {"cluster": {}}}), an_eks_cluster())
    values = (found.public, found.public_cidrs, found.logs, found.version, found.status)
    assert all(isinstance(value, Gap) for value in values)


ENDS = datetime(2026, 12, 2, tzinfo=UTC)
VERSIONS = {
    "clusterVersions": [
        {"clusterVersion": "1.34", "versionStatus": "STANDARD_SUPPORT", "endOfStandardSupportDate": ENDS},
        {"clusterVersion": "1.30", "versionStatus": "EXTENDED_SUPPORT"},
        {"clusterVersion": "1.29"},
    ]
}


async def test_versions_are_read_once_for_all_clusters() -> None:
    at = aws({("eks", "DescribeClusterVersions"): VERSIONS})
    named = [eks_settings(version=name).value for name in ("1.34", "1.30", "1.2", "1.29")]
    found = [await eks_version_support(at, an_eks_cluster(), each) for each in named]
    assert [each.status for each in found[:3]] == [Seen("STANDARD_SUPPORT"), Seen("EXTENDED_SUPPORT"), Seen(None)]
    assert isinstance(found[3].status, Gap)
    assert found[0].standard_until == ENDS
    assert [call.parameters["includeAll"] for call in at.world.calls] == [True]


# Every collector

LISTINGS = (
    *(vpc_endpoints, volumes, subnets, public_snapshots, snapshot_sharing, document_sharing, task_families),
    eks_clusters,
)


@pytest.mark.parametrize("run", LISTINGS, ids=lambda run: run.__name__)
async def test_denied_listing_is_not_an_empty_one(run: Callable[..., Any]) -> None:
    at = aws({})
    with pytest.raises(NotSeenError) as raised:
        await drained(run(at))
    declared: Collector = getattr(run, "__collector__")  # noqa: B009 - set by the decorator
    assert raised.value.gap.action in declared.actions
    assert at.world.actions == set(declared.actions)


DETAILS = {
    task_definition: (a_family(),),
    eks_cluster_settings: (an_eks_cluster(),),
    eks_version_support: (an_eks_cluster(), eks_settings().value),
}


@pytest.mark.parametrize("run", DETAILS, ids=lambda run: run.__name__)
async def test_denied_detail_is_a_gap(run: Callable[..., Any]) -> None:
    at = aws({})
    with pytest.raises(NotSeenError):
        await run(at, *DETAILS[run])
    declared: Collector = getattr(run, "__collector__")  # noqa: B009 - set by the decorator
    assert at.world.actions == set(declared.actions)


# The emulator

EMULATED = (vpc_endpoints, volumes, subnets, instances, network_acls, clusters, task_families, eks_clusters)


def seed(url: str) -> dict[str, str]:
    """Make one of each in the emulator; returns their ids."""
    keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    ec2, ecs, eks = (
        boto3.client(name, endpoint_url=url, region_name="us-east-1", **keys) for name in ("ec2", "ecs", "eks")
    )
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    name = "com.amazonaws.us-east-1.ec2"
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, VpcEndpointType="Interface", SubnetIds=[subnet])
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)["VolumeId"]
    launched = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0][
        "InstanceId"
    ]
    ec2.stop_instances(InstanceIds=[launched])
    ecs.create_cluster(clusterName="main", settings=[{"name": "containerInsights", "value": "enabled"}])
    ecs.register_task_definition(family="web", containerDefinitions=[WHOLE | {"image": "web", "memory": 64}])
    role = f"arn:aws:iam::{MEMBER}:role/eks"
    eks.create_cluster(name="main", version="1.34", roleArn=role, resourcesVpcConfig={"subnetIds": [subnet]})
    return {"vpc": vpc, "subnet": subnet, "volume": volume, "instance": launched}


async def read_emulated() -> dict[Any, Any]:
    runs = (*EMULATED, task_definition, eks_cluster_settings)
    collectors: list[Collector] = [getattr(run, "__collector__") for run in runs]  # noqa: B009 - set by the decorator
    actions = sorted({action for each in collectors for action in each.actions})
    limits = load_limits(Path("no file of the user's"))
    async with Access(AccessSettings(), RunSettings(attempts=1), limits, actions=actions) as access:
        at: Any = access.as_caller().region("us-east-1")
        found: dict[Any, Any] = {run: await drained(run(at)) for run in EMULATED}
        found[task_definition] = [await task_definition(at, each) for each in found[task_families]]
        found[eks_cluster_settings] = [await eks_cluster_settings(at, each) for each in found[eks_clusters]]
        return found


@pytest.fixture(scope="module")
def emulated(empty: Demo) -> Iterator[tuple[dict[str, str], dict[Any, Any]]]:
    """The ids of what was made, and what each collector sees."""
    with leading_to(empty):
        yield seed(empty.endpoint_url), asyncio.run(read_emulated())


def test_networks_and_storage_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    ids, found = emulated
    (endpoint,) = found[vpc_endpoints]
    assert (endpoint.vpc_id, endpoint.kind, endpoint.state) == (Seen(ids["vpc"]), Seen("Interface"), Seen("available"))
    (volume,) = [each for each in found[volumes] if each.name == ids["volume"]]
    assert (volume.encrypted, volume.state) == (Seen(value=True), Seen("available"))
    (subnet,) = [each for each in found[subnets] if each.name == ids["subnet"]]
    assert (subnet.public_ipv4, subnet.ipv6, subnet.vpc_id) == (Seen(value=True), Seen(value=False), Seen(ids["vpc"]))
    assert all(isinstance(each.in_use, Seen) for each in found[network_acls])


def test_instance_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    (found,) = emulated[1][instances]
    assert (found.state, found.interfaces, found.virtualization) == (Seen("stopped"), Seen(1), Seen("paravirtual"))
    assert isinstance(found.changed_at.value, datetime)


def test_containers_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    found = emulated[1]
    assert [(each.name, each.insights) for each in found[clusters]] == [("main", Seen("enabled"))]
    (definition,) = found[task_definition]
    whole = a_container(privileged=True, user="root", credentials=("AWS_ACCESS_KEY_ID",))
    assert (definition.revision, definition.containers) == (1, (whole,))
    (cluster,) = found[eks_cluster_settings]
    assert cluster.version == Seen("1.34")
    assert isinstance(cluster.public, Gap), "the emulator answers only what the cluster was made with"
