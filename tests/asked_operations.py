"""What the package asks AWS for, read from its source: the calls that name a service and an operation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "orgaudit"
PAGED = {"pages", "find_pages", "listed", "each_of"}
ASKING = {"call", "find", *PAGED}
HELPERS = {"_listed": "organizations", "_ask": "organizations"}
"""Functions that ask one service and take the operation's name."""
_MAY_ASK = re.compile(rf"\b(?:{'|'.join(sorted({*ASKING, *HELPERS}))})\(")
"""What each of these calls looks like; without it a file need not be parsed."""
OF_HELPERS = {"action", "omits_empty"}
"""Arguments that are of `listed` and not of the operation."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call in the source: where it is, what it asks, whether page by page, and the parameters it names."""

    place: str
    service: str
    operation: str
    paged: bool
    parameters: tuple[str, ...]


@cache
def asked() -> tuple[Asked, ...]:
    """Every call by which the package names an operation; where it asks the demo's AWS is left out."""
    paths = (path for path in sorted(PACKAGE.rglob("*.py")) if "demo" not in path.parts)
    return tuple(call for path in paths for call in _asked_in(path))


def _asked_in(path: Path) -> Iterator[Asked]:
    text = path.read_text()
    if _MAY_ASK.search(text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and (found := _asked(node, path)):
                yield found


def _asked(node: ast.Call, path: Path) -> Asked | None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    place = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
    parameters = tuple(each.arg for each in node.keywords if each.arg and each.arg not in OF_HELPERS)
    if name in ASKING and len(texts) > 1:
        return Asked(place, texts[0], texts[1], name in PAGED, parameters)
    if name in HELPERS and texts:
        return Asked(place, HELPERS[name], texts[0], paged=True, parameters=parameters)
    return None
