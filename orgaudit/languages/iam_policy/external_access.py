"""The access that a resource's policy gives external callers: every Allow with the Deny statements that meet it.

The question is whether any request of an external caller is allowed: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from orgaudit.languages.iam_policy.decision import account_of
from orgaudit.languages.iam_policy.denials import AllowedPart, DeniedArea, leaves_some, takes_all, target_of, touches
from orgaudit.languages.iam_policy.document import Condition, Effect, Policy, Principal, PrincipalKind, Selection
from orgaudit.languages.iam_policy.external_callers import DIRECT, NETWORK_KEYS, SOURCE_KEYS, TIMES, Caller, Route
from orgaudit.languages.iam_policy.external_conditions import outcomes_of
from orgaudit.languages.iam_policy.key_outcomes import Entries, KeyOutcome, by_key, combined
from orgaudit.languages.iam_policy.wildcards import is_wild
from orgaudit.languages.truth import FALSE, TRUE, UNKNOWN, Truth, any_of, truth_of

_ANY_SERVICE = Route(Caller.SERVICE)
# Services that call one customer's function, queue or topic for the bucket or topic of any other:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
_FOR_ANY_CUSTOMER = frozenset({"s3.amazonaws.com", "sns.amazonaws.com"})


@dataclass(frozen=True, slots=True)
class ExternalAccess:
    """What an Allow leaves open: its place, the kind of caller, and the actions that are open, or that may be.

    `service` is the principal of the service that acts for any customer, empty for callers that act for themselves.
    `named` are the principals that may or may not stand for everyone; `guards` the Deny statements that may apply.
    """

    place: int
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    service: str = ""
    named: tuple[Principal, ...] = ()
    guards: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def external_access(policy: Policy, *, resource: str | None, services: bool) -> tuple[ExternalAccess, ...]:
    """Return what the policy of a resource leaves open to external callers, in the order of its statements.

    `resource` is the resource's ARN. With `services`, a named service that may act for any customer counts as well.
    """
    view: _PolicyView | None = None
    found: list[ExternalAccess | None] = []
    for place, statement in enumerate(policy.statements):
        principal = statement.principal
        if statement.effect is Effect.DENY or principal is None:
            continue
        by_name = () if principal.negated or not services else tuple(_named_services(principal))
        to_any = _admits_any(principal)
        if by_name or to_any:
            view = view or _PolicyView(policy, resource)
            allow = _Allow(view, place)
            found += [allow.access(view.routes, "")] if to_any else []
            found += [allow.access((Route(Caller.SERVICE, service=service),), service) for service in by_name]
    return tuple(each for each in found if each is not None)


def _named_services(principal: Selection[Principal]) -> Iterator[str]:
    for each in principal.values:
        if each.kind is PrincipalKind.SERVICE and not is_wild(each.value):
            yield each.value.lower()


def _admits_any(principal: Selection[Principal]) -> bool:
    """Return whether an Allow with this element may admit callers that are not named."""
    if any(each.is_anyone for each in principal.values):
        return not principal.negated
    if not principal.negated and not any(
        is_wild(each.value) or each.kind is PrincipalKind.FEDERATED for each in principal.values
    ):
        return False
    return any(_admits(principal, route).value is not False for route in (*DIRECT, _ANY_SERVICE))


def _admits(principal: Selection[Principal], route: Route) -> Truth:
    """Return whether the element admits external callers by this route; unknown for undocumented wildcards."""
    truth = any_of(_stands_for(each, route) for each in principal.values)
    return truth.negated() if principal.negated else truth


def _stands_for(principal: Principal, route: Route) -> Truth:
    if principal.is_anyone:
        return TRUE
    service = principal.kind is PrincipalKind.SERVICE
    if service is not (route.caller is Caller.SERVICE):
        return FALSE
    if is_wild(principal.value):
        # AWS documents no wildcard but "*" for all principals, and refuses others in most services:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        return FALSE if account_of(principal.value) else UNKNOWN
    if service:
        return truth_of(principal.value.lower() == route.service)
    # Anyone can have a login with a provider of web identities; an ARN names a provider of one account.
    web = principal.kind is PrincipalKind.FEDERATED and not principal.value.startswith("arn:")
    return truth_of(web and route == DIRECT[1])


@dataclass(frozen=True, slots=True)
class _RequestOutcome:
    """What statements evaluate to for one request: the Allow, and each Deny that meets it."""

    allowed: Truth
    denied: tuple[Truth, ...]
    certain: bool

    @property
    def is_whole(self) -> bool:
        """Whether all that the Allow gives is open for certain."""
        return self.certain and self.allowed.value is True and all(each.value is False for each in self.denied)


@dataclass(frozen=True, slots=True)
class _Rule:
    """The callers to which a statement applies, and when."""

    principal: Selection[Principal]
    conditions: tuple[Condition, ...]


class _PolicyView:
    """A policy as a whole: what its Deny statements take back, and the routes by which callers may come."""

    def __init__(self, policy: Policy, resource: str | None) -> None:
        self.policy = policy
        self.target = target_of(policy, resource)
        self.denials = {
            number: self.target.denied(each)
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


class _Allow:
    """One Allow of a policy with the Deny statements that meet some of what it allows."""

    def __init__(self, view: _PolicyView, place: int) -> None:
        self.view, self.place = view, place
        statements = view.policy.statements
        self.statement = statements[place]
        self.parts = view.target.parts(self.statement)
        self.guards = tuple(
            number for number, denied in view.denials.items() if any(touches(denied, part) for part in self.parts)
        )
        self.denials = tuple(view.denials[number] for number in self.guards)
        met = (statements[number] for number in (place, *self.guards))
        self.rules = tuple(_Rule(each.principal or Selection(()), each.conditions) for each in met)

    def access(self, routes: tuple[Route, ...], service: str) -> ExternalAccess | None:
        """Return what is open by any of the routes, or None for nothing."""
        certain: set[AllowedPart] = set()
        possible: set[AllowedPart] = set()
        sure, variables = self._service_is_sure(service), self.view.policy.has_variables
        for request in _requests(self.rules, routes, sure=sure, variables=variables):
            self._add(request, certain, possible)
        actions = self.statement.action.values
        if not certain and not possible:
            return None
        opened = {part.action for part in certain}
        maybe = {part.action for part in possible} - opened
        negated = self.statement.action.negated
        return ExternalAccess(
            self.place,
            actions if negated and opened else tuple(each for each in actions if each in opened),
            actions if negated and not opened else tuple(each for each in actions if each in maybe),
            service,
            () if service or self.statement.principal is None else _doubtful(self.statement.principal),
            self.guards,
        )

    def _add(self, request: _RequestOutcome, certain: set[AllowedPart], possible: set[AllowedPart]) -> None:
        """Add the parts that the request opens."""
        denials = list(zip(self.denials, request.denied, strict=True))
        sure: list[DeniedArea] = [area for area, truth in denials if truth.value]
        perhaps = [area for area, truth in denials if truth.value is not False]
        settled = request.certain and request.allowed.value is True
        for part in self.parts:
            if part in certain or (sure and takes_all(sure, part)):
                continue
            possible.add(part)
            if settled and leaves_some(perhaps, part):
                certain.add(part)

    def _service_is_sure(self, service: str) -> bool:
        """Return whether it is certain that services act for external customers, which AWS documents of few."""
        if service:
            return service in _FOR_ANY_CUSTOMER
        sources = any(each.key.lower() in SOURCE_KEYS for each in self.statement.conditions)
        return sources and not self.view.services


@lru_cache(maxsize=8192)
def _requests(
    rules: tuple[_Rule, ...], routes: tuple[Route, ...], *, sure: bool, variables: bool
) -> tuple[_RequestOutcome, ...]:
    """Return what an Allow, the first of the rules, and the Deny statements after it evaluate to in external requests.

    `sure` is whether services call for certain. Policies of one template share the answer, whatever their resources.
    """
    found: dict[_RequestOutcome, None] = {}
    for route in routes:
        admitted = [_admits(rule.principal, route) for rule in rules]
        if admitted[0].value is False:
            continue
        certain = sure or route.caller is not Caller.SERVICE
        for truths, known in _outcomes(rules, route, admitted, variables=variables):
            request = _RequestOutcome(truths[0], truths[1:], certain and known)
            if request.allowed.value is not False:
                found[request] = None
            if request.is_whole:
                return (request,)
    return tuple(found)


def _outcomes(
    rules: tuple[_Rule, ...], route: Route, admitted: Sequence[Truth], *, variables: bool
) -> Iterator[tuple[tuple[Truth, ...], bool]]:
    """Yield what the rules evaluate to in one request, from whether they admit the caller, and if that is certain."""
    start, timeless = list(admitted), []
    for number, rule in enumerate(rules):
        applying = () if admitted[number].value is False else rule.conditions
        timeless.append([each for each in applying if each.key.lower() not in TIMES])
        if number and len(timeless[-1]) < len(applying):
            start[number] = UNKNOWN
    choices = [
        (entries, _choices(key, entries, route, variables=variables)) for key, entries in by_key(timeless).items()
    ]
    return combined(start, choices, beyond=[UNKNOWN] * len(start))


def _choices(key: str, entries: Entries, route: Route, *, variables: bool) -> list[KeyOutcome]:
    """Return what a key's conditions can evaluate to, without those that the Allow excludes; one without a Deny."""
    found = outcomes_of(key, tuple(condition for _, condition in entries), route, variables=variables)
    kept = [
        each
        for each in found
        if not any(truth.value is False for (number, _), truth in zip(entries, each.truths, strict=True) if not number)
    ]
    if any(number for number, _ in entries):
        return kept
    return list(islice(sorted(kept, key=_narrowness), 1))


def _narrowness(outcome: KeyOutcome) -> tuple[bool, bool]:
    return any(truth.value is None for truth in outcome.truths), not outcome.certain


def _doubtful(principal: Selection[Principal]) -> tuple[Principal, ...]:
    """Return the principals that may or may not stand for everyone, where nothing else in the element does."""
    if any(_admits(principal, route).value is True for route in (*DIRECT, _ANY_SERVICE)):
        return ()
    return tuple(each for each in principal.values if is_wild(each.value))
