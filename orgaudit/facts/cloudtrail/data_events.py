"""Which buckets' object events a trail's event selectors let through.

The rules are those of "Logging data events" in the CloudTrail User Guide: selectors add up, a basic one names a bucket
or a prefix of its objects, an advanced one compares the object's ARN.
"""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.facts.cloudtrail.selectors import (
    SIDES_OF_READ_WRITE_TYPE,
    AdvancedSelector,
    BasicSelector,
    FieldSelector,
    sides_of,
)

S3_OBJECT = "AWS::S3::Object"
OBJECTS_ARN = "resources.ARN"
KNOWN_FIELDS = frozenset({"eventCategory", "readOnly", "resources.type", OBJECTS_ARN})


def records_objects(
    side: str, bucket_arn: str | None, basic: Iterable[BasicSelector], advanced: Iterable[AdvancedSelector]
) -> bool:
    """Tell whether one selector records the read or write events (`side`) on all objects of a bucket.

    Without a bucket it has to record those of all buckets, of future ones too.
    """
    objects = f"{bucket_arn}/" if bucket_arn else None
    return any(_basic_records(each, side, objects) for each in basic) or any(
        _advanced_records(each, side, objects) for each in advanced
    )


def _basic_records(selector: BasicSelector, side: str, objects: str | None) -> bool:
    sides = SIDES_OF_READ_WRITE_TYPE.get(selector.read_write_type, frozenset())
    return side in sides and any(value == objects or _names_no_bucket(value) for value in selector.objects)


def _names_no_bucket(value: str) -> bool:
    """Tell the beginning of every object's ARN: arn:PARTITION:s3, with the colons that follow or without."""
    parts = value.rstrip(":").split(":")
    return len(parts) == len(("arn", "partition", "s3")) and (parts[0], parts[2]) == ("arn", "s3")


def _advanced_records(selector: AdvancedSelector, side: str, objects: str | None) -> bool:
    category, kind = selector.get("eventCategory"), selector.get("resources.type")
    if category is None or "Data" not in category.equals or kind is None or S3_OBJECT not in kind.equals:
        return False
    if any(found.field not in KNOWN_FIELDS or not _is_readable(found) for found in selector.fields):
        return False
    return side in sides_of(selector.get("readOnly")) and _reaches(selector.get(OBJECTS_ARN), objects)


def _is_readable(found: FieldSelector) -> bool:
    return not found.other if found.field == OBJECTS_ARN else found.compares_whole


def _reaches(arn: FieldSelector | None, objects: str | None) -> bool:
    """Tell whether a condition on ARNs lets all of a bucket's objects through; `objects` None are those of all."""
    if arn is None:
        return True
    barred = (*arn.not_equals, *arn.not_starts_with)
    if any(objects is None or each.startswith(objects) or objects.startswith(each) for each in barred):
        return False
    starts = [each for each in arn.starts_with if _names_no_bucket(each) or (objects and objects.startswith(each))]
    return bool(starts) or not (arn.starts_with or arn.equals)
