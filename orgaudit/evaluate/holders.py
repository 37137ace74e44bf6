"""Which account has a resource whose ARN names none, found without reading the rest of the shards."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orgaudit.facts.declare import Resource
from orgaudit.store.run import Run, read_encoded


def holders(run: Run, accounts: Iterable[str], kind: type[Resource]) -> dict[str, str]:
    """Return the account of each resource of a kind by its ARN, of those accounts that have a shard.

    Raises ConfigError where a shard cannot be read.
    """
    decoder = msgspec.json.Decoder(kind)
    start = f'{{"type":"{kind.__name__}",'.encode()
    return {
        decoder.decode(line).arn: account_id
        for account_id in accounts
        if (path := run.shard_path(account_id)).exists()
        for line in read_encoded(path)
        if line.startswith(start)
    }
