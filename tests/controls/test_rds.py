"""What the controls on databases say, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.rds import (
    rds_cluster_multi_az as cluster_multi_az,
)
from orgaudit.controls.rds import (
    rds_instance_auto_minor_upgrade_enabled as upgraded,
)
from orgaudit.controls.rds import (
    rds_instance_multi_az as multi_az,
)
from orgaudit.controls.rds import (
    rds_instance_private as private,
)
from orgaudit.controls.rds import (
    rds_instance_storage_encrypted as encrypted,
)
from orgaudit.facts.account import Listed
from orgaudit.model import Cell, Status
from orgaudit.store.run import Run, read_lines
from tests.evaluated import findings
from tests.factories import (
    HOME,
    MEMBER,
    NASTY,
    REGIONS,
    Case,
    denied,
    every,
    facts_of,
    failing,
    idle,
    name_of,
    passing,
)
from tests.factories_rds import a_cluster, an_instance

PLACED: dict[str, Any] = {"vpc_id": "vpc-1", "subnets": ("subnet-1",), "security_groups": ("sg-1",)}

CASES: dict[Control, tuple[Case, ...]] = {
    encrypted: (
        passing("encrypted", an_instance()),
        failing("plain", an_instance(encrypted=False), says="not encrypted"),
    ),
    upgraded: (
        passing("by itself", an_instance()),
        failing("by hand", an_instance(upgrades_minor_versions=False), says="wait for somebody"),
    ),
    private: (
        passing("private", an_instance()),
        failing("public", an_instance(public=True), says="publicly accessible"),
        failing("difference 61: public behind a group", an_instance(public=True, **PLACED), says="publicly accessible"),
    ),
    multi_az: (
        passing("standby", an_instance()),
        failing("one zone", an_instance(multi_az=False), says="one zone only"),
        idle(
            "difference 63: a member of a cluster",
            an_instance(multi_az=False, cluster="orders"),
            says="a member of cluster orders",
        ),
    ),
    cluster_multi_az: (
        passing("several zones", a_cluster()),
        failing("one zone", a_cluster(multi_az=False), says="one zone"),
    ),
}


NASTY_RESOURCES = (an_instance(NASTY), a_cluster(NASTY, engine=NASTY))


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_what_stands_before_a_public_instance_is_in_the_evidence() -> None:
    """Difference 61: subnets and groups are told, and decide nothing."""
    evidence = private(an_instance(public=True, **PLACED)).evidence
    assert evidence == {"engine": "postgres", "vpc": "vpc-1", "subnets": ["subnet-1"], "security_groups": ["sg-1"]}


def test_encryption_is_about_storage_only() -> None:
    """Difference 62: nothing but the storage's encryption is asked."""
    assert encrypted(an_instance(public=True, multi_az=False, upgrades_minor_versions=False)).status is Status.PASS


def test_what_was_seen_of_a_listing_is_judged_beside_its_gap(tmp_path: Path) -> None:
    """One row that cannot be read neither hides the others nor lets the region pass."""
    cut_off = Listed("DatabaseInstance", HOME, count=1, gap=denied("rds:DescribeDBInstances"))
    facts = facts_of(MEMBER, cut_off, an_instance(public=True), regions=REGIONS)
    region, instance = findings(tmp_path, private, facts)
    assert (region.status, region.resource) == (Status.NOT_ASSESSED, f"{MEMBER}:{HOME}")
    assert (instance.status, instance.resource) == (Status.FAIL, an_instance().arn)
    (cell,) = read_lines(Run(tmp_path).cells_path(MEMBER), msgspec.json.Decoder(Cell))
    assert (cell.status, cell.not_assessed, cell.failed) == (Status.NOT_ASSESSED, 1, 1)
