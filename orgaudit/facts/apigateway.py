"""REST APIs in API Gateway, their policies, and their stages; what a stage logs comes with the list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import Row, each_row, text
from orgaudit.languages.iam_policy import Opening
from orgaudit.model import Observed, Scope

ACTION = "apigateway:GET"
APIS_PER_PAGE = 500


class RestApi(Resource, frozen=True, kw_only=True):
    """A REST API; `private` where it has no endpoint but those in VPCs."""

    api_id: str
    api_name: str
    private: Observed[bool]


class RestApiPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """The policy of a REST API; it is about `methods`, the ARN of all that it serves."""

    methods: str

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to external callers."""
        return ResourcePolicy(arn=self.methods, document=self.document).openings


class RestApiStage(Resource, frozen=True, kw_only=True):
    """A stage of a REST API; `logs_to` is where its access logs go, None where it writes none.

    `private` where the API has no endpoint but those in VPCs.
    """

    api_id: str
    api_name: str
    stage: str
    logs_to: str | None = None
    private: Observed[bool]


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def rest_apis(aws: Aws) -> AsyncIterator[RestApi]:
    """Yield the region's REST APIs."""
    async for row in each_row(aws, ACTION, [await aws.once(_apis)]):
        with row as api:
            api_id = text(api["id"])
            yield RestApi(
                arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api_id}",
                account_id=aws.account_id,
                region=aws.region,
                tags=api.get("tags", {}),
                api_id=api_id,
                api_name=api.get("name", ""),
                private=row.read(_is_private),
            )


@detail(actions=(ACTION,))
async def rest_api_policy(aws: Aws, api: RestApi) -> RestApiPolicy:
    """Return the API's policy, which comes with the list."""
    written = (await aws.once(_by_id))[api.api_id].get("policy")
    return RestApiPolicy(
        arn=api.arn,
        document=document_of(_unescaped(written) if written else None),
        methods=f"arn:{aws.partition}:execute-api:{aws.region}:{aws.account_id}:{api.api_id}/*",
    )


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def rest_api_stages(aws: Aws) -> AsyncIterator[RestApiStage]:
    """Yield every stage of the region's REST APIs, with one call for each API."""
    async for row in each_row(aws, ACTION, [await aws.once(_apis)]):
        with row as api:
            answer = await aws.find("apigateway", "GetStages", ("NotFoundException",), restApiId=text(api["id"]))
            async for stage in each_row(aws, ACTION, [answer.get("item", ()) if answer else ()]):
                with stage as found:
                    yield _stage(aws, row, found)


def _stage(aws: Aws, row: Row, found: dict[str, Any]) -> RestApiStage:
    api, name = row.found, text(found["stageName"])
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
        private=row.read(_is_private),
    )


async def _apis(aws: Aws) -> list[dict[str, Any]]:
    pages = aws.pages("apigateway", "GetRestApis", limit=APIS_PER_PAGE)
    return [api async for page in pages for api in page.get("items", ())]  # the SDK leaves an empty list out


async def _by_id(aws: Aws) -> dict[Any, dict[str, Any]]:
    return {api.get("id"): api for api in await aws.once(_apis)}


def _is_private(api: dict[str, Any]) -> bool:
    types: list[str] = api["endpointConfiguration"]["types"]
    return types == ["PRIVATE"]


def _unescaped(written: str) -> str:
    """Return a policy as JSON: API Gateway returns it as the inside of a JSON string, with its quotes escaped."""
    try:
        return str(json.loads(f'"{written}"'))
    except ValueError:  # its quotes are not escaped, so they ended the string
        return written
