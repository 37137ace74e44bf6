"""What changed rules did, told apart from what changed in the accounts: the old facts judged by the new rules."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from orgaudit.audit import Carrying, Silence, reevaluate
from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.evaluate.rules import Rules
from orgaudit.facts.shard import AccountHeader, ListingResult
from orgaudit.history.changes import Unit, compared
from orgaudit.model import Caller, OrganizationRecord
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.settings import load
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store import seal
from orgaudit.store.kinds import Kind
from orgaudit.store.manifest import ControlRecord, Manifest
from orgaudit.store.run import Run, write_lines
from tests.factories import MEMBER, NOW, a_log_group, a_trail, an_account, facts_of
from tests.history.stored import report

CONTROL = "cloudtrail_trail_log_group_retained"
TRAIL = a_trail()


@pytest.fixture(autouse=True)
def digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the digest of a control be that of its thresholds, as far as they matter here."""

    def records(rules: Rules) -> tuple[ControlRecord, ...]:
        digest = f"{rules.thresholds.log_retention_days:064d}"
        return tuple(
            ControlRecord(
                id=each.id,
                service=each.service,
                severity=each.severity,
                scope=each.scope,
                title=each.title,
                rationale=each.rationale,
                actions=each.actions,
                digest=digest,
            )
            for each in rules.controls
        )

    monkeypatch.setattr(Rules, "records", property(records))


def made(out: Path, name: str, day: int, *, wanted: int, kept: int | None, known: bool = True) -> Run:
    """Collect and evaluate a run of one account, whose one log group keeps events for so many days.

    The control wants `wanted` days; the log group is not among the facts where it is not `known`.
    """
    run = Run(out / name)
    run.create()
    started = NOW + timedelta(days=day)
    record = facts_of(MEMBER).record
    run.write_manifest(_manifest(run, started, wanted, record))
    write_facts(run, kept, known=known)
    rules = Rules((catalogue()[CONTROL],), (), Thresholds(log_retention_days=wanted))
    reevaluate(run, rules, load(PACKAGED / "orgaudit.toml", {}, {}), Silence(), Carrying())
    report(run)
    return run


def write_facts(run: Run, kept: int | None, *, known: bool = True) -> None:
    record = facts_of(MEMBER).record
    listed = [ListingResult("Trail", region.name, int(region.name == TRAIL.region)) for region in record.regions]
    details = [a_log_group(TRAIL, retention_days=kept)] if known else []
    write_lines(run.shard_path(MEMBER), [AccountHeader(an_account(MEMBER), record), TRAIL, *listed, *details])


def _manifest(run: Run, started: datetime, wanted: int, record: object) -> Manifest:
    return msgspec.convert(
        {
            "run_id": run.id,
            "tool_version": "1",
            "started_at": started,
            "collected_at": started,
            "caller": Caller(MEMBER, f"arn:aws:iam::{MEMBER}:role/Auditor", "aws"),
            "organization": OrganizationRecord(
                id="o-exampleorg", arn="", management_account_id=MEMBER, feature_set="ALL"
            ),
            "accounts": [an_account(MEMBER)],
            "controls": [],
            "frameworks": [],
            "thresholds": Thresholds(log_retention_days=wanted).model_dump(mode="json"),
            "settings": {"scope": {"accept_blocked_regions": []}},
            "inputs": {},
            "records": [record],
        },
        Manifest,
        from_attributes=True,
    )


def changes(old: Run, new: Run, *, rejudge: bool = True) -> tuple[Counter[Kind], tuple[str, ...], tuple[str, ...]]:
    """How many issues changed in which way, which controls changed, and which of them were judged again."""
    with compared(old, new, ALIASES, rejudge=rejudge) as found:
        counts = Counter({kind: each.count for kind, each in found.counts(Unit.ISSUES).items() if each.count})
        return counts, found.rules.controls, found.rules.judged


def test_stricter_rule_is_not_a_new_failure(tmp_path: Path) -> None:
    old = made(tmp_path, "old", 0, wanted=30, kept=90)
    new = made(tmp_path, "new", 90, wanted=365, kept=90)
    assert changes(old, new) == ({Kind.STRICTER: 1}, (CONTROL,), (CONTROL,))
    assert changes(old, new, rejudge=False) == ({Kind.NEW_RULES: 1}, (CONTROL,), ())


def test_lenient_rule_repairs_nothing(tmp_path: Path) -> None:
    old = made(tmp_path, "old", 0, wanted=365, kept=90)
    new = made(tmp_path, "new", 90, wanted=30, kept=90)
    assert changes(old, new)[0] == {Kind.MORE_LENIENT: 1}
    assert changes(old, new, rejudge=False)[0] == {Kind.OLD_RULES: 1}


def test_what_changed_in_the_account_is_said_whatever_the_rule(tmp_path: Path) -> None:
    old = made(tmp_path, "old", 0, wanted=30, kept=400)
    new = made(tmp_path, "new", 90, wanted=365, kept=90)
    assert changes(old, new)[0] == {Kind.NEW: 1}
    old = made(tmp_path / "other", "old", 0, wanted=365, kept=7)
    new = made(tmp_path / "other", "new", 90, wanted=30, kept=90)
    assert changes(old, new)[0] == {Kind.RESOLVED: 1}


def test_rules_that_did_not_change_are_not_judged_again(tmp_path: Path) -> None:
    old = made(tmp_path, "old", 0, wanted=365, kept=400)
    new = made(tmp_path, "new", 90, wanted=365, kept=90)
    assert changes(old, new) == ({Kind.NEW: 1}, (), ())


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize(("wanted", "kind"), [((30, 365), Kind.NEW_RULES), ((365, 30), Kind.OLD_RULES)])
def test_old_facts_that_lack_something_are_not_compared(
    tmp_path: Path, wanted: tuple[int, int], kind: Kind, readable: bool
) -> None:
    old = made(tmp_path, "old", 0, wanted=wanted[0], kept=90)
    new = made(tmp_path, "new", 90, wanted=wanted[1], kept=90)
    write_facts(old, 90, known=False)
    if not readable:
        old.shard_path(MEMBER).unlink()
    manifest = old.read_manifest()
    seal.seal(old, manifest, seal.shards(old, "facts"), keep=(*seal.JUDGED, *seal.MATCHED))
    assert changes(old, new)[0] == {kind: 1}


def test_facts_that_were_changed_are_refused(tmp_path: Path) -> None:
    old = made(tmp_path, "old", 0, wanted=30, kept=90)
    new = made(tmp_path, "new", 90, wanted=365, kept=90)
    write_facts(old, 91)
    with pytest.raises(ConfigError, match="does not have the SHA-256 it was sealed with"):
        changes(old, new)
    assert changes(old, new, rejudge=False)[0] == {Kind.NEW_RULES: 1}


def test_rules_of_which_this_version_has_others_are_not_judged_again(tmp_path: Path) -> None:
    old = made(tmp_path, "old", 0, wanted=30, kept=90)
    new = made(tmp_path, "new", 90, wanted=365, kept=90)
    manifest = new.read_manifest()
    record = msgspec.structs.replace(manifest.controls[0], digest="f" * 64)
    parts = (*seal.FACTS, *seal.JUDGED, *seal.MATCHED)
    seal.seal(new, msgspec.structs.replace(manifest, controls=(record,)), [], keep=parts)
    assert changes(old, new) == ({Kind.NEW_RULES: 1}, (CONTROL,), ())
