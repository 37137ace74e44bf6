"""`orgaudit quarter` over stored runs: what is in the folder, what it is compared with, and how it goes on."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import openpyxl
import pytest
import time_machine
from click.testing import CliRunner, Result

from orgaudit import cli
from orgaudit.controls.aliases import ALIASES
from orgaudit.errors import ExitCode, OrgauditError
from orgaudit.history.changes import Unit, compared_with
from orgaudit.model import Finding, OrganizationRecord, Status
from orgaudit.quarter.baseline import run_of
from orgaudit.quarter.folder import Folder, QuarterRecord, StepRecord, name_of
from orgaudit.quarter.parts import PARTS
from orgaudit.report.formats import asff
from orgaudit.store import lease
from orgaudit.store.kinds import Kind
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run
from tests.history.stored import stored
from tests.shared import made_once
from tests.synthetic_run import STARTED, account_id

BUCKET, INSTANCE = "s3_control_1_holds", "ec2_control_4_holds"
REGISTER = """
exceptions:
  - id: EXC-2026-0001
    title: Instances of the lab
    type: operational_requirement
    scope:
      controls: [ec2_control_4_holds]
      accounts: ["100000000002"]
    justification: They are short-lived.
    owner: Ann Example <ann@example.com>
    requested_by: ann@example.com
    approved_by: jo@example.com
    approved_on: 2026-10-01
    starts_on: 2026-10-01
    expires_on: 2027-02-15
    ticket: RISK-1
    history:
      - {when: 2026-10-01, who: ann@example.com, what: requested, why: added}
      - {when: 2026-10-01, who: jo@example.com, what: approved, why: agreed, until: 2027-02-15}
"""
STEPS = ("audit", *(part.name for part in PARTS))


def fixed(finding: Finding) -> Finding:
    """Buckets are repaired."""
    if finding.status is Status.FAIL and finding.control == BUCKET:
        return msgspec.structs.replace(finding, status=Status.PASS)
    return finding


def worse(finding: Finding) -> Finding:
    """An instance more fails."""
    if finding.status is Status.PASS and (finding.control, finding.account_id) == (INSTANCE, account_id(2)):
        return msgspec.structs.replace(finding, status=Status.FAIL)
    return finding


class Desk:
    """A directory with runs and a register, and the command in it on a day."""

    def __init__(self, directory: Path, formats: tuple[str, ...] = ("xlsx", "json")) -> None:
        self.formats = [f"--format={name}" for name in formats]
        self.directory = directory
        self.out = directory / "reports"
        config = directory / "config"
        config.mkdir(exist_ok=True)
        (config / "orgaudit.toml").write_text('[ownership]\naudit_team = "Audit <audit@example.com>"\n')
        (config / "exceptions.yaml").write_text(REGISTER)

    def quarter(self, days: int, *options: str) -> Result:
        """Run `orgaudit quarter` so many days after the first run."""
        with time_machine.travel(STARTED + timedelta(days=days, hours=2), tick=False):
            arguments = [
                "quarter",
                "--config",
                str(self.directory / "config" / "orgaudit.toml"),
                "--out",
                str(self.out),
            ]
            return CliRunner().invoke(cli.orgaudit, [*arguments, *self.formats, *options], standalone_mode=False)

    def done(self, days: int, *options: str) -> Path:
        """Run it to its end and return the folder."""
        result = self.quarter(days, *options)
        assert result.exception is None, result.exception
        assert result.return_value in {ExitCode.FINDINGS, ExitCode.INCOMPLETE}
        return self.folder(days)

    def folder(self, days: int) -> Path:
        return self.out / name_of(STARTED.date() + timedelta(days=days))

    def error(self, days: int, *options: str) -> str:
        """Run it to its refusal and return that."""
        result = self.quarter(days, *options)
        assert isinstance(result.exception, OrgauditError | click.UsageError | click.Abort), result.output
        return str(result.exception)


def two_quarters(directory: Path) -> None:
    """Make two quarters with a weekly audit between them."""
    desk = Desk(directory)
    stored(desk.out, "q1", 0)
    desk.done(0, "--run", "q1")
    stored(desk.out, "weekly", 60, worse)
    stored(desk.out, "q2", 90, lambda finding: fixed(worse(finding)))
    desk.done(91, "--run", "q2")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two quarters with a weekly audit between them; tests only read it."""
    return Desk(made_once(tmp_path_factory, "two", two_quarters))


@pytest.fixture
def desk(two: Desk, tmp_path: Path) -> Desk:
    """The runs of the two quarters and of nothing between them, without any folder."""
    desk = Desk(tmp_path, formats=("json",))
    for run in ("q1", "q2"):
        shutil.copytree(two.out / run, desk.out / run, ignore=shutil.ignore_patterns("as-of-*"))
    return desk


@pytest.fixture(scope="module")
def first(two: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The runs of the two quarters with the folder of the first; tests only copy it."""

    def made(directory: Path) -> None:
        desk = Desk(directory, formats=("json",))
        for run in ("q1", "q2"):
            shutil.copytree(two.out / run, desk.out / run, ignore=shutil.ignore_patterns("as-of-*"))
        desk.done(0, "--run", "q1")

    return Desk(made_once(tmp_path_factory, "first", made), formats=("json",))


@pytest.fixture
def begun(first: Desk, tmp_path: Path) -> Desk:
    """A desk at which the folder of the first quarter is complete, and the second quarter has its run."""
    desk = Desk(tmp_path, formats=("json",))
    shutil.copytree(first.out, desk.out, symlinks=True)
    return desk


def record(folder: Path) -> QuarterRecord:
    return Folder.read(folder).record


def contents(folder: Path) -> dict[str, str]:
    """The hash of every file but the record, which holds times."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "quarter.json"]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def report_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
    return found


def test_the_second_quarter_is_compared_with_the_first_and_not_with_the_audit_between(two: Desk) -> None:
    first, second = record(two.folder(0)), record(two.folder(91))
    assert (first.baseline, second.baseline) == (None, "q1")
    assert (second.run, second.results, second.audited) == ("q2", "as-of-2026-12-31", "o-exampleorg")
    comparison = json.loads((two.out / "q2" / "as-of-2026-12-31" / "comparison.json").read_bytes())
    assert comparison["baseline"] == "q1"
    assert [point["run"] for point in comparison["points"]] == ["q1", "q2"]


def test_changes_are_those_between_the_two_results(two: Desk) -> None:
    folder = two.folder(91)
    old, new = (run_of(two.out, record(two.folder(days))) for days in (0, 91))
    with compared_with(old, new, ALIASES) as changes:
        kinds = {kind: found.count for kind, found in changes.counts(Unit.ISSUES).items() if found.count}
    assert kinds[Kind.RESOLVED] > 0
    assert kinds[Kind.PERSISTENT] > 0
    text = (folder / "changes.txt").read_text()
    shown = {line[:52].strip(): int(line[52:62]) for line in text.splitlines() if line[52:62].strip().isdigit()}
    assert shown == kinds
    with (folder / "changes.csv").open() as file:
        rows = Counter(row["kind"] for row in csv.DictReader(file))
    assert rows == {kind: count for kind, count in kinds.items() if kind is not Kind.PERSISTENT}
    assert record(folder).steps[2].note == f"since {STARTED.date().isoformat()}, run q1"


def test_the_read_me_has_the_figures_of_the_report(two: Desk) -> None:
    for days, baseline in ((0, None), (91, STARTED.date())):
        text, report = (two.folder(days) / "README.md").read_text(), report_of(two.folder(days))
        issues, rate = report["summary"]["open_issues_by_severity"], report["summary"]["headline"]["rate"]["share"]
        assert f"{sum(issues.values()):,} open issues: {issues['critical']:,} critical, {issues['high']:,} high" in text
        assert f"{rate * 100:.1f} %" in text
        assert ("INCOMPLETE" in text) is (
            report["coverage"]["totals"]["evaluations_assessed"] != report["coverage"]["totals"]["evaluations"]
        )
        assert (f"Compared with run q1 of {baseline}" in text) is (baseline is not None)
        listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
        assert listed == {path.name for path in two.folder(days).iterdir()}
        assert report["run"]["manifest_sha256"] in text


def test_workbook_and_json_are_those_of_the_run(two: Desk) -> None:
    folder, results = two.folder(91), two.out / "q2" / "as-of-2026-12-31"
    for name in ("report.xlsx", "report.json"):
        assert (folder / name).read_bytes() == (results / name).read_bytes()
    assert openpyxl.load_workbook(folder / "report.xlsx").sheetnames


def test_all_files_of_a_format_are_copied_listed_and_checked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asff, "FINDINGS", 2)
    desk.formats = ["--format=asff", "--format=json"]
    folder = desk.done(0, "--run", "q1")
    at = results(desk)
    names = sorted(path.name for path in at.glob("report.asff-*.json"))
    assert len(names) > 3
    assert sorted(path.name for path in folder.glob("report.*")) == sorted([*names, "report.json"])
    assert all((folder / name).read_bytes() == (at / name).read_bytes() for name in names)
    step = next(step for step in record(folder).steps if step.name == "reports")
    assert step.note == f"report.asff-*.json ({len(names)} files), report.json"
    assert step.files.keys() == {*names, "report.json"}
    assert {*names} <= {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert "`report.asff-*.json`" in (folder / "README.md").read_text()
    (folder / names[1]).unlink()
    assert str(folder / names[1]) in desk.error(0)


def test_hashes_are_those_of_sha256sum(two: Desk) -> None:
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=two.folder(91), check=False)
    assert done.returncode == 0
    named = {line.split("  ")[1] for line in (two.folder(91) / "SHA256SUMS").read_text().splitlines()}
    assert named == contents(two.folder(91)).keys() - {"SHA256SUMS"}


def test_reminders_reach_to_the_next_quarter(two: Desk) -> None:
    folder = two.folder(91) / "reminders"
    assert {path.name for path in folder.iterdir()} == {"due.txt", "due.ics", "ann@example.com.eml"}
    assert "EXC-2026-0001" in (folder / "due.txt").read_text()
    mail = (folder / "ann@example.com.eml").read_text()
    assert "From: Audit <audit@example.com>" in mail
    assert "X-Unsent: 1" in mail
    assert [path.name for path in (two.folder(0) / "reminders").iterdir() if path.suffix == ".eml"] == []


def test_a_quarter_that_is_complete_says_so_and_ends_as_before(two: Desk) -> None:
    before = contents(two.folder(91)), record(two.folder(91))
    again = two.quarter(91)
    assert "quarter-2026-12-31 was completed" in again.output
    assert [line.split()[1] for line in again.output.splitlines()[1 : 1 + len(STEPS)]] == ["before"] * len(STEPS)
    assert (contents(two.folder(91)), record(two.folder(91))) == before
    complete = report_of(two.folder(91))["coverage"]["totals"]
    assert complete["evaluations"] != complete["evaluations_assessed"]
    assert again.return_value == ExitCode.INCOMPLETE == two.quarter(91, "--fail-on", "never").return_value


@pytest.mark.parametrize(("fail_on", "code"), [("low", ExitCode.FINDINGS), ("never", ExitCode.CLEAN)])
def test_what_ends_with_findings_does_so_again(desk: Desk, fail_on: str, code: ExitCode) -> None:
    stored(desk.out, "seen", 0, seen)
    codes = [desk.quarter(0, "--run", "seen", "--fail-on", fail_on).return_value for _ in range(2)]
    assert codes == [code, code]


def seen(finding: Finding) -> Finding:
    """Everything was looked at."""
    return msgspec.structs.replace(finding, status=Status.PASS, gap=None) if finding.gap else finding


@pytest.mark.parametrize("moment", ["before it is recorded", "after it is recorded"])
@pytest.mark.parametrize("name", STEPS)
def test_stopped_at_any_step_it_goes_on_to_the_same_folder(
    begun: Desk, monkeypatch: pytest.MonkeyPatch, name: str, moment: str
) -> None:
    clean = begun.folder(0)
    expected = contents(clean)
    shutil.rmtree(clean)
    finish, done = Folder.finish, []

    def stopped(folder: Folder, step: StepRecord, places: Iterable[str]) -> StepRecord:
        if step.name == name and moment.startswith("before"):
            raise KeyboardInterrupt
        found = finish(folder, step, places)
        done.append(step.name)
        if step.name == name:
            raise KeyboardInterrupt
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "finish", stopped)
        assert "go on with `orgaudit quarter" in begun.error(0, "--run", "q1")
    recorded = [step.name for step in record(clean).steps] if (clean / "quarter.json").exists() else []
    assert recorded == done == list(STEPS[: STEPS.index(name) + moment.startswith("after")])
    at = begun.quarter(0) if recorded else begun.quarter(0, "--run", "q1")
    assert at.exception is None
    lines = {line.split()[0]: line for line in at.output.splitlines()}
    assert [step for step in STEPS if "before" in lines[step]] == recorded
    assert contents(clean) == expected
    assert record(clean).completed_at


def test_what_a_killed_process_left_half_written_is_removed(begun: Desk) -> None:
    folder = begun.folder(0)
    expected = contents(folder)
    cut = Folder.read(folder)
    cut.note(completed_at=None)
    cut.record = msgspec.structs.replace(cut.record, steps=cut.record.steps[:3])
    cut.write()
    (folder / ".actions.csv.abcdefgh").write_text("half")
    (folder / "reminders" / "of an earlier try.eml").write_text("stale")
    begun.done(0)
    assert contents(folder) == expected


@pytest.mark.parametrize("name", ["README.md", "report.json", "reminders/due.ics"])
@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"another"), Path.unlink])
def test_a_changed_file_is_neither_accepted_nor_overwritten(
    begun: Desk, name: str, change: Callable[[Path], object]
) -> None:
    folder = begun.folder(0)
    change(folder / name)
    before = contents(folder)
    error = begun.error(0)
    assert str(folder / name) in error
    assert "move the folder away: then `orgaudit quarter --run q1` makes another" in error
    assert contents(folder) == before
    expected = folder.rename(begun.directory / "away")
    assert contents(begun.done(0, "--run", "q1")).keys() >= before.keys()
    assert contents(expected) == before


def test_a_folder_that_was_begun_is_gone_on_with_for_a_week_and_keeps_its_date(begun: Desk) -> None:
    folder = begun.folder(0)
    for days, name in ((7, "quarter-2026-10-01"), (8, "quarter-2026-10-09")):
        cut = Folder.read(folder)
        cut.note(completed_at=None)
        cut.record = msgspec.structs.replace(cut.record, steps=cut.record.steps[:4])
        cut.write()
        shutil.rmtree(folder / "reminders")
        for path in ("README.md", "SHA256SUMS"):
            (folder / path).unlink()
        result = begun.quarter(days, "--run", "q1")
        assert name in result.output or name in str(result.exception)
        assert (folder / "README.md").exists() is (days == 7)
    assert "quarter of 2026-10-01" not in "".join(path.read_text() for path in folder.glob("README.md"))


def test_a_folder_with_foreign_files_is_left_alone(desk: Desk) -> None:
    desk.folder(0).mkdir()
    (desk.folder(0) / "README.md").write_text("mine")
    assert "has files, and no quarter.json; move the folder away" in desk.error(0, "--run", "q1")
    assert contents(desk.folder(0)).keys() == {"README.md"}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda desk: shutil.rmtree(desk.out / "q1"), "q1"),
        (lambda desk: (desk.out / "q1" / "history.parquet").write_bytes(b""), "history.parquet"),
        (lambda desk: (results(desk) / "findings.parquet").write_bytes(b""), "findings.parquet"),
        (lambda desk: (results(desk) / "reports.json").unlink(), "reports.json"),
        (lambda desk: (desk.folder(0) / "quarter.json").write_text("{}"), "quarter.json"),
    ],
)
def test_a_last_quarter_that_is_gone_or_damaged_is_an_error_that_names_the_remedy(
    begun: Desk, damage: Callable[[Desk], object], said: str
) -> None:
    damage(begun)
    error = begun.error(91, "--run", "q2")
    assert "the last quarter, quarter-2026-10-01, cannot be used" in error
    assert said in error
    assert "--baseline" in error
    assert not begun.folder(91).exists()
    assert (
        "Not compared: the run has no baseline."
        in (begun.done(91, "--run", "q2", "--baseline", "none") / "README.md").read_text()
    )


def results(desk: Desk) -> Path:
    return run_of(desk.out, record(desk.folder(0))).results


def test_another_baseline_can_be_named_and_is_kept_when_it_goes_on(two: Desk, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    shutil.copytree(two.out, desk.out, symlinks=True)
    shutil.rmtree(desk.folder(91))
    folder = desk.done(91, "--run", "q2", "--baseline", "weekly")
    assert (record(folder).chosen, record(folder).baseline) == ("weekly", "weekly")
    assert "Compared with run weekly" in (folder / "README.md").read_text()
    assert "was begun with --baseline weekly" in desk.error(91, "--baseline", "q1")
    assert "is of run q2" in desk.error(91, "--run", "weekly")
    assert desk.done(91) == folder


def test_quarters_of_another_organization_are_no_baseline(begun: Desk) -> None:
    other = OrganizationRecord(id="o-another", arn="", management_account_id=account_id(0), feature_set="ALL")

    def of_another(manifest: Manifest) -> Manifest:
        return msgspec.structs.replace(manifest, organization=other)

    stored(begun.out, "other", 30, manifest=of_another)
    begun.done(31, "--run", "other")
    assert record(begun.done(91, "--run", "q2")).baseline == "q1"
    assert record(begun.folder(31)).baseline is None


@pytest.mark.parametrize(
    ("option", "value"),
    [("--account", "100000000001"), ("--ou", "Root"), ("--region", "eu-west-1"), ("--control", "iam_root_mfa_enabled")],
)
def test_a_part_of_the_scope_is_refused_with_the_reason(desk: Desk, option: str, value: str) -> None:
    error = desk.error(0, option, value)
    assert f"{option} leaves something out, and a quarter is of the whole scope" in error
    assert not list(desk.out.glob("quarter-*"))


def test_a_run_of_a_part_is_refused(desk: Desk) -> None:
    stored(desk.out, "part", 0, narrowed_by=("--account",))
    assert "run part is of a part of the scope (--account)" in desk.error(0, "--run", "part")
    assert not desk.folder(0).exists()


def test_names_in_the_tables_are_no_formulas(desk: Desk) -> None:
    def hostile(finding: Finding) -> Finding:
        return msgspec.structs.replace(finding, resource=f"={finding.resource}")

    stored(desk.out, "h1", 0, hostile)
    desk.done(0, "--run", "h1")
    stored(desk.out, "h2", 91, lambda finding: fixed(hostile(finding)))
    folder = desk.done(91, "--run", "h2")
    with (folder / "changes.csv").open() as file:
        found = [row["resource"] for row in csv.DictReader(file)]
    assert found
    assert all(resource.startswith("'=") for resource in found)


def test_one_process_at_a_time(desk: Desk) -> None:
    with lease.held(Run(desk.folder(0)), "quarter", remedy=""):
        assert "is writing run quarter-2026-10-01; wait until it ends or stop it" in desk.error(0, "--run", "q1")


def test_evidence_is_of_facts_that_are_as_sealed(desk: Desk) -> None:
    shard = Run(desk.out / "q1").shard_path(account_id(1))
    whole = shard.read_bytes()
    shard.write_bytes(Run(desk.out / "q1").shard_path(account_id(2)).read_bytes())
    assert f"{shard}: does not have the SHA-256 it was sealed with" in desk.error(0, "--run", "q1")
    assert not (desk.folder(0) / "evidence.zip").exists()
    assert record(desk.folder(0)).completed_at is None
    shard.write_bytes(whole)
    verified = CliRunner().invoke(cli.orgaudit, ["verify", str(desk.done(0) / "evidence.zip")], standalone_mode=False)
    assert (verified.return_value, verified.exception) == (ExitCode.CLEAN, None)


def test_each_owner_has_a_workbook_and_a_mail_that_are_those_of_the_run(two: Desk) -> None:
    folder, split = two.folder(91) / "owners", two.out / "q2" / "as-of-2026-12-31" / "split-owner"
    found = {path.name for path in folder.iterdir()}
    assert found == {path.name for path in split.iterdir()}
    assert found
    assert all((folder / name).read_bytes() == (split / name).read_bytes() for name in found)


@pytest.mark.parametrize("columns", [80, 160])
def test_lines_fit_the_terminal(desk: Desk, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr("orgaudit.cli.quarter.width", lambda: columns)
    (desk.directory / "config" / "orgaudit.toml").write_text("")
    lines = desk.quarter(0, "--run", "q1").output.splitlines()
    assert {line.split()[0] for line in lines if line and not line.startswith(" ")} == {
        *(*STEPS, "Verdict", "Folder", "Exit")
    }
    own = [line for line in lines if not line.startswith("Folder")]  # whose path is that of the test
    assert max(map(len, own)) <= columns
    reminded = next(number for number, line in enumerate(lines) if line.startswith("reminders"))
    assert "no mails: neither --from nor" in " ".join(lines[reminded : reminded + 3])
    assert ("names a sender" in lines[reminded]) is (columns == 160)
