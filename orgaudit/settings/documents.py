"""Reads TOML and YAML into plain data that knows its lines, and names every problem with file, line, key and remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.settings.syntax import MOST_BYTES, MOST_BYTES_OF_OTHERS, KeyPath, parse_toml, parse_yaml

M = TypeVar("M", bound=BaseModel)

_BESIDE = Path(__file__).parents[1]
PACKAGED = _BESIDE / "config" if (_BESIDE / "config").is_dir() else _BESIDE.parent / "config"
"""The directory of the files that come with orgaudit: in the wheel, or in a checkout the repository's config/."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename={"remedy": "mend"}):
    """One thing wrong in a file or an option, and how to fix it; `line` counts from 1."""

    file: str
    line: int | None = None
    key: str = ""
    message: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """What is wrong and how to fix it, without the place."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message

    def __str__(self) -> str:
        return str(ConfigError(self.sentence, file=self.file, line=self.line, key=self.key))


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file's plain data, the line of each key, and what is wrong with its form though it could be read.

    `flaws` pairs a place with its problem (duplicate keys, aliases, foreign tags), so that a reader of lists may drop
    the item and keep the rest.
    """

    file: str
    data: Json
    lines: dict[KeyPath, int]
    flaws: tuple[tuple[KeyPath, Problem], ...] = ()

    def line(self, path: KeyPath) -> int | None:
        """Return the line of the value at `path`, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, path: KeyPath, message: str, remedy: str = "") -> Problem:
        """Return a problem at `path`."""
        return Problem(file=self.file, line=self.line(path), key=dotted(path), message=message, remedy=remedy)


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: `limits.iam.rate`, `exceptions[3].scope`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the advice for an unknown word: the known one like it in any case, else all of them where they are few."""
    names = sorted(known)
    folded = {name.casefold(): name for name in names}
    if close := difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6):
        return f"did you mean {folded[close[0]]}?"
    listed = ", ".join(names)
    few = 0 < len(names) <= 20 and len(listed) <= 350  # noqa: PLR2004 - more would hide the message
    return f"known: {listed}" if few else ""


def error_of(problems: Sequence[Problem]) -> ConfigError:
    """Return one ConfigError that lists all problems, a line each."""
    if len(problems) == 1:
        only = problems[0]
        return ConfigError(only.sentence, file=only.file, line=only.line, key=only.key)
    return ConfigError("\n".join(map(str, problems)))


def content_of(path: Path, most: int | None = None, remedy: str = "name another file") -> bytes:
    """Return a file's content; raises ConfigError where it cannot be read or has more bytes than `most`.

    Without `most`, the limit is that of files with its suffix that people write; `remedy` is for a larger one.
    """
    most = most or MOST_BYTES.get(path.suffix, MOST_BYTES_OF_OTHERS)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror}); check its path and who may read it", file=str(path)
        ) from error
    if len(content) > most:
        size = f"{most >> 20} MB" if most >> 20 else f"{most >> 10} kB"
        raise ConfigError(f"is larger than {size}, the most that is read; {remedy}", file=str(path))
    return content


def decoded(content: bytes, path: Path) -> str:
    """Return a file's content as text; raises ConfigError."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8; save it in that encoding", file=str(path), line=line) from error


def read(path: Path) -> Document:
    """Return the document in a .toml, .yaml or .yml file; raises ConfigError when it cannot be read or parsed."""
    return document_of(path, content_of(path))


def document_of(path: Path, content: bytes) -> Document:
    """Return the document in the content of a .toml, .yaml or .yml file; raises ConfigError."""
    text = decoded(content, path).removeprefix("\ufeff")
    file = str(path)
    try:
        parsed = (parse_toml if path.suffix == ".toml" else parse_yaml)(file, text)
    except RecursionError as error:
        raise ConfigError("is nested too deeply; a file of orgaudit has few levels", file=file) from error
    flaws = tuple(
        (each.path, Problem(file=file, line=each.line, key=dotted(each.path), message=each.message, remedy=each.remedy))
        for each in parsed.flaws
    )
    return Document(file=file, data=parsed.data, lines=parsed.lines, flaws=flaws)


def load(path: Path, model: type[M]) -> M:
    """Return a file's content as `model`; raises ConfigError with every problem."""
    document = read(path)
    found = validate(document, model)
    flaws = [problem for _, problem in document.flaws]
    if isinstance(found, list):
        raise error_of(flaws + found)
    if flaws:
        raise error_of(flaws)
    return found


def validate(document: Document, model: type[M], at: KeyPath = ()) -> M | list[Problem]:
    """Return the part of a document at `at` as `model`, or every problem that it has."""
    data = value_at(document.data, at)
    try:
        return model.model_validate({} if data is None and not at else data)
    except ValidationError as error:
        return [
            document.problem((*at, *path), message, remedy)
            for path, message, remedy in explain(error, model, data if data is not None else {})
        ]


def value_at(data: Json, path: KeyPath) -> Json:
    """Return the value at `path`; raises LookupError where there is none."""
    for part in path:
        data = data[part]
    return data


def explain(error: ValidationError, model: type[BaseModel], data: Json) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield (path, message, remedy) for each of pydantic's findings about `data`, in plain words."""
    for detail in error.errors(include_url=False):
        path = _real_path(detail, data)
        yield path, *_words(detail, model, path)


def _real_path(detail: ErrorDetails, data: Json) -> KeyPath:
    """Drop the parts of pydantic's location that name a branch of a type and no key of the data."""
    location = detail["loc"]
    path: list[str | int] = []
    for position, part in enumerate(location):
        missing_here = detail["type"] == "missing" and position == len(location) - 1
        try:
            data = data[part]
        except (LookupError, TypeError):
            if not missing_here:
                continue
        path.append(part)
    return tuple(path)


_WHOLE = ("is not a whole number", "write one without quotes, such as 30")
_NUMBER = ("is not a number", "write one without quotes, such as 0.5")
_SWITCH = ("is neither true nor false", "write one of the two, without quotes")
_TABLE = ("must be a table of keys and values", "write keys, each with its value")
_LIST = ("must be a list", "write one in brackets, such as [a, b]")
_TEXT = ("must be text", "write it in quotes")

_PLAIN = {
    "missing": ("is missing", "add it"),
    "model_type": _TABLE,
    "dict_type": _TABLE,
    "tuple_type": _LIST,
    "string_type": _TEXT,
    "path_type": _TEXT,
}
"""What is said, with its remedy, of the kinds of errors for which the value does not matter, by pydantic's names."""

_QUOTING = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "greater_than": ("is too small", "write a number greater than {gt}"),
    "greater_than_equal": ("is too small", "write a number greater than or equal to {ge}"),
    "less_than": ("is too large", "write a number less than {lt}"),
    "less_than_equal": ("is too large", "write a number less than or equal to {le}"),
}
"""The same, for those where the value is quoted before what is said; the braces name pydantic's context."""

_SIZED = {
    "string_too_short": ("is too short", "write at least {min_length} characters"),
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "string_pattern_mismatch": ("has another form than this key requires", "it must match the pattern {pattern}"),
    "too_short": ("has too few items", "list at least {min_length}"),
    "too_long": ("has too many items", "list at most {max_length}"),
}
"""The same, for those where the value may be long or secret and is not quoted."""

_LONGEST = 60
"""Characters of a wrong value that a message quotes."""


def _words(detail: ErrorDetails, model: type[BaseModel], path: KeyPath) -> tuple[str, str]:
    """Return what is wrong and how to fix it; pydantic's own sentences reach nobody."""
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        message, _, remedy = str(context["error"]).replace(repr(given), _quoted(given)).partition("; ")
    elif kind == "extra_forbidden":
        message, remedy = "unknown key", nearest(str(path[-1]), _keys_known_at(model, path[:-1])) or "remove it"
    elif kind in {"enum", "literal_error"} and given is not None:
        message, remedy = _among(re.findall(r"'([^']*)'", context["expected"]), given)
    else:
        message, remedy = _words_of_kind(kind, given, context)
        remedy = remedy.format_map(context)
    return message, remedy


def _words_of_kind(kind: str, given: object, context: Mapping[str, object]) -> tuple[str, str]:
    """Return the message and the remedy, in whose braces stand names of pydantic's context."""
    if given is None and kind != "missing":
        return "has no value", "write one, or remove the key"
    if kind == "string_type" and isinstance(given, int | float) and not isinstance(given, bool):
        return f"{given!r} is a number where text is expected", "put it in quotes"
    if kind in {"string_too_short", "too_short"} and context["min_length"] == 1:
        what = "list at least 1 item" if kind == "too_short" else "write at least 1 character"
        return "is empty", f"{what}, or remove the key"
    if kind in _QUOTING:
        message, remedy = _QUOTING[kind]
        return f"{_quoted(given)} {message}", remedy
    return {**_PLAIN, **_SIZED}.get(kind, ("has a value that cannot be read", "compare it with the example"))


def _among(choices: list[str], given: object) -> tuple[str, str]:
    """Return the words for a value that is none of the choices."""
    close = nearest(str(given), choices) if given else ""
    remedy = close if close.startswith("did you mean") else "write one of them"
    return f"{_quoted(given)} is not one of {', '.join(choices)}", remedy


def _quoted(value: object) -> str:
    """Return a value as files write it, cut where it is long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _keys_known_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys of the model that stands at `path` inside `model`."""
    for part in path:
        if field := fields_of(model).get(str(part)):
            model = next(iter(models_in(field.annotation)), model)
    return list(fields_of(model))


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by the keys that they have in files."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models that an annotation names, at any depth, outermost first."""
    own = [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return [*own, *(model for argument in get_args(annotation) for model in models_in(argument))]
