"""What conditions evaluate to in the requests of external callers, by the values that these can carry for a key."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import product

from orgaudit.languages.iam_policy.addresses import Networks, memberships, networks_of
from orgaudit.languages.iam_policy.conditions import holds, operator_of
from orgaudit.languages.iam_policy.document import Condition
from orgaudit.languages.iam_policy.external_callers import (
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
from orgaudit.languages.iam_policy.key_outcomes import KeyOutcome
from orgaudit.languages.iam_policy.vocabulary import ARN_PARTS
from orgaudit.languages.iam_policy.wildcards import is_wild, matches, overlaps, tokens_of
from orgaudit.languages.truth import UNKNOWN, Truth, truth_of

VARIABLE = re.compile(r"\$\{([^}*?$]+)\}")

_USUAL = ("arn", "aws", "sns", "us-east-1")


@lru_cache(maxsize=16_384)
def outcomes_of(
    key: str, conditions: tuple[Condition, ...], route: Route, *, variables: bool
) -> tuple[KeyOutcome, ...]:
    """Return what the conditions on a key, given in lower case, can evaluate to together in the requests by a route."""
    if key in ADDRESSES:
        return tuple(_of_addresses(key, conditions, route))
    resolved = [_resolved(each, route) if variables else each for each in conditions]
    values = _values(key, conditions, resolved, route)
    if values is None:
        return (KeyOutcome((UNKNOWN,) * len(conditions)),)
    found: dict[tuple[Truth, ...], bool] = {}
    for value in values:
        truths = _evaluated(resolved, key, value.texts, variables=variables)
        found[truths] = found.get(truths, False) or value.certain
    # What all values evaluate to is certain, whichever of them the request carries.
    listed = [KeyOutcome(truths, certain or len(found) == 1) for truths, certain in found.items()]
    carried = any(value.texts for value in values)
    return (*listed, *_beyond(key, listed, resolved)) if carried else tuple(listed)


def _evaluated(
    conditions: Sequence[Condition], key: str, texts: tuple[str, ...], *, variables: bool = False
) -> tuple[Truth, ...]:
    found = (holds(each, {key: texts}, variables=variables) for each in conditions)
    return tuple(UNKNOWN if each.value is None else each for each in found)


def _beyond(key: str, listed: Sequence[KeyOutcome], conditions: Sequence[Condition]) -> Iterator[KeyOutcome]:
    """Yield what values may evaluate to that were not tried, where wildcards leave room for them."""
    if not listed or not any(_wild_values(each) for each in conditions):
        return
    seen = [{outcome.truths[place] for outcome in listed} for place in range(len(conditions))]
    settled = [_is_settled(key, condition, found) for condition, found in zip(conditions, seen, strict=True)]
    if all(settled) or (len(conditions) == 1 and len(seen[0]) > 1):
        return
    truths = (next(iter(found)) if sure else UNKNOWN for found, sure in zip(seen, settled, strict=True))
    yield KeyOutcome(tuple(truths), certain=False)


def _is_settled(key: str, condition: Condition, seen: set[Truth]) -> bool:
    """Return whether no value can evaluate to anything else than what was seen."""
    if len(seen) > 1:
        return False
    if not _wild_values(condition):
        return True
    if truth_of(not _is_negated(condition)) in seen:
        return "*" in condition.values
    return key not in ARNS or not any(_spans_parts(value) for value in _wild_values(condition))


def _spans_parts(pattern: str) -> bool:
    """Return whether a pattern that does not write out an ARN's parts matches an ARN of an external account."""
    if pattern.count(":") >= ARN_PARTS - 1:
        return False
    return any(overlaps(tokens_of(pattern), tokens_of(f"arn:*:*:*:{account}:*")) for account in ("", *ACCOUNTS))


def _is_negated(condition: Condition) -> bool:
    operator = operator_of(condition.operator)
    return operator is not None and operator.is_negated


def _wild_values(condition: Condition) -> list[str]:
    """Return the values in which `*` or `?` stand for other characters."""
    operator = operator_of(condition.operator)
    return [value for value in condition.values if is_wild(value)] if operator and operator.has_wildcards else []


def _resolved(condition: Condition, route: Route) -> Condition:
    """Return the condition with the values of the policy variables; a text whose variable has no value matches nothing.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if not any("${" in value for value in condition.values):
        return condition
    chosen = is_free(condition.key.lower())
    found = (_substituted(value, route, chosen=chosen) for value in condition.values)
    return replace(condition, values=tuple(value for value in found if value is not None))


def _substituted(value: str, route: Route, *, chosen: bool) -> str | None:
    for name in VARIABLE.findall(value):
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
    """Return the values of a key that are worth trying, or None for a key of which too little is known."""
    only = fixed(key, route)
    if only is not None:
        return only
    if key in OWN:
        # The policy is on the resource, so an account or organization that it names there is most likely the owner.
        named = [Value((value,)) for each in written for value in distinguished(each) if "${" not in value]
        return [*named, Value((OWN[key],), certain=not named)]
    if key in OWNED:
        return _owned_values(key, written, route)
    if key in ARNS:
        arns = [*ARNS[key], *_external_arns(resolved)]
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
        if "${" not in value and is_wild(value.partition(separator)[0] if separator else value)
    ]
    return carried_by(key, [Value((each,)) for each in dict.fromkeys((*fresh, *tried))], route)


def _external_arns(conditions: Sequence[Condition]) -> Iterator[str]:
    """Yield an ARN of an external account, or of an external bucket, for each value that matches one."""
    for value in (value for each in conditions for value in each.values if "${" not in value):
        parts = value.split(":", ARN_PARTS - 1)
        if len(parts) < ARN_PARTS or not _allows_external_owner(parts[4], parts[5]):
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
        if matches(tokens_of(parts[2]), "s3") and {parts[3], parts[4]} <= {"", "*"} and is_wild(parts[5]):
            yield from (f"arn:{beginning[1]}:s3:::{name}" for name in names)


def _allows_external_owner(account: str, name: str) -> bool:
    """Return whether an external owner may have such ARNs; without an account, the owner stands before the slash."""
    return is_wild(account) or account in ACCOUNTS or (account == "" and is_wild(name.partition("/")[0]))


def _part(pattern: str, usual: str) -> str:
    return usual if is_wild(pattern) and matches(tokens_of(pattern), usual) else _filled(pattern)


def _free_values(key: str, conditions: Sequence[Condition], route: Route) -> list[Value]:
    named = dict.fromkeys(value for each in conditions for value in distinguished(each))
    texts = ("true", "false") if key in BOOLS else ("chosen", *named)
    values = [Value((each,)) for each in texts]
    if named and any(":" in each.operator for each in conditions):
        values += [Value(several) for several in (*product(named, ("chosen",)), tuple(named), (*named, "chosen"))]
    if key in SIGNED or key.startswith("aws:principaltag/"):
        values = values if route.is_signed else []
    return values if key in ALWAYS else [*values, ABSENT]


def distinguished(condition: Condition) -> Iterator[str]:
    """Yield values for which the condition may differ."""
    operator = operator_of(condition.operator)
    for value in condition.values:
        yield from _around(value) if operator and operator.base.startswith("numeric") else ()
        yield _filled(value) if operator and operator.has_wildcards else value
        if operator and operator.has_wildcards and is_wild(value):
            yield _filled(value.replace("*", ""))


def _around(value: str) -> Iterator[str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return
    yield from (str(number - 1), str(number + 1))


def _filled(pattern: str) -> str:
    return pattern.replace("*", "0").replace("?", "0")


def _of_addresses(key: str, conditions: Sequence[Condition], route: Route) -> list[KeyOutcome]:
    outside, service = key == "aws:sourceip", route.caller is Caller.SERVICE
    found = []
    if service or route.by_endpoint is outside:
        found.append(KeyOutcome(_evaluated(conditions, key, ()), certain=not service))
    if route.by_endpoint is not outside and not (service and not outside):
        found += [KeyOutcome(truths, certain=not service) for truths in _present_addresses(conditions, outside=outside)]
    return [replace(each, certain=True) for each in found] if len({each.truths for each in found}) == 1 else found


def _present_addresses(conditions: Sequence[Condition], *, outside: bool) -> Iterator[tuple[Truth, ...]]:
    """Yield what the conditions evaluate to for each kind of address that a caller can come from."""
    read = [_address_list(each) for each in conditions]
    for members in memberships([each[1] for each in read if isinstance(each, tuple)], outside=outside):
        inside = iter(members)
        yield tuple(truth_of(next(inside) is not each[0]) if isinstance(each, tuple) else each for each in read)


def _address_list(condition: Condition) -> tuple[bool, Networks] | Truth:
    """Return whether the operator is negated, and the networks; or what another condition evaluates to."""
    operator = operator_of(condition.operator)
    if operator is not None and operator.base == "null":
        return truth_of("false" in (value.lower() for value in condition.values))
    networks = networks_of(condition.values)
    if operator is None or operator.base not in {"ipaddress", "notipaddress"} or networks is None:
        return UNKNOWN
    return operator.is_negated, networks
