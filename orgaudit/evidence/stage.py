"""Writes an evidence pack of a run to which the register was applied, account by account."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import msgspec

from orgaudit import __version__
from orgaudit.errors import ConfigError
from orgaudit.evidence import archive, text
from orgaudit.evidence.documents import Describing
from orgaudit.evidence.form import (
    INDEX,
    README,
    SCHEMA,
    SIGNATURE,
    SUMS,
    Entry,
    Evaluation,
    Pack,
    Sampling,
    schema,
    written,
)
from orgaudit.evidence.population import Tables
from orgaudit.evidence.readme import readme
from orgaudit.evidence.requirements import Wanted, wanted
from orgaudit.evidence.sampling import METHOD, check_seed, drawn
from orgaudit.evidence.selection import Selector, types_of
from orgaudit.evidence.shards import Lines
from orgaudit.evidence.signature import sign
from orgaudit.evidence.spool import Spool
from orgaudit.model import Finding
from orgaudit.spreadsheet.text import inert
from orgaudit.store.register_result import read_result
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.tables import opened, scratch_of, table_files

COLUMNS = ("number", "fingerprint", "control", "account_id", "region", "resource", "status", "exception", "included")
"""The columns of a population's file."""
_AT_ONCE = 200
"""Evaluations that are written together."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a pack is to hold: requirements by name (none: those of the first framework), and how many evaluations.

    Without `sample` all evaluations are in it, and the seed means nothing.
    """

    names: tuple[str, ...] = ()
    sample: int | None = None
    seed: str = ""


@dataclass(slots=True)
class _Part:
    """One requirement while the pack is made."""

    wanted: Wanted
    controls: tuple[str, ...]
    drawn: frozenset[str] | None
    population: int = 0
    included: int = 0
    rows: list[list[object]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"requirements/{self.wanted.stem}.txt"

    @property
    def document(self) -> str:
        return f"requirements/{self.wanted.stem}.json"

    @property
    def population_file(self) -> str:
        return f"requirements/{self.wanted.stem}.population.csv"


def write(run: Run, path: Path, request: Request, *, standing: Standing, sign_key: Path | None = None) -> Pack:
    """Write a pack and return its index.

    Raises ConfigError for an unknown requirement, a run without results, a key that cannot sign, or a file that is
    there already, and ReportError.
    """
    if path.exists():
        raise ConfigError("exists, and a pack is never replaced; name another --file", file=str(path))
    with _making(run, request, standing) as making:
        making.read_accounts()
        return making.finish(path, sign_key)


@contextmanager
def _making(run: Run, request: Request, standing: Standing) -> Iterator[_Making]:
    manifest = run.read_evaluated()
    table_files(run)  # which says what to do where the register was not applied yet
    register = read_result(run)
    sampling = Sampling(method=METHOD, seed=check_seed(request.seed), size=request.sample) if request.sample else None
    chosen = wanted(manifest, request.names)
    in_run = {record.id for record in manifest.controls}
    with opened(run) as connection, scratch_of(run) as scratch:
        tables = Tables(connection)
        parts = []
        for each in chosen:
            controls = tuple(name for name in each.requirement.controls if name in in_run)
            fingerprints = tables.fingerprints(controls) if sampling else ()
            found = drawn(sampling.seed, each.name, fingerprints, sampling.size) if sampling else None
            parts.append(_Part(each, controls, found))
        asked = {name for part in parts for name in part.controls}
        lines = Lines(run, types_of(record for record in manifest.controls if record.id in asked))
        selector = Selector(lines, manifest)
        describing = Describing(run, manifest, register, standing, sampling, tables, selector)
        yield _Making(describing, parts, Spool(scratch))


@dataclass(slots=True)
class _Making:
    """A pack while it is made."""

    describing: Describing
    parts: Sequence[_Part]
    spool: Spool

    def read_accounts(self) -> None:
        """Write each account's document and its evaluations, in the order of the accounts' ids."""
        by_control: dict[str, list[_Part]] = {}
        for part in self.parts:
            self.spool.add(part.population_file, [_csv([COLUMNS])])
            for name in part.controls:
                by_control.setdefault(name, []).append(part)
        for account_id in self.describing.accounts:
            document = self.describing.account(account_id)
            content = msgspec.json.format(written(document), indent=1)
            self.spool.add(f"accounts/{account_id}.json", [content, b"\n"])
            self._evaluations(account_id, by_control)

    def _evaluations(self, account_id: str, by_control: Mapping[str, Sequence[_Part]]) -> None:
        waiting = 0
        for finding, covered in self.describing.tables.findings(account_id, sorted(by_control)):
            self._keep(finding, by_control[finding.control], covered=covered)
            waiting += 1
            if waiting == _AT_ONCE:
                self._flush()
                waiting = 0
        self._flush()

    def _keep(self, finding: Finding, parts: Sequence[_Part], *, covered: bool) -> None:
        found: Evaluation | None = None
        for part in parts:
            part.population += 1
            included = part.drawn is None or finding.fingerprint in part.drawn
            part.rows.append(_row(part.population, finding, included=included))
            if included:
                found = found or self.describing.evaluation(finding, covered=covered)
                part.evaluations.append(msgspec.structs.replace(found, number=part.population))

    def _flush(self) -> None:
        for part in self.parts:
            if part.rows:
                self.spool.add(part.population_file, [_csv(part.rows)])
            if part.evaluations:
                room = text.MOST_SHOWN - part.included
                lines = [b"\n" + written(each) for each in part.evaluations]
                self.spool.add(_draft(part.document), [(b"," if part.included else b"") + b",".join(lines)])
                shown = (
                    text.evaluation(each, requirement=part.wanted.name) for each in part.evaluations[: max(room, 0)]
                )
                self.spool.add(_draft(part.text), shown)
                part.included += len(part.evaluations)
            part.rows, part.evaluations = [], []

    def finish(self, path: Path, sign_key: Path | None) -> Pack:
        """Write what is about the whole, sign it and pack all files."""
        entries = tuple(self._requirement(part) for part in self.parts)
        run, sampling = self.describing.run_part(), self.describing.sampling
        self.spool.add(README, [readme(run, sampling, entries)])
        self.spool.add(SCHEMA, [msgspec.json.format(msgspec.json.encode(schema()), indent=1), b"\n"])
        self.spool.add(SUMS, [f"{each.sha256}  {each.path}\n".encode() for each in self.spool.hashes()])
        pack = Pack(
            tool_version=__version__,
            run=run,
            sampling=sampling,
            requirements=entries,
            files=tuple(self.spool.hashes()),
        )
        index = msgspec.json.format(written(pack), indent=1) + b"\n"
        self.spool.add(INDEX, [index])
        first = [README, INDEX]
        if sign_key is not None:
            self.spool.add(SIGNATURE, [sign(index, sign_key)])
            first.append(SIGNATURE)
        listed = (each.path for each in pack.files if each.path != README)
        archive.write(path, self.spool.paths([*first, *listed]))
        return pack

    def _requirement(self, part: _Part) -> Entry:
        document = self.describing.requirement(part.wanted, part.controls, part.population_file, part.included)
        head = msgspec.json.format(written(document), indent=1)
        begin, end = head[: head.rindex(b"]")], head[head.rindex(b"]") :]
        self.spool.add(part.document, chain([begin], self.spool.read(_draft(part.document)), [b"\n ", end, b"\n"]))
        self.spool.add(part.text, chain([text.head(document)], self.spool.read(_draft(part.text))))
        for name in (part.document, part.text):
            self.spool.drop(_draft(name))
        return Entry(
            name=part.wanted.name,
            title=part.wanted.requirement.title,
            status=document.conclusion,
            population=part.population,
            included=part.included,
            text=part.text,
            document=part.document,
            population_file=part.population_file,
        )


def _draft(name: str) -> str:
    return f".{name}"


def _row(number: int, finding: Finding, *, included: bool) -> list[object]:
    exception = finding.exception.id if finding.exception else ""
    of = (finding.fingerprint, finding.control, finding.account_id, finding.region, finding.resource)
    return [number, *map(inert, (*of, finding.status, exception)), "yes" if included else "no"]


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    return target.getvalue().encode()
