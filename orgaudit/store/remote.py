"""A place at an address that fsspec knows, such as s3://bucket/prefix: whole files, and conditions where it has them.

The store's own library signs in as it always does: for S3 these are the SDK's environment variables and profiles.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from orgaudit.errors import ConfigError, OrgauditError, ReportError
from orgaudit.settings.addresses import normal, scheme_of
from orgaudit.settings.documents import nearest
from orgaudit.store.remote_errors import Failure, explained, missing_package

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

WIDTH = 16
"""How many files are copied at a time."""
S3 = frozenset({"s3", "s3a"})
MEMORY = "memory"
OBJECT_STORES = S3 | {"abfs", "abfss", "adl", "az", "gcs", "gs", MEMORY, "oci", "oss"}
"""Schemes of stores that show a file when it is whole; elsewhere it is written under another name first."""
_PART = 8 << 20
"""Bytes in one part of a file that is sent to S3 in parts; two parts of it are in memory at a time."""
_OPTIONS: dict[str, Any] = {
    "use_listings_cache": False,
    "default_block_size": _PART,
    "max_concurrency": 2,
    "config_kwargs": {"max_pool_connections": 2 * WIDTH},
}
"""How S3 is called: what it lists is what is there now, for other processes write there too."""
_alone = threading.Lock()
"""Lets one thread of this process at a time look and write, where a store has no conditions of its own."""


def opened(address: str) -> Remote:
    """Return the place at an address; raises ConfigError where its scheme is unknown or its package is missing."""
    address = normal(address)
    scheme = scheme_of(address)
    try:
        import fsspec  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise missing_package(address, error) from error
    known = fsspec.available_protocols()
    if scheme not in known:
        remedy = nearest(scheme, known) or "write a directory, or an address such as s3://bucket/prefix"
        raise ConfigError(f"no store has addresses that begin with {scheme}://; {remedy}", file=address, key="--out")
    try:
        files, root = fsspec.core.url_to_fs(address, **(_OPTIONS if scheme in S3 else {}))
    except ImportError as error:
        raise missing_package(address, error) from error
    except ValueError as error:
        raise ConfigError(f"is not an address ({error})", file=address, key="--out") from error
    if not root.strip("/"):
        raise ConfigError("names no bucket or directory; write one such as s3://bucket/prefix", file=address)
    return Remote(address, files, root)


class Remote:
    """A place at an address, and what lies below it."""

    def __init__(self, address: str, files: AbstractFileSystem, root: str) -> None:
        self._address, self._files, self._root = address, files, root
        self._scheme = scheme_of(address)

    @property
    def address(self) -> str:
        """The address, without a slash at its end."""
        return self._address

    def below(self, name: str) -> Remote:
        """Return the place of a directory in this one."""
        return Remote(f"{self._address}/{name}", self._files, f"{self._root}/{name}")

    def names(self, directory: str = "") -> list[str]:
        """Return the names of the files right in a directory, without scratch files, sorted."""
        return sorted(name for name, kind in self._listed(directory) if kind == "file")

    def directories(self, directory: str = "") -> list[str]:
        """Return the names of the directories right in a directory, sorted."""
        return sorted(name for name, kind in self._listed(directory) if kind == "directory")

    def found(self, directory: str = "") -> dict[str, str]:
        """Return the files below a directory at any depth, each with a tag that another content does not have."""
        with self._explained(Failure.READ, directory):
            try:
                listed = self._files.find(self._path(directory), detail=True)
            except FileNotFoundError as error:
                self._check_bucket(error)
                return {}
        names = {self._name(path): _tag(info) for path, info in listed.items() if info["type"] == "file"}
        return {name: tag for name, tag in sorted(names.items()) if not is_hidden(name)}

    def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return self._info(name) is not None

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None where there is none."""
        with self._explained(Failure.READ, name):
            try:
                content: bytes = self._files.cat_file(self._path(name))
            except FileNotFoundError as error:
                self._check_bucket(error)
                return None
            return content

    def tag_of(self, name: str) -> str | None:
        """Return a file's tag, or None where there is none."""
        info = self._info(name)
        return None if info is None else _tag(info)

    def tagged(self, name: str) -> tuple[bytes, str] | None:
        """Return a file's content and its tag, or None where there is none.

        The tag is never newer than the content, so who replaces that tag replaces nothing that it has not read.
        """
        info = self._info(name)
        content = None if info is None else self.read(name)
        return None if info is None or content is None else (content, _tag(info))

    def fetch(self, name: str, path: Path) -> bool:
        """Copy a file to this machine, whole, and return whether there was one."""
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._explained(Failure.READ, name):
                try:
                    self._copied(self._path(name), temporary)
                except FileNotFoundError as error:
                    self._check_bucket(error)
                    return False
            temporary.replace(path)
        except OSError as error:
            raise ReportError(f"cannot copy {self._shown(name)} to {path}: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write a file, in place of the one that is there."""
        with self._explained(Failure.WRITE, name):
            self._whole(name, lambda path: self._files.pipe_file(path, content, **self._in_one(len(content))))

    def create(self, name: str, content: bytes) -> bool:
        """Write a file where there is none, and return whether that was so.

        Of two at once only one succeeds where the store has the condition, as S3 and stores that are like it do.
        """
        if self._scheme in S3:
            return self._created(name, lambda path, more: self._files.pipe_file(path, content, **more), len(content))
        with _alone, self._explained(Failure.WRITE, name):
            if self._files.exists(self._path(name)):
                return False
            self._whole(name, lambda path: self._files.pipe_file(path, content))
            return True

    def replace(self, name: str, content: bytes, tag: str | None) -> str | None:
        """Write a file in place of the one with this tag, None for none, and return the tag that it has then.

        Returns None where there is another one by now. Of two at once only one succeeds where the store has the
        condition, as S3 has; elsewhere it is looked at right before.
        """
        if tag is None:
            return self.tag_of(name) if self.create(name, content) else None
        if self._scheme not in S3:
            with _alone:
                if self.tag_of(name) != tag:
                    return None
                self.write(name, content)
                return self.tag_of(name)
        with self._explained(Failure.WRITE, name):
            try:
                more = self._in_one(len(content))
                answer = self._files.pipe_file(self._path(name), content, IfMatch=tag, **more)
            except OSError as error:
                if _is_changed(error):
                    return self._tag_where(name, content)
                raise
            return str(answer["ETag"])

    def _tag_where(self, name: str, content: bytes) -> str | None:
        """Return the tag of a file that has this content: where an answer was lost, the SDK had written it before."""
        found = self.tagged(name)
        return found[1] if found is not None and found[0] == content else None

    def put(self, name: str, path: Path, *, new: bool = False) -> bool:
        """Write a file with the content of one of this machine, as `write` or, with `new`, as `create` does.

        It is read in parts, so its size does not count.
        """
        more = {"chunksize": _PART} if self._scheme in S3 else {}
        if new and self._scheme in S3:
            return self._created(name, lambda target, given: self._files.put_file(str(path), target, **more, **given))
        if new:
            return self.create(name, path.read_bytes())
        if self._scheme == MEMORY:
            self.write(name, path.read_bytes())
            return True
        with self._explained(Failure.WRITE, name):
            self._whole(name, lambda target: self._files.put_file(str(path), target, **more))
        return True

    def copy(self, source: str, name: str, tag: str) -> bool:
        """Write a file with the content of another one of this place, and return whether that still had this tag.

        The store copies it, so it goes through no network of this machine.
        """
        more = {"CopySourceIfMatch": tag} if self._scheme in S3 else {}
        with self._explained(Failure.WRITE, name):
            try:
                if self.tag_of(source) != tag:
                    return False
                self._whole(name, lambda target: self._files.cp_file(self._path(source), target, **more))
            except OSError as error:
                if not (_is_changed(error) or isinstance(error, FileNotFoundError)):
                    raise
                self._check_bucket(error)
                return False
            return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._explained(Failure.WRITE, name), suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def remove_unchanged(self, name: str, tag: str) -> bool:
        """Remove the file with this tag, and return whether it was still that one."""
        with self._explained(Failure.WRITE, name):
            if self._scheme in S3:
                bucket, key, _ = self._files.split_path(self._path(name))
                try:
                    self._files.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=tag)
                except OSError as error:
                    if _is_changed(error):
                        return False
                    raise
                return True
            with _alone:
                if self.tag_of(name) != tag:
                    return False
                self._files.rm_file(self._path(name))
                return True

    def _created(self, name: str, write: Callable[[str, dict[str, Any]], Any], size: int | None = None) -> bool:
        """Write a file by a call that takes S3's condition, and return whether there was none.

        Each has a mark of its own: where the answer to a call was lost, the SDK repeats it, and finds its own file.
        """
        mark = uuid.uuid4().hex
        more = {"mode": "create", "Metadata": {"written": mark}} | ({} if size is None else self._in_one(size))
        with self._explained(Failure.WRITE, name):
            try:
                write(self._path(name), more)
            except OSError as error:
                if not (isinstance(error, FileExistsError) or _is_changed(error)):
                    raise
                metadata = self._files.metadata(self._path(name)) if self.exists(name) else {}
                return bool(metadata.get("written") == mark)
            return True

    def _copied(self, source: str, path: Path) -> None:
        if self._scheme == MEMORY:  # a file there has one place at which it is read, which all threads share
            path.write_bytes(self._files.cat_file(source))
        else:
            self._files.get_file(source, str(path))

    def _whole(self, name: str, write: Callable[[str], Any]) -> None:
        """Write a file under another name first where the store would show the beginning of one."""
        path = self._path(name)
        if self._scheme in OBJECT_STORES:
            write(path)
            return
        directory, _, last = path.rpartition("/")
        temporary = f"{directory}/.{last}.{uuid.uuid4().hex[:8]}"
        self._files.makedirs(directory, exist_ok=True)
        try:
            write(temporary)
            self._files.mv(temporary, path)
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(temporary)
            raise

    def _in_one(self, size: int) -> dict[str, int]:
        """Return what makes S3 take a content in one call, of which conditions are a part."""
        return {"chunksize": max(size, 1)} if self._scheme in S3 else {}

    def _listed(self, directory: str) -> Iterator[tuple[str, str]]:
        root = self._path(directory)
        with self._explained(Failure.READ, directory):
            try:
                listed = self._files.ls(root, detail=True)
            except (FileNotFoundError, NotADirectoryError) as error:
                self._check_bucket(error)
                return
        for info in listed:
            path = str(info["name"]).rstrip("/")
            name = self._name(path)
            if path.strip("/") != root.strip("/") and not is_hidden(name):
                yield name, "file" if info["type"] == "file" else "directory"

    def _info(self, name: str) -> dict[str, Any] | None:
        with self._explained(Failure.READ, name):
            try:
                info: dict[str, Any] = self._files.info(self._path(name))
            except FileNotFoundError as error:
                self._check_bucket(error)
                return None
            return info if info["type"] == "file" else None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _name(self, path: str) -> str:
        return path.strip("/").removeprefix(self._root.strip("/")).strip("/")

    def _shown(self, name: str) -> str:
        return f"{self._address}/{name}" if name else self._address

    def _check_bucket(self, error: OSError) -> None:
        """Raise the error again where not the file is missing, but the whole bucket."""
        if Failure.code(error) == "NoSuchBucket":
            raise error

    @contextmanager
    def _explained(self, failure: Failure, name: str) -> Iterator[None]:
        """Turn whatever the store's library raises into an error of ours with the address and a remedy."""
        try:
            yield
        except OrgauditError:
            raise
        except Exception as error:
            raise explained(error, failure, self._shown(name), s3=self._scheme in S3) from error


def each(work: Callable[[str], T], names: Iterable[str]) -> list[T]:
    """Return what a function returns for each name, in their order; several are done at a time."""
    pool = ThreadPoolExecutor(WIDTH, thread_name_prefix="remote")
    try:
        return [done.result() for done in [pool.submit(work, name) for name in names]]
    finally:
        pool.shutdown(cancel_futures=True)


def _tag(info: dict[str, Any]) -> str:
    """Return what distinguishes a file's content from the one before: its entity tag, or what the store has instead."""
    for key in ("ETag", "etag", "generation", "md5Hash"):
        if info.get(key):
            return str(info[key])
    changed = next((info[key] for key in ("mtime", "LastModified", "last_modified", "created") if info.get(key)), "")
    if isinstance(changed, datetime):
        changed = changed.timestamp()
    return hashlib.sha256(f"{changed} {info.get('size')} {info.get('ino', '')}".encode()).hexdigest()


def is_hidden(name: str) -> bool:
    """Return whether a file, or a directory that it is in, is a scratch one."""
    return any(part.startswith(".") for part in name.split("/"))


def _is_changed(error: OSError) -> bool:
    """Return whether S3 refused a write because of its condition, also where another write is under way."""
    return Failure.code(error) in {"PreconditionFailed", "412", "ConditionalRequestConflict", "NoSuchKey"}
