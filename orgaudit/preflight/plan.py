"""The plan of an audit: accounts, regions and every cell that it will account for, before anything is collected."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import repeat

import msgspec

from orgaudit.audit import Auditor
from orgaudit.collect.account import collect_account
from orgaudit.collect.visit import visit
from orgaudit.evaluate.account import places, regions_of
from orgaudit.evaluate.rules import Rules, rules_of
from orgaudit.facts.declare import closure
from orgaudit.model import Account, AccountRecord, Gap, Scope
from orgaudit.organization.discovery import Discovered
from orgaudit.organization.plan import discover_organization, known_regions, select
from orgaudit.preflight.estimate import RESOURCES, Estimate, estimate
from orgaudit.settings.sections import OrganizationSettings
from orgaudit.store.shards import Spool


class PlannedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account in scope: its enabled regions in scope, the action that listed them, and the number of its cells.

    `gap` is why its role could not be assumed; its cells are in the plan all the same.
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
    """The accounts, regions and controls of an audit with the same settings, and an estimate of its calls and time.

    `organization` is its id, or None without one; `regions` are all that any account has in scope; `cells` is their
    number; `gaps` are what could not be read of the organization.
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


async def make_plan(auditor: Auditor, *, resources: int = RESOURCES) -> Plan:
    """Discover the organization and each account's regions, and return the plan; raises ConfigError and AccessError."""
    settings = auditor.settings
    rules = rules_of(settings)
    began = time.monotonic()
    async with auditor.access(rules) as access:
        found = await discover_organization(access, settings)
        inside, outside = await select(access, found, settings.scope)
        auditor.progress.stage("plan", len(inside), access.traffic)

        async def read(account: Account) -> AccountRecord:
            auditor.progress.account_began(account)
            # Without collectors the role is assumed and the regions are listed, as in an audit, and no more.
            record = (await collect_account(access, account, (), settings, Spool())).record
            auditor.progress.account_done(account, record, access.traffic)
            return record

        records = await visit(inside, settings.run.concurrent_accounts, read)
        regions = regions_of(records) or await known_regions(access, settings.scope)
        controls = _controls(rules, regions)
        cells = sum(len(control.places) for control in controls)
        return Plan(
            organization=found.organization.id if found.organization else None,
            caller=access.caller.arn,
            accounts=tuple(map(_planned, inside, records, repeat(cells))),
            accounts_out_of_scope=len(outside),
            regions=tuple(regions),
            controls=controls,
            cells=len(inside) * cells,
            estimate=estimate(
                closure(rules.facts),
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
    """Return the number of accounts whose tags an audit reads, beyond those that the scope required."""
    if found.organization is None or not settings.read_tags:
        return 0
    return sum(account.tags is None for account in accounts)


def _controls(rules: Rules, regions: Sequence[str]) -> tuple[PlannedControl, ...]:
    return tuple(
        PlannedControl(id=control.id, scope=control.scope, places=tuple(places(control, regions)))
        for control in rules.controls
    )


def _planned(account: Account, record: AccountRecord, cells: int) -> PlannedAccount:
    return PlannedAccount(
        id=account.id,
        name=account.name,
        ou_path=account.ou_path,
        state=account.state,
        regions=tuple(region.name for region in record.regions),
        regions_source=record.regions_source,
        cells=cells,
        gap=record.gap,
    )
