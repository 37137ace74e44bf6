"""REST APIs in API Gateway, their policies, and their stages, whose settings come with the list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import UNREAD, Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import Row, each_row, text
from orgaudit.model import Observed, Scope

ACTION = "apigateway:GET"
APIS_PER_PAGE = 500
"""The most that one answer holds: https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApis.html"""

RESOURCES_PER_PAGE = 500
"""The most that one answer holds: https://docs.aws.amazon.com/apigateway/latest/api/API_GetResources.html"""


class RestApi(Resource, frozen=True, kw_only=True):
    """A REST API; `private` where all its endpoints are in VPCs."""

    api_id: str
    api_name: str
    private: Observed[bool]


class RestApiPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """The policy of a REST API; it is about `methods`, the ARN of all that it serves."""

    methods: str

    @property
    def governs(self) -> str:
        """The ARN of the API's methods."""
        return self.methods


class RestApiStage(Resource, frozen=True, kw_only=True):
    """A stage of a REST API; `logs_to` is where its access logs go, None where it writes none.

    `private` where all endpoints of the API are in VPCs. `log_levels` are those of execution logs, OFF, ERROR or INFO,
    by method; the default of all methods is called "*/*". `caches` has the methods that answer from the stage's cache,
    and whether that is encrypted. `web_acl` and `client_certificate` are empty where there is none.
    """

    api_id: str
    api_name: str
    stage: str
    logs_to: str | None = None
    private: Observed[bool]
    log_levels: Observed[dict[str, str]] = UNREAD
    has_cache: Observed[bool] = UNREAD
    caches: Observed[dict[str, bool]] = UNREAD
    traced: Observed[bool] = UNREAD
    web_acl: Observed[str] = UNREAD
    client_certificate: Observed[str] = UNREAD


class StageIntegrations(Detail, frozen=True, kw_only=True):
    """The types of the backends of a stage's API, such as HTTP and AWS_PROXY, as the API is edited now."""

    types: tuple[str, ...] = ()


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def rest_apis(aws: Aws) -> AsyncIterator[RestApi]:
    """Yield the region's REST APIs."""
    async for row in each_row(aws, ACTION, [await aws.once(_apis)]):
        with row as api:
            api_id = text(api["id"])
            yield RestApi(
                arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api_id}",
                **here(aws),
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
    """Yield every stage of the region's REST APIs, with one call for each API; one that is gone by now has none."""
    async for row in each_row(aws, ACTION, [await aws.once(_apis)]):
        with row as api:
            answer = await aws.find("apigateway", "GetStages", ("NotFoundException",), restApiId=text(api["id"]))
            async for stage in each_row(aws, ACTION, [answer.get("item", ()) if answer else ()]):
                with stage:
                    yield _stage(aws, row, stage)


def _stage(aws: Aws, row: Row, stage: Row) -> RestApiStage:
    api, found = row.found, stage.found
    name = text(found["stageName"])
    return RestApiStage(
        arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api['id']}/stages/{name}",
        **here(aws),
        tags=found.get("tags", {}),
        api_id=api["id"],
        api_name=api.get("name", ""),
        stage=name,
        # A stage logs once it has a destination:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
        logs_to=found.get("accessLogSettings", {}).get("destinationArn"),
        private=row.read(_is_private),
        log_levels=stage.read(_log_levels),
        has_cache=stage.member("cacheClusterEnabled", bool),
        caches=stage.read(_caches),
        traced=stage.member("tracingEnabled", bool),
        # Only a stage that has them: https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html
        web_acl=stage.read(lambda found: text(found.get("webAclArn", ""))),
        client_certificate=stage.read(lambda found: text(found.get("clientCertificateId", ""))),
    )


def _log_levels(found: dict[str, Any]) -> dict[str, str]:
    """Return the level of each method that has settings; without a level, it logs nothing."""
    # https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html
    return {method: settings.get("loggingLevel", "OFF") for method, settings in found["methodSettings"].items()}


def _caches(found: dict[str, Any]) -> dict[str, bool]:
    settings = found["methodSettings"].items()
    return {method: each["cacheDataEncrypted"] for method, each in settings if each["cachingEnabled"]}


@detail(actions=(ACTION,))
async def stage_integrations(aws: Aws, stage: RestApiStage) -> StageIntegrations:
    """Return the types of the backends, with one call for each page of resources of an API, whatever its stages."""
    return StageIntegrations(arn=stage.arn, types=await aws.once(_integrations, stage.api_id))


async def _integrations(aws: Aws, api_id: str) -> tuple[str, ...]:
    pages = aws.pages("apigateway", "GetResources", restApiId=api_id, embed=["methods"], limit=RESOURCES_PER_PAGE)
    resources = [found async for page in pages for found in page.get("items", ())]
    methods = [method for found in resources for method in found.get("resourceMethods", {}).values()]
    # A method that is not set up yet has no integration: https://docs.aws.amazon.com/apigateway/latest/api/API_Method.html
    return tuple(sorted({method["methodIntegration"]["type"] for method in methods if "methodIntegration" in method}))


async def _apis(aws: Aws) -> list[dict[str, Any]]:
    pages = aws.pages("apigateway", "GetRestApis", limit=APIS_PER_PAGE)
    return [api async for page in pages for api in page.get("items", ())]  # the SDK leaves an empty list out


async def _by_id(aws: Aws) -> dict[Any, dict[str, Any]]:
    return {api.get("id"): api for api in await aws.once(_apis)}


def _is_private(api: dict[str, Any]) -> bool:
    types: list[str] = api["endpointConfiguration"]["types"]
    return types == ["PRIVATE"]


def _unescaped(written: str) -> str:
    """Return a policy as JSON: API Gateway returns it as the content of a JSON string, with its quotes escaped."""
    # https://docs.aws.amazon.com/apigateway/latest/api/API_RestApi.html
    try:
        return str(json.loads(f'"{written}"'))
    except ValueError:  # its quotes are not escaped, so they ended the string
        return written
