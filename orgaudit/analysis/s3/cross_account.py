"""What a bucket policy lets principals of other accounts change in the bucket's protection."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from orgaudit.languages.iam_policy import Effect, Policy, Principal, PrincipalKind, Statement, tokens_of
from orgaudit.languages.iam_policy.decision import account_of
from orgaudit.languages.iam_policy.wildcards import matches

PROTECTING = (
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutObjectAcl",
)
"""The actions that no other account is to have.
https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-6"""


@dataclass(frozen=True, slots=True)
class ProtectionGrant:
    """What one statement gives: the actions, and to whom outside the account; `unclear` have an unknown account."""

    statement: str
    actions: tuple[str, ...]
    outsiders: tuple[str, ...]
    unclear: tuple[str, ...]
    conditions: tuple[str, ...]

    def describe(self, principals: tuple[str, ...]) -> str:
        """Return, as a clause, what the statement gives to these principals."""
        return f"{self.statement} allows {', '.join(self.actions)} to {', '.join(principals)}"


def protection_grants(policy: Policy, own: Container[str]) -> tuple[ProtectionGrant, ...]:
    """Return what the policy gives to principals of accounts that are not among its `own`; conditions do not count."""
    found = (_grant(number, each, own) for number, each in enumerate(policy.statements, start=1))
    return tuple(each for each in found if each.actions and (each.outsiders or each.unclear))


def _grant(number: int, statement: Statement, own: Container[str]) -> ProtectionGrant:
    allows = statement.effect is Effect.ALLOW and statement.principal is not None
    named = statement.principal.values if allows and statement.principal else ()
    if allows and statement.principal and statement.principal.negated:
        outsiders, unclear = [f"all but {', '.join(each.value for each in named)}"], []
    else:
        outsiders = [each.value for each in named if _is_outside(each, own)]
        unclear = [each.value for each in named if _is_outside(each, own) is None]
    return ProtectionGrant(
        statement=f"statement {statement.sid or number}",
        actions=tuple(action for action in PROTECTING if _selects(statement, action)) if allows else (),
        outsiders=tuple(outsiders),
        unclear=tuple(unclear),
        conditions=tuple(map(str, statement.conditions)),
    )


def _selects(statement: Statement, action: str) -> bool:
    named = any(matches(tokens_of(value.lower()), action.lower()) for value in statement.action.values)
    return named is not statement.action.negated


def _is_outside(principal: Principal, own: Container[str]) -> bool | None:
    """Return whether a principal is of another account; None for one of which the account is not known."""
    if principal.is_anyone:
        return True
    if principal.kind is PrincipalKind.SERVICE:
        return False
    account = account_of(principal.value)
    return None if account is None else account not in own
