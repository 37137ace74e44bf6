"""A small run as an audit leaves it before its first reports: with facts, and sealed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from orgaudit.model import Status
from orgaudit.settings.settings import Settings, load
from orgaudit.store import seal
from orgaudit.store.run import Run, write_lines
from tests.synthetic_run import account_id, build

JUDGED = account_id(1)
"""An account with findings that fail."""


def sealed_run(out: Path, name: str = "2026-q3") -> Run:
    """Write and seal a run of four accounts."""
    run = build(out / name)
    manifest = run.read_manifest()
    for record in manifest.records:
        write_lines(run.shard_path(record.account_id), [record])
    files = [path for part in (*seal.FACTS, *seal.JUDGED) for path in seal.shards(run, part)]
    seal.seal(run, manifest, files)
    return run


def settings_for(out: Path, *formats: str) -> Settings:
    """Return settings whose register is the file exceptions.yaml beside them, which need not exist."""
    file = out / "orgaudit.toml"
    file.write_text("")
    return load(file, {}, {"run": {"out": out, "formats": formats or ("json",)}})


def turn_to_pass(run: Run) -> Path:
    """Make an account's failures pass, in findings and cells alike, compress them again, and return the findings."""
    findings = [
        msgspec.structs.replace(each, status=Status.PASS) if each.status is Status.FAIL else each
        for each in run.findings(JUDGED)
    ]
    cells = [
        msgspec.structs.replace(
            cell, passed=cell.passed + cell.failed, failed=0, status=Status.PASS if cell.failed else cell.status
        )
        for cell in run.cells(JUDGED)
    ]
    write_lines(run.findings_path(JUDGED), findings)
    write_lines(run.cells_path(JUDGED), cells)
    return run.findings_path(JUDGED)
