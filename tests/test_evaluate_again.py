"""`orgaudit evaluate`: in place while a run was never evaluated, and after that in a run of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from orgaudit import audit, cli
from orgaudit.errors import ConfigError, CutShortError, OrgauditError
from orgaudit.evaluate.rules import rules_of
from orgaudit.model import Status
from orgaudit.settings.settings import Settings, load
from orgaudit.store import again, lease, seal
from orgaudit.store.manifest import ParentRecord
from orgaudit.store.run import Run
from orgaudit.store.verify import notes, verify
from tests import commands
from tests.collected_run import ACCOUNTS, CONTROL, collected_run, contents, settings_file
from tests.factories import MEMBER


@pytest.fixture
def out(tmp_path: Path) -> Path:
    settings_file(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was evaluated and reported, which tests only copy."""
    place = tmp_path_factory.mktemp("reported")
    settings_file(place)
    found = collected_run(place)
    assert called(place, "evaluate", "q3").exit_code == 0
    assert called(place, "report", "q3").exit_code == 0
    return found


@pytest.fixture
def run(out: Path, reported: Run) -> Run:
    """A run that was evaluated and reported."""
    shutil.copytree(reported.path, out / "q3", symlinks=True)
    return Run(out / "q3")


def called(out: Path, command: str, *arguments: str) -> Result:
    done = CliRunner().invoke(cli.orgaudit, [command, *arguments, "--config", str(out / "orgaudit.toml")])
    assert done.exception is None or isinstance(done.exception, SystemExit | OrgauditError), done.exception
    return done


def refused(out: Path, command: str, *arguments: str) -> str:
    error = called(out, command, *arguments).exception
    assert isinstance(error, ConfigError), error
    return str(error)


def settings(out: Path) -> Settings:
    return load(out / "orgaudit.toml", {}, {})


def retention(run: Run) -> Status:
    [found] = [each for each in run.findings(MEMBER) if each.control == CONTROL]
    return found.status


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if path.is_dir()}


def test_a_run_that_was_never_evaluated_is_evaluated_in_place(out: Path) -> None:
    run = collected_run(out)
    assert "leave out --run-id" in refused(out, "evaluate", "q3", "--run-id", "other")
    done = called(out, "evaluate", "q3")
    assert (done.exit_code, "q3: evaluated; `orgaudit report q3`" in done.stdout) == (0, True)
    manifest = run.read_manifest()
    assert (manifest.parent, manifest.narrowed_by, manifest.evaluated_at is not None) == (None, (), True)
    assert (names(out), verify(run)) == ({"q3"}, [])


def test_what_was_delivered_stays_and_the_new_run_names_its_parent(out: Path, run: Run) -> None:
    before, sha256 = contents(run), seal.digest(run.manifest_path)
    settings_file(out, days=3650)
    done = called(out, "evaluate", "q3")
    new = Run(out / "q3.2")
    said = f"{new.path}: evaluated from the facts of run q3; `orgaudit report q3.2` writes the reports"
    assert said in done.stdout.splitlines()
    manifest = new.read_manifest()
    assert (manifest.run_id, manifest.parent) == ("q3.2", ParentRecord(run_id="q3", manifest_sha256=sha256))
    assert (retention(run), retention(new)) == (Status.PASS, Status.FAIL)
    assert called(out, "report", "q3.2").exit_code == 0
    assert json.loads((new.path / "report.json").read_bytes())["run"]["id"] == "q3.2"
    assert contents(run) == before
    assert [verify(each) for each in (run, new)] == [[], []]
    assert (notes(run), notes(new)) == ([], [f"judges the facts of run q3, whose run.json had the SHA-256 {sha256}"])


def test_the_facts_are_shared_and_sealed_with_the_same_hashes(out: Path, run: Run) -> None:
    called(out, "evaluate", "q3")
    new = Run(out / "q3.2")
    sealed = [seal.of(each.read_manifest(), seal.FACTS) for each in (run, new)]
    assert sealed[0] == sealed[1]
    assert len(sealed[0]) == len(ACCOUNTS)
    for account in ACCOUNTS:
        assert run.shard_path(account).samefile(new.shard_path(account))
        assert not new.shard_path(account).is_symlink()
    assert new.path.stat().st_mode == run.path.stat().st_mode


@pytest.mark.parametrize("why", ["the file system has no links", "a shard is a symbolic link"])
def test_what_cannot_be_linked_is_copied(out: Path, run: Run, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    shard = run.shard_path(MEMBER)
    if why.startswith("a shard"):
        shard.rename(out / "elsewhere")
        shard.symlink_to(out / "elsewhere")
    else:

        def link(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    assert called(out, "evaluate", "q3").exit_code == 0
    new = Run(out / "q3.2")
    copied = new.shard_path(MEMBER)
    assert (copied.is_symlink(), shard.samefile(copied)) == (False, False)
    assert copied.read_bytes() == shard.read_bytes()
    assert copied.stat().st_mode & 0o777 == 0o600
    assert verify(new) == []


def test_the_next_name_is_the_next_number(out: Path, run: Run) -> None:
    (out / "q3.2").mkdir()
    (out / "q3.2" / "notes.txt").write_text("a person's")
    (out / "q3.3").write_text("a file")
    (out / "q3.4").symlink_to(run.path)
    shutil.copytree(run.path / "facts", out / "q3.5" / "facts")
    called(out, "evaluate", "q3")
    called(out, "evaluate", "q3.6")
    called(out, "evaluate", "q3", "--run-id", "strict.7")
    called(out, "evaluate", "strict.7")
    parents = {
        each.name: parent.run_id
        for each in out.iterdir()
        if not each.is_symlink() and (each / "run.json").exists()
        if (parent := Run(each).read_manifest().parent) is not None
    }
    assert parents == {"q3.6": "q3", "q3.7": "q3.6", "strict.7": "q3", "strict.2": "strict.7"}
    assert [[path.name for path in (out / name).iterdir()] for name in ("q3.2", "q3.5")] == [["notes.txt"], ["facts"]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("q3", "run q3 exists; name another --run-id"),
        ("q2", "run q2 exists; name another --run-id"),
        ("../x", "a run cannot be called '../x'"),
        ("latest", "a run cannot be called 'latest'"),
    ],
)
def test_a_name_that_is_taken_or_cannot_be_is_refused(out: Path, run: Run, name: str, words: str) -> None:
    collected_run(out, "q2", -90)
    before = names(out)
    assert words in refused(out, "evaluate", "q3", "--run-id", name)
    assert names(out) == before


def test_a_name_that_becomes_too_long_is_to_be_given(out: Path) -> None:
    name = "q" * 100
    collected_run(out, name)
    called(out, "evaluate", name)
    assert "name it with --run-id" in refused(out, "evaluate", name)


def test_a_run_elsewhere_gets_its_next_beside_it(out: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("archive")
    shutil.move(run.path, elsewhere)
    done = called(out, "evaluate", str(elsewhere / "q3"))
    assert f"`orgaudit report {elsewhere / 'q3.2'}` writes the reports" in done.stdout
    assert verify(Run(elsewhere / "q3.2")) == []


def test_verify_holds_a_run_against_its_parent(out: Path, run: Run) -> None:
    called(out, "evaluate", "q3")
    new = Run(out / "q3.2")
    manifest = new.read_manifest()
    wrong = ParentRecord(run_id="q3", manifest_sha256="0" * 64)
    seal.seal(new, msgspec.structs.replace(manifest, parent=wrong), [], keep=(*seal.FACTS, *seal.JUDGED))
    [problem] = verify(new)
    assert problem == f"{new.manifest_path}: names a run.json of run q3 that this never had: SHA-256 {'0' * 64}"
    shutil.rmtree(run.path)
    other = collected_run(out, "q3")
    called(out, "evaluate", "q3")
    other.shard_path(MEMBER).write_bytes(other.shard_path(ACCOUNTS[1]).read_bytes())
    seal.seal(other, other.read_manifest(), seal.shards(other, "facts"))
    assert any("its facts are not those of its parent, run q3" in problem for problem in verify(new))
    shutil.rmtree(other.path)
    assert verify(new) == []
    assert [note.partition(",")[2].partition(",")[0] for note in notes(new)] == [" which is not beside it any more"]


def test_a_parent_that_is_reported_later_is_still_the_parent(out: Path) -> None:
    run = collected_run(out)
    called(out, "evaluate", "q3")
    called(out, "evaluate", "q3")
    before = seal.digest(run.manifest_path)
    called(out, "report", "q3")
    assert seal.digest(run.manifest_path) != before
    assert [verify(Run(out / name)) for name in ("q3", "q3.2")] == [[], []]


def test_changed_facts_are_found_in_both_runs_and_judged_in_neither(out: Path, run: Run) -> None:
    called(out, "evaluate", "q3")
    shard = run.shard_path(MEMBER)
    spoilt = bytearray(shard.read_bytes())
    spoilt[-1] ^= 0xFF
    shard.write_bytes(bytes(spoilt))
    for name in ("q3", "q3.2"):
        assert any(f"{name}/facts/{MEMBER}" in problem for problem in verify(Run(out / name)))
        assert "does not have the SHA-256" in refused(out, "evaluate", name)
    assert names(out) == {"q3", "q3.2"}


def test_a_run_of_an_earlier_version_is_a_parent_too(out: Path, run: Run) -> None:
    (run.path / "reports.json").unlink()
    held = json.loads(run.manifest_path.read_bytes())
    del held["seal"]
    run.manifest_path.write_text(json.dumps(held))
    before = contents(run)
    done = called(out, "query", "q3", "SELECT count(*) AS n FROM accounts")
    assert (done.stdout, done.stderr) == ("n\n3\n", "orgaudit: the run is not sealed; `orgaudit verify` shows more\n")
    assert "orgaudit: the run is not sealed" in called(out, "report", "q3").stderr
    shutil.copytree(run.path, out / "kept")
    assert called(out, "evaluate", "kept").exit_code == 0
    assert contents(Run(out / "kept")).keys() == before.keys()
    new = Run(out / "kept.2")
    assert len(seal.of(new.read_manifest(), seal.FACTS)) == len(ACCOUNTS)
    assert verify(new) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), ConfigError("wrong")])
def test_nothing_stays_of_an_evaluation_that_fails(
    out: Path, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = contents(run)

    def failing(*_: object) -> None:
        assert Run(out / "q3.2").manifest_path.is_file()
        raise error

    monkeypatch.setattr(audit, "evaluate", failing)
    done = CliRunner().invoke(cli.orgaudit, ["evaluate", "q3", "--config", str(out / "orgaudit.toml")])
    assert done.exit_code != 0
    assert (names(out), contents(run)) == ({"q3"}, before)


def test_a_run_that_another_process_took_over_is_left_to_it(
    out: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object) -> None:
        raise CutShortError("another process has taken over")

    monkeypatch.setattr(audit, "evaluate", taken)
    called(out, "evaluate", "q3")
    assert Run(out / "q3.2").manifest_path.is_file()


PLACES = {
    "the first link": ("again", "share", 0),
    "the second link": ("again", "share", 1),
    "before the first seal": ("seal", "seal", 0),
    "before run.json is there": ("seal.Run", "write_manifest", 0),
    "the first account": ("stage", "evaluate_account", 0),
    "the last account": ("stage", "evaluate_account", 2),
    "before the second seal": ("seal", "seal", 1),
    "before run.json is replaced": ("seal.Run", "write_manifest", 1),
}


def killed(out: Path, place: str, *arguments: str) -> None:
    """Evaluate q3 in a process that ends at once, as if by a kill, when a function is called for so many times."""
    owner, name, calls = PLACES[place]
    killing = f"""
import os
from orgaudit.evaluate import stage
from orgaudit.store import again, seal
left, real = {calls}, {owner}.{name}
def killing(*given, **named):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return real(*given, **named)
{owner}.{name} = killing
"""
    command = ["evaluate", "q3", *arguments, "--config", str(out / "orgaudit.toml")]
    done = commands.run(command, os.environ, out, first=killing)
    assert done.returncode == 9, done.stderr


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_evaluation_is_continued_by_the_same_command(out: Path, run: Run, place: str) -> None:
    before = contents(run)
    killed(out, place)
    assert contents(run) == before
    settings_file(out, days=3650)
    done = called(out, "evaluate", "q3")
    assert (done.exit_code, names(out)) == (0, {"q3", "q3.2"})
    new = Run(out / "q3.2")
    assert retention(new) is Status.FAIL
    assert not list(new.path.rglob(".*"))
    assert [verify(each) for each in (run, new)] == [[], []]
    assert contents(run) == before


def test_a_killed_evaluation_can_be_continued_by_the_name_of_its_run(out: Path, run: Run) -> None:
    killed(out, "the first account", "--run-id", "named")
    assert verify(Run(out / "named")) == ["the run is not evaluated"]
    assert "evaluated; `orgaudit report named`" in called(out, "evaluate", "named").stdout
    assert verify(Run(out / "named")) == []


def test_what_a_killed_process_left_of_another_parent_is_not_used(out: Path, run: Run) -> None:
    killed(out, "before the first seal", "--run-id", "named")
    other = collected_run(out, "q2", -90)
    for account in ACCOUNTS[1:]:
        other.shard_path(account).unlink()
    manifest = msgspec.structs.replace(other.read_manifest(), accounts=other.read_manifest().accounts[:1])
    seal.seal(other, manifest, seal.shards(other, "facts"))
    called(out, "evaluate", "q2")
    assert called(out, "evaluate", "q2", "--run-id", "named").exit_code == 0
    assert [path.name for path in seal.shards(Run(out / "named"), "facts")] == [other.shard_path(MEMBER).name]
    assert verify(Run(out / "named")) == []
    killed(out, "the first account", "--run-id", "begun")
    assert "run begun exists" in refused(out, "evaluate", "q2", "--run-id", "begun")


def test_two_evaluations_of_a_run_do_not_write_together(out: Path, run: Run) -> None:
    with lease.held(Run(out / "q3.2"), "evaluate", remedy="wait"):
        assert "is writing run q3.2; wait until it ends" in refused(out, "evaluate", "q3")


def test_what_became_evaluated_meanwhile_is_not_evaluated_again(out: Path, run: Run) -> None:
    called(out, "evaluate", "q3")
    new, before = Run(out / "q3.2"), contents(Run(out / "q3.2"))
    with pytest.raises(ConfigError, match="made by another process meanwhile"), again.begun(new, run):
        pass
    rules = rules_of(settings(out))
    with pytest.raises(ConfigError, match="run q3 is evaluated and stays as it is; `orgaudit evaluate q3`"):
        audit.reevaluate(run, rules, settings(out), audit.Silence(), audit.Carrying())
    assert contents(new) == before


def test_resume_leaves_an_evaluated_run_and_refuses_what_is_no_audit(out: Path, run: Run) -> None:
    before = contents(run)
    asyncio.run(audit.Auditor(settings(out)).resume(run))
    assert contents(run) == before
    called(out, "evaluate", "q3")
    with pytest.raises(ConfigError, match="is not an audit, it has the facts of another run; `orgaudit evaluate q3`"):
        asyncio.run(audit.Auditor(settings(out)).resume(Run(out / "q3.2")))


def test_the_two_are_compared_as_rules_that_changed(out: Path, run: Run) -> None:
    settings_file(out, days=3650)
    for command, name in (("evaluate", "q3"), ("report", "q3.2")):
        called(out, command, name)
    found = json.loads(called(out, "diff", "q3", "q3.2", "--json").stdout)
    assert {each["kind"]: each["count"] for each in found["kinds"] if each["count"]} == {
        "judged differently, stricter": 1
    }
    assert "did not begin before run q3" in refused(out, "diff", "q3.2", "q3")
    for command, name in (("evaluate", "q3.2"), ("report", "q3.3")):
        called(out, command, name)
    assert called(out, "diff", "q3.3", "q3.2").exit_code == 0
