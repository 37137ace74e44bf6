"""A framework as lines of text: as a whole, its requirements, and what a file of one holds."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from orgaudit.cli.printing import width
from orgaudit.controls.declare import catalogue
from orgaudit.facts.declare import package_of
from orgaudit.settings.frameworks import SHIPPED, Assessment, EvidencePart, Framework, Requirement, controls_of
from orgaudit.words import counted


def contents(framework: Framework) -> Iterator[str]:
    """Yield the lines that show what a framework file holds, and where the controls that it names come from."""
    yield framework.id
    yield from overview(framework, width())
    if uncovered := sum(not each.is_covered for each in framework.requirements):
        yield f"{uncovered} not covered: coverage is none"
    if framework.id in SHIPPED:
        yield f"beside an orgaudit.toml it replaces the {framework.id} that comes with orgaudit"
    named = controls_of([framework])
    packages = Counter(package_of(known.judge.__module__) for name in named if (known := catalogue().get(name)))
    origin = ", ".join(f"{count} of {package}" for package, count in sorted(packages.items()))
    yield from textwrap.wrap(f"names {counted(len(named), 'control')}{origin and f': {origin}'}", width())
    yield from (f"  {name}" for name in named)


def overview(framework: Framework, room: int) -> Iterator[str]:
    """Yield the lines that show a framework as a whole: title, size, and where its requirements are from."""
    size = len(framework.requirements)
    automated = sum(each.assessment is Assessment.AUTOMATED for each in framework.requirements)
    yield from textwrap.wrap(f"{framework.title} {framework.version}", room)
    said = f"{automated} automated, {size - automated} manual; {framework.covered} covered by controls"
    if framework.is_mapping:
        parts = [part for each in framework.requirements for part in each.parts]
        have = sum(bool(part.controls) for part in parts)
        said = f"by mapping, {have} of {counted(len(parts), 'part')} answered by controls"
    yield f"{counted(size, 'requirement')}: {said}"
    if origin := ", ".join(filter(None, (framework.source, framework.date))):
        yield from textwrap.wrap(f"from {origin}", room, break_long_words=False)


def requirements(framework: Framework) -> Iterator[str]:
    """Yield the lines that show a framework: its requirements by section, each with its controls below it."""
    yield from overview(framework, width())
    for section, found in groupby(framework.requirements, lambda requirement: requirement.section):
        yield ""
        if section:
            yield from textwrap.wrap(section, width())
        for requirement in found:
            level = f"level {requirement.level}  " if requirement.level is not None else ""
            head = f"  {requirement.id:<8}  {level}{requirement.assessment:<9}  "
            yield from textwrap.wrap(
                requirement.title,
                width(),
                initial_indent=head,
                subsequent_indent=" " * len(head),
                break_on_hyphens=False,
            )
            if requirement.parts:
                yield from (line for part in requirement.parts for line in part_lines(part, 12))
                continue
            yield from (f"{'':<12}{control}" for control in requirement.controls)
            yield from _not_covered(requirement, 12)


def part_lines(part: EvidencePart, indent: int) -> Iterator[str]:
    """Yield the lines that show a part of a requirement: what it asks for, and what answers it below."""
    spaces = " " * indent
    yield from textwrap.wrap(
        part.title, width(), initial_indent=f"{spaces}- ", subsequent_indent=f"{spaces}  ", break_on_hyphens=False
    )
    yield from _not_covered(part, indent + 4)
    yield from (f"{spaces}    {answer}" for answer in part.controls)
    if part.assessment is Assessment.MANUAL:
        yield f"{spaces}    people attest it"


def _not_covered(found: Requirement | EvidencePart, indent: int) -> Iterator[str]:
    """Yield the lines that show what would have to be read, where nothing answers a requirement or a part of one."""
    if not found.is_covered:
        said = f"not covered; needs {found.needs or 'a control'}"
        yield from textwrap.wrap(said, width(), initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
