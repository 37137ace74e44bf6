"""The benchmark of the formats for other tools: the bare writer writes the rows of the format."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import msgspec
import pytest

from orgaudit.store.run import Run
from scripts import invented_run
from scripts.bench_exports import BARE, COPY, finished, steps, written_by
from scripts.bench_reports import VIEWS, tables

COUNT = 2 * invented_run.ACCOUNTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = invented_run.write_run(tmp_path_factory.mktemp("bench") / "run", COUNT)
    tables(run)()
    with VIEWS:
        for make in steps(["parquet", "csv", "json"]).values():
            make(run)()
    return run


@pytest.mark.parametrize("name", ["report.flat-findings", "report.flat-requirements"])
def test_bare_rows_are_those_of_the_formats(run: Run, name: str) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(f"FROM '{written_by('parquet', run) / name}.parquet'").fetchall()
        assert connection.execute(f"FROM '{written_by(BARE + 'parquet', run) / name}.parquet'").fetchall() == rows
    assert len(rows) >= COUNT
    for step in ("csv", f"{BARE}csv", f"{COPY}csv"):
        with (written_by(step, run) / f"{name}.{'parquet' if step == f'{COPY}csv' else 'csv'}").open() as file:
            assert sum(1 for _ in csv.reader(file)) == len(rows) + 1


def test_bare_records_are_those_of_the_document(run: Run) -> None:
    (path,) = finished("json", run)
    lines = (written_by(f"{BARE}json", run) / path.name).read_bytes().splitlines()
    document = msgspec.json.decode((written_by("json", run) / Path("report.json")).read_bytes())
    found = [record for record in map(msgspec.json.decode, lines) if "fingerprint" in record]
    assert found == document["findings"]
    assert len(found) == COUNT
