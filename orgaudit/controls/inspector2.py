"""Controls on Amazon Inspector: each account is judged by its own status, whichever account administers it."""

from __future__ import annotations

from collections.abc import Callable

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.inspector2 import InspectorAccount
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, require


def _scanned(
    name: str, title: str, rationale: str, kind: str, *, status: Callable[[InspectorAccount], Observed[str]]
) -> Control:
    """Return the control that Inspector scans a kind of resource, which `kind` names as the AWS CLI does."""

    def judge(inspector: InspectorAccount) -> Verdict:
        found = status(inspector).value
        return require(
            found == "ENABLED",
            then=f"Inspector scans {kind} resources",
            otherwise=f"Inspector does not scan {kind} resources in this region: its status is {found}",
            status=found,
        )

    fix = Fix(
        service_wide="Register a delegated administrator for Inspector in every region, and enable all kinds of scans "
        "for all members from it.",
        service_wide_command="aws inspector2 enable-delegated-admin-account --delegated-admin-account-id ACCOUNT_ID",
        asset=f"Enable {kind} scans in {{region}} of account {{account}}; for a member, its administrator account "
        "does.",
        command=f"aws inspector2 enable --region {{region}} --account-ids {{account}} --resource-types {kind}",
        preventive="Enable new members automatically, and deny inspector2:Disable with a service control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    )
    return control(Severity.HIGH, fix=fix, id=name, title=title, rationale=rationale)(judge)


inspector2_account_ec2_scanned = _scanned(
    "inspector2_account_ec2_scanned",
    "Inspector scans EC2 instances",
    "Inspector reports instances with vulnerable packages and with ports that the network leaves open, and scans them "
    "again whenever a vulnerability becomes known.",
    "EC2",
    status=lambda inspector: inspector.ec2,
)
inspector2_account_ecr_scanned = _scanned(
    "inspector2_account_ecr_scanned",
    "Inspector scans container images",
    "Most vulnerabilities of a container come with its base image, and become known after it was pushed. Inspector "
    "scans images again whenever that happens.",
    "ECR",
    status=lambda inspector: inspector.ecr,
)
inspector2_account_lambda_code_scanned = _scanned(
    "inspector2_account_lambda_code_scanned",
    "Inspector scans the code of Lambda functions",
    "Injection flaws, credentials in code and weak cryptography are in the code of the function itself, where a scan "
    "of its packages does not find them.",
    "LAMBDA_CODE",
    status=lambda inspector: inspector.function_code,
)
inspector2_account_lambda_scanned = _scanned(
    "inspector2_account_lambda_scanned",
    "Inspector scans the packages of Lambda functions",
    "A function keeps the packages with which it was deployed, and nobody updates a function that works.",
    "LAMBDA",
    status=lambda inspector: inspector.functions,
)
