"""The files of a run: who may read them, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orgaudit.errors import ReportError
from orgaudit.store.run import Run, writing


@pytest.fixture(params=[0, 0o022, 0o077, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the umask for one test."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path) -> None:
    with writing(path) as file:
        assert mode_of(Path(file.name)) & 0o077 == 0
        file.write(b"x")


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mode", "file"), [(0o700, 0o600), (0o750, 0o640), (0o770, 0o660), (0o755, 0o644)])
def test_files_and_directories_follow_the_runs_directory(tmp_path: Path, mode: int, file: int) -> None:
    run = Run(tmp_path / "run")
    run.create(mode)
    write(run.manifest_path)
    write(run.shard_path("1"))
    write(run.path / "a" / "b" / "c")
    assert [mode_of(path) for path in (run.path, run.shard_path("1").parent, run.path / "a" / "b")] == [mode] * 3
    assert [mode_of(path) for path in (run.manifest_path, run.shard_path("1"), run.path / "a/b/c")] == [file] * 3


def test_a_directory_that_is_there_is_closed(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.path.mkdir(0o755)
    run.create()
    assert mode_of(run.path) == 0o700


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("directory", "file"), [(0o755, 0o644), (0o775, 0o664), (0o700, 0o600), (0o1777, 0o600), (0o777, 0o600)]
)
def test_outside_a_run_a_file_is_for_those_who_may_read_its_directory(
    tmp_path: Path, directory: int, file: int
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(directory)
    write(place / "register.xlsx")
    assert mode_of(place / "register.xlsx") == file
    assert mode_of(place) == directory


def test_a_directory_keeps_the_group_that_it_hands_on(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.path.chmod(0o2755)
    run.create(0o750)
    assert mode_of(run.path) == 0o2750


def test_directory_that_cannot_be_made_is_an_error_of_output(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(ReportError, match="--out"):
        Run(tmp_path / "reports" / "run").create()
