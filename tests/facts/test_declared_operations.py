"""The operations and IAM actions of all collectors, held against the SDK's models and AWS's own list of actions."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from botocore.model import OperationModel
from botocore.session import get_session

from orgaudit.aws.actions import iam_action, is_read
from orgaudit.collect.account import actions_for
from orgaudit.facts.declare import load
from orgaudit.organization import discovery
from tests.asked_operations import Asked, asked

SESSION = get_session()
SERVICES = set(SESSION.get_available_services())
CALLS = list(asked())
ONE_PAGE = {
    # A user has at most two: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    ("iam", "ListAccessKeys"),
    # Asked for one account by its id.
    ("macie2", "ListAutomatedDiscoveryAccounts"),
}
"""Operations that can answer in pages and are called once."""
ACTIONS = sorted({*actions_for(load()), *discovery.ACTIONS})
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operation}-{call.place}")


@cache
def paginators(service: str) -> dict[str, Any]:
    model = SESSION.get_component("data_loader").load_service_model(service, "paginators-1")
    found: dict[str, Any] = model["pagination"]
    return found


def model_of(call: Asked) -> OperationModel:
    return SESSION.get_service_model(call.service).operation_model(call.operation)


@cache
def actions_of_aws() -> dict[str, set[str]]:
    """The actions that AWS's policy editor knows by prefix, in lower case; cfn-lint carries its list."""
    listed = json.loads(files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())
    return {prefix: set(service["Actions"]) for prefix, service in listed.items()}


def is_an_action(action: str) -> bool:
    prefix, _, name = action.partition(":")
    return name.lower() in actions_of_aws().get(prefix, set())


@every_call
def test_the_sdk_has_every_operation_with_its_parameters(call: Asked) -> None:
    assert call.service in SERVICES
    assert call.operation in SESSION.get_service_model(call.service).operation_names
    shape: Any = model_of(call).input_shape
    assert {*call.parameters} <= {*(shape.members if shape else ())}


@every_call
def test_what_answers_in_pages_is_read_to_the_last_one(call: Asked) -> None:
    if not call.paged:
        assert call.operation not in paginators(call.service) or (call.service, call.operation) in ONE_PAGE
        return
    if call.operation not in paginators(call.service):
        # What the client pages by itself where the SDK has no paginator.
        model: Any = model_of(call)
        assert "NextToken" in model.input_shape.members
        assert "NextToken" in model.output_shape.members


def test_no_operation_of_one_page_is_left_over() -> None:
    assert {(each.service, each.operation) for each in CALLS if not each.paged} >= ONE_PAGE
    assert all(operation in paginators(service) for service, operation in ONE_PAGE)


COLLECTED = [each for each in CALLS if each.place.startswith("orgaudit/facts/")]


@pytest.mark.parametrize("call", COLLECTED, ids=lambda call: f"{call.operation}-{call.place}")
def test_every_operation_of_a_collector_is_declared(call: Asked) -> None:
    assert iam_action(call.service, call.operation) in ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_aws_lists_every_declared_action(action: str) -> None:
    assert is_an_action(action)
    assert is_read(action)


@pytest.mark.parametrize(
    "action",
    [
        "s3:ListBuckets",
        "elb:DescribeLoadBalancers",
        "ec2:DescribeInstance",
        "s3:HeadBucket",
        "rds:GetDBInstances",
        "x:",
    ],
)
def test_what_aws_does_not_list(action: str) -> None:
    assert not is_an_action(action)
