"""The digest of a control: what decides its verdicts, so that two runs can be compared.

It covers the source of the judging function and of every definition that it leads to in this package, analysis,
languages and facts, and in the package of a control from elsewhere. Docstrings and decorators do not count, but a
comment inside of a definition does.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.abc import InspectLoader
from importlib.util import find_spec, resolve_name
from types import ModuleType
from typing import TypeAlias

import msgspec

from orgaudit.controls.declare import Control
from orgaudit.facts.declare import Detail, Resource
from orgaudit.model import Json, RequirementRef
from orgaudit.settings.thresholds import Thresholds

PACKAGES = tuple(f"orgaudit.{name}." for name in ("controls", "analysis", "languages", "facts"))
NOT_JUDGING = {"orgaudit.controls.declare", "orgaudit.facts.declare", __name__}
"""Modules of these packages that declare or compare, and decide no verdict."""

WORD, ATTRIBUTE = re.compile(r"[A-Za-z_]\w*"), re.compile(r"\.([A-Za-z_]\w*)")

WHOLE = "*"
"""What stands for all names of a module, which a name with dots leads to."""

Place: TypeAlias = tuple[str, str]
"""A module, and a name at its top level; without a name, the whole module."""


def control_digest(control: Control, thresholds: Thresholds, requirements: Iterable[RequirementRef]) -> str:
    """Return the SHA-256 of a control's code and thresholds, a hyphen, and that of the requirements that it decides.

    The parts are apart because another choice of frameworks changes no verdict. Returns "" for a control of another
    package whose source is not there.
    """
    code, read = _code_of(control)
    if not code:
        return ""
    values = thresholds.model_dump(mode="json")
    taken = {name: _in_order(values[name]) for name in sorted(read & values.keys())}
    mapping = sorted((each.framework, each.id) for each in requirements)
    return f"{_sha256([code, taken])}-{_sha256(mapping)}"


def _in_order(value: Json) -> Json:
    """Return a value with lists sorted: in which order people list names and numbers changes no verdict."""
    if isinstance(value, Mapping):
        return {name: _in_order(each) for name, each in sorted(value.items())}
    return sorted(value, key=msgspec.json.encode) if isinstance(value, list) else value


def _sha256(value: Json) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()


@cache
def _code_of(control: Control) -> tuple[str, frozenset[str]]:
    """Return the digest of the code that a control leads to, "" without source, and the thresholds that it reads."""
    found = definitions_of(control)
    if not found:
        return "", frozenset()
    digest = _sha256(sorted([*place, each.digest] for place, each in found.items()))
    attributes = {name for each in found.values() for name in each.attributes}
    return digest, frozenset(attributes if Thresholds in control.takes else ())


def definitions_of(control: Control) -> dict[Place, Definition]:
    """Return every definition that a control leads to, from its own and the types that it judges on."""
    own = control.judge.__module__
    module = _module(own)
    if module is None:
        return {}
    types = [kind for kind in (*control.takes, *control.facts) if issubclass(kind, (Resource, Detail))]
    start = (own, control.id if control.id in module else "")
    waiting: list[Place] = [start, *((kind.__module__, kind.__name__) for kind in types)]
    found = dict[Place, Definition]()
    while waiting:
        place = waiting.pop()
        if place not in found and _judges(place[0], own) and (there := _module(place[0])):
            found[place] = there.definition(place[1])
            waiting += found[place].leads_to
    return found


def _judges(module: str, own: str) -> bool:
    """Return whether a module may hold what decides the verdicts of a control of the module `own`."""
    if module.startswith("orgaudit."):
        return module.startswith(PACKAGES) and module not in NOT_JUDGING
    return module.partition(".")[0] == own.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Definition:
    """The digest of something at the top level of a module, and where what it names is defined."""

    digest: str
    leads_to: tuple[Place, ...]
    attributes: frozenset[str]


class _Module:
    """The definitions of a module by name, and where the names come from that it imports.

    A statement that defines no name, such as a call, belongs to every definition. What a definition names is each word
    of its text, those in strings too: that can only lead to more than is needed.
    """

    def __init__(self, name: str, package: str, source: str) -> None:
        self.name, self._lines = name, source.split("\n")
        self._imports = dict[str, Place]()
        self._texts = dict[str, list[str]]()
        self._always: list[str] = []
        self._known = dict[str, Definition]()
        for statement in _parsed(source).body:
            text = self._text(statement)
            if "import " in text:
                self._imports |= _imported(statement, package)
            if isinstance(statement, ast.Import | ast.ImportFrom) or _is_text(statement):
                continue
            for each in _defined(statement) or [""]:
                (self._texts.setdefault(each, []) if each else self._always).append(text)

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def definition(self, name: str) -> Definition:
        """Return what a name stands for; what the whole module does for ""."""
        if name not in self._known:
            texts = self._texts.get(name, []) if name else [each for found in self._texts.values() for each in found]
            text = "\n".join((*texts, *self._always))
            names = {*WORD.findall(text), *([] if texts or not name else [name])}
            self._known[name] = Definition(
                _sha256(text), tuple(sorted(self._targets(names, text))), frozenset(ATTRIBUTE.findall(text))
            )
        return self._known[name]

    def _targets(self, names: Iterable[str], text: str) -> Iterator[Place]:
        for name in names:
            if name in self._texts:
                yield self.name, name
            elif place := self._imports.get(name):
                module, wanted = place
                if wanted == WHOLE:
                    yield module, ""
                elif wanted:
                    yield place
                else:
                    yield from ((module, each) for each in re.findall(rf"\b{name}\.(\w+)", text))

    def _text(self, statement: ast.stmt) -> str:
        """Return the lines of a statement without its decorators and docstrings."""
        left_out = {
            number
            for each in _docstrings(statement)
            for number in range(each.lineno, (each.end_lineno or each.lineno) + 1)
        }
        numbers = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        return "\n".join(self._lines[number - 1].rstrip() for number in numbers if number not in left_out)


def _parsed(source: str) -> ast.Module:
    """Return the tree of a source; without a pause of the collector of garbage, this takes more than twice as long."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if collecting:
            gc.enable()


def _docstrings(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the docstrings of a class or function, and of those that are defined in its body."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if _is_text(statement.body[0]):
            yield statement.body[0]
        for each in statement.body:
            yield from _docstrings(each)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _defined(statement: ast.stmt) -> list[str]:
    """Return the names that a statement at the top level of a module defines."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return []


def _imported(statement: ast.stmt, package: str) -> dict[str, Place]:
    """Return the names that the imports in a statement of a package's module bind, with where each is from."""
    found = dict[str, Place]()
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            for each in node.names:
                parent, _, last = each.name.rpartition(".")
                found[each.asname or last] = (each.name, WHOLE if parent and not each.asname else "")
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            for each in node.names:
                is_module = isinstance(getattr(sys.modules.get(base), each.name, None), ModuleType)
                found[each.asname or each.name] = (f"{base}.{each.name}", "") if is_module else (base, each.name)
    return found


@cache
def _module(name: str) -> _Module | None:
    """Return a module, or None where its source is not there."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    source = spec.loader.get_source(name) if spec and isinstance(spec.loader, InspectLoader) else None
    return None if spec is None or source is None else _Module(name, spec.parent or "", source)
