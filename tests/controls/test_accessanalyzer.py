"""What the control on access analyzers says, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.accessanalyzer import accessanalyzer_external_analyzer_enabled as enabled
from orgaudit.controls.declare import Control
from orgaudit.facts.accessanalyzer import PRINCIPAL, Analyzer, RegionAnalyzers
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, GapReason, Status
from tests.factories import (
    HOME,
    MANAGEMENT,
    MEMBER,
    SECURITY,
    Case,
    an_account,
    denied,
    every,
    facts_of,
    failing,
    name_of,
    passing,
    unseen,
)
from tests.factories_iam import an_analyzer, analyzers_in, iam_facts

OTHER = "us-east-1"
OURS = an_analyzer("ORGANIZATION")
DELEGATED = {PRINCIPAL: (SECURITY,)}


def administrator(account_id: str, *found: Analyzer, region: str = HOME, gap: Gap | None = None) -> AccountFacts:
    """An account that has these analyzers in one region and none in the others, or a gap."""
    regions = [analyzers_in(name, *(found if name == region else ()), account_id=account_id) for name in (HOME, OTHER)]
    if gap is None:
        return iam_facts(*regions, account_id=account_id)
    seen = [each for each in regions if each.region != gap.region]
    return iam_facts(*seen, account_id=account_id, gaps={RegionAnalyzers: gap})


def member(
    *found: Analyzer, seen: tuple[AccountFacts, ...] = (), delegated: Any = None, organized: bool = True
) -> tuple[RegionAnalyzers, Organization]:
    """A member's region with these analyzers, and an organization of which these accounts were seen."""
    loaded = {facts.account_id: facts for facts in seen}
    organization = Organization(
        map(an_account, (MANAGEMENT, MEMBER, SECURITY)),
        management_account_id=MANAGEMENT if organized else None,
        load=loaded.get,
        delegated={} if delegated is None else delegated,
    )
    return analyzers_in(HOME, *found), organization


NONE_THERE = administrator(MANAGEMENT)
HIDDEN = denied("access-analyzer:ListAnalyzers", MANAGEMENT)
DISABLED = Gap(MANAGEMENT, HOME, "access-analyzer:ListAnalyzers", GapReason.REGION_DISABLED, "not enabled")
FAR = facts_of(MANAGEMENT, ListingResult("RegionAnalyzers", OTHER), regions=(OTHER,))

EXTERNAL = (
    passing("own analyzer", *member(an_analyzer()), says="analyzer account of type ACCOUNT is active"),
    passing("own analyzer beside others", *member(an_analyzer("ACCOUNT_UNUSED_ACCESS"), an_analyzer())),
    passing("the administrator's own", *member(OURS), says="of type ORGANIZATION"),
    failing(
        "none",
        *member(seen=(NONE_THERE,)),
        says=f"no active external access analyzer in {HOME}",
    ),
    failing("none, no organization", *member(organized=False), says="no active external access analyzer"),
    *(
        failing(kind, *member(an_analyzer(kind), seen=(NONE_THERE,)), says="no active external access analyzer")
        for kind in (
            "ACCOUNT_UNUSED_ACCESS",
            "ORGANIZATION_UNUSED_ACCESS",
            "ACCOUNT_INTERNAL_ACCESS",
            "ORGANIZATION_INTERNAL_ACCESS",
        )
    ),
    *(
        failing(f"own analyzer {status}", *member(an_analyzer(status=status), seen=(NONE_THERE,)), says="no active")
        for status in ("CREATING", "DISABLED", "FAILED")
    ),
    passing(
        "the management account's",
        *member(seen=(administrator(MANAGEMENT, OURS),)),
        says=f"organization analyzer organization of account Account 1 ({MANAGEMENT})",
    ),
    passing(
        "the delegated administrator's",
        *member(seen=(NONE_THERE, administrator(SECURITY, OURS)), delegated=DELEGATED),
        says=f"account Account 3 ({SECURITY})",
    ),
    passing(
        "the delegated administrator's, the management account unseen",
        *member(seen=(administrator(SECURITY, OURS),), delegated=DELEGATED),
        says=SECURITY,
    ),
    failing(
        "an account that is no administrator",
        *member(seen=(NONE_THERE, administrator(SECURITY, OURS))),
        says="no active external access analyzer",
    ),
    failing(
        "in another region",
        *member(seen=(administrator(MANAGEMENT, OURS, region=OTHER),)),
        says="no active external access analyzer",
    ),
    failing(
        "disabled after a change of administrator",
        *member(seen=(administrator(MANAGEMENT, an_analyzer("ORGANIZATION", "DISABLED")),)),
        says="no active external access analyzer",
    ),
    failing(
        "the management account's own account analyzer",
        *member(seen=(administrator(MANAGEMENT, an_analyzer()),)),
        says="no active external access analyzer",
    ),
    failing(
        "the administrator has not enabled the region", *member(seen=(FAR,)), says="no active external access analyzer"
    ),
    failing(
        "the region is a gap that holds nothing",
        *member(seen=(administrator(MANAGEMENT, gap=DISABLED),)),
        says="no active external access analyzer",
    ),
    unseen("the management account was not collected", *member(), says=f"account {MANAGEMENT} was not collected"),
    unseen("its analyzers are denied", *member(seen=(administrator(MANAGEMENT, gap=HIDDEN),)), says="is denied"),
    unseen("its analyzers were not asked for", *member(seen=(facts_of(MANAGEMENT),)), says="not collected in this run"),
)
CASES: dict[Control, tuple[Case, ...]] = {enabled: EXTERNAL}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


@pytest.mark.parametrize("own", [(), (an_analyzer(),)], ids=["none", "own"])
def test_unknown_administrators_hide_an_analyzer_but_no_own_one(own: tuple[Analyzer, ...]) -> None:
    organization = Organization([], management_account_id=MANAGEMENT, load=lambda _: NONE_THERE, delegated=None)
    verdict = enabled(analyzers_in(HOME, *own), organization)
    assert verdict.status is (Status.PASS if own else Status.NOT_ASSESSED)
    if verdict.gap is not None:
        assert verdict.gap.action == "organizations:ListDelegatedAdministrators"


@pytest.mark.parametrize(
    ("arguments", "owner"),
    [
        (member(seen=(administrator(MANAGEMENT, OURS),)), MANAGEMENT),
        (member(an_analyzer()), None),
        (member(seen=(NONE_THERE,)), None),
    ],
    ids=["organization", "own", "none"],
)
def test_credit_names_the_account_that_it_comes_from(arguments: tuple[Any, ...], owner: str | None) -> None:
    assert enabled(*arguments).inherited_from == owner
