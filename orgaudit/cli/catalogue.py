"""controls, frameworks and explain: what orgaudit knows to ask, without a call to AWS."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from orgaudit import frameworks as framework_files
from orgaudit.cli import options
from orgaudit.controls.declare import Control
from orgaudit.controls.declare import catalogue as all_controls
from orgaudit.errors import ConfigError
from orgaudit.frameworks import Framework
from orgaudit.settings import Settings

WIDTH = 80


@click.command()
@options.config
@options.rules
@options.as_json
def controls(*, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List the controls."""
    settings = options.settings_from(given)
    known, loaded = _loaded(settings)
    wanted = set(settings.scope.controls)
    if settings.scope.frameworks:
        wanted |= set(framework_files.controls_of(framework_files.select(loaded, settings.scope.frameworks).values()))
    found = [control for control in known.values() if not wanted or control.id in wanted]
    if as_json:
        _print_json([_control(control, loaded.values()) for control in found])
        return
    for control in found:
        click.echo(f"{control.severity:<8}  {control.scope:<8}  {control.id}")


@click.command()
@click.argument("framework_id", metavar="[ID]", required=False)
@options.config
@options.as_json
def frameworks(framework_id: str | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List the frameworks, or the requirements of one."""
    _, loaded = _loaded(options.settings_from(given))
    found = framework_files.select(loaded, [framework_id] if framework_id else ())
    if as_json:
        shown = [
            {key: each[key] for key in ("id", "title", "version", "requirements")} for each in _builtins(found.values())
        ]
        _print_json(shown)
    elif framework_id:
        for requirement in found[framework_id].requirements:
            click.echo(f"{requirement.id:<12} {requirement.assessment:<9}  {requirement.title}")
            for control in requirement.controls:
                click.echo(f"{'':<12} {control}")
    else:
        for framework in found.values():
            count = f"{len(framework.requirements)} requirements"
            click.echo(f"{framework.id:<16} {count:<18} {framework.title} {framework.version}")


@click.command()
@click.argument("control_id", metavar="ID")
@options.config
def explain(control_id: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Tell all about one control: why it matters, what it needs, who asks for it, and how to mend a failure."""
    known, loaded = _loaded(options.settings_from(given))
    control = known.get(control_id)
    if control is None:
        raise ConfigError(f"no control {control_id!r}; `orgaudit controls` lists them", key="ID")
    refs = framework_files.requirements_of(loaded.values(), control.id)
    source = inspect.getsourcefile(control.judge) or control.judge.__module__
    line = control.judge.__code__.co_firstlineno
    click.echo(f"{control.id}\n{control.title}\n")
    click.echo(f"{textwrap.fill(control.rationale, WIDTH)}\n")
    for name, values in (
        ("Severity", [str(control.severity)]),
        ("Asked", ["once in an account" if control.scope == "account" else "in every region"]),
        ("Facts", [kind.__name__ for kind in control.facts]),
        ("Actions", control.actions),
        ("Asked by", [f"{ref.framework} {ref.id}" for ref in refs] or ["no framework"]),
        ("Everywhere", [control.fix.service_wide]),
        ("This one", [_unfilled(control.fix.asset), _unfilled(control.fix.command)]),
        ("For good", [control.fix.preventive]),
        ("Code", [f"{source}:{line}"]),
    ):
        for number, value in enumerate(values):
            indent = f"{'' if number else name:<11} "
            click.echo(
                textwrap.fill(value, WIDTH, initial_indent=indent, subsequent_indent=" " * 12, break_long_words=False)
            )


def _unfilled(template: str) -> str:
    """Return a remediation with a name in capitals where a finding fills in its resource."""
    named = re.sub(r"{(?:resource\.)?(\w+)}", lambda blank: blank[1].upper(), template)
    return named.replace("{{", "{").replace("}}", "}")


def _loaded(settings: Settings) -> tuple[dict[str, Control], dict[str, Framework]]:
    known = all_controls()
    return known, framework_files.load(settings.directory, known)


def _control(control: Control, loaded: Iterable[Framework]) -> dict[str, Any]:
    return {
        "id": control.id,
        "service": control.service,
        "severity": control.severity,
        "scope": control.scope,
        "title": control.title,
        "actions": control.actions,
        "requirements": _builtins(framework_files.requirements_of(loaded, control.id)),
    }


def _builtins(values: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(list(values))
    return found


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


COMMANDS = (controls, frameworks, explain)
