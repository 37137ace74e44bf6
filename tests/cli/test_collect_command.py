"""`collect` plans a run and collects it in parts, in any order and by anybody, until `evaluate` seals it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orgaudit.cli import orgaudit
from orgaudit.collect.stage import access_for
from orgaudit.demo import Demo
from orgaudit.errors import ConfigError
from orgaudit.settings.settings import load
from orgaudit.store import leases, receipts
from orgaudit.store.place import Directory
from orgaudit.store.run import Run, shard_name
from orgaudit.store.verify import verify
from scripts import bench_kills
from scripts.bench_calls import environment
from scripts.simulator import server
from tests.audit_runs import LOG_ARCHIVE, MANAGEMENT, WEBSHOP, environment_for

ACCOUNTS = 7
CONTROL = ("--control", bench_kills.CONTROL)


@pytest.fixture(scope="module")
def served() -> Iterator[server.Served]:
    with server.serve(accounts=ACCOUNTS, regions=2) as started:
        yield started


@pytest.fixture
def commands(served: server.Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bench_kills.Commands:
    """A directory in which commands call the endpoint, also those in this process."""
    for name, value in environment(served.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    found = bench_kills.Commands(tmp_path, served.url)
    found.prepare(rate=500, beside=4)
    served.reset()
    return found


def call(*arguments: str, typed: str | None = None) -> str:
    """Run a command in this process and return what it printed; raises what it raises."""
    words = [*arguments, "--config", "orgaudit.toml"]
    return CliRunner().invoke(orgaudit, words, input=typed, catch_exceptions=False, standalone_mode=False).output


def planned(*options: str) -> list[str]:
    """Plan the run and return its accounts, sorted."""
    call("collect", bench_kills.RUN, "--plan", *CONTROL, *options)
    return sorted(account.id for account in Run(Path(bench_kills.RUN)).read_manifest().accounts)


def refused(*arguments: str, typed: str | None = None) -> str:
    """Return why a command is refused."""
    result = CliRunner().invoke(orgaudit, [*arguments, "--config", "orgaudit.toml"], input=typed, standalone_mode=False)
    assert isinstance(result.exception, ConfigError | click.ClickException), result.exception
    return str(result.exception) or result.exception.format_message()  # type: ignore[union-attr]


def test_a_plan_has_accounts_and_tags_and_calls_no_account(
    commands: bench_kills.Commands, served: server.Served
) -> None:
    said = call("collect", bench_kills.RUN, "--plan", *CONTROL)
    assert "run: planned, 7 accounts\n" in said
    assert "`orgaudit collect run --slice 1/N`" in said
    manifest = commands.run.read_manifest()
    assert (len(manifest.accounts), manifest.collected_at) == (ACCOUNTS, None)
    assert all(account.tags is not None for account in manifest.accounts)
    assert bench_kills.called(served) <= {manifest.caller.account_id}
    assert sorted(path.name for path in commands.run.path.iterdir()) == ["run.json"]
    assert "run run exists" in refused("collect", bench_kills.RUN, "--plan", *CONTROL)


def test_slices_are_the_whole_and_can_be_repeated(commands: bench_kills.Commands, served: server.Served) -> None:
    ids = planned()
    said = call("collect", bench_kills.RUN, "--slice", "2/3")
    assert commands.finished() == set(ids[1::3])
    assert "2 accounts of this part collected\n" in said
    assert f"missing     5 accounts of the run: {ids[0]}, {ids[2]}, {ids[3]} and 2 more\n" in said
    served.reset()
    said = call("collect", bench_kills.RUN, "--slice", "2/3")
    assert "2 accounts of this part collected, all of them before\n" in said
    assert served.calls()["total"] == 0
    call("collect", bench_kills.RUN, "--slice", "1/3")
    said = call("collect", bench_kills.RUN, "--slice", "3/3")
    assert "missing     no account of the run\nnext        `orgaudit evaluate run`\n" in said
    assert commands.finished() == set(ids)
    assert not bench_kills.called(served) & set(ids[1::3])
    assert leases.held(Directory(commands.run.path)) == set()


def test_a_file_names_the_accounts(commands: bench_kills.Commands) -> None:
    ids = planned()
    Path("ids.txt").write_text(f"# first\n{ids[3]}  # a comment\n\n{ids[3]}\n")
    call("collect", bench_kills.RUN, "--accounts-from", "ids.txt")
    assert commands.finished() == {ids[3]}
    call("collect", bench_kills.RUN, "--accounts-from", "-", typed=f"{ids[0]}\n{ids[5]}\n")
    assert commands.finished() == {ids[0], ids[3], ids[5]}


def test_an_account_that_is_not_the_runs_is_an_error_with_its_line(commands: bench_kills.Commands) -> None:
    first, second, *_ = planned()
    Path("ids.txt").write_text(f"{first}\n{second[:-1]}9\n")
    said = refused("collect", bench_kills.RUN, "--accounts-from", "ids.txt")
    assert said.startswith(f"ids.txt:2: --accounts-from: '{second[:-1]}9' is not an account of the run; did you mean")
    Path("ids.txt").write_text("# nobody\n")
    assert "names no account" in refused("collect", bench_kills.RUN, "--accounts-from", "ids.txt")
    assert "cannot be read" in refused("collect", bench_kills.RUN, "--accounts-from", "none.txt")
    call("collect", "part", "--plan", *CONTROL, "--account", first)
    said = refused("collect", "part", "--accounts-from", "-", typed=second)
    assert "is out of the run's scope" in said
    assert commands.finished() == set()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--slice", "0/3"), "'0/3' is not a slice; write the third of forty as 3/40"),
        (("--slice", "4/3"), "'4/3' is not a slice"),
        (("--slice", "3"), "'3' is not a slice"),
        (("--slice", "1/3", "--accounts-from", "ids"), "exclude each other"),
        (("--region", "us-east-1"), "--region is for the plan of a run; use it with --plan"),
        (("--plan", "--slice", "1/3"), "--slice is for collecting; leave it out with --plan"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(
    commands: bench_kills.Commands, options: tuple[str, ...], why: str
) -> None:
    planned()
    assert why in refused("collect", bench_kills.RUN, *options)
    assert commands.finished() == set()


def test_a_run_is_evaluated_once_no_account_is_missing(commands: bench_kills.Commands) -> None:
    ids = planned()
    call("collect", bench_kills.RUN, "--slice", "1/7")
    said = refused("evaluate", bench_kills.RUN)
    assert f"6 of 7 accounts are not collected yet: {', '.join(ids[1:6])} and 1 more; `orgaudit collect run` " in said
    assert "`orgaudit audit --resume run` collects them" in said
    assert commands.run.read_manifest().collected_at is None
    call("collect", bench_kills.RUN, "--workers", "2")
    call("evaluate", bench_kills.RUN)
    call("report", bench_kills.RUN)
    assert verify(commands.run) == []
    assert not (commands.run.path / leases.DIRECTORY).exists()
    in_parts = commands.findings()
    shutil.rmtree(commands.run.path)
    call("audit", "--run-id", bench_kills.RUN, *CONTROL)
    assert commands.findings() == in_parts


def test_two_commands_with_the_same_part_collect_each_account_once(
    commands: bench_kills.Commands, served: server.Served
) -> None:
    ids = planned()
    call("collect", bench_kills.RUN)
    alone = served.calls()["accounts"]
    receipts_before = commands.finished()
    shutil.rmtree(commands.run.path)
    planned()
    commands.prepare(rate=4)
    served.reset()
    both = [commands.started("collect", bench_kills.RUN, "--slice", "1/1") for _ in range(2)]
    for process in both:
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        assert "missing     no account of the run" in stdout, "each waits for what the other collects"
    assert commands.finished() == receipts_before == set(ids)
    members = [account for account in ids if account != commands.run.read_manifest().caller.account_id]
    twice = served.calls()["accounts"]
    assert {each: twice[each] for each in members} == {each: alone[each] for each in members}


def test_a_shard_that_is_not_what_was_collected_is_refused(commands: bench_kills.Commands) -> None:
    first, second, *_ = planned()
    call("collect", bench_kills.RUN)
    shard, other = (commands.run.path / shard_name(each) for each in (first, second))
    kept = shard.read_bytes()
    shard.write_bytes(other.read_bytes())
    said = refused("evaluate", bench_kills.RUN)
    assert f"{shard.name}: is not what was collected" in said
    assert commands.run.read_manifest().collected_at is None
    shard.unlink()
    assert f"{shard.name}: is missing" in refused("evaluate", bench_kills.RUN)
    shard.write_bytes(kept)
    call("evaluate", bench_kills.RUN)


def test_a_run_of_an_earlier_version_has_no_receipts_and_gets_them(
    commands: bench_kills.Commands, served: server.Served
) -> None:
    ids = planned()
    call("collect", bench_kills.RUN, "--slice", "1/2")
    shutil.rmtree(commands.run.path / receipts.DIRECTORY)
    served.reset()
    call("audit", "--resume", bench_kills.RUN)
    assert not bench_kills.called(served) & set(ids[::2])
    assert commands.finished() == set(ids)
    assert verify(commands.run) == []


def test_a_run_that_is_judged_again_shares_the_receipts_and_they_are_sealed(commands: bench_kills.Commands) -> None:
    planned()
    call("collect", bench_kills.RUN)
    for _ in range(2):
        call("evaluate", bench_kills.RUN)
    again = Run(Path(f"{bench_kills.RUN}.2"))
    assert receipts.finished(Directory(again.path)) == commands.finished()
    assert verify(again) == []
    receipt = again.path / receipts.name_of(min(commands.finished()))
    content = json.loads(receipt.read_bytes())
    receipt.unlink()
    receipt.write_text(json.dumps(content | {"host": "elsewhere"}))
    [problem] = verify(again)
    assert f"{receipt.name}: does not have the SHA-256" in problem


def test_each_of_several_commands_keeps_to_its_share_of_the_organizations_rates() -> None:
    settings = load(None, {}, {})
    alone, shared = (access_for(settings, (), share=share).limits for share in (1, 4))
    for service, action, part in (("sts", "AssumeRole", 4), ("iam", "ListRoles", 1)):
        assert shared.for_action(service, action).rate == alone.for_action(service, action).rate / part


def test_who_owns_what_a_part_shows_is_collected_last(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account out of scope in which the organization's trail is."""
    for name, value in environment_for(demo.endpoint_url, demo).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    bench_kills.Commands(tmp_path, demo.endpoint_url).prepare(rate=50, beside=4)
    run = Run(tmp_path / bench_kills.RUN)
    assert planned("--account", WEBSHOP) == [WEBSHOP]
    said = call("collect", bench_kills.RUN)
    assert "missing     no account of the run" in said
    found = receipts.read(Directory(run.path), WEBSHOP)
    assert found
    assert set(found.shows) == receipts.finished(Directory(run.path)) - {WEBSHOP}
    assert found.shows
    assert set(found.shows) <= {MANAGEMENT, LOG_ARCHIVE}
    owner = found.shows[0]
    (run.path / receipts.name_of(owner)).unlink()
    (run.path / shard_name(owner)).unlink()
    assert f"1 of 2 accounts are not collected yet: {owner};" in refused("evaluate", bench_kills.RUN)
    call("collect", bench_kills.RUN, "--slice", "1/1")
    call("evaluate", bench_kills.RUN)
    assert run.read_manifest().supporting == found.shows
    assert verify(run) == []
