"""Small runs, and exports of other tools as these write them, for the tests of second opinions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orgaudit.model import (
    Account,
    AccountRecord,
    Caller,
    Cell,
    ExceptionRef,
    Finding,
    Gap,
    GapReason,
    Json,
    RegionRecord,
    RegionState,
    Severity,
    Status,
    fingerprint,
)
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.consolidation import consolidate
from orgaudit.store.manifest import ControlRecord, Manifest
from orgaudit.store.run import Run, write_lines

A, B, STRANGER = "111122223333", "444455556666", "999900001111"
HOME, OTHER, UNSEEN = "eu-central-1", "us-east-1", "ap-south-1"
AT = datetime(2026, 10, 1, 6, tzinfo=UTC)

ENCRYPTED, TLS, HTTP, EBS, ROOT, TRAIL = (
    *("rds_instance_storage_encrypted", "s3_bucket_tls_required", "s3_bucket_http_denied"),
    *("ec2_ebs_default_encryption_enabled", "iam_root_mfa_enabled", "cloudtrail_trail_multi_region_management_events"),
)
PRIVATE, KEYS, NO_CHECK = "s3_bucket_private", "iam_user_access_key_rotated_90_days", "glacier_vault_policy_restricted"
RAN = (ENCRYPTED, TLS, HTTP, EBS, ROOT, TRAIL, PRIVATE, KEYS, NO_CHECK)


def database(name: str, account: str = A, region: str = HOME) -> str:
    return f"arn:aws:rds:{region}:{account}:db:{name}"


def ebs(account: str = A, region: str = HOME) -> str:
    return f"arn:aws:ec2:{region}:{account}:ebs-encryption-by-default"


def ours(
    control: str,
    resource: str,
    status: Status,
    *,
    account: str = A,
    region: str = HOME,
    reason: str = "",
    evidence: Mapping[str, Json] | None = None,
    exception: str = "",
) -> Finding:
    gap = Gap(account, region, "x:Y", GapReason.DENIED, "denied") if status is Status.NOT_ASSESSED else None
    return Finding(
        fingerprint=fingerprint(control, account, region, resource),
        control=control,
        family=control,
        title=control,
        severity=Severity.HIGH,
        status=status,
        reason=reason or f"we say {status.lower()}",
        account_id=account,
        account_name=f"account {account[0]}",
        ou_path="Root",
        region=region,
        resource=resource,
        resource_type="Thing",
        resource_tags={},
        requirements=[],
        evidence=dict(evidence or {"seen": status.value}),
        remediation=None,
        exception=ExceptionRef(exception, "Ann Example", "2027-12-31", "active") if exception else None,
        gap=gap,
        assessed_at=AT,
    )


def run_of(path: Path, findings: Iterable[Finding], *, accounts: Sequence[str] = (A, B)) -> Run:
    """Store a run with tables: these findings, accounts and two regions, and the controls of RAN."""
    run, found = Run(path), list(findings)
    members = tuple(Account(id=each, name=f"account {each[0]}") for each in accounts)
    for each in members:
        own = [finding for finding in found if finding.account_id == each.id]
        write_lines(run.findings_path(each.id), own)
        cell = Cell(
            account_id=each.id,
            account_name="",
            ou_path="",
            region=HOME,
            control=ENCRYPTED,
            status=Status.PASS,
            passed=1,
        )
        write_lines(run.cells_path(each.id), [cell])
    regions = tuple(RegionRecord(name, RegionState.AUDITED) for name in (HOME, OTHER))
    run.write_manifest(
        Manifest(
            run_id=run.id,
            tool_version="1",
            started_at=AT,
            collected_at=AT,
            evaluated_at=AT,
            caller=Caller(A, f"arn:aws:iam::{A}:role/x", "aws"),
            organization=None,
            accounts=members,
            controls=tuple(
                ControlRecord(
                    id=name,
                    service=name.partition("_")[0],
                    severity=Severity.HIGH,
                    scope="regional",
                    title=name,
                    rationale="",
                    actions=(),
                    family=name,
                )
                for name in RAN
            ),
            frameworks=(),
            thresholds={},
            settings={},
            inputs={},
            records=tuple(
                AccountRecord(account_id=each.id, collected_at=AT, regions=regions, regions_source="x")
                for each in members
            ),
        )
    )
    consolidate(run, lambda _: (iter, None))
    return run


def framework(name: str, answers: Mapping[str, Sequence[str]]) -> Framework:
    """A framework with these requirements and the controls that decide each."""
    return Framework(
        id=name,
        title=name,
        version="1",
        requirements=tuple(
            Requirement(id=each, title=each, assessment=Assessment.AUTOMATED, controls=tuple(controls))
            for each, controls in answers.items()
        ),
    )


FRAMEWORKS = {
    it.id: it
    for it in (
        framework(
            "fsbp",
            {
                "RDS.3": [ENCRYPTED],
                "EC2.7": [EBS],
                "S3.2": [PRIVATE],
                "S3.3": [PRIVATE],
                "S3.5": [HTTP],
                "S3.99": [TLS, HTTP],
                "IAM.3": [KEYS],
                "CloudTrail.1": [TRAIL],
                "ACM.1": [],
                "KMS.4": ["kms_key_rotation_enabled"],
            },
        ),
        framework("cis_1.2", {"1.13": [ROOT], "2.1": [TRAIL]}),
        framework("cis_1.4", {"1.5": [ROOT]}),
    )
}


def asff(
    control: str,
    resource: str,
    status: str = "PASSED",
    *,
    account: str = A,
    region: str = HOME,
    generator: str = "",
    kind: str = "Other",
    old: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """A finding as Security Hub exports it: consolidated, or with `old` as before there were ids of its own."""
    compliance: dict[str, Any] = {"Status": status}
    if not old:
        compliance |= {
            "SecurityControlId": control,
            "AssociatedStandards": [{"StandardsId": "standards/aws-foundational-security-best-practices/v/1.0.0"}],
        }
    compliance |= more.pop("Compliance", {})
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"arn:aws:securityhub:{region}:{account}:security-control/{control}/finding/{resource}"[:512],
        "ProductArn": f"arn:aws:securityhub:{region}::product/aws/securityhub",
        "ProductName": "Security Hub",
        "CompanyName": "AWS",
        "Region": region,
        "GeneratorId": generator or f"security-control/{control}",
        "AwsAccountId": account,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "CreatedAt": "2026-09-30T01:00:00.000Z",
        "UpdatedAt": "2026-09-30T02:00:00.000Z",
        "Severity": {"Label": "MEDIUM", "Normalized": 40},
        "Title": f"title of {control}",
        "Description": "A control.",
        "ProductFields": {"aws/securityhub/ProductName": "Security Hub", "aws/securityhub/CompanyName": "AWS"},
        "Resources": [{"Type": kind, "Id": resource, "Partition": "aws", "Region": region}],
        "Compliance": compliance,
        "WorkflowState": "NEW",
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        **more,
    }


def written(path: Path, findings: Json, **options: Any) -> Path:
    path.write_text(json.dumps(findings, **options))
    return path


def ocsf(
    check: str, resource: str, status: str = "PASS", *, account: str = A, region: str = HOME, muted: bool = False
) -> dict[str, Any]:
    """A finding as Prowler writes it in OCSF."""
    return {
        "message": f"{check} is {status}.",
        "metadata": {
            "event_code": check,
            "product": {"name": "Prowler", "uid": "prowler", "vendor_name": "Prowler", "version": "5.4.0"},
            "profiles": ["cloud", "datetime"],
            "tenant_uid": "",
            "version": "1.4.0",
        },
        "severity_id": 3,
        "severity": "Medium",
        "status": "Suppressed" if muted else "New",
        "status_code": status,
        "status_detail": f"{check} is {status}.",
        "status_id": 3 if muted else 1,
        "unmapped": {"compliance": {"CIS-4.0": ["1.1"]}, "categories": []},
        "activity_name": "Create",
        "activity_id": 1,
        "finding_info": {
            "created_time": 1790000000,
            "desc": "A check.",
            "title": "A check.",
            "types": [],
            "uid": f"prowler-aws-{check}-{account}-{region}-{resource}",
        },
        "resources": [
            {
                "cloud_partition": "aws",
                "region": region,
                "data": {"details": "", "metadata": {}},
                "group": {"name": "rds"},
                "labels": [],
                "name": resource.rpartition("/")[2],
                "type": "Other",
                "uid": resource,
            }
        ],
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Detection Finding",
        "class_uid": 2004,
        "cloud": {
            "account": {"name": "", "type": "AWS Account", "type_id": 10, "uid": account, "labels": []},
            "org": {"name": "", "uid": ""},
            "provider": "aws",
            "region": region,
        },
        "time": 1790000000,
        "time_dt": "2026-09-30T02:00:00",
        "type_uid": 200401,
        "type_name": "Detection Finding: Create",
    }


CSV_LINE = (
    "AUTH_METHOD TIMESTAMP ACCOUNT_UID ACCOUNT_NAME ACCOUNT_EMAIL ACCOUNT_ORGANIZATION_UID ACCOUNT_ORGANIZATION_NAME "
    "ACCOUNT_TAGS FINDING_UID PROVIDER CHECK_ID CHECK_TITLE CHECK_TYPE STATUS STATUS_EXTENDED MUTED SERVICE_NAME "
    "SUBSERVICE_NAME SEVERITY RESOURCE_TYPE RESOURCE_UID RESOURCE_NAME RESOURCE_DETAILS RESOURCE_TAGS PARTITION REGION "
    "DESCRIPTION RISK RELATED_URL REMEDIATION_RECOMMENDATION_TEXT REMEDIATION_RECOMMENDATION_URL "
    "REMEDIATION_CODE_NATIVEIAC REMEDIATION_CODE_TERRAFORM REMEDIATION_CODE_CLI REMEDIATION_CODE_OTHER COMPLIANCE "
    "CATEGORIES DEPENDS_ON RELATED_TO NOTES PROWLER_VERSION"
)
CSV_COLUMNS = CSV_LINE.split()


def as_csv(findings: Iterable[Mapping[str, Any]]) -> str:
    """The same findings as Prowler's CSV has them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, delimiter=";", restval="")
    writer.writeheader()
    for it in findings:
        (resource,) = it["resources"]
        writer.writerow(
            {
                "TIMESTAMP": "2026-09-30 02:00:00.000000",
                "ACCOUNT_UID": it["cloud"]["account"]["uid"],
                "PROVIDER": it["cloud"]["provider"],
                "CHECK_ID": it["metadata"]["event_code"],
                "STATUS": it["status_code"],
                "STATUS_EXTENDED": it["status_detail"],
                "MUTED": str(it["status"] == "Suppressed"),
                "RESOURCE_UID": resource["uid"],
                "REGION": resource["region"],
                "DESCRIPTION": "over\ntwo lines; with a semicolon",
            }
        )
    return text.getvalue()
