"""The live view of a terminal: a few lines that are drawn over each other, and gone when the command goes on."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orgaudit.cli.progress import words
from orgaudit.cli.progress.following import Following, Seen
from orgaudit.model import Account, AccountRecord

DRAWN = 2.0
"""How often a second the view is drawn."""
BAR = 20
"""The width of the bar, in columns."""


class Terminal:
    """Draws the stage of a Following over and over; log lines appear above it."""

    def __init__(self, following: Following, console: Console | None = None) -> None:
        self._following = following
        self.console = console or Console(stderr=True)
        self._live = Live(
            console=self.console,
            refresh_per_second=DRAWN,
            transient=True,
            get_renderable=lambda: view(following.seen()),
        )
        self._streams: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []

    def open(self) -> None:
        """Begin to draw."""
        before = sys.stderr
        self._live.start()
        # A handler keeps the stream that it was made with; what it writes there would tear the view.
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                self._streams.append((handler, before))
                handler.setStream(sys.stderr)

    def close(self, *, completed: bool) -> None:
        """Remove the view."""
        del completed
        for handler, stream in self._streams:
            handler.setStream(stream)
        self._streams.clear()
        self._live.stop()

    def stage(self) -> None:
        """Do nothing: the view is drawn often enough."""

    def account_began(self, account: Account) -> None:
        """Do nothing: the view is drawn often enough."""

    def account_done(self, account: Account, record: AccountRecord | None, seconds: float) -> None:
        """Do nothing: the view is drawn often enough."""


def view(seen: Seen) -> Group | Text:
    """Return the lines of a stage, each as wide as its words; a narrow terminal cuts them at its edge."""
    if not seen.stage:
        return Text("")
    return Group(_head(seen), *filter(None, (_sent(seen), _slowest(seen))))


def _head(seen: Seen) -> Table:
    row = Table.grid(padding=(0, 1))
    cells: list[Text | ProgressBar] = [Text(seen.stage, style="bold")]
    if seen.total:
        cells += [
            ProgressBar(seen.total, seen.done, width=BAR),
            Text(f"{seen.done:,}/{seen.total:,} accounts"),
            Text(f"{seen.done / seen.total:.0%}"),
        ]
    cells.append(Text(words.left_in_words(seen.left) or words.duration(seen.seconds)))
    for _ in cells:
        row.add_column(no_wrap=True)
    row.add_row(*cells)
    return row


def _sent(seen: Seen) -> Text | None:
    found = words.figures(seen)
    return Text(f"  {' · '.join(found)}", no_wrap=True, overflow="ellipsis") if found else None


def _slowest(seen: Seen) -> Text | None:
    if seen.slowest is None:
        return None
    style = "yellow" if seen.slowest.is_much_slower else ""
    others = f" · {seen.running:,} running" if seen.running > 1 else ""
    return Text(f"  {words.slowest_in_words(seen.slowest)}{others}", style=style, no_wrap=True, overflow="ellipsis")
