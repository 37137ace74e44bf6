"""Judging and consolidating in several processes: what is written is what one process writes."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from shutil import copytree
from typing import ParamSpec, TypeVar, cast

import msgspec
import pytest

from orgaudit import audit
from orgaudit.controls.declare import catalogue, known_control
from orgaudit.errors import ConfigError, CutShortError
from orgaudit.evaluate.rules import rules_again
from orgaudit.evaluate.shards import Shards
from orgaudit.evaluate.stage import context_of, evaluate
from orgaudit.model import Account, Caller
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.settings import Settings, load
from orgaudit.store import leases, seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.parts import LARGEST, PARTS, in_parts
from orgaudit.store.run import Run
from orgaudit.store.tables import opened
from tests.demo_run import NOW

P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


def settings(register: Path) -> Settings:
    return load(PACKAGED / "orgaudit.toml", {}, {"run": {"formats": ("json",)}, "register": {"file": str(register)}})


def collected(demo_run: Run, path: Path) -> Run:
    """Return a run that has the facts of the demo's and nothing that was made of them."""
    run = Run(path)
    run.create()
    copytree(demo_run.path / "facts", path / "facts")
    manifest = msgspec.structs.replace(demo_run.read_manifest(), run_id=run.id, evaluated_at=None, seal=None)
    seal.seal(run, manifest, seal.shards(run, "facts"))
    return run


def reported(run: Run, register: Path, executor: Executor | None) -> Run:
    chosen = settings(register)
    rules = rules_again(run.read_manifest())
    audit.reevaluate(run, rules, chosen, audit.Silence(), audit.Carrying("none"), executor=executor)
    with audit.reported(run, chosen, register, NOW.date(), executor=executor) as (view, _):
        return view.run


@pytest.fixture(scope="module")
def both(demo_run: Run, pool: Executor, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    register = demo_run.path.parent / "demo-exceptions.yaml"
    directory = tmp_path_factory.mktemp("runs")
    alone, beside = (collected(demo_run, directory / name / "run") for name in ("alone", "beside"))
    return reported(alone, register, None), reported(beside, register, pool)


def test_findings_and_cells_have_the_same_bytes(both: tuple[Run, Run]) -> None:
    alone, beside = both
    for directory in ("findings", "coverage"):
        names = [path.name for path in seal.shards(alone, directory)]
        assert names == [path.name for path in seal.shards(beside, directory)]
        assert names
        for name in names:
            assert (alone.path / directory / name).read_bytes() == (beside.path / directory / name).read_bytes()


@pytest.mark.parametrize("table", ["findings", "coverage"])
def test_tables_have_the_same_rows_in_the_same_order(both: tuple[Run, Run], table: str) -> None:
    found = []
    for run in both:
        with opened(run) as connection:
            types = connection.execute(f"DESCRIBE {table}").fetchall()
            found.append((types, connection.execute(f"FROM {table}").fetchall()))
    assert found[0] == found[1]
    assert len(found[0][1]) > 1000


def test_the_register_counts_the_same(both: tuple[Run, Run]) -> None:
    alone, beside = (msgspec.json.decode((run.results / "register.json").read_bytes()) for run in both)
    assert alone == beside
    assert sum(alone["covered"].values()) > 0


def test_a_control_is_found_again_by_its_id() -> None:
    control = next(iter(catalogue().values()))
    assert pickle.loads(pickle.dumps(control)) is control  # noqa: S301 - our own bytes
    with pytest.raises(ConfigError, match=r"a worker has no control 'nothing'.*same packages"):
        known_control("nothing")


def test_a_missing_shard_is_an_error_in_every_process(demo_run: Run, tmp_path: Path, pool: Executor) -> None:
    run = collected(demo_run, tmp_path / "run")
    manifest = run.read_manifest()
    gone = manifest.accounts[3].id
    run.shard_path(gone).unlink()
    run.write_manifest(msgspec.structs.replace(manifest, seal=None))
    (run.path / "reports.json").unlink()
    with pytest.raises(ConfigError, match=f"the facts of account {gone} are missing"):
        evaluate(run, rules_again(manifest), executor=pool)
    assert run.read_manifest().evaluated_at is None


PLAN = Manifest(
    run_id="run",
    tool_version="0",
    started_at=NOW,
    caller=Caller("", "", "aws"),
    organization=None,
    accounts=tuple(Account(id=f"{number:012}", name="") for number in reversed(range(100))),
    controls=(),
    frameworks=(),
    thresholds={},
    settings={},
    inputs={},
)
IDS = [account.id for account in reversed(PLAN.accounts)]


def ids(accounts: tuple[Account, ...]) -> list[str]:
    return [account.id for account in accounts]


def die(accounts: tuple[Account, ...]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_every_account_is_in_one_part_and_parts_are_neighbours(pool: Executor, tmp_path: Path) -> None:
    found = sorted(in_parts(pool, ids, PLAN, tmp_path), key=lambda part: part[1])
    assert [name for _, names in found for name in names] == IDS
    assert 1 < len(found) <= PARTS
    assert [found for _, found in in_parts(None, ids, PLAN, tmp_path)] == [[name] for name in IDS]


def test_parts_of_a_large_organization_are_no_larger(pool: Executor, tmp_path: Path) -> None:
    many = tuple(Account(id=f"{number:012}", name="") for number in range(LARGEST * PARTS * 2))
    found = [names for _, names in in_parts(pool, ids, msgspec.structs.replace(PLAN, accounts=many), tmp_path)]
    assert {len(names) for names in found} == {LARGEST}
    assert sorted(name for names in found for name in names) == [account.id for account in many]


@dataclass
class Noting:
    """Work that counts the parts which it was asked for, and carries something large."""

    weight: bytes
    asked: int = 0

    def __call__(self, accounts: tuple[Account, ...]) -> tuple[int, int]:
        self.asked += 1
        return os.getpid(), self.asked


def test_each_process_reads_the_work_once_for_all_its_parts(pool: Executor, tmp_path: Path) -> None:
    last: dict[int, int] = {}
    found = [told for _, told in in_parts(pool, Noting(b""), PLAN, tmp_path)]
    for process, asked in found:
        last[process] = max(last.get(process, 0), asked)
    assert sum(last.values()) == len(found)
    assert len(list(tmp_path.iterdir())) == 1


class Weighing(Executor):
    """Works here, and notes how large each task is that it is given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self.sizes.append(len(pickle.dumps((fn, args, kwargs))))
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_a_task_is_as_small_as_its_part_whatever_the_work_needs(tmp_path: Path) -> None:
    executor = Weighing()
    list(in_parts(executor, Noting(os.urandom(1 << 20)), PLAN, tmp_path))
    assert max(executor.sizes) < 2000


def test_judging_sends_nothing_of_other_accounts(demo_run: Run, tmp_path: Path) -> None:
    run, executor = collected(demo_run, tmp_path / "run"), Weighing()
    evaluate(run, rules_again(run.read_manifest()), executor=executor)
    assert len(executor.sizes) == len(run.read_manifest().accounts)
    assert max(executor.sizes) < 2000


def test_what_judges_an_account_has_names_and_not_the_plan(demo_run: Run) -> None:
    manifest = demo_run.read_manifest()
    rules = rules_again(manifest)
    sizes = []
    for factor in (1, 100):
        many = tuple(
            msgspec.structs.replace(account, id=f"{factor:06}{number:06}", tags={"team": "x" * 100}, name="")
            for number, account in enumerate(manifest.accounts * factor)
        )
        records = manifest.records * factor
        plan = msgspec.structs.replace(manifest, accounts=many, records=records, seal={"x" * 64: "y" * 64})
        shards = Shards(demo_run, rules.accepts)
        sizes.append(len(pickle.dumps((shards, context_of(demo_run, plan, rules, shards)))))
    assert (sizes[1] - sizes[0]) / (99 * len(manifest.accounts)) < 40


@dataclass
class Elsewhere:
    """Work that is replaced by other work, or removed, before it is read."""

    path: Path
    content: bytes | None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        (written,) = self.path.iterdir()
        written.unlink()
        if self.content is not None:
            written.write_bytes(self.content)
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except ConfigError as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickle.dumps(Noting(b"of somebody else")), "was changed while the processes worked"),
        (None, "a worker does not see this directory; it needs the runs under the same path"),
    ],
)
def test_work_that_is_not_what_was_written_is_not_done(tmp_path: Path, content: bytes | None, says: str) -> None:
    one = msgspec.structs.replace(PLAN, accounts=PLAN.accounts[:1])
    with pytest.raises(ConfigError, match=says):
        list(in_parts(cast("Executor", Elsewhere(tmp_path, content)), Noting(b""), one, tmp_path))


def test_a_lost_worker_is_told(tmp_path: Path) -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(
            CutShortError,
            match=r"a worker was lost .*repeat the command, or continue it with `orgaudit audit --resume run`",
        ),
    ):
        list(in_parts(executor, die, PLAN, tmp_path))


@dataclass(frozen=True, slots=True)
class Halting:
    """Work during which the first process that is given a part of it stops, as a machine does that hangs."""

    directory: Path

    def __call__(self, accounts: tuple[Account, ...]) -> list[str]:
        with suppress(FileExistsError):
            (self.directory / "halted").mkdir()
            (self.directory / "pid").write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)
        return ids(accounts)


def test_what_a_halted_process_holds_is_done_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LIFE", timedelta(seconds=0.5))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        found = sorted(names for _, names in in_parts(executor, Halting(tmp_path), PLAN, tmp_path))
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)
    assert [name for names in found for name in names] == IDS
