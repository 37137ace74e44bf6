"""The version follows the changelog, and the hooks before a commit are the tools of `make check`."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import yaml

from orgaudit import __version__

ROOT = Path(__file__).parents[1]
HEADING = re.compile(r"^## \[(?P<name>[^]]+)](?: - (?P<day>\S+))?$", re.MULTILINE)


def test_the_version_is_the_newest_released_heading() -> None:
    unreleased, *released = HEADING.finditer((ROOT / "CHANGELOG.md").read_text())
    assert (unreleased["name"], unreleased["day"]) == ("Unreleased", None)
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    days = [date.fromisoformat(found["day"]) for found in released]
    assert days == sorted(days, reverse=True)
    assert [found["name"] for found in released[:1]] in ([], [__version__])


def test_hooks_run_what_make_check_runs() -> None:
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = {re.sub(r" --force-exclude$", "", hook["entry"].removeprefix(".venv/bin/")) for hook in local["hooks"]}
    checks = re.findall(r"^\t\$\(PYTHON\) -m ((?:ruff|mypy).*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    # The check of the format becomes the format itself, which a commit applies.
    assert local["repo"] == "local"
    assert hooks >= {f"python -m {check.removesuffix(' --check')}" for check in checks if "--fix" not in check}


def test_types_are_declared_to_those_who_write_controls() -> None:
    assert (ROOT / "orgaudit" / "py.typed").read_bytes() == b""
