"""The calls that AWS would refuse and moto would answer: one function for each rule."""

from functools import cache

from moto.iam.models import Role, iam_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.emulated_organization import control_policies, delegated_services, is_closed, is_member
from orgaudit.demo.extra_state import EnabledRegions
from orgaudit.demo.responses import denied, fault, region_disabled
from orgaudit.languages.iam_policy import Outcome, Request, decide, parse_policy

_OPEN_TO_MEMBERS = {"DescribeOrganization", "DescribeEffectivePolicy", "LeaveOrganization"}
_parsed = cache(parse_policy)


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
    policies = [policy for policy in control_policies(call.account) if policy.content]
    if not policies:
        return None
    context = {"aws:RequestedRegion": call.region, "aws:PrincipalArn": _principal_arn(call)}
    request = Request(call.permission, context=context)
    for policy in policies:
        if decide([_parsed(policy.content)], request).outcome is Outcome.DENIED:
            return denied(call, because=f"with an explicit deny in a service control policy: {policy.arn}")
    return None


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
    """Return whether the trust policy admits some principal with the given external id."""
    request = Request("sts:AssumeRole", context={"sts:ExternalId": given or ()})
    return decide([_parsed(role.assume_role_policy_document)], request).outcome is not Outcome.NOT_ALLOWED


def _topic_of_others(call: Call) -> Response | None:
    topic = call.parameters.get("TopicArn", "")
    if call.permission != "sns:ListSubscriptionsByTopic" or f":{call.account}:" in topic:
        return None
    return denied(call, resource=topic)
