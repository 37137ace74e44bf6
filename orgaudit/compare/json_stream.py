"""Reads findings from JSON one by one, whatever the size of the file: a list, an object with a list, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from orgaudit.errors import ConfigError
from orgaudit.model import Json

CHUNK = 1 << 20
"""Characters that are read at once."""

MOST_CHARACTERS = 8 << 20
"""The longest value that is read. Security Hub bounds a finding at 240 KB:
https://docs.aws.amazon.com/securityhub/latest/userguide/controls-findings-create-update.html"""

_SPACE = " \t\r\n"
_OF_NUMBERS = "+-.eE0123456789"
_DECODER = json.JSONDecoder()
_BY_MARK = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def encoding_of(file: Path) -> str:
    """Return the encoding by a file's first bytes; raises ConfigError where it cannot be read.

    PowerShell writes what a command prints as UTF-16.
    """
    try:
        with file.open("rb") as stream:
            return _BY_MARK.get(stream.read(2), "utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror}); check its path and who may read it", file=str(file)
        ) from error


def first_character(file: Path) -> str:
    """Return the first character of a file that is not white space, "" for an empty one; raises ConfigError."""
    with _opened(file) as stream:
        return _Text(file, stream).peek()


def findings(file: Path, key: str) -> Iterator[tuple[int, Json]]:
    """Yield the line and the value of each finding: items of a list, of the list under `key`, or objects side by side.

    Raises ConfigError with the line where the file cannot be read or is not JSON of one of these forms.
    """
    with _opened(file) as stream:
        text = _Text(file, stream)
        while text.peek():
            if text.peek() == "[":
                yield from text.items()
            elif text.peek() == "{":
                yield from _findings_of_object(text, key)
            else:
                raise text.error("a list or an object of JSON is expected here")


def _findings_of_object(text: _Text, key: str) -> Iterator[tuple[int, Json]]:
    """Yield the items of an object's list, or the object itself where it has none."""
    line, members, is_finding = text.line, {}, True
    for name in text.names():
        if name == key and text.peek() == "[":
            is_finding = False
            yield from text.items()
        else:
            members[name] = text.value()
    if is_finding:
        yield line, members


def _opened(file: Path) -> TextIO:
    try:
        return file.open(encoding=encoding_of(file), newline="")
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(file)) from error


class _Text:
    """A file's text from where reading has come to; each method raises ConfigError where the text is not as it asks."""

    def __init__(self, file: Path, stream: TextIO) -> None:
        self.line = 1
        self._file, self._stream = file, stream
        self._buffer, self._at, self._ended = "", 0, False

    def error(self, message: str) -> ConfigError:
        """Return an error at the present line."""
        remedy = "export the findings again, or name another file"
        return ConfigError(f"{message}; {remedy}", file=str(self._file), line=self.line)

    def peek(self) -> str:
        """Return the next character that is not white space, "" at the end."""
        while True:
            while self._at < len(self._buffer):
                character = self._buffer[self._at]
                if character not in _SPACE:
                    return character
                self._pass(self._at + 1)
            if not self._more():
                return ""

    def value(self) -> Json:
        """Return the next value."""
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise self.error("is nested too deep") from error
            except ValueError as error:
                problem = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
                if not self._grow():
                    raise self.error(f"is not valid JSON here: {problem}") from error
            else:
                may_go_on = isinstance(found, int | float) and not self._buffer[end : end + 3].strip(_OF_NUMBERS)
                if end + 3 < len(self._buffer) or not may_go_on or not self._grow():
                    self._pass(end)
                    return found

    def items(self) -> Iterator[tuple[int, Json]]:
        """Yield the line and the value of each item of the list that begins here."""
        for _ in self._parts("[", "]"):
            yield self.line, self.value()

    def names(self) -> Iterator[str]:
        """Yield each name of the object that begins here; its value has to be read before the next."""
        for _ in self._parts("{", "}"):
            if self.peek() != '"':
                raise self.error("is not valid JSON here: a name in quotes is expected")
            name: str = self.value()
            self._take(":")
            self.peek()
            yield name

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        self._take(opening)
        if self.peek() == closing:
            self._take(closing)
            return
        while True:
            self.peek()
            yield
            if self.peek() == closing:
                self._take(closing)
                return
            self._take(",")

    def _take(self, character: str) -> None:
        found = self.peek()
        if found != character:
            what = "ends too early" if not found else f"is not valid JSON here: {character!r} is expected"
            raise self.error(what)
        self._pass(self._at + 1)

    def _pass(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _grow(self) -> bool:
        """Read as much again as the present value has, so that a long one is not decoded at every chunk."""
        length = len(self._buffer) - self._at
        if length > MOST_CHARACTERS:
            raise self.error("a single value is longer than any finding, or is not valid JSON")
        return self._more(max(CHUNK, length))

    def _more(self, count: int = 0) -> bool:
        if self._ended:
            return False
        try:
            chunk = self._stream.read(count or CHUNK)
        except UnicodeDecodeError as error:
            raise self.error("is not UTF-8") from error
        except OSError as error:
            raise self.error(f"cannot be read ({error.strerror})") from error
        self._ended = not chunk
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return not self._ended
