"""What the controls on Macie say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.macie import macie_account_automated_discovery_enabled as automated
from orgaudit.controls.macie import macie_account_enabled as enabled
from orgaudit.facts.shard import ListingResult
from orgaudit.model import GLOBAL, Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    MEMBER,
    SECURITY,
    Case,
    denied,
    every,
    facts_of,
    failing,
    idle,
    name_of,
    passing,
    unseen,
)
from tests.factories_macie import a_discovery, a_session
from tests.factories_s3 import a_bucket

USUAL = Thresholds()
UNSEEN_BUCKETS = ListingResult("Bucket", GLOBAL, gap=denied("s3:ListAllMyBuckets"))


def beside(status: str, *lines: Any, thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    return a_session(status), facts_of(MEMBER, *(lines or (ListingResult("Bucket", GLOBAL), a_bucket()))), thresholds


ENABLED = (
    passing("on", *beside("ENABLED")),
    passing("on, buckets denied", *beside("ENABLED", UNSEEN_BUCKETS)),
    failing("off", *beside("DISABLED"), says="Macie is disabled in eu-west-1; buckets in the region: 1"),
    failing("paused", *beside("PAUSED"), says="Macie is paused"),
    idle("no buckets", *beside("DISABLED", ListingResult("Bucket", GLOBAL)), says="no buckets in eu-west-1"),
    idle(
        "buckets elsewhere",
        *beside("DISABLED", ListingResult("Bucket", GLOBAL), a_bucket(region="us-east-1")),
        says="no buckets in eu-west-1",
    ),
    unseen("off, buckets denied", *beside("DISABLED", UNSEEN_BUCKETS), says="ListAllMyBuckets is denied"),
    Case(
        "another tool",
        Status.MANUAL,
        beside("DISABLED", thresholds=Thresholds(accept_alternative_data_discovery=(MEMBER,))),
        "by other means",
    ),
    failing(
        "another account's tool",
        *beside("DISABLED", thresholds=Thresholds(accept_alternative_data_discovery=(SECURITY,))),
        says="Macie is disabled",
    ),
)
SESSION = a_session()


def discovering(**changes: Any) -> tuple[Any, ...]:
    return SESSION, Seen(a_discovery(SESSION, **changes))


AUTOMATED = (
    passing("on", *discovering(automated=True), says="is enabled"),
    failing("off", *discovering(), says="is not enabled"),
    idle("a member", *discovering(administrator=SECURITY), says=f"administrator account {SECURITY}"),
    idle("a member that is sampled", *discovering(administrator=SECURITY, automated=True), says="administrator"),
    idle("Macie is off", a_session("DISABLED"), Seen(a_discovery(SESSION)), says="Macie is disabled in eu-west-1"),
    unseen("denied", SESSION, denied("macie2:GetAutomatedDiscoveryConfiguration")),
)
CASES: dict[Control, tuple[Case, ...]] = {enabled: ENABLED, automated: AUTOMATED}


NASTY_RESOURCES = (a_session(),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
