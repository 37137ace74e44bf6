"""The root user in the account summary and the credential report, server certificates, and central root access."""

import base64
from datetime import UTC, datetime, timedelta

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.emulated_organization import organization_of
from orgaudit.demo.extra_state import ExtraState, RootUser
from orgaudit.demo.responses import fault, xml_answer

_ROOT_COLUMNS = 22
_ROOT_KEY_COLUMNS = (8, 13)
_NEVER = "no_information"


def _get_account_summary(call: Call, state: ExtraState) -> Response:
    root = state.roots.get(call.account, RootUser())
    of_root = {
        "AccountAccessKeysPresent": root.access_keys,
        "AccountMFAEnabled": int(root.mfa is not None),
        "AccountPasswordPresent": int(root.password),
        "AccountSigningCertificatesPresent": 0,
    }
    summary = iam_backends[call.account]["aws"].get_account_summary().summary_map | of_root
    entries = "".join(f"<entry><key>{key}</key><value>{value}</value></entry>" for key, value in summary.items())
    return _answer("GetAccountSummary", f"<SummaryMap>{entries}</SummaryMap>")


def _answer(action: str, result: str) -> Response:
    return xml_answer(
        f'<{action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>demo</RequestId></ResponseMetadata></{action}Response>"
    )


def _get_credential_report(call: Call, state: ExtraState) -> Response | None:
    iam = iam_backends[call.account]["aws"]
    if not iam.credential_report:
        return None
    header, _, users = iam.get_credential_report().partition("\n")
    report = f"{header}\n{_root_row(call.account, state.roots.get(call.account, RootUser()))}\n{users}"
    content = base64.b64encode(report.encode()).decode()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    result = f"<Content>{content}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{now}</GeneratedTime>"
    return _answer("GetCredentialReport", result)


def _root_row(account: str, root: RootUser) -> str:
    """Return the row of the root user, in which AWS reports less about the password than in those of users."""
    used = (datetime.now(UTC) - root.used).isoformat(timespec="seconds") if root.used is not None else _NEVER
    row = ["N/A"] * _ROOT_COLUMNS
    row[:8] = (
        "<root_account>",
        f"arn:aws:iam::{account}:root",
        "2019-02-04T09:00:00+00:00",
        str(root.password).lower(),
        used,
        "not_supported",
        "not_supported",
        str(root.mfa is not None).lower(),
    )
    for slot, column in enumerate(_ROOT_KEY_COLUMNS):
        row[column] = str(slot < root.access_keys).lower()
    row[18] = row[20] = "false"
    return ",".join(row)


def _list_server_certificates(call: Call, state: ExtraState) -> Response:
    """Return the certificates of the account; in moto all of them expire in 2012."""
    members = "".join(
        f"<member><ServerCertificateName>{each.cert_name}</ServerCertificateName><Path>{each.path}</Path>"
        f"<Arn>{each.arn}</Arn><ServerCertificateId>ASCADEMO{number:012}</ServerCertificateId>"
        f"<UploadDate>2024-01-15T09:00:00Z</UploadDate><Expiration>{_end(each.arn, state)}</Expiration></member>"
        for number, each in enumerate(iam_backends[call.account]["aws"].certificates.values())
    )
    listed = f"<ServerCertificateMetadataList>{members}</ServerCertificateMetadataList><IsTruncated>false</IsTruncated>"
    return _answer("ListServerCertificates", listed)


def _end(certificate_arn: str, state: ExtraState) -> str:
    left = state.certificates_end.get(certificate_arn, timedelta(days=365))
    return (datetime.now(UTC) + left).isoformat(timespec="seconds")


def _list_organizations_features(call: Call, state: ExtraState) -> Response:
    home = organization_of(call.account)
    if home is None or home.org is None:
        return fault(call, "OrganizationNotFoundException", "The account is in no organization.", 404)
    if home.account_id != call.account:
        message = "Only the management account or a delegated administrator can see the features."
        return fault(call, "AccountNotManagementOrDelegatedAdministratorException", message)
    members = "".join(f"<member>{feature}</member>" for feature in state.root_features.get(call.account, ()))
    found = f"<OrganizationId>{home.org.id}</OrganizationId><EnabledFeatures>{members}</EnabledFeatures>"
    return _answer("ListOrganizationsFeatures", found)


HANDLERS = {
    "iam:GetAccountSummary": _get_account_summary,
    "iam:GetCredentialReport": _get_credential_report,
    "iam:ListOrganizationsFeatures": _list_organizations_features,
    "iam:ListServerCertificates": _list_server_certificates,
}
