"""The families of controls: which share one, why, and that one fix makes all of their controls pass."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, catalogue
from orgaudit.facts.declare import Detail, Resource
from orgaudit.languages.filter_pattern import prescribed
from orgaudit.model import Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    MANAGEMENT,
    a_filter,
    a_trail,
    alone,
    an_account,
    chain_of,
    facts_of,
    filters_of,
    organization_of,
    pattern,
)
from tests.factories_ec2 import a_group, all_traffic, an_acl, entry, rule
from tests.factories_iam import (
    a_password_policy,
    a_policy,
    a_root,
    a_user,
    ago,
    an_iam_role,
    aws_policy_arn,
    credentials_of,
    devices_of,
    features,
    iam_facts,
    no_root_credentials,
    root_used,
)
from tests.factories_s3 import a_bucket, allow, block_of_bucket, deny, owner_of, policy_of

SHARED = {
    "ec2_network_acl_ingress": "entries that are closed for TCP and UDP are closed for TCP",
    "ec2_security_group_ingress": "one revocation of all rules that open a group to the internet closes all ports",
    "iam_customer_policy_admin": "a policy that grants no full access grants none where it is attached",
    "iam_password_policy": "one call sets the whole policy of an account, and replaces the one before",
    "iam_root_mfa": "a hardware device is also MFA, with and without a password; without credentials none is needed",
    "iam_root_use": "both judge the same last use; one fails where the other leaves it to a person",
    "iam_support_access": "a role that has the policy is a principal that has it",
    "iam_user_idle_credentials": "credentials that were idle for less than 45 days were so for less than 90",
    "logs_metric_filter_security_groups": "the longer list of calls contains the shorter one",
    "s3_bucket_plain_http": "a policy that denies plain HTTP denies what the other one requires, in the same words",
    "s3_bucket_public_access": "the four settings of the public access block override public policies and grants",
}
"""Every family of more than one control, and why one fix makes all of it pass."""

NOT_SHARED = (
    {"s3_bucket_versioning_enabled", "s3_bucket_mfa_delete_enabled"},
    {"cloudtrail_s3_read_data_events_logged", "cloudtrail_s3_write_data_events_logged"},
    {"ec2_default_security_group_empty", "ec2_security_group_all_traffic_closed_to_internet"},
    {"iam_root_mfa_enabled", "iam_root_access_keys_absent"},
    {"config_recorder_all_types_recorded", "config_recorder_all_regions_enabled"},
    {"rds_instance_multi_az", "rds_cluster_multi_az"},
    {"iam_user_access_key_rotated_90_days", "iam_user_single_active_access_key"},
    {"cloudtrail_trail_role_can_deliver", "cloudtrail_trail_cloudwatch_logs_delivered"},
)
"""Controls that are often asked for together, and that take a fix each."""


@dataclass(frozen=True)
class Story:
    """One resource before and after one fix; `before` are the controls of the family that fail first, None for all."""

    name: str
    family: str
    broken: tuple[AccountFacts, Organization]
    fixed: tuple[AccountFacts, Organization]
    failing: frozenset[str] | None = None


def of_family(family: str) -> list[Control]:
    return [control for control in catalogue().values() if control.family == family]


def families() -> dict[str, list[Control]]:
    found: dict[str, list[Control]] = defaultdict(list)
    for control in catalogue().values():
        found[control.family].append(control)
    return found


def status(control: Control, facts: AccountFacts, organization: Organization) -> Status:
    """What a control says of the only resource of its kind, with arguments as an audit passes them."""
    given: dict[type, Any] = {AccountFacts: facts, Organization: organization, Thresholds: Thresholds()}
    resource: Resource | None = None
    if issubclass(control.subject, Resource):
        (resource,) = facts.resources(control.subject)
        given[control.subject] = resource
    details = [kind for kind in control.takes if issubclass(kind, Detail)]
    for kind in details:
        assert resource is not None
        given[kind] = facts.detail(kind, resource)
    return control(*(given[kind] for kind in control.takes)).status


def test_every_shared_family_is_listed_with_its_reason() -> None:
    assert {name for name, found in families().items() if len(found) > 1} == SHARED.keys()


def test_a_control_alone_is_a_family_by_its_id() -> None:
    for name, found in families().items():
        if len(found) == 1:
            assert found[0].id == name
        else:
            assert name not in catalogue()


@pytest.mark.parametrize("family", SHARED)
def test_controls_of_a_family_judge_the_same_resource_and_take_the_same_fix(family: str) -> None:
    """An issue is a resource and a family: controls on other resources would never be one issue."""
    found = of_family(family)
    assert len({control.subject for control in found}) == 1
    assert len({(c.fix.effort, c.fix.per_resource, c.fix.disruption, c.fix.reversible) for c in found}) == 1


@pytest.mark.parametrize("ids", NOT_SHARED, ids=min)
def test_what_takes_a_fix_each_is_no_family(ids: set[str]) -> None:
    assert len({catalogue()[each].family for each in ids}) == len(ids)


BUCKET, GROUP, USER, ROOT = a_bucket(), a_group(), a_user(), a_root()
NOBODY = organization_of()
CENTRAL = organization_of(iam_facts(features(), account_id=MANAGEMENT))
VIRTUAL = f"arn:aws:iam::{MANAGEMENT}:mfa/root-account-mfa-device"
BARE = a_root(mfa=False)
NONE = no_root_credentials()
WORLD, WORLD_6 = "0.0.0.0/0", "::/0"
NO_HTTP = deny({"Bool": {"aws:SecureTransport": "false"}})
LIMITED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
SIX = pattern(*(event.name for event in prescribed.SECURITY_GROUP_CHANGES))
SEVEN = pattern(*(event.name for event in prescribed.SECURITY_GROUP_AND_RULE_CHANGES))
TRAIL = a_trail()


def seen(*lines: Any) -> tuple[AccountFacts, Organization]:
    """A member that shows these facts, in an organization."""
    return facts_of(an_account().id, *lines), NOBODY


def of_iam(*lines: Any, organization: Organization = CENTRAL) -> tuple[AccountFacts, Organization]:
    return iam_facts(*lines), organization


def of_bucket(*lines: Any) -> tuple[AccountFacts, Organization]:
    return owner_of(BUCKET, BUCKET, *lines), NOBODY


def alarmed(matches: str | None) -> tuple[AccountFacts, Organization]:
    """An account whose trail has a filter with this pattern and a whole chain; without a pattern, no filter."""
    filters = [a_filter(matches=matches)] if matches else []
    return alone(*chain_of(TRAIL, filters_of(TRAIL, *filters)))


STORIES = (
    Story(
        "all traffic from everywhere",
        "ec2_security_group_ingress",
        seen(a_group(all_traffic(WORLD, WORLD_6))),
        seen(GROUP),
    ),
    Story(
        "SSH and CIFS by two rules",
        "ec2_security_group_ingress",
        seen(a_group(rule("tcp", 22, WORLD), rule("tcp", 445, WORLD), rule("tcp", 443, WORLD))),
        seen(a_group(rule("tcp", 443, WORLD))),
        frozenset(
            {
                "ec2_security_group_high_risk_ports_closed_to_internet",
                "ec2_security_group_admin_ports_closed_to_ipv4_internet",
                "ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet",
                "ec2_security_group_ssh_closed_to_ipv4_internet",
                "ec2_security_group_ssh_closed_to_internet",
                "ec2_security_group_cifs_closed_to_internet",
            }
        ),
    ),
    Story(
        "all ports",
        "ec2_network_acl_ingress",
        seen(an_acl(entry(100, "allow", WORLD))),
        seen(an_acl(entry(100, "allow", WORLD, "tcp", 443))),
    ),
    Story(
        "no MFA, then a hardware device",
        "iam_root_mfa",
        of_iam(BARE, devices_of(BARE)),
        of_iam(ROOT, devices_of(ROOT)),
    ),
    Story(
        "no MFA, then no credentials",
        "iam_root_mfa",
        of_iam(BARE, devices_of(BARE)),
        of_iam(NONE, devices_of(NONE)),
    ),
    Story(
        "a virtual device, then a hardware one",
        "iam_root_mfa",
        of_iam(ROOT, devices_of(ROOT, VIRTUAL)),
        of_iam(ROOT, devices_of(ROOT)),
        frozenset({"iam_root_hardware_mfa_enabled"}),
    ),
    Story(
        "used, then not for the time that is asked",
        "iam_root_use",
        of_iam(ROOT, root_used(ROOT, password_used_at=ago(2))),
        of_iam(ROOT, root_used(ROOT, password_used_at=ago(200))),
        frozenset({"iam_root_idle"}),
    ),
    Story(
        "a password that nobody uses",
        "iam_user_idle_credentials",
        of_iam(USER, credentials_of(USER, password_used_at=ago(100))),
        of_iam(USER, credentials_of(USER, password_enabled=False, password_used_at=None)),
    ),
    Story(
        "idle for 60 days",
        "iam_user_idle_credentials",
        of_iam(USER, credentials_of(USER, password_used_at=ago(60))),
        of_iam(USER, credentials_of(USER, password_used_at=ago(1))),
        frozenset({"iam_user_credentials_unused_45_days_disabled"}),
    ),
    Story(
        "no policy, then one",
        "iam_password_policy",
        of_iam(a_password_policy(exists=False)),
        of_iam(a_password_policy()),
    ),
    Story(
        "everything is allowed, to whoever has it",
        "iam_customer_policy_admin",
        of_iam(a_policy(attached_to=(an_iam_role().arn,))),
        of_iam(a_policy(LIMITED, attached_to=(an_iam_role().arn,))),
    ),
    Story(
        "no principal, then a role",
        "iam_support_access",
        of_iam(an_iam_role()),
        of_iam(an_iam_role(attached=(aws_policy_arn("AWSSupportAccess"),))),
    ),
    Story("no filter, then one", "logs_metric_filter_security_groups", alarmed(None), alarmed(SEVEN)),
    Story(
        "the shorter list",
        "logs_metric_filter_security_groups",
        alarmed(SIX),
        alarmed(SEVEN),
        frozenset({"logs_metric_filter_security_group_and_rule_changes_alarmed"}),
    ),
    Story("no policy, then a Deny", "s3_bucket_plain_http", of_bucket(), of_bucket(policy_of(BUCKET, NO_HTTP))),
    Story(
        "public reading and writing, then a block",
        "s3_bucket_public_access",
        of_bucket(policy_of(BUCKET, allow(["s3:GetObject", "s3:PutObject"]))),
        of_bucket(policy_of(BUCKET, allow(["s3:GetObject", "s3:PutObject"])), block_of_bucket(BUCKET, "all")),
    ),
)


def test_every_shared_family_has_a_story() -> None:
    assert {story.family for story in STORIES} == SHARED.keys()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story.family}: {story.name}")
def test_one_fix_makes_all_controls_of_a_family_pass(story: Story) -> None:
    controls = of_family(story.family)
    failing = {control.id for control in controls if status(control, *story.broken) is Status.FAIL}
    assert failing == (story.failing or {control.id for control in controls})
    after = {control.id: status(control, *story.fixed) for control in controls}
    assert set(after.values()) <= {Status.PASS, Status.NOT_APPLICABLE}, after


@pytest.mark.parametrize(
    ("family", "members"), [("iam_root_mfa", 3), ("ec2_security_group_ingress", 11), ("s3_bucket_plain_http", 2)]
)
def test_one_mistake_that_many_controls_find_is_one_issue(family: str, members: int) -> None:
    """A root user without MFA, a group that is open to the internet, a bucket without a policy."""
    assert len(of_family(family)) == members
