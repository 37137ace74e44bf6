"""How much Allow statements give: the principals that they name, and whether it is every action on every resource."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orgaudit.languages.iam_policy.decision import account_of
from orgaudit.languages.iam_policy.document import Effect, Policy, Principal, Selection, Statement
from orgaudit.languages.iam_policy.vocabulary import ANYWHERE, Home, is_every_action, partitions_covered
from orgaudit.languages.iam_policy.wildcards import Tokens, covers, overlaps, tokens_of


@dataclass(frozen=True, slots=True)
class AllowedPrincipal:
    """A principal that an Allow names, or with `excluded` one that an Allow for all others leaves out."""

    principal: Principal
    excluded: bool = False

    @property
    def account_id(self) -> str | None:
        """The account in the principal's id or ARN, or None if it names none."""
        return account_of(self.principal.value)


def principals_allowed(policy: Policy) -> Iterator[AllowedPrincipal]:
    """Yield the principals of every Allow statement, in order."""
    for statement in policy.statements:
        if statement.effect is Effect.ALLOW and statement.principal is not None:
            for principal in statement.principal.values:
                yield AllowedPrincipal(principal, statement.principal.negated)


def allows_everything(policy: Policy) -> bool:
    """Return whether the Allow statements together grant all actions on all resources, unconditionally."""
    wide = [
        statement
        for statement in policy.statements
        if statement.effect is Effect.ALLOW
        and not statement.conditions
        and is_on_everything([statement])
        and not resources_left_out(statement)
    ]
    return gives_every_action(wide) and not actions_left_out(wide)


def gives_every_action(statements: Sequence[Statement]) -> bool:
    """Return whether the statements together select every action, those aside that a NotAction names."""
    named = [each.action for each in statements if each.action.negated]
    if any(not is_every_action(_actions(selection.values)) for selection in named):
        return True
    return is_every_action(_given(statements))


def actions_left_out(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Return the values of the first NotAction that no other statement makes up for."""
    negated = [each.action for each in statements if each.action.negated]
    given = _given(statements)
    if not negated or is_every_action(given):
        return ()
    return tuple(
        value
        for value in negated[0].values
        if not covers(given, tokens_of(value.lower())) and all(_names_some(other, value) for other in negated[1:])
    )


def _given(statements: Sequence[Statement]) -> tuple[Tokens, ...]:
    return _actions([value for each in statements if not each.action.negated for value in each.action.values])


def _names_some(selection: Selection[str], action: str) -> bool:
    return any(overlaps(pattern, tokens_of(action.lower())) for pattern in _actions(selection.values))


def resources_left_out(statement: Statement, home: Home = ANYWHERE) -> tuple[str, ...]:
    """Return the values of NotResource, or what is outside the account for a statement that is on no more than that."""
    resource = statement.resource
    if resource is not None and resource.negated:
        return resource.values
    if resource is None or partitions_covered(_resources(resource.values), home):
        return ()
    return (f"resources outside account {home.account}",)


def is_on_everything(statements: Sequence[Statement], home: Home = ANYWHERE) -> bool:
    """Return whether the statements together select every resource, or every one in the account, NotResource aside."""
    resources = [each.resource for each in statements if each.resource is not None]
    excepted = [partitions_covered(_resources(each.values), home) for each in resources if each.negated]
    if any(covered != home.partitions for covered in excepted):
        return True
    patterns = _resources([value for each in resources if not each.negated for value in each.values])
    return bool(partitions_covered(patterns, home) or (home.account and partitions_covered(patterns, home, own=True)))


def _actions(values: Sequence[str]) -> tuple[Tokens, ...]:
    return tuple(tokens_of(value.lower()) for value in values)


def _resources(values: Sequence[str]) -> tuple[Tokens, ...]:
    """Return the resources as they are written: with a variable a pattern means one resource or few."""
    return tuple(tokens_of(value) for value in values)
