"""What a run records so that a pack can say by which operation, when and as whom a fact was read."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from orgaudit.aws.actions import IAM_PREFIXES, iam_action, operations_of
from orgaudit.collect.stage import fact_records
from orgaudit.controls.declare import catalogue
from orgaudit.evaluate.rules import Rules
from orgaudit.facts.declare import load

RULES = Rules(tuple(catalogue().values()))


@pytest.fixture(scope="module")
def models() -> dict[str, list[Any]]:
    """The SDK's service models by IAM prefix."""
    session = botocore.session.Session()
    wanted = {action.partition(":")[0] for found in load().values() for action in found.actions}
    names = {name: IAM_PREFIXES.get(name, name) for name in session.get_available_services()}
    return {
        prefix: [session.get_service_model(name) for name, of in names.items() if of == prefix] for prefix in wanted
    }


def test_every_type_that_a_control_takes_is_recorded_with_its_operations() -> None:
    records = {record.name: record for record in fact_records(RULES.facts)}
    for control in RULES.records:
        assert control.facts or control.account_facts
        for name in (*control.facts, *control.account_facts):
            assert records[name].operations
            assert records[name].parent in {"", *records}
        assert set(control.actions) == {
            action for name in (*control.facts, *control.account_facts) for action in records[name].actions
        }


def test_every_operation_is_one_of_the_sdk_that_the_action_permits(models: dict[str, list[Any]]) -> None:
    for record in fact_records(RULES.facts):
        for action in record.actions:
            for operation in operations_of(action):
                permitted = [
                    model.service_name
                    for model in models[action.partition(":")[0]]
                    if operation in model.operation_names and iam_action(model.service_name, operation) == action
                ]
                assert permitted, (record.name, action, operation)


def test_operations_whose_action_has_another_name() -> None:
    assert operations_of("s3:ListAllMyBuckets") == ("ListBuckets",)
    assert operations_of("s3:GetAccountPublicAccessBlock") == ("GetPublicAccessBlock",)
    assert operations_of("apigateway:GET") == ("GetApis", "GetResources", "GetRestApis", "GetStages")
    assert operations_of("iam:ListUsers") == ("ListUsers",)


def test_a_control_tells_what_it_takes_of_the_resource_from_what_it_looks_up() -> None:
    found = {record.id: record for record in RULES.records}
    bucket = found["s3_bucket_effective_public_access_blocked"]
    assert bucket.facts == ("Bucket",)
    assert "AccountPublicAccessBlock" in bucket.account_facts
    trails = found["cloudtrail_trail_multi_region_management_events"]
    assert (trails.facts, trails.uses_organization) == ((), True)
    assert "Trail" in trails.account_facts
    status = found["cloudtrail_trail_logging"]
    assert (status.facts, status.account_facts) == (("Trail", "TrailStatus"), ())
