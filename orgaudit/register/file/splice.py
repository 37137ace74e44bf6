"""Changes single values inside a YAML text and leaves every other character of it as it is.

A dump of the whole document, even one that keeps comments, moves some of them and indents anew; a reviewer would see a
hundred changed lines for one changed date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orgaudit.register.file.yaml_text import Plain, block, compose, fits_block, flow, plain, same, scalar
from orgaudit.settings.syntax import KeyPath


@dataclass(frozen=True, slots=True)
class _Put:
    """Another value in the place of the one at `path`."""

    path: KeyPath
    value: Plain


@dataclass(frozen=True, slots=True)
class _Insert:
    """A new item, or a new key, before position `at` of the collection at `path`."""

    path: KeyPath
    at: int
    value: Plain
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Remove:
    """The item or key at `path` goes."""

    path: KeyPath


_Step: TypeAlias = _Put | _Insert | _Remove


_Piece: TypeAlias = tuple[int, int, str]
"""From where to where another text is put."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One key with its value, or one item: where it begins, where its value is and ends, and the node itself."""

    start: int
    value_start: int
    end: int
    key: str | None
    node: Node


def changed(text: str, new: Plain, at: KeyPath = ()) -> str:
    """Return a text whose value at `at` is `new`, with the fewest values of it written anew."""
    root = compose(text)
    old = plain(_node_at(root, at))
    for step in _steps(old, new, at):
        text = _stepped(text, step)
    return text


def line_end(text: str, index: int) -> int:
    """Return where the line of the last character before `index` that is not white space ends."""
    while index > 0 and text[index - 1] in " \t\r\n":
        index -= 1
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _steps(old: Plain, new: Plain, path: KeyPath) -> Iterator[_Step]:
    """Yield the steps from one value to another; each leaves the places of those behind it valid."""
    if same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict) and old and new:
        yield from _mapping_steps(old, new, path)
    elif isinstance(old, list) and isinstance(new, list) and old and new:
        yield from _list_steps(old, new, path)
    else:
        yield _Put(path, new)


def _mapping_steps(old: dict[str, Plain], new: dict[str, Plain], path: KeyPath) -> Iterator[_Step]:
    keys = list(old)
    order = list(new)
    for number, key in enumerate(order):
        if key in old:
            yield from _steps(old[key], new[key], (*path, key))
            continue
        before = order[number - 1] if number else None
        at = keys.index(before) + 1 if before is not None else 0
        yield _Insert(path, at, new[key], key)
        keys.insert(at, key)
    for key in old:
        if key not in new:
            yield _Remove((*path, key))


def _list_steps(old: list[Plain], new: list[Plain], path: KeyPath) -> Iterator[_Step]:
    matcher = SequenceMatcher(None, list(map(repr, old)), list(map(repr, new)), autojunk=False)
    for what, first, last, new_first, new_last in reversed(matcher.get_opcodes()):
        if what == "equal":
            continue
        if last - first == new_last - new_first:
            for offset in range(last - first):
                yield from _steps(old[first + offset], new[new_first + offset], (*path, first + offset))
            continue
        for item in reversed(new[new_first:new_last]):
            yield _Insert(path, last, item)
        for index in reversed(range(first, last)):
            yield _Remove((*path, index))


def _node_at(root: Node | None, path: KeyPath) -> Node:
    node = root
    for part in path:
        if isinstance(node, MappingNode):
            node = next(value for key, value in node.value if str(key.value) == part)
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            node = node.value[part]
    if node is None:
        raise KeyError(path)
    return node


def _stepped(text: str, step: _Step) -> str:
    """Return a text after one step; its first characters show whether it is JSON."""
    as_json = text.startswith('{"')
    home = _node_at(compose(text), step.path if isinstance(step, _Insert) else step.path[:-1])
    found = list(slots(text, home))
    in_flow = is_flow(home)
    if isinstance(step, _Insert):
        insert = _flow_insert if in_flow else _block_insert
        start, end, new = insert(text, found, step, as_json=as_json)
    else:
        index = next(index for index, slot in enumerate(found) if step.path[-1] in {slot.key, index})
        if isinstance(step, _Remove):
            start, end, new = (_flow_remove if in_flow else _block_remove)(text, found, index)
        else:
            start, end, new = _put(text, found[index], step.value, as_json=as_json, in_flow=in_flow)
    return text[:start] + new + text[end:]


def slots(text: str, home: Node) -> Iterator[Slot]:
    """Yield the slots of a collection in the order of the text."""
    if isinstance(home, MappingNode):
        for key, node in home.value:
            behind_colon = text.find(":", key.end_mark.index) + 1
            value_start = behind_colon if _is_absent(node) else node.start_mark.index
            yield Slot(key.start_mark.index, value_start, _end(text, node, value_start), str(key.value), node)
        return
    dash = re.compile(rf"^ {{{home.start_mark.column}}}-(?=\s)", re.MULTILINE)
    start = end = int(home.start_mark.index)
    for number, node in enumerate(home.value):
        if is_flow(home):
            start = node.start_mark.index
        elif number and (found := dash.search(text, end)):
            start = found.end() - 1
        value_start = start + 1 if _is_absent(node) else node.start_mark.index
        end = _end(text, node, value_start)
        yield Slot(start, value_start, end, None, node)


def is_flow(node: Node) -> bool:
    """Return whether a node is a collection in brackets."""
    return isinstance(node, MappingNode | SequenceNode) and bool(node.flow_style)


def _is_absent(node: Node) -> bool:
    # The marks of a value that is not written are those of whatever comes next.
    return isinstance(node, ScalarNode) and node.style is None and not node.value


def _end(text: str, node: Node, value_start: int) -> int:
    """Return where a value ends; a block's own end mark stands behind the comments that follow it."""
    if _is_absent(node):
        return value_start
    if isinstance(node, ScalarNode) or is_flow(node) or not node.value:
        return int(node.end_mark.index)
    return list(slots(text, node))[-1].end


def _put(text: str, slot: Slot, value: Plain, *, as_json: bool, in_flow: bool) -> _Piece:
    """Return the piece that writes a value anew: on its line where it fits, else as lines of its own."""
    space = " " if _is_absent(slot.node) else ""
    style = slot.node.style if isinstance(slot.node, ScalarNode) else None
    if in_flow:
        written = scalar(value, style) if style and not as_json else flow(value, as_json=as_json)
        return slot.value_start, slot.end, space + written
    was_on_line = isinstance(slot.node, ScalarNode) and style not in {"|", ">"}
    if was_on_line and not (value and isinstance(value, dict | list)) and not fits_block(value):
        return slot.value_start, slot.end, space + scalar(value, style)
    column = _column(text, slot.start)
    stop = line_end(text, slot.end)
    comment = text[slot.end : stop].strip()
    lines = block([value] if slot.key is None else {slot.key: value}, column)
    return slot.start, stop, lines + (f"{' ' * column}{comment}\n" if comment else "")


def _block_insert(text: str, beside: Sequence[Slot], step: _Insert, *, as_json: bool) -> _Piece:
    del as_json
    column = _column(text, beside[0].start)
    if step.key is None and is_flow(beside[0].node) and isinstance(step.value, dict):
        lines = f"- {flow(step.value)}\n"
    else:
        lines = block([step.value] if step.key is None else {step.key: step.value}, column)
    indent = " " * column
    if step.at == 0:
        return beside[0].start, beside[0].start, lines + indent
    stop = line_end(text, beside[step.at - 1].end)
    begins = "" if text[stop - 1] == "\n" else "\n"
    return stop, stop, begins + indent + lines


def _block_remove(text: str, beside: Sequence[Slot], index: int) -> _Piece:
    slot, stop = beside[index], line_end(text, beside[index].end)
    line_start = text.rfind("\n", 0, slot.start) + 1
    if not text[line_start : slot.start].strip():
        return line_start, stop, ""
    # The first key of an item stands behind its dash, and the next key takes its place there.
    following = beside[index + 1].start
    return (slot.start, stop, "\n") if text[stop:following].strip() else (slot.start, following, "")


def _flow_insert(text: str, beside: Sequence[Slot], step: _Insert, *, as_json: bool) -> _Piece:
    del text
    key = "" if step.key is None else f"{flow(step.key, as_json=as_json)}: "
    item = key + flow(step.value, as_json=as_json)
    if step.at == 0:
        return beside[0].start, beside[0].start, f"{item}, "
    return beside[step.at - 1].end, beside[step.at - 1].end, f", {item}"


def _flow_remove(text: str, beside: Sequence[Slot], index: int) -> _Piece:
    del text
    if index + 1 < len(beside):
        return beside[index].start, beside[index + 1].start, ""
    return beside[index - 1].end, beside[index].end, ""


def _column(text: str, index: int) -> int:
    return index - (text.rfind("\n", 0, index) + 1)
