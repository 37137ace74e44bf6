"""The calls that AWS would refuse and moto would answer: one function for each rule."""

import json
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.models import Role, iam_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.emulated_organization import control_policies, delegated_services, is_closed, is_member
from orgaudit.demo.extra_state import EnabledRegions
from orgaudit.demo.responses import denied, fault, region_disabled

_OPEN_TO_MEMBERS = {"DescribeOrganization", "DescribeEffectivePolicy", "LeaveOrganization"}


def refusal(call: Call, regions: EnabledRegions) -> Response | None:
    """Return AWS's refusal of a call, or None where AWS would answer it."""
    if not regions.is_enabled(call.account, call.region):
        return region_disabled(call)
    return (
        _denied_by_control_policy(call)
        or _organization_of_others(call)
        or _role_that_cannot_be_assumed(call, regions)
        or _topic_of_others(call)
    )


def _denied_by_control_policy(call: Call) -> Response | None:
    for policy in control_policies(call.account):
        statements = _listed(json.loads(policy.content or "{}").get("Statement", ()))
        if any(_denies(statement, call) for statement in statements):
            return denied(call, because=f"with an explicit deny in a service control policy: {policy.arn}")
    return None


def _denies(statement: Mapping[str, Any], call: Call) -> bool:
    if statement["Effect"] != "Deny":
        return False
    if "NotAction" in statement:
        named = not _matches(call.permission, _listed(statement["NotAction"]))
    else:
        named = _matches(call.permission, _listed(statement.get("Action", ())))
    return named and all(
        _holds(operator, key, _listed(values), call)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)


# The operators and keys of region deny policies; a statement with any other one never denies.
_OPERATORS: Mapping[str, Callable[[str, list[str]], bool]] = {
    "StringEquals": lambda value, wanted: value in wanted,
    "StringNotEquals": lambda value, wanted: value not in wanted,
    "ArnLike": _matches,
    "ArnNotLike": lambda value, wanted: not _matches(value, wanted),
}


def _holds(operator: str, key: str, wanted: list[str], call: Call) -> bool:
    context = {"aws:requestedregion": call.region, "aws:principalarn": _principal_arn(call)}
    if operator not in _OPERATORS or key.lower() not in context:
        return False
    return _OPERATORS[operator](context[key.lower()], wanted)


def _principal_arn(call: Call) -> str:
    """Return the ARN that policies compare: a session's role, not the session."""
    key = iam_backends[call.account]["aws"].access_keys.get(call.access_key)
    return (key and key.role_arn) or call.principal


def _organization_of_others(call: Call) -> Response | None:
    if call.service != "organizations" or call.action in _OPEN_TO_MEMBERS or not is_member(call.account):
        return None
    if delegated_services(call.account) and call.action.startswith(("Describe", "List")):
        return None
    return fault(call, "AccessDeniedException", "You don't have permissions to access this resource.")


def _role_that_cannot_be_assumed(call: Call, regions: EnabledRegions) -> Response | None:
    if call.permission != "sts:AssumeRole":
        return None
    arn = call.parameters.get("RoleArn", "")
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""  # noqa: PLR2004 - the colons of an ARN
    role = _role(account, arn)
    if role is None or is_closed(account) or not _external_id_fits(role, call.parameters.get("ExternalId")):
        return denied(call, resource=arn)
    if not regions.is_enabled(account, call.region):
        return fault(call, "RegionDisabledException", "STS is not activated in this region for the account.", 403)
    return None


def _role(account: str, arn: str) -> Role | None:
    # Indexing the backends with an unknown account would create it.
    roles = iam_backends[account]["aws"].roles if account in iam_backends else {}
    return next((role for role in roles.values() if role.arn == arn), None)


def _external_id_fits(role: Role, given: str | None) -> bool:
    """Return whether a statement of the trust policy requires no external id, or the given one."""
    statements = _listed(json.loads(role.assume_role_policy_document).get("Statement", ()))
    required = [each.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId") for each in statements]
    return any(each is None or given in _listed(each) for each in required)


def _topic_of_others(call: Call) -> Response | None:
    topic = call.parameters.get("TopicArn", "")
    if call.permission != "sns:ListSubscriptionsByTopic" or f":{call.account}:" in topic:
        return None
    return denied(call, resource=topic)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - policies hold one entry or a list of them
    return list(value) if isinstance(value, list | tuple) else [value]
