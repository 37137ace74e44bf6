"""How the simulator behaves: rates, faults, latency, many accounts, a huge one, and answering within the process."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from orgaudit.model import Status
from orgaudit.settings.limits import load_limits
from orgaudit.store.run import Run
from scripts.bench_calls import audit, environment
from scripts.simulator import answers
from scripts.simulator.answers import HANDLERS, OWN_HANDLERS
from scripts.simulator.faults import MOST_IN_TURN, Fault, Faults
from scripts.simulator.inside import environment as inside
from scripts.simulator.options import simulator_of
from scripts.simulator.organization import HUGE, KINDS, REGIONS, Organization, account_id
from scripts.simulator.protocol import operation
from scripts.simulator.server import serve
from scripts.simulator.service import Behaviour, Reply, Simulator
from tests.asked_operations import asked

FORM = b"POST / HTTP/1.1"
WHO = b"Action=GetCallerIdentity&Version=2011-06-15"
VPCS = b"Action=DescribeVpcs&Version=2016-11-15"


def ask(
    simulator: Simulator, body: bytes = WHO, *, number: int = 7, service: bytes = b"sts", region: str = ""
) -> Reply:
    return simulator.answer(account_id(number), region or REGIONS[0], service, FORM, b"", body)


def ask_json(simulator: Simulator, signed_as: str, target: str, account: str, **parameters: Any) -> dict[str, Any]:
    body = json.dumps(parameters).encode()
    reply = simulator.answer(account, REGIONS[0], signed_as.encode(), FORM, target.encode(), body)
    document: dict[str, Any] = json.loads(reply.body)
    return document


def test_there_is_an_answer_to_all_that_the_package_asks() -> None:
    answers.load()
    missing = {(each.service, each.operation) for each in asked()} - HANDLERS.keys() - OWN_HANDLERS.keys()
    for name in missing:  # nothing of these is simulated: their lists are empty
        assert answers.empty(operation(*name))


def test_an_audit_with_every_control_assesses_everything(tmp_path: Path) -> None:
    given = inside(["--accounts=10", "--regions=3"])
    command = [sys.executable, "-m", "orgaudit", *audit(tmp_path, "run", ["--framework", "all", "--format", "json"])]
    done = subprocess.run(command, env=environment("") | given, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    run = Run(tmp_path / "run")
    accounts = run.read_manifest().accounts
    assert len(accounts) == 10
    found = Counter(finding.status for account in accounts for finding in run.findings(account.id))
    assert Status.NOT_ASSESSED not in found
    assert min(found[Status.PASS], found[Status.FAIL], found[Status.NOT_APPLICABLE]) > 100
    assert not [cell for account in accounts for cell in run.cells(account.id) if cell.not_assessed]


def test_the_same_is_answered_within_the_process_and_over_http(tmp_path: Path) -> None:
    code = (
        "import asyncio, json, aioboto3\n"
        "async def main():\n"
        "    async with aioboto3.Session().client('iam', region_name='us-east-1') as iam:\n"
        "        print(json.dumps(await iam.get_account_authorization_details(), default=str))\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code]
    with serve(accounts=3, regions=1) as served:
        over_http = subprocess.run(command, env=environment(served.url), check=True, capture_output=True).stdout
        calls = served.calls()["total"]
    within = environment("") | inside(["--accounts=3", "--regions=1"])
    found = subprocess.run(command, env=within, check=True, capture_output=True, cwd=tmp_path).stdout
    assert calls == 1
    for answer in (given := [json.loads(each) for each in (over_http, found)]):
        answer.pop("ResponseMetadata")
    assert given[0] == given[1]
    assert given[0]["RoleDetailList"]


def test_calls_beyond_the_documented_rate_are_throttled_until_it_refills(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("scripts.simulator.service.time.monotonic", lambda: now)
    simulator = Simulator(Organization(9, REGIONS[:2]), Behaviour(limits=load_limits(Path("none"))))

    def statuses(calls: int, **where: Any) -> list[int]:
        return [ask(simulator, VPCS, service=b"ec2", **where).status for _ in range(calls)]

    assert statuses(102) == [200] * 100 + [503] * 2
    assert b"<Code>RequestLimitExceeded</Code>" in ask(simulator, VPCS, service=b"ec2").body
    assert statuses(1, region=REGIONS[1]) == statuses(1, number=8) == [200]
    now += 0.1
    assert statuses(3) == [200, 200, 503]
    counts = simulator.counts.document()
    assert counts["throttled"] == {"total": 4, "actions": {"ec2:DescribeVpcs": 4}, "accounts": {account_id(7): 4}}
    assert counts["total"] == 108


@pytest.mark.parametrize(
    ("signed_as", "target", "code"),
    [
        ("logs", "Logs_20140328.DescribeLogGroups", "ThrottlingException"),
        ("organizations", "AWSOrganizationsV20161128.DescribeOrganization", "TooManyRequestsException"),
    ],
)
def test_each_service_throttles_by_its_own_code(signed_as: str, target: str, code: str) -> None:
    simulator = Simulator(Organization(9, REGIONS[:2]), Behaviour(limits=load_limits(Path("none"))))
    found = [ask_json(simulator, signed_as, target, account_id(7)) for _ in range(12)]
    assert found[-1]["__type"] == code


def faulty(order: int, *, seed: int = 0, calls: int = 4000) -> dict[bytes, list[Fault]]:
    """The faults that answer each request until it passes, where requests come in some order."""
    faults = Faults(5, seed)
    requests = [b"request %d" % number for number in range(calls)]
    random.Random(order).shuffle(requests)  # noqa: S311 - an order, no secret
    found: dict[bytes, list[Fault]] = {}
    waiting = list(requests)
    while waiting:
        request = waiting.pop(0)
        if fault := faults.next("100000000007", "us-east-1", request):
            found.setdefault(request, []).append(fault)
            waiting.append(request)
    return found


def test_faults_are_the_same_for_a_seed_in_any_order() -> None:
    assert faulty(1) == faulty(2) != faulty(1, seed=1)


def test_faults_are_of_all_kinds_and_as_many_as_are_asked_for_and_a_retry_passes() -> None:
    found = faulty(1)
    kinds = Counter(fault for faults in found.values() for fault in faults)
    assert set(kinds) == set(Fault)
    assert 0.04 < kinds.total() / (4000 + kinds.total()) < 0.06
    assert max(map(len, found.values())) == MOST_IN_TURN
    assert not faulty(1, calls=0)
    assert all(Fault.EXPIRED not in faults[1:] for faults in found.values())


def test_an_answer_with_a_fault_is_what_the_fault_says() -> None:
    simulator = Simulator(Organization(2000, REGIONS[:1]), Behaviour(faults=100))
    replies = [ask(simulator, number=number) for number in range(2, 200)]
    whole = ask(Simulator(Organization(9, REGIONS[:1])))
    by_status = Counter(reply.status for reply in replies)
    assert set(by_status) == {200, 400, 500, 503}
    assert {reply.fault for reply in replies} == {None, Fault.RESET_BEFORE, Fault.RESET_WITHIN}
    cut = [reply for reply in replies if reply.status == 200 and not reply.fault and not reply.delay]
    assert {len(reply.body) for reply in cut} == {len(whole.body) // 2}
    assert [reply for reply in replies if reply.delay > 1 and len(reply.body) == len(whole.body)]
    assert simulator.counts.document()["faults"]["total"] == len(replies)


def test_answers_take_their_time_and_come_in_order() -> None:
    with (
        serve("--latency-ms=30", accounts=3, regions=1) as served,
        closing(
            boto3.Session().client(
                "sts",
                endpoint_url=served.url,
                region_name="us-east-1",
                aws_access_key_id="AKIA",
                aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}),
            )
        ) as sts,
    ):
        assert sts.get_caller_identity()["Account"] == account_id(0)
    simulator = Simulator(Organization(3, REGIONS[:1]), Behaviour(latency=0.03))
    delays = [ask(simulator).delay for _ in range(200)]
    assert 0.022 < min(delays) < max(delays) < 0.038
    assert 0.028 < sum(delays) / 200 < 0.032


def test_ten_thousand_accounts_share_what_is_kept() -> None:
    simulator = Simulator(Organization(10_000, REGIONS[:2]))
    for number in range(2, 2000):
        assert account_id(number).encode() in ask(simulator, number=number).body
        ask(simulator, VPCS, number=number, service=b"ec2", region=REGIONS[1])
    assert len(simulator._kept) <= 2 * KINDS
    assert b"us-west-2" not in b"".join(kept.body for kept in simulator._kept.values())
    assert not simulator.organization.has(account_id(10_000))
    assert simulator.organization.has(account_id(9_999))


def test_accounts_of_a_seed_are_the_same_and_those_of_another_differ() -> None:
    def held(seed: int) -> list[bytes]:
        simulator = simulator_of([f"--seed={seed}", "--accounts=40"])
        keys = b"Action=GetAccountAuthorizationDetails&Version=2010-05-08"
        return [ask(simulator, keys, number=number, service=b"iam").body for number in range(2, 20)]

    assert held(1) == held(1) != held(2)


HUGE_SIZES = "--huge=loggroups=1230,rules=5000,roles=321,objects=12345"


def test_a_huge_account_is_listed_page_by_page_each_row_once() -> None:
    simulator = simulator_of(["--accounts=4", HUGE_SIZES])
    names: list[str] = []
    token: dict[str, str] | None = {}
    while token is not None:
        page = ask_json(simulator, "logs", "Logs_20140328.DescribeLogGroups", HUGE, **token)
        names += [group["logGroupName"] for group in page["logGroups"]]
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
    assert len(names) == len(set(names)) == 1230
    assert all(name.startswith("cloudtrail/audit/") for name in names)


def test_a_huge_account_has_as_many_volumes_rules_and_roles_as_it_is_given() -> None:
    with serve(HUGE_SIZES, accounts=4, regions=1) as served:

        def rows(name: str, operation_name: str, key: str, account: str = HUGE, **asked: Any) -> list[Any]:
            with closing(
                boto3.Session().client(
                    name,
                    endpoint_url=served.url,
                    region_name="us-east-1",
                    aws_access_key_id=f"ASIAORGA{account}",
                    aws_secret_access_key="secret",
                )
            ) as client:
                pages = client.get_paginator(operation_name).paginate(**asked)
                return [row for page in pages for row in page[key]]

        volumes = {row["VolumeId"] for row in rows("ec2", "describe_volumes", "Volumes", MaxResults=1000)}
        groups = rows("ec2", "describe_security_groups", "SecurityGroups", MaxResults=1000)
        roles = {row["Arn"] for row in rows("iam", "get_account_authorization_details", "RoleDetailList")}
        others = rows("ec2", "describe_volumes", "Volumes", account=account_id(3))
    assert len(volumes) == 12345
    assert sum(len(group["IpPermissions"]) + len(group["IpPermissionsEgress"]) for group in groups) == 5000
    assert len(roles) == 321
    assert len(others) < 10
