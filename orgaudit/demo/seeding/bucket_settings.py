"""What buckets have beyond who may read them: keys, ownership and lifecycles, and a policy that is too wide."""

import json
from dataclasses import dataclass

from moto.s3.models import FakeBucket, s3_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.policies import document
from orgaudit.demo.seeding.storage import ACCESS_LOGS

_BY_KMS = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": "true"}}


@dataclass(frozen=True, slots=True)
class _Settings:
    """A bucket's settings; `expires` has the days after which objects are deleted, and `paused` rules do nothing."""

    account: str
    bucket: str
    kms: bool = False
    owner_enforced: bool = True
    expires: int | None = None
    paused: bool = False


_SETTINGS = (
    _Settings("Log Archive", ACCESS_LOGS, expires=400),
    _Settings("Webshop Production", "meridian-shop-images", kms=True, expires=730),
    _Settings("Payments Production", "meridian-settlements", kms=True, expires=3650),
    _Settings("Data Platform Production", "meridian-lake", owner_enforced=False),
    _Settings("Webshop Development", "meridian-shop-test", expires=30, paused=True),
)
"""The buckets that differ from those that were created without a thought."""
_OPEN_TO_CHANGES = ("Webshop Development", "meridian-shop-test", "Webshop Production")
"""The bucket that an account lets another one of the organization reconfigure."""


def seed() -> None:
    """Set all of it on buckets that exist."""
    for plan in _SETTINGS:
        _set(plan, _bucket(plan.account, plan.bucket))
    account, name, other = _OPEN_TO_CHANGES
    bucket = _bucket(account, name)
    statement = {
        "Sid": "Deployment",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_named(other).id}:role/deployment"},
        "Action": ["s3:PutObject", "s3:PutBucketPolicy"],
        "Resource": [bucket.arn, f"{bucket.arn}/*"],
    }
    before = json.loads(bucket.policy)["Statement"] if bucket.policy else []
    bucket.policy = document([*before, statement]).encode()


def _bucket(account: str, name: str) -> FakeBucket:
    found: FakeBucket = s3_backends[account_named(account).id]["aws"].buckets[name]
    return found


def _set(plan: _Settings, bucket: FakeBucket) -> None:
    if plan.kms:
        bucket.encryption = _BY_KMS
    bucket.ownership_rule = "BucketOwnerEnforced" if plan.owner_enforced else "ObjectWriter"  # type: ignore[assignment]
    if plan.expires is not None:
        status = "Disabled" if plan.paused else "Enabled"
        rule = {"ID": "expire", "Status": status, "Filter": {"Prefix": ""}, "Expiration": {"Days": plan.expires}}
        bucket.set_lifecycle([rule])
