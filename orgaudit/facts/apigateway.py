"""The stages of REST APIs in API Gateway; what a stage logs comes with the list."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.model import Scope

APIS_PER_PAGE = 500


class RestApiStage(Resource, frozen=True, kw_only=True):
    """A stage of a REST API; `logs_to` is where its access logs go, None where it writes none."""

    api_id: str
    api_name: str
    stage: str
    logs_to: str | None = None


@collector(scope=Scope.REGIONAL, actions=("apigateway:GET",))
async def rest_api_stages(aws: Aws) -> AsyncIterator[RestApiStage]:
    """Yield every stage of the region's REST APIs, with one call for each API."""
    async for page in aws.pages("apigateway", "GetRestApis", limit=APIS_PER_PAGE):
        for api in page.get("items", ()):  # the SDK leaves an empty list out
            answer = await aws.find("apigateway", "GetStages", ("NotFoundException",), restApiId=api["id"])
            for found in answer.get("item", ()) if answer else ():
                name = found["stageName"]
                yield RestApiStage(
                    arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api['id']}/stages/{name}",
                    account_id=aws.account_id,
                    region=aws.region,
                    tags=found.get("tags", {}),
                    api_id=api["id"],
                    api_name=api.get("name", ""),
                    stage=name,
                    logs_to=found.get("accessLogSettings", {}).get("destinationArn"),
                )
