"""Decides a request against policies, with "unknown" where the answer hangs on what the caller does not know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orgaudit.languages.iam_policy.conditions import Context, holds
from orgaudit.languages.iam_policy.document import Effect, Policy, Principal, PrincipalKind, Selection, Statement
from orgaudit.languages.iam_policy.truth import FALSE, TRUE, Truth, all_of, any_of, of, unknown
from orgaudit.languages.iam_policy.wildcards import Pattern, Tokens, compile_pattern, match_every, match_some

_ARN_PARTS = 6
# The name under which an unknown principal is listed among the condition keys.
PRINCIPAL = "Principal"

Matcher = Callable[[Sequence[Pattern], Tokens], Truth]


class Outcome(StrEnum):
    """The answer to a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NOT_ALLOWED = "not allowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the policies.

    `*` and `?` in `action` or `resource` ask for a whole family: allowed means that every member is allowed, denied
    that at least one is denied. `resource` None is an action without resources, which only `*` grants. A context
    value is a text or several; an empty sequence is a key that the request is known not to carry, a key left out is
    one that the caller does not know.
    """

    action: str
    resource: str | None = None
    principal: Principal | None = None
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatementRef:
    """Points at a statement: the places of its policy and of itself, both from 0, and its Sid if it has one."""

    policy: int
    statement: int
    sid: str | None = None

    def __str__(self) -> str:
        return self.sid or f"policy {self.policy + 1} statement {self.statement + 1}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, the statements that decide it, and for UNKNOWN the sorted condition keys it depends on."""

    outcome: Outcome
    statements: tuple[StatementRef, ...] = ()
    depends_on: tuple[str, ...] = ()


def decide(policies: Sequence[Policy], request: Request) -> Decision:
    """Decide the request against all policies together, as one set of statements; a deny wins over an allow.

    A family must be allowed by one statement as a whole: statements that share it between them do not add up.
    """
    context = _folded(request.context)
    found: dict[tuple[Effect, bool], list[tuple[StatementRef, Truth]]] = {}
    for place, policy in enumerate(policies):
        for number, statement in enumerate(policy.statements):
            truth = _applies(statement, request, context, variables=policy.has_variables)
            if truth.value is not False:
                reference = StatementRef(place, number, statement.sid)
                found.setdefault((statement.effect, truth.value is True), []).append((reference, truth))
    denied, maybe_denied = found.get((Effect.DENY, True)), found.get((Effect.DENY, False), [])
    allowed, maybe_allowed = found.get((Effect.ALLOW, True)), found.get((Effect.ALLOW, False), [])
    if denied:
        return _decision(Outcome.DENIED, denied)
    if allowed and not maybe_denied:
        return _decision(Outcome.ALLOWED, allowed)
    if allowed:
        return _decision(Outcome.UNKNOWN, maybe_denied)
    if maybe_allowed:
        return _decision(Outcome.UNKNOWN, maybe_allowed + maybe_denied)
    return Decision(Outcome.NOT_ALLOWED)


def _decision(outcome: Outcome, found: Sequence[tuple[StatementRef, Truth]]) -> Decision:
    keys = {key for _, truth in found for key in truth.keys}
    return Decision(outcome, tuple(reference for reference, _ in found), tuple(sorted(keys)))


def _folded(context: Mapping[str, str | Sequence[str]]) -> Context:
    return {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in context.items()}


def _applies(statement: Statement, request: Request, context: Context, *, variables: bool) -> Truth:
    """Whether the statement takes effect: an Allow for the whole family asked for, a Deny for any part of it."""
    whole = statement.effect is Effect.ALLOW
    action = compile_pattern(request.action.lower()).tokens
    if _selected(action_patterns(statement), action, whole=whole, negated=statement.action.negated).value is False:
        return FALSE
    resource = TRUE
    if statement.resource is not None:
        asked = compile_pattern(request.resource).tokens if request.resource is not None else ("*",)
        patterns = resource_patterns(statement.resource, variables=variables)
        resource = _selected(patterns, asked, whole=whole, negated=statement.resource.negated)
    return all_of(
        (
            resource,
            admits(statement.principal, request.principal),
            *(holds(condition, context, variables=variables) for condition in statement.conditions),
        )
    )


def action_patterns(statement: Statement) -> list[Pattern]:
    """The statement's actions as patterns in lower case: they match in any case and take no variables."""
    return [compile_pattern(value.lower()) for value in statement.action.values]


def resource_patterns(resource: Selection[str], *, variables: bool) -> list[Pattern]:
    """The resources as patterns."""
    return [compile_pattern(value, variables=variables) for value in resource.values]


def _selected(patterns: Sequence[Pattern], asked: Tokens, *, whole: bool, negated: bool) -> Truth:
    """Whether the element matches all of what is asked (`whole`), or some of it.

    For a negated element the two change places: all is outside the patterns when not even some is inside.
    """
    matcher: Matcher = match_every if whole is not negated else match_some
    truth = matcher(patterns, asked)
    return truth.negated() if negated else truth


def admits(named: Selection[Principal] | None, asking: Principal | None) -> Truth:
    """Whether a statement is for the principal that asks."""
    if named is None:
        return TRUE
    truth = any_of(_is_principal(principal, asking) for principal in named.values)
    return truth.negated() if named.negated else truth


def _is_principal(named: Principal, asking: Principal | None) -> Truth:
    if named.is_anyone:
        return TRUE
    if asking is None:
        return unknown(PRINCIPAL)
    if named.kind is not asking.kind:
        return FALSE
    if named.kind is PrincipalKind.SERVICE:
        return of(named.value.lower() == asking.value.lower())
    if named.kind is PrincipalKind.AWS:
        return of(_is_aws_principal(named.value, asking.value))
    return of(named.value == asking.value)


def _is_aws_principal(named: str, asking: str) -> bool:
    account = account_of(named)
    if account is not None and (named == account or named.endswith(":root")):
        return account == account_of(asking)
    role = _role_of(named)
    return named == asking or (role is not None and role == _role_of(asking))


def account_of(principal: str) -> str | None:
    """The account id in an AWS principal (an id or an ARN), or None if it names none."""
    if principal.isdecimal():
        return principal
    parts = principal.split(":")
    return parts[4] if len(parts) >= _ARN_PARTS and parts[4].isdecimal() else None


def _role_of(arn: str) -> tuple[str, str, str] | None:
    """Partition, account and name of the role in a role's or a role session's ARN; a session's lacks the path."""
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS:
        return None
    steps = parts[5].split("/")
    if len(steps) > 1 and (parts[2], steps[0]) == ("iam", "role"):
        return parts[1], parts[4], steps[-1]
    if len(steps) > 1 and (parts[2], steps[0]) == ("sts", "assumed-role"):
        return parts[1], parts[4], steps[1]
    return None
