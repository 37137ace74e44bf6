"""Settings of whole regions that moto has no operations for, and the updates of search domains."""

from moto.opensearch.models import opensearch_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.responses import json_answer, xml_answer

_SCANS = ("ec2", "ecr", "lambda", "lambdaCode")


def _get_snapshot_block(call: Call, state: ExtraState) -> Response:
    block = "block-all-sharing" if (call.account, call.region) in state.hardened else "unblocked"
    return xml_answer(
        '<GetSnapshotBlockPublicAccessStateResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>demo</requestId><state>{block}</state><managedBy>account</managedBy>"
        "</GetSnapshotBlockPublicAccessStateResponse>"
    )


def _get_service_setting(call: Call, state: ExtraState) -> Response:
    name = call.parameters["SettingId"]
    changed = (call.account, call.region) in state.hardened
    setting = {
        "SettingId": name,
        "SettingValue": "Disable" if changed else "Enable",
        "ARN": f"arn:aws:ssm:{call.region}:{call.account}:servicesetting{name}",
        "Status": "Customized" if changed else "Default",
    }
    return json_answer({"ServiceSetting": setting})


def _account_status(call: Call, state: ExtraState) -> Response:
    enabled = (call.account, call.region) in state.hardened
    status = {"status": "ENABLED" if enabled else "DISABLED", "errorCode": "ALREADY_ENABLED", "errorMessage": ""}
    found = {"accountId": call.account, "state": status, "resourceState": dict.fromkeys(_SCANS, status)}
    return json_answer({"accounts": [found], "failedAccounts": []})


def _describe_domains(call: Call, state: ExtraState) -> Response:
    """Return moto's answer with what it lacks: whether a domain waits for an update."""
    domains = opensearch_backends[call.account][call.region].domains
    found = [
        domains[name].to_dict() | {"ServiceSoftwareOptions": {"UpdateAvailable": name in state.outdated_domains}}
        for name in call.parameters["DomainNames"]
        if name in domains
    ]
    return json_answer({"DomainStatusList": found})


HANDLERS = {
    "ec2:GetSnapshotBlockPublicAccessState": _get_snapshot_block,
    "es:DescribeDomains": _describe_domains,
    "inspector2:BatchGetAccountStatus": _account_status,
    "ssm:GetServiceSetting": _get_service_setting,
}
