"""The events of `--progress json`: one JSON object a line on standard error, for programs that follow a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from orgaudit.cli import standard_error
from orgaudit.cli.progress.following import Following, Seen, gaps_of
from orgaudit.cli.progress.ticker import Ticker
from orgaudit.model import Account, AccountRecord

TICK_EVERY = 5.0
"""Seconds between two ticks."""


class SlowestAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The account that has been running for the longest time."""

    account: str
    name: str
    seconds: float


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", forbid_unknown_fields=True):
    """What every event of a stage says: when it was, and how far the stage is.

    `total` is 0 for a stage that does not go by account. `calls`, `throttles`, `retries` and `gaps` are those of the
    whole command so far; a gap is an account or a region that could not be seen.
    """

    time: datetime
    stage: str
    done: int
    total: int
    calls: int
    throttles: int
    retries: int
    gaps: int


class StageEvent(Event, frozen=True, tag="stage"):
    """A stage has begun."""


class AccountBeganEvent(Event, frozen=True, tag="account_began"):
    """Work on an account has begun."""

    account: str
    name: str


class AccountDoneEvent(Event, frozen=True, tag="account_done"):
    """An account of the stage has ended.

    `account_*` are its own figures, None in stages that do not call AWS; `reason` and `message` say why it could not be
    assessed at all.
    """

    account: str
    name: str
    seconds: float
    account_calls: int | None = None
    account_throttles: int | None = None
    account_retries: int | None = None
    account_gaps: int | None = None
    reason: str | None = None
    message: str | None = None


class TickEvent(Event, frozen=True, tag="tick"):
    """How the stage goes on, every five seconds.

    `seconds` is how long it has taken, `seconds_left` how long it will still take, None while that is unknown; with
    `at_least`, how much longer is unknown.
    """

    running: int
    seconds: float
    calls_per_second: float | None
    seconds_left: float | None
    at_least: bool
    slowest: SlowestAccount | None


class EndEvent(Event, frozen=True, tag="end"):
    """The last event of a command's work; `completed` is False where it was stopped or ended by an error."""

    seconds: float
    completed: bool


AnyEvent: TypeAlias = (
    StageEvent
    | AccountBeganEvent
    | AccountDoneEvent
    | TickEvent
    | EndEvent
    | standard_error.LogEvent
    | standard_error.MessageEvent
)
"""What a line of standard error is with `--progress json`."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a line."""
    return msgspec.json.schema(AnyEvent)


class Events:
    """Writes events."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._opened = following.clock()
        self._ticker = Ticker(TICK_EVERY, self.tick)

    def open(self) -> None:
        """Begin to tick."""
        self._ticker.start()

    def close(self, *, completed: bool) -> None:
        """Write the last event."""
        self._ticker.stop()
        seconds = round(self._following.clock() - self._opened, 3)
        _write(EndEvent(**self._head(), seconds=seconds, completed=completed))

    def stage(self) -> None:
        """Write that a stage has begun."""
        _write(StageEvent(**self._head()))

    def account_began(self, account: Account) -> None:
        """Write that work on an account has begun."""
        _write(AccountBeganEvent(**self._head(), account=account.id, name=account.name))

    def account_done(self, account: Account, record: AccountRecord | None, seconds: float) -> None:
        """Write how an account ended."""
        own: dict[str, Any] = {}
        if record is not None:
            own = {
                "account_calls": record.calls,
                "account_throttles": record.throttles,
                "account_retries": record.retries,
                "account_gaps": gaps_of(record),
            }
            if record.gap is not None:
                own |= {"reason": str(record.gap.reason), "message": record.gap.message}
        _write(
            AccountDoneEvent(**self._head(), account=account.id, name=account.name, seconds=round(seconds, 3), **own)
        )

    def tick(self) -> None:
        """Write how the stage goes on."""
        with self._following.lock:
            seen = self._following.seen()
            if seen.stage:
                _write(self._tick(seen))

    def _tick(self, seen: Seen) -> TickEvent:
        slowest = seen.slowest
        return TickEvent(
            **self._head(),
            running=seen.running,
            seconds=round(seen.seconds, 3),
            calls_per_second=_rounded(seen.calls_per_second),
            seconds_left=_rounded(seen.left.seconds if seen.left else None),
            at_least=seen.left.at_least if seen.left else False,
            slowest=SlowestAccount(slowest.account.id, slowest.account.name, round(slowest.seconds, 3))
            if slowest
            else None,
        )

    def _head(self) -> dict[str, Any]:
        following = self._following
        sent = following.sent()
        return {
            "time": datetime.now(UTC),
            "stage": following.name,
            "done": following.done,
            "total": following.total,
            "calls": sent.calls,
            "throttles": sent.throttles,
            "retries": sent.retries,
            "gaps": following.gaps,
        }


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 1)


def _write(event: Event) -> None:
    standard_error.write_event(event)
