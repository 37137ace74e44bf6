"""The last stage: writes the reports of a run to which the register was applied, and returns how the run ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from orgaudit import __version__
from orgaudit.errors import ExitCode
from orgaudit.model import Severity
from orgaudit.report.formats import JSON_VERSION, chosen
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.settings.sections import ReportSettings
from orgaudit.store import seal
from orgaudit.store.run import Run
from orgaudit.store.seal import ReportRecord, Standing


@contextmanager
def written(
    run: Run,
    formats: Iterable[str],
    *,
    standing: Standing,
    settings: ReportSettings | None = None,
    json_version: int = JSON_VERSION,
    begin: Callable[[str], None] = lambda _name: None,
) -> Iterator[tuple[View, list[Path]]]:
    """Write each format of a run to which the register was applied, and yield the view and all the files.

    A verified report that was handed out stays as it is, unless one of its files was changed or is missing, or another
    is among them: then all are written again. New ones are listed in reports.json. `begin` is called with the name of
    each format before it is written.
    Raises ConfigError for an unknown format or a run without results, and ReportError where a file cannot be written.
    """
    wanted = chosen(formats, json_version)
    keep = delivered(run) if standing is Standing.VERIFIED else {}
    with viewing(run, standing=standing, settings=settings) as view:
        paths: list[Path] = []
        added: list[Path] = []
        for name, each in wanted.items():
            known = [run.results / file for file in sorted(keep) if each.owns(file)]
            if known and all(keep[path.name] for path in known) and each.files(run.results) == known:
                paths += known
            else:
                begin(name)
                paths += (new := each.write(view, run.results))
                added += new
        if added and standing is Standing.VERIFIED:
            seal.add(run.results, reports=[record_of(path, view) for path in added])
        yield view, paths


def delivered(run: Run) -> dict[str, bool]:
    """Return the reports that were written of this seal, by their place in the results: whether each is as it was."""
    ledger = seal.read_ledger(run.results)
    manifest = seal.digest(run.manifest_path)
    newest = ledger.newest().values() if ledger else ()
    return {
        record.file: not list(seal.changed(run.results, {record.file: record.sha256}))
        for record in newest
        if record.manifest_sha256 == manifest
    }


def record_of(path: Path, view: View) -> ReportRecord:
    """Return what reports.json lists of a report that was written of a view."""
    return ReportRecord(
        file=path.relative_to(view.run.results).as_posix(),
        sha256=seal.digest(path),
        written_at=datetime.now(UTC),
        as_of=view.as_of,
        register_file_sha256=view.source.sha256,
        register_sha256=view.register_sha256,
        manifest_sha256=view.manifest_sha256,
        tool_version=__version__,
    )


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
