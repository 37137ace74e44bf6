"""The history of stored runs: carried from the baseline, sealed, and set on findings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain, permutations
from operator import attrgetter
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from orgaudit.audit import baseline_of
from orgaudit.controls.aliases import ALIASES
from orgaudit.errors import ConfigError
from orgaudit.history import baseline, stage
from orgaudit.history.baseline import NONE, is_whole, narrowed_again, narrowed_by, newest_before
from orgaudit.history.stage import dated, due, history_path
from orgaudit.model import Finding, Status
from orgaudit.settings.settings import load
from orgaudit.store import seal
from orgaudit.store.manifest import BaselineRecord, Manifest
from orgaudit.store.run import Run
from orgaudit.store.tables import findings_table
from orgaudit.store.verify import verify
from tests.history.stored import judge, stored
from tests.synthetic_run import STARTED

BUCKET = "s3_control_1_holds"
FIRST = STARTED.date()


def rows(run: Run, control: str = BUCKET) -> list[dict[str, Any]]:
    """The history of one control in a run."""
    table = duckdb.read_parquet(str(history_path(run))).filter(f"control = '{control}'")
    return [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]


def repaired(finding: Finding) -> Finding:
    """A finding that passes, where it failed the bucket's control."""
    if finding.control == BUCKET and finding.status is Status.FAIL:
        return msgspec.structs.replace(finding, status=Status.PASS)
    return finding


def failing(run: Run, control: str = BUCKET) -> set[tuple[date, int]]:
    """The first day and the regressions of what fails a control."""
    return {(row["first_seen"], row["reopened"]) for row in rows(run, control) if row["first_seen"]}


def test_history_is_carried_from_run_to_run(tmp_path: Path) -> None:
    first = stored(tmp_path, "q1", 0)
    fixed = stored(tmp_path, "q2", 90, repaired)
    again = stored(tmp_path, "q3", 180)
    assert failing(first) == {(FIRST, 0)}
    assert failing(fixed) == set()
    assert failing(again) == {(FIRST + timedelta(days=180), 1)}
    assert failing(again, "iam_control_2_holds") == {(FIRST, 0)}
    assert first.read_manifest().baseline is None
    assert fixed.read_manifest().baseline == BaselineRecord(run_id="q1", started_at=STARTED)


def test_findings_have_their_first_day_regressions_and_due_date(tmp_path: Path) -> None:
    stored(tmp_path, "q1", 0)
    stored(tmp_path, "q2", 90, repaired)
    run = stored(tmp_path, "q3", 180, covered=lambda finding: finding.control == "iam_control_2_holds")
    table = duckdb.read_parquet(str(findings_table(run)))
    found = table.filter("status = 'FAIL'").project("control, first_seen, reopened, due_on, covered").distinct()
    again = FIRST + timedelta(days=180)
    assert set(found.fetchall()) == {
        (BUCKET, again, 1, again + timedelta(days=15), False),
        ("iam_control_2_holds", FIRST, 0, FIRST + timedelta(days=30), True),
        ("cloudtrail_control_0_holds", FIRST, 0, FIRST + timedelta(days=90), False),
        ("ec2_control_4_holds", FIRST, 0, FIRST + timedelta(days=90), False),
    }
    passing = table.filter("status = 'PASS'").project("first_seen, due_on").distinct()
    assert passing.fetchall() == [(None, None)]


def test_what_was_not_assessed_keeps_its_episode(tmp_path: Path) -> None:
    stored(tmp_path, "q1", 0)

    def unseen(finding: Finding) -> Finding:
        return msgspec.structs.replace(finding, status=Status.NOT_ASSESSED) if finding.control == BUCKET else finding

    run = stored(tmp_path, "q2", 90, unseen)
    assert failing(run) == {(FIRST, 0)}
    assert {row["last_seen"] for row in rows(run) if row["first_seen"]} == {FIRST}
    table = duckdb.read_parquet(str(findings_table(run)))
    kept = table.filter(f"control = '{BUCKET}' AND first_seen IS NOT NULL")
    assert set(kept.project("status, first_seen").fetchall()) == {("NOT_ASSESSED", FIRST)}


def test_history_is_sealed_with_the_findings(tmp_path: Path) -> None:
    run = stored(tmp_path, "q1", 0)
    assert "history.parquet" in (run.read_manifest().seal or {})
    assert list(seal.differences(run, run.read_manifest(), seal.JUDGED)) == []
    path = history_path(run)
    path.write_bytes(path.read_bytes() + b" ")
    assert any("history.parquet: does not have the SHA-256" in problem for problem in verify(run))
    later = stored_beside(run)
    with pytest.raises(ConfigError, match=r"the baseline, run q1, cannot be used.*--baseline none"):
        baseline_of(later, later.read_manifest(), None)
    assert baseline_of(later, later.read_manifest(), NONE) is None


def stored_beside(run: Run) -> Run:
    """A later run of which only the manifest is there."""
    later = Run(run.path.parent / "later")
    later.create()
    moment = run.read_manifest().started_at + timedelta(days=1)
    later.write_manifest(msgspec.structs.replace(run.read_manifest(), run_id="later", started_at=moment, seal=None))
    return later


def test_baseline_without_a_history_begins_one(tmp_path: Path) -> None:
    first = stored(tmp_path, "q1", 0)
    history_path(first).unlink()
    first.write_manifest(msgspec.structs.replace(first.read_manifest(), seal=None))
    (first.path / "reports.json").unlink()
    assert failing(stored(tmp_path, "q2", 90)) == {(FIRST, 0)}


@pytest.mark.parametrize(("narrowed", "moves"), [((), True), (("--account",), False), (("evaluate --control",), False)])
def test_partial_run_is_no_baseline_and_carries_all_history(
    tmp_path: Path, narrowed: tuple[str, ...], moves: bool
) -> None:
    first = stored(tmp_path, "q1", 0)

    def part(finding: Finding) -> Finding | None:
        return finding if finding.account_id == first.read_manifest().accounts[0].id else None

    middle = stored(
        tmp_path,
        "part",
        30,
        part,
        lambda manifest: msgspec.structs.replace(
            manifest, accounts=manifest.accounts[:1], out_of_scope=manifest.accounts[1:], records=manifest.records[:1]
        ),
        narrowed_by=narrowed,
    )
    assert {row["fingerprint"] for row in rows(middle)} == {row["fingerprint"] for row in rows(first)}
    assert failing(middle) == failing(first)
    last = stored(tmp_path, "q2", 90)
    record = last.read_manifest().baseline
    assert record
    assert record.run_id == ("part" if moves else "q1")
    assert failing(last) == {(FIRST, 0)}


def test_only_earlier_runs_of_the_same_organization_are_baselines(tmp_path: Path) -> None:
    def elsewhere(manifest: Any) -> Any:
        other = msgspec.structs.replace(manifest.organization, id="o-another")
        return msgspec.structs.replace(manifest, organization=other)

    run = stored(tmp_path, "q2", 90)
    stored(tmp_path, "q3", 180)
    stored(tmp_path, "other", 60, manifest=elsewhere)
    assert newest_before(run, run.read_manifest()) is None
    early = stored(tmp_path, "q1", 0)
    assert early.read_manifest().baseline is None
    found = newest_before(run, run.read_manifest())
    assert found
    assert found.path == early.path


def test_named_baseline_is_checked(tmp_path: Path) -> None:
    early, late = stored(tmp_path, "q1", 0), stored(tmp_path, "q2", 90)
    named = baseline_of(late, late.read_manifest(), early)
    assert named
    assert named.path == early.path
    with pytest.raises(ConfigError, match="run q2 did not begin before run q1"):
        baseline_of(early, early.read_manifest(), late)


def test_evaluating_again_in_any_order_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    stored(out, "q1", 0)
    stored(out, "part", 45, repaired, narrowed_by=("--account",))
    stored(out, "q2", 90, repaired)
    stored(out, "q3", 180)
    names = ("q1", "part", "q2", "q3")
    before = {name: rows(Run(out / name)) for name in names}
    for order in permutations(range(3)):
        again = tmp_path / "-".join(map(str, order))
        shutil.copytree(out, again)
        for number in (order[0], 1 + order[1], order[2], 3):
            judge(Run(again / names[number]))
        assert {name: rows(Run(again / name)) for name in names} == before, order
    without = tmp_path / "without"
    stored(without, "q1", 0)
    stored(without, "q2", 90, repaired)
    assert rows(stored(without, "q3", 180)) == before["q3"], "the partial run left no trace"


def test_run_that_began_earlier_and_is_judged_later_takes_no_newer_baseline(tmp_path: Path) -> None:
    late = stored(tmp_path, "q3", 180)
    early = stored(tmp_path, "q1", 0, repaired)
    assert failing(early) == set()
    assert early.read_manifest().baseline is None
    assert failing(late) == {(FIRST + timedelta(days=180), 0)}


def test_old_ids_of_controls_keep_their_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stored(tmp_path, "q1", 0)
    monkeypatch.setitem(ALIASES, BUCKET, "s3_control_renamed_holds")

    def renamed(finding: Finding) -> Finding:
        return finding if finding.control != BUCKET else msgspec.structs.replace(finding, control=ALIASES[BUCKET])

    run = stored(tmp_path, "q2", 90, renamed)
    assert rows(run) == []
    assert failing(run, ALIASES[BUCKET]) == {(FIRST, 0)}
    assert {row["fingerprint"] for row in rows(run, ALIASES[BUCKET])} == {row["fingerprint"] for row in rows(first)}


@pytest.mark.parametrize(
    ("options", "narrowed"),
    [
        ({}, ()),
        ({"accounts": ("111111111111",)}, ("--account",)),
        ({"ous": ("Root",), "regions": ("eu-*",)}, ("--ou", "--region")),
        ({"controls": ("x",)}, ("--control",)),
        ({"frameworks": ("cis_4.0",)}, ()),
    ],
)
def test_options_narrow_a_run_and_settings_do_not(
    tmp_path: Path, options: dict[str, Any], narrowed: tuple[str, ...]
) -> None:
    file = tmp_path / "orgaudit.toml"
    file.write_text('[scope]\nexclude_accounts = ["222222222222"]\nregions = ["us-*"]\n')
    assert narrowed_by(load(file, {}, {"scope": options}).scope) == narrowed


def test_evaluation_again_with_a_choice_is_not_of_the_whole_scope(tmp_path: Path) -> None:
    run = stored(tmp_path, "q1", 0)
    file = tmp_path / "orgaudit.toml"
    file.write_text("")
    chosen = load(file, {}, {"scope": {"controls": ("x",)}}).scope
    plain = load(file, {}, {}).scope
    manifest = msgspec.structs.replace(run.read_manifest(), narrowed_by=narrowed_again(run.read_manifest(), chosen))
    assert manifest.narrowed_by == ("evaluate --control",)
    assert not is_whole(manifest)
    assert narrowed_again(manifest, plain) == ()
    audited = msgspec.structs.replace(manifest, narrowed_by=("--account", "evaluate --control"))
    assert narrowed_again(audited, plain) == ("--account",)


@pytest.mark.parametrize(("scope", "whole"), [({}, True), ({"accounts": ["1"]}, False), ({"frameworks": ["a"]}, True)])
def test_runs_of_earlier_versions_show_a_choice_in_their_settings(
    tmp_path: Path, scope: dict[str, Any], whole: bool
) -> None:
    run = stored(tmp_path, "q1", 0)
    manifest = msgspec.structs.replace(run.read_manifest(), narrowed_by=None, settings={"scope": scope})
    assert is_whole(manifest) is whole
    assert is_whole(baseline.head_of(manifest)) is whole


def test_a_day_is_the_one_in_utc_on_which_the_run_began(tmp_path: Path) -> None:
    late = datetime.fromisoformat("2026-10-01T23:30:00-05:00")
    run = stored(tmp_path, "q1", 0)
    assert stage.day_of(msgspec.structs.replace(run.read_manifest(), started_at=late)) == date(2026, 10, 2)
    assert late.astimezone(UTC).day == 2


def test_due_date_follows_the_first_day() -> None:
    assert due(date(2026, 10, 1), 15) == date(2026, 10, 16)
    assert (due(None, 15), due(date(2026, 10, 1), None)) == (None, None)


@pytest.mark.parametrize("has_history", [True, False])
def test_a_history_is_the_same_in_parts_of_the_organization(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_history: bool
) -> None:
    def without_the_outermost(manifest: Manifest) -> Manifest:
        both = sorted(zip(manifest.accounts, manifest.records, strict=True), key=lambda pair: pair[0].id)[1:-1]
        accounts, records = zip(*both, strict=True)
        return msgspec.structs.replace(manifest, accounts=accounts, records=records)

    first = stored(tmp_path, "q1", 0)
    run = stored(tmp_path, "q2", 90, repaired, without_the_outermost)
    if not has_history:
        history_path(first).unlink()
    manifest = run.read_manifest()
    found = []
    for held, parts in ((stage.HELD, 1), (1, len(manifest.accounts))):
        monkeypatch.setattr(stage, "HELD", held)
        assert len(list(stage._parts(run, manifest))) == parts
        path = stage.carry(run, manifest, first, ALIASES)
        found.append(duckdb.read_parquet(str(path)).fetchall())
    whole, in_parts = found
    assert len(manifest.accounts) > 1
    assert in_parts == whole
    left = {account.id for account in first.read_manifest().accounts} - {account.id for account in manifest.accounts}
    assert left == {row[3] for row in in_parts if row[-1]}
    assert len(left) == 2


def test_a_history_in_another_order_dates_nothing(tmp_path: Path) -> None:
    run = stored(tmp_path, "q1", 0)
    path = history_path(run)
    rows = duckdb.read_parquet(str(path)).order("account_id DESC, fingerprint").fetchall()
    assert len({row[0] for row in rows}) > 1
    duckdb.read_parquet(str(path)).order("account_id DESC, fingerprint").write_parquet(str(tmp_path / "other"))
    (tmp_path / "other").replace(path)
    findings = chain.from_iterable(
        run.findings(account.id) for account in sorted(run.read_manifest().accounts, key=attrgetter("id"))
    )
    with pytest.raises(ConfigError, match="is not in the order of accounts"):
        list(dated(run)(findings))


def test_run_without_a_history_leaves_findings_as_they_are(tmp_path: Path) -> None:
    run = stored(tmp_path, "q1", 0)
    history_path(run).unlink()

    def findings() -> Iterator[Finding]:
        yield from run.findings(run.read_manifest().accounts[0].id)

    assert list(dated(run)(findings())) == list(findings())
