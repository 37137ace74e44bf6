"""What the collectors of buckets' ownership and lifecycle make of answers, and of secrets' rotation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orgaudit.facts.iam.authorization import customer_policies, inline_policies
from orgaudit.facts.s3.buckets import bucket_acl, bucket_lifecycle, bucket_ownership
from orgaudit.facts.secretsmanager import Secret, secrets
from orgaudit.model import Gap, NotSeenError, Observed, Seen
from tests.factories import HOME, MEMBER, NOW, statement
from tests.factories_resource_policies import a_secret
from tests.factories_s3 import a_bucket
from tests.literal_aws import Refused, aws_of

BUCKET = a_bucket()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("answer", "ownership"),
    [
        ({"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}, "BucketOwnerEnforced"),
        (Refused("OwnershipControlsNotFoundError"), "ObjectWriter"),
    ],
)
async def test_ownership(answer: Any, ownership: str) -> None:
    assert (await bucket_ownership(aws_of("s3", GetBucketOwnershipControls=answer), BUCKET)).ownership == ownership


async def test_lifecycle() -> None:
    rules = [{"ID": "expire", "Status": "Enabled"}, {"Status": "Enabled"}, {"ID": "archive", "Status": "Disabled"}]
    at = aws_of("s3", GetBucketLifecycleConfiguration={"Rules": rules})
    found = await bucket_lifecycle(at, BUCKET)
    assert (found.enabled, found.disabled) == (("expire", ""), ("archive",))
    assert at.world.actions == {"s3:GetLifecycleConfiguration"}


async def test_bucket_without_lifecycle_rules() -> None:
    at = aws_of("s3", GetBucketLifecycleConfiguration=Refused("NoSuchLifecycleConfiguration"))
    found = await bucket_lifecycle(at, BUCKET)
    assert (found.enabled, found.disabled) == ((), ())


@pytest.mark.parametrize(
    ("run", "operation"),
    [(bucket_ownership, "GetBucketOwnershipControls"), (bucket_lifecycle, "GetBucketLifecycleConfiguration")],
)
async def test_what_is_denied_is_not_taken_for_absent(run: Any, operation: str) -> None:
    with pytest.raises(NotSeenError):
        await run(aws_of("s3", **{operation: Refused("AccessDenied")}), BUCKET)


async def test_owner_of_an_access_control_list() -> None:
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": "79a5"}, "Permission": "FULL_CONTROL"}
    at = aws_of("s3", GetBucketAcl={"Owner": {"ID": "79a5"}, "Grants": [grant]})
    found = await bucket_acl(at, BUCKET)
    assert (found.owner, [each.grantee for each in found.grants]) == (Seen("79a5"), ["79a5"])


async def secret_of(**members: Any) -> Secret:
    row = {"ARN": a_secret().arn, "CreatedDate": NOW, **members}
    (found,) = [each async for each in secrets(aws_of("secretsmanager", ListSecrets={"SecretList": [row]}))]
    return found


async def test_secret_that_never_rotated() -> None:
    found = await secret_of()
    assert (found.rotates, found.due_at, found.rotated_at, found.used_at) == (
        *(Seen(False), Seen(None)),
        *(Seen(None), Seen(None)),
    )
    assert (found.owner, found.primary_region, found.created_at) == (Seen(None), Seen(None), Seen(NOW))


@pytest.mark.parametrize(("region", "primary"), [(HOME, None), ("us-east-1", "us-east-1")])
async def test_replica_names_the_region_of_its_primary(region: str, primary: str | None) -> None:
    assert (await secret_of(PrimaryRegion=region)).primary_region == Seen(primary)


@pytest.mark.parametrize(
    ("members", "due_at"),
    [
        ({"NextRotationDate": NOW + DAY}, Seen(NOW + DAY)),
        ({"LastRotatedDate": NOW, "RotationRules": {"AutomaticallyAfterDays": 30}}, Seen(NOW + 30 * DAY)),
        (
            {"NextRotationDate": NOW - DAY, "LastRotatedDate": NOW, "RotationRules": {"AutomaticallyAfterDays": 7}},
            Seen(NOW + 7 * DAY),
        ),
        (
            {"NextRotationDate": NOW, "LastRotatedDate": NOW - DAY, "RotationRules": {"ScheduleExpression": "cron(x)"}},
            Seen(NOW),
        ),
    ],
)
async def test_next_rotation(members: dict[str, Any], due_at: Observed[Any]) -> None:
    assert (await secret_of(RotationEnabled=True, **members)).due_at == due_at


async def test_rotation_without_a_date_is_a_gap() -> None:
    assert isinstance((await secret_of(RotationEnabled=True)).due_at, Gap)


async def test_cancelled_rotation_is_due_never() -> None:
    found = await secret_of(RotationEnabled=False, NextRotationDate=NOW, RotationRules={"AutomaticallyAfterDays": 30})
    assert found.due_at == Seen(None)


def named(rest: str) -> str:
    return f"arn:aws:iam::{MEMBER}:{rest}"


EVERYTHING = statement("*", Resource="*")
OWN = [{"PolicyName": "own", "PolicyDocument": EVERYTHING}]


async def test_inline_policies_of_all_kinds_of_principals() -> None:
    details = {
        "UserDetailList": [{"Arn": named("user/alice"), "UserPolicyList": OWN}, {"Arn": named("user/bob")}],
        "GroupDetailList": [{"Arn": named("group/staff"), "GroupPolicyList": OWN}],
        "RoleDetailList": [{"Arn": named("role/deploys"), "RolePolicyList": OWN}],
    }
    found = [each async for each in inline_policies(aws_of("iam", GetAccountAuthorizationDetails=details))]
    assert [each.holder for each in found] == [named("user/alice"), named("group/staff"), named("role/deploys")]
    assert found[0].arn == named("user/alice/inline-policy/own")
    assert found[0].services.value.services == ("statement 1 allows *",)


async def test_policy_that_limits_a_role_is_a_boundary() -> None:
    versions = [{"IsDefaultVersion": True, "Document": EVERYTHING}]
    limit = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": named("policy/limit")}
    details = {
        "RoleDetailList": [{"Arn": named("role/deploys"), "AttachedManagedPolicies": [], "PermissionsBoundary": limit}],
        "Policies": [{"Arn": named(f"policy/{name}"), "PolicyVersionList": versions} for name in ("limit", "wide")],
    }
    found = [each async for each in customer_policies(aws_of("iam", GetAccountAuthorizationDetails=details))]
    assert {each.name: each.bounds for each in found} == {"limit": True, "wide": False}
