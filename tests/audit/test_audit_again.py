"""An audit that looks again at a part of an earlier run: what it calls, what it takes over, and what it says of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import duckdb
import msgspec
import pytest

from orgaudit.demo import Demo, running
from orgaudit.errors import ExitCode
from orgaudit.history.baseline import is_whole
from orgaudit.history.only_open import Outcome as Became
from orgaudit.history.only_open import outcomes
from orgaudit.model import Status
from orgaudit.store import receipts
from orgaudit.store.run import Run, shard_name
from orgaudit.store.verify import verify
from tests.audit_runs import (
    CHOSEN,
    LOG_ARCHIVE,
    MANAGEMENT,
    MOBILE,
    PAYMENTS,
    SANDBOX,
    WEBSHOP,
    Caller,
    Outcome,
    assert_adds_up,
    assert_same,
    by_fingerprint,
    client,
    environment_for,
)
from tests.faults import Delay, Deny, FaultProxy

ONE_BY_ONE = "concurrent_accounts = 1"


def collected(proxy: FaultProxy) -> set[str]:
    """Return the accounts whose regions were listed, as they are first of all where an account is collected."""
    return {call.account for call in proxy.calls if call.action == "ListRegions" and call.account}


def assumed(proxy: FaultProxy) -> set[str]:
    """Return the accounts whose role was assumed."""
    return {call.target for call in proxy.calls if call.action == "AssumeRole" and call.target}


def again(caller: Caller, name: str, *options: str, run: str = "") -> Outcome:
    """Run an audit under another run id than "run", with the same settings."""
    config = str(caller.configured(run))
    found = caller.call("audit", "--config", config, "--run-id", name, *options)
    return Outcome(found.code, found.stdout, found.stderr, Run(caller.directory / "reports" / name))


def latest(caller: Caller) -> str:
    return (caller.directory / "reports" / "latest").resolve().name


@pytest.fixture(scope="module")
def failed_once(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run in which one account could not be read whole; tests only copy it."""
    with FaultProxy(demo.endpoint_url) as proxy:
        proxy.rules.append(Deny(action="GetTrailStatus", account=PAYMENTS))
        found = Caller(environment_for(proxy.url, demo), tmp_path_factory.mktemp("failed")).audit()
    assert found.code == ExitCode.INCOMPLETE
    return found


@pytest.fixture
def failed(failed_once: Outcome, caller: Caller) -> Outcome:
    """The run in which one account could not be read whole, in the test's own directory."""
    reports = caller.directory / "reports"
    shutil.copytree(failed_once.run.path.parent, reports, symlinks=True)
    return replace(failed_once, run=Run(reports / "run"))


def test_only_what_failed_is_looked_at_again(
    caller: Caller, proxy: FaultProxy, failed: Outcome, clean: Outcome
) -> None:
    second = again(caller, "second", "--since", "run")
    assert_adds_up(second)
    assert second.code == clean.code
    assert {key: each.status for key, each in by_fingerprint(second).items()} == {
        key: each.status for key, each in by_fingerprint(clean).items()
    }
    assert collected(proxy) == {PAYMENTS, MANAGEMENT}, "the owner of what the account shows is as young as the account"
    untouched = set(CHOSEN) - {PAYMENTS, MANAGEMENT}
    assert set(second.manifest.taken_over) == untouched
    log_group_of_the_trail = {LOG_ARCHIVE, "318264750931"}
    assert not assumed(proxy) & (untouched - log_group_of_the_trail)
    before, after = by_fingerprint(failed), by_fingerprint(second)
    for account in untouched:
        for name in (shard_name(account), receipts.name_of(account)):
            assert (second.run.path / name).samefile(failed.run.path / name)
        assert second.manifest.taken_over[account].run_id == "run"
    for key, finding in after.items():
        if finding.account_id in untouched:
            assert finding.assessed_at == before[key].assessed_at
        else:
            assert finding.assessed_at > failed.manifest.evaluated_at  # type: ignore[operator]
    days = sorted({each.collected_at.date().isoformat() for each in second.manifest.taken_over.values()})
    said = f"5 of 7 accounts were not looked at again; their facts are of {' to '.join(days)} (run run)"
    assert said in second.stdout
    assert said in second.report["coverage"]["totals"]["completeness"]
    assert (is_whole(second.manifest), latest(caller)) == (True, "second")
    assert second.manifest.baseline
    assert second.manifest.baseline.run_id == "run"


def test_what_was_taken_over_names_the_run_that_collected_it(
    caller: Caller, proxy: FaultProxy, failed: Outcome
) -> None:
    again(caller, "second", "--since", "run")
    proxy.calls.clear()
    third = again(caller, "third", "--since", "latest")
    assert not collected(proxy)
    assert not assumed(proxy)
    assert {each.run_id for each in third.manifest.taken_over.values()} == {"run", "second"}
    assert "7 of 7 accounts were not looked at again" in third.stdout
    assert "(runs run, second)" in third.stdout
    proxy.calls.clear()
    fourth = again(caller, "fourth", "--since", "third", "--older-than", "0m")
    assert collected(proxy) == set(CHOSEN)
    assert not fourth.manifest.taken_over
    assert "not looked at again" not in fourth.stdout
    fifth = again(caller, "fifth", "--since", "run")
    assert fifth.manifest.narrowed_by == ("--since",), "a later audit saw more"
    assert latest(caller) == "fourth"
    refused = again(caller, "sixth", "--since", "run", "--baseline", "fourth")
    assert (refused.code, "began after run run" in refused.stderr) == (ExitCode.USAGE, True)
    assert not refused.run.path.exists()
    done = caller.call("evaluate", "third", "--config", str(caller.configured()))
    assert done.code == ExitCode.CLEAN, done.stderr
    judged = Run(caller.directory / "reports" / "third.2")
    assert judged.read_manifest().taken_over == third.manifest.taken_over
    assert verify(judged) == []


def test_an_account_whose_facts_lack_a_type_is_looked_at_again(caller: Caller, proxy: FaultProxy) -> None:
    caller.audit("--control", "cloudtrail_trail_logging")
    proxy.calls.clear()
    second = again(caller, "second", "--since", "run")
    assert collected(proxy) == set(CHOSEN)
    assert second.code == ExitCode.FINDINGS
    proxy.calls.clear()
    third = again(caller, "third", "--since", "second", "--control", "cloudtrail_trail_logging")
    assert not assumed(proxy)
    assert third.manifest.narrowed_by == ("--control",)


def test_a_changed_shard_is_refused(caller: Caller, proxy: FaultProxy, failed: Outcome) -> None:
    shard = failed.run.shard_path(WEBSHOP)
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    second = again(caller, "second", "--since", "run")
    assert (second.code, str(shard) in second.stderr) == (ExitCode.USAGE, True)
    assert proxy.calls == []
    assert not second.run.path.exists()


def test_verify_compares_the_shards_of_both_runs(caller: Caller, failed: Outcome) -> None:
    second = again(caller, "second", "--since", "run")
    manifest = failed.manifest
    hashes = dict(manifest.seal or {})
    hashes[f"facts/{WEBSHOP}.ndjson.zst"] = "0" * 64
    failed.run.write_manifest(msgspec.structs.replace(manifest, seal=hashes))
    assert f"{second.run.shard_path(WEBSHOP)}: is not the shard of run run, from which it was taken over" in verify(
        second.run
    )


def test_a_second_look_that_was_collected_in_parts_is_not_judged_by_facts_that_are_too_old(
    caller: Caller, proxy: FaultProxy, failed: Outcome, clean: Outcome
) -> None:
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.5))
    config = str(caller.configured(ONE_BY_ONE))
    with caller.started("audit", "--config", config, "--run-id", "second", "--since", "run") as process:
        deadline = time.monotonic() + 60
        while not any(call.action == "DescribeTrails" for call in proxy.calls):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate()
    proxy.rules.clear()
    proxy.calls.clear()
    done = caller.call("collect", "second", "--config", config)
    assert (done.code, collected(proxy)) == (ExitCode.CLEAN, {PAYMENTS}), done.stderr
    refused = caller.call("evaluate", "second", "--config", config)
    assert refused.code == ExitCode.USAGE
    assert f"accounts that show their resources: {MANAGEMENT}; `orgaudit audit --resume second`" in refused.stderr
    done = caller.call("audit", "--config", config, "--resume", "second")
    second = Outcome(done.code, done.stdout, done.stderr, Run(caller.directory / "reports" / "second"))
    assert collected(proxy) == {PAYMENTS, MANAGEMENT}
    assert set(second.manifest.taken_over) == set(CHOSEN) - {PAYMENTS, MANAGEMENT}
    assert_same(second, clean)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_second_look_goes_on(
    caller: Caller, proxy: FaultProxy, failed: Outcome, clean: Outcome, workers: str
) -> None:
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.5))
    config = str(caller.configured(ONE_BY_ONE))
    options = ("audit", "--config", config, "--run-id", "second", "--since", "run", "--workers", workers)
    with caller.started(*options) as process:
        deadline = time.monotonic() + 60
        while not any(call.action == "DescribeTrails" for call in proxy.calls):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate()
    proxy.rules.clear()
    proxy.calls.clear()
    for path in (caller.directory / "reports" / "second" / "facts").glob("[0-9]*"):
        path.unlink()
        break
    done = caller.call("audit", "--config", config, "--resume", "second", "--workers", workers)
    second = Outcome(done.code, done.stdout, done.stderr, Run(caller.directory / "reports" / "second"))
    assert collected(proxy) == {PAYMENTS, MANAGEMENT}
    assert len(second.manifest.taken_over) == len(CHOSEN) - 2
    assert_same(second, clean)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "rum"), "did you mean run?"),
        (("--only-open", "rum"), "did you mean run?"),
        (("--since", "run", "--resume", "run"), "--resume and --since exclude each other"),
        (("--since", "run", "--only-open", "run"), "--since and --only-open exclude each other"),
        (("--older-than", "7d"), "--older-than belongs to --since"),
        (("--since", "run", "--older-than", "soon"), "is not a duration; write one such as 7d"),
        (("--since", "run", "--account", WEBSHOP), "takes the accounts and regions from RUN; leave out --account"),
        (("--only-open", "run", "--control", "cloudtrail_trail_logging"), "leave out --control"),
        (("--only-open", "run", "--baseline", "none"), "leave out --baseline"),
    ],
)
def test_options_that_make_no_sense_call_nothing(
    caller: Caller, proxy: FaultProxy, failed: Outcome, options: tuple[str, ...], said: str
) -> None:
    found = again(caller, "second", *options)
    assert (found.code, said in found.stderr) == (ExitCode.USAGE, True), found.stderr
    assert proxy.calls == []


@pytest.mark.parametrize("options", [("--since", "run"), ("--only-open", "run"), ("--older-than", "1d")])
def test_a_quarter_looks_at_everything(caller: Caller, proxy: FaultProxy, options: tuple[str, ...]) -> None:
    found = caller.call("quarter", "--config", str(caller.configured()), *options)
    assert (found.code, "a quarter looks at everything" in found.stderr) == (ExitCode.USAGE, True)
    assert proxy.calls == []


def test_a_quarter_does_not_take_a_second_look(caller: Caller, failed: Outcome) -> None:
    again(caller, "second", "--since", "run")
    found = caller.call("quarter", "--config", str(caller.configured()), "--run", "second")
    assert (found.code, "looked again at a part: 5 of 7 accounts" in found.stderr) == (ExitCode.USAGE, True)


def test_without_an_open_finding_nothing_is_called(caller: Caller, proxy: FaultProxy) -> None:
    assert caller.audit("--control", "cloudtrail_trail_logging").code == ExitCode.CLEAN
    proxy.calls.clear()
    found = again(caller, "second", "--only-open", "run")
    assert (found.code, "has no open finding" in found.stdout) == (ExitCode.CLEAN, True)
    assert proxy.calls == []
    assert not found.run.path.exists()


@pytest.fixture(scope="module")
def own() -> Iterator[Demo]:
    """A demo that a test of this module changes."""
    with running() as started:
        yield started


def in_account(demo: Demo, account: str, service: str, region: str) -> Any:
    """Return a client in a member account."""
    role = f"arn:aws:iam::{account}:role/OrgAuditRole"
    keys = client(demo, "sts").assume_role(RoleArn=role, RoleSessionName="fix")["Credentials"]
    make: Any = boto3.client
    return make(
        service,
        region_name=region,
        endpoint_url=demo.endpoint_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def became(run: Run) -> dict[tuple[str, str, str], str]:
    """Return what became of each open finding, by account, control and the resource's name."""
    return {(each.account_id, each.control, each.resource.rpartition("/")[2]): each.outcome for each in outcomes(run)}


def test_a_fix_is_checked_where_something_was_open(own: Demo, tmp_path: Path) -> None:
    with FaultProxy(own.endpoint_url) as proxy:
        caller = Caller(environment_for(proxy.url, own), tmp_path)
        first = caller.audit()
        trails = in_account(own, SANDBOX, "cloudtrail", "eu-west-1")
        (old,) = (each for each in trails.describe_trails()["trailList"] if each["Name"] == "sandbox-old")
        group = old["CloudWatchLogsLogGroupArn"].split(":log-group:")[1].removesuffix(":*")
        logs = in_account(own, SANDBOX, "logs", "eu-west-1")
        logs.create_log_group(logGroupName=group)
        logs.put_retention_policy(logGroupName=group, retentionInDays=400)
        in_account(own, SANDBOX, "cloudtrail", "us-east-1").delete_trail(Name="sandbox-trail")
        proxy.calls.clear()
        proxy.rules.append(Deny(action="DescribeTrails", account=MOBILE))
        second = again(caller, "second", "--only-open", "run", "--workers", "2")
        called = {(call.account, call.region) for call in proxy.calls if call.service == "cloudtrail"}
        proxy.rules.clear()
        third = again(caller, "third", "--only-open", "run")
        whole = again(caller, "whole")
    opened = {key for key, each in by_fingerprint(first).items() if each.status is Status.FAIL}
    assert opened
    assert {account for account, _ in called} == {MOBILE, SANDBOX, MANAGEMENT}
    assert collected_in(second) == {MOBILE, SANDBOX, MANAGEMENT}
    found = became(second.run)
    assert len(found) == len(opened)
    assert found[SANDBOX, "cloudtrail_trail_log_group_retained", "sandbox-old"] == "FIXED"
    assert found[SANDBOX, "cloudtrail_trail_cloudwatch_logs_delivered", "sandbox-trail"] == "GONE"
    assert {state for place, state in found.items() if place[0] == MOBILE} == {"NOT_CHECKED"}
    assert second.code == ExitCode.INCOMPLETE
    assert third.code == ExitCode.FINDINGS
    after = by_fingerprint(whole)
    for finding in third.findings:
        assert finding.status is after[finding.fingerprint].status, "a part is judged as the whole is"
    found = became(third.run)
    assert {state for place, state in found.items() if place[0] == MOBILE} == {"OPEN"}
    still = sum(state == "OPEN" for state in found.values())
    assert still == sum(after[key].status is Status.FAIL for key in opened & after.keys())
    assert f"of {len(opened)} open findings of run run: 1 fixed now, {still} still open, 1 gone" in third.stdout
    said = "did not look at 5 of 7 accounts, 2 of 4 regions, 4 of 7 controls, in which run run has no open finding"
    assert said in third.stdout
    assert said in third.report["coverage"]["totals"]["completeness"]
    assert f"{Became.FIXED.value}: {SANDBOX} eu-west-1" in third.stdout
    assert (third.manifest.narrowed_by, latest(caller)) == (("--only-open",), "whole")
    assert not is_whole(third.manifest)
    for run in (second.run, third.run):
        assert verify(run) == []
    rows = duckdb.read_parquet(str(third.run.path / "history.parquet")).project("fingerprint").fetchall()
    assert opened <= {key for (key,) in rows}, "the history of what was not looked at stays"
    kinds = {each["kind"]: each["count"] for each in json.loads(diff(caller, "run", "third"))["kinds"]}
    assert kinds["persistent"] == still
    refused = again(caller, "fourth", "--since", "third")
    assert (refused.code, "looked at open findings alone" in refused.stderr) == (ExitCode.USAGE, True)


def collected_in(outcome: Outcome) -> set[str]:
    """Return the accounts of which a run has facts."""
    return {path.name.partition(".")[0] for path in (outcome.run.path / "facts").glob("[0-9]*")}


def diff(caller: Caller, old: str, new: str) -> str:
    return caller.call("diff", old, new, "--json", "--config", str(caller.configured())).stdout
