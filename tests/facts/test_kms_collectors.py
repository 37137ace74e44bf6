"""What the collectors of KMS keys make of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orgaudit.analysis.kms import key_state
from orgaudit.facts.kms import Key, key_description, key_policy, key_rotation, keys
from orgaudit.languages.iam_policy import PolicyError
from orgaudit.model import NotSeenError
from tests.factories import SECURITY, facts_of, organization_of
from tests.factories_kms import a_key, described, key_policy_of
from tests.literal_aws import LiteralAws, Refused, aws_of

KEY = a_key()
METADATA: dict[str, Any] = {
    "KeyId": "0a1b",
    "KeyManager": "CUSTOMER",
    "KeyState": "Enabled",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "Origin": "AWS_KMS",
}


def aws(**answers: Any) -> LiteralAws:
    return aws_of("kms", **answers)


def listed(*names: str) -> dict[str, Any]:
    return {"Keys": [{"KeyId": name, "KeyArn": a_key(name).arn} for name in names]}


def aliased(**keys: str) -> dict[str, Any]:
    """Aliases by the end of their name; "" for one that points at no key yet."""
    names = {f"alias/{name.replace('__', '/')}": key for name, key in keys.items()}
    return {
        "Aliases": [{"AliasName": name} | ({"TargetKeyId": key} if key else {}) for name, key in names.items()],
    }


async def found(at: LiteralAws) -> list[Key]:
    return [key async for key in keys(at)]


async def test_keys_of_aws_are_left_out_and_cost_no_call_of_their_own() -> None:
    at = aws(
        ListAliases=[aliased(aws__ebs="managed", aws__rds="", data="mine"), aliased(aws_like="mine", lone="")],
        ListKeys=[listed("managed", "mine"), listed("bare")],
    )
    assert await found(at) == [a_key("mine", aliases=("alias/aws_like", "alias/data")), a_key("bare")]
    assert {call.operation for call in at.world.calls} == {"ListAliases", "ListKeys"}


async def test_no_keys() -> None:
    assert await found(aws(ListAliases={"Aliases": []}, ListKeys={"Keys": []})) == []


@pytest.mark.parametrize(
    ("answers", "action"),
    [({"ListKeys": listed("mine")}, "kms:ListAliases"), ({"ListAliases": aliased()}, "kms:ListKeys")],
)
async def test_either_listing_denied(answers: dict[str, Any], action: str) -> None:
    with pytest.raises(NotSeenError) as raised:
        await found(aws(**answers))
    assert raised.value.gap.action == action


async def test_description() -> None:
    assert await key_description(aws(DescribeKey={"KeyMetadata": METADATA}), KEY) == described(KEY)


@pytest.mark.parametrize(("kind", "replica"), [("PRIMARY", False), ("REPLICA", True)])
async def test_replicas(kind: str, replica: bool) -> None:
    metadata = METADATA | {"MultiRegion": True, "MultiRegionConfiguration": {"MultiRegionKeyType": kind}}
    assert (await key_description(aws(DescribeKey={"KeyMetadata": metadata}), KEY)).replica is replica


async def test_description_without_an_origin_is_no_answer() -> None:
    with pytest.raises(KeyError):
        await key_description(aws(DescribeKey={"KeyMetadata": {"KeyId": "0a1b"}}), KEY)


async def test_rotation() -> None:
    at = aws(GetKeyRotationStatus={"KeyRotationEnabled": True, "RotationPeriodInDays": 180})
    status = await key_rotation(at, KEY, described(KEY))
    assert (status.enabled, status.period_days) == (True, 180)
    assert at.world.calls[0].parameters == {"KeyId": KEY.arn}


@pytest.mark.parametrize(
    "changes",
    [
        {"manager": "AWS"},
        {"state": "PendingDeletion"},
        {"spec": "ECC_NIST_P256"},
        {"origin": "EXTERNAL"},
        {"replica": True},
    ],
)
async def test_kms_is_not_asked_about_keys_that_cannot_rotate(changes: dict[str, Any]) -> None:
    at = aws()
    assert (await key_rotation(at, KEY, described(KEY, **changes))).enabled is None
    assert at.world.calls == []


async def test_policy() -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["kms:*"], "Resource": ["*"]}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert (await key_policy(aws(GetKeyPolicy={"Policy": text}), KEY)).parsed == key_policy_of(KEY, statement).parsed
    with pytest.raises(PolicyError):
        await key_policy(aws(GetKeyPolicy={"Policy": "{"}), KEY)


@pytest.mark.parametrize("read", [key_description, key_policy])
async def test_refused_details(read: Any) -> None:
    with pytest.raises(NotSeenError):
        await read(aws(DescribeKey=Refused(), GetKeyPolicy=Refused()), KEY)


async def test_refused_rotation() -> None:
    with pytest.raises(NotSeenError):
        await key_rotation(aws(), KEY, described(KEY))


def test_state_of_a_key_elsewhere() -> None:
    theirs = a_key(account_id=SECURITY)
    seen = organization_of(facts_of(SECURITY, theirs, described(theirs, state="Disabled")))
    assert key_state(seen, theirs.arn) == "Disabled"
    assert key_state(organization_of(facts_of(SECURITY, theirs)), theirs.arn) is None
    assert key_state(seen, KEY.arn) is None
