"""The stage after evaluation: applies the register to a run on a date, and writes what it decided into the run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from itertools import count
from pathlib import Path

from orgaudit.model import Account
from orgaudit.register.apply import AppliedRegister, Tally
from orgaudit.register.extent import scanned
from orgaudit.register.file.load import Register, with_known_requirements, with_present_requirements
from orgaudit.register.hygiene import review
from orgaudit.store import seal
from orgaudit.store.consolidation import consolidate
from orgaudit.store.register_result import RegisterProblem, RegisterResult, Source, read_result, write_result
from orgaudit.store.run import Run
from orgaudit.store.seal import SealRecord, Standing
from orgaudit.store.tables import Apply

UNVERIFIED = "unverified"
"""Where in a run's directory the results are that were made of files which do not verify."""


def apply(
    run: Run,
    register: Register,
    as_of: date,
    *,
    controls: Collection[str],
    aliases: Mapping[str, str] | None = None,
    requirements: Mapping[str, tuple[str, ...]] | None = None,
    before: Iterable[Apply] = (),
    after: Callable[[Run], Iterable[Path]] | None = None,
    same: Callable[[Run], bool] = lambda _: True,
    standing: Standing,
    executor: Executor | None = None,
) -> Run:
    """Write findings.parquet, coverage.parquet and register.json for a date, and return the run with their place.

    The first results of a run seal it. From then on the same date and register are found again where what was made of
    them is the `same`, and others get a directory of their own, as-of-DATE. `controls` are the ids of all controls that
    exist, `aliases` the old ids of renamed ones with the new, `requirements` those of all framework files by their
    controls, `before` what else is set of each finding, before its exception, `after` writes what else is made of the
    results and returns the files, and `standing` is what is known of the findings. The processes of an executor share
    the findings; what is in `before` can then be pickled. Raises ConfigError where a file of
    the run cannot be read, and ReportError where one cannot be written.
    """
    source = _source(register, as_of)
    at, exists = _place(run, source, standing, same)
    if exists:
        return at
    manifest = run.read_manifest()
    by_id = {it.id: it for it in manifest.frameworks}
    known = with_present_requirements(with_known_requirements(register, by_id, complete=False), by_id)
    marking = _Marking(known, as_of, aliases, requirements, tuple(before))
    applied = marking.register(manifest.accounts)
    for tally in consolidate(at, marking, executor):
        applied.tally.add(tally)
    found = scanned(run, applied, controls)
    result = RegisterResult(
        source=source,
        entries=tuple(found.rows()),
        covered=dict(sorted(applied.tally.covered.items())),
        overdue=dict(sorted(applied.tally.overdue.items())),
        problems=tuple(RegisterProblem(f"{it.file}:{it.line}", it.key, it.sentence) for it in applied.problems()),
        hygiene=tuple(review(found)),
        attested=applied.attested(),
    )
    write_result(at, result)
    more = tuple(path.name for path in (after(at) if after else ()))
    if standing is Standing.VERIFIED:
        _seal(run, at, (*seal.MATCHED, *more))
    return at


@dataclass(frozen=True, slots=True)
class _Marking:
    """What is set of the findings of a run; it can be pickled where `before` can."""

    known: Register
    as_of: date
    aliases: Mapping[str, str] | None
    requirements: Mapping[str, tuple[str, ...]] | None
    before: tuple[Apply, ...]

    def register(self, accounts: tuple[Account, ...]) -> AppliedRegister:
        """Return the register for these accounts, to which no finding was shown yet."""
        return AppliedRegister(self.known, accounts, self.as_of, self.aliases, requirements=self.requirements)

    def __call__(self, accounts: tuple[Account, ...]) -> tuple[Apply, Tally]:
        """Return what marks the findings of some accounts, and what it counts."""
        applied = self.register(accounts)
        steps = (*self.before, applied.apply)
        return lambda findings: reduce(lambda stream, step: step(stream), steps, findings), applied.tally


def _place(run: Run, source: Source, standing: Standing, same: Callable[[Run], bool]) -> tuple[Run, bool]:
    """Return the run with the place of the results for a date and register, and whether they are there already."""
    if standing is Standing.UNVERIFIED:
        return Run(run.path, run.path / UNVERIFIED), False
    if standing is not Standing.VERIFIED or not seal.is_matched(run.read_manifest()):
        return run, False
    if read_result(run).source.equals(source) and same(run):
        return run, True
    manifest = seal.digest(run.manifest_path)
    for number in count(1):
        name = f"as-of-{source.as_of.isoformat()}" + (f".{number}" if number > 1 else "")
        at = Run(run.path, run.path / name)
        ledger = seal.read_ledger(at.results)
        if ledger is None:
            break
        last = ledger.seals[-1]
        whole = last.manifest_sha256 == manifest and not list(seal.changed(at.results, last.files))
        if whole and read_result(at).source.equals(source) and same(at):
            return at, True
    return at, False


def _seal(run: Run, at: Run, names: Iterable[str]) -> None:
    """Seal a run with its first results, or results that stand beside these."""
    if at is run:
        files = [run.path / name for name in names]
        seal.seal(run, run.read_manifest(), files, keep=(*seal.FACTS, *seal.JUDGED))
        return
    digests = {name: seal.digest(at.results / name) for name in names}
    manifest = seal.digest(run.manifest_path)
    seal.add(at.results, seals=[SealRecord(manifest_sha256=manifest, sealed_at=datetime.now(UTC), files=digests)])


def _source(register: Register, as_of: date) -> Source:
    path = register.path
    return Source(
        as_of=as_of,
        file=path.name,
        sha256=seal.digest(path) if path.is_file() else None,
        policy=register.policy.model_dump(mode="json", exclude={"file", "approvers"}),
    )
