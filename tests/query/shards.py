"""Shards of the small run: what was seen, what was refused, and what one account sees of another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from orgaudit.facts.s3.buckets import Bucket, BucketAcl, BucketVersioning
from orgaudit.facts.shard import DetailGap, DetailsRead, ListingResult, header_of
from orgaudit.facts.ssm import DocumentSharing
from orgaudit.model import GLOBAL, Gap, GapReason, Seen
from orgaudit.store.run import Run, write_lines
from tests.synthetic_run import account_id

READ_AT = datetime(2026, 10, 1, 6, 5, tzinfo=UTC)
REGION = "eu-central-1"
FIRST, SECOND, THIRD = (account_id(number) for number in range(3))


def arn(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def refused(account: str, action: str, region: str = REGION) -> Gap:
    return Gap(account, region, action, GapReason.DENIED, f"no permission for {action}")


def bucket(name: str, account: str, **tags: str) -> Bucket:
    return Bucket(arn=arn(name), account_id=account, region=REGION, tags=tags)


def listed(fact: str, count: int = 0, gap: Gap | None = None, region: str = GLOBAL) -> ListingResult:
    return ListingResult(fact, region, count, gap, READ_AT)


def sharing(account: str, region: str, permission: Seen[str] | Gap) -> DocumentSharing:
    return DocumentSharing(
        arn=f"arn:aws:ssm:{region}:{account}:sharing", account_id=account, region=region, permission=permission
    )


def first() -> Iterable[msgspec.Struct]:
    """Two buckets, the details of one refused; the third only the second account lists."""
    yield bucket("alpha", FIRST, owner="Ann, Bob & Co", team='=1+"')
    yield bucket("beta", FIRST)
    yield listed("Bucket", 2)
    yield BucketVersioning(arn=arn("alpha"), enabled=True, mfa_delete=False)
    yield BucketAcl(arn=arn("alpha"), owner=Seen("canonical"))
    yield DetailsRead("Bucket", arn("alpha"), READ_AT)
    yield DetailGap("BucketVersioning", arn("beta"), refused(FIRST, "s3:GetBucketVersioning"))
    yield BucketAcl(arn=arn("beta"), owner=refused(FIRST, "s3:GetBucketAcl"))
    yield DetailsRead("Bucket", arn("beta"), READ_AT)
    yield sharing(FIRST, REGION, Seen("Disable"))
    yield listed("DocumentSharing", 1, region=REGION)
    yield sharing(FIRST, "eu-west-1", refused(FIRST, "ssm:GetServiceSetting", "eu-west-1"))
    yield listed("DocumentSharing", 1, region="eu-west-1")


def second() -> Iterable[msgspec.Struct]:
    """Nothing of its own could be listed; it sees a bucket of the first account, and one of another organization."""
    yield bucket("alpha", FIRST)
    yield bucket("foreign", "999999999999")
    yield listed("Bucket", 0, refused(SECOND, "s3:ListAllMyBuckets"))


def third() -> Iterable[msgspec.Struct]:
    """There is no bucket."""
    yield bucket("foreign", "999999999999")
    yield listed("Bucket", 1)


def write_shards(run: Run) -> None:
    """Write the shards of three accounts; the last account of the run has none."""
    manifest = run.read_manifest()
    records = {record.account_id: record for record in manifest.records}
    for account, lines in zip(manifest.accounts, (first(), second(), third()), strict=False):
        write_lines(run.shard_path(account.id), [header_of(account, records[account.id]), *lines])
