"""The plan: exactly the cells of the audit of the same settings, and an estimate that is of its size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orgaudit.audit import Auditor, Silence
from orgaudit.aws.transport import Traffic
from orgaudit.collect.visit import visit
from orgaudit.demo import Demo
from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, account_named
from orgaudit.errors import AccessError, ConfigError
from orgaudit.facts.cloudtrail.trails import Trail, trail_status, trails
from orgaudit.facts.declare import Collector
from orgaudit.model import Account, AccountRecord, GapReason, Scope
from orgaudit.preflight.estimate import LATENCY, Estimate, estimate
from orgaudit.preflight.plan import make_plan
from orgaudit.settings.limits import Limits, load_limits
from orgaudit.settings.sections import RunSettings
from orgaudit.settings.settings import Settings
from tests.faults import Deny, FaultProxy

Make = Callable[..., Settings]
SUSPENDED = account_named("Legacy Loyalty").id
WITHOUT_ROLE = account_named("Northgate Acquisition").id
MOBILE = account_named("Mobile Development").id
LOGGING = "cloudtrail_trail_logging"


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"controls": (LOGGING,), "regions": ("eu-*",)},
        {"accounts": (MOBILE,)},
        {"accounts": (SUSPENDED, WITHOUT_ROLE), "exclude_regions": ("ap-*",)},
        {"tags": {"environment": "prod*"}},
    ],
    ids=["everything", "one-control", "one-account", "nobody-enters", "by-tag"],
)
async def test_the_plan_has_the_cells_of_the_audit(scope: dict[str, Any], proxy: FaultProxy, settings: Make) -> None:
    auditor = Auditor(settings(scope=scope))
    plan = await make_plan(auditor)
    planned = [
        (account.id, place, control.id)
        for account in plan.accounts
        for control in plan.controls
        for place in control.places
    ]
    run = await auditor.audit("run")
    audited = {
        (cell.account_id, cell.region, cell.control)
        for account in run.read_manifest().accounts
        for cell in run.cells(account.id)
    }
    assert set(planned) == audited
    assert plan.cells == len(planned) == len(audited) == sum(account.cells for account in plan.accounts)


@pytest.mark.parametrize("scope", [{}, {"controls": (LOGGING,)}], ids=["cloudtrail", "one-control"])
async def test_the_estimate_is_within_a_factor_of_two_of_the_calls(
    scope: dict[str, Any], proxy: FaultProxy, settings: Make
) -> None:
    auditor = Auditor(settings(scope=scope))
    plan = await make_plan(auditor)
    proxy.calls.clear()
    await auditor.audit("run")
    assert len(proxy.calls) / 2 <= plan.estimate.calls <= len(proxy.calls) * 2


async def test_every_account_is_in_the_plan_with_its_regions_or_why_not(proxy: FaultProxy, settings: Make) -> None:
    plan = await make_plan(Auditor(settings(scope={"controls": [LOGGING]})))
    by_id = {account.id: account for account in plan.accounts}
    assert by_id.keys() == {account.id for account in ACCOUNTS}
    shut = {account.id: account.gap for account in plan.accounts if account.gap is not None}
    assert shut.keys() == {SUSPENDED, WITHOUT_ROLE}
    assert {gap.reason for gap in shut.values()} == {GapReason.ACCOUNT_UNAVAILABLE}
    assert by_id[MOBILE].regions == ("eu-central-1", "eu-west-1", "us-east-1")
    assert by_id[MANAGEMENT.id].regions == plan.regions == ("af-south-1", "eu-central-1", "eu-west-1", "us-east-1")
    assert {account.cells for account in plan.accounts} == {4}
    assert (plan.organization or "").startswith("o-")


async def test_planning_collects_nothing(proxy: FaultProxy, settings: Make) -> None:
    plan = await make_plan(Auditor(settings()))
    asked = {call.permission for call in proxy.calls}
    assert {name.split(":")[0] for name in asked} == {"account", "organizations", "sts"}
    assert plan.estimate.discovery_calls == len(proxy.calls)


async def test_progress_is_told_of_every_account(proxy: FaultProxy, settings: Make) -> None:
    class Watching(Silence):
        def __init__(self) -> None:
            self.stages: list[tuple[str, int]] = []
            self.shut: list[bool] = []
            self.began: list[str] = []

        def stage(self, name: str, total: int, traffic: Traffic | None = None) -> None:
            assert traffic is not None
            self.stages.append((name, total))

        def account_began(self, account: Account) -> None:
            self.began.append(account.id)

        def account_done(self, account: Account, record: AccountRecord | None, traffic: object) -> None:
            assert record is not None
            self.shut.append(record.gap is not None)

    watching = Watching()
    await make_plan(Auditor(settings(), progress=watching))
    assert watching.stages == [("plan", len(ACCOUNTS))]
    assert sorted(watching.began) == sorted(account.id for account in ACCOUNTS)
    assert sorted(watching.shut) == [False] * (len(ACCOUNTS) - 2) + [True] * 2


async def test_what_of_the_organization_was_not_seen_is_in_the_plan(proxy: FaultProxy, settings: Make) -> None:
    proxy.rules = [Deny(service="organizations", action="ListRoots")]
    plan = await make_plan(Auditor(settings()))
    assert [gap.action for gap in plan.gaps] == ["organizations:ListRoots"]
    assert len(plan.accounts) == len(ACCOUNTS)


async def test_tags_are_counted_once(proxy: FaultProxy, settings: Make) -> None:
    later = await make_plan(Auditor(settings()))
    before = await make_plan(Auditor(settings(scope={"tags": {"environment": "*"}})))
    never = await make_plan(Auditor(settings(organization={"read_tags": False})))
    assert (later.estimate.tag_calls, before.estimate.tag_calls, never.estimate.tag_calls) == (len(ACCOUNTS), 0, 0)
    assert before.estimate.calls == later.estimate.calls == never.estimate.calls + len(ACCOUNTS)


async def test_without_an_organization_the_plan_is_of_the_callers_account(
    proxy: FaultProxy, empty: Demo, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", empty.endpoint_url)
    plan = await make_plan(Auditor(settings()))
    assert plan.organization is None
    assert [account.id for account in plan.accounts] == [empty.management_account_id]
    assert plan.estimate.tag_calls == 0


@pytest.mark.parametrize(
    ("scope", "rule", "error"),
    [
        ({"accounts": ("999999999999",)}, None, ConfigError),
        ({"controls": ("no_such_control",)}, None, ConfigError),
        ({}, Deny(service="organizations", action="ListAccounts"), AccessError),
    ],
)
async def test_no_plan_without_accounts_or_controls(
    scope: dict[str, Any], rule: Deny | None, error: type[Exception], proxy: FaultProxy, settings: Make
) -> None:
    proxy.rules = [rule] if rule else []
    with pytest.raises(error):
        await make_plan(Auditor(settings(scope=scope)))


async def test_accounts_are_looked_into_side_by_side_up_to_the_width_and_kept_in_order() -> None:
    inside = widest = 0

    async def look(account: Account) -> str:
        nonlocal inside, widest
        inside += 1
        widest = max(widest, inside)
        await asyncio.sleep(0.001 * (20 - int(account.name)))
        inside -= 1
        return account.name

    accounts = [Account(id=f"{number:012}", name=str(number)) for number in range(20)]
    assert await visit(accounts, 3, look) == [account.name for account in accounts]
    assert widest == 3


LISTING: Collector = trails.__collector__  # type: ignore[attr-defined]  # set by the decorator
STATUS: Collector = trail_status.__collector__  # type: ignore[attr-defined]  # set by the decorator
ONCE = Collector(Trail, ("iam:ListUsers",), trails, Scope.ACCOUNT)


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Limits:
    file = tmp_path_factory.mktemp("limits") / "limits.toml"
    file.write_text(
        '[limits]\n"cloudtrail:DescribeTrails" = { rate = 2, burst = 1, per = "account-region" }\n'
        '"cloudtrail:GetTrailStatus" = { rate = 2, burst = 4, per = "account-region" }\n'
        '"iam" = { rate = 10, burst = 1, per = "organization", shared = true }\n'
    )
    return load_limits(file)


def estimated(
    limits: Limits, collectors: list[Collector], regions: list[list[str]], *, width: int = 16, **more: int
) -> Estimate:
    run = RunSettings(concurrent_accounts=width)
    return estimate(collectors, regions, limits, run, discovery_calls=10, discovery_seconds=1.0, **more)


@pytest.mark.parametrize(
    ("collectors", "regions", "listings", "details"),
    [
        ([LISTING], [["a", "b"], ["a"]], 3, 0),
        ([LISTING, STATUS], [["a", "b"], ["a"]], 3, 2),
        ([ONCE], [["a", "b"], []], 2, 0),
        ([LISTING, STATUS], [[]], 0, 0),
        ([LISTING, STATUS], [], 0, 0),
    ],
    ids=["each-region", "details", "once", "no-region", "no-account"],
)
def test_calls_of_listings_and_details(
    collectors: list[Collector], regions: list[list[str]], listings: int, details: int, limits: Limits
) -> None:
    found = estimated(limits, collectors, regions)
    assert (found.listing_calls, found.detail_calls, found.calls) == (listings, details, 10 + listings + details)


def test_details_grow_with_the_resources_assumed(limits: Limits) -> None:
    found = estimated(limits, [LISTING, STATUS], [["a"]], resources=10)
    assert found.detail_calls == 10
    assert found.collection_seconds == pytest.approx((10 - 4) / 2 + 4 * LATENCY)


def test_wide_runs_take_as_long_as_the_slowest_account(limits: Limits) -> None:
    accounts = [["a", "b"]] * 8
    slowest = 3 * LATENCY
    assert estimated(limits, [LISTING], accounts, width=8).collection_seconds == pytest.approx(slowest)
    assert estimated(limits, [LISTING], accounts, width=2).collection_seconds == pytest.approx(slowest * 4)


def test_a_bucket_of_the_organization_is_shared_by_all_accounts(limits: Limits) -> None:
    found = estimated(limits, [ONCE], [["a"]] * 101)
    assert found.collection_seconds == pytest.approx(10)
    assert found.seconds == pytest.approx(11)


def test_tags_pace_a_large_organization(limits: Limits) -> None:
    found = estimated(limits, [LISTING], [["a"]], tags=1015)
    assert found.collection_seconds == pytest.approx(100)
    assert found.calls == 10 + 1 + 1015
