"""Writes the directory of an invented run: accounts x regions x controls, with every kind of outcome in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    RequirementRef,
    Severity,
    Status,
    fingerprint,
)
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.manifest import ControlRecord, Manifest
from orgaudit.store.run import Run, write_lines

STARTED = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
MANAGEMENT = "100000000000"
SERVICES = ("cloudtrail", "s3", "iam", "kms", "ec2", "rds", "logs", "config")
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1", "ca-central-1")
UNITS = ("Root/Platform", "Root/Workloads/Payments", "Root/Workloads/Claims", "Root/Sandbox")
TRAIL_CONTROL = "cloudtrail_control_0_holds"


def account_id(number: int) -> str:
    """Return the id of an account; number 0 manages the organization."""
    return f"{int(MANAGEMENT) + number:012d}"


def control_records(count: int) -> tuple[ControlRecord, ...]:
    """Return controls whose severity and service go round."""
    severities = (Severity.MEDIUM, Severity.CRITICAL, Severity.HIGH, Severity.LOW)
    return tuple(
        ControlRecord(
            id=f"{SERVICES[i % len(SERVICES)]}_control_{i}_holds",
            family=f"{SERVICES[i % len(SERVICES)]}_control_{i}_holds",
            service=SERVICES[i % len(SERVICES)],
            severity=severities[i % len(severities)],
            scope="regional",
            title=f"{SERVICES[i % len(SERVICES)].title()} resources keep promise {i}",
            rationale="Without it nobody notices what went wrong.",
            actions=(f"{SERVICES[i % len(SERVICES)]}:DescribeThings",),
        )
        for i in range(count)
    )


def framework(controls: tuple[ControlRecord, ...]) -> Framework:
    """Return a framework with one requirement a control, and one that nobody but a person can decide."""
    automated = tuple(
        Requirement(
            id=f"{1 + i // 10}.{1 + i % 10}",
            title=f"Promise {i} is kept",
            level=1 + i % 2,
            assessment=Assessment.AUTOMATED,
            section="Promises",
            controls=(control.id,),
        )
        for i, control in enumerate(controls)
    )
    manual = Requirement(id="9.9", title="People are trained", assessment=Assessment.MANUAL, section="People")
    return Framework(id="cis_4.0", title="CIS AWS Foundations", version="4.0.0", requirements=(*automated, manual))


def build(path: Path, *, accounts: int = 4, regions: int = 3, controls: int = 5, resources: int = 1) -> Run:
    """Write a run whose last account is suspended, whose last region is disabled in every account.

    The first control asks about an organization trail: the management account owns it, the others inherit.
    """
    run = Run(path)
    names = REGIONS[:regions]
    catalogue = control_records(controls)
    records = []
    members = tuple(
        Account(
            id=account_id(n),
            name=f"account {n}",
            state="SUSPENDED" if n == accounts - 1 and n else "ACTIVE",
            ou_path=UNITS[n % len(UNITS)] if n else "Root",
        )
        for n in range(accounts)
    )
    for number, account in enumerate(members):
        findings = []
        cells = []
        for region in names:
            for index, control in enumerate(catalogue):
                judged = list(
                    _judge(account, number, region, index=index, control=control, resources=resources, names=names)
                )
                findings += judged
                cells.append(_cell(account, region, control, judged))
        write_lines(run.findings_path(account.id), findings)
        write_lines(run.cells_path(account.id), cells)
        records.append(_record(account, names))
    run.write_manifest(_manifest(run, members, catalogue, tuple(records)))
    return run


def _judge(
    account: Account,
    number: int,
    region: str,
    *,
    index: int,
    control: ControlRecord,
    resources: int,
    names: tuple[str, ...],
) -> Iterator[Finding]:
    if account.state == "SUSPENDED":
        gap = _gap(account, region, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE)
        yield _finding(account, region, control, account.id, Status.NOT_ASSESSED, gap=gap)
        return
    if region == names[-1] and len(names) > 1:
        gap = _gap(account, region, control.actions[0], GapReason.REGION_DISABLED)
        yield _finding(account, region, control, account.id, Status.NOT_APPLICABLE, gap=gap)
        return
    if index == 0 and region != names[0]:
        yield _finding(account, region, control, account.id, Status.NOT_APPLICABLE)
        return
    if index == 0:
        trail = f"arn:aws:cloudtrail:{names[0]}:{MANAGEMENT}:trail/organization"
        yield _finding(account, region, control, trail, Status.FAIL, inherited=None if number == 0 else MANAGEMENT)
        return
    if (number + index) % 7 == 5:
        gap = _gap(account, region, control.actions[0], GapReason.DENIED)
        yield _finding(account, region, control, account.id, Status.NOT_ASSESSED, gap=gap)
        return
    for resource in range(resources):
        status = Status.FAIL if (number * 3 + index + resource) % 4 == 0 else Status.PASS
        arn = f"arn:aws:{control.service}:{region}:{account.id}:thing/{index}-{resource}"
        yield _finding(account, region, control, arn, status)


def _finding(
    account: Account,
    region: str,
    control: ControlRecord,
    resource: str,
    status: Status,
    *,
    gap: Gap | None = None,
    inherited: str | None = None,
) -> Finding:
    return Finding(
        fingerprint=fingerprint(control.id, account.id, region, resource),
        control=control.id,
        family=control.family,
        title=control.title,
        severity=control.severity,
        status=status,
        reason=gap.message if gap else f"{resource} says {status.value.lower()}: seen against what was asked",
        account_id=account.id,
        account_name=account.name,
        ou_path=account.ou_path,
        region=region,
        resource=resource,
        resource_type=f"{control.service}:thing",
        resource_tags={"owner": "team-a", "=cost": "12"},
        requirements=[RequirementRef("cis_4.0", "1.1")],
        evidence={"retention_days": 90, "log_group": f"arn:aws:logs:{region}:{account.id}:log-group:trail", "ok": None},
        remediation=Remediation(
            service_wide=Remedy("Turn it on for the organization."),
            asset=Remedy("Turn it on here.", f"aws {control.service} update-thing --name {resource} --region {region}"),
            preventive=Remedy("Deny turning it off with a service control policy."),
        ),
        inherited_from=inherited,
        gap=gap,
        assessed_at=STARTED + timedelta(minutes=12),
    )


def _cell(account: Account, region: str, control: ControlRecord, findings: list[Finding]) -> Cell:
    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    order = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL, Status.NOT_APPLICABLE)
    gap = next((finding.gap for finding in findings if finding.gap), None)
    return Cell(
        account_id=account.id,
        account_name=account.name,
        ou_path=account.ou_path,
        region=region,
        control=control.id,
        status=next(status for status in order if counts[status]),
        reason=gap.reason if gap else None,
        action=gap.action if gap else None,
        message=gap.message if gap else "",
        passed=counts[Status.PASS],
        failed=counts[Status.FAIL],
        not_assessed=counts[Status.NOT_ASSESSED],
        not_applicable=counts[Status.NOT_APPLICABLE],
        manual=counts[Status.MANUAL],
        inherited_from=next((finding.inherited_from for finding in findings if finding.inherited_from), None),
    )


def _gap(account: Account, region: str, action: str, reason: GapReason) -> Gap:
    return Gap(account.id, region, action, reason, f"{action}: {reason.value.lower().replace('_', ' ')}")


def _record(account: Account, names: tuple[str, ...]) -> AccountRecord:
    unavailable = account.state == "SUSPENDED"
    gap = _gap(account, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE) if unavailable else None
    states = [RegionState.NOT_ASSESSED if unavailable else RegionState.AUDITED for _ in names]
    if len(names) > 1 and not unavailable:
        states[-1] = RegionState.DISABLED
    return AccountRecord(
        account_id=account.id,
        collected_at=STARTED + timedelta(minutes=10),
        regions=tuple(
            RegionRecord(name, state, gap if unavailable else None) for name, state in zip(names, states, strict=True)
        ),
        regions_source="account:ListRegions",
        gap=gap,
        calls=0 if unavailable else 120,
    )


def _manifest(
    run: Run, members: tuple[Account, ...], catalogue: tuple[ControlRecord, ...], records: tuple[AccountRecord, ...]
) -> Manifest:
    return Manifest(
        run_id=run.id,
        tool_version="0.1.0",
        started_at=STARTED,
        collected_at=STARTED + timedelta(minutes=11),
        evaluated_at=STARTED + timedelta(minutes=12),
        caller=Caller(MANAGEMENT, f"arn:aws:sts::{MANAGEMENT}:assumed-role/Auditor/session", "aws"),
        organization=OrganizationRecord(
            id="o-exampleorg",
            arn=f"arn:aws:organizations::{MANAGEMENT}:organization/o-exampleorg",
            management_account_id=MANAGEMENT,
            feature_set="ALL",
        ),
        accounts=members,
        controls=catalogue,
        frameworks=(framework(catalogue),),
        thresholds={"log_retention_days": 365, "delivery_hours": 24},
        settings={"role_name": "OrgAudit"},
        inputs={"config/orgaudit.toml": "0" * 64},
        records=records,
    )
