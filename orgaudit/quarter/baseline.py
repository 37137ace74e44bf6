"""Which run a quarter is compared with: that of the last quarter; and from which its history is carried forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orgaudit.errors import ConfigError
from orgaudit.history.baseline import NONE, check_baseline, descends, head_of, newest_before
from orgaudit.quarter.folder import Folder, QuarterRecord, folders
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run
from orgaudit.store.tables import table_files

REMEDY = f"name another run with --baseline, or `--baseline {NONE}` to compare with none"


@dataclass(frozen=True, slots=True)
class LastQuarter:
    """The quarters before a day in the directory of runs, unless a run was `chosen` to compare with, or NONE."""

    out: Path
    day: date
    chosen: Run | str | None = None

    def compared(self, run: Run, manifest: Manifest) -> Run | str | None:
        """Return the run to compare with: the chosen one, that of the last quarter, or the newest earlier audit.

        Raises ConfigError where that of the last quarter is gone or damaged.
        """
        if isinstance(self.chosen, Run):
            check_baseline(run, manifest, self.chosen)
        return self.chosen or self._last(run, manifest) or newest_before(run, manifest)

    def history(self, run: Run, manifest: Manifest) -> Run | None:
        """Return the run to carry the history forward from, for the audit.

        Audits between the quarters know more than the last quarter did: what failed first in one of them is due by that
        day. So it is the newest of them, if its own history comes from the last quarter.
        """
        compared = self.compared(run, manifest)
        if self.chosen or not isinstance(compared, Run):
            return compared if isinstance(compared, Run) else None
        newest = newest_before(run, manifest)
        return newest if newest and descends(newest, compared) else compared

    def _last(self, run: Run, manifest: Manifest) -> Run | None:
        audited = head_of(manifest).audited
        for day, path in folders(self.out):
            if day >= self.day:
                continue
            try:
                record = Folder.read(path).record
                if record.results is not None and record.audited == audited and record.run != run.id:
                    return self._usable(record, run, manifest)
            except ConfigError as error:
                raise ConfigError(f"the last quarter, {path.name}, cannot be used: {error}; {REMEDY}") from error
        return None

    def _usable(self, record: QuarterRecord, run: Run, manifest: Manifest) -> Run:
        found = run_of(self.out, record)
        check_baseline(run, manifest, found)
        table_files(found)
        seal.check_results(found)
        return found


def run_of(out: Path, record: QuarterRecord) -> Run:
    """Return the run of a quarter, with the place of the results that it shows."""
    path = out / record.run
    return Run(path, path / (record.results or ""))
