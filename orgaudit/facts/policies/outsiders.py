"""The callers from outside, and what their requests carry: for a condition key, the values that they can come with.

A value that a policy writes out in full names somebody known; an outside caller has any other. What a caller sets
freely, what every request carries and what the resource itself supplies excludes nobody. Which requests carry a key:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from itertools import product

from orgaudit.facts.policies.addresses import Networks, memberships, networks_of
from orgaudit.facts.policies.conditions import holds, operator_of
from orgaudit.facts.policies.document import Condition
from orgaudit.facts.policies.truth import Truth, of, unknown
from orgaudit.facts.policies.wildcards import compile_pattern, matches, overlaps

_ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{([^}*?$]+)\}")


class Caller(Enum):
    """Who comes from outside: nobody that is known, an account in no organization, one in another, or a service."""

    ANONYMOUS = "anonymous"
    ACCOUNT = "account"
    MEMBER = "member"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Route:
    """How an outside caller comes: through a VPC endpoint of its own or over the internet.

    A service comes on behalf of an outside customer; `service` is its principal, empty for any service.
    """

    caller: Caller
    by_endpoint: bool = False
    service: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether the request carries the identity of a principal of an account."""
        return self.caller in (Caller.ACCOUNT, Caller.MEMBER)


DIRECT = tuple(
    Route(caller, by_endpoint)
    for by_endpoint in (False, True)
    for caller in (Caller.ANONYMOUS, Caller.ACCOUNT, Caller.MEMBER)
)


@dataclass(frozen=True, slots=True)
class Value:
    """The values of a key in a request, none for a key that it does not carry; `certain` where AWS documents that."""

    texts: tuple[str, ...]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Truths:
    """What conditions on the same key come to in one request, in their order."""

    each: tuple[Truth, ...]
    certain: bool = True


_ABSENT = Value(())
_PERHAPS_ABSENT = Value((), certain=False)
# Two of each, as a wildcard may let one in and not the other. No policy names them.
_ACCOUNTS = ("986420135790", "135790246801")
_ORGANIZATIONS = ("o-zz9outside", "o-1a2outside")
_PATHS = tuple(f"{organization}/r-zz9o/ou-zz9o-outside1/" for organization in _ORGANIZATIONS)
_OWN = {
    "aws:resourceaccount": "own-account",
    "s3:resourceaccount": "own-account",
    "aws:resourceorgid": "own-org",
    "aws:resourceorgpaths": "own-org/r-own/",
}
# Keys whose value names an owner: values of outside owners, and the separator after the part that names the owner.
_OWNED: dict[str, tuple[tuple[str, ...], str]] = {
    "aws:principalaccount": (_ACCOUNTS, ""),
    "aws:principalorgid": (_ORGANIZATIONS, ""),
    "aws:principalorgpaths": (_PATHS, "/"),
    "aws:sourceaccount": (_ACCOUNTS, ""),
    "aws:sourceorgid": (_ORGANIZATIONS, ""),
    "aws:sourceorgpaths": (_PATHS, "/"),
    "aws:sourceowner": (_ACCOUNTS, ""),
    "aws:sourcevpc": (("vpc-0f9e8d7c6b5a43210", "vpc-1f9e8d7c6b5a43210"), ""),
    "aws:sourcevpce": (("vpce-0f9e8d7c6b5a43210", "vpce-1f9e8d7c6b5a43210"), ""),
    "aws:userid": (("AIDAOUTSIDEOUTSIDE001", "AROAOUTSIDEOUTSIDE002:session"), ":"),
    "aws:vpceaccount": (_ACCOUNTS, ""),
    "aws:vpceorgid": (_ORGANIZATIONS, ""),
    "aws:vpceorgpaths": (_PATHS, "/"),
    "kms:calleraccount": (_ACCOUNTS, ""),
    "lambda:eventsourcetoken": (("outside-token", "amzn1.outside"), ""),
    "s3:dataaccesspointaccount": (_ACCOUNTS, ""),
}
_PRINCIPALS = (
    f"arn:aws:iam::{_ACCOUNTS[0]}:role/outside",
    f"arn:aws:iam::{_ACCOUNTS[1]}:user/outside",
    f"arn:aws:iam::{_ACCOUNTS[0]}:root",
    f"arn:aws:sts::{_ACCOUNTS[0]}:federated-user/outside",
)
_SOURCES = (
    "arn:aws:s3:::outside-bucket",
    f"arn:aws:sns:us-east-1:{_ACCOUNTS[0]}:outside",
    f"arn:aws:events:us-east-1:{_ACCOUNTS[1]}:rule/outside",
)
_ARNS = {
    "aws:principalarn": _PRINCIPALS,
    "aws:sourcearn": _SOURCES,
    "s3:dataaccesspointarn": (f"arn:aws:s3:us-east-1:{_ACCOUNTS[0]}:accesspoint/outside",),
}
# Whose ARNs these services come with; others come with those of several services.
_SERVICE_OF_ARN = {"s3.amazonaws.com": "s3", "sns.amazonaws.com": "sns", "events.amazonaws.com": "events"}
_OF_SERVICES = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"})
SOURCE_KEYS = _OF_SERVICES | {"aws:sourceowner"}
"""The keys by which a policy says for whom a service may come."""
_OF_ENDPOINTS = frozenset(
    {
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "aws:vpceorgpaths",
        "aws:vpcsourceip",
    }
)
NETWORK_KEYS = _OF_ENDPOINTS | {"aws:sourceip"}
"""The keys that depend on whether a request comes through a VPC endpoint."""
_ADDRESSES = frozenset({"aws:sourceip", "aws:vpcsourceip"})
# There is no clock here: such a condition excludes no caller at some time, and a Deny may have ended or not begun.
TIMES = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime"})
_BOOLS = frozenset(
    {"aws:securetransport", "aws:viaawsservice", "aws:multifactorauthpresent", "kms:grantisforawsresource"}
)
_ALWAYS = frozenset({"aws:securetransport", "aws:requestedregion", "aws:viaawsservice", *_OWN})
# What the caller, or the administrator of its account, chooses.
_FREE = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:multifactorauthage",
        "aws:referer",
        "aws:requestedregion",
        "aws:tagkeys",
        "aws:useragent",
        "aws:username",
        "events:detail-type",
        "events:source",
        "kms:encryptionalgorithm",
        "kms:encryptioncontextkeys",
        "kms:grantoperations",
        "kms:viaservice",
        "lambda:functionurlauthtype",
        "lambda:invokedviafunctionurl",
        "secretsmanager:versionid",
        "secretsmanager:versionstage",
        "sns:protocol",
        *_BOOLS,
    }
)
_FREE_PREFIXES = ("aws:principaltag/", "aws:requesttag/", "events:detail.", "kms:encryptioncontext:", "s3:")
# The key names a KMS key that its own policy guards, the access point and the grant are somebody's own.
_UNCLEAR = frozenset(
    {"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:accesspointnetworkorigin", "s3:accessgrantsinstancearn"}
)
_SIGNED = frozenset({"aws:username", "aws:multifactorauthpresent", "aws:multifactorauthage", "kms:viaservice"})
_WITH_WILDCARDS = frozenset({"stringlike", "stringnotlike", "arnlike", "arnequals", "arnnotlike", "arnnotequals"})


@lru_cache(maxsize=16_384)
def truths(key: str, conditions: tuple[Condition, ...], route: Route, *, variables: bool) -> tuple[Truths, ...]:
    """Return what the conditions on a key, given in lower case, can come to together in the requests by a route."""
    if key in _ADDRESSES:
        return tuple(_of_addresses(key, conditions, route))
    resolved = [_resolved(each, route) if variables else each for each in conditions]
    values = _values(key, conditions, resolved, route)
    if values is None:
        return (Truths(tuple(unknown(each.key) for each in conditions)),)
    found: dict[tuple[Truth, ...], bool] = {}
    for value in values:
        each = tuple(holds(one, {key: value.texts}, variables=variables) for one in resolved)
        found[each] = found.get(each, False) or value.certain
    # What every value comes to is certain, whichever of them the request carries.
    listed = [Truths(each, certain or len(found) == 1) for each, certain in found.items()]
    carried = any(value.texts for value in values)
    return (*listed, *_beyond(key, listed, resolved)) if carried else tuple(listed)


def _beyond(key: str, listed: Sequence[Truths], conditions: Sequence[Condition]) -> Iterator[Truths]:
    """Yield what values may come to that were not tried, where wildcards leave room for them."""
    if not listed or not any(_wild_values(each) for each in conditions):
        return
    seen = [{truths.each[place] for truths in listed} for place in range(len(conditions))]
    settled = [_is_settled(key, condition, found) for condition, found in zip(conditions, seen, strict=True)]
    if all(settled) or (len(conditions) == 1 and len(seen[0]) > 1):
        return
    yield Truths(
        tuple(
            next(iter(found)) if sure else unknown(condition.key)
            for condition, found, sure in zip(conditions, seen, settled, strict=True)
        ),
        certain=False,
    )


def _is_settled(key: str, condition: Condition, seen: set[Truth]) -> bool:
    """Whether no value can come to anything else than what was seen."""
    if len(seen) > 1:
        return False
    if not _wild_values(condition):
        return True
    if of(not _is_negated(condition)) in seen:
        return "*" in condition.values
    return key not in _ARNS or not any(_reaches_over_parts(value) for value in _wild_values(condition))


def _reaches_over_parts(pattern: str) -> bool:
    """Whether a pattern that does not write out an ARN's parts takes in an ARN of an outside account."""
    if pattern.count(":") >= _ARN_PARTS - 1:
        return False
    tokens = compile_pattern(pattern).tokens
    return any(overlaps(tokens, compile_pattern(f"arn:*:*:*:{account}:*").tokens) for account in ("", *_ACCOUNTS))


def _is_negated(condition: Condition) -> bool:
    operator = operator_of(condition.operator)
    return operator is not None and operator.is_negated


def _wild_values(condition: Condition) -> list[str]:
    """The values in which `*` or `?` stand for other characters."""
    operator = operator_of(condition.operator)
    if operator is None or operator.base not in _WITH_WILDCARDS:
        return []
    return [value for value in condition.values if "*" in value or "?" in value]


def _resolved(condition: Condition, route: Route) -> Condition:
    """Put in what the policy variables stand for by this route; a value without one for its variable matches nothing.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if not any("${" in value for value in condition.values):
        return condition
    chosen = _is_free(condition.key.lower())
    found = (_substituted(value, route, chosen=chosen) for value in condition.values)
    return replace(condition, values=tuple(value for value in found if value is not None))


def _substituted(value: str, route: Route, *, chosen: bool) -> str | None:
    for name in _VARIABLE.findall(value):
        key, _, default = name.partition(",")
        stands = _variable(key.strip().lower(), route)
        if stands == "" and not default:
            return None
        # A caller who chooses both sides makes them equal.
        if stands is None and chosen:
            stands = "0"
        if stands is not None:
            value = value.replace(f"${{{name}}}", stands or default.strip().strip("'"))
    return value


def _variable(key: str, route: Route) -> str | None:
    """The text that a variable stands for: empty for a key that is not carried, None for one that is not known."""
    if key in _OWN:
        return _OWN[key]
    if key == "aws:principalorgid" and route.caller is not Caller.MEMBER:
        return ""
    if key in _OF_SERVICES and route.caller is not Caller.SERVICE:
        return ""
    if key in {"aws:principalaccount", "aws:principalorgid"} and route.is_signed:
        return _OWNED[key][0][0]
    return None


def _values(key: str, written: Sequence[Condition], resolved: Sequence[Condition], route: Route) -> list[Value] | None:
    """The values of a key that are worth trying, or None for a key of which too little is known."""
    fixed = _fixed(key, route)
    if fixed is not None:
        return fixed
    if key in _OWN:
        # The policy is on the resource, so an account or organization that it names there is most likely the owner.
        named = [Value((value,)) for each in written for value in _tries(each) if "${" not in value]
        return [*named, Value((_OWN[key],), certain=not named)]
    if key in _OWNED:
        return _owned_values(key, written, route)
    if key in _ARNS:
        arns = [*_ARNS[key], *_outside_arns(resolved)]
        if key == "aws:sourcearn" and route.service in _SERVICE_OF_ARN:
            arns = [each for each in arns if each.split(":")[2] == _SERVICE_OF_ARN[route.service]]
        return _carried(key, [Value((each,)) for each in dict.fromkeys(arns)], route)
    return _free_values(key, resolved, route) if _is_free(key) else None


def _fixed(key: str, route: Route) -> list[Value] | None:
    """The value of a key that says what kind of caller this is."""
    if key == "aws:principalisawsservice":
        return [Value(("true" if route.caller is Caller.SERVICE else "false",))]
    if key == "aws:principaltype" and route.caller is Caller.ANONYMOUS:
        return [Value(("Anonymous",))]
    if key == "aws:principaltype" and route.is_signed:
        return [Value((each,)) for each in ("Account", "AssumedRole", "FederatedUser", "User")]
    if key in {"aws:principalaccount", "aws:userid"} and route.caller is Caller.ANONYMOUS:
        return [Value(("anonymous",))]
    if key in {"aws:principalservicename", "aws:principalservicenameslist"}:
        return [Value((route.service,))] if route.service else [_ABSENT] if route.caller is not Caller.SERVICE else None
    return None


def _owned_values(key: str, written: Sequence[Condition], route: Route) -> list[Value]:
    fresh, separator = _OWNED[key]
    tried = [
        _filled(value)
        for each in written
        for value in _wild_values(each)
        if "${" not in value and _is_wild(value.partition(separator)[0] if separator else value)
    ]
    return _carried(key, [Value((each,)) for each in dict.fromkeys((*fresh, *tried))], route)


def _carried(key: str, values: list[Value], route: Route) -> list[Value]:
    """The values, or that the key is absent, as far as requests by this route carry it."""
    service = route.caller is Caller.SERVICE
    perhaps = [replace(each, certain=False) for each in values]
    if key in _OF_ENDPOINTS:
        carried = values if route.by_endpoint else [_ABSENT]
    elif key in {"aws:principalorgid", "aws:principalorgpaths"}:
        carried = values if route.caller is Caller.MEMBER else [_ABSENT]
    elif key in {"aws:sourceorgid", "aws:sourceorgpaths"}:
        carried = [*values, _ABSENT] if service else [_ABSENT]
    elif key in _OF_SERVICES:
        carried = [*values, _PERHAPS_ABSENT] if service else [_ABSENT]
    elif key == "aws:sourceowner":
        carried = [*values, _PERHAPS_ABSENT]
    elif key in {"lambda:eventsourcetoken", "s3:dataaccesspointaccount", "s3:dataaccesspointarn"}:
        carried = [*values, _ABSENT]
    elif key == "kms:calleraccount":
        # KMS answers only signed requests, and every one carries the key.
        carried = values if route.is_signed else perhaps if service else []
    else:
        carried = values if route.is_signed else [*perhaps, _PERHAPS_ABSENT] if service else [_ABSENT]
    return carried


def _outside_arns(conditions: Sequence[Condition]) -> Iterator[str]:
    """Yield an ARN of an outside account, or of an outside bucket, for each value that takes one in."""
    for value in (value for each in conditions for value in each.values if "${" not in value):
        parts = value.split(":", _ARN_PARTS - 1)
        if len(parts) < _ARN_PARTS or not _takes_outside(parts[4], parts[5]):
            continue
        beginning = [filled if _is_wild(part) else part for part, filled in zip(parts[:4], _FILLED, strict=True)]
        names = (_filled(parts[5]), _filled(parts[5].replace("*", "")))
        # The ARN of a bucket has neither region nor account; those of access points have both.
        buckets = parts[2] == "s3" and "/" not in parts[5]
        if parts[4] != "" and not buckets:
            accounts = (*_ACCOUNTS, _filled(parts[4]))
            yield from (":".join((*beginning, account, name)) for account, name in product(accounts, names))
        elif parts[4] == "" and not buckets:
            yield from (":".join((*beginning, "", name)) for name in names)
        if matches(compile_pattern(parts[2]).tokens, "s3") and {parts[3], parts[4]} <= {"", "*"} and _is_wild(parts[5]):
            yield from (f"arn:{beginning[1]}:s3:::{name}" for name in names)


def _takes_outside(account: str, name: str) -> bool:
    """Whether an outside owner may have such ARNs; without an account, what stands before a slash is the owner."""
    return _is_wild(account) or account in _ACCOUNTS or (account == "" and _is_wild(name.partition("/")[0]))


_FILLED = ("arn", "aws", "sns", "us-east-1")


def _is_free(key: str) -> bool:
    return key in _FREE or (key.startswith(_FREE_PREFIXES) and key not in _UNCLEAR | _OWN.keys() | _ARNS.keys())


def _free_values(key: str, conditions: Sequence[Condition], route: Route) -> list[Value]:
    named = dict.fromkeys(value for each in conditions for value in _tries(each))
    texts = ("true", "false") if key in _BOOLS else ("chosen", *named)
    values = [Value((each,)) for each in texts]
    if any(":" in each.operator for each in conditions):
        values += [Value(several) for several in (*product(named, ("chosen",)), tuple(named), (*named, "chosen"))]
    if key in _SIGNED or key.startswith("aws:principaltag/"):
        values = values if route.is_signed else []
    return values if key in _ALWAYS else [*values, _ABSENT]


def _tries(condition: Condition) -> Iterator[str]:
    """Yield values that the condition tells apart."""
    operator = operator_of(condition.operator)
    for value in condition.values:
        yield from _around(value) if operator and operator.base.startswith("numeric") else ()
        yield _filled(value) if operator and operator.base in _WITH_WILDCARDS else value
        if value in _wild_values(condition):
            yield _filled(value.replace("*", ""))


def _around(value: str) -> Iterator[str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return
    yield from (str(number - 1), str(number + 1))


def _filled(pattern: str) -> str:
    return pattern.replace("*", "0").replace("?", "0")


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def _of_addresses(key: str, conditions: Sequence[Condition], route: Route) -> list[Truths]:
    outside = key == "aws:sourceip"
    service = route.caller is Caller.SERVICE
    found = []
    if service or route.by_endpoint is outside:
        absent = tuple(holds(each, {key: ()}, variables=False) for each in conditions)
        found.append(Truths(absent, certain=not service))
    if route.by_endpoint is not outside and not (service and not outside):
        found += _present_addresses(conditions, outside=outside, certain=not service)
    return [replace(each, certain=True) for each in found] if len({each.each for each in found}) == 1 else found


def _present_addresses(conditions: Sequence[Condition], *, outside: bool, certain: bool) -> Iterator[Truths]:
    read: list[tuple[bool, Networks] | Truth] = [_address_list(each) for each in conditions]
    lists = [each[1] for each in read if isinstance(each, tuple)]
    for members in memberships(lists, outside=outside):
        inside = iter(members)
        yield Truths(
            tuple(of(next(inside) is not each[0]) if isinstance(each, tuple) else each for each in read), certain
        )


def _address_list(condition: Condition) -> tuple[bool, Networks] | Truth:
    """Whether the operator is negated, and the networks; or what a condition on the mere presence comes to."""
    operator = operator_of(condition.operator)
    if operator is not None and operator.base == "null":
        return of("false" in (value.lower() for value in condition.values))
    networks = networks_of(condition.values)
    if operator is None or operator.base not in {"ipaddress", "notipaddress"} or networks is None:
        return unknown(condition.key)
    return operator.is_negated, networks
