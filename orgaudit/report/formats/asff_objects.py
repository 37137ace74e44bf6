"""The objects of the AWS Security Finding Format that are written.

Source: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
"""

from __future__ import annotations

import msgspec


class Severity(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """AWS's severity, and the control's."""

    label: str
    original: str


class ProviderFields(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What a later import may change of a finding, unlike the attributes of the same names."""

    severity: Severity
    types: tuple[str, ...]


class StatusReason(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """Why the status is what it is."""

    reason_code: str
    description: str


class Standard(msgspec.Struct, frozen=True, rename="pascal"):
    """One framework."""

    standards_id: str


class Compliance(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True, gc=False):
    """The result of the control, its requirements and frameworks."""

    status: str
    status_reasons: tuple[StatusReason]
    security_control_id: str
    associated_standards: tuple[Standard, ...] = ()
    related_requirements: tuple[str, ...] = ()


class Resource(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True, gc=False):
    """The resource that was judged."""

    type: str
    id: str
    region: str
    partition: str | None = None
    tags: dict[str, str] | None = None


class Recommendation(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """How to fix it."""

    text: str


class Remediation(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """How to fix it."""

    recommendation: Recommendation


class Workflow(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """Where the investigation stands."""

    status: str


class Note(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What is said of the exception."""

    text: str
    updated_by: str
    updated_at: str


class SecurityFinding(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True, gc=False):
    """One finding."""

    schema_version: str
    id: str
    product_arn: str
    product_name: str
    company_name: str
    generator_id: str
    aws_account_id: str
    aws_account_name: str
    types: tuple[str, ...]
    created_at: str
    updated_at: str
    last_observed_at: str
    severity: Severity
    finding_provider_fields: ProviderFields
    title: str
    description: str
    product_fields: dict[str, str]
    resources: tuple[Resource]
    compliance: Compliance
    workflow: Workflow
    record_state: str
    first_observed_at: str | None = None
    remediation: Remediation | None = None
    note: Note | None = None
