"""Which accounts a second look needs: those that failed, changed, are new or older than asked, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orgaudit.collect.again import Since
from orgaudit.errors import ConfigError
from orgaudit.facts.cloudtrail.trails import Trail, TrailStatus
from orgaudit.facts.declare import FactType
from orgaudit.facts.shard import AccountHeader, DetailGap, ListingResult
from orgaudit.model import GLOBAL, Gap, GapReason, RegionRecord, RegionState
from orgaudit.store import seal
from orgaudit.store.manifest import Extent, FactRecord, Manifest, OnlyOpenRecord
from orgaudit.store.run import Run, write_lines
from tests.collected_run import ACCOUNTS, TRAIL, collected_run
from tests.factories import MEMBER, NOW, OUTSIDER, SECURITY, an_account, facts_of

FILLED = (
    *(GapReason.DENIED, GapReason.SCP_DENIED, GapReason.THROTTLED, GapReason.UNREACHABLE),
    *(GapReason.ACCOUNT_UNAVAILABLE, GapReason.MALFORMED, GapReason.DEFECT),
)
"""Reasons that a second look may fill."""
REGION = "eu-west-1"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = collected_run(tmp_path)
    sealed(found)
    return found


def sealed(run: Run, change: Callable[[Manifest], Manifest] = lambda manifest: manifest) -> None:
    """Seal a run's facts as they are now, with the types that it has."""
    facts = tuple(FactRecord(name=each, scope="", actions=(), operations=()) for each in ("Trail", "TrailStatus"))
    manifest = msgspec.structs.replace(run.read_manifest(), facts=facts, settings={"scope": {}}, seal=None)
    seal.seal(run, change(manifest), seal.shards(run, "facts"))


def with_lines(run: Run, account: str, *lines: msgspec.Struct, **record: object) -> None:
    """Replace an account's shard by one with these lines."""
    header = AccountHeader(an_account(account), msgspec.structs.replace(facts_of(account).record, **record))
    write_lines(run.shard_path(account), [header, *lines])


def taken(
    run: Run,
    *,
    facts: tuple[FactType, ...] = (Trail, TrailStatus),
    older_than: timedelta | None = None,
    accepts: Callable[[str], bool] = lambda _region: False,
    **changes: object,
) -> set[str]:
    """Return the accounts whose facts a second look takes over."""
    sealed(run)
    plan = msgspec.structs.replace(run.read_manifest(), started_at=LATER, **changes)
    return set(Since(run, older_than).planned(plan, facts, accepts, newest=True).taken_over)


def gap(reason: GapReason, region: str = REGION) -> Gap:
    return Gap(MEMBER, region, "cloudtrail:GetTrailStatus", reason, "why")


def test_what_was_seen_whole_is_taken_over(run: Run) -> None:
    assert taken(run) == set(ACCOUNTS)


@pytest.mark.parametrize("reason", FILLED)
def test_an_account_with_a_gap_is_looked_at_again(run: Run, reason: GapReason) -> None:
    others = set(ACCOUNTS) - {MEMBER}
    with_lines(run, MEMBER, gap=gap(reason))
    assert taken(run) == others
    with_lines(run, MEMBER, ListingResult("Trail", REGION, gap=gap(reason)))
    assert taken(run) == others
    with_lines(run, MEMBER, TRAIL, DetailGap("TrailStatus", TRAIL.arn, gap(reason)), ListingResult("Trail", REGION))
    assert taken(run) == others
    with_lines(run, MEMBER, regions=(RegionRecord(REGION, RegionState.NOT_ASSESSED, gap(reason)),))
    assert taken(run) == others


@pytest.mark.parametrize("reason", [each for each in GapReason if each.nothing_there])
def test_a_proof_that_nothing_is_there_needs_no_second_look(run: Run, reason: GapReason) -> None:
    with_lines(run, MEMBER, ListingResult("Trail", REGION, gap=gap(reason)))
    assert MEMBER in taken(run)
    with_lines(run, MEMBER, ListingResult("Trail", GLOBAL, gap=gap(reason)))
    assert MEMBER not in taken(run), "what exists once in an account is always there"


def test_a_text_that_looks_like_a_gap_is_none(run: Run) -> None:
    with_lines(
        run, MEMBER, msgspec.structs.replace(TRAIL, tags={"note": '"type":"gap"'}), ListingResult("Trail", REGION)
    )
    assert MEMBER in taken(run)


def test_a_region_that_the_settings_accept_as_not_audited_needs_no_second_look(run: Run) -> None:
    denied = gap(GapReason.SCP_DENIED)
    blocked = (RegionRecord(REGION, RegionState.BLOCKED, denied),)
    with_lines(run, MEMBER, ListingResult("Trail", REGION, gap=denied), regions=blocked)
    assert MEMBER not in taken(run)
    assert MEMBER in taken(run, accepts=lambda region: region == REGION)
    elsewhere = ListingResult("Trail", "us-east-1", gap=gap(GapReason.SCP_DENIED, "us-east-1"))
    with_lines(run, MEMBER, elsewhere, regions=blocked)
    assert MEMBER not in taken(run, accepts=lambda region: region == REGION)


@pytest.mark.parametrize(("minutes", "expected"), [(59, set()), (61, set(ACCOUNTS))])
def test_facts_older_than_asked_are_collected_again(run: Run, minutes: int, expected: set[str]) -> None:
    assert taken(run, older_than=timedelta(minutes=minutes)) == expected


def test_facts_that_lack_a_type_are_collected_again(run: Run) -> None:
    from orgaudit.facts.cloudtrail.trails import TrailSelectors  # noqa: PLC0415 - beside what it is about

    assert taken(run, facts=(Trail,)) == set(ACCOUNTS)
    assert taken(run, facts=(Trail, TrailSelectors)) == set()


def test_accounts_that_are_new_gone_or_changed(run: Run) -> None:
    moved = msgspec.structs.replace(an_account(SECURITY), ou_path="Elsewhere")
    accounts = (an_account(MEMBER), moved, an_account("888888888888"))
    assert taken(run, accounts=accounts) == {MEMBER}
    closed = msgspec.structs.replace(an_account(OUTSIDER), state="SUSPENDED")
    assert taken(run, accounts=(an_account(MEMBER), closed)) == {MEMBER}


def test_an_account_out_of_scope_is_taken_over_where_what_it_shares_is_shown(run: Run) -> None:
    shown = msgspec.structs.replace(TRAIL, account_id=OUTSIDER)
    with_lines(run, MEMBER, shown, ListingResult("Trail", REGION, 1))

    def apart(manifest: Manifest) -> Manifest:
        return msgspec.structs.replace(
            manifest,
            accounts=(an_account(MEMBER), an_account(SECURITY)),
            out_of_scope=(an_account(OUTSIDER),),
            supporting=(OUTSIDER,),
        )

    sealed(run, apart)
    assert taken(run) == {MEMBER, SECURITY, OUTSIDER}
    with_lines(run, MEMBER, ListingResult("Trail", REGION))
    assert taken(run) == {MEMBER, SECURITY}


def test_what_the_new_run_is(run: Run) -> None:
    plan = msgspec.structs.replace(run.read_manifest(), started_at=LATER)
    whole = Since(run).planned(plan, (Trail,), lambda _region: False, newest=True)
    assert whole.narrowed_by == ()
    assert whole.since
    assert (whole.since.run_id, whole.since.started_at) == (run.id, run.read_manifest().started_at)
    older = Since(run).planned(plan, (Trail,), lambda _region: False, newest=False)
    assert older.narrowed_by == ("--since",)
    sealed(run, lambda manifest: msgspec.structs.replace(manifest, narrowed_by=("--account", "--control")))
    part = Since(run).planned(plan, (Trail,), lambda _region: False, newest=True)
    assert part.narrowed_by == ("--account",), "the controls are chosen anew"


def test_runs_that_cannot_be_looked_at_again(run: Run, tmp_path: Path) -> None:
    beside = Run(tmp_path / "new")
    Since(run).check(beside)
    with pytest.raises(ConfigError, match="name that directory with --out"):
        Since(run).check(Run(tmp_path / "elsewhere" / "new"))
    other = msgspec.structs.replace(run.read_manifest(), organization=None, started_at=LATER)
    with pytest.raises(ConfigError, match="is of o-exampleorg, and the caller is in"):
        Since(run).planned(other, (Trail,), lambda _region: False, newest=True)
    none = Extent(accounts=0, regions=0, controls=0)
    record = OnlyOpenRecord(run_id="q2", manifest_sha256="", places={}, left_out=none, checked_of=none)
    sealed(run, lambda manifest: msgspec.structs.replace(manifest, only_open=record))
    with pytest.raises(ConfigError, match="looked at open findings alone; name run q2"):
        Since(run).check(beside)
    sealed(run, lambda manifest: msgspec.structs.replace(manifest, only_open=None, collected_at=None))
    with pytest.raises(ConfigError, match="collection did not end"):
        Since(run).check(beside)
