"""What the IAM collectors make of an emulated account, through the whole of aws/."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from orgaudit.aws.access import Access
from orgaudit.demo import Demo
from orgaudit.facts.contacts import security_contact
from orgaudit.facts.iam import access_keys, authorization, credential_report, federation, passwords, root
from orgaudit.model import Seen
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from tests.emulated import leading_to
from tests.factories import statement, trust
from tests.factories_iam import EVERYTHING

LISTINGS = (
    authorization.users,
    authorization.groups,
    authorization.roles,
    authorization.instance_profiles,
    authorization.customer_policies,
    root.root,
    passwords.password_policy,
    federation.identity_providers,
    security_contact,
)
DETAILS = (credential_report.user_credentials, access_keys.user_access_keys)
Found = dict[str, Any]


def seed(demo: Demo) -> None:
    """One user with all that a user can have, a group, a policy of two versions and a contact."""
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    iam = session.client("iam", endpoint_url=demo.endpoint_url)
    iam.create_user(UserName="alice", Path="/team/")
    iam.create_login_profile(UserName="alice", Password="Emulated-1-password")
    iam.create_access_key(UserName="alice")
    second = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="alice", AccessKeyId=second, Status="Inactive")
    iam.put_user_policy(UserName="alice", PolicyName="extra", PolicyDocument=json.dumps(EVERYTHING))
    wide = iam.create_policy(PolicyName="wide", PolicyDocument=json.dumps(statement("s3:*", Resource="*")))["Policy"]
    iam.create_policy_version(PolicyArn=wide["Arn"], PolicyDocument=json.dumps(EVERYTHING), SetAsDefault=True)
    iam.attach_user_policy(UserName="alice", PolicyArn=wide["Arn"])
    iam.create_group(GroupName="staff")
    iam.attach_group_policy(GroupName="staff", PolicyArn=wide["Arn"])
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust("ec2.amazonaws.com")))
    for profile in ("web", "empty"):
        iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    iam.update_account_password_policy(MinimumPasswordLength=14, PasswordReusePrevention=24)
    session.client("account", endpoint_url=demo.endpoint_url).put_alternate_contact(
        AlternateContactType="SECURITY",
        Name="Security",
        Title="Team",
        EmailAddress="soc@example.com",
        PhoneNumber="+44 20 7946 0001",
    )


async def read() -> Found:
    """What each listing yields and each detail says of the one user, by the collector's name."""
    runs: tuple[Callable[..., Any], ...] = (*LISTINGS, *DETAILS)
    actions = [action for run in runs for action in getattr(run, "__collector__").actions]  # noqa: B009 - set by us
    limits = load_limits(Path("no file of the user's"))
    async with Access(AccessSettings(), RunSettings(attempts=1), limits, actions=actions) as access:
        at = access.as_caller().home()
        found: Found = {run.__name__: [each async for each in run(at)] for run in LISTINGS}
        (alice,) = [user for user in found["users"] if user.name == "alice"]
        return found | {run.__name__: await run(at, alice) for run in DETAILS}


@pytest.fixture(scope="module")
def found(empty: Demo) -> Iterator[Found]:
    with leading_to(empty) as patch:
        patch.setattr(credential_report, "PAUSES", (0.01, 0.01, 0.01))
        seed(empty)
        yield asyncio.run(read())


def test_user_with_all_that_is_attached(found: Found) -> None:
    (alice,) = found["users"]
    assert (alice.inline.value, [arn.rsplit("/", 1)[-1] for arn in alice.attached.value]) == (("extra",), ["wide"])


def test_instance_profiles_with_a_role(found: Found) -> None:
    (profile,) = found["instance_profiles"]
    assert (profile.name, profile.role_arn.rsplit("/", 1)[-1]) == ("web", "web")


def test_keys_and_report_of_the_user(found: Found) -> None:
    assert sorted(key.active for key in found["user_access_keys"].keys) == [False, True]
    row = found["user_credentials"].row
    assert (row.password_enabled, row.mfa, sorted(key.active for key in row.keys)) == (True, False, [False, True])


def test_default_version_of_an_own_policy_is_judged(found: Found) -> None:
    (wide,) = found["customer_policies"]
    assert isinstance(wide.grants, Seen)
    assert wide.grants.value.administering
    assert [arn.rsplit("/", 1)[-1] for arn in wide.attached_to] == ["staff", "alice"]


def test_what_is_there_once(found: Found) -> None:
    (of_root,), (policy,), (contact,) = found["root"], found["password_policy"], found["security_contact"]
    assert (of_root.mfa.value, of_root.access_keys.value) == (False, 0)
    assert (policy.exists, policy.min_length.value, policy.remembered) == (True, 14, 24)
    assert (contact.exists, contact.email.value) == (True, "soc@example.com")
    assert found["identity_providers"] == []
