"""The facts of one account by type, with a gap wherever something could not be read."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from orgaudit.analysis.facts_by_arn import FactsByArn
from orgaudit.facts.declare import Detail, FactType, Resource
from orgaudit.facts.shard import DetailGap, ListingResult
from orgaudit.model import Account, AccountRecord, Gap, GapReason, NotSeenError, Observed, RegionState, Seen

R = TypeVar("R", bound=Resource)
D = TypeVar("D", bound=Detail)


class AccountFacts:
    """The facts of one account, and the only way for a control to see them.

    What was not collected in the run is a gap like any other, so a control that needs more than it declares is never
    right by accident: run alone, it is not assessed.

    `accepted` are the regions that a service control policy denies whole and that the settings accept as not audited.
    """

    def __init__(self, lines: Iterable[Any], accepts: Callable[[str], bool] = lambda _region: False) -> None:
        rest = iter(lines)
        entered = next(rest)
        self.account: Account = entered.account
        self.record: AccountRecord = entered.record
        self.accepted = frozenset(
            region.name
            for region in self.record.regions
            if region.state is RegionState.BLOCKED and accepts(region.name)
        )
        self._listed: dict[str, dict[str, ListingResult]] = defaultdict(dict)
        self._resources: dict[type[Resource], FactsByArn[Resource]] = defaultdict(lambda: FactsByArn(first=True))
        self._details: dict[str, FactsByArn[Detail | DetailGap]] = defaultdict(lambda: FactsByArn(first=False))
        self._places: dict[tuple[object, object], dict[Hashable, array[int]]] = {}
        for line in rest:
            self._keep(line)

    def _keep(self, line: object) -> None:
        match line:
            case ListingResult():
                self._listed[line.fact][line.region] = line
            case Resource():
                self._resources[type(line)].add(line)
            case Detail():
                self._details[type(line).__name__].add(line)
            case DetailGap():
                self._details[line.fact].add(line)

    @property
    def account_id(self) -> str:
        """The account's id."""
        return self.account.id

    @property
    def now(self) -> datetime:
        """The time when the account was collected, against which ages are measured."""
        return self.record.collected_at

    def has_enabled(self, region: str) -> bool:
        """Return whether the account has a region enabled; raises NotSeenError where AWS did not list it."""
        known = self.record.has_enabled(region)
        if known is None:
            raise NotSeenError(self.record.gap or self.unknown_region(region))
        return known

    def unknown_region(self, region: str) -> Gap:
        """Return the gap for a region that AWS listed neither as enabled nor as disabled."""
        message = f"whether {region} is enabled in this account is unknown: AWS did not list the account's regions"
        return Gap(self.account.id, region, "account:ListRegions", GapReason.DENIED, message)

    def listing(self, kind: type[Resource], region: str) -> ListingResult | None:
        """Return how a listing ended in a region, or None where it was not made."""
        found = self._listed.get(kind.__name__)
        return found.get(region) if found else None

    def resources(self, kind: type[R]) -> Sequence[R]:
        """Return each resource of a kind that was seen in any region, once, whatever was not seen.

        Where there are many, each is decoded when it is taken: go through them once, and keep what is needed of them.
        """
        found = self._resources.get(kind)
        return found.values(kind) if found else []  # type: ignore[return-value]  # keyed by the type itself

    def find(self, kind: type[R], arn: str) -> R | None:
        """Return the resource of a kind with this ARN, or None where none was seen."""
        found = self._resources.get(kind)
        return found.get(arn, kind) if found else None  # type: ignore[return-value]  # keyed by the type itself

    def having(self, kind: type[R], key: Callable[[R], Hashable], *values: Hashable) -> list[R]:
        """Return the resources of a kind of which `key` is one of these values, in their order.

        Where they stand is noted at the first time for all values, so `key` is a function of a module and not a lambda.
        """
        found = self.resources(kind)
        places = self._places.get((kind, key))
        if places is None:
            places = self._places[kind, key] = defaultdict(lambda: array("L"))
            for number, resource in enumerate(found):
                places[key(resource)].append(number)
        numbers = (number for value in {*values} & places.keys() for number in places[value])
        return [found[number] for number in sorted(numbers)]

    def is_accepted(self, gap: Gap) -> bool:
        """Return whether a gap of this account is due to a service control policy in one of the accepted regions."""
        own = gap.reason is GapReason.SCP_DENIED and gap.account_id == self.account.id
        return own and gap.region in self.accepted

    def overlooked(self, kinds: Iterable[FactType]) -> list[str]:
        """Return the accepted regions, sorted, in which a listing of one of these kinds was denied."""
        by_region = (self._listed.get(kind.__name__, {}) for kind in kinds)
        listings = (found.get(region) for found in by_region for region in self.accepted)
        gaps = (listed.gap for listed in listings if listed is not None and listed.gap is not None)
        return sorted({gap.region for gap in gaps if self.is_accepted(gap)})

    def anywhere(self, kind: type[R]) -> Sequence[R]:
        """Return the resources of a kind that every region returns; raises NotSeenError where no region answered."""
        listings = self._known_listings(kind)
        gaps = [listed.gap for listed in listings if listed.gap is not None]
        if len(gaps) == len(listings):
            raise NotSeenError(gaps[0])
        return self.resources(kind)

    def everywhere(self, kind: type[R]) -> Sequence[R]:
        """Return the resources of a kind in all regions; raises NotSeenError where one region may hide some.

        A region that a service control policy denies may hide some: the policy stops calls, not what runs there. One
        that the settings accept is left out, and the evidence of the verdict names it.
        """
        for listed in self._known_listings(kind):
            if listed.gap is not None and not listed.nothing_there and not self.is_accepted(listed.gap):
                raise NotSeenError(listed.gap)
        return self.resources(kind)

    def _known_listings(self, kind: type[Resource]) -> list[ListingResult]:
        if self.record.gap is not None:
            raise NotSeenError(self.record.gap)
        found = self._listed.get(kind.__name__)
        if not found:
            raise NotSeenError(self._unasked(kind))
        return list(found.values())

    def detail(self, kind: type[D], resource: Resource) -> Observed[D]:
        """Return a detail of one resource of this account, seen or a gap."""
        kept = self._details.get(kind.__name__)
        found = kept.get(resource.arn, kind | DetailGap) if kept else None
        if found is None:
            return self._unasked(kind, resource.region)
        return found.gap if isinstance(found, DetailGap) else Seen(found)  # type: ignore[arg-type]  # keyed by its name

    def _unasked(self, kind: FactType, region: str = "") -> Gap:
        message = f"{kind.__name__} was not collected in this run; audit again to see it"
        return Gap(self.account.id, region, "", GapReason.DEFECT, message)
