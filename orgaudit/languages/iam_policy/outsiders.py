"""What conditions come to in the requests of outside callers: for each key, the values that they can come with."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import product

from orgaudit.languages.iam_policy.addresses import Networks, memberships, networks_of
from orgaudit.languages.iam_policy.callers import (
    ABSENT,
    ACCOUNTS,
    ADDRESSES,
    ALWAYS,
    ARNS,
    BOOLS,
    OWN,
    OWNED,
    SERVICE_OF_ARN,
    SIGNED,
    Caller,
    Route,
    Value,
    carried_by,
    fixed,
    is_free,
    variable,
)
from orgaudit.languages.iam_policy.conditions import holds, operator_of
from orgaudit.languages.iam_policy.document import Condition
from orgaudit.languages.iam_policy.truth import Truth, of, unknown
from orgaudit.languages.iam_policy.wildcards import compile_pattern, matches, overlaps

_ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{([^}*?$]+)\}")


@dataclass(frozen=True, slots=True)
class Truths:
    """What conditions on the same key come to in one request, in their order."""

    each: tuple[Truth, ...]
    certain: bool = True


_WITH_WILDCARDS = frozenset({"stringlike", "stringnotlike", "arnlike", "arnequals", "arnnotlike", "arnnotequals"})


@lru_cache(maxsize=16_384)
def truths(key: str, conditions: tuple[Condition, ...], route: Route, *, variables: bool) -> tuple[Truths, ...]:
    """Return what the conditions on a key, given in lower case, can come to together in the requests by a route."""
    if key in ADDRESSES:
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
    return key not in ARNS or not any(_reaches_over_parts(value) for value in _wild_values(condition))


def _reaches_over_parts(pattern: str) -> bool:
    """Whether a pattern that does not write out an ARN's parts takes in an ARN of an outside account."""
    if pattern.count(":") >= _ARN_PARTS - 1:
        return False
    tokens = compile_pattern(pattern).tokens
    return any(overlaps(tokens, compile_pattern(f"arn:*:*:*:{account}:*").tokens) for account in ("", *ACCOUNTS))


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
    chosen = is_free(condition.key.lower())
    found = (_substituted(value, route, chosen=chosen) for value in condition.values)
    return replace(condition, values=tuple(value for value in found if value is not None))


def _substituted(value: str, route: Route, *, chosen: bool) -> str | None:
    for name in _VARIABLE.findall(value):
        key, _, default = name.partition(",")
        stands = variable(key.strip().lower(), route)
        if stands == "" and not default:
            return None
        # A caller who chooses both sides makes them equal.
        if stands is None and chosen:
            stands = "0"
        if stands is not None:
            value = value.replace(f"${{{name}}}", stands or default.strip().strip("'"))
    return value


def _values(key: str, written: Sequence[Condition], resolved: Sequence[Condition], route: Route) -> list[Value] | None:
    """The values of a key that are worth trying, or None for a key of which too little is known."""
    only = fixed(key, route)
    if only is not None:
        return only
    if key in OWN:
        # The policy is on the resource, so an account or organization that it names there is most likely the owner.
        named = [Value((value,)) for each in written for value in tries(each) if "${" not in value]
        return [*named, Value((OWN[key],), certain=not named)]
    if key in OWNED:
        return _owned_values(key, written, route)
    if key in ARNS:
        arns = [*ARNS[key], *_outside_arns(resolved)]
        if key == "aws:sourcearn" and route.service in SERVICE_OF_ARN:
            arns = [each for each in arns if each.split(":")[2] == SERVICE_OF_ARN[route.service]]
        return carried_by(key, [Value((each,)) for each in dict.fromkeys(arns)], route)
    return _free_values(key, resolved, route) if is_free(key) else None


def _owned_values(key: str, written: Sequence[Condition], route: Route) -> list[Value]:
    fresh, separator = OWNED[key]
    tried = [
        _filled(value)
        for each in written
        for value in _wild_values(each)
        if "${" not in value and _is_wild(value.partition(separator)[0] if separator else value)
    ]
    return carried_by(key, [Value((each,)) for each in dict.fromkeys((*fresh, *tried))], route)


def _outside_arns(conditions: Sequence[Condition]) -> Iterator[str]:
    """Yield an ARN of an outside account, or of an outside bucket, for each value that takes one in."""
    for value in (value for each in conditions for value in each.values if "${" not in value):
        parts = value.split(":", _ARN_PARTS - 1)
        if len(parts) < _ARN_PARTS or not _takes_outside(parts[4], parts[5]):
            continue
        beginning = [_part(part, usual) for part, usual in zip(parts[:4], _USUAL, strict=True)]
        names = (_filled(parts[5]), _filled(parts[5].replace("*", "")))
        # The ARN of a bucket has neither region nor account; those of access points have both.
        buckets = parts[2] == "s3" and "/" not in parts[5]
        if parts[4] != "" and not buckets:
            accounts = (*ACCOUNTS, _filled(parts[4]))
            yield from (":".join((*beginning, account, name)) for account, name in product(accounts, names))
        elif parts[4] == "" and not buckets:
            yield from (":".join((*beginning, "", name)) for name in names)
        if matches(compile_pattern(parts[2]).tokens, "s3") and {parts[3], parts[4]} <= {"", "*"} and _is_wild(parts[5]):
            yield from (f"arn:{beginning[1]}:s3:::{name}" for name in names)


def _takes_outside(account: str, name: str) -> bool:
    """Whether an outside owner may have such ARNs; without an account, what stands before a slash is the owner."""
    return _is_wild(account) or account in ACCOUNTS or (account == "" and _is_wild(name.partition("/")[0]))


_USUAL = ("arn", "aws", "sns", "us-east-1")


def _part(pattern: str, usual: str) -> str:
    return usual if _is_wild(pattern) and matches(compile_pattern(pattern).tokens, usual) else _filled(pattern)


def _free_values(key: str, conditions: Sequence[Condition], route: Route) -> list[Value]:
    named = dict.fromkeys(value for each in conditions for value in tries(each))
    texts = ("true", "false") if key in BOOLS else ("chosen", *named)
    values = [Value((each,)) for each in texts]
    if named and any(":" in each.operator for each in conditions):
        values += [Value(several) for several in (*product(named, ("chosen",)), tuple(named), (*named, "chosen"))]
    if key in SIGNED or key.startswith("aws:principaltag/"):
        values = values if route.is_signed else []
    return values if key in ALWAYS else [*values, ABSENT]


def tries(condition: Condition) -> Iterator[str]:
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
