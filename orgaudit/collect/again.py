"""Which accounts of an earlier run an audit looks at again, and whose facts it takes over instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

import msgspec

from orgaudit.collect.slices import resource_names
from orgaudit.errors import ConfigError
from orgaudit.facts.declare import FactType, closure
from orgaudit.facts.shard import AccountHeader
from orgaudit.model import GLOBAL, Account, Gap, GapReason, RegionState, Status
from orgaudit.store import earlier as store
from orgaudit.store import receipts, seal
from orgaudit.store.manifest import Manifest, SinceRecord, TakenOver
from orgaudit.store.place import place_of
from orgaudit.store.run import Run, read_encoded, read_lines

OPTION = "--since"
_PLACED_BY = frozenset({"--account", "--ou", "--region"})
"""Options that narrowed which accounts and regions a run is of."""
_HAS_GAP = b'"type":"gap"'
"""What the line of a shard has in it where anything in it could not be read; a text in it has its quotes escaped."""


@dataclass(frozen=True, slots=True)
class Since:
    """An audit of an earlier run's scope that collects what failed in it, and what is older than that."""

    earlier: Run
    older_than: timedelta | None = None

    def check(self, run: Run) -> None:
        """Raise ConfigError where the facts of the earlier run cannot be taken over."""
        store.check_beside(self.earlier, run, OPTION)
        manifest = self.earlier.read_collected()
        if manifest.only_open is not None:
            remedy = f"name run {manifest.only_open.run_id}, from which it went on"
            raise ConfigError(f"run {self.earlier.id} looked at open findings alone; {remedy}", key=OPTION)
        seal.standing(self.earlier, seal.FACTS)

    def planned(
        self, manifest: Manifest, facts: Sequence[FactType], accepts: Callable[[str], bool], *, newest: bool
    ) -> Manifest:
        """Return the plan of the audit, with the accounts of which it takes the facts over.

        `accepts` decides of a region that a policy denies whole whether the settings accept it as not audited. Where
        the earlier run is not the `newest` audit of the whole scope, a later one saw more of what is taken over, so
        the new run is no baseline. Raises ConfigError where the earlier run is of another organization.
        """
        before = self.earlier.read_collected()
        store.check_same(before, manifest, OPTION)
        narrowed = [option for option in before.narrowed_by or () if option in _PLACED_BY]
        narrowed += [option for option in manifest.narrowed_by or () if option not in narrowed]
        if not newest:
            narrowed.append(OPTION)
        taken = tuple(self._taken(before, manifest, facts, accepts))
        since = SinceRecord(
            run_id=self.earlier.id,
            started_at=before.started_at,
            manifest_sha256=seal.digest(self.earlier.manifest_path),
            accounts=taken,
        )
        return msgspec.structs.replace(manifest, since=since, narrowed_by=tuple(narrowed))

    def _taken(
        self, before: Manifest, manifest: Manifest, facts: Sequence[FactType], accepts: Callable[[str], bool]
    ) -> Iterator[TakenOver]:
        """Yield the accounts that need no second look, and those out of scope that share resources with them."""
        if {each.fact.__name__ for each in closure(facts)} - {record.name for record in before.facts}:
            return
        known = {account.id for account in (*before.accounts, *before.out_of_scope)}
        collected = {account.id for account in before.accounts}
        inside = {account.id: account for account in manifest.accounts if account.id in collected}
        outside = {account.id: account for account in manifest.out_of_scope if account.id in before.supporting}
        found = {each: looked_at(self.earlier, each, accepts) for each in (*inside, *outside)}
        failed = {each for each, shard in found.items() if shard.failed}
        failed |= set(_not_assessed(self.earlier, before, failed))
        kept = [each for each in inside if each not in failed and self._is_kept(found[each], inside[each], manifest)]
        shown = {each for account in kept for each in _shown_by(self.earlier, account, known)} if outside else set()
        kept += [
            each
            for each in outside
            if each in shown and each not in failed and self._is_kept(found[each], outside[each], manifest)
        ]
        origins = before.taken_over
        for each in kept:
            run_id = origins[each].run_id if each in origins else self.earlier.id
            collected_at = found[each].header.record.collected_at
            yield TakenOver(account_id=each, run_id=run_id, collected_at=collected_at)

    def _is_kept(self, shard: Looked, account: Account, manifest: Manifest) -> bool:
        """Return whether a shard is young enough, and its account is called and placed as it was."""
        record, then = shard.header.record, shard.header.account
        if self.older_than is not None and record.collected_at < manifest.started_at - self.older_than:
            return False
        return all(getattr(then, name) == getattr(account, name) for name in ("name", "state", "ou_path", "ou_ids"))


@dataclass(frozen=True, slots=True)
class Looked:
    """What a shard shows at a glance: its first line, and whether a second look may see more."""

    header: AccountHeader
    failed: bool


def looked_at(run: Run, account_id: str, accepts: Callable[[str], bool] = lambda _region: False) -> Looked:
    """Return what an account's shard shows at a glance; raises ConfigError where it cannot be read.

    A second look may fill every gap but those that prove that nothing is there, and those in a region that a service
    control policy denies whole and that the settings accept as not audited. A denial is one that may be filled: the
    role or the policy may have been corrected, which is why people look again.
    """
    lines = read_encoded(run.shard_path(account_id))
    first = next(lines)
    header = msgspec.json.decode(first, type=AccountHeader)
    blocked = {region.name for region in header.record.regions if region.state is RegionState.BLOCKED}
    accepted = {name for name in blocked if accepts(name)}
    return Looked(header, any(_has_failed(line, accepted) for line in chain([first], lines)))


def _shown_by(run: Run, account_id: str, everybody: Collection[str]) -> tuple[str, ...]:
    """Return the ids of the other accounts whose resources a shard shows; for one without receipt, none is written."""
    place = place_of(run.path)
    found = receipts.read(place, account_id) or receipts.made(place, account_id, everybody, resource_names())
    return found.shows


def _has_failed(line: bytes, accepted: Collection[str]) -> bool:
    if _HAS_GAP not in line:
        return False
    whole = msgspec.json.decode(line)
    once = whole.get("type") == "Listed" and whole.get("region") == GLOBAL
    return any(_may_be_filled(gap, accepted, once=once) for gap in _gaps(whole))


def _gaps(value: Any) -> Iterator[Gap]:  # noqa: ANN401 - any JSON
    """Yield every gap in a line, however deep."""
    if isinstance(value, dict):
        if value.get("type") == "gap":
            yield msgspec.convert(value, Gap)
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _gaps(each)


def _may_be_filled(gap: Gap, accepted: Collection[str], *, once: bool) -> bool:
    """Return whether a second look may see what is missing; what exists `once` in an account is always there."""
    if gap.reason is GapReason.SCP_DENIED and gap.region in accepted:
        return False
    return once or not gap.reason.nothing_there


class _Finding(msgspec.Struct):
    status: Status
    gap: Gap | None = None
    accepted: bool = False


def _not_assessed(run: Run, manifest: Manifest, failed: Collection[str]) -> Iterator[str]:
    """Yield the other accounts of which something was not assessed that none of the failed accounts explains.

    So it is where a control needs a fact that the version did not read yet, or another account's has changed.
    """
    if manifest.evaluated_at is None:
        return
    decoder = msgspec.json.Decoder(_Finding)
    for account in manifest.accounts:
        findings = read_lines(run.findings_path(account.id), decoder)
        if account.id not in failed and any(_is_unexplained(each, failed) for each in findings):
            yield account.id


def _is_unexplained(finding: _Finding, failed: Collection[str]) -> bool:
    gap = finding.gap
    if finding.status is not Status.NOT_ASSESSED or finding.accepted or gap is None:
        return False
    return gap.reason is not GapReason.ACCOUNT_UNAVAILABLE and gap.account_id not in failed
