"""Owners in whole runs: told early where the file is wrong, kept by the run, and applied again by evaluate."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orgaudit.demo import Demo
from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, account_named
from orgaudit.errors import ExitCode
from orgaudit.store.verify import verify
from tests.audit_runs import Caller, asked, environment_for
from tests.faults import FaultProxy

SHOP = account_named("Webshop Production")
ROLELESS = account_named("Northgate Acquisition")
CHOSEN = (SHOP.id, ROLELESS.id)
HEADER = "account,unit,owner,mail,environment\n"
TAGGED = {account.id: account.owner for account in ACCOUNTS}


@pytest.fixture
def proxy(demo: Demo) -> Iterator[FaultProxy]:
    with FaultProxy(demo.endpoint_url) as started:
        yield started


@pytest.fixture
def caller(proxy: FaultProxy, demo: Demo, tmp_path: Path) -> Caller:
    return Caller(environment_for(proxy.url, demo), tmp_path, CHOSEN)


def configured(caller: Caller, rows: str) -> str:
    settings = caller.configured()
    (settings.parent / "owners.csv").write_text(HEADER + rows)
    return str(settings)


def queried(caller: Caller, sql: str, config: str, run: str = "run") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(caller.call("query", run, sql, "--config", config).stdout)))


def owners_in(caller: Caller, config: str, run: str = "run") -> dict[str, str]:
    """Return the owner of each account by the findings on its own resources."""
    sql = "SELECT DISTINCT account_id, owner FROM findings WHERE inherited_from IS NULL AND resource_tags = MAP {}"
    rows = queried(caller, sql, config, run)
    assert len(rows) == len({row["account_id"] for row in rows}) == len(CHOSEN)
    return {row["account_id"]: row["owner"] for row in rows}


@pytest.mark.parametrize("command", ["audit", "plan", "doctor"])
def test_a_wrong_form_is_known_before_the_first_call(caller: Caller, proxy: FaultProxy, command: str) -> None:
    config = configured(caller, f"{SHOP.id},,Shop,shop,\n")
    outcome = caller.call(command, "--config", config)
    assert (outcome.code, "owners.csv:2: mail: 'shop' is not a mail" in outcome.stderr) == (ExitCode.USAGE, True)
    assert not asked(proxy)


@pytest.mark.parametrize("command", ["audit", "plan", "doctor"])
def test_an_unknown_name_is_known_before_any_account_is_read(caller: Caller, proxy: FaultProxy, command: str) -> None:
    outcome = caller.call(command, "--config", configured(caller, "Log Archve,,Logs,,\n,Root/Workload,Shops,,\n"))
    assert outcome.code == ExitCode.USAGE
    assert "owners.csv:2: account: the organization has no account 'Log Archve'; did you mean Log Archive?" in (
        outcome.stderr
    )
    assert "owners.csv:3: unit: no account is in a unit 'Root/Workload'; did you mean Root/Workloads?" in outcome.stderr
    assert not [action for action in asked(proxy) if "AssumeRole" in str(action)]
    assert not (caller.directory / "reports" / "run").exists()


def test_a_run_keeps_its_owners_until_it_is_evaluated_again(caller: Caller) -> None:
    config = configured(
        caller, f"{SHOP.name},,Shop,SHOP@meridian.example,live\n,Root/Workloads,Others,,\n{MANAGEMENT.id},,Cloud,,\n"
    )
    outcome = caller.call("audit", "--config", config, "--run-id", "run")
    run, first = outcome.run, "Shop <shop@meridian.example>"
    tagged = {each: TAGGED[each] for each in CHOSEN}
    assert owners_in(caller, config) == {**tagged, SHOP.id: first}
    [shop] = [row for row in queried(caller, "SELECT * FROM accounts", config) if row["id"] == SHOP.id]
    assert (shop["owner"], shop["contact"], shop["environment"]) == (first, "shop@meridian.example", "live")
    sql = "SELECT DISTINCT inherited_from, owner FROM findings WHERE inherited_from IS NOT NULL"
    inherited = {row["inherited_from"]: row["owner"] for row in queried(caller, sql, config)}
    assert inherited == {MANAGEMENT.id: "Cloud"}
    manifest = run.read_manifest()
    assert manifest.inputs["owners.csv"] == manifest.ownership.sha256
    assert {each.account_id for each in manifest.ownership.accounts} == {account.id for account in ACCOUNTS}
    document = json.loads((run.path / "report.json").read_bytes())
    written = {it["account_id"]: it["owner"] for it in document["findings"] if it["inherited_from"] is None}
    assert written == {**tagged, SHOP.id: first}

    Path(config).with_name("owners.csv").unlink()
    later = (datetime.now(UTC).date() + timedelta(days=40)).isoformat()
    assert caller.call("report", "run", "--config", config, "--as-of", later).code != ExitCode.USAGE
    assert (run.path / f"as-of-{later}" / "findings.parquet").exists()
    assert owners_in(caller, config) == {**tagged, SHOP.id: first}

    configured(caller, f"{SHOP.id},,Keepers,,\nOpened Later,,Al,,\n")
    again = caller.call("evaluate", "run", "--config", config)
    assert again.code == ExitCode.CLEAN, again.stderr
    assert "the row applies to nothing in this run: " in again.stderr
    assert "owners.csv:3: account: the organization has no account 'Opened Later'" in again.stderr
    again = caller.call("report", "run.2", "--config", config)
    assert owners_in(caller, config, "run.2") == {**tagged, SHOP.id: "Keepers"}
    assert owners_in(caller, config) == {**tagged, SHOP.id: first}
    assert [list(verify(each)) for each in (run, again.run)] == [[], []]

    resumed = caller.call("audit", "--config", config, "--resume", "run")
    assert resumed.code == ExitCode.USAGE
    assert "owners.csv:3: account: the organization has no account 'Opened Later'" in resumed.stderr
