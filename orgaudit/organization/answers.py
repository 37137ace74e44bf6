"""Reads AWS's answers as the types that they should have; an incomplete one is a gap, as a refused call is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import msgspec

from orgaudit.aws.account import RegionAccess
from orgaudit.aws.actions import iam_action
from orgaudit.model import Gap, GapReason, Json, NotSeenError

T = TypeVar("T")


def part(aws: RegionAccess, action: str, answer: Mapping[str, Json], key: str, kind: type[T]) -> T:
    """Return the value of a key of an answer; raises NotSeenError with a MALFORMED gap where it is not of the type."""
    try:
        found = msgspec.convert(answer.get(key), kind)
        msgspec.json.encode(found)  # raises for half a surrogate pair, which JSON may hold and no UTF-8 file can
    except (msgspec.ValidationError, ValueError) as error:
        why = str(error).encode("ascii", "backslashreplace").decode()
        message = f"the answer to {action} is incomplete: {key}: {why}"
        raise NotSeenError(Gap(aws.account_id, aws.region, action, GapReason.MALFORMED, message)) from error
    return found


async def each_of(
    aws: RegionAccess, service: str, operation: str, key: str, kind: type[T], /, **parameters: Json
) -> AsyncIterator[T]:
    """Yield the items under a key of a listing's pages; raises NotSeenError as `part` does."""
    async for page in aws.pages(service, operation, **parameters):
        items: list[T] = part(aws, iam_action(service, operation), page, key, list[kind])  # type: ignore[valid-type]  # known at run time
        for item in items:
            yield item
