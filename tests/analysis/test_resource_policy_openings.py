"""The ways in that policies leave to external callers, where the kind of resource matters."""

from __future__ import annotations

from typing import Any

from orgaudit.analysis.resource_policies import openings_in
from orgaudit.facts.lambda_ import FunctionPolicy
from tests.factories_resource_policies import allow


def opened(*statements: dict[str, Any]) -> list[tuple[str, bool]]:
    policy = FunctionPolicy(arn="a", document={"Version": "2012-10-17", "Statement": list(statements)})
    return [(opening.through.partition(" to ")[2].split(" ")[0], opening.certain) for opening in openings_in(policy)]


def test_openings_of_no_policy() -> None:
    assert openings_in(FunctionPolicy(arn="a")) == ()


def test_each_service_is_an_opening_of_its_own() -> None:
    found = opened(allow({"Service": ["s3.amazonaws.com", "logs.amazonaws.com"]}, action="lambda:InvokeFunction"))
    assert found == [("s3.amazonaws.com", True), ("logs.amazonaws.com", False)]


def test_excepted_services_are_no_openings() -> None:
    statement = allow(action="lambda:InvokeFunction")
    del statement["Principal"]
    found = opened(statement | {"Effect": "Allow", "NotPrincipal": {"Service": "s3.amazonaws.com"}})
    assert found == [("the", True)]
