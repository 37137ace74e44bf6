"""Options that several commands share, and what they mean for the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orgaudit.cli.lazy import lazy
from orgaudit.errors import ConfigError
from orgaudit.history.baseline import NONE
from orgaudit.model import Severity
from orgaudit.report.formats import FORMATS
from orgaudit.settings.addresses import directory_of, is_address, normal
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Baseline
from orgaudit.settings.settings import Settings, load
from orgaudit.store import copies
from orgaudit.store.run import LATEST, Run, valid_id

if TYPE_CHECKING:
    from orgaudit.store import remote_copy
else:
    remote_copy = lazy("orgaudit.store.remote_copy")

F = TypeVar("F", bound=Callable[..., Any])

PLACES = {
    "role_name": ("access", "role_name"),
    "external_id": ("access", "external_id"),
    "account": ("scope", "accounts"),
    "ou": ("scope", "ous"),
    "region": ("scope", "regions"),
    "framework": ("scope", "frameworks"),
    "control": ("scope", "controls"),
    "nist_baseline": ("scope", "nist_baseline"),
    "out": ("run", "out"),
    "workers": ("run", "workers"),
    "formats": ("run", "formats"),
}
"""Which setting each option replaces: (section, key)."""


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator that adds these options, in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


config = click.option(
    "--config", type=click.Path(path_type=Path), metavar="F", help="Settings file. [default: ./config/orgaudit.toml]"
)
profile = click.option(
    "--profile", metavar="P", help="The AWS profile. [default: AWS_PROFILE, else the SDK's own order]"
)


class PathOrAddress(click.Path):
    """A path, or an address with a scheme, which stays as it is written."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's
        """Return the address, or the path."""
        return value if isinstance(value, str) and is_address(value) else super().convert(value, param, ctx)


out = click.option(
    "--out",
    type=PathOrAddress(),
    metavar="DIR",
    help="The directory of the runs, or an address such as s3://bucket/prefix. [default: reports]",
)
access = together(
    config,
    profile,
    click.option("--role-name", metavar="R", help="The role to assume in each account. [default: OrgAuditRole]"),
    click.option("--external-id", metavar="X", help="The external id that the role's trust policy requires."),
)
scope = together(
    click.option("--account", multiple=True, metavar="ID", help="Only this account; repeat for more."),
    click.option(
        "--ou",
        multiple=True,
        metavar="ID",
        help="Only accounts below this organizational unit (id or path); repeat for more.",
    ),
    click.option("--region", multiple=True, metavar="R", help="Only this region (or glob); repeat for more."),
)
framework = click.option(
    "--framework", multiple=True, metavar="ID", help="This framework's controls, or all; repeat for more."
)
rules = together(
    framework,
    click.option("--control", multiple=True, metavar="ID", help="Only this control; repeat for more."),
    click.option(
        "--nist-baseline",
        type=click.Choice([each.value for each in Baseline]),
        help="NIST 800-53 by this baseline alone.",
    ),
)
formats = click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(list(FORMATS)),
    metavar="F",
    help="Report to write; repeat for more. [default: xlsx, html, json]",
)
register = click.option(
    "--register",
    "register_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The exception register. [default: exceptions.yaml beside the settings]",
)


def date_of(what: str, default: str = "today") -> Callable[[F], F]:
    """Return the option --as-of, which says for which date a command works."""
    return click.option(
        "--as-of",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        callback=lambda _context, _option, value: value.date() if value else None,
        help=f"{what} [default: {default}]",
    )


as_of = date_of("The date for which exceptions are in force.")
fail_on = click.option(
    "--fail-on",
    type=click.Choice([*map(str, Severity), "never"]),
    default=str(Severity.LOW),
    show_default=True,
    callback=lambda _context, _option, value: None if value == "never" else Severity(value),
    help="Exit with 1 on open findings of this severity or over.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
unverified = click.option(
    "--unverified",
    is_flag=True,
    help="Continue where files were changed after the run was sealed; the output shows it.",
)
baseline = click.option(
    "--baseline",
    metavar="RUN",
    help=f"The run to carry the history forward from, or {NONE!r}. [default: the newest of the whole scope]",
)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    number, unit = value[:-1], _UNITS.get(value[-1:])
    if unit is None or not (number.isascii() and number.isdigit()) or len(number) > MOST_DIGITS:
        raise click.BadParameter(f"{value!r} is not a duration; write one such as 7d, 24h or 90m")
    return timedelta(**{unit: int(number)})


MOST_DIGITS = 5
"""Digits of a duration's number."""
older_than = click.option(
    "--older-than",
    metavar="TIME",
    callback=_duration,
    help="With --since: also what was collected longer ago, such as 7d, 24h or 90m. [default: only what failed]",
)
sender = click.option("--from", "sender", metavar="WHO", help="The sender of mails: Name <name@example.com>.")
processes = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Processes to work in. [default: 1]"
)
workers = together(
    processes, click.option("--dask", metavar="ADDR", help="Work on the Dask cluster of this scheduler.")
)


def _progress(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Make standard error JSON before anything else is written to it."""
    if value == "json":
        from orgaudit.cli import standard_error  # noqa: PLC0415 - only here is it needed

        standard_error.as_json()
    return value


progress = click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "json", "none"]),
    is_eager=True,
    callback=_progress,
    help="How to show progress on standard error: a live view, plain lines, JSON for programs, or not. "
    "[default: auto: live on a terminal, else plain]",
)
run_id = click.option("--run-id", metavar="ID", help="The run's name. [default: the time, such as 20261121T080000Z]")
run_argument = click.argument("run_name", metavar="RUN")


def settings_from(options: dict[str, Any]) -> Settings:
    """Return the settings from file, environment and options; raises ConfigError."""
    overrides: dict[str, dict[str, Any]] = {}
    for name, (section, key) in PLACES.items():
        if options.get(name) is not None:
            overrides.setdefault(section, {})[key] = options[name]
    return here(load(options.get("config"), os.environ, overrides))


def here(settings: Settings) -> Settings:
    """Return settings whose runs are on this machine: those of an address in a working copy; raises ConfigError."""
    if settings.run.address is None:
        return settings
    return settings.model_copy(update={"run": settings.run.working_in(working_copy(settings.run.address))})


def working_copy(address: str) -> Path:
    """Return the directory in which this process works on the runs at an address, until the command ends."""
    copy = remote_copy.opened(address)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.find_root().call_on_close(copy.close)
    return copy.path


def note_missing_register(settings: Settings, file: Path | None) -> None:
    """Print to standard error where no exception register was found, which reads as an empty one."""
    if file is None and not settings.has_register:
        click.echo(
            f"orgaudit: no exception register was found (looked for {settings.register_path}); `orgaudit init` writes "
            "an empty one, --register FILE names another",
            err=True,
        )


def find_run(name: str, settings: Settings) -> Run:
    """Return the run of a directory or of a run id under the output directory; raises ConfigError."""
    inside = [settings.run.out / name] if valid_id(name) or name == LATEST else []
    for path in (_named(name), *inside):
        if path.name == LATEST:
            copies.need_latest(path.parent)
        else:
            copies.need(path, "run.json")
        if (path / "run.json").is_file():
            return Run(path.resolve())
    copies.need_each(settings.run.out)
    runs = [path.parent.name for path in settings.run.out.glob("*/run.json")]
    remedy = f"name a directory with a run.json, or a run id under {settings.run.out}"
    raise ConfigError("; ".join(filter(None, (f"no run {name!r}", remedy, nearest(name, runs)))), key="RUN")


def _named(name: str) -> Path:
    """Return where the run of a path or of an address is on this machine, if it is there at all."""
    if not is_address(name):
        return Path(name)
    directory = directory_of(name)
    if directory is not None:
        return directory
    parent, _, last = normal(name).rpartition("/")
    if not valid_id(last) or parent.endswith("/"):
        raise ConfigError(f"{name!r} is not the address of a run; write one such as s3://bucket/runs/RUN", key="RUN")
    return working_copy(parent) / last


def name_of(run: Run, settings: Settings) -> str:
    """Return what a command takes for a run: its id, or its directory where that is not under the output directory."""
    inside = (settings.run.out / run.id).resolve() == run.path.resolve()
    return run.id if inside else copies.shown(str(run.path))


def find_baseline(name: str | None, settings: Settings) -> Run | str | None:
    """Return the run that --baseline names, NONE, or None where nothing was named; raises ConfigError."""
    return name if name in {None, NONE} else find_run(name or "", settings)


def new_run(name: str | None, settings: Settings) -> Run:
    """Return the run that an audit begins, by default named for the time; raises ConfigError for an id that cannot be.

    A run's id is one segment of a path, so that no id leads out of the output directory.
    """
    chosen = name or run_id_for(datetime.now(UTC))
    if not valid_id(chosen):
        raise ConfigError(
            f"{chosen!r} is not a run id: use 1 to 100 letters, digits, dots, hyphens and underscores, beginning with "
            f"a letter, a digit or an underscore, and not {LATEST!r}",
            key="--run-id",
        )
    return Run(settings.run.out / chosen)


def run_id_for(moment: datetime) -> str:
    """Return the default id of a run that begins now."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


def on(day: date) -> str:
    """Return a date as people read it in every country."""
    return day.isoformat()
