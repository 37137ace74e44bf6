"""Runs of the program as a user makes them, and what each must keep: nothing is judged that was not seen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import boto3
import msgspec

from orgaudit.demo import Demo
from orgaudit.demo.accounts import ACCOUNTS, account_named
from orgaudit.errors import ExitCode
from orgaudit.model import GLOBAL, Cell, Finding, GapReason, Status
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, read_lines
from orgaudit.store.verify import verify
from tests import commands
from tests.faults import FaultProxy

ROOT = Path(__file__).parents[1]
MANAGEMENT = account_named("Meridian Management").id
LOG_ARCHIVE = account_named("Log Archive").id
TOOLING = account_named("Security Tooling").id
WEBSHOP = account_named("Webshop Production").id
PAYMENTS = account_named("Payments Production").id
MOBILE = account_named("Mobile Development").id
SANDBOX = account_named("Sandbox Platform").id
CHOSEN = (MANAGEMENT, LOG_ARCHIVE, TOOLING, WEBSHOP, PAYMENTS, MOBILE, SANDBOX)
"""Accounts that can be seen whole: with an organization trail, trails of their own, a fence, and a closed region."""
CONTROLS = (
    "cloudtrail_trail_cloudwatch_logs_delivered",
    "cloudtrail_trail_log_group_retained",
    "cloudtrail_trail_log_group_subscriptions_known",
    "cloudtrail_trail_logging",
    "cloudtrail_trail_multi_region_management_events",
    "cloudtrail_trail_role_can_deliver",
    "logs_metric_filter_cloudtrail_changes_alarmed",
)
"""Controls that between them need listings, details, details of details, and facts of other accounts."""
SHUT = tuple(account.id for account in ACCOUNTS if account.closed or account.name == "Northgate Acquisition")
"""The account that is suspended, and the one without the role."""
HOME = "us-east-1"
REGIONS = ("af-south-1", "eu-central-1", "eu-west-1", HOME)
FENCED_REGION = "eu-central-1"
"""The region that a service control policy keeps the sandbox out of, which the settings of these runs accept."""
SHUTTING = frozenset({GapReason.REGION_DISABLED, GapReason.NOT_OFFERED})
"""Why a region may hold nothing for an account."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(Z|\+00:00)?")
_SETTINGS = """
[scope]
accounts = {accounts}
controls = {controls}
accept_blocked_regions = {accepted}
[run]
formats = ["json"]
{run}
"""
_LIMITS = """
[limits]
"organizations" = { rate = 500, burst = 500, per = "organization" }
"organizations:ListRoots" = { rate = 500, burst = 500, per = "organization" }
"organizations:DescribeOrganization" = { rate = 500, burst = 500, per = "organization" }
"organizations:ListAccountsForParent" = { rate = 500, burst = 500, per = "organization" }
"organizations:ListOrganizationalUnitsForParent" = { rate = 500, burst = 500, per = "organization" }
"organizations:ListDelegatedServicesForAccount" = { rate = 500, burst = 500, per = "organization" }
"logs" = { rate = 50, burst = 50, per = "account-region" }
"""

Place: TypeAlias = tuple[str, str, str]
"""Account, region and control."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command that has ended, and the run that it was about."""

    code: int
    stdout: str
    stderr: str
    run: Run

    def report_as_of(self, day: str) -> dict[str, Any]:
        """Return the report that shows the register on another day than the audit's own reports."""
        document: dict[str, Any] = json.loads((self.run.path / f"as-of-{day}" / "report.json").read_bytes())
        return document

    @property
    def manifest(self) -> Manifest:
        return self.run.read_manifest()

    @property
    def cells(self) -> list[Cell]:
        return [cell for account in self.manifest.accounts for cell in self.run.cells(account.id)]

    @property
    def findings(self) -> list[Finding]:
        return [finding for account in self.manifest.accounts for finding in self.run.findings(account.id)]

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.run.path / "report.json").read_bytes())
        return document


@dataclass(frozen=True, slots=True)
class Caller:
    """Runs commands with an environment that leads to one endpoint, in a directory of its own."""

    environment: Mapping[str, str]
    directory: Path
    accounts: tuple[str, ...] = CHOSEN
    accepted: tuple[str, ...] = (FENCED_REGION,)

    def configured(self, run: str = "", **sections: str) -> Path:
        """Write settings with generous rates and return their file; `sections` are further tables as TOML."""
        settings = self.directory / "config" / "orgaudit.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        text = _SETTINGS.format(
            accounts=json.dumps(self.accounts),
            controls=json.dumps(CONTROLS),
            accepted=json.dumps(self.accepted),
            run=run,
        )
        settings.write_text(text + "".join(f"[{name}]\n{body}\n" for name, body in sections.items()))
        (settings.parent / "limits.toml").write_text(_LIMITS)
        return settings

    def audit(self, *options: str, config: Path | None = None, preexec: Callable[[], None] | None = None) -> Outcome:
        """Run `orgaudit audit` under the run id "run"."""
        return self.call(*self.command(*options, config=config), preexec=preexec)

    def command(self, *options: str, config: Path | None = None) -> tuple[str, ...]:
        """Return the arguments of `audit`."""
        return ("audit", "--config", str(config or self.configured()), "--run-id", "run", *options)

    def call(self, *arguments: str, preexec: Callable[[], None] | None = None) -> Outcome:
        """Run any command to its end; `preexec` is called in its process before it begins."""
        if preexec is None:
            done = commands.run(arguments, self.environment, self.directory)
            code, stdout, stderr = done.returncode, done.stdout, done.stderr
        else:
            with self.started(*arguments, preexec=preexec) as process:
                stdout, stderr = process.communicate(timeout=600)
            code = process.returncode
        assert code != ExitCode.FINDINGS or stdout, f"ended by an unexpected error: {stderr}"
        name = arguments[1] if arguments[0] == "report" else "run"
        return Outcome(code, stdout, stderr, Run(self.directory / "reports" / name))

    def started(self, *arguments: str, preexec: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """Start any command and return the process."""
        return subprocess.Popen(
            [sys.executable, "-m", "orgaudit", *arguments],
            env=dict(self.environment),
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec,  # noqa: PLW1509 - it only makes a system call
        )


def environment_for(url: str, demo: Demo, **keys: str) -> dict[str, str]:
    """Return the environment of a user who calls the demo by way of `url`, perhaps with other keys than its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORGAUDIT_"))}
    return kept | demo.environment | {"AWS_ENDPOINT_URL": url, "PYTHONPATH": str(ROOT)} | keys


def client(demo: Demo, service: str) -> Any:
    """Return a client of the SDK for a service, with the keys that the demo gives its caller."""
    make: Any = boto3.client  # typed by the literal names of services
    return make(
        service,
        region_name=HOME,
        endpoint_url=demo.endpoint_url,
        aws_access_key_id=demo.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=demo.environment["AWS_SECRET_ACCESS_KEY"],
    )


def by_place(outcome: Outcome) -> dict[Place, Cell]:
    """Return the cells of a run by their place; fails where one is there twice."""
    cells = outcome.cells
    found = {(cell.account_id, cell.region, cell.control): cell for cell in cells}
    assert len(found) == len(cells)
    return found


def by_fingerprint(outcome: Outcome) -> dict[str, Finding]:
    """Return the findings of a run by their fingerprint; fails where one is there twice."""
    findings = outcome.findings
    found = {finding.fingerprint: finding for finding in findings}
    assert len(found) == len(findings)
    return found


def assert_adds_up(outcome: Outcome) -> None:
    """Every cell of the plan has a status, and cells, findings, tables, report and exit code agree."""
    manifest = outcome.manifest
    places = {(cell.region, cell.control) for cell in outcome.cells}
    assert by_place(outcome).keys() == {(account.id, *place) for account in manifest.accounts for place in places}
    regional = Counter(control for region, control in places if region != GLOBAL)
    assert len(set(regional.values())) <= 1
    assert {control.id for control in manifest.controls} == {control for _, control in places}
    assert verify(outcome.run) == []
    counted: Counter[Status] = Counter()
    for cell in outcome.cells:
        counts = _counts(cell)
        assert cell.status is (Status.NOT_ASSESSED if cell.is_accepted else _worst(counts)), cell
        counted += counts + Counter({Status.NOT_ASSESSED: cell.accepted})
    assert counted == Counter(finding.status for finding in outcome.findings)
    assert_explained(outcome)
    accepted = sum(cell.is_accepted for cell in outcome.cells)
    unseen = sum(cell.status is Status.NOT_ASSESSED for cell in outcome.cells) - accepted
    totals = outcome.report["coverage"]["totals"]
    expected = len(outcome.cells) - accepted
    assert (totals["evaluations"], totals["evaluations_assessed"]) == (expected, expected - unseen)
    assert totals["evaluations_accepted"] == accepted
    assert sum(each["evaluations"] for each in outcome.report["coverage"]["unseen"]) == unseen
    if unseen:
        assert outcome.code == ExitCode.INCOMPLETE
    else:
        assert outcome.code in {ExitCode.CLEAN, ExitCode.FINDINGS}


def _counts(cell: Cell) -> Counter[Status]:
    return +Counter(
        {
            Status.PASS: cell.passed,
            Status.FAIL: cell.failed,
            Status.NOT_ASSESSED: cell.not_assessed,
            Status.NOT_APPLICABLE: cell.not_applicable,
            Status.MANUAL: cell.manual,
        }
    )


def _worst(counts: Counter[Status]) -> Status:
    order = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL)
    return next((status for status in order if counts[status]), Status.NOT_APPLICABLE)


def assert_explained(outcome: Outcome) -> None:
    """What was not assessed says why, with which action, and what to do."""
    for cell in outcome.cells:
        if cell.status is Status.NOT_ASSESSED:
            assert cell.reason is not None, cell
            assert cell.message, cell
            assert cell.action or cell.reason in {GapReason.ACCOUNT_UNAVAILABLE, GapReason.DEFECT}, cell
    for finding in outcome.findings:
        if finding.status is Status.NOT_ASSESSED:
            assert finding.gap is not None, finding
            assert finding.remediation is not None
            assert finding.remediation.asset.text


def assert_honest(faulty: Outcome, clean: Outcome) -> set[Place]:
    """Nothing is judged that was not seen, and nothing that is not judged goes unsaid; returns the places that differ.

    `clean` is the same audit without the fault. Every PASS and FAIL of the faulty run is one of the clean run; every
    finding of the clean run is there, or its place says that nobody could look, or that the region is shut.
    """
    assert_adds_up(faulty)
    before, after = by_fingerprint(clean), by_fingerprint(faulty)
    for key, finding in after.items():
        if finding.status in {Status.PASS, Status.FAIL, Status.MANUAL}:
            assert key in before, finding
            assert finding.status is before[key].status, (finding, before[key])
    cells = by_place(faulty)
    for key, finding in before.items():
        if key not in after or after[key].status is not finding.status:
            place = finding.account_id, finding.region, finding.control
            assert _says_so(cells[place]), (finding, cells[place])
    assert by_place(clean).keys() <= cells.keys()
    return {place for place, cell in by_place(clean).items() if cells[place].status is not cell.status}


def _says_so(cell: Cell) -> bool:
    shut = cell.status is Status.NOT_APPLICABLE and cell.reason in SHUTTING
    return cell.status is Status.NOT_ASSESSED or shut


def assert_same(run: Outcome, clean: Outcome) -> None:
    """Two runs say the same, apart from times."""
    assert_adds_up(run)
    for records, others in ((run.cells, clean.cells), (run.findings, clean.findings)):
        assert set(without_times(records)) ^ set(without_times(others)) == set()
        assert len(records) == len(others)
    assert run.code == clean.code


def without_times(records: Iterable[msgspec.Struct]) -> list[str]:
    """Return records as text without moments, sorted."""
    return sorted(_MOMENT.sub("TIME", msgspec.json.encode(record).decode()) for record in records)


def places_of(
    outcome: Outcome, *, accounts: Collection[str] = CHOSEN, regions: Collection[str] = REGIONS
) -> list[Cell]:
    """Return the cells of these accounts and regions; account-wide cells are in the region "global"."""
    return [cell for cell in outcome.cells if cell.account_id in accounts and cell.region in regions]


def gaps_in(outcome: Outcome, account: str) -> set[tuple[str, str]]:
    """Return reason and action of every gap, however deep, in the facts of an account."""
    lines = read_lines(outcome.run.shard_path(account), msgspec.json.Decoder(dict[str, Any]))
    return set(_gaps(list(lines)))


def _gaps(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if {"reason", "action", "message"} <= value.keys():
            yield value["reason"], value["action"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _gaps(item)


def asked(proxy: FaultProxy) -> Counter[str]:
    """Return how often each action was called."""
    return Counter(call.permission for call in proxy.calls)
