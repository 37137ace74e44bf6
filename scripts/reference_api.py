"""Writes the pages of what own controls are written with, and of the facts that are read, from the source alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Final

import griffe

from scripts.reference_text import code, inline, paragraphs, table

ROOT: Final = Path(__file__).resolve().parents[1]
API: Final[Mapping[str, Sequence[str]]] = {
    "orgaudit.controls.declare": ("control", "Fix"),
    "orgaudit.model": (
        *("require", "passed", "failed", "not_applicable", "manual", "not_assessed", "Verdict"),
        *("Status", "Severity", "Scope", "Effort", "Disruption", "Seen", "Observed", "Gap", "GapReason"),
    ),
    "orgaudit.analysis.account_facts": ("AccountFacts",),
    "orgaudit.analysis.organization_facts": ("Organization",),
    "orgaudit.facts.declare": ("Resource", "Detail", "collector", "detail", "Aws", "here"),
    "orgaudit.facts.rows": ("listed", "Row", "text", "tags_in"),
}
"""What controls and collectors of one's own are written with, by module."""
PART: Final = ("attribute", "type", "meaning")


def api() -> str:
    """Return the page of what own controls are written with."""
    lines = [
        *("# For your own controls", ""),
        "What a control, and a collector of new facts, is written with. [Adding a control](../adding-a-control.md) "
        "shows how, [controls of your own](../own-controls/README.md) is a package to copy, and [facts](facts.md) "
        "lists what is read already. A control that compares with a number of the organization's takes `Thresholds`, "
        "which are the [settings of that name](settings.md#thresholds).",
        "",
    ]
    for name, members in API.items():
        lines += [f"## {name}", "", *paragraphs(_docstring(_module(name)))]
        for member in members:
            lines += [f"### {member}", "", *_member(_module(name)[member])]
    return "\n".join(lines)


def facts() -> str:
    """Return the page of the facts that orgaudit reads."""
    lines = [
        *("# Facts", ""),
        "What an audit reads of each service, as controls take it. A resource is listed; a detail takes a call of its "
        "own for each resource, and is seen or a gap by itself. `Observed[T]` is a `T` that was seen, or the gap.",
        "",
    ]
    for name in fact_modules():
        lines += [f"## {name}", "", *paragraphs(_docstring(_module(name)))]
        for each in fact_types(name):
            bases = ", ".join(str(base) for base in each.bases)
            lines += [f"### {each.name}", "", f"Of type {code(bases)}.", "", *paragraphs(_docstring(each))]
            lines += table(PART, _attributes(each))
    return "\n".join(lines)


def fact_modules() -> list[str]:
    """Return the names of the modules that have types of facts."""
    files = sorted((ROOT / "orgaudit" / "facts").rglob("*.py"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files)
    return [name for name in names if name not in API and fact_types(name)]


def fact_types(module: str) -> list[griffe.Class]:
    """Return the public classes of a module that have fields."""
    found = _module(module).members.values()
    return [each for each in found if isinstance(each, griffe.Class) and each.bases and _is_public(each.name)]


@cache
def _module(name: str) -> griffe.Module:
    """Return a module as its source has it, without importing it."""
    path = ROOT.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    source = file.read_text("utf-8")
    lines = griffe.LinesCollection()
    lines[file] = source.splitlines()
    return griffe.visit(name, file, source, lines_collection=lines)


def _member(found: griffe.Object) -> Iterator[str]:
    yield from ("```python", *_declaration(found), "```", "", *paragraphs(_docstring(found)))
    if isinstance(found, griffe.Class):
        yield from table(PART, _attributes(found))
        for method in found.members.values():
            if isinstance(method, griffe.Function) and _is_public(method.name):
                yield from ("```python", *_declaration(method), "```", "", *paragraphs(_docstring(method)))


def _declaration(found: griffe.Object) -> Iterator[str]:
    """Yield the lines of the source that declare an object, without its body."""
    for line in dedent(found.source).splitlines():
        text = line.split("  # noqa")[0]
        if isinstance(found, griffe.Attribute) or not text.endswith(":"):
            yield text
        else:
            yield text.removesuffix(":")
            return


def _attributes(found: griffe.Class) -> Iterator[tuple[str, str, str]]:
    """Yield what an object of a class has: its name, its type, or its value where that is all, and its meaning."""
    for name, member in found.members.items():
        if isinstance(member, griffe.Attribute) and _is_public(name):
            kind = str(member.annotation) if member.annotation else f"= {member.value}"
            yield code(name), code("" if "self." in kind else kind), inline(_docstring(member))


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _docstring(found: griffe.Object) -> str:
    return found.docstring.value if found.docstring else ""
