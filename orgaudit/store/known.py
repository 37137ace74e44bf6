"""The accounts that the stored runs know: of each organization, those that its newest run found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from orgaudit.model import Account
from orgaudit.store import copies
from orgaudit.store.manifest import SCHEMA_VERSION
from orgaudit.store.run import LATEST

T = TypeVar("T")


class _Organization(msgspec.Struct, frozen=True):
    id: str


class _Head(msgspec.Struct, frozen=True):
    """What of run.json decides whether its accounts are read."""

    schema_version: int
    started_at: Annotated[datetime, msgspec.Meta(tz=True)]
    organization: _Organization | None


class _Accounts(msgspec.Struct, frozen=True):
    accounts: tuple[Account, ...]
    out_of_scope: tuple[Account, ...] = ()


def known_accounts(out: Path) -> dict[str, Account] | None:
    """Return the accounts that the runs of a directory know, by id; None where no run is stored.

    A run that listed an organization lists every account of it, so the newest such run alone is asked: an account that
    left since an older one is not known any more. Runs without an organization know the accounts that they were given,
    and the newer run knows an account's name. A run.json that cannot be read knows nothing.
    """
    heads = [(head, path) for path in _manifests(out) if (head := _decoded(path, _Head)) is not None]
    heads = [(head, path) for head, path in heads if head.schema_version == SCHEMA_VERSION]
    if not heads:
        return None
    known: dict[str, Account] = {}
    asked: set[str] = set()
    for head, path in sorted(heads, key=lambda it: (it[0].organization is not None, it[0].started_at), reverse=True):
        if head.organization is not None:
            if head.organization.id in asked:
                continue
            asked.add(head.organization.id)
        found = _decoded(path, _Accounts)
        for account in () if found is None else (*found.accounts, *found.out_of_scope):
            known.setdefault(account.id, account)
    return known


def _manifests(out: Path) -> Iterator[Path]:
    """Yield run.json of each run, but not again by the name of the last one."""
    copies.need_each(out)
    return (path for path in out.glob("*/run.json") if path.parent.name != LATEST)


def _decoded(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
