"""An answer without a body is one only where the operation may have none."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from orgaudit.aws.actions import iam_action, is_read
from orgaudit.aws.answers import check_body
from orgaudit.collect.account import actions_for
from orgaudit.facts.declare import load
from orgaudit.organization import discovery
from tests.asked_operations import asked

SESSION = get_session()


@cache
def service_of(service: str) -> ServiceModel:
    return SESSION.get_service_model(service)


@cache
def model_of(service: str, operation: str) -> OperationModel:
    return service_of(service).operation_model(operation)


OPERATIONS = sorted({(call.service, call.operation) for call in asked()})
MAY_BE_EMPTY = {("s3", "GetBucketPolicy"), ("s3", "HeadBucket")}
"""The answer's body is the policy's text itself, or the answer has only headers."""


def check(service: str, operation: str, body: bytes, status: int = 200) -> None:
    check_body(model_of(service, operation), {"body": body, "status_code": status})


def test_the_operations_are_all_that_are_declared() -> None:
    named = {iam_action(*pair) for pair in OPERATIONS}
    assert named >= {*actions_for(load()), *discovery.ACTIONS} - {"apigateway:GET"}
    assert {"sts:AssumeRole", "sts:GetCallerIdentity"} <= named


@pytest.mark.parametrize("pair", OPERATIONS, ids=".".join)
def test_an_answer_without_a_body_is_none(pair: tuple[str, str]) -> None:
    if pair in MAY_BE_EMPTY:
        check(*pair, b"")
        return
    with pytest.raises(ResponseParserError, match="no body"):
        check(*pair, b"")
    check(*pair, b"", status=404)


EMPTY = {
    "json": b"{}",
    "rest-json": b"{}",
    "rest-xml": b'<?xml version="1.0"?>\n<Root/>',
    "query": b"<SomeResponse/>",
    "ec2": b"<SomeResponse/>",
}


@pytest.mark.parametrize("pair", OPERATIONS, ids=".".join)
def test_an_answer_without_members_has_a_body(pair: tuple[str, str]) -> None:
    check(*pair, EMPTY[model_of(*pair).service_model.resolved_protocol])


def test_operations_that_answer_in_headers_alone_need_no_body() -> None:
    without: set[tuple[str, str]] = set()
    for service in sorted({service for service, _ in OPERATIONS}):
        for operation in service_of(service).operation_names:
            if not is_read(iam_action(service, operation)) or model_of(service, operation).output_shape is None:
                continue
            try:
                check(service, operation, b"")
            except ResponseParserError:
                continue
            without.add((service, operation))
    for service, operation in without:
        shape: Any = model_of(service, operation).output_shape
        payload = shape.serialization.get("payload")
        is_text = payload and shape.members[payload].type_name in {"blob", "string"}
        in_headers = all("location" in member.serialization for member in shape.members.values())
        assert is_text or in_headers, (service, operation)
    assert ("s3", "GetBucketPolicy") in without
    assert not {("s3", "GetBucketLocation"), ("s3", "GetBucketVersioning"), ("s3", "GetBucketLogging")} & without
