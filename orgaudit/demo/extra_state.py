"""State of the emulated AWS that moto does not model: the seeding fills it, the answers read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from orgaudit.model import ENABLED_BY_DEFAULT

Place: TypeAlias = tuple[str, str]
"""An account's id and a region."""

# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
OPT_IN_REGIONS = frozenset({
    "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class EnabledRegions:
    """The regions that every account has enabled, and by account id those that it opted in to."""

    by_default: frozenset[str] = ENABLED_BY_DEFAULT
    opted_in: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_enabled(self, account: str, region: str) -> bool:
        """Return whether an account has enabled a region."""
        return region in self.by_default or region in self.opted_in.get(account, ())

    def states(self, account: str) -> dict[str, str]:
        """Return every region by name with its state, in the words of account:ListRegions."""
        return {region: self._state(account, region) for region in sorted(ENABLED_BY_DEFAULT | OPT_IN_REGIONS)}

    def _state(self, account: str, region: str) -> str:
        if region in self.by_default:
            return "ENABLED_BY_DEFAULT"
        return "ENABLED" if self.is_enabled(account, region) else "DISABLED"


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
    """Macie in one region of an account; a member's `administrator` decides on automated discovery."""

    administrator: str | None = None
    automated: bool = False


@dataclass(frozen=True, slots=True)
class ExtraState:
    """What moto does not model, by account id, by place, or by the name that is given here.

    `deliveries` are by trail ARN, `certificates_end` by server certificate ARN, `vault_policies` by vault ARN;
    `mfa_delete` has bucket names, `analyzers` the names of analyzers with their types, `metadata_defaults` whether
    tokens are required of new instances. `delegation` is the organization's resource policy by management account.
    In a `hardened` region nothing can be made public, and Inspector scans; `outdated_domains` wait for an update.
    `client_certificates` are those of the stages of a REST API, by its id.
    `secrets_read` has by secret ARN when it was last read, in seconds since 1970.
    """

    regions: EnabledRegions = field(default_factory=EnabledRegions)
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
    hardened: set[Place] = field(default_factory=set)
    outdated_domains: set[str] = field(default_factory=set)
    client_certificates: dict[str, str] = field(default_factory=dict)
    secrets_read: dict[str, int] = field(default_factory=dict)
