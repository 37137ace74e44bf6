"""What an orgaudit.toml may hold: its tables, their keys, defaults and bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from operator import eq
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
)

from orgaudit.errors import ConfigError
from orgaudit.model import Effort, Severity
from orgaudit.settings.documents import (
    Problem,
    error_of,
    nearest,
)
from orgaudit.settings.frameworks import ALL, Baseline
from orgaudit.settings.identifiers import AccountId, RoleArn
from orgaudit.settings.people import address_of, checked_person
from orgaudit.settings.syntax import KeyPath
from orgaudit.settings.thresholds import Thresholds


def _time_zone(name: str) -> str:
    # ZoneInfo raises OSError for a name that is a directory of its data, such as "Europe".
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; write one such as Europe/Paris") from error
    return name


def _hushed(value: object) -> object:
    """Refuse what is not text without quoting it, as an error of pydantic's would."""
    if value is not None and not isinstance(value, str):
        raise ValueError("must be text; put it in quotes")
    return value


def _mode(value: object) -> object:
    """Return a directory's mode as four octal digits; a number would be read as decimal and is refused."""
    if not isinstance(value, str) or not re.fullmatch("0?[0-7]{3}", value):
        raise ValueError(f'{value!r} is not a mode of three octal digits; write it as text, such as "0750"')
    group, others = value[-2], value[-1]
    if value[-3] != "7":
        raise ValueError(f"{value!r} locks out the owner, who writes the run; the first digit must be 7")
    if group not in "057" or others not in "057":
        raise ValueError(
            f"{value!r} has an incomplete digit; group and others get nothing (0), may read (5) or may write (7)"
        )
    if others == "7":
        raise ValueError(f"{value!r} lets every user change the evidence; the last digit must be 0 or 5")
    return f"0{value[-3:]}"


Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


_ROLE_NAME = r"^[A-Za-z0-9_+=,.@-]+(/[A-Za-z0-9_+=,.@-]+)*$"


RegionPattern: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?\[\]!-]+$")]


TimeZone: TypeAlias = Annotated[str, AfterValidator(_time_zone)]


class Section(BaseModel):
    """A table of orgaudit.toml: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OrganizationSettings(Section):
    """How the organization is read, and which accounts are audited without one."""

    role_arn: RoleArn | None = None
    accounts: tuple[AccountId, ...] = ()
    read_tags: bool = True


class AccessSettings(Section):
    """How the role in each account is assumed."""

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


OPTION = "option "
"""What stands before the name of an option of the command line where it is the origin of a value."""


class ScopeSettings(Section):
    """Which accounts, regions, frameworks and controls are audited; an empty choice is all of them.

    `nist_baseline` narrows NIST 800-53 to the requirements of that baseline; without it the framework is whole.
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
    nist_baseline: Baseline | None = None
    accept_blocked_regions: tuple[RegionPattern, ...] = ()
    controls: tuple[Text, ...] = ()
    _places: dict[KeyPath, tuple[str, int | None]] = PrivateAttr(default_factory=dict)

    def is_chosen(self, key: str) -> bool:
        """Return whether an option of the command line set a key."""
        return any(at[0] == key and file.startswith(OPTION) for at, (file, _) in self._places.items())

    def note(self, places: Mapping[KeyPath, tuple[str, int | None]]) -> None:
        """Note the file, or the origin, and the line of each value, by its key and its index or name."""
        self._places.update(places)

    def problem(self, key: str, part: str | int, message: str, remedy: str = "") -> Problem:
        """Return a problem of one value of a key, with the place where it was set."""
        file, line = self._places.get((key, part), ("", None))
        return Problem(file=file, line=line, key=f"scope.{key}", message=message, remedy=remedy)

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

    def check_frameworks(self, frameworks: Collection[str]) -> None:
        """Raise ConfigError for a framework that is not among these; `all` is every framework."""
        self.check("frameworks", (*frameworks, ALL), "no framework {!r}", otherwise="`orgaudit frameworks` lists them")


class RunSettings(Section):
    """Where output goes and how wide a run is; time-outs are in seconds.

    `account_minutes` is how long the collection of one account may take. What it has not read by then is a gap, so that
    a run ends, whatever one account holds.
    """

    out: Path = Path("reports")
    formats: tuple[Text, ...] = ("xlsx", "html", "json")
    concurrent_accounts: int = Field(default=16, ge=1)
    concurrent_calls: int = Field(default=64, ge=1)
    workers: int = Field(default=1, ge=1)
    connect_timeout: float = Field(default=5, gt=0)
    read_timeout: float = Field(default=30, gt=0)
    attempts: int = Field(default=6, ge=1)
    account_minutes: float = Field(default=240, gt=0, allow_inf_nan=False)
    mode: Annotated[str, BeforeValidator(_mode)] = "0700"

    @property
    def directory_mode(self) -> int:
        """Return the mode of a run's directories; its files have the same without the execute bits."""
        return int(self.mode, 8)


class ReportSettings(Section):
    """What reports are called and show, and which framework the headline rate is of.

    Without a choice the headline framework is the newest version of CIS that a run has. `logo` is a picture, relative
    to the file of the settings. `pass_rate_threshold` is the rate under which an account or a unit stands out.
    `evaluations` is `all`, or `automatic`: what passes is left out of the workbook where there is much of it.
    """

    title: Text = "Security audit"
    organization_name: Text | None = None
    logo: Path | None = None
    pass_rate_threshold: float = Field(default=0.9, ge=0, le=1)
    headline_framework: Text | None = None
    evaluations: Literal["automatic", "all"] = "automatic"
    _place: tuple[str, int | None] = PrivateAttr(default=("", None))

    def note(self, file: str, line: int | None) -> None:
        """Note the file, or the origin, and the line of the headline framework."""
        self._place = (file, line)

    def check_headline(self, frameworks: Collection[str]) -> None:
        """Raise ConfigError where the headline framework is not among these."""
        name = self.headline_framework
        if name is not None and name not in frameworks:
            remedy = nearest(name, frameworks) or "`orgaudit frameworks` lists them"
            file, line = self._place
            raise ConfigError(f"no framework {name!r}; {remedy}", file=file, line=line, key="report.headline_framework")


class DaysBySeverity(Section):
    """A number of days for each severity."""

    critical: int = Field(ge=1)
    high: int = Field(ge=1)
    medium: int = Field(ge=1)
    low: int = Field(ge=1)

    def of(self, severity: Severity) -> int:
        """Return the days for a severity."""
        return int(getattr(self, severity.value))


class LongestDays(DaysBySeverity):
    """The longest life in days that an exception may have, by the severity of what it covers."""

    critical: int = Field(default=30, ge=1)
    high: int = Field(default=90, ge=1)
    medium: int = Field(default=180, ge=1)
    low: int = Field(default=365, ge=1)


class RemediationDays(DaysBySeverity):
    """The days in which a finding is to be fixed, counted from the first day of its episode, by its severity."""

    critical: int = Field(default=15, ge=1)
    high: int = Field(default=30, ge=1)
    medium: int = Field(default=90, ge=1)
    low: int = Field(default=180, ge=1)


class RemediationSettings(Section):
    """By when findings are to be fixed."""

    days: RemediationDays = RemediationDays()


class RiskPoints(Section):
    """The risk points of an issue, by its severity."""

    critical: int = Field(default=10, ge=0, le=1000)
    high: int = Field(default=5, ge=0, le=1000)
    medium: int = Field(default=2, ge=0, le=1000)
    low: int = Field(default=1, ge=0, le=1000)

    def of(self, severity: Severity) -> int:
        """Return the points for a severity."""
        return int(getattr(self, severity.value))


class EffortPoints(Section):
    """What a fix costs, by its size: S up to an hour, M up to a day, L more."""

    S: int = Field(default=1, ge=1, le=1000)
    M: int = Field(default=4, ge=1, le=1000)
    L: int = Field(default=16, ge=1, le=1000)

    def of(self, effort: Effort) -> int:
        """Return the cost of a size."""
        return int(getattr(self, effort.value))


class ActionSettings(Section):
    """The numbers by which actions are ordered: risk points closed per effort."""

    points: RiskPoints = RiskPoints()
    effort: EffortPoints = EffortPoints()


class RegisterSettings(Section):
    """Where the exception register is and which rules its entries keep."""

    file: Path = Path("exceptions.yaml")
    expiring_days: int = Field(default=30, ge=0)
    time_zone: TimeZone = "UTC"
    longest_days: LongestDays = LongestDays()
    approvers: tuple[Text, ...] = ()


def _reachable(person: str) -> str:
    if not address_of(checked_person(person)):
        raise ValueError(f"{person!r} has no mail address; write name@example.com, or Name <name@example.com>")
    return person


TagKey: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]


class OwnershipSettings(Section):
    """Which tags and which file name the owners, and who gets the mail of what has none."""

    owner_tags: tuple[TagKey, ...] = ("owner",)
    contact_tags: tuple[TagKey, ...] = ("contact",)
    environment_tags: tuple[TagKey, ...] = ("environment", "env")
    file: Path = Path("owners.csv")
    audit_team: Annotated[Text, AfterValidator(_reachable)] | None = None


class Sections(Section):
    """What an orgaudit.toml may hold."""

    organization: OrganizationSettings = OrganizationSettings()
    access: AccessSettings = AccessSettings()
    scope: ScopeSettings = ScopeSettings()
    run: RunSettings = RunSettings()
    thresholds: Thresholds = Thresholds()
    report: ReportSettings = ReportSettings()
    remediation: RemediationSettings = RemediationSettings()
    actions: ActionSettings = ActionSettings()
    exceptions: RegisterSettings = Field(default=RegisterSettings(), alias="register")
    ownership: OwnershipSettings = OwnershipSettings()
