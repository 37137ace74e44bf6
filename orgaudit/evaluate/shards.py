"""The facts of a run's accounts, read from their shards when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.errors import ConfigError
from orgaudit.facts.declare import load
from orgaudit.facts.shard import shard_decoder
from orgaudit.store.run import Run, read_lines

KEPT_SHARDS = 8
"""How many accounts' facts stay in memory: those whose resources others share are read again and again."""


class Shards:
    """The facts of a run's accounts, read when needed; the last ones stay in memory.

    `accepts` decides of a region that a policy denies whole whether the settings accept it as not audited.
    """

    def __init__(self, run: Run, accepts: Callable[[str], bool] = lambda _region: False) -> None:
        self._run = run
        self._accepts = accepts
        self._decoder = shard_decoder(load())
        self._kept: OrderedDict[str, AccountFacts] = OrderedDict()

    def __reduce__(self) -> tuple[type[Shards], tuple[Run, Callable[[str], bool]]]:
        """Return how another process makes the same, which reads for itself."""
        return Shards, (self._run, self._accepts)

    def load(self, account_id: str) -> AccountFacts | None:
        """Return an account's facts, or None where the run has no shard of it."""
        if account_id not in self._kept:
            path = self._run.shard_path(account_id)
            if not path.exists():
                return None
            lines = whole(read_lines(path, self._decoder), path)
            self._kept[account_id] = AccountFacts(lines, self._accepts)
            if len(self._kept) > KEPT_SHARDS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(account_id)
        return self._kept[account_id]


def whole(lines: Iterable[Any], path: Path) -> Iterator[Any]:
    """Yield the lines of a shard; raises ConfigError at the end where there are not as many as the first one says.

    A shard of several zstd frames that lacks the last of them is not damaged by itself.
    """
    counted, expected = -1, None
    for counted, line in enumerate(lines):
        if counted == 0:
            expected = line.lines
        yield line
    if expected is not None and counted != expected:
        raise ConfigError("is damaged (it lacks lines); restore it from a copy, or audit again", file=str(path))
