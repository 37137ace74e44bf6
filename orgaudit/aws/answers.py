"""How answers are read: whether a body has the form of its protocol, and the times in it.

The SDK reads a body of another form as an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from botocore.model import OperationModel, StructureShape
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from orgaudit.model import Json


class UnreadableAnswerError(ResponseParserError):
    """An answer that is not what its operation returns; the message describes it without quoting it."""


_XML_ROOT = re.compile(rb"\s*(?:<\?.*?\?>\s*)?<([\w:.-]+)", re.DOTALL)
_NO_ANSWER = 300
"""The first HTTP status whose body is an error, which the SDK checks itself."""


def check_body(operation_model: OperationModel, response_dict: Mapping[str, Any], **_: Json) -> None:
    """Raise UnreadableAnswerError for a body that is not an answer of the operation; handles the event before-parse.

    The SDK reads JSON that does not parse, XML of another document, and a missing body as an answer without members: a
    truncated answer or a proxy's sign-in page would look like an empty listing.
    """
    body, shape = response_dict["body"], operation_model.output_shape
    if response_dict["status_code"] >= _NO_ANSWER or shape is None or not isinstance(body, bytes):
        return
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name != "structure":
        return  # the body is the value itself, such as a bucket's policy
    protocol = operation_model.service_model.resolved_protocol
    if not body:
        if _has_body(protocol, shape):
            raise ResponseParserError("the answer has no body, although every answer of the operation has one")
    elif protocol in {"json", "rest-json"}:
        _check_json(body)
    elif protocol in {"query", "ec2", "rest-xml"}:
        _check_root(body, is_response=protocol != "rest-xml")


def read_time(value: str | float) -> datetime:
    """Return a time as the SDK reads it; the usual form, ISO 8601 in UTC, in a fiftieth of the SDK's time.

    Raises ValueError for what is no time.
    """
    if isinstance(value, str) and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return parse_timestamp(value)  # type: ignore[arg-type]  # its stub lacks the numbers of JSON


def _has_body(protocol: str, shape: StructureShape) -> bool:
    """Return whether every answer of a shape has a body.

    An XML document has a root element and a JSON document is an object, even where no member is set; only an answer of
    headers, or of nothing, has no body: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html and its siblings.
    """
    if protocol in {"query", "ec2"}:
        return True
    return any("location" not in member.serialization for member in shape.members.values())


def _check_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableAnswerError(f"the answer is not a JSON object: {error}") from error


def _check_root(body: bytes, *, is_response: bool) -> None:
    root = _XML_ROOT.match(body[:1000])
    name = root[1].decode() if root else ""
    if not name or name.lower() == "html" or (is_response and not name.endswith("Response")):
        found = f"starts with <{name}>" if name else "is not XML"
        raise UnreadableAnswerError(f"the answer is not the operation's XML document: it {found}")
