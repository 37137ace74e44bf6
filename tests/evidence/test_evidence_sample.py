"""How a sample is drawn: at random, again from the same seed, and by anybody with nothing but the population's file."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.evidence.sampling import drawn, new_seed
from orgaudit.store.run import Run
from tests.evidence.made import Opened, evidence_run, packed

NAMES = ("cis_4.0:1.2", "cis_4.0:1.3", "cis_4.0:1.4")
SIZE = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return evidence_run(tmp_path_factory.mktemp("run"), accounts=8, resources=3)


def sampled(run: Run, path: Path, seed: str, size: int = SIZE) -> Opened:
    return packed(run, path, *NAMES, sample=size, seed=seed)


def included(pack: Opened, name: str) -> set[str]:
    return {each["fingerprint"] for each in pack.document(name)["evaluations"]}


@pytest.mark.parametrize("seed", ["2026-q3", "0f", "given.by_the-auditor"])
def test_anybody_can_draw_it_again_from_the_populations_file(run: Run, tmp_path: Path, seed: str) -> None:
    pack = sampled(run, tmp_path / "pack.zip", seed)
    assert pack.index["sampling"]["seed"] == seed
    for name in NAMES:
        fingerprints = [row["fingerprint"] for row in pack.population(name)]
        assert len(set(fingerprints)) == len(fingerprints) > SIZE
        by_value = sorted(fingerprints, key=lambda each: hashlib.sha256(f"{seed}:{name}:{each}".encode()).hexdigest())
        assert included(pack, name) == set(by_value[:SIZE])
        marked = {row["fingerprint"] for row in pack.population(name) if row["included"] == "yes"}
        assert marked == set(by_value[:SIZE])
        sampling = pack.document(name)["sampling"]
        assert (sampling["seed"], sampling["size"], pack.document(name)["included"]) == (seed, SIZE, SIZE)
        assert f"Drawn: {SIZE}, by SEED {seed} and SIZE {SIZE}" in pack.text(name)


def test_the_shell_command_of_the_documentation_draws_it_too(run: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text()
    (script,) = [block for block in page.split("```") if block.startswith("sh\nSEED=")]
    pack = sampled(run, tmp_path / "pack.zip", "2026-q3")
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path)
    script = script.removeprefix("sh\n").replace("cis_4.0:1.6", NAMES[0]).replace("cis_4.0-1.6", "cis_4.0-1.2")
    script = script.replace("SIZE=25", f"SIZE={SIZE}").replace("SEED=8f3a61c2d94e7b05", "SEED=2026-q3")
    assert f"SIZE={SIZE}" in script
    assert "SEED=2026-q3" in script
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path / "evidence", check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) == included(pack, NAMES[0])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_sample(run: Run, tmp_path: Path) -> None:
    first, again = sampled(run, tmp_path / "a.zip", "one"), sampled(run, tmp_path / "b.zip", "one")
    assert first.path.read_bytes() == again.path.read_bytes()
    other = sampled(run, tmp_path / "c.zip", "two")
    assert all(included(first, name) != included(other, name) for name in NAMES)


def test_a_population_that_is_smaller_is_there_whole(run: Run, tmp_path: Path) -> None:
    pack = sampled(run, tmp_path / "pack.zip", "one", size=10_000)
    for name in NAMES:
        assert len(included(pack, name)) == len(pack.population(name)) > SIZE


def test_each_evaluation_is_drawn_as_often_as_any_other() -> None:
    names, rounds, size = [f"{number:032x}" for number in range(40)], 2000, 10
    counts = dict.fromkeys(names, 0)
    for number in range(rounds):
        for name in drawn(f"seed-{number}", "cis_4.0:1.2", names, size):
            counts[name] += 1
    expected = rounds * size / len(names)
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert sum(counts.values()) == rounds * size
    assert chi_square < 39 * 2, chi_square


def test_a_new_seed_is_one_that_can_be_given_again() -> None:
    seeds = {new_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert all(len(seed) == 16 and seed.isalnum() for seed in seeds)


@pytest.mark.parametrize("seed", ["", "a b", "a\nb", "../x", "é", "x" * 65, "-rf"])
def test_a_seed_that_a_shell_or_a_form_could_change_is_refused(run: Run, tmp_path: Path, seed: str) -> None:
    with pytest.raises(ConfigError, match="is not a seed: use 1 to 64 letters"):
        sampled(run, tmp_path / "pack.zip", seed)
    assert not (tmp_path / "pack.zip").exists()
