"""What the controls on the organization say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.organizations import (
    organizations_account_scp_guardrail_attached as guardrail_attached,
)
from orgaudit.controls.organizations import (
    organizations_management_account_free_of_workloads as free_of_workloads,
)
from orgaudit.controls.organizations import (
    organizations_policy_delegation_configured as delegation_configured,
)
from orgaudit.controls.organizations import (
    organizations_root_access_centralized as root_centralized,
)
from orgaudit.controls.organizations import (
    organizations_service_delegated_admins_registered as admins_registered,
)
from orgaudit.facts.account import AccountFacts, DetailGap, Listed
from orgaudit.facts.organization import Organization
from orgaudit.facts.organizations import Effectiveness
from orgaudit.model import GLOBAL, Gap, GapReason, Status
from orgaudit.thresholds import Thresholds
from tests.factories import (
    HOME,
    MANAGEMENT,
    MEMBER,
    OUTSIDER,
    SECURITY,
    Case,
    asking,
    denied,
    every,
    failing,
    idle,
    name_of,
    passing,
    unseen,
)
from tests.factories_organizations import (
    CHILD,
    ELSEWHERE,
    ROOT,
    THE_ORGANIZATION,
    a_cluster,
    a_policy,
    an_instance,
    delegation,
    features,
    governed,
    guardrails,
    in_management,
    in_member,
    seen,
    trusted,
)
from tests.factories_rds import an_instance as a_database
from tests.factories_resource_policies import a_function, allow, text

USUAL, STRICT = Thresholds(), Thresholds(trusted_delegated_administrators=(SECURITY,))
SHUT = Gap(MANAGEMENT, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, "cannot assume the role there")
CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"


def hidden(kind: str, action: str) -> DetailGap:
    return DetailGap(kind, THE_ORGANIZATION.arn, denied(action, MANAGEMENT))


def lonely() -> tuple[AccountFacts, Organization]:
    facts = seen(MEMBER)
    return facts, governed(facts, management=None, delegated={})


def elsewhere(*more: Any) -> tuple[Case, ...]:
    """What holds for every control that is judged once."""
    return (
        idle("member", *in_member(), *more, says="judged in the management account Account 1"),
        idle("member, management account shut", *in_member(gap=SHUT), *more, says="judged in the management"),
        idle(
            "member that may not ask",
            seen(MEMBER, Listed("MemberOf", GLOBAL, gap=denied("organizations:DescribeOrganization"))),
            governed(),
            *more,
            says="judged in the management",
        ),
        idle("no organization", *lonely(), *more, says="is in no organization"),
    )


ROOT_ACCESS = (
    passing("credentials and sessions", *in_management(features(CREDENTIALS, SESSIONS)), says="managed centrally"),
    passing("credentials", *in_management(features(CREDENTIALS))),
    failing("sessions alone", *in_management(features(SESSIONS)), says="are not managed centrally"),
    failing("nothing enabled", *in_management(features()), says="are not managed centrally"),
    failing("no trusted access for IAM", *in_management(), says="are not managed centrally"),
    unseen("denied", *in_management(Listed("RootFeatures", GLOBAL, gap=denied("iam:ListOrganizationsFeatures")))),
    *elsewhere(),
)

ALLOW_LIST, NOTHING = Effectiveness.ALLOW_LIST, Effectiveness.NONE
GUARDRAIL = (
    passing("on the root", *in_member(guardrails(a_policy("all", ROOT))), says="restricted by all"),
    passing("on a unit above", *in_member(guardrails(a_policy("some", ELSEWHERE, CHILD)))),
    passing("on the account", *in_member(guardrails(a_policy("one", MEMBER)))),
    passing("on the root, units unknown", *in_member(guardrails(a_policy("all", ROOT)), ou_ids=())),
    passing(
        "an allow list and a deny list",
        *in_member(guardrails(a_policy("list", CHILD, effect=ALLOW_LIST), a_policy("all", ROOT))),
        says="restricted by all",
    ),
    asking("an allow list", *in_member(guardrails(a_policy("list", ROOT, effect=ALLOW_LIST))), says="only allow"),
    failing("none", *in_member(guardrails()), says="no service control policy restricts"),
    failing("on another unit", *in_member(guardrails(a_policy("other", ELSEWHERE, SECURITY))), says="no service"),
    failing("attached to nothing", *in_member(guardrails(a_policy())), says="no service control policy"),
    failing(
        "one that allows everything", *in_member(guardrails(a_policy("copy", ROOT, effect=NOTHING))), says="no service"
    ),
    failing(
        "one that allows everything, units unknown",
        *in_member(guardrails(a_policy("copy", ELSEWHERE, effect=NOTHING)), ou_ids=()),
        says="no service",
    ),
    failing("policy type off", *in_member(guardrails(enabled=False)), says="are not enabled"),
    unseen("on a unit, units unknown", *in_member(guardrails(a_policy("some", CHILD)), ou_ids=()), says="could not be"),
    unseen("policies denied", *in_member(hidden("Guardrails", "organizations:ListPolicies"))),
    unseen("management account shut", *in_member(gap=SHUT), says="cannot assume"),
    unseen("management account not collected", seen(MEMBER), governed(), says="was not collected in this run"),
    unseen(
        "management account is told of no organization",
        seen(MEMBER),
        governed(seen(MANAGEMENT)),
        says="does not answer as the organization's management account",
    ),
    idle("management account", *in_management(guardrails()), says="do not restrict the management account"),
    idle("no organization", *lonely(), says="is in no organization"),
)

RUNNING, STOPPED, DATABASE, FUNCTION = an_instance(), an_instance(state="stopped"), a_database(), a_function()
BLIND = Listed("EcsCluster", HOME, gap=denied("ecs:ListClusters"))
WORKLOADS = (
    passing("nothing", *in_management(), says="no instances, databases"),
    passing("an empty cluster", *in_management(a_cluster())),
    failing("running instance", *in_management(RUNNING), says="runs 1 x Instance"),
    failing("starting instance", *in_management(an_instance(state="pending")), says="1 x Instance"),
    failing(
        "database and instances",
        *in_management(DATABASE, RUNNING, an_instance("i-2")),
        says="runs 1 x DatabaseInstance, 2 x Instance",
    ),
    failing("cluster with a task", *in_management(a_cluster(tasks=1)), says="1 x EcsCluster"),
    failing("cluster with a service", *in_management(a_cluster(services=1)), says="1 x EcsCluster"),
    failing("instance beside a blind spot", *in_management(RUNNING, BLIND), says="1 x Instance"),
    asking("stopped instance", *in_management(STOPPED), says="1 x Instance"),
    asking("function", *in_management(FUNCTION), says="serves the organization's administration: 1 x Function"),
    unseen("blind spot", *in_management(BLIND), says="ecs:ListClusters"),
    unseen("function beside a blind spot", *in_management(FUNCTION, BLIND), says="ecs:ListClusters"),
    *elsewhere(),
)

WRITES, READS = "organizations:AttachPolicy", ["organizations:Describe*", "organizations:List*"]


def delegated_to(*accounts: str, action: Any = WRITES) -> tuple[AccountFacts, Organization]:
    statements = [allow({"AWS": f"arn:aws:iam::{each}:root"}, action=action) for each in accounts]
    return in_management(delegation(text(*statements)))


DELEGATION = (
    passing("difference 78: a member", *delegated_to(SECURITY), USUAL, says="delegated to Account 3"),
    passing("a member by its id", *in_management(delegation(text(allow({"AWS": SECURITY}, action="*")))), USUAL),
    passing("a trusted member", *delegated_to(SECURITY), STRICT),
    failing("difference 78: no policy", *in_management(delegation("")), USUAL, says="nothing is delegated"),
    failing("difference 78: a member that is not trusted", *delegated_to(SECURITY, MEMBER), STRICT, says="Account 2"),
    failing("a member that only reads", *delegated_to(SECURITY, action=READS), USUAL, says="lets no member"),
    failing("the management account itself", *delegated_to(MANAGEMENT), USUAL, says="lets no member"),
    failing("an outsider", *delegated_to(OUTSIDER), USUAL, says="lets no member"),
    failing(
        "a Deny",
        *in_management(delegation(text(allow({"AWS": SECURITY}, action=WRITES) | {"Effect": "Deny"}))),
        USUAL,
        says="lets no member",
    ),
    unseen("denied", *in_management(hidden("PolicyDelegation", "organizations:DescribeResourcePolicy")), USUAL),
    *elsewhere(USUAL),
)

BOTH = trusted("guardduty", "securityhub", "tagpolicies.tag")
TO_SECURITY = {"guardduty": (SECURITY,), "securityhub": (SECURITY,)}
ADMINS = (
    passing("difference 78: each service", *in_management(BOTH, delegated=TO_SECURITY), USUAL, says="2 services"),
    passing("to a trusted member", *in_management(BOTH, delegated=TO_SECURITY), STRICT),
    passing(
        "a service that cannot be delegated",
        *in_management(trusted("controltower", "sso"), delegated={"sso": (MEMBER,)}),
        USUAL,
    ),
    failing("difference 78: none", *in_management(BOTH), USUAL, says="no service has a delegated administrator"),
    failing(
        "difference 78: one service without",
        *in_management(BOTH, delegated={"guardduty": (SECURITY,)}),
        USUAL,
        says="no member administers securityhub.amazonaws.com",
    ),
    failing(
        "the management account itself",
        *in_management(BOTH, delegated=TO_SECURITY | {"guardduty": (MANAGEMENT,)}),
        USUAL,
        says="no member administers guardduty.amazonaws.com",
    ),
    failing(
        "difference 78: a member that is not trusted",
        *in_management(BOTH, delegated=TO_SECURITY | {"sso": (MEMBER,)}),
        STRICT,
        says="Account 2 (222222222222), which is not trusted",
    ),
    unseen(
        "services denied",
        *in_management(hidden("TrustedServices", "organizations:List…"), delegated=TO_SECURITY),
        USUAL,
    ),
    unseen("administrators not seen", *in_management(BOTH, delegated=None), USUAL, says="delegated administrators"),
    *elsewhere(USUAL),
)

CASES: dict[Control, tuple[Case, ...]] = {
    root_centralized: ROOT_ACCESS,
    guardrail_attached: GUARDRAIL,
    free_of_workloads: WORKLOADS,
    delegation_configured: DELEGATION,
    admins_registered: ADMINS,
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_guardrails_are_inherited_from_the_management_account() -> None:
    verdict = guardrail_attached(*in_member(guardrails(a_policy("all", ROOT))))
    assert verdict.inherited_from == MANAGEMENT
    assert verdict.evidence == {"policies": [{"name": "all", "id": "p-all", "effect": "denies"}]}


def test_evidence_names_some_workloads_and_counts_all() -> None:
    verdict = free_of_workloads(*in_management(*(an_instance(f"i-{number}") for number in range(30))))
    assert (len(verdict.evidence["resources"]), verdict.evidence["total"]) == (20, 30)


def test_delegations_are_in_the_evidence() -> None:
    verdict = admins_registered(*in_management(BOTH, delegated=TO_SECURITY | {"sso": (MEMBER,)}), USUAL)
    assert verdict.evidence["delegated"]["sso.amazonaws.com"] == [MEMBER]
