"""What the collectors see in an emulated account: policies, access logs and an organization, made through the SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.aws.access import Access
from orgaudit.collect.account import actions_for, collect_account
from orgaudit.demo import Demo
from orgaudit.facts.apigateway import RestApiStage, StageIntegrations
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.facts.cloudfront import Distribution, DistributionLogs, DistributionRoot, OriginBuckets
from orgaudit.facts.declare import FactType, Resource, closure
from orgaudit.facts.dynamodb import DynamoDbTable
from orgaudit.facts.ecs import EcsCluster
from orgaudit.facts.elb import ClassicLoadBalancer, ClassicLoadBalancerAttributes, ClassicLoadBalancerLogs
from orgaudit.facts.elbv2 import (
    TO_HTTPS,
    HttpRules,
    LoadBalancer,
    LoadBalancerAttributes,
    LoadBalancerListeners,
    LoadBalancerLogs,
    TargetGroup,
)
from orgaudit.facts.eventbridge import EventBus
from orgaudit.facts.glacier import GlacierVault
from orgaudit.facts.lambda_ import Function
from orgaudit.facts.organizations import Effectiveness, Guardrails, MemberOf, TrustedServices
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.facts.secretsmanager import Secret, SecretPolicy
from orgaudit.facts.shard import shard_decoder
from orgaudit.facts.sns import SnsTopic, TopicPolicy
from orgaudit.facts.sqs import Queue, QueueEncryption, QueuePolicy
from orgaudit.model import Account, Seen
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings, ScopeSettings, Sections
from orgaudit.store.shards import Spool
from tests.emulated import leading_to
from tests.factories_resource_policies import allow, text

REGION, ACCOUNT = "us-east-1", "123456789012"
DETAILS: tuple[FactType, ...] = (
    ClassicLoadBalancerLogs,
    DistributionLogs,
    Guardrails,
    LoadBalancerLogs,
    QueuePolicy,
    SecretPolicy,
    ClassicLoadBalancerAttributes,
    DistributionRoot,
    HttpRules,
    LoadBalancerAttributes,
    LoadBalancerListeners,
    OriginBuckets,
    QueueEncryption,
    StageIntegrations,
    TopicPolicy,
    TrustedServices,
)
LISTINGS: tuple[FactType, ...] = (
    ApiStage,
    DynamoDbTable,
    EcsCluster,
    EventBus,
    Function,
    GlacierVault,
    RestApiStage,
    TargetGroup,
)
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:api"


class Seeding:
    """Makes things in the account."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        make: Any = boto3.client
        return make(service, endpoint_url=self.url, region_name=REGION, **keys)

    def policies(self) -> None:
        sqs, sns = self.client("sqs"), self.client("sns")
        sqs.create_queue(
            QueueName="open", Attributes={"Policy": text(allow(Resource=f"arn:aws:sqs:{REGION}:{ACCOUNT}:open"))}
        )
        sqs.create_queue(QueueName="plain")
        sns.create_topic(Name="news")
        secrets = self.client("secretsmanager")
        secret = secrets.create_secret(Name="password", SecretString="x")["ARN"]
        policy = text(allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, action="secretsmanager:GetSecretValue"))
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy)
        events = self.client("events")
        events.create_event_bus(Name="orders")
        events.put_permission(EventBusName="orders", Policy=text(allow("*", action="events:PutEvents")))

    def front_ends(self) -> None:
        ec2 = self.client("ec2")
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
        elb, elbv2 = self.client("elb"), self.client("elbv2")
        listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}
        elb.create_load_balancer(LoadBalancerName="old", Listeners=[listener], AvailabilityZones=[f"{REGION}a"])
        web = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}
        elbv2.create_listener(LoadBalancerArn=web, Protocol="HTTP", Port=80, DefaultActions=[redirect])
        elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"])
        self.client("ecs").create_cluster(clusterName="main")
        key = {"AttributeName": "id"}
        self.client("dynamodb").create_table(
            TableName="orders",
            KeySchema=[key | {"KeyType": "HASH"}],
            AttributeDefinitions=[key | {"AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        rest, http = self.client("apigateway"), self.client("apigatewayv2")
        api = rest.create_rest_api(name="orders")["id"]
        root = rest.get_resources(restApiId=api)["items"][0]["id"]
        rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        rest.create_deployment(restApiId=api, stageName="prod")
        traced = {"op": "replace", "path": "/tracingEnabled", "value": "true"}
        level = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}
        rest.update_stage(restApiId=api, stageName="prod", patchOperations=[traced, level])
        web = http.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
        logs = {"DestinationArn": GROUP, "Format": "$context.requestId"}
        http.create_stage(ApiId=web, StageName="$default", AccessLogSettings=logs)
        self.client("cloudfront").create_distribution(DistributionConfig=_distribution())

    def organization(self) -> None:
        organizations = self.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
        organizations.enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
        content = json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "account:*", "Resource": "*"}}
        )
        policy = organizations.create_policy(
            Name="no-account", Description="", Type="SERVICE_CONTROL_POLICY", Content=content
        )["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=policy, TargetId=root)


def _distribution() -> dict[str, Any]:
    behavior = {
        "TargetOriginId": "one",
        "ViewerProtocolPolicy": "https-only",
        "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
        "MinTTL": 0,
    }
    origin = {"Id": "one", "DomainName": "files.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    return {
        "CallerReference": "1",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
    }


async def read_account() -> AccountFacts:
    facts = (*DETAILS, *LISTINGS)
    limits = load_limits(Path("no file of the user's"))
    async with Access(AccessSettings(), RunSettings(attempts=1), limits, actions=actions_for(facts)) as access:
        settings, lines = Sections(scope=ScopeSettings(regions=(REGION,))), Spool()
        found = await collect_account(access, Account(id=ACCOUNT, name=""), closure(facts), settings, lines)
    return AccountFacts([found.header, *map(shard_decoder(each.fact for each in closure(facts)).decode, lines)])


@pytest.fixture(scope="module")
def account(empty: Demo) -> Iterator[AccountFacts]:
    with leading_to(empty):
        seeding = Seeding(empty.endpoint_url)
        seeding.policies()
        seeding.front_ends()
        seeding.organization()
        yield asyncio.run(read_account())


def policy_of(account: AccountFacts, kind: type[Resource], detail: type[ResourcePolicy], name: str) -> ResourcePolicy:
    (resource,) = [one for one in account.everywhere(kind) if one.name.startswith(name)]
    return account.detail(detail, resource).value


def test_policies_of_queues(account: AccountFacts) -> None:
    assert policy_of(account, Queue, QueuePolicy, "plain").document is None
    (statement,) = policy_of(account, Queue, QueuePolicy, "open").document["Statement"]
    assert statement["Sid"] == "open"


def test_policy_that_sns_gives_to_every_topic(account: AccountFacts) -> None:
    found = policy_of(account, SnsTopic, TopicPolicy, "news").parsed
    assert found is not None
    assert [condition.key for condition in found.statements[0].conditions] == ["AWS:SourceOwner"]


def test_policy_of_a_secret(account: AccountFacts) -> None:
    assert policy_of(account, Secret, SecretPolicy, "password").document is not None


def test_policies_of_event_buses(account: AccountFacts) -> None:
    found = {bus.name: bus.policy.value for bus in account.everywhere(EventBus)}
    assert found["default"] is None
    assert found["orders"]["Statement"][0]["Principal"] == "*"


def test_listings_of_nothing(account: AccountFacts) -> None:
    assert account.everywhere(Function) == []
    assert account.everywhere(GlacierVault) == []


def test_load_balancers_without_logs(account: AccountFacts) -> None:
    (classic,), (application,) = account.everywhere(ClassicLoadBalancer), account.everywhere(LoadBalancer)
    assert (classic.name, application.kind) == ("old", Seen("application"))
    assert account.detail(ClassicLoadBalancerLogs, classic).value.bucket is None
    assert account.detail(LoadBalancerLogs, application).value.bucket is None


def test_listeners_and_attributes(account: AccountFacts) -> None:
    (classic,), (application,) = account.everywhere(ClassicLoadBalancer), account.everywhere(LoadBalancer)
    assert [each.shown for each in classic.listeners.value] == ["TCP:80"]
    assert (len(classic.zones.value), len(application.zones.value)) == (1, 2)
    assert account.detail(ClassicLoadBalancerAttributes, classic).value.balances_across_zones == Seen(False)
    assert account.detail(LoadBalancerAttributes, application).value.deletion_protected == Seen(False)
    (listener,) = account.detail(LoadBalancerListeners, application).value.listeners
    assert (listener.shown, listener.actions, listener.tls_policy) == ("HTTP:80", (TO_HTTPS,), "")
    assert account.detail(HttpRules, application).value.rules == ()
    (group,) = account.everywhere(TargetGroup)
    assert (group.protocol, group.health_check_protocol, group.kind) == (Seen("HTTP"), Seen("HTTP"), Seen("instance"))


def test_settings_of_a_stage(account: AccountFacts) -> None:
    (rest,) = account.everywhere(RestApiStage)
    assert (rest.log_levels, rest.has_cache, rest.traced) == (Seen({"*/*": "ERROR"}), Seen(False), Seen(True))
    assert account.detail(StageIntegrations, rest).value.types == ("MOCK",)


def test_origins_of_a_distribution(account: AccountFacts) -> None:
    (distribution,) = account.everywhere(Distribution)
    assert [origin.bucket for origin in distribution.origins.value] == ["files"]
    assert [behavior.viewers for behavior in distribution.behaviors.value] == ["https-only"]
    assert (distribution.certificate, distribution.web_acl, distribution.groups) == (Seen(""), Seen(""), Seen({}))
    assert account.detail(DistributionRoot, distribution).value.root_object == ""
    assert account.detail(OriginBuckets, distribution).value.exists == {"files": Seen(False)}


def test_encryption_of_queues(account: AccountFacts) -> None:
    queues = {queue.name: queue for queue in account.everywhere(Queue)}
    assert account.detail(QueueEncryption, queues["plain"]).value.encrypted == Seen(True)


def test_stages_of_apis(account: AccountFacts) -> None:
    (rest,), (http,) = account.everywhere(RestApiStage), account.everywhere(ApiStage)
    assert (rest.stage, rest.logs_to) == ("prod", None)
    assert (http.stage, http.protocol, http.logs_to) == ("$default", "HTTP", GROUP)


def test_distribution_without_logs(account: AccountFacts) -> None:
    (distribution,) = account.everywhere(Distribution)
    logs = account.detail(DistributionLogs, distribution).value
    assert (distribution.enabled, logs.bucket, logs.destinations) == (True, None, ())


def test_cluster_with_nothing_in_it(account: AccountFacts) -> None:
    assert [(one.name, *one.parts) for one in account.everywhere(EcsCluster)] == [("main", Seen(0), Seen(0))]


def test_tables(account: AccountFacts) -> None:
    assert [one.name for one in account.everywhere(DynamoDbTable)] == ["orders"]


def test_organization_of_the_management_account(account: AccountFacts) -> None:
    (found,) = account.everywhere(MemberOf)
    assert found.account_id == ACCOUNT
    guardrails = account.detail(Guardrails, found).value
    assert [(one.name, one.effect, one.targets) for one in guardrails.policies] == [
        ("no-account", Effectiveness.DENIES, (guardrails.root_id,))
    ]
    assert account.detail(TrustedServices, found).value.principals == ("sso.amazonaws.com",)
