"""What an audit has from an earlier run beside it: the scope, and shards that are not collected again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.settings.sections import ScopeSettings
from orgaudit.store import copies, receipts, seal
from orgaudit.store.again import share
from orgaudit.store.manifest import Manifest, OnlyOpenRecord, SinceRecord
from orgaudit.store.place import Directory, place_of
from orgaudit.store.receipts import Receipt
from orgaudit.store.run import Run, make_directory, shard_name, valid_id

PLACES = (
    *("accounts", "exclude_accounts", "ous", "exclude_ous", "tags", "exclude_tags"),
    *("regions", "exclude_regions"),
)
"""The keys of [scope] that choose accounts and regions."""


def scope_of(earlier: Manifest, scope: ScopeSettings) -> ScopeSettings:
    """Return a scope with the accounts and regions of an earlier run, and else as it is."""
    before = ScopeSettings.model_validate(earlier.settings.get("scope", {}))
    return scope.model_copy(update={key: getattr(before, key) for key in PLACES})


def present(scope: ScopeSettings, accounts: Collection[str]) -> ScopeSettings:
    """Return a scope without the accounts that do not exist any more; where none is left, they stay to be named."""
    inside = tuple(each for each in scope.accounts if each in accounts) or scope.accounts
    outside = tuple(each for each in scope.exclude_accounts if each in accounts)
    return scope.model_copy(update={"accounts": inside, "exclude_accounts": outside})


def differs(earlier: Manifest, scope: ScopeSettings) -> list[str]:
    """Return the keys of [scope] by which an earlier run chose other accounts or regions than the settings do now."""
    before = ScopeSettings.model_validate(earlier.settings.get("scope", {}))
    return [key for key in PLACES if getattr(before, key) != getattr(scope, key)]


def check_beside(earlier: Run, run: Run, option: str) -> None:
    """Raise ConfigError where an earlier run is in another directory than the one that is made."""
    if earlier.path.parent.resolve() != run.path.parent.resolve():
        raise ConfigError(
            f"run {earlier.id} is in {earlier.path.parent}, and the new one would be in {run.path.parent}; "
            "name that directory with --out",
            key=option,
        )


def check_same(earlier: Manifest, manifest: Manifest, option: str) -> None:
    """Raise ConfigError where an earlier run is of another organization than the caller's."""
    before, now = _audited(earlier), _audited(manifest)
    if before != now:
        raise ConfigError(f"run {earlier.run_id} is of {before}, and the caller is in {now}", key=option)


def _audited(manifest: Manifest) -> str:
    return manifest.organization.id if manifest.organization else manifest.caller.account_id


def earlier_of(run: Run, record: SinceRecord | OnlyOpenRecord) -> Run:
    """Return the run beside another one that its manifest names; raises ConfigError where it is not there."""
    earlier = Run(run.path.parent / record.run_id)
    if not valid_id(record.run_id) or not earlier.manifest_path.is_file():
        raise ConfigError(
            f"run {run.id} goes on from run {record.run_id}, which is not beside it; restore that, or audit again"
        )
    return earlier


def place(run: Run, manifest: Manifest) -> None:
    """Give a run the shards that it takes over and does not have yet, so that their accounts are not collected.

    Their receipts come with them, so that nobody decodes them, unless they may show less of the organization than it
    has by now. Raises ConfigError where the facts of the earlier run are not what was sealed, and ReportError.
    """
    there = receipts.with_shard(place_of(run.path))
    missing = [each for each in manifest.taken_over if each not in there]
    if manifest.since is None or not missing:
        return
    earlier = earlier_of(run, manifest.since)
    seal.standing(earlier, seal.FACTS)
    before, now = _members(earlier.read_manifest()), _members(manifest)
    for part in seal.FACTS:
        make_directory(run.path / part)
    for account_id in missing:
        if not share(earlier.shard_path(account_id), run.shard_path(account_id)):
            continue
        receipt = receipts.read(Directory(earlier.path), account_id)
        if receipt is not None and now <= before and now.issuperset(receipt.shows):
            name = receipts.name_of(account_id)
            share(earlier.path / name, run.path / name)
    copies.put_back(run.path)


def _members(manifest: Manifest) -> set[str]:
    return {account.id for account in (*manifest.accounts, *manifest.out_of_scope)}


def drop(run: Run, accounts: Iterable[str]) -> None:
    """Make a run forget shards that it took over, so that their accounts are collected; raises ReportError.

    A process that is killed meanwhile leaves a run that is resumed with these shards, or without them.
    """
    for account_id in accounts:
        for place in (Directory(run.path), place_of(run.path)):  # this process's copy, and the address
            place.remove(receipts.name_of(account_id))
            place.remove(shard_name(account_id))


def outdated(manifest: Manifest, found: Collection[Receipt]) -> set[str]:
    """Return the accounts with facts that were taken over whose resources show in what was collected anew.

    They are judged where they live, so their facts may not be older.
    """
    old = {receipt.account_id for receipt in found if _is_taken_over(manifest, receipt)}
    return old & {each for receipt in found if receipt.account_id not in old for each in receipt.shows}


def since_of(manifest: Manifest, found: Mapping[str, Receipt]) -> SinceRecord | None:
    """Return the run of which facts were taken over, with the accounts whose shards are still those."""
    if manifest.since is None:
        return None
    kept = (each for each in manifest.since.accounts if each.account_id in found)
    return msgspec.structs.replace(
        manifest.since, accounts=tuple(each for each in kept if _is_taken_over(manifest, found[each.account_id]))
    )


def _is_taken_over(manifest: Manifest, receipt: Receipt) -> bool:
    """Return whether a shard is that of the earlier run, by when its collection ended."""
    taken = manifest.taken_over.get(receipt.account_id)
    return taken is not None and taken.collected_at == receipt.record.collected_at


def problems(run: Run, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong between a run and the one whose facts it took over, where that is beside it."""
    if manifest.since is None or not (run.path.parent / manifest.since.run_id / "run.json").is_file():
        return
    try:
        earlier = earlier_of(run, manifest.since)
        known = seal.manifests_of(earlier)
        facts = seal.of(earlier.read_manifest(), seal.FACTS)
    except ConfigError as error:
        yield f"run {manifest.since.run_id}, whose facts it took over: {error}"
        return
    if manifest.since.manifest_sha256 not in known:
        sha256 = manifest.since.manifest_sha256
        yield f"{run.manifest_path}: names a run.json of run {earlier.id} that this never had: SHA-256 {sha256}"
    own = manifest.seal or {}
    for account_id in manifest.taken_over:
        name = run.shard_path(account_id).relative_to(run.path).as_posix()
        if facts and facts.get(name) != own.get(name):
            yield f"{run.shard_path(account_id)}: is not the shard of run {earlier.id}, from which it was taken over"


def age_of(manifest: Manifest, accounts: Iterable[str] | None = None) -> str:
    """Return how many accounts were not looked at again, and of when and which run their facts are; "" without any.

    `accounts` are those that count, by default all in the run's scope.
    """
    counted = list(accounts) if accounts is not None else [account.id for account in manifest.accounts]
    taken = [manifest.taken_over[each] for each in counted if each in manifest.taken_over]
    if not taken:
        return ""
    days = sorted({each.collected_at.astimezone(UTC).date() for each in taken})
    runs = sorted({each.run_id for each in taken})
    of = f"run {runs[0]}" if len(runs) == 1 else f"runs {', '.join(runs)}"
    return (
        f"{len(taken):,} of {len(counted):,} accounts were not looked at again; their facts are of {_days(days)} ({of})"
    )


def left_out(record: OnlyOpenRecord) -> str:
    """Return how much of an earlier run was not checked, because nothing was open there."""
    left, all_ = record.left_out, record.checked_of
    counts = (
        f"{left.accounts:,} of {all_.accounts:,} accounts",
        f"{left.regions:,} of {all_.regions:,} regions",
        f"{left.controls:,} of {all_.controls:,} controls",
    )
    return f"did not look at {', '.join(counts)}, in which run {record.run_id} has no open finding"


def _days(days: list[date]) -> str:
    first, last = days[0].isoformat(), days[-1].isoformat()
    return first if first == last else f"{first} to {last}"
