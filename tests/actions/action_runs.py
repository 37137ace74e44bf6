"""Runs with chosen open findings, for the actions that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from orgaudit.actions.plan import ActionPlan, plan
from orgaudit.model import Finding, Json, Remediation, Remedy, Severity, Status, fingerprint
from orgaudit.settings.sections import ActionSettings
from orgaudit.store.consolidation import consolidate
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.run import Run, write_lines
from orgaudit.store.tables import opened
from tests.synthetic_run import STARTED, account_id, build

ACCOUNTS = 4


def control(id: str = "s3_bucket_versioned", severity: Severity = Severity.MEDIUM, **fields: Json) -> ControlRecord:  # noqa: A002
    stated = {"effort": "S", "per_resource": True, "disruption": "none", "family": id, **fields}
    return ControlRecord(
        id=id,
        service="s3",
        severity=severity,
        scope="regional",
        title="Buckets keep versions",
        rationale="Nothing is lost.",
        actions=(),
        **stated,
    )


def finding(
    of: ControlRecord,
    account: int = 0,
    resource: str = "",
    *,
    region: str = "eu-central-1",
    status: Status = Status.FAIL,
    wide: str | None = None,
    text: str = "",
    kind: str = "Bucket",
    tags: Mapping[str, str] | None = None,
    home: int | None = None,
    owner: str = "",
    evidence: dict[str, Json] | None = None,
) -> Finding:
    """Return a finding; `home` is the account where a shared resource was judged, `wide` the service-wide command."""
    lives = account if home is None else home
    name = resource or f"arn:aws:s3:::bucket-{account}"
    return Finding(
        fingerprint=fingerprint(of.id, account_id(account), region, name),
        control=of.id,
        family=of.family,
        title=of.title,
        severity=of.severity,
        status=status,
        reason="it is off",
        account_id=account_id(account),
        account_name=f"account {account}",
        ou_path="Root",
        region=region,
        resource=name,
        resource_type=kind,
        resource_tags=dict(tags or {}),
        requirements=[],
        evidence=evidence or {},
        remediation=Remediation(
            service_wide=Remedy(text or f"Enable {of.family} everywhere.", wide),
            asset=Remedy(f"Enable it for {name}.", f"aws s3 fix --name {name} --account {account_id(lives)}"),
            preventive=Remedy("Deny disabling it.", "aws organizations deny"),
        ),
        inherited_from=None if home is None else account_id(home),
        assessed_at=STARTED,
        owner=owner,
    )


def run_of(path: Path, findings: Sequence[Finding], controls: Iterable[ControlRecord], accounts: int = ACCOUNTS) -> Run:
    """Return a consolidated run with exactly these findings and controls."""
    run = build(path, accounts=accounts)
    manifest = msgspec.structs.replace(run.read_manifest(), controls=tuple(controls))
    run.write_manifest(manifest)
    for account in manifest.accounts:
        write_lines(run.findings_path(account.id), [each for each in findings if each.account_id == account.id])
    consolidate(run, lambda _: (iter, None))
    return run


def plan_of(path: Path, findings: Sequence[Finding], controls: Iterable[ControlRecord], **given: Json) -> ActionPlan:
    """Return the actions of a run with these findings, by the default numbers."""
    run = run_of(path, findings, controls)
    with opened(run) as connection:
        return plan(connection, run.read_manifest(), ActionSettings(), **given)
