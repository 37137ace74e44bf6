"""What the synthetic organization of scripts/endpoint.py answers: accounts, trails, log groups, alarms and roles."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import escape

HOME = "us-east-1"
MANAGEMENT = "100000000000"
SECURITY = "100000000001"
KEY_PREFIX = "ASIAORGA"
ROLE = "org-audit"
ORGANIZATION_ID = "o-synthetic0"
ROOT_ID = "r-orga"
UNITS = {
    "ou-orga-security": ("Security", ROOT_ID),
    "ou-orga-workload": ("Workloads", ROOT_ID),
    "ou-orga-sandboxes": ("Sandboxes", ROOT_ID),
    "ou-orga-production": ("Production", "ou-orga-workload"),
    "ou-orga-development": ("Development", "ou-orga-workload"),
}
MEMBER_UNITS = ("ou-orga-production", "ou-orga-development", "ou-orga-sandboxes")
DELEGATED_SERVICES = ("cloudtrail.amazonaws.com", "securityhub.amazonaws.com")
REGIONS = (
    *("us-east-1", "us-west-2", "eu-west-1", "us-east-2", "us-west-1", "ca-central-1", "sa-east-1", "eu-west-2"),
    *("eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-southeast-1", "ap-southeast-2"),
)
DISABLED_REGION = "me-south-1"
EVENTS = (
    *("ConsoleLogin", "StopLogging", "DeleteTrail", "PutBucketPolicy", "DisableKey", "CreatePolicy", "CreateVpc"),
    *("AuthorizeSecurityGroupIngress", "CreateNetworkAcl", "CreateRoute", "DeleteInternetGateway"),
    *("AttachRolePolicy", "StopConfigurationRecorder", "AcceptHandshake"),
)
PAGE = 20
JOINED = 1577836800
TRAIL = "audit"
TRAIL_ARN = f"arn:aws:cloudtrail:{HOME}:@account@:trail/{TRAIL}"
LOG_GROUP = "cloudtrail/audit"
LOG_GROUP_ARN = f"arn:aws:logs:{HOME}:@account@:log-group:{LOG_GROUP}"
TOPIC_ARN = f"arn:aws:sns:{HOME}:@account@:security-alerts"
POLICY_ARN = "arn:aws:iam::@account@:policy/write-logs"


class RefusedError(Exception):
    """An error answer: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One AWS call; `parameters` are the JSON document or the form, flat."""

    account: str
    region: str
    service: str
    action: str
    parameters: Mapping[str, Any]
    is_form: bool

    @property
    def name(self) -> str:
        """The call as "service:Action", under the service's name in IAM."""
        return f"{self.service}:{self.action}"


Handler: TypeAlias = Callable[[Request], bytes]


def account_of(access_key: str) -> str:
    """The account that an access key stands for."""
    return access_key[len(KEY_PREFIX) :] if access_key.startswith(KEY_PREFIX) else MANAGEMENT


def json_body(document: Mapping[str, Any]) -> bytes:
    """Return a document as the body of an answer."""
    return json.dumps(document, separators=(",", ":")).encode()


def _xml(action: str, result: str) -> bytes:
    return (
        f"<{action}Response><{action}Result>{result}</{action}Result>"
        f"<ResponseMetadata><RequestId>synthetic</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


def elements(values: Mapping[str, str]) -> str:
    """Return values as XML elements, each by its name."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _members(items: Sequence[str]) -> str:
    return "".join(f"<member>{item}</member>" for item in items)


def _fixed(template: bytes) -> Handler:
    """Answer with a body rendered beforehand, in which only the account and the Region are filled in."""

    def answer(request: Request) -> bytes:
        body = template.replace(b"@account@", request.account.encode())
        return body.replace(b"@region@", request.region.encode())

    return answer


def _only(parameter: str, known: Sequence[str], code: str, answer: Handler, status: int = 400) -> Handler:
    """Refuse a request whose parameter names anything but the caller's own resource."""

    def checked(request: Request) -> bytes:
        value = request.parameters.get(parameter)
        if value not in [name.replace("@account@", request.account) for name in known]:
            raise RefusedError(code, f"{parameter} {value} does not exist in account {request.account}.", status)
        return answer(request)

    return checked


class Organization:
    """The organization's own answers: sts, organizations and account."""

    def __init__(self, accounts: int, regions: int) -> None:
        self.ids = [str(int(MANAGEMENT) + number) for number in range(accounts)]
        self.regions = REGIONS[:regions]

    def handlers(self) -> dict[str, Handler]:
        """The handlers by "service:Action"; only the management account and the security account may list."""
        listings: dict[str, Handler] = {
            "ListRoots": _fixed(self._roots()),
            "ListOrganizationalUnitsForParent": self._units,
            "ListAccountsForParent": self._accounts_in,
            "ListAccounts": lambda request: self._page(request, "Accounts", self.ids, self._account),
            "ListParents": self._parents,
            "ListTagsForResource": self._tags,
            "ListDelegatedAdministrators": self._delegated_administrators,
            "ListDelegatedServicesForAccount": self._delegated_services,
            "DescribeAccount": lambda request: json_body({"Account": self._account(self._known(request, "AccountId"))}),
        }
        return {f"organizations:{name}": _for_administrators(handler) for name, handler in listings.items()} | {
            "organizations:DescribeOrganization": _fixed(self._organization()),
            "sts:GetCallerIdentity": self._identity,
            "sts:AssumeRole": self._assume_role,
            "account:ListRegions": self._list_regions,
            "account:GetRegionOptStatus": self._region_status,
            "ec2:DescribeRegions": self._describe_regions,
        }

    def _known(self, request: Request, parameter: str) -> str:
        account = str(request.parameters.get(parameter))
        if account not in self.ids:
            raise RefusedError("AccountNotFoundException", f"There is no account {account}.")
        return account

    def _parent(self, account: str) -> str:
        if account == MANAGEMENT:
            return ROOT_ID
        return "ou-orga-security" if account == SECURITY else MEMBER_UNITS[int(account) % len(MEMBER_UNITS)]

    @functools.cached_property
    def _by_parent(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {ROOT_ID: [], **{unit: [] for unit in UNITS}}
        for account in self.ids:
            children[self._parent(account)].append(account)
        return children

    def _page(self, request: Request, key: str, ids: Sequence[str], render: Callable[[str], dict[str, Any]]) -> bytes:
        start = int(request.parameters.get("NextToken") or 0)
        end = start + min(PAGE, int(request.parameters.get("MaxResults") or PAGE))
        page: dict[str, Any] = {key: [render(item) for item in ids[start:end]]}
        if end < len(ids):
            page["NextToken"] = str(end)
        return json_body(page)

    def _account(self, account: str) -> dict[str, Any]:
        names = {MANAGEMENT: "management", SECURITY: "security"}
        number = int(account) - int(MANAGEMENT)
        return {
            "Id": account,
            "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION_ID}/{account}",
            "Email": f"account-{number}@example.com",
            "Name": names.get(account, f"team-{number:04}"),
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": JOINED,
        }

    def _organization(self) -> bytes:
        owner = self._account(MANAGEMENT)
        organization = {
            "Id": ORGANIZATION_ID,
            "Arn": f"arn:aws:organizations::{MANAGEMENT}:organization/{ORGANIZATION_ID}",
            "FeatureSet": "ALL",
            "MasterAccountId": MANAGEMENT,
            "MasterAccountArn": owner["Arn"],
            "MasterAccountEmail": owner["Email"],
        }
        return json_body({"Organization": organization})

    def _roots(self) -> bytes:
        arn = f"arn:aws:organizations::{MANAGEMENT}:root/{ORGANIZATION_ID}/{ROOT_ID}"
        types = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
        return json_body({"Roots": [{"Id": ROOT_ID, "Arn": arn, "Name": "Root", "PolicyTypes": types}]})

    def _asked_parent(self, request: Request) -> str:
        parent = str(request.parameters.get("ParentId"))
        if parent not in self._by_parent:
            raise RefusedError("ParentNotFoundException", f"There is no parent {parent}.")
        return parent

    def _units(self, request: Request) -> bytes:
        asked = self._asked_parent(request)
        return self._page(
            request,
            "OrganizationalUnits",
            [unit for unit, (_, parent) in UNITS.items() if parent == asked],
            lambda unit: {
                "Id": unit,
                "Arn": f"arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION_ID}/{unit}",
                "Name": UNITS[unit][0],
            },
        )

    def _accounts_in(self, request: Request) -> bytes:
        return self._page(request, "Accounts", self._by_parent[self._asked_parent(request)], self._account)

    def _parents(self, request: Request) -> bytes:
        child = str(request.parameters.get("ChildId"))
        if child not in UNITS and child not in self.ids:
            raise RefusedError("ChildNotFoundException", f"There is no child {child}.")
        parent = UNITS[child][1] if child in UNITS else self._parent(child)
        return json_body({"Parents": [{"Id": parent, "Type": "ROOT" if parent == ROOT_ID else "ORGANIZATIONAL_UNIT"}]})

    def _tags(self, request: Request) -> bytes:
        resource = str(request.parameters.get("ResourceId"))
        if resource not in self.ids:
            return json_body({"Tags": []})
        number = int(resource) - int(MANAGEMENT)
        tags = {"owner": f"team-{number % 10}", "environment": "production" if number % 2 else "development"}
        return json_body({"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]})

    def _delegated_administrators(self, request: Request) -> bytes:
        principal = request.parameters.get("ServicePrincipal")
        is_delegated = SECURITY in self.ids and principal in (None, *DELEGATED_SERVICES)
        return self._page(
            request,
            "DelegatedAdministrators",
            [SECURITY] if is_delegated else [],
            lambda account: {**self._account(account), "DelegationEnabledDate": JOINED},
        )

    def _delegated_services(self, request: Request) -> bytes:
        if self._known(request, "AccountId") != SECURITY:
            raise RefusedError("AccountNotRegisteredException", "The account is no delegated administrator.")
        services = [{"ServicePrincipal": name, "DelegationEnabledDate": JOINED} for name in DELEGATED_SERVICES]
        return json_body({"DelegatedServices": services})

    def _identity(self, request: Request) -> bytes:
        is_member = request.account != MANAGEMENT
        arn = f"arn:aws:sts::{request.account}:assumed-role/{ROLE}/audit" if is_member else _management_user()
        user = f"AROASYNTHETIC{request.account}:audit" if is_member else "AIDASYNTHETIC"
        return _xml("GetCallerIdentity", elements({"Arn": arn, "UserId": user, "Account": request.account}))

    def _assume_role(self, request: Request) -> bytes:
        role = str(request.parameters.get("RoleArn"))
        parts = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)", role)
        if parts is None or parts[1] not in self.ids:
            message = f"User: {_management_user()} is not authorized to perform: sts:AssumeRole on resource: {role}"
            raise RefusedError("AccessDenied", message, 403)
        account, name = parts.groups()
        session = request.parameters.get("RoleSessionName", "")
        expiration = datetime.now(UTC) + timedelta(seconds=int(request.parameters.get("DurationSeconds", 3600)))
        credentials = {
            "AccessKeyId": KEY_PREFIX + account,
            "SecretAccessKey": "synthetic",
            "SessionToken": f"synthetic-{account}",
            "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        user = {
            "AssumedRoleId": f"AROASYNTHETIC{account}:{session}",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        }
        result = f"<Credentials>{elements(credentials)}</Credentials>"
        return _xml("AssumeRole", f"{result}<AssumedRoleUser>{elements(user)}</AssumedRoleUser>")

    @functools.cached_property
    def _region_statuses(self) -> dict[str, str]:
        return {**dict.fromkeys(self.regions, "ENABLED_BY_DEFAULT"), DISABLED_REGION: "DISABLED"}

    def _list_regions(self, request: Request) -> bytes:
        wanted = request.parameters.get("RegionOptStatusContains") or tuple(self._region_statuses.values())
        regions = [
            {"RegionName": name, "RegionOptStatus": status}
            for name, status in self._region_statuses.items()
            if status in wanted
        ]
        return json_body({"Regions": regions})

    def _region_status(self, request: Request) -> bytes:
        region = request.parameters.get("RegionName", "")
        if region not in self._region_statuses:
            raise RefusedError("ValidationException", f"There is no Region {region}.")
        return json_body({"RegionName": region, "RegionOptStatus": self._region_statuses[region]})

    def _describe_regions(self, request: Request) -> bytes:
        shown = list(self.regions)
        if request.parameters.get("AllRegions") == "true":
            shown.append(DISABLED_REGION)
        items = "".join(f"<item>{elements(self._ec2_region(name))}</item>" for name in shown)
        body = f"<requestId>synthetic</requestId><regionInfo>{items}</regionInfo>"
        return f"<DescribeRegionsResponse>{body}</DescribeRegionsResponse>".encode()

    def _ec2_region(self, name: str) -> dict[str, str]:
        opt_in = "not-opted-in" if name == DISABLED_REGION else "opt-in-not-required"
        return {"regionName": name, "regionEndpoint": f"ec2.{name}.amazonaws.com", "optInStatus": opt_in}


def _management_user() -> str:
    return f"arn:aws:iam::{MANAGEMENT}:user/auditor"


def _for_administrators(answer: Handler) -> Handler:
    def checked(request: Request) -> bytes:
        if request.account not in (MANAGEMENT, SECURITY):
            raise RefusedError("AccessDeniedException", "You don't have permissions to access this resource.")
        return answer(request)

    return checked


def _trail_handlers(now: float) -> dict[str, Handler]:
    trail = {
        "Name": TRAIL,
        "TrailARN": TRAIL_ARN,
        "HomeRegion": HOME,
        "S3BucketName": "audit-logs-@account@",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": False,
        "LogFileValidationEnabled": True,
        "CloudWatchLogsLogGroupArn": f"{LOG_GROUP_ARN}:*",
        "CloudWatchLogsRoleArn": "arn:aws:iam::@account@:role/cloudtrail-logs",
        "KmsKeyId": f"arn:aws:kms:{HOME}:@account@:key/00000000-0000-4000-8000-000000000000",
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }
    status = {
        "IsLogging": True,
        "StartLoggingTime": JOINED,
        "LatestDeliveryTime": now - 300,
        "LatestDigestDeliveryTime": now - 1800,
        "LatestCloudWatchLogsDeliveryTime": now - 120,
    }
    management = {"Field": "eventCategory", "Equals": ["Management"]}
    selectors = [{"Name": "Management events selector", "FieldSelectors": [management]}]
    tags = [{"ResourceId": TRAIL_ARN, "TagsList": [{"Key": "owner", "Value": "security"}]}]
    shown, hidden = _fixed(json_body({"trailList": [trail]})), _fixed(json_body({"trailList": []}))
    names = (TRAIL, TRAIL_ARN)

    def describe(request: Request) -> bytes:
        asked = request.parameters.get("trailNameList")
        own = {name.replace("@account@", request.account) for name in names}
        is_shadow = request.region != HOME and request.parameters.get("includeShadowTrails") is False
        return hidden(request) if is_shadow or (asked and not own & set(asked)) else shown(request)

    selected = _fixed(json_body({"TrailARN": TRAIL_ARN, "AdvancedEventSelectors": selectors}))
    return {
        "cloudtrail:DescribeTrails": describe,
        "cloudtrail:GetTrailStatus": _only("Name", names, "TrailNotFoundException", _fixed(json_body(status))),
        "cloudtrail:GetEventSelectors": _only("TrailName", names, "TrailNotFoundException", selected),
        "cloudtrail:ListTags": _fixed(json_body({"ResourceTagList": tags})),
    }


def _monitoring_handlers() -> dict[str, Handler]:
    group = {
        "logGroupName": LOG_GROUP,
        "arn": f"{LOG_GROUP_ARN}:*",
        "logGroupArn": LOG_GROUP_ARN,
        "creationTime": JOINED * 1000,
        "retentionInDays": 365,
        "metricFilterCount": len(EVENTS),
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    }
    filters = [
        {
            "filterName": event,
            "filterPattern": f"{{ $.eventName = {event} }}",
            "logGroupName": LOG_GROUP,
            "creationTime": JOINED * 1000,
            "metricTransformations": [{"metricName": event, "metricNamespace": "Security", "metricValue": "1"}],
        }
        for event in EVENTS
    ]
    alarms = f"<MetricAlarms>{_members([_alarm(event) for event in EVENTS])}</MetricAlarms>"
    none = "<MetricAlarms/><CompositeAlarms/>"
    return {
        "logs:DescribeLogGroups": _at_home(json_body({"logGroups": [group]}), json_body({"logGroups": []})),
        "logs:DescribeMetricFilters": _at_home(json_body({"metricFilters": filters}), json_body({"metricFilters": []})),
        "logs:DescribeSubscriptionFilters": _fixed(json_body({"subscriptionFilters": []})),
        "cloudwatch:DescribeAlarms": _at_home(_xml("DescribeAlarms", alarms), _xml("DescribeAlarms", none)),
    }


def _at_home(shown: bytes, elsewhere: bytes) -> Handler:
    """Answer with what lives in the home Region there, and with the other body in other Regions."""
    at_home, away = _fixed(shown), _fixed(elsewhere)
    return lambda request: (at_home if request.region == HOME else away)(request)


def _alarm(event: str) -> str:
    values = {
        "AlarmName": event,
        "AlarmArn": f"arn:aws:cloudwatch:{HOME}:@account@:alarm:{event}",
        "ActionsEnabled": "true",
        "StateValue": "OK",
        "MetricName": event,
        "Namespace": "Security",
        "Statistic": "Sum",
        "Period": "300",
        "EvaluationPeriods": "1",
        "Threshold": "1.0",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    return f"{elements(values)}<AlarmActions>{_members([TOPIC_ARN])}</AlarmActions>"


def _sns_handlers() -> dict[str, Handler]:
    subscription = {
        "SubscriptionArn": f"{TOPIC_ARN}:00000000-0000-4000-8000-000000000001",
        "Owner": "@account@",
        "Protocol": "email",
        "Endpoint": "security@example.com",
        "TopicArn": TOPIC_ARN,
    }
    attributes = {
        "TopicArn": TOPIC_ARN,
        "Owner": "@account@",
        "SubscriptionsConfirmed": "1",
        "SubscriptionsPending": "0",
        "Policy": json.dumps(_policy_document("sns:Publish", TOPIC_ARN, {"Service": "cloudwatch.amazonaws.com"})),
    }
    entries = [f"<entry>{elements({'key': key, 'value': value})}</entry>" for key, value in attributes.items()]
    subscriptions = f"<Subscriptions>{_members([elements(subscription)])}</Subscriptions>"
    bodies = {
        "ListSubscriptionsByTopic": subscriptions,
        "GetTopicAttributes": f"<Attributes>{''.join(entries)}</Attributes>",
    }
    return {
        f"sns:{action}": _only("TopicArn", (TOPIC_ARN,), "NotFound", _fixed(_xml(action, body)), 404)
        for action, body in bodies.items()
    }


def _policy_document(action: str, resource: str | None, principal: Mapping[str, str] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action}
    if resource:
        statement["Resource"] = resource
    if principal:
        statement["Principal"] = principal
    return {"Version": "2012-10-17", "Statement": [statement]}


def _iam_handlers() -> dict[str, Handler]:
    created = "2020-01-01T00:00:00Z"
    trust = _policy_document("sts:AssumeRole", None, {"Service": "cloudtrail.amazonaws.com"})
    write = quote(json.dumps(_policy_document("logs:PutLogEvents", f"{LOG_GROUP_ARN}:*")), safe="@")
    role = {
        "Path": "/",
        "RoleName": "@role@",
        "RoleId": "AROASYNTHETIC@account@",
        "Arn": "arn:aws:iam::@account@:role/@role@",
        "CreateDate": created,
        "AssumeRolePolicyDocument": quote(json.dumps(trust)),
    }
    policy = {
        "PolicyName": "write-logs",
        "PolicyId": "ANPASYNTHETIC@account@",
        "Arn": POLICY_ARN,
        "Path": "/",
        "DefaultVersionId": "v1",
        "AttachmentCount": "1",
        "IsAttachable": "true",
        "CreateDate": created,
    }
    version = {"Document": write, "VersionId": "v1", "IsDefaultVersion": "true", "CreateDate": created}
    inline = {"RoleName": "@role@", "PolicyName": "write-logs", "PolicyDocument": write}
    attached = _members([elements({"PolicyName": "write-logs", "PolicyArn": POLICY_ARN})])
    ended = "<IsTruncated>false</IsTruncated>"
    bodies = {
        "GetRole": f"<Role>{elements(role)}</Role>",
        "ListRolePolicies": f"<PolicyNames>{_members(['write-logs'])}</PolicyNames>{ended}",
        "GetRolePolicy": elements(inline),
        "ListAttachedRolePolicies": f"<AttachedPolicies>{attached}</AttachedPolicies>{ended}",
        "GetPolicy": f"<Policy>{elements(policy)}</Policy>",
        "GetPolicyVersion": f"<PolicyVersion>{elements(version)}</PolicyVersion>",
    }
    return {f"iam:{action}": _for_role(_fixed(_xml(action, body))) for action, body in bodies.items()}


def _for_role(answer: Handler) -> Handler:
    """Every role exists: the name that was asked for is filled in."""
    return lambda request: answer(request).replace(b"@role@", escape(request.parameters.get("RoleName", "")).encode())


def handlers(accounts: int, regions: int) -> dict[str, Handler]:
    """Return what answers each action, such as "iam:GetRole", in an organization of this size."""
    return {
        **Organization(accounts, regions).handlers(),
        **_trail_handlers(time.time()),
        **_monitoring_handlers(),
        **_sns_handlers(),
        **_iam_handlers(),
    }
