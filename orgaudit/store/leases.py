"""Leases of accounts: which process collects which account of a run, so that no two collect the same one.

A lease is a file that is created where there is none, renewed by a thread while the account is collected, and removed
after the account's receipt was written. One whose process has ended, or that was not renewed in time, is taken over.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import msgspec

from orgaudit.errors import OrgauditError
from orgaudit.store.lease import Holder, this_process
from orgaudit.store.place import Place

log = logging.getLogger(__name__)

DIRECTORY = "leases"
LIFE = timedelta(seconds=90)
"""How long a lease is good without being renewed, whether its process runs or not: one may be halted for good."""
RENEWALS = 4
"""How often a lease is renewed in its life."""
LOOK_EVERY = 1.0
"""Seconds between looks at whether the collection, for which accounts are held, is over."""


class AccountLease(Holder, frozen=True, kw_only=True):
    """Who collects an account; `token` distinguishes the tasks of one process."""

    account_id: str
    token: str

    def gone(self, now: datetime) -> bool:
        """Return whether the account may be taken over: the process has ended, or did not renew the lease in time."""
        return self.ended or now > self.expires_at


def name_of(account_id: str) -> str:
    """Return the name of an account's lease."""
    return f"{DIRECTORY}/{account_id}.json"


def held(place: Place) -> set[str]:
    """Return the ids of the accounts that have a lease, alive or not."""
    names = (name.removeprefix(f"{DIRECTORY}/").removesuffix(".json") for name in place.names(DIRECTORY))
    return {name for name in names if name.isdigit()}


def read(place: Place, account_id: str) -> AccountLease | None:
    """Return an account's lease, or None without one; one that cannot be read is nobody's, and is none."""
    content = place.read(name_of(account_id))
    try:
        return None if content is None else msgspec.json.decode(content, type=AccountLease)
    except msgspec.MsgspecError:
        return None


def alive(place: Place, account_id: str) -> bool:
    """Return whether a process holds an account."""
    found = read(place, account_id)
    return found is not None and not found.gone(datetime.now(UTC))


def clear(place: Place, *, gone_only: bool = False) -> None:
    """Remove the leases of a run, with their directory, or only those of them that may be taken over.

    A collection whose coordinator was killed is over too: its tasks end, and a new coordinator begins them anew.
    """
    for name in place.names(DIRECTORY):
        if not gone_only or _is_gone(place, name):
            place.remove(name)
    if not gone_only:  # else a process may be about to write into the directory
        place.remove(DIRECTORY)


def _is_gone(place: Place, name: str) -> bool:
    content = place.read(name)
    try:
        found = msgspec.json.decode(content or b"", type=AccountLease if name[len(DIRECTORY) + 1].isdigit() else Holder)
    except msgspec.MsgspecError:
        return True
    return found.gone(datetime.now(UTC)) if isinstance(found, AccountLease) else found.ended


class Collection:
    """A coordinator's collection, for which tasks elsewhere work: they end when its file is gone."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.name = f"{DIRECTORY}/collection-{uuid.uuid4().hex}.json"

    def __enter__(self) -> Self:
        self._place.write(self.name, msgspec.json.encode(this_process(LIFE)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._place.remove(self.name)


class Leases:
    """The accounts that one task holds; a context manager that renews them in a thread, and releases them at its end.

    `lost` is called in that thread with the id of an account that another process has taken over meanwhile. `over` is
    called there once where the file `collection` is gone.
    """

    def __init__(
        self,
        place: Place,
        *,
        lost: Callable[[str], None],
        over: Callable[[], None] = lambda: None,
        collection: str | None = None,
        life: timedelta | None = None,
    ) -> None:
        self._place, self._lost, self._over, self._collection = place, lost, over, collection
        self._life = life or LIFE
        self._token = uuid.uuid4().hex
        self._held: set[str] = set()
        self._alone = threading.Lock()
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew_all, daemon=True, name="leases")

    def __enter__(self) -> Self:
        self._renewing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._renewing.join()
        with self._alone:  # nothing is claimed from now on
            held = tuple(self._held)
        for account_id in held:
            self.release(account_id)

    def claim(self, account_id: str) -> bool:
        """Return whether this task holds an account from now on; raises ReportError where no lease can be written.

        Where two take over the same lease at once, the later one has it, and the earlier one sees so when it renews.
        """
        content = self._content(account_id)
        with self._alone:
            if self._ended.is_set():
                return False
            if not self._place.create(name_of(account_id), content):
                if alive(self._place, account_id):
                    return False
                self._place.write(name_of(account_id), content)
                if not self._is_ours(account_id):
                    return False
            self._held.add(account_id)
        return True

    def release(self, account_id: str) -> None:
        """Give an account back; a lease that another task has by now stays."""
        with self._alone:
            self._held.discard(account_id)
            try:
                if self._is_ours(account_id):
                    self._place.remove(name_of(account_id))
            except OrgauditError as error:
                log.warning("the lease of account %s stays until it expires: %s", account_id, error)

    def _content(self, account_id: str) -> bytes:
        return msgspec.json.encode(AccountLease(**this_process(self._life), account_id=account_id, token=self._token))

    def _is_ours(self, account_id: str) -> bool:
        found = read(self._place, account_id)
        return found is not None and found.token == self._token

    def _renew_all(self) -> None:
        every = self._life.total_seconds() / RENEWALS
        due = every
        while not self._ended.wait(min(due, LOOK_EVERY)):
            due -= min(due, LOOK_EVERY)
            if self._is_over():
                self._over()
                return
            if due <= 0:
                due = every
                for account_id in tuple(self._held):
                    self._renew(account_id)

    def _is_over(self) -> bool:
        try:
            return self._collection is not None and not self._place.exists(self._collection)
        except OrgauditError as error:
            log.warning("whether the collection goes on is unknown: %s", error)
            return False

    def _renew(self, account_id: str) -> None:
        with self._alone:
            if account_id not in self._held:
                return
            try:
                found = read(self._place, account_id)
                if found is not None and found.token == self._token:
                    renewed = msgspec.structs.replace(found, expires_at=datetime.now(UTC) + self._life)
                    self._place.write(name_of(account_id), msgspec.json.encode(renewed))
                    return
            except OrgauditError as error:
                log.warning("the lease of account %s could not be renewed: %s", account_id, error)
                return
            self._held.discard(account_id)
        log.warning("account %s was taken over by %s", account_id, found or "another process")
        self._lost(account_id)
