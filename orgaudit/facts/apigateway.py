"""The stages of REST APIs in API Gateway; what a stage logs comes with the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.rows import each_row, text
from orgaudit.model import Scope

ACTION = "apigateway:GET"
APIS_PER_PAGE = 500


class RestApiStage(Resource, frozen=True, kw_only=True):
    """A stage of a REST API; `logs_to` is where its access logs go, None where it writes none."""

    api_id: str
    api_name: str
    stage: str
    logs_to: str | None = None


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def rest_api_stages(aws: Aws) -> AsyncIterator[RestApiStage]:
    """Yield every stage of the region's REST APIs, with one call for each API."""
    # The SDK leaves an empty list out.
    lists = (page.get("items", ()) async for page in aws.pages("apigateway", "GetRestApis", limit=APIS_PER_PAGE))
    async for row in each_row(aws, ACTION, lists):
        with row as api:
            answer = await aws.find("apigateway", "GetStages", ("NotFoundException",), restApiId=text(api["id"]))
            async for stage in each_row(aws, ACTION, [answer.get("item", ()) if answer else ()]):
                with stage as found:
                    yield _stage(aws, api, found)


def _stage(aws: Aws, api: dict[str, Any], found: dict[str, Any]) -> RestApiStage:
    name = text(found["stageName"])
    return RestApiStage(
        arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api['id']}/stages/{name}",
        account_id=aws.account_id,
        region=aws.region,
        tags=found.get("tags", {}),
        api_id=api["id"],
        api_name=api.get("name", ""),
        stage=name,
        # A stage logs once it has a destination:
        # docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
        logs_to=found.get("accessLogSettings", {}).get("destinationArn"),
    )
