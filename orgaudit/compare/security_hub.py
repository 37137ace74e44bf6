"""Reads an export of Security Hub: findings in the AWS Security Finding Format, as `get-findings` prints them.

https://docs.aws.amazon.com/securityhub/latest/userguide/sample-control-findings.html shows what findings of controls
hold, with consolidated control findings and without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orgaudit.compare import json_stream
from orgaudit.compare.records import Left, TheirFinding, TheirStatus
from orgaudit.compare.refusals import refused, shown, unexpected
from orgaudit.model import Json

EXPORT = "`aws securityhub get-findings --output json > findings.json` writes one"

_PRODUCTS = {"Security Hub", "Security Hub CSPM"}
_PRODUCT = "aws/securityhub/ProductName"
_STATUSES = {"PASSED": TheirStatus.PASS, "FAILED": TheirStatus.FAIL}
_CIS_OF_GENERATOR = re.compile(r"cis-aws-foundations-benchmark/v/(\d+\.\d+)\.\d+/(?:rule/)?([\d.]+)$")
_CIS_RELATED = re.compile(r"CIS AWS Foundations(?: Benchmark)? v(\d+)\.(\d+)(?:\.\d+)?/([\d.]+)")
_STANDARD = re.compile(r"(?:^|/)([a-z][a-z0-9-]*/v/[\d.]+)/")


class _Reason(msgspec.Struct, frozen=True, rename="pascal"):
    reason_code: str = ""
    description: str = ""


class _Compliance(msgspec.Struct, frozen=True, rename="pascal"):
    status: str = "NOT_AVAILABLE"
    security_control_id: str = ""
    related_requirements: list[str] = []
    status_reasons: list[_Reason] = []


class _Resource(msgspec.Struct, frozen=True, rename="pascal"):
    id: str
    type: str = ""
    region: str = ""


class _Workflow(msgspec.Struct, frozen=True, rename="pascal"):
    status: str = ""


class _Finding(msgspec.Struct, frozen=True, rename="pascal"):
    """What of a finding is read: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html."""

    aws_account_id: str
    product_arn: str
    generator_id: str
    resources: list[_Resource]
    region: str = ""
    title: str = ""
    updated_at: str = ""
    product_fields: dict[str, str] = {}
    compliance: _Compliance | None = None
    workflow: _Workflow = _Workflow()
    record_state: str = "ACTIVE"


def read(file: Path) -> Iterator[TheirFinding | Left]:
    """Yield what each finding of the file says, once for each resource; raises ConfigError where it is not an export.

    What takes no part is yielded as the reason.
    """
    if (first := json_stream.first_character(file)) and first not in "[{":
        raise refused(file, 1, "is not JSON", EXPORT)
    for line, data in json_stream.findings(file, "Findings"):
        yield from _read(file, line, data)


def _read(file: Path, line: int, data: Json) -> Iterator[TheirFinding | Left]:
    if not isinstance(data, dict) or not {"AwsAccountId", "ProductArn", "GeneratorId"} <= data.keys():
        raise unexpected(file, line, data, "a finding of Security Hub", EXPORT)
    try:
        finding = msgspec.convert(data, _Finding)
    except msgspec.ValidationError as error:
        raise refused(file, line, f"is not a finding of Security Hub: {error}", EXPORT) from error
    compliance = finding.compliance
    own = finding.product_fields.get(_PRODUCT) in _PRODUCTS or finding.product_arn.endswith("product/aws/securityhub")
    if compliance is None or not own:
        yield Left.OTHER_PRODUCT
    elif finding.record_state == "ARCHIVED":
        yield Left.ARCHIVED
    else:
        yield from _by_resource(finding, compliance)


def _by_resource(finding: _Finding, compliance: _Compliance) -> Iterator[TheirFinding]:
    check, names = _names(finding, compliance)
    standard = _STANDARD.search(finding.generator_id)
    why = " ".join(each.description or each.reason_code for each in compliance.status_reasons)
    for resource in finding.resources:
        yield TheirFinding(
            check=shown(check),
            names=names,
            standard=shown(standard[1]) if standard else "",
            account_id=finding.aws_account_id,
            region=finding.region or resource.region,
            resource_id=resource.id,
            resource_type=resource.type,
            status=_STATUSES.get(compliance.status, TheirStatus.UNDECIDED),
            said=shown(compliance.status),
            excepted=finding.workflow.status == "SUPPRESSED",
            reason=shown(f"{finding.title}: {why}" if why else finding.title),
            date=shown(finding.updated_at)[:10],
        )


def _names(finding: _Finding, compliance: _Compliance) -> tuple[str, tuple[str, ...]]:
    """Return how a check is called, and under which names a framework file may know it, the best first.

    The id of the control is first; where no framework knows it, what AWS says that it is in CIS, the newest version
    first.
    """
    generator, fields = finding.generator_id, finding.product_fields
    last = generator.rpartition("/")[2]
    cis = _CIS_OF_GENERATOR.search(generator)
    control = compliance.security_control_id or fields.get("ControlId", "") or ("" if cis else last)
    names = [control.lower()] if control else []
    names += [f"cis_{cis[1]}:{cis[2]}"] if cis else []
    related = [found for text in compliance.related_requirements if (found := _CIS_RELATED.fullmatch(text))]
    newest = sorted(related, key=lambda found: (int(found[1]), int(found[2])), reverse=True)
    names += [f"cis_{found[1]}.{found[2]}:{found[3]}" for found in newest]
    return control or names[0], tuple(dict.fromkeys(names))
