"""What keeps data and secrets: RDS, Redshift, DynamoDB, OpenSearch, KMS, secrets and queues."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

from typing import Any

from scripts.simulator.answers import (
    CREATED,
    Asked,
    RefusedError,
    answers,
    constant,
    days_ago,
    number_of,
    own_policy,
    policy,
    statement,
)
from scripts.simulator.organization import ACCOUNT, Place, tags
from scripts.simulator.protocol import Answer


def _database(place: Place, name: str) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name,
        "DBInstanceArn": place.arn("rds", f"db:{name}"),
        "Engine": "postgres",
        "DBInstanceStatus": "available",
        "MasterUsername": "owner",
        "Endpoint": {"Address": f"{name}.example.com", "Port": 5432},
        "DbInstancePort": 5432,
        "BackupRetentionPeriod": 7 if place.often(f"{name} kept", 70) else 0,
        "MultiAZ": place.often(f"{name} zones", 40),
        "PubliclyAccessible": place.often(f"{name} public", 15),
        "StorageEncrypted": place.often(f"{name} encrypted", 70),
        "AutoMinorVersionUpgrade": place.often(f"{name} upgrades", 80),
        "DeletionProtection": place.often(f"{name} protected", 50),
        "MonitoringInterval": 60,
        "IAMDatabaseAuthenticationEnabled": False,
        "CopyTagsToSnapshot": True,
        "EnabledCloudwatchLogsExports": ["postgresql"],
        "DBSubnetGroup": {"VpcId": f"vpc-{ACCOUNT}00000", "Subnets": [{"SubnetIdentifier": f"subnet-{ACCOUNT}00000"}]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": f"sg-{ACCOUNT}00000", "Status": "active"}],
        "TagList": tags(team="data"),
    }


@answers("rds", "DescribeDBInstances")
def databases(place: Place, _asked: Asked) -> Answer:
    return {"DBInstances": [_database(place, name) for name in place.names("db", 3)]}


@answers("rds", "DescribeDBClusters")
def clusters(place: Place, _asked: Asked) -> Answer:
    return {
        "DBClusters": [
            {
                "DBClusterIdentifier": name,
                "DBClusterArn": place.arn("rds", f"cluster:{name}"),
                "Engine": "aurora-mysql",
                "EngineMode": "provisioned",
                "Status": "available",
                "Port": 3306,
                "MasterUsername": "owner",
                "MultiAZ": True,
                "StorageEncrypted": place.often(name, 80),
                "DeletionProtection": place.often(f"{name} protected", 50),
                "BackupRetentionPeriod": 7,
                "BacktrackWindow": 0,
                "EnabledCloudwatchLogsExports": ["audit"],
                "IAMDatabaseAuthenticationEnabled": True,
                "CopyTagsToSnapshot": True,
                "AutoMinorVersionUpgrade": True,
                "TagList": tags(team="data"),
            }
            for name in (place.names("cluster", 2) if place.often("clusters", 40) else ())
        ]
    }


@answers("rds", "DescribeDBSnapshots")
def snapshots(place: Place, _asked: Asked) -> Answer:
    return {
        "DBSnapshots": [
            {
                "DBSnapshotIdentifier": name,
                "DBSnapshotArn": place.arn("rds", f"snapshot:{name}"),
                "Encrypted": place.often(name, 70),
                "SnapshotType": "manual",
                "Status": "available",
                "TagList": [],
            }
            for name in place.names("before-upgrade", 2)
        ]
    }


@answers("rds", "DescribeDBSnapshotAttributes")
def snapshot_shared(place: Place, asked: Asked) -> Answer:
    name = str(asked.get("DBSnapshotIdentifier"))
    shared = ["all"] if place.often(f"{name} shared", 10) else []
    attribute = {"AttributeName": "restore", "AttributeValues": shared}
    return {"DBSnapshotAttributesResult": {"DBSnapshotIdentifier": name, "DBSnapshotAttributes": [attribute]}}


@answers("rds", "DescribeDBClusterSnapshots")
def cluster_snapshots(place: Place, _asked: Asked) -> Answer:
    return {
        "DBClusterSnapshots": [
            {
                "DBClusterSnapshotIdentifier": name,
                "DBClusterSnapshotArn": place.arn("rds", f"cluster-snapshot:{name}"),
                "Engine": ("aurora-mysql", "neptune", "docdb")[number],
                "StorageEncrypted": place.often(name, 70),
                "SnapshotType": "manual",
                "Status": "available",
                "TagList": [],
            }
            for number, name in enumerate(place.names("copy", 3) if place.tier == "busy" else ())
        ]
    }


@answers("rds", "DescribeDBClusterSnapshotAttributes")
def cluster_snapshot_shared(_place: Place, asked: Asked) -> Answer:
    name = str(asked.get("DBClusterSnapshotIdentifier"))
    found = [{"AttributeName": "restore", "AttributeValues": []}]
    return {
        "DBClusterSnapshotAttributesResult": {
            "DBClusterSnapshotIdentifier": name,
            "DBClusterSnapshotAttributes": found,
        }
    }


@answers("redshift", "DescribeClusters")
def redshift_clusters(place: Place, _asked: Asked) -> Answer:
    return {
        "Clusters": [
            {
                "ClusterIdentifier": name,
                "ClusterStatus": "available",
                "MasterUsername": "owner",
                "Endpoint": {"Address": f"{name}.example.com", "Port": 5439},
                "PubliclyAccessible": place.often(f"{name} public", 20),
                "Encrypted": place.often(f"{name} encrypted", 70),
                "AutomatedSnapshotRetentionPeriod": 7,
                "AllowVersionUpgrade": True,
                "EnhancedVpcRouting": False,
                "MultiAZ": "Disabled",
                "VpcSecurityGroups": [{"VpcSecurityGroupId": f"sg-{ACCOUNT}00000", "Status": "active"}],
                "ClusterParameterGroups": [{"ParameterGroupName": "own"}],
                "Tags": tags(team="data"),
            }
            for name in (place.names("warehouse", 1) if place.often("redshift", 40) else ())
        ]
    }


constant(
    "redshift",
    "DescribeClusterParameters",
    {"Parameters": [{"ParameterName": "require_ssl", "ParameterValue": "false"}]},
)
constant("redshift", "DescribeLoggingStatus", {"LoggingEnabled": False})


@answers("dynamodb", "ListTables")
def tables(place: Place, _asked: Asked) -> Answer:
    return {"TableNames": place.names("table", 5)}


def _domains(place: Place) -> list[str]:
    return place.names("search", 1) if place.often("search", 40) else []


@answers("opensearch", "ListDomainNames")
def domain_names(place: Place, _asked: Asked) -> Answer:
    return {"DomainNames": [{"DomainName": name, "EngineType": "OpenSearch"} for name in _domains(place)]}


@answers("opensearch", "DescribeDomains")
def domains(place: Place, _asked: Asked) -> Answer:
    logs = {"CloudWatchLogsLogGroupArn": place.arn("logs", "log-group:search"), "Enabled": True}
    return {
        "DomainStatusList": [
            {
                "ARN": place.arn("es", f"domain/{name}"),
                "DomainId": f"{ACCOUNT}/{name}",
                "DomainName": name,
                "EngineVersion": "OpenSearch_2.11",
                "AccessPolicies": own_policy("es:*"),
                "ClusterConfig": {"InstanceCount": 3, "ZoneAwarenessEnabled": True}
                | {"DedicatedMasterEnabled": True, "DedicatedMasterCount": 3},
                "EncryptionAtRestOptions": {"Enabled": place.often(name, 70)},
                "NodeToNodeEncryptionOptions": {"Enabled": True},
                "LogPublishingOptions": {"AUDIT_LOGS": logs, "ES_APPLICATION_LOGS": logs},
                "DomainEndpointOptions": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
                "ServiceSoftwareOptions": {"UpdateAvailable": False, "AutomatedUpdateDate": CREATED},
                "Deleted": False,
                "VPCOptions": {"VPCId": f"vpc-{ACCOUNT}00000"},
                "Endpoints": {"vpc": f"vpc-{name}.example.com"},
                "AdvancedSecurityOptions": {"Enabled": True, "AnonymousAuthEnabled": False},
            }
            for name in _domains(place)
        ]
    }


def _keys(place: Place) -> list[str]:
    return [f"{ACCOUNT[:8]}-0000-4000-8000-{number:012}" for number in range(place.count("keys", 4))]


@answers("kms", "ListKeys")
def keys(place: Place, _asked: Asked) -> Answer:
    found = [{"KeyId": key, "KeyArn": place.arn("kms", f"key/{key}")} for key in _keys(place)]
    return {"Keys": found, "Truncated": False}


@answers("kms", "ListAliases")
def aliases(place: Place, _asked: Asked) -> Answer:
    own = [
        {"AliasName": f"alias/app-{number}", "AliasArn": place.arn("kms", f"alias/app-{number}"), "TargetKeyId": key}
        for number, key in enumerate(_keys(place))
    ]
    return {"Aliases": [{"AliasName": "alias/aws/ebs"}, *own], "Truncated": False}


def _key(place: Place, asked: Asked) -> str:
    key = str(asked.get("KeyId")).rpartition("/")[2]
    if key not in _keys(place):
        raise RefusedError("NotFoundException")
    return key


@answers("kms", "DescribeKey")
def key(place: Place, asked: Asked) -> Answer:
    found = _key(place, asked)
    return {
        "KeyMetadata": {
            "AWSAccountId": ACCOUNT,
            "KeyId": found,
            "Arn": place.arn("kms", f"key/{found}"),
            "CreationDate": CREATED,
            "Enabled": True,
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": "Enabled",
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "MultiRegion": False,
        }
    }


@answers("kms", "GetKeyRotationStatus")
def rotation(place: Place, asked: Asked) -> Answer:
    rotates = place.often(f"{_key(place, asked)} rotates", 60)
    return {"KeyRotationEnabled": rotates, **({"RotationPeriodInDays": 365} if rotates else {})}


@answers("kms", "GetKeyPolicy")
def key_policy(place: Place, asked: Asked) -> Answer:
    _key(place, asked)
    return {"Policy": own_policy("kms:*"), "PolicyName": "default"}


@answers("secretsmanager", "ListSecrets")
def secrets(place: Place, _asked: Asked) -> Answer:
    return {
        "SecretList": [
            {
                "ARN": place.arn("secretsmanager", f"secret:{name}"),
                "Name": name,
                "CreatedDate": CREATED,
                "LastAccessedDate": days_ago(200 if place.often(f"{name} idle", 30) else 3),
                **(_rotated() if place.often(f"{name} rotates", 50) else {"RotationEnabled": False}),
                "Tags": tags(team="web"),
            }
            for name in place.names("secret", 3)
        ]
    }


def _rotated() -> dict[str, Any]:
    return {
        "RotationEnabled": True,
        "RotationRules": {"AutomaticallyAfterDays": 30},
        "LastRotatedDate": days_ago(10),
        "NextRotationDate": days_ago(-20),
    }


@answers("secretsmanager", "GetResourcePolicy")
def secret_policy(_place: Place, asked: Asked) -> Answer:
    arn = str(asked.get("SecretId"))
    return {"ARN": arn, "Name": arn.rpartition(":")[2]}


def _url(place: Place, name: str) -> str:
    return f"https://sqs.{place.region}.amazonaws.com/{ACCOUNT}/{name}"


@answers("sqs", "ListQueues")
def queues(place: Place, _asked: Asked) -> Answer:
    urls = [_url(place, name) for name in place.names("jobs", 3)]
    return {"QueueUrls": urls} if urls else {}


@answers("sqs", "GetQueueAttributes")
def queue_attributes(place: Place, asked: Asked) -> Answer:
    name = str(asked.get("QueueUrl")).rpartition("/")[2]
    sends = policy(statement("sqs:SendMessage", place.arn("sqs", name), {"Service": "sns.amazonaws.com"}))
    return {
        "Attributes": {
            "SqsManagedSseEnabled": "true" if place.often(f"{name} encrypted", 80) else "false",
            **({} if number_of(name) % 2 else {"Policy": sends}),
        }
    }
