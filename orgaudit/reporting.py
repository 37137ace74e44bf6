"""The last stage: applies the register to a run on a date, writes its reports, and tells how it ended."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from orgaudit import report
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ExitCode, ReportError
from orgaudit.model import Severity
from orgaudit.register import answers, attestations
from orgaudit.register import load as registers
from orgaudit.register.apply import Application
from orgaudit.register.load import Register
from orgaudit.register.state import today
from orgaudit.report.exceptions import hygiene_of
from orgaudit.report.view import RegisterProblem, RegisterView, View
from orgaudit.settings import Settings
from orgaudit.store.run import Run


def load_register(settings: Settings, register: Path | None) -> Register:
    """Return the register of the settings, or the one in the given file.

    Raises ConfigError where a named register is missing or cannot be understood as a whole.
    """
    path = register or settings.register_path
    must_exist = register is not None or settings.register_named
    return registers.load(path, settings.exceptions, must_exist=must_exist)


def apply_register(run: Run, settings: Settings, register: Path | None, as_of: date | None) -> Application:
    """Return the register, ready to be applied to a run's findings on a date, which is today without one.

    Raises ConfigError as `load_register` does.
    """
    loaded = load_register(settings, register)
    manifest = run.read_manifest()
    on = as_of or today(datetime.now(UTC), loaded.time_zone)
    return Application(loaded, {account.id: account for account in manifest.accounts}, on)


@contextmanager
def reported(run: Run, application: Application, formats: Iterable[str]) -> Iterator[tuple[View, list[Path]]]:
    """Write the reports of an evaluated run, point reports/latest at it, and yield what they show and the files.

    Raises ConfigError and ReportError.
    """
    _check_coverage(run)
    with report.reported(run, _register_view(run, application), application.as_of, formats) as (view, paths):
        _point_latest(run)
        yield view, paths


def _check_coverage(run: Run) -> None:
    """Raise ConfigError for a damaged file of coverage: DuckDB takes one that ends too early for a whole one."""
    for account in run.read_manifest().accounts:
        if run.cells_path(account.id).is_file():
            deque(run.cells(account.id), maxlen=0)


def _register_view(run: Run, application: Application) -> RegisterView:
    manifest, register = run.read_manifest(), application.register
    attested = attestations.load(
        Path(register.file),
        register.policy,
        {framework.id: framework for framework in manifest.frameworks},
        complete=False,
        must_exist=False,
    )

    def problems() -> list[RegisterProblem]:
        found = (*application.problems(), *attested.problems)
        return [RegisterProblem(f"{it.file}:{it.line}", it.key, it.sentence) for it in found]

    return RegisterView(
        entries=tuple(application.rows()),
        problems=problems,
        hygiene=lambda: hygiene_of(run, application, catalogue()),
        apply=application.apply,
        attested=answers.apply(attested, manifest.accounts, application.as_of),
    )


def _point_latest(run: Run) -> None:
    latest = run.path.parent / "latest"
    temporary = run.path.parent / f".latest-{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(run.id, target_is_directory=True)
        temporary.replace(latest)
    except OSError as error:
        raise ReportError(f"cannot point {latest} at the run: {error.strerror or error}") from error


def exit_code(view: View, fail_on: Severity | None) -> ExitCode:
    """Return how a reported run ends: INCOMPLETE where any expected cell was not assessed, else by open findings.

    A run in which nothing at all was seen is INCOMPLETE too. What the settings accept as not audited is not expected.
    """
    if not view.summary.coverage.complete:
        return ExitCode.INCOMPLETE
    if fail_on is None:
        return ExitCode.CLEAN
    severities = [severity for severity in Severity if severity.rank >= fail_on.rank]
    found = view.connection.execute(
        "SELECT count(*) FROM findings WHERE open AND severity IN (SELECT unnest($1))", [severities]
    )
    return ExitCode.FINDINGS if found.fetchall()[0][0] else ExitCode.CLEAN
