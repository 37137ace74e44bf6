"""What `orgaudit explain` shows of a control or a requirement, as lines of text."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from orgaudit.cli.framework_text import part_lines
from orgaudit.cli.printing import width
from orgaudit.controls.declare import Control, Fix, catalogue
from orgaudit.errors import ConfigError
from orgaudit.evaluate.remediation import unfilled
from orgaudit.model import Disruption, Scope
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.register_result import AttestedStatus
from orgaudit.words import counted

INDENT = 13


def meanings(
    name: str, meant: Mapping[str, Requirement], loaded: Mapping[str, Framework], known: dict[str, Control]
) -> Iterator[str]:
    """Yield the lines of the only requirement with an id, or a list of those of several frameworks."""
    if len(meant) == 1:
        (full,) = meant
        yield from requirement_lines(loaded[full.partition(":")[0]], full, known)
        return
    yield f"{name} is a requirement of {len(meant)} frameworks:"
    for full, requirement in meant.items():
        yield from textwrap.wrap(
            requirement.title, width(), initial_indent=f"  {full:<24}  ", subsequent_indent=" " * 28
        )


def control_lines(control: Control, loaded: Iterable[Framework]) -> Iterator[str]:
    """Yield the lines that show a control: why it matters, what it reads, what names it, and how to fix a failure."""
    yield from (control.id, control.title, "", textwrap.fill(control.rationale, width()), "")
    yield from _described(
        ("Severity", [str(control.severity)]),
        ("Judged", ["once in an account" if control.scope is Scope.ACCOUNT else "in every region"]),
        ("Facts", _filled(", ".join(kind.__name__ for kind in control.facts))),
        ("Actions", list(control.actions)),
        ("Required by", list(_required_by(control, loaded)) or ["no framework"]),
        (
            "Family",
            [] if control.family == control.id else _filled(f"{control.family}: {', '.join(relatives(control))}"),
        ),
        ("Fix", _filled(fix_in_words(control.fix))),
        ("Service", _path(control.fix.service_wide, control.fix.service_wide_command)),
        ("Resource", _path(control.fix.asset, control.fix.command)),
        ("Prevention", _path(control.fix.preventive, control.fix.preventive_command)),
        ("Code", [_place(control)]),
    )


def requirement_lines(framework: Framework, name: str, known: dict[str, Control]) -> Iterator[str]:
    """Yield the lines that show one requirement; raises ConfigError for an unknown one."""
    by_name = {f"{framework.id}:{name}": each for each in framework.requirements for name in (each.id, *each.aliases)}
    if name not in by_name:
        wrong = f"{framework.id} has no requirement {name.partition(':')[2]!r}"
        remedy = nearest(name, by_name) or f"`orgaudit frameworks {framework.id}` lists them"
        raise ConfigError(f"{wrong}; {remedy}", key="ID")
    requirement = by_name[name]
    name = f"{framework.id}:{requirement.id}"
    yield name
    yield from textwrap.wrap(requirement.title, width())
    yield ""
    deciding = [line for control in requirement.controls for line in _deciding(known[control])]
    yield from _described(
        ("Framework", _filled(f"{framework.title} {framework.version}")),
        ("Section", _filled(requirement.section)),
        ("Level", [] if requirement.level is None else [str(requirement.level)]),
        ("Assessment", [str(requirement.assessment)]),
        ("Parts", [line for part in requirement.parts for line in part_lines(part, 0)]),
        ("Former ids", _filled(", ".join(requirement.aliases))),
        ("Controls", deciding or ["none: a person decides" if requirement.is_covered else "none: it is not covered"]),
        ("Supporting", list(requirement.supporting)),
        ("Needs", _filled(requirement.needs)),
        ("Attest", _attesting(requirement, name) if _left_to_people(requirement) else []),
    )


def _left_to_people(requirement: Requirement) -> bool:
    """Return whether a person answers a requirement, or a part of it."""
    parts = requirement.parts or (requirement,)
    return any(part.assessment is Assessment.MANUAL for part in parts)


def fix_in_words(fix: Fix) -> str:
    """Return what a fix takes, in one line."""
    often = "for each resource" if fix.per_resource else "once for all accounts and regions"
    disruption = {
        Disruption.NONE: "no interruption",
        Disruption.RESTART: "interrupts by a restart",
        Disruption.REPLACEMENT: "replaces the resource",
    }[fix.disruption]
    return f"effort {fix.effort} {often}; {disruption}; {'can' if fix.reversible else 'cannot'} be undone"


def relatives(control: Control) -> list[str]:
    """Return the other controls that one fix of this control's family makes pass, sorted."""
    return [each.id for each in catalogue().values() if each.family == control.family and each.id != control.id]


def _deciding(control: Control) -> Iterator[str]:
    yield f"{control.id} ({control.severity})"
    yield from (f"  {line}" for line in textwrap.wrap(control.title, width() - INDENT - 2))


def _attesting(requirement: Requirement, name: str) -> Iterator[str]:
    """Yield how a person answers a manual requirement."""
    left = "Where the controls leave it MANUAL, attest it" if requirement.controls else "Attest it"
    if requirement.parts:
        left = "Attest the parts that controls do not answer"
    *statuses, last = AttestedStatus
    where = "accounts (--account), units (--ou) or all accounts (--broad)"
    yield from _filled(f"{left} for {where}, as {', '.join(statuses)} or {last}:")
    command = f"orgaudit exceptions attestations add {name} pass --account ID --evidence TEXT --expires-on DATE"
    yield from wrapped_command(command, width() - INDENT)


def _described(*parts: tuple[str, Iterable[str]]) -> Iterator[str]:
    """Yield lines with their names before them, those of one name below each other."""
    for name, lines in parts:
        for number, line in enumerate(lines):
            yield f"{'' if number else name:<{INDENT}}{line}"


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, width() - INDENT, break_long_words=False, break_on_hyphens=False)


def _path(text: str, command: str | None) -> list[str]:
    """Return the lines of one remediation: what to do, and the command where there is one."""
    return _filled(unfilled(text)) + (wrapped_command(unfilled(command), width() - INDENT) if command else [])


def _required_by(control: Control, loaded: Iterable[Framework]) -> Iterator[str]:
    """Yield the requirements that name a control, those of one title below it, and how many it is evidence for."""
    frameworks = list(loaded)
    asked = (
        (framework, requirement)
        for framework in frameworks
        if not framework.is_mapping
        for requirement in framework.requirements
        if control.id in requirement.controls
    )
    for title, found in groupby(asked, lambda pair: pair[1].title):
        yield from _filled(title)
        for framework, requirement in found:
            level = f"level {requirement.level}  " if requirement.level is not None else ""
            yield f"  {f'{framework.id}:{requirement.id}':<24}  {level}{requirement.assessment}"
    for framework in (each for each in frameworks if each.is_mapping):
        if count := sum(control.id in requirement.controls for requirement in framework.requirements):
            yield f"{framework.id}: evidence for {counted(count, 'requirement')} by mapping"


def _place(control: Control) -> str:
    """Return file and line of the function that judges, or of the statement that has it from another module."""
    module = sys.modules[control.judge.__module__]
    source = inspect.getsourcefile(module) or module.__name__
    if source == inspect.getsourcefile(control.judge):
        return f"{source}:{control.judge.__code__.co_firstlineno}"
    declared = f"{control.id} = "
    lines = enumerate(inspect.getsource(module).splitlines(), start=1)
    return f"{source}:{next((number for number, line in lines if line.startswith(declared)), 1)}"


def wrapped_command(command: str, width: int) -> list[str]:
    """Return a command in lines that a shell takes as one, broken between words only; a longer word stays whole."""
    words = re.findall(r"""(?:[^\s'"]|'[^']*'|"(?:\\.|[^"\\])*")+""", command)
    lines = [words[0]]
    for word in words[1:]:
        if len(f"{lines[-1]} {word} \\") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
