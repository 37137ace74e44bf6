"""Opens a register's file for editing: only the lines of what changes are written anew, and no other edit is lost."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orgaudit.errors import ConfigError
from orgaudit.register.entries import KINDS, ExceptionDraft
from orgaudit.register.file import splice
from orgaudit.register.file.storage import content_of, locked, replace, revision_of
from orgaudit.register.file.yaml_text import AliasError, block, compose, flow, plain, plain_copy
from orgaudit.settings.documents import decoded
from orgaudit.settings.syntax import parse_yaml

_ORDER = tuple(ExceptionDraft.model_fields)
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(slots=True, eq=False)
class _Chunk:
    """A piece of the file: one entry from its dash or bracket to its last value, or what stands between two."""

    text: str

    def path(self) -> tuple[int, ...]:
        """Return where in the text the entry is: the only item of a list, or all of it where it is in brackets."""
        return () if self.text.lstrip().startswith("{") else (0,)


@dataclass(slots=True)
class _Section:
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
        self.revision = revision_of(content)
        self._bytes = content
        text = decoded(content or b"", path)
        self._mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
        self._newline = "\r\n" if "\r\n" in text else "\n"
        text = text.removeprefix(_BYTE_ORDER_MARK)
        parse_yaml(str(path), text)  # it is within the bounds that the parser keeps and ruamel.yaml does not
        self._index(text)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the editor of a file, empty where there is none; raises ConfigError where it cannot be understood."""
        return cls(path, content_of(path))

    def ids(self, section: str = "exceptions") -> list[str]:
        """Return the ids of a section's entries in the order of the file."""
        found = self._sections.get(section)
        return [] if found is None else list(found.chunks)

    def entry(self, id: str, section: str = "exceptions") -> dict[str, Any]:  # noqa: A002 - the key's name in the file
        """Return a copy of an entry as plain data; raises KeyError for an unknown id."""
        chunk = self._chunk(id, section)
        data: dict[str, Any] = self._read(chunk.text)
        return data

    def next_id(self, year: int, section: str = "exceptions") -> str:
        """Return the id behind the last of a year; one that the file mentions anywhere has been given away."""
        prefix = f"{KINDS[section].prefix}-{year:04}-"
        used = map(int, re.findall(rf"{prefix}([0-9]{{4,}})", self.text()))
        return f"{prefix}{max(used, default=0) + 1:04}"

    def add(self, entry: Mapping[str, Any], section: str = "exceptions") -> None:
        """Add an entry behind the last of its section; raises ConfigError where its id is missing or there already."""
        data = plain_copy(entry)
        name = data.get("id")
        if not isinstance(name, str) or not name:
            raise ConfigError("an entry has no id; give it the next one of its year", file=str(self.path), key=section)
        if name in self.ids(section):
            raise ConfigError(f"{name} exists already; ids are never used again", file=str(self.path), key=section)
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
        """Change some keys of an entry; None removes a key. Raises KeyError for an unknown id."""
        chunk = self._chunk(id, section)
        new = self._read(chunk.text)
        for key, value in changes.items():
            if value is None:
                new.pop(key, None)
            elif key in new:
                new[key] = plain_copy(value)
            else:
                new = _with_key(new, key, plain_copy(value))
        self._rewrite(chunk, new)

    def note(self, id: str, event: Mapping[str, Any], section: str = "exceptions") -> None:  # noqa: A002 - as in entry
        """Add an event at the end of an entry's history; raises KeyError for an unknown id."""
        history = self.entry(id, section).get("history") or []
        if not isinstance(history, list):
            raise ConfigError(f"{id}: history is not a list; correct it first", file=str(self.path), key="history")
        self.set(id, {"history": [*history, event]}, section)

    def text(self) -> str:
        """Return the file as it would be written."""
        return self._mark + "".join(piece.text for piece in self._pieces)

    def save(self) -> bool:
        """Write the file whole and return whether anything changed.

        Raises ConfigError where the file was changed since it was opened, and ReportError where it cannot be written.
        In both cases the file stays as it is.
        """
        content = self.text().encode()
        if content == (self._bytes or b""):
            return False
        target = self.path.resolve()
        with locked(target.parent):
            if revision_of(content_of(target)) != self.revision:
                message = "was changed meanwhile, and nothing was written; repeat the command"
                raise ConfigError(message, file=str(self.path))
            replace(target, content)
        self._bytes, self.revision = content, revision_of(content)
        return True

    def _chunk(self, name: str, section: str) -> _Chunk:
        home = self._sections.get(section)
        if home is None or name not in home.chunks:
            raise KeyError(name)
        return home.chunks[name]

    def _read(self, text: str) -> Any:  # noqa: ANN401 - an entry may be wrong in any way
        node = _composed(text, self.path)
        try:
            data = None if node is None else plain(node)
        except AliasError as error:
            raise ConfigError(f"{error}; write the value out", file=str(self.path)) from error
        except YAMLError as error:
            what = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise ConfigError(f"has a tag that is not read: {what}; quote the value", file=str(self.path)) from error
        return data[0] if isinstance(data, list) else data

    def _rewrite(self, chunk: _Chunk, data: dict[str, Any]) -> None:
        text = splice.changed(chunk.text, data, chunk.path())
        chunk.text = text if self._newline == "\n" else re.sub(r"\r?\n", self._newline, text)

    def _lines(self, home: _Section, data: dict[str, Any]) -> str:
        if home.in_brackets:
            return flow(data, as_json=self._is_json)
        lines = " " * home.column + block([data], home.column)
        return lines.replace("\n", self._newline)

    def _begun(self, section: str, data: dict[str, Any]) -> str:
        """Return the text with a section's first entry."""
        text = self.text().removeprefix(_BYTE_ORDER_MARK)
        root = self._top(text)
        if root is not None and splice.is_flow(root):
            if root.value:
                return splice.changed(text, {**plain(root), section: [data]})
            whole = flow({section: [data]}, as_json=True)
            return text[: root.start_mark.index] + whole + text[root.end_mark.index :]
        lines = "  " + block([data], 2)
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
        if root is None or (isinstance(root, ScalarNode) and plain(root) is None):
            return None
        if not isinstance(root, MappingNode):
            raise ConfigError(
                "is not a register; write the key exceptions with a list of entries", file=str(self.path), line=1
            )
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
    """Yield each section that has entries, in the order of the file; raises ConfigError for one that is not a list."""
    for key, node in [] if root is None else root.value:
        if key.value not in KINDS or (isinstance(node, ScalarNode) and plain(node) is None):
            continue
        if not isinstance(node, SequenceNode):
            line = node.start_mark.line + 1
            raise ConfigError(
                "must be a list of entries; begin each with a dash", file=str(path), line=line, key=key.value
            )
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
        return compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise ConfigError(f"is not valid YAML: {error.problem or error.context}", file=str(path), line=line) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"is not valid YAML: {str(error).splitlines()[0]}", file=str(path)) from error
