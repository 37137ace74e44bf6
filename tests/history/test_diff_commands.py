"""`orgaudit diff` and `orgaudit trend` over stored runs."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.audit import reported
from orgaudit.controls.aliases import ALIASES
from orgaudit.errors import ConfigError
from orgaudit.history.sentence import net, sentence
from orgaudit.history.trend import point_of
from orgaudit.model import Finding, OrganizationRecord, Status
from orgaudit.settings.settings import load
from orgaudit.store.kinds import CLOSING, OPENING, Kind
from orgaudit.store.manifest import Manifest, ParentRecord
from orgaudit.store.run import Run
from tests.history.stored import settings_file, stored
from tests.synthetic_run import STARTED, account_id

BUCKET, ROLE, INSTANCE, TRAIL = (
    *("s3_control_1_holds", "iam_control_2_holds"),
    *("ec2_control_4_holds", "cloudtrail_control_0_holds"),
)
FIRST = STARTED.date()
ANOTHER = OrganizationRecord(id="o-another", arn="", management_account_id=account_id(0), feature_set="ALL")


def next_quarter(finding: Finding) -> Finding | None:
    """Buckets are repaired, roles are gone, and of the instances one more fails."""
    if finding.status is Status.FAIL and finding.control == BUCKET:
        return msgspec.structs.replace(finding, status=Status.PASS)
    if finding.status is Status.FAIL and finding.control == ROLE:
        return None
    if finding.status is Status.PASS and (finding.control, finding.account_id) == (INSTANCE, account_id(2)):
        return msgspec.structs.replace(finding, status=Status.FAIL)
    return finding


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs: three quarters, in the last of which an exception covers the instances, and a part of one."""
    directory = tmp_path_factory.mktemp("reports")
    settings_file(directory)
    stored(directory, "q1", 0)
    stored(directory, "q2", 90, next_quarter)
    stored(directory, "part", 100, narrowed_by=("--region",))
    stored(directory, "q3", 180, covered=lambda finding: finding.control == INSTANCE)
    return directory


def ran(out: Path, *arguments: str) -> str:
    """What a command prints."""
    options = ["--config", str(out / "orgaudit.toml"), "--out", str(out)]
    done = CliRunner().invoke(cli.orgaudit, [*arguments, *options], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.stdout


def document(out: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran(out, "diff", *arguments, "--json"))
    return found


def kinds(found: dict[str, Any]) -> dict[str, int]:
    return {each["kind"]: each["count"] for each in found["kinds"] if each["count"]}


def test_changes_of_a_quarter(out: Path) -> None:
    found = document(out, "q1", "q2")
    assert kinds(found) == {"new": 2, "persistent": 3, "resolved": 2, "gone with its resource": 2}
    assert (found["old"]["open"], found["new"]["open"]) == (7, 5)
    assert found["summary"] == ("2 new, 2 resolved, 2 gone with their resource: 2 fewer open issues than on 2026-10-01")
    assert [each["kind"] for each in found["changes"]] == [
        *["new"] * 2,
        *["resolved"] * 2,
        *["gone with its resource"] * 2,
        *["persistent"] * 3,
    ]
    [first, *_] = found["changes"]
    assert (first["severity"], first["account_id"], first["controls"]) == ("medium", account_id(2), [INSTANCE])
    assert (first["first_seen"], first["due_on"]) == ("2026-12-30", "2027-03-30")


def test_regressions_and_exceptions(out: Path) -> None:
    found = document(out, "q2", "q3")
    assert kinds(found) == {"regressed": 4, "persistent": 1, "resolved": 2, "exception began": 2}
    assert (found["old"]["open"], found["new"]["open"]) == (5, 5)
    assert found["summary"] == (
        "0 new, 4 regressed, 2 resolved, 2 newly covered by exceptions: as many open issues as on 2026-12-30"
    )


def test_an_issue_of_a_shared_resource_counts_once_and_findings_agree(out: Path) -> None:
    shared = [each for each in document(out, "q1", "q2")["changes"] if each["controls"] == [TRAIL]]
    assert [each["account_id"] for each in shared] == [account_id(0)]
    found = document(out, "q1", "q2", "--findings")
    assert found["unit"] == "findings"
    assert kinds(found) == kinds(document(out, "q1", "q2"))


def test_text_and_csv_show_the_same(out: Path) -> None:
    text = ran(out, "diff", "q1", "q2")
    assert (
        text.splitlines()[0] == "2 new, 2 resolved, 2 gone with their resource: 2 fewer open issues than on 2026-10-01."
    )
    assert "2026-12-30          5 open issues  q2" in text
    lines = list(csv.DictReader(io.StringIO(ran(out, "diff", "q1", "q2", "--csv"))))
    changes = document(out, "q1", "q2")["changes"]
    assert [(line["kind"], line["resource"]) for line in lines] == [(it["kind"], it["resource"]) for it in changes]


def test_part_of_the_scope_is_never_resolved(out: Path, tmp_path: Path) -> None:
    settings_file(tmp_path)
    stored(tmp_path, "q1", 0)
    stored(
        tmp_path,
        "part",
        10,
        lambda finding: finding if finding.account_id == account_id(0) else None,
        lambda manifest: msgspec.structs.replace(
            manifest, accounts=manifest.accounts[:1], out_of_scope=manifest.accounts[1:], records=manifest.records[:1]
        ),
        narrowed_by=("--account",),
    )
    found = document(tmp_path, "q1", "part")
    assert kinds(found) == {"persistent": 3, "not checked again": 4}
    assert found["summary"] == (
        "0 new, 0 resolved: as many open issues as on 2026-10-01; not compared: 4 not checked again"
    )
    back = stored(tmp_path, "q2", 20)
    assert kinds(document(tmp_path, "part", back.id)) == {"persistent": 3, "newly checked": 4}


def test_moved_accounts_other_frameworks_and_renamed_controls_make_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file(tmp_path)
    stored(tmp_path, "q1", 0)
    monkeypatch.setitem(ALIASES, BUCKET, "s3_control_renamed_holds")

    def moved(finding: Finding) -> Finding:
        control = ALIASES.get(finding.control, finding.control)
        return msgspec.structs.replace(finding, control=control, ou_path="Root/Elsewhere", account_name="renamed")

    def elsewhere(manifest: Any) -> Any:
        return msgspec.structs.replace(
            manifest,
            frameworks=(),
            accounts=tuple(
                msgspec.structs.replace(each, name="renamed", ou_path="Root/Elsewhere") for each in manifest.accounts
            ),
            controls=tuple(
                msgspec.structs.replace(each, id=ALIASES.get(each.id, each.id), family="") for each in manifest.controls
            ),
        )

    run = stored(tmp_path, "q2", 90, moved, elsewhere)
    assert kinds(document(tmp_path, "q1", "q2")) == {"persistent": 7}
    assert run.read_manifest().frameworks == ()


def test_runs_that_cannot_be_compared_are_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run q2 did not begin before run q1; name the older run first"):
        ran(out, "diff", "q2", "q1")
    other = stored(
        tmp_path,
        "other",
        90,
        manifest=lambda manifest: msgspec.structs.replace(manifest, organization=ANOTHER),
    )
    with pytest.raises(ConfigError, match="run q1 is of o-exampleorg, and run other of o-another"):
        ran(out, "diff", "q1", str(other.path))
    (other.path / "coverage.parquet").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"coverage.parquet: does not have the SHA-256"):
        ran(out, "diff", "q1", str(other.path))
    (other.path / "findings.parquet").unlink()
    with pytest.raises(ConfigError, match="the run has no tables yet"):
        ran(out, "diff", "q1", str(other.path))


def test_trend_has_a_row_for_each_run_of_the_whole_scope(out: Path) -> None:
    found = json.loads(ran(out, "trend", "--json"))
    assert [each["run"] for each in found] == ["q1", "q2", "q3"]
    assert [each["open"] for each in found] == [7, 5, 5]
    assert [(each["critical"], each["high"], each["medium"], each["low"]) for each in found] == [
        (2, 2, 3, 0),
        (0, 0, 5, 0),
        (2, 2, 1, 0),
    ]
    assert [each["overdue_issues"] for each in found] == [0, 0, 1]
    assert [each["framework"] for each in found] == ["cis_4.0"] * 3
    # Four accounts x five requirements: seven pass, six fail, and seven were not seen. Then one passes that failed, one
    # fails that passed, and one has no resource left.
    assert [each["rate"] for each in found] == [7 / 20, 7 / 19, 7 / 20]
    assert [each["rate_with_exceptions"] for each in found] == [7 / 20, 7 / 19, 7 / 19]
    named = json.loads(ran(out, "trend", "part", "q1", "--json"))
    assert [(each["run"], each["whole_scope"]) for each in named] == [("q1", True), ("part", False)]
    text = ran(out, "trend")
    assert text.splitlines()[1].split()[:3] == ["2026-10-01", "7", "2"]
    lines = list(csv.DictReader(io.StringIO(ran(out, "trend", "--csv"))))
    assert [line["open"] for line in lines] == ["7", "5", "5"]


def test_trend_leaves_out_a_run_that_an_earlier_version_reported_and_says_so(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "reports"
    shutil.copytree(out, copy, symlinks=True)
    (copy / "q1" / "register.json").unlink()
    result = CliRunner().invoke(cli.orgaudit, ["trend", "--json", "--out", str(copy)], standalone_mode=False)
    assert "run q1 is left out: `orgaudit report q1` makes its tables" in result.stderr
    assert "q1" not in [point["run"] for point in json.loads(result.stdout)]
    assert json.loads(result.stdout)


def test_trend_agrees_with_the_changes(out: Path) -> None:
    points = [point_of(Run(out / name)) for name in ("q1", "q2", "q3")]
    for old, new in pairwise(points):
        found = document(out, old.run, new.run)
        assert (found["old"]["open"], found["new"]["open"]) == (old.open, new.open)


def parented(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, parent=ParentRecord(run_id="q1", manifest_sha256="0" * 64))


def unchanged(manifest: Manifest) -> Manifest:
    return manifest


@pytest.mark.parametrize(
    ("day", "narrowed", "made", "as_of", "audited", "moves"),
    [
        (10, (), unchanged, None, True, True),
        (10, ("--account",), unchanged, None, True, False),
        (10, (), parented, None, True, False),
        (10, (), unchanged, date(2027, 1, 1), True, False),
        (10, (), unchanged, None, False, False),
        (-10, (), unchanged, None, True, False),
    ],
    ids=["an audit", "a part", "evaluated again", "another date", "only reported", "an older audit"],
)
def test_only_a_whole_and_newer_audit_moves_latest(
    tmp_path: Path,
    *,
    day: int,
    narrowed: tuple[str, ...],
    made: Callable[[Manifest], Manifest],
    as_of: date | None,
    audited: bool,
    moves: bool,
) -> None:
    settings = load(settings_file(tmp_path), {}, {"run": {"out": tmp_path, "formats": ("json",)}})
    with reported(stored(tmp_path, "q1", 0), settings, None, None, audited=True):
        pass
    assert (tmp_path / "latest").resolve().name == "q1"
    run = stored(tmp_path, "q2", day, manifest=made, narrowed_by=narrowed)
    with reported(run, settings, None, as_of, audited=audited):
        pass
    assert (tmp_path / "latest").resolve().name == ("q2" if moves else "q1")


def test_sentence_reads_what_was_compared_and_what_was_not() -> None:
    counts = dict.fromkeys(Kind, 0) | {
        Kind.NEW: 12,
        Kind.RESOLVED: 30,
        Kind.NOT_CHECKED_AGAIN: 40,
        Kind.PERSISTENT: 1500,
    }
    assert sentence(counts, "issues", FIRST) == (
        "12 new, 30 resolved: 18 fewer open issues than on 2026-10-01; not compared: 40 not checked again"
    )
    for kind in (*OPENING, *CLOSING):
        only = {each: int(each is kind) for each in Kind}
        assert net(only) == (0 if not kind.compared else 1 if kind.began else -1)
        assert sentence(only, "issues", FIRST).count("1 ") >= 1
