"""CloudFront distributions and where their access logs go."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import each_row
from orgaudit.model import GLOBAL, Scope

ACCESS_LOGS = "ACCESS_LOGS"
"""The type of the logs that a distribution delivers through CloudWatch Logs.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html"""


class Distribution(Resource, frozen=True, kw_only=True):
    """A distribution; one that is not enabled serves no requests."""

    enabled: bool
    aliases: tuple[str, ...] = ()


class DistributionLogs(Detail, frozen=True, kw_only=True):
    """Where a distribution's access logs go: the bucket of standard logging, or destinations of log deliveries.

    Without either it writes none.
    """

    bucket: str | None = None
    destinations: tuple[str, ...] = ()


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
            )


@detail(actions=("cloudfront:GetDistributionConfig", "logs:DescribeDeliveries", "logs:DescribeDeliverySources"))
async def distribution_logs(aws: Aws, distribution: Distribution) -> DistributionLogs:
    """Return where the logs go; deliveries, which CloudWatch Logs manages, only where standard logging is off."""
    answer = await aws.call("cloudfront", "GetDistributionConfig", Id=distribution.name)
    logging = answer["DistributionConfig"].get("Logging", {})
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
