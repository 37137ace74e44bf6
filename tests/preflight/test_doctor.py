"""The doctor: what is sound is OK, what is not names its cause and its remediation, and the exit code follows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import boto3
import pytest

from orgaudit.audit import Auditor
from orgaudit.aws.actions import iam_action
from orgaudit.collect.account import actions_for
from orgaudit.demo import Demo
from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, account_named
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.facts.declare import load
from orgaudit.model import Caller, Gap, GapReason
from orgaudit.preflight.doctor import TRIALS, Check, CheckStatus, Diagnosis, diagnose
from orgaudit.preflight.remediation import reading_remediation, role_remediation
from orgaudit.settings.sections import AccessSettings
from orgaudit.settings.settings import Settings
from tests.faults import Cut, Deny, DenyByScp, FaultProxy, Garble, RegionDisabled, Rule

Make = Callable[..., Settings]
SOUND = account_named("Log Archive").id
TOOLING = account_named("Security Tooling").id
SUSPENDED = account_named("Legacy Loyalty").id
WITHOUT_ROLE = account_named("Northgate Acquisition").id
ORGANIZATION_CALLS = 8


def failures(found: Diagnosis) -> dict[tuple[str, str], Check]:
    """Return the checks that failed by account and name; each says what to do in one sentence."""
    failed = {(check.account_id, check.name): check for check in found.checks if check.status is CheckStatus.FAIL}
    for check in failed.values():
        assert check.message
        assert check.remediation.endswith("."), check
        assert "\n" not in check.remediation
    return failed


async def examined(settings: Settings, sample: int | None = None) -> Diagnosis:
    return await diagnose(Auditor(settings), sample=sample)


async def test_a_sound_account_is_all_ok(proxy: FaultProxy, settings: Make) -> None:
    found = await examined(settings(scope={"accounts": [SOUND, MANAGEMENT.id]}))
    assert found.exit_code is ExitCode.CLEAN
    counts = Counter(check.status for check in found.checks)
    assert counts == {CheckStatus.OK: 1 + ORGANIZATION_CALLS + 2 * 3, CheckStatus.SKIPPED: 1}
    roles = {check.account_id: check.message for check in found.checks if check.name == "role"}
    assert roles == {MANAGEMENT.id: "the caller's own credentials", SOUND: "assumed OrgAuditRole"}
    (untried,) = [check for check in found.checks if check.status is CheckStatus.SKIPPED]
    assert "iam:GetRole" in untried.message.partition("not tried")[2]
    assert "logs:DescribeLogGroups" in untried.message.partition("not tried")[0]


async def test_accounts_that_nobody_can_enter_make_an_audit_incomplete(proxy: FaultProxy, settings: Make) -> None:
    found = await examined(settings())
    failed = failures(found)
    assert failed.keys() == {(SUSPENDED, "role"), (WITHOUT_ROLE, "role")}
    assert "SUSPENDED" in failed[SUSPENDED, "role"].message
    assert "exclude_accounts" in failed[SUSPENDED, "role"].remediation
    assert "orgaudit policy" in failed[WITHOUT_ROLE, "role"].remediation
    assert found.exit_code is ExitCode.INCOMPLETE


async def test_only_the_calls_of_the_chosen_controls_are_tried(proxy: FaultProxy, settings: Make) -> None:
    scope = {"accounts": [SOUND], "controls": ["cloudtrail_trail_logging"]}
    found = await examined(settings(scope=scope))
    sent = Counter(call.permission for call in proxy.calls if call.temporary)
    assert sent == {"account:ListRegions": 1, "cloudtrail:DescribeTrails": 1}
    assert found.exit_code is ExitCode.CLEAN


@pytest.mark.parametrize(
    ("rule", "where", "says"),
    [
        (Deny(service="cloudtrail", account=SOUND), (SOUND, "cloudtrail:DescribeTrails"), "orgaudit policy"),
        (
            Deny(action="DescribeAlarms", account=SOUND),
            (SOUND, "cloudwatch:DescribeAlarms"),
            "cloudwatch:DescribeAlarms",
        ),
        (DenyByScp(service="logs", account=SOUND), (SOUND, "logs:DescribeLogGroups"), "service control policy"),
        (Deny(action="AssumeRole", target=SOUND), (SOUND, "role"), "--for caller"),
        (DenyByScp(action="AssumeRole", target=SOUND), (SOUND, "role"), "service control policy"),
        (Deny(service="organizations", action="ListRoots"), ("", "organizations:ListRoots"), "management account"),
        (RegionDisabled(account=SOUND), (SOUND, "role"), "proxy"),
    ],
    ids=["listing", "detail", "scp", "role", "role-scp", "units", "keys"],
)
async def test_a_refusal_is_named_with_its_remediation(
    rule: Rule, where: tuple[str, str], says: str, proxy: FaultProxy, settings: Make
) -> None:
    proxy.rules = [rule]
    found = await examined(settings(scope={"accounts": [SOUND, TOOLING]}))
    failed = failures(found)
    assert {account for account, _ in failed} == {where[0]}
    assert says in failed[where].remediation
    assert found.exit_code is ExitCode.INCOMPLETE


@pytest.mark.parametrize("body", [b"{}", b'{"Roots":[{}],"DelegatedAdministrators":7}', b'{"Organization":7}'])
async def test_incomplete_answers_are_no_traceback(body: bytes, proxy: FaultProxy, settings: Make) -> None:
    proxy.rules = [Garble(service="organizations", body=body)]
    found = await examined(settings(scope={"accounts": [SOUND]}))
    assert found.exit_code is ExitCode.NO_ACCESS
    assert any(re.search("is incomplete|parser failed on it", check.message) for check in failures(found).values())


@pytest.mark.parametrize(("services", "status"), [(("account",), "OK"), (("account", "ec2"), "FAIL")])
async def test_regions_are_told_by_either_of_two_calls(
    services: tuple[str, ...], status: str, proxy: FaultProxy, settings: Make
) -> None:
    proxy.rules = [Deny(service=service) for service in services]
    found = await examined(settings(scope={"accounts": [SOUND], "regions": ["us-east-1"]}))
    (regions,) = [check for check in found.checks if check.name == "regions"]
    assert regions.status == status
    assert "ec2:DescribeRegions" in regions.message


async def test_an_account_with_no_region_in_scope_is_not_read(proxy: FaultProxy, settings: Make) -> None:
    found = await examined(settings(scope={"accounts": [SOUND], "regions": ["sa-east-1"]}))
    reads = [check for check in found.checks if check.account_id == SOUND and check.name == "read actions"]
    assert [check.status for check in reads] == [CheckStatus.SKIPPED]
    assert not [call for call in proxy.calls if call.service == "cloudtrail"]


async def test_reads_are_tried_in_a_region_of_the_scope(proxy: FaultProxy, settings: Make) -> None:
    await examined(settings(scope={"accounts": [SOUND], "regions": ["eu-*"]}))
    assert {call.region for call in proxy.calls if call.service in {"cloudtrail", "logs"}} == {"eu-central-1"}


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([Deny(service="organizations", action="DescribeOrganization")], "organizations:DescribeOrganization"),
        ([Deny(service="organizations", action="ListAccounts")], "organizations:ListAccounts"),
        ([Deny(action="GetCallerIdentity")], "identity"),
        ([Cut(service="sts")], "identity"),
    ],
)
async def test_no_audit_can_begin(rules: list[Rule], name: str, proxy: FaultProxy, settings: Make) -> None:
    proxy.rules = list(rules)
    found = await examined(settings(run={"attempts": 1}))
    assert ("", name) in failures(found)
    assert not [check for check in found.checks if check.account_id]
    assert found.exit_code is ExitCode.NO_ACCESS


async def test_a_member_is_told_to_audit_from_elsewhere(
    proxy: FaultProxy, settings: Make, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{SOUND}:role/{demo.role_name}", RoleSessionName="member"
    )["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    found = await examined(settings())
    assert "management account" in failures(found)["", "organizations:ListAccounts"].remediation
    assert found.exit_code is ExitCode.NO_ACCESS


async def test_a_role_that_cannot_be_assumed_cannot_read_the_organization(proxy: FaultProxy, settings: Make) -> None:
    role = f"arn:aws:iam::{WITHOUT_ROLE}:role/Reader"
    failed = failures(await examined(settings(organization={"role_arn": role})))
    assert role in failed["", "organizations:DescribeOrganization"].remediation


async def test_without_credentials_there_is_one_failure(
    proxy: FaultProxy, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = await examined(settings())
    assert failures(found).keys() == {("", "identity")}
    assert len(found.checks) == 1
    assert found.exit_code is ExitCode.NO_ACCESS


async def test_without_an_organization_the_callers_account_is_checked(
    proxy: FaultProxy, empty: Demo, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", empty.endpoint_url)
    found = await examined(settings())
    assert found.exit_code is ExitCode.CLEAN
    assert [check.name for check in found.checks if check.name.startswith("organizations:")] == [
        "organizations:DescribeOrganization"
    ]
    assert {check.account_id for check in found.checks} == {"", empty.management_account_id}


@pytest.mark.parametrize("sample", [1, 4, len(ACCOUNTS), 99])
async def test_a_sample_is_spread_and_says_what_it_left_out(sample: int, proxy: FaultProxy, settings: Make) -> None:
    found = await examined(settings(scope={"controls": ["cloudtrail_trail_logging"]}), sample)
    seen = [check.account_id for check in found.checks if check.name == "role"]
    assert len(seen) == len(set(seen)) == min(sample, len(ACCOUNTS))
    left = [check.message for check in found.checks if check.name == "sample"]
    assert left == ([f"{len(ACCOUNTS) - sample} more accounts in scope were not checked"] if sample < 15 else [])


async def test_a_scope_that_names_nobody_is_a_mistake_of_usage(proxy: FaultProxy, settings: Make) -> None:
    with pytest.raises(ConfigError):
        await examined(settings(scope={"accounts": ["999999999999"]}))


async def test_tags_that_are_off_are_skipped(proxy: FaultProxy, settings: Make) -> None:
    found = await examined(settings(scope={"accounts": [SOUND]}, organization={"read_tags": False}))
    (tags,) = [check for check in found.checks if check.name.endswith("ListTagsForResource")]
    assert tags.status is CheckStatus.SKIPPED
    assert found.exit_code is ExitCode.CLEAN


@pytest.mark.parametrize("action", TRIALS)
def test_trials_are_of_actions_that_collectors_declare(action: str) -> None:
    service, operation, _ = TRIALS[action]
    assert iam_action(service, operation) == action
    assert action in actions_for(load())


CALLER = Caller("214365870912", "arn:aws:iam::214365870912:role/Auditor", "aws")
NOT_AUTHORIZED = "AccessDenied: User: X is not authorized to perform: sts:AssumeRole on resource: Y"
SHUT = Gap(SOUND, "global", "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, NOT_AUTHORIZED)


@pytest.mark.parametrize(
    ("because", "says"),
    [
        (" with an explicit deny in a service control policy: arn:P", "service control policy"),
        (" because no resource control policy allows the sts:AssumeRole action", "resource control policy"),
        (" because no role trust policy allows the sts:AssumeRole action", "trust policy of OrgAuditRole"),
        (" because no identity-based policy allows the sts:AssumeRole action", "--for caller"),
        (" because no permissions boundary allows the sts:AssumeRole action", "permissions boundary"),
        (" because no session policy allows the sts:AssumeRole action", "session"),
        (" RegionDisabledException: STS is not activated in this region", "sts_region"),
        (" ValidationError: the requested DurationSeconds exceeds the MaxSessionDuration", "session_minutes"),
        (" PackedPolicyTooLarge: the policy is 120 % of the limit", "narrow_sessions"),
        (" SignatureDoesNotMatch (this machine's clock may be wrong)", "clock"),
        ("", "Create OrgAuditRole"),
    ],
)
def test_each_refused_role_has_its_own_remediation(because: str, says: str) -> None:
    gap = Gap(SHUT.account_id, SHUT.region, SHUT.action, SHUT.reason, NOT_AUTHORIZED + because)
    assert says in role_remediation(gap, AccessSettings(), CALLER)


def test_the_remediation_fits_the_external_id_and_the_management_account() -> None:
    plain = role_remediation(SHUT, AccessSettings(), CALLER)
    given = role_remediation(SHUT, AccessSettings(external_id="quarter:4"), CALLER)
    assert "--external-id" in plain
    assert "external id that was given" in given
    assert "quarter:4" not in given
    assert CALLER.arn in plain
    assert "does not deploy" not in plain
    assert "does not deploy to the management account" in role_remediation(
        SHUT, AccessSettings(), CALLER, is_management=True
    )


@pytest.mark.parametrize("reason", [GapReason.THROTTLED, GapReason.UNREACHABLE, GapReason.MALFORMED])
def test_what_is_no_refusal_is_not_blamed_on_the_role(reason: GapReason) -> None:
    gap = Gap(SOUND, "global", "sts:AssumeRole", reason, "no answer")
    assert role_remediation(gap, AccessSettings(), CALLER) == reason.remediation("sts:AssumeRole")
    assert reading_remediation(gap, CALLER.arn, is_role=False) == reason.remediation("sts:AssumeRole")


def test_a_role_that_reads_the_organization_is_told_apart_from_the_caller() -> None:
    gap = Gap(SOUND, "us-east-1", "organizations:ListRoots", GapReason.DENIED, "denied")
    assert "--for organization" in reading_remediation(gap, "arn:aws:iam::111122223333:role/Reader", is_role=True)
    assert "role_arn" in reading_remediation(gap, CALLER.arn, is_role=False)
