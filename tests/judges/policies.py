"""What policies let in and give, found by trying every request of a small world against AWS's documented rules.

It judges whom a bucket's policy lets in, whether it leaves plain HTTP open, and who is made an administrator. It reads
the JSON document and shares no code with the package. The world has one bucket, its account and organization,
and outside callers: nobody known, two accounts with and without an organization, and services that act for them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

Json = dict[str, Any]
Request = dict[str, list[str]]

OWN, FRIEND, OUTSIDE, OTHER = "111111111111", "222222222222", "999999999999", "787878787878"
ORGANIZATION, FOREIGN = "o-own0123456", "o-far0123456"
BUCKET = "arn:aws:s3:::data"
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject", "s3:GetBucketAcl")
RESOURCES = (BUCKET, f"{BUCKET}/a", f"{BUCKET}/public/b")
BUCKETS = ("arn:aws:s3:::far-bucket", "arn:aws:s3:::own-0", "arn:aws:s3:::own-far", "arn:aws:s3:::0")
FREE: dict[str, tuple[list[str], ...]] = {
    "aws:securetransport": (["true"], ["false"]),
    "aws:viaawsservice": (["true"], ["false"]),
    "aws:useragent": ([], ["curl"], ["secret"], ["secret/2"]),
    "aws:referer": ([], ["https://example.com/"], ["https://far.example/"]),
    "aws:requestedregion": (["eu-west-1"], ["us-east-1"]),
    "aws:principaltag/team": ([], ["red"], ["blue"]),
    "s3:prefix": ([], [""], ["public/"], ["public/x"], ["private/"]),
    "s3:x-amz-acl": ([], ["public-read"], ["bucket-owner-full-control"]),
    "s3:authtype": ([], ["REST-HEADER"], ["REST-QUERY-STRING"]),
    "s3:max-keys": ([], ["5"], ["10"], ["50"]),
    "aws:multifactorauthpresent": ([], ["true"], ["false"]),
}
SIGNED_ONLY = {"aws:principaltag/team", "aws:multifactorauthpresent"}
ADDRESSES = ("8.8.8.8", "130.1.2.3", "200.1.2.3", "2600:1f00::1", "3001:db9::1")


@dataclass(frozen=True)
class Caller:
    """Who comes: the kind that a policy can name, and the keys that the request carries because of it."""

    kind: str
    name: str
    carries: tuple[tuple[str, str], ...]


def callers() -> Iterator[Caller]:
    """Yield every outside caller of the world."""
    anonymous = {"aws:principalaccount": "anonymous", "aws:userid": "anonymous", "aws:principaltype": "Anonymous"}
    yield Caller("anonymous", "", tuple(anonymous.items()))
    for account, organization, role in product((OUTSIDE, OTHER), (None, FOREIGN), ("admin", "far")):
        arn = f"arn:aws:iam::{account}:role/{role}"
        keys = {"aws:principalaccount": account, "aws:principalarn": arn, "aws:principaltype": "AssumedRole"}
        keys["aws:userid"] = "AROAFAR:session"
        if organization:
            keys["aws:principalorgid"] = organization
            keys["aws:principalorgpaths"] = f"{organization}/r-far0/ou-far0-00000000/"
        yield Caller("AWS", arn, tuple(keys.items()))
    for service, organization in product(
        ("s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"), (None, FOREIGN)
    ):
        local = service.partition(".")[0]
        arns = BUCKETS if local == "s3" else (f"arn:aws:{local}:us-east-1:{OUTSIDE}:far",)
        for arn in arns:
            keys = {"aws:sourcearn": arn, "aws:sourceaccount": OUTSIDE, "aws:principalservicename": service}
            if organization:
                keys["aws:sourceorgid"] = organization
            yield Caller("Service", service, tuple(keys.items()))


CALLERS = tuple(callers())


def lets_in(document: Json) -> set[str]:
    """Return the kinds of outside callers of whom at least one request is allowed."""
    statements = document["Statement"]
    keys = sorted(_keys(statements, document) & FREE.keys())
    found: set[str] = set()
    for caller in CALLERS:
        if caller.kind in found or (caller.kind == "Service" and f"Service {caller.name}" in found):
            continue
        named = [_names(each, caller) for each in statements]
        if not any(named[n] and each["Effect"] == "Allow" for n, each in enumerate(statements)):
            continue
        for request in _requests(caller, keys):
            applying = [each for n, each in enumerate(statements) if named[n] and _holds(each, request, document)]
            if _allowed(applying):
                found.add(caller.kind if caller.kind != "Service" else f"Service {caller.name}")
                break
    return found


TRANSPORTS: tuple[Request, ...] = ({"s3:tlsversion": []}, {"s3:tlsversion": ["0"]})
"""What AWS does not document of plain HTTP: whether such a request carries a version of TLS."""


def leaves_plain_http(document: Json) -> tuple[bool, bool]:
    """Return whether a request over plain HTTP that IAM allows is not denied: without a version, with the lowest."""
    statements = [each for each in document["Statement"] if each["Effect"] == "Deny"]
    keys = sorted((_keys(statements, document) & FREE.keys()) - {"aws:securetransport"})
    addresses = ADDRESSES if "SourceIp" in str(document) else ("",)
    accounts = product((OWN, FRIEND, OUTSIDE), (None, ORGANIZATION, FOREIGN), ("admin", "far"), addresses)
    found = [False, False]
    for account, organization, role, address in accounts:
        arn = f"arn:aws:iam::{account}:role/{role}"
        caller = Caller("AWS", arn, ())
        base = {"aws:principalarn": [arn], "aws:principalaccount": [account], "aws:securetransport": ["false"]}
        base |= {"aws:principalorgid": [organization]} if organization else {}
        base |= {"aws:sourceip": [address]} if address else {}
        named = [each for each in statements if _names(each, caller)]
        for chosen in product(*(FREE[key] for key in keys)):
            for place, transport in enumerate(TRANSPORTS):
                request = base | transport | dict(zip(keys, chosen, strict=True))
                denials = [each for each in named if _holds(each, request, document)]
                found[place] |= any(
                    not any(_selects(each, action, resource) for each in denials)
                    for action, resource in product(ACTIONS, RESOURCES)
                )
    return found[0], found[1]


LETTERS = "abcdefghijklmnopqrstuvwxyz"
NEW_ACTIONS = tuple(f"{each}{('', '4b', '-x')[n % 3]}:{LETTERS[-n]}o" for n, each in enumerate(LETTERS))
NEW_RESOURCES = tuple(f"arn:aws:{each}{('', '4b', '-x')[n % 3]}::{OWN}:x/y" for n, each in enumerate(LETTERS))
GIVING = {
    "user": ("iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:CreateAccessKey", "iam:CreateLoginProfile"),
    "role": ("iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"),
    "group": ("iam:AttachGroupPolicy", "iam:PutGroupPolicy", "iam:AddUserToGroup"),
    "policy": ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"),
}
OF_CALLER = {"aws:username": ["alice"], "aws:principalaccount": [OWN]}


def administers(document: Json) -> bool:
    """Return whether a request is allowed everything but what is named as an exception, and to give rights as well."""
    statements = document["Statement"]
    keys = sorted((_keys(statements, document) & FREE.keys()) - OF_CALLER.keys())
    for chosen in product(*(FREE[key] for key in keys)):
        request = OF_CALLER | dict(zip(keys, chosen, strict=True))
        holding = [each for each in statements if _holds(each, request, document)]
        allows = [_filled_in(each, request) for each in holding if each["Effect"] == "Allow"]
        denies = [_filled_in(each, request) for each in holding if each["Effect"] == "Deny"]
        if _gives_all(allows) and _leaves(denies) and _gives_rights(allows, denies):
            return True
    return False


def _filled_in(statement: Json, request: Request) -> Json:
    element = "Resource" if "Resource" in statement else "NotResource"
    return statement | {element: [_put_in(each, request) for each in _listed(statement[element])]}


def _gives_all(allows: list[Json]) -> bool:
    but_actions = [each for one in allows for each in _listed(one.get("NotAction", []))]
    but_resources = [each for one in allows for each in _listed(one.get("NotResource", []))]
    actions = [each for each in (*NEW_ACTIONS, "s3:GetObject", "iam:GetUser") if not _any_like(but_actions, each)]
    resources = [each for each in NEW_RESOURCES if not _any_like(but_resources, each)]
    pairs = product(actions, resources)
    return bool(actions and resources) and all(any(_selects(one, *pair) for one in allows) for pair in pairs)


def _any_like(patterns: list[str], name: str) -> bool:
    return any(_like(each.lower(), name.lower()) for each in patterns)


def _leaves(denies: list[Json]) -> bool:
    pairs = zip(NEW_ACTIONS, NEW_RESOURCES, strict=True)
    return any(not any(_selects(each, *pair) for each in denies) for pair in pairs)


def _gives_rights(allows: list[Json], denies: list[Json]) -> bool:
    for kind, actions in GIVING.items():
        holders = [f"arn:aws:iam::{OWN}:{kind}/{name}" for name in ("alice", "one", "some/path/x")]
        for action in actions:
            given = any(all(_selects(one, action, each) for each in holders) for one in allows)
            given = given or any(
                "NotResource" in one and any(_selects(one, action, each) for each in holders) for one in allows
            )
            if given and not all(any(_selects(one, action, each) for one in denies) for each in holders):
                return True
    return False


def _keys(statements: list[Json], document: Json) -> set[str]:
    conditions = [keys for each in statements for keys in each.get("Condition", {}).values()]
    variables = re.findall(r"\$\{([^},]+)", str(document))
    return {key.lower() for keys in conditions for key in keys} | {name.lower() for name in variables}


def _requests(caller: Caller, keys: list[str]) -> Iterator[Request]:
    base = {key: [value] for key, value in caller.carries}
    base |= {"aws:resourceaccount": [OWN], "aws:resourceorgid": [ORGANIZATION], "s3:resourceaccount": [OWN]}
    base["aws:principalisawsservice"] = ["true" if caller.kind == "Service" else "false"]
    endpoint = {"aws:sourcevpce": ["vpce-far"], "aws:sourcevpc": ["vpc-far"], "aws:vpcsourceip": ["10.0.0.9"]}
    networks: list[Request] = [{"aws:sourceip": [address]} for address in ADDRESSES]
    networks = [{}] if caller.kind == "Service" else [*networks, endpoint]
    options = [FREE[key] if caller.kind == "AWS" or key not in SIGNED_ONLY else ([],) for key in keys]
    for network in networks:
        for chosen in product(*options):
            yield base | network | dict(zip(keys, chosen, strict=True))


def _allowed(statements: list[Json]) -> bool:
    for action, resource in product(ACTIONS, RESOURCES):
        effects = {each["Effect"] for each in statements if _selects(each, action, resource)}
        if effects == {"Allow"}:
            return True
    return False


def _selects(statement: Json, action: str, resource: str) -> bool:
    return _chosen(statement, "Action", action.lower(), lower=True) and _chosen(statement, "Resource", resource)


def _chosen(statement: Json, element: str, name: str, *, lower: bool = False) -> bool:
    wanted = _listed(statement.get(element, statement.get(f"Not{element}")))
    hit = any(_like(each.lower() if lower else each, name) for each in wanted)
    return hit if element in statement else not hit


def _names(statement: Json, caller: Caller) -> bool:
    element: Any = statement.get("Principal", statement.get("NotPrincipal"))
    entries = [("AWS", "*")] if element == "*" else [(kind, one) for kind, v in element.items() for one in _listed(v)]
    hit = any(_is(kind, value, caller) for kind, value in entries)
    return hit if "Principal" in statement else not hit


def _is(kind: str, value: str, caller: Caller) -> bool:
    if (kind, value) == ("AWS", "*"):
        return True
    if kind != caller.kind:
        return False
    account = caller.name.split(":")[4] if kind == "AWS" else None
    return value in (caller.name, account, f"arn:aws:iam::{account}:root")


def _holds(statement: Json, request: Request, document: Json) -> bool:
    variables = document.get("Version") == "2012-10-17"
    return all(
        _condition(operator, request.get(key.lower(), []), _listed(wanted), request if variables else None)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _condition(operator: str, present: list[str], wanted: list[str], request: Request | None) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return any((text == "true") is not bool(present) for text in wanted)
    base = name.removesuffix("IfExists")
    negated = "Not" in base
    if not present:
        return quantifier == "ForAllValues" or (not quantifier and (name != base or negated))
    texts = [text for text in (_put_in(each, request) for each in wanted) if text is not None]
    hits = [any(_compare(base.replace("Not", ""), text, value) for text in texts) is not negated for value in present]
    return all(hits) if quantifier == "ForAllValues" or (negated and not quantifier) else any(hits)


def _put_in(text: str, request: Request | None) -> str | None:
    if request is None:
        return text
    for name in re.findall(r"\$\{([^}]+)\}", text):
        values = request.get(name.lower(), [])
        if not values:
            return None
        text = text.replace(f"${{{name}}}", values[0])
    return text


def _compare(operator: str, wanted: str, value: str) -> bool:
    if operator == "IpAddress":
        network = ip_network(wanted, strict=False)
        return ip_address(value) in network
    if operator.startswith("Numeric"):
        low, equal = float(value) < float(wanted), float(value) == float(wanted)
        outcomes = {"Equals": equal, "LessThan": low, "LessThanEquals": low or equal, "GreaterThan": not (low or equal)}
        return outcomes[operator.removeprefix("Numeric")]
    if operator in ("ArnLike", "ArnEquals"):
        left, right = wanted.split(":", 5), value.split(":", 5)
        return len(left) == len(right) == 6 and all(map(_like, left, right))
    if operator == "StringLike":
        return _like(wanted, value)
    if operator in ("StringEqualsIgnoreCase", "Bool"):
        return wanted.lower() == value.lower()
    return wanted == value


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in values]
