"""Plain HTTP and administrators: held against an independent judge that tries every request, on random policies."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from orgaudit.controls.iam.policies import iam_customer_policy_limited
from orgaudit.controls.s3 import s3_bucket_http_denied, s3_bucket_tls_required
from orgaudit.model import Seen, Status
from tests.factories import MEMBER
from tests.factories_iam import a_policy
from tests.factories_s3 import a_bucket, policy_of
from tests.judges.policies import BUCKET, FRIEND, LETTERS, ORGANIZATION, OWN, administers, leaves_plain_http

Json = dict[str, Any]

TLS: tuple[Json, ...] = (
    *({"Bool": {"aws:SecureTransport": "false"}},) * 6,
    {"Bool": {"aws:SecureTransport": "true"}},
    {"BoolIfExists": {"aws:SecureTransport": False}},
    {"Null": {"aws:SecureTransport": "false"}},
    {"StringNotEquals": {"aws:SecureTransport": "true"}},
    {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    {"NumericLessThanIfExists": {"s3:TlsVersion": "1.2"}},
    {"NumericEquals": {"s3:TlsVersion": "1.1"}},
    {"NumericLessThanEquals": {"s3:TlsVersion": "1.1"}},
    {"Null": {"s3:TlsVersion": "true"}},
    {},
)
FURTHER: tuple[Json, ...] = (
    *({},) * 10,
    {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"IpAddress": {"aws:SourceIp": "128.0.0.0/1"}},
    {"NotIpAddress": {"aws:SourceIp": "128.0.0.0/1"}},
    {"StringLike": {"aws:UserAgent": "secret*"}},
    {"StringNotLike": {"aws:UserAgent": "secret*"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    {"StringEquals": {"aws:PrincipalTag/team": ["red"]}},
    {"StringNotEqualsIfExists": {"aws:PrincipalTag/team": "red"}},
    {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
)
PRINCIPALS: tuple[Json, ...] = (
    *({"Principal": "*"}, {"Principal": {"AWS": "*"}}) * 4,
    *({"Principal": {"AWS": account}} for account in (OWN, FRIEND)),
    *({"NotPrincipal": {"AWS": account}} for account in (OWN, FRIEND)),
)
S3_ACTIONS: tuple[Json, ...] = (
    *({"Action": "s3:*"},) * 4,
    *({"Action": "*"}, {"Action": "s3:Get*"}, {"NotAction": "s3:Get*"}, {"NotAction": "ec2:*"}),
)
S3_RESOURCES: tuple[Json, ...] = (
    *({"Resource": [BUCKET, f"{BUCKET}/*"]},) * 4,
    *({"Resource": each} for each in (BUCKET, f"{BUCKET}/*", "*", "arn:aws:s3:::d*", "arn:aws:s3:::d?ta/*", "arn:*")),
    *({"Resource": each} for each in (f"{BUCKET}/public/*", "arn:aws:s3:::logs-*")),
    *({"NotResource": each} for each in (f"{BUCKET}/public/*", "arn:aws:s3:::more/*", BUCKET)),
)


def merged(*conditions: Json) -> Json:
    """Several conditions as one element."""
    found: Json = {}
    for each in conditions:
        for operator, keys in each.items():
            found[operator] = found.get(operator, {}) | keys
    return {"Condition": found} if found else {}


def a_bucket_policy(source: random.Random) -> Json:
    """One to four statements, mostly Deny of plain HTTP."""
    statements = []
    for _ in range(source.choice((1, 1, 2, 2, 3, 4))):
        parts = [source.choice(each) for each in (PRINCIPALS, S3_ACTIONS, S3_RESOURCES)]
        effect = {"Effect": source.choice(("Deny",) * 7 + ("Allow",))}
        statements.append(effect | parts[0] | parts[1] | parts[2] | merged(source.choice(TLS), source.choice(FURTHER)))
    return {"Version": "2012-10-17", "Statement": statements}


@pytest.mark.parametrize("seed", [20250201, 20250202])
def test_random_bucket_policies_agree_with_the_judge_on_plain_http(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311
    said: Counter[Status] = Counter()
    for _ in range(300):
        document = a_bucket_policy(source)
        without_version, with_lowest = leaves_plain_http(document)
        policy = Seen(policy_of(a_bucket("data"), *document["Statement"]))
        for control in (s3_bucket_http_denied, s3_bucket_tls_required):
            status = control(a_bucket("data"), policy).status
            assert not (status is Status.PASS and (without_version or with_lowest)), document
            assert not (status is Status.FAIL and not without_version), document
            said[status] += "TlsVersion" not in str(document)
    assert said[Status.MANUAL] <= said.total() // 10, said
    assert min(said[Status.PASS], said[Status.FAIL]) >= said.total() // 10, said


ACTIONS: tuple[Json, ...] = (
    *({"Action": "*"}, {"Action": "*:*"}, {"Action": "*:?*"}),
    *({"Action": [f"{each}*" for each in part]} for part in (LETTERS, LETTERS[:13], LETTERS[13:], LETTERS[1:])),
    *({"Action": each} for each in ("iam:*", "iam:Get*", ["iam:Put*", "s3:*"], "s3:*")),
    *({"NotAction": each} for each in ("iam:*", "s3:*", ["iam:*", "s3:*"], "iam:Delete*", ["IAM:*"])),
)
RESOURCES: tuple[Json, ...] = (
    *({"Resource": "*"},) * 6,
    *({"Resource": each} for each in ("arn:aws:*", "*:*", f"arn:aws:*:*:{OWN}:*", "arn:aws:s3:::*")),
    *({"Resource": [f"arn:aws:{each}*" for each in part]} for part in (LETTERS, LETTERS[:13], LETTERS[13:])),
    *({"Resource": f"arn:aws:iam::*:{each}"} for each in ("role/*", "user/${aws:username}")),
    *({"NotResource": f"arn:aws:iam::*{each}"} for each in ("", ":role/*", ":role/one")),
)
ASKED: tuple[Json, ...] = (
    *({},) * 8,
    *FURTHER[15:21],
    {"Bool": {"aws:SecureTransport": "true"}},
)


def an_identity_policy(source: random.Random) -> Json:
    """One to four statements, the first an Allow, with a condition now and then."""
    statements = []
    for place in range(source.choice((1, 2, 2, 3, 3, 4))):
        effect = {"Effect": "Allow" if place == 0 else source.choice(("Allow", "Allow", "Deny"))}
        statements.append(effect | source.choice(ACTIONS) | source.choice(RESOURCES) | merged(source.choice(ASKED)))
    return {"Version": "2012-10-17", "Statement": statements}


@pytest.mark.parametrize("seed", [20250203, 20250204])
def test_random_identity_policies_agree_with_the_judge_on_administrators(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311
    said: Counter[Status] = Counter()
    for _ in range(200):
        document = an_identity_policy(source)
        found, status = administers(document), iam_customer_policy_limited(a_policy(as_of_member(document))).status
        assert not (status is Status.PASS and found), document
        assert not (status is Status.FAIL and not found), document
        said[status] += 1
    assert said[Status.MANUAL] <= said.total() // 20, said
    assert min(said[Status.PASS], said[Status.FAIL]) >= said.total() // 10, said


def as_of_member(document: Json) -> Json:
    """The document with the account of the policy in place of the judge's own."""
    text = {name: each for name, each in document.items() if name != "Statement"}
    return text | {"Statement": [_replaced(each) for each in document["Statement"]]}


def _replaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each) for each in value]
    return value.replace(OWN, MEMBER) if isinstance(value, str) else value
