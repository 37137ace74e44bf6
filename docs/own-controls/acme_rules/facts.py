"""What Acme's rules read of an account, beyond what orgaudit reads anyway."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.model import GLOBAL, Scope


class AcmeAccountAlias(Resource, frozen=True, kw_only=True):
    """The alias of an account, None where it has none; an account has at most one."""

    alias: str | None


@collector(scope=Scope.ACCOUNT, actions=("iam:ListAccountAliases",))
async def account_alias(aws: Aws) -> AsyncIterator[AcmeAccountAlias]:
    """Yield the account's alias, whether there is one or not."""
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html
    answer = await aws.call("iam", "ListAccountAliases")
    found = answer["AccountAliases"]
    arn = f"arn:{aws.partition}:iam::{aws.account_id}:account-alias"
    yield AcmeAccountAlias(arn=arn, **here(aws, GLOBAL), alias=found[0] if found else None)
