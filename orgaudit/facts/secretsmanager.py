"""Secrets and their policies; the values of secrets are never read."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed, tags_in
from orgaudit.model import Scope

SECRETS_PER_PAGE = 100
"""The most that one answer holds: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html"""


class Secret(Resource, frozen=True, kw_only=True):
    """A secret that is not about to be deleted; a replica is one of its own."""


class SecretPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A secret's policy."""


@collector(scope=Scope.REGIONAL, actions=("secretsmanager:ListSecrets",))
async def secrets(aws: Aws) -> AsyncIterator[Secret]:
    """Yield the region's secrets."""
    async for row in listed(aws, "secretsmanager", "ListSecrets", "SecretList", MaxResults=SECRETS_PER_PAGE):
        with row as secret:
            tags = tags_in(secret.get("Tags"))
            yield Secret(arn=secret["ARN"], **here(aws), tags=tags)


@detail(actions=("secretsmanager:GetResourcePolicy",))
async def secret_policy(aws: Aws, secret: Secret) -> SecretPolicy:
    """Return the secret's policy; a secret that is gone by now has none."""
    answer = await aws.find("secretsmanager", "GetResourcePolicy", ("ResourceNotFoundException",), SecretId=secret.arn)
    return SecretPolicy(arn=secret.arn, document=document_of(answer.get("ResourcePolicy") if answer else None))
