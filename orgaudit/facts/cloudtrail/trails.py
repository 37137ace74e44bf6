"""Trails, their status and their event selectors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.rows import each_row
from orgaudit.languages.event_selector import S3_OBJECT, AdvancedSelector, BasicSelector, FieldSelector
from orgaudit.model import Observed, Scope, parse_arn


class Trail(Resource, frozen=True, kw_only=True):
    """A trail as one region of an account shows it.

    A multi-region trail is returned in every region, and an organization trail in every member, as shadow trails; all
    have the ARN of the one trail, so `account_id` is its owner's and `region` its home.
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
    """

    multi_region: Observed[bool]
    organization: Observed[bool]
    log_group_arn: str | None = None
    role_arn: str | None = None
    bucket: Observed[str]
    key_id: str | None = None
    validated: Observed[bool]


class TrailStatus(Detail, frozen=True, kw_only=True):
    """Whether a trail logs, and how its last deliveries went."""

    logging: bool
    stopped_at: datetime | None = None
    delivered_at: datetime | None = None
    delivery_error: str | None = None
    logs_delivered_at: datetime | None = None
    logs_delivery_error: str | None = None


class TrailSelectors(Detail, frozen=True, kw_only=True):
    """What a trail records."""

    basic: tuple[BasicSelector, ...] = ()
    advanced: tuple[AdvancedSelector, ...] = ()


@collector(scope=Scope.REGIONAL, actions=("cloudtrail:DescribeTrails",))
async def trails(aws: Aws) -> AsyncIterator[Trail]:
    """Yield every trail that the region returns: its own, and shadow trails of multi-region and organization trails."""
    answer = await aws.call("cloudtrail", "DescribeTrails", includeShadowTrails=True)
    async for row in each_row(aws, "cloudtrail:DescribeTrails", [answer["trailList"]]):
        with row as trail:
            _, _, home, owner, _ = parse_arn(trail["TrailARN"])
            # A text that is not configured is not in the answer, as for log group, role and key:
            # https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
            yield Trail(
                arn=trail["TrailARN"],
                account_id=owner,
                region=trail.get("HomeRegion") or home,
                multi_region=row.member("IsMultiRegionTrail", bool),
                organization=row.member("IsOrganizationTrail", bool),
                log_group_arn=trail.get("CloudWatchLogsLogGroupArn"),
                role_arn=trail.get("CloudWatchLogsRoleArn"),
                bucket=row.member("S3BucketName", str),
                key_id=trail.get("KmsKeyId"),
                validated=row.member("LogFileValidationEnabled", bool),
            )


@detail(actions=("cloudtrail:GetTrailStatus",))
async def trail_status(aws: Aws, trail: Trail) -> TrailStatus:
    """Return whether the trail logs and how its deliveries went."""
    answer = await aws.call("cloudtrail", "GetTrailStatus", Name=trail.arn)
    return TrailStatus(
        arn=trail.arn,
        logging=answer["IsLogging"],
        stopped_at=answer.get("StopLoggingTime"),
        delivered_at=answer.get("LatestDeliveryTime"),
        delivery_error=answer.get("LatestDeliveryError") or None,
        logs_delivered_at=answer.get("LatestCloudWatchLogsDeliveryTime"),
        logs_delivery_error=answer.get("LatestCloudWatchLogsDeliveryError") or None,
    )


@detail(actions=("cloudtrail:GetEventSelectors",))
async def trail_selectors(aws: Aws, trail: Trail) -> TrailSelectors:
    """Return the trail's basic and advanced event selectors."""
    answer = await aws.call("cloudtrail", "GetEventSelectors", TrailName=trail.arn)
    return TrailSelectors(
        arn=answer["TrailARN"],  # always there: an answer without it is unreadable, and not a trail without selectors
        basic=tuple(_basic(selector) for selector in answer.get("EventSelectors", ())),
        advanced=tuple(_advanced(selector) for selector in answer.get("AdvancedEventSelectors", ())),
    )


def _basic(selector: dict[str, Any]) -> BasicSelector:
    return BasicSelector(
        management=selector.get("IncludeManagementEvents", True),
        read_write_type=selector.get("ReadWriteType", "All"),
        excluded_sources=tuple(selector.get("ExcludeManagementEventSources", ())),
        objects=tuple(
            value
            for resource in selector.get("DataResources", ())
            if resource["Type"] == S3_OBJECT
            for value in resource.get("Values", ())
        ),
    )


def _advanced(selector: dict[str, Any]) -> AdvancedSelector:
    kept = {"Field", "Equals", "NotEquals", "StartsWith", "NotStartsWith"}
    fields = tuple(
        FieldSelector(
            field=found["Field"],
            equals=tuple(found.get("Equals", ())),
            not_equals=tuple(found.get("NotEquals", ())),
            other=any(values for operator, values in found.items() if operator not in kept),
            starts_with=tuple(found.get("StartsWith", ())),
            not_starts_with=tuple(found.get("NotStartsWith", ())),
        )
        for found in selector["FieldSelectors"]
    )
    return AdvancedSelector(name=selector.get("Name", ""), fields=fields)
