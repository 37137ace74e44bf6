"""What AWS knows of an organization and moto has no place for: the seeding fills it, the answers read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from orgaudit.demo.regions import Regions

Place: TypeAlias = tuple[str, str]
"""An account's id and a region."""


@dataclass(frozen=True, slots=True)
class LogDelivery:
    """A trail's last delivery to its log group: its age (None: there was none) and the error, if it failed."""

    age: timedelta | None = timedelta(minutes=4)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RootUser:
    """The credentials of an account's root user; `used` is how long ago its password was used, None for never."""

    password: bool = True
    mfa: Literal["hardware", "virtual"] | None = None
    access_keys: int = 0
    used: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Macie:
    """Macie in one region of an account; a member's `administrator` decides whether it looks by itself."""

    administrator: str | None = None
    automated: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What moto has no place for, by account id, by place, or by the name that its field says.

    `deliveries` are by trail ARN, `certificates_end` by server certificate ARN, `vault_policies` by vault ARN;
    `mfa_delete` has bucket names, `analyzers` the names of analyzers with their types, `metadata_defaults` what new
    instances are asked for. `delegation` is the organization's resource policy by management account.
    """

    regions: Regions = field(default_factory=Regions)
    deliveries: dict[str, LogDelivery] = field(default_factory=dict)
    roots: dict[str, RootUser] = field(default_factory=dict)
    root_features: dict[str, tuple[str, ...]] = field(default_factory=dict)
    certificates_end: dict[str, timedelta] = field(default_factory=dict)
    contacts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    analyzers: dict[Place, Mapping[str, str]] = field(default_factory=dict)
    macie: dict[Place, Macie] = field(default_factory=dict)
    metadata_defaults: dict[Place, str] = field(default_factory=dict)
    delegation: dict[str, str] = field(default_factory=dict)
    mfa_delete: set[str] = field(default_factory=set)
    vault_policies: dict[str, str] = field(default_factory=dict)
