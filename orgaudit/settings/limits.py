"""The rates of AWS's APIs, from the packaged file and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import (
    Field,
    StringConstraints,
)

from orgaudit.errors import ConfigError
from orgaudit.settings.documents import (
    PACKAGED,
)
from orgaudit.settings.documents import load as load_document
from orgaudit.settings.sections import Section


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
    limits: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(:[A-Z][A-Za-z0-9]*)?$")], _Rate] = Field(
        default={}
    )


class Limits:
    """The rates of AWS's APIs, by service and by action."""

    def __init__(self, default: _Rate, rates: Mapping[str, _Rate], share: int = 1) -> None:
        self._default = default
        self._rates = rates
        self._share = share

    def for_action(self, service: str, action: str) -> Limit:
        """Return the limit of an operation: the action's own, else its service's, else the default."""
        key = f"{service}:{action}"
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates.get(service, self._default)
            key = service if rate.shared else key
        share = self._share if rate.per is Per.ORGANIZATION else 1
        return Limit(key, rate.rate / share, max(1, rate.burst / share), rate.per)

    def shared_by(self, workers: int) -> Limits:
        """Return the rates of one of so many workers: of what there is once in a run it has its share, no more."""
        return Limits(self._default, self._rates, self._share * workers)


def load_limits(path: Path) -> Limits:
    """Return the packaged rates with the entries of `path`, if there is such a file, in place; raises ConfigError."""
    files = [load_document(file, _LimitsFile) for file in _limits_files(path)]
    default = next((file.default for file in reversed(files) if file.default is not None), None)
    if default is None:
        raise ConfigError(
            "has no [default]; restore the file that comes with orgaudit", file=str(PACKAGED / "limits.toml")
        )
    return Limits(default, {key: rate for file in files for key, rate in file.limits.items()})


def _limits_files(users: Path) -> list[Path]:
    packaged = PACKAGED / "limits.toml"
    return [packaged, users] if users.exists() and not users.samefile(packaged) else [packaged]
