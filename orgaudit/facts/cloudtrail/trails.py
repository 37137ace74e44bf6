"""Trails, their status and their event selectors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.rows import each_row
from orgaudit.languages.event_selector import (
    S3_OBJECT,
    AdvancedSelector,
    BasicSelector,
    FieldSelector,
    ManagementEvents,
    management_events,
    records_objects,
)
from orgaudit.model import Observed, Scope, parse_arn


class Trail(Resource, frozen=True, kw_only=True):
    """A trail as one region of an account shows it.

    A multi-region trail is seen in every region, and an organization trail in every member; all carry the ARN of the
    one trail, so `account_id` is its owner's and `region` its home.
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

    @property
    def management(self) -> ManagementEvents:
        """The management events that are recorded."""
        return management_events(self.basic, self.advanced)

    def records_objects(self, side: str, bucket_arn: str | None = None) -> bool:
        """Return whether read or write events on all objects of a bucket are recorded; without one, of every bucket."""
        return record_objects([self], side, bucket_arn)


def record_objects(trails: Sequence[TrailSelectors], side: str, bucket_arn: str | None = None) -> bool:
    """Return whether trails together record read or write events on all objects of a bucket.

    Without a bucket they have to record those of every bucket, of future ones too.
    """
    partition = next((each.arn.split(":")[1] for each in trails if each.arn.startswith("arn:")), "aws")
    beginning = f"{bucket_arn}/" if bucket_arn else f"arn:{partition}:s3:::"
    selectors: list[BasicSelector | AdvancedSelector] = []
    for each in trails:
        selectors += each.basic
        selectors += each.advanced
    return records_objects(side, beginning, selectors)


@collector(scope=Scope.REGIONAL, actions=("cloudtrail:DescribeTrails",))
async def trails(aws: Aws) -> AsyncIterator[Trail]:
    """Yield every trail that the region shows: own ones, copies of multi-region and of organization trails."""
    answer = await aws.call("cloudtrail", "DescribeTrails", includeShadowTrails=True)
    async for row in each_row(aws, "cloudtrail:DescribeTrails", [answer["trailList"]]):
        with row as trail:
            _, _, home, owner, _ = parse_arn(trail["TrailARN"])
            # What is a text and not configured is not there, as for log group, role and key:
            # docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
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
    """Read whether the trail logs and how its deliveries went."""
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
    """Read the trail's basic and advanced event selectors."""
    answer = await aws.call("cloudtrail", "GetEventSelectors", TrailName=trail.arn)
    return TrailSelectors(
        arn=answer["TrailARN"],  # always there: an answer without it is no answer, and not a trail without selectors
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
