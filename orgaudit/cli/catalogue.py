"""controls, frameworks and explain: what orgaudit can judge, without a call to AWS."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.explanation import control_lines, meanings, requirement_lines
from orgaudit.cli.framework_text import contents, overview, requirements
from orgaudit.cli.printing import print_json, width
from orgaudit.controls.aliases import ALIASES, resolve
from orgaudit.controls.declare import Control
from orgaudit.controls.declare import catalogue as all_controls
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.evaluate.rules import chosen_controls, named_controls
from orgaudit.model import Severity
from orgaudit.settings import framework_files
from orgaudit.settings.control_names import ControlNames
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Framework, requirements_of
from orgaudit.settings.settings import Settings
from orgaudit.spreadsheet.text import displayed
from orgaudit.words import counted

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
        for line in requirements(found[framework_id]):
            click.echo(line)
    else:
        for framework in found.values():
            for number, line in enumerate(overview(framework, width() - ID_WIDTH)):
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
    for line in () if found is None else contents(found):
        click.echo(displayed(line))
    for problem in problems:
        click.echo(displayed(str(problem)), err=as_json)
    click.echo(displayed(f"{file}: {counted(len(problems), 'problem') if problems else 'sound'}"), err=as_json)
    return ExitCode.USAGE if problems else ExitCode.CLEAN


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
        lines = control_lines(control, loaded.values())
    elif name in loaded:
        lines = requirements(loaded[name])
    elif colon and framework in loaded:
        lines = requirement_lines(loaded[framework], name, known)
    elif meant := ControlNames(known, ALIASES, loaded.values()).requirements(name):
        lines = meanings(name, meant, loaded, known)
    else:
        raise _unknown(name, known, loaded)
    for line in lines:
        click.echo(line)


def _unknown(name: str, known: Iterable[str], loaded: dict[str, Framework]) -> ConfigError:
    """Return the error for a name that is nothing, with the nearest name of any kind."""
    requirements = (f"{each.id}:{item.id}" for each in loaded.values() for item in each.requirements)
    remedy = nearest(name, [*known, *loaded, *requirements])
    listed = "`orgaudit controls` and `orgaudit frameworks` list them"
    return ConfigError(f"no control, framework or requirement {name!r}; {remedy or listed}", key="ID")


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
        "requirements": _builtins(requirements_of(loaded, control.id)),
    }


def _builtins(values: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(list(values))
    return found


COMMANDS = (controls, frameworks, explain)
