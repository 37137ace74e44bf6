"""What the fix of every control takes: decided for each, and plausible by what its words and commands say."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control, Fix, catalogue
from orgaudit.facts.accessanalyzer import RegionAnalyzers
from orgaudit.facts.config import ConfigRecording
from orgaudit.facts.contacts import ContactInformation, SecurityContact
from orgaudit.facts.ec2.defaults import EbsDefaults, MetadataDefaults
from orgaudit.facts.ec2.snapshots import SnapshotSharing
from orgaudit.facts.guardduty import GuardDutyRegion
from orgaudit.facts.iam.passwords import PasswordPolicy
from orgaudit.facts.inspector2 import InspectorAccount
from orgaudit.facts.macie import MacieSession
from orgaudit.facts.s3.block import AccountPublicAccessBlock
from orgaudit.facts.securityhub import SecurityHub
from orgaudit.facts.ssm import DocumentSharing
from orgaudit.model import Disruption, Effort
from tests.factories import name_of

CONTROLS = list(catalogue().values())
every_control = pytest.mark.parametrize("control", CONTROLS, ids=name_of)

GONE_FOR_GOOD = re.compile(
    r"\b(delete-|terminate-|schedule-key-deletion|destroy-|(initiate|complete)-vault-lock|put-object-lock|release-address)"
)
"""Operations after which what was there cannot be had again."""
MADE_ANEW = re.compile(
    r"\bre-?create|\brestore\b|snapshot|cannot be (enabled|changed) later|move the (data|workloads)",
    re.IGNORECASE,
)
"""Words of a fix after which another resource takes the place of the first one."""
COMES_BACK = re.compile(r"\b(reboot|restart)|-engine-version|version-upgrade", re.IGNORECASE)
"""Words of a fix that restarts what it changes, at once or in the next maintenance window."""

DELETES_WHAT_CAN_BE_MADE_AGAIN = {
    "cloudtrail_trail_logging": "the trail is started; one that was replaced may be deleted instead",
    "ec2_network_acl_admin_ports_closed_to_internet": "an entry can be created again as it was",
    "ec2_network_acl_admin_tcp_ports_closed_to_internet": "an entry can be created again as it was",
    "s3_bucket_mfa_delete_enabled": "the setting is called MFA delete",
    "s3_bucket_versioning_enabled": "old versions are there only since the fix",
}
"""Fixes whose words delete something, and why they can be undone nevertheless."""

NAMES_SNAPSHOTS = {
    "docdb_snapshot_private": "the attribute of a snapshot changes",
    "ec2_snapshot_private": "the attribute of a snapshot changes",
    "ec2_snapshot_public_sharing_blocked": "the setting has snapshots in its name",
    "neptune_cluster_snapshot_tags_copied": "the setting has snapshots in its name",
    "neptune_snapshot_private": "the attribute of a snapshot changes",
    "rds_cluster_snapshot_tags_copied": "the setting has snapshots in its name",
    "rds_instance_snapshot_tags_copied": "the setting has snapshots in its name",
    "rds_snapshot_private": "the attribute of a snapshot changes",
    "redshift_cluster_snapshots_retained_7_days": "the setting has snapshots in its name",
}
"""Fixes whose words name snapshots, and why they restore none."""

ONCE_IN_AN_ACCOUNT_OR_REGION = {
    *(AccountFacts, ConfigRecording, RegionAnalyzers, ContactInformation, SecurityContact, EbsDefaults),
    *(MetadataDefaults, PasswordPolicy, MacieSession, SecurityHub, GuardDutyRegion, InspectorAccount),
    *(AccountPublicAccessBlock, SnapshotSharing, DocumentSharing),
}
"""What is judged once for an account or a region."""
FIXED_ABOVE_THE_RESOURCE = {
    "s3_bucket_effective_public_access_blocked": "the account's block, or the organization's S3 policy",
    "s3_bucket_macie_covered": "automated discovery for all members",
    "s3_bucket_policy_writes_restricted": "the account's block, or the organization's S3 policy",
    "s3_bucket_private": "the account's block, or the organization's S3 policy",
}
"""Controls on many resources that one setting of the account or the organization makes pass, and which."""
FIXED_ONE_BY_ONE = {
    "iam_cloudshell_full_access_restricted": "the policy is detached from each principal",
    "organizations_management_account_free_of_workloads": "each workload moves",
}
"""Controls on a whole account whose fix is work on what is in it, and which."""


def implausible(fix: Fix, *, deletes: bool = True, restores: bool = True) -> list[str]:
    """What the words and commands of a fix say against what it is declared to take."""
    said = f"{fix.asset} {fix.command}"
    gone = GONE_FOR_GOOD.search(fix.command) or (deletes and re.search(r"\bdelete\b", fix.asset, re.IGNORECASE))
    found = []
    if restores and MADE_ANEW.search(said) and fix.disruption is not Disruption.REPLACEMENT:
        found.append("creates the resource again")
    if fix.disruption is Disruption.REPLACEMENT and (fix.effort is not Effort.L or not fix.per_resource):
        found.append("takes long, for every resource")
    if gone and fix.reversible and fix.disruption is Disruption.NONE:
        found.append("deletes")
    if COMES_BACK.search(said) and fix.disruption is Disruption.NONE:
        found.append("restarts")
    return found


@every_control
def test_every_fix_is_plausible(control: Control) -> None:
    deletes, restores = control.id not in DELETES_WHAT_CAN_BE_MADE_AGAIN, control.id not in NAMES_SNAPSHOTS
    assert implausible(control.fix, deletes=deletes, restores=restores) == []


@pytest.mark.parametrize("name", DELETES_WHAT_CAN_BE_MADE_AGAIN)
def test_no_exemption_is_left_over(name: str) -> None:
    assert implausible(catalogue()[name].fix) == ["deletes"]


@pytest.mark.parametrize("name", NAMES_SNAPSHOTS)
def test_no_exemption_for_snapshots_is_left_over(name: str) -> None:
    assert implausible(catalogue()[name].fix) == ["creates the resource again"]


PLAIN = Fix(
    service_wide="Set it.",
    asset="Set it for {resource.name}.",
    command="aws x put-it",
    preventive="Keep it.",
    effort=Effort.S,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)


@pytest.mark.parametrize(
    ("fix", "says"),
    [
        (PLAIN, []),
        (replace(PLAIN, command="aws kms schedule-key-deletion"), ["deletes"]),
        (replace(PLAIN, command="aws glacier complete-vault-lock"), ["deletes"]),
        (replace(PLAIN, asset="Delete it."), ["deletes"]),
        (replace(PLAIN, asset="Delete it.", reversible=False), []),
        (replace(PLAIN, asset="Restore it from a snapshot."), ["creates the resource again"]),
        (replace(PLAIN, asset="Re-create it.", disruption=Disruption.RESTART), ["creates the resource again"]),
        (replace(PLAIN, asset="Re-create it.", disruption=Disruption.REPLACEMENT), ["takes long, for every resource"]),
        (replace(PLAIN, asset="Re-create it.", disruption=Disruption.REPLACEMENT, effort=Effort.L), []),
        (replace(PLAIN, command="aws ec2 reboot-instances"), ["restarts"]),
        (replace(PLAIN, command="aws ec2 reboot-instances", disruption=Disruption.RESTART), []),
    ],
)
def test_what_is_implausible(fix: Fix, says: list[str]) -> None:
    assert implausible(fix) == says


@every_control
def test_a_setting_for_all_is_not_counted_for_each_resource(control: Control) -> None:
    once = control.subject in ONCE_IN_AN_ACCOUNT_OR_REGION
    expected = control.id in FIXED_ONE_BY_ONE if once else control.id not in FIXED_ABOVE_THE_RESOURCE
    assert control.fix.per_resource is expected


@every_control
def test_what_is_fixed_above_the_resource_says_where(control: Control) -> None:
    """An action on the setting of an account or organization shows the command for it."""
    if control.id in FIXED_ABOVE_THE_RESOURCE:
        assert control.fix.service_wide_command
        assert re.search(r"account|organization|members", control.fix.service_wide)


def test_no_fix_can_leave_out_what_it_takes() -> None:
    taken = inspect.signature(Fix).parameters
    for name in ("effort", "per_resource", "disruption", "reversible"):
        assert taken[name].default is inspect.Parameter.empty


def test_all_kinds_of_fixes_occur() -> None:
    assert {control.fix.effort for control in CONTROLS} == set(Effort)
    assert {control.fix.disruption for control in CONTROLS} == set(Disruption)
    assert {control.fix.reversible for control in CONTROLS} == {True, False}
