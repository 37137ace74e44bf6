"""Literal rows of every listing, with all that its collector reads of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from orgaudit.facts import (
    accessanalyzer,
    apigateway,
    apigatewayv2,
    backup,
    cloudfront,
    config,
    contacts,
    docdb,
    ecr,
    ecs,
    efs,
    elb,
    elbv2,
    eventbridge,
    glacier,
    guardduty,
    inspector2,
    kms,
    lambda_,
    macie,
    neptune,
    opensearch,
    organizations,
    rds,
    rds_snapshots,
    redshift,
    secretsmanager,
    securityhub,
    sns,
    ssm,
)
from orgaudit.facts.cloudtrail import trails
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.ec2 import (
    acls,
    defaults,
    endpoints,
    groups,
    instances,
    peering,
    routes,
    snapshots,
    subnets,
    volumes,
    vpcs,
)
from orgaudit.facts.iam import authorization, certificates, federation, passwords, root
from orgaudit.facts.s3 import block, buckets
from orgaudit.model import Seen
from tests.factories import HOME, MEMBER, NOW, a_selection, a_status, a_trail, basic

Path: TypeAlias = tuple[str | int, ...]
"""Members by name, and items of lists by place."""
ROLE = f"arn:aws:iam::{MEMBER}:role/deploys"
NOBODY = '{"Version": "2012-10-17", "Statement": []}'
TAGS = [{"Key": "team", "Value": "web"}]


@dataclass(frozen=True)
class Case:
    """A listing whose answer to one call has two rows, the second with another identity; `place` is where they are.

    Without one there is a single row at the place; `named_by` are then the members that it cannot do without. `around`
    is what stands beside the rows, and `others` are answers to further calls. What is `named_elsewhere` of a row's
    identity is known without it.
    """

    service: str
    operation: str
    place: Path
    row: dict[str, Any]
    identity: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    around: Mapping[str, Any] = field(default_factory=dict)
    named_by: frozenset[str] = frozenset()
    named_elsewhere: frozenset[str] = frozenset()
    details: Callable[[Resource], Sequence[Detail]] = lambda _: ()


def answer(case: Case, *rows: Any) -> dict[str, Any]:
    """The answer with these rows, or this one where there is only one."""
    found: Any = list(rows) if case.identity else rows[0]
    beside = dict(case.around)
    for key in reversed(case.place):
        found, beside = ([found], beside) if isinstance(key, int) else ({key: found} | beside, {})
    return dict(found)


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{HOME}:{MEMBER}:{rest}"


def iam_arn(rest: str) -> str:
    return f"arn:aws:iam::{MEMBER}:{rest}"


def authorized(kind: str, row: dict[str, Any], **identity: Any) -> Case:
    return Case("iam", "GetAccountAuthorizationDetails", (kind,), row, identity)


CUSTOM_ORIGIN: dict[str, Any] = {
    "Id": "web",
    "DomainName": "www.example.com",
    "CustomOriginConfig": {
        "HTTPPort": 80,
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "match-viewer",
        "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
    },
}
BEHAVIOR = {
    "TargetOriginId": "pair",
    "ViewerProtocolPolicy": "https-only",
    "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": ["K1"]},
    "TrustedSigners": {"Enabled": False, "Quantity": 0},
}
ACL_ENTRY = {
    "Egress": False,
    "RuleNumber": 100,
    "RuleAction": "allow",
    "Protocol": "6",
    "CidrBlock": "0.0.0.0/0",
    "PortRange": {"From": 22, "To": 22},
}
PERMISSION = {
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    "Ipv6Ranges": [],
    "PrefixListIds": [],
    "UserIdGroupPairs": [],
}
GROUP = {
    "OwnerId": MEMBER,
    "GroupId": "sg-1",
    "GroupName": "default",
    "VpcId": "vpc-1",
    "Tags": TAGS,
    "IpPermissions": [PERMISSION],
    "IpPermissionsEgress": [PERMISSION],
}
USER = {
    "Arn": iam_arn("user/alice"),
    "GroupList": ["staff"],
    "Tags": TAGS,
    "UserPolicyList": [{"PolicyName": "own"}],
    "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AWSSupportAccess"}],
}
AUTHORIZED_ROLE = {
    "Arn": ROLE,
    "Tags": TAGS,
    "RolePolicyList": [{"PolicyName": "own"}],
    "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AWSSupportAccess"}],
    "InstanceProfileList": [{"Arn": iam_arn("instance-profile/deploys")}],
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
POLICY = {
    "Arn": iam_arn("policy/wide"),
    "PolicyVersionList": [{"IsDefaultVersion": True, "Document": EVERYTHING}],
}
RECORDER = {
    "name": "default",
    "recordingGroup": {
        "allSupported": True,
        "includeGlobalResourceTypes": True,
        "resourceTypes": [],
        "exclusionByResourceTypes": {"resourceTypes": []},
        "recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"},
    },
    "servicePrincipal": "",
}
INSTANCE = {
    "InstanceId": "i-1",
    "State": {"Name": "running"},
    "IamInstanceProfile": {"Arn": iam_arn("instance-profile/web")},
    "MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "disabled", "State": "applied"},
    "VpcId": "vpc-1",
    "Tags": TAGS,
    "PublicIpAddress": "203.0.113.5",
    "NetworkInterfaces": [
        {"Association": {"CarrierIp": "203.0.113.6"}, "Ipv6Addresses": [{"Ipv6Address": "2600::1"}]},
    ],
    "VirtualizationType": "hvm",
    "StateTransitionReason": "",
    "LaunchTime": NOW,
}
PEERING = {
    "VpcPeeringConnectionId": "pcx-1",
    "Status": {"Code": "active"},
    "Tags": TAGS,
    "RequesterVpcInfo": {"VpcId": "vpc-1", "OwnerId": MEMBER, "CidrBlock": "10.0.0.0/16", "CidrBlockSet": []}
    | {"Ipv6CidrBlockSet": []},
    "AccepterVpcInfo": {"VpcId": "vpc-2", "OwnerId": MEMBER, "CidrBlock": "10.1.0.0/16", "Ipv6CidrBlockSet": []}
    | {"CidrBlockSet": [{"CidrBlock": "10.1.0.0/16"}]},
}
DATABASE = {
    "DBInstanceArn": arn("rds", "db:a"),
    "Engine": "postgres",
    "PubliclyAccessible": False,
    "StorageEncrypted": True,
    "AutoMinorVersionUpgrade": True,
    "MultiAZ": True,
    "DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-1"}]},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
    "Endpoint": {"Port": 5432},
    "DbInstancePort": 5432,
    "DBClusterIdentifier": "orders",
    "DBInstanceStatus": "available",
    "MonitoringInterval": 60,
    "DeletionProtection": True,
    "EnabledCloudwatchLogsExports": ["postgresql"],
    "IAMDatabaseAuthenticationEnabled": True,
    "BackupRetentionPeriod": 7,
    "ReadReplicaSourceDBInstanceIdentifier": "main",
    "ReadReplicaSourceDBClusterIdentifier": "main",
    "CopyTagsToSnapshot": True,
    "MasterUsername": "owner",
    "TagList": TAGS,
}
STORED_CLUSTER = {
    "DBClusterArn": arn("rds", "cluster:a"),
    "StorageEncrypted": True,
    "DeletionProtection": True,
    "BackupRetentionPeriod": 7,
    "EnabledCloudwatchLogsExports": ["audit"],
    "IAMDatabaseAuthenticationEnabled": True,
    "CopyTagsToSnapshot": True,
    "TagList": TAGS,
}
DATABASE_CLUSTER = STORED_CLUSTER | {
    "Engine": "aurora-mysql",
    "MultiAZ": True,
    "EngineMode": "provisioned",
    "Port": 3307,
    "MasterUsername": "owner",
    "AutoMinorVersionUpgrade": True,
    "BacktrackWindow": 60,
    "GlobalClusterIdentifier": "world",
}
CLUSTER_SNAPSHOT = {
    "DBClusterSnapshotArn": arn("rds", "cluster-snapshot:a"),
    "DBClusterSnapshotIdentifier": "a",
    "Engine": "aurora-mysql",
    "StorageEncrypted": True,
    "SnapshotType": "manual",
    "TagList": TAGS,
}
OTHER_SNAPSHOT = {
    "DBClusterSnapshotArn": arn("rds", "cluster-snapshot:b"),
    "DBClusterSnapshotIdentifier": "b",
}
TRAIL = {
    "TrailARN": arn("cloudtrail", "trail/main"),
    "HomeRegion": HOME,
    "IsMultiRegionTrail": True,
    "IsOrganizationTrail": False,
    "S3BucketName": "files",
    "LogFileValidationEnabled": True,
    "KmsKeyId": arn("kms", "key/1"),
    "CloudWatchLogsLogGroupArn": arn("logs", "log-group:trail:*"),
    "CloudWatchLogsRoleArn": ROLE,
}
FILE_SYSTEM = {
    "OwnerId": MEMBER,
    "FileSystemId": "fs-1",
    "Tags": TAGS,
    "Encrypted": True,
    "KmsKeyId": "key",
    "CreationToken": "x",
    "CreationTime": NOW,
    "LifeCycleState": "available",
    "NumberOfMountTargets": 0,
    "SizeInBytes": {"Value": 0},
    "PerformanceMode": "generalPurpose",
}
CONTACT = {
    "FullName": "Cloud team",
    "CompanyName": "Example",
    "PhoneNumber": "+44 20 7946 0000",
    "AddressLine1": "1 High Street",
    "City": "London",
    "CountryCode": "GB",
    "PostalCode": "1",
}
REST_API = {
    "id": "abc",
    "name": "orders",
    "tags": {"a": "b"},
    "endpointConfiguration": {"types": ["PRIVATE"]},
}
DOMAIN = {
    "ARN": arn("es", "domain/logs"),
    "DomainId": f"{MEMBER}/logs",
    "DomainName": "logs",
    "EngineVersion": "OpenSearch_2.11",
    "ClusterConfig": {"InstanceCount": 3, "ZoneAwarenessEnabled": True}
    | {"DedicatedMasterEnabled": True, "DedicatedMasterCount": 3},
    "EncryptionAtRestOptions": {"Enabled": True},
    "NodeToNodeEncryptionOptions": {"Enabled": True},
    "LogPublishingOptions": {
        "AUDIT_LOGS": {"CloudWatchLogsLogGroupArn": "arn", "Enabled": True},
        "ES_APPLICATION_LOGS": {"CloudWatchLogsLogGroupArn": "arn", "Enabled": True},
    },
    "DomainEndpointOptions": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
    "ServiceSoftwareOptions": {"UpdateAvailable": False, "AutomatedUpdateDate": NOW},
    "Deleted": False,
    "VPCOptions": {"VPCId": "vpc-1"},
    "Endpoints": {"vpc": "vpc-logs.example.com"},
    "AdvancedSecurityOptions": {"Enabled": True, "AnonymousAuthEnabled": False},
}
SCANNED = {"status": "ENABLED", "errorCode": "ALREADY_ENABLED", "errorMessage": ""}
INSPECTED = {
    "accountId": MEMBER,
    "state": SCANNED,
    "resourceState": {"ec2": SCANNED, "ecr": SCANNED, "lambda": SCANNED, "lambdaCode": SCANNED},
}
SECRET = {
    "ARN": arn("secretsmanager", "secret:a"),
    "Tags": TAGS,
    "RotationEnabled": True,
    "RotationRules": {"AutomaticallyAfterDays": 30},
    "NextRotationDate": NOW,
    "LastRotatedDate": NOW,
    "LastAccessedDate": NOW,
    "CreatedDate": NOW,
    "OwningService": "",
    "PrimaryRegion": HOME,
}
ROUTE_TABLE = {
    "OwnerId": MEMBER,
    "RouteTableId": "rtb-1",
    "VpcId": "vpc-1",
    "Tags": TAGS,
    "Associations": [{"Main": False, "SubnetId": "subnet-1", "AssociationState": {"State": "associated"}}],
    "Routes": [
        {"GatewayId": "igw-1", "State": "active", name: destination}
        for name, destination in (
            ("DestinationCidrBlock", "0.0.0.0/0"),
            ("DestinationIpv6CidrBlock", "::/0"),
            ("DestinationPrefixListId", "pl-1"),
        )
    ],
}
CLUSTER_ARNS = {("ecs", "ListClusters"): {"clusterArns": ["a", "b"]}}
SUMMARY = {
    "AccountMFAEnabled": 1,
    "AccountPasswordPresent": 1,
    "AccountAccessKeysPresent": 0,
    "AccountSigningCertificatesPresent": 0,
}
PASSWORDS = {
    "MinimumPasswordLength": 14,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "ExpirePasswords": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 24,
}


def open_to_all(domain: Resource) -> Sequence[Detail]:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "es:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [everyone]}
    return (opensearch.SearchDomainPolicy(arn=domain.arn, document=document),)


def recorded(trail: Resource) -> Sequence[Detail]:
    there = a_trail(arn=trail.arn)
    return a_status(there), a_selection(there, basic())


def no_routes(connection: Resource) -> Sequence[Detail]:
    route = peering.PeeringRoute(table="rtb-1", vpc_id="vpc-1", destination="10.1.0.0/16")
    return (peering.PeeringRoutes(arn=connection.arn, routes=(route,)),)


CASES: dict[Callable[..., Any], Case] = {
    accessanalyzer.region_analyzers: Case(
        "accessanalyzer",
        "ListAnalyzers",
        ("analyzers", 0),
        {"name": "a", "arn": "a", "type": "ACCOUNT", "status": "ACTIVE", "createdAt": NOW},
    ),
    root.root: Case("iam", "GetAccountSummary", ("SummaryMap",), SUMMARY),
    passwords.password_policy: Case("iam", "GetAccountPasswordPolicy", ("PasswordPolicy",), PASSWORDS),
    root.root_features: Case(
        "iam", "ListOrganizationsFeatures", (), {"EnabledFeatures": ["RootCredentialsManagement"]}
    ),
    acls.network_acls: Case(
        "ec2",
        "DescribeNetworkAcls",
        ("NetworkAcls",),
        {"OwnerId": MEMBER, "NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": True, "Tags": TAGS}
        | {"Associations": [{"SubnetId": "subnet-1"}], "Entries": [ACL_ENTRY]},
        {"OwnerId": MEMBER, "NetworkAclId": "acl-2"},
    ),
    apigateway.rest_apis: Case("apigateway", "GetRestApis", ("items",), REST_API, {"id": "other"}),
    apigateway.rest_api_stages: Case(
        "apigateway",
        "GetStages",
        ("item",),
        {
            "stageName": "prod",
            "tags": {"a": "b"},
            "accessLogSettings": {"destinationArn": "arn"},
            "methodSettings": {
                "*/*": {"loggingLevel": "INFO", "cachingEnabled": True, "cacheDataEncrypted": True},
            },
            "cacheClusterEnabled": True,
            "tracingEnabled": True,
            "webAclArn": "arn",
            "clientCertificateId": "abcdef",
        },
        {"stageName": "test"},
        {("apigateway", "GetRestApis"): {"items": [REST_API]}},
        details=lambda stage: (apigateway.StageIntegrations(arn=stage.arn, types=("HTTP",)),),
    ),
    apigatewayv2.api_stages: Case(
        "apigatewayv2",
        "GetStages",
        ("Items",),
        {
            "StageName": "prod",
            "Tags": {"a": "b"},
            "AccessLogSettings": {"DestinationArn": "arn"},
            "DefaultRouteSettings": {"LoggingLevel": "INFO"},
            "RouteSettings": {"$connect": {"LoggingLevel": "ERROR"}},
        },
        {"StageName": "test"},
        {("apigatewayv2", "GetApis"): {"Items": [{"ApiId": "abc", "Name": "orders", "ProtocolType": "WEBSOCKET"}]}},
    ),
    authorization.users: authorized("UserDetailList", USER, Arn=iam_arn("user/bob")),
    authorization.groups: authorized(
        "GroupDetailList",
        {"Arn": iam_arn("group/staff"), "GroupPolicyList": USER["UserPolicyList"]}
        | {"AttachedManagedPolicies": USER["AttachedManagedPolicies"]},
        Arn=iam_arn("group/others"),
    ),
    authorization.roles: authorized("RoleDetailList", AUTHORIZED_ROLE, Arn=iam_arn("role/other")),
    authorization.instance_profiles: Case(
        "iam",
        "GetAccountAuthorizationDetails",
        ("RoleDetailList", 0, "InstanceProfileList"),
        {"Arn": iam_arn("instance-profile/deploys"), "Path": "/", "InstanceProfileName": "deploys"}
        | {"InstanceProfileId": "x", "CreateDate": NOW, "Roles": []},
        {"Arn": iam_arn("instance-profile/other")},
        around={"Arn": ROLE},
    ),
    authorization.inline_policies: Case(
        "iam",
        "GetAccountAuthorizationDetails",
        ("UserDetailList", 0, "UserPolicyList"),
        {"PolicyName": "own", "PolicyDocument": EVERYTHING},
        {"PolicyName": "other"},
        around={"Arn": USER["Arn"]},
    ),
    authorization.customer_policies: authorized("Policies", POLICY, Arn=iam_arn("policy/other")),
    authorization.aws_policies: Case(
        "iam",
        "GetAccountAuthorizationDetails",
        ("Policies",),
        POLICY | {"Arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        {"Arn": "arn:aws:iam::aws:policy/PowerUserAccess"},
        named_elsewhere=frozenset({"Arn"}),
        around={
            "UserDetailList": [
                {
                    "Arn": iam_arn("user/alice"),
                    "AttachedManagedPolicies": [
                        {"PolicyArn": f"arn:aws:iam::aws:policy/{name}"}
                        for name in ("AdministratorAccess", "PowerUserAccess")
                    ],
                }
            ]
        },
    ),
    backup.backup_vaults: Case(
        "backup",
        "ListBackupVaults",
        ("BackupVaultList",),
        {"BackupVaultArn": arn("backup", "backup-vault:a")},
        {"BackupVaultArn": arn("backup", "backup-vault:b")},
    ),
    block.account_public_access_block: Case(
        "s3control", "GetPublicAccessBlock", ("PublicAccessBlockConfiguration",), dict.fromkeys(block.SETTINGS, True)
    ),
    buckets.buckets: Case(
        "s3",
        "ListBuckets",
        ("Buckets",),
        {"Name": "a", "BucketRegion": HOME},
        {"Name": "b"},
        {("s3", "GetBucketLocation"): {"LocationConstraint": HOME}},
    ),
    certificates.server_certificates: Case(
        "iam",
        "ListServerCertificates",
        ("ServerCertificateMetadataList",),
        {"Arn": iam_arn("server-certificate/a"), "Expiration": NOW, "Path": "/", "ServerCertificateName": "a"}
        | {"ServerCertificateId": "a"},
        {"Arn": iam_arn("server-certificate/b")},
    ),
    cloudfront.distributions: Case(
        "cloudfront",
        "ListDistributions",
        ("DistributionList", "Items"),
        {
            "ARN": f"arn:aws:cloudfront::{MEMBER}:distribution/A",
            "Enabled": True,
            "Aliases": {"Quantity": 0, "Items": []},
            "ConnectionMode": "direct",
            "Origins": {
                "Quantity": 3,
                "Items": [
                    CUSTOM_ORIGIN,
                    {"Id": "files", "DomainName": "files.s3.amazonaws.com", "OriginAccessControlId": "OAC1"},
                    {"Id": "call", "DomainName": "abc.lambda-url.eu-west-1.on.aws", "OriginAccessControlId": "OAC2"}
                    | {"CustomOriginConfig": CUSTOM_ORIGIN["CustomOriginConfig"]},
                ],
            },
            "OriginGroups": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "pair",
                        "FailoverCriteria": {"StatusCodes": {"Quantity": 1, "Items": [500]}},
                        "Members": {"Quantity": 2, "Items": [{"OriginId": "web"}, {"OriginId": "call"}]},
                    }
                ],
            },
            "DefaultCacheBehavior": BEHAVIOR,
            "CacheBehaviors": {"Quantity": 1, "Items": [{"PathPattern": "/a", **BEHAVIOR}]},
            "ViewerCertificate": {
                "CloudFrontDefaultCertificate": False,
                "ACMCertificateArn": "arn",
                "IAMCertificateId": "",
                "SSLSupportMethod": "sni-only",
                "MinimumProtocolVersion": "TLSv1.2_2021",
            },
            "WebACLId": "arn:aws:wafv2",
        },
        {"ARN": f"arn:aws:cloudfront::{MEMBER}:distribution/B"},
        details=lambda distribution: (
            cloudfront.DistributionRoot(arn=distribution.arn, root_object="index.html"),
            cloudfront.OriginBuckets(arn=distribution.arn, exists={"files": Seen(True)}),
        ),
    ),
    config.config_recordings: Case(
        "config",
        "DescribeConfigurationRecorders",
        ("ConfigurationRecorders", 0),
        RECORDER,
        named_by=frozenset({"name"}),
    ),
    contacts.contact_information: Case("account", "GetContactInformation", ("ContactInformation",), CONTACT),
    contacts.security_contact: Case(
        "account",
        "GetAlternateContact",
        ("AlternateContact",),
        {"Name": "Security", "Title": "Team", "EmailAddress": "a@example.com", "PhoneNumber": "1"},
    ),
    ecr.repositories: Case(
        "ecr",
        "DescribeRepositories",
        ("repositories",),
        {"repositoryArn": arn("ecr", "repository/team/a")},
        {"repositoryArn": arn("ecr", "repository/team/b")},
    ),
    ecs.clusters: Case(
        "ecs",
        "DescribeClusters",
        ("clusters",),
        {
            "clusterArn": arn("ecs", "cluster/a"),
            "runningTasksCount": 0,
            "pendingTasksCount": 0,
            "activeServicesCount": 0,
            "status": "ACTIVE",
            "settings": [{"name": "containerInsights", "value": "enabled"}],
        },
        {"clusterArn": arn("ecs", "cluster/b")},
        CLUSTER_ARNS,
    ),
    efs.file_systems: Case(
        "efs", "DescribeFileSystems", ("FileSystems",), FILE_SYSTEM, {"OwnerId": MEMBER, "FileSystemId": "fs-2"}
    ),
    elb.classic_load_balancers: Case(
        "elb",
        "DescribeLoadBalancers",
        ("LoadBalancerDescriptions",),
        {
            "LoadBalancerName": "a",
            "Scheme": "internal",
            "AvailabilityZones": ["a", "b"],
            "ListenerDescriptions": [
                {
                    "Listener": {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 80}
                    | {"SSLCertificateId": arn("acm", "certificate/1")}
                }
            ],
        },
        {"LoadBalancerName": "b"},
        details=lambda balancer: (elb.ClassicLoadBalancerLogs(arn=balancer.arn),),
    ),
    elbv2.load_balancers: Case(
        "elbv2",
        "DescribeLoadBalancers",
        ("LoadBalancers",),
        {
            "LoadBalancerArn": arn("elasticloadbalancing", "loadbalancer/app/a/1"),
            "Type": "application",
            "Scheme": "internal",
            "AvailabilityZones": [{"ZoneName": "a"}, {"ZoneName": "b"}],
        },
        {"LoadBalancerArn": arn("elasticloadbalancing", "loadbalancer/app/b/1")},
        details=lambda balancer: (
            elbv2.LoadBalancerLogs(arn=balancer.arn),
            elbv2.LoadBalancerAttributes(
                arn=balancer.arn,
                deletion_protected=Seen(True),
                drops_invalid_headers=Seen(True),
                desync_mode=Seen("defensive"),
            ),
            elbv2.LoadBalancerListeners(
                arn=balancer.arn, listeners=(elbv2.Listener("l", "HTTP", 80, (elbv2.TO_HTTPS,)),)
            ),
            elbv2.HttpRules(arn=balancer.arn),
        ),
    ),
    elbv2.target_groups: Case(
        "elbv2",
        "DescribeTargetGroups",
        ("TargetGroups",),
        {
            "TargetGroupArn": arn("elasticloadbalancing", "targetgroup/a/1"),
            "TargetType": "instance",
            "Protocol": "HTTPS",
            "HealthCheckProtocol": "HTTPS",
            "LoadBalancerArns": [],
        },
        {"TargetGroupArn": arn("elasticloadbalancing", "targetgroup/b/1")},
    ),
    eventbridge.event_buses: Case(
        "events",
        "ListEventBuses",
        ("EventBuses",),
        {"Arn": arn("events", "event-bus/a"), "Policy": NOBODY},
        {"Arn": arn("events", "event-bus/b")},
    ),
    federation.identity_centers: Case(
        "sso-admin",
        "ListInstances",
        ("Instances",),
        {"InstanceArn": "arn:aws:sso:::instance/a", "OwnerAccountId": MEMBER, "Status": "ACTIVE"},
        {"InstanceArn": "arn:aws:sso:::instance/b", "OwnerAccountId": MEMBER},
    ),
    federation.identity_providers: Case(
        "iam",
        "ListSAMLProviders",
        ("SAMLProviderList",),
        {"Arn": iam_arn("saml-provider/a")},
        {"Arn": iam_arn("saml-provider/b")},
        {("iam", "ListOpenIDConnectProviders"): {"OpenIDConnectProviderList": []}},
    ),
    defaults.ebs_defaults: Case("ec2", "GetEbsEncryptionByDefault", (), {"EbsEncryptionByDefault": True}),
    defaults.metadata_defaults: Case(
        "ec2",
        "GetInstanceMetadataDefaults",
        ("AccountLevel",),
        {"HttpTokens": "required", "HttpEndpoint": "enabled", "ManagedBy": "account", "ManagedExceptionMessage": "x"},
    ),
    glacier.vaults: Case(
        "glacier", "ListVaults", ("VaultList",), {"VaultARN": arn("glacier", "a")}, {"VaultARN": arn("glacier", "b")}
    ),
    groups.security_groups: Case(
        "ec2", "DescribeSecurityGroups", ("SecurityGroups",), GROUP, {"OwnerId": MEMBER, "GroupId": "sg-2"}
    ),
    groups.default_security_groups: Case(
        "ec2", "DescribeSecurityGroups", ("SecurityGroups",), GROUP, {"OwnerId": MEMBER, "GroupId": "sg-2"}
    ),
    instances.instances: Case(
        "ec2",
        "DescribeInstances",
        ("Reservations", 0, "Instances"),
        INSTANCE,
        {"InstanceId": "i-2"},
        around={"OwnerId": MEMBER},
    ),
    guardduty.guardduty_regions: Case(
        "guardduty", "ListDetectors", (), {"DetectorIds": ["12abc34d"]}, named_by=frozenset({"DetectorIds"})
    ),
    inspector2.inspector_accounts: Case(
        "inspector2",
        "BatchGetAccountStatus",
        ("accounts", 0),
        INSPECTED,
        named_by=frozenset({"accountId"}),
    ),
    kms.keys: Case(
        "kms",
        "ListKeys",
        ("Keys",),
        {"KeyArn": arn("kms", "key/a")},
        {"KeyArn": arn("kms", "key/b")},
        {("kms", "ListAliases"): {"Aliases": [{"AliasName": "alias/x"}, {"TargetKeyId": "a"}]}},
    ),
    lambda_.functions: Case(
        "lambda",
        "ListFunctions",
        ("Functions",),
        {"FunctionArn": arn("lambda", "function:a"), "PackageType": "Zip", "Runtime": "python3.13"},
        {"FunctionArn": arn("lambda", "function:b")},
    ),
    macie.macie_sessions: Case("macie2", "GetMacieSession", (), {"status": "ENABLED"}),
    opensearch.search_domains: Case(
        "opensearch",
        "DescribeDomains",
        ("DomainStatusList",),
        DOMAIN,
        {"ARN": arn("es", "domain/other")},
        {("opensearch", "ListDomainNames"): {"DomainNames": [{"DomainName": "logs"}, {"DomainName": "other"}]}},
        details=open_to_all,
    ),
    organizations.member_of: Case(
        "organizations",
        "DescribeOrganization",
        ("Organization",),
        {"Arn": f"arn:aws:organizations::{MEMBER}:organization/o-1", "MasterAccountId": MEMBER, "FeatureSet": "ALL"},
        named_by=frozenset({"Arn"}),
    ),
    peering.peering_connections: Case(
        "ec2",
        "DescribeVpcPeeringConnections",
        ("VpcPeeringConnections",),
        PEERING,
        {"VpcPeeringConnectionId": "pcx-2"},
        details=no_routes,
    ),
    rds.database_instances: Case(
        "rds", "DescribeDBInstances", ("DBInstances",), DATABASE, {"DBInstanceArn": arn("rds", "db:b")}
    ),
    rds.database_clusters: Case(
        "rds",
        "DescribeDBClusters",
        ("DBClusters",),
        DATABASE_CLUSTER,
        {"DBClusterArn": arn("rds", "cluster:b")},
    ),
    rds_snapshots.database_snapshots: Case(
        "rds",
        "DescribeDBSnapshots",
        ("DBSnapshots",),
        {
            "DBSnapshotArn": arn("rds", "snapshot:a"),
            "DBSnapshotIdentifier": "a",
            "Encrypted": True,
            "SnapshotType": "manual",
            "TagList": TAGS,
        },
        {"DBSnapshotArn": arn("rds", "snapshot:b"), "DBSnapshotIdentifier": "b"},
        {("rds", "DescribeDBClusterSnapshots"): {"DBClusterSnapshots": []}},
    ),
    rds_snapshots.neptune_snapshots: Case(
        "rds",
        "DescribeDBClusterSnapshots",
        ("DBClusterSnapshots",),
        CLUSTER_SNAPSHOT | {"Engine": "neptune"},
        OTHER_SNAPSHOT | {"Engine": "neptune"},
    ),
    rds_snapshots.docdb_snapshots: Case(
        "rds",
        "DescribeDBClusterSnapshots",
        ("DBClusterSnapshots",),
        CLUSTER_SNAPSHOT | {"Engine": "docdb"},
        OTHER_SNAPSHOT | {"Engine": "docdb"},
    ),
    redshift.redshift_clusters: Case(
        "redshift",
        "DescribeClusters",
        ("Clusters",),
        {
            "ClusterIdentifier": "a",
            "ClusterStatus": "available",
            "PubliclyAccessible": False,
            "Encrypted": True,
            "AutomatedSnapshotRetentionPeriod": 7,
            "AllowVersionUpgrade": True,
            "EnhancedVpcRouting": True,
            "MasterUsername": "owner",
            "MultiAZ": "Enabled",
            "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
            "Endpoint": {"Port": 5439},
            "ClusterParameterGroups": [{"ParameterGroupName": "own"}],
            "Tags": TAGS,
        },
        {"ClusterIdentifier": "b"},
    ),
    neptune.neptune_clusters: Case(
        "rds",
        "DescribeDBClusters",
        ("DBClusters",),
        STORED_CLUSTER | {"Engine": "neptune"},
        {"DBClusterArn": arn("rds", "cluster:b"), "Engine": "neptune"},
    ),
    docdb.docdb_clusters: Case(
        "rds",
        "DescribeDBClusters",
        ("DBClusters",),
        STORED_CLUSTER | {"Engine": "docdb"},
        {"DBClusterArn": arn("rds", "cluster:b"), "Engine": "docdb"},
    ),
    routes.route_tables: Case(
        "ec2", "DescribeRouteTables", ("RouteTables",), ROUTE_TABLE, {"OwnerId": MEMBER, "RouteTableId": "rtb-2"}
    ),
    secretsmanager.secrets: Case(
        "secretsmanager",
        "ListSecrets",
        ("SecretList",),
        SECRET,
        {"ARN": arn("secretsmanager", "secret:b")},
    ),
    securityhub.security_hubs: Case(
        "securityhub",
        "DescribeHub",
        (),
        {"HubArn": arn("securityhub", "hub/default"), "SubscribedAt": "2024", "AutoEnableControls": True},
        named_by=frozenset({"HubArn"}),
    ),
    sns.topics: Case("sns", "ListTopics", ("Topics",), {"TopicArn": arn("sns", "a")}, {"TopicArn": arn("sns", "b")}),
    trails.trails: Case(
        "cloudtrail",
        "DescribeTrails",
        ("trailList",),
        TRAIL,
        {"TrailARN": arn("cloudtrail", "trail/other")},
        details=recorded,
    ),
    endpoints.vpc_endpoints: Case(
        "ec2",
        "DescribeVpcEndpoints",
        ("VpcEndpoints",),
        {
            "VpcEndpointId": "vpce-1",
            "VpcId": "vpc-1",
            "VpcEndpointType": "Interface",
            "State": "Available",
            "Tags": TAGS,
        }
        | {"ServiceName": f"com.amazonaws.{HOME}.ec2"},
        {"VpcEndpointId": "vpce-2"},
    ),
    snapshots.public_snapshots: Case(
        "ec2", "DescribeSnapshots", ("Snapshots", 0), {"SnapshotId": "snap-1", "OwnerId": MEMBER}
    ),
    snapshots.snapshot_sharing: Case(
        "ec2", "GetSnapshotBlockPublicAccessState", (), {"State": "block-all-sharing", "ManagedBy": "account"}
    ),
    ssm.document_sharing: Case("ssm", "GetServiceSetting", ("ServiceSetting",), {"SettingValue": "Disable"}),
    subnets.subnets: Case(
        "ec2",
        "DescribeSubnets",
        ("Subnets",),
        {"OwnerId": MEMBER, "SubnetId": "subnet-1", "VpcId": "vpc-1", "DefaultForAz": False, "Tags": TAGS}
        | {"MapPublicIpOnLaunch": False, "AssignIpv6AddressOnCreation": False},
        {"OwnerId": MEMBER, "SubnetId": "subnet-2"},
    ),
    volumes.volumes: Case(
        "ec2",
        "DescribeVolumes",
        ("Volumes",),
        {"VolumeId": "vol-1", "Encrypted": True, "State": "in-use", "KmsKeyId": "key", "Tags": TAGS},
        {"VolumeId": "vol-2"},
    ),
    vpcs.vpcs: Case(
        "ec2",
        "DescribeVpcs",
        ("Vpcs",),
        {"OwnerId": MEMBER, "VpcId": "vpc-1", "IsDefault": False, "Tags": TAGS}
        | {"CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16"}]},
        {"OwnerId": MEMBER, "VpcId": "vpc-2"},
    ),
    vpcs.flow_logs: Case(
        "ec2",
        "DescribeFlowLogs",
        ("FlowLogs",),
        {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "FlowLogStatus": "ACTIVE", "TrafficType": "ALL", "Tags": TAGS}
        | {"DeliverLogsStatus": "SUCCESS", "DeliverLogsErrorMessage": "", "LogDestination": "x", "LogGroupName": "x"},
        {"FlowLogId": "fl-2"},
    ),
}
