"""The stage after evaluation: applies the register to a run on a date, and writes what it decided into the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

from orgaudit.register import answers, attestations
from orgaudit.register.apply import Application
from orgaudit.register.file.load import Register
from orgaudit.register.hygiene import hygiene_of
from orgaudit.settings.documents import Problem
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import Attested, RegisterProblem, RegisterResult, Source, read_result, write_result
from orgaudit.store.run import Run
from orgaudit.store.seal import SealRecord, Standing
from orgaudit.store.tables import consolidate

UNVERIFIED = "unverified"
"""Where in a run's directory the results are that were made of files which do not verify."""


def apply(run: Run, register: Register, as_of: date, *, controls: Collection[str], standing: Standing) -> Run:
    """Write findings.parquet, coverage.parquet and register.json for a date, and return the run with their place.

    The first results of a run seal it. From then on the same date and register are found again, and others get a
    directory of their own, as-of-DATE. `controls` are the ids of all controls that exist, `standing` what is known of
    the findings. Raises ConfigError where a file of the run cannot be read, and ReportError where one cannot be
    written.
    """
    source = _source(register, as_of)
    if standing is Standing.UNVERIFIED:
        return _write(Run(run.path, run.path / UNVERIFIED), register, source, controls)
    if standing is Standing.VERIFIED and seal.is_matched(run.read_manifest()):
        return run if read_result(run).source.equals(source) else _beside(run, register, source, controls)
    _write(run, register, source, controls)
    if standing is Standing.VERIFIED:
        files = [run.path / name for name in seal.MATCHED]
        seal.seal(run, run.read_manifest(), files, keep=(*seal.FACTS, *seal.JUDGED))
    return run


def _beside(run: Run, register: Register, source: Source, controls: Collection[str]) -> Run:
    """Return the run with the place of the results for another date or register: a directory that has them, or new."""
    manifest = seal.digest(run.manifest_path)
    for number in count(1):
        name = f"as-of-{source.as_of.isoformat()}" + (f".{number}" if number > 1 else "")
        at = Run(run.path, run.path / name)
        ledger = seal.read_ledger(at.results)
        if ledger is None:
            break
        last = ledger.seals[-1]
        whole = last.manifest_sha256 == manifest and not list(seal.changed(at.results, last.files))
        if whole and read_result(at).source.equals(source):
            return at
    _write(at, register, source, controls)
    files = {name: seal.digest(at.results / name) for name in seal.MATCHED}
    seal.add(at.results, seals=[SealRecord(manifest_sha256=manifest, sealed_at=datetime.now(UTC), files=files)])
    return at


def _write(at: Run, register: Register, source: Source, controls: Collection[str]) -> Run:
    """Write the tables with the exceptions and the register's result."""
    manifest = at.read_manifest()
    for account in manifest.accounts:  # DuckDB takes a file of coverage that ends too early for a whole one
        if at.cells_path(account.id).is_file():
            deque(at.cells(account.id), maxlen=0)
    application = Application(register, {account.id: account for account in manifest.accounts}, source.as_of)
    attested, problems = _attested(register, manifest, source.as_of)
    consolidate(at, application.apply)
    result = RegisterResult(
        source=source,
        entries=tuple(application.rows()),
        covered=dict(sorted(application.tally.covered.items())),
        overdue=dict(sorted(application.tally.overdue.items())),
        problems=tuple(
            RegisterProblem(f"{it.file}:{it.line}", it.key, it.sentence) for it in (*application.problems(), *problems)
        ),
        hygiene=tuple(hygiene_of(at, application, controls)),
        attested=attested,
    )
    write_result(at, result)
    return at


def _attested(register: Register, manifest: Manifest, as_of: date) -> tuple[Attested, list[Problem]]:
    frameworks = {framework.id: framework for framework in manifest.frameworks}
    path = Path(register.file)
    found = attestations.load(path, register.policy, frameworks, complete=False, must_exist=False)
    return answers.apply(found, manifest.accounts, as_of), found.problems


def _source(register: Register, as_of: date) -> Source:
    path = Path(register.file)
    return Source(
        as_of=as_of,
        file=path.name,
        sha256=seal.digest(path) if path.is_file() else None,
        policy=register.policy.model_dump(mode="json", exclude={"file"}),
    )
