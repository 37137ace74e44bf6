"""What the collectors of buckets make of answers: literal ones, and those of an emulated account."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from orgaudit.analysis.s3.exposure import PUBLIC_GROUPS
from orgaudit.aws.access import Access
from orgaudit.demo import Demo
from orgaudit.facts.declare import Collector
from orgaudit.facts.s3.block import SETTINGS, account_public_access_block, bucket_public_access_block
from orgaudit.facts.s3.buckets import (
    AclGrant,
    bucket_acl,
    bucket_encryption,
    bucket_logging,
    bucket_policy,
    bucket_versioning,
    buckets,
)
from orgaudit.languages.iam_policy import PolicyError, parse_policy
from orgaudit.model import GLOBAL, NotSeenError
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from tests.emulated import leading_to
from tests.factories import MEMBER
from tests.factories_s3 import EVERYONE, a_bucket, allow, settings
from tests.literal_aws import Answer, LiteralAws, Refused, World, drained

BUCKET = a_bucket()
DETAILS = (
    bucket_acl,
    bucket_encryption,
    bucket_logging,
    bucket_policy,
    bucket_public_access_block,
    bucket_versioning,
)


def declared(run: Any) -> Collector:
    """What the decorator noted of a collector."""
    found: Collector = run.__collector__
    return found


def aws(**answers: Any) -> LiteralAws:
    """The member's home region, with answers of S3 by operation."""
    return LiteralAws(World({MEMBER: {("s3", name): answer for name, answer in answers.items()}}), MEMBER, "us-east-1")


async def test_buckets_are_placed_by_the_listing() -> None:
    pages = [
        {"Buckets": [{"Name": "data", "BucketRegion": "eu-west-1"}]},
        {"Buckets": [{"Name": "logs.2024", "BucketRegion": "us-east-1"}]},
    ]
    at = aws(ListBuckets=pages)
    assert await drained(buckets(at)) == [a_bucket(), a_bucket("logs.2024", region="us-east-1")]
    assert [call.parameters for call in at.world.calls] == [{"MaxBuckets": 1000}] * 2
    assert [bucket.name async for bucket in buckets(at)] == ["data", "logs.2024"]


@pytest.mark.parametrize(
    ("answer", "region"),
    [
        ({}, "us-east-1"),
        ({"LocationConstraint": "EU"}, "eu-west-1"),
        ({"LocationConstraint": "eu-central-1"}, "eu-central-1"),
    ],
)
async def test_where_the_listing_does_not_place_a_bucket_its_location_does(answer: Answer, region: str) -> None:
    at = aws(ListBuckets={"Buckets": [{"Name": "data"}]}, GetBucketLocation=answer)
    (bucket,) = await drained(buckets(at))
    assert bucket.region == region


async def test_a_bucket_that_nobody_places_hides_no_other() -> None:
    listed = {"Buckets": [{"Name": "dark"}, {"Name": "data", "BucketRegion": "eu-west-1"}]}
    found = buckets(aws(ListBuckets=listed, GetBucketLocation=Refused("AccessDenied")))
    assert await anext(found) == a_bucket()
    with pytest.raises(NotSeenError) as raised:
        await anext(found)
    assert raised.value.gap.action == "s3:GetBucketLocation"


async def test_no_buckets() -> None:
    assert await drained(buckets(aws(ListBuckets={"Buckets": []}))) == []


async def test_buckets_denied() -> None:
    with pytest.raises(NotSeenError) as raised:
        await drained(buckets(aws()))
    assert raised.value.gap.action == "s3:ListAllMyBuckets"


async def test_the_policy_is_kept_as_json() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": allow()})
    found = await bucket_policy(aws(GetBucketPolicy={"Policy": text}), BUCKET)
    assert found.document["Statement"][0]["Principal"] == "*"
    assert found.parsed is not None
    assert len(found.parsed.statements) == 1


async def test_no_policy_is_an_answer() -> None:
    found = await bucket_policy(aws(GetBucketPolicy=Refused("NoSuchBucketPolicy")), BUCKET)
    assert (found.document, found.parsed) == (None, None)


async def test_what_is_no_policy_is_never_kept() -> None:
    with pytest.raises(PolicyError):
        await bucket_policy(aws(GetBucketPolicy={"Policy": "<html>"}), BUCKET)


async def test_acl_by_grantee() -> None:
    grants = [
        {"Grantee": {"Type": "CanonicalUser", "ID": "abc", "DisplayName": "me"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"Type": "Group", "URI": EVERYONE}, "Permission": "READ"},
        {"Grantee": {"Type": "AmazonCustomerByEmail", "EmailAddress": "a@example.com"}, "Permission": "WRITE"},
    ]
    found = await bucket_acl(aws(GetBucketAcl={"Grants": grants}), BUCKET)
    assert found.grants == (
        AclGrant("abc", "FULL_CONTROL"),
        AclGrant(EVERYONE, "READ"),
        AclGrant("a@example.com", "WRITE"),
    )


async def test_an_acl_without_grants_is_no_answer() -> None:
    with pytest.raises(KeyError):
        await bucket_acl(aws(GetBucketAcl={}), BUCKET)


async def test_encryption() -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}, {"BucketKeyEnabled": True}]
    answer = {"ServerSideEncryptionConfiguration": {"Rules": rules}}
    assert (await bucket_encryption(aws(GetBucketEncryption=answer), BUCKET)).algorithms == ("aws:kms",)


async def test_no_encryption_is_an_answer() -> None:
    absent = Refused("ServerSideEncryptionConfigurationNotFoundError")
    assert (await bucket_encryption(aws(GetBucketEncryption=absent), BUCKET)).algorithms == ()


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ({}, (False, False)),
        ({"Status": "Enabled"}, (True, False)),
        ({"Status": "Enabled", "MFADelete": "Enabled"}, (True, True)),
        ({"Status": "Suspended", "MFADelete": "Disabled"}, (False, False)),
    ],
)
async def test_versioning(answer: Answer, seen: tuple[bool, bool]) -> None:
    found = await bucket_versioning(aws(GetBucketVersioning=answer), BUCKET)
    assert (found.enabled, found.mfa_delete) == seen


async def test_access_log() -> None:
    answer = {"LoggingEnabled": {"TargetBucket": "access", "TargetPrefix": ""}}
    assert (await bucket_logging(aws(GetBucketLogging=answer), BUCKET)).target == "access"
    assert (await bucket_logging(aws(GetBucketLogging={}), BUCKET)).target is None


ALL_OFF = dict.fromkeys(SETTINGS, False)


async def test_block_of_a_bucket() -> None:
    answer = {"PublicAccessBlockConfiguration": ALL_OFF | {"IgnorePublicAcls": True}}
    found = await bucket_public_access_block(aws(GetPublicAccessBlock=answer), BUCKET)
    assert found.block == settings("IgnorePublicAcls")
    absent = aws(GetPublicAccessBlock=Refused("NoSuchPublicAccessBlockConfiguration"))
    assert (await bucket_public_access_block(absent, BUCKET)).block == settings()


async def test_block_of_the_account_is_one_item_whether_it_is_set_or_not() -> None:
    on = dict.fromkeys(("BlockPublicAcls", "RestrictPublicBuckets"), True)
    answer = {"PublicAccessBlockConfiguration": ALL_OFF | on}
    told: tuple[tuple[Answer, Any], ...] = (
        (answer, settings("BlockPublicAcls", "RestrictPublicBuckets")),
        (Refused("NoSuchPublicAccessBlockConfiguration"), settings()),
    )
    for each, block in told:
        at = LiteralAws(World({MEMBER: {("s3control", "GetPublicAccessBlock"): each}}), MEMBER, "us-east-1")
        (found,) = await drained(account_public_access_block(at))
        assert (found.region, found.account_id, found.block) == (GLOBAL, MEMBER, block)
        assert at.world.calls[0].parameters == {"AccountId": MEMBER}


@pytest.mark.parametrize("read", DETAILS)
async def test_a_refused_detail_names_the_action_that_it_declared(read: Callable[..., Awaitable[Any]]) -> None:
    with pytest.raises(NotSeenError) as raised:
        await read(aws(), BUCKET)
    assert (raised.value.gap.action,) == declared(read).actions


async def test_the_account_without_its_block_is_a_gap() -> None:
    with pytest.raises(NotSeenError, match="AccessDenied"):
        await drained(account_public_access_block(aws()))


# An emulated account

POLICY = {"Version": "2012-10-17", "Statement": [allow() | {"Resource": "arn:aws:s3:::orgaudit-open/*"}]}
ON = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": True}


def seed(url: str) -> None:
    keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    s3.create_bucket(Bucket="orgaudit-open")
    s3.create_bucket(Bucket="orgaudit-west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_policy(Bucket="orgaudit-open", Policy=json.dumps(POLICY))
    s3.put_public_access_block(Bucket="orgaudit-west", PublicAccessBlockConfiguration=ON)


@pytest.fixture(scope="module")
def emulated(empty: Demo) -> Iterator[dict[str, Any]]:
    """What an audit of the emulated account sees, by fact and bucket, with the calls that it made."""
    with leading_to(empty):
        seed(empty.endpoint_url)
        yield asyncio.run(read_account())


async def read_account() -> dict[str, Any]:
    runs = (buckets, account_public_access_block, *DETAILS)
    actions = sorted({action for run in runs for action in declared(run).actions})
    limits = load_limits(Path("no file of the user's"))
    async with Access(AccessSettings(), RunSettings(attempts=1), limits, actions=actions) as access:
        entered = access.as_caller()
        found = await drained(buckets(entered.home()))
        (block,) = await drained(account_public_access_block(entered.home()))
        details = {
            bucket.name: {run: await run(entered.region(bucket.region), bucket) for run in DETAILS} for bucket in found
        }
        calls = dict(access.traffic.by_action)
    return {"buckets": found, "block": block, "details": details, "calls": calls}


def test_buckets_of_the_emulator_have_their_regions(emulated: dict[str, Any]) -> None:
    assert {bucket.name: bucket.region for bucket in emulated["buckets"]} == {
        "orgaudit-open": "us-east-1",
        "orgaudit-west": "eu-west-1",
    }


def test_settings_of_the_emulator(emulated: dict[str, Any]) -> None:
    opened, west = emulated["details"]["orgaudit-open"], emulated["details"]["orgaudit-west"]
    assert opened[bucket_policy].parsed == parse_policy(POLICY)
    assert west[bucket_policy].document is None
    assert west[bucket_public_access_block].block.on == {name for name, on in ON.items() if on}
    assert not {grant.grantee for grant in opened[bucket_acl].grants} & PUBLIC_GROUPS.keys()
    assert opened[bucket_logging].target is None


def test_a_custom_endpoint_keeps_its_host(emulated: dict[str, Any]) -> None:
    """The account's block is asked under the account's own name, which an emulator does not have."""
    assert emulated["block"].block == settings()


def test_a_bucket_takes_one_call_for_each_detail(emulated: dict[str, Any]) -> None:
    actions = {action for run in DETAILS for action in declared(run).actions}
    assert {action: emulated["calls"][action] for action in actions} == dict.fromkeys(actions, 2)
