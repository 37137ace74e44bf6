import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from botocore.session import get_session

from orgaudit.aws import account as account_module
from orgaudit.aws.access import Access
from orgaudit.aws.account import RegionAccess, UndeclaredActionError
from orgaudit.aws.actions import SESSION_POLICY_LIMIT, iam_action, is_read
from orgaudit.errors import AccessError, ConfigError
from orgaudit.model import GLOBAL, GapReason, NotSeenError
from orgaudit.settings.limits import Limits, load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from scripts.simulator.organization import MANAGEMENT
from scripts.simulator.server import Served
from tests.faults import (
    Answer,
    Cut,
    Delay,
    Deny,
    DenyByScp,
    Fail,
    FaultProxy,
    Garble,
    Hang,
    RegionDisabled,
    Rule,
    ServerError,
    Throttle,
)

ACTIONS = (
    *("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "iam:GetRole", "organizations:ListAccounts"),
    *("sns:ListTopics", "ec2:DescribeRegions", "account:ListRegions", "logs:DescribeLogGroups"),
    *("s3:ListAllMyBuckets", "organizations:DescribeAccount"),
)
Open: TypeAlias = Callable[..., AbstractAsyncContextManager[Access]]


ONE, TWO, OUTSIDER = "100000000001", "100000000002", "999999999999"
KNOWN = frozenset({MANAGEMENT, ONE, TWO})
HOME = "us-east-1"
TRAILS = ("cloudtrail", "DescribeTrails")


@pytest.fixture
def limits(tmp_path: Path) -> Limits:
    """Rates so high that nothing waits, also after many throttles."""
    services = ("cloudtrail", "iam", "sns", "ec2", "account", "logs", "sts", "organizations", "s3")
    names = (*services, "organizations:ListAccounts", "account:ListRegions", "organizations:DescribeAccount")
    file = tmp_path / "limits.toml"
    entry = '{ rate = 1e9, burst = 1e6, per = "account-region" }'
    file.write_text("[limits]\n" + "\n".join(f'"{name}" = {entry}' for name in names))
    return load_limits(file)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No pause between tries; the number of the try before each pause is noted."""
    noted: list[int] = []

    def pause(failure: object, attempt: int) -> float:
        noted.append(attempt)
        return 0

    monkeypatch.setattr(account_module, "_pause", pause)
    return noted


@pytest.fixture
def opened(environment: pytest.MonkeyPatch, limits: Limits, pauses: list[int]) -> Open:
    """What opens an Access: settings of access and of the run by name, and `prepare` to be called with it before."""

    @contextlib.asynccontextmanager
    async def open_access(
        *,
        actions: tuple[str, ...] = ACTIONS,
        organization: tuple[str, ...] = (),
        prepare: Callable[[Access], None] = lambda access: None,
        run: dict[str, Any] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Access]:
        given = AccessSettings(**settings), RunSettings(**run or {}), limits
        access = Access(*given, actions=actions, organization=organization)
        prepare(access)
        async with access:
            yield access

    return open_access


async def region(access: Access, name: str = HOME, account: str = ONE) -> RegionAccess:
    return (await access.enter(account)).region(name)


def sent(proxy: FaultProxy, action: str | None = None) -> int:
    return sum(action in (None, call.action) for call in proxy.calls)


@dataclass(kw_only=True)
class Say(Rule):
    """Answers HTTP 200 with this body."""

    body: bytes

    async def apply(self, call: Any, forward: Any) -> Answer:
        return Answer(200, (("Content-Type", "text/html"),), self.body)


async def gap_of(call: Any) -> Any:
    with pytest.raises(NotSeenError) as raised:
        await call
    return raised.value.gap


# Who calls, and how accounts are entered.


async def test_the_caller_is_known_and_its_own_account_needs_no_role(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        assert access.caller.account_id == MANAGEMENT
        assert access.caller.partition == "aws"
        await (await region(access, account=MANAGEMENT)).call(*TRAILS)
        await access.as_caller().home().call(*TRAILS)
    assert {call.access_key for call in proxy.calls} == {"AKIACALLER"}
    assert sent(proxy, "AssumeRole") == 0


async def test_other_accounts_are_entered_with_the_role(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        aws = await region(access)
        answer = await aws.call(*TRAILS)
    assert answer["trailList"][0]["TrailARN"].split(":")[4] == ONE
    assert [(call.action, call.access_key) for call in proxy.calls[1:]] == [
        ("AssumeRole", "AKIACALLER"),
        ("DescribeTrails", f"ASIAORGA{ONE}"),
    ]
    assert (aws.account_id, aws.region, aws.partition) == (ONE, HOME, "aws")


@pytest.mark.parametrize(
    ("caller", "minutes", "seconds"),
    [("AKIACALLER", 60, 3600), ("AKIACALLER", 240, 14400), (f"ASIAORGA{TWO}", 240, 3600), (f"ASIAORGA{TWO}", 15, 900)],
)
async def test_what_assume_role_is_asked(
    opened: Open, environment: pytest.MonkeyPatch, caller: str, minutes: int, seconds: int
) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", caller)
    asked: list[dict[str, Any]] = []

    def listen(access: Access) -> None:
        def note(params: dict[str, Any], **_: Any) -> None:
            asked.append(dict(params))

        access.clients._core.register("provide-client-params.sts.AssumeRole", note)

    options = {"role_name": "path/Reader", "external_id": "x-1", "session_name": "me", "session_minutes": minutes}
    async with opened(prepare=listen, **options) as access:
        await access.enter(ONE)
    (parameters,) = asked
    assert sorted(json.loads(parameters.pop("Policy"))["Statement"][0]["Action"]) == sorted(ACTIONS)
    assert parameters == {
        "RoleArn": f"arn:aws:iam::{ONE}:role/path/Reader",
        "RoleSessionName": "me",
        "DurationSeconds": seconds,
        "ExternalId": "x-1",
    }


async def test_a_role_is_assumed_plainly_where_nothing_more_is_configured(opened: Open) -> None:
    asked: list[dict[str, Any]] = []

    def listen(access: Access) -> None:
        access.clients._core.register(
            "provide-client-params.sts.AssumeRole", lambda params, **_: asked.append(dict(params))
        )

    async with opened(prepare=listen, narrow_sessions=False) as access:
        await access.enter(ONE)
    assert asked[0].keys() == {"RoleArn", "RoleSessionName", "DurationSeconds"}


async def test_the_session_policy_of_150_actions_fits(opened: Open) -> None:
    session, actions = get_session(), list[str]()
    for service in ("ec2", "iam", "s3", "cloudtrail", "rds", "kms", "logs", "config", "lambda", "guardduty"):
        names = (iam_action(service, name) for name in sorted(session.get_service_model(service).operation_names))
        actions += [name for name in names if is_read(name)][:16]
    assert len(set(actions)) >= 150
    policies: list[str] = []

    def listen(access: Access) -> None:
        access.clients._core.register(
            "provide-client-params.sts.AssumeRole", lambda params, **_: policies.append(params["Policy"])
        )

    async with opened(prepare=listen, actions=tuple(actions)) as access:
        await access.enter(ONE)
    assert len(policies[0]) <= SESSION_POLICY_LIMIT


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Deny(action="AssumeRole"), GapReason.ACCOUNT_UNAVAILABLE),
        (DenyByScp(action="AssumeRole"), GapReason.ACCOUNT_UNAVAILABLE),
        (Fail(action="AssumeRole", code="RegionDisabledException", status=403), GapReason.ACCOUNT_UNAVAILABLE),
        (Fail(action="AssumeRole", code="ValidationError"), GapReason.ACCOUNT_UNAVAILABLE),
        (Throttle(action="AssumeRole"), GapReason.THROTTLED),
        (Garble(action="AssumeRole", body=b"<AssumeRoleResponse/>"), GapReason.MALFORMED),
        (
            Garble(
                action="AssumeRole",
                body=b"<AssumeRoleResponse><AssumeRoleResult><Credentials/></AssumeRoleResult></AssumeRoleResponse>",
            ),
            GapReason.MALFORMED,
        ),
    ],
)
async def test_an_account_that_cannot_be_entered(
    opened: Open, proxy: FaultProxy, rule: Rule, reason: GapReason
) -> None:
    async with opened() as access:
        proxy.rules.append(rule)
        gap = await gap_of(access.enter(ONE))
        assert (gap.account_id, gap.region, gap.action, gap.reason) == (ONE, GLOBAL, "sts:AssumeRole", reason)
        assert f"arn:aws:iam::{ONE}:role/OrgAuditRole" in gap.message
        proxy.rules.clear()
        await access.enter(ONE)


async def test_a_role_of_ones_own_is_assumed_at_the_first_call_even_with_one_slot(
    opened: Open, proxy: FaultProxy
) -> None:
    async with opened(run={"concurrent_calls": 1}) as access:
        account = access.with_role(f"arn:aws:iam::{ONE}:role/Reader")
        assert sent(proxy, "AssumeRole") == 0
        async with asyncio.timeout(5):
            await asyncio.gather(*(account.home().call(*TRAILS) for _ in range(5)))
    assert sent(proxy, "AssumeRole") == 1


async def test_renewal_in_every_account_at_once_needs_no_more_slots_than_there_are(
    opened: Open, proxy: FaultProxy
) -> None:
    async with opened(run={"concurrent_calls": 2}) as access:
        accounts = [await access.enter(account) for account in (ONE, TWO, "100000000003", "100000000004")]
        proxy.rules.append(Fail(action="DescribeTrails", code="ExpiredTokenException", times=4))
        async with asyncio.timeout(5):
            await asyncio.gather(*(account.home().call(*TRAILS) for account in accounts))
    assert sent(proxy, "AssumeRole") == 8


@pytest.mark.parametrize("action", ["iam:CreateUser", "s3:*", "sts:AssumeRoot", "kms:Decrypt"])
def test_an_action_that_does_not_only_read_is_refused_at_once(
    environment: None, limits: Limits, opened: Open, action: str
) -> None:
    with pytest.raises(UndeclaredActionError, match=action.replace("*", r"\*")):
        asyncio.run(opened(actions=("iam:GetRole", action)).__aenter__())


async def test_an_undeclared_action_is_not_sent(opened: Open, proxy: FaultProxy) -> None:
    async with opened(actions=("iam:GetRole",)) as access:
        aws = await region(access)
        before = sent(proxy)
        for call in (aws.call(*TRAILS), aws.find(*TRAILS, ["x"]), _all(aws.pages("organizations", "ListAccounts"))):
            with pytest.raises(UndeclaredActionError, match="is not declared"):
                await call
        assert sent(proxy) == before


async def test_no_identity_is_an_access_error(opened: Open, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(AccessError, match="the caller cannot be identified: Could not connect"):
        async with opened():
            pass


async def test_refused_keys_are_an_access_error(opened: Open, proxy: FaultProxy) -> None:
    proxy.rules.append(RegionDisabled())
    with pytest.raises(AccessError, match="InvalidClientTokenId"):
        async with opened():
            pass


async def test_a_proxy_that_is_not_there_is_tried_once(opened: Open, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://sts.invalid")
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(AccessError, match="proxy URL"):
        async with opened() as access:
            assert access.traffic.calls == 1


async def test_plain_http_behind_https_is_tried_once(
    opened: Open, environment: pytest.MonkeyPatch, proxy: FaultProxy, pauses: list[int]
) -> None:
    async with opened() as access:
        environment.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", proxy.url.replace("http:", "https:"))
        gap = await gap_of((await region(access)).call(*TRAILS))
    assert gap.reason is GapReason.UNREACHABLE
    assert pauses == []


async def test_an_unknown_profile_is_a_configuration_error(opened: Open, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="nobody"):
        async with opened():
            pass


# What is tried again, and how often.


@pytest.mark.parametrize("rule", [Throttle, ServerError, Cut])
@pytest.mark.parametrize("failures", [1, 3])
async def test_throttles_and_passing_failures_are_tried_again(
    opened: Open, proxy: FaultProxy, pauses: list[int], rule: type[Rule], failures: int
) -> None:
    async with opened(run={"attempts": 4}) as access:
        aws = await region(access)
        proxy.rules.append(rule(action="DescribeTrails", times=failures))
        assert (await aws.call(*TRAILS))["trailList"]
        assert access.traffic.retries == aws.account.traffic.retries == failures
        assert access.traffic.throttles == (failures if rule is Throttle else 0)
    assert sent(proxy, "DescribeTrails") == failures + 1
    assert pauses == list(range(1, failures + 1))


@pytest.mark.parametrize(
    ("rule", "reason", "tries"),
    [
        (Throttle(action="DescribeTrails"), GapReason.THROTTLED, 4),
        (Fail(action="DescribeTrails", code="Odd", status=429), GapReason.THROTTLED, 4),
        (ServerError(action="DescribeTrails"), GapReason.UNREACHABLE, 4),
        (Cut(action="DescribeTrails"), GapReason.UNREACHABLE, 4),
        (Cut(action="DescribeTrails", at="body"), GapReason.UNREACHABLE, 4),
        (Garble(action="DescribeTrails"), GapReason.MALFORMED, 4),
        (Garble(action="DescribeTrails", how="shape"), GapReason.MALFORMED, 4),
        (Garble(action="DescribeTrails", body=b""), GapReason.MALFORMED, 4),
        (Garble(action="DescribeTrails", body=b"[]"), GapReason.MALFORMED, 4),
        (Garble(action="DescribeTrails", body=b"<html>Sign in</html>"), GapReason.MALFORMED, 4),
        (Deny(action="DescribeTrails"), GapReason.DENIED, 1),
        (DenyByScp(action="DescribeTrails"), GapReason.SCP_DENIED, 1),
        (Fail(action="DescribeTrails", code="UnknownOperationException"), GapReason.NOT_OFFERED, 1),
        (Fail(action="DescribeTrails", code="ValidationException"), GapReason.DEFECT, 1),
        (Fail(action="DescribeTrails", code="LimitExceededException"), GapReason.THROTTLED, 4),
        (RegionDisabled(action="DescribeTrails"), GapReason.DENIED, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Rule) else str(value),
)
async def test_what_fails_for_good_is_a_gap_after_its_tries(
    opened: Open, proxy: FaultProxy, rule: Rule, reason: GapReason, tries: int
) -> None:
    async with opened(run={"attempts": 4}) as access:
        aws = await region(access, "eu-west-1")
        proxy.rules.append(rule)
        gap = await gap_of(aws.call(*TRAILS))
    assert (gap.account_id, gap.region, gap.action, gap.reason) == (
        *(ONE, "eu-west-1", "cloudtrail:DescribeTrails"),
        reason,
    )
    assert gap.message
    assert sent(proxy, "DescribeTrails") == tries
    assert sent(proxy, "AssumeRole") == 1


@pytest.mark.parametrize(
    "operation", [("sns", "ListTopics"), ("ec2", "DescribeRegions"), ("account", "ListRegions"), ("s3", "ListBuckets")]
)
@pytest.mark.parametrize("body", [b"<html><body>Sign in</body></html>", b"<!DOCTYPE html><p>Sign in", b"null", b"7"])
async def test_a_page_of_somebody_else_is_never_an_empty_answer(
    opened: Open, proxy: FaultProxy, operation: tuple[str, str], body: bytes
) -> None:
    async with opened(run={"attempts": 1}) as access:
        aws = await region(access, account=MANAGEMENT)
        proxy.rules.append(Say(body=body))
        gap = await gap_of(aws.call(*operation))
    # For S3 the SDK itself makes a server error of such an answer.
    assert gap.reason in {GapReason.MALFORMED, GapReason.UNREACHABLE if operation[0] == "s3" else None}


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
async def test_an_expired_token_is_renewed_once(opened: Open, proxy: FaultProxy, pauses: list[int], code: str) -> None:
    async with opened() as access:
        aws = await region(access)
        proxy.rules.append(Fail(action="DescribeTrails", code=code, times=1))
        assert (await aws.call(*TRAILS))["trailList"]
        assert (sent(proxy, "AssumeRole"), sent(proxy, "DescribeTrails"), pauses) == (2, 2, [])
        proxy.rules.append(Fail(action="DescribeTrails", code=code))
        gap = await gap_of(aws.call(*TRAILS))
        assert gap.reason is GapReason.ACCOUNT_UNAVAILABLE
        assert (sent(proxy, "AssumeRole"), sent(proxy, "DescribeTrails")) == (3, 4)


async def test_fifty_tasks_with_an_expired_token_renew_it_once(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        aws = await region(access)
        proxy.rules.append(Fail(action="DescribeTrails", code="ExpiredTokenException", times=50))
        await asyncio.gather(*(aws.call(*TRAILS) for _ in range(50)))
    assert sent(proxy, "AssumeRole") == 2
    assert sent(proxy, "DescribeTrails") == 100


async def test_a_region_that_once_took_the_keys_gets_new_ones_when_it_refuses_them(
    opened: Open, proxy: FaultProxy
) -> None:
    async with opened() as access:
        aws = await region(access)
        await aws.call(*TRAILS)
        proxy.rules.append(RegionDisabled(action="DescribeTrails", times=1))
        assert (await aws.call(*TRAILS))["trailList"]
    assert sent(proxy, "AssumeRole") == 2


@pytest.mark.parametrize(
    ("name", "disabled", "reason"),
    [
        (HOME, None, GapReason.DENIED),
        (HOME, {HOME}, GapReason.DENIED),
        ("eu-west-1", None, GapReason.DENIED),
        ("eu-west-1", {"eu-west-1"}, GapReason.REGION_DISABLED),
        ("me-south-1", None, GapReason.REGION_DISABLED),
        ("me-south-1", {"me-south-1"}, GapReason.REGION_DISABLED),
        ("me-south-1", {"af-south-1"}, GapReason.DENIED),
    ],
)
async def test_refused_keys_are_a_disabled_region_only_where_it_may_be_disabled(
    opened: Open, proxy: FaultProxy, name: str, disabled: set[str] | None, reason: GapReason
) -> None:
    async with opened() as access:
        aws = await region(access, name)
        aws.account.disabled_regions = None if disabled is None else frozenset(disabled)
        proxy.rules.append(RegionDisabled(account=ONE))
        gap = await gap_of(aws.call(*TRAILS))
        assert gap.reason is reason
        assert aws.refusal is not None
        # What exists once in an account is not in this region, whichever it was asked through.
        assert (await gap_of(aws.call("iam", "GetRole", RoleName="x"))).reason is GapReason.DENIED


@pytest.mark.parametrize("code", ["InvalidAction", "UnknownOperationException", "UnsupportedOperation"])
async def test_an_unknown_operation_is_an_absent_service_only_in_other_regions(
    opened: Open, proxy: FaultProxy, code: str
) -> None:
    async with opened() as access:
        proxy.rules.append(Fail(code=code, account=ONE))
        home, away = await region(access), await region(access, "eu-west-1")
        assert (await gap_of(away.call(*TRAILS))).reason is GapReason.NOT_OFFERED
        for aws, call, parameters in (
            (home, TRAILS, {}),
            (home, ("s3", "ListBuckets"), {}),
            (home, ("iam", "GetRole"), {"RoleName": "x"}),
            (away, ("iam", "GetRole"), {"RoleName": "x"}),
        ):
            gap = await gap_of(aws.call(*call, **parameters))
            assert gap.reason is GapReason.DEFECT
            assert code in gap.message


async def test_a_region_that_took_the_keys_once_has_not_refused_them(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        aws = await region(access)
        proxy.rules += [RegionDisabled(action="DescribeTrails"), Deny(action="DescribeLogGroups")]
        await gap_of(aws.call(*TRAILS))
        assert "security token" in (aws.refusal or "")
        await gap_of(aws.call("logs", "DescribeLogGroups"))
        assert aws.refusal is None


async def test_a_refused_token_in_an_enabled_region_is_a_denial(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        aws = await region(access)
        aws.account.disabled_regions = frozenset()
        proxy.rules.append(RegionDisabled(action="DescribeTrails"))
        assert (await gap_of(aws.call(*TRAILS))).reason is GapReason.DENIED


@pytest.mark.parametrize("code", ["NoSuchEntity", "Throttling"])
async def test_an_absent_code_is_an_answer(opened: Open, proxy: FaultProxy, code: str) -> None:
    async with opened() as access:
        aws = await region(access)
        proxy.rules.append(Fail(action="GetRole", code=code, status=404, times=1))
        assert await aws.find("iam", "GetRole", ["Other", code], RoleName="x") is None
        answer = await aws.find("iam", "GetRole", [code], RoleName="x")
        assert answer is not None
        assert answer["Role"]["RoleName"] == "x"
    assert sent(proxy, "GetRole") == 2


async def test_a_code_that_is_not_named_absent_is_a_gap(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        proxy.rules.append(Fail(action="GetRole", code="NoSuchEntity", status=404))
        gap = await gap_of((await region(access)).find("iam", "GetRole", ["NoSuchRole"], RoleName="x"))
    assert (gap.reason, gap.action) == (GapReason.DEFECT, "iam:GetRole")


async def test_wrong_parameters_are_a_defect_and_are_not_sent(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        gap = await gap_of((await region(access)).call("iam", "GetRole", Name="x"))
    assert gap.reason is GapReason.DEFECT
    assert sent(proxy, "GetRole") == 0


# Endpoints that do not answer.


async def test_a_hanging_region_is_given_up_once_and_then_at_once(opened: Open, proxy: FaultProxy) -> None:
    async with opened(run={"read_timeout": 0.2, "attempts": 6}) as access:
        aws = await region(access, "eu-west-1")
        proxy.rules.append(Hang(region="eu-west-1"))
        gap = await gap_of(aws.call(*TRAILS))
        assert (gap.reason, sent(proxy, "DescribeTrails")) == (GapReason.UNREACHABLE, 2)
        before = access.traffic.calls
        for _ in range(5):
            assert (await gap_of(aws.call(*TRAILS))).reason is GapReason.UNREACHABLE
            other = await gap_of(aws.call("logs", "DescribeLogGroups"))
            assert (other.reason, other.action) == (GapReason.UNREACHABLE, "logs:DescribeLogGroups")
        assert access.traffic.calls == before
        assert (await (await region(access)).call(*TRAILS))["trailList"]


async def test_in_a_region_that_answered_only_the_service_is_given_up(opened: Open, proxy: FaultProxy) -> None:
    async with opened(run={"read_timeout": 0.2}) as access:
        aws = await region(access)
        proxy.rules += [Deny(action="DescribeLogGroups", times=1), Hang(service="cloudtrail")]
        assert (await gap_of(aws.call("logs", "DescribeLogGroups"))).reason is GapReason.DENIED
        await gap_of(aws.call(*TRAILS))
        before = access.traffic.calls
        await gap_of(aws.call("cloudtrail", "GetTrailStatus", Name="x"))
        assert access.traffic.calls == before
        assert await aws.call("logs", "DescribeLogGroups")


async def test_one_slow_answer_is_forgiven(opened: Open, proxy: FaultProxy) -> None:
    async with opened(run={"read_timeout": 0.3}) as access:
        aws = await region(access)
        proxy.rules.append(Delay(action="DescribeTrails", seconds=0.6, times=1))
        assert (await aws.call(*TRAILS))["trailList"]


async def test_a_refused_connection_is_tried_twice(
    opened: Open, environment: pytest.MonkeyPatch, pauses: list[int]
) -> None:
    environment.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", "http://127.0.0.1:9")
    async with opened() as access:
        aws = await region(access)
        before = access.traffic.calls
        gap = await gap_of(aws.call(*TRAILS))
        assert (gap.reason, access.traffic.calls - before, pauses) == (GapReason.UNREACHABLE, 2, [1])


async def test_the_way_in_is_never_given_up(opened: Open, proxy: FaultProxy) -> None:
    async with opened(run={"read_timeout": 0.2}) as access:
        proxy.rules.append(Hang(action="AssumeRole", times=2))
        assert (await gap_of(access.enter(ONE))).reason is GapReason.UNREACHABLE
        await access.enter(TWO)


# Paging.


async def _all(pages: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [page async for page in pages]


@pytest.mark.parametrize(
    "rules", [[], [Throttle(action="ListAccounts", every=2)], [Cut(action="ListAccounts", every=3)]]
)
async def test_pages_lose_and_repeat_nothing(opened: Open, proxy: FaultProxy, rules: list[Rule]) -> None:
    async with opened() as access:
        proxy.rules += rules
        pages = await _all(access.as_caller().home().pages("organizations", "ListAccounts"))
    ids = [account["Id"] for page in pages for account in page["Accounts"]]
    assert ids == [str(int(MANAGEMENT) + number) for number in range(60)]
    assert len(pages) == 3


async def test_what_was_read_before_a_denied_page_is_kept_and_the_gap_raised(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        proxy.rules.append(Deny(action="ListAccounts", every=2))
        pages = access.as_caller().home().pages("organizations", "ListAccounts")
        assert len((await anext(pages))["Accounts"]) == 20
        gap = await gap_of(anext(pages))
    assert (gap.reason, gap.action) == (GapReason.DENIED, "organizations:ListAccounts")


async def test_pages_without_end_are_malformed(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        proxy.rules.append(Say(action="ListAccounts", body=b'{"Accounts":[],"NextToken":"same"}'))
        gap = await gap_of(_all(access.as_caller().home().pages("organizations", "ListAccounts")))
    assert (gap.reason, gap.action) == (GapReason.MALFORMED, "organizations:ListAccounts")
    assert sent(proxy, "ListAccounts") == 2


class Cycling(Rule):
    """ListAccounts gives the tokens A, B, A, B … without end."""

    async def apply(self, call: Any, forward: Any) -> Answer:
        token = "AB"[self._acted % 2]
        return Answer(200, (), f'{{"Accounts":[],"NextToken":"{token}"}}'.encode())


class Counting(Rule):
    """ListAccounts gives another token each time, without end."""

    async def apply(self, call: Any, forward: Any) -> Answer:
        return Answer(200, (), f'{{"Accounts":[],"NextToken":"{self._acted}"}}'.encode())


@pytest.mark.parametrize(
    ("rule", "says", "pages"),
    [
        (Cycling(action="ListAccounts"), "AWS returned a page token that it had returned before", 3),
        (Counting(action="ListAccounts"), "each page was followed by another", 40),
    ],
)
async def test_pages_that_cycle_or_never_end_are_malformed_and_what_was_seen_is_kept(
    opened: Open, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, rule: Rule, says: str, *, pages: int
) -> None:
    monkeypatch.setattr(account_module, "MOST_PAGES", max(pages, 40))
    seen: list[dict[str, Any]] = []

    async def keep(each: AsyncIterator[dict[str, Any]]) -> None:
        async for page in each:
            seen.append(page)  # noqa: PERF401 - one by one, so that what came before the gap is kept

    async with opened() as access:
        proxy.rules.append(rule)
        gap = await gap_of(keep(access.as_caller().home().pages("organizations", "ListAccounts")))
    assert (gap.reason, gap.action) == (GapReason.MALFORMED, "organizations:ListAccounts")
    assert f"{says}, after {pages} pages" in gap.message
    assert (len(seen), sent(proxy, "ListAccounts")) == (pages, pages)


async def test_an_absent_code_ends_the_pages_with_none(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        aws = access.as_caller().home()
        proxy.rules.append(Fail(action="ListAccounts", code="Gone", every=2))
        pages = [page async for page in aws.find_pages("organizations", "ListAccounts", ["Gone"])]
        assert [page is None for page in pages] == [False, True]
        proxy.rules[:] = [Fail(action="ListAccounts", code="Lost")]
        gap = await gap_of(anext(aws.find_pages("organizations", "ListAccounts", ["Gone"])))
    assert gap.action == "organizations:ListAccounts"


# Sessions of a role whose actions need more than one policy.

MANY = tuple(f"ec2:Describe{letter}{'x' * 90}" for letter in "ABCDEFGHIJKLMNOPQRST")


def policies_of(access: Access) -> list[set[str]]:
    """The actions in the policies of the sessions that are assumed from now on."""
    noted: list[set[str]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        noted.append(set(json.loads(params["Policy"])["Statement"][0]["Action"]))

    access.clients._core.register("provide-client-params.sts.AssumeRole", note)
    return noted


async def test_a_second_session_is_assumed_when_it_is_needed_and_its_keys_are_its_own(
    opened: Open, proxy: FaultProxy
) -> None:
    noted: list[list[set[str]]] = []
    async with opened(actions=(*ACTIONS, *MANY), prepare=lambda access: noted.append(policies_of(access))) as access:
        aws = await region(access)
        await aws.call("account", "ListRegions")
        assert len(noted[0]) == 1
        await asyncio.gather(*(aws.call("ec2", "DescribeRegions") for _ in range(5)), aws.call(*TRAILS))
        proxy.rules.append(Fail(action="DescribeRegions", code="ExpiredToken", times=1))
        await aws.call("ec2", "DescribeRegions")
        assert aws.account.credentials.arn == f"arn:aws:sts::{ONE}:assumed-role/OrgAuditRole/orgaudit"
    first, second, renewed = noted[0][0], noted[0][1], noted[0][2:]
    assert not first & second
    assert first | second <= {*ACTIONS, *MANY}
    assert any("ec2:DescribeRegions" in each for each in noted[0])
    assert len(renewed) == 1
    assert "ec2:DescribeRegions" in renewed[0]


async def test_a_policy_that_is_too_large_packed_is_divided_for_all_accounts(opened: Open, proxy: FaultProxy) -> None:
    noted: list[list[set[str]]] = []
    async with opened(prepare=lambda access: noted.append(policies_of(access))) as access:
        proxy.rules.append(Fail(action="AssumeRole", code="PackedPolicyTooLarge", times=1))
        one = await region(access)
        await asyncio.gather(
            one.call(*TRAILS), one.call("ec2", "DescribeRegions"), one.call("iam", "GetRole", RoleName="x")
        )
        two = await region(access, account=TWO)
        await two.call(*TRAILS)
    refused, *taken = noted[0]
    assert refused == set(ACTIONS)
    assert all(len(each) < len(refused) for each in taken)
    assert any(each < refused and "cloudtrail:DescribeTrails" in each for each in taken)
    assert Counter(call.target for call in proxy.calls if call.status == 400) == {ONE: 1}


async def test_a_policy_that_cannot_be_smaller_is_a_gap(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        proxy.rules.append(Fail(action="AssumeRole", code="PackedPolicyTooLarge"))
        gap = await gap_of(access.enter(ONE))
    assert gap.reason is GapReason.ACCOUNT_UNAVAILABLE
    assert "PackedPolicyTooLarge" in gap.message
    assert sent(proxy, "AssumeRole") <= 6


async def test_sessions_that_are_not_narrowed_are_one(opened: Open, proxy: FaultProxy) -> None:
    async with opened(actions=(*ACTIONS, *MANY), narrow_sessions=False) as access:
        aws = await region(access)
        for call in (TRAILS, ("ec2", "DescribeRegions"), ("account", "ListRegions")):
            await aws.call(*call)
    assert sent(proxy, "AssumeRole") == 1


async def test_the_reader_of_the_organization_has_a_session_of_its_own(opened: Open, proxy: FaultProxy) -> None:
    noted: list[list[set[str]]] = []
    reads = ("organizations:ListAccounts", "organizations:DescribeOrganization")
    actions = ("cloudtrail:DescribeTrails", "account:ListRegions")
    async with opened(
        actions=actions, organization=reads, prepare=lambda access: noted.append(policies_of(access))
    ) as access:
        reader = access.reader(f"arn:aws:iam::{ONE}:role/Reader")
        await _all(reader.pages("organizations", "ListAccounts"))
        with pytest.raises(UndeclaredActionError):
            await reader.call(*TRAILS)
        aws = await region(access)
        await aws.call(*TRAILS)
        with pytest.raises(UndeclaredActionError):
            await _all(aws.pages("organizations", "ListAccounts"))
        assert access.reader(None).account is access.as_caller()
    assert noted[0] == [set(reads), set(actions)]


# Other accounts that resources point to.


@pytest.mark.parametrize(
    ("arn", "account", "name"),
    [
        (f"arn:aws:cloudtrail:eu-west-1:{ONE}:trail/x", ONE, "eu-west-1"),
        (f"arn:aws:cloudtrail:eu-west-1:{TWO}:trail/x", TWO, "eu-west-1"),
        (f"arn:aws:iam::{TWO}:role/x", TWO, HOME),
        ("arn:aws:s3:::bucket", ONE, HOME),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ONE, HOME),
        (f"arn:aws:sns:us-west-2:{MANAGEMENT}:topic", MANAGEMENT, "us-west-2"),
    ],
)
async def test_where_an_arn_leads(opened: Open, arn: str, account: str, name: str) -> None:
    async with opened() as access:
        access.known_accounts = KNOWN
        aws = await (await region(access)).at(arn)
        assert (aws.account_id, aws.region) == (account, name)


async def test_outside_the_organization_nothing_is_sent(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        access.known_accounts = KNOWN
        aws = await region(access)
        before = sent(proxy)
        gap = await gap_of(aws.at(f"arn:aws:s3:eu-west-1:{OUTSIDER}:x"))
        assert (gap.account_id, gap.reason) == (OUTSIDER, GapReason.ACCOUNT_UNAVAILABLE)
        assert sent(proxy) == before
        with pytest.raises(ValueError, match="not an ARN"):
            await aws.at("topic")


async def test_many_who_point_to_an_account_enter_it_once(opened: Open, proxy: FaultProxy) -> None:
    async with opened() as access:
        aws = await region(access)
        found = await asyncio.gather(*(aws.at(f"arn:aws:iam::{TWO}:role/r{number}") for number in range(30)))
        assert len({id(each) for each in found}) == 1
        assert await access.enter(TWO) is found[0].account
    assert Counter(call.target for call in proxy.calls if call.action == "AssumeRole") == {ONE: 1, TWO: 1}


async def test_a_shut_account_is_asked_once_and_a_throttled_one_again(opened: Open, proxy: FaultProxy) -> None:
    async with opened(run={"attempts": 1}) as access:
        aws = await region(access)
        proxy.rules += [Throttle(action="AssumeRole", target=TWO, times=1), Deny(action="AssumeRole", target=TWO)]
        reasons = [(await gap_of(aws.at(f"arn:aws:iam::{TWO}:role/x"))).reason for _ in range(4)]
    assert reasons == [GapReason.THROTTLED, *[GapReason.ACCOUNT_UNAVAILABLE] * 3]
    assert sum(call.target == TWO for call in proxy.calls) == 2


# What is read once.


async def test_once_reads_once_for_all_who_ask(opened: Open, proxy: FaultProxy) -> None:
    async def trails(aws: RegionAccess, name: str) -> tuple[str, str]:
        await aws.call(*TRAILS)
        return aws.region, name

    async with opened() as access:
        here, there = await region(access), await region(access, "eu-west-1")
        found = await asyncio.gather(*(aws.once(trails, name) for aws in (here, there) for name in "abaa"))
    assert set(found) == {(HOME, "a"), (HOME, "b"), ("eu-west-1", "a"), ("eu-west-1", "b")}
    assert sent(proxy, "DescribeTrails") == 4


async def test_once_remembers_a_failure(opened: Open, proxy: FaultProxy) -> None:
    async def trails(aws: RegionAccess) -> None:
        await aws.call(*TRAILS)

    async with opened() as access:
        aws = await region(access)
        proxy.rules.append(Deny(action="DescribeTrails", times=1))
        gaps = [await gap_of(aws.once(trails)) for _ in range(3)]
    assert {gap.reason for gap in gaps} == {GapReason.DENIED}
    assert sent(proxy, "DescribeTrails") == 1


async def test_a_cancelled_asker_does_not_take_the_reading_from_the_others(opened: Open, proxy: FaultProxy) -> None:
    async def trails(aws: RegionAccess) -> int:
        return len((await aws.call(*TRAILS))["trailList"])

    async with opened() as access:
        aws = await region(access)
        proxy.rules.append(Delay(action="DescribeTrails", seconds=0.1))
        first, second = (asyncio.ensure_future(aws.once(trails)) for _ in range(2))
        await asyncio.sleep(0.02)
        first.cancel()
        assert await second == 2
    assert sent(proxy, "DescribeTrails") == 1


@pytest.mark.parametrize("rule", [Hang(action="DescribeTrails"), Deny(action="DescribeTrails")])
async def test_what_nobody_waits_for_any_more_ends_quietly(opened: Open, proxy: FaultProxy, rule: Rule) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    started = asyncio.Event()

    async def reading(aws: RegionAccess) -> None:
        started.set()
        await aws.call(*TRAILS)

    async with opened() as access:
        aws = await region(access)
        proxy.rules.append(rule)
        asker = asyncio.ensure_future(aws.once(reading))
        await started.wait()
        asker.cancel()
        await asyncio.sleep(0.1)
        del asker, aws
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert complaints == []


# What is counted.


async def test_the_traffic_adds_up_with_what_the_endpoint_saw(opened: Open, proxy: FaultProxy, served: Served) -> None:
    async with opened() as access:
        proxy.rules.append(Throttle(action="DescribeTrails", every=3))
        accounts = [await access.enter(account) for account in (ONE, TWO)]
        await asyncio.gather(
            *(account.region(name).call(*TRAILS) for account in accounts for name in (HOME, "eu-west-1") for _ in "ab")
        )
        counted = served.calls()
        own = sum(account.traffic.calls for account in accounts)
        assert access.traffic.calls == len(proxy.calls) == own + 3
        assert (
            access.traffic.throttles == access.traffic.retries == sum(account.traffic.retries for account in accounts)
        )
        assert access.traffic.calls - access.traffic.throttles == counted["total"]
        assert access.traffic.by_action == Counter(call.permission for call in proxy.calls)


async def test_no_more_calls_at_once_than_there_are_slots(opened: Open, proxy: FaultProxy) -> None:
    now, most = 0, 0

    class Watch(Delay):
        async def apply(self, call: Any, forward: Any) -> Any:
            nonlocal now, most
            now += 1
            most = max(most, now)
            try:
                return await super().apply(call, forward)
            finally:
                now -= 1

    async with opened(run={"concurrent_calls": 3}) as access:
        accounts = [await access.enter(account) for account in (ONE, TWO)]
        proxy.rules.append(Watch(seconds=0.02))
        await asyncio.gather(*(account.home().call(*TRAILS) for account in accounts for _ in range(10)))
    assert most == 3


async def test_a_waiting_retry_holds_no_slot(opened: Open, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgaudit.aws.account._pause", lambda *_: 0.3)
    async with opened(run={"concurrent_calls": 1}) as access:
        aws = await region(access)
        proxy.rules.append(Throttle(action="DescribeTrails", times=1))
        ended: list[str] = []

        async def note(name: str, call: Any) -> None:
            await call
            ended.append(name)

        await asyncio.gather(note("throttled", aws.call(*TRAILS)), note("other", aws.call("logs", "DescribeLogGroups")))
    assert ended == ["other", "throttled"]
