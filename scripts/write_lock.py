"""Writes requirements.lock from constraints.txt: each version with the hashes of its files for PYTHONS and PLATFORMS.

pip reads the package index, wherever this machine's configuration of pip says that it is; no address is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
LOCK = ROOT / "requirements.lock"
PYTHONS = (11, 12, 13)
"""Minor versions of Python 3."""
PLATFORMS = (
    ("manylinux", "x86_64"),
    ("manylinux", "aarch64"),
    ("musllinux", "x86_64"),
    ("musllinux", "aarch64"),
    ("macosx", "x86_64"),
    ("macosx", "arm64"),
)
"""The beginning and the end of the platform tags of wheels."""
FAT = {"macosx": ("universal2",)}
"""Ends of platform tags that stand for every machine of a system."""

_HEADER = """\
# What scripts/setup_environment.sh installs, by hash: the versions of constraints.txt, with the files that Linux (glibc
# and musl, x86_64 and aarch64) and macOS (x86_64 and arm64) need for Python 3.11 to 3.13. scripts/write_lock.py writes
# it. Above each package are its files, in the order of their hashes.
"""


def constrained(text: str) -> dict[str, str]:
    """Return the versions of a file of constraints by the names of the packages."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def fits(tag: Tag, python: int, platform: tuple[str, str]) -> bool:
    """Return whether a wheel of this tag installs on CPython 3.`python` on a platform."""
    system, machine = platform
    if not _speaks(tag, python):
        return False
    ends = (machine, *FAT.get(system, ()))
    return tag.platform == "any" or (tag.platform.startswith(system) and tag.platform.endswith(ends))


def _speaks(tag: Tag, python: int) -> bool:
    if tag.interpreter == f"cp3{python}":
        return tag.abi in {f"cp3{python}", "abi3", "none"}
    older = tag.interpreter.removeprefix("cp3")
    if tag.abi == "abi3":
        return older.isdigit() and int(older) <= python
    return tag.abi == "none" and tag.interpreter in {"py3", f"py3{python}"}


def combinations() -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield each version of Python with each platform."""
    return ((python, platform) for python in PYTHONS for platform in PLATFORMS)


def chosen(files: Iterable[str]) -> list[str]:
    """Return a release's wheels that install somewhere, and its source archive where wheels are missing."""
    names = sorted(files)
    wheels = [name for name in names if any(_installs(name, *place) for place in combinations())]
    return [*wheels, *(name for name in names if name.endswith(".tar.gz"))] if without_wheel(wheels) else wheels


def without_wheel(files: Iterable[str]) -> list[str]:
    """Return the versions of Python and platforms for which none of these files is a wheel."""
    names = tuple(files)
    return [
        f"3.{python} {' '.join(platform)}"
        for python, platform in combinations()
        if not any(_installs(name, python, platform) for name in names)
    ]


def _installs(name: str, python: int, platform: tuple[str, str]) -> bool:
    try:
        return any(fits(tag, python, platform) for tag in parse_wheel_filename(name)[3])
    except InvalidWheelFilename:
        return False


def offered(names: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each package with the SHA-256 of every file that the indexes of pip's configuration list of it."""
    # pip has no command that lists a release's files for other platforms, so this uses what its commands use.
    commands: Any = import_module("pip._internal.commands")
    indexes: Any = import_module("pip._internal.index.collector")
    command = commands.create_command("download")
    options, _ = command.parse_args([])
    with command.main_context():
        collector = indexes.LinkCollector.create(command.get_default_session(options), options=options)
        for name in names:
            sources = collector.collect_sources(
                name, lambda link: indexes.parse_links(page) if (page := collector.fetch_response(link)) else ()
            )
            links = [link for source in sources.index_urls if source for link in source.page_candidates()]
            yield (
                name,
                {link.filename: link.hash for link in links if link.hash_name == "sha256" and not link.is_yanked},
            )


def of_version(files: dict[str, str], version: str) -> dict[str, str]:
    """Return the files of one version."""
    return {name: digest for name, digest in files.items() if _version(name) == Version(version)}


def _version(name: str) -> Version | None:
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def locked(versions: dict[str, str], offers: Iterable[tuple[str, dict[str, str]]]) -> str:
    """Return the text of the lock; raises SystemExit where a version has no file."""
    parts = [_HEADER]
    for name, files in offers:
        release = of_version(files, versions[name])
        keep = chosen(release)
        if not keep:
            raise SystemExit(f"{name} {versions[name]} has no file for these platforms")
        comment = "".join(f"# {file}\n" for file in keep)
        if missing := without_wheel(keep):
            comment += f"# No wheel for {', '.join(missing)}: built from source there.\n"
        hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in dict.fromkeys(release[file] for file in keep))
        parts.append(f"{comment}{name}=={versions[name]} \\\n{hashes}\n")
    return "\n".join(parts)


def main() -> None:
    """Write the lock, or, with --check, say whether it is what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the lock is out of date")
    options = parser.parse_args()
    versions = constrained(CONSTRAINTS.read_text())
    text = locked(versions, offered(sorted(versions)))
    if options.check:
        sys.exit(text != LOCK.read_text())
    LOCK.write_text(text)


if __name__ == "__main__":
    main()
