"""One signed AWS call as it reaches the demo server: the caller, the action, the region and the protocol."""

import enum
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from moto.core.utils import get_service_model
from moto.iam.models import get_account_id_from
from moto.sts.models import sts_backends

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_IAM_PREFIX = {"monitoring": "cloudwatch", "email": "ses"}
_SAME_NAME = ("account", "backup", "eks", "glacier", "guardduty", "inspector2", "lambda", "macie2", "securityhub")
_REST_JSON = {
    "access-analyzer": "accessanalyzer",
    "es": "opensearch",
    "elasticfilesystem": "efs",
    **{name: name for name in _SAME_NAME},
}
"""The SDK's models of services with REST and JSON, by the name in the signature."""
_READ_BODIES = ("account", "es")
"""Services with REST and JSON of which an answer depends on the body of the request."""
_S3_PERMISSION = {
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
}


class Protocol(enum.Enum):
    """The protocol of a service's requests and errors."""

    JSON = enum.auto()
    REST_JSON = enum.auto()
    QUERY = enum.auto()
    EC2 = enum.auto()
    REST_XML = enum.auto()


@dataclass(frozen=True, slots=True)
class Call:
    """A signed call; `service` and `action` are those of an IAM policy, `path` is that of the request."""

    account: str
    access_key: str
    region: str
    service: str
    action: str
    protocol: Protocol
    parameters: Mapping[str, Any]
    path: str = "/"

    @property
    def permission(self) -> str:
        """The action with its service, as in a policy."""
        return f"{self.service}:{self.action}"

    @property
    def principal(self) -> str:
        """The ARN of the caller: a user, or the session of a role."""
        _, arn, _ = sts_backends[self.account]["aws"].get_caller_identity(self.access_key, self.region)
        return arn


def read_call(environ: WSGIEnvironment) -> Call | None:
    """Return the call in a WSGI request, whose body stays readable; None where it is not signed."""
    scope = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return None
    protocol, action, parameters = _content(environ, scope["service"])
    return Call(
        # In moto this header overrides the account of the access key.
        account=environ.get("HTTP_X_MOTO_ACCOUNT_ID") or get_account_id_from(scope["key"]),
        access_key=scope["key"],
        region=scope["region"],
        service=_IAM_PREFIX.get(scope["service"], scope["service"]),
        action=action,
        protocol=protocol,
        parameters=parameters,
        path=environ["PATH_INFO"],
    )


def _content(environ: WSGIEnvironment, service: str) -> tuple[Protocol, str, dict[str, Any]]:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Protocol.JSON, target.rpartition(".")[2], _json(_body(environ))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(_body(environ).decode(), keep_blank_values=True))
        return Protocol.EC2 if service == "ec2" else Protocol.QUERY, form.get("Action", ""), form
    if service == "s3":
        return Protocol.REST_XML, _s3_action(environ), {}
    model = _REST_JSON.get(service)
    action = _routed(model, environ) if model else environ["REQUEST_METHOD"]
    return Protocol.REST_JSON, action, _json(_body(environ)) if service in _READ_BODIES else {}


def _body(environ: WSGIEnvironment) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _s3_action(environ: WSGIEnvironment) -> str:
    if environ["PATH_INFO"].startswith("/v20180820/"):
        action = _routed("s3control", environ)
        return "GetAccountPublicAccessBlock" if action == "GetPublicAccessBlock" else action
    action = _routed("s3", environ)
    return _S3_PERMISSION.get(action, action)


def _routed(model: str, environ: WSGIEnvironment) -> str:
    """Return the operation whose route fits best: most query keys, then first by name; the method where none fits."""
    path = environ["PATH_INFO"].rstrip("/") or "/"
    keys = {key for key, _ in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)}
    fitting = [
        (-len(route.keys), route.operation)
        for route in _routes(model)
        if route.method == environ["REQUEST_METHOD"] and route.keys <= keys and route.path.fullmatch(path)
    ]
    return min(fitting)[1] if fitting else str(environ["REQUEST_METHOD"])


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    keys: frozenset[str]


@cache
def _routes(model: str) -> tuple[_Route, ...]:
    service = get_service_model(model)
    return tuple(_route(name, service.operation_model(name).http) for name in service.operation_names)


def _route(operation: str, http: Mapping[str, str]) -> _Route:
    path, _, query = http["requestUri"].partition("?")
    pattern = "".join(
        "(.+)" if part.endswith("+}") else "([^/]+)" if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{[^}]+\})", path.rstrip("/") or "/")
    )
    return _Route(
        operation,
        http["method"],
        re.compile(pattern),
        frozenset(key for key, _ in parse_qsl(query, keep_blank_values=True)),
    )
