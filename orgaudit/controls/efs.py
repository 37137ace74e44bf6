"""Controls on EFS file systems."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.efs import FileSystem
from orgaudit.model import Severity, Verdict, require


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
