"""The simulator, read through boto3 with retries off."""

import json
import os
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from scripts.simulator.answers.logging import EVENTS, SHARED_TRAIL_ARN
from scripts.simulator.organization import DISABLED_REGION, MANAGEMENT, ROOT_ID, SECURITY
from scripts.simulator.server import Served, serve

MEMBER = "100000000007"
TRAIL_ARN = f"arn:aws:cloudtrail:us-east-1:{MEMBER}:trail/audit"
TOPIC_ARN = f"arn:aws:sns:us-east-1:{MEMBER}:security-alerts"
POLICY_ARN = f"arn:aws:iam::{MEMBER}:policy/write-logs"

Clients = Callable[..., Any]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Served]:
    with serve(accounts=45, regions=3) as served:
        yield served


@pytest.fixture(scope="module")
def client(endpoint: Served) -> Iterator[Clients]:
    """A client of a service, for an account, in a Region."""
    session = boto3.Session()
    made: dict[tuple[str, str, str], Any] = {}
    with ExitStack() as stack:

        def make(service: str, account: str = MEMBER, region: str = "us-east-1") -> Any:
            key = (service, account, region)
            if key not in made:
                made[key] = stack.enter_context(closing(_client(session, endpoint.url, *key)))
            return made[key]

        yield make


def _client(session: Any, url: str, service: str, account: str, region: str) -> Any:
    return session.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=f"ASIAORGA{account}",
        aws_secret_access_key="secret",
        aws_session_token="token",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=10),
    )


CALLS: list[tuple[str, str, dict[str, Any], str, Callable[[dict[str, Any]], object], object]] = [
    ("sts", MEMBER, {}, "GetCallerIdentity", lambda r: r["Account"], MEMBER),
    ("sts", MANAGEMENT, {}, "GetCallerIdentity", lambda r: r["Arn"], f"arn:aws:iam::{MANAGEMENT}:user/auditor"),
    ("organizations", MEMBER, {}, "DescribeOrganization", lambda r: r["Organization"]["MasterAccountId"], MANAGEMENT),
    ("organizations", MANAGEMENT, {}, "ListRoots", lambda r: [root["Id"] for root in r["Roots"]], [ROOT_ID]),
    (
        "organizations",
        MANAGEMENT,
        {"ParentId": ROOT_ID},
        "ListOrganizationalUnitsForParent",
        lambda r: [unit["Name"] for unit in r["OrganizationalUnits"]],
        ["Security", "Workloads", "Sandboxes"],
    ),
    (
        "organizations",
        MANAGEMENT,
        {"ParentId": ROOT_ID},
        "ListAccountsForParent",
        lambda r: [account["Name"] for account in r["Accounts"]],
        ["management"],
    ),
    ("organizations", SECURITY, {}, "ListAccounts", lambda r: len(r["Accounts"]), 20),
    (
        "organizations",
        MANAGEMENT,
        {"ChildId": "ou-orga-production"},
        "ListParents",
        lambda r: r["Parents"],
        [{"Id": "ou-orga-workload", "Type": "ORGANIZATIONAL_UNIT"}],
    ),
    (
        "organizations",
        MANAGEMENT,
        {"ResourceId": MEMBER},
        "ListTagsForResource",
        lambda r: {tag["Key"]: tag["Value"] for tag in r["Tags"]},
        {"owner": "team-7", "environment": "production"},
    ),
    (
        "organizations",
        MANAGEMENT,
        {"ServicePrincipal": "cloudtrail.amazonaws.com"},
        "ListDelegatedAdministrators",
        lambda r: [account["Id"] for account in r["DelegatedAdministrators"]],
        [SECURITY],
    ),
    (
        "organizations",
        MANAGEMENT,
        {"ServicePrincipal": "ssm.amazonaws.com"},
        "ListDelegatedAdministrators",
        lambda r: r["DelegatedAdministrators"],
        [],
    ),
    (
        "organizations",
        MANAGEMENT,
        {"AccountId": SECURITY},
        "ListDelegatedServicesForAccount",
        lambda r: r["DelegatedServices"][0]["ServicePrincipal"],
        "cloudtrail.amazonaws.com",
    ),
    (
        "organizations",
        MANAGEMENT,
        {"AccountId": MEMBER},
        "DescribeAccount",
        lambda r: r["Account"]["Status"],
        "ACTIVE",
    ),
    (
        "account",
        MEMBER,
        {},
        "ListRegions",
        lambda r: {region["RegionName"]: region["RegionOptStatus"] for region in r["Regions"]},
        {
            "us-east-1": "ENABLED_BY_DEFAULT",
            "us-west-2": "ENABLED_BY_DEFAULT",
            "eu-west-1": "ENABLED_BY_DEFAULT",
            DISABLED_REGION: "DISABLED",
        },
    ),
    (
        "account",
        MANAGEMENT,
        {"AccountId": MEMBER, "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"]},
        "ListRegions",
        lambda r: len(r["Regions"]),
        3,
    ),
    (
        "account",
        MEMBER,
        {"RegionName": DISABLED_REGION},
        "GetRegionOptStatus",
        lambda r: r["RegionOptStatus"],
        "DISABLED",
    ),
    (
        "ec2",
        MEMBER,
        {},
        "DescribeRegions",
        lambda r: [region["RegionName"] for region in r["Regions"]],
        ["us-east-1", "us-west-2", "eu-west-1"],
    ),
    (
        "ec2",
        MEMBER,
        {"AllRegions": True},
        "DescribeRegions",
        lambda r: {region["OptInStatus"] for region in r["Regions"]},
        {"opt-in-not-required", "not-opted-in"},
    ),
    (
        "cloudtrail",
        MEMBER,
        {},
        "DescribeTrails",
        lambda r: [t["TrailARN"] for t in r["trailList"]],
        [TRAIL_ARN, SHARED_TRAIL_ARN],
    ),
    ("cloudtrail", MEMBER, {"trailNameList": ["other"]}, "DescribeTrails", lambda r: r["trailList"], []),
    ("cloudtrail", MEMBER, {"Name": TRAIL_ARN}, "GetTrailStatus", lambda r: r["IsLogging"], True),
    (
        "cloudtrail",
        MEMBER,
        {"TrailName": "audit"},
        "GetEventSelectors",
        lambda r: r["AdvancedEventSelectors"][0]["FieldSelectors"],
        [{"Field": "eventCategory", "Equals": ["Management"]}],
    ),
    (
        "cloudtrail",
        MEMBER,
        {"ResourceIdList": [TRAIL_ARN]},
        "ListTags",
        lambda r: r["ResourceTagList"][0]["TagsList"],
        [{"Key": "owner", "Value": "security"}],
    ),
    (
        "logs",
        MEMBER,
        {},
        "DescribeLogGroups",
        lambda r: [g["logGroupName"] for g in r["logGroups"]],
        ["cloudtrail/audit"],
    ),
    ("logs", MEMBER, {}, "DescribeMetricFilters", lambda r: len(r["metricFilters"]), len(EVENTS)),
    (
        "logs",
        MEMBER,
        {"logGroupName": "cloudtrail/audit"},
        "DescribeSubscriptionFilters",
        lambda r: r["subscriptionFilters"],
        [],
    ),
    ("cloudwatch", MEMBER, {}, "DescribeAlarms", lambda r: r["MetricAlarms"][0]["AlarmActions"], [TOPIC_ARN]),
    ("cloudwatch", MEMBER, {}, "DescribeAlarms", lambda r: [a["MetricName"] for a in r["MetricAlarms"]], [*EVENTS]),
    (
        "sns",
        MEMBER,
        {"TopicArn": TOPIC_ARN},
        "ListSubscriptionsByTopic",
        lambda r: [(s["Protocol"], s["TopicArn"]) for s in r["Subscriptions"]],
        [("email", TOPIC_ARN)],
    ),
    (
        "sns",
        MEMBER,
        {"TopicArn": TOPIC_ARN},
        "GetTopicAttributes",
        lambda r: json.loads(r["Attributes"]["Policy"])["Statement"][0]["Resource"],
        TOPIC_ARN,
    ),
    (
        "iam",
        MEMBER,
        {"RoleName": "cloudtrail-logs"},
        "GetRole",
        lambda r: r["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"],
        {"Service": "cloudtrail.amazonaws.com"},
    ),
    (
        "iam",
        MEMBER,
        {"RoleName": "cloudtrail-logs"},
        "GetRole",
        lambda r: r["Role"]["Arn"],
        f"arn:aws:iam::{MEMBER}:role/cloudtrail-logs",
    ),
    ("iam", MEMBER, {"RoleName": "r"}, "ListRolePolicies", lambda r: r["PolicyNames"], ["write-logs"]),
    (
        "iam",
        MEMBER,
        {"RoleName": "r", "PolicyName": "write-logs"},
        "GetRolePolicy",
        lambda r: r["PolicyDocument"]["Statement"][0]["Resource"],
        f"arn:aws:logs:us-east-1:{MEMBER}:log-group:cloudtrail/audit:*",
    ),
    (
        "iam",
        MEMBER,
        {"RoleName": "r"},
        "ListAttachedRolePolicies",
        lambda r: r["AttachedPolicies"],
        [{"PolicyName": "write-logs", "PolicyArn": POLICY_ARN}],
    ),
    ("iam", MEMBER, {"PolicyArn": POLICY_ARN}, "GetPolicy", lambda r: r["Policy"]["DefaultVersionId"], "v1"),
    (
        "iam",
        MEMBER,
        {"PolicyArn": POLICY_ARN, "VersionId": "v1"},
        "GetPolicyVersion",
        lambda r: r["PolicyVersion"]["Document"]["Statement"][0]["Action"],
        "logs:PutLogEvents",
    ),
]


def call(client: Any, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    names = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
    answer: dict[str, Any] = getattr(client, names[action])(**parameters)
    return answer


@pytest.mark.parametrize(
    ("service", "account", "parameters", "action", "read", "expected"),
    CALLS,
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_an_answer_is_parsed_and_holds_what_the_model_knows(
    *,
    client: Clients,
    service: str,
    account: str,
    parameters: dict[str, Any],
    action: str,
    read: Callable[[dict[str, Any]], object],
    expected: object,
) -> None:
    aws = client(service, account)
    answer = call(aws, action, parameters)
    assert read(answer) == expected
    answer.pop("ResponseMetadata")
    model: ServiceModel = aws.meta.service_model
    _decoded_policies_as_text(answer)
    shape = model.operation_model(action).output_shape
    assert shape is not None
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()


def _decoded_policies_as_text(document: Any) -> None:
    """Undo what boto3 decodes on its own, so that the answer can be held against the model."""
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        if key in ("PolicyDocument", "AssumeRolePolicyDocument", "Document"):
            document[key] = urllib.parse.quote(json.dumps(value))
        else:
            _decoded_policies_as_text(value)


def test_an_assumed_role_stands_for_its_account(client: Clients, endpoint: Served) -> None:
    role = f"arn:aws:iam::{MEMBER}:role/path/org-audit"
    answer = client("sts", MANAGEMENT).assume_role(RoleArn=role, RoleSessionName="audit", DurationSeconds=900)
    credentials = answer["Credentials"]
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/org-audit/audit"
    assert timedelta(minutes=14) < credentials["Expiration"] - datetime.now(UTC) < timedelta(minutes=16)
    account = credentials["AccessKeyId"].removeprefix("ASIAORGA")
    assert client("sts", account).get_caller_identity()["Account"] == MEMBER


def test_accounts_come_in_pages_of_twenty_each_once(client: Clients, endpoint: Served) -> None:
    pages = list(client("organizations", MANAGEMENT).get_paginator("list_accounts").paginate())
    assert [len(page["Accounts"]) for page in pages] == [20, 20, 5]
    assert len({account["Id"] for page in pages for account in page["Accounts"]}) == 45


def test_the_units_hold_every_account_once(client: Clients) -> None:
    organizations = client("organizations", MANAGEMENT)
    found, parents = [], [ROOT_ID]
    while parents:
        parent = parents.pop()
        for page in organizations.get_paginator("list_accounts_for_parent").paginate(ParentId=parent):
            found += [account["Id"] for account in page["Accounts"]]
        units = organizations.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]
        parents += [unit["Id"] for unit in units]
    assert sorted(found) == [str(int(MANAGEMENT) + number) for number in range(45)]


@pytest.mark.parametrize(("shadows", "expected"), [(None, 2), (True, 2), (False, 0)])
def test_a_trail_is_seen_in_each_region_unless_shadows_are_left_out(
    client: Clients, shadows: bool | None, expected: int
) -> None:
    parameters = {} if shadows is None else {"includeShadowTrails": shadows}
    trails = client("cloudtrail", MEMBER, "eu-west-1").describe_trails(**parameters)["trailList"]
    assert len(trails) == expected
    assert all(trail["HomeRegion"] == "us-east-1" for trail in trails)


@pytest.mark.parametrize(
    ("service", "action", "key"),
    [
        ("logs", "describe_log_groups", "logGroups"),
        ("logs", "describe_metric_filters", "metricFilters"),
        ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ],
)
def test_monitoring_lives_in_the_home_region_only(client: Clients, service: str, action: str, key: str) -> None:
    assert getattr(client(service, MEMBER, "eu-west-1"), action)()[key] == []


@pytest.mark.parametrize(
    ("service", "account", "action", "parameters", "code", "status"),
    [
        ("sts", MEMBER, "GetSessionToken", {}, "UnknownOperationException", 400),
        ("cloudtrail", MEMBER, "StopLogging", {"Name": "audit"}, "UnknownOperationException", 400),
        ("ec2", MEMBER, "CreateVpc", {}, "UnknownOperationException", 400),
        ("s3", MEMBER, "CreateBucket", {"Bucket": "other"}, "UnknownOperationException", 400),
        ("account", MEMBER, "GetPrimaryEmail", {"AccountId": MEMBER}, "UnknownOperationException", 400),
        ("account", MEMBER, "GetRegionOptStatus", {"RegionName": "mars-north-1"}, "ValidationException", 400),
        ("organizations", MEMBER, "ListAccounts", {}, "AccessDeniedException", 400),
        ("organizations", MANAGEMENT, "DescribeAccount", {"AccountId": "1" * 12}, "AccountNotFoundException", 400),
        ("organizations", MANAGEMENT, "ListParents", {"ChildId": "1" * 12}, "ChildNotFoundException", 400),
        ("organizations", MANAGEMENT, "ListAccountsForParent", {"ParentId": "r-none"}, "ParentNotFoundException", 400),
        (
            "organizations",
            MANAGEMENT,
            "ListDelegatedServicesForAccount",
            {"AccountId": MEMBER},
            "AccountNotRegisteredException",
            400,
        ),
        ("cloudtrail", SECURITY, "GetTrailStatus", {"Name": TRAIL_ARN}, "TrailNotFoundException", 400),
        ("sns", SECURITY, "GetTopicAttributes", {"TopicArn": TOPIC_ARN}, "NotFound", 404),
        (
            "sts",
            MANAGEMENT,
            "AssumeRole",
            {"RoleArn": "arn:aws:iam::999999999999:role/org-audit", "RoleSessionName": "audit"},
            "AccessDenied",
            403,
        ),
    ],
)
def test_what_it_refuses_comes_in_the_protocol_of_the_service(
    *, client: Clients, service: str, account: str, action: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(ClientError) as refused:
        call(client(service, account), action, parameters)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_calls_are_counted_by_action_and_account() -> None:
    with (
        serve(accounts=1, regions=1) as alone,
        closing(_client(boto3.Session(), alone.url, "sts", MEMBER, "us-east-1")) as sts,
    ):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: sts.get_caller_identity(), range(12)))
        nothing = {"total": 0, "accounts": {}}
        beside = {"throttled": nothing | {"actions": {}}, "faults": nothing | {"kinds": {}}}
        assert alone.calls() == beside | {
            "total": 12,
            "actions": {"sts:GetCallerIdentity": 12},
            "accounts": {MEMBER: {"sts:GetCallerIdentity": 12}},
        }
        alone.reset()
        assert alone.calls() == beside | {"total": 0, "actions": {}, "accounts": {}}


@pytest.mark.parametrize("piece", [1, 7, 10_000], ids=["byte by byte", "in pieces", "at once"])
def test_requests_on_one_connection_are_answered_however_they_are_cut(endpoint: Served, piece: int) -> None:
    scope = f"Credential=ASIAORGA{MEMBER}/20250101/us-east-1/sts/aws4_request"
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    sent = f"POST / HTTP/1.1\r\nauthorization: {scope}\r\nCONTENT-LENGTH: {len(body)}\r\n\r\n{body}".encode() * 3
    port = int(endpoint.url.rpartition(":")[2])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), piece):
            connection.sendall(sent[start : start + piece])
        while received.count(b"</GetCallerIdentityResponse>") < 3:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 200 OK") == received.count(f"<Account>{MEMBER}</Account>".encode()) == 3


def test_the_process_ends_with_its_context() -> None:
    with serve(accounts=1, regions=1) as alone:
        os.kill(alone.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(alone.pid, 0)


def test_an_endpoint_that_cannot_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"), serve(regions=99):
        pass
    assert "--regions" in capfd.readouterr().err
