"""controls, frameworks and explain: what orgaudit can judge, without a call to AWS."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.printing import print_json, width
from orgaudit.controls.aliases import ALIASES, resolve
from orgaudit.controls.declare import Control, Fix
from orgaudit.controls.declare import catalogue as all_controls
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.evaluate.remediation import unfilled
from orgaudit.evaluate.rules import chosen_controls, named_controls
from orgaudit.facts.declare import package_of
from orgaudit.model import Disruption, Scope, Severity
from orgaudit.settings import frameworks as framework_files
from orgaudit.settings.control_names import ControlNames
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Assessment, EvidencePart, Framework, Requirement
from orgaudit.settings.settings import Settings
from orgaudit.spreadsheet.text import displayed
from orgaudit.store.register_result import AttestedStatus
from orgaudit.words import counted

INDENT = 13
ID_WIDTH = 17


@click.command()
@options.config
@options.rules
@options.as_json
def controls(*, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List the controls that an audit runs; `--framework all` lists those of older frameworks too."""
    settings = options.settings_from(given)
    known, loaded = _loaded(settings)
    scope = settings.scope
    wanted = set(named_controls(scope, loaded, known))
    if scope.frameworks or not wanted:
        wanted |= {*chosen_controls(settings, loaded, known)}
    found = [control for control in known.values() if control.id in wanted]
    if as_json:
        print_json([_control(control, loaded.values()) for control in found])
        return
    click.echo(f"{'SEVERITY':<8}  {'SCOPE':<8}  CONTROL")
    for control in found:
        click.echo(f"{control.severity:<8}  {control.scope:<8}  {control.id}")
        indent = " " * 20
        click.echo(textwrap.fill(control.title, width(), initial_indent=indent, subsequent_indent=indent))
    by_severity = Counter(control.severity for control in found)
    severities = ", ".join(f"{by_severity[severity]} {severity}" for severity in reversed(Severity))
    click.echo(f"\n{counted(len(found), 'control')}: {severities}")
    if not (scope.frameworks or scope.controls) and (more := len(known) - len(found)):
        click.echo(f"{more} more are not chosen; `--framework all` lists all")


@click.command()
@click.argument("framework_id", metavar="[ID]", required=False)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@options.config
@options.as_json
def frameworks(framework_id: str | None, file: Path | None, *, as_json: bool, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """List the frameworks, or the requirements of the one with this ID.

    `orgaudit frameworks check FILE` shows what is in a framework file, which need not be in use, and lists every
    problem of it by line. It exits with 2 where there is one.
    """
    if (framework_id == framework_files.CHECK) is (file is None):
        raise click.UsageError("give one ID, or `check` and one FILE")
    if file is not None:
        return _checked(file, as_json=as_json)
    settings = options.settings_from(given)
    _, loaded = _loaded(settings)
    if framework_id and framework_id not in loaded:
        remedy = nearest(framework_id, loaded) or "`orgaudit frameworks` lists them"
        raise ConfigError(f"no framework {framework_id!r}; {remedy}", key="ID")
    found = {framework_id: loaded[framework_id]} if framework_id else loaded
    if as_json:
        _print_json(found.values())
    elif framework_id:
        for line in _requirements(found[framework_id]):
            click.echo(line)
    else:
        for framework in found.values():
            for number, line in enumerate(_framework(framework, width() - ID_WIDTH)):
                click.echo(f"{'' if number else framework.id:<{ID_WIDTH}}{line}")
    return ExitCode.CLEAN


def _print_json(found: Iterable[Framework]) -> None:
    keys = ("id", "title", "version", "kind", "source", "date", "requirements")
    print_json([{key: each[key] for key in keys} for each in _builtins(found)])


def _checked(file: Path, *, as_json: bool) -> ExitCode:
    """Print what is in a framework file, and every problem of it."""
    found, problems = framework_files.load_file(file, all_controls(), ALIASES)
    if as_json and not problems:
        _print_json([] if found is None else [found])
        return ExitCode.CLEAN
    for line in () if found is None else _contents(found):
        click.echo(displayed(line))
    for problem in problems:
        click.echo(displayed(str(problem)), err=as_json)
    click.echo(displayed(f"{file}: {counted(len(problems), 'problem') if problems else 'sound'}"), err=as_json)
    return ExitCode.USAGE if problems else ExitCode.CLEAN


def _contents(framework: Framework) -> Iterator[str]:
    """Yield the lines that show what a framework file holds, and where the controls that it names come from."""
    yield framework.id
    yield from _framework(framework, width())
    if uncovered := sum(not each.is_covered for each in framework.requirements):
        yield f"{uncovered} not covered: coverage is none"
    if framework.id in framework_files.SHIPPED:
        yield f"beside an orgaudit.toml it replaces the {framework.id} that comes with orgaudit"
    supporting = {name for each in framework.requirements for name in each.supporting}
    named = sorted({*framework_files.controls_of([framework]), *supporting})
    packages = Counter(package_of(known.judge.__module__) for name in named if (known := all_controls().get(name)))
    origin = ", ".join(f"{count} of {package}" for package, count in sorted(packages.items()))
    yield from textwrap.wrap(f"names {counted(len(named), 'control')}{origin and f': {origin}'}", width())
    yield from (f"  {name}" for name in named)


def _framework(framework: Framework, room: int) -> Iterator[str]:
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


def _requirements(framework: Framework) -> Iterator[str]:
    """Yield the lines that show a framework: its requirements by section, each with its controls below it."""
    yield from _framework(framework, width())
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
                yield from (line for part in requirement.parts for line in _part(part, 12))
                continue
            yield from (f"{'':<12}{control}" for control in requirement.controls)
            if not requirement.is_covered:
                yield from textwrap.wrap(
                    f"not covered; needs {requirement.needs or 'a control'}",
                    width(),
                    initial_indent=" " * 12,
                    subsequent_indent=" " * 14,
                )


def _part(part: EvidencePart, indent: int) -> Iterator[str]:
    """Yield the lines that show a part of a requirement: what it asks for, and what answers it below."""
    spaces = " " * indent
    yield from textwrap.wrap(
        part.title, width(), initial_indent=f"{spaces}- ", subsequent_indent=f"{spaces}  ", break_on_hyphens=False
    )
    if not part.is_covered:
        answered = f"not covered; needs {part.needs or 'a control'}"
        yield from textwrap.wrap(answered, width(), initial_indent=spaces + " " * 4, subsequent_indent=spaces + " " * 6)
    yield from (f"{spaces}    {answer}" for answer in part.controls)
    if part.assessment is Assessment.MANUAL:
        yield f"{spaces}    people attest it"


@click.command()
@click.argument("name", metavar="ID")
@options.config
def explain(name: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show one control, requirement or framework.

    Of a control: why it matters, what it reads, which requirements name it, and how to fix a failure. Of a requirement
    (framework:requirement, such as cis_4.0:1.4, or its id alone, such as EC2.7): what it is about and which controls
    decide it, or how to attest it; an id that several frameworks have is listed. Of a framework: its requirements.
    """
    known, loaded = _loaded(options.settings_from(given))
    framework, colon, _ = name.partition(":")
    if control := known.get(resolve(name)):
        lines = _control_lines(control, loaded.values())
    elif name in loaded:
        lines = _requirements(loaded[name])
    elif colon and framework in loaded:
        lines = _requirement_lines(loaded[framework], name, known)
    elif meant := ControlNames(known, ALIASES, loaded.values()).requirements(name):
        lines = _meanings(name, meant, loaded, known)
    else:
        raise _unknown(name, known, loaded)
    for line in lines:
        click.echo(line)


def _meanings(
    name: str, meant: Mapping[str, Requirement], loaded: Mapping[str, Framework], known: dict[str, Control]
) -> Iterator[str]:
    """Yield the lines of the only requirement with an id, or a list of those of several frameworks."""
    if len(meant) == 1:
        (full,) = meant
        yield from _requirement_lines(loaded[full.partition(":")[0]], full, known)
        return
    yield f"{name} is a requirement of {len(meant)} frameworks:"
    for full, requirement in meant.items():
        yield from textwrap.wrap(
            requirement.title, width(), initial_indent=f"  {full:<24}  ", subsequent_indent=" " * 28
        )


def _unknown(name: str, known: Iterable[str], loaded: dict[str, Framework]) -> ConfigError:
    """Return the error for a name that is nothing, with the nearest name of any kind."""
    requirements = (f"{each.id}:{item.id}" for each in loaded.values() for item in each.requirements)
    remedy = nearest(name, [*known, *loaded, *requirements])
    listed = "`orgaudit controls` and `orgaudit frameworks` list them"
    return ConfigError(f"no control, framework or requirement {name!r}; {remedy or listed}", key="ID")


def _control_lines(control: Control, loaded: Iterable[Framework]) -> Iterator[str]:
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


def _requirement_lines(framework: Framework, name: str, known: dict[str, Control]) -> Iterator[str]:
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
        ("Parts", [line for part in requirement.parts for line in _part(part, 0)]),
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
    return [each.id for each in all_controls().values() if each.family == control.family and each.id != control.id]


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


def _loaded(settings: Settings) -> tuple[dict[str, Control], dict[str, Framework]]:
    """Return all controls and frameworks; raises ConfigError where the settings name others."""
    known = all_controls()
    loaded = framework_files.load(settings.directory, known, ALIASES)
    named_controls(settings.scope, loaded, known)
    settings.report.check_headline(loaded)
    return known, loaded


def _control(control: Control, loaded: Iterable[Framework]) -> dict[str, Any]:
    return {
        "id": control.id,
        "service": control.service,
        "severity": control.severity,
        "scope": control.scope,
        "title": control.title,
        "family": control.family,
        "effort": control.fix.effort,
        "per_resource": control.fix.per_resource,
        "disruption": control.fix.disruption,
        "reversible": control.fix.reversible,
        "actions": control.actions,
        "requirements": _builtins(framework_files.requirements_of(loaded, control.id)),
    }


def _builtins(values: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(list(values))
    return found


COMMANDS = (controls, frameworks, explain)
