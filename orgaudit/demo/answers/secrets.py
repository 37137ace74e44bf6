"""Secrets with the date on which they were last read, which moto does not keep."""

from moto.secretsmanager.models import secretsmanager_backends
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


HANDLERS = {"secretsmanager:ListSecrets": _list_secrets}
