"""The organization's own answers: organizations, sts, account, and what regions there are."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.simulator.answers import (
    CREATED,
    NOW,
    Asked,
    RefusedError,
    Request,
    answers,
    answers_each,
    constant,
    policy,
    statement,
)
from scripts.simulator.organization import (
    ACCOUNT,
    DELEGATED_SERVICES,
    DISABLED_REGION,
    KEY_PREFIX,
    MANAGEMENT,
    MEMBER_UNITS,
    ORGANIZATION_ID,
    ROLE,
    ROOT_ID,
    SECURITY,
    UNITS,
    Organization,
    Place,
    account_id,
    tags,
)
from scripts.simulator.protocol import Answer

JOINED = CREATED
ADMINISTRATORS = (MANAGEMENT, SECURITY)
POLICIES = (
    ("p-guardrails", "guardrails", False, [{"Effect": "Deny", "Action": "cloudtrail:StopLogging", "Resource": "*"}]),
    ("p-FullAWSAccess", "FullAWSAccess", True, [statement("*", "*")]),
)
"""The service control policies: id, name, whether AWS manages it, and its statements."""


def _administrator(request: Request) -> None:
    if request.account not in ADMINISTRATORS:
        raise RefusedError("AccessDeniedException", "You don't have permissions to access this resource.")


def _parent(account: str) -> str:
    if account == MANAGEMENT:
        return ROOT_ID
    return "ou-orga-security" if account == SECURITY else MEMBER_UNITS[int(account) % len(MEMBER_UNITS)]


def _account(account: str) -> dict[str, Any]:
    number = int(account) - int(MANAGEMENT)
    return {
        "Id": account,
        "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION_ID}/{account}",
        "Email": f"account-{number}@example.com",
        "Name": {MANAGEMENT: "management", SECURITY: "security"}.get(account, f"team-{number:04}"),
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": JOINED,
    }


def _accounts(organization: Organization, parent: str | None = None) -> list[str]:
    every = (account_id(number) for number in range(organization.accounts))
    return [each for each in every if parent is None or _parent(each) == parent]


PAGE = 20
"""The most rows of a page of AWS Organizations."""


def _page(request: Request, key: str, ids: list[str], render: Any) -> Answer:  # noqa: ANN401 - of an id
    start = int(request.asked.get("NextToken") or 0)
    end = start + min(PAGE, int(request.asked.get("MaxResults") or PAGE))
    page: dict[str, Any] = {key: [render(each) for each in ids[start:end]]}
    return {**page, "NextToken": str(end)} if end < len(ids) else page


def _known(request: Request) -> str:
    account = str(request.asked.get("AccountId"))
    if not request.organization.has(account):
        raise RefusedError("AccountNotFoundException", f"There is no account {account}.")
    return account


def _known_parent(request: Request) -> str:
    parent = str(request.asked.get("ParentId"))
    if parent not in (ROOT_ID, *UNITS):
        raise RefusedError("ParentNotFoundException", f"There is no parent {parent}.")
    return parent


@answers("organizations", "DescribeOrganization")
def organization(_place: Place, _asked: Asked) -> Answer:
    owner = _account(MANAGEMENT)
    return {
        "Organization": {
            "Id": ORGANIZATION_ID,
            "Arn": f"arn:aws:organizations::{MANAGEMENT}:organization/{ORGANIZATION_ID}",
            "FeatureSet": "ALL",
            "MasterAccountId": MANAGEMENT,
            "MasterAccountArn": owner["Arn"],
            "MasterAccountEmail": owner["Email"],
        }
    }


@answers_each("organizations", "ListRoots")
def roots(request: Request) -> Answer:
    _administrator(request)
    arn = f"arn:aws:organizations::{MANAGEMENT}:root/{ORGANIZATION_ID}/{ROOT_ID}"
    types = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    return {"Roots": [{"Id": ROOT_ID, "Arn": arn, "Name": "Root", "PolicyTypes": types}]}


@answers_each("organizations", "ListOrganizationalUnitsForParent")
def units(request: Request) -> Answer:
    _administrator(request)
    parent = _known_parent(request)

    def render(unit: str) -> dict[str, str]:
        arn = f"arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION_ID}/{unit}"
        return {"Id": unit, "Arn": arn, "Name": UNITS[unit][0]}

    return _page(request, "OrganizationalUnits", [each for each, (_, of) in UNITS.items() if of == parent], render)


@answers_each("organizations", "ListAccountsForParent")
def accounts_in(request: Request) -> Answer:
    _administrator(request)
    return _page(request, "Accounts", _accounts(request.organization, _known_parent(request)), _account)


@answers_each("organizations", "ListAccounts")
def accounts(request: Request) -> Answer:
    _administrator(request)
    return _page(request, "Accounts", _accounts(request.organization), _account)


@answers_each("organizations", "ListParents")
def parents(request: Request) -> Answer:
    _administrator(request)
    child = str(request.asked.get("ChildId"))
    if child not in UNITS and not request.organization.has(child):
        raise RefusedError("ChildNotFoundException", f"There is no child {child}.")
    parent = UNITS[child][1] if child in UNITS else _parent(child)
    return {"Parents": [{"Id": parent, "Type": "ROOT" if parent == ROOT_ID else "ORGANIZATIONAL_UNIT"}]}


@answers_each("organizations", "ListTagsForResource")
def account_tags(request: Request) -> Answer:
    _administrator(request)
    resource = str(request.asked.get("ResourceId"))
    if not request.organization.has(resource):
        return {"Tags": []}
    number = int(resource) - int(MANAGEMENT)
    return {"Tags": tags(owner=f"team-{number % 10}", environment="production" if number % 2 else "development")}


@answers_each("organizations", "ListDelegatedAdministrators")
def delegated_administrators(request: Request) -> Answer:
    _administrator(request)
    is_delegated = request.organization.has(SECURITY) and request.asked.get("ServicePrincipal") in (
        None,
        *DELEGATED_SERVICES,
    )
    found = [{**_account(SECURITY), "DelegationEnabledDate": JOINED}] if is_delegated else []
    return {"DelegatedAdministrators": found}


@answers_each("organizations", "ListDelegatedServicesForAccount")
def delegated_services(request: Request) -> Answer:
    _administrator(request)
    if _known(request) != SECURITY:
        raise RefusedError("AccountNotRegisteredException", "The account is no delegated administrator.")
    return {
        "DelegatedServices": [
            {"ServicePrincipal": name, "DelegationEnabledDate": JOINED} for name in DELEGATED_SERVICES
        ]
    }


@answers_each("organizations", "DescribeAccount")
def described_account(request: Request) -> Answer:
    _administrator(request)
    return {"Account": _account(_known(request))}


@answers_each("organizations", "ListPolicies")
def policies(request: Request) -> Answer:
    _administrator(request)
    kind = request.asked.get("Filter", "SERVICE_CONTROL_POLICY")
    return {"Policies": [_summary(each) for each in POLICIES] if kind == "SERVICE_CONTROL_POLICY" else []}


def _summary(found: tuple[str, str, bool, list[dict[str, Any]]]) -> dict[str, Any]:
    policy_id, name, managed, _ = found
    owner = "aws" if managed else f"{MANAGEMENT}:policy/{ORGANIZATION_ID}"
    arn = f"arn:aws:organizations::{owner}/service_control_policy/{policy_id}"
    kind = "SERVICE_CONTROL_POLICY"
    return {"Id": policy_id, "Arn": arn, "Name": name, "Description": name, "Type": kind, "AwsManaged": managed}


def _policy(request: Request) -> tuple[str, str, bool, list[dict[str, Any]]]:
    _administrator(request)
    found = next((each for each in POLICIES if each[0] == request.asked.get("PolicyId")), None)
    if found is None:
        raise RefusedError("PolicyNotFoundException")
    return found


@answers_each("organizations", "DescribePolicy")
def described_policy(request: Request) -> Answer:
    found = _policy(request)
    return {"Policy": {"PolicySummary": _summary(found), "Content": policy(*found[3])}}


@answers_each("organizations", "ListTargetsForPolicy")
def policy_targets(request: Request) -> Answer:
    _policy(request)
    arn = f"arn:aws:organizations::{MANAGEMENT}:root/{ORGANIZATION_ID}/{ROOT_ID}"
    return {"Targets": [{"TargetId": ROOT_ID, "Arn": arn, "Name": "Root", "Type": "ROOT"}]}


@answers_each("organizations", "DescribeResourcePolicy")
def resource_policy(request: Request) -> Answer:
    _administrator(request)
    raise RefusedError("ResourcePolicyNotFoundException")


@answers_each("organizations", "ListAWSServiceAccessForOrganization")
def trusted_services(request: Request) -> Answer:
    _administrator(request)
    names = ("cloudtrail.amazonaws.com", "config.amazonaws.com", "guardduty.amazonaws.com", "sso.amazonaws.com")
    return {"EnabledServicePrincipals": [{"ServicePrincipal": name, "DateEnabled": JOINED} for name in names]}


def _management_user() -> str:
    return f"arn:aws:iam::{MANAGEMENT}:user/auditor"


@answers("sts", "GetCallerIdentity")
def identity(place: Place, _asked: Asked) -> Answer:
    if place.kind == "management":
        return {"Arn": _management_user(), "UserId": "AIDASIMULATED", "Account": MANAGEMENT}
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/audit"
    return {"Arn": arn, "UserId": f"AROASIMULATED{ACCOUNT}:audit", "Account": ACCOUNT}


@answers_each("sts", "AssumeRole")
def assume_role(request: Request) -> Answer:
    role = str(request.asked.get("RoleArn"))
    parts = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)", role)
    if parts is None or not request.organization.has(parts[1]):
        message = f"User: {_management_user()} is not authorized to perform: sts:AssumeRole on resource: {role}"
        raise RefusedError("AccessDenied", message, 403)
    account, name = parts.groups()
    session = request.asked.get("RoleSessionName", "")
    return {
        "Credentials": {
            "AccessKeyId": KEY_PREFIX + account,
            "SecretAccessKey": "simulated",
            "SessionToken": f"simulated-{account}",
            "Expiration": datetime.now(UTC) + timedelta(seconds=int(request.asked.get("DurationSeconds", 3600))),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROASIMULATED{account}:{session}",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        },
    }


def _statuses(request: Request) -> dict[str, str]:
    return {**dict.fromkeys(request.organization.regions, "ENABLED_BY_DEFAULT"), DISABLED_REGION: "DISABLED"}


@answers_each("account", "ListRegions")
def listed_regions(request: Request) -> Answer:
    statuses = _statuses(request)
    wanted = request.asked.get("RegionOptStatusContains") or tuple(statuses.values())
    return {
        "Regions": [
            {"RegionName": name, "RegionOptStatus": status} for name, status in statuses.items() if status in wanted
        ]
    }


@answers_each("account", "GetRegionOptStatus")
def region_status(request: Request) -> Answer:
    region, statuses = request.asked.get("RegionName", ""), _statuses(request)
    if region not in statuses:
        raise RefusedError("ValidationException", f"There is no Region {region}.")
    return {"RegionName": region, "RegionOptStatus": statuses[region]}


@answers_each("ec2", "DescribeRegions")
def ec2_regions(request: Request) -> Answer:
    shown = list(request.organization.regions)
    if request.asked.get("AllRegions") == "true":
        shown.append(DISABLED_REGION)
    return {
        "Regions": [
            {
                "RegionName": name,
                "Endpoint": f"ec2.{name}.amazonaws.com",
                "OptInStatus": "not-opted-in" if name == DISABLED_REGION else "opt-in-not-required",
            }
            for name in shown
        ]
    }


@answers("account", "GetAlternateContact")
def alternate_contact(place: Place, asked: Asked) -> Answer:
    if not place.often("contact", 60):
        raise RefusedError("ResourceNotFoundException", status=404)
    return {
        "AlternateContact": {
            "Name": "Security",
            "Title": "Team",
            "EmailAddress": "security@example.com",
            "PhoneNumber": "+44 20 7946 0000",
            "AlternateContactType": str(asked.get("AlternateContactType", "SECURITY")),
        }
    }


constant(
    "account",
    "GetContactInformation",
    {
        "ContactInformation": {
            "FullName": "Cloud team",
            "CompanyName": "Example",
            "PhoneNumber": "+44 20 7946 0000",
            "AddressLine1": "1 High Street",
            "City": "London",
            "CountryCode": "GB",
            "PostalCode": "SW1A 1AA",
        }
    },
)
constant("account", "GetAccountInformation", {"AccountId": ACCOUNT, "AccountCreatedDate": NOW})
