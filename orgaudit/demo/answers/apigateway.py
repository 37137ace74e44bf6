"""The stages of REST APIs, whose client certificates moto leaves out."""

import re

from moto.apigateway.models import apigateway_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.responses import json_answer

_STAGES = re.compile(r"/restapis/([^/]+)/stages")


def _get(call: Call, state: ExtraState) -> Response | None:
    """Return the stages of an API with their client certificate; everything else is moto's answer."""
    asked = _STAGES.fullmatch(call.path)
    if asked is None or asked[1] not in state.client_certificates:
        return None
    certificate = {"clientCertificateId": state.client_certificates[asked[1]]}
    stages = apigateway_backends[call.account][call.region].get_stages(asked[1])
    return json_answer({"item": [stage.to_json() | certificate for stage in stages]})


HANDLERS = {"apigateway:GET": _get}
