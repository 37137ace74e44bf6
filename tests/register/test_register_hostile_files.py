"""Files that would keep a parser busy for minutes or fill the memory are refused at once, by every reader of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MB = 1 << 20
SECONDS = 3
MOST_MEMORY = 128 * MB
LAUGHS = "l0: &l0 [lol]\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))

READERS = {
    "register": "from orgaudit.register.file.load import load_register as r\n"
    "from orgaudit.settings.sections import RegisterSettings\nread = lambda p: r(p, RegisterSettings())",
    "editor": "from orgaudit.register.file.edit import RegisterEditor\nread = RegisterEditor.open",
    "mute list": "from orgaudit.register.exchange.prowler import read_mutes\nread = lambda p: read_mutes(p, ())",
    "framework": "from orgaudit.settings import framework_files\nread = lambda p: framework_files.load(p.parents[1])",
    "settings": "from orgaudit.settings.settings import load\nread = lambda p: load(p, {}, {})",
}
CHILD = """
import json, resource, sys
from pathlib import Path
from orgaudit.errors import ConfigError
{reader}
for name in json.load(sys.stdin):
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        read(Path(name)); said = ""
    except ConfigError as error:
        said = str(error)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps([name, said, seconds, (after.ru_maxrss - before.ru_maxrss) * 1024]), flush=True)
"""


def outcomes(reader: str, paths: list[Path]) -> list[tuple[Path, str, float, int]]:
    """Return what a reader says of each file, and the CPU seconds and bytes of memory that it took, in a child."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("{reader}", READERS[reader])],
        input=json.dumps(list(map(str, paths))),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows: list[list[Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return [(Path(name), said, seconds, memory) for name, said, seconds, memory in rows]


def refused(reader: str, paths: dict[str, Path]) -> dict[str, str]:
    """Return what a reader says of each file, which must be an error that names the file, at once."""
    names = {path: name for name, path in paths.items()}
    said = {}
    for path, sentence, seconds, memory in outcomes(reader, list(paths.values())):
        assert str(path) in sentence, (names[path], sentence)
        assert seconds < SECONDS, (names[path], seconds)
        assert memory < MOST_MEMORY, (names[path], memory)
        said[names[path]] = sentence
    assert said.keys() == paths.keys()
    return said


def written(directory: Path, texts: dict[str, str], name: str = "exceptions.yaml") -> dict[str, Path]:
    paths = {}
    for number, (title, text) in enumerate(texts.items()):
        paths[title] = directory / str(number) / name
        paths[title].parent.mkdir(parents=True)
        paths[title].write_text(text)
    return paths


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Files by what fills them: hundreds of megabytes, which are not kept longer than these tests need them."""
    return {
        "brackets": "[" * 100_000,
        "closed brackets": "[" * 100_000 + "]" * 100_000,
        "braces": "{a: " * 100_000,
        "dashes": "- " * 100_000,
        "keys of keys": "? " * 100_000,
        "brackets after a line of YAML 1.1": "# \x85\n" + "[" * 100_000,
        **{
            f"{size} of {name}": text
            for size, count in (("20 MB", 20 * MB), ("7 MB", 7 * MB))
            for name, text in (
                ("plain", f"a: {'x' * count}\n"),
                ("words", f"a: {'x ' * (count // 2)}\n"),
                ("double quotes", f'a: "{"x" * count}"\n'),
                ("single quotes", f"a: '{'x' * count}'\n"),
                ("block", f"a: |\n  {'x' * count}\n"),
                ("lines of a block", "a: |\n" + "  xxxxxxx\n" * (count // 10)),
                ("an open quote", f'a: "{"x" * count}'),
                ("keys", "".join(map("k{}: 1\n".format, range(count // 11)))),
                ("the same key", "k: 1\n" * (count // 5)),
                ("line separators", "a: \u2028" + "x" * count),
            )
        },
        "20 MB of comment": f"# {'x' * 20 * MB}\nexceptions: []\n",
        "20 MB of comments": "# x\n" * (5 * MB) + "exceptions: []\n",
        "20 MB of spaces": " " * 20 * MB,
    }


@pytest.mark.parametrize("reader", ["register", "editor", "mute list"])
def test_hostile_yaml_is_refused_at_once(tmp_path: Path, texts: dict[str, str], reader: str) -> None:
    said = refused(reader, written(tmp_path, texts))
    assert all("larger than 8 MB" in said[name] for name in texts if name.startswith("20 MB"))
    assert ":1: " in said["7 MB of plain"]
    assert "at most 100,000 are read" in said["7 MB of plain"]
    assert ":10001: has more than 10,000 keys" in said["7 MB of keys"]
    assert ":1: is nested too deeply" in said["brackets"]


def test_hostile_frameworks_are_refused_at_once(tmp_path: Path, texts: dict[str, str]) -> None:
    names = ("brackets", "7 MB of plain", "7 MB of keys", "20 MB of comment")
    paths = written(tmp_path, {name: texts[name] for name in names} | {"aliases": LAUGHS}, "frameworks/own.yaml")
    assert "aliases are not read" in refused("framework", paths)["aliases"]


def test_hostile_settings_are_refused_at_once(tmp_path: Path) -> None:
    texts = {
        "brackets": "a = " + "[" * 100_000,
        "number": "a = " + "9" * 5_000,
        "hexadecimal": "[run]\nworkers = 0x" + "f" * 100_000,
        "text": f'a = "{"x" * 20 * MB}"',
        "keys": "".join(f"k{n} = 1\n" for n in range(2 * MB)),
        "comment": "#" + "x" * 20 * MB,
        "few keys": "".join(f"k{n} = 1\n" for n in range(10_000)),
    }
    said = refused("settings", written(tmp_path, texts, "orgaudit.toml"))
    assert "larger than 128 kB" in said["keys"]
    assert "too many digits" in said["number"]


@pytest.mark.parametrize(
    "text",
    ["exceptions:\n  - &a [*a]\n", "exceptions:\n  - &a {id: EXC-2025-0001, title: *a}\n", "&a {k: *a}\n", LAUGHS],
)
def test_aliases_are_followed_by_no_reader(tmp_path: Path, text: str) -> None:
    paths = list(written(tmp_path, {"aliases": text}).values())
    for reader in ("register", "editor"):
        [(_, _, seconds, memory)] = outcomes(reader, paths)
        assert seconds < SECONDS
        assert memory < MOST_MEMORY


def test_huge_numbers_are_no_numbers(tmp_path: Path) -> None:
    texts = {
        name: f"exceptions:\n  - id: EXC-2025-0001\n    max_findings: {number}\n"
        for name, number in {"decimal": "9" * 99_000, "hexadecimal": "0x" + "f" * 99_000, "float": "1e99999"}.items()
    }
    for _, said, seconds, _ in outcomes("register", list(written(tmp_path, texts).values())):
        assert (said, seconds < SECONDS) == ("", True), "the entry is invalid, the file is read"
