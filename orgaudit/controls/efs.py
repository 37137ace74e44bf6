"""Controls on EFS file systems."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.efs import FileSystem, FileSystemPolicy
from orgaudit.model import Observed, Severity, Verdict, passed, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create file systems only from a template that encrypts them.",
        asset="Encryption of {resource.name} cannot be switched on: create an encrypted file system and move the data.",
        command="aws efs create-file-system --region {region} --encrypted",
        preventive="Deny elasticfilesystem:CreateFileSystem where elasticfilesystem:Encrypted is false with a service "
        "control policy.",
    ),
)
def efs_file_system_encrypted(system: FileSystem) -> Verdict:
    """EFS file systems are encrypted.

    Encrypted files are of no use to those who get at the storage itself, and who may read them is decided by the key's
    policy too.
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
        service_wide="Give file systems policies that name roles, or that allow access by mount targets only.",
        asset="Name in the policy of file system {resource.name} who may mount it, or allow it by mount targets only.",
        command="aws efs put-file-system-policy --region {region} --file-system-id {resource.name} "
        "--policy file://file-system-policy.json",
        preventive="Deny elasticfilesystem:PutFileSystemPolicy to all but the pipeline that creates file systems.",
    ),
)
def efs_file_system_policy_restricted(_system: FileSystem, policy: Observed[FileSystemPolicy]) -> Verdict:
    """File system policies name who may use the file system.

    A policy that allows every principal from everywhere lets any AWS account try to mount the file system, read it and
    write to it. Without a policy the network decides: whoever reaches a mount target may mount it.
    """
    found = policy.value
    if found.document is None:
        return passed("there is no policy: only what reaches a mount target over the network has access")
    return judge_policy(found)
