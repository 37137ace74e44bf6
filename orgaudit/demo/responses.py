"""Answers and errors in the protocol of the call."""

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call, Protocol

_BAD_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a message, no secret
_REGION_DISABLED = {
    Protocol.JSON: ("UnrecognizedClientException", 400, _BAD_TOKEN),
    Protocol.REST_JSON: ("UnrecognizedClientException", 403, _BAD_TOKEN),
    Protocol.QUERY: ("InvalidClientTokenId", 403, _BAD_TOKEN),
    Protocol.EC2: ("AuthFailure", 401, "AWS was not able to validate the provided access credentials"),
    Protocol.REST_XML: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
}
_DENIED = {
    Protocol.JSON: ("AccessDeniedException", 400),
    Protocol.REST_JSON: ("AccessDeniedException", 403),
    Protocol.QUERY: ("AccessDenied", 403),
    Protocol.EC2: ("UnauthorizedOperation", 403),
    Protocol.REST_XML: ("AccessDenied", 403),
}
_XML = {
    Protocol.QUERY: (
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>demo</RequestId></ErrorResponse>"
    ),
    Protocol.EC2: (
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>demo</RequestID></Response>"
    ),
    Protocol.REST_XML: "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>demo</RequestId></Error>",
}


def json_answer(content: Mapping[str, object], status: int = 200) -> Response:
    """Return a JSON answer of a service."""
    return Response(json.dumps(content), status, content_type="application/x-amz-json-1.1")


def xml_answer(content: str, status: int = 200) -> Response:
    """Return an XML answer of a service."""
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{content}', status, content_type="text/xml")


def fault(call: Call, code: str, message: str, status: int = 400) -> Response:
    """Return an error with a code, a message and an HTTP status."""
    if template := _XML.get(call.protocol):
        return xml_answer(template.format(code=escape(code), message=escape(message)), status)
    answer = json_answer({"__type": code, "message": message}, status)
    answer.headers["x-amzn-ErrorType"] = code
    return answer


def region_disabled(call: Call) -> Response:
    """Return the error for an account that has not enabled the region."""
    code, status, message = _REGION_DISABLED[call.protocol]
    return fault(call, code, message, status)


def denied(call: Call, *, resource: str = "", because: str = "") -> Response:
    """Return the error for a caller without the permission on a resource; `because` names the policy that denies."""
    message = f"User: {call.principal} is not authorized to perform: {call.permission}"
    message += f" on resource: {resource}" * bool(resource) + f" {because}" * bool(because)
    code, status = _DENIED[call.protocol]
    if call.service == "sns":
        code = "AuthorizationError"
    if call.protocol is Protocol.EC2:
        message = f"You are not authorized to perform this operation. {message}"
    return fault(call, code, message, status)
