"""Secrets with the dates of their use and rotation, a key that is about to be deleted, and a role that may decrypt."""

import time
from dataclasses import dataclass

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, secretsmanager_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.seeding.policies import document
from orgaudit.demo.seeding.shared_resources import add_key

_DAY = 86_400
_PERIOD = 30


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret; `made`, `rotated` and `used` are days ago, None for a secret that does not rotate or was never read.

    One that rotates does so each month, or did; `owner` is the service that manages it.
    """

    account: str
    region: str
    name: str
    made: int
    rotated: int | None = None
    used: int | None = None
    replica: str | None = None
    owner: str | None = None


_SECRETS = (
    _Secret("Payments Production", "eu-central-1", "ledger/password", 410, rotated=12, used=1, replica="eu-west-1"),
    _Secret("Sandbox Platform", "us-east-1", "demo/password", 300),
    # The function that rotates it has failed for months, and so has the client that reads it.
    _Secret("Webshop Development", "eu-west-1", "payment-gateway/token", 500, rotated=140, used=120),
    _Secret("Data Platform Production", "eu-west-1", "rds!cluster-warehouse", 700, owner="rds"),
)
_DELETED_KEY = ("Webshop Development", "eu-west-1", "orders-2023", 14)
"""The key that is about to be deleted by account, region and alias, with the days that are left."""
_DECRYPTING_ROLE = ("Data Platform Production", "warehouse")
"""The role of an instance that may decrypt with every key of its account."""


def seed(state: ExtraState) -> None:
    """Create all of it; secrets that other modules created get their dates."""
    for plan in _SECRETS:
        _secret(plan, state)
    name, region, alias, days = _DELETED_KEY
    account = account_named(name).id
    arn = add_key(account, region, alias, rotates=True)
    kms_backends[account][region].schedule_key_deletion(arn.rpartition("/")[2], days)
    name, role = _DECRYPTING_ROLE
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}
    iam_backends[account_named(name).id]["aws"].put_role_policy(role, "read-the-lake", document([statement]))


def _secret(plan: _Secret, state: ExtraState) -> None:
    secret = _made(plan, secretsmanager_backends[account_named(plan.account).id][plan.region])
    now = int(time.time())
    secret.created_date = now - plan.made * _DAY
    if plan.used is not None:
        state.secrets_read[secret.arn] = (now // _DAY - plan.used) * _DAY  # AWS tells the day only
    if plan.rotated is not None:
        secret.rotation_requested = secret.rotation_enabled = True
        secret.auto_rotate_after_days = _PERIOD
        secret.last_rotation_date = now - plan.rotated * _DAY
        secret.next_rotation_date = secret.last_rotation_date + _PERIOD * _DAY
    if plan.replica:
        secret.replicas = secret.create_replicas([{"Region": plan.replica}], force_overwrite=False)


def _made(plan: _Secret, backend: SecretsManagerBackend) -> FakeSecret:
    """Return the secret of that name, and create it first where it is missing."""
    if plan.name not in backend.secrets:
        if plan.owner:
            backend.create_managed_secret(plan.owner, plan.name, "not-a-real-one")
        else:
            backend.create_secret(plan.name, "not-a-real-one", None, None, [], None, None, [], False)
    secret = backend.secrets[plan.name]
    if not isinstance(secret, FakeSecret):
        raise TypeError(f"{plan.name} is a replica")
    return secret
