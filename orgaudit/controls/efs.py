"""Controls on EFS file systems."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.efs import FileSystem, FileSystemPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create file systems only from a template that encrypts them.",
        asset="Encryption of {resource.name} cannot be enabled later: create an encrypted file system and move the "
        "data.",
        command="aws efs create-file-system --region {region} --encrypted",
        preventive="Deny elasticfilesystem:CreateFileSystem where elasticfilesystem:Encrypted is false with a service "
        "control policy.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
def efs_file_system_encrypted(system: FileSystem) -> Verdict:
    """EFS file systems are encrypted.

    Encryption protects the files where the storage itself is accessed, and reading them then needs permission for the
    key as well.
    """
    return require(
        system.encrypted.value,
        then="the file system is encrypted",
        otherwise="the file system is not encrypted",
        kms_key=system.key_id,
    )


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Restrict file system policies to named roles, or allow access through mount targets only.",
        asset="Name the permitted principals in the policy of file system {resource.name}, or allow access through "
        "mount targets only.",
        command="aws efs put-file-system-policy --region {region} --file-system-id {resource.name} "
        "--policy file://file-system-policy.json",
        preventive="Deny elasticfilesystem:PutFileSystemPolicy to all but the pipeline that creates file systems.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def efs_file_system_policy_restricted(_system: FileSystem, policy: Observed[FileSystemPolicy]) -> Verdict:
    """EFS file system policies do not allow public access.

    A policy that allows every principal without a restriction lets any AWS account attempt to mount the file system,
    read it and write to it. Without a policy, every client that reaches a mount target over the network has access.
    """
    absent = "no resource policy: only clients that reach a mount target over the network have access"
    return judge_policy(policy.value, absent=absent)
