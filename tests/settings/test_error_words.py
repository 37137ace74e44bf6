"""Every model that people write, fed with every wrong value its own fields suggest: plain words, each with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.register.entries import Attestation, ExceptionDraft, ExceptionEntry
from orgaudit.settings.documents import Document, Problem, dotted, fields_of, models_in, validate
from orgaudit.settings.framework_files import _FrameworkInFile
from orgaudit.settings.limits import _LimitsFile
from orgaudit.settings.sections import Sections
from orgaudit.settings.settings import load

PHRASES = (
    *("input should", "field required", "extra inputs", "value error", "assertion failed", "valid string"),
    *(
        "string should",
        "type=",
        "validation error",
        "valid integer",
        "valid number",
        "valid boolean",
        "unable to parse",
    ),
    *("should have at least", "should match", "valid dictionary", "valid tuple", "instance of", "expected `", "at `$"),
    *("cannot be read", "none of", "nonetype"),
)
SCOPE = {"controls": ["a"], "accounts": ["111122223333"]}
EXCEPTION = {
    "id": "EXC-2026-0001",
    "title": "T",
    "type": "risk_acceptance",
    "scope": SCOPE,
    "justification": "J",
    "owner": "A team",
    "requested_by": "a@example.com",
    "ticket": "S-1",
    "starts_on": date(2026, 1, 1),
    "expires_on": date(2026, 2, 1),
}
ATTESTATION = {
    "id": "ATT-2026-0001",
    "requirement": "cis_2.0:1.1",
    "status": "pass",
    "accounts": ["111122223333"],
    "attested_by": "a@example.com",
    "attested_on": date(2026, 1, 1),
    "evidence": ["seen"],
    "expires_on": date(2026, 2, 1),
}
FRAMEWORK = {
    "id": "own",
    "title": "T",
    "version": "1",
    "requirements": [{"id": "R-1", "title": "T", "assessment": "manual"}],
}
RATE = {"rate": 1, "burst": 1, "per": "account"}
MODELS: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "settings": (Sections, {}),
    "limits": (_LimitsFile, {"default": RATE, "limits": {"iam": RATE}}),
    "framework": (_FrameworkInFile, FRAMEWORK),
    "exception": (ExceptionEntry, EXCEPTION),
    "draft": (ExceptionDraft, EXCEPTION),
    "attestation": (Attestation, ATTESTATION),
}
WRONG: tuple[Json, ...] = (
    *(None, True, 3, -1, 0, 0.5, float("inf"), 10**30, "", " ", "x", "nul\0l", "#!{}", "x" * 2000, "2026-02-30"),
    *([], [None], [3], [[]], [""], ["x"], ["#!{}"], ["x" * 2000], ["regex:("], ["a", "a"]),
    *({}, {"nonsense": 1}, {"x": None}, {"": ""}, date(2026, 1, 1), {"a": {"b": ["c"]}}),
)


def places(model: type[BaseModel], path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every key that a model may hold, at any depth; a list's first item stands for all."""
    for key, field in fields_of(model).items():
        yield (*path, key)
        if len(path) < 4:
            inside: tuple[str | int, ...] = (*path, key)
            if "tuple" in str(field.annotation):
                inside = (*inside, 0)
            elif dict in (get_origin(each) for each in (field.annotation, *get_args(field.annotation))):
                inside = (*inside, "iam")
            for each in models_in(field.annotation)[:1]:
                yield inside
                yield from places(each, inside)


def put(data: Json, path: tuple[str | int, ...], value: Json) -> Json:
    """A copy of the data with a value at a path, and what is missing on the way."""
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        items = list(data) if isinstance(data, list) else []
        return [put(items[0] if items else {}, tuple(rest), value), *items[1:]]
    table = dict(data) if isinstance(data, dict) else {}
    return {**table, first: put(table.get(first, {}), tuple(rest), value)}


def without(data: Json, path: tuple[str | int, ...]) -> Json:
    *around, last = path
    inner = data
    for part in around:
        inner = inner[part]
    return put(data, tuple(around), {key: value for key, value in inner.items() if key != last})


def problems(model: type[BaseModel], data: Json) -> list[Problem]:
    found = validate(Document(file="f", data=data, lines={}), model)
    return found if isinstance(found, list) else []


def assert_plain(found: list[Problem], data: Json) -> None:
    for problem in found:
        said = f"{problem.message}; {problem.remedy}".casefold()
        assert not [phrase for phrase in PHRASES if phrase in said], (said, data)
        assert problem.remedy, (problem, data)
        assert len(problem.sentence) < 400, problem


@pytest.mark.parametrize("name", MODELS)
def test_every_wrong_value_is_refused_in_plain_words(name: str) -> None:
    model, sound = MODELS[name]
    assert problems(model, sound) == []
    refused: set[str] = set()
    for path in places(model):
        for value in WRONG:
            data = put(sound, path, value)
            found = problems(model, data)
            assert_plain(found, data)
            refused |= {dotted(path)} if found else set()
        found = problems(model, put(sound, (*path[:-1], "unheard_of"), 1))
        assert found
        assert_plain(found, path)
    assert refused == {dotted(path) for path in places(model)}


@pytest.mark.parametrize("name", MODELS)
def test_every_missing_key_is_named_with_what_to_do(name: str) -> None:
    model, sound = MODELS[name]
    missing = [(key, each) for key, each in fields_of(model).items() if each.is_required()]
    for key, _ in missing:
        [found] = [each for each in problems(model, without(sound, (key,))) if each.key == key]
        assert (found.message, found.remedy) == ("is missing", "add it")
    for value in (None, 3, "x", [], [1], True, date(2026, 1, 1)):
        assert_plain(problems(model, value), value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[run]\nworkers = "x"', "run.workers: 'x' is not a whole number; write one without quotes, such as 30"),
        ("[run]\nworkers = 0", "run.workers: 0 is too small; write a number greater than or equal to 1"),
        ("[run]\nread_timeout = 0", "run.read_timeout: 0 is too small; write a number greater than 0"),
        ("[report]\npass_rate_threshold = 2", "2 is too large; write a number less than or equal to 1"),
        ("[report]\ntitle = true", "report.title: must be text; write it in quotes"),
        ("[report]\ntitle = 3", "report.title: 3 is a number where text is expected; put it in quotes"),
        ('[report]\ntitle = ""', "report.title: is empty; write at least 1 character, or remove the key"),
        ("[organization]\nread_tags = 3", "3 is neither true nor false; write one of the two, without quotes"),
        ('[organization]\naccounts = "1"', "accounts: must be a list; write one in brackets, such as [a, b]"),
        ("scope = 3", "scope: must be a table of keys and values; write keys, each with its value"),
        ('[access]\nexternal_id = "secret value"', "access.external_id: has another form than this key requires; it"),
        ('[access]\nexternal_id = "s"', "access.external_id: is too short; write at least 2 characters"),
        ("[run]\nworkerz = 1", "run.workerz: unknown key; did you mean workers?"),
        ("[run]\nzzz = 1", "run.zzz: unknown key; known: account_minutes, attempts,"),
    ],
)
def test_the_words_of_settings(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "orgaudit.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "orgaudit.toml", {}, {})
    assert says in str(refused.value)
    assert "secret value" not in str(refused.value)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Painted(BaseModel):
    colour: Colour


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("rde", "'rde' is not one of red, blue; did you mean red?"),
        ("loud", "'loud' is not one of red, blue; write one of them"),
        ("", "'' is not one of red, blue; write one of them"),
        ("x" * 99, f"'{'x' * 59}… is not one of red, blue; write one of them"),
        (None, "has no value; write one, or remove the key"),
    ],
)
def test_the_words_of_a_choice(given: str | None, says: str) -> None:
    [found] = problems(Painted, {"colour": given})
    assert found.sentence == says
