"""What a policy grants: the principals that its Allow statements name, and whether one grants everything."""

from collections.abc import Iterable
from dataclasses import dataclass

from orgaudit.facts.policies.decision import StatementRef, account_of, action_patterns, resource_patterns
from orgaudit.facts.policies.document import Condition, Effect, Policy, Principal, Selection, Statement
from orgaudit.facts.policies.wildcards import compile_pattern, covers

_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_EVERY_ACTION = compile_pattern("*:*").tokens


@dataclass(frozen=True, slots=True)
class AllowedPrincipal:
    """A principal that an Allow names, or with `excluded` one that an Allow for all others leaves out."""

    principal: Principal
    statement: StatementRef
    conditions: tuple[Condition, ...]
    excluded: bool = False

    @property
    def account_id(self) -> str | None:
        """The account in the principal's id or ARN, or None if it names none."""
        return account_of(self.principal.value)


@dataclass(frozen=True, slots=True)
class FullGrant:
    """An Allow of all actions on all resources, but for what it excepts and as far as its conditions hold."""

    statement: StatementRef
    except_actions: tuple[str, ...]
    except_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    @property
    def is_unrestricted(self) -> bool:
        """Whether nothing is excepted and no condition is set."""
        return not (self.except_actions or self.except_resources or self.conditions)


def principals_allowed(policy: Policy, *, place: int = 0) -> tuple[AllowedPrincipal, ...]:
    """The principals of every Allow statement, in order; `place` is the policy's place for the references."""
    return tuple(
        AllowedPrincipal(principal, reference, statement.conditions, statement.principal.negated)
        for reference, statement in _allows(policy, place)
        if statement.principal is not None
        for principal in statement.principal.values
    )


def grants_everything(policy: Policy, *, place: int = 0) -> tuple[FullGrant, ...]:
    """The Allow statements that grant all actions on all resources; what Deny statements take back is not considered.

    `NotAction` and `NotResource` count as everything but what they name.
    """
    return tuple(
        FullGrant(
            reference,
            statement.action.values if statement.action.negated else (),
            _excepted(statement.resource),
            statement.conditions,
        )
        for reference, statement in _allows(policy, place)
        if _is_every_action(statement) and _is_every_resource(statement.resource)
    )


def _allows(policy: Policy, place: int) -> Iterable[tuple[StatementRef, Statement]]:
    for number, statement in enumerate(policy.statements):
        if statement.effect is Effect.ALLOW:
            yield StatementRef(place, number, statement.sid), statement


def _is_every_action(statement: Statement) -> bool:
    full = covers([pattern.tokens for pattern in action_patterns(statement)], _EVERY_ACTION)
    return full is not statement.action.negated


def _is_every_resource(resource: Selection[str] | None) -> bool:
    if resource is None:
        return False
    patterns = [pattern.tokens for pattern in resource_patterns(resource, variables=False)]
    full = any(covers(patterns, compile_pattern(f"arn:{partition}:*:*:*:*").tokens) for partition in _PARTITIONS)
    return full is not resource.negated


def _excepted(resource: Selection[str] | None) -> tuple[str, ...]:
    return resource.values if resource is not None and resource.negated else ()
