"""CloudFront distributions: their behaviours, origins and certificates, and where their access logs go."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from orgaudit.facts.declare import UNREAD, Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import each_row
from orgaudit.model import GLOBAL, GapReason, NotSeenError, Observed, Scope, Seen

ACCESS_LOGS = "ACCESS_LOGS"
"""The type of the logs that a distribution delivers through CloudWatch Logs.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html"""

KEY_GROUPS = "key groups"
"""The signers that the account manages by itself, without its root user."""
CONFIG = "cloudfront:GetDistributionConfig"
BUCKET_ENDPOINT = re.compile(r"(.+)\.s3(?!-website)(-[a-z0-9-]+|(\.dualstack)?\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?")
"""The domain of a bucket, without those of websites and of access points, which lead to no bucket by name.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""
FUNCTION_URL = re.compile(r"[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws")
"""https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html"""


class Origin(msgspec.Struct, frozen=True):
    """Where a distribution gets content from; `protocol` and `tls` are those of a custom origin, else empty.

    `protocol` is http-only, https-only or match-viewer, and `tls` has the versions of SSL and TLS that may be spoken.
    """

    id: str
    domain: str
    protocol: str = ""
    tls: tuple[str, ...] = ()

    @property
    def bucket(self) -> str | None:
        """The name of the bucket that it is, None for anything else, such as the website of one."""
        found = BUCKET_ENDPOINT.fullmatch(self.domain)
        return found[1] if found and not self.protocol else None

    @property
    def is_function_url(self) -> bool:
        """Whether it is the URL of a Lambda function."""
        return FUNCTION_URL.fullmatch(self.domain) is not None


class Behavior(msgspec.Struct, frozen=True):
    """What a distribution does with the paths of a pattern, `*` for the default; `target` is an origin or a group."""

    path: str
    target: str
    viewers: str


class Distribution(Resource, frozen=True, kw_only=True):
    """A distribution; one that is not enabled serves no requests.

    `groups` are the origins of each origin group, by its id. `access_controls` are the ids of the origin access
    controls of buckets and function URLs, by origin, empty where there is none. `signers` are, by the path of each
    behavior, what may sign URLs: "key groups", "accounts", both or nothing. `certificate` is an ARN or an id of IAM,
    empty for CloudFront's own. The tenants of a `multi_tenant` distribution have the certificates and aliases.
    """

    enabled: bool
    aliases: tuple[str, ...] = ()
    multi_tenant: bool = False
    origins: Observed[tuple[Origin, ...]] = UNREAD
    access_controls: Observed[dict[str, str]] = UNREAD
    groups: Observed[dict[str, tuple[str, ...]]] = UNREAD
    behaviors: Observed[tuple[Behavior, ...]] = UNREAD
    signers: Observed[dict[str, tuple[str, ...]]] = UNREAD
    certificate: Observed[str] = UNREAD
    certificate_served_by: Observed[str] = UNREAD
    tls_policy: Observed[str] = UNREAD
    web_acl: Observed[str] = UNREAD


class DistributionLogs(Detail, frozen=True, kw_only=True):
    """Where a distribution's access logs go: the bucket of standard logging, or destinations of log deliveries.

    Without either it writes none.
    """

    bucket: str | None = None
    destinations: tuple[str, ...] = ()


class DistributionRoot(Detail, frozen=True, kw_only=True):
    """The object that a distribution answers for its root, empty where there is none."""

    root_object: str


class OriginBuckets(Detail, frozen=True, kw_only=True):
    """Whether the bucket of each origin exists, whoever owns it, by its name."""

    exists: dict[str, Observed[bool]]


@collector(scope=Scope.ACCOUNT, actions=("cloudfront:ListDistributions",))
async def distributions(aws: Aws) -> AsyncIterator[Distribution]:
    """Yield the account's distributions."""
    pages = aws.pages("cloudfront", "ListDistributions")
    lists = (page["DistributionList"].get("Items", ()) async for page in pages)
    async for row in each_row(aws, "cloudfront:ListDistributions", lists):
        with row as found:
            yield Distribution(
                arn=found["ARN"],
                **here(aws, GLOBAL),
                enabled=found["Enabled"],
                aliases=tuple(found.get("Aliases", {}).get("Items", ())),
                # Only newer answers have it, and standard distributions are direct:
                # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionSummary.html
                multi_tenant=found.get("ConnectionMode") == "tenant-only",
                origins=row.read(_origins),
                access_controls=row.read(_access_controls),
                groups=row.read(_groups),
                behaviors=row.read(_behaviors),
                signers=row.read(_signers),
                certificate=row.read(_certificate),
                certificate_served_by=row.member("ViewerCertificate.SSLSupportMethod", str),
                tls_policy=row.member("ViewerCertificate.MinimumProtocolVersion", str),
                web_acl=row.member("WebACLId", str),
            )


def _origins(found: Mapping[str, Any]) -> tuple[Origin, ...]:
    return tuple(_origin(each) for each in found["Origins"]["Items"])


def _origin(found: Mapping[str, Any]) -> Origin:
    origin = Origin(found["Id"], found["DomainName"])
    custom = found.get("CustomOriginConfig")
    if custom is None:
        if origin.bucket is None and not {"S3OriginConfig", "VpcOriginConfig"} & set(found):
            raise KeyError("CustomOriginConfig")  # an origin is one of the three
        return origin
    return Origin(origin.id, origin.domain, custom["OriginProtocolPolicy"], tuple(_items(custom["OriginSslProtocols"])))


def _access_controls(found: Mapping[str, Any]) -> dict[str, str]:
    read = zip(found["Origins"]["Items"], _origins(found), strict=True)
    return {
        origin.id: each["OriginAccessControlId"] for each, origin in read if origin.bucket or origin.is_function_url
    }


def _groups(found: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    groups = _items(found["OriginGroups"])
    return {each["Id"]: tuple(member["OriginId"] for member in _items(each["Members"])) for each in groups}


def _all_behaviors(found: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    further = [(each["PathPattern"], each) for each in _items(found["CacheBehaviors"])]
    return [("*", found["DefaultCacheBehavior"]), *further]


def _behaviors(found: Mapping[str, Any]) -> tuple[Behavior, ...]:
    behaviors = _all_behaviors(found)
    return tuple(Behavior(path, each["TargetOriginId"], each["ViewerProtocolPolicy"]) for path, each in behaviors)


def _signers(found: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    kinds = (("TrustedKeyGroups", KEY_GROUPS), ("TrustedSigners", "accounts"))
    return {
        path: tuple(name for member, name in kinds if each[member]["Enabled"]) for path, each in _all_behaviors(found)
    }


def _certificate(found: Mapping[str, Any]) -> str:
    """Return the certificate; the flag is looked at only without one, because answers with one may lack it."""
    seen = found["ViewerCertificate"]
    own = seen.get("ACMCertificateArn") or seen.get("IAMCertificateId") or ""
    if not own and not seen["CloudFrontDefaultCertificate"]:
        raise KeyError("ACMCertificateArn")
    return str(own)


def _items(found: Mapping[str, Any]) -> list[Any]:
    """Return the items of one of CloudFront's lists, which an empty list lacks."""
    items: list[Any] = found["Items"] if found["Quantity"] else []
    return items


@detail(actions=(CONFIG, "logs:DescribeDeliveries", "logs:DescribeDeliverySources"))
async def distribution_logs(aws: Aws, distribution: Distribution) -> DistributionLogs:
    """Return where the logs go; deliveries, which CloudWatch Logs manages, only where standard logging is off."""
    logging = (await aws.once(_configuration, distribution.name)).get("Logging", {})
    if logging.get("Enabled"):
        return DistributionLogs(arn=distribution.arn, bucket=logging["Bucket"])
    deliveries = await aws.once(_deliveries)
    return DistributionLogs(arn=distribution.arn, destinations=deliveries.get(distribution.arn, ()))


async def _deliveries(aws: Aws) -> dict[str, tuple[str, ...]]:
    """Return the destinations to which access logs are delivered, by the ARN of the resource that writes them."""
    destinations: dict[str, list[str]] = {}
    async for page in aws.pages("logs", "DescribeDeliveries"):
        for delivery in page["deliveries"]:
            destinations.setdefault(delivery["deliverySourceName"], []).append(delivery["deliveryDestinationArn"])
    found: dict[str, tuple[str, ...]] = {}
    async for page in aws.pages("logs", "DescribeDeliverySources"):
        for source in page["deliverySources"]:
            if source["logType"] == ACCESS_LOGS:
                for arn in source["resourceArns"]:
                    found[arn] = (*found.get(arn, ()), *destinations.get(source["name"], ()))
    return found


@detail(actions=(CONFIG,))
async def distribution_root(aws: Aws, distribution: Distribution) -> DistributionRoot:
    """Return the default root object, from the call that reads where the logs go too."""
    configuration = await aws.once(_configuration, distribution.name)
    # Empty or absent without one: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
    return DistributionRoot(arn=distribution.arn, root_object=configuration.get("DefaultRootObject", ""))


async def _configuration(aws: Aws, name: str) -> dict[str, Any]:
    """Return what the listing leaves out of a distribution's configuration."""
    found = (await aws.call("cloudfront", "GetDistributionConfig", Id=name))["DistributionConfig"]
    return {member: found[member] for member in ("DefaultRootObject", "Logging") if member in found}


@detail(actions=("s3:ListBucket",))
async def origin_buckets(aws: Aws, distribution: Distribution) -> OriginBuckets:
    """Return which buckets of the distribution's origins exist, with one call for each name in an account."""
    names = sorted({origin.bucket for origin in distribution.origins.value if origin.bucket})
    return OriginBuckets(arn=distribution.arn, exists={name: await aws.once(_exists, name) for name in names})


async def _exists(aws: Aws, bucket: str) -> Observed[bool]:
    """Return whether a bucket exists: S3 refuses the ones of others, and finds none without an owner."""
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    try:
        return Seen(await aws.find("s3", "HeadBucket", ("404", "NoSuchBucket"), Bucket=bucket) is not None)
    except NotSeenError as error:
        return Seen(True) if error.gap.reason is GapReason.DENIED else error.gap
