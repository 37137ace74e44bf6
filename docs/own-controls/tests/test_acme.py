"""What Acme's controls say, and what their facts read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from acme_rules.acme import acme_account_alias_set, acme_bucket_name_without_dots
from acme_rules.facts import AcmeAccountAlias, account_alias

from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Status

PLACE: dict[str, Any] = {"account_id": "111122223333", "region": "global"}


@pytest.mark.parametrize(
    ("alias", "status", "says"),
    [
        ("acme-shop", Status.PASS, "the alias is acme-shop"),
        ("shop", Status.FAIL, "does not begin with acme-"),
        (None, Status.FAIL, "no alias"),
    ],
)
def test_account_alias(alias: str | None, status: Status, says: str) -> None:
    verdict = acme_account_alias_set(
        AcmeAccountAlias(arn="arn:aws:iam::111122223333:account-alias", alias=alias, **PLACE)
    )
    assert verdict.status is status
    assert says in verdict.reason


@pytest.mark.parametrize(("name", "status"), [("shop-data", Status.PASS), ("shop.data", Status.FAIL)])
def test_bucket_name(name: str, status: Status) -> None:
    assert acme_bucket_name_without_dots(Bucket(arn=f"arn:aws:s3:::{name}", **PLACE)).status is status


@pytest.mark.parametrize(("answered", "alias"), [(["acme-shop"], "acme-shop"), ([], None)])
def test_the_alias_is_read(answered: list[str], alias: str | None) -> None:
    async def call(service: str, operation: str) -> dict[str, Any]:
        assert (service, operation) == ("iam", "ListAccountAliases")
        return {"AccountAliases": answered}

    async def read() -> list[AcmeAccountAlias]:
        aws: Any = SimpleNamespace(call=call, partition="aws", account_id="111122223333", region="eu-west-1")
        return [found async for found in account_alias(aws)]

    [found] = asyncio.run(read())
    assert (found.alias, found.region) == (alias, "global")
