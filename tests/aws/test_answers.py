"""An answer without a body is one only where the operation may have none, and times are read as the SDK does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserError
from botocore.session import get_session
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.aws.actions import iam_action, is_read
from orgaudit.aws.answers import check_body, read_time
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


MOMENTS = st.datetimes(timezones=st.sampled_from((UTC, timezone(timedelta(hours=-7, minutes=30)))))
FORMS: tuple[Callable[[datetime], str], ...] = (
    lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20),
    lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    lambda moment: moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    lambda moment: moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ").zfill(16),
    datetime.isoformat,
    format_datetime,
    lambda moment: str(int(moment.timestamp())),
)


@given(moment=MOMENTS.filter(lambda each: 1970 < each.year < 9999), form=st.sampled_from(FORMS))
def test_times_are_read_as_the_sdk_reads_them(moment: datetime, form: Callable[[datetime], str]) -> None:
    assert read_time(form(moment)) == parse_timestamp(form(moment))


@pytest.mark.parametrize("value", [0, 1764000000, 1764000000.123, 1.7e9])
def test_numbers_are_times(value: float) -> None:
    assert read_time(value) == datetime.fromtimestamp(value, UTC)


@pytest.mark.parametrize("value", ["", "Z", "today at noonZ", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match=r"[Ii]nvalid timestamp"):
        read_time(value)
