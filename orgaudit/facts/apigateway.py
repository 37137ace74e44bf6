"""REST APIs in API Gateway, their policies, and their stages; what a stage logs comes with the list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.openings import Opening
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.model import Scope

APIS_PER_PAGE = 500


class RestApi(Resource, frozen=True, kw_only=True):
    """A REST API; `private` where it has no endpoint but those in VPCs."""

    api_id: str
    api_name: str
    private: bool = False


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
    private: bool = False


@collector(scope=Scope.REGIONAL, actions=("apigateway:GET",))
async def rest_apis(aws: Aws) -> AsyncIterator[RestApi]:
    """Yield the region's REST APIs."""
    for api in (await aws.once(_apis)).values():
        yield RestApi(
            arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api['id']}",
            account_id=aws.account_id,
            region=aws.region,
            tags=api.get("tags", {}),
            api_id=api["id"],
            api_name=api.get("name", ""),
            private=_is_private(api),
        )


@detail(actions=("apigateway:GET",))
async def rest_api_policy(aws: Aws, api: RestApi) -> RestApiPolicy:
    """Return the API's policy, which comes with the list."""
    text = (await aws.once(_apis))[api.api_id].get("policy")
    return RestApiPolicy(
        arn=api.arn,
        document=document_of(_unescaped(text) if text else None),
        methods=f"arn:{aws.partition}:execute-api:{aws.region}:{aws.account_id}:{api.api_id}/*",
    )


@collector(scope=Scope.REGIONAL, actions=("apigateway:GET",))
async def rest_api_stages(aws: Aws) -> AsyncIterator[RestApiStage]:
    """Yield every stage of the region's REST APIs, with one call for each API."""
    for api in (await aws.once(_apis)).values():
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
                private=_is_private(api),
            )


async def _apis(aws: Aws) -> dict[str, dict[str, Any]]:
    pages = aws.pages("apigateway", "GetRestApis", limit=APIS_PER_PAGE)
    return {api["id"]: api async for page in pages for api in page.get("items", ())}  # the SDK leaves an empty list out


def _is_private(api: dict[str, Any]) -> bool:
    types: list[str] = api.get("endpointConfiguration", {}).get("types", [])
    return types == ["PRIVATE"]


def _unescaped(text: str) -> str:
    """Return a policy as JSON: API Gateway returns it as the inside of a JSON string, with its quotes escaped."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:  # its quotes are not escaped, so they ended the string
        return text
