"""What a policy grants: the principals that its Allow statements name, and whether one grants everything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orgaudit.languages.iam_policy.decision import StatementRef, account_of
from orgaudit.languages.iam_policy.document import Condition, Effect, Policy, Principal, Selection, Statement
from orgaudit.languages.iam_policy.vocabulary import ANYWHERE, Home, is_every_action, partitions_taken
from orgaudit.languages.iam_policy.wildcards import Tokens, compile_pattern, covers, overlaps


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


def grants_everything(policy: Policy, *, place: int = 0, home: Home = ANYWHERE) -> tuple[FullGrant, ...]:
    """The Allow statements that grant all actions on all resources; what Deny statements take back is not considered.

    `NotAction` and `NotResource` count as everything but what they name, all resources of an account likewise.
    """
    return tuple(
        FullGrant(
            reference,
            statement.action.values if statement.action.negated else (),
            resources_left_out(statement, home),
            statement.conditions,
        )
        for reference, statement in _allows(policy, place)
        if gives_every_action([statement]) and is_on_everything([statement], home)
    )


def allows_everything(policy: Policy) -> bool:
    """Whether the Allow statements together grant all actions on all resources, without exception or condition."""
    wide = [
        statement
        for _, statement in _allows(policy, 0)
        if not statement.conditions and is_on_everything([statement]) and not resources_left_out(statement)
    ]
    return gives_every_action(wide) and not actions_left_out(wide)


def gives_every_action(statements: Sequence[Statement]) -> bool:
    """Whether the statements together select every action, those aside that a NotAction names."""
    named = [each.action for each in statements if each.action.negated]
    if any(not is_every_action(_actions(selection.values)) for selection in named):
        return True
    return is_every_action(
        _actions([value for each in statements if not each.action.negated for value in each.action.values])
    )


def actions_left_out(statements: Sequence[Statement]) -> tuple[str, ...]:
    """The values of NotAction that none of the other statements makes up for, from the first that has a NotAction."""
    negated = [each.action for each in statements if each.action.negated]
    given = _actions([value for each in statements if not each.action.negated for value in each.action.values])
    if not negated or is_every_action(given):
        return ()
    return tuple(
        value
        for value in negated[0].values
        if not covers(given, compile_pattern(value.lower()).tokens)
        and all(_names_some(other, value) for other in negated[1:])
    )


def _names_some(selection: Selection[str], action: str) -> bool:
    return any(overlaps(pattern, compile_pattern(action.lower()).tokens) for pattern in _actions(selection.values))


def resources_left_out(statement: Statement, home: Home = ANYWHERE) -> tuple[str, ...]:
    """The values of NotResource, or what is outside the account for a statement on everything that is on no more."""
    resource = statement.resource
    if resource is not None and resource.negated:
        return resource.values
    if resource is None or partitions_taken(_resources(resource.values), home):
        return ()
    return (f"resources outside account {home.account}",)


def is_on_everything(statements: Sequence[Statement], home: Home = ANYWHERE) -> bool:
    """Whether the statements together select every resource, or every one in the account, NotResource aside."""
    resources = [each.resource for each in statements if each.resource is not None]
    excepted = [partitions_taken(_resources(each.values), home) for each in resources if each.negated]
    if any(taken != home.partitions for taken in excepted):
        return True
    patterns = _resources([value for each in resources if not each.negated for value in each.values])
    return bool(partitions_taken(patterns, home) or (home.account and partitions_taken(patterns, home, own=True)))


def _allows(policy: Policy, place: int) -> Iterable[tuple[StatementRef, Statement]]:
    for number, statement in enumerate(policy.statements):
        if statement.effect is Effect.ALLOW:
            yield StatementRef(place, number, statement.sid), statement


def _actions(values: Sequence[str]) -> tuple[Tokens, ...]:
    return tuple(compile_pattern(value.lower()).tokens for value in values)


def _resources(values: Sequence[str]) -> tuple[Tokens, ...]:
    """The resources that are written out; with a variable a pattern means one resource or few."""
    return tuple(compile_pattern(value).tokens for value in values)
