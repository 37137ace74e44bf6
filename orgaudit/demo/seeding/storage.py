"""Buckets with their public access blocks, file systems and vaults."""

from dataclasses import dataclass

from moto.efs.models import efs_backends
from moto.glacier.models import glacier_backends
from moto.s3.models import FakeBucket, PublicAccessBlock, get_canned_acl, s3_backends
from moto.s3control.models import s3control_backends

from orgaudit.demo.accounts import account_named, assessed_accounts
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.seeding.policies import document, public

ACCESS_LOGS = "meridian-access-logs"
_BLOCKED = {
    "BlockPublicAcls": "true",
    "IgnorePublicAcls": "true",
    "BlockPublicPolicy": "true",
    "RestrictPublicBuckets": "true",
}
_BLOCKING = ("security", "infrastructure", "production", "management")
"""The environments whose accounts block public access."""
_ENCRYPTED = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}
_VAULTS = (("Log Archive", "eu-west-1", "audit-2019", False), ("Sandbox Data Science", "eu-west-1", "old-sets", True))
"""Vaults by account, region and name: whether they are public."""
_FILE_SYSTEMS = (
    ("Webshop Production", "eu-west-1", True),
    ("Data Platform Production", "eu-west-1", True),
    ("Payments Development", "eu-west-1", False),
)
"""File systems by account and region: whether they are encrypted, and mounted from their networks only."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket; `shared` are the actions on its objects that its policy makes public."""

    account: str
    name: str
    region: str = "eu-west-1"
    encrypted_transport_only: bool = True
    blocked: bool = True
    mfa_delete: bool = False
    shared: tuple[str, ...] = ()
    acl: str = "private"


_BUCKETS = (
    _Bucket("Log Archive", ACCESS_LOGS, region="us-east-1", mfa_delete=True),
    _Bucket("Log Archive", f"meridian-config-{account_named('Log Archive').id}", region="eu-west-1", mfa_delete=True),
    _Bucket("Webshop Production", "meridian-shop-images"),
    _Bucket("Payments Production", "meridian-settlements", region="eu-central-1", mfa_delete=True),
    _Bucket("Data Platform Production", "meridian-lake", encrypted_transport_only=False),
    _Bucket("Webshop Development", "meridian-shop-test", encrypted_transport_only=False),
    _Bucket("Sandbox Platform", "meridian-try-out", "us-east-1", encrypted_transport_only=False, blocked=False,
            acl="public-read"),
    _Bucket("Sandbox Data Science", "meridian-public-sets", encrypted_transport_only=False, blocked=False,
            shared=("s3:GetObject", "s3:PutObject")),
)  # fmt: skip


def add_bucket(account: str, name: str, region: str) -> FakeBucket:
    """Create a bucket as S3 makes them since 2023: with a default encryption."""
    bucket = s3_backends[account]["aws"].create_bucket(name, region)
    bucket.encryption = _ENCRYPTED
    return bucket


def _encrypted_transport_only(bucket: FakeBucket) -> dict[str, object]:
    """Return the statement that denies requests without TLS."""
    return {
        "Sid": "EncryptedTransportOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.arn, f"{bucket.arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def seed(state: ExtraState) -> None:
    """Create all of it."""
    for account in assessed_accounts():
        if account.environment in _BLOCKING:
            s3control_backends[account.id]["aws"].put_public_access_block(account.id, _BLOCKED)
    for plan in _BUCKETS:
        _bucket(plan, state)
    for number, (name, region, compliant) in enumerate(_FILE_SYSTEMS):
        made = efs_backends[account_named(name).id][region].create_file_system(
            f"files-{number}", "", compliant, "", "", 0, "", backup=False, tags=[]
        )
        made.file_system_policy = document([_mounting(inside_only=compliant)])
    for name, region, vault, shared in _VAULTS:
        account_id = account_named(name).id
        glacier_backends[account_id][region].create_vault(vault)
        if shared:
            arn = f"arn:aws:glacier:{region}:{account_id}:vaults/{vault}"
            state.vault_policies[arn] = document([public("glacier:GetJobOutput", arn)])


def _mounting(*, inside_only: bool) -> dict[str, object]:
    """Return the statement that allows any principal to mount a file system, or any through a mount target."""
    action = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    statement: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": "*"}
    condition = {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
    return statement | ({"Condition": condition} if inside_only else {})


def _bucket(plan: _Bucket, state: ExtraState) -> None:
    bucket = add_bucket(account_named(plan.account).id, plan.name, plan.region)
    if plan.mfa_delete:
        state.mfa_delete.add(plan.name)
    if plan.blocked:
        bucket.public_access_block = PublicAccessBlock(*_BLOCKED.values())
    bucket.set_acl(get_canned_acl(plan.acl))
    statements = [_encrypted_transport_only(bucket)] if plan.encrypted_transport_only else []
    if plan.shared:
        statements.append(public(plan.shared, f"{bucket.arn}/*"))
    if statements:
        bucket.policy = document(statements).encode()
