"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import listed, text
from orgaudit.model import Scope


class DynamoDbTable(Resource, frozen=True, kw_only=True):
    """A table, or the replica of a global table in its region."""


@collector(scope=Scope.REGIONAL, actions=("dynamodb:ListTables",))
async def tables(aws: Aws) -> AsyncIterator[DynamoDbTable]:
    """Yield the region's tables."""
    async for row in listed(aws, "dynamodb", "ListTables", "TableNames"):
        with row as name:
            yield DynamoDbTable(
                arn=f"arn:{aws.partition}:dynamodb:{aws.region}:{aws.account_id}:table/{text(name)}", **here(aws)
            )
