"""What keeps files: S3 with every bucket's settings, EFS, Glacier, Backup and ECR."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

from typing import Any

from scripts.simulator.answers import CREATED, Asked, RefusedError, answers, number_of, own_policy, refused
from scripts.simulator.answers.logging import BUCKET
from scripts.simulator.organization import ACCOUNT, HOME, Place, tags
from scripts.simulator.protocol import Answer, Raw

BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
GROUPS = "http://acs.amazonaws.com/groups/global"


def _buckets(place: Place) -> list[str]:
    return [BUCKET, *(f"data-{ACCOUNT}-{number}" for number in range(place.count("buckets", 5)))]


def _known(place: Place, asked: Asked) -> str:
    name = str(asked.get("Bucket"))
    if name not in _buckets(place):
        raise RefusedError("NoSuchBucket", "The specified bucket does not exist", 404)
    return name


@answers("s3", "ListBuckets")
def buckets(place: Place, _asked: Asked) -> Answer:
    found = [{"Name": name, "CreationDate": CREATED, "BucketRegion": HOME} for name in _buckets(place)]
    return {"Buckets": found, "Owner": {"DisplayName": "owner", "ID": ACCOUNT}}


@answers("s3", "GetBucketLocation")
def location(place: Place, asked: Asked) -> Answer:
    _known(place, asked)
    return {"": Raw(b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')}


@answers("s3", "HeadBucket")
def head(place: Place, asked: Asked) -> Answer:
    _known(place, asked)
    return {}


@answers("s3", "GetBucketPolicy")
def bucket_policy(place: Place, asked: Asked) -> Answer:
    name = _known(place, asked)
    if not place.often(f"{name} policy", 50):
        raise RefusedError("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
    return {"Policy": own_policy("s3:GetObject", f"arn:aws:s3:::{name}/*")}


@answers("s3", "GetBucketAcl")
def acl(place: Place, asked: Asked) -> Answer:
    name = _known(place, asked)
    grants: list[dict[str, Any]] = [
        {"Grantee": {"Type": "CanonicalUser", "ID": ACCOUNT}, "Permission": "FULL_CONTROL"},
    ]
    if place.often(f"{name} public", 10):
        grants.append({"Grantee": {"Type": "Group", "URI": f"{GROUPS}/AllUsers"}, "Permission": "READ"})
    return {"Owner": {"DisplayName": "owner", "ID": ACCOUNT}, "Grants": grants}


@answers("s3", "GetBucketEncryption")
def encryption(place: Place, asked: Asked) -> Answer:
    _known(place, asked)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


@answers("s3", "GetBucketVersioning")
def versioning(place: Place, asked: Asked) -> Answer:
    return {"Status": "Enabled"} if place.often(f"{_known(place, asked)} versions", 60) else {}


@answers("s3", "GetBucketLogging")
def bucket_logging(place: Place, asked: Asked) -> Answer:
    logs = place.often(f"{_known(place, asked)} logs", 40)
    return {"LoggingEnabled": {"TargetBucket": BUCKET, "TargetPrefix": "s3/"}} if logs else {}


@answers("s3", "GetBucketOwnershipControls")
def ownership(place: Place, asked: Asked) -> Answer:
    if not place.often(f"{_known(place, asked)} owned", 80):
        raise RefusedError("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", 404)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}


@answers("s3", "GetBucketLifecycleConfiguration")
def lifecycle(place: Place, asked: Asked) -> Answer:
    if not place.often(f"{_known(place, asked)} lifecycle", 50):
        raise RefusedError("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", 404)
    return {"Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 365}}]}


def _blocked(*, every: bool) -> Answer:
    return {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCKED, True) | ({} if every else {BLOCKED[2]: False})}


@answers("s3", "GetPublicAccessBlock")
def bucket_block(place: Place, asked: Asked) -> Answer:
    name = _known(place, asked)
    if place.often(f"{name} block", 20):
        code = "NoSuchPublicAccessBlockConfiguration"
        raise RefusedError(code, "The public access block configuration was not found", 404)
    return _blocked(every=place.often(f"{name} all", 80))


@answers("s3control", "GetPublicAccessBlock")
def account_block(place: Place, _asked: Asked) -> Answer:
    if place.often("account block", 30):
        code = "NoSuchPublicAccessBlockConfiguration"
        raise RefusedError(code, "The public access block configuration was not found", 404)
    return _blocked(every=True)


@answers("efs", "DescribeFileSystems")
def file_systems(place: Place, _asked: Asked) -> Answer:
    return {
        "FileSystems": [
            {
                "OwnerId": ACCOUNT,
                "CreationToken": name,
                "FileSystemId": f"fs-{ACCOUNT}{number:05x}",
                "CreationTime": CREATED,
                "LifeCycleState": "available",
                "NumberOfMountTargets": 0,
                "SizeInBytes": {"Value": 0},
                "PerformanceMode": "generalPurpose",
                "Encrypted": place.often(name, 70),
                "Tags": tags(team="files"),
            }
            for number, name in enumerate(place.names("share", 2) if place.often("efs", 50) else ())
        ]
    }


refused("efs", "DescribeFileSystemPolicy", "PolicyNotFound", 404)


@answers("glacier", "ListVaults")
def glacier_vaults(place: Place, _asked: Asked) -> Answer:
    found = {"VaultARN": place.arn("glacier", "vaults/archive"), "VaultName": "archive", "NumberOfArchives": 0}
    return {"VaultList": [found] if place.tier == "busy" and place.often("glacier", 30) else []}


refused("glacier", "GetVaultAccessPolicy", "ResourceNotFoundException", 404)


@answers("backup", "ListBackupVaults")
def backup_vaults(place: Place, _asked: Asked) -> Answer:
    found = {"BackupVaultName": "Default", "BackupVaultArn": place.arn("backup", "backup-vault:Default")}
    return {"BackupVaultList": [found] if place.tier != "quiet" else []}


refused("backup", "GetBackupVaultAccessPolicy", "ResourceNotFoundException", 404)


@answers("ecr", "DescribeRepositories")
def repositories(place: Place, _asked: Asked) -> Answer:
    return {
        "repositories": [
            {"repositoryArn": place.arn("ecr", f"repository/{name}"), "registryId": ACCOUNT, "repositoryName": name}
            for name in place.names("image", 3)
        ]
    }


@answers("ecr", "GetRepositoryPolicy")
def repository_policy(_place: Place, asked: Asked) -> Answer:
    name = str(asked.get("repositoryName"))
    if number_of(name) % 2:
        raise RefusedError("RepositoryPolicyNotFoundException")
    return {"registryId": ACCOUNT, "repositoryName": name, "policyText": own_policy("ecr:BatchGetImage")}
