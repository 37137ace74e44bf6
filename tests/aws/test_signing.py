"""The signature is the SDK's own: of every form of request, and accepted by a server that checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
import time_machine
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.aws.signing import S3Signer, Signer, use

PAIRS = ((Signer, auth.SigV4Auth), (S3Signer, auth.S3SigV4Auth))
NAMES = st.text("abcXYZ019-_", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
TEXT = st.text(max_size=20).filter(lambda text: not any(0xD800 <= ord(each) < 0xE000 for each in text))
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=40),
    st.binary(max_size=40).map(BytesIO),
    TEXT.map(json.dumps),
    st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.lists(TEXT, max_size=3)), max_size=4),
)
PATHS = st.text("abc/.~ %é", max_size=20).map("/{}".format)
HOSTS = st.sampled_from(
    ("ec2.eu-west-1.amazonaws.com", "EC2.local:443", "127.0.0.1:4566", "[::1]:8080", "u:p@host", "host:80", "host:443")
)
HEADERS = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.sampled_from(
        (
            {"User-Agent": "x", "Expect": "100-continue", "X-Amzn-Trace-Id": "Root=1"},
            {"Host": "vpce-1.example", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            {"Authorization": "old", "X-Amz-Date": "old", "X-Amz-Security-Token": "old"},
            {"Date": "Tue, 01 Jan 2030 00:00:00 GMT", "Content-MD5": "abc=", "x-two": " a   b "},
            {"X-Amz-Content-SHA256": "given"},
        )
    ),
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "payload_signing_enabled": st.booleans(),
        "has_streaming_input": st.booleans(),
        "checksum": st.sampled_from(
            ({}, {"request_algorithm": {"in": "trailer"}}, {"request_algorithm": {"in": "header", "name": "x-sum"}})
        ),
    },
)


def request(given: Mapping[str, Any]) -> AWSRequest:
    made = AWSRequest(**{name: value for name, value in given.items() if name != "context"})
    made.context = dict(given["context"])
    return made


def signed(signer: type[auth.SigV4Auth], keys: ReadOnlyCredentials, given: Mapping[str, Any]) -> dict[str, Any]:
    made = request(given)
    signer(keys, "ec2", "eu-west-1").add_auth(made)
    prepared = made.prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    return {"url": prepared.url, "headers": sorted(prepared.headers.items()), "body": body}


@pytest.mark.parametrize(("mine", "sdk"), PAIRS)
@given(
    method=st.sampled_from(("GET", "POST", "PUT", "head")),
    scheme=st.sampled_from(("http", "https")),
    host=HOSTS,
    path=PATHS,
    query=st.sampled_from(("", "?a=1", "?b=2&a=1&a=0", "?list-type=2&prefix=x%2Fy")),
    params=st.one_of(st.just({}), st.dictionaries(NAMES, VALUES, max_size=3)),
    headers=HEADERS,
    data=BODIES,
    context=CONTEXTS,
    token=st.sampled_from((None, "token/+=")),
    secret=VALUES,
)
def test_it_is_that_of_the_sdk(
    mine: type[auth.SigV4Auth],
    sdk: type[auth.SigV4Auth],
    *,
    method: str,
    scheme: str,
    host: str,
    path: str,
    query: str,
    params: dict[str, str],
    headers: dict[str, str],
    data: Any,
    context: dict[str, Any],
    token: str | None,
    secret: str,
) -> None:
    asked = {"method": method, "url": f"{scheme}://{host}{path}{query}", "headers": headers}
    asked |= {"params": params, "data": data, "context": context}
    keys = ReadOnlyCredentials("AKIA", secret, token, None)
    with time_machine.travel(datetime(2026, 11, 22, 15, 30, 1, tzinfo=UTC), tick=False):
        assert signed(mine, keys, asked) == signed(sdk, keys, asked)


def test_without_keys_nothing_is_signed() -> None:
    with pytest.raises(NoCredentialsError):
        Signer(None, "ec2", "eu-west-1").add_auth(AWSRequest("GET", "https://host/"))  # type: ignore[arg-type]  # the SDK passes None


def test_clients_sign_with_it() -> None:
    use()
    assert (auth.AUTH_TYPE_MAPS["v4"], auth.AUTH_TYPE_MAPS["s3v4"]) == (Signer, S3Signer)
