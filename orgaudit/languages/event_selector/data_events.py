"""The object events of buckets that the event selectors of trails record.

Selectors add up, a basic one names a bucket or a prefix of its objects, an advanced one compares the object's ARN:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
An event is recorded where any trail records it, so the selectors of several trails add up as those of one do.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from orgaudit.languages.event_selector.management import (
    SIDES_OF_READ_WRITE_TYPE,
    AdvancedSelector,
    BasicSelector,
    FieldSelector,
    sides_of,
)

S3_OBJECT = "AWS::S3::Object"
_ARN = "resources.ARN"
_KNOWN_FIELDS = frozenset({"eventCategory", "readOnly", "resources.type", _ARN})
_UNNAMED = "\0"
"""A character with which no text of a selector goes on."""


def records_objects(side: str, beginning: str, selectors: Iterable[BasicSelector | AdvancedSelector]) -> bool:
    """Return whether selectors together record the read or write events (`side`) on every object of a bucket.

    `beginning` is what the ARNs of the objects begin with: the bucket and a slash, or what stands before the name of
    any bucket, future ones included. ARNs differ for the selectors only by which of their texts they begin with or are.
    """
    relevant = [each for each in selectors if _is_about(each, side)]
    named = {text for each in relevant for text in _texts(each) if text.startswith(beginning)}
    kinds = {beginning + _UNNAMED, *filter(_is_object, named), *(text + _UNNAMED for text in named)}
    return all(any(_records(each, arn) for each in relevant) for arn in kinds)


def _is_object(arn: str) -> bool:
    """Return whether an ARN is that of an object, with a key behind the bucket's name."""
    return arn.partition("/")[2] != ""


@lru_cache(maxsize=4096)
def _is_about(selector: BasicSelector | AdvancedSelector, side: str) -> bool:
    """Return whether a selector records this side of object events, by conditions that are all understood."""
    if isinstance(selector, BasicSelector):
        return side in SIDES_OF_READ_WRITE_TYPE.get(selector.read_write_type, frozenset())
    category, kind = selector.get("eventCategory"), selector.get("resources.type")
    if category is None or "Data" not in category.equals or kind is None or S3_OBJECT not in kind.equals:
        return False
    if selector.repeats or any(
        found.field not in _KNOWN_FIELDS or not _is_readable(found) for found in selector.fields
    ):
        return False
    return side in sides_of(selector.get("readOnly"))


def _is_readable(found: FieldSelector) -> bool:
    return not found.other if found.field == _ARN else found.compares_whole


def _texts(selector: BasicSelector | AdvancedSelector) -> Iterator[str]:
    if isinstance(selector, BasicSelector):
        yield from selector.objects
    elif arn := selector.get(_ARN):
        yield from (*arn.equals, *arn.not_equals, *arn.starts_with, *arn.not_starts_with)


def _records(selector: BasicSelector | AdvancedSelector, arn: str) -> bool:
    if isinstance(selector, BasicSelector):
        return any(_names_no_bucket(value) or ("/" in value and arn.startswith(value)) for value in selector.objects)
    condition = selector.get(_ARN)
    if condition is None:
        return True
    if arn in condition.not_equals or arn.startswith(condition.not_starts_with):
        return False
    wanted = bool(condition.equals or condition.starts_with)
    return not wanted or arn in condition.equals or arn.startswith(condition.starts_with)


def _names_no_bucket(value: str) -> bool:
    """Return whether a value is the beginning of every object's ARN: arn:PARTITION:s3, with colons behind or without.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
    """
    parts = value.rstrip(":").split(":")
    return len(parts) == len(("arn", "partition", "s3")) and (parts[0], parts[2]) == ("arn", "s3")
