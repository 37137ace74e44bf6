"""The settings of a run, from a file, the environment and options, in that order; and the rates of AWS's APIs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from operator import eq
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_origin
from zoneinfo import ZoneInfo

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
)
from pydantic.fields import FieldInfo

from orgaudit.documents import (
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
from orgaudit.documents import load as load_document
from orgaudit.errors import ConfigError
from orgaudit.identifiers import AccountId, RoleArn
from orgaudit.model import Json, Severity
from orgaudit.syntax import KeyPath
from orgaudit.thresholds import Thresholds

ENVIRONMENT_PREFIX = "ORGAUDIT_"
CONFIG_VARIABLE = "ORGAUDIT_CONFIG"
"""The environment variable that names the settings file."""
PERSON_VARIABLE = "ORGAUDIT_BY"
"""The environment variable that names who edits the register."""


def _time_zone(name: str) -> str:
    # ZoneInfo raises OSError for a name that is a directory of its data, such as "Europe".
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as Europe/Paris") from error
    return name


def _hushed(value: object) -> object:
    """Refuse what is no text without quoting it, as an error of pydantic's would."""
    if value is not None and not isinstance(value, str):
        raise ValueError("must be text; put it in quotes")
    return value


def _mode(value: object) -> object:
    """Return a directory's mode as four octal digits; a number would be read as decimal and is refused."""
    if not isinstance(value, str) or not re.fullmatch("0?[0-7]{3}", value):
        raise ValueError(f'{value!r} is not a mode of three octal digits; write it as text, such as "0750"')
    group, others = value[-2], value[-1]
    if value[-3] != "7":
        raise ValueError(f"{value!r} shuts the owner out, who writes the run; the first digit must be 7")
    if group not in "057" or others not in "057":
        raise ValueError(f"{value!r} lets somebody do half of it; a directory is closed (0), read (5) or written (7)")
    if others == "7":
        raise ValueError(f"{value!r} lets everyone change the evidence; the last digit must be 0 or 5")
    return f"0{value[-3:]}"


Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_ROLE_NAME = r"^[A-Za-z0-9_+=,.@-]+(/[A-Za-z0-9_+=,.@-]+)*$"
RegionPattern: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?\[\]!-]+$")]
TimeZone: TypeAlias = Annotated[str, AfterValidator(_time_zone)]


class Section(BaseModel):
    """A table of orgaudit.toml: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OrganizationSettings(Section):
    """How the organization is read, and what is audited where there is none."""

    role_arn: RoleArn | None = None
    accounts: tuple[AccountId, ...] = ()
    read_tags: bool = True


class AccessSettings(Section):
    """How accounts are entered."""

    role_name: Annotated[str, StringConstraints(pattern=_ROLE_NAME, max_length=512)] = "OrgAuditRole"
    external_id: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@:/-]+$", min_length=2, max_length=1224)] | None,
        BeforeValidator(_hushed),
    ] = None
    session_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]+$", min_length=2, max_length=64)] = (
        "orgaudit"
    )
    session_minutes: int = Field(default=60, ge=15, le=720)
    narrow_sessions: bool = True
    sts_region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")] | None = None


class ScopeSettings(Section):
    """Which accounts, regions, frameworks and controls are audited; an empty choice is all of them.

    `accept_blocked_regions` does not choose: a region that a service control policy denies whole and that one of these
    patterns matches is accepted as not audited.
    """

    accounts: tuple[AccountId, ...] = ()
    exclude_accounts: tuple[AccountId, ...] = ()
    ous: tuple[Text, ...] = ()
    exclude_ous: tuple[Text, ...] = ()
    tags: dict[str, str] = {}
    exclude_tags: dict[str, str] = {}
    regions: tuple[RegionPattern, ...] = ()
    exclude_regions: tuple[RegionPattern, ...] = ()
    frameworks: tuple[Text, ...] = ()
    accept_blocked_regions: tuple[RegionPattern, ...] = ()
    controls: tuple[Text, ...] = ()
    _places: dict[KeyPath, tuple[str, int | None]] = PrivateAttr(default_factory=dict)

    def note(self, places: Mapping[KeyPath, tuple[str, int | None]]) -> None:
        """Note the file, or the origin, and the line of each value, by its key and its index or name."""
        self._places.update(places)

    def problem(self, key: str, part: str | int, message: str, mend: str = "") -> Problem:
        """Return a problem of one value of a key, with the place where it was set."""
        file, line = self._places.get((key, part), ("", None))
        return Problem(file=file, line=line, key=f"scope.{key}", message=message, mend=mend)

    def check(
        self,
        key: str,
        known: Collection[str],
        wrong: str,
        *,
        matches: Callable[[str, str], bool] = eq,
        otherwise: str = "",
    ) -> None:
        """Raise ConfigError for the values of a key that match none of the known names.

        `wrong` is the message, with {!r} for the value; `matches` compares a name with a value; `otherwise` is the
        advice where no known name is like the value.
        """
        problems = [
            self.problem(key, index, wrong.format(value), nearest(value, known) or otherwise)
            for index, value in enumerate(getattr(self, key))
            if not any(matches(name, value) for name in known)
        ]
        if problems:
            raise error_of(problems)

    def check_rules(self, frameworks: Collection[str], controls: Collection[str]) -> None:
        """Raise ConfigError for a framework or a control that is not among these."""
        self.check("frameworks", frameworks, "no framework {!r}", otherwise="`orgaudit frameworks` lists them")
        self.check("controls", controls, "no control {!r}", otherwise="`orgaudit controls` lists them")


class RunSettings(Section):
    """Where output goes and how wide a run is; time-outs are in seconds."""

    out: Path = Path("reports")
    formats: tuple[Text, ...] = ("xlsx", "json")
    concurrent_accounts: int = Field(default=16, ge=1)
    concurrent_calls: int = Field(default=64, ge=1)
    workers: int = Field(default=1, ge=1)
    connect_timeout: float = Field(default=5, gt=0)
    read_timeout: float = Field(default=30, gt=0)
    attempts: int = Field(default=6, ge=1)
    mode: Annotated[str, BeforeValidator(_mode)] = "0700"

    @property
    def directory_mode(self) -> int:
        """Return the mode of a run's directories; its files have the same without the execute bits."""
        return int(self.mode, 8)


class ReportSettings(Section):
    """What reports are called, and the pass rate under which an account is shown."""

    title: Text = "Security audit"
    organization_name: Text | None = None
    pass_rate_threshold: float = Field(default=0.9, ge=0, le=1)


class LongestDays(Section):
    """The longest life in days that an exception may have, by the severity of what it covers."""

    critical: int = Field(default=30, ge=1)
    high: int = Field(default=90, ge=1)
    medium: int = Field(default=180, ge=1)
    low: int = Field(default=365, ge=1)

    def of(self, severity: Severity) -> int:
        """Return the days for a severity."""
        return int(getattr(self, severity.value))


class RegisterSettings(Section):
    """Where the exception register is and which rules its entries keep."""

    file: Path = Path("exceptions.yaml")
    expiring_days: int = Field(default=30, ge=0)
    time_zone: TimeZone = "UTC"
    longest_days: LongestDays = LongestDays()


class Sections(Section):
    """What an orgaudit.toml may hold."""

    organization: OrganizationSettings = OrganizationSettings()
    access: AccessSettings = AccessSettings()
    scope: ScopeSettings = ScopeSettings()
    run: RunSettings = RunSettings()
    thresholds: Thresholds = Thresholds()
    report: ReportSettings = ReportSettings()
    exceptions: RegisterSettings = Field(default=RegisterSettings(), alias="register")


class Settings(Sections):
    """All settings of a run.

    `directory` is where limits, frameworks and the register are looked up; `sources` are the settings file and the
    files of rates, for the manifest's hashes.
    """

    directory: Path
    sources: tuple[Path, ...]

    @property
    def register_path(self) -> Path:
        """Return where the exception register is."""
        return self.directory / self.exceptions.file

    @property
    def register_named(self) -> bool:
        """Tell whether somebody named the register's file, so that it must exist."""
        return "file" in self.exceptions.model_fields_set

    @property
    def limits_path(self) -> Path:
        """Return where the user's own rates would be; the file need not exist."""
        return self.directory / "limits.toml"

    def dump(self) -> dict[str, Json]:
        """Return the settings as JSON for the manifest, by section, with the external id masked."""
        sections = self.model_dump(mode="json", by_alias=True, exclude={"directory", "sources"})
        if self.access.external_id is not None:
            sections["access"]["external_id"] = "***"
        return sections

    def fingerprint(self) -> str:
        """Return the SHA-256 of what `dump` returns."""
        return hashlib.sha256(msgspec.json.encode(self.dump(), order="deterministic")).hexdigest()


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
    tables = {key: getattr(sections, name) for key, name in _section_names()}
    return Settings(**tables, directory=file.parent, sources=(file, *_limits_files(file.parent / "limits.toml")))


def _places(
    scope: ScopeSettings, document: Document, origins: Mapping[KeyPath, str]
) -> Iterator[tuple[KeyPath, tuple[str, int | None]]]:
    """Yield (key, index or name) of each value of the scope, and the file and line that it comes from."""
    for key, values in scope:
        for part in values if isinstance(values, dict) else range(len(values)):
            if origin := origins.get(("scope", key)):
                yield (key, part), (origin, None)
            else:
                yield (key, part), (document.file, document.line(("scope", key, part)))


def _section_names() -> Iterator[tuple[str, str]]:
    """Yield each section's name in files and its name as an attribute."""
    for name, field in Sections.model_fields.items():
        yield field.alias or name, name


def _settings_file(path: Path | None, environ: Mapping[str, str]) -> Path:
    named = environ.get(CONFIG_VARIABLE)
    here = Path("config/orgaudit.toml")
    file = path or (Path(named) if named else here if here.is_file() else PACKAGED / "orgaudit.toml")
    if file.suffix != ".toml":
        raise ConfigError("settings are TOML; name a file that ends in .toml", file=str(file))
    return file


def _from_options(overrides: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, KeyPath, Any]]:
    for section, keys in overrides.items():
        for key, value in keys.items():
            if value is not None and value != ():
                yield f"option {key.replace('_', '-')}", (section, key), value


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
            mend = nearest(name, {*places, CONFIG_VARIABLE})
            problems.append(Problem(file="environment", key=name, message="unknown variable", mend=mend))


def _from_text(text: str, field: FieldInfo) -> Json:
    """Return what a variable's text stands for: a list, a table, or the text itself for pydantic to convert."""
    items = [item.strip() for item in text.split(",") if item.strip()]
    if get_origin(field.annotation) is dict or models_in(field.annotation):
        return {key.strip(): value.strip() for key, _, value in (item.partition("=") for item in items)}
    return items if get_origin(field.annotation) is tuple else text


def _put(merged: dict[str, Any], place: KeyPath, value: Json) -> None:
    """Set a section's key; a section that is no table is left for validation to refuse."""
    section, key = place
    table = merged.get(str(section), {})
    if isinstance(table, dict):
        merged[str(section)] = {**table, key: value}


def _placed(
    error: ValidationError, merged: dict[str, Any], document: Document, origins: Mapping[KeyPath, str]
) -> Iterator[Problem]:
    """Yield pydantic's findings with where each value came from."""
    for path, message, mend in explain(error, Sections, merged):
        if origin := origins.get(path[:2]):
            yield Problem(file=origin, key=dotted(path), message=message, mend=mend)
        else:
            yield document.problem(path, message, mend)


class Per(StrEnum):
    """What has a bucket of its own: each region of each account, each account, or the whole run."""

    ACCOUNT_REGION = "account-region"
    ACCOUNT = "account"
    ORGANIZATION = "organization"


class Limit(msgspec.Struct, frozen=True):
    """The rate of one bucket: `rate` calls a second after `burst` at once; `key` names the bucket within `scope`."""

    key: str
    rate: float
    burst: float
    scope: Per


class _Rate(Section):
    rate: float = Field(gt=0)
    burst: float = Field(ge=1)
    per: Per
    shared: bool = False


class _LimitsFile(Section):
    default: _Rate | None = None
    limits: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(:[A-Z][A-Za-z0-9]*)?$")], _Rate] = {}


class Limits:
    """The rates of AWS's APIs, by service and by action."""

    def __init__(self, default: _Rate, rates: Mapping[str, _Rate]) -> None:
        self._default = default
        self._rates = rates

    def for_action(self, service: str, action: str) -> Limit:
        """Return the limit of an operation: the action's own, else its service's, else the default."""
        key = f"{service}:{action}"
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates.get(service, self._default)
            key = service if rate.shared else key
        return Limit(key, rate.rate, rate.burst, rate.per)


def load_limits(path: Path) -> Limits:
    """Return the packaged rates with the entries of `path`, if there is such a file, in place; raises ConfigError."""
    files = [load_document(file, _LimitsFile) for file in _limits_files(path)]
    default = next((file.default for file in reversed(files) if file.default is not None), None)
    if default is None:
        raise ConfigError("has no [default]", file=str(PACKAGED / "limits.toml"))
    return Limits(default, {key: rate for file in files for key, rate in file.limits.items()})


def _limits_files(users: Path) -> list[Path]:
    packaged = PACKAGED / "limits.toml"
    return [packaged, users] if users.exists() and not users.samefile(packaged) else [packaged]
