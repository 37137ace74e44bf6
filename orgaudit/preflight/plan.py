"""The plan of an audit: accounts, regions and every cell that it will account for, before anything is collected."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import msgspec

from orgaudit.collect.account import collect_account
from orgaudit.evaluate import places, regions_of
from orgaudit.facts.declare import closure
from orgaudit.model import Account, AccountRecord, Gap, Scope
from orgaudit.organization.discovery import Discovered
from orgaudit.pipeline import Auditor, Chosen, choose
from orgaudit.preflight.estimate import RESOURCES, Estimate, estimate
from orgaudit.preflight.visit import visit
from orgaudit.settings.sections import OrganizationSettings


class PlannedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account in scope: its enabled regions in scope, who told them, and how many cells it has.

    `gap` says why it cannot be entered; its cells are in the plan all the same.
    """

    id: str
    name: str
    ou_path: str
    state: str
    regions: tuple[str, ...]
    regions_source: str
    cells: int
    gap: Gap | None = None


class PlannedControl(msgspec.Struct, frozen=True, kw_only=True):
    """One control, and the places where it has a cell in each account: the regions of the run, or "global"."""

    id: str
    scope: Scope
    places: tuple[str, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit with the same settings would account for, and an estimate of what it takes.

    `organization` is its id, or None without one; `regions` are all that any account has in scope; `cells` is how many
    there are; `gaps` say what of the organization could not be read.
    """

    organization: str | None
    caller: str
    accounts: tuple[PlannedAccount, ...]
    accounts_out_of_scope: int
    regions: tuple[str, ...]
    controls: tuple[PlannedControl, ...]
    cells: int
    estimate: Estimate
    gaps: tuple[Gap, ...]

    def every_cell(self) -> Iterator[tuple[str, str, str]]:
        """Yield (account id, region, control id) of each cell."""
        for account in self.accounts:
            for control in self.controls:
                for place in control.places:
                    yield account.id, place, control.id


async def make_plan(auditor: Auditor, *, resources: int = RESOURCES) -> Plan:
    """Discover the organization and each account's regions, and return the plan; raises ConfigError and AccessError."""
    settings = auditor.settings
    chosen = choose(settings)
    began = time.monotonic()
    async with auditor.access(chosen) as access:
        found = await auditor.discover(access)
        inside, outside = await auditor.select(access, found)
        auditor.progress.stage("plan", len(inside))

        async def look(account: Account) -> AccountRecord:
            # Collecting nothing: an account is entered and its regions are asked for just as in an audit.
            record = (await collect_account(access, account, (), settings.scope)).entered.record
            auditor.progress.account_done(account, record, access.traffic)
            return record

        records = await visit(inside, settings.run.concurrent_accounts, look)
        regions = regions_of(records) or await auditor.known_regions(access)
        controls = _controls(chosen, regions)
        return Plan(
            organization=found.organization.id if found.organization else None,
            caller=access.caller.arn,
            accounts=_accounts(inside, records, sum(len(control.places) for control in controls)),
            accounts_out_of_scope=len(outside),
            regions=tuple(regions),
            controls=controls,
            cells=len(inside) * sum(len(control.places) for control in controls),
            estimate=estimate(
                closure(chosen.facts),
                [[region.name for region in record.regions] for record in records if record.gap is None],
                access.limits,
                settings.run,
                discovery_calls=access.traffic.calls,
                discovery_seconds=time.monotonic() - began,
                tags=_untagged(found, inside, settings.organization),
                resources=resources,
            ),
            gaps=found.gaps,
        )


def _untagged(found: Discovered, accounts: Sequence[Account], settings: OrganizationSettings) -> int:
    """Return of how many accounts an audit reads the tags, beyond those that the scope asked for."""
    if found.organization is None or not settings.read_tags:
        return 0
    return sum(account.tags is None for account in accounts)


def _controls(chosen: Chosen, regions: Sequence[str]) -> tuple[PlannedControl, ...]:
    return tuple(
        PlannedControl(id=control.id, scope=control.scope, places=tuple(places(control, regions)))
        for control in chosen.controls
    )


def _accounts(accounts: Sequence[Account], records: Sequence[AccountRecord], cells: int) -> tuple[PlannedAccount, ...]:
    return tuple(
        PlannedAccount(
            id=account.id,
            name=account.name,
            ou_path=account.ou_path,
            state=account.state,
            regions=tuple(region.name for region in record.regions),
            regions_source=record.regions_source,
            cells=cells,
            gap=record.gap,
        )
        for account, record in zip(accounts, records, strict=True)
    )
