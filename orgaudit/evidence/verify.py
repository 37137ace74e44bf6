"""Checks a pack: that every file is the one that its index lists, and who signed the index."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orgaudit.evidence import signature
from orgaudit.evidence.archive import Files, hashed, opened
from orgaudit.evidence.form import INDEX, NAMESPACE, SIGNATURE, VERSION, FileHash, Pack
from orgaudit.evidence.signature import Signers

LARGEST_INDEX = 64 << 20
"""The most bytes of an index or a signature that are read."""
_BROKEN = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged archive raises."""


class _Head(msgspec.Struct, frozen=True):
    """What of an index decides whether this version reads it."""

    form: str = ""
    schema_version: int = 0


def verify(path: Path, signers: Signers | None) -> tuple[list[str], list[str]]:
    """Return what is wrong with a pack, and what to know of it beyond that, a sentence each.

    With `signers` the index has to be signed, by that identity. Raises ConfigError where the signature cannot be
    checked at all.
    """
    try:
        with opened(path) as files:
            return _verified(files, signers)
    except _BROKEN as error:
        return [f"{path}: is not an evidence pack that can be read: {_said(error)}"], []


def _verified(files: Files, signers: Signers | None) -> tuple[list[str], list[str]]:
    counts = Counter(files.names())
    problems = [*files.oddities(), *(f"{name}: is there {n} times" for name, n in sorted(counts.items()) if n > 1)]
    index = _content(files, INDEX) if INDEX in counts else None
    if index is None:
        return [*problems, f"{INDEX}: is missing, or larger than any index"], []
    pack = _pack(index)
    if isinstance(pack, str):
        return [*problems, pack], []
    why = None if signers is None else _unsigned(files, index, signers, signed=SIGNATURE in counts)
    problems += [why] if why else []
    problems += _differences(files, pack, set(counts))
    return problems, list(_notes(pack, signers if why is None else None, signed=SIGNATURE in counts))


def _pack(index: bytes) -> Pack | str:
    """Return the index, or what is wrong with it."""
    try:
        head = msgspec.json.decode(index, type=_Head)
        if head.form == NAMESPACE and head.schema_version != VERSION:
            return f"{INDEX}: has form {head.schema_version}, and this version of orgaudit reads form {VERSION}"
        return msgspec.json.decode(index, type=Pack)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return f"{INDEX}: is not the index of an evidence pack: {error}"


def _unsigned(files: Files, index: bytes, signers: Signers, *, signed: bool) -> str | None:
    """Return why the index is not signed by the one who has to have signed it, or None."""
    if not signed:
        return f"{SIGNATURE}: is missing: the pack is not signed, so nothing shows who made it"
    content = _content(files, SIGNATURE)
    why = "it is larger than any signature" if content is None else signature.check(index, content, signers)
    return f"{SIGNATURE}: is not a signature of {INDEX} by {signers.identity}: {why}" if why is not None else None


def _differences(files: Files, pack: Pack, names: set[str]) -> Iterator[str]:
    """Yield what differs between the files and those that the index lists, a sentence each."""
    listed = {each.path: each for each in pack.files}
    for name in sorted(names - listed.keys() - {INDEX, SIGNATURE}):
        yield f"{name}: is not in {INDEX}: it was added afterwards"
    for name, known in sorted(listed.items()):
        if name not in names:
            yield f"{name}: is missing"
        elif problem := _difference(files, known):
            yield problem


def _difference(files: Files, known: FileHash) -> str | None:
    try:
        with files.open(known.path) as content:
            found = hashed(known.path, content)
    except _BROKEN as error:
        return f"{known.path}: cannot be read: {_said(error)}"
    if found.sha256 == known.sha256 and found.size == known.size:
        return None
    return f"{known.path}: does not have the SHA-256 that {INDEX} lists: it was changed afterwards"


def _notes(pack: Pack, signers: Signers | None, *, signed: bool) -> Iterator[str]:
    """Yield what to know of a pack; `signers` are those whose signature was found good."""
    if signers is not None:
        yield f"signed by {signers.identity}"
    elif signed:
        yield "signed; only --allowed-signers and --identity show by whom"
    else:
        yield "not signed: whoever changed a file could have changed the index too"
    yield f"made from run {pack.run.id}, run.json SHA-256 {pack.run.manifest_sha256} ({pack.run.standing})"


def _content(files: Files, name: str) -> bytes | None:
    """Return a small file's content, None for a larger one."""
    with files.open(name) as file:
        content = file.read(LARGEST_INDEX + 1)
    return content if len(content) <= LARGEST_INDEX else None


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
