"""In which situations statements take effect, and which patterns take in every action and every resource."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any

import pytest

from orgaudit.languages.iam_policy import Home, KnownKeys, parse_policy, situations, tokens_of
from orgaudit.languages.iam_policy.vocabulary import ANYWHERE, PARTITIONS, is_every_action, partitions_covered
from orgaudit.languages.iam_policy.wildcards import Tokens

Json = dict[str, Any]
MFA, ORGANIZATION = "aws:MultiFactorAuthPresent", "aws:PrincipalOrgID"
ONE, OTHER = {"StringEquals": {ORGANIZATION: "o-1"}}, {"StringNotEquals": {ORGANIZATION: "o-1"}}
HTTP: KnownKeys = (("aws:securetransport", ("false",)),)


def found(
    *conditions: Json, known: KnownKeys = (), effect: str = "Deny", version: str = "2012-10-17"
) -> dict[str, bool]:
    """The situations of statements with these conditions, by the places in effect, and whether they are certain."""
    statements = [{"Effect": effect, "Action": "*", "Resource": "*", "Condition": each} for each in conditions]
    policy = parse_policy({"Version": version, "Statement": statements})
    listed = situations(policy.statements, known, variables=policy.has_variables)
    return {"".join(map(str, each.active)): each.certain for each in listed}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([{}], {"0": True}),
        ([{}, {}], {"01": True}),
        ([ONE], {"": True, "0": True}),
        ([ONE, OTHER], {"0": True, "1": True}),
        ([ONE, {"StringNotEqualsIfExists": {ORGANIZATION: "o-1"}}], {"0": True, "1": True}),
        ([ONE, {"StringEqualsIfExists": {ORGANIZATION: "o-1"}}], {"": True, "01": True, "1": True}),
        ([{"Bool": {MFA: "true"}}, {"Bool": {MFA: "false"}}], {"": True, "0": True, "1": True}),
        ([{"Bool": {MFA: "true"}}, {"BoolIfExists": {MFA: "false"}}], {"0": True, "1": True}),
        ([{"Bool": {"aws:ViaAWSService": "true"}}, {"Bool": {"aws:ViaAWSService": "false"}}], {"0": True, "1": True}),
        ([{"Bool": {"x:Flag": "true"}}, {"Bool": {"x:Flag": "false"}}], {"": True, "0": True, "1": True}),
        ([{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}], {"": True, "0": True}),
        (
            [{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}],
            {"0": True, "1": True},
        ),
        ([{"NumericLessThan": {"s3:max-keys": "5"}}], {"": True, "0": True}),
        ([{"DateLessThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"}}], {"": True, "0": True}),
        ([{"StringEquals": {"aws:ResourceTag/a": "${aws:username}"}}], {"": True, "0": True}),
        ([{"StringEquals": {"aws:ResourceAccount": "111111111111"}}], {"": False, "0": False}),
        ([{"Odd": {"x:y": "z"}}], {"": False, "0": False}),
        ([{"Null": {"aws:PrincipalArn": "true"}}, {"Null": {"aws:PrincipalArn": "false"}}], {"0": False, "1": True}),
        ([{"StringLike": {"x:y": "a*"}}, {"StringLike": {"x:y": "*b"}}], {"": True, "0": True, "1": True, "01": False}),
        (
            [{"ForAllValues:StringEquals": {"x:y": "a"}}, {"ForAnyValue:StringNotEquals": {"x:y": "a"}}],
            {"0": True, "1": True},
        ),
        (
            [{"ForAnyValue:StringEquals": {"x:y": "a"}}, {"ForAnyValue:StringNotEquals": {"x:y": "a"}}],
            {"": True, "0": True, "1": True, "01": True},
        ),
    ],
)
def test_situations(conditions: list[Json], expected: dict[str, bool]) -> None:
    assert found(*conditions) == expected


def test_known_keys_decide() -> None:
    secure = [{"Bool": {"aws:SecureTransport": value}} for value in ("true", "false")]
    assert found(*secure, known=HTTP) == {"1": True}
    assert found({"Odd": {"aws:SecureTransport": "x"}}, known=HTTP) == {"": False, "0": False}
    absent: KnownKeys = (("s3:tlsversion", ()),)
    assert found({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, known=absent) == {"": True}


def test_too_many_conditions_leave_the_widest_situation() -> None:
    several = [{"StringEquals": {ORGANIZATION: f"o-{number}"}} for number in range(11)]
    assert found({}, *several) == {"0": False}
    assert found(*several, effect="Allow") == {"".join(map(str, range(11))): False}
    keys = [{"Odd": {f"x:{number}": "y"}} for number in range(13)]
    assert not found({}, *keys)["0"]


def patterns(*texts: str) -> tuple[Tokens, ...]:
    return tuple(tokens_of(text) for text in texts)


LETTERS = [f"{letter}*" for letter in ascii_lowercase]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["*"], True),
        (["**"], True),
        (["*:*"], True),
        (["?*:?*"], True),
        (["*:?*", "s3:get*"], True),
        (LETTERS, True),
        (LETTERS[:-1], False),
        ([f"{each}:*" for each in LETTERS], True),
        ([f"*:{each}" for each in LETTERS], True),
        ([f"*:{each}" for each in LETTERS[1:]], False),
        ([*LETTERS[1:], *(f"a{sign}*" for sign in f"{ascii_lowercase}:")], False),
        ([*LETTERS[1:], *(f"a{sign}*" for sign in f"{ascii_lowercase}:-0123456789")], True),
        ([f"?{each}" for each in LETTERS], False),
        (["??*:*"], False),
        (["??*:*", "?:*"], True),
        (["s3:*"], False),
        ([], False),
    ],
)
def test_every_action(texts: list[str], expected: bool) -> None:
    assert is_every_action(patterns(*texts)) is expected


@pytest.mark.parametrize(
    ("texts", "home", "expected"),
    [
        (["*"], ANYWHERE, PARTITIONS),
        (["arn:*"], ANYWHERE, PARTITIONS),
        (["*:*"], ANYWHERE, PARTITIONS),
        (["arn:aws:*"], ANYWHERE, ("aws",)),
        (["arn:aws*"], Home("aws-cn"), ("aws-cn",)),
        (["arn:aws:*"], Home("aws-cn"), ()),
        (["arn:aws:*:*:*:*"], ANYWHERE, ("aws",)),
        ([f"arn:aws:{each}" for each in LETTERS], ANYWHERE, ("aws",)),
        ([f"arn:aws:{each}" for each in LETTERS[1:]], ANYWHERE, ()),
        (["arn:aws:s3:::*"], ANYWHERE, ()),
        (["arn:aws:*:*:111111111111:*"], Home("aws", "111111111111"), ()),
        (["arn:aws:*:eu-*:*:*", "arn:aws:*::*:*"], ANYWHERE, ()),
    ],
)
def test_every_resource(texts: list[str], home: Home, expected: tuple[str, ...]) -> None:
    assert partitions_covered(patterns(*texts), home) == expected


def test_every_resource_of_the_account() -> None:
    own = patterns("arn:aws:*:*:111111111111:*")
    assert partitions_covered(own, Home("aws", "111111111111"), own=True) == ("aws",)
    assert partitions_covered(own, Home("aws", "222222222222"), own=True) == ()
