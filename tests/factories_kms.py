"""KMS keys for tests: right ones, unless the keywords say what is different."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.kms import Key, KeyDescription, KeyPolicy, KeyRotation
from tests.factories import HOME, MEMBER


def a_key(name: str = "0a1b", *, account_id: str = MEMBER, **changes: Any) -> Key:
    arn = f"arn:aws:kms:{HOME}:{account_id}:key/{name}"
    return Key(**{"arn": arn, "account_id": account_id, "region": HOME} | changes)


def described(key: Key, **changes: Any) -> KeyDescription:
    values: dict[str, Any] = {
        "manager": "CUSTOMER",
        "state": "Enabled",
        "spec": "SYMMETRIC_DEFAULT",
        "origin": "AWS_KMS",
    }
    return KeyDescription(arn=key.arn, **values | changes)


def rotating(key: Key, *, enabled: bool | None = True, period_days: int | None = 365) -> KeyRotation:
    return KeyRotation(arn=key.arn, enabled=enabled, period_days=period_days)


def key_policy_of(key: Key, *statements: dict[str, Any]) -> KeyPolicy:
    return KeyPolicy(arn=key.arn, document={"Version": "2012-10-17", "Statement": list(statements)})
