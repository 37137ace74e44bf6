"""Imports point one way: from the command line to the nouns, and only aws/ knows the SDK."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "orgaudit"
SDK = {"aioboto3", "aiobotocore", "boto3", "botocore", "aiohttp"}

GROUND = {"model", "errors", "identifiers", "thresholds", "", "syntax", "documents", "settings", "frameworks"}
MAY_IMPORT = {
    "": set(),
    "model": set(),
    "errors": set(),
    "identifiers": {"model"},
    "thresholds": {"identifiers"},
    "syntax": {"errors", "model"},
    "documents": {"errors", "model", "syntax"},
    "settings": {"documents", "errors", "identifiers", "model", "syntax", "thresholds"},
    "frameworks": {"documents", "errors", "model", "thresholds"},
    "store": {"errors", "model", "frameworks"},
    "aws": {*GROUND, "store"},
    "organization": {*GROUND, "aws", "store"},
    "facts": {"model", "store"},
    "controls": {"facts", "model", "thresholds"},
    "collect": {*GROUND, "aws", "facts", "organization", "store"},
    "evaluate": {"controls", "facts", "model", "store", "thresholds", "cells"},
    "cells": {"controls", "facts", "model", "store"},
    "register": {*GROUND, "spreadsheet"},
    "report": {*GROUND, "register", "spreadsheet", "store"},
    "spreadsheet": set(),
    "demo": {"errors", "store"},
    "stopping": set(),
    "workers": {"aws", "collect", "errors", "evaluate", "settings", "stopping", "store"},
    "pipeline": {*GROUND, "aws", "collect", "controls", "evaluate", "facts", "organization", "store", "workers"},
    "reporting": {*GROUND, "controls", "register", "report", "store"},
}
ANYTHING = {"cli", "preflight", "__main__"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def rooms_imported(path: Path) -> set[str]:
    rooms = {parts[1] for name in imported(path) if (parts := name.split("."))[0] == "orgaudit" and len(parts) > 1}
    return {"" if name == "__version__" else name for name in rooms} - {room(path)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    if room(path) not in ANYTHING:
        assert rooms_imported(path) <= MAY_IMPORT[room(path)]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_aws_knows_the_sdk(path: Path) -> None:
    if room(path) not in {"aws", "demo"}:
        assert SDK.isdisjoint(name.split(".")[0] for name in imported(path))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    prints = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not prints or path.name == "server.py"
