"""The facts of a run's accounts, read from their shards when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from orgaudit.analysis.account_facts import AccountFacts
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

    def load(self, account_id: str) -> AccountFacts | None:
        """Return an account's facts, or None where the run has no shard of it."""
        if account_id not in self._kept:
            path = self._run.shard_path(account_id)
            if not path.exists():
                return None
            self._kept[account_id] = AccountFacts(read_lines(path, self._decoder), self._accepts)
            if len(self._kept) > KEPT_SHARDS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(account_id)
        return self._kept[account_id]
