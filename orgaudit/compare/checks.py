"""Which controls of ours answer a check of another tool, by framework files or by a table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TypeAlias

from orgaudit.compare.records import Tool
from orgaudit.settings.frameworks import Framework

Controls: TypeAlias = tuple[str, ...]
"""Controls that together answer one check, sorted."""

_CIS = re.compile(r"cis_\d+(?:\.\d+)*")
_AT_LEAST = 2
"""A check that asks for a part leaves another, even where no check asks for that."""

_SECURITY_HUB_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*\.\d+")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """What answers a check of another tool.

    `parts` is how many checks there are for these controls where each asks for a part of what they do; else 1.
    """

    controls: Controls
    parts: int = 1


Equivalents: TypeAlias = Mapping[str, tuple[Equivalent, ...]]
"""What answers a check, by the names of checks in lower case."""


def equivalents(
    tool: Tool, frameworks: Mapping[str, Framework], aliases: Mapping[str, str], known: Collection[str]
) -> Equivalents:
    """Return what answers the checks of a tool. `aliases` are former ids of controls, `known` all that there are.

    Where Security Hub's ids are former ids of requirements, they are found as well. Ids that are known and that no
    control answers are there with nothing.
    """
    if tool is Tool.PROWLER:
        return _of_prowler(aliases, known)
    found: dict[str, tuple[Equivalent, ...]] = {}
    for framework in sorted(frameworks.values(), key=lambda it: (it.id != "fsbp", it.id)):
        for name, equivalent in _of_framework(framework):
            found.setdefault(name, equivalent)
    return found


def _of_framework(framework: Framework) -> Iterator[tuple[str, tuple[Equivalent, ...]]]:
    """Yield each requirement of a framework that Security Hub reports about, with what answers it."""
    counts = Counter(tuple(sorted(each.controls)) for each in framework.requirements if each.controls)
    is_cis = _CIS.fullmatch(framework.id) is not None
    for each in framework.requirements:
        controls = tuple(sorted(each.controls))
        answer = (Equivalent(controls, counts[controls]),) if controls else ()
        former = each.aliases
        for name in (each.id, *former):
            if is_cis:
                yield f"{framework.id}:{name}", answer
            elif _SECURITY_HUB_ID.fullmatch(name):
                yield name.lower(), answer


def _of_prowler(aliases: Mapping[str, str], known: Collection[str]) -> Equivalents:
    rows = [
        (row["check"].lower(), tuple(sorted(aliases.get(name, name) for name in row["controls"].split())), row["part"])
        for row in table("prowler_checks.csv")
    ]
    counts = Counter(controls for _, controls, _ in rows)
    found: dict[str, tuple[Equivalent, ...]] = {}
    for check, controls, part in rows:
        parts = max(counts[controls], _AT_LEAST) if part else 1
        own = (Equivalent(controls, parts),) if set(controls) <= set(known) else ()
        found[check] = (*found.get(check, ()), *own)
    return found


def answers_to(names: Iterable[str], found: Equivalents) -> tuple[Equivalent, ...]:
    """Return what answers the first of these names of a check that is known; nothing where none is."""
    return next((found[name] for name in names if name in found), ())


def table(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table that comes with this package; lines that begin with # are about its source."""
    text = resources.files("orgaudit.compare").joinpath(name).read_text("utf-8")
    yield from csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def known_differences(tool: Tool) -> dict[str, str]:
    """Return how a tool is known to answer otherwise than we do, by our control."""
    return {row["control"]: row["note"] for row in table("differences.csv") if row["tool"] == tool.name.lower()}
