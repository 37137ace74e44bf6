"""What the reports of a run cost beside a bare writer of the same three files: CPU time and peak memory.

    python scripts/bench_reports.py --findings 160000
    python scripts/bench_reports.py --findings 1000000

scripts/invented_run.py makes a run as evaluation leaves it. Each step is a process of its own: the register applied,
which writes findings.parquet and coverage.parquet; the view opened; report.json; report.xlsx; and the actions, which
are no file. CPU time is that of the step itself, without the start of Python; the memory is the most that the whole
process held.

The bare writer is what a good engineer would write for speed alone. It is handed every finding as one finished line of
JSON, with its exception, owner and dates, in the order of the reports, so it matches, sorts and counts nothing. It
decodes each line with msgspec, encodes what report.json has of it, formats the rows of the workbook's sheets Open and
All evaluations with f-strings, escaped for XML, into an archive with the same compression, and has DuckDB copy the
lines to Parquet. There are no styles, no links, no row heights, no summaries, no other sheets and no checks of what a
cell may hold.
"""

from __future__ import annotations

import argparse
import gc
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb
import msgspec
import zstandard

from orgaudit.actions.plan import plan
from orgaudit.cli import GARBAGE
from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import catalogue
from orgaudit.history.stage import dated
from orgaudit.model import Finding, Status
from orgaudit.organization.owners import Ownership, with_owners
from orgaudit.register import stage as register_stage
from orgaudit.register.file.load import load_register
from orgaudit.report import json_document, xlsx
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.settings import control_names
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.sections import ActionSettings, RegisterSettings
from orgaudit.spreadsheet.archive import LEVEL
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.tables import FINDING_COLUMNS, json_lines
from scripts import invented_run
from scripts.bench_history import figure

ROOT = Path(__file__).resolve().parents[1]
RATIO, MEBIBYTES = 2.0, 700
"""The bars: CPU of the three files beside the bare ones, and the memory of any step with 1,000,000 findings."""
MOST_EVALUATIONS, TOGETHER = 200_000, 100
"""Past how many findings those that passed are left out, and how many rows the bare writer compresses at a time."""
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


class Row(Finding, frozen=True, kw_only=True):
    """A finding as report.json and the workbook know it."""

    open: bool
    covered: bool
    counted: bool


class Slim(msgspec.Struct, frozen=True):
    """What report.json has of a finding."""

    fingerprint: str
    control: str
    family: str
    severity: str
    status: str
    reason: str
    account_id: str
    account_name: str
    ou_path: str
    region: str
    resource: str
    resource_type: str
    resource_tags: dict[str, str]
    evidence: dict[str, Any]
    exception: Any
    inherited_from: str | None
    gap: Any
    accepted: bool
    assessed_at: datetime
    owner: str
    first_seen: date | None
    reopened: int
    due_on: date | None
    open: bool
    covered: bool
    counted: bool
    command: str | None


ACTIONS = 1000
"""As many actions as reports list."""

Step: TypeAlias = Callable[[], object]
"""What is measured."""
VIEWS = ExitStack()
"""The views that steps have opened."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step took: microseconds a finding, and peak memory in MiB."""

    micros: float
    peak: float


def lines_path(run: Run) -> Path:
    """Return where the bare writer's findings are."""
    return run.path.with_name("finished.ndjson.zst")


def prepare(run: Run) -> None:
    """Write the finished findings that the bare writer is handed."""
    with viewing(run) as view, zstandard.open(lines_path(run), "wb") as file:
        for text in view.findings_as_json(without=()):
            file.write(text.encode() + b"\n")


# What orgaudit does


def tables(run: Run) -> Step:
    """Return the step that applies the register and writes both tables."""
    register = load_register(run.path.with_name("exceptions.yaml"), RegisterSettings())
    ownership, controls = Ownership(run.read_manifest().ownership), catalogue()
    requirements = control_names.names_by_control(PACKAGED, ALIASES)
    return lambda: register_stage.apply(
        run,
        register,
        invented_run.ON,
        controls=controls,
        aliases=ALIASES,
        requirements=requirements,
        before=[lambda findings: with_owners(findings, ownership), dated(run)],
        standing=Standing.NOT_SEALED,
    )


def opened_view(run: Run) -> Step:
    """Return the step that counts all that the reports show."""

    def count() -> None:
        with viewing(run) as view:
            view.planned()

    return count


def counted(run: Run) -> View:
    """Return the view of a run, with all that it counts, until VIEWS are closed."""
    view = VIEWS.enter_context(viewing(run))
    view.planned()
    return view


def report(write: Callable[[View, Path], None], name: str) -> Callable[[Run], Step]:
    """Return what makes the step that writes one report; opening the view is a step of its own."""

    def step(run: Run) -> Step:
        view = counted(run)
        return lambda: write(view, run.path / name)

    return step


def actions(run: Run) -> Step:
    """Return the step that puts all open issues into actions."""
    view = VIEWS.enter_context(viewing(run))
    return lambda: plan(view.connection, view.manifest, ActionSettings(), top=ACTIONS)


# What the bare writer does


def bare_documents(run: Run) -> Step:
    """Return the step that writes the workbook's two sheets of findings, and the JSON beside the second of them."""

    def write() -> None:
        passed = sum(1 for _ in lines_of(run)) <= MOST_EVALUATIONS
        encode = msgspec.json.Encoder().encode
        with (
            (run.path / "bare.json").open("wb") as document,
            ZipFile(run.path / "bare.xlsx", "w", ZIP_DEFLATED) as archive,
        ):
            begin(archive)
            with sheet_in(archive, 1) as add:
                for row in takewhile(lambda each: each.open, rows_of(run)):
                    if row.counted:
                        add(sheet_row(open_cells(row)))
            document.write(b'{"findings": [\n')
            with sheet_in(archive, 2) as add:
                for row in rows_of(run):
                    document.write(encode(slim(row)) + b",\n")
                    if passed or row.status is not Status.PASS:
                        add(sheet_row(evaluation_cells(row)))
            document.write(b"null]}\n")

    return write


def rows_of(run: Run) -> Iterator[Row]:
    """Yield the finished findings."""
    yield from map(msgspec.json.Decoder(Row).decode, lines_of(run))


def lines_of(run: Run) -> Iterator[bytes]:
    """Yield the finished findings as JSON."""
    with zstandard.open(lines_path(run), "rb") as source:
        yield from io.BufferedReader(source)


@contextmanager
def sheet_in(archive: ZipFile, number: int) -> Iterator[Callable[[str], object]]:
    """Open a sheet, and give what adds a row to it; rows are compressed some hundred at a time."""
    held: list[str] = [f'<worksheet xmlns="{SHEETS}"><sheetData>']
    with archive.open(part(f"xl/worksheets/sheet{number}.xml"), "w", force_zip64=True) as sheet:

        def add(row: str) -> None:
            held.append(row)
            if len(held) == TOGETHER:
                sheet.write("".join(held).encode())
                held.clear()

        yield add
        sheet.write("".join([*held, "</sheetData></worksheet>"]).encode())


def bare_parquet(run: Run) -> Step:
    """Return the step in which DuckDB writes the findings as Parquet, with the columns of findings.parquet."""

    def copy() -> None:
        columns = {**FINDING_COLUMNS, **dict.fromkeys(("open", "covered", "counted"), "BOOLEAN")}
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            lines = json_lines([lines_path(run)], columns)
            connection.execute(
                f"COPY (FROM {lines}) TO '{run.path / 'bare.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
            )

    return copy


def slim(row: Row) -> Slim:
    """Return what report.json has of a finding."""
    return Slim(
        row.fingerprint,
        row.control,
        row.family,
        row.severity,
        row.status,
        row.reason,
        row.account_id,
        row.account_name,
        row.ou_path,
        row.region,
        row.resource,
        row.resource_type,
        row.resource_tags,
        row.evidence,
        row.exception,
        row.inherited_from,
        row.gap,
        row.accepted,
        row.assessed_at,
        row.owner,
        row.first_seen,
        row.reopened,
        row.due_on,
        row.open,
        row.covered,
        row.counted,
        row.remediation.asset.command if row.remediation else None,
    )


Cell: TypeAlias = str | int | float | None


def open_cells(row: Row) -> Iterator[Cell]:
    """Yield the cells of the sheet of what is open."""
    asset = row.remediation and row.remediation.asset
    yield row.severity
    yield row.title
    yield row.account_name
    yield row.owner
    yield row.resource
    yield row.reason
    yield day(row.first_seen)
    yield (invented_run.ON - row.first_seen).days if row.first_seen else None
    yield day(row.due_on)
    yield max(0, (invented_run.ON - row.due_on).days) or None if row.due_on else None
    yield asset.text if asset else ""
    yield row.exception.id if row.exception else ""
    yield row.account_id
    yield row.region
    yield (asset.command or "") if asset else ""
    yield row.ou_path
    yield row.control
    yield ", ".join([f"{each.framework} {each.id}" for each in row.requirements])
    yield row.reopened
    yield row.fingerprint


def evaluation_cells(row: Row) -> Iterator[Cell]:
    """Yield the cells of the sheet of all evaluations."""
    asset, exception = row.remediation and row.remediation.asset, row.exception
    failed = row.status is Status.FAIL
    yield row.severity
    yield row.status
    yield "yes" if row.open else "no"
    yield row.title
    yield row.account_id
    yield row.account_name
    yield row.region
    yield row.resource
    yield row.reason
    yield row.owner
    yield day(row.first_seen) if failed else None
    yield day(row.due_on) if failed else None
    yield asset.text if asset else ""
    yield exception.id if exception else ""
    yield exception.state if exception else ""
    yield exception.owner if exception else ""
    yield day(date.fromisoformat(exception.expires_on)) if exception else None
    yield exception.days_overdue or None if exception else None
    yield (asset.command or "") if asset else ""
    yield "\n".join([f"{name}: {value}" for name, value in row.evidence.items()])
    yield row.ou_path
    yield ", ".join([f"{each.framework} {each.id}" for each in row.requirements])
    yield row.inherited_from or ""
    yield "yes" if row.counted else "no"
    yield (row.assessed_at.replace(tzinfo=None) - datetime(1899, 12, 30)).total_seconds() / 86400  # noqa: DTZ001
    yield row.control
    yield row.family
    yield row.fingerprint


def day(moment: date | None) -> int | None:
    """Return a date as workbooks count it."""
    return (moment - date(1899, 12, 30)).days if moment else None


def sheet_row(cells: Iterable[Cell]) -> str:
    """Return a row of a sheet."""
    written = [
        f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        if isinstance(cell, str)
        else f"<c><v>{cell}</v></c>"
        if cell is not None
        else "<c/>"
        for cell in cells
    ]
    return f"<row>{''.join(written)}</row>"


def part(name: str) -> ZipInfo:
    """Return a part of a workbook."""
    info = ZipInfo(name)
    info.compress_type, info._compresslevel = ZIP_DEFLATED, LEVEL  # type: ignore[attr-defined]  # noqa: SLF001
    return info


def begin(archive: ZipFile) -> None:
    """Write what a workbook of two sheets has beside them."""
    office, package = (
        "http://schemas.openxmlformats.org/officeDocument/2006",
        "http://schemas.openxmlformats.org/package",
    )
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = [f"xl/worksheets/sheet{number}.xml" for number in (1, 2)]
    overrides = [f'<Override PartName="/{name}" ContentType="{kinds}.worksheet+xml"/>' for name in sheets]
    archive.writestr(
        "[Content_Types].xml",
        f'<Types xmlns="{package}/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>{"".join(overrides)}</Types>',
    )
    for name, kind, targets in (
        ("_rels/.rels", "officeDocument", ["xl/workbook.xml"]),
        ("xl/_rels/workbook.xml.rels", "worksheet", [name.removeprefix("xl/") for name in sheets]),
    ):
        relations = [
            f'<Relationship Id="r{number}" Type="{office}/relationships/{kind}" Target="{target}"/>'
            for number, target in enumerate(targets, 1)
        ]
        archive.writestr(
            name, f'<Relationships xmlns="{package}/2006/relationships">{"".join(relations)}</Relationships>'
        )
    archive.writestr(
        "xl/workbook.xml",
        f'<workbook xmlns="{SHEETS}" xmlns:r="{office}/relationships"><sheets>'
        '<sheet name="Open" sheetId="1" r:id="r1"/>'
        '<sheet name="All evaluations" sheetId="2" r:id="r2"/></sheets></workbook>',
    )


OURS: dict[str, Callable[[Run], Step]] = {
    "tables": tables,
    "view": opened_view,
    "JSON": report(json_document.write, "report.json"),
    "workbook": report(xlsx.write, "report.xlsx"),
}
BARE: dict[str, Callable[[Run], Step]] = {"bare JSON and workbook": bare_documents, "bare Parquet": bare_parquet}
STEPS = {**OURS, **BARE, "actions": actions}


def take(name: str, run: Run) -> None:
    """Do a step in this process, and print the CPU seconds and the memory in MiB that it took."""
    gc.set_threshold(*GARBAGE)  # as the command does
    with VIEWS:
        step = STEPS[name](run)
        begun = time.process_time()
        step()
        taken = time.process_time() - begun
    print(taken, peak())


def peak() -> float:
    """Return the most memory that this program held so far, in MiB.

    What `wait` returns of a child begins with the memory of the process that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(name: str, run: Run, count: int) -> Cost:
    """Return what a step costs in a process of its own; raises SystemExit where it fails."""
    command = [sys.executable, __file__, "--step", name, "--keep", str(run.path.parent)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the step {name} ended with exit code {done.returncode}")
    seconds, most = map(float, done.stdout.split())
    return Cost(seconds / count * 1e6, most)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure what the reports of a run cost beside a bare writer.")
    parser.add_argument("--findings", type=int, default=160_000)
    parser.add_argument("--keep", type=Path, help="Keep the run in this directory, and use one that is there.")
    parser.add_argument("--step", choices=STEPS, help="Do this step alone, and print its CPU seconds and MiB.")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        run = Run((chosen.keep or Path(scratch)) / "run")
        if chosen.step:
            take(chosen.step, run)
            return 0
        return compare(run, chosen.findings)


def compare(run: Run, count: int) -> int:
    """Measure each step, print what it costs, and return 1 where a bar is missed."""
    if not run.manifest_path.is_file():
        invented_run.write_run(run.path, count)
    costs = {"tables": measured("tables", run, count)}
    prepare(run)
    costs |= {name: measured(name, run, count) for name in STEPS if name != "tables"}
    for name, cost in costs.items():
        print(f"{name:<24} {cost.micros:7.1f} µs a finding, {cost.peak:6.0f} MiB")
        print(figure(f"{name}: MiB", cost.peak))
    ours, bare = (sum(costs[name].micros for name in names) for names in (OURS, BARE))
    most = max(costs[name].peak for name in (*OURS, "actions"))
    print(
        f"{'three files':<24} {ours:7.1f} µs a finding, the bare writer {bare:.1f}: {ours / bare:.2f} (bar {RATIO:g})"
    )
    print(f"{'most memory of a step':<24} {most:7.0f} MiB (bar {MEBIBYTES} with 1,000,000 findings)")
    print(figure("three files: µs a finding", ours))
    print(figure("three files: ratio to the bare writer", ours / bare))
    return int(ours > bare * RATIO or most > MEBIBYTES)


if __name__ == "__main__":
    sys.exit(main())
