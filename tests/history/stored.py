"""Stored runs of one organization for the history: judged, with their history carried, and reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from orgaudit.audit import baseline_of
from orgaudit.controls.aliases import ALIASES
from orgaudit.facts.shard import header_of
from orgaudit.history import stage
from orgaudit.history.conclude import conclude
from orgaudit.model import Cell, ExceptionRef, Finding, Status
from orgaudit.store import seal
from orgaudit.store.consolidation import consolidate
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import RegisterResult, Source, write_result
from orgaudit.store.run import Run, write_lines
from tests.synthetic_run import STARTED, build

DAYS = {"critical": 15, "high": 30, "medium": 90, "low": 180}
Change = Callable[[Finding], Finding | None]


def stored(
    out: Path,
    name: str,
    day: int,
    change: Change = lambda finding: finding,
    manifest: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    *,
    covered: Callable[[Finding], bool] = lambda _finding: False,
    narrowed_by: tuple[str, ...] = (),
) -> Run:
    """Store a run of `day` days after the first: judged, changed finding by finding, carried, sealed and reported."""
    run = build(out / name)
    started = STARTED + timedelta(days=day)
    found = msgspec.structs.replace(run.read_manifest(), started_at=started, narrowed_by=narrowed_by)
    found = manifest(found)
    for account, record in zip(found.accounts, found.records, strict=True):
        rewrite(run, account.id, change)
        write_lines(run.shard_path(account.id), [header_of(account, record)])
    run.write_manifest(found)
    judge(run)
    report(run, covered)
    return run


def rewrite(run: Run, account: str, change: Change) -> None:
    """Change an account's findings, and its cells with them."""
    findings = [changed for finding in run.findings(account) if (changed := change(finding)) is not None]
    cells = [_counted(cell, findings) for cell in run.cells(account)]
    write_lines(run.findings_path(account), findings)
    write_lines(run.cells_path(account), cells)


def _counted(cell: Cell, findings: list[Finding]) -> Cell:
    """A cell with the counts and the status of its findings as they are now."""
    own = [finding for finding in findings if (finding.region, finding.control) == (cell.region, cell.control)]
    counts = Counter(finding.status for finding in own)
    order = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL)
    return msgspec.structs.replace(
        cell,
        status=next((status for status in order if counts[status]), Status.NOT_APPLICABLE),
        passed=counts[Status.PASS],
        failed=counts[Status.FAIL],
        not_assessed=counts[Status.NOT_ASSESSED],
        not_applicable=counts[Status.NOT_APPLICABLE],
        manual=counts[Status.MANUAL],
    )


def judge(run: Run) -> None:
    """Carry the history forward and seal the run, as the evaluation does."""
    manifest = run.read_manifest()
    baseline = baseline_of(run, manifest, None)
    path = stage.carry(run, manifest, baseline, ALIASES)
    found = stage.described(manifest, baseline, DAYS, None)
    files = [each for part in (*seal.FACTS, "findings", "coverage") for each in seal.shards(run, part)]
    seal.seal(run, found, [*files, path])


def report(run: Run, covered: Callable[[Finding], bool] = lambda _finding: False) -> None:
    """Write a run's tables, an empty register's result and the comparison with the baseline, and seal them."""
    day = stage.day_of(run.read_manifest())
    dated = stage.dated(run)

    def apply(findings: Iterable[Finding]) -> Iterator[Finding]:
        exception = ExceptionRef("EXC-2026-0001", "Ann Example", "2027-12-31", "active")
        for finding in dated(findings):
            if finding.status is Status.FAIL and covered(finding):
                yield msgspec.structs.replace(finding, exception=exception)
            else:
                yield finding

    consolidate(run, lambda _: (apply, None))
    write_result(run, RegisterResult(source=Source(as_of=day, file="exceptions.yaml", sha256=None, policy={})))
    files = [*(run.path / name for name in seal.MATCHED), *conclude(run, ALIASES)]
    seal.seal(run, run.read_manifest(), files, keep=(*seal.FACTS, *seal.JUDGED))


def settings_file(out: Path) -> Path:
    """Write settings that name nothing."""
    path = out / "orgaudit.toml"
    path.write_text("")
    return path


def moment(day: int) -> datetime:
    """The time at which a run of that day began."""
    return (STARTED + timedelta(days=day)).astimezone(UTC)
