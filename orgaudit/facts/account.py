"""What one account's shard says: its facts by type, and a gap wherever something could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, TypeVar

import msgspec

from orgaudit.facts.declare import Detail, FactType, Resource
from orgaudit.model import GLOBAL, Account, Gap, GapReason, NotSeenError, Observed, Seen
from orgaudit.store.manifest import AccountRecord

R = TypeVar("R", bound=Resource)
D = TypeVar("D", bound=Detail)


class Entered(msgspec.Struct, frozen=True, tag=True):
    """The first line of a shard: the account, and how its collection went."""

    account: Account
    record: AccountRecord


class Listed(msgspec.Struct, frozen=True, tag=True):
    """One listing in one region is over: it saw `count` resources, or it is a gap.

    `at` is when it ended, and `session` the ARN of the assumed role's session that asked, or of the caller in its own
    account: with them the calls are found in the account's own trail.
    """

    fact: str
    region: str
    count: int = 0
    gap: Gap | None = None
    at: datetime | None = None
    session: str = ""


class DetailGap(msgspec.Struct, frozen=True, tag=True):
    """A detail of one resource that could not be read."""

    fact: str
    arn: str
    gap: Gap


def shard_decoder(facts: Iterable[FactType]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a shard's lines for these fact types."""
    union = reduce(or_, sorted(facts, key=lambda kind: kind.__name__), Entered | Listed | DetailGap)
    return msgspec.json.Decoder(union)


class AccountFacts:
    """The facts of one account, and the only way for a control to see them.

    What was not collected in the run is a gap like any other, so a control that asks for more than it declared is never
    right by accident: run alone, it is not assessed.
    """

    def __init__(self, lines: Iterable[Any]) -> None:
        entered, *rest = lines
        self.account: Account = entered.account
        self.record: AccountRecord = entered.record
        self._listed: dict[tuple[str, str], Listed] = {}
        self._resources: dict[type[Resource], dict[str, Resource]] = defaultdict(dict)
        self._details: dict[tuple[str, str], Observed[Detail]] = {}
        for line in rest:
            self._keep(line)

    def _keep(self, line: object) -> None:
        match line:
            case Listed():
                self._listed[line.fact, line.region] = line
            case Resource():
                self._resources[type(line)].setdefault(line.arn, line)
            case Detail():
                self._details[type(line).__name__, line.arn] = Seen(line)
            case DetailGap():
                self._details[line.fact, line.arn] = line.gap

    @property
    def account_id(self) -> str:
        """Return the account's id."""
        return self.account.id

    @property
    def now(self) -> datetime:
        """Return when the account was collected: the time against which ages are measured."""
        return self.record.collected_at

    def has_enabled(self, region: str) -> bool:
        """Return whether the account has a region enabled; raises NotSeenError where AWS did not list it."""
        known = self.record.has_enabled(region)
        if known is None:
            raise NotSeenError(self.record.gap or self.unknown_region(region))
        return known

    def unknown_region(self, region: str) -> Gap:
        """Return the gap that says that AWS did not list a region as enabled or disabled."""
        message = f"whether {region} is enabled in this account is unknown: AWS did not list the account's regions"
        return Gap(self.account.id, region, "account:ListRegions", GapReason.DENIED, message)

    def listing(self, kind: type[Resource], region: str) -> Listed | None:
        """Return how a listing ended in a region, or None where it was not asked."""
        return self._listed.get((kind.__name__, region))

    def resources(self, kind: type[R]) -> list[R]:
        """Return each resource of a kind that was seen in any region, once, whatever was not seen."""
        return list(self._resources[kind].values())  # type: ignore[arg-type]  # keyed by the type itself

    def all_resources(self) -> Iterator[Resource]:
        """Yield every resource that was seen, each once."""
        for found in self._resources.values():
            yield from found.values()

    def is_shut(self, listed: Listed) -> bool:
        """Tell whether a listing is a gap because nothing can be at work in its region.

        It is not enabled, the service is not offered there, or a service control policy shuts it: one that lets the
        same listing through in another region of the account. A policy that does so nowhere hides the account, and what
        exists once in an account is always there.
        """
        if listed.gap is None or listed.region == GLOBAL:
            return False
        if listed.gap.reason is not GapReason.SCP_DENIED:
            return listed.gap.reason.nothing_there
        return any(other.gap is None for other in self._listings(listed.fact))

    def anywhere(self, kind: type[R]) -> list[R]:
        """Return the resources of a kind, for what every region shows; raises NotSeenError when no region answered."""
        listings = self._known_listings(kind)
        gaps = [listed.gap for listed in listings if listed.gap is not None]
        if len(gaps) == len(listings):
            raise NotSeenError(gaps[0])
        return self.resources(kind)

    def everywhere(self, kind: type[R]) -> list[R]:
        """Return the resources of a kind in all regions; raises NotSeenError when one region may hide some."""
        for listed in self._known_listings(kind):
            if listed.gap is not None and not self.is_shut(listed):
                raise NotSeenError(listed.gap)
        return self.resources(kind)

    def _known_listings(self, kind: type[Resource]) -> list[Listed]:
        if self.record.gap is not None:
            raise NotSeenError(self.record.gap)
        found = self._listings(kind.__name__)
        if not found:
            raise NotSeenError(self._unasked(kind))
        return found

    def _listings(self, fact: str) -> list[Listed]:
        return [line for (name, _), line in self._listed.items() if name == fact]

    def detail(self, kind: type[D], resource: Resource) -> Observed[D]:
        """Return a detail of one resource of this account: seen, or the gap that it is."""
        found = self._details.get((kind.__name__, resource.arn))
        if found is None:
            return self._unasked(kind, resource.region)
        return found  # type: ignore[return-value]  # keyed by the type's own name

    def _unasked(self, kind: FactType, region: str = "") -> Gap:
        message = f"{kind.__name__} was not collected in this run; audit again to see it"
        return Gap(self.account.id, region, "", GapReason.DEFECT, message)
