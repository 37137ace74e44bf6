"""The benchmark of the reports: the bare writer writes what the reports hold, so that the two can be compared."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec
import pytest

from orgaudit.report import json_document
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run
from scripts import invented_run
from scripts.bench_reports import BARE, OURS, prepare

COUNT = 2 * invented_run.ACCOUNTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = invented_run.write_run(tmp_path_factory.mktemp("bench") / "run", COUNT)
    OURS["tables"](run)()
    prepare(run)
    for step in BARE.values():
        step(run)()
    return run


def test_the_bare_json_has_the_findings_of_the_report(run: Run, tmp_path: Path) -> None:
    with viewing(run) as view:
        json_document.write(view, tmp_path / "report.json")
    ours = msgspec.json.decode((tmp_path / "report.json").read_bytes())["findings"]
    *bare, end = msgspec.json.decode((run.path / "bare.json").read_bytes())["findings"]
    for finding in filter(lambda each: each["gap"], bare):
        del finding["gap"]["type"]
    assert (len(bare), end) == (COUNT, None)
    assert bare == ours


def test_the_bare_parquet_has_the_rows_and_columns_of_the_table(run: Run) -> None:
    found = []
    with duckdb.connect() as connection:
        for name in ("findings", "bare"):
            source = f"'{run.path / name}.parquet'"
            columns = sorted(row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall())
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {source}").fetchall()  # noqa: S608 - no user's text
            found.append((columns, sorted(rows, key=str)))
    assert len(found[0][1]) == COUNT
    assert found[0] == found[1]
