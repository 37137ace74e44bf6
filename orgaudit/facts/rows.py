"""How listings read their answers: row by row and member by member, so that what one row lacks hides nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from orgaudit.facts.declare import Aws
from orgaudit.model import Gap, GapReason, Json, NotSeenError, Observed, Seen

T = TypeVar("T")

UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)
"""What reading a value raises where an answer lacks it, or has one of another type."""


class RowError(ValueError):
    """A row without identity, or with a value of a wrong type; raised when the other rows of the listing were read."""


class Row:
    """One row of an answer. As a context manager it returns the row, and sets aside one that cannot be read."""

    __slots__ = ("_action", "_aws", "_unread", "found")

    def __init__(self, aws: Aws, action: str, found: Any, unread: list[Exception] | None = None) -> None:  # noqa: ANN401 - what the SDK parsed
        self._aws, self._action, self.found = aws, action, found
        self._unread = [] if unread is None else unread

    def __enter__(self) -> Any:  # noqa: ANN401 - what the SDK parsed
        return self.found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, NotSeenError):
            self._unread.append(error)
        elif isinstance(error, UNREADABLE):
            self._unread.append(RowError(self._said(error)))
        else:
            return False
        return True

    def member(self, path: str, kind: type[T]) -> Observed[T]:
        """Return a member of the row, or a gap where the answer lacks it; dots lead into inner members."""
        found = self.found
        for name in path.split("."):
            if not isinstance(found, dict) or name not in found:
                return self._gap(f"the answer lacks {path}")
            found = found[name]
        return (
            Seen(found) if isinstance(found, kind) else self._gap(f"the answer's {path} is not of type {kind.__name__}")
        )

    def read(self, reading: Callable[[Any], T]) -> Observed[T]:
        """Return what `reading(row)` returns, or a gap where the answer lacks what that needs."""
        try:
            return Seen(reading(self.found))
        except UNREADABLE as error:
            return self._gap(self._said(error))

    async def follow(self, reading: Awaitable[T]) -> Observed[T]:
        """Return what a further call returns, or its gap."""
        try:
            return Seen(await reading)
        except NotSeenError as error:
            return error.gap
        except UNREADABLE as error:
            return self._gap(self._said(error))

    def _gap(self, message: str) -> Gap:
        return Gap(self._aws.account_id, self._aws.region, self._action, GapReason.MALFORMED, message)

    @staticmethod
    def _said(error: Exception) -> str:
        if isinstance(error, KeyError):
            return f"the answer lacks {error.args[0]}"
        return f"the answer cannot be read: {error}"


async def each_row(
    aws: Aws, action: str, lists: AsyncIterable[Iterable[Any]] | Iterable[Iterable[Any]]
) -> AsyncIterator[Row]:
    """Yield every row of some lists. Once all are read, raises for the first that could not be, so none is forgotten.

    `action` is the IAM action of the call that lists them.
    """
    unread: list[Exception] = []
    async for rows in _in_turn(lists):
        for found in rows:
            yield Row(aws, action, found, unread)
    if unread:
        raise unread[0]


def listed(
    aws: Aws, service: str, operation: str, member: str, *, action: str = "", omits_empty: bool = False, **asked: Json
) -> AsyncIterator[Row]:
    """Yield every row in a member of an operation's pages.

    `action` is the operation's IAM action where that has another name. `omits_empty` is set where a page without rows
    may lack the member; anywhere else that is an answer that cannot be read. `asked` are the operation's parameters.
    """
    pages = aws.pages(service, operation, **asked)
    lists = (page.get(member, ()) if omits_empty else page[member] async for page in pages)
    return each_row(aws, action or f"{service}:{operation}", lists)


async def _in_turn(lists: AsyncIterable[T] | Iterable[T]) -> AsyncIterator[T]:
    if isinstance(lists, AsyncIterable):
        async for each in lists:
            yield each
    else:
        for each in lists:
            yield each


def text(value: Any) -> str:  # noqa: ANN401 - what the SDK parsed
    """Return a name that becomes part of an ARN; raises TypeError for anything else, which an ARN would hide."""
    if not isinstance(value, str):
        raise TypeError(f"not a name: {value!r}")
    return value


def security_groups_in(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of a database's security groups; raises KeyError where the answer lacks them."""
    return tuple(each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"])


def tags_in(tags: Iterable[Any] | None) -> dict[str, str]:
    """Return a list of tags by key; a tag without a value has an empty one, as in the API references' data type Tag."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or () if "Key" in tag}
