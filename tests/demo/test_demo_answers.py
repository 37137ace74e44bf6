"""What the demo answers of secrets, detectors and scans: nothing that the SDK's models do not have, and as planned."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from orgaudit.demo import Demo
from orgaudit.demo.accounts import ROLE_NAME, account_named
from tests.literal_aws import flaws, service_model

Asks = Callable[..., Any]
Ask = tuple[str, str, str, str, dict[str, Any]]
"""An account, a region, a service and an operation with its parameters."""
PAYMENTS, PRODUCTION = ("Payments Production", "eu-central-1"), ("Webshop Production", "eu-west-1")
DEVELOPMENT, PLATFORM = ("Webshop Development", "eu-west-1"), ("Data Platform Production", "eu-west-1")
ASKED: list[Ask] = [
    (*PAYMENTS, "secretsmanager", "ListSecrets", {}),
    (*PLATFORM, "secretsmanager", "ListSecrets", {"MaxResults": 1}),
    (*PRODUCTION, "guardduty", "ListDetectors", {}),
    (*PRODUCTION, "macie2", "GetMacieSession", {}),
    (*PRODUCTION, "macie2", "GetAdministratorAccount", {}),
    (*PRODUCTION, "macie2", "ListClassificationJobs", {}),
    (*PRODUCTION, "inspector2", "BatchGetAccountStatus", {"accountIds": [account_named(PRODUCTION[0]).id]}),
    (*DEVELOPMENT, "inspector2", "BatchGetAccountStatus", {"accountIds": [account_named(DEVELOPMENT[0]).id]}),
]


@pytest.fixture(scope="module")
def client(demo: Demo) -> Asks:
    """Return a client of a service as the audit role in the account of that name."""
    sdk: Any = boto3
    common = {"endpoint_url": demo.endpoint_url}

    @cache
    def made(account: str, region: str, service: str) -> Any:
        caller = sdk.client(
            "sts",
            region_name=region,
            aws_access_key_id=demo.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=demo.environment["AWS_SECRET_ACCESS_KEY"],
            **common,
        )
        arn = f"arn:aws:iam::{account_named(account).id}:role/{ROLE_NAME}"
        keys = caller.assume_role(RoleArn=arn, RoleSessionName="orgaudit")["Credentials"]
        return sdk.client(
            service,
            region_name=region,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            **common,
        )

    return made


def method(operation: str) -> str:
    """The name that the SDK gives the operation in Python."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in operation).lstrip("_")


def unknown(content: object, shape: Shape, where: str = "") -> Iterator[str]:
    """Yield the members of a body that the operation does not have, as it is before the SDK drops them."""
    if isinstance(shape, StructureShape) and isinstance(content, dict):
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, value in content.items():
            if name in members:
                yield from unknown(value, members[name], f"{where}.{name}")
            else:
                yield f"{where}.{name}"
    elif isinstance(shape, ListShape) and isinstance(content, list):
        for each in content:
            yield from unknown(each, shape.member, where)
    elif isinstance(shape, MapShape) and isinstance(content, dict):
        for each in content.values():
            yield from unknown(each, shape.value, where)


@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: f"{ask[3]} in {ask[0]}")
def test_answers_have_what_the_model_has(client: Asks, ask: Ask) -> None:
    account, region, service, operation, parameters = ask
    asked, bodies = client(account, region, service), []
    asked.meta.events.register("before-parse.*", lambda response_dict, **_: bodies.append(response_dict["body"]))
    answer = getattr(asked, method(operation))(**parameters)
    answer.pop("ResponseMetadata")
    shape = service_model(service).operation_model(operation).output_shape
    assert shape is not None
    assert answer
    assert flaws(answer, shape) == []
    assert list(unknown(json.loads(bodies[-1]), shape)) == []


def the_secret(client: Asks, account: str, region: str, name: str) -> dict[str, Any]:
    secrets: list[dict[str, Any]] = client(account, region, "secretsmanager").list_secrets()["SecretList"]
    (found,) = (each for each in secrets if each["Name"] == name)
    return found


def days_since(moment: datetime) -> int:
    return (datetime.now(UTC) - moment) // timedelta(days=1)


def test_secret_that_rotates_has_its_dates(client: Asks) -> None:
    found = the_secret(client, *PAYMENTS, "ledger/password")
    assert (days_since(found["CreatedDate"]), days_since(found["LastRotatedDate"])) == (410, 12)
    assert found["NextRotationDate"] - found["LastRotatedDate"] == timedelta(days=30)
    assert days_since(found["LastAccessedDate"]) == 1
    replica = the_secret(client, PAYMENTS[0], "eu-west-1", "ledger/password")
    assert replica["PrimaryRegion"] == PAYMENTS[1]
    asked = client(PAYMENTS[0], "eu-west-1", "secretsmanager")
    assert asked.get_resource_policy(SecretId=replica["ARN"])["ARN"] == replica["ARN"]


def test_secret_of_a_service_names_it(client: Asks) -> None:
    found = the_secret(client, *PLATFORM, "rds!cluster-warehouse")
    assert found["OwningService"] == "rds"
    assert "LastAccessedDate" not in found


def plans_of(client: Asks, account: str, region: str) -> tuple[str, dict[str, str]]:
    """The status of the only detector, and that of each plan and each part of one."""
    asked = client(account, region, "guardduty")
    (detector,) = asked.list_detectors()["DetectorIds"]
    answer = asked.get_detector(DetectorId=detector)
    shape = service_model("guardduty").operation_model("GetDetector").output_shape
    assert shape is not None
    answer.pop("ResponseMetadata")
    assert flaws(answer, shape) == []
    plans = {each["Name"]: each["Status"] for each in answer["Features"]}
    parts = {
        f"{each['Name']}.{part['Name']}": part["Status"]
        for each in answer["Features"]
        for part in each.get("AdditionalConfiguration", ())
    }
    return answer["Status"], plans | parts


def test_detector_of_production_has_every_plan_but_the_older_one(client: Asks) -> None:
    status, plans = plans_of(client, *PRODUCTION)
    assert status == "ENABLED"
    assert {name for name, each in plans.items() if each != "ENABLED"} == {
        "EKS_RUNTIME_MONITORING",
        "EKS_RUNTIME_MONITORING.EKS_ADDON_MANAGEMENT",
    }


def test_detector_of_the_data_platform_has_the_older_plan(client: Asks) -> None:
    _, plans = plans_of(client, *PLATFORM)
    older = {name: each for name, each in plans.items() if name.startswith("EKS_RUNTIME")}
    assert set(older.values()) == {"ENABLED"}
    assert len(older) == 2
    assert {each for name, each in plans.items() if name.startswith("RUNTIME")} == {"DISABLED"}


def test_detectors_elsewhere(client: Asks) -> None:
    assert plans_of(client, "Payments Development", "eu-west-1")[0] == "DISABLED"
    _, few = plans_of(client, *DEVELOPMENT)
    assert {name for name, each in few.items() if each == "ENABLED"} == {"S3_DATA_EVENTS"}
    assert client("Sandbox Platform", "us-east-1", "guardduty").list_detectors()["DetectorIds"] == []
