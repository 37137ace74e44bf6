"""Whether the body of an answer is what its protocol says; the SDK reads some that are not as empty answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError

from orgaudit.model import Json


class UnreadableAnswerError(ResponseParserError):
    """An answer that is not what its operation returns; the message describes it and quotes nothing of it."""


_XML_ROOT = re.compile(rb"\s*(?:<\?.*?\?>\s*)?<([\w:.-]+)", re.DOTALL)
_NO_ANSWER = 300
"""The first HTTP status whose body is an error, which the SDK reads by itself."""


def check_body(operation_model: OperationModel, response_dict: Mapping[str, Any], **_: Json) -> None:
    """Raise UnreadableAnswerError for a body that is no answer of the operation; a handler of the event before-parse.

    The SDK takes JSON that does not parse, and XML of another document, for an answer with no members: a truncated
    answer or a proxy's sign-in page would read as "nothing there".
    """
    body, shape = response_dict["body"], operation_model.output_shape
    if response_dict["status_code"] >= _NO_ANSWER or shape is None or not isinstance(body, bytes):
        return
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name != "structure":
        return  # the body is the value itself, such as a bucket's policy
    protocol = operation_model.service_model.resolved_protocol
    if protocol in {"json", "rest-json"}:
        if body or protocol == "json":
            _check_json(body, is_empty=not shape.members)
    elif body:
        _check_root(body, is_response=protocol in {"query", "ec2"})


def _check_json(body: bytes, *, is_empty: bool) -> None:
    if is_empty and not body:
        return
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableAnswerError(f"the answer is not a JSON object: {error}") from error


def _check_root(body: bytes, *, is_response: bool) -> None:
    root = _XML_ROOT.match(body[:1000])
    name = root[1].decode() if root else ""
    if not name or name.lower() == "html" or (is_response and not name.endswith("Response")):
        found = f"starts with <{name}>" if name else "is no XML"
        raise UnreadableAnswerError(f"the answer is not the operation's XML document but {found}")
