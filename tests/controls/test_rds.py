"""What the controls on databases say, case by case."""

from __future__ import annotations

from typing import Any

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
from orgaudit.model import Status
from tests.factories import NASTY, Case, every, failing, idle, name_of, passing
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
        failing("public behind a group", an_instance(public=True, **PLACED), says="publicly accessible"),
    ),
    multi_az: (
        passing("standby", an_instance()),
        failing("one zone", an_instance(multi_az=False), says="one zone only"),
        idle(
            "a member of a cluster",
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
    """Subnets and groups are told, and decide nothing."""
    evidence = private(an_instance(public=True, **PLACED)).evidence
    assert evidence == {"vpc": "vpc-1", "subnets": ["subnet-1"], "security_groups": ["sg-1"]}


def test_encryption_is_about_storage_only() -> None:
    """Nothing but the storage's encryption is asked."""
    assert encrypted(an_instance(public=True, multi_az=False, upgrades_minor_versions=False)).status is Status.PASS
