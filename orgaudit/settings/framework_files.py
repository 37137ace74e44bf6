"""The framework files of config/frameworks and of a user: read, checked, and every problem of theirs with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, StringConstraints

from orgaudit.errors import ConfigError
from orgaudit.settings.documents import (
    PACKAGED,
    Document,
    Problem,
    content_of,
    document_of,
    error_of,
    nearest,
    validate,
)
from orgaudit.settings.frameworks import ALL, Assessment, Baseline, Coverage, Framework, Kind, Requirement
from orgaudit.settings.syntax import KeyPath
from orgaudit.settings.thresholds import Thresholds

CHECK = "check"
"""The word by which the command that lists frameworks checks a file instead."""

_RESERVED = {ALL: "stands for every framework", CHECK: "is a word of `orgaudit frameworks`"}

_KEPT = 64
"""How many framework files are kept as they were read; there are some twenty."""


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _PartInFile(_File):
    title: _Text
    assessment: Assessment = Assessment.AUTOMATED
    controls: tuple[_Text, ...] = ()
    coverage: Coverage = Coverage.ANSWERED
    needs: str = ""


class _RequirementInFile(_File):
    id: _Text
    title: _Text
    level: int | None = None
    assessment: Assessment | None = None
    section: str = ""
    controls: tuple[_Text, ...] = ()
    aliases: tuple[_Text, ...] = ()
    supporting: tuple[_Text, ...] = ()
    coverage: Coverage = Coverage.ANSWERED
    needs: str = ""
    baseline: Baseline | None = None
    parts: tuple[_PartInFile, ...] = ()


class _FrameworkInFile(_File):
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    title: _Text
    version: _Text
    kind: Kind = Kind.CONTROLS
    requirements: tuple[_RequirementInFile, ...]
    thresholds: Thresholds = Thresholds()
    source: str = ""
    date: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}(-\d{2})?)?$")] = ""


def files(directory: Path) -> list[Path]:
    """Return the packaged framework files and those in `directory`/frameworks; there, the same name replaces ours."""
    found = [*(PACKAGED / "frameworks").glob("*.yaml"), *(directory / "frameworks").glob("*.yaml")]
    return [path for _, path in sorted({path.name: path for path in found}.items())]


def load(
    directory: Path, known: Collection[str] | None = None, aliases: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Framework]:
    """Return all frameworks by id; raises ConfigError with every problem of every file.

    With `known`, the ids of all controls, a requirement that names another one is a problem too. `aliases` maps former
    ids of controls to the present ones, which take their place.
    """
    frameworks: dict[str, Framework] = {}
    problems: list[Problem] = []
    for path in files(directory):
        found, wrong = load_file(path, known, aliases)
        problems += wrong
        if found is not None:
            frameworks[found.id] = found
    if problems:
        raise error_of(problems)
    return frameworks


def load_file(
    path: Path, known: Collection[str] | None = None, aliases: Mapping[str, str] = MappingProxyType({})
) -> tuple[Framework | None, list[Problem]]:
    """Return the framework of one file, None where it cannot be read as one, and every problem of the file.

    `known` and `aliases` are as `load` takes them.
    """
    try:
        document, found, problems = _read(path, content_of(path))
    except ConfigError as error:
        return None, [Problem(file="", message=str(error))]
    if found is None:
        return None, [*problems]
    unknown = [] if known is None else check(found, {*known, *aliases}, document)
    return renamed(found, aliases), [*problems, *unknown]


@lru_cache(maxsize=_KEPT)
def _read(path: Path, content: bytes) -> tuple[Document, Framework | None, tuple[Problem, ...]]:
    """Return the document in a framework file, the framework and the problems; raises ConfigError.

    One command loads all files several times: for its choice of controls, for the register and for the reports.
    """
    document = document_of(path, content)
    found, problems = _framework(document)
    return document, found, tuple(problems)


def renamed(framework: Framework, aliases: Mapping[str, str]) -> Framework:
    """Return a framework with the present id of every control that it names by a former one."""

    def present(controls: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(aliases.get(control, control) for control in controls))

    requirements = tuple(
        msgspec.structs.replace(
            each,
            controls=present(each.controls),
            supporting=present(each.supporting),
            parts=tuple(msgspec.structs.replace(part, controls=present(part.controls)) for part in each.parts),
        )
        for each in framework.requirements
    )
    return msgspec.structs.replace(framework, requirements=requirements)


def _framework(document: Document) -> tuple[Framework | None, list[Problem]]:
    problems = [problem for _, problem in document.flaws]
    content = validate(document, _FrameworkInFile)
    if isinstance(content, list):
        return None, problems + content
    if content.id != Path(document.file).stem:
        problems.append(document.problem(("id",), f"{content.id!r} is not the file's name", "make them the same"))
    if content.id in _RESERVED:
        problems.append(document.problem(("id",), f"{content.id!r} {_RESERVED[content.id]}", "choose another id"))
    problems += _twice(document, content.requirements)
    mapped_wrongly = list(_mapped_wrongly(document, content))
    problems += [*mapped_wrongly, *_contradictions(document, content.requirements)]
    if mapped_wrongly:  # what such a requirement says as a whole is not known
        return None, problems
    fields = content.model_dump(exclude={"thresholds", "requirements"}) | {
        "thresholds": content.thresholds.model_dump(exclude_unset=True),
        "requirements": [_fields(requirement) for requirement in content.requirements],
    }
    return msgspec.convert(fields, Framework), problems


def _fields(requirement: _RequirementInFile) -> dict[str, Any]:
    """Return the fields of a requirement; what parts say of it as a whole follows from them."""
    fields = requirement.model_dump()
    if not requirement.parts:
        return fields
    automated = any(part.assessment is Assessment.AUTOMATED for part in requirement.parts)
    covered = any(part.coverage is not Coverage.NONE for part in requirement.parts)
    return fields | {
        "assessment": Assessment.AUTOMATED if automated else Assessment.MANUAL,
        "controls": tuple(dict.fromkeys(control for part in requirement.parts for control in part.controls)),
        "coverage": Coverage.ANSWERED if covered else Coverage.NONE,
    }


_OF_PARTS = ("assessment", "controls", "supporting", "coverage", "needs", "baseline")
"""The keys of a requirement that a framework by mapping has in its parts, or not at all."""


def _mapped_wrongly(document: Document, content: _FrameworkInFile) -> Iterator[Problem]:
    """Yield a problem for each requirement that does not fit how its framework says what is met."""
    for index, requirement in enumerate(content.requirements):
        place: KeyPath = ("requirements", index)
        if content.kind is Kind.MAPPING:
            if not requirement.parts:
                message = f"{requirement.id!r} is by mapping and has no parts"
                yield document.problem(place, message, "list what it asks for under parts")
            for key in (key for key in _OF_PARTS if key in requirement.model_fields_set):
                message = f"{key} of {requirement.id!r} follows from its parts"
                yield document.problem((*place, key), message, f"leave out {key}, or write it in a part")
        elif requirement.parts:
            message = f"{requirement.id!r} has parts, and the framework is not by mapping"
            yield document.problem((*place, "parts"), message, "add kind: mapping, or leave out parts")
        elif requirement.assessment is None:
            yield document.problem(place, "requirements[].assessment is missing", "add it")


def _twice(document: Document, requirements: Iterable[_RequirementInFile]) -> Iterator[Problem]:
    """Yield a problem for each id or former id that another requirement has already."""
    first: dict[str, KeyPath] = {}
    for index, requirement in enumerate(requirements):
        places: list[tuple[str, KeyPath]] = [(requirement.id, (index, "id"))]
        places += [(alias, (index, "aliases", position)) for position, alias in enumerate(requirement.aliases)]
        for name, place in places:
            if (other := first.setdefault(name, place)) != place:
                line = document.line(("requirements", *other))
                path = ("requirements", *place)
                yield document.problem(path, f"{name!r} is there twice, first on line {line}", "keep one")


def _contradictions(document: Document, requirements: Iterable[_RequirementInFile]) -> Iterator[Problem]:
    """Yield a problem for each requirement or part whose keys cannot be true together."""
    for index, requirement in enumerate(requirements):
        place: KeyPath = ("requirements", index)
        yield from _contradiction(document, place, requirement, requirement.id)
        if both := sorted({*requirement.controls} & {*requirement.supporting}):
            message = f"{both[0]!r} decides {requirement.id!r} and is named as supporting too"
            yield document.problem((*place, "supporting"), message, "name it once")
        for number, part in enumerate(requirement.parts):
            path = (*place, "parts", number)
            yield from _contradiction(document, path, part, part.title)
            yield from _evidence_problems(document, path, part)


def _contradiction(
    document: Document, place: KeyPath, found: _RequirementInFile | _PartInFile, name: str
) -> Iterator[Problem]:
    uncovered = found.coverage is Coverage.NONE
    if uncovered and found.controls:
        message = f"coverage of {name!r} is none, but it names controls"
        yield document.problem((*place, "coverage"), message, "leave out coverage and needs")
    elif uncovered and found.assessment is Assessment.MANUAL:
        message = f"coverage of {name!r} is none, but a person decides it"
        yield document.problem((*place, "coverage"), message, "leave out coverage and needs")
    elif found.needs and not uncovered:
        message = f"{name!r} says what it needs, but its coverage is not none"
        yield document.problem((*place, "needs"), message, "add coverage: none, or leave out needs")


def _evidence_problems(document: Document, place: KeyPath, part: _PartInFile) -> Iterator[Problem]:
    """Yield what is wrong with the evidence of a part: none is named, or a person attests what controls answer."""
    if part.assessment is Assessment.MANUAL and part.controls:
        message = f"a person attests {part.title!r}, but it names controls"
        yield document.problem((*place, "controls"), message, "leave out controls, or make two parts of it")
    elif part.assessment is Assessment.AUTOMATED and part.coverage is not Coverage.NONE and not part.controls:
        message = f"{part.title!r} names no control"
        yield document.problem(place, message, "name one, or write assessment: manual or coverage: none")


def check(framework: Framework, known: Collection[str], document: Document | None = None) -> list[Problem]:
    """Return a problem for each control id that is not among `known`, with its line where the document is at hand."""
    place = document or Document(file=f"{framework.id}.yaml", data=None, lines={})
    return [
        place.problem((*path, position), f"no control {control!r}", nearest(control, known))
        for index, requirement in enumerate(framework.requirements)
        for path, controls in _named(("requirements", index), requirement)
        for position, control in enumerate(controls)
        if control not in known
    ]


def _named(place: KeyPath, requirement: Requirement) -> Iterator[tuple[KeyPath, tuple[str, ...]]]:
    """Yield each list of controls that stands in the file of a requirement, and where."""
    if not requirement.parts:
        yield (*place, "controls"), requirement.controls
    yield (*place, "supporting"), requirement.supporting
    for number, part in enumerate(requirement.parts):
        yield (*place, "parts", number, "controls"), part.controls
