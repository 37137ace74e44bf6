"""What the ordinary evaluation makes of an account's facts, or of a listing that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control
from orgaudit.evaluate.account import RunContext, evaluate_account
from orgaudit.facts.declare import Resource
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Finding, Gap
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store.run import Run, read_lines
from tests.factories import HOME, MEMBER, facts_of, organization_of


def context_of(control: Control, *accounts: AccountFacts, regions: Sequence[str] = (HOME,)) -> RunContext:
    """What accounts are judged with by one control, in an organization of these accounts."""
    return RunContext(
        controls=[control],
        thresholds=Thresholds(),
        requirements={},
        regions=regions,
        organization=organization_of(*accounts),
        partition="aws",
        home_region=HOME,
    )


def findings(tmp_path: Path, control: Control, *accounts: AccountFacts) -> list[Finding]:
    """What an audit says of the first account, a member with one region, which shows what the others own."""
    run = Run(tmp_path)
    for path in (run.findings_path(MEMBER), run.cells_path(MEMBER)):
        path.parent.mkdir(parents=True, exist_ok=True)
    evaluate_account(run, accounts[0], context_of(control, *accounts))
    return list(read_lines(run.findings_path(MEMBER), msgspec.json.Decoder(Finding)))


def in_audit(tmp_path: Path, control: Control, gap: Gap) -> Finding:
    """What an audit says of a region in which the listing is a gap."""
    assert issubclass(control.subject, Resource)
    facts = facts_of(MEMBER, ListingResult(control.subject.__name__, HOME, gap=gap), regions=(HOME,))
    (finding,) = findings(tmp_path, control, facts)
    return finding
