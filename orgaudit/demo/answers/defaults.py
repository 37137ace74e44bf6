"""Settings that hold for a region or for an organization: metadata defaults, analyzers, the delegation of policies."""

from datetime import UTC, datetime

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import fault, json_answer, xml_answer
from orgaudit.demo.membership import organization_of
from orgaudit.demo.world import World

_CREATED = datetime(2024, 3, 4, tzinfo=UTC).isoformat()


def _get_instance_metadata_defaults(call: Call, world: World) -> Response:
    tokens = world.metadata_defaults.get((call.account, call.region))
    options = f"<httpTokens>{tokens}</httpTokens><managedBy>account</managedBy>" if tokens else ""
    return xml_answer(
        '<GetInstanceMetadataDefaultsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>demo</requestId><accountLevel>{options}</accountLevel></GetInstanceMetadataDefaultsResponse>"
    )


def _list_analyzers(call: Call, world: World) -> Response:
    found = world.analyzers.get((call.account, call.region), {})
    described = [
        {
            "name": name,
            "arn": f"arn:aws:access-analyzer:{call.region}:{call.account}:analyzer/{name}",
            "type": kind,
            "status": "ACTIVE",
            "createdAt": _CREATED,
        }
        for name, kind in found.items()
    ]
    return json_answer({"analyzers": described})


def _describe_resource_policy(call: Call, world: World) -> Response:
    home = organization_of(call.account)
    if home is None or home.org is None:
        return fault(call, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    content = world.delegation.get(home.account_id)
    if content is None:
        return fault(call, "ResourcePolicyNotFoundException", "The organization has no resource policy.")
    arn = f"arn:aws:organizations::{home.account_id}:resourcepolicy/{home.org.id}/rp-demo0001"
    return json_answer(
        {"ResourcePolicy": {"ResourcePolicySummary": {"Id": "rp-demo0001", "Arn": arn}, "Content": content}}
    )


HANDLERS = {
    "access-analyzer:ListAnalyzers": _list_analyzers,
    "ec2:GetInstanceMetadataDefaults": _get_instance_metadata_defaults,
    "organizations:DescribeResourcePolicy": _describe_resource_policy,
}
