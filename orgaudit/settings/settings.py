"""The settings of a run, from a file, the environment and options, in that order; and the rates of AWS's APIs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import msgspec
from pydantic import (
    ValidationError,
)
from pydantic.fields import FieldInfo

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.settings import framework_files
from orgaudit.settings.documents import (
    PACKAGED,
    Document,
    Problem,
    dotted,
    error_of,
    explain,
    fields_of,
    models_in,
    nearest,
    read,
)
from orgaudit.settings.limits import _limits_files
from orgaudit.settings.sections import OPTION, ReportSettings, ScopeSettings, Sections
from orgaudit.settings.syntax import KeyPath

ENVIRONMENT_PREFIX = "ORGAUDIT_"
CONFIG_VARIABLE = "ORGAUDIT_CONFIG"
"""The environment variable that names the settings file."""
PERSON_VARIABLE = "ORGAUDIT_BY"
"""The environment variable that names who edits the register."""
HERE = Path("config", "orgaudit.toml")
"""The settings file of the current directory."""
_PACKAGED_FILE = PACKAGED / HERE.name


class Settings(Sections):
    """All settings of a run.

    `directory` is where limits, frameworks and the register are looked up; `sources` are the settings file and the
    files of rates, for the manifest's hashes; `packaged` is whether the file is the one that comes with orgaudit,
    because there is no other.
    """

    directory: Path
    sources: tuple[Path, ...]
    packaged: bool = False

    @property
    def register_path(self) -> Path:
        """Where the exception register is: beside the settings; an installed package has none of its own."""
        return (HERE.parent if self.packaged else self.directory) / self.exceptions.file

    @property
    def has_register(self) -> bool:
        """Whether there is a register, or a name of one that must exist."""
        return self.register_named or self.register_path.exists()

    @property
    def register_named(self) -> bool:
        """Whether the settings name the register's file, so that it must exist."""
        return "file" in self.exceptions.model_fields_set

    @property
    def presentation(self) -> ReportSettings:
        """What reports show, with the place of the logo, which is relative to the settings."""
        if self.report.logo is None:
            return self.report
        return self.report.model_copy(update={"logo": self.directory / self.report.logo})

    @property
    def owners_path(self) -> Path:
        """Where the file of owners is, as the register is."""
        return (HERE.parent if self.packaged else self.directory) / self.ownership.file

    @property
    def owners_named(self) -> bool:
        """Whether the settings name the file of owners, so that it must exist."""
        return "file" in self.ownership.model_fields_set

    @property
    def limits_path(self) -> Path:
        """Where the user's own rates would be; the file need not exist."""
        return self.directory / "limits.toml"

    def dump(self) -> dict[str, Json]:
        """Return the settings as JSON, by section, with the external id masked."""
        sections = self.model_dump(mode="json", by_alias=True, exclude={"directory", "sources", "packaged"})
        if self.access.external_id is not None:
            sections["access"]["external_id"] = "***"
        return sections

    def of_run(self) -> dict[str, Json]:
        """Return the same without where the runs are kept: a run is the same wherever it is."""
        sections: dict[str, Any] = self.dump()
        del sections["run"]["out"]
        return sections

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file that decides a run, by the file's name."""
        files = (*self.sources, self.limits_path, self.owners_path, *framework_files.files(self.directory))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}

    def fingerprint(self) -> str:
        """Return the SHA-256 of what `of_run` returns."""
        return hashlib.sha256(msgspec.json.encode(self.of_run(), order="deterministic")).hexdigest()


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Return the settings; raises ConfigError with every problem of file, environment and options.

    Without a path the file is what ORGAUDIT_CONFIG names, else ./config/orgaudit.toml, else the one that comes with
    orgaudit. `overrides` is options by section and key; None and an empty tuple mean that an option was not given.
    """
    file = _settings_file(path, environ)
    document = read(file)
    merged: dict[str, Any] = dict(document.data)
    origins: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for origin, place, value in (*_from_environment(environ, problems), *_from_options(overrides)):
        _put(merged, place, value)
        origins[place] = origin
    try:
        sections = Sections.model_validate(merged)
    except ValidationError as error:
        problems += _placed(error, merged, document, origins)
    if problems:
        raise error_of(problems)
    sections.scope.note(dict(_places(sections.scope, document, origins)))
    headline = ("report", "headline_framework")
    named = origins.get(headline)
    sections.report.note(named or document.file, None if named else document.line(headline))
    tables = {key: getattr(sections, name) for key, name in _section_names()}
    sources = (file, *_limits_files(file.parent / "limits.toml"))
    return Settings(**tables, directory=file.parent, sources=sources, packaged=file is _PACKAGED_FILE)


def _places(
    scope: ScopeSettings, document: Document, origins: Mapping[KeyPath, str]
) -> Iterator[tuple[KeyPath, tuple[str, int | None]]]:
    """Yield (key, index or name) of each value of the scope, and the file and line that it comes from."""
    for key, values in scope:
        for part in _parts(values):
            if origin := origins.get(("scope", key)):
                yield (key, part), (origin, None)
            else:
                yield (key, part), (document.file, document.line(("scope", key, part)))


def _parts(values: object) -> Iterable[str | int]:
    """Return the names or indexes of a key's values; a single value that is set is the first."""
    if isinstance(values, dict):
        return values
    return range(len(values)) if isinstance(values, tuple) else range(values is not None)


def _section_names() -> Iterator[tuple[str, str]]:
    """Yield each section's name in files and its name as an attribute."""
    for name, field in Sections.model_fields.items():
        yield field.alias or name, name


def _settings_file(path: Path | None, environ: Mapping[str, str]) -> Path:
    named = environ.get(CONFIG_VARIABLE)
    file = path or (Path(named) if named else HERE if HERE.is_file() else _PACKAGED_FILE)
    if file.suffix != ".toml":
        raise ConfigError("settings are TOML; name a file that ends in .toml", file=str(file))
    return file


def _from_options(overrides: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, KeyPath, Any]]:
    for section, keys in overrides.items():
        for key, value in keys.items():
            if value is not None and value != ():
                yield f"{OPTION}{key.replace('_', '-')}", (section, key), value


def _from_environment(environ: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[str, KeyPath, Any]]:
    """Yield (origin, path, value) for each variable of ours; one that names no section or key becomes a problem."""
    places = {
        f"{ENVIRONMENT_PREFIX}{section}_{key}".upper(): (section, key, field)
        for section, model in fields_of(Sections).items()
        for key, field in fields_of(models_in(model.annotation)[0]).items()
    }
    for name, text in environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name in {CONFIG_VARIABLE, PERSON_VARIABLE}:
            continue
        if name in places:
            section, key, field = places[name]
            yield f"environment {name}", (section, key), _from_text(text, field)
        else:
            remedy = nearest(name, {*places, CONFIG_VARIABLE})
            problems.append(Problem(file="environment", key=name, message="unknown variable", remedy=remedy))


def _from_text(text: str, field: FieldInfo) -> Json:
    """Return what a variable's text stands for: a list, a table, or the text itself for pydantic to convert."""
    items = [item.strip() for item in text.split(",") if item.strip()]
    if get_origin(field.annotation) is dict or models_in(field.annotation):
        return {key.strip(): value.strip() for key, _, value in (item.partition("=") for item in items)}
    return items if get_origin(field.annotation) is tuple else text


def _put(merged: dict[str, Any], place: KeyPath, value: Json) -> None:
    """Set a section's key; a section that is not a table is left for validation to refuse."""
    section, key = place
    table = merged.get(str(section), {})
    if isinstance(table, dict):
        merged[str(section)] = {**table, key: value}


def _placed(
    error: ValidationError, merged: dict[str, Any], document: Document, origins: Mapping[KeyPath, str]
) -> Iterator[Problem]:
    """Yield pydantic's findings with where each value came from."""
    for path, message, remedy in explain(error, Sections, merged):
        if origin := origins.get(path[:2]):
            yield Problem(file=origin, key=dotted(path), message=message, remedy=remedy)
        else:
            yield document.problem(path, message, remedy)
