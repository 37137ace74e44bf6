"""Standard error as JSON, a line an object: what a program follows is never mixed with what a person reads."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TextIO

import msgspec

from orgaudit.aws.masking import MaskingFormatter


class LogEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="log", forbid_unknown_fields=True):
    """A line of the log."""

    time: datetime
    level: str
    logger: str
    message: str


class MessageEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="message", forbid_unknown_fields=True
):
    """A sentence for a person, such as the error by which a command ended."""

    time: datetime
    message: str


class JsonLines(io.TextIOBase):
    """A standard error on which every line that is written becomes an event."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._begun = ""

    def write(self, text: str) -> int:
        """Write each line that is whole as an event."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in filter(str.strip, lines):
            self.event(MessageEvent(time=datetime.now(UTC), message=line))
        return len(text)

    def event(self, event: msgspec.Struct) -> None:
        """Write an event as one line."""
        self.stream.write(f"{msgspec.json.encode(event).decode()}\n")
        self.stream.flush()

    def flush(self) -> None:
        """Write what was written out."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Return False: no person reads it."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True


class _Events(logging.Handler):
    """Writes what is logged as events, without secrets."""

    def __init__(self, lines: JsonLines) -> None:
        super().__init__()
        self._lines = lines
        self.setFormatter(MaskingFormatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        moment = datetime.fromtimestamp(record.created, UTC)
        text = self.format(record)
        self._lines.event(LogEvent(time=moment, level=record.levelname, logger=record.name, message=text))


def begin_log(level: int, *, json: bool = False) -> None:
    """Log to standard error what orgaudit says at this level and above, and of other packages no details."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s: %(message)s"))
    # The SDK's own DEBUG lines hold its requests, signatures and answers: they are never logged.
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler])
    logging.getLogger("orgaudit").setLevel(level)
    if json:
        as_json()


class SameLog:
    """Makes another process, which is given this, log as this one does by then."""

    def __call__(self) -> None:
        """Do nothing: this process logs already."""

    def __reduce__(self) -> tuple[Callable[[int, bool], Callable[[], None]], tuple[int, bool]]:
        """Return what the other process gets in its place."""
        return _log_of, (logging.getLogger("orgaudit").level, isinstance(sys.stderr, JsonLines))


def _log_of(level: int, is_json: bool) -> Callable[[], None]:
    return partial(begin_log, level, json=is_json)


def as_json() -> None:
    """Make standard error JSON for the rest of this process: events, the log, and every other line."""
    if isinstance(sys.stderr, JsonLines):
        return
    before, lines = sys.stderr, JsonLines(sys.stderr)
    sys.stderr = lines
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if isinstance(handler, logging.StreamHandler) and handler.stream is before:
            root.removeHandler(handler)
            root.addHandler(_Events(lines))


def line(text: str) -> str:
    """Return a line as standard error would show it, for who must not wait for its stream."""
    if isinstance(sys.stderr, JsonLines):
        return msgspec.json.encode(MessageEvent(time=datetime.now(UTC), message=text)).decode()
    return text


def write_event(event: msgspec.Struct) -> None:
    """Write an event where standard error is JSON."""
    if isinstance(sys.stderr, JsonLines):
        sys.stderr.event(event)
