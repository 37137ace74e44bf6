"""The stages of HTTP and WebSocket APIs in API Gateway; what a stage logs comes with the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector, here
from orgaudit.facts.rows import Row, listed, text
from orgaudit.model import Observed, Scope

ACTION = "apigateway:GET"


class ApiStage(Resource, frozen=True, kw_only=True):
    """A stage of an HTTP or WebSocket API; `logs_to` is where its access logs go, None where it writes none.

    `log_levels` are those of execution logs, OFF, ERROR or INFO, by route; the default of all routes is called "*".
    """

    api_id: str
    api_name: str
    protocol: str
    stage: str
    logs_to: str | None = None
    log_levels: Observed[dict[str, str]] = UNREAD


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def api_stages(aws: Aws) -> AsyncIterator[ApiStage]:
    """Yield every stage of the region's HTTP and WebSocket APIs, with one call for each API."""
    async for row in listed(aws, "apigatewayv2", "GetApis", "Items", action=ACTION, omits_empty=True):
        with row as api:
            stages = listed(
                aws, "apigatewayv2", "GetStages", "Items", action=ACTION, omits_empty=True, ApiId=text(api["ApiId"])
            )
            async for stage in stages:
                with stage:
                    yield _stage(aws, api, stage)


def _stage(aws: Aws, api: dict[str, Any], row: Row) -> ApiStage:
    found = row.found
    name = text(found["StageName"])
    return ApiStage(
        arn=f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api['ApiId']}/stages/{name}",
        **here(aws),
        tags=found.get("Tags", {}),
        api_id=api["ApiId"],
        api_name=api.get("Name", ""),
        protocol=api.get("ProtocolType", ""),
        stage=name,
        # A stage logs once it has a destination:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
        logs_to=found.get("AccessLogSettings", {}).get("DestinationArn"),
        log_levels=row.read(_log_levels),
    )


def _log_levels(found: dict[str, Any]) -> dict[str, str]:
    """Return the level of each route; only routes with settings of their own are listed beside the default."""
    # https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html
    routes = {name: settings["LoggingLevel"] for name, settings in found.get("RouteSettings", {}).items()}
    return {"*": found["DefaultRouteSettings"]["LoggingLevel"], **routes}
