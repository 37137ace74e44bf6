"""Opens a register's file for editing: only the lines of what changes are written anew, and no other edit is lost."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orgaudit.errors import ConfigError, ReportError
from orgaudit.register.entries import ExceptionDraft
from orgaudit.register.file import splice

MOST_BYTES = 64 * 1024 * 1024
PREFIXES = {"exceptions": "EXC", "attestations": "ATT"}
"""The sections of a register, and with what their entries' ids begin."""

_ORDER = tuple(ExceptionDraft.model_fields)
_BYTE_ORDER_MARK = "\ufeff"


class _Chunk(msgspec.Struct, eq=False):
    """A piece of the file: one entry from its dash or bracket to its last value, or what stands between two."""

    text: str

    def path(self) -> tuple[int, ...]:
        """Return where in the text the entry is: the only item of a list, or all of it where it is in brackets."""
        return () if self.text.lstrip().startswith("{") else (0,)


class _Section(msgspec.Struct):
    """One list of the file: its entries by id, and how one more is added behind the piece `last`.

    `gap` is what stands between two entries: an empty line, nothing, or within brackets a comma.
    """

    column: int
    gap: str
    in_brackets: bool
    last: _Chunk
    chunks: dict[str, _Chunk]


class RegisterEditor:
    """One register file that is open for editing. Other entries, comments, order and quotes stay as they are."""

    def __init__(self, path: Path, content: bytes | None) -> None:
        self.path = path
        self.revision = _revision(content)
        self._bytes = content
        text = _decoded(content or b"", path)
        self._mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._index(text.removeprefix(_BYTE_ORDER_MARK))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the ledger of a file, empty where there is none; raises ConfigError where it cannot be understood."""
        return cls(path, _content(path))

    def ids(self, section: str = "exceptions") -> list[str]:
        """Return the ids of a section's entries in the order of the file."""
        found = self._sections.get(section)
        return [] if found is None else list(found.chunks)

    def entry(self, id: str, section: str = "exceptions") -> dict[str, Any]:  # noqa: A002 - the key's name in the file
        """Return a copy of an entry as plain data; raises KeyError where there is none of this id."""
        chunk = self._chunk(id, section)
        data: dict[str, Any] = self._read(chunk.text)
        return data

    def next_id(self, year: int, section: str = "exceptions") -> str:
        """Return the id behind the last of a year; one that the file mentions anywhere has been given away."""
        prefix = f"{PREFIXES[section]}-{year:04}-"
        used = map(int, re.findall(rf"{prefix}([0-9]{{4,}})", self.text()))
        return f"{prefix}{max(used, default=0) + 1:04}"

    def add(self, entry: Mapping[str, Any], section: str = "exceptions") -> None:
        """Add an entry behind the last of its section; raises ConfigError where its id is missing or there already."""
        data = splice.plain_copy(entry)
        name = data.get("id")
        if not isinstance(name, str) or not name:
            raise ConfigError("an entry needs an id", file=str(self.path), key=section)
        if name in self.ids(section):
            raise ConfigError(f"{name} is there already; ids are never used again", file=str(self.path), key=section)
        home = self._sections.get(section)
        if home is None:
            self._index(self._begun(section, data))
            return
        chunk = _Chunk(self._lines(home, data))
        at = next(index for index, piece in enumerate(self._pieces) if piece is home.last)
        line_ends = home.in_brackets or home.last.text.endswith("\n")
        self._pieces[at + 1 : at + 1] = [_Chunk(home.gap if line_ends else self._newline + home.gap), chunk]
        home.last = home.chunks[name] = chunk

    def set(self, id: str, changes: Mapping[str, Any], section: str = "exceptions") -> None:  # noqa: A002 - as in entry
        """Change some keys of an entry; None removes a key. Raises KeyError where there is no entry of this id."""
        chunk = self._chunk(id, section)
        new = self._read(chunk.text)
        for key, value in changes.items():
            if value is None:
                new.pop(key, None)
            elif key in new:
                new[key] = splice.plain_copy(value)
            else:
                new = _with_key(new, key, splice.plain_copy(value))
        self._rewrite(chunk, new)

    def note(self, id: str, event: Mapping[str, Any], section: str = "exceptions") -> None:  # noqa: A002 - as in entry
        """Add an event at the end of an entry's history; raises KeyError where there is no entry of this id."""
        history = self.entry(id, section).get("history") or []
        if not isinstance(history, list):
            raise ConfigError(f"the history of {id} is no list; correct it first", file=str(self.path), key="history")
        self.set(id, {"history": [*history, event]}, section)

    def text(self) -> str:
        """Return the file as it would be written."""
        return self._mark + "".join(piece.text for piece in self._pieces)

    def save(self) -> bool:
        """Write the file whole and return whether anything changed.

        Raises ConfigError where somebody else has changed the file since it was opened, and ReportError where it
        cannot be written. In both cases the file stays as it is.
        """
        content = self.text().encode()
        if content == (self._bytes or b""):
            return False
        target = self.path.resolve()
        with _locked(target.parent):
            if _revision(_content(target)) != self.revision:
                message = "has been changed by somebody else meanwhile, and nothing was written; do it again"
                raise ConfigError(message, file=str(self.path))
            _replace(target, content)
        self._bytes, self.revision = content, _revision(content)
        return True

    def _chunk(self, name: str, section: str) -> _Chunk:
        home = self._sections.get(section)
        if home is None or name not in home.chunks:
            raise KeyError(name)
        return home.chunks[name]

    def _read(self, text: str) -> Any:  # noqa: ANN401 - an entry may be wrong in any way
        node = _composed(text, self.path)
        data = None if node is None else splice.plain(node)
        return data[0] if isinstance(data, list) else data

    def _rewrite(self, chunk: _Chunk, data: dict[str, Any]) -> None:
        text = splice.changed(chunk.text, data, chunk.path())
        chunk.text = text if self._newline == "\n" else re.sub(r"\r?\n", self._newline, text)

    def _lines(self, home: _Section, data: dict[str, Any]) -> str:
        if home.in_brackets:
            return splice.flow(data, as_json=self._is_json)
        lines = " " * home.column + splice.block([data], home.column)
        return lines.replace("\n", self._newline)

    def _begun(self, section: str, data: dict[str, Any]) -> str:
        """Return the text with a section's first entry."""
        text = self.text().removeprefix(_BYTE_ORDER_MARK)
        root = self._top(text)
        if root is not None and splice.is_flow(root):
            if root.value:
                return splice.changed(text, {**splice.plain(root), section: [data]})
            whole = splice.flow({section: [data]}, as_json=True)
            return text[: root.start_mark.index] + whole + text[root.end_mark.index :]
        lines = "  " + splice.block([data], 2)
        place = None if root is None else _place_of_first(text, root, section)
        if place is None:
            at = len(text) if root is None else int(root.end_mark.index)
            lines = f"{section}:\n{lines}" if not text[:at].strip() else f"\n{section}:\n{lines}"
        else:
            text, at = place
        begins = "" if not text[:at] or text[at - 1] == "\n" else "\n"
        return text[:at] + (begins + lines).replace("\n", self._newline) + text[at:]

    def _top(self, text: str) -> MappingNode | None:
        """Return the file's keys and values, None where it has none; raises ConfigError for anything else."""
        root = _composed(text, self.path)
        if root is None or (isinstance(root, ScalarNode) and splice.plain(root) is None):
            return None
        if not isinstance(root, MappingNode):
            raise ConfigError("is no register; it must be keys and values", file=str(self.path), line=1)
        return root

    def _index(self, text: str) -> None:
        """Cut a text into its entries and what stands between them."""
        root = self._top(text)
        self._is_json = root is not None and splice.is_flow(root)
        self._pieces: list[_Chunk] = []
        self._sections: dict[str, _Section] = {}
        behind = 0
        for name, node in _lists(root, self.path):
            section, behind = self._section(text, node, behind)
            self._sections[name] = section
        self._pieces.append(_Chunk(text[behind:]))

    def _section(self, text: str, node: SequenceNode, behind: int) -> tuple[_Section, int]:
        """Cut a list into pieces and return it with the place where its last piece ends."""
        in_brackets = splice.is_flow(node)
        chunks: dict[str, _Chunk] = {}
        gaps = []
        for slot in splice.slots(text, node):
            start = slot.start if in_brackets else text.rfind("\n", 0, slot.start) + 1
            end = slot.end if in_brackets else splice.line_end(text, slot.end)
            gaps.append(text[behind:start])
            chunk = _Chunk(text[start:end])
            self._pieces += [_Chunk(text[behind:start]), chunk]
            if (name := _id(slot.node)) is not None:
                chunks.setdefault(name, chunk)
            behind = end
        if in_brackets:
            return _Section(node.start_mark.column, ", ", in_brackets, chunk, chunks), behind
        end = _behind_comments(text, behind, node.end_mark.index)
        comments = _Chunk(text[behind:end])
        self._pieces.append(comments)
        apart = any(not line.strip() for gap in gaps[1:] for line in gap.splitlines())
        gap = self._newline if apart or len(gaps) == 1 else ""
        return _Section(node.start_mark.column, gap, in_brackets, comments if comments.text else chunk, chunks), end


def _lists(root: MappingNode | None, path: Path) -> Iterator[tuple[str, SequenceNode]]:
    """Yield each section that has entries, in the order of the file; raises ConfigError for one that is no list."""
    for key, node in [] if root is None else root.value:
        if key.value not in PREFIXES or (isinstance(node, ScalarNode) and splice.plain(node) is None):
            continue
        if not isinstance(node, SequenceNode):
            line = node.start_mark.line + 1
            raise ConfigError("must be a list", file=str(path), line=line, key=key.value)
        if node.value:
            yield key.value, node


def _place_of_first(text: str, root: MappingNode, section: str) -> tuple[str, int] | None:
    """Return the text without a section's `[]` or `null` and where its first entry goes; None without the section."""
    slots = [*splice.slots(text, root), None]
    for slot, following in itertools.pairwise(slots):
        if slot is None or slot.key != section:
            continue
        end = root.end_mark.index if following is None else following.start
        head = text[: slot.value_start].rstrip(" ")
        text = head + text[slot.end :]
        return text, _behind_comments(text, splice.line_end(text, len(head)), end - slot.end + len(head))
    return None


def _id(item: Node) -> str | None:
    if not isinstance(item, MappingNode):
        return None
    return next((str(value.value) for key, value in item.value if key.value == "id"), None)


def _behind_comments(text: str, start: int, end: int) -> int:
    """Return where the indented comments end that follow `start`; those at the margin belong to what comes next."""
    behind = start
    for line in re.finditer(r"[^\n]*(?:\n|$)", text[start:end]):
        if line[0][:1] == " " and line[0].lstrip().startswith("#"):
            behind = start + line.end()
    return behind


def _with_key(entry: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """Return an entry with one more key, where an entry has it; a key that none has stands before the history."""
    rank = _ORDER.index(key) if key in _ORDER else _ORDER.index("history")
    names = list(entry)
    known = [index for index, name in enumerate(names) if name in _ORDER and _ORDER.index(name) < rank]
    names.insert(max(known, default=len(names) - 1) + 1, key)
    return {name: value if name == key else entry[name] for name in names}


def _composed(text: str, path: Path) -> Node | None:
    try:
        return splice.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise ConfigError(f"is not valid YAML: {error.problem or error.context}", file=str(path), line=line) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"is not valid YAML: {str(error).splitlines()[0]}", file=str(path)) from error


def _content(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"is larger than {MOST_BYTES >> 20} MB; a register is not", file=str(path))
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(path)) from error


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8; save it in that encoding", file=str(path), line=line) from error


def _revision(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep every other orgaudit from writing into a directory; the lock leaves no file and ends with the process."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise ReportError(f"cannot write into {directory}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with the permissions that it had; raises ReportError."""
    temporary: Path | None = None
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}; the register is as it was") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
