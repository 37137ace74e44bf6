"""The last stage: applies the register to a run on a date, writes its reports, and tells how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

from orgaudit import __version__, report
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError, ExitCode, ReportError
from orgaudit.model import Severity
from orgaudit.register import answers, attestations
from orgaudit.register import load as registers
from orgaudit.register.apply import Application
from orgaudit.register.load import Register
from orgaudit.register.state import today
from orgaudit.report.exceptions import hygiene_of
from orgaudit.report.stored import RegisterResult, Source, read_result, result_of, write_result
from orgaudit.report.view import RegisterProblem, RegisterView, View
from orgaudit.settings.settings import Settings
from orgaudit.store import seal as sealing
from orgaudit.store.lease import mark
from orgaudit.store.run import LATEST, Run
from orgaudit.store.seal import ReportRecord, SealRecord, Standing
from orgaudit.store.tables import consolidate

UNVERIFIED = "unverified"
"""Where in a run's directory the reports are that were made of files which do not verify."""


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
def reported(
    run: Run, settings: Settings, register: Path | None, as_of: date | None, *, unverified: bool = False
) -> Iterator[tuple[View, list[Path]]]:
    """Write the reports of an evaluated run, point reports/latest at it, and yield what they show and the files.

    The first reports of a run seal it with its tables and the register's result. From then on the same date and
    register, or neither, only add formats; others have a directory of their own. Raises ConfigError, where the run is
    not what was sealed, too, unless `unverified`, and ReportError.
    """
    report.chosen(settings.run.formats)  # so that an unknown one is refused before anything is sealed
    _check_evaluated(run)
    matched = sealing.MATCHED if sealing.is_matched(run.read_manifest()) else ()
    standing = sealing.standing(run, (*sealing.JUDGED, *matched), unverified=unverified)
    at, result = _matched(run, settings, register, as_of, standing)
    sealed = standing is Standing.VERIFIED
    keep = _delivered(at) if sealed else set()
    formats = settings.run.formats
    with report.reported(at, result.view(), result.source.as_of, formats, standing=standing, keep=keep) as shown:
        view, paths = shown
        if sealed and (added := [_record(path, view, result) for path in paths if path.name not in keep]):
            sealing.add(at.results, reports=added)
        if standing is not Standing.UNVERIFIED:
            _point_latest(run)
        yield view, paths


def _matched(
    run: Run, settings: Settings, register: Path | None, as_of: date | None, standing: Standing
) -> tuple[Run, RegisterResult]:
    """Return the run with the place of the results that are asked for, which are made where they are not there."""
    stored = None
    if standing is Standing.VERIFIED and sealing.is_matched(run.read_manifest()):
        stored = read_result(run)
        if register is None and as_of is None:
            return run, stored
    application = apply_register(run, settings, register, as_of)
    source = _source(application)
    if stored is not None:
        return (run, stored) if stored.source.equals(source) else _beside(run, application, source)
    at = Run(run.path, run.path / UNVERIFIED) if standing is Standing.UNVERIFIED else run
    result = _match(at, application, source)
    if standing is Standing.VERIFIED:
        files = [run.path / name for name in sealing.MATCHED]
        sealing.seal(run, run.read_manifest(), files, keep=(*sealing.FACTS, *sealing.JUDGED))
    return at, result


def _beside(run: Run, application: Application, source: Source) -> tuple[Run, RegisterResult]:
    """Return the results for another date or register, in the directory that has them or in a new one."""
    manifest = sealing.digest(run.manifest_path)
    for number in count(1):
        name = f"as-of-{source.as_of.isoformat()}" + (f".{number}" if number > 1 else "")
        at = Run(run.path, run.path / name)
        ledger = sealing.read_ledger(at.results)
        if ledger is None:
            break
        last = ledger.seals[-1]
        if last.manifest_sha256 == manifest and not list(sealing.changed(at.results, last.files)):
            result = read_result(at)
            if result.source.equals(source):
                return at, result
    result = _match(at, application, source)
    files = {name: sealing.digest(at.results / name) for name in sealing.MATCHED}
    record = SealRecord(manifest_sha256=manifest, sealed_at=datetime.now(UTC), files=files)
    sealing.add(at.results, seals=[record])
    return at, result


def _match(at: Run, application: Application, source: Source) -> RegisterResult:
    """Write the tables with the exceptions and the register's result, and return it."""
    _check_coverage(at)
    view = _register_view(at, application)
    consolidate(at, view.apply)
    result = result_of(application, view, source)
    write_result(at, result)
    return result


def _source(application: Application) -> Source:
    register = application.register
    path = Path(register.file)
    return Source(
        as_of=application.as_of,
        file=path.name,
        sha256=sealing.digest(path) if path.is_file() else None,
        policy=register.policy.model_dump(mode="json", exclude={"file"}),
    )


def _delivered(at: Run) -> set[str]:
    """Return the reports that are there as they were written of this seal: a report that was handed out stays."""
    ledger = sealing.read_ledger(at.results)
    manifest = sealing.digest(at.manifest_path)
    newest = ledger.newest().values() if ledger else ()
    return {
        record.file
        for record in newest
        if record.manifest_sha256 == manifest and not list(sealing.changed(at.results, {record.file: record.sha256}))
    }


def _record(path: Path, view: View, result: RegisterResult) -> ReportRecord:
    return ReportRecord(
        file=path.name,
        sha256=sealing.digest(path),
        written_at=datetime.now(UTC),
        as_of=view.as_of,
        register_file_sha256=result.source.sha256,
        register_sha256=view.register_sha256 or "",
        manifest_sha256=view.manifest_sha256,
        tool_version=__version__,
    )


def _check_evaluated(run: Run) -> None:
    """Raise ConfigError where a stage before this one is not over: what an earlier one left may still be there."""
    manifest = run.read_manifest()
    if manifest.collected_at is None:
        raise ConfigError(f"collection did not end; go on with `orgaudit audit --resume {run.id}`", file=str(run.path))
    if manifest.evaluated_at is None:
        raise ConfigError("the run is not evaluated; run `orgaudit evaluate` first", file=str(run.path))


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
    latest = run.path.parent / LATEST
    temporary = run.path.parent / f".latest-{mark()}"
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
