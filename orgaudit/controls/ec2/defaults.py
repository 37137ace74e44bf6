"""Controls on a region's defaults for new volumes and instances."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.defaults import EbsDefaults, MetadataDefaults
from orgaudit.model import Disruption, Effort, Severity, Verdict, failed, passed, require

LIST_POLICIES = "aws organizations list-policies --filter DECLARATIVE_POLICY_EC2"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable default encryption in every region of every account with a StackSet or a script.",
        asset="Enable encryption by default in {region} of account {account}.",
        command="aws ec2 enable-ebs-encryption-by-default --region {region}",
        preventive="Deny ec2:DisableEbsEncryptionByDefault with a service control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_ebs_default_encryption_enabled(defaults: EbsDefaults) -> Verdict:
    """New EBS volumes are encrypted by default.

    Data of an unencrypted volume can be read from its snapshots. The setting belongs to each region, and a region
    without volumes needs it for its first one.
    """
    return require(
        defaults.encrypted.value,
        then="encryption by default is enabled",
        otherwise="encryption by default is not enabled",
        encryption_by_default=defaults.encrypted.value,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set the defaults of all accounts and regions with a declarative policy for EC2.",
        service_wide_command=LIST_POLICIES,
        asset="Require IMDSv2 by default in {region} of account {account}.",
        command="aws ec2 modify-instance-metadata-defaults --region {region} --http-tokens required",
        preventive="Deny ec2:ModifyInstanceMetadataDefaults with a service control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_account_imdsv2_default_required(defaults: MetadataDefaults) -> Verdict:
    """IMDSv2 is required by default for new instances.

    Without an account default, instances use the setting of the image or of AWS, which may still allow IMDSv1. The
    account default also applies to instances that are launched manually.
    """
    evidence = {"tokens": defaults.tokens, "endpoint": defaults.endpoint, "managed_by": defaults.managed_by}
    by = "a declarative policy of the organization" if defaults.by_policy else "the account"
    if defaults.tokens == "required":
        return passed(f"IMDSv2 is required by default, set by {by}", **evidence)
    if defaults.by_policy:
        evidence["exception_message"] = defaults.exception_message
        return failed(f"{by} leaves IMDSv2 optional and has to be changed itself", command=LIST_POLICIES, **evidence)
    said = f"the default is {defaults.tokens}" if defaults.tokens else "no default is set"
    return failed(f"{said}, so new instances may allow IMDSv1", **evidence)
