"""Load balancers, APIs and distributions, and where their access logs are delivered."""

import json

from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.cloudfront.models import cloudfront_backends
from moto.ec2.models import EC2Backend, ec2_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.policies import document, public
from orgaudit.demo.seeding.storage import ACCESS_LOGS

_LOGGED, _UNLOGGED = ("Webshop Production", "eu-west-1"), ("Webshop Development", "eu-west-1")
_DISTRIBUTIONS = (
    ("Webshop Production", "shop.meridian.example", True, True),
    ("Webshop Development", "test.shop.meridian.example", True, False),
    ("Webshop Development", "old.shop.meridian.example", False, False),
)
"""Distributions by account and alias: whether they are enabled, and whether they log."""


def seed() -> None:
    """Create one of each kind that logs and one that does not."""
    for (name, region), logs in ((_LOGGED, True), (_UNLOGGED, False)):
        account = account_named(name).id
        subnets = _subnets(ec2_backends[account][region])
        _classic(account, region, subnets, logs=logs)
        _application(account, region, subnets, logs=logs)
        _apis(account, region, logs=logs)
    for name, alias, enabled, logs in _DISTRIBUTIONS:
        _distribution(account_named(name).id, alias, enabled=enabled, logs=logs)


def _subnets(ec2: EC2Backend) -> list[str]:
    return [subnet.id for subnets in ec2.subnets.values() for subnet in subnets.values()][:2]


def _classic(account: str, region: str, subnets: list[str], *, logs: bool) -> None:
    port = {"Protocol": "TCP", "LoadBalancerPort": 443, "InstancePort": 8443}
    balancer = elb_backends[account][region].create_load_balancer("legacy", [], [port], subnets=subnets)
    if logs:
        balancer.attributes["access_log"] = {"enabled": True, "s3_bucket_name": ACCESS_LOGS, "emit_interval": 60}


def _application(account: str, region: str, subnets: list[str], *, logs: bool) -> None:
    backend = elbv2_backends[account][region]
    balancer = backend.create_load_balancer("shop", [], subnets, loadbalancer_type="application")
    backend.modify_load_balancer_attributes(
        balancer.arn,
        {
            "deletion_protection.enabled": str(logs).lower(),
            "routing.http.desync_mitigation_mode": "defensive" if logs else "monitor",
            "routing.http.drop_invalid_header_fields.enabled": str(logs).lower(),
        }
        | ({"access_logs.s3.enabled": "true", "access_logs.s3.bucket": ACCESS_LOGS} if logs else {}),
    )


def _apis(account: str, region: str, *, logs: bool) -> None:
    settings = {
        "destinationArn": f"arn:aws:logs:{region}:{account}:log-group:api-access",
        "format": "$context.requestId",
    }
    rest = apigateway_backends[account][region].create_rest_api("orders", "")
    rest.policy = _invoking(f"arn:aws:execute-api:{region}:{account}:{rest.id}/*", office_only=logs)
    rest.create_stage(
        "live", "first", None, "", cacheClusterEnabled=False, cacheClusterSize=None, tags=None, tracing_enabled=logs
    )
    rest.stages["live"].access_log_settings = settings if logs else None
    http = apigatewayv2_backends[account][region].create_api("", "", "", "", "", "carts", "HTTP", "", {}, "")
    http.cors_configuration = None
    http.create_stage({"stageName": "live"} | ({"accessLogSettings": settings} if logs else {}))


def _invoking(methods: str, *, office_only: bool) -> str:
    """Return the policy of an API as API Gateway does: with its quotes escaped."""
    condition = {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}} if office_only else {}
    return json.dumps(document([public("execute-api:Invoke", methods) | condition]))[1:-1]


def _distribution(account: str, alias: str, *, enabled: bool, logs: bool) -> None:
    origin = {
        "Id": "shop",
        "DomainName": f"origin.{alias}",
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only" if logs else "http-only",
            "OriginSslProtocols": {"Items": ["TLSv1.2"] if logs else ["SSLv3", "TLSv1"]},
        },
    }
    config = {
        "CallerReference": alias,
        "Aliases": {"Items": [alias]},
        "Origins": {"Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "shop", "ViewerProtocolPolicy": "redirect-to-https"},
        "Comment": alias,
        "Enabled": enabled,
        "Logging": {"Enabled": logs, "Bucket": f"{ACCESS_LOGS}.s3.amazonaws.com", "Prefix": alias} if logs else {},
    }
    cloudfront_backends[account]["aws"].create_distribution(config, [])
