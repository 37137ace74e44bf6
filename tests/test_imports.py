"""Imports point one way, from the command line to the model, and never in a circle; only aws/ imports the SDK."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = Path(__file__).parent.parent / "orgaudit"
SDK = {"aioboto3", "aiobotocore", "boto3", "botocore", "aiohttp"}

ARCHITECTURE = PACKAGE.parent / "ARCHITECTURE.md"
ROW = re.compile(r"\| `(\w+)` \|[^|]+\|([^|]*)\|")
ANYTHING = {"audit", "cli", "preflight", "quarter"}
"""Packages above the stages, whose rows are not lists."""


def may_import() -> dict[str, set[str]]:
    """The table of ARCHITECTURE.md: what each package may import."""
    rows = dict(ROW.findall(ARCHITECTURE.read_text()))
    return {name: set(re.findall(r"`(\w+)`", others)) for name, others in rows.items() if name not in ANYTHING}


def modules() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 100
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def package(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    yield from imports_in(parsed(path))


def imports_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def packages_imported(path: Path) -> set[str]:
    found = {parts[1] for name in imported(path) if (parts := name.split("."))[0] == "orgaudit" and len(parts) > 1}
    return found - {package(path), "__version__"}


def test_the_table_has_every_package_and_points_one_way() -> None:
    table = may_import()
    tops = {package(path) for path in modules()} - {"__init__", "__main__"}
    assert tops == {*table, *ANYTHING}
    assert list(graphlib.TopologicalSorter(table).static_order())


def test_imports_are_those_of_the_table() -> None:
    table = may_import()
    assert not {
        str(path.relative_to(PACKAGE)): upward
        for path in modules()
        if package(path) in table and (upward := packages_imported(path) - table[package(path)])
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
    others = [path for path in modules() if package(path) not in {"aws", "demo"}]
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
    calls = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return any(
        isinstance(call.func, ast.Name) and call.func.id == "Verdict" and "Status." in ast.unparse(call)
        for call in calls
    )


def prints(path: Path) -> bool:
    calls = (node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == "print" for function in calls)


def test_users_install_what_is_imported_and_no_validator_of_the_tests() -> None:
    """Each imported package is a dependency, or comes with one; those of an extra are imported where it is used."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = {"demo": {"demo"}, "collect": {"dask"}, "telemetry": {"telemetry"}}
    by_module = packages_distributions()
    for path in modules():
        groups = [
            project["dependencies"],
            *(project["optional-dependencies"][each] for each in extras.get(package(path), ())),
        ]
        installed = with_their_own({Requirement(each).name for group in groups for each in group})
        others = {name.split(".")[0] for name in imported(path)} - sys.stdlib_module_names - {"orgaudit"}
        assert not {
            name for name in others if not installed & {canonicalize_name(it) for it in by_module.get(name, [name])}
        }, path


@cache
def _own(name: str) -> tuple[str, ...]:
    wanted = (Requirement(each) for each in requires(name) or ())
    return tuple(each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""}))


def with_their_own(names: set[str]) -> set[str]:
    """Packages with all that they install."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            with suppress(PackageNotFoundError):  # what an extra names that is not installed here
                waiting += _own(name)
    return found
