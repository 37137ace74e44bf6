"""Controls on what a region gives to new volumes and instances that ask for nothing else."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.defaults import EbsDefaults, MetadataDefaults
from orgaudit.model import Severity, Verdict, failed, passed, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Turn default encryption on in every region of every account with a StackSet or a script.",
        asset="Turn on encryption by default in {region} of account {account}.",
        command="aws ec2 enable-ebs-encryption-by-default --region {region}",
        preventive="Deny ec2:DisableEbsEncryptionByDefault with a service control policy.",
    ),
)
def ec2_ebs_default_encryption_enabled(defaults: EbsDefaults) -> Verdict:
    """New EBS volumes are encrypted by default.

    A volume that nobody thought of encrypting can be read from its snapshots. The setting is made in each region, and
    a region without volumes needs it for its first one.
    """
    return require(
        defaults.encrypted.value,
        then="new volumes are encrypted",
        otherwise="new volumes are not encrypted unless whoever makes them asks for it",
        encryption_by_default=defaults.encrypted.value,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set the defaults of all accounts and regions with a declarative policy for EC2.",
        service_wide_command="aws organizations list-policies --filter DECLARATIVE_POLICY_EC2",
        asset="Require IMDSv2 by default in {region} of account {account}.",
        command="aws ec2 modify-instance-metadata-defaults --region {region} --http-tokens required",
        preventive="Deny ec2:ModifyInstanceMetadataDefaults with a service control policy.",
    ),
)
def ec2_account_imdsv2_default_required(defaults: MetadataDefaults) -> Verdict:
    """New instances require IMDSv2 by default.

    Instances take the image's or AWS's own setting where the account has none, and that may still be version 1. The
    account's default reaches the instances that are started by hand, too.
    """
    evidence = {"tokens": defaults.tokens, "endpoint": defaults.endpoint, "managed_by": defaults.managed_by}
    by = "a declarative policy of the organization" if defaults.by_policy else "the account"
    if defaults.tokens == "required":
        return passed(f"IMDSv2 is required by default, set by {by}", **evidence)
    if defaults.by_policy:
        told = {**evidence, "exception_message": defaults.exception_message}
        policies = "aws organizations list-policies --filter DECLARATIVE_POLICY_EC2"
        return failed(f"{by} leaves IMDSv2 optional; only there can it be changed", command=policies, **told)
    said = f"the default is {defaults.tokens}" if defaults.tokens else "no default is set"
    return failed(f"{said}, so new instances may answer IMDSv1", **evidence)
