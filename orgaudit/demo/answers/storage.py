"""What moto does not keep of buckets and vaults: MFA delete, and the access policies of vaults of any service."""

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import fault, json_answer, xml_answer
from orgaudit.demo.world import World


def _get_bucket_versioning(call: Call, world: World) -> Response | None:
    """Versioning with MFA delete; the rest is moto's."""
    if call.path.split("/")[1] not in world.mfa_delete:
        return None
    return xml_answer(
        '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status>'
        "<MfaDelete>Enabled</MfaDelete></VersioningConfiguration>"
    )


def _get_vault_access_policy(call: Call, world: World) -> Response:
    name = call.path.split("/")[3]
    policy = world.vault_policies.get(f"arn:aws:glacier:{call.region}:{call.account}:vaults/{name}")
    if policy is None:
        return fault(call, "ResourceNotFoundException", f"The vault {name} has no access policy.", 404)
    return json_answer({"Policy": policy})


def _get_backup_vault_access_policy(call: Call, world: World) -> Response:
    name = call.path.split("/")[2]
    arn = f"arn:aws:backup:{call.region}:{call.account}:backup-vault:{name}"
    policy = world.vault_policies.get(arn)
    if policy is None:
        return fault(call, "ResourceNotFoundException", f"Backup vault {name} has no access policy.", 400)
    return json_answer({"BackupVaultName": name, "BackupVaultArn": arn, "Policy": policy})


HANDLERS = {
    "backup:GetBackupVaultAccessPolicy": _get_backup_vault_access_policy,
    "glacier:GetVaultAccessPolicy": _get_vault_access_policy,
    "s3:GetBucketVersioning": _get_bucket_versioning,
}
