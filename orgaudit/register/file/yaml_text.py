"""Plain data as YAML text, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

Plain: TypeAlias = Any
"""Plain data of a file: text, numbers, booleans, dates, lists, dictionaries by text, and None."""

_PRINTABLE = re.compile(r"[ -~\u00a1-\u1fff\u2030-\ud7ff\U00010000-\U0010ffff]*")
_UNPRINTABLE = re.compile(r"[^ -~\u00a1-\u1fff\u2030-\ud7ff\U00010000-\U0010ffff]")
# A line that a literal block gives back exactly; any other text of several lines is quoted.
_BLOCK_LINE = re.compile(rf"(?! ){_PRINTABLE.pattern}(?<! )")
_PLAIN_TEXT = re.compile(rf"(?=[\w/.+<(=]){_PRINTABLE.pattern}(?<! )")


def compose(text: str) -> Node | None:
    """Return the nodes of a text with their places in it; raises ruamel's YAMLError."""
    node: Node | None = YAML(typ="safe", pure=True).compose(text)
    return node


class AliasError(ValueError):
    """A collection that a text holds once and names again, which may be within itself."""


def plain(node: Node) -> Plain:
    """Return the data of a node: the first of keys that are there twice, and text for a day that no calendar has.

    Raises AliasError for aliases of collections: a few lines of them hold gigabytes.
    """
    return _plain(node, set())


def _plain(node: Node, known: set[int]) -> Plain:
    if isinstance(node, MappingNode | SequenceNode):
        if id(node) in known:
            raise AliasError("aliases are not read")
        known.add(id(node))
    if isinstance(node, MappingNode):
        first = {str(key.value): value for key, value in reversed(node.value)}
        return {name: _plain(first[name], known) for name in dict.fromkeys(str(key.value) for key, _ in node.value)}
    if isinstance(node, SequenceNode):
        return [_plain(item, known) for item in node.value]
    try:
        return YAML(typ="safe", pure=True).constructor.construct_object(node)
    except ValueError:
        return str(node.value)


def plain_copy(value: object) -> Plain:
    """Return a value as plain data; raises TypeError or ValueError for what a YAML file does not hold."""
    if isinstance(value, Mapping):
        return {str(key): plain_copy(item) for key, item in value.items()}
    if isinstance(value, str):
        value.encode()
        return str(value)
    if value is None or isinstance(value, bool | int | float) or type(value) is date:
        return value
    if isinstance(value, Iterable):
        return [plain_copy(item) for item in value]
    raise TypeError(f"{value!r} is not plain data")


def block(value: Plain, column: int) -> str:
    """Return a collection as lines of YAML; each but the first is indented by `column`."""
    lines = _lines(value)
    return "\n".join(f"{' ' * column}{line}" if number and line else line for number, line in enumerate(lines)) + "\n"


def flow(value: Plain, *, as_json: bool = False) -> str:
    """Return a value on one line, as it may stand between brackets."""
    if isinstance(value, dict):
        pairs = (f"{flow(key, as_json=as_json)}: {flow(item, as_json=as_json)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(flow(item, as_json=as_json) for item in value)}]"
    if isinstance(value, date):
        return f'"{value}"' if as_json else value.isoformat()
    if isinstance(value, str):
        return value if not as_json and _reads_back(value, "[{}]") else _quoted(value)
    return json.dumps(value)


def same(old: Plain, new: Plain) -> bool:
    """Return whether two values are the same in a file, where a date may be in quotes."""
    if type(new) is date and isinstance(old, str):
        return old == new.isoformat()
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in new)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    return type(old) is type(new) and bool(old == new)


def scalar(value: Plain, style: str | None) -> str:
    """Return a value as it may stand behind `key: ` on one line, with the quotes that were there."""
    if not isinstance(value, str):
        return flow(value)
    if style == "'" and _PRINTABLE.fullmatch(value):
        return "'{}'".format(value.replace("'", "''"))
    return value if style is None and _reads_back(value, "{}") else _quoted(value)


def _quoted(text: str) -> str:
    """Return a text in double quotes, in JSON's escapes, which are YAML's too, for all that is not printable."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _reads_back(text: str, around: str) -> bool:
    """Return whether a text without quotes is that text when it is read again."""
    if not _PLAIN_TEXT.fullmatch(text):
        return False
    try:
        found = compose(around.format(text))
        return found is not None and same(plain(found), text if around == "{}" else [text])
    except YAMLError:  # "=" and "<<" parse, but YAML gives them a meaning that is not data
        return False


def _lines(value: Plain) -> list[str]:
    """Return the lines of a collection that is not empty, or the only line of anything else."""
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _pair_lines(flow(key), item)]
    if isinstance(value, list) and value:
        return [line for item in value for line in _under("- ", _lines(item))]
    return [scalar(value, None)]


def _pair_lines(key: str, value: Plain) -> list[str]:
    if fits_block(value):
        chomping = "" if value.endswith("\n") else "-"
        return [f"{key}: |{chomping}", *(f"  {line}" if line else "" for line in value.splitlines())]
    if isinstance(value, list) and value and all(map(_is_row, value)):
        return [f"{key}:", *(f"  - {flow(item)}" for item in value)]
    if isinstance(value, dict | list) and value:
        return [f"{key}:", *_under("  ", _lines(value))]
    return [f"{key}: {scalar(value, None)}"]


def _under(first: str, lines: list[str]) -> list[str]:
    indent = " " * len(first)
    return [
        f"{indent if number or not first.strip() else first}{line}" if line else "" for number, line in enumerate(lines)
    ]


def _is_row(value: Plain) -> bool:
    """Return whether a dictionary is as flat as a history's event, so that one line holds it."""
    if not isinstance(value, dict) or not value or any(isinstance(item, list) for item in value.values()):
        return False
    inner = [each for item in value.values() if isinstance(item, dict) for each in item.values()]
    return all(isinstance(each, list) and not any(isinstance(it, dict | list) for it in each) for each in inner)


def fits_block(text: Plain) -> bool:
    """Return whether a value is a text of several lines that reads back from a literal block as it is."""
    if not isinstance(text, str):
        return False
    lines = text.removesuffix("\n").split("\n")
    return len(lines) > 1 and bool(lines[0] and lines[-1]) and all(not it or _BLOCK_LINE.fullmatch(it) for it in lines)
