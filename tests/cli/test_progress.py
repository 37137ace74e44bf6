"""How a run's progress is shown: on a terminal of any width, as plain lines, and as events for programs."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import click
import jsonschema
import msgspec
import pytest
from rich.console import Console

from orgaudit.aws.transport import Traffic
from orgaudit.cli import standard_error
from orgaudit.cli.progress import Watching, progress
from orgaudit.cli.progress.estimate import Left
from orgaudit.cli.progress.events import AnyEvent, Events, TickEvent, schema
from orgaudit.cli.progress.following import Following, gaps_of
from orgaudit.cli.progress.plain import Plain
from orgaudit.cli.progress.terminal import Terminal, view
from orgaudit.cli.progress.words import duration, left_in_words
from orgaudit.model import GLOBAL, Account, AccountRecord, Gap, GapReason, RegionRecord, RegionState

PAYMENTS = Account(id="123456789012", name="Payments")
OTHERS = [Account(id=f"{number:012}", name=f"Account {number}") for number in range(1000)]
DENIED = Gap(PAYMENTS.id, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, "the role could not be assumed")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def record(account: Account, gap: Gap | None = None, *regions: RegionRecord) -> AccountRecord:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    return AccountRecord(
        account_id=account.id, collected_at=moment, regions=regions, regions_source="", gap=gap, calls=3, retries=1
    )


def in_the_middle(clock: Clock, shown: Watching) -> None:
    """A run of which 400 of 1,000 accounts have ended, 15 run, and one has been running for longer than all."""
    traffic = Traffic()
    shown.stage("collect", 1000, traffic)
    shown.account_began(PAYMENTS)
    for number in range(400):
        shown.account_began(OTHERS[number])
        clock.now += 0.5
        traffic.calls += 400
        shown.following.seen()
        shown.account_done(OTHERS[number], None, traffic)
    for number in range(400, 415):
        shown.account_began(OTHERS[number])
    traffic.throttles += 12


def drawn(shown: Watching, width: int) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with screen.capture() as captured:
        screen.print(view(shown.following.seen()))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 160])
def test_the_view_names_the_slowest_account_at_any_width(width: int) -> None:
    clock = Clock()
    shown = Watching(Following(clock), None)
    in_the_middle(clock, shown)
    head, sent, slowest = drawn(shown, width)
    assert max(map(len, (head, sent, slowest))) <= 80
    assert head.startswith("collect ━━━━━━━━")
    assert "400/1,000 accounts 40% " in head
    assert head.endswith(" left")
    assert sent == "  160,000 calls · 800/s · 12 throttled · 0 gaps"
    assert slowest == "  slowest: Payments (123456789012), 3 min · 16 running"


def test_a_narrow_terminal_cuts_the_lines_and_never_wraps_them() -> None:
    clock = Clock()
    shown = Watching(Following(clock), None)
    in_the_middle(clock, shown)
    lines = drawn(shown, 40)
    assert len(lines) == 3
    assert max(map(len, lines)) <= 40


def test_a_name_cannot_write_on_the_terminal() -> None:
    shown = Watching(Following(Clock()), None)
    shown.stage("collect", 1, Traffic())
    shown.account_began(Account(id="1" * 12, name="[red]\x1b[2Jevil\nname" + "x" * 80))
    *_, slowest = drawn(shown, 160)
    assert "\x1b" not in slowest
    assert "[red]" in slowest
    assert "…" in slowest


def test_a_stage_that_goes_by_no_account_says_how_long_it_takes() -> None:
    clock = Clock()
    shown = Watching(Following(clock), None)
    assert drawn(shown, 80) == [""]
    shown.stage("report xlsx", 0)
    clock.now += 12
    assert drawn(shown, 80) == ["report xlsx 12 s"]


def test_the_view_goes_when_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn over itself, gone at the end, and a line of the log appears above it, whole."""
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=True, force_interactive=True)
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    following = Following(Clock())
    try:
        with Watching(following, Terminal(following, console)) as shown:
            shown.stage("collect", 10, Traffic())
            assert isinstance(shown.display, Terminal)
            shown.display._live.refresh()
            handler.emit(logging.LogRecord("orgaudit", logging.WARNING, "", 0, "a warning", None, None))
            assert "a warning" in screen.getvalue()
            stream = handler.stream
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream is not handler.stream
    assert "collect" in screen.getvalue()
    assert screen.getvalue().endswith(("\x1b[2K", "\x1b[?25h"))


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, ""),
        (Left(8.4), "about 8 s left"),
        (Left(119.0), "about 119 s left"),
        (Left(120.0, at_least=True), "at least 2 min left"),
        (Left(7200), "about 120 min left"),
    ],
)
def test_time_left_in_words(left: Left | None, words: str) -> None:
    assert left_in_words(left) == words
    assert duration(90_000) == "1,500 min"


def test_plain_lines_come_every_ten_seconds_and_name_what_is_much_slower(capsys: pytest.CaptureFixture[str]) -> None:
    clock, traffic = Clock(), Traffic()
    following = Following(clock)
    with Watching(following, Plain(following)) as shown:
        shown.stage("collect", 1000, traffic)
        shown.account_began(PAYMENTS)
        for number in range(61):
            shown.account_began(OTHERS[number])
            clock.now += 2
            traffic.calls += 100
            shown.account_done(OTHERS[number], None, traffic)
        shown.account_done(PAYMENTS, record(PAYMENTS, DENIED), traffic)
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "collect: 1,000 accounts"
    assert len(lines) == 13
    assert lines[0].startswith("collect: 5 of 1,000 accounts, 500 calls, ")
    assert "slowest: Payments (123456789012), 100 s" in lines[9]
    assert " left, slowest" in lines[9]
    assert lines[-1] == "collect: 123456789012 not assessed: the role could not be assumed"


def test_plain_lines_say_what_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    following = Following(clock)
    with Watching(following, Plain(following)) as shown:
        shown.stage("collect", 2, Traffic())
        shown.account_began(PAYMENTS)
        assert isinstance(shown.display, Plain)
        for now in (59.0, 61.0, 62.0):
            clock.now = now
            shown.display.tick()
    assert len(capsys.readouterr().err.splitlines()) == 2


@contextmanager
def as_json() -> Iterator[None]:
    """Make standard error JSON while the block lasts."""
    root = logging.getLogger()
    before, stream = [*root.handlers], sys.stderr
    root.addHandler(logging.StreamHandler(sys.stderr))
    standard_error.as_json()
    try:
        yield
    finally:
        root.handlers[:], sys.stderr = before, stream


def events(text: str) -> list[dict[str, object]]:
    """Decode every line; each must be as the schema has it."""
    found = []
    for line in text.splitlines():
        document = json.loads(line)
        jsonschema.validate(document, schema())
        assert msgspec.json.decode(line, type=AnyEvent)
        found.append(document)
    return found


def test_every_line_of_standard_error_is_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    traffic = Traffic(calls=7, throttles=2, retries=1)
    with as_json(), suppress(KeyboardInterrupt), progress("json") as shown:
        shown.stage("collect", 2, traffic)
        shown.account_began(PAYMENTS)
        blocked = RegionRecord("eu-west-1", RegionState.BLOCKED, DENIED)
        shown.account_done(PAYMENTS, record(PAYMENTS, DENIED, blocked), traffic)
        assert isinstance(shown.display, Events)
        shown.display.tick()
        logging.getLogger("orgaudit.test").error("password=abcdef of %s", "it")
        sys.stderr.write("orgaudit: half a ")
        click.echo("sentence\n\nand another", err=True)
        raise KeyboardInterrupt
    found = events(capsys.readouterr().err)
    assert [each["event"] for each in found] == [
        *("stage", "account_began", "account_done", "tick", "log", "message", "message", "end"),
    ]
    done, log, message, end = found[2], found[4], found[5], found[7]
    expected = {"stage": "collect", "done": 1, "total": 2, "calls": 7, "throttles": 2, "retries": 1, "gaps": 2}
    assert expected.items() <= done.items()
    assert {"account": PAYMENTS.id, "name": "Payments", "account_calls": 3, "account_gaps": 2}.items() <= done.items()
    assert {"reason": "ACCOUNT_UNAVAILABLE", "message": DENIED.message}.items() <= done.items()
    assert (log["level"], log["logger"], log["message"]) == ("ERROR", "orgaudit.test", "password=*** of it")
    assert message["message"] == "orgaudit: half a sentence"
    assert end["completed"] is False


def test_a_tick_names_the_slowest_account_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    following = Following(clock)
    display = Events(following)
    in_the_middle(clock, Watching(following, None))
    with as_json():
        display.tick()
    tick = msgspec.json.decode(capsys.readouterr().err, type=TickEvent)
    assert (tick.done, tick.total, tick.running, tick.seconds) == (400, 1000, 16, 200)
    assert tick.slowest is not None
    assert (tick.slowest.account, tick.slowest.name, tick.slowest.seconds) == (PAYMENTS.id, "Payments", 200)
    assert tick.calls_per_second == 800
    assert tick.seconds_left is not None


def test_nothing_is_shown_where_nothing_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("none") as shown:
        shown.stage("collect", 1, Traffic())
        shown.account_began(PAYMENTS)
        shown.account_done(PAYMENTS, record(PAYMENTS, DENIED), Traffic())
    assert capsys.readouterr().err == ""
    assert shown.following.gaps == 1


def test_traffic_of_stages_in_other_processes_adds_up() -> None:
    following = Following(Clock())
    for _ in range(2):
        following.stage("collect", 1, None)
        following.account_done(PAYMENTS, None, Traffic(calls=5))
    assert following.sent().calls == 10
    own = Traffic(calls=100)
    for _ in range(2):
        following.stage("collect", 1, own)
        own.calls += 1
    assert following.sent().calls == 112


def test_an_account_that_another_process_collected_took_what_its_record_says() -> None:
    following = Following(Clock())
    following.stage("collect", 1, None)
    following.account_began(PAYMENTS)
    ended = msgspec.structs.replace(record(PAYMENTS), began_at=record(PAYMENTS).collected_at - timedelta(seconds=48))
    assert following.account_done(PAYMENTS, ended, None) == 48


def test_gaps_are_accounts_and_regions_that_were_not_seen() -> None:
    regions = [RegionRecord("a", state) for state in (RegionState.AUDITED, RegionState.DISABLED, RegionState.BLOCKED)]
    assert gaps_of(record(PAYMENTS, DENIED, *regions)) == 2
    assert gaps_of(None) == 0
