"""Checks that a run is whole and what was sealed, from its files alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.model import Cell, Status
from orgaudit.store import again, earlier, lease, seal
from orgaudit.store.manifest import Manifest, OnlyOpenRecord
from orgaudit.store.run import Run, read_lines


def verify(run: Run) -> list[str]:
    """Return what is wrong with a run, a sentence each; raises ConfigError where it has no readable manifest."""
    run.need("")
    manifest = run.read_manifest()
    problems = [*seal.differences(run, manifest, (*seal.FACTS, *seal.JUDGED, *seal.RESULTS)), *_report_problems(run)]
    between = (*again.parent_problems(run, manifest), *earlier.problems(run, manifest))
    return [*problems, *between, *_gaps(run, manifest)]


def notes(run: Run) -> list[str]:
    """Return what to know of a run beyond what is wrong: whose facts it judges, and that it is not sealed or not done.

    Raises ConfigError where it has no readable manifest.
    """
    manifest = run.read_manifest()
    found = [*again.parent_notes(run, manifest), *filter(None, [earlier.age_of(manifest)])]
    if manifest.seal is None:
        found.append("not sealed: run.json lists no SHA-256 of the run's files, so a change to them cannot be detected")
    writer = lease.holder(run)
    if writer is not None and not writer.gone(datetime.now(UTC)):
        found.append(f"{writer} is writing the run")
    for at in _results(run):
        with suppress(ConfigError):  # which is a problem, and listed among them
            found += _earlier(run, at)
    return found


def _results(run: Run) -> list[Path]:
    """Return the directories that have reports: the run's own, and those for other dates and registers."""
    return [run.path, *sorted(path for path in run.path.glob("as-of-*") if path.is_dir())]


def _earlier(run: Run, at: Path) -> Iterator[str]:
    ledger = seal.read_ledger(at) or seal.Ledger()
    manifest = seal.digest(run.manifest_path)
    for name, record in ledger.newest().items():
        if record.manifest_sha256 != manifest:
            yield f"{at / name}: shows an earlier seal of the run, {record.manifest_sha256}"


def _report_problems(run: Run) -> Iterator[str]:
    """Yield what is wrong with the reports and with the results for other dates and registers."""
    for at in _results(run):
        try:
            ledger = seal.read_ledger(at)
        except ConfigError as error:
            yield str(error)
            continue
        if ledger is None:
            if at != run.path:
                yield f"{at}: has no reports.json; `orgaudit report` with its date makes it anew"
            continue
        if at != run.path and ledger.seals:
            yield from seal.changed(at, ledger.seals[-1].files)
        newest = ledger.newest()
        yield from seal.changed(at, {name: record.sha256 for name, record in newest.items()})
        for path in sorted((*at.glob("report.*"), *at.glob("split-*/[!.]*"))):
            if path.relative_to(at).as_posix() not in newest:
                yield f"{path}: is not in reports.json; `orgaudit report` writes it again"


def _gaps(run: Run, manifest: Manifest) -> list[str]:
    """Return what is missing in a run, or does not add up."""
    problems: list[str] = []
    if manifest.collected_at is None:
        problems.append("collection did not end")
    if manifest.evaluated_at is None:
        problems.append("the run is not evaluated")
        return problems
    plans: Counter[frozenset[tuple[str, str]]] = Counter()
    for account in manifest.accounts:
        try:
            cells = list(run.cells(account.id))
            problems += _account_problems(run, account.id, cells)
        except ConfigError as error:
            problems.append(f"account {account.id}: {error}")
            continue
        plan = frozenset((cell.region, cell.control) for cell in cells)
        plans[plan] += 1
        if manifest.only_open is not None and plan != _asked(manifest.only_open, account.id):
            problems.append(f"account {account.id}: its cells are not those of the findings that were to be checked")
    if len(plans) > 1 and manifest.only_open is None:
        problems.append(f"accounts have {len(plans)} different sets of cells; each cell of the plan needs a status")
    asked = {control.id for control in manifest.controls}
    for plan in plans if manifest.only_open is None else ():
        problems += [f"control {name} has no cell" for name in sorted(asked - {control for _, control in plan})]
    return problems


def _asked(only_open: OnlyOpenRecord, account_id: str) -> frozenset[tuple[str, str]]:
    """Return the cells of an account in a run that checks the open findings of another one."""
    by = only_open.places.get(account_id, {})
    return frozenset((region, control) for control, regions in by.items() for region in regions)


def _account_problems(run: Run, account_id: str, cells: list[Cell]) -> Iterator[str]:
    if sum(1 for _ in read_lines(run.shard_path(account_id), msgspec.json.Decoder(msgspec.Raw))) == 0:
        yield f"account {account_id}: its facts are empty"
    counted = Counter[Status]()
    for cell in cells:
        counted[Status.PASS] += cell.passed
        counted[Status.FAIL] += cell.failed
    found = Counter(finding.status for finding in run.findings(account_id))
    for status in (Status.PASS, Status.FAIL):
        if counted[status] != found[status]:
            yield f"account {account_id}: {found[status]} findings are {status}, its cells count {counted[status]}"
    if len({(cell.region, cell.control) for cell in cells}) != len(cells):
        yield f"account {account_id}: a cell is there twice"
