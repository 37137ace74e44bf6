"""Distributions of CloudFront, what they get content from, and where their access logs are delivered."""

from dataclasses import dataclass
from typing import Any

from moto.cloudfront.models import cloudfront_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.storage import ACCESS_LOGS

_ACCESS_CONTROL = "E2QWRUHEXAMPLE"
_GROUP = "images-or-resize"


@dataclass(frozen=True, slots=True)
class _Distribution:
    """A distribution of a custom origin, or with `bucket` of that bucket and of a function that resizes its images.

    One with a `tls_policy` has a certificate, without which CloudFront serves no alias.
    """

    account: str
    alias: str
    compliant: bool
    enabled: bool = True
    bucket: str = ""
    tls_policy: str = ""


_DISTRIBUTIONS = (
    _Distribution("Webshop Production", "shop.meridian.example", compliant=True, tls_policy="TLSv1.2_2021"),
    _Distribution("Webshop Development", "test.shop.meridian.example", compliant=False),
    _Distribution("Webshop Development", "old.shop.meridian.example", compliant=False, enabled=False),
    _Distribution("Webshop Production", "images.meridian.example", compliant=True, bucket="meridian-shop-images",
                  tls_policy="TLSv1.2_2021"),
    # Its bucket was deleted.
    _Distribution("Webshop Development", "images-2019.meridian.example", compliant=False,
                  bucket="meridian-shop-images-2019", tls_policy="TLSv1"),
)  # fmt: skip


def seed() -> None:
    """Create every distribution."""
    for plan in _DISTRIBUTIONS:
        account = account_named(plan.account).id
        config = _of_bucket(plan) if plan.bucket else _of_website(plan)
        made = cloudfront_backends[account]["aws"].create_distribution(_common(plan, account) | config, [])[0]
        for origin in made.Origins["Items"]:  # moto leaves it out
            vars(origin)["origin_access_control_id"] = _ACCESS_CONTROL if plan.compliant and plan.bucket else ""
        if made.OriginGroups["Quantity"]:  # moto refuses a target that is a group
            made.DefaultCacheBehavior.target_origin_id = _GROUP


def _common(plan: _Distribution, account: str) -> dict[str, Any]:
    logs = {"Enabled": True, "Bucket": f"{ACCESS_LOGS}.s3.amazonaws.com", "Prefix": plan.alias}
    acl = f"arn:aws:wafv2:us-east-1:{account}:global/webacl/shop/0f8b1a52-93a4-4c3e-8f0f-5d0c7e6a2b11"
    named = {"Aliases": {"Items": [plan.alias]}, "ViewerCertificate": _certificate(account, plan.tls_policy)}
    return {
        "CallerReference": plan.alias,
        "Comment": plan.alias,
        "Enabled": plan.enabled,
        "Logging": logs if plan.compliant else {},
        "WebACLId": acl if plan.compliant else "",
        **(named if plan.tls_policy else {}),
    }


def _of_website(plan: _Distribution) -> dict[str, Any]:
    origin = _custom(
        "shop",
        f"origin.{plan.alias}",
        "https-only" if plan.compliant else "http-only",
        ["TLSv1.2"] if plan.compliant else ["SSLv3", "TLSv1"],
    )
    return {
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "shop", "ViewerProtocolPolicy": "redirect-to-https"},
    }


def _of_bucket(plan: _Distribution) -> dict[str, Any]:
    """Return the configuration; only a compliant distribution has failover, signers and an object at its root."""
    bucket = {"Id": "images", "DomainName": f"{plan.bucket}.s3.eu-west-1.amazonaws.com"}
    function = _custom("resize", "k5tq3vnmqz2c7ry4.lambda-url.eu-west-1.on.aws", "https-only", ["TLSv1.2"])
    behavior = {
        "TargetOriginId": bucket["Id"],
        "ViewerProtocolPolicy": "redirect-to-https" if plan.compliant else "allow-all",
    }
    config = {
        "Origins": {"Quantity": 2, "Items": [bucket, function]},
        "DefaultCacheBehavior": behavior,
    }
    if not plan.compliant:
        return config
    return config | {
        "DefaultCacheBehavior": behavior | {"TrustedKeyGroups": {"Items": ["7b2f8f4e-1d35-4f0a-9c2a-6a7d1f1f8e01"]}},
        "OriginGroups": {"Quantity": 1, "Items": [_group([bucket["Id"], function["Id"]])]},
        "DefaultRootObject": "index.html",
    }


def _custom(name: str, domain: str, protocol: str, versions: list[str]) -> dict[str, Any]:
    settings = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": protocol}
    return {
        "Id": name,
        "DomainName": domain,
        "CustomOriginConfig": settings | {"OriginSslProtocols": {"Quantity": len(versions), "Items": versions}},
    }


def _group(origins: list[str]) -> dict[str, Any]:
    return {
        "Id": _GROUP,
        "FailoverCriteria": {"StatusCodes": {"Quantity": 1, "Items": [404]}},
        "Members": {"Quantity": len(origins), "Items": [{"OriginId": origin} for origin in origins]},
    }


def _certificate(account: str, policy: str) -> dict[str, Any]:
    return {
        "CloudFrontDefaultCertificate": False,
        "ACMCertificateArn": f"arn:aws:acm:us-east-1:{account}:certificate/a3d9c6f1-6f0e-4a0d-8d3c-1e5b7c9f2a44",
        "SSLSupportMethod": "sni-only",
        "MinimumProtocolVersion": policy,
    }
