"""Whom a resource's policy lets in from outside: every Allow weighed against the Deny statements that meet it.

It is asked whether any request of an outside caller is allowed: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import islice, product

from orgaudit.languages.iam_policy.callers import DIRECT, NETWORK_KEYS, SOURCE_KEYS, TIMES, Caller, Route
from orgaudit.languages.iam_policy.coverage import Denied, Part, leaves_some, takes_all, terms_of, touches
from orgaudit.languages.iam_policy.decision import account_of
from orgaudit.languages.iam_policy.document import (
    CURRENT_VERSION,
    Condition,
    Effect,
    Policy,
    Principal,
    PrincipalKind,
    Selection,
    Statement,
)
from orgaudit.languages.iam_policy.outsiders import Truths, truths
from orgaudit.languages.iam_policy.truth import FALSE, TRUE, Truth, any_of, of, unknown

_MOST_COMBINATIONS = 4096
_ANY_SERVICE = Route(Caller.SERVICE)
# Services that call one customer's function, queue or topic for the bucket or topic of any other.
FOR_ANY_CUSTOMER = frozenset({"s3.amazonaws.com", "sns.amazonaws.com"})


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
class Way:
    """What an Allow leaves open: its place and sort of caller, and the actions that are open, or that may be.

    `service` is the principal of the service that comes for any customer, empty for callers who come themselves.
    `named` are the principals that may or may not stand for everyone; `guards` the Deny statements that may apply.
    """

    place: int
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    service: str = ""
    named: tuple[Principal, ...] = ()
    guards: tuple[int, ...] = ()


def is_public(statement: Statement) -> Exposure:
    """Whether the statement lets everyone in, and which conditions restrict that or need review."""
    principal = statement.principal
    if statement.effect is Effect.DENY or principal is None or not _admits_any(principal):
        return Exposure(PublicAccess.NO)
    found = ways(Policy((statement,), CURRENT_VERSION))
    if not found:
        return Exposure(PublicAccess.RESTRICTED, _resting(statement, PublicAccess.RESTRICTED))
    if any(way.certain for way in found):
        return Exposure(PublicAccess.PUBLIC, statement.conditions)
    return Exposure(PublicAccess.REVIEW, _resting(statement, PublicAccess.REVIEW))


def _resting(statement: Statement, access: PublicAccess) -> tuple[Condition, ...]:
    """The conditions that have this effect each by itself, or all where only all together have it."""
    alone = tuple(each for each in statement.conditions if _access(replace(statement, conditions=(each,))) is access)
    return alone or statement.conditions


def _access(statement: Statement) -> PublicAccess:
    found = ways(Policy((statement,), CURRENT_VERSION))
    if not found:
        return PublicAccess.RESTRICTED
    return PublicAccess.PUBLIC if any(way.certain for way in found) else PublicAccess.REVIEW


@lru_cache(maxsize=4096)
def ways(policy: Policy, *, resource: str | None = None, services: bool = False) -> tuple[Way, ...]:
    """Return what the policy of a resource leaves open to callers from outside, in the order of its statements.

    `resource` is the resource's ARN. With `services`, that a named service may come on behalf of any customer counts
    as well.
    """
    rules: _Rules | None = None
    found: list[Way | None] = []
    for place, statement in enumerate(policy.statements):
        principal = statement.principal
        if statement.effect is Effect.DENY or principal is None:
            continue
        by_name = () if principal.negated or not services else tuple(_named_services(principal))
        to_any = _admits_any(principal)
        if by_name or to_any:
            rules = rules or _Rules(policy, resource)
            weighing = _Weighing(rules, place)
            found += [weighing.way(rules.routes, "")] if to_any else []
            found += [weighing.way((Route(Caller.SERVICE, service=service),), service) for service in by_name]
    return tuple(way for way in found if way is not None)


def _named_services(principal: Selection[Principal]) -> Iterator[str]:
    for each in principal.values:
        if each.kind is PrincipalKind.SERVICE and not _is_wild(each.value):
            yield each.value.lower()


def _admits_any(principal: Selection[Principal]) -> bool:
    """Whether an Allow with this element may let in callers who are not named."""
    if any(each.is_anyone for each in principal.values):
        return not principal.negated
    if not principal.negated and not any(
        _is_wild(each.value) or each.kind is PrincipalKind.FEDERATED for each in principal.values
    ):
        return False
    return any(_admits(principal, route).value is not False for route in (*DIRECT, _ANY_SERVICE))


def _admits(principal: Selection[Principal], route: Route) -> Truth:
    """Whether the element takes in outside callers by this route; unknown for wildcards that AWS does not document."""
    truth = any_of(_stands_for(each, route) for each in principal.values)
    return truth.negated() if principal.negated else truth


def _stands_for(principal: Principal, route: Route) -> Truth:
    if principal.is_anyone:
        return TRUE
    service = principal.kind is PrincipalKind.SERVICE
    if service is not (route.caller is Caller.SERVICE):
        return FALSE
    if _is_wild(principal.value):
        # AWS documents no wildcard but "*" for all principals, and refuses others in most services:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        return FALSE if account_of(principal.value) else unknown("Principal")
    if service:
        return of(principal.value.lower() == route.service)
    # Anyone can have a login with a provider of web identities; an ARN names a provider of one account.
    web = principal.kind is PrincipalKind.FEDERATED and not principal.value.startswith("arn:")
    return of(web and route == DIRECT[1])


def _is_wild(value: str) -> bool:
    return "*" in value or "?" in value


@dataclass(frozen=True, slots=True)
class _Request:
    """What statements come to for one request, None for unknown: the Allow, and each Deny that meets it."""

    allowed: bool | None
    denied: tuple[bool | None, ...]
    certain: bool

    @property
    def is_whole(self) -> bool:
        """Whether all that the Allow gives is open for certain."""
        return self.certain and self.allowed is True and all(each is False for each in self.denied)


@dataclass(frozen=True, slots=True)
class _Rule:
    """To whom a statement applies, and when."""

    principal: Selection[Principal]
    conditions: tuple[Condition, ...]


def _rule(statement: Statement) -> _Rule:
    return _Rule(statement.principal or Selection(()), statement.conditions)


class _Rules:
    """A policy as a whole: what its Deny statements take back, and the routes by which its callers may come."""

    def __init__(self, policy: Policy, resource: str | None) -> None:
        self.policy = policy
        self.terms = terms_of(policy, resource)
        self.denials = {
            number: self.terms.areas(each)
            for number, each in enumerate(policy.statements)
            if each.effect is Effect.DENY and each.principal is not None
        }
        principals = [each.principal for each in policy.statements if each.principal]
        self.services = sorted({service for each in principals for service in _named_services(each)})
        keys = {condition.key.lower() for each in policy.statements for condition in each.conditions}
        self.routes = (
            *(DIRECT if keys & NETWORK_KEYS else DIRECT[: len(DIRECT) // 2]),
            _ANY_SERVICE,
            *(Route(Caller.SERVICE, service=service) for service in self.services),
        )


class _Weighing:
    """One Allow of a policy, weighed against the Deny statements that meet some of what it allows."""

    def __init__(self, rules: _Rules, place: int) -> None:
        self.rules = rules
        self.policy = rules.policy
        self.place = place
        self.statement = rules.policy.statements[place]
        self.parts = rules.terms.parts(self.statement)
        self.guards = tuple(
            number for number, denied in rules.denials.items() if any(touches(denied, part) for part in self.parts)
        )
        self.denials: tuple[Denied, ...] = tuple(rules.denials[number] for number in self.guards)
        self.met = tuple(_rule(self.policy.statements[number]) for number in (place, *self.guards))

    def way(self, routes: tuple[Route, ...], service: str) -> Way | None:
        """Return what is open by any of the routes, or None for nothing."""
        certain: set[Part] = set()
        possible: set[Part] = set()
        sure, variables = self._service_is_sure(service), self.policy.has_variables
        for request in _requests(self.met, routes, sure=sure, variables=variables):
            self._add(request, certain, possible)
        actions = self.statement.action.values
        if not certain and not possible:
            return None
        opened = {part.action for part in certain}
        maybe = {part.action for part in possible} - opened
        negated = self.statement.action.negated
        return Way(
            self.place,
            actions if negated and opened else tuple(each for each in actions if each in opened),
            actions if negated and not opened else tuple(each for each in actions if each in maybe),
            service,
            () if service or self.statement.principal is None else _doubtful(self.statement.principal),
            self.guards,
        )

    def _add(self, request: _Request, certain: set[Part], possible: set[Part]) -> None:
        """Add the parts that the request opens."""
        sure = [each for each, truth in zip(self.denials, request.denied, strict=True) if truth]
        perhaps = [each for each, truth in zip(self.denials, request.denied, strict=True) if truth is not False]
        settled = request.certain and request.allowed is True
        for part in self.parts:
            if part in certain or (sure and takes_all(sure, part)):
                continue
            possible.add(part)
            if settled and leaves_some(perhaps, part):
                certain.add(part)

    def _service_is_sure(self, service: str) -> bool:
        """Whether it is certain that services come for outside customers: which of them do is known of few."""
        if service:
            return service in FOR_ANY_CUSTOMER
        sources = any(each.key.lower() in SOURCE_KEYS for each in self.statement.conditions)
        return sources and not self.rules.services


@lru_cache(maxsize=8192)
def _requests(
    rules: tuple[_Rule, ...], routes: tuple[Route, ...], *, sure: bool, variables: bool
) -> tuple[_Request, ...]:
    """Return what an Allow, the first of the rules, and the Deny statements after it come to in outside requests.

    `sure` says whether services come for certain. Policies of one template share the answer, whatever their resources.
    """
    found: dict[_Request, None] = {}
    for route in routes:
        admitted = [_admits(rule.principal, route).value for rule in rules]
        certain = sure or route.caller is not Caller.SERVICE
        for outcome, known in (
            _outcomes(rules, route, admitted, variables=variables) if admitted[0] is not False else ()
        ):
            request = _Request(outcome[0], tuple(outcome[1:]), certain and known)
            if request.allowed is not False:
                found[request] = None
            if request.is_whole:
                return (request,)
    return tuple(found)


def _outcomes(
    rules: tuple[_Rule, ...], route: Route, admitted: Sequence[bool | None], *, variables: bool
) -> Iterator[tuple[list[bool | None], bool]]:
    """Yield what the rules come to in one request, from whether they admit the caller at all, and if that is known."""
    keyed: dict[str, list[tuple[int, Condition]]] = {}
    start = list(admitted)
    for number, rule in enumerate(rules):
        for condition in rule.conditions if start[number] is not False else ():
            if condition.key.lower() not in TIMES:
                keyed.setdefault(condition.key.lower(), []).append((number, condition))
            elif number:
                start[number] = None
    choices = [_choices(key, entries, route, variables=variables) for key, entries in keyed.items()]
    owners = [[number for number, _ in entries] for entries in keyed.values()]
    for tried, chosen in enumerate(product(*choices)):
        if tried >= _MOST_COMBINATIONS:
            yield [None] * len(start), False
            return
        outcome = list(start)
        for places, one in zip(owners, chosen, strict=True):
            for number, truth in zip(places, one.each, strict=True):
                if outcome[number] is not False and truth.value is not True:
                    outcome[number] = truth.value
        yield outcome, all(each.certain for each in chosen)


def _choices(key: str, entries: Sequence[tuple[int, Condition]], route: Route, *, variables: bool) -> list[Truths]:
    """What a key's conditions come to, without what the Allow excludes and, if no Deny asks, all but the widest."""
    found = truths(key, tuple(condition for _, condition in entries), route, variables=variables)
    kept = [
        each
        for each in found
        if not any(truth.value is False for (number, _), truth in zip(entries, each.each, strict=True) if not number)
    ]
    if any(number for number, _ in entries):
        return kept
    return list(islice(sorted(kept, key=_narrowness), 1))


def _narrowness(each: Truths) -> tuple[bool, bool]:
    return any(truth.value is None for truth in each.each), not each.certain


def _doubtful(principal: Selection[Principal]) -> tuple[Principal, ...]:
    """The principals that may or may not stand for everyone, where nothing else in the element does."""
    if any(_admits(principal, route).value is True for route in (*DIRECT, _ANY_SERVICE)):
        return ()
    return tuple(each for each in principal.values if _is_wild(each.value))
