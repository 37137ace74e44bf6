"""The quarter, top to bottom: audit, report, and all that is made of it for people, into one dated folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orgaudit.audit import Auditor, reported
from orgaudit.collect import stoppable
from orgaudit.errors import ConfigError
from orgaudit.history.baseline import head_of, is_newest, is_whole
from orgaudit.quarter.baseline import LastQuarter, run_of
from orgaudit.quarter.folder import Folder, StepRecord, moment
from orgaudit.quarter.parts import PARTS, REPORTS, Material
from orgaudit.report.stage import written
from orgaudit.report.view import View
from orgaudit.settings.settings import Settings
from orgaudit.store import seal
from orgaudit.store.earlier import age_of
from orgaudit.store.manifest import Manifest
from orgaudit.store.output import point_latest
from orgaudit.store.run import Run
from orgaudit.words import counted

AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Quarter:
    """How a quarter is made in its folder: with which settings and register, compared with what, and sent by whom.

    `said` is called with each step after the audit, and whether it was done now and not before. The processes of an
    `executor` share the findings.
    """

    folder: Folder
    settings: Settings
    last: LastQuarter
    register_file: Path | None = None
    sender: str | None = None
    said: Callable[[StepRecord, bool], None] = lambda _record, _now: None
    executor: Executor | None = None

    def audit(self, auditor: Auditor) -> None:
        """Audit, or go on with an audit that was stopped, unless the run exists; settle what it is compared with.

        Raises ConfigError, AccessError and ReportError.
        """
        self._done(AUDIT, (), partial(self._audit, auditor))

    @contextmanager
    def made(self) -> Iterator[View]:
        """Do every other step that is not done yet, and yield what the reports show; raises as `audit`."""
        with self._reported() as (run, view):
            material = Material(self.folder, run, view, self.settings, self.register_file, self.sender)
            for part in PARTS:
                self.said(*self._done(part.name, part.names, partial(part.write, material)))
            if self.folder.record.completed_at is None:
                self.folder.note(completed_at=moment())
            yield view

    def _done(self, name: str, places: tuple[str, ...], work: Callable[[], str]) -> tuple[StepRecord, bool]:
        """Do a step that is not done yet, record it with the files in its places, and return it and whether it was."""
        if done := self.folder.record.step(name):
            return done, False
        self.folder.clear(places)
        began = time.monotonic()
        step = StepRecord(
            name=name,
            note=work(),
            done_at=moment(),
            seconds=round(time.monotonic() - began, 1),
            settings_sha256=self.settings.fingerprint(),
        )
        return self.folder.finish(step, places), True

    def _audit(self, auditor: Auditor) -> str:
        run = run_of(self.settings.run.out, self.folder.record)
        if not self.folder.record.existing and not _is_evaluated(run):
            stoppable.run(auditor.resume(run) if run.manifest_path.exists() else auditor.audit(run.id))
        manifest = run.read_evaluated()
        if not is_whole(manifest) or manifest.taken_over:
            raise ConfigError(f"run {run.id} {_why_not(manifest)}, and a quarter is an audit of the whole", key="--run")
        compared = self.last.compared(run, manifest)
        self.folder.note(
            audited=head_of(manifest).audited, baseline=compared.id if isinstance(compared, Run) else compared
        )
        return f"run {run.id} of {counted(len(manifest.accounts), 'account')}"

    @contextmanager
    def _reported(self) -> Iterator[tuple[Run, View]]:
        """Write the reports of the run for the folder's date, or open those that are written, and yield them."""
        record, settings = self.folder.record, self.settings
        run = run_of(settings.run.out, record)
        if record.results is not None:
            formats = () if record.step(REPORTS) else settings.run.formats
            standing = seal.check_results(run)
            with written(run, formats, standing=standing, settings=settings.presentation) as (view, _):
                yield run, view
            return
        compared = self.last.compared(run, run.read_manifest())
        with reported(run, settings, self.register_file, record.date, compared=compared, executor=self.executor) as (
            view,
            _,
        ):
            if not record.existing and is_newest(run):
                point_latest(run)
            self.folder.note(results=view.run.results.relative_to(run.path).as_posix())
            yield view.run, view


def _why_not(manifest: Manifest) -> str:
    """Return why a run is no audit of the whole scope."""
    if manifest.parent is not None:
        return f"judges the facts of run {manifest.parent.run_id} again"
    if manifest.taken_over:
        return f"looked again at a part: {age_of(manifest)}"
    return f"is of a part of the scope ({', '.join(manifest.narrowed_by or ()) or 'by its settings'})"


def _is_evaluated(run: Run) -> bool:
    return run.manifest_path.exists() and run.read_manifest().evaluated_at is not None
