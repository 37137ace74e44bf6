"""Answers that the extra state holds as they are: region defaults, analyzers, MFA delete and resource policies."""

from datetime import UTC, datetime

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.emulated_organization import organization_of
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.responses import fault, json_answer, xml_answer

_CREATED = datetime(2024, 3, 4, tzinfo=UTC).isoformat()


def _get_instance_metadata_defaults(call: Call, state: ExtraState) -> Response:
    tokens = state.metadata_defaults.get((call.account, call.region))
    options = f"<httpTokens>{tokens}</httpTokens><managedBy>account</managedBy>" if tokens else ""
    return xml_answer(
        '<GetInstanceMetadataDefaultsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>demo</requestId><accountLevel>{options}</accountLevel></GetInstanceMetadataDefaultsResponse>"
    )


def _list_analyzers(call: Call, state: ExtraState) -> Response:
    prefix = f"arn:aws:access-analyzer:{call.region}:{call.account}:analyzer"
    found = state.analyzers.get((call.account, call.region), {})
    analyzers = [
        {"name": name, "arn": f"{prefix}/{name}", "type": kind, "status": "ACTIVE", "createdAt": _CREATED}
        for name, kind in found.items()
    ]
    return json_answer({"analyzers": analyzers})


def _describe_resource_policy(call: Call, state: ExtraState) -> Response:
    home = organization_of(call.account)
    if home is None or home.org is None:
        return fault(call, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    content = state.delegation.get(home.account_id)
    if content is None:
        return fault(call, "ResourcePolicyNotFoundException", "The organization has no resource policy.")
    arn = f"arn:aws:organizations::{home.account_id}:resourcepolicy/{home.org.id}/rp-demo0001"
    return json_answer(
        {"ResourcePolicy": {"ResourcePolicySummary": {"Id": "rp-demo0001", "Arn": arn}, "Content": content}}
    )


def _get_bucket_versioning(call: Call, state: ExtraState) -> Response | None:
    """Return versioning with MFA delete; without MFA delete the answer is moto's."""
    if call.path.split("/")[1] not in state.mfa_delete:
        return None
    return xml_answer(
        '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status>'
        "<MfaDelete>Enabled</MfaDelete></VersioningConfiguration>"
    )


def _get_vault_access_policy(call: Call, state: ExtraState) -> Response:
    name = call.path.split("/")[3]
    policy = state.vault_policies.get(f"arn:aws:glacier:{call.region}:{call.account}:vaults/{name}")
    if policy is None:
        return fault(call, "ResourceNotFoundException", f"The vault {name} has no access policy.", 404)
    return json_answer({"Policy": policy})


def _get_backup_vault_access_policy(call: Call, state: ExtraState) -> Response:
    name = call.path.split("/")[2]
    arn = f"arn:aws:backup:{call.region}:{call.account}:backup-vault:{name}"
    policy = state.vault_policies.get(arn)
    if policy is None:
        return fault(call, "ResourceNotFoundException", f"Backup vault {name} has no access policy.", 400)
    return json_answer({"BackupVaultName": name, "BackupVaultArn": arn, "Policy": policy})


HANDLERS = {
    "access-analyzer:ListAnalyzers": _list_analyzers,
    "backup:GetBackupVaultAccessPolicy": _get_backup_vault_access_policy,
    "ec2:GetInstanceMetadataDefaults": _get_instance_metadata_defaults,
    "glacier:GetVaultAccessPolicy": _get_vault_access_policy,
    "organizations:DescribeResourcePolicy": _describe_resource_policy,
    "s3:GetBucketVersioning": _get_bucket_versioning,
}
