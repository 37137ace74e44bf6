"""The decision of a request by policies, unknown where it depends on what is not known of the request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orgaudit.languages.iam_policy.conditions import Context, holds
from orgaudit.languages.iam_policy.document import Effect, Policy, Principal, PrincipalKind, Selection, Statement
from orgaudit.languages.iam_policy.vocabulary import ARN_PARTS
from orgaudit.languages.iam_policy.wildcards import compile_pattern, match_every, match_some, tokens_of
from orgaudit.languages.truth import FALSE, TRUE, Truth, all_of, any_of, truth_of, unknown

# The name under which an unknown principal is listed among the condition keys.
PRINCIPAL = "Principal"


class Outcome(StrEnum):
    """The answer to a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NOT_ALLOWED = "not allowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    """A request, or a family of requests.

    With `*` and `?` in `action` or `resource` it is a family: allowed means that every member is allowed, denied that
    at least one is denied. `resource` None is an action without resources, which only `*` grants. A context value is
    a text or several; an empty sequence is a key that the request is known not to carry, a key left out is unknown.
    """

    action: str
    resource: str | None = None
    principal: Principal | None = None
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, and for UNKNOWN the sorted condition keys that it depends on."""

    outcome: Outcome
    depends_on: tuple[str, ...] = ()


def decide(policies: Sequence[Policy], request: Request) -> Decision:
    """Decide the request by all policies together, as one set of statements; a deny wins over an allow.

    A family must be allowed by one statement as a whole: statements that share it between them do not add up.
    """
    found: dict[Effect, list[Truth]] = {Effect.ALLOW: [], Effect.DENY: []}
    context = _folded(request.context)
    for policy in policies:
        for statement in policy.statements:
            applies = _applies(statement, request, context, variables=policy.has_variables)
            found[statement.effect].append(all_of(applies))
    allowed, denied = any_of(found[Effect.ALLOW]), any_of(found[Effect.DENY])
    if denied.value:
        return Decision(Outcome.DENIED)
    if allowed.value is False:
        return Decision(Outcome.NOT_ALLOWED)
    keys = tuple(sorted({*allowed.depends_on, *denied.depends_on}))
    return Decision(Outcome.UNKNOWN if None in (allowed.value, denied.value) else Outcome.ALLOWED, keys)


def _folded(context: Mapping[str, str | Sequence[str]]) -> Context:
    return {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in context.items()}


def _applies(statement: Statement, request: Request, context: Context, *, variables: bool) -> Iterator[Truth]:
    """Yield of each element whether it applies: an Allow to the whole family requested, a Deny to any part of it."""
    whole = statement.effect is Effect.ALLOW
    # Actions match in any case, and take no variables.
    actions = Selection(tuple(value.lower() for value in statement.action.values), statement.action.negated)
    yield _selected(actions, request.action.lower(), whole=whole, variables=False)
    if statement.resource is not None:
        yield _selected(statement.resource, request.resource, whole=whole, variables=variables)
    yield admits(statement.principal, request.principal)
    for condition in statement.conditions:
        yield holds(condition, context, variables=variables)


def _selected(element: Selection[str], requested: str | None, *, whole: bool, variables: bool) -> Truth:
    """Return whether the element matches all of what is requested (`whole`), or some of it.

    For a negated element the two change places: all is outside the patterns when not even some is inside.
    """
    patterns = [compile_pattern(value, variables=variables) for value in element.values]
    family = ("*",) if requested is None else tokens_of(requested)
    truth = (match_every if whole is not element.negated else match_some)(patterns, family)
    return truth.negated() if element.negated else truth


def admits(named: Selection[Principal] | None, caller: Principal | None) -> Truth:
    """Return whether a statement is for the caller; unknown for a caller that is not known."""
    if named is None:
        return TRUE
    truth = any_of(_is_principal(principal, caller) for principal in named.values)
    return truth.negated() if named.negated else truth


def _is_principal(named: Principal, caller: Principal | None) -> Truth:
    if named.is_anyone:
        return TRUE
    if caller is None:
        return unknown(PRINCIPAL)
    if named.kind is not caller.kind:
        return FALSE
    if named.kind is PrincipalKind.SERVICE:
        return truth_of(named.value.lower() == caller.value.lower())
    if named.kind is PrincipalKind.AWS:
        return truth_of(_is_aws_principal(named.value, caller.value))
    return truth_of(named.value == caller.value)


def _is_aws_principal(named: str, caller: str) -> bool:
    account = account_of(named)
    if account is not None and (named == account or named.endswith(":root")):
        return account == account_of(caller)
    role = _role_of(named)
    return named == caller or (role is not None and role == _role_of(caller))


def account_of(principal: str) -> str | None:
    """Return the account id in an AWS principal (an id or an ARN), or None if it names none."""
    if principal.isdecimal():
        return principal
    parts = principal.split(":")
    return parts[4] if len(parts) >= ARN_PARTS and parts[4].isdecimal() else None


def _role_of(arn: str) -> tuple[str, str, str] | None:
    """Return partition, account and name of the role in a role's or a role session's ARN; a session's lacks the path.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    parts = arn.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS:
        return None
    steps = parts[5].split("/")
    if len(steps) > 1 and (parts[2], steps[0]) == ("iam", "role"):
        return parts[1], parts[4], steps[-1]
    if len(steps) > 1 and (parts[2], steps[0]) == ("sts", "assumed-role"):
        return parts[1], parts[4], steps[1]
    return None
