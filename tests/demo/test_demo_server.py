"""The demo server, seeded, empty and stock, as a program sees it through the SDK."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from orgaudit.demo import Demo, running
from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, ROLE_NAME, SECURITY_TOOLING_ID, UNITS, account_named
from orgaudit.demo.trail_plans import BARE_PATTERN, QUOTED_PATTERN, TRAILS, DeliveryRole, DemoTrail, Selectors
from orgaudit.errors import AccessError

Calls = Callable[..., Any]
AUDITED = [account for account in ACCOUNTS if account.has_audit_role and not account.closed]
ORG_TRAIL_ARN = f"arn:aws:cloudtrail:us-east-1:{MANAGEMENT.id}:trail/org-trail"


def client(demo: Demo, service: str, region: str = "us-east-1", **credentials: str) -> Any:
    keys = credentials or {
        "aws_access_key_id": demo.environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": demo.environment["AWS_SECRET_ACCESS_KEY"],
    }
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    sdk: Any = boto3  # its stubs know services by literal name only
    return sdk.client(service, region_name=region, endpoint_url=demo.endpoint_url, config=config, **keys)


def session_of(demo: Demo, account_id: str, role: str = ROLE_NAME, **more: str) -> dict[str, str]:
    arn = f"arn:aws:iam::{account_id}:role/{role}"
    keys = client(demo, "sts").assume_role(RoleArn=arn, RoleSessionName="orgaudit", **more)["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def refused(call: Callable[[], object]) -> tuple[str, int, str]:
    """The code, the HTTP status and the message with which a call fails."""
    with pytest.raises(ClientError) as failure:
        call()
    response: Any = failure.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running() as demo:
        yield demo


@pytest.fixture(scope="module")
def calls(demo: Demo) -> Calls:
    """A client of a service, as the management account or as the audit role in the account of that name."""
    session = cache(lambda account_id: session_of(demo, account_id))

    @cache
    def made(service: str, region: str = "us-east-1", account: str = MANAGEMENT.name) -> Any:
        credentials = {} if account == MANAGEMENT.name else session(account_named(account).id)
        return client(demo, service, region, **credentials)

    return made


# The organization


def test_caller_is_a_user_of_the_management_account(demo: Demo, calls: Calls) -> None:
    identity = calls("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{demo.management_account_id}:user/orgaudit"


def test_accounts_come_in_pages_and_equal_the_table(demo: Demo, calls: Calls) -> None:
    pages = list(calls("organizations").get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 4}))
    listed = [account for page in pages for account in page["Accounts"]]
    assert len(pages) > 1
    assert {account["Id"]: account["Name"] for account in listed} == {each.id: each.name for each in demo.accounts}
    assert [account["Name"] for account in listed if account["State"] == "SUSPENDED"] == ["Legacy Loyalty"]
    invited = {account["Name"] for account in listed if account["JoinedMethod"] == "INVITED"}
    assert invited == {"Meridian Management", "Northgate Acquisition"}


def test_tree_equals_the_table(calls: Calls) -> None:
    organizations = calls("organizations")

    def walk(parent: str, path: str) -> Iterator[tuple[str, str]]:
        for account in organizations.list_accounts_for_parent(ParentId=parent)["Accounts"]:
            yield path, account["Name"]
        for unit in organizations.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]:
            units.add(f"{path}/{unit['Name']}".lstrip("/"))
            yield from walk(unit["Id"], f"{path}/{unit['Name']}".lstrip("/"))

    units: set[str] = set()
    placed = set(walk(organizations.list_roots()["Roots"][0]["Id"], ""))
    assert placed == {(account.unit, account.name) for account in ACCOUNTS}
    assert units == set(UNITS)


@pytest.mark.parametrize("name", ["Meridian Management", "Payments Production", "Legacy Loyalty"])
def test_accounts_carry_tags(calls: Calls, name: str) -> None:
    tags = calls("organizations").list_tags_for_resource(ResourceId=account_named(name).id)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == account_named(name).tags
    assert {"owner", "environment", "data-classification"} == {tag["Key"] for tag in tags}


def test_member_may_not_read_the_organization(calls: Calls) -> None:
    member = calls("organizations", account="Webshop Production")
    assert member.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT.id
    for read in (member.list_accounts, member.list_roots, member.list_delegated_administrators):
        assert refused(read)[:2] == ("AccessDeniedException", 400)


def test_delegated_administrator_reads_the_organization_but_does_not_change_it(calls: Calls) -> None:
    admin = calls("organizations", account="Security Tooling")
    assert len(admin.list_accounts()["Accounts"]) == len(ACCOUNTS)
    delegated = admin.list_delegated_administrators(ServicePrincipal="cloudtrail.amazonaws.com")
    assert [each["Id"] for each in delegated["DelegatedAdministrators"]] == [SECURITY_TOOLING_ID]
    root = admin.list_roots()["Roots"][0]["Id"]
    change = refused(lambda: admin.create_organizational_unit(ParentId=root, Name="Mine"))
    assert change[0] == "AccessDeniedException"


# Who may assume what


def test_every_audited_account_can_be_entered(demo: Demo) -> None:
    for account in AUDITED:
        identity = client(demo, "sts", **session_of(demo, account.id)).get_caller_identity()
        assert identity["Account"] == account.id
        assert identity["Arn"].endswith(f":assumed-role/{ROLE_NAME}/orgaudit")


@pytest.mark.parametrize(
    ("account_id", "role"),
    [
        (account_named("Northgate Acquisition").id, ROLE_NAME),
        (account_named("Legacy Loyalty").id, ROLE_NAME),
        (account_named("Network").id, "NobodyMadeThis"),
        ("000000000001", ROLE_NAME),
    ],
    ids=["invited", "closed", "no such role", "no such account"],
)
def test_role_out_of_reach(demo: Demo, account_id: str, role: str) -> None:
    code, status, message = refused(lambda: session_of(demo, account_id, role))
    assert (code, status) == ("AccessDenied", 403)
    assert message == (
        f"User: arn:aws:iam::{MANAGEMENT.id}:user/orgaudit is not authorized to perform: sts:AssumeRole"
        f" on resource: arn:aws:iam::{account_id}:role/{role}"
    )


def test_external_id_is_checked_where_the_trust_policy_asks_for_one(demo: Demo, calls: Calls) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": MANAGEMENT.id},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "q3-audit"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    network = account_named("Network").id
    calls("iam", account="Network").create_role(RoleName="Guarded", AssumeRolePolicyDocument=trust)
    assert session_of(demo, network, "Guarded", ExternalId="q3-audit")
    assert refused(lambda: session_of(demo, network, "Guarded", ExternalId="q4-audit"))[0] == "AccessDenied"
    assert refused(lambda: session_of(demo, network, "Guarded"))[0] == "AccessDenied"


def test_role_cannot_be_assumed_in_a_region_that_its_account_has_closed(demo: Demo) -> None:
    arn = f"arn:aws:iam::{account_named('Mobile Development').id}:role/{ROLE_NAME}"
    sts = client(demo, "sts", "af-south-1")
    code, status, _ = refused(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="orgaudit"))
    assert (code, status) == ("RegionDisabledException", 403)


# Regions


@pytest.mark.parametrize(("name", "opt_in"), [("Network", "ENABLED"), ("Mobile Development", "DISABLED")])
def test_regions_of_an_account(calls: Calls, name: str, opt_in: str) -> None:
    regions = calls("account", account=name).list_regions(MaxResults=50)["Regions"]
    states = {region["RegionName"]: region["RegionOptStatus"] for region in regions}
    assert len(states) == 34
    assert states.pop("af-south-1") == opt_in
    defaults = {region for region, state in states.items() if state == "ENABLED_BY_DEFAULT"}
    assert defaults == {"us-east-1", "eu-west-1", "eu-central-1"}
    assert set(states.values()) == {"ENABLED_BY_DEFAULT", "DISABLED"}


def test_regions_come_in_pages_and_by_state(calls: Calls) -> None:
    account = calls("account")
    pages = account.get_paginator("list_regions").paginate(PaginationConfig={"PageSize": 10})
    assert len([region for page in pages for region in page["Regions"]]) == 34
    enabled = account.list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])["Regions"]
    assert [region["RegionName"] for region in enabled] == ["af-south-1", "eu-central-1", "eu-west-1", "us-east-1"]


def test_management_may_ask_for_a_member_but_not_for_itself_by_id(calls: Calls) -> None:
    mobile = account_named("Mobile Development").id
    of_member = calls("account").list_regions(AccountId=mobile, RegionOptStatusContains=["ENABLED"])
    assert of_member["Regions"] == []
    assert refused(lambda: calls("account").list_regions(AccountId=MANAGEMENT.id))[0] == "AccessDeniedException"
    neighbour = calls("account", account="Network")
    assert refused(lambda: neighbour.list_regions(AccountId=mobile))[0] == "AccessDeniedException"


@pytest.mark.parametrize("name", ["Network", "Mobile Development"])
def test_both_lists_of_regions_agree(calls: Calls, name: str) -> None:
    enabled = {
        region["RegionName"]
        for region in calls("account", account=name).list_regions(MaxResults=50)["Regions"]
        if region["RegionOptStatus"] != "DISABLED"
    }
    ec2 = calls("ec2", account=name)
    assert {region["RegionName"] for region in ec2.describe_regions()["Regions"]} == enabled
    everywhere = ec2.describe_regions(AllRegions=True)["Regions"]
    assert {r["RegionName"] for r in everywhere if r["OptInStatus"] != "not-opted-in"} == enabled
    one = ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"]
    assert [(region["RegionName"], region["OptInStatus"]) for region in one] == [("eu-west-1", "opt-in-not-required")]
    opted_in = ec2.describe_regions(Filters=[{"Name": "opt-in-status", "Values": ["opted-in"]}])["Regions"]
    assert {region["RegionName"] for region in opted_in} == enabled & {"af-south-1"}


PROBES = {
    "json": ("cloudtrail", "describe_trails"),
    "json logs": ("logs", "describe_log_groups"),
    "rest json": ("lambda", "list_functions"),
    "query": ("cloudwatch", "describe_alarms"),
    "query sns": ("sns", "list_topics"),
    "ec2": ("ec2", "describe_vpcs"),
    "rest xml": ("s3", "list_buckets"),
}


@pytest.mark.parametrize(
    ("probe", "code", "status"),
    [
        ("json", "UnrecognizedClientException", 400),
        ("json logs", "UnrecognizedClientException", 400),
        ("rest json", "UnrecognizedClientException", 403),
        ("query", "InvalidClientTokenId", 403),
        ("query sns", "InvalidClientTokenId", 403),
        ("ec2", "AuthFailure", 401),
        ("rest xml", "InvalidToken", 400),
    ],
)
def test_closed_region(calls: Calls, probe: str, code: str, status: int) -> None:
    service, operation = PROBES[probe]
    closed = calls(service, "af-south-1", "Mobile Development")
    assert refused(getattr(closed, operation))[:2] == (code, status)
    assert getattr(calls(service, "af-south-1", "Network"), operation)()


def test_region_that_nobody_has_is_closed_to_management_too(calls: Calls) -> None:
    assert refused(calls("cloudtrail", "us-west-2").describe_trails)[0] == "UnrecognizedClientException"


# The service control policy


@pytest.mark.parametrize(
    ("probe", "refusal", "permission"),
    [
        ("json", ("AccessDeniedException", 400), "cloudtrail:DescribeTrails"),
        ("json logs", ("AccessDeniedException", 400), "logs:DescribeLogGroups"),
        ("rest json", ("AccessDeniedException", 403), "lambda:ListFunctions"),
        ("query", ("AccessDenied", 403), "cloudwatch:DescribeAlarms"),
        ("query sns", ("AuthorizationError", 403), "sns:ListTopics"),
        ("ec2", ("UnauthorizedOperation", 403), "ec2:DescribeVpcs"),
    ],
)
@pytest.mark.parametrize("name", ["Sandbox Platform", "Sandbox Data Science"])
def test_denied_region(calls: Calls, name: str, probe: str, refusal: tuple[str, int], permission: str) -> None:
    service, operation = PROBES[probe]
    *seen, message = refused(getattr(calls(service, "eu-central-1", name), operation))
    assert tuple(seen) == refusal
    session = f"arn:aws:sts::{account_named(name).id}:assumed-role/{ROLE_NAME}/orgaudit"
    policies = calls("organizations").list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    policy = next(policy["Arn"] for policy in policies if policy["Name"] == "sandbox-region-deny")
    assert message.endswith(
        f"User: {session} is not authorized to perform: {permission}"
        f" with an explicit deny in a service control policy: {policy}"
    )
    assert getattr(calls(service, "eu-west-1", name), operation)()
    assert getattr(calls(service, "eu-central-1", "Network"), operation)()


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "permission"),
    [
        ("s3", "get_bucket_encryption", {"Bucket": "any"}, "s3:GetEncryptionConfiguration"),
        ("s3", "get_bucket_acl", {"Bucket": "any"}, "s3:GetBucketAcl"),
        ("s3", "list_objects_v2", {"Bucket": "any"}, "s3:ListBucket"),
        ("s3", "get_object_tagging", {"Bucket": "any", "Key": "a/b"}, "s3:GetObjectTagging"),
        ("guardduty", "get_detector", {"DetectorId": "any"}, "guardduty:GetDetector"),
        ("lambda", "get_policy", {"FunctionName": "any"}, "lambda:GetPolicy"),
        ("efs", "describe_file_systems", {}, "elasticfilesystem:DescribeFileSystems"),
        ("elbv2", "describe_load_balancers", {}, "elasticloadbalancing:DescribeLoadBalancers"),
    ],
)
def test_region_deny_names_the_permission(
    calls: Calls, service: str, operation: str, parameters: dict[str, str], permission: str
) -> None:
    denied = getattr(calls(service, "eu-central-1", "Sandbox Platform"), operation)
    *_, message = refused(lambda: denied(**parameters))
    assert f"is not authorized to perform: {permission} with an explicit deny" in message


def test_region_deny_allows_what_control_tower_allows(calls: Calls) -> None:
    name = "Sandbox Platform"
    assert calls("s3", "eu-central-1", name).list_buckets()["Buckets"]
    assert calls("sts", "eu-central-1", name).get_caller_identity()
    assert calls("ec2", "eu-central-1", name).describe_regions()["Regions"]
    assert calls("iam", account=name).list_roles()["Roles"]
    assert "Keys" in calls("kms", "eu-central-1", name).list_keys()


# Trails


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1", "af-south-1"])
def test_organization_trail_shows_in_every_region_of_a_member(calls: Calls, region: str) -> None:
    cloudtrail = calls("cloudtrail", region, "Log Archive")
    (trail,) = cloudtrail.describe_trails()["trailList"]
    assert trail["TrailARN"] == ORG_TRAIL_ARN
    assert (trail["IsOrganizationTrail"], trail["IsMultiRegionTrail"], trail["HomeRegion"]) == (True, True, "us-east-1")
    assert trail["CloudWatchLogsLogGroupArn"].startswith(f"arn:aws:logs:us-east-1:{MANAGEMENT.id}:log-group:")
    assert cloudtrail.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert cloudtrail.describe_trails(trailNameList=["org-trail"])["trailList"] == []
    assert cloudtrail.describe_trails(trailNameList=[ORG_TRAIL_ARN])["trailList"] == [trail]
    assert [each["TrailARN"] for each in cloudtrail.list_trails()["Trails"]] == [ORG_TRAIL_ARN]


def test_own_trails_show_where_they_record(calls: Calls) -> None:
    def names(name: str, region: str, **options: bool) -> set[str]:
        trails = calls("cloudtrail", region, name).describe_trails(**options)["trailList"]
        return {trail["Name"] for trail in trails} - {"org-trail"}

    assert names("Network", "eu-west-1") == {"network-trail"}
    assert names("Network", "us-east-1") == set()
    assert names("Webshop Production", "us-east-1") == {"webshop-trail"}
    assert names("Webshop Production", "us-east-1", includeShadowTrails=False) == set()
    assert names("Webshop Production", "eu-west-1", includeShadowTrails=False) == {"webshop-trail"}


def test_status_of_a_trail_by_name_and_by_arn(calls: Calls) -> None:
    assert calls("cloudtrail").get_trail_status(Name="org-trail")["IsLogging"]
    assert calls("cloudtrail").get_trail_status(Name=ORG_TRAIL_ARN)["IsLogging"]
    assert calls("cloudtrail", account="Network").get_trail_status(Name=ORG_TRAIL_ARN)["IsLogging"]
    replica = calls("cloudtrail", "eu-west-1")
    assert replica.get_trail_status(Name=ORG_TRAIL_ARN)["IsLogging"]
    assert refused(lambda: replica.get_trail_status(Name="org-trail"))[0] == "TrailNotFoundException"
    member = calls("cloudtrail", account="Network")
    assert refused(lambda: member.get_trail_status(Name="org-trail"))[0] == "TrailNotFoundException"
    member_elsewhere = calls("cloudtrail", "eu-west-1", "Network")
    assert refused(lambda: member_elsewhere.get_trail_status(Name=ORG_TRAIL_ARN))[0] == "TrailNotFoundException"


def test_selectors_by_arn_only_in_the_home_region(calls: Calls) -> None:
    (selector,) = calls("cloudtrail").get_event_selectors(TrailName=ORG_TRAIL_ARN)["EventSelectors"]
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("All", True)
    elsewhere = calls("cloudtrail", "eu-west-1")
    assert refused(lambda: elsewhere.get_event_selectors(TrailName=ORG_TRAIL_ARN))[0] == "TrailNotFoundException"


@pytest.mark.parametrize("plan", TRAILS, ids=lambda plan: plan.name)
def test_trail_is_as_planned(calls: Calls, plan: DemoTrail) -> None:
    cloudtrail = calls("cloudtrail", plan.region, plan.account)
    (trail,) = cloudtrail.describe_trails(trailNameList=[plan.name])["trailList"]
    assert trail["IsMultiRegionTrail"] == plan.multi_region
    assert trail["S3BucketName"] == f"meridian-cloudtrail-{account_named(plan.bucket_owner or plan.account).id}"
    assert cloudtrail.get_trail(Name=plan.name)["Trail"] == trail
    assert trail["HasCustomEventSelectors"] == (plan.selectors is not Selectors.UNSET)
    status = cloudtrail.get_trail_status(Name=plan.name)
    assert status["IsLogging"] == plan.logging
    assert_delivers_as_planned(plan, trail, status)


def assert_delivers_as_planned(plan: DemoTrail, trail: dict[str, Any], status: dict[str, Any]) -> None:
    if plan.logs is None:
        assert not trail.get("CloudWatchLogsLogGroupArn")
        assert not [key for key in status if "CloudWatchLogs" in key]
        return
    assert status.get("LatestCloudWatchLogsDeliveryError") == plan.logs.error
    latest = status.get("LatestCloudWatchLogsDeliveryTime")
    if plan.logs.last_delivery is None:
        assert latest is None
    else:
        assert latest
        assert abs(datetime.now(UTC) - plan.logs.last_delivery - latest) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "trail", "expected"),
    [
        ("Mobile Development", "mobile-dev-reads", {"ReadOnly"}),
        ("Payments Production", "payments-trail", {"eventCategory", "resources.type"}),
        ("Payments Development", "payments-dev-quiet", {"eventCategory", "eventSource"}),
    ],
)
def test_selectors_that_were_put(calls: Calls, name: str, trail: str, expected: set[str]) -> None:
    region = next(plan.region for plan in TRAILS if plan.name == trail)
    found = calls("cloudtrail", region, name).get_event_selectors(TrailName=trail)
    fields = {field["Field"] for each in found.get("AdvancedEventSelectors", ()) for field in each["FieldSelectors"]}
    kinds = {each["ReadWriteType"] for each in found.get("EventSelectors", ())}
    assert fields | kinds == expected


def test_stopped_trail_says_when(calls: Calls) -> None:
    status = calls("cloudtrail", account="Shared Services").get_trail_status(Name="shared-audit")
    assert not status["IsLogging"]
    assert status["StartLoggingTime"] < status["StopLoggingTime"] < datetime.now(UTC)


# What hangs on the trails


@pytest.mark.parametrize("plan", [plan for plan in TRAILS if plan.logs], ids=lambda plan: plan.name)
def test_log_group_and_role_are_as_planned(calls: Calls, plan: DemoTrail) -> None:
    assert plan.logs
    groups = calls("logs", plan.region, plan.account).describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    assert (f"/aws/cloudtrail/{plan.name}" in kept) == plan.logs.group_exists
    assert kept.get(f"/aws/cloudtrail/{plan.name}") == (plan.logs.retention_days if plan.logs.group_exists else None)
    role = f"{plan.name}-to-cloudwatch-logs"
    iam = calls("iam", account=plan.account)
    principal = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert (principal == "cloudtrail.amazonaws.com") == (plan.logs.role is not DeliveryRole.NOT_TRUSTING_CLOUDTRAIL)
    allowed = iam.get_role_policy(RoleName=role, PolicyName="deliver")["PolicyDocument"]["Statement"][0]["Action"]
    assert ("logs:PutLogEvents" in allowed) == (plan.logs.role is not DeliveryRole.MAY_NOT_WRITE)


@pytest.mark.parametrize("plan", [plan for plan in TRAILS if plan.logs and plan.logs.alarm], ids=lambda plan: plan.name)
def test_alarm_chain_is_as_planned(calls: Calls, plan: DemoTrail) -> None:
    assert plan.logs
    alarm = plan.logs.alarm
    assert alarm
    filters = calls("logs", plan.region, plan.account).describe_metric_filters()["metricFilters"]
    patterns = {each["filterName"]: each["filterPattern"] for each in filters}
    assert patterns == {"trail-changes": alarm.pattern, **alarm.others}
    found = next(each for each in filters if each["filterName"] == "trail-changes")
    assert found["logGroupName"] == f"/aws/cloudtrail/{plan.name}"
    alarms = calls("cloudwatch", plan.region, plan.account).describe_alarms()["MetricAlarms"]
    assert {each["AlarmName"] for each in alarms} == patterns.keys()
    watching = next(each for each in alarms if each["AlarmName"] == "trail-changes")
    metric = found["metricTransformations"][0]
    assert (watching["MetricName"], watching["Namespace"]) == (metric["metricName"], metric["metricNamespace"])
    assert watching["ActionsEnabled"] == alarm.actions_enabled
    sns = calls("sns", plan.region, alarm.topic_owner or plan.account)
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=watching["AlarmActions"][0])["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", alarm.mailbox)
    assert (subscription["SubscriptionArn"] != "PendingConfirmation") == alarm.subscription_confirmed


def test_topic_is_readable_in_its_own_account_only(calls: Calls) -> None:
    (alarm,) = calls("cloudwatch").describe_alarms()["MetricAlarms"]
    (topic,) = alarm["AlarmActions"]
    assert f":{SECURITY_TOOLING_ID}:" in topic
    attributes = calls("sns", account="Security Tooling").get_topic_attributes(TopicArn=topic)["Attributes"]
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": MANAGEMENT.id}}
    code, status, _ = refused(lambda: calls("sns").list_subscriptions_by_topic(TopicArn=topic))
    assert (code, status) == ("AuthorizationError", 403)


@pytest.mark.parametrize(
    ("name", "trail"), [("Webshop Production", "webshop-trail"), ("Sandbox Data Science", "experiments")]
)
def test_events_are_forwarded_as_planned(calls: Calls, name: str, trail: str) -> None:
    plan = next(plan for plan in TRAILS if plan.name == trail)
    assert plan.logs
    logs = calls("logs", plan.region, name)
    (found,) = logs.describe_subscription_filters(logGroupName=f"/aws/cloudtrail/{trail}")["subscriptionFilters"]
    receiver = found["destinationArn"].split(":")[4]
    assert receiver == plan.logs.forwarded_to
    assert (receiver in {account.id for account in ACCOUNTS}) == (name == "Webshop Production")


def test_both_complete_patterns_name_the_five_changes() -> None:
    for change in ("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"):
        assert change in QUOTED_PATTERN
        assert change in BARE_PATTERN


def test_what_moto_lacks_stays_lacking(calls: Calls) -> None:
    assert refused(calls("guardduty").list_invitations)[1] >= 400


def test_same_ids_every_time(demo: Demo, calls: Calls) -> None:
    def ids(organizations: Any, iam: Any) -> list[object]:
        policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        return [organizations.list_roots()["Roots"], policies, [user["UserId"] for user in iam.list_users()["Users"]]]

    with running() as again:
        assert again.pid != demo.pid
        assert again.environment["AWS_ACCESS_KEY_ID"] == demo.environment["AWS_ACCESS_KEY_ID"]
        assert ids(client(again, "organizations"), client(again, "iam")) == ids(calls("organizations"), calls("iam"))


def test_demo_is_all_that_a_program_needs(demo: Demo) -> None:
    """The SDK of a program in the demo's environment sees the demo, whatever the user has configured."""
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    kept = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
    environment = kept | {"AWS_SESSION_TOKEN": "stale", "HTTP_PROXY": "http://127.0.0.1:9"} | demo.environment
    seen = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True, text=True)
    assert seen.stdout.strip() == MANAGEMENT.id


def test_many_calls_at_once() -> None:
    """A fresh server creates its state for accounts and regions while others read it."""
    with running() as demo:
        sessions = {account.id: session_of(demo, account.id) for account in AUDITED}
        clients = [
            client(demo, "cloudtrail", region, **session)
            for region in ("us-east-1", "eu-west-1")
            for session in sessions.values()
        ]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda each: each.describe_trails()["trailList"], clients * 3))
    assert all(ORG_TRAIL_ARN in [trail["TrailARN"] for trail in trails] for trails in answers)


# What moto does not model of front ends and databases


@pytest.mark.parametrize(
    ("name", "expected"), [("Webshop Production", ["c7f2ka"]), ("Webshop Development", [None])], ids=["set", "unset"]
)
def test_stages_show_their_client_certificate(calls: Calls, name: str, expected: list[str | None]) -> None:
    apis = calls("apigateway", "eu-west-1", name)
    stages = apis.get_stages(restApiId=apis.get_rest_apis()["items"][0]["id"])["item"]
    assert [stage.get("clientCertificateId") for stage in stages] == expected
    assert [stage["stageName"] for stage in stages] == ["live"]


def test_cluster_and_its_snapshots_are_of_documentdb(calls: Calls) -> None:
    rds = calls("rds", "eu-central-1", "Payments Production")
    assert [each["Engine"] for each in rds.describe_db_clusters()["DBClusters"]] == ["docdb"]
    snapshots = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [(each["SnapshotType"], each["Engine"]) for each in snapshots] == [
        ("automated", "docdb"),
        ("manual", "docdb"),
    ]


# Without the organization


def test_empty_server_obeys_policies_that_calls_made(empty: Demo) -> None:
    organizations = client(empty, "organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(AccountName="One", Email="one@example.com")["CreateAccountStatus"]
    organizations.register_delegated_administrator(
        AccountId=made["AccountId"], ServicePrincipal="cloudtrail.amazonaws.com"
    )
    member = session_of(empty, made["AccountId"], "OrganizationAccountAccessRole")
    assert "Topics" in client(empty, "sns", **member).list_topics()
    deny = {"Effect": "Deny", "Action": ["sns:List*"], "Resource": "*"}
    content = json.dumps({"Version": "2012-10-17", "Statement": deny})
    policy = organizations.create_policy(Name="No", Description="", Type="SERVICE_CONTROL_POLICY", Content=content)
    policy_id = policy["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy_id, TargetId=made["AccountId"])
    organizations.attach_policy(PolicyId=policy_id, TargetId=organizations.list_roots()["Roots"][0]["Id"])
    assert refused(client(empty, "sns", **member).list_topics)[0] == "AuthorizationError"
    assert "Topics" in client(empty, "sns").list_topics()


def test_empty_server_has_the_default_regions(empty: Demo) -> None:
    regions = client(empty, "account").list_regions(RegionOptStatusContains=["ENABLED_BY_DEFAULT"])["Regions"]
    assert len(regions) == 17
    assert client(empty, "sts").get_caller_identity()["Account"] == empty.management_account_id


def test_last_selectors_put_are_the_ones_that_count(empty: Demo) -> None:
    client(empty, "s3").create_bucket(Bucket="logs-of-one")
    cloudtrail = client(empty, "cloudtrail")
    cloudtrail.create_trail(Name="one", S3BucketName="logs-of-one")
    assert "StartLoggingTime" not in cloudtrail.get_trail_status(Name="one")
    fields = [{"Field": "eventCategory", "Equals": ["Management"]}]
    cloudtrail.put_event_selectors(TrailName="one", AdvancedEventSelectors=[{"FieldSelectors": fields}])
    assert "EventSelectors" not in cloudtrail.get_event_selectors(TrailName="one")
    cloudtrail.put_event_selectors(TrailName="one", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    found = cloudtrail.get_event_selectors(TrailName="one")
    assert "AdvancedEventSelectors" not in found
    assert found["EventSelectors"][0]["ReadWriteType"] == "WriteOnly"


def test_stock_server_is_moto_as_it_is() -> None:
    with running("stock") as stock:
        assert stock.accounts == ()
        assert client(stock, "sts").get_caller_identity()["Account"] == stock.management_account_id
        assert session_of(stock, "000000000001", "NobodyMadeThis")
        assert refused(client(stock, "account").list_regions)[1] >= 400


# The process


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_process_is_gone_when_the_block_is_left() -> None:
    with running("stock") as stock:
        assert is_alive(stock.pid)
    assert not is_alive(stock.pid)


def test_process_is_gone_when_the_block_fails() -> None:
    demos = []

    def fail() -> None:
        with running("stock") as stock:
            demos.append(stock)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not is_alive(demos[0].pid)


def test_server_ends_when_its_input_closes() -> None:
    command = [sys.executable, "-m", "orgaudit.demo.server", "--empty"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert json.loads(process.stdout.readline())["endpoint_url"].startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_server_that_does_not_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(AccessError, match="did not start"), running():
        pass


def test_ids_repeat_whatever_is_asked_first(demo: Demo) -> None:
    places = [(account, region) for account in AUDITED for region in ("us-east-1", "eu-west-1")]

    def ids(asked: Demo, account_id: str, region: str) -> list[str]:
        keys = session_of(asked, account_id) if account_id != MANAGEMENT.id else {}
        ec2 = client(asked, "ec2", region, **keys)
        groups = [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]]
        return groups + [each["NetworkAclId"] for each in ec2.describe_network_acls()["NetworkAcls"]]

    with running() as again:
        backwards = {place: ids(again, place[0].id, place[1]) for place in reversed(places)}
    assert {place: ids(demo, place[0].id, place[1]) for place in places} == backwards
