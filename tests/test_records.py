"""One rule for records: msgspec for what is stored, pydantic for what people write, dataclasses for the rest."""

from __future__ import annotations

import ast
from functools import cache

from tests.test_imports import PACKAGE, modules, parsed

WRITTEN_BY_PEOPLE = {"settings", "register"}
"""Packages that read what people write."""


@cache
def classes() -> list[tuple[str, ast.ClassDef]]:
    return [
        (str(path.relative_to(PACKAGE)), node)
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
    ]


def bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).rpartition(".")[2] for base in node.bases}


def test_no_record_is_a_named_tuple() -> None:
    assert not [(path, node.name) for path, node in classes() if "NamedTuple" in bases(node)]


def test_pydantic_models_are_what_people_write() -> None:
    models = {path.partition("/")[0] for path, node in classes() if "BaseModel" in bases(node)}
    assert models
    assert models <= WRITTEN_BY_PEOPLE


def test_dataclasses_have_slots() -> None:
    loose = []
    for path, node in classes():
        for decorator in node.decorator_list:
            text = ast.unparse(decorator)
            if text.startswith("dataclass") and "slots=True" not in text:
                loose.append((path, node.name))
    assert not loose
