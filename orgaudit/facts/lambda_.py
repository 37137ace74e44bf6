"""Lambda functions and their policies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Observed, Scope


class Function(Resource, frozen=True, kw_only=True):
    """A function; `runtime` is None where it is a container image, which brings its own."""

    runtime: Observed[str | None] = UNREAD


class FunctionPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """The policy of a function itself; aliases and versions may have policies of their own."""

    called_by_services = True


@collector(scope=Scope.REGIONAL, actions=("lambda:ListFunctions",))
async def functions(aws: Aws) -> AsyncIterator[Function]:
    """Yield the region's functions."""
    async for row in listed(aws, "lambda", "ListFunctions", "Functions"):
        with row as function:
            yield Function(arn=function["FunctionArn"], **here(aws), runtime=row.read(_runtime))


def _runtime(function: Mapping[str, Any]) -> str | None:
    # https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    runtime: str | None = None if function["PackageType"] == "Image" else function["Runtime"]
    return runtime


@detail(actions=("lambda:GetPolicy",))
async def function_policy(aws: Aws, function: Function) -> FunctionPolicy:
    """Return the function's policy, which Lambda answers with an error where there is none."""
    # https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
    answer = await aws.find("lambda", "GetPolicy", ("ResourceNotFoundException",), FunctionName=function.arn)
    return FunctionPolicy(arn=function.arn, document=document_of(answer["Policy"] if answer else None))
