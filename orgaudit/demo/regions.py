"""Which regions exist and which of them an account has enabled."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
DEFAULT_REGIONS = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
OPT_IN_REGIONS = frozenset({
    "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions that every account has, and by account id those that were opted in to."""

    by_default: frozenset[str] = DEFAULT_REGIONS
    opted_in: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_enabled(self, account: str, region: str) -> bool:
        """Whether the account may use the region."""
        return region in self.by_default or region in self.opted_in.get(account, ())

    def states(self, account: str) -> dict[str, str]:
        """Every region by name with its state, in the words of account:ListRegions."""
        return {region: self._state(account, region) for region in sorted(DEFAULT_REGIONS | OPT_IN_REGIONS)}

    def _state(self, account: str, region: str) -> str:
        if region in self.by_default:
            return "ENABLED_BY_DEFAULT"
        return "ENABLED" if self.is_enabled(account, region) else "DISABLED"
