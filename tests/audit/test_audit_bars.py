"""The bars of a run: only the calls that are needed, one client per service and region, and any endpoint."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orgaudit.audit import Auditor
from orgaudit.aws.access import Access
from orgaudit.demo import Demo
from orgaudit.demo.accounts import ACCOUNTS, DELEGATED_ADMINISTRATORS, UNITS, account_named
from orgaudit.demo.trail_plans import TRAILS
from orgaudit.errors import ExitCode
from orgaudit.evaluate.rules import Rules
from orgaudit.model import Status
from orgaudit.settings.settings import load
from scripts.simulator.organization import HOME as SIMULATED_HOME
from scripts.simulator.server import serve
from tests.audit_runs import (
    CHOSEN,
    MOBILE,
    REGIONS,
    Caller,
    Outcome,
    asked,
    assert_adds_up,
    assert_same,
    by_place,
    client,
    environment_for,
)
from tests.faults import FaultProxy

ONE_CONTROL = "cloudtrail_trail_logging"


def test_one_control_makes_only_the_calls_that_it_needs(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    outcome = caller.audit("--control", ONE_CONTROL)
    own_trails = [trail for trail in TRAILS if account_named(trail.account).id in CHOSEN]
    units = len(UNITS) + 1
    tagged = asked(proxy)["organizations:ListTagsForResource"]
    assert tagged in {len(CHOSEN), len(ACCOUNTS)}
    assert asked(proxy) == {
        "sts:GetCallerIdentity": 1,
        "sts:AssumeRole": len(CHOSEN) - 1,
        "organizations:DescribeOrganization": 1,
        "organizations:ListAccounts": 1,
        "organizations:ListRoots": 1,
        "organizations:ListAccountsForParent": units,
        "organizations:ListOrganizationalUnitsForParent": units,
        "organizations:ListDelegatedAdministrators": 1,
        "organizations:ListDelegatedServicesForAccount": len(DELEGATED_ADMINISTRATORS),
        "organizations:ListTagsForResource": tagged,
        "account:ListRegions": len(CHOSEN),
        "cloudtrail:DescribeTrails": len(CHOSEN) * len(REGIONS) - 1,
        "cloudtrail:GetTrailStatus": len(own_trails),
    }
    assert not [call for call in proxy.calls if call.account == MOBILE and call.region == "af-south-1"]
    assert {place: cell for place, cell in by_place(clean).items() if place[2] == ONE_CONTROL} == by_place(outcome)


def test_tags_are_not_read_where_nobody_wants_them(caller: Caller, proxy: FaultProxy) -> None:
    config = caller.configured(organization="read_tags = false")
    caller.audit("--control", ONE_CONTROL, "--account", CHOSEN[1], config=config)
    assert "organizations:ListTagsForResource" not in asked(proxy)


def test_account_whose_trail_is_anothers_brings_that_account_along(
    caller: Caller, proxy: FaultProxy, clean: Outcome
) -> None:
    one = Caller(caller.environment, caller.directory, accounts=CHOSEN[1:2])
    outcome = one.audit()
    assert {place: cell for place, cell in by_place(clean).items() if place[0] == CHOSEN[1]} == by_place(outcome)
    assert outcome.manifest.supporting == CHOSEN[:1]


def test_workers_say_the_same(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    assert_same(caller.audit("--workers", "2"), clean)
    assert {call.account for call in proxy.calls if call.account} == set(CHOSEN)


class _Watched(Auditor):
    """An auditor whose access can be looked at afterwards."""

    kept: list[Access] = []  # noqa: RUF012 - one list for the one test that reads it

    def access(self, rules: Rules) -> Access:
        made = Auditor.access(self, rules)
        self.kept.append(made)
        return made


def test_clients_are_shared_by_all_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Caller({}, tmp_path, accounts=()).configured()
    with serve(accounts=100, regions=3) as served, FaultProxy(served.url) as proxy:
        for name, value in {
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ACCESS_KEY_ID": "AKIAMANAGEMENT",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": SIMULATED_HOME,
            "AWS_DEFAULT_REGION": SIMULATED_HOME,
        }.items():
            monkeypatch.setenv(name, value)
        settings = load(config, {}, {"run": {"out": tmp_path / "reports"}})
        run = asyncio.run(_Watched(settings).audit("run"))
    (access,) = _Watched.kept
    called = {(call.service, call.region) for call in proxy.calls}
    assert len(run.read_manifest().accounts) == 100
    assert len(access.clients._clients) == len(called)
    assert access.traffic.calls == len(proxy.calls)
    assert not [cell for account in run.read_manifest().accounts for cell in run.cells(account.id) if cell.not_assessed]


def test_stock_emulator_without_an_organization(stock: Demo, tmp_path: Path) -> None:
    caller = Caller(environment_for(stock.endpoint_url, stock), tmp_path, accounts=())
    outcome = caller.audit()
    assert_adds_up(outcome)
    assert outcome.manifest.organization is None
    assert [account.id for account in outcome.manifest.accounts] == [stock.management_account_id]
    failed = {cell.control for cell in outcome.cells if cell.status is Status.FAIL}
    assert failed == {
        "cloudtrail_trail_multi_region_management_events",
        "logs_metric_filter_cloudtrail_changes_alarmed",
    }
    assert outcome.code == ExitCode.FINDINGS


def test_stock_emulator_with_an_organization(stock: Demo, tmp_path: Path) -> None:
    organizations = client(stock, "organizations")
    organizations.create_organization(FeatureSet="ALL")
    for name in ("one", "two"):
        organizations.create_account(AccountName=name, Email=f"{name}@example.com")
    client(stock, "s3").create_bucket(Bucket="trail-bucket")
    trails = client(stock, "cloudtrail")
    trails.create_trail(Name="everything", S3BucketName="trail-bucket", IsMultiRegionTrail=True)
    trails.start_logging(Name="everything")
    caller = Caller(environment_for(stock.endpoint_url, stock), tmp_path, accounts=())
    outcome = caller.audit()
    assert_adds_up(outcome)
    assert len(outcome.manifest.accounts) == 3
    assert {gap.reason for gap in outcome.manifest.discovery_gaps} <= {"DEFECT", "NOT_OFFERED", "DENIED"}
    recorded = [cell for cell in outcome.cells if cell.control == "cloudtrail_trail_multi_region_management_events"]
    statuses = {cell.account_id: cell.status for cell in recorded}
    assert statuses.pop(stock.management_account_id) in {Status.PASS, Status.NOT_ASSESSED}
    assert set(statuses.values()) <= {Status.FAIL, Status.NOT_ASSESSED}
