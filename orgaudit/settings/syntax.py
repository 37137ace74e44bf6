"""Parses YAML and TOML into plain data, with the line of each key and what is more than plain data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

import yaml
from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from orgaudit.errors import ConfigError
from orgaudit.model import Json

MOST_BYTES = {".toml": 128 << 10}
"""The size of the largest file that is read, by the end of its name; others may have `MOST_BYTES_OF_OTHERS`."""

MOST_BYTES_OF_OTHERS = 8 << 20
MOST_CHARACTERS = 100_000
MOST_DIGITS = 100
MOST_KEYS = 10_000
MOST_DEPTH = 40
MOST_FLAWS = 1_000
"""The bounds of one value, of one number, of one table, of tables and lists within each other, and of flaws.

People write far less; without these a file of a few megabytes keeps a parser busy for minutes."""

_MOST_BY_PURE_PYTHON = 256 << 10
"""What ruamel.yaml, which is slow, is given to read where libyaml cannot."""

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead from a document's top to a value."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is not plain data, its place and line, and how to fix it."""

    path: KeyPath
    line: int
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document's plain data, the line of each key and item, counted from 1, and its flaws."""

    data: Json
    lines: dict[KeyPath, int]
    flaws: list[Flaw]


def parse_yaml(file: str, text: str) -> Parsed:
    """Return what a YAML document holds; raises ConfigError for invalid syntax."""
    other = _OTHER_BREAKS.search(text)
    if other and len(text) > _MOST_BY_PURE_PYTHON:
        line = text.count("\n", 0, other.start()) + 1
        message = f"holds the line break U+{ord(other[0]):04X}, which is read in small files only; replace it"
        raise ConfigError(message, file=file, line=line)
    if _LIBYAML and not other:
        # Where libyaml, which knows YAML 1.1, gives up, ruamel.yaml may not, or knows better what is wrong.
        with suppress(yaml.YAMLError) if len(text) <= _MOST_BY_PURE_PYTHON else _as_config_error(file):
            return _Reader(file, yaml.parse(text, Loader=_LIBYAML), yaml).document()
    with _as_config_error(file):
        return _Reader(file, YAML(typ="safe", pure=True).parse(text), events).document()


@contextmanager
def _as_config_error(file: str) -> Iterator[None]:
    """Raise ConfigError, with the line where it is known, for what either parser raises."""
    try:
        yield
    except (MarkedYAMLError, yaml.MarkedYAMLError) as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise ConfigError(f"is not valid YAML: {error.problem or error.context}", file=file, line=line) from error
    except (YAMLError, yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"is not valid YAML: {str(error).splitlines()[0]}", file=file) from error


_LIBYAML = getattr(yaml, "CSafeLoader", None)
"""PyYAML can be built without it; then all is read by ruamel.yaml."""

_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
"""What ends a line in YAML 1.1 and not in YAML 1.2."""

_CORE = "tag:yaml.org,2002:"
_SCALARS = {f"{_CORE}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}

_NUMBERS = {f"{_CORE}int", f"{_CORE}float"}


class _Reader:
    """Turns YAML's events into plain data; whatever is more than plain data is a flaw and reads as None.

    libyaml gives the events, because it takes a twentieth of ruamel.yaml's time; what a plain scalar means is decided
    by the rules of YAML 1.2. Its own composer would end the process on text that is nested a hundred thousand deep.
    """

    def __init__(self, file: str, stream: Iterator[Any], kinds: ModuleType) -> None:
        self._file, self._events, self._kinds = file, stream, kinds
        self._rules = YAML(typ="safe", pure=True)
        self._beginnings = self._rules.resolver.versioned_resolver.keys()
        self._lines: dict[KeyPath, int] = {}
        self._flaws: list[Flaw] = []

    def document(self) -> Parsed:
        """Return the only document; raises ConfigError for a second, and what the parser raises."""
        data = None
        for event in self._events:
            if self._is(event, "DocumentStartEvent"):
                if self._lines:
                    raise ConfigError("is not valid YAML: a second document begins", file=self._file, line=_line(event))
                data = self._value(next(self._events), ())
        return Parsed(data, self._lines, self._flaws)

    def _is(self, event: object, kind: str) -> bool:
        return isinstance(event, getattr(self._kinds, kind))

    def _value(self, event: Any, path: KeyPath) -> Json:  # noqa: ANN401 - events have no common type with a tag
        line = _line(event)
        self._lines.setdefault(path, line)
        if len(path) > MOST_DEPTH:
            raise ConfigError(f"is nested too deeply: more than {MOST_DEPTH} times", file=self._file, line=line)
        # Refusing aliases keeps a few lines from growing into gigabytes.
        if self._is(event, "AliasEvent"):
            return self._flaw(line, path, "aliases are not read", "write the value out")
        if self._is(event, "ScalarEvent"):
            return self._scalar(event, path)
        data = self._sequence(path) if self._is(event, "SequenceStartEvent") else self._mapping(path)
        if event.implicit or event.tag in {f"{_CORE}seq", f"{_CORE}map"}:
            return data
        return self._foreign(event.tag, line, path)

    def _sequence(self, path: KeyPath) -> list[Json]:
        items: list[Json] = []
        while not self._is(event := next(self._events), "SequenceEndEvent"):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Json]:
        data: dict[str, Json] = {}
        while not self._is(event := next(self._events), "MappingEndEvent"):
            if not self._is(event, "ScalarEvent") or self._tag(event) == f"{_CORE}merge":
                self._flaw(_line(event), path, "a key must be plain text", "write the keys out")
                self._skip(event)
                self._skip(next(self._events))
                continue
            key, place = self._bounded(event), (*path, event.value)
            if len(data) == MOST_KEYS:
                message = f"has more than {MOST_KEYS:,} keys in one table"
                raise ConfigError(message, file=self._file, line=_line(event))
            if key in data:
                first = self._lines[place]
                self._flaw(_line(event), place, f"the key is there twice, first on line {first}", "keep one")
                self._skip(next(self._events))
                continue
            self._lines[place] = _line(event)
            data[key] = self._value(next(self._events), place)
        return data

    def _bounded(self, event: Any) -> str:  # noqa: ANN401
        """Return a scalar's text; raises ConfigError where nobody has written so much."""
        text: str = event.value
        if len(text) > MOST_CHARACTERS:
            message = f"has a value of {len(text):,} characters; at most {MOST_CHARACTERS:,} are read"
            raise ConfigError(message, file=self._file, line=_line(event))
        return text

    def _skip(self, event: object) -> None:
        """Pass over what an event begins."""
        depth = int(self._is(event, "CollectionStartEvent"))
        while depth:
            event = next(self._events)
            depth += self._is(event, "CollectionStartEvent") - self._is(event, "CollectionEndEvent")

    def _scalar(self, event: Any, path: KeyPath) -> Json:  # noqa: ANN401
        value = self._bounded(event)
        tag = self._tag(event)
        if tag == f"{_CORE}str":
            return value
        if tag in _NUMBERS and len(value) > MOST_DIGITS:
            message = f"a number of {len(value):,} characters is not read"
            return self._flaw(_line(event), path, message, "put it in quotes if it is text")
        if tag not in _SCALARS:
            return self._foreign(tag, _line(event), path)
        try:
            return self._rules.constructor.construct_object(ScalarNode(tag, event.value))
        except ValueError:  # 2025-02-30 has the form of a date; the reader of a date reports what is wrong
            return event.value

    def _tag(self, event: Any) -> str:  # noqa: ANN401
        if event.implicit[0] and event.value[:1] in self._beginnings:
            return str(self._rules.resolver.resolve(ScalarNode, event.value, (True, False)))
        return f"{_CORE}str" if event.implicit[0] or event.implicit[1] else str(event.tag)

    def _foreign(self, tag: str, line: int, path: KeyPath) -> None:
        self._flaw(line, path, f"the tag {tag} is not read", "write a plain value")

    def _flaw(self, line: int, path: KeyPath, message: str, remedy: str) -> None:
        if len(self._flaws) == MOST_FLAWS:
            raise ConfigError(f"has more than {MOST_FLAWS:,} errors; the last: {message}", file=self._file, line=line)
        self._flaws.append(Flaw(path, line, message, remedy))


def _line(event: Any) -> int:  # noqa: ANN401 - any of the events
    return int(event.start_mark.line) + 1


def parse_toml(file: str, text: str) -> Parsed:
    """Return what a TOML document holds; raises ConfigError for invalid syntax."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        what = message[: place.start()] if place else message
        raise ConfigError(f"is not valid TOML: {what[:1].lower()}{what[1:]}", file=file, line=line) from error
    except ValueError as error:  # Python's int() on thousands of digits
        raise ConfigError("is not valid TOML: a number has too many digits", file=file) from error
    if _holds_huge_number(data):
        raise ConfigError("holds a number of too many digits", file=file)
    return Parsed(data, dict(_toml_lines(text)), [])


def _holds_huge_number(data: object) -> bool:
    """Return whether data holds an integer that has more than `MOST_DIGITS` digits, which hexadecimal ones may have."""
    if isinstance(data, dict | list):
        return any(map(_holds_huge_number, data.values() if isinstance(data, dict) else data))
    return isinstance(data, int) and abs(data) >= 10**MOST_DIGITS


_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
_TOKEN = re.compile(rf"{_STRING}|#[^\n]*|[\[\]{{}}\n]", re.DOTALL)
_KEY = r'(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
_STATEMENT = re.compile(rf"[ \t]*(?P<open>\[\[?)?[ \t]*(?P<key>{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*)")


def _toml_lines(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield each table's and key's path and line in a text that tomllib accepts; inline tables count as their key."""
    table: KeyPath = ()
    last_index: dict[KeyPath, int] = {}
    for start, line in _toml_statements(text):
        match = _STATEMENT.match(text, start)
        if match is None:
            continue
        path: KeyPath = () if match["open"] else table
        names = _toml_names(match["key"])
        for depth, name in enumerate(names):
            path = (*path, name)
            if match["open"] == "[[" and depth == len(names) - 1:
                last_index[path] = last_index.get(path, -1) + 1
                yield path, line
            if match["open"] and path in last_index:
                path = (*path, last_index[path])
        if match["open"]:
            table = path
        yield path, line


def _toml_statements(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offset and line of each line that begins outside strings and brackets."""
    line, depth = 1, 0
    yield 0, line
    for token in _TOKEN.finditer(text):
        line += token[0].count("\n")
        if token[0] in {"[", "{"}:
            depth += 1
        elif token[0] in {"]", "}"}:
            depth -= 1
        elif token[0] == "\n" and depth == 0:
            yield token.end(), line


def _toml_names(key: str) -> list[str]:
    """Return the parts of a dotted key, each unquoted by the parser itself."""
    names, data = [], tomllib.loads(f"{key} = 0")
    while isinstance(data, dict):
        [(name, data)] = data.items()
        names.append(name)
    return names
