"""Lambda functions, their policies, and the ways in that only Lambda knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.openings import Opening
from orgaudit.facts.policies import Effect, PrincipalKind, Statement
from orgaudit.facts.resource_policies import ResourcePolicy, document_of, ways_in
from orgaudit.facts.rows import each_row
from orgaudit.model import Scope

URL_KEYS = frozenset({"lambda:functionurlauthtype", "lambda:invokedviafunctionurl"})
"""Conditions that say by which door a caller comes, and keep nobody out."""
FOR_ANY_CUSTOMER = frozenset({"s3.amazonaws.com", "sns.amazonaws.com"})
"""Services that invoke a function of one customer for the bucket or topic of another."""


class Function(Resource, frozen=True, kw_only=True):
    """A function."""


class FunctionPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """The policy of a function itself; aliases and versions may have policies of their own."""

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to strangers, directly or through a service that acts for any customer."""
        policy = self.parsed
        if policy is None:
            return ()
        statements = tuple(
            replace(each, conditions=tuple(one for one in each.conditions if one.key.lower() not in URL_KEYS))
            for each in policy.statements
        )
        services = (opening for each in policy.statements for opening in _through_services(each))
        return (*ways_in(replace(policy, statements=statements)), *services)


def _through_services(statement: Statement) -> Iterator[Opening]:
    """Yield an opening for each service that an Allow without conditions names."""
    if statement.effect is not Effect.ALLOW or statement.principal is None or statement.conditions:
        return
    for principal in statement.principal.values:
        if principal.kind is PrincipalKind.SERVICE and not statement.principal.negated:
            through = f"{principal.value} may invoke it without a condition on the account that it acts for"
            yield Opening(through, statement.action, certain=principal.value in FOR_ANY_CUSTOMER)


@collector(scope=Scope.REGIONAL, actions=("lambda:ListFunctions",))
async def functions(aws: Aws) -> AsyncIterator[Function]:
    """Yield the region's functions."""
    lists = (page["Functions"] async for page in aws.pages("lambda", "ListFunctions"))
    async for row in each_row(aws, "lambda:ListFunctions", lists):
        with row as function:
            yield Function(arn=function["FunctionArn"], account_id=aws.account_id, region=aws.region)


@detail(actions=("lambda:GetPolicy",))
async def function_policy(aws: Aws, function: Function) -> FunctionPolicy:
    """Read the function's policy."""
    answer = await aws.find("lambda", "GetPolicy", ("ResourceNotFoundException",), FunctionName=function.arn)
    return FunctionPolicy(arn=function.arn, document=document_of(answer["Policy"] if answer else None))
