"""Secrets and their policies; the values of secrets are never read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed, tags_in
from orgaudit.model import Observed, Scope

T = TypeVar("T")

SECRETS_PER_PAGE = 100
"""The most that one answer holds: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html"""


class Secret(Resource, frozen=True, kw_only=True):
    """A secret that is not about to be deleted; a replica is one of its own.

    `owner` is the service that manages it, and `primary_region` the region of the secret that a replica copies; both
    are None where there is none. `due_at` is when it rotates next, None where it does not rotate. `rotated_at` and
    `used_at` are None where that never happened; `used_at` is a date without a time.
    """

    rotates: Observed[bool] = UNREAD
    due_at: Observed[datetime | None] = UNREAD
    rotated_at: Observed[datetime | None] = UNREAD
    created_at: Observed[datetime] = UNREAD
    used_at: Observed[datetime | None] = UNREAD
    owner: Observed[str | None] = UNREAD
    primary_region: Observed[str | None] = UNREAD


class SecretPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A secret's policy."""


@collector(scope=Scope.REGIONAL, actions=("secretsmanager:ListSecrets",))
async def secrets(aws: Aws) -> AsyncIterator[Secret]:
    """Yield the region's secrets."""
    async for row in listed(aws, "secretsmanager", "ListSecrets", "SecretList", MaxResults=SECRETS_PER_PAGE):
        with row as secret:
            yield Secret(
                arn=secret["ARN"],
                **here(aws),
                tags=tags_in(secret.get("Tags")),
                # Absent for a secret that never rotated, was never read, or has no owner and no replicas:
                # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
                rotates=row.read(_rotates),
                due_at=row.read(_due),
                rotated_at=row.read(_optional("LastRotatedDate", datetime)),
                created_at=row.member("CreatedDate", datetime),
                used_at=row.read(_optional("LastAccessedDate", datetime)),
                owner=row.read(_optional("OwningService", str)),
                primary_region=row.read(lambda found: _primary(found, aws.region)),
            )


def _optional(name: str, kind: type[T]) -> Callable[[Mapping[str, Any]], T | None]:
    """Return what reads a member that may be absent; it raises TypeError for a value of another type."""

    def read(found: Mapping[str, Any]) -> T | None:
        value = found.get(name)
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} is not of type {kind.__name__}: {value!r}")
        return value

    return read


def _rotates(found: Mapping[str, Any]) -> bool:
    return bool(_optional("RotationEnabled", bool)(found))


def _due(found: Mapping[str, Any]) -> datetime | None:
    """Return when the secret rotates next: the later of its next date and the end of its present period."""
    if not _rotates(found):
        return None
    planned = _optional("NextRotationDate", datetime)(found)
    days, last = found.get("RotationRules", {}).get("AutomaticallyAfterDays"), found.get("LastRotatedDate")
    ends = [planned, last + timedelta(days=days) if days and last else None]
    return max(end for end in ends if end is not None)


def _primary(found: Mapping[str, Any], region: str) -> str | None:
    """Return the region of the primary secret of a replica; the primary one names its own region."""
    named = _optional("PrimaryRegion", str)(found)
    return None if named == region else named


@detail(actions=("secretsmanager:GetResourcePolicy",))
async def secret_policy(aws: Aws, secret: Secret) -> SecretPolicy:
    """Return the secret's policy; a secret that is gone by now has none."""
    answer = await aws.find("secretsmanager", "GetResourcePolicy", ("ResourceNotFoundException",), SecretId=secret.arn)
    return SecretPolicy(arn=secret.arn, document=document_of(answer.get("ResourcePolicy") if answer else None))
