"""EC2 and its networks: VPCs, security groups, instances, volumes and the region's defaults."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

from typing import Any

from scripts.simulator.answers import CREATED, Asked, answers, constant
from scripts.simulator.organization import ACCOUNT, Place, tags
from scripts.simulator.protocol import Answer, Numbered

ANYWHERE = "0.0.0.0/0"
RULES_PER_GROUP = 50
"""The rules of each group of the huge account, fewer than AWS's default quota of 60."""
SERIAL = Numbered.FIRST


def _id(prefix: str, number: int) -> str:
    """Return an id as long as EC2's own, which holds the account's."""
    return f"{prefix}-{ACCOUNT}{number:05x}"


def _vpcs(place: Place) -> list[str]:
    return [_id("vpc", number) for number in range(1 + (place.count("vpcs", 2) if place.tier != "quiet" else 0))]


@answers("ec2", "DescribeVpcs")
def vpcs(place: Place, _asked: Asked) -> Answer:
    return {
        "Vpcs": [
            {
                "OwnerId": ACCOUNT,
                "VpcId": vpc,
                "CidrBlock": "172.31.0.0/16",
                "CidrBlockAssociationSet": [{"CidrBlock": "172.31.0.0/16", "CidrBlockState": {"State": "associated"}}],
                "IsDefault": number == 0,
                "State": "available",
                "Tags": tags(team="network"),
            }
            for number, vpc in enumerate(_vpcs(place))
        ]
    }


@answers("ec2", "DescribeFlowLogs")
def flow_logs(place: Place, _asked: Asked) -> Answer:
    return {
        "FlowLogs": [
            {
                "FlowLogId": _id("fl", number),
                "ResourceId": vpc,
                "FlowLogStatus": "ACTIVE",
                "TrafficType": "ALL",
                "DeliverLogsStatus": "SUCCESS",
                "LogDestination": f"arn:aws:s3:::audit-logs-{ACCOUNT}",
                "LogDestinationType": "s3",
                "Tags": [],
            }
            for number, vpc in enumerate(_vpcs(place))
            if place.often(f"flow log {number}", 60)
        ]
    }


@answers("ec2", "DescribeSubnets")
def subnets(place: Place, _asked: Asked) -> Answer:
    return {
        "Subnets": [
            {
                "OwnerId": ACCOUNT,
                "SubnetId": _id("subnet", number),
                "VpcId": vpc,
                "CidrBlock": "172.31.0.0/20",
                "DefaultForAz": number == 0,
                "MapPublicIpOnLaunch": number == 0,
                "AssignIpv6AddressOnCreation": False,
                "Tags": [],
            }
            for number, vpc in enumerate(_vpcs(place))
        ]
    }


@answers("ec2", "DescribeRouteTables")
def route_tables(place: Place, _asked: Asked) -> Answer:
    return {
        "RouteTables": [
            {
                "OwnerId": ACCOUNT,
                "RouteTableId": _id("rtb", number),
                "VpcId": vpc,
                "Tags": [],
                "Associations": [
                    {"Main": True, "RouteTableId": _id("rtb", number), "AssociationState": {"State": "associated"}}
                ],
                "Routes": [
                    {"DestinationCidrBlock": "172.31.0.0/16", "GatewayId": "local", "State": "active"},
                    {"DestinationCidrBlock": ANYWHERE, "GatewayId": _id("igw", number), "State": "active"},
                ],
            }
            for number, vpc in enumerate(_vpcs(place))
        ]
    }


def _acl_entry(*, egress: bool) -> dict[str, Any]:
    return {"Egress": egress, "RuleNumber": 100, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": ANYWHERE}


@answers("ec2", "DescribeNetworkAcls")
def network_acls(place: Place, _asked: Asked) -> Answer:
    return {
        "NetworkAcls": [
            {
                "OwnerId": ACCOUNT,
                "NetworkAclId": _id("acl", number),
                "VpcId": vpc,
                "IsDefault": True,
                "Tags": [],
                "Associations": [{"SubnetId": _id("subnet", number)}],
                "Entries": [_acl_entry(egress=False), _acl_entry(egress=True)],
            }
            for number, vpc in enumerate(_vpcs(place))
        ]
    }


def _permission(port: int, cidr: str) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": cidr}],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }


def _group(group: str, name: str, vpc: str, inbound: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "OwnerId": ACCOUNT,
        "GroupId": group,
        "GroupName": name,
        "Description": name,
        "VpcId": vpc,
        "Tags": tags(team="network"),
        "IpPermissions": inbound,
        "IpPermissionsEgress": [_permission(443, ANYWHERE)],
    }


@answers("ec2", "DescribeSecurityGroups")
def security_groups(place: Place, _asked: Asked) -> Answer:
    first = _vpcs(place)[0]
    if huge := place.huge.get("rules"):
        rules = [_permission(port, "10.0.0.0/8") for port in range(1, RULES_PER_GROUP)]
        return {
            "SecurityGroups": Numbered(_group(f"sg-{SERIAL}", f"app-{SERIAL}", first, rules), huge // RULES_PER_GROUP)
        }
    default = _group(
        _id("sg", 0), "default", first, [_permission(22, "10.0.0.0/8")] if place.often("default", 30) else []
    )
    default["IpPermissionsEgress"] = []
    open_to = [ANYWHERE if place.often(f"group {number}", 30) else "10.0.0.0/8" for number in range(8)]
    further = [
        _group(_id("sg", number + 1), name, first, [_permission(22 if number % 2 else 443, open_to[number])])
        for number, name in enumerate(place.names("app", 6))
    ]
    return {"SecurityGroups": [default, *further]}


@answers("ec2", "DescribeInstances")
def instances(place: Place, _asked: Asked) -> Answer:
    found = [
        {
            "InstanceId": _id("i", number),
            "ImageId": "ami-0123456789abcdef0",
            "State": {"Code": 16, "Name": "running"},
            "LaunchTime": CREATED,
            "MetadataOptions": {
                "State": "applied",
                "HttpTokens": "required" if place.often(f"instance {number}", 70) else "optional",
                "HttpEndpoint": "enabled",
            },
            "VpcId": _vpcs(place)[0],
            "SubnetId": _id("subnet", 0),
            "Tags": tags(team="web", Name=name),
            **({"PublicIpAddress": f"203.0.113.{number + 1}"} if place.often(f"public {number}", 25) else {}),
            "NetworkInterfaces": [{"NetworkInterfaceId": _id("eni", number), "Ipv6Addresses": []}],
            "SecurityGroups": [{"GroupId": _id("sg", 0), "GroupName": "default"}],
            "VirtualizationType": "hvm",
            "StateTransitionReason": "",
        }
        for number, name in enumerate(place.names("web", 5))
    ]
    held = {"ReservationId": _id("r", 0), "OwnerId": ACCOUNT, "Groups": [], "Instances": found}
    return {"Reservations": [held] if found else []}


def _volume(volume: str, *, encrypted: bool) -> dict[str, Any]:
    return {
        "VolumeId": volume,
        "Size": 20,
        "Encrypted": encrypted,
        "State": "in-use",
        "VolumeType": "gp3",
        "CreateTime": CREATED,
        "Attachments": [],
        "Tags": tags(team="web"),
    }


@answers("ec2", "DescribeVolumes")
def volumes(place: Place, _asked: Asked) -> Answer:
    if huge := place.huge.get("objects"):
        return {"Volumes": Numbered(_volume(f"vol-{SERIAL}", encrypted=True), huge)}
    number = place.count("volumes", 6)
    return {"Volumes": [_volume(_id("vol", each), encrypted=place.often(f"vol {each}", 70)) for each in range(number)]}


@answers("ec2", "DescribeSnapshots")
def public_snapshots(place: Place, _asked: Asked) -> Answer:
    snapshot = {"SnapshotId": _id("snap", 0), "OwnerId": ACCOUNT, "Encrypted": False, "StartTime": CREATED}
    return {"Snapshots": [snapshot] if place.tier == "busy" and place.often("public snapshot", 20) else []}


@answers("ec2", "DescribeVpcEndpoints")
def vpc_endpoints(place: Place, _asked: Asked) -> Answer:
    endpoint = {
        "VpcEndpointId": _id("vpce", 0),
        "VpcEndpointType": "Gateway",
        "VpcId": _vpcs(place)[0],
        "ServiceName": f"com.amazonaws.{place.region}.s3",
        "State": "available",
        "OwnerId": ACCOUNT,
        "Tags": [],
    }
    return {"VpcEndpoints": [endpoint] if place.tier != "quiet" else []}


constant("ec2", "DescribeVpcPeeringConnections", {"VpcPeeringConnections": []})
constant("ec2", "DescribeManagedPrefixLists", {"PrefixLists": []})
constant("ec2", "GetManagedPrefixListEntries", {"Entries": []})


@answers("ec2", "GetEbsEncryptionByDefault")
def encryption_by_default(place: Place, _asked: Asked) -> Answer:
    return {"EbsEncryptionByDefault": place.often("encryption by default", 60), "SseType": "sse-ebs"}


@answers("ec2", "GetInstanceMetadataDefaults")
def metadata_defaults(place: Place, _asked: Asked) -> Answer:
    return {"AccountLevel": {"HttpTokens": "required"} if place.often("metadata defaults", 50) else {}}


@answers("ec2", "GetSnapshotBlockPublicAccessState")
def snapshot_sharing(place: Place, _asked: Asked) -> Answer:
    return {"State": "block-all-sharing" if place.often("sharing", 50) else "unblocked", "ManagedBy": "account"}
