"""What trails record by their event selectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from orgaudit.facts.cloudtrail.trails import TrailSelectors
from orgaudit.languages.event_selector import ManagementEvents, management_events, records_objects


def recorded_management(selectors: TrailSelectors) -> ManagementEvents:
    """Return the management events that a trail records."""
    return _management(selectors.basic, selectors.advanced)


_management = lru_cache(maxsize=4096)(management_events)
"""What trails record by their selectors, which mostly are the same few: each of many controls needs it."""


def record_objects(trails: Sequence[TrailSelectors], side: str, bucket_arn: str | None = None) -> bool:
    """Return whether trails together record read or write events on all objects of a bucket.

    Without a bucket they have to record those of every bucket, of future ones too.
    """
    partition = next((each.arn.split(":")[1] for each in trails if each.arn.startswith("arn:")), "aws")
    beginning = f"{bucket_arn}/" if bucket_arn else f"arn:{partition}:s3:::"
    return records_objects(side, beginning, chain.from_iterable((*each.basic, *each.advanced) for each in trails))
