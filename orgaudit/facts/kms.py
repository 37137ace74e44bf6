"""The KMS keys that an account manages itself; those that AWS manages for its services cannot be configured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Scope

AWS_ALIAS = "alias/aws/"
"""How the aliases begin that are reserved for AWS managed keys.
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"""
KEYS_PER_PAGE, ALIASES_PER_PAGE = 1000, 100
"""The most that one answer holds.
https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html and API_ListAliases.html beside it"""

ROTATING = (
    *(("manager", "CUSTOMER"), ("state", "Enabled"), ("spec", "SYMMETRIC_DEFAULT")),
    *(("origin", "AWS_KMS"), ("replica", False)),
)
"""What a key is that rotates: https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html"""


class Key(Resource, frozen=True, kw_only=True):
    """A key without an alias of AWS's own, with the aliases that it has."""

    aliases: tuple[str, ...] = ()


class KeyDescription(Detail, frozen=True, kw_only=True):
    """What a key is, in AWS's words: manager AWS or CUSTOMER; `replica` for a copy of a multi-Region key.

    `deletes_at` is None where no deletion is scheduled, or where the replicas of the key have to be deleted first.
    """

    manager: str
    state: str
    spec: str
    origin: str
    replica: bool = False
    deletes_at: datetime | None = None

    @property
    def keeps_from_rotating(self) -> str | None:
        """The member whose value rules automatic rotation out, None where the key can rotate."""
        return next((name for name, value in ROTATING if getattr(self, name) != value), None)


class KeyRotation(Detail, frozen=True, kw_only=True):
    """Whether a key rotates automatically; `enabled` is None for one that cannot, for which no call is made."""

    enabled: bool | None
    period_days: int | None = None


class KeyPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A key's policy; there is always one."""


@collector(scope=Scope.REGIONAL, actions=("kms:ListAliases", "kms:ListKeys"))
async def keys(aws: Aws) -> AsyncIterator[Key]:
    """Yield the region's keys, without those that have an alias of AWS's own."""
    names: dict[str, list[str]] = defaultdict(list)
    async for page in aws.pages("kms", "ListAliases", Limit=ALIASES_PER_PAGE):
        for alias in page["Aliases"]:
            if "TargetKeyId" in alias and "AliasName" in alias:  # an alias of AWS's own need not have a key yet
                names[alias["TargetKeyId"]].append(alias["AliasName"])
    async for row in listed(aws, "kms", "ListKeys", "Keys", Limit=KEYS_PER_PAGE):
        with row as key:
            aliases = tuple(sorted(names[key["KeyArn"].rsplit("/", 1)[-1]]))
            if not any(alias.startswith(AWS_ALIAS) for alias in aliases):
                yield Key(arn=key["KeyArn"], **here(aws), aliases=aliases)


@detail(actions=("kms:DescribeKey",))
async def key_description(aws: Aws, key: Key) -> KeyDescription:
    """Return what the key is."""
    found = (await aws.call("kms", "DescribeKey", KeyId=key.arn))["KeyMetadata"]
    return KeyDescription(
        arn=key.arn,
        manager=found["KeyManager"],
        state=found["KeyState"],
        spec=found["KeySpec"],
        origin=found["Origin"],
        replica=found.get("MultiRegionConfiguration", {}).get("MultiRegionKeyType") == "REPLICA",
        # Only a key in state PendingDeletion has it:
        # https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
        deletes_at=found.get("DeletionDate"),
    )


@detail(actions=("kms:GetKeyRotationStatus",))
async def key_rotation(aws: Aws, key: Key, description: KeyDescription) -> KeyRotation:
    """Return whether the key rotates, where it can."""
    if description.keeps_from_rotating:
        return KeyRotation(arn=key.arn, enabled=None)
    answer = await aws.call("kms", "GetKeyRotationStatus", KeyId=key.arn)
    return KeyRotation(
        arn=key.arn, enabled=answer["KeyRotationEnabled"], period_days=answer.get("RotationPeriodInDays")
    )


@detail(actions=("kms:GetKeyPolicy",))
async def key_policy(aws: Aws, key: Key) -> KeyPolicy:
    """Return the key's policy; raises PolicyError, which makes a gap, for a document that is not a policy.

    Its name is always "default": https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
    """
    answer = await aws.call("kms", "GetKeyPolicy", KeyId=key.arn, PolicyName="default")
    return KeyPolicy(arn=key.arn, document=document_of(answer["Policy"]))
