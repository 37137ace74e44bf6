"""How widely a policy opens: the principals it lets in, whether that is everyone, and whether it grants everything."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Network, ip_network

from orgaudit.facts.policies.conditions import operator_of
from orgaudit.facts.policies.decision import StatementRef, account_of, action_patterns, resource_patterns
from orgaudit.facts.policies.document import Condition, Effect, Policy, Principal, Selection, Statement
from orgaudit.facts.policies.wildcards import compile_pattern, covers

_ARN_KEYS = frozenset({"aws:principalarn", "aws:sourcearn", "s3:dataaccesspointarn"})
_TEXT_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
    }
)
# The part before the separator names one owner, so what follows may be a wildcard.
_OWNED_KEYS = {"aws:principalorgpaths": "/", "aws:sourceorgpaths": "/", "aws:userid": ":"}
# Keys that say how or when something is asked, or that the asker is free to set.
_OPEN_KEYS = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:referer",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:useragent",
        "s3:tlsversion",
    }
)
_MATCHING = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
# Wider networks than these are no restriction: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_WIDEST_IPV4, _WIDEST_IPV6 = 8, 32
_ARN_PARTS = 6
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_EVERY_ACTION = compile_pattern("*:*").tokens


class PublicAccess(StrEnum):
    """How far a statement opens to everyone; REVIEW is for what a person must judge."""

    NO = "no"
    RESTRICTED = "restricted"
    REVIEW = "review"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Exposure:
    """The verdict on a statement, with the conditions that it rests on (none for NO)."""

    access: PublicAccess
    conditions: tuple[Condition, ...] = ()


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


class _Hold(IntEnum):
    """How firmly a condition, or one of its values, ties access to a known owner."""

    OPEN = 0
    UNSURE = 1
    FIRM = 2


def principals_allowed(policy: Policy, *, place: int = 0) -> tuple[AllowedPrincipal, ...]:
    """The principals of every Allow statement, in order; `place` is the policy's place for the references."""
    return tuple(
        AllowedPrincipal(principal, reference, statement.conditions, statement.principal.negated)
        for reference, statement in _allows(policy, place)
        if statement.principal is not None
        for principal in statement.principal.values
    )


def is_public(statement: Statement) -> Exposure:
    """Whether the statement lets everyone in, and which conditions restrict that or need review."""
    if statement.effect is Effect.DENY or statement.principal is None or not _is_open(statement.principal):
        return Exposure(PublicAccess.NO)
    holds = [(condition, _hold_of_condition(condition)) for condition in statement.conditions]
    for hold, access in ((_Hold.FIRM, PublicAccess.RESTRICTED), (_Hold.UNSURE, PublicAccess.REVIEW)):
        resting_on = tuple(condition for condition, found in holds if found is hold)
        if resting_on:
            return Exposure(access, resting_on)
    return Exposure(PublicAccess.PUBLIC, statement.conditions)


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


def _is_open(selection: Selection[Principal]) -> bool:
    named = any(principal.is_anyone for principal in selection.values)
    return named is not selection.negated


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


def _hold_of_condition(condition: Condition) -> _Hold:
    key = condition.key.lower()
    operator = operator_of(condition.operator)
    if key in _OPEN_KEYS:
        return _Hold.OPEN
    if operator is None:
        return _Hold.UNSURE
    if operator.is_negated and _is_restricting_key(key):
        return _Hold.OPEN
    hold = min(_hold_of_value(key, operator.base, value) for value in condition.values)
    # These two forms also hold for a request that does not carry the key at all.
    optional = operator.if_exists or operator.quantifier == "all"
    return min(hold, _Hold.UNSURE) if optional else hold


def _is_restricting_key(key: str) -> bool:
    return key in _ARN_KEYS or key in _TEXT_KEYS or key in _OWNED_KEYS or key == "aws:sourceip"


def _hold_of_value(key: str, base: str, value: str) -> _Hold:
    if key == "aws:sourceip" and base == "ipaddress":
        return _hold_of_network(value)
    if not _is_restricting_key(key) or base not in _MATCHING or "${" in value:
        return _Hold.UNSURE
    if key in _ARN_KEYS:
        return _hold_of_arn(value)
    if key in _OWNED_KEYS:
        value = value.partition(_OWNED_KEYS[key])[0]
    return _Hold.OPEN if _has_wildcard(value) else _Hold.FIRM


def _hold_of_arn(value: str) -> _Hold:
    if not _has_wildcard(value):
        return _Hold.FIRM
    parts = value.split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS or _has_wildcard(parts[4]):
        return _Hold.OPEN
    # A bucket's ARN has no account, so a wildcard in it may reach a stranger's bucket.
    return _Hold.FIRM if account_of(value) else _Hold.UNSURE


def _hold_of_network(value: str) -> _Hold:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return _Hold.UNSURE
    widest = _WIDEST_IPV4 if isinstance(network, IPv4Network) else _WIDEST_IPV6
    return _Hold.FIRM if network.prefixlen >= widest else _Hold.OPEN


def _has_wildcard(value: str) -> bool:
    return "*" in value or "?" in value
