"""Secrets with the date on which they were last read, which moto does not keep, and the policies of replicas."""

from moto.secretsmanager.models import ReplicaSecret, secretsmanager_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.responses import json_answer

_OF_DESCRIPTIONS = ("ReplicationStatus", "VersionIdsToStages")
"""Members that moto answers for a listed secret, and AWS for a described one only."""


def _list_secrets(call: Call, state: ExtraState) -> Response:
    given = call.parameters
    found, token = secretsmanager_backends[call.account][call.region].list_secrets(
        given.get("Filters", []),
        given.get("MaxResults", 100),
        given.get("NextToken"),
        given.get("IncludePlannedDeletion", False),
    )
    dated = [
        {name: value for name, value in each.items() if name not in _OF_DESCRIPTIONS}
        | {"LastAccessedDate": state.secrets_read.get(each["ARN"])}
        for each in found
    ]
    return json_answer({"SecretList": dated, "NextToken": token})


def _get_resource_policy(call: Call, _: ExtraState) -> Response | None:
    """Return a replica's policy, which is that of its primary secret and for which moto refuses to be asked.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html
    """
    found = secretsmanager_backends[call.account][call.region].secrets.get(call.parameters["SecretId"])
    if not isinstance(found, ReplicaSecret):
        return None
    policy = found.source.policy
    return json_answer({"ARN": found.arn, "Name": found.name} | ({"ResourcePolicy": policy} if policy else {}))


HANDLERS = {
    "secretsmanager:GetResourcePolicy": _get_resource_policy,
    "secretsmanager:ListSecrets": _list_secrets,
}
