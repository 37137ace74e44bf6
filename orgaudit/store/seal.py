"""What run.json vouches for: the hash of each file of a run; and reports.json, the list of its seals and reports.

Every change of run.json after collection is a seal and is listed in reports.json before it is made, so an edit of
run.json alone shows. Reports print run.json's hash, so an edit of both shows beside any report that was handed out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.store import copies
from orgaudit.store.lease import ensure_not_taken
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, encoded, read_document, writing

LEDGER_VERSION = 1
_RESUME = "orgaudit audit --resume"
FACTS = ("facts", "receipts")
JUDGED = ("findings", "coverage", "history.parquet")
TABLES = ("findings.parquet", "coverage.parquet")
MATCHED = (*TABLES, "register.json")
COMPARED = ("comparison.json", "changes.parquet")
RESULTS = (*MATCHED, *COMPARED)
"""What belongs together in a seal: files, and directories with all that is in them."""


class Standing(StrEnum):
    """What is known of the files that a report was made from."""

    VERIFIED = "verified"
    NOT_SEALED = "not sealed"
    UNVERIFIED = "unverified"


class SealRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One seal: run.json's SHA-256, and that of the files beside the list which run.json itself does not seal."""

    manifest_sha256: str
    sealed_at: datetime
    files: dict[str, str] = {}


class ReportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One report that was written: its file and hash, the register's result that it shows, and the run's seal."""

    file: str
    sha256: str
    written_at: datetime
    as_of: date
    register_file_sha256: str | None
    register_sha256: str
    manifest_sha256: str
    tool_version: str


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of reports.json; records are only added."""

    schema_version: int = LEDGER_VERSION
    seals: tuple[SealRecord, ...] = ()
    reports: tuple[ReportRecord, ...] = ()

    def newest(self) -> dict[str, ReportRecord]:
        """Return the last record of each report's file."""
        return {record.file: record for record in self.reports}


def digest(path: Path) -> str:
    """Return a file's SHA-256; raises ConfigError where it cannot be read."""
    copies.need(path.parent, path.name)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ConfigError("is missing; restore it from a copy, or audit again", file=str(path)) from error
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(path)) from error


def ledger_path(directory: Path) -> Path:
    """Return where the list of reports in a directory is."""
    return directory / "reports.json"


def read_ledger(directory: Path) -> Ledger | None:
    """Return a directory's reports.json, or None without one; raises ConfigError where it is damaged."""
    return read_document(ledger_path(directory), Ledger, "a list of reports")


def add(directory: Path, *, seals: Iterable[SealRecord] = (), reports: Iterable[ReportRecord] = ()) -> None:
    """Add records to a directory's reports.json; raises ConfigError and ReportError."""
    known = read_ledger(directory) or Ledger()
    grown = Ledger(seals=(*known.seals, *seals), reports=(*known.reports, *reports))
    with writing(ledger_path(directory)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(grown), indent=1))


def seal(
    run: Run,
    manifest: Manifest,
    files: Iterable[Path],
    *,
    keep: tuple[str, ...] = (),
    expected: Mapping[str, str] | None = None,
) -> None:
    """Write run.json with the hashes of these files; of the seal that it had, what belongs to `keep` stays.

    Raises CutShortError where another process has taken the run over, ConfigError, also where a file does not have the
    hash that is `expected` of it, and ReportError.
    """
    ensure_not_taken(run)
    hashes = of(manifest, keep) | {path.relative_to(run.path).as_posix(): digest(path) for path in files}
    for name, sha256 in (expected or {}).items():
        if hashes.get(name) != sha256:
            what = "is missing" if name not in hashes else "is not what was collected: its SHA-256 is not its receipt's"
            remedy = f"restore it from a copy, or remove it with its receipt and go on with `{_RESUME} {run.id}`"
            raise ConfigError(f"{what}; {remedy}", file=str(run.path / name))
    sealed = msgspec.structs.replace(manifest, seal=dict(sorted(hashes.items())))
    sha256 = hashlib.sha256(encoded(sealed)).hexdigest()
    add(run.path, seals=[SealRecord(manifest_sha256=sha256, sealed_at=datetime.now(UTC))])
    run.write_manifest(sealed)


def of(manifest: Manifest, parts: tuple[str, ...]) -> dict[str, str]:
    """Return what run.json seals of these parts: each file with its SHA-256."""
    return {name: known for name, known in (manifest.seal or {}).items() if _part(name) in parts}


def manifests_of(run: Run) -> set[str]:
    """Return the SHA-256 of each run.json that a run was sealed with, or of the one that it has without a seal."""
    ledger = read_ledger(run.path)
    return {record.manifest_sha256 for record in ledger.seals} if ledger else {digest(run.manifest_path)}


def shards(run: Run, directory: str) -> list[Path]:
    """Return the shards in one of the run's directories, sorted."""
    run.need(directory)
    return sorted((run.path / directory).glob("[!.]*"))


def differences(run: Run, manifest: Manifest, parts: Iterable[str]) -> Iterator[str]:
    """Yield what differs from the seal, a sentence each: in run.json, and in these parts of what it seals.

    A run without a seal has no differences, unless reports.json says that it had one.
    """
    try:
        yield from _manifest_differences(run, manifest)
    except ConfigError as error:
        yield str(error)
    if manifest.seal is None:
        return
    wanted = tuple(parts)
    run.need(*wanted)
    yield from changed(run.path, of(manifest, wanted))
    for path in (path for part in wanted for path in _files(run, part)):
        if path.relative_to(run.path).as_posix() not in manifest.seal:
            yield f"{path}: is not in run.json's seal: it was added after the run was sealed"


def changed(directory: Path, files: dict[str, str]) -> Iterator[str]:
    """Yield what differs between a directory and the hashes of its files, a sentence each."""
    for name, expected in files.items():
        try:
            if digest(directory / name) != expected:
                yield f"{directory / name}: does not have the SHA-256 it was sealed with: it was changed afterwards"
        except ConfigError as error:
            yield str(error)


def standing(run: Run, parts: Iterable[str], *, unverified: bool = False) -> Standing:
    """Return what is known of run.json and these parts of a run.

    Raises ConfigError where they are not what was sealed, unless `unverified` is accepted.
    """
    manifest = run.read_manifest()
    found = list(differences(run, manifest, parts))
    if found and not unverified:
        more = f" and {len(found) - 1} more differences" if len(found) > 1 else ""
        remedy = f"`orgaudit verify {run.id}` lists all; restore the run from a copy, or audit again"
        raise ConfigError(f"{found[0]}{more}; {remedy}")
    if found:
        return Standing.UNVERIFIED
    return Standing.NOT_SEALED if manifest.seal is None else Standing.VERIFIED


def check_results(run: Run) -> Standing:
    """Return what is known of a run's results, wherever they are; raises ConfigError where they are not as sealed."""
    found = standing(run, (*JUDGED, *(RESULTS if run.results == run.path else ())))
    if run.results != run.path:
        ledger = read_ledger(run.results)
        if ledger is None or not ledger.seals:
            raise ConfigError("is missing; restore it from a copy", file=str(ledger_path(run.results)))
        for problem in changed(run.results, ledger.seals[-1].files):
            raise ConfigError(f"{problem}; restore it from a copy")
    return found


def _files(run: Run, part: str) -> list[Path]:
    path = run.path / part
    return [path] if path.is_file() else shards(run, part)


def is_matched(manifest: Manifest) -> bool:
    """Return whether a run was sealed with its tables and the register's result, as its first reports do."""
    return manifest.seal is not None and set(MATCHED) <= manifest.seal.keys()


def _part(name: str) -> str:
    return name.partition("/")[0]


def _manifest_differences(run: Run, manifest: Manifest) -> Iterator[str]:
    ledger = read_ledger(run.path)
    if ledger is None:
        if manifest.seal is not None:
            yield f"{ledger_path(run.path)}: is missing, so nothing vouches for run.json"
        return
    known = [record.manifest_sha256 for record in ledger.seals]
    # A seal is listed before run.json is replaced; a process that ends between the two leaves the one before in place.
    interrupted = known and all(record.manifest_sha256 != known[-1] for record in ledger.reports)
    if digest(run.manifest_path) not in (known[-2:] if interrupted else known[-1:]):
        yield f"{run.manifest_path}: is not the run.json that reports.json lists as sealed: it was changed afterwards"
