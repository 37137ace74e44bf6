"""What is taken out of errors and of the log, and what stays."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from botocore.parsers import ResponseParserError, ResponseParserFactory
from botocore.session import get_session

from orgaudit.aws.failures import UNREADABLE, Place, classify
from orgaudit.aws.masking import MaskingFormatter, masked
from orgaudit.model import GapReason

TOKEN = "IQoJb3JpZ2luX2VjEOP//////////wEaCXVzLWVhc3QtMSJHMEUCIQD+token=="
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
KEY_ID = "ASIAIOSFODNN7EXAMPLE"
ROLE = "arn:aws:iam::111122223333:role/OrgAuditRole"


@pytest.mark.parametrize(
    "text",
    [
        f"The Canonical String should have been 'POST\n/\n\nhost:sts\nx-amz-security-token:{TOKEN}\n\nhost'",
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20261121/us-east-1/sts/aws4_request, Signature={SIGNATURE}",
        f"https://s3.amazonaws.com/?X-Amz-Signature={SIGNATURE}&X-Amz-Security-Token={TOKEN}",
        f"<Credentials><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>",
        f'{{"SecretAccessKey": "{SECRET}", "SessionToken": "{TOKEN}"}}',
        f"{{'secret_key': '{SECRET}', 'aws_session_token': '{TOKEN}'}}",
        f"aws_secret_access_key = {SECRET}",
        f"The access key {KEY_ID} is not valid",
        f"could not connect to http://user:{SECRET.replace('/', '')}@proxy:3128/",
        f"ExternalId={SECRET}&RoleArn={ROLE}",
    ],
)
def test_secret_with_a_name_or_a_form_is_taken_out(text: str) -> None:
    found = masked(text)
    for secret in (TOKEN, SECRET, SECRET.replace("/", ""), SIGNATURE, KEY_ID):
        assert secret not in found
    assert found[:3] == text[:3]


@pytest.mark.parametrize(
    "text",
    [
        f"User: {ROLE} is not authorized to perform: sts:AssumeRole on resource: {ROLE} with an explicit deny",
        "The security token included in the request is invalid.",
        "Signature not yet current: 20261121T170000Z is still later than 20261121T165500Z",
        "SignatureDoesNotMatch: check the key and the method of signing",
        "Could not connect to the endpoint URL: https://sts.us-east-1.amazonaws.com/",
        "user team@example.com asked for http://example.com/a@b",
        "the bucket AKIA-logs",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_known_values_are_taken_out_wherever_they_are() -> None:
    assert masked(f"'{SECRET}' failed, hush", [SECRET, None, "hush", "", "failed"]) == "'***' ***, hush"


def test_key_ids_stay_recognizable() -> None:
    assert masked(f"no such key {KEY_ID}") == "no such key ASIA…MPLE"


def test_the_log_is_masked_with_its_tracebacks() -> None:
    formatter = MaskingFormatter("%(levelname)s %(message)s")
    error = ValueError(f"SessionToken={TOKEN}")
    record = logging.LogRecord("x", logging.ERROR, "", 1, "sent %s", (KEY_ID,), (ValueError, error, None))
    assert TOKEN not in formatter.format(record)
    assert "ERROR sent ASIA…MPLE" in formatter.format(record)


@pytest.mark.parametrize("end", [0.5, 0.9])
def test_an_answer_that_the_sdk_cannot_parse_is_not_quoted(end: float) -> None:
    body = (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
        f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ).encode()
    shape: Any = get_session().get_service_model("sts").operation_model("AssumeRole").output_shape
    parser = ResponseParserFactory().create_parser("query")
    answer = {"status_code": 200, "headers": {}, "body": body[: int(len(body) * end)], "context": {}}
    with pytest.raises(ResponseParserError) as raised:
        parser.parse(answer, shape)
    assert SECRET in str(raised.value)  # the SDK quotes the answer
    failure = classify(raised.value, Place(may_be_disabled=False, may_lack_service=False, lists_service=True))
    assert (failure.reason, failure.message) == (GapReason.MALFORMED, UNREADABLE)
