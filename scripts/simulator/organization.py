"""The simulated organization: which accounts, units and regions there are, and of which kind an account is."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zlib import crc32

HOME = "us-east-1"
MANAGEMENT = "100000000000"
SECURITY = "100000000001"
HUGE = "100000000002"
"""The account that is huge where a simulator has one."""
KEY_PREFIX = "ASIAORGA"
ROLE = "org-audit"
ORGANIZATION_ID = "o-simulated0"
ROOT_ID = "r-orga"
UNITS = {
    "ou-orga-security": ("Security", ROOT_ID),
    "ou-orga-workload": ("Workloads", ROOT_ID),
    "ou-orga-sandboxes": ("Sandboxes", ROOT_ID),
    "ou-orga-production": ("Production", "ou-orga-workload"),
    "ou-orga-development": ("Development", "ou-orga-workload"),
}
MEMBER_UNITS = ("ou-orga-production", "ou-orga-development", "ou-orga-sandboxes")
DELEGATED_SERVICES = ("cloudtrail.amazonaws.com", "securityhub.amazonaws.com")
REGIONS = (
    *("us-east-1", "us-west-2", "eu-west-1", "us-east-2", "us-west-1", "ca-central-1", "sa-east-1", "eu-west-2"),
    *("eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-southeast-1", "ap-southeast-2"),
)
DISABLED_REGION = "me-south-1"
ACCOUNT = "999999999999"
"""What stands for the account in an answer that is rendered for all accounts of a kind. It is as long as an id, and
nothing in a request or an answer escapes it."""
REGION = "zz-region-0"
"""What stands for the region in such an answer; the home region is named itself."""
KINDS = 8
"""How many kinds of member accounts there are: accounts of a kind differ in their ids only."""
HUGE_PARTS = ("loggroups", "rules", "roles", "objects")


def account_of(access_key: str) -> str:
    """Return the account that an access key stands for."""
    return access_key[len(KEY_PREFIX) :] if access_key.startswith(KEY_PREFIX) else MANAGEMENT


def account_id(number: int) -> str:
    """Return the id of an account by its number."""
    return str(int(MANAGEMENT) + number)


@dataclass(frozen=True, slots=True)
class Organization:
    """How large the organization is, and the seed of what its accounts hold.

    `huge` has the sizes of the huge account by HUGE_PARTS; it is empty where there is none.
    """

    accounts: int
    regions: tuple[str, ...]
    seed: int = 0
    huge: Mapping[str, int] = field(default_factory=dict)

    def has(self, account: str) -> bool:
        """Return whether an account is a member or the management account."""
        return account.isdecimal() and 0 <= int(account) - int(MANAGEMENT) < self.accounts

    def kind(self, account: str) -> str:
        """Return the kind of an account: all of one kind hold the same."""
        if account in (MANAGEMENT, SECURITY):
            return "management" if account == MANAGEMENT else "security"
        if self.huge and account == HUGE:
            return "huge"
        return f"kind-{crc32(account.encode(), self.seed) % KINDS}"

    def place(self, kind: str, region: str) -> Place:
        """Return what an account of a kind is in a region: the same in all regions that hold the same."""
        huge = self.huge if kind == "huge" and region == HOME else {}
        if region == HOME:
            return Place(kind, HOME, "home", self.seed, huge)
        tier = "busy" if crc32(f"{kind}/{region}".encode(), self.seed) % 4 == 0 else "quiet"
        return Place(kind, REGION, tier, self.seed, huge)


@dataclass(frozen=True, slots=True)
class Place:
    """An account of a kind in a region of a tier: "home", "busy" with resources, or "quiet" with the default VPC only.

    `region` is the home region, or what stands for any other one.
    """

    kind: str
    region: str
    tier: str
    seed: int
    huge: Mapping[str, int]

    @property
    def is_home(self) -> bool:
        """Whether this is the home region, where global services and the trail are."""
        return self.tier == "home"

    def count(self, what: str, most: int) -> int:
        """Return how many there are of something, up to `most`; none in a quiet region."""
        if self.tier == "quiet":
            return 0
        return 1 + _random(self.seed, self.kind, self.tier, what) % most

    def often(self, what: object, percent: int) -> bool:
        """Return whether something holds that holds for so many of a hundred."""
        return _random(self.seed, self.kind, self.tier, str(what)) % 100 < percent

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN of the account in this region."""
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{rest}"

    def names(self, what: str, most: int) -> list[str]:
        """Return the names of so many resources, such as app-0 and app-1."""
        return [f"{what}-{number}" for number in range(self.count(what, most))]


@lru_cache(maxsize=100_000)
def _random(seed: int, kind: str, tier: str, what: str) -> int:
    return random.Random(f"{seed}/{kind}/{tier}/{what}").randrange(1 << 30)  # noqa: S311 - the same for a seed


def tags(**given: str) -> list[dict[str, Any]]:
    """Return tags as a list of keys and values."""
    return [{"Key": key, "Value": value} for key, value in given.items()]
