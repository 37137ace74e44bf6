"""IAM and IAM Identity Center: users, roles, policies, the credential report and the account's settings."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

from scripts.simulator.answers import (
    CREATED,
    NOW,
    Asked,
    RefusedError,
    Request,
    answers,
    answers_each,
    constant,
    days_ago,
    number_of,
    policy,
    statement,
)
from scripts.simulator.answers.logging import LOG_GROUP_ARN
from scripts.simulator.organization import ACCOUNT, HOME, MANAGEMENT, Place, tags
from scripts.simulator.protocol import Answer, Numbered

POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/write-logs"
SUPPORT_POLICY = "arn:aws:iam::aws:policy/AWSSupportAccess"
ADMINISTRATOR_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = policy(statement("sts:AssumeRole", None, {"Service": "cloudtrail.amazonaws.com"}))
EVERYTHING = policy(statement("*", "*"))
WRITES_LOGS = policy(statement("logs:PutLogEvents", f"{LOG_GROUP_ARN}:*"))


def _id(prefix: str, number: int) -> str:
    return f"{prefix}{ACCOUNT}{number:05}"


def _document(text: str) -> str:
    return quote(text)


def _user(place: Place, number: int) -> dict[str, Any]:
    name = f"user-{number}"
    administers = place.often(f"{name} administers", 20)
    return {
        "Path": "/",
        "UserName": name,
        "UserId": _id("AIDA", number),
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "CreateDate": CREATED,
        "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": _document(WRITES_LOGS)}]
        if place.often(f"{name} inline", 20)
        else [],
        "GroupList": ["staff"],
        "AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR_POLICY}]
        if administers
        else [],
        "Tags": tags(team="web"),
    }


def _role(name: str, number: int | str) -> dict[str, Any]:
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": f"AROA{ACCOUNT}{number}",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "CreateDate": CREATED,
        "AssumeRolePolicyDocument": _document(TRUST),
        "InstanceProfileList": [],
        "RolePolicyList": [],
        "AttachedManagedPolicies": [{"PolicyName": "write-logs", "PolicyArn": POLICY_ARN}],
        "Tags": tags(team="platform"),
    }


def _roles(place: Place) -> Any:  # noqa: ANN401 - a list, or one of numbers
    if huge := place.huge.get("roles"):
        return Numbered(_role(f"role-{Numbered.FIRST}", Numbered.FIRST), huge)
    return [_role(name, number) for number, name in enumerate(["cloudtrail-logs", *place.names("role", 6)])]


@answers("iam", "GetAccountAuthorizationDetails")
def authorization(place: Place, _asked: Asked) -> Answer:
    group = {
        "Path": "/",
        "GroupName": "staff",
        "GroupId": _id("AGPA", 0),
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/staff",
        "CreateDate": CREATED,
        "GroupPolicyList": [],
        "AttachedManagedPolicies": [{"PolicyName": "AWSSupportAccess", "PolicyArn": SUPPORT_POLICY}],
    }
    return {
        "UserDetailList": [_user(place, number) for number in range(place.count("users", 4))],
        "GroupDetailList": [group],
        "RoleDetailList": _roles(place),
        "Policies": [
            _policy_detail(POLICY_ARN, "write-logs", WRITES_LOGS, 2),
            _policy_detail(SUPPORT_POLICY, "AWSSupportAccess", policy(statement("support:*", "*")), 1),
            _policy_detail(ADMINISTRATOR_POLICY, "AdministratorAccess", EVERYTHING, 1),
            *[
                _policy_detail(f"arn:aws:iam::{ACCOUNT}:policy/wide-{number}", f"wide-{number}", EVERYTHING, 0)
                for number in range(place.count("wide policies", 2) - 1)
            ],
        ],
    }


def _policy_detail(arn: str, name: str, document: str, attached: int) -> dict[str, Any]:
    version = {"Document": _document(document), "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": CREATED}
    return {
        "PolicyName": name,
        "PolicyId": f"ANPA{ACCOUNT}",
        "Arn": arn,
        "Path": "/",
        "DefaultVersionId": "v1",
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": CREATED,
        "UpdateDate": CREATED,
        "PolicyVersionList": [version],
    }


@answers("iam", "GetRole")
def role(_place: Place, asked: Asked) -> Answer:
    name = str(asked.get("RoleName", ""))
    found = _role(name, 0)
    shown = ("Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument")
    return {"Role": {each: found[each] for each in shown}}


constant("iam", "ListRolePolicies", {"PolicyNames": ["write-logs"], "IsTruncated": False})
constant(
    "iam",
    "ListAttachedRolePolicies",
    {"AttachedPolicies": [{"PolicyName": "write-logs", "PolicyArn": POLICY_ARN}], "IsTruncated": False},
)


@answers("iam", "GetRolePolicy")
def role_policy(_place: Place, asked: Asked) -> Answer:
    name = str(asked.get("RoleName", ""))
    return {"RoleName": name, "PolicyName": "write-logs", "PolicyDocument": _document(WRITES_LOGS)}


@answers("iam", "GetPolicy")
def managed_policy(_place: Place, asked: Asked) -> Answer:
    detail = _policy_detail(str(asked.get("PolicyArn")), "write-logs", WRITES_LOGS, 1)
    detail.pop("PolicyVersionList")
    return {"Policy": detail}


@answers("iam", "GetPolicyVersion")
def policy_version(_place: Place, _asked: Asked) -> Answer:
    return {"PolicyVersion": _policy_detail(POLICY_ARN, "write-logs", WRITES_LOGS, 1)["PolicyVersionList"][0]}


@answers("iam", "GetAccountSummary")
def summary(place: Place, _asked: Asked) -> Answer:
    return {
        "SummaryMap": {
            "Users": place.count("users", 4),
            "AccountMFAEnabled": int(place.often("root mfa", 80)),
            "AccountPasswordPresent": 1,
            "AccountAccessKeysPresent": int(place.often("root keys", 10)),
            "AccountSigningCertificatesPresent": 0,
        }
    }


@answers("iam", "GetAccountPasswordPolicy")
def passwords(place: Place, _asked: Asked) -> Answer:
    if not place.often("password policy", 80):
        raise RefusedError("NoSuchEntity", status=404)
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": 14 if place.often("long passwords", 60) else 8,
            "RequireSymbols": True,
            "RequireNumbers": True,
            "RequireUppercaseCharacters": True,
            "RequireLowercaseCharacters": True,
            "AllowUsersToChangePassword": True,
            "ExpirePasswords": True,
            "MaxPasswordAge": 90,
            "PasswordReusePrevention": 24,
        }
    }


constant("iam", "GenerateCredentialReport", {"State": "COMPLETE"})
COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active", "access_key_1_active", "access_key_1_last_rotated"),
    *("access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service"),
    *("access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date"),
    *("access_key_2_last_used_region", "access_key_2_last_used_service", "cert_1_active", "cert_1_last_rotated"),
    *("cert_2_active", "cert_2_last_rotated"),
)


@answers_each("iam", "GetCredentialReport")
def credential_report(request: Request) -> Answer:
    place = request.organization.place(request.organization.kind(request.account), HOME)
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, restval="N/A", lineterminator="\n")
    rows.writeheader()
    rows.writerow(_report_row(place, request.account, "<root_account>", "root"))
    for number in range(place.count("users", 4)):
        rows.writerow(_report_row(place, request.account, f"user-{number}", f"user/user-{number}"))
    return {"Content": text.getvalue().encode(), "ReportFormat": "text/csv", "GeneratedTime": NOW}


def _report_row(place: Place, account: str, user: str, path: str) -> dict[str, str]:
    is_root = path == "root"
    used = days_ago(200 if is_root or place.often(f"{user} idle", 25) else 2).isoformat()
    has_key = not is_root and place.often(f"{user} key", 60)
    return {
        "user": user,
        "arn": f"arn:aws:iam::{account}:{path}",
        "user_creation_time": CREATED.isoformat(),
        "password_enabled": "not_supported" if is_root else "true",
        "password_last_used": used,
        "password_last_changed": "not_supported" if is_root else days_ago(30).isoformat(),
        "password_next_rotation": "not_supported" if is_root else "N/A",
        "mfa_active": "true" if place.often(f"{user} mfa", 75) else "false",
        "access_key_1_active": "true" if has_key else "false",
        **({"access_key_1_last_rotated": _key_created(place, user).isoformat()} if has_key else {}),
        **({"access_key_1_last_used_date": used} if has_key else {}),
        "access_key_2_active": "false",
        "cert_1_active": "false",
        "cert_2_active": "false",
    }


def _key_created(place: Place, user: str) -> Any:  # noqa: ANN401 - a time
    return days_ago(300 if place.often(f"{user} old key", 40) else 20)


@answers("iam", "ListAccessKeys")
def access_keys(place: Place, asked: Asked) -> Answer:
    user = str(asked.get("UserName"))
    key = {
        "UserName": user,
        "AccessKeyId": _id("AKIA", number_of(user)),
        "Status": "Active",
        "CreateDate": _key_created(place, user),
    }
    return {"AccessKeyMetadata": [key] if place.often(f"{user} key", 60) else [], "IsTruncated": False}


constant("iam", "ListVirtualMFADevices", {"VirtualMFADevices": [], "IsTruncated": False})
constant("iam", "ListSAMLProviders", {"SAMLProviderList": []})
constant("iam", "ListOpenIDConnectProviders", {"OpenIDConnectProviderList": []})


@answers("iam", "ListServerCertificates")
def server_certificates(place: Place, _asked: Asked) -> Answer:
    certificate = {
        "Path": "/",
        "ServerCertificateName": "old",
        "ServerCertificateId": _id("ASCA", 0),
        "Arn": f"arn:aws:iam::{ACCOUNT}:server-certificate/old",
        "UploadDate": CREATED,
        "Expiration": days_ago(100),
    }
    found = [certificate] if place.often("certificate", 20) else []
    return {"ServerCertificateMetadataList": found, "IsTruncated": False}


@answers("iam", "ListOrganizationsFeatures")
def features(place: Place, _asked: Asked) -> Answer:
    if place.kind != "management":
        raise RefusedError("AccountNotManagementOrDelegatedAdministratorException", status=400)
    return {"OrganizationId": "o-simulated0", "EnabledFeatures": ["RootCredentialsManagement"]}


@answers("sso-admin", "ListInstances")
def identity_centers(place: Place, _asked: Asked) -> Answer:
    arn = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
    found = {"InstanceArn": arn, "IdentityStoreId": "d-0123456789", "OwnerAccountId": MANAGEMENT, "Status": "ACTIVE"}
    return {"Instances": [found] if place.is_home else []}
