"""Imports point one way: from the command line to the nouns, and only aws/ knows the SDK."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "orgaudit"
SDK = {"aioboto3", "aiobotocore", "boto3", "botocore", "aiohttp"}

MAY_IMPORT = {
    "": set(),
    "model": set(),
    "errors": set(),
    "languages": {"model"},
    "settings": {"errors", "model"},
    "store": {"errors", "model", "settings"},
    "aws": {"errors", "model", "settings"},
    "organization": {"aws", "errors", "model", "settings"},
    "facts": {"languages", "model"},
    "analysis": {"facts", "languages", "model"},
    "controls": {"analysis", "facts", "languages", "model", "settings"},
    "collect": {"aws", "errors", "facts", "model", "organization", "settings", "store"},
    "evaluate": {"analysis", "controls", "errors", "facts", "model", "settings", "store"},
    "spreadsheet": {"errors"},
    "register": {"errors", "model", "settings", "spreadsheet", "store"},
    "report": {"errors", "model", "register", "settings", "spreadsheet", "store"},
    "demo": {"errors", "store"},
}
ANYTHING = {"cli", "preflight", "pipeline", "reporting", "__main__"}


def modules() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 100
    return found


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
    return rooms - {room(path), "__version__"}


def test_imports_point_one_way() -> None:
    assert not {
        path.relative_to(PACKAGE): upward
        for path in modules()
        if room(path) not in ANYTHING and (upward := rooms_imported(path) - MAY_IMPORT[room(path)])
    }


def test_only_aws_knows_the_sdk() -> None:
    others = [path for path in modules() if room(path) not in {"aws", "demo"}]
    assert not {
        path.relative_to(PACKAGE): found
        for path in others
        if (found := SDK.intersection(name.split(".")[0] for name in imported(path)))
    }


def test_only_the_command_line_prints() -> None:
    assert not [path.relative_to(PACKAGE) for path in modules() if path.name != "server.py" and prints(path)]


def test_only_the_model_gives_a_verdict_its_status() -> None:
    assert states(PACKAGE / "model.py")
    assert not [path.relative_to(PACKAGE) for path in modules() if path.name != "model.py" and states(path)]


def states(path: Path) -> bool:
    """Whether a module makes a verdict of a status that it names, beside the constructors."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(
        isinstance(call.func, ast.Name) and call.func.id == "Verdict" and "Status." in ast.unparse(call)
        for call in calls
    )


def prints(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == "print" for function in calls)
