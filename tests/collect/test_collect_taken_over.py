"""Shards that a run takes over: what comes along with them, which may not stay, and what run.json says of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orgaudit.collect import stage
from orgaudit.collect.slices import resource_names
from orgaudit.errors import ConfigError
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.shard import AccountHeader
from orgaudit.settings.settings import load
from orgaudit.store import earlier, receipts, seal
from orgaudit.store.again import share
from orgaudit.store.manifest import Extent, Manifest, OnlyOpenRecord, SinceRecord, TakenOver
from orgaudit.store.place import Directory
from orgaudit.store.run import Run, write_lines
from tests.collected_run import ACCOUNTS, TRAIL, collected_run
from tests.factories import MEMBER, NOW, OUTSIDER, SECURITY, an_account, facts_of

JOINED = "888888888888"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def before(tmp_path: Path) -> Run:
    """A sealed run with receipts, in which the member shows what the security account shares."""
    run = collected_run(tmp_path)
    show(run, MEMBER, SECURITY)
    for account in ACCOUNTS:
        receipts.rebuilt(Directory(run.path), account, ACCOUNTS, resource_names())
    sealed(run)
    return run


def sealed(run: Run) -> None:
    files = [path for part in seal.FACTS for path in seal.shards(run, part)]
    seal.seal(run, msgspec.structs.replace(run.read_manifest(), seal=None), files)


def show(run: Run, account: str, *owners: str, **record: object) -> None:
    """Replace an account's shard by one with a trail of each of these accounts."""
    header = AccountHeader(an_account(account), msgspec.structs.replace(facts_of(account).record, **record))
    trails = [msgspec.structs.replace(TRAIL, account_id=owner) for owner in owners]
    write_lines(run.shard_path(account), [header, *trails])


def begun(before: Run, *taken: str, **changes: object) -> tuple[Run, Manifest]:
    """Begin a run beside an earlier one that takes these accounts' facts over."""
    plan = before.read_manifest()
    collected_at = {record.account_id: record.collected_at for record in plan.records}
    record = SinceRecord(
        run_id=before.id,
        started_at=plan.started_at,
        manifest_sha256=seal.digest(before.manifest_path),
        accounts=tuple(TakenOver(account_id=each, run_id="q3", collected_at=collected_at[each]) for each in taken),
    )
    run = Run(before.path.parent / "new")
    run.create()
    fresh = {"run_id": "new", "collected_at": None, "seal": None, "records": (), "since": record}
    manifest = msgspec.structs.replace(plan, **(fresh | changes))
    run.write_manifest(manifest)
    return run, manifest


def missing(run: Run, manifest: Manifest) -> set[str]:
    return {account.id for account in stage.missing(run, manifest)}


def test_receipts_come_along_so_that_no_shard_is_decoded(before: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run, manifest = begun(before, *ACCOUNTS)
    monkeypatch.setattr(receipts, "made", lambda *_: pytest.fail("a shard was decoded"))
    earlier.place(run, manifest)
    assert missing(run, manifest) == set()
    for account in ACCOUNTS:
        for name in (f"facts/{account}.ndjson.zst", receipts.name_of(account)):
            assert (run.path / name).samefile(before.path / name)
    stage.seal_facts(run, manifest, (Trail,))
    assert set(run.read_manifest().taken_over) == set(ACCOUNTS)
    assert list(earlier.problems(run, run.read_manifest())) == []


def test_an_account_that_joined_since_is_seen_in_what_is_taken_over(before: Run) -> None:
    show(before, MEMBER, JOINED)
    sealed(before)
    run, manifest = begun(before, *ACCOUNTS, out_of_scope=(an_account(JOINED),))
    earlier.place(run, manifest)
    assert receipts.finished(Directory(run.path)) == set()
    assert missing(run, manifest) == {JOINED}


def test_a_receipt_that_shows_an_account_that_left_is_not_taken_over(before: Run) -> None:
    stay = tuple(an_account(each) for each in (MEMBER, OUTSIDER))
    run, manifest = begun(before, MEMBER, OUTSIDER, accounts=stay)
    earlier.place(run, manifest)
    assert receipts.finished(Directory(run.path)) == {OUTSIDER}
    assert missing(run, manifest) == set()
    stage.seal_facts(run, manifest, (Trail,))
    assert run.read_manifest().supporting == ()


def test_facts_older_than_what_shows_them_are_collected_anew(before: Run) -> None:
    run, manifest = begun(before, SECURITY, OUTSIDER)
    earlier.place(run, manifest)
    assert missing(run, manifest) == {MEMBER}
    show(run, MEMBER, SECURITY, collected_at=LATER)
    with pytest.raises(ConfigError, match=rf"1 of 2 accounts .*: {SECURITY}; .*audit --resume new"):
        stage.check_complete(run, manifest, load(None, {}, {}))
    earlier.drop(run, {SECURITY})
    assert missing(run, manifest) == {SECURITY}
    show(run, SECURITY, collected_at=LATER)
    stage.check_complete(run, manifest, load(None, {}, {"organization": {"read_tags": False}}))
    stage.seal_facts(run, manifest, (Trail,))
    assert set(run.read_manifest().taken_over) == {OUTSIDER}, "what was collected anew was not taken over"
    assert before.shard_path(SECURITY).exists()
    assert list(earlier.problems(run, run.read_manifest())) == []


def test_what_is_shown_by_what_was_taken_over_too_may_stay(before: Run) -> None:
    run, manifest = begun(before, MEMBER, SECURITY)
    earlier.place(run, manifest)
    show(run, OUTSIDER, collected_at=LATER)
    stage.check_complete(run, manifest, load(None, {}, {"organization": {"read_tags": False}}))
    stage.seal_facts(run, manifest, (Trail,))
    assert set(run.read_manifest().taken_over) == {MEMBER, SECURITY}


def test_facts_out_of_scope_that_nothing_shows_any_more_do_not_stay(before: Run) -> None:
    inside, outside = (an_account(MEMBER), an_account(OUTSIDER)), (an_account(SECURITY),)
    run, manifest = begun(before, SECURITY, OUTSIDER, accounts=inside, out_of_scope=outside)
    earlier.place(run, manifest)
    show(run, MEMBER, collected_at=LATER)
    with pytest.raises(ConfigError, match=f": {SECURITY}; "):
        stage.check_complete(run, manifest, load(None, {}, {}))
    earlier.drop(run, {SECURITY})
    stage.seal_facts(run, manifest, (Trail,))
    assert (set(run.read_manifest().taken_over), run.read_manifest().supporting) == ({OUTSIDER}, ())


@pytest.mark.parametrize("removed", [1, 2])
def test_what_was_dropped_by_half_is_still_what_was_taken_over(
    before: Run, removed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, manifest = begun(before, SECURITY, OUTSIDER)
    earlier.place(run, manifest)
    show(run, MEMBER, SECURITY, collected_at=LATER)
    left = [removed]
    remove = Directory.remove

    def killed(place: Directory, name: str) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        remove(place, name)

    monkeypatch.setattr(Directory, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        earlier.drop(run, (SECURITY, OUTSIDER))
    monkeypatch.undo()
    shards = {each for each in ACCOUNTS if run.shard_path(each).exists()}
    assert receipts.finished(Directory(run.path)) <= shards, "a receipt without a shard would pass for a collection"
    earlier.place(run, manifest)
    assert missing(run, manifest) == set()
    with pytest.raises(ConfigError, match=f": {SECURITY}; "):
        stage.check_complete(run, manifest, load(None, {}, {}))


def test_a_shard_that_is_there_keeps_its_own_receipt(before: Run) -> None:
    run, manifest = begun(before, *ACCOUNTS)
    show(run, MEMBER, collected_at=LATER)
    earlier.place(run, manifest)
    assert receipts.finished(Directory(run.path)) == {SECURITY, OUTSIDER}
    stage.seal_facts(run, manifest, (Trail,))
    assert set(run.read_manifest().taken_over) == {SECURITY, OUTSIDER}


def test_a_shard_that_another_process_writes_meanwhile_keeps_its_own_receipt(
    before: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, manifest = begun(before, *ACCOUNTS)

    def late(path: Path, target: Path) -> bool:
        if target == run.shard_path(MEMBER):
            show(run, MEMBER, collected_at=LATER)
        return share(path, target)

    monkeypatch.setattr(earlier, "share", late)
    earlier.place(run, manifest)
    assert receipts.finished(Directory(run.path)) == {SECURITY, OUTSIDER}
    stage.seal_facts(run, manifest, (Trail,))
    assert set(run.read_manifest().taken_over) == {SECURITY, OUTSIDER}


def test_accounts_that_judging_open_findings_needs_are_collected_too(before: Run) -> None:
    none = Extent(accounts=0, regions=0, controls=0)
    record = OnlyOpenRecord(
        run_id="q3", manifest_sha256="", places={}, owners=(MEMBER, OUTSIDER), left_out=none, checked_of=none
    )
    outside = (an_account(SECURITY), an_account(OUTSIDER))
    run, manifest = begun(before, since=None, only_open=record, accounts=(an_account(MEMBER),), out_of_scope=outside)
    show(run, MEMBER)
    assert missing(run, manifest) == {OUTSIDER}
    show(run, OUTSIDER)
    stage.seal_facts(run, manifest, (Trail,))
    assert run.read_manifest().supporting == (OUTSIDER,)
