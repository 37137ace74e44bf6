"""The password policy of an account's IAM users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import Row
from orgaudit.model import GLOBAL, Observed, Scope, Seen


class PasswordPolicy(Resource, frozen=True, kw_only=True):
    """The rules for passwords of IAM users; `exists` False means that AWS's default applies.

    `max_age_days` and `remembered` are None where passwords do not expire and may be used again.
    """

    exists: bool
    min_length: Observed[int] = Seen(0)
    uppercase: Observed[bool] = Seen(False)
    lowercase: Observed[bool] = Seen(False)
    symbols: Observed[bool] = Seen(False)
    numbers: Observed[bool] = Seen(False)
    max_age_days: Observed[int | None] = Seen(None)
    remembered: int | None = None


@collector(scope=Scope.ACCOUNT, actions=("iam:GetAccountPasswordPolicy",))
async def password_policy(aws: Aws) -> AsyncIterator[PasswordPolicy]:
    """Yield the password policy, whether one is set or not."""
    answer = await aws.find("iam", "GetAccountPasswordPolicy", ("NoSuchEntity",))
    arn = f"arn:{aws.partition}:iam::{aws.account_id}:password-policy"
    if answer is None:
        yield PasswordPolicy(arn=arn, **here(aws, GLOBAL), exists=False)
        return
    rules = Row(aws, "iam:GetAccountPasswordPolicy", answer["PasswordPolicy"])
    yield PasswordPolicy(
        arn=arn,
        **here(aws, GLOBAL),
        exists=True,
        min_length=rules.member("MinimumPasswordLength", int),
        uppercase=rules.member("RequireUppercaseCharacters", bool),
        lowercase=rules.member("RequireLowercaseCharacters", bool),
        symbols=rules.member("RequireSymbols", bool),
        numbers=rules.member("RequireNumbers", bool),
        max_age_days=rules.read(_max_age),
        # Without it old passwords may be used again:
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
        remembered=rules.found.get("PasswordReusePrevention"),
    )


def _max_age(rules: dict[str, Any]) -> int | None:
    """Return after how many days passwords expire, None for never. Where they never do, there need not be an age."""
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_PasswordPolicy.html
    age: int | None = rules["MaxPasswordAge"] if rules.get("ExpirePasswords") else rules.get("MaxPasswordAge")
    return age if rules.get("ExpirePasswords", age) else None
