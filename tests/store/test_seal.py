"""What a seal shows: every change of a run's files after it, by whoever compressed them again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from orgaudit.errors import ConfigError, CutShortError
from orgaudit.store import lease, seal
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.verify import notes, verify
from tests.sealed import JUDGED, sealed_run, turn_to_pass


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = sealed_run(tmp_path)
    assert (verify(run), notes(run)) == ([], [])
    return run


def test_edit_that_adds_up_and_is_compressed_again_is_found(run: Run) -> None:
    path = turn_to_pass(run)
    problems = verify(run)
    assert [problem.split(":")[0] for problem in problems] == [str(run.cells_path(JUDGED)), str(path)]
    with pytest.raises(ConfigError, match=f"{run.cells_path(JUDGED)}: .*changed afterwards and 1 more"):
        seal.standing(run, seal.JUDGED)


def _rewrite(run: Run, change: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(run.manifest_path.read_bytes())
    change(document)
    run.manifest_path.write_text(json.dumps(document))


DAMAGES: dict[str, tuple[Callable[[Run], object], str]] = {
    "facts gone": (lambda run: run.shard_path(JUDGED).unlink(), f"facts/{JUDGED}.ndjson.zst: is missing"),
    "facts added": (
        lambda run: run.shard_path("999999999999").write_bytes(run.shard_path(JUDGED).read_bytes()),
        "999999999999.ndjson.zst: is not in run.json's seal",
    ),
    "manifest edited": (lambda run: _rewrite(run, lambda it: it.update(tool_version="9")), "changed afterwards"),
    "seal taken out": (lambda run: _rewrite(run, lambda it: it.pop("seal")), "changed afterwards"),
    "list gone": (lambda run: seal.ledger_path(run.path).unlink(), "nothing vouches for run.json"),
    "list damaged": (lambda run: seal.ledger_path(run.path).write_text("{}["), "is not a list of reports"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_changed_is_named(run: Run, damage: str) -> None:
    spoil, sentence = DAMAGES[damage]
    spoil(run)
    assert any(sentence in problem for problem in verify(run)), verify(run)
    with pytest.raises(ConfigError):
        seal.standing(run, seal.FACTS)
    assert seal.standing(run, seal.FACTS, unverified=True) is Standing.UNVERIFIED


def test_part_that_is_not_read_is_not_checked(run: Run) -> None:
    run.shard_path(JUDGED).unlink()
    assert seal.standing(run, seal.JUDGED) is Standing.VERIFIED


def test_seal_that_was_cut_off_before_the_manifest_leaves_the_one_before_good(run: Run) -> None:
    before = run.manifest_path.read_bytes()
    seal.seal(run, msgspec.structs.replace(run.read_manifest(), tool_version="9"), [], keep=(*seal.FACTS, *seal.JUDGED))
    assert verify(run) == []
    run.manifest_path.write_bytes(before)
    assert verify(run) == []
    seal.seal(run, run.read_manifest(), [], keep=seal.FACTS)
    seal.seal(run, run.read_manifest(), [], keep=seal.FACTS)
    run.manifest_path.write_bytes(before)
    assert any("changed afterwards" in problem for problem in verify(run)), "an older seal is not the last"


def test_run_of_an_earlier_version_is_not_sealed_and_can_be_used(run: Run) -> None:
    seal.ledger_path(run.path).unlink()
    _rewrite(run, lambda it: it.pop("seal"))
    assert verify(run) == []
    [note] = notes(run)
    assert note.startswith("not sealed: ")
    assert seal.standing(run, seal.JUDGED) is Standing.NOT_SEALED


def test_process_that_lost_its_lease_does_not_seal(run: Run) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with lease.held(run, "audit", remedy="wait"):
            path = lease.lease_path(run)
            mine = path.read_bytes()
            path.write_bytes(mine.replace(f'"pid":{os.getpid()}'.encode(), f'"pid":{other.pid}'.encode()))
            with pytest.raises(CutShortError, match=f"process {other.pid} on .* has taken over run 2026-q3"):
                seal.seal(run, run.read_manifest(), [])
            path.write_bytes(mine)
        other.communicate(b"\n")
    assert verify(run) == []
