"""APIs of API Gateway, their stages, and where their access logs are delivered."""

import json

from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.seeding.policies import document, public

_APIS = (("Webshop Production", "eu-west-1", True), ("Webshop Development", "eu-west-1", False))
"""Accounts and regions with one API of each kind: whether these are compliant."""


def seed(state: ExtraState) -> None:
    """Create a REST API, an HTTP API and a WebSocket API in each place."""
    for name, region, compliant in _APIS:
        account = account_named(name).id
        logs = {
            "destinationArn": f"arn:aws:logs:{region}:{account}:log-group:api-access",
            "format": "$context.requestId",
        }
        _rest(account, region, logs if compliant else None, state)
        for api, protocol in (("carts", "HTTP"), ("prices", "WEBSOCKET")):
            _v2(account, region, api, protocol, logs if compliant else None)


def _rest(account: str, region: str, logs: dict[str, str] | None, state: ExtraState) -> None:
    """Create a REST API with an HTTP backend, and its stage with a cache; one that logs is compliant."""
    backend = apigateway_backends[account][region]
    rest = backend.create_rest_api("orders", "")
    rest.policy = _invoking(f"arn:aws:execute-api:{region}:{account}:{rest.id}/*", office_only=logs is not None)
    root = next(iter(rest.resources))
    backend.put_method(rest.id, root, "GET", "AWS_IAM")
    backend.put_integration(rest.id, root, "GET", "HTTP", "https://orders.meridian.example/", "GET")
    stage = rest.create_stage(
        "live",
        "first",
        None,
        "",
        cacheClusterEnabled=True,
        cacheClusterSize="0.5",
        tags=None,
        tracing_enabled=logs is not None,
    )
    stage.access_log_settings = logs
    settings = {
        "logging/loglevel": "ERROR" if logs else "OFF",
        "caching/enabled": "true",
        "caching/dataEncrypted": str(logs is not None).lower(),
    }
    stage.apply_operations([{"op": "replace", "path": f"/*/*/{key}", "value": settings[key]} for key in settings])
    if logs:
        stage.web_acl_arn = (
            f"arn:aws:wafv2:{region}:{account}:regional/webacl/apis/7d2c1f60-5e0a-4c1c-9a53-2b1b3c8f4e10"
        )
        state.client_certificates[rest.id] = "c7f2ka"


def _v2(account: str, region: str, name: str, protocol: str, logs: dict[str, str] | None) -> None:
    """Create an HTTP or a WebSocket API, and its stage; one that logs is compliant."""
    api = apigatewayv2_backends[account][region].create_api("", "", "", "", "", name, protocol, "", {}, "")
    api.cors_configuration = None
    levels = {"dataTraceEnabled": False, "detailedMetricsEnabled": False, "loggingLevel": "INFO" if logs else "OFF"}
    routes = {"defaultRouteSettings": levels} if protocol == "WEBSOCKET" else {}
    api.create_stage({"stageName": "live"} | routes | ({"accessLogSettings": logs} if logs else {}))


def _invoking(methods: str, *, office_only: bool) -> str:
    """Return the policy of an API as API Gateway does: with its quotes escaped."""
    condition = {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}} if office_only else {}
    return json.dumps(document([public("execute-api:Invoke", methods) | condition]))[1:-1]
