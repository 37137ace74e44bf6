"""Imports point one way, from the command line to the model, and never in a circle; only aws/ imports the SDK."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
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
    "demo": {"errors", "languages", "model", "store"},
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
    yield from imports_in(ast.parse(path.read_text()))


def imports_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
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


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {dotted(path): path for path in modules()}
    graph = {
        name: {module for each in imported_on_loading(path) if (module := loaded(each, names)) not in {name, None}}
        for name, path in names.items()
    }
    assert graph["orgaudit.aws.access"] >= {"orgaudit.aws.account", "orgaudit.model"}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules of a circle


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def loaded(name: str, names: dict[str, Path]) -> str | None:
    """The module that an import loads: the name itself, or what it is a name of."""
    return next((each for each in (name, name.rpartition(".")[0]) if each in names), None)


def imported_on_loading(path: Path) -> Iterator[str]:
    """What a module imports outside of its functions, also where it is only for type checking."""
    tree = ast.parse(path.read_text())
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        function.body = []
    yield from imports_in(tree)


def test_only_aws_knows_the_sdk() -> None:
    others = [path for path in modules() if room(path) not in {"aws", "demo"}]
    assert not {
        path.relative_to(PACKAGE): found
        for path in others
        if (found := SDK.intersection(name.split(".")[0] for name in imported(path)))
    }


def test_only_the_command_line_prints() -> None:
    assert not [path.relative_to(PACKAGE) for path in modules() if path.name != "server.py" and prints(path)]


def prints(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == "print" for function in calls)
