"""How a run's progress is shown, and that no time is estimated before it can be right."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orgaudit.aws.transport import Traffic
from orgaudit.cli.progress import PlainProgress, TerminalProgress, in_words, seconds_left
from orgaudit.model import Account

ACCOUNT = Account(id="111122223333", name="A")
TRAFFIC = Traffic()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "beside", "left"),
    [
        (0, 100, 60.0, 1, None),
        (4, 100, 60.0, 1, None),
        (9, 100, 60.0, 1, None),
        (10, 100, 60.0, 1, 540.0),
        (10, 100, 9.0, 1, None),
        (16, 100, 60.0, 16, None),
        (31, 100, 60.0, 16, None),
        (32, 100, 64.0, 16, 136.0),
        (39, 40, 60.0, 100, None),
        (40, 40, 60.0, 1, None),
        (50, 100, 100.0, 1, 100.0),
        (1, 1, 60.0, 1, None),
        (0, 0, 60.0, 1, None),
    ],
)
def test_time_left_is_unknown_until_later_accounts_have_ended(
    done: int, total: int, elapsed: float, beside: int, left: float | None
) -> None:
    assert seconds_left(done, total, elapsed, beside) == left


@pytest.mark.parametrize("beside", [1, 16, 64])
@pytest.mark.parametrize("total", [20, 100, 800])
def test_an_estimate_is_near_the_truth_for_even_accounts(total: int, beside: int) -> None:
    """Accounts of 30 seconds, so many at once: when an estimate is shown, it is about half to twice the truth."""
    whole = 30.0 * -(-total // beside)
    shown = 0
    for done in range(1, total):
        elapsed = 30.0 * -(-done // beside)
        left = seconds_left(done, total, elapsed, beside)
        if left is not None and elapsed < whole:
            shown += 1
            assert (whole - elapsed - 30) / 2 <= left <= (whole - elapsed + 30) * 2
    assert shown or beside >= total // 4


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (8.4, "about 8 s left"),
        (89.0, "about 89 s left"),
        (90.0, "about 2 min left"),
        (7200, "about 120 min left"),
    ],
)
def test_time_left_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


def test_plain_lines_have_no_estimate_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with PlainProgress(2, clock) as shown:
        shown.stage("collect", 100)
        for _ in range(20):
            clock.now += 10
            shown.account_done(ACCOUNT, None, TRAFFIC)
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "collect: 100 accounts"
    assert ["left" in line for line in lines] == [False] * 9 + [True] * 11
    assert lines[0] == "collect: 1 of 100 accounts, 0 calls, 0 throttled, 0 gaps"
    assert lines[-1].endswith("0 gaps, about 13 min left")


def test_the_live_line_has_no_estimate_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    shown = TerminalProgress(2, clock)
    screen = Console(file=io.StringIO(), width=120)
    shown.stage("collect", 100)
    drawn = []
    for _ in range(20):
        clock.now += 10
        shown.account_done(ACCOUNT, None, TRAFFIC)
        with screen.capture() as captured:
            screen.print(shown._bar.get_renderable())
        drawn.append(captured.get())
    assert ["left" in line for line in drawn] == [False] * 9 + [True] * 11
    assert "20/100" in drawn[-1]
    assert "about 13 min left" in drawn[-1]
