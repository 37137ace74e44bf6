"""What the collectors of distributions, load balancers and stages of APIs make of literal answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orgaudit.facts.apigateway import rest_api_stages
from orgaudit.facts.apigatewayv2 import api_stages
from orgaudit.facts.cloudfront import Distribution, distribution_logs, distributions
from orgaudit.facts.declare import Resource
from orgaudit.facts.elb import classic_load_balancer_logs, classic_load_balancers
from orgaudit.facts.elbv2 import load_balancer_logs, load_balancers
from orgaudit.model import GLOBAL, UNKNOWN, NotSeenError, Seen, shown
from tests.factories import MEMBER
from tests.factories_front_ends import ACM, GROUP, ZONES, a_balancer, a_classic, a_distribution, a_rest_stage, a_stage
from tests.literal_aws import Answers, Refused, aws, drained


@pytest.mark.parametrize(
    "listing", [distributions, classic_load_balancers, load_balancers, rest_api_stages, api_stages]
)
async def test_listing_denied(listing: Any) -> None:
    with pytest.raises(NotSeenError):
        await drained(listing(aws({})))


# Distributions


def listed(name: str, *, enabled: bool = True, **aliases: Any) -> dict[str, Any]:
    return {
        "Id": name,
        "ARN": a_distribution(name).arn,
        "Enabled": enabled,
        "Aliases": {"Quantity": len(aliases.get("Items", ())), **aliases},
    }


def page_of(*items: dict[str, Any]) -> dict[str, Any]:
    return {"DistributionList": {"Quantity": len(items), **({"Items": list(items)} if items else {})}}


async def test_distributions_on_two_pages() -> None:
    pages = [page_of(listed("E1", Items=["www.example.com"])), page_of(listed("E2", enabled=False))]
    first, second = [each async for each in distributions(aws({("cloudfront", "ListDistributions"): pages}))]
    assert isinstance(first, Distribution)
    assert (first.arn, first.account_id, first.region) == (a_distribution("E1").arn, MEMBER, GLOBAL)
    assert (first.enabled, first.aliases) == (True, ("www.example.com",))
    assert (second.name, second.enabled, second.aliases) == ("E2", False, ())


async def test_no_distributions() -> None:
    assert await drained(distributions(aws({("cloudfront", "ListDistributions"): page_of()}))) == []


def configured(*, enabled: bool, bucket: str = "") -> dict[str, Any]:
    logging = {"Enabled": enabled, "IncludeCookies": False, "Bucket": bucket, "Prefix": ""}
    return {"DistributionConfig": {"Logging": logging}, "ETag": "1"}


async def test_standard_logging_needs_no_look_at_deliveries() -> None:
    at = aws({("cloudfront", "GetDistributionConfig"): configured(enabled=True, bucket="logs.s3.amazonaws.com")})
    logs = await distribution_logs(at, a_distribution())
    assert (logs.bucket, logs.destinations) == ("logs.s3.amazonaws.com", ())
    assert [call.parameters for call in at.world.calls] == [{"Id": "E1EXAMPLE"}]


def delivering(log_type: str = "ACCESS_LOGS") -> Answers:
    sources = [
        {"name": "front", "resourceArns": [a_distribution().arn], "logType": log_type},
        {"name": "idle", "resourceArns": [a_distribution("E2").arn], "logType": "ACCESS_LOGS"},
    ]
    return {
        ("cloudfront", "GetDistributionConfig"): configured(enabled=False),
        ("logs", "DescribeDeliverySources"): [{"deliverySources": sources[:1]}, {"deliverySources": sources[1:]}],
        ("logs", "DescribeDeliveries"): [
            {"deliveries": [{"deliverySourceName": "front", "deliveryDestinationArn": GROUP}]},
            {"deliveries": [{"deliverySourceName": "front", "deliveryDestinationArn": f"{GROUP}-2"}]},
        ],
    }


async def test_deliveries_are_read_once_for_all_distributions() -> None:
    at = aws(delivering())
    first = await distribution_logs(at, a_distribution())
    second = await distribution_logs(at, a_distribution("E2"))
    third = await distribution_logs(at, a_distribution("E3"))
    assert (first.bucket, first.destinations) == (None, (GROUP, f"{GROUP}-2"))
    assert (second.destinations, third.destinations) == ((), ())
    assert len(at.world.asked("DescribeDeliveries")) == 2  # pages


async def test_deliveries_of_other_logs_do_not_count() -> None:
    assert (await distribution_logs(aws(delivering("CONNECTION_LOGS")), a_distribution())).destinations == ()


@pytest.mark.parametrize("operation", ["DescribeDeliverySources", "DescribeDeliveries"])
async def test_deliveries_denied(operation: str) -> None:
    at = aws({**delivering(), ("logs", operation): Refused()})
    with pytest.raises(NotSeenError, match="AccessDenied"):
        await distribution_logs(at, a_distribution())


# Load balancers


async def test_classic_load_balancers() -> None:
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 80, "SSLCertificateId": ACM}
    whole = {"LoadBalancerName": "old", "Scheme": "internet-facing"} | {
        "AvailabilityZones": list(ZONES),
        "ListenerDescriptions": [{"Listener": listener}],
    }
    pages: list[dict[str, Any]] = [
        {"LoadBalancerDescriptions": [whole], "NextMarker": "2"},
        {"LoadBalancerDescriptions": [{"LoadBalancerName": "older"}]},
    ]
    first, second = [each async for each in classic_load_balancers(aws({("elb", "DescribeLoadBalancers"): pages}))]
    assert first == a_classic()
    assert (second.name, shown(second.scheme)) == ("older", UNKNOWN)


@pytest.mark.parametrize(
    ("log", "bucket"),
    [
        ({"Enabled": True, "S3BucketName": "archive"}, "archive"),
        ({"Enabled": False, "S3BucketName": "archive"}, None),
        ({"Enabled": False}, None),
    ],
)
async def test_logs_of_a_classic_load_balancer(log: dict[str, Any], bucket: str | None) -> None:
    at = aws({("elb", "DescribeLoadBalancerAttributes"): {"LoadBalancerAttributes": {"AccessLog": log}}})
    assert (await classic_load_balancer_logs(at, a_classic())).bucket == bucket
    assert at.world.calls[0].parameters == {"LoadBalancerName": "old"}


async def test_load_balancers() -> None:
    answers: list[dict[str, Any]] = [
        {"LoadBalancerArn": a_balancer().arn, "Type": "application", "Scheme": "internet-facing"}
        | {"AvailabilityZones": [{"ZoneName": zone} for zone in ZONES]},
        {"LoadBalancerArn": a_balancer("gateway", "g").arn, "Type": "gateway"},
    ]
    pages = [{"LoadBalancers": [one], "NextMarker": "2"} for one in answers]
    first, second = [each async for each in load_balancers(aws({("elbv2", "DescribeLoadBalancers"): pages}))]
    assert first == a_balancer()
    assert (second.kind, shown(second.scheme), second.able_to_log) == (Seen("gateway"), UNKNOWN, False)


@pytest.mark.parametrize(("value", "bucket"), [("true", "archive"), ("false", None)])
async def test_logs_of_a_load_balancer(value: str, bucket: str | None) -> None:
    attributes = [
        {"Key": "access_logs.s3.enabled", "Value": value},
        {"Key": "access_logs.s3.bucket", "Value": "archive"},
        {"Key": "deletion_protection.enabled", "Value": "true"},
    ]
    at = aws({("elbv2", "DescribeLoadBalancerAttributes"): {"Attributes": attributes}})
    assert (await load_balancer_logs(at, a_balancer())).bucket == bucket
    assert at.world.calls[0].parameters == {"LoadBalancerArn": a_balancer().arn}


async def test_access_logs_are_off_by_default() -> None:
    attributes = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    at = aws({("elbv2", "DescribeLoadBalancerAttributes"): {"Attributes": attributes}})
    assert (await load_balancer_logs(at, a_balancer())).bucket is None


async def test_gateway_load_balancer_is_not_asked() -> None:
    at = aws({})
    assert (await load_balancer_logs(at, a_balancer("gateway"))).bucket is None
    assert at.world.calls == []


@pytest.mark.parametrize(
    ("read", "balancer"), [(classic_load_balancer_logs, a_classic()), (load_balancer_logs, a_balancer())]
)
async def test_attributes_denied(read: Any, balancer: Resource) -> None:
    with pytest.raises(NotSeenError):
        await read(aws({}), balancer)


# APIs


def rest_stages(**by_api: Any) -> Answers:
    return {
        ("apigateway", "GetRestApis"): [
            {"items": [{"id": api, "name": "orders", "endpointConfiguration": {"types": ["EDGE"]}}], "position": "2"}
            for api in by_api
        ],
        ("apigateway", "GetStages"): lambda restApiId: by_api[restApiId],  # noqa: N803 - AWS's name
    }


async def test_stages_of_rest_apis() -> None:
    method = {"loggingLevel": "INFO", "cachingEnabled": True, "cacheDataEncrypted": True}
    both = {
        "methodSettings": {"*/*": method},
        "cacheClusterEnabled": True,
        "tracingEnabled": True,
        "webAclArn": shown(a_rest_stage().web_acl),
        "clientCertificateId": "abcdef",
    }
    on = both | {"stageName": "prod", "accessLogSettings": {"destinationArn": GROUP, "format": "$context.requestId"}}
    off = both | {"stageName": "test", "createdDate": datetime(2025, 1, 1, tzinfo=UTC)}
    at = aws(rest_stages(abc={"item": [on, off]}, empty={}, gone=Refused("NotFoundException")))
    assert await drained(rest_api_stages(at)) == [a_rest_stage(), a_rest_stage(None, "test")]
    assert at.world.actions == {"apigateway:GET"}


async def test_no_rest_apis() -> None:
    assert await drained(rest_api_stages(aws({("apigateway", "GetRestApis"): {}}))) == []


async def test_stages_of_rest_apis_denied() -> None:
    with pytest.raises(NotSeenError):
        await drained(rest_api_stages(aws(rest_stages(abc=Refused()))))


async def test_stages_of_http_apis_on_two_pages() -> None:
    level = {"DefaultRouteSettings": {"LoggingLevel": "INFO"}}
    off = {"StageName": "test", **level}
    on = {"StageName": "$default", "AccessLogSettings": {"DestinationArn": GROUP}, **level}
    at = aws(
        {
            ("apigatewayv2", "GetApis"): {"Items": [{"ApiId": "abc", "Name": "orders", "ProtocolType": "HTTP"}]},
            ("apigatewayv2", "GetStages"): [{"Items": [on], "NextToken": "2"}, {"Items": [off]}],
        }
    )
    assert await drained(api_stages(at)) == [a_stage(), a_stage(None, "test")]
    assert at.world.actions == {"apigateway:GET"}


async def test_no_http_apis() -> None:
    assert await drained(api_stages(aws({("apigatewayv2", "GetApis"): {}}))) == []
