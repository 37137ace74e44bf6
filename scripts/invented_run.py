"""An evaluated run of an invented organization, as evaluation leaves it: findings, coverage, history and a register.

Controls, frameworks and remediation are the real ones. 200 accounts share the findings; of these, 30 of 100 fail,
7 were not assessed, and half are of tagged resources. Texts and evidence are about as long as those of the demo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import Control, catalogue
from orgaudit.evaluate.rules import Rules
from orgaudit.history import stage as history
from orgaudit.model import (
    GLOBAL,
    Account,
    AccountRecord,
    Caller,
    Cell,
    Finding,
    Gap,
    GapReason,
    OrganizationRecord,
    RegionRecord,
    RegionState,
    Remediation,
    Remedy,
    Scope,
    Status,
    fingerprint,
)
from orgaudit.settings import framework_files
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.people import AccountOwner, OwnershipRecord
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, write_lines

ACCOUNTS = 200
ENTRIES = 200
ON = date(2026, 6, 1)
STARTED = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1", "ca-central-1")
UNITS = ("Root/Platform", "Root/Workloads/Production", "Root/Workloads/Development", "Root/Sandbox")
_STATUSES = (
    *[Status.PASS] * 53,
    *[Status.FAIL] * 30,
    *[Status.NOT_ASSESSED] * 7,
    *[Status.NOT_APPLICABLE] * 8,
    *[Status.MANUAL] * 2,
)


def write_run(path: Path, count: int) -> Run:
    """Write a run of so many findings, and beside it the register `exceptions.yaml`."""
    run, rules = Run(path), rules_of_run()
    members = accounts()
    for account in members:
        found = sorted(findings(account, -(-count // ACCOUNTS), rules), key=lambda each: (each.control, each.region))
        write_lines(run.findings_path(account.id), found)
        write_lines(run.cells_path(account.id), cells(found))
    manifest = manifest_of(run, members, rules)
    history.carry(run, manifest, None, ALIASES)
    run.write_manifest(manifest)
    path.with_name("exceptions.yaml").write_text(yaml.safe_dump({"exceptions": list(entries(rules))}))
    return run


def rules_of_run() -> Rules:
    """Return every control with the newest CIS and NIST."""
    known = catalogue()
    loaded = framework_files.load(PACKAGED, known, ALIASES)
    return Rules(controls=tuple(known.values()), frameworks=(loaded["cis_7.0"], loaded["nist_800_53_r5"]))


def account_id(number: int) -> str:
    """Return the id of an account; number 0 manages the organization."""
    return f"{100_000_000_000 + number}"


def accounts() -> list[Account]:
    """Return the organization's accounts."""
    return [
        Account(
            id=account_id(number),
            name=f"workload {number}",
            ou_path=UNITS[number % len(UNITS)],
            tags={"owner": f"team-{number % 40}@example.com"},
        )
        for number in range(ACCOUNTS)
    ]


def findings(account: Account, count: int, rules: Rules) -> Iterator[Finding]:
    """Yield so many findings of an account."""
    requirements, start = rules.requirements, int(account.id) * 37
    for number in range(count):
        control = rules.controls[number % len(rules.controls)]
        region = REGIONS[number // len(rules.controls) % len(REGIONS)] if control.scope is Scope.REGIONAL else GLOBAL
        status = _STATUSES[(start + number * 61 + number // 100) % 100]
        resource = f"arn:aws:{control.service}:{region}:{account.id}:thing/of-a-workload-{number}"
        gap = _gap(account, control, region) if status is Status.NOT_ASSESSED else None
        yield Finding(
            fingerprint=fingerprint(control.id, account.id, region, resource),
            control=control.id,
            family=control.family,
            title=control.title,
            severity=control.severity,
            status=status,
            reason=f"not assessed: {gap.message}" if gap else f"thing {number} has 30 days of retention, 365 required",
            account_id=account.id,
            account_name=account.name,
            ou_path=account.ou_path,
            region=region,
            resource=resource,
            resource_type="Thing",
            resource_tags={"app": f"app-{number % 90}", "owner": f"Team {number % 30}"} if number % 2 else {},
            requirements=requirements[control.id],
            evidence={"action": gap.action} if gap else _evidence(number, region, account.id),
            remediation=_remediation(control, status, gap, resource, region),
            gap=gap,
            assessed_at=STARTED,
        )


def _gap(account: Account, control: Control, region: str) -> Gap:
    action = control.actions[0]
    message = (
        f"AccessDeniedException: User: arn:aws:sts::{account.id}:assumed-role/Auditor/orgaudit is not authorized to "
        f"perform: {action} with an explicit deny in a service control policy"
    )
    return Gap(account.id, region, action, GapReason.SCP_DENIED, message)


def _evidence(number: int, region: str, owner: str) -> dict[str, Any]:
    return {
        "retention_days": number % 400,
        "log_group": f"arn:aws:logs:{region}:{owner}:log-group:trail-{number % 50}",
        "recorded": [["ReadOnly", "WriteOnly"][number % 2], "ConsoleLogin"],
        "encrypted": None if number % 3 else True,
    }


def _remediation(control: Control, status: Status, gap: Gap | None, resource: str, region: str) -> Remediation | None:
    if gap is not None:
        role = "Roll the audit role out to every account with a StackSet."
        return Remediation(Remedy(role, "orgaudit policy"), Remedy(gap.reason.remediation(gap.action)), Remedy(role))
    if status in {Status.PASS, Status.NOT_APPLICABLE}:
        return None
    fix = control.fix
    command = f"aws {control.service} update-thing --arn {resource} --region {region}" if fix.command else None
    return Remediation(
        service_wide=Remedy(fix.service_wide, fix.service_wide_command),
        asset=Remedy(fix.asset, command),
        preventive=Remedy(fix.preventive, fix.preventive_command),
    )


def cells(found: list[Finding]) -> Iterator[Cell]:
    """Yield the coverage of an account's findings, which come by control and region."""
    order = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL, Status.NOT_APPLICABLE)
    for (control, region), group in groupby(found, key=lambda each: (each.control, each.region)):
        members = list(group)
        counts = Counter(each.status for each in members)
        gap = next((each.gap for each in members if each.gap), None)
        yield Cell(
            account_id=members[0].account_id,
            account_name=members[0].account_name,
            ou_path=members[0].ou_path,
            region=region,
            control=control,
            status=next(status for status in order if counts[status]),
            reason=gap.reason if gap else None,
            action=gap.action if gap else None,
            message=gap.message if gap else "",
            passed=counts[Status.PASS],
            failed=counts[Status.FAIL],
            not_assessed=counts[Status.NOT_ASSESSED],
            not_applicable=counts[Status.NOT_APPLICABLE],
            manual=counts[Status.MANUAL],
        )


def entries(rules: Rules) -> Iterator[dict[str, Any]]:
    """Yield the register's entries; one of ten has expired."""
    for number in range(ENTRIES):
        control = rules.controls[number % len(rules.controls)].id
        scopes: tuple[dict[str, Any], ...] = (
            {"controls": [control], "accounts": [account_id(number), account_id(number + 7)]},
            {"controls": [control], "accounts": [account_id(number)], "resources": ["*-workload-*1"]},
            {"controls": [control], "ous": [UNITS[number % len(UNITS)]], "regions": [REGIONS[number % len(REGIONS)]]},
            {"controls": [control], "resource_tags": {"app": f"app-{number % 90}"}},
        )
        yield {
            "id": f"EXC-2026-{number:04}",
            "title": f"Accepted until replaced, {number}",
            "type": "risk_acceptance",
            "scope": scopes[number % len(scopes)],
            "justification": "It is replaced in the next quarter.",
            "owner": f"Owner {number % 40} <owner{number % 40}@example.com>",
            "requested_by": f"owner{number % 40}@example.com",
            "approved_by": "Jo <jo@example.com>",
            "approved_on": "2026-05-10",
            "ticket": f"RISK-{number}",
            "starts_on": "2026-05-10",
            "expires_on": "2026-05-20" if number % 10 == 0 else "2026-06-08",
        }


def manifest_of(run: Run, members: list[Account], rules: Rules) -> Manifest:
    """Return the manifest of the evaluated run."""
    regions = tuple(RegionRecord(name, RegionState.AUDITED) for name in REGIONS)
    owners = tuple(AccountOwner(account_id=each.id, owner=(each.tags or {})["owner"]) for each in members)
    caller = members[0].id
    return Manifest(
        run_id=run.id,
        tool_version="0",
        started_at=STARTED,
        collected_at=STARTED,
        evaluated_at=STARTED,
        caller=Caller(caller, f"arn:aws:iam::{caller}:role/Auditor", "aws"),
        organization=OrganizationRecord(id="o-example", arn="", management_account_id=caller, feature_set="ALL"),
        accounts=tuple(members),
        controls=rules.records,
        frameworks=rules.frameworks,
        headline_framework="cis_7.0",
        thresholds=rules.thresholds.model_dump(mode="json"),
        ownership=OwnershipRecord(owner_tags=("owner",), accounts=owners),
        remediation_days={"critical": 7, "high": 30, "medium": 90, "low": 180},
        settings={},
        inputs={},
        records=tuple(
            AccountRecord(
                account_id=each.id, collected_at=STARTED, regions=regions, regions_source="account:ListRegions"
            )
            for each in members
        ),
    )
