"""What set-up installs: the versions of constraints.txt, by hash, for every Python and system that is supported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.tags import Tag

from scripts.write_lock import (
    CONSTRAINTS,
    LOCK,
    PLATFORMS,
    PYTHONS,
    chosen,
    constrained,
    fits,
    locked,
    of_version,
    without_wheel,
)

_ENTRY = re.compile(
    r"((?:^# \S+\n)+)"
    r"(?:^# No wheel for (?P<without>.+): .+\n)?"
    r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\\n"
    r"(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def entries() -> list[tuple[str, str, list[str], list[str], list[str]]]:
    """Return name, version, files, hashes and places without a wheel of each entry of the lock."""
    return [
        (
            found["name"],
            found["version"],
            re.findall(r"^# (\S+)$", found[1], re.MULTILINE),
            re.findall(r"sha256:(\w+)", found["hashes"]),
            (found["without"] or "").split(", ") if found["without"] else [],
        )
        for found in _ENTRY.finditer(LOCK.read_text())
    ]


def test_lock_has_the_versions_of_the_constraints() -> None:
    assert {name: version for name, version, *_ in entries()} == constrained(CONSTRAINTS.read_text())


def test_every_line_of_the_lock_belongs_to_an_entry_with_hashes() -> None:
    text = LOCK.read_text()
    pinned = re.findall(r"^\S+==", text, re.MULTILINE)
    assert len(pinned) == len(entries())
    assert text.count("--hash=") == sum(len(hashes) for *_, hashes, _ in entries())
    assert not re.search(r"https?:|--(extra-)?index|--find-links|@ ", text)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry[0])
def test_every_python_and_system_has_a_file(entry: tuple[str, str, list[str], list[str], list[str]]) -> None:
    _, version, files, hashes, without = entry
    assert len(files) == len(hashes) == len(set(hashes))
    assert of_version(dict.fromkeys(files, ""), version).keys() == set(files)
    assert without_wheel(files) == without
    assert bool(without) == any(file.endswith(".tar.gz") for file in files)


def test_places_are_those_that_are_supported() -> None:
    assert PYTHONS == (11, 12, 13)
    assert {system for system, _ in PLATFORMS} == {"manylinux", "musllinux", "macosx"}
    assert len(PLATFORMS) == 6


@pytest.mark.parametrize(
    ("tag", "python", "platform", "expected"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64", 11, ("manylinux", "x86_64"), True),
        ("cp311-cp311-manylinux2014_x86_64", 11, ("manylinux", "x86_64"), True),
        ("cp311-cp311-manylinux_2_17_x86_64", 12, ("manylinux", "x86_64"), False),
        ("cp311-cp311-manylinux_2_17_x86_64", 11, ("musllinux", "x86_64"), False),
        ("cp311-cp311-manylinux_2_17_x86_64", 11, ("manylinux", "aarch64"), False),
        ("cp39-abi3-macosx_11_0_arm64", 13, ("macosx", "arm64"), True),
        ("cp312-abi3-macosx_11_0_arm64", 11, ("macosx", "arm64"), False),
        ("cp313-cp313t-macosx_11_0_arm64", 13, ("macosx", "arm64"), False),
        ("cp312-cp312-macosx_10_9_universal2", 12, ("macosx", "x86_64"), True),
        ("py3-none-any", 13, ("musllinux", "aarch64"), True),
        ("py2-none-any", 13, ("musllinux", "aarch64"), False),
        ("py3-none-win_amd64", 13, ("manylinux", "x86_64"), False),
        ("pp311-pypy311_pp73-manylinux_2_17_x86_64", 11, ("manylinux", "x86_64"), False),
    ],
)
def test_tags(tag: str, python: int, platform: tuple[str, str], *, expected: bool) -> None:
    assert fits(Tag(*tag.split("-")), python, platform) is expected


def test_source_is_listed_only_where_a_wheel_is_missing() -> None:
    wheels = ["a-1-py3-none-macosx_11_0_arm64.whl", "a-1-py3-none-any.whl", "a-1-cp310-cp310-win32.whl"]
    assert chosen([*wheels, "a-1.tar.gz"]) == ["a-1-py3-none-any.whl", "a-1-py3-none-macosx_11_0_arm64.whl"]
    assert chosen([wheels[0], "a-1.tar.gz"]) == [wheels[0], "a-1.tar.gz"]


def test_version_without_a_file_ends_the_writing() -> None:
    with pytest.raises(SystemExit, match="a 2 has no file"):
        locked({"a": "2"}, [("a", {"a-1-py3-none-any.whl": "0" * 64})])


def test_set_up_installs_by_the_lock() -> None:
    script = (Path(LOCK).parent / "scripts" / "setup_environment.sh").read_text()
    assert "--require-hashes -r requirements.lock" in script
    assert "--no-deps --no-build-isolation --editable ." in script
    assert "hash" not in CONSTRAINTS.read_text()
