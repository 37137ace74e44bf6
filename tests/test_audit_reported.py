"""Reports that were handed out stay: the first seal the run, later ones add formats or have their own directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import openpyxl
import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.audit import reported
from orgaudit.errors import ConfigError, ExitCode, OrgauditError
from orgaudit.report.formats import asff
from orgaudit.store import seal
from orgaudit.store.run import Run
from orgaudit.store.seal import Ledger
from orgaudit.store.tables import findings_table
from orgaudit.store.verify import notes, verify
from tests.sealed import JUDGED, sealed_run, settings_for, turn_to_pass

ON = date(2026, 10, 1)
LATER = date(2026, 11, 1)
EMPTY = "exceptions: []\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return sealed_run(tmp_path)


def report(
    run: Run, *formats: str, register: Path | None = None, as_of: date | None = None, unverified: bool = False
) -> list[Path]:
    """Write reports and return their files."""
    settings = settings_for(run.path.parent, *formats)
    with reported(run, settings, register, as_of, unverified=unverified) as (_, paths):
        return paths


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ledger(directory: Path) -> Ledger:
    found = seal.read_ledger(directory)
    assert found
    return found


def contents(run: Run) -> dict[str, str]:
    """Return the hash of every file of a run but the list of reports, which grows."""
    files = [path for path in run.path.rglob("*") if path.is_file() and path.name != "reports.json"]
    return {str(path.relative_to(run.path)): sha256(path) for path in files}


def test_first_reports_seal_the_run_and_print_its_hash(run: Run) -> None:
    [path] = report(run, as_of=ON)
    assert set(seal.MATCHED) <= set(run.read_manifest().seal or ())
    said = document(path)["run"]
    assert said["manifest_sha256"] == sha256(run.manifest_path)
    assert (said["register_sha256"], said["standing"]) == (sha256(run.path / "register.json"), "verified")
    [record] = ledger(run.path).reports
    assert (record.file, record.sha256, record.as_of) == ("report.json", sha256(path), ON)
    assert record.manifest_sha256 == said["manifest_sha256"]
    assert (verify(run), notes(run)) == ([], [])


def test_wrong_logo_is_an_error_before_the_run_is_sealed(run: Run) -> None:
    settings = settings_for(run.path.parent, "xlsx")
    wrong = settings.model_copy(update={"report": settings.report.model_copy(update={"logo": Path("none.png")})})
    before = contents(run)
    with pytest.raises(ConfigError, match=r"none\.png: report\.logo: cannot be read"), reported(run, wrong, None, ON):
        pass
    assert contents(run) == before


def test_workbook_prints_the_hash(run: Run) -> None:
    [path] = report(run, "xlsx", as_of=ON)
    cells = {cell for row in openpyxl.load_workbook(path)["Method"].iter_rows(values_only=True) for cell in row}
    assert {sha256(run.manifest_path), sha256(run.path / "register.json")} <= cells


def test_report_without_a_date_only_adds_formats(run: Run) -> None:
    report(run, "json", as_of=ON)
    before = contents(run)
    (run.path.parent / "exceptions.yaml").write_text("not: [a register")  # which is not read again
    [path] = report(run, "xlsx")
    after = contents(run)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {path.name}
    assert [record.as_of for record in ledger(run.path).reports] == [ON, ON]
    assert verify(run) == []


def test_report_again_is_the_delivered_one(run: Run) -> None:
    [path] = report(run, as_of=ON)
    before = path.stat().st_mtime_ns, contents(run), (run.path / "reports.json").read_bytes()
    for as_of in (None, ON):
        report(run, as_of=as_of)
        assert (path.stat().st_mtime_ns, contents(run), (run.path / "reports.json").read_bytes()) == before


def test_report_from_the_stored_result_is_the_same_to_the_byte(run: Run) -> None:
    paths = report(run, "json", "xlsx", as_of=ON)
    before = [sha256(path) for path in paths]
    for path in paths:
        path.unlink()
    assert all("is missing" in problem for problem in verify(run))
    assert [sha256(path) for path in report(run, "json", "xlsx")] == before
    assert verify(run) == []


def test_another_date_or_register_has_its_own_directory(run: Run) -> None:
    report(run, as_of=ON)
    before = contents(run)
    other = run.path.parent / "other.yaml"
    other.write_text(EMPTY)
    [later] = report(run, as_of=LATER)
    [registered] = report(run, as_of=LATER, register=other)
    assert [path.parent.name for path in (later, registered)] == ["as-of-2026-11-01", "as-of-2026-11-01.2"]
    assert {name: contents(run)[name] for name in before} == before
    assert document(later)["run"]["as_of"] == LATER.isoformat()
    assert document(later)["run"]["manifest_sha256"] == sha256(run.manifest_path)
    assert ledger(registered.parent).reports[0].register_file_sha256 == sha256(other)
    assert verify(run) == []
    assert report(run, "xlsx", as_of=LATER)[0].parent == later.parent, "the same again adds a format"
    assert report(run, as_of=LATER, register=other) == [registered]
    assert len(ledger(later.parent).reports) == 2


def test_the_list_of_reports_only_grows(run: Run) -> None:
    before = ledger(run.path)
    for formats, as_of, number in ((("json",), ON, 1), (("xlsx",), None, 2), (("json", "xlsx"), None, 2)):
        report(run, *formats, as_of=as_of)
        after = ledger(run.path)
        assert after.seals[: len(before.seals)] == before.seals
        assert after.reports[: len(before.reports)] == before.reports
        assert len(after.reports) == number
        before = after
    seals, reports = before.seals, before.reports
    report(run, as_of=LATER)
    assert (ledger(run.path).seals, ledger(run.path).reports) == (seals, reports)
    taken = msgspec.structs.replace(before, reports=reports[1:])
    seal.ledger_path(run.path).write_bytes(msgspec.json.encode(taken))
    assert verify(run) == [f"{run.path / 'report.json'}: is not in reports.json; `orgaudit report` writes it again"]


@pytest.mark.parametrize("name", [*seal.MATCHED, "report.json", "reports.json"])
def test_what_was_changed_for_another_date_is_found_and_not_used(run: Run, name: str) -> None:
    report(run, as_of=ON)
    [path] = report(run, as_of=LATER)
    spoilt = path.parent / name
    spoilt.write_bytes(spoilt.read_bytes()[:-9])
    assert any(str(spoilt) in problem for problem in verify(run))
    if name == "reports.json":
        with pytest.raises(ConfigError, match="not a list of reports"):
            report(run, as_of=LATER)
    elif name != "report.json":
        assert report(run, as_of=LATER)[0].parent.name == "as-of-2026-11-01.2"


def test_altered_report_is_found_and_written_again(run: Run) -> None:
    [path] = report(run, as_of=ON)
    delivered = path.read_bytes()
    path.write_bytes(delivered.replace(b'"FAIL"', b'"PASS"', 1))
    assert verify(run) == [f"{path}: does not have the SHA-256 it was sealed with: it was changed afterwards"]
    report(run)
    assert (path.read_bytes(), verify(run)) == (delivered, [])


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of ASFF hold a few findings, so that a small run has several."""
    monkeypatch.setattr(asff, "FINDINGS", 2)


@pytest.mark.usefixtures("batches")
def test_files_of_one_format_are_listed_and_kept_together(run: Run) -> None:
    paths = report(run, "asff", as_of=ON)
    assert len(paths) > 3
    assert [path.name for path in paths] == [f"report.asff-{number:04}.json" for number in range(1, len(paths) + 1)]
    assert {record.file: record.sha256 for record in ledger(run.path).reports} == {
        path.name: sha256(path) for path in paths
    }
    before = contents(run), (run.path / "reports.json").read_bytes(), [path.stat().st_mtime_ns for path in paths]
    assert report(run, "asff") == paths
    after = contents(run), (run.path / "reports.json").read_bytes(), [path.stat().st_mtime_ns for path in paths]
    assert after == before
    assert (verify(run), notes(run)) == ([], [])


@pytest.mark.usefixtures("batches")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes().replace(b"FAILED", b"PASSED", 1) + b" "), "was changed"),
        (Path.unlink, "is missing"),
        (lambda path: (path.parent / "report.asff-9999.json").write_bytes(b"[]"), "is not in reports.json"),
    ],
)
def test_a_format_of_several_files_is_written_again_whole(run: Run, damage: Callable[[Path], Any], said: str) -> None:
    paths = report(run, "asff", "json", as_of=ON)
    delivered, stamps = contents(run), {path: path.stat().st_mtime_ns for path in paths}
    damage(paths[1])
    [problem] = verify(run)
    assert said in problem
    assert report(run, "asff", "json") == paths
    assert (contents(run), verify(run)) == (delivered, [])
    untouched = [path.name for path in paths if path.stat().st_mtime_ns == stamps[path]]
    assert untouched == ["report.json"]
    newest = ledger(run.path).reports[len(paths) :]
    assert [record.file for record in newest] == [path.name for path in paths[:-1]]


@pytest.mark.usefixtures("batches")
def test_files_for_another_date_stand_apart(run: Run) -> None:
    first = report(run, "asff", as_of=ON)
    before = contents(run)
    later = report(run, "asff", as_of=LATER)
    assert {path.parent.name for path in later} == {"as-of-2026-11-01"}
    assert [path.name for path in later] == [path.name for path in first]
    assert {name: contents(run)[name] for name in before} == before
    assert {record.file for record in ledger(later[0].parent).reports} == {path.name for path in later}
    assert verify(run) == []


def test_report_that_nobody_listed_is_found(run: Run) -> None:
    report(run, as_of=ON)
    (run.path / "report.xlsx").write_bytes(b"x")
    assert [problem.split(":")[0] for problem in verify(run)] == [str(run.path / "report.xlsx")]


def test_report_refuses_what_does_not_verify(run: Run) -> None:
    report(run, as_of=ON)
    before = contents(run)
    spoilt = turn_to_pass(run)
    with pytest.raises(ConfigError, match="orgaudit verify 2026-q3"):
        report(run)
    with pytest.raises(ConfigError):
        report(run, as_of=LATER)
    changed = {name for name, known in contents(run).items() if known != before.get(name)}
    assert changed == {f"findings/{spoilt.name}", f"coverage/{spoilt.name}"}


def test_unverified_report_says_so_and_stands_apart(run: Run) -> None:
    report(run, as_of=ON)
    latest = run.path.parent / "latest"
    before = contents(run), (run.path / "reports.json").read_bytes()
    turn_to_pass(run)
    with reported(run, settings_for(run.path.parent), None, None, unverified=True, audited=True):
        pass
    path, book = report(run, "json", "xlsx", unverified=True, as_of=ON)
    assert path.parent.name == "unverified"
    assert document(path)["run"]["standing"] == "unverified"
    assert str(openpyxl.load_workbook(book)["Summary"]["B4"].value).startswith("UNVERIFIED")
    assert not latest.is_symlink()
    assert (run.path / "reports.json").read_bytes() == before[1]
    assert sha256(run.path / "report.json") == before[0]["report.json"]


def test_unverified_changes_nothing_where_all_verifies(run: Run) -> None:
    [path] = report(run, as_of=ON, unverified=True)
    assert (path.parent, document(path)["run"]["standing"]) == (run.path, "verified")


def test_judged_again_leaves_earlier_reports_as_what_they_are(run: Run) -> None:
    [path] = report(run, as_of=ON)
    earlier = sha256(run.manifest_path)
    again = run.read_manifest()
    files = [path for part in seal.JUDGED for path in seal.shards(run, part)]
    turn_to_pass(run)
    seal.seal(run, again, files, keep=seal.FACTS)
    for name in seal.RESULTS:
        (run.path / name).unlink(missing_ok=True)
    assert (verify(run), notes(run)) == ([], [f"{path}: shows an earlier seal of the run, {earlier}"])
    report(run, as_of=ON)
    assert [record.manifest_sha256 for record in ledger(run.path).reports] == [earlier, sha256(run.manifest_path)]
    assert (verify(run), notes(run)) == ([], [])


def test_run_of_an_earlier_version_is_reported_and_says_so(run: Run) -> None:
    (run.path / "reports.json").unlink()
    held = json.loads(run.manifest_path.read_bytes())
    del held["seal"]
    run.manifest_path.write_text(json.dumps(held))
    [path] = report(run, as_of=ON)
    assert document(path)["run"]["standing"] == "not sealed"
    assert not (run.path / "reports.json").exists()
    assert report(run, as_of=LATER) == [path]


def test_cut_off_before_the_seal_begins_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(seal, "seal", killed)
        with pytest.raises(KeyboardInterrupt):
            report(run, as_of=ON)
    assert findings_table(run).exists()
    report(run, as_of=LATER)
    assert verify(run) == []


def asked(run: Run, *options: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a query for the number of failures."""
    sql = "SELECT count(*) AS failing FROM findings WHERE status = 'FAIL'"
    done = CliRunner().invoke(cli.orgaudit, ["query", str(run.path), sql, *options])
    if isinstance(done.exception, OrgauditError):
        return done.exception.exit_code, "", str(done.exception)
    return done.exit_code, done.stdout, done.stderr


def test_query_refuses_what_does_not_verify(run: Run) -> None:
    code, _, message = asked(run)
    assert (code, "orgaudit report" in message) == (ExitCode.USAGE, True)
    report(run, as_of=ON)
    good = asked(run)
    assert good == (0, "failing\n9\n", "")
    run.findings_path(JUDGED).unlink()
    assert asked(run) == good, "it reads the tables"
    table = findings_table(run)
    coverage = (run.path / "coverage.parquet").read_bytes()
    (run.path / "coverage.parquet").write_bytes(coverage + b" ")
    code, _, message = asked(run)
    assert (code, "coverage.parquet: does not have the SHA-256" in message) == (ExitCode.USAGE, True)
    (run.path / "coverage.parquet").write_bytes(coverage)
    emptied = duckdb.read_parquet(str(table)).filter("status <> 'FAIL'")
    emptied.write_parquet(str(run.path.parent / "emptied"))
    (run.path.parent / "emptied").replace(table)
    assert asked(run)[0] == ExitCode.USAGE
    code, answer, message = asked(run, "--unverified")
    assert (code, answer, message.startswith("orgaudit: UNVERIFIED")) == (0, "failing\n0\n", True)


def test_an_unknown_format_is_refused_before_anything_is_sealed(run: Run) -> None:
    before = contents(run)
    with pytest.raises(ConfigError, match="unknown format 'pdf'"):
        report(run, "json", "pdf")
    assert contents(run) == before


def printed(run: Run, *options: str) -> list[str]:
    """Return what `report` prints of the register."""
    arguments = ["report", str(run.path), "--config", str(run.path.parent / "orgaudit.toml"), "--format", "json"]
    done = CliRunner().invoke(cli.orgaudit, [*arguments, *options], standalone_mode=False)
    assert done.exception is None, done.exception
    lines = done.output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Register"))
    end = next(number for number, line in enumerate(lines) if line.startswith("Reports"))
    return [line[12:] for line in lines[start:end]]


def test_report_says_which_register_it_shows_and_never_another(run: Run) -> None:
    settings_for(run.path.parent)
    register = run.path.parent / "exceptions.yaml"
    register.write_text(EMPTY)
    before = sha256(register)[:12]
    which = f"exceptions.yaml, as of 2026-10-01, SHA-256 {before}"
    with_date = printed(run, "--as-of", "2026-10-01")
    assert with_date == [
        which,
        f"{register} as it is now, the register of the settings: no result was stored in the run",
    ]
    stored = [which, "the result stored in the run; no register was read"]
    assert printed(run) == stored
    register.write_text("exceptions: []  # and a broken one: [")
    now = sha256(register)[:12]
    assert printed(run) == [
        *stored,
        f"{register} differs from the register of that result (SHA-256 {now} now); "
        f"`orgaudit report {run.id} --register {register}` uses it",
    ]
    assert not list(run.path.glob("as-of-*"))
    assert printed(run, "--as-of", "2026-11-01") == [
        f"exceptions.yaml, as of 2026-11-01, SHA-256 {now}",
        f"{register} as it is now, the register of the settings, because of --as-of",
    ]
    other = run.path.parent / "other.yaml"
    other.write_text(EMPTY)
    assert printed(run, "--register", str(other), "--as-of", "2026-11-01") == [
        f"other.yaml, as of 2026-11-01, SHA-256 {before}",
        f"{other} as it is now, as --register names it",
    ]
    assert sorted(path.name for path in run.path.glob("as-of-*")) == ["as-of-2026-11-01", "as-of-2026-11-01.2"]
    register.unlink()
    assert printed(run) == [*stored, f"{register} does not exist any more; the stored result stands"]


def test_report_of_an_earlier_layout_says_that_the_present_register_was_applied(run: Run) -> None:
    settings_for(run.path.parent)
    (run.path / "reports.json").unlink()
    held = json.loads(run.manifest_path.read_bytes())
    del held["seal"]
    run.manifest_path.write_text(json.dumps(held))
    for _ in range(2):
        which, note = printed(run, "--as-of", "2026-10-01")
        assert which == "exceptions.yaml, as of 2026-10-01, no such file, so it is empty"
        assert note.endswith(
            "exceptions.yaml as it is now, the register of the settings: no result was stored in the run"
        )
