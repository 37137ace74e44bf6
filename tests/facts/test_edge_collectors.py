"""What the collectors of origins, listeners, rules, target groups, methods and queues make of literal answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts import apigateway, apigatewayv2, cloudfront, elb, elbv2, sqs
from orgaudit.facts.cloudfront import Behavior, Distribution
from orgaudit.model import UNKNOWN, Gap, NotSeenError, Observed, Seen, shown
from tests.factories_front_ends import (
    ACM,
    a_balancer,
    a_classic,
    a_distribution,
    a_rest_stage,
    a_target_group,
    an_origin,
)
from tests.factories_resource_policies import a_queue, allow, text
from tests.listings import BEHAVIOR, CASES, CUSTOM_ORIGIN
from tests.literal_aws import Answers, Refused, aws

# Distributions


async def distribution(**changes: Any) -> Distribution:
    """The distribution of a row with other members."""
    row = CASES[cloudfront.distributions].row | changes
    page = {"DistributionList": {"Quantity": 1, "Items": [row]}}
    (found,) = [each async for each in cloudfront.distributions(aws({("cloudfront", "ListDistributions"): page}))]
    return found


def from_origins(*origins: dict[str, Any]) -> dict[str, Any]:
    return {"Origins": {"Quantity": len(origins), "Items": list(origins)}}


async def test_distribution() -> None:
    found = await distribution()
    assert [(each.id, each.bucket, each.protocol, each.tls) for each in found.origins.value] == [
        ("web", None, "match-viewer", ("TLSv1.2",)),
        ("files", "files", "", ()),
        ("call", None, "match-viewer", ("TLSv1.2",)),
    ]
    assert found.access_controls == Seen({"files": "OAC1", "call": "OAC2"})
    assert found.groups == Seen({"pair": ("web", "call")})
    assert found.behaviors == Seen((Behavior("*", "pair", "https-only"), Behavior("/a", "pair", "https-only")))
    assert found.signers == Seen({"*": ("key groups",), "/a": ("key groups",)})
    assert (found.certificate, found.certificate_served_by) == (Seen("arn"), Seen("sni-only"))
    assert (found.tls_policy, found.web_acl) == (Seen("TLSv1.2_2021"), Seen("arn:aws:wafv2"))


async def test_empty_lists_of_a_distribution_have_no_items() -> None:
    found = await distribution(CacheBehaviors={"Quantity": 0}, OriginGroups={"Quantity": 0})
    assert (len(found.behaviors.value), found.groups) == (1, Seen({}))


@pytest.mark.parametrize(("mode", "multi_tenant"), [("direct", False), ("tenant-only", True)])
async def test_multi_tenant(mode: str, multi_tenant: bool) -> None:
    assert (await distribution(ConnectionMode=mode)).multi_tenant is multi_tenant


@pytest.mark.parametrize(
    ("certificate", "seen"),
    [
        ({"ACMCertificateArn": "arn", "CloudFrontDefaultCertificate": True}, "arn"),
        ({"IAMCertificateId": "ASCA", "ACMCertificateArn": ""}, "ASCA"),
        ({"CloudFrontDefaultCertificate": True}, ""),
        ({"CloudFrontDefaultCertificate": False}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
async def test_certificate(certificate: dict[str, Any], seen: str) -> None:
    assert shown((await distribution(ViewerCertificate=certificate)).certificate) == seen


async def test_signers_of_behaviors() -> None:
    open_ = {"Enabled": False, "Quantity": 0}
    behavior = BEHAVIOR | {"TrustedKeyGroups": open_, "TrustedSigners": {"Enabled": True, "Quantity": 1}}
    further = {"Quantity": 1, "Items": [{"PathPattern": "/a", **BEHAVIOR, "TrustedKeyGroups": open_}]}
    found = await distribution(DefaultCacheBehavior=behavior, CacheBehaviors=further)
    assert found.signers == Seen({"*": ("accounts",), "/a": ()})


async def test_origin_of_an_unknown_kind_is_a_gap() -> None:
    found = await distribution(**from_origins({"Id": "web", "DomainName": "www.example.com"}))
    assert isinstance(found.origins, Gap)
    assert "CustomOriginConfig" in found.origins.message


async def test_access_control_that_is_not_answered_is_a_gap() -> None:
    found = await distribution(**from_origins(CUSTOM_ORIGIN, {"Id": "f", "DomainName": "f.s3.amazonaws.com"}))
    assert (len(found.origins.value), shown(found.access_controls)) == (2, UNKNOWN)


@pytest.mark.parametrize(
    ("domain", "bucket"),
    [
        ("files.s3.amazonaws.com", "files"),
        ("a.s3.b.s3.eu-west-1.amazonaws.com", "a.s3.b"),
        ("files.s3-eu-west-1.amazonaws.com", "files"),
        ("files.s3.dualstack.eu-west-1.amazonaws.com", "files"),
        ("files.s3.cn-north-1.amazonaws.com.cn", "files"),
        ("files.s3-website-us-east-1.amazonaws.com", None),
        ("files.s3-website.eu-central-1.amazonaws.com", None),
        ("files-1.s3-accesspoint.eu-west-1.amazonaws.com", None),
        ("www.example.com", None),
    ],
)
def test_bucket_of_an_origin(domain: str, bucket: str | None) -> None:
    assert an_origin(domain=domain, protocol="").bucket == bucket
    assert an_origin(domain=domain, protocol="https-only").bucket is None


@pytest.mark.parametrize(
    ("domain", "is_url"), [("a1.lambda-url.eu-west-1.on.aws", True), ("lambda-url.example.com", False)]
)
def test_function_url(domain: str, is_url: bool) -> None:
    assert an_origin(domain=domain).is_function_url is is_url


async def test_root_object_and_logs_take_one_call() -> None:
    logging = {"Enabled": True, "IncludeCookies": False, "Bucket": "logs.s3.amazonaws.com", "Prefix": ""}
    answer = {"DistributionConfig": {"DefaultRootObject": "index.html", "Logging": logging}}
    at = aws({("cloudfront", "GetDistributionConfig"): answer})
    assert (await cloudfront.distribution_root(at, a_distribution())).root_object == "index.html"
    assert (await cloudfront.distribution_logs(at, a_distribution())).bucket == "logs.s3.amazonaws.com"
    assert len(at.world.calls) == 1


async def test_root_object_is_seen_where_deliveries_are_denied() -> None:
    at = aws({("cloudfront", "GetDistributionConfig"): {"DistributionConfig": {}}})
    assert (await cloudfront.distribution_root(at, a_distribution())).root_object == ""
    with pytest.raises(NotSeenError):
        await cloudfront.distribution_logs(at, a_distribution())


@pytest.mark.parametrize(
    ("answer", "exists"),
    [
        ({}, Seen(True)),
        (Refused("403"), Seen(True)),
        (Refused("404"), Seen(False)),
        (Refused("NoSuchBucket"), Seen(False)),
    ],
)
async def test_buckets_of_origins(answer: Any, exists: Observed[bool]) -> None:
    at = aws({("s3", "HeadBucket"): answer})
    files = an_origin(domain="files.s3.amazonaws.com", protocol="")
    seen = await cloudfront.origin_buckets(at, a_distribution(origins=(files, files, an_origin())))
    assert seen.exists == {"files": exists}
    await cloudfront.origin_buckets(at, a_distribution("E2", origins=(files,)))
    assert [call.parameters for call in at.world.calls] == [{"Bucket": "files"}]
    assert at.world.actions == {"s3:ListBucket"}


# Load balancers


def attributes(**changes: str) -> Answers:
    values = {
        "deletion_protection.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "false",
        "routing.http.desync_mitigation_mode": "monitor",
    }
    found = [{"Key": key, "Value": value} for key, value in (values | changes).items()]
    return {("elbv2", "DescribeLoadBalancerAttributes"): {"Attributes": found}}


async def test_attributes_and_logs_take_one_call() -> None:
    at = aws(attributes())
    found = await elbv2.load_balancer_attributes(at, a_balancer())
    assert (found.deletion_protected, found.drops_invalid_headers) == (Seen(True), Seen(False))
    assert found.desync_mode == Seen("monitor")
    assert (await elbv2.load_balancer_logs(at, a_balancer())).bucket is None
    assert len(at.world.calls) == 1


async def test_attributes_that_are_not_answered_are_gaps() -> None:
    at = aws({("elbv2", "DescribeLoadBalancerAttributes"): {"Attributes": []}})
    found = await elbv2.load_balancer_attributes(at, a_balancer())
    seen = (found.deletion_protected, found.drops_invalid_headers, found.desync_mode)
    assert [shown(each) for each in seen] == [UNKNOWN] * 3


HTTP: dict[str, Any] = {
    "ListenerArn": "http",
    "Protocol": "HTTP",
    "Port": 80,
    "SslPolicy": "not looked at",
    "DefaultActions": [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}],
}
HTTPS: dict[str, Any] = {
    "ListenerArn": "https",
    "Protocol": "HTTPS",
    "Port": 443,
    "SslPolicy": "ELBSecurityPolicy-2016-08",
    "DefaultActions": [{"Type": "authenticate-oidc"}, {"Type": "forward", "TargetGroupArn": "arn"}],
}


async def test_listeners_on_two_pages() -> None:
    pages: list[dict[str, Any]] = [{"Listeners": [HTTP], "NextMarker": "2"}, {"Listeners": [HTTPS]}]
    at = aws({("elbv2", "DescribeListeners"): pages})
    found = await elbv2.load_balancer_listeners(at, a_balancer())
    assert found.listeners == (
        elbv2.Listener("http", "HTTP", 80, (elbv2.TO_HTTPS,)),
        elbv2.Listener("https", "HTTPS", 443, ("authenticate-oidc", "forward"), "ELBSecurityPolicy-2016-08"),
    )


async def test_listener_of_a_gateway_load_balancer_is_not_asked_for() -> None:
    at = aws({})
    assert (await elbv2.load_balancer_listeners(at, a_balancer("gateway"))).listeners == ()
    assert at.world.calls == []


async def test_rules_of_http_listeners() -> None:
    rules = [
        {"Priority": "default", "Actions": [{"Type": "forward"}]},
        {"Priority": "5", "Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302"}}]},
    ]
    at = aws(
        {("elbv2", "DescribeListeners"): {"Listeners": [HTTP, HTTPS]}, ("elbv2", "DescribeRules"): {"Rules": rules}}
    )
    seen = await elbv2.load_balancer_listeners(at, a_balancer())
    found = await elbv2.http_rules(at, a_balancer(), seen)
    assert found.rules == (elbv2.HttpRule(80, "5", ("redirect to #{protocol}",)),)
    assert [call.parameters for call in at.world.asked("DescribeRules")] == [{"ListenerArn": "http"}]


async def test_target_groups() -> None:
    group = {
        "TargetGroupArn": a_target_group().arn,
        "TargetType": "instance",
        "Protocol": "HTTPS",
        "HealthCheckProtocol": "HTTPS",
        "LoadBalancerArns": [],
    }
    function = {"TargetGroupArn": a_target_group("f/1").arn, "TargetType": "lambda", "LoadBalancerArns": ["arn"]}
    pages: list[dict[str, Any]] = [{"TargetGroups": [group], "NextMarker": "2"}, {"TargetGroups": [function]}]
    at = aws({("elbv2", "DescribeTargetGroups"): pages})
    first, second = [each async for each in elbv2.target_groups(at)]
    assert first == a_target_group()
    assert (second.kind, shown(second.protocol), second.balancers) == (Seen("lambda"), UNKNOWN, Seen(("arn",)))


@pytest.mark.parametrize(
    "read",
    [
        lambda at: elbv2.load_balancer_attributes(at, a_balancer()),
        lambda at: elbv2.load_balancer_listeners(at, a_balancer()),
        lambda at: elbv2.http_rules(
            at,
            a_balancer(),
            elbv2.LoadBalancerListeners(arn="", listeners=(elbv2.Listener("l", "HTTP", 80, ()),)),
        ),
        lambda at: elb.classic_load_balancer_attributes(at, a_classic()),
        lambda at: cloudfront.distribution_root(at, a_distribution()),
        lambda at: apigateway.stage_integrations(at, a_rest_stage()),
        lambda at: sqs.queue_encryption(at, a_queue()),
    ],
)
async def test_denied(read: Any) -> None:
    with pytest.raises(NotSeenError):
        await read(aws({}))


async def test_listeners_of_a_classic_load_balancer() -> None:
    secure = {"Protocol": "https", "LoadBalancerPort": 443, "InstancePort": 80, "SSLCertificateId": ACM}
    plain = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}
    row = {
        "LoadBalancerName": "old",
        "AvailabilityZones": ["eu-west-1a"],
        "ListenerDescriptions": [{"Listener": secure}, {"Listener": plain}],
    }
    at = aws({("elb", "DescribeLoadBalancers"): {"LoadBalancerDescriptions": [row]}})
    (found,) = [each async for each in elb.classic_load_balancers(at)]
    assert found.zones == Seen(("eu-west-1a",))
    assert found.listeners == Seen((elb.ClassicListener("HTTPS", 443, ACM), elb.ClassicListener("TCP", 80)))


@pytest.mark.parametrize(
    ("further", "mode"),
    [
        ({}, "defensive"),
        ({"AdditionalAttributes": [{"Key": "elb.http.desyncmitigationmode", "Value": "monitor"}]}, "monitor"),
        ({"AdditionalAttributes": [{"Key": "other", "Value": "monitor"}]}, "defensive"),
    ],
)
async def test_attributes_of_a_classic_load_balancer(further: dict[str, Any], mode: str) -> None:
    seen = {"AccessLog": {"Enabled": False}, "ConnectionDraining": {"Enabled": True}, **further}
    at = aws({("elb", "DescribeLoadBalancerAttributes"): {"LoadBalancerAttributes": seen}})
    found = await elb.classic_load_balancer_attributes(at, a_classic())
    assert (found.drains_connections, shown(found.balances_across_zones)) == (Seen(True), UNKNOWN)
    assert found.desync_mode == Seen(mode)
    await elb.classic_load_balancer_logs(at, a_classic())
    assert len(at.world.calls) == 1


# APIs


async def test_method_settings() -> None:
    off = {"loggingLevel": "OFF", "cachingEnabled": False}
    settings = {"*/*": {"loggingLevel": "INFO", "cachingEnabled": True, "cacheDataEncrypted": False}, "~1a/GET": off}
    stages = {"item": [{"stageName": "prod", "methodSettings": settings, "cacheClusterEnabled": True}]}
    at = aws({("apigateway", "GetRestApis"): {"items": [{"id": "abc"}]}, ("apigateway", "GetStages"): stages})
    (found,) = [each async for each in apigateway.rest_api_stages(at)]
    assert found.log_levels == Seen({"*/*": "INFO", "~1a/GET": "OFF"})
    assert (found.has_cache, found.caches, shown(found.traced)) == (Seen(True), Seen({"*/*": False}), UNKNOWN)
    assert (found.web_acl, found.client_certificate) == (Seen(""), Seen(""))


async def test_integrations_of_an_api_are_read_once_for_its_stages() -> None:
    pages: list[dict[str, Any]] = [
        {"items": [{"resourceMethods": {"GET": {"methodIntegration": {"type": "HTTP"}}, "PUT": {}}}], "position": "2"},
        {"items": [{"path": "/"}, {"resourceMethods": {"ANY": {"methodIntegration": {"type": "AWS_PROXY"}}}}]},
    ]
    at = aws({("apigateway", "GetResources"): pages})
    assert (await apigateway.stage_integrations(at, a_rest_stage())).types == ("AWS_PROXY", "HTTP")
    assert (await apigateway.stage_integrations(at, a_rest_stage(stage="test"))).types == ("AWS_PROXY", "HTTP")
    assert len(at.world.calls) == len(pages)
    assert at.world.calls[0].parameters["embed"] == ["methods"]
    assert at.world.actions == {"apigateway:GET"}


async def test_levels_of_a_websocket_stage() -> None:
    row = {
        "StageName": "live",
        "DefaultRouteSettings": {"LoggingLevel": "ERROR"},
        "RouteSettings": {"$connect": {"LoggingLevel": "OFF"}},
    }
    apis = {"Items": [{"ApiId": "abc", "ProtocolType": "WEBSOCKET"}]}
    silent = row | {"StageName": "silent", "RouteSettings": {"$connect": {}}}
    stages = {"Items": [row, {"StageName": "bare", "DefaultRouteSettings": {}}, silent]}
    at = aws({("apigatewayv2", "GetApis"): apis, ("apigatewayv2", "GetStages"): stages})
    live, bare, unclear = [each async for each in apigatewayv2.api_stages(at)]
    assert live.log_levels == Seen({"*": "ERROR", "$connect": "OFF"})
    assert (shown(bare.log_levels), shown(unclear.log_levels)) == (UNKNOWN, UNKNOWN)


# Queues


@pytest.mark.parametrize(
    ("attributes", "encrypted", "key"),
    [
        ({"SqsManagedSseEnabled": "true"}, True, ""),
        ({"SqsManagedSseEnabled": "false", "KmsMasterKeyId": "alias/a"}, True, "alias/a"),
        ({"KmsMasterKeyId": "alias/a"}, True, "alias/a"),
        ({"SqsManagedSseEnabled": "false"}, False, ""),
        ({}, UNKNOWN, ""),
    ],
)
async def test_encryption_of_a_queue(attributes: dict[str, str], encrypted: Any, key: str) -> None:
    at = aws({("sqs", "GetQueueAttributes"): {"Attributes": attributes | {"Policy": text(allow())}}})
    found = await sqs.queue_encryption(at, a_queue())
    assert (shown(found.encrypted), found.key_id) == (encrypted, key)
    assert (await sqs.queue_policy(at, a_queue())).parsed is not None
    assert len(at.world.calls) == 1


async def test_queue_that_is_gone_is_a_gap() -> None:
    at = aws({("sqs", "GetQueueAttributes"): Refused("QueueDoesNotExist")})
    assert shown((await sqs.queue_encryption(at, a_queue())).encrypted) == UNKNOWN
