"""The open findings of an earlier run, checked after a fix: where they are, and what has to be collected for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.aliases import first_id, resolve
from orgaudit.controls.declare import Control
from orgaudit.errors import ConfigError
from orgaudit.evaluate.account import findings_of, places
from orgaudit.evaluate.rules import Rules, rules_again
from orgaudit.evaluate.shards import Shards
from orgaudit.evaluate.stage import context_of
from orgaudit.facts.declare import FactType, Resource
from orgaudit.model import GLOBAL
from orgaudit.store import earlier as store
from orgaudit.store import seal
from orgaudit.store.manifest import Extent, Manifest, OnlyOpenRecord
from orgaudit.store.run import Run
from orgaudit.store.tables import opened, structs_of

OPTION = "--only-open"
_OPEN = "SELECT DISTINCT account_id, region, control, inherited_from FROM findings WHERE open ORDER BY ALL"


class OpenPlace(msgspec.Struct, frozen=True):
    """Where there is an open finding; `inherited_from` is the account in which the resource was judged."""

    account_id: str
    region: str
    control: str
    inherited_from: str | None = None


@dataclass(frozen=True, slots=True)
class OnlyOpen:
    """An audit of the accounts, regions and controls of what is open in an earlier run, and of nothing else."""

    earlier: Run
    found: tuple[OpenPlace, ...]

    @classmethod
    def of(cls, earlier: Run) -> OnlyOpen:
        """Return the audit of what is open in a run; raises ConfigError where that was not reported or was changed."""
        earlier.read_evaluated()
        with opened(earlier) as connection:
            seal.standing(earlier, (*seal.FACTS, *seal.JUDGED, *seal.MATCHED))
            return cls(earlier, tuple(structs_of(connection, OpenPlace, _OPEN)))

    def check(self, run: Run) -> None:
        """Raise ConfigError where the new run would not be beside the earlier one."""
        store.check_beside(self.earlier, run, OPTION)

    def rules(self) -> Rules:
        """Return the rules of the earlier run, for the controls that have open findings.

        Raises ConfigError where one of them no longer exists.
        """
        whole = rules_again(self.earlier.read_manifest())
        named = {first_id(place.control) for place in self.found}
        return replace(whole, controls=tuple(each for each in whole.controls if first_id(each.id) in named))

    def planned(self, manifest: Manifest, rules: Rules) -> Manifest:
        """Return the plan of the audit, for those of the accounts that still exist.

        Raises ConfigError where the earlier run is of another organization.
        """
        before = self.earlier.read_evaluated()
        store.check_same(before, manifest, OPTION)
        wanted = self._places(before, rules)
        inside = tuple(account for account in manifest.accounts if account.id in wanted)
        if not inside:
            message = f"none of the accounts with open findings of run {before.run_id} exists any more; audit again"
            raise ConfigError(message, key=OPTION)
        known = {account.id for account in (*manifest.accounts, *manifest.out_of_scope)}
        owners = self._owners(before, rules, wanted) & known
        record = OnlyOpenRecord(
            run_id=self.earlier.id,
            manifest_sha256=seal.digest(self.earlier.manifest_path),
            places=wanted,
            owners=tuple(sorted(owners)),
            left_out=_left_out(before, wanted),
            checked_of=_left_out(before, {}),
        )
        rest = tuple(account for account in manifest.accounts if account.id not in wanted)
        return msgspec.structs.replace(
            manifest,
            accounts=inside,
            out_of_scope=(*manifest.out_of_scope, *rest),
            only_open=record,
            narrowed_by=(OPTION,),
        )

    def _places(self, before: Manifest, rules: Rules) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return the regions of the plan in which each control is checked, by account and control.

        A resource may count in the cell of another region than its own: one of another account, and one in a region
        that the account does not have in scope. Its control is checked in every region.
        """
        controls = {first_id(each.id): each for each in rules.controls}
        regions = {record.account_id: [each.name for each in record.regions] for record in before.records}
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for place in self.found:
            control, own = controls[first_id(place.control)], regions.get(place.account_id, [])
            cells = places(control, own)
            near = place.region in cells and place.inherited_from is None
            found[place.account_id][control.id] |= {place.region} if near else set(cells)
        return {
            account: {control: tuple(sorted(cells)) for control, cells in sorted(by.items())}
            for account, by in sorted(found.items())
        }

    def _owners(self, before: Manifest, rules: Rules, wanted: Mapping[str, Mapping[str, Collection[str]]]) -> set[str]:
        """Return the other accounts in which judging the findings looked something up, by judging them again."""
        shards = Shards(self.earlier, rules.accepts)
        context = replace(context_of(self.earlier, before, rules, shards), asked=wanted)
        looked: set[str] = set()
        for account in wanted:
            facts = shards.load(account)
            if facts is not None:
                noting = _Noting(context.organization)
                for _ in findings_of(facts, replace(context, organization=noting), []):
                    pass
                looked |= noting.looked_into - {account}
        return looked


class _Noting(Organization):
    """An organization that notes in which accounts something was looked up."""

    def __init__(self, organization: Organization) -> None:
        self.__dict__.update(vars(organization))
        self.looked_into: set[str] = set()
        load = self._load

        def noted(account_id: str) -> AccountFacts | None:
            self.looked_into.add(account_id)
            return load(account_id)

        self._load = noted


def _left_out(before: Manifest, wanted: Mapping[str, Mapping[str, Collection[str]]]) -> Extent:
    """Return how many accounts, regions and controls of a run have nothing that is open."""
    regions = {region for by in wanted.values() for cells in by.values() for region in cells} - {GLOBAL}
    known = {region.name for record in before.records for region in record.regions}
    controls = {control for by in wanted.values() for control in by}
    return Extent(
        accounts=len(before.accounts) - len(wanted),
        regions=len(known - regions),
        controls=len(before.controls) - len(controls),
    )


def rules_in(record: OnlyOpenRecord, rules: Rules) -> Rules:
    """Return rules for the controls alone of which findings are checked."""
    named = {resolve(control) for by in record.places.values() for control in by}
    return replace(rules, controls=tuple(each for each in rules.controls if each.id in named))


def extents(record: OnlyOpenRecord, rules: Rules) -> Iterator[tuple[str, tuple[FactType, ...], tuple[str, ...] | None]]:
    """Yield the accounts of which only a part is needed: its types of facts, and its regions or None for every one."""
    controls = {each.id: each for each in rules.controls}
    for account, by in record.places.items():
        if account in record.owners:
            continue
        own = [controls[resolve(name)] for name in by]
        regions = sorted({region for cells in by.values() for region in cells} - {GLOBAL})
        beyond = any(_needs_every_region(each) for each in own)
        yield account, replace(rules, controls=tuple(own)).facts, None if beyond else tuple(regions)


def _needs_every_region(control: Control) -> bool:
    """Return whether a control looks beyond the region that it judges: a part of the regions may mislead it."""
    return bool(control.account_facts) or Organization in control.takes or not issubclass(control.subject, Resource)
