"""Buckets and their settings, each read in the bucket's own region so that S3 redirects nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orgaudit.facts.declare import UNREAD, Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import Row, listed, text
from orgaudit.model import Observed, Scope

PAGE = 1000
"""A page size, without which S3 does not return the regions of the buckets.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html"""
RULE_STATES = ("Enabled", "Disabled")
LEGACY_LOCATIONS: dict[str | None, str] = {None: "us-east-1", "EU": "eu-west-1"}
"""What S3 returns in place of two regions' names.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""


class Bucket(Resource, frozen=True, kw_only=True):
    """A general purpose bucket. Its ARN names neither account nor region, so both are kept beside it."""


class BucketPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A bucket's policy."""


class AclGrant(msgspec.Struct, frozen=True):
    """One grant of an access control list: to an account's canonical id, an e-mail address, or a group's URI."""

    grantee: str
    permission: str


class BucketAcl(Detail, frozen=True, kw_only=True):
    """A bucket's access control list, and the canonical id of the bucket's owner."""

    owner: Observed[str] = UNREAD
    grants: tuple[AclGrant, ...] = ()


class BucketOwnership(Detail, frozen=True, kw_only=True):
    """Who owns a bucket's objects; BucketOwnerEnforced disables access control lists, others leave them in force."""

    ownership: str


class BucketLifecycle(Detail, frozen=True, kw_only=True):
    """The names of a bucket's lifecycle rules that are enabled, and of those that are not; some have no name."""

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


class BucketEncryption(Detail, frozen=True, kw_only=True):
    """The algorithms with which a bucket encrypts new objects by default, such as AES256 and aws:kms."""

    algorithms: tuple[str, ...] = ()


class BucketVersioning(Detail, frozen=True, kw_only=True):
    """Whether a bucket keeps versions, and requires MFA to delete one."""

    enabled: bool
    mfa_delete: bool


class BucketLogging(Detail, frozen=True, kw_only=True):
    """Where a bucket's access log goes; `target` None means that there is none."""

    target: str | None = None
    prefix: str = ""


@collector(scope=Scope.ACCOUNT, actions=("s3:ListAllMyBuckets", "s3:GetBucketLocation"))
async def buckets(aws: Aws) -> AsyncIterator[Bucket]:
    """Yield the account's buckets with the region of each; one whose region is not known makes the listing a gap."""
    async for row in listed(aws, "s3", "ListBuckets", "Buckets", action="s3:ListAllMyBuckets", MaxBuckets=PAGE):
        with row as found:
            arn = f"arn:{aws.partition}:s3:::{text(found['Name'])}"
            yield Bucket(arn=arn, **here(aws, await _region(aws, found)))


async def _region(aws: Aws, found: dict[str, Any]) -> str:
    """Return the region of a listed bucket, which takes a call of its own where the listing does not name it."""
    listed_region: str | None = found.get("BucketRegion")
    if listed_region:
        return listed_region
    answer = await aws.call("s3", "GetBucketLocation", Bucket=found["Name"])
    location: str | None = answer.get("LocationConstraint") or None
    return LEGACY_LOCATIONS.get(location) or str(location)


@detail(actions=("s3:GetBucketPolicy",))
async def bucket_policy(aws: Aws, bucket: Bucket) -> BucketPolicy:
    """Return the bucket's policy; raises PolicyError, which makes a gap, for a document that is not a policy."""
    answer = await aws.find("s3", "GetBucketPolicy", ("NoSuchBucketPolicy",), Bucket=bucket.name)
    return BucketPolicy(arn=bucket.arn, document=document_of(answer["Policy"] if answer else None))


@detail(actions=("s3:GetBucketAcl",))
async def bucket_acl(aws: Aws, bucket: Bucket) -> BucketAcl:
    """Return the bucket's access control list."""
    answer = await aws.call("s3", "GetBucketAcl", Bucket=bucket.name)
    owner = Row(aws, "s3:GetBucketAcl", answer).member("Owner.ID", str)
    return BucketAcl(arn=bucket.arn, owner=owner, grants=tuple(_grant(grant) for grant in answer["Grants"]))


def _grant(answer: dict[str, Any]) -> AclGrant:
    grantee = answer["Grantee"]
    named = grantee.get("URI") or grantee.get("ID") or grantee.get("EmailAddress") or ""
    return AclGrant(named, answer["Permission"])


@detail(actions=("s3:GetEncryptionConfiguration",))
async def bucket_encryption(aws: Aws, bucket: Bucket) -> BucketEncryption:
    """Return with which algorithms the bucket encrypts by default."""
    absent = ("ServerSideEncryptionConfigurationNotFoundError",)
    answer = await aws.find("s3", "GetBucketEncryption", absent, Bucket=bucket.name)
    rules = [] if answer is None else answer["ServerSideEncryptionConfiguration"]["Rules"]
    defaults = [rule.get("ApplyServerSideEncryptionByDefault") for rule in rules]
    return BucketEncryption(arn=bucket.arn, algorithms=tuple(each["SSEAlgorithm"] for each in defaults if each))


@detail(actions=("s3:GetBucketVersioning",))
async def bucket_versioning(aws: Aws, bucket: Bucket) -> BucketVersioning:
    """Return whether the bucket keeps versions; the answer is empty for a bucket that never did."""
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
    answer = await aws.call("s3", "GetBucketVersioning", Bucket=bucket.name)
    return BucketVersioning(
        arn=bucket.arn, enabled=answer.get("Status") == "Enabled", mfa_delete=answer.get("MFADelete") == "Enabled"
    )


@detail(actions=("s3:GetBucketLogging",))
async def bucket_logging(aws: Aws, bucket: Bucket) -> BucketLogging:
    """Return where the bucket's access log goes."""
    answer = await aws.call("s3", "GetBucketLogging", Bucket=bucket.name)
    if "LoggingEnabled" not in answer:
        return BucketLogging(arn=bucket.arn)
    logging = answer["LoggingEnabled"]
    return BucketLogging(arn=bucket.arn, target=logging["TargetBucket"], prefix=logging["TargetPrefix"])


@detail(actions=("s3:GetBucketOwnershipControls",))
async def bucket_ownership(aws: Aws, bucket: Bucket) -> BucketOwnership:
    """Return who owns the bucket's objects; without a setting of its own the one who writes them does."""
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    answer = await aws.find("s3", "GetBucketOwnershipControls", ("OwnershipControlsNotFoundError",), Bucket=bucket.name)
    if answer is None:
        return BucketOwnership(arn=bucket.arn, ownership="ObjectWriter")
    (rule,) = answer["OwnershipControls"]["Rules"]
    return BucketOwnership(arn=bucket.arn, ownership=rule["ObjectOwnership"])


@detail(actions=("s3:GetLifecycleConfiguration",))
async def bucket_lifecycle(aws: Aws, bucket: Bucket) -> BucketLifecycle:
    """Return the bucket's lifecycle rules."""
    absent = ("NoSuchLifecycleConfiguration",)
    answer = await aws.find("s3", "GetBucketLifecycleConfiguration", absent, Bucket=bucket.name)
    rules = answer.get("Rules", ()) if answer else ()
    names = {state: tuple(each.get("ID", "") for each in rules if each["Status"] == state) for state in RULE_STATES}
    return BucketLifecycle(arn=bucket.arn, enabled=names["Enabled"], disabled=names["Disabled"])
