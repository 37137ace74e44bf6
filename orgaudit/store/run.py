"""A run's directory: where each file is, written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

import msgspec
import zstandard

from orgaudit.errors import ConfigError, ReportError
from orgaudit.model import Cell, Finding, UnopenedFinding
from orgaudit.store import copies
from orgaudit.store.manifest import SCHEMA_VERSION, Manifest

T = TypeVar("T")


PRIVATE = 0o700
"""The mode of a directory that is for its owner only."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems answer that cannot give a file a second name."""


class TakenError(Exception):
    """There is a file of the name that a new one was to have."""


@contextmanager
def writing(path: Path, remedy: str = "free space or name another --out", *, new: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of `path` that takes its name when the block ends well; raises ReportError.

    With `new` it takes the name only where there is no such file, and raises TakenError otherwise.

    Whatever the umask, the file may be read and written by those who may read and write its directory, and directories
    that are missing get the mode of the one above. In a directory that everyone may write, both are the owner's alone.
    """
    temporary: Path | None = None
    try:
        make_directory(path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            yield file  # type: ignore[misc]  # tempfile's wrapper is a BinaryIO in all but its stub
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_in(path.parent) & 0o666)
        if new:
            _link(temporary, path)
        else:
            temporary.replace(path)
            temporary = None
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> None:
    """Give a file a second name that is not taken; raises TakenError, also where a file system has no second names."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise TakenError from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Of two at once the later one replaces the file here, with one that is whole as well.
        if path.exists():
            raise TakenError from None
        temporary.replace(path)


def _mode_in(directory: Path) -> int:
    """Return the mode of a directory's directories; without their execute bits it is that of its files."""
    mode = directory.stat().st_mode
    return PRIVATE if mode & stat.S_IWOTH else mode & 0o775 | PRIVATE


def make_directory(path: Path, mode: int | None = None) -> None:
    """Make a directory, if it is missing, with the mode; without one, a new directory gets that of its parent."""
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(PRIVATE, exist_ok=True)
        mode = mode or _mode_in(path.parent)
    had = stat.S_IMODE(path.stat().st_mode)
    if mode is not None and had != (mode | had & stat.S_ISGID):
        path.chmod(mode | had & stat.S_ISGID)


def write_lines(path: Path, records: Iterable[msgspec.Struct]) -> None:
    """Write records as zstd-compressed JSON lines, atomically; raises ReportError."""
    waiting, encoder = iter(records), msgspec.json.Encoder()
    with _lines_of(path) as stream:
        while some := list(islice(waiting, _AT_ONCE)):
            stream.write(encoder.encode_lines(some))


def write_encoded(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines that are JSON already, zstd-compressed and atomically; raises ReportError."""
    with _lines_of(path) as stream:
        for line in lines:
            stream.write(line + b"\n")


@contextmanager
def _lines_of(path: Path) -> Iterator[zstandard.ZstdCompressionWriter]:
    with writing(path) as file, compressor().stream_writer(file, closefd=False) as stream:
        yield stream


def compressor() -> zstandard.ZstdCompressor:
    """Return what compresses the lines of a run's files; it adds checksums, so damage shows."""
    return zstandard.ZstdCompressor(level=3, write_checksum=True)


def read_lines(path: Path, decoder: msgspec.json.Decoder[T]) -> Generator[T, None, None]:
    """Yield each record of a file that `write_lines` wrote; raises ConfigError where it is missing or damaged.

    The file may be several zstd frames, one after another.
    """
    try:
        with path.open("rb") as file:
            for lines in lines_in(file):
                yield from map(decoder.decode, lines)
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror}); {_AGAIN}", file=str(path)) from error
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ValueError):
            raise ConfigError(str(error.__cause__), file=str(path)) from error
        other = "does not have the form that this version of orgaudit writes"
        raise ConfigError(
            f"{other}; use the version that run.json names as tool_version, or audit again", file=str(path)
        ) from error
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"is damaged ({error}); {_AGAIN}", file=str(path)) from error


def read_encoded(path: Path) -> Iterator[bytes]:
    """Yield each line of a file that `write_lines` wrote, as JSON; raises as `read_lines` does."""
    return map(bytes, read_lines(path, msgspec.json.Decoder(msgspec.Raw)))


def lines_in(file: IO[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines that the zstd frames in a file hold, some at a time; raises ZstdError where it ends too early."""
    rest = b""
    for part in decompressed(file):
        *lines, rest = (rest + part).split(b"\n")
        yield lines
    if rest:
        raise zstandard.ZstdError(_ENDS)


def decompressed(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what the zstd frames in a file hold, in pieces; raises ZstdError where the last one is not whole."""
    stream = zstandard.ZstdDecompressor().decompressobj()
    while chunk := file.read(_READ):
        while chunk:
            if stream.eof:
                stream = zstandard.ZstdDecompressor().decompressobj()
            yield stream.decompress(chunk)
            chunk = stream.unused_data
    if not stream.eof:
        raise zstandard.ZstdError(_ENDS)


def read_document(path: Path, kind: type[T], what: str) -> T | None:
    """Return what a file of JSON holds, None where there is none; raises ConfigError where it is not `what`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(path)) from error
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"is not {what} that this version of orgaudit reads; restore it from a copy", file=str(path)
        ) from error


def shard_name(account_id: str) -> str:
    """Return the name of an account's facts in a run's directory."""
    return f"facts/{account_id}.ndjson.zst"


def valid_id(name: str) -> bool:
    """Return whether a run can have this id: one segment of a path, and not the name that points at the last run."""
    return bool(_ID.fullmatch(name)) and name.casefold() != LATEST


def encoded(manifest: Manifest) -> bytes:
    """Return run.json's content for a manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


LATEST = "latest"
"""The name beside the runs that points at the last audit of the whole scope."""
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_AGAIN = "restore it from a copy, or audit again"
_ENDS = "it ends too early"
_AT_ONCE = 100
"""Records that are encoded at once."""
_READ = 1 << 13
"""Bytes of a file that are read at once: findings take fifty times as many, and hundreds of files are merged."""


class Run:
    """The directory of one run. Its files exist as far as the stages have come.

    `results` is where its tables, the register's result and the reports are: the same directory, or one below it for
    another date or register than the run was sealed with.
    """

    def __init__(self, path: Path, results: Path | None = None) -> None:
        self.path = path
        self.results = results or path

    @property
    def id(self) -> str:
        """Return the run's id: the directory's name."""
        return self.path.name

    def create(self, mode: int = PRIVATE) -> None:
        """Make the run's directory with this mode, on which those of its files and directories depend.

        Raises ReportError.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            make_directory(self.path, mode)
        except OSError as error:
            raise ReportError(f"cannot make {self.path}: {error.strerror or error}; name another --out") from error

    @property
    def manifest_path(self) -> Path:
        """Return where run.json is."""
        self.need("run.json")
        return self.path / "run.json"

    def need(self, *names: str) -> None:
        """Have these files and directories of the run here, where it is at an address; "" is all of it."""
        copies.need(self.path, *names)

    def result_path(self, name: str) -> Path:
        """Return where a file of the results is."""
        copies.need(self.results, name)
        return self.results / name

    def shard_path(self, account_id: str) -> Path:
        """Return where an account's facts are."""
        self.need("facts")
        return self.path / shard_name(account_id)

    def findings_path(self, account_id: str) -> Path:
        """Return where an account's findings are."""
        self.need("findings")
        return self.path / "findings" / f"{account_id}.ndjson.zst"

    def cells_path(self, account_id: str) -> Path:
        """Return where an account's part of the coverage is."""
        self.need("coverage")
        return self.path / "coverage" / f"{account_id}.ndjson.zst"

    def read_manifest(self) -> Manifest:
        """Return run.json; raises ConfigError when it is missing, foreign or of another schema version."""
        path = self.manifest_path
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except OSError as error:
            raise ConfigError(
                f"no run here ({error.strerror}); name a directory under reports/", file=str(path)
            ) from error
        except msgspec.MsgspecError as error:
            raise ConfigError(
                f"is not a run.json that this version of orgaudit reads; {_AGAIN}", file=str(path)
            ) from error
        if manifest.schema_version != SCHEMA_VERSION:
            other = f"schema version {manifest.schema_version} is not {SCHEMA_VERSION}"
            raise ConfigError(f"{other}; use the version of orgaudit that wrote the run", file=str(path))
        return manifest

    def read_collected(self) -> Manifest:
        """Return run.json of a run that was collected to the end; raises ConfigError for another one."""
        manifest = self.read_manifest()
        if manifest.collected_at is None:
            remedy = f"go on with `orgaudit audit --resume {self.id}`"
            raise ConfigError(f"collection did not end; {remedy}", file=str(self.path))
        return manifest

    def read_evaluated(self) -> Manifest:
        """Return run.json of a run that was evaluated; raises ConfigError for another one."""
        manifest = self.read_collected()
        if manifest.evaluated_at is None:
            raise ConfigError("the run is not evaluated; run `orgaudit evaluate` first", file=str(self.path))
        return manifest

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace run.json, and put what it vouches for at the address of a run that has one.

        Raises ReportError, and CutShortError where another process has written it there.
        """
        with writing(self.manifest_path) as file:
            file.write(encoded(manifest))
        copies.put_back(self.path)

    def findings(self, account_id: str) -> Iterator[Finding]:
        """Yield an account's findings as evaluation left them, without exceptions."""
        return read_lines(self.findings_path(account_id), msgspec.json.Decoder(Finding))

    def unopened_findings(self, account_id: str) -> Iterator[UnopenedFinding]:
        """Yield an account's findings with their longest parts left as JSON."""
        return read_lines(self.findings_path(account_id), msgspec.json.Decoder(UnopenedFinding))

    def cells(self, account_id: str) -> Iterator[Cell]:
        """Yield an account's cells of the plan."""
        return read_lines(self.cells_path(account_id), msgspec.json.Decoder(Cell))
