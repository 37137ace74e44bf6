"""What became of the open findings of an earlier run that were checked after a fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from orgaudit.history.stage import history_path
from orgaudit.store import earlier as store
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run
from orgaudit.store.tables import opened, quoted, structs_of
from orgaudit.words import counted


class Outcome(StrEnum):
    """What became of a finding that was open."""

    FIXED = "fixed now"
    OPEN = "still open"
    COVERED = "covered by an exception now"
    GONE = "gone: the resource does not exist any more"
    NOT_CHECKED = "could not be checked"


_OUTCOMES = """
    SELECT o.control, o.account_id, o.region, o.resource, o.severity, CASE
        WHEN n.open THEN 'OPEN' WHEN n.covered THEN 'COVERED' WHEN n.status IN ('PASS', 'NOT_APPLICABLE') THEN 'FIXED'
        WHEN n.fingerprint IS NULL AND h.gone THEN 'GONE' ELSE 'NOT_CHECKED' END AS outcome
    FROM read_parquet({old}) o LEFT JOIN findings n USING (fingerprint)
    LEFT JOIN read_parquet({history}) h USING (fingerprint)
    WHERE o.open ORDER BY outcome, o.severity, o.account_id, o.region, o.control, o.resource
"""


class CheckedFinding(msgspec.Struct, frozen=True):
    """A finding that was open in the earlier run, and the name of what became of it."""

    control: str
    account_id: str
    region: str
    resource: str
    severity: str
    outcome: str


def outcomes(run: Run) -> Iterator[CheckedFinding]:
    """Yield what became of each open finding of the run from which a reported one goes on.

    Raises ConfigError where that is not there any more, or was changed.
    """
    manifest = run.read_evaluated()
    if manifest.only_open is None:
        return
    earlier = store.earlier_of(run, manifest.only_open)
    seal.standing(earlier, seal.MATCHED)
    sql = _OUTCOMES.format(old=quoted(earlier.path / "findings.parquet"), history=quoted(history_path(run)))
    with opened(run) as connection:
        yield from structs_of(connection, CheckedFinding, sql)


def summary(manifest: Manifest, checked: Iterable[CheckedFinding]) -> Iterator[str]:
    """Yield the lines that say what became of the open findings, and what was not looked at."""
    record = manifest.only_open
    if record is None:
        return
    found = Counter(each.outcome for each in checked)
    said = [f"{found[each.name]:,} {each.value}" for each in Outcome if found[each.name] or each is not Outcome.COVERED]
    yield f"of {counted(found.total(), 'open finding')} of run {record.run_id}: {', '.join(said)}"
    yield store.left_out(record)
