"""The Containerfile: no privileges, packages by hash, files that are there; built where something builds images."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from orgaudit import __version__
from scripts.write_lock import PYTHONS
from tests.needs import IMAGE_BUILDER, image_builder

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of the file: its name in capitals, and the rest of the line."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The words behind the name that are not options."""
        return [word for word in self.rest.split() if not word.startswith("--")]


def instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [Instruction(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in joined)]


def stages(text: str) -> list[list[Instruction]]:
    """Return the instructions of each stage, its FROM first."""
    found: list[list[Instruction]] = []
    for each in instructions(text):
        if each.name == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


BUILD, FINAL = stages(TEXT)


def named(stage: list[Instruction], name: str) -> list[Instruction]:
    return [each for each in stage if each.name == name]


def copied() -> Iterator[str]:
    """Yield what is copied from the repository."""
    for each in (*named(BUILD, "COPY"), *named(FINAL, "COPY")):
        if "--from=" not in each.rest:
            yield from each.words[:-1]


def ignored(path: str) -> bool:
    """Return whether .containerignore leaves out a path at the top of the repository: the last rule that fits wins."""
    out = False
    for line in (ROOT / ".containerignore").read_text().splitlines():
        if line and not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            out = not line.startswith("!")
    return out


def test_base_is_an_argument_with_a_public_name_and_a_python_of_the_lock() -> None:
    [argument] = [each for each in instructions(TEXT) if each.name == "ARG"]
    found = re.fullmatch(r"BASE=python:3\.(\d+)-slim", argument.rest)
    assert found
    assert int(found[1]) in PYTHONS
    assert f"3.{found[1]}" in SpecifierSet(PROJECT["project"]["requires-python"])
    assert [stage[0].words[0] for stage in (BUILD, FINAL)] == ["${BASE}", "${BASE}"]


def test_no_address_is_in_the_file() -> None:
    assert "://" not in TEXT
    assert not re.search(r"\b[\w-]+\.(io|com|org|net|dev|aws)\b", TEXT)
    assert not named(BUILD, "ADD")
    assert not named(FINAL, "ADD")


def test_it_runs_as_a_number_that_is_not_root() -> None:
    [user] = named(FINAL, "USER")
    uid, _, gid = user.rest.partition(":")
    assert int(uid) >= 1000
    assert int(gid) >= 1000
    assert [each.name for each in FINAL[FINAL.index(user) + 1 :]] == ["ENTRYPOINT", "CMD"]


def test_the_entry_point_is_the_command_of_the_package_without_a_shell() -> None:
    [entry], [default] = named(FINAL, "ENTRYPOINT"), named(FINAL, "CMD")
    assert json.loads(entry.rest) == ["orgaudit"]
    assert PROJECT["project"]["scripts"] == {"orgaudit": "orgaudit.cli:main"}
    assert json.loads(default.rest) == ["--help"]
    assert not named(FINAL, "RUN")


def test_nothing_needs_a_file_system_that_can_be_written() -> None:
    [workdir], [environment] = named(FINAL, "WORKDIR"), named(FINAL, "ENV")
    variables = dict(word.split("=", 1) for word in environment.words)
    assert workdir.rest == "/work"
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"
    assert variables["HOME"].startswith("/home/")
    [taken] = named(FINAL, "COPY")
    assert taken.rest == "--from=build /opt/orgaudit /opt/orgaudit"
    assert variables["PATH"] == "/opt/orgaudit/bin:$PATH"
    assert any("venv" in each.rest and each.words[-1] == "/opt/orgaudit" for each in named(BUILD, "RUN"))


def test_what_is_copied_exists_and_is_all_that_is_not_ignored() -> None:
    sources = list(copied())
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {path.name for path in ROOT.iterdir() if not ignored(path.name)} == set(sources)


def test_what_the_build_of_the_wheel_reads_is_copied() -> None:
    project, hatch = PROJECT["project"], PROJECT["tool"]["hatch"]
    targets = hatch["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"], *targets["packages"]}
    needed |= {*targets["force-include"], Path(hatch["version"]["path"]).parts[0]}
    assert needed <= set(copied())
    before = [each.rest for each in BUILD[: BUILD.index(wheel_step())] if each.name == "COPY"]
    assert all(any(name in line for line in before) for name in needed)


def wheel_step() -> Instruction:
    [found] = [each for each in named(BUILD, "RUN") if each.rest.startswith("pip wheel")]
    return found


def test_packages_come_from_the_lock_by_hash_and_nothing_else_is_fetched() -> None:
    fetching, *others = [each.rest for each in named(BUILD, "RUN") if each.words[0] == "pip"]
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(fetching.split())
    assert fetching.endswith("--requirement requirements.lock")
    assert len(others) == 3
    assert all("--no-index" in each.split() for each in others)


def test_the_dependencies_are_in_the_lock_as_wheels_for_the_base() -> None:
    blocks = re.split(r"\n\n", (ROOT / "requirements.lock").read_text())
    without = [block for block in blocks if re.search(r"^# No wheel for .*manylinux", block, re.MULTILINE)]
    assert without == []


@pytest.mark.slow
@image_builder
def test_the_image_is_built_and_runs_without_privileges() -> None:
    assert IMAGE_BUILDER
    image = f"orgaudit-test:{__version__}"
    building = ("build", "--tag", image, "--file", "Containerfile", ".")
    called(*building)
    try:
        if Path(IMAGE_BUILDER).name == "buildah":
            return
        locked = ("run", "--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")
        assert called(*locked, image, "--version").split()[-1] == __version__
        assert "cis_4.0" in called(*locked, image, "frameworks")
        code = "import os; print(os.getuid(), os.getcwd())"
        assert called(*locked, "--entrypoint", "python", image, "-c", code) == "65532 /work\n"
    finally:
        called("rmi", image)


def called(*arguments: str) -> str:
    assert IMAGE_BUILDER
    done = subprocess.run([IMAGE_BUILDER, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
