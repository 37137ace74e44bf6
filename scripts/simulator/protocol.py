"""Requests and answers in AWS's protocols, from the SDK's service models: which operation is asked, and bodies."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from orgaudit.aws.actions import iam_action

Answer: TypeAlias = Mapping[str, Any]
"""An answer as the SDK returns it, by the names of the operation's output shape."""

SIGNED_AS = {
    "access-analyzer": ("accessanalyzer",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elb", "elbv2"),
    "es": ("opensearch",),
    "monitoring": ("cloudwatch",),
    "s3": ("s3control", "s3"),
    "sso": ("sso-admin",),
}
"""The SDK's services by the name in a signature, where that is another one."""
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_LOADER = Loader()
_GREEDY = re.compile(r"\{(\w+)(\+?)\}")


class Raw(bytes):
    """A whole body, for an answer that the SDK does not read by its shape."""


class Numbered(Sequence[Any]):
    """A list of `count` rows that differ in a number only: `row` with FIRST replaced by the row's own number.

    It is rendered once a page and not once a row, so a million rows cost what their bytes do.
    """

    FIRST = "7000000000"

    def __init__(self, row: Any, count: int, start: int = 0) -> None:  # noqa: ANN401 - a row of any shape
        self.row, self.start, self._count = row, start, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - a number or a slice
        if not isinstance(place, slice):
            raise TypeError("rows of a numbered list are read in pages")
        start, stop, _ = place.indices(self._count)
        return Numbered(self.row, max(0, stop - start), self.start + start)

    def texts(self, rendered: str) -> Iterator[str]:
        """Yield the rendered row for each number."""
        first = int(self.FIRST) + self.start
        return (rendered.replace(self.FIRST, str(first + number)) for number in range(self._count))


@dataclass(frozen=True)
class Operation:
    """One operation of the SDK, and the IAM action by which it is counted and paced."""

    service: str
    model: OperationModel

    @property
    def name(self) -> str:
        """The operation's name, such as DescribeTrails."""
        return str(self.model.name)

    @cached_property
    def action(self) -> str:
        """The IAM action, such as cloudtrail:DescribeTrails."""
        return iam_action(self.service, self.name)

    @cached_property
    def protocol(self) -> str:
        """The protocol: json, query, ec2, rest-json or rest-xml."""
        return str(self.model.service_model.resolved_protocol)

    @cached_property
    def content_type(self) -> str:
        """The content type of its answers."""
        return {"json": "application/x-amz-json-1.1", "rest-json": "application/json"}.get(self.protocol, "text/xml")

    @cached_property
    def paging(self) -> Mapping[str, Any]:
        """How the SDK pages it; empty where it does not."""
        found: Mapping[str, Any] = _paginators(self.service).get(self.name, {})
        return found

    def body(self, answer: Answer) -> bytes:
        """Return an answer as the bytes that its protocol sends."""
        shape: Any = self.model.output_shape
        payload = shape.serialization.get("payload") if shape else None
        if payload and shape.members[payload].type_name != "structure":
            return Raw(str(answer.get(payload, "")).encode())
        if self.protocol in {"json", "rest-json"}:
            shown, of = (answer.get(payload, {}), shape.members[payload]) if payload else (answer, shape)
            return (_json(of, shown) if of else "{}").encode()
        return self._xml(shape, payload, answer).encode()

    def _xml(self, shape: Any, payload: str | None, answer: Answer) -> str:  # noqa: ANN401 - the SDK's shape
        if self.protocol == "rest-xml":
            of, shown = (shape.members[payload], answer.get(payload, {})) if payload else (shape, answer)
            name = of.serialization.get("name", of.name) if of else self.name
            return f"<{name}>{_members(of, shown) if of else ''}</{name}>"
        inner = _members(shape, answer) if shape else ""
        if self.protocol == "ec2":
            return f"<{self.name}Response><requestId>simulated</requestId>{inner}</{self.name}Response>"
        wrapper = shape.serialization.get("resultWrapper") if shape else None
        inner = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else inner
        ending = "<ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata>"
        return f"<{self.name}Response>{inner}{ending}</{self.name}Response>"

    def refusal(self, code: str, message: str) -> bytes:
        """Return the body of an error."""
        if self.protocol in {"json", "rest-json"}:
            return json.dumps({"__type": code, "message": message}).encode()
        fault = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        if self.protocol == "ec2":
            return (
                f"<Response><Errors><Error>{fault}</Error></Errors><RequestID>simulated</RequestID></Response>".encode()
            )
        if self.service == "s3":
            return f"<Error>{fault}</Error>".encode()
        return f"<ErrorResponse><Error>{fault}</Error><RequestId>simulated</RequestId></ErrorResponse>".encode()


def _json(shape: Shape, value: Any) -> str:  # noqa: ANN401 - a value of the shape
    return json.dumps(_tree(shape, value), separators=(",", ":")) if not _numbers(value) else _numbered(shape, value)


def _numbers(value: Any) -> bool:  # noqa: ANN401 - an answer
    return isinstance(value, dict) and any(isinstance(each, Numbered) for each in value.values())


def _numbered(shape: Any, answer: Any) -> str:  # noqa: ANN401 - the SDK's shape, and an answer of it
    parts = []
    for name, value in answer.items():
        of = shape.members[name]
        if isinstance(value, Numbered):
            rendered = ",".join(value.texts(_json(of.member, value.row)))
            parts.append(f'"{of.serialization.get("name", name)}":[{rendered}]')
        else:
            parts.append(f'"{of.serialization.get("name", name)}":{_json(of, value)}')
    return "{" + ",".join(parts) + "}"


def _tree(shape: Any, value: Any) -> Any:  # noqa: ANN401 - a table of types
    match shape.type_name:
        case "structure":
            shown = {name: _tree(shape.members[name], each) for name, each in value.items()}
            return {shape.members[name].serialization.get("name", name): each for name, each in shown.items()}
        case "list":
            return [_tree(shape.member, each) for each in value]
        case "map":
            return {key: _tree(shape.value, each) for key, each in value.items()}
        case "timestamp":
            return _time(shape, value) if "timestampFormat" in shape.serialization else value.timestamp()
        case "blob":
            return base64.b64encode(value).decode()
    return value


def _time(shape: Shape, value: datetime) -> str | float:
    if shape.serialization.get("timestampFormat") == "unixTimestamp":
        return value.timestamp()
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _members(shape: Any, value: Mapping[str, Any]) -> str:  # noqa: ANN401 - the SDK's shape
    parts = []
    for name, each in value.items():
        of = shape.members[name]
        if not of.serialization.get("xmlAttribute") and "location" not in of.serialization:
            parts.append(_element(of.serialization.get("name", name), of, each))
    return "".join(parts)


def _element(name: str, shape: Any, value: Any) -> str:  # noqa: ANN401 - the SDK's shape, and a value of it
    match shape.type_name:
        case "structure":
            return f"<{name}{_attributes(shape, value)}>{_members(shape, value)}</{name}>"
        case "list":
            return _list(name, shape, value)
        case "map":
            key, of = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
            rows = (f"<{key}>{escape(each)}</{key}>{_element(of, shape.value, held)}" for each, held in value.items())
            if shape.serialization.get("flattened"):
                return "".join(f"<{name}>{row}</{name}>" for row in rows)
            return f"<{name}>{''.join(f'<entry>{row}</entry>' for row in rows)}</{name}>"
    return f"<{name}>{_text(shape, value)}</{name}>"


def _list(name: str, shape: Any, value: Any) -> str:  # noqa: ANN401 - the SDK's shape, and a value of it
    is_flat = shape.serialization.get("flattened")
    item = shape.member.serialization.get("name", name if is_flat else "member")
    if isinstance(value, Numbered):
        inner = "".join(value.texts(_element(item, shape.member, value.row)))
    else:
        inner = "".join(_element(item, shape.member, each) for each in value)
    return inner if is_flat else f"<{name}>{inner}</{name}>"


def _attributes(shape: Any, value: Mapping[str, Any]) -> str:  # noqa: ANN401 - the SDK's shape
    given = [
        f' {member.serialization["name"]}="{escape(value[name])}"'
        for name, member in shape.members.items()
        if member.serialization.get("xmlAttribute") and name in value
    ]
    return f' xmlns:xsi="{INSTANCE}"{"".join(given)}' if given else ""


def _text(shape: Any, value: Any) -> str:  # noqa: ANN401 - the SDK's shape, and a value of it
    match shape.type_name:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            return str(_time(shape, value))
        case "blob":
            return base64.b64encode(value).decode()
    return escape(str(value))


@cache
def service_model(service: str) -> ServiceModel:
    """Return the SDK's model of a service."""
    return ServiceModel(_LOADER.load_service_model(service, "service-2"), service)


@cache
def _paginators(service: str) -> Mapping[str, Any]:
    model = _LOADER.load_service_model(service, "paginators-1")
    pages: Mapping[str, Any] = model["pagination"]
    return pages


@cache
def operation(service: str, name: str) -> Operation:
    """Return an operation by the SDK's names; raises OperationNotFoundError."""
    return Operation(service, service_model(service).operation_model(name))


@cache
def any_operation(signed_as: str) -> Operation:
    """Return some operation of a service, in whose protocol a request that names none is refused."""
    service = SIGNED_AS.get(signed_as, (signed_as,))[-1]
    try:
        return operation(service, service_model(service).operation_names[0])
    except UnknownServiceError:
        return operation("sts", "GetCallerIdentity")


@dataclass(frozen=True)
class _Route:
    """The pattern of an operation's address: its path, and what its query has to hold."""

    service: str
    name: str
    path: re.Pattern[str]
    query: Mapping[str, str]
    weight: tuple[int, int]


@cache
def _routes(signed_as: str, method: str) -> Sequence[_Route]:
    found = []
    for service in SIGNED_AS.get(signed_as, (signed_as,)):
        model = service_model(service)
        for name in model.operation_names:
            http = model.operation_model(name).http
            if http.get("method", "POST") != method:
                continue
            path, _, query = http.get("requestUri", "/").partition("?")
            parts = _GREEDY.split(path.rstrip("/") or "/")
            pattern = "".join(
                re.escape(part) if place % 3 == 0 else "" if place % 3 == 2 else _group(part, parts[place + 1])  # noqa: PLR2004
                for place, part in enumerate(parts)
            )
            asked = dict(parse_qsl(query, keep_blank_values=True))
            asked.pop("x-id", None)
            static = sum(len(part) for place, part in enumerate(parts) if place % 3 == 0)
            found.append(_Route(service, name, re.compile(f"{pattern}/?"), asked, (len(asked), static)))
    return sorted(found, key=lambda route: route.weight, reverse=True)


def _group(name: str, greedy: str) -> str:
    return f"(?P<{name}>.+)" if greedy else f"(?P<{name}>[^/]+)"


@cache
def _targets(service: str) -> tuple[str, str]:
    return service, str(service_model(service).metadata.get("targetPrefix", ""))


@cache
def _by_version(signed_as: str, version: str) -> str | None:
    services = SIGNED_AS.get(signed_as, (signed_as,))
    return next((each for each in services if service_model(each).metadata["apiVersion"] == version), None)


class UnknownOperationError(Exception):
    """A request for which the SDK has no operation."""


def read(signed_as: str, line: str, target: str, body: str) -> tuple[Operation, dict[str, Any]]:
    """Return the operation that a request asks for, and its parameters; those of forms are flat.

    `line` is the first line of the request. Raises UnknownOperationError.
    """
    method, address, _ = line.split(" ", 2)
    path, _, query = address.partition("?")
    if target:
        service = SIGNED_AS.get(signed_as, (signed_as,))[-1]
        return operation(service, target.rpartition(".")[2]), json.loads(body or "{}")
    if "Action=" in body[:200] and method == "POST":
        form = dict(parse_qsl(body, keep_blank_values=True))
        found = _by_version(signed_as, form.get("Version", ""))
        if found is None:
            raise UnknownOperationError(f"{signed_as} has no version {form.get('Version')}")
        return operation(found, form["Action"]), form
    asked = dict(parse_qsl(query, keep_blank_values=True))
    for route in _routes(signed_as, method):
        matched = route.path.fullmatch(unquote(path))
        if matched and route.query.items() <= asked.items():
            found_operation = operation(route.service, route.name)
            return found_operation, _rest(found_operation, matched.groupdict(), asked, body)
    raise UnknownOperationError(f"{signed_as} has no operation at {method} {path}")


def _rest(found: Operation, path: dict[str, str], query: dict[str, str], body: str) -> dict[str, Any]:
    parameters: dict[str, Any] = json.loads(body) if body.startswith("{") else {}
    shape = found.model.input_shape
    named = {member.serialization.get("name", name): name for name, member in shape.members.items()} if shape else {}
    given = {**parameters, **path, **query}
    return {named.get(name, name): value for name, value in given.items()}
