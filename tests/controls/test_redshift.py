"""What the controls on Redshift clusters say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls import redshift
from orgaudit.controls.declare import Control
from orgaudit.facts.declare import Resource
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.redshift import RedshiftCluster, RedshiftLogging, RedshiftParameters
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Observed, Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import HOME, MEMBER, NASTY, Case, denied, every, facts_of, failing, idle, name_of, passing, unseen
from tests.factories_ec2 import ANY4, ANY6, HALVES4, OFFICE, a_group, listed, rule
from tests.factories_redshift import a_warehouse

USUAL = Thresholds()
GROUPS = listed(SecurityGroup)


def flag(field: str, says: str, *, right: bool = True) -> tuple[Case, ...]:
    """The cases of a setting that is on or off."""

    def having(value: Any) -> RedshiftCluster:
        changes: dict[str, Any] = {field: value}
        return a_warehouse(**changes)

    return (
        passing("right", having(right)),
        failing("wrong", having(not right), says=says),
        unseen("refused", having(denied()), says="denied"),
    )


def parameters(**require_ssl: str) -> tuple[RedshiftCluster, Observed[RedshiftParameters]]:
    return a_warehouse(), Seen(RedshiftParameters(arn=a_warehouse().arn, require_ssl=require_ssl))


def logging(*, enabled: bool) -> tuple[RedshiftCluster, Observed[RedshiftLogging]]:
    return a_warehouse(), Seen(RedshiftLogging(arn=a_warehouse().arn, enabled=enabled))


def near(*lines: Resource | ListingResult, **changes: Any) -> tuple[RedshiftCluster, AccountFacts]:
    """A cluster with what was seen of the security groups in its account."""
    return a_warehouse(**changes), facts_of(MEMBER, *lines, regions=(HOME,))


CASES: dict[Control, tuple[Case, ...]] = {
    redshift.redshift_cluster_private: flag("public", "is publicly accessible", right=False),
    redshift.redshift_cluster_encrypted: flag("encrypted", "is not encrypted"),
    redshift.redshift_cluster_version_upgrade_allowed: flag("upgrades_versions", "are not upgraded"),
    redshift.redshift_cluster_enhanced_vpc_routing_enabled: flag("enhanced_routing", "is not enabled"),
    redshift.redshift_cluster_snapshots_retained_7_days: (
        passing("a week", a_warehouse(), USUAL),
        failing("a day less", a_warehouse(backup_days=6), USUAL, says="for 6 days; expected: at least 7"),
        failing("none", a_warehouse(backup_days=0), USUAL, says="no automatic backups"),
        unseen("refused", a_warehouse(backup_days=denied()), USUAL, says="denied"),
    ),
    redshift.redshift_cluster_custom_admin_name_used: (
        passing("its own", a_warehouse()),
        failing("the default", a_warehouse(admin_name="AWSuser"), says="default name, awsuser"),
        unseen("refused", a_warehouse(admin_name=denied()), says="denied"),
    ),
    redshift.redshift_cluster_multi_az: (
        passing("two zones", a_warehouse(multi_az="enabled")),
        failing("one zone", a_warehouse(multi_az="Disabled"), says="a single Availability Zone"),
        unseen("refused", a_warehouse(multi_az=denied()), says="denied"),
    ),
    redshift.redshift_cluster_tls_required: (
        passing("required", *parameters(own="true")),
        failing("not required", *parameters(own="false"), says="not required by own"),
        failing("one of two groups", *parameters(own="true", other="false"), says="not required by other"),
        failing("no groups", *parameters(), says="any parameter group"),
        unseen("refused", a_warehouse(), denied(), says="denied"),
    ),
    redshift.redshift_cluster_audit_logging_enabled: (
        passing("on", *logging(enabled=True)),
        failing("off", *logging(enabled=False), says="is not enabled"),
        unseen("refused", a_warehouse(), denied(), says="denied"),
    ),
    redshift.redshift_cluster_port_closed_to_internet: (
        passing("an office", *near(GROUPS, a_group(rule("tcp", 5439, OFFICE)))),
        passing("another port", *near(GROUPS, a_group(rule("tcp", 5438, ANY4)))),
        passing(
            "a group that is not attached", *near(GROUPS, a_group(), a_group(rule("tcp", 5439, ANY4), group_id="x"))
        ),
        failing("IPv4", *near(GROUPS, a_group(rule("tcp", 5439, ANY4))), says="sg-1 opens tcp 5439 from 0.0.0.0/0"),
        failing("IPv6", *near(GROUPS, a_group(rule("tcp", 5439, ANY6))), says="sg-1 opens tcp 5439"),
        failing(
            "half of the internet each",
            *near(
                GROUPS,
                *(
                    a_group(rule("tcp", 5439, half), group_id=each)
                    for half, each in zip(HALVES4, ("sg-1", "sg-2"), strict=True)
                ),
                security_groups=("sg-1", "sg-2"),
            ),
            says="sg-1 with sg-2",
        ),
        idle("being created", *near(GROUPS, port=None), says="has no port yet"),
        unseen("a group of an account that does not share it", *near(GROUPS), says="security group sg-1"),
        unseen("no groups were listed", *near(), says="not collected"),
        unseen("groups that were not seen", *near(GROUPS, security_groups=denied()), says="security groups"),
        unseen("a port that was not seen", *near(GROUPS, port=denied()), says="denied"),
    ),
}
NASTY_RESOURCES = (a_warehouse(NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
