"""The root user in the account summary and the credential report, server certificates, and central root management."""

import base64
from datetime import UTC, datetime, timedelta

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import fault, xml_answer
from orgaudit.demo.membership import organization_of
from orgaudit.demo.world import RootUser, World

_ROOT_COLUMNS = 22
_ROOT_KEY_COLUMNS = (8, 13)
_NEVER = "no_information"


def _get_account_summary(call: Call, world: World) -> Response:
    root = world.roots.get(call.account, RootUser())
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


def _get_credential_report(call: Call, world: World) -> Response | None:
    iam = iam_backends[call.account]["aws"]
    if not iam.credential_report:
        return None
    header, _, users = iam.get_credential_report().partition("\n")
    report = f"{header}\n{_root_row(call.account, world.roots.get(call.account, RootUser()))}\n{users}"
    content = base64.b64encode(report.encode()).decode()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    result = f"<Content>{content}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{now}</GeneratedTime>"
    return _answer("GetCredentialReport", result)


def _root_row(account: str, root: RootUser) -> str:
    """The row of the root user, about whose password AWS says less than about those of users."""
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


def _list_server_certificates(call: Call, world: World) -> Response:
    """The certificates of the account; moto gives all of them one end, in 2012."""
    members = "".join(
        f"<member><ServerCertificateName>{each.cert_name}</ServerCertificateName><Path>{each.path}</Path>"
        f"<Arn>{each.arn}</Arn><ServerCertificateId>ASCADEMO{number:012}</ServerCertificateId>"
        f"<UploadDate>2024-01-15T09:00:00Z</UploadDate><Expiration>{_end(each.arn, world)}</Expiration></member>"
        for number, each in enumerate(iam_backends[call.account]["aws"].certificates.values())
    )
    listed = f"<ServerCertificateMetadataList>{members}</ServerCertificateMetadataList><IsTruncated>false</IsTruncated>"
    return _answer("ListServerCertificates", listed)


def _end(certificate_arn: str, world: World) -> str:
    left = world.certificates_end.get(certificate_arn, timedelta(days=365))
    return (datetime.now(UTC) + left).isoformat(timespec="seconds")


def _list_organizations_features(call: Call, world: World) -> Response:
    home = organization_of(call.account)
    if home is None or home.org is None:
        return fault(call, "OrganizationNotFoundException", "The account is in no organization.", 404)
    if home.account_id != call.account:
        message = "Only the management account or a delegated administrator can see the features."
        return fault(call, "AccountNotManagementOrDelegatedAdministratorException", message)
    members = "".join(f"<member>{feature}</member>" for feature in world.root_features.get(call.account, ()))
    found = f"<OrganizationId>{home.org.id}</OrganizationId><EnabledFeatures>{members}</EnabledFeatures>"
    return _answer("ListOrganizationsFeatures", found)


HANDLERS = {
    "iam:GetAccountSummary": _get_account_summary,
    "iam:GetCredentialReport": _get_credential_report,
    "iam:ListOrganizationsFeatures": _list_organizations_features,
    "iam:ListServerCertificates": _list_server_certificates,
}
