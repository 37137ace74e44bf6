"""What the collector of DynamoDB tables makes of answers."""

from __future__ import annotations

import pytest

from orgaudit.facts.dynamodb import DynamoDbTable, tables
from orgaudit.model import NotSeenError
from tests.factories import HOME, MANAGEMENT
from tests.factories_organizations import a_table
from tests.literal_aws import LiteralAws, World


def aws(*pages: list[str]) -> LiteralAws:
    answers = [
        {"TableNames": names, **({"LastEvaluatedTableName": names[-1]} if page < len(pages) else {})}
        for page, names in enumerate(pages, start=1)
    ]
    return LiteralAws(World({MANAGEMENT: {("dynamodb", "ListTables"): answers}}), MANAGEMENT, HOME)


async def found(at: LiteralAws) -> list[DynamoDbTable]:
    return [table async for table in tables(at)]


async def test_tables_page_by_page() -> None:
    assert await found(aws(["customers", "locks"], ["orders"])) == [
        a_table("customers"),
        a_table("locks"),
        a_table("orders"),
    ]


async def test_no_tables() -> None:
    assert await found(aws([])) == []


async def test_denied() -> None:
    with pytest.raises(NotSeenError) as raised:
        await found(LiteralAws(World({MANAGEMENT: {}}), MANAGEMENT, HOME))
    assert raised.value.gap.action == "dynamodb:ListTables"
