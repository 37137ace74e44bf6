"""Checks that a run is whole, from its files alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.model import Cell, Status
from orgaudit.store.run import Run, read_lines


def verify(run: Run) -> list[str]:
    """Return what is wrong with a run, a sentence each; raises ConfigError where it has no readable manifest."""
    manifest = run.read_manifest()
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
        plans[frozenset((cell.region, cell.control) for cell in cells)] += 1
    if len(plans) > 1:
        problems.append(f"accounts have {len(plans)} different sets of cells; each cell of the plan needs a status")
    asked = {control.id for control in manifest.controls}
    for plan in plans:
        problems += [f"control {name} has no cell" for name in sorted(asked - {control for _, control in plan})]
    return problems


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
