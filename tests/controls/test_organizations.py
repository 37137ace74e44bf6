"""What the controls on the organization say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
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
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.organizations import Effectiveness
from orgaudit.facts.shard import DetailGap, ListingResult
from orgaudit.model import GLOBAL, Gap, GapReason, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    HOME,
    MANAGEMENT,
    MEMBER,
    OUTSIDER,
    SECURITY,
    Case,
    a_trail,
    asking,
    denied,
    every,
    failing,
    idle,
    name_of,
    passing,
    unseen,
)
from tests.factories_ec2 import a_flow_log, a_vpc
from tests.factories_efs import a_file_system
from tests.factories_front_ends import a_balancer, a_classic, a_distribution, a_rest_stage, a_stage
from tests.factories_organizations import (
    CHILD,
    ELSEWHERE,
    ROOT,
    THE_ORGANIZATION,
    a_bucket,
    a_cluster,
    a_policy,
    a_recording,
    a_table,
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
from tests.factories_rds import a_cluster as an_aurora_cluster
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
            seen(MEMBER, ListingResult("MemberOf", GLOBAL, gap=denied("organizations:DescribeOrganization"))),
            governed(),
            *more,
            says="judged in the management",
        ),
        idle("no organization", *lonely(), *more, says="does not belong to an organization"),
    )


ROOT_ACCESS = (
    passing("credentials and sessions", *in_management(features(CREDENTIALS, SESSIONS)), says="managed centrally"),
    passing("credentials", *in_management(features(CREDENTIALS))),
    failing("sessions alone", *in_management(features(SESSIONS)), says="are not managed centrally"),
    failing("nothing enabled", *in_management(features()), says="are not managed centrally"),
    failing("no trusted access for IAM", *in_management(), says="are not managed centrally"),
    unseen(
        "denied", *in_management(ListingResult("RootFeatures", GLOBAL, gap=denied("iam:ListOrganizationsFeatures")))
    ),
    *elsewhere(),
)

ALLOW_LIST, NOTHING = Effectiveness.ALLOW_LIST, Effectiveness.NONE
RCP = "RESOURCE_CONTROL_POLICY"
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
    passing("a resource control policy", *in_member(guardrails(a_policy("perimeter", ROOT, kind=RCP)))),
    passing(
        "a resource control policy beside a service control policy elsewhere",
        *in_member(guardrails(a_policy("other", ELSEWHERE), a_policy("perimeter", CHILD, kind=RCP))),
        says="restricted by perimeter",
    ),
    failing(
        "a resource control policy on another unit",
        *in_member(guardrails(a_policy("perimeter", ELSEWHERE, kind=RCP))),
        says="no service control policy or resource control policy restricts",
    ),
    asking("an allow list", *in_member(guardrails(a_policy("list", ROOT, effect=ALLOW_LIST))), says="only allow"),
    failing("none", *in_member(guardrails()), says="no service control policy or resource"),
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
    failing("policy types off", *in_member(guardrails(enabled=False)), says="are enabled in the organization"),
    unseen("on a unit, units unknown", *in_member(guardrails(a_policy("some", CHILD)), ou_ids=()), says="could not be"),
    unseen("policies denied", *in_member(hidden("Guardrails", "organizations:ListPolicies"))),
    unseen("management account shut", *in_member(gap=SHUT), says="cannot assume"),
    unseen("management account not collected", seen(MEMBER), governed(), says="was not collected in this run"),
    unseen(
        "management account is told of no organization",
        seen(MEMBER),
        governed(seen(MANAGEMENT)),
        says="does not report itself as the organization's management account",
    ),
    idle("management account", *in_management(guardrails()), says="do not restrict the management account"),
    idle("no organization", *lonely(), says="does not belong to an organization"),
)

RUNNING, STOPPED, DATABASE, FUNCTION = an_instance(), an_instance(state="stopped"), a_database(), a_function()
BLIND = ListingResult("EcsCluster", HOME, gap=denied("ecs:ListClusters"))
LOGS, DATA = a_bucket("logs"), a_bucket("data")
ONLY_LOGS = (*a_bucket("logs"), *a_recording("logs"))
RECORDING, _ = a_recording()


def receiving(*deliveries: Resource | Detail | ListingResult) -> tuple[AccountFacts, Organization]:
    """A bucket for logs, with these deliveries into it."""
    return in_management(*LOGS, *deliveries)


def of_trail(bucket: str) -> Resource:
    return a_trail(account_id=MANAGEMENT, bucket=bucket)


def a_log(destination: str) -> Resource:
    return a_flow_log(a_vpc(), destination=destination)


WORKLOADS = (
    passing("nothing", *in_management(), says="no instances, databases"),
    passing("an empty cluster", *in_management(a_cluster())),
    passing("the bucket of a trail", *receiving(of_trail("logs")), says="buckets other than for logs"),
    passing("the bucket of AWS Config", *receiving(*a_recording("logs"))),
    passing("the bucket of flow logs", *receiving(a_log("arn:aws:s3:::logs/AWSLogs"))),
    passing("the bucket of access logs", *in_management(*LOGS, *a_bucket("trail", logs_to="logs"), of_trail("trail"))),
    passing(
        "a bucket of logs, another delivery denied",
        *receiving(of_trail("logs"), ListingResult("FlowLog", HOME, gap=denied("ec2:DescribeFlowLogs"))),
    ),
    failing("load balancer", *in_management(a_balancer()), says="runs 1 x LoadBalancer"),
    failing("classic load balancer", *in_management(a_classic()), says="1 x ClassicLoadBalancer"),
    failing("REST API", *in_management(a_rest_stage()), says="1 x RestApiStage"),
    failing("HTTP API", *in_management(a_stage()), says="1 x ApiStage"),
    failing("distribution", *in_management(a_distribution()), says="1 x Distribution"),
    failing("Aurora without instances", *in_management(an_aurora_cluster()), says="runs 1 x DatabaseCluster"),
    failing(
        "Aurora with an instance is one database",
        *in_management(an_aurora_cluster(), a_database(cluster="orders")),
        says="runs 1 x DatabaseInstance",
    ),
    asking("distribution that is off", *in_management(a_distribution(enabled=False)), says="1 x Distribution"),
    asking("table", *in_management(a_table()), says="1 x DynamoDbTable"),
    asking("file system", *in_management(a_file_system()), says="1 x FileSystem"),
    asking("bucket", *in_management(*DATA), says="1 x Bucket"),
    asking("bucket beside one for logs", *in_management(*ONLY_LOGS, *DATA), says="administration: 1 x Bucket"),
    asking("the log group of flow logs is no bucket", *receiving(a_log("logs")), says="1 x Bucket"),
    asking("a bucket of another name", *receiving(of_trail("logs-2")), says="1 x Bucket"),
    unseen("buckets denied", *in_management(ListingResult("Bucket", GLOBAL, gap=denied("s3:ListAllMyBuckets")))),
    unseen("tables denied", *in_management(ListingResult("DynamoDbTable", HOME, gap=denied("dynamodb:ListTables")))),
    unseen(
        "bucket, trails denied", *in_management(*DATA, ListingResult("Trail", HOME, gap=denied("cloudtrail:Describe")))
    ),
    unseen("bucket, its access log not seen", *in_management(*a_bucket(seen=False)), says="BucketLogging"),
    unseen(
        "bucket, delivery of AWS Config denied",
        *in_management(*DATA, RECORDING, DetailGap("ConfigDelivery", RECORDING.arn, denied("config:Describe"))),
    ),
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
    unseen("cluster whose tasks are not seen", *in_management(a_cluster(tasks=denied())), says="is denied"),
    failing("cluster with a service, tasks not seen", *in_management(a_cluster(denied(), 1)), says="1 x EcsCluster"),
    unseen("blind spot", *in_management(BLIND), says="ecs:ListClusters"),
    unseen("function beside a blind spot", *in_management(FUNCTION, BLIND), says="ecs:ListClusters"),
    *elsewhere(),
)

WRITES, READS = "organizations:AttachPolicy", ["organizations:Describe*", "organizations:List*"]
TAGS = ["organizations:Describe*", "organizations:TagResource", "organizations:UntagResource"]
WITHOUT_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
OF_BACKUP = {"StringLikeIfExists": {"organizations:PolicyType": "BACKUP_POLICY"}}


def delegated_to(*accounts: str, action: Any = WRITES) -> tuple[AccountFacts, Organization]:
    statements = [allow({"AWS": f"arn:aws:iam::{each}:root"}, action=action) for each in accounts]
    return in_management(delegation(text(*statements)))


def denied_again(principal: Any = None, **deny: Any) -> tuple[AccountFacts, Organization]:
    """Attaching policies is allowed to a member, and denied again to the same, unless the keywords say otherwise."""
    principal = principal or {"AWS": SECURITY}
    action = {} if {"Action", "NotAction"} & deny.keys() else {"Action": WRITES}
    taken = {"Effect": "Deny", "Principal": principal, "Resource": "*", **action, **deny}
    return in_management(delegation(text(allow({"AWS": SECURITY}, action=WRITES), taken)))


DELEGATION = (
    passing("a member", *delegated_to(SECURITY), USUAL, says="delegated to Account 3"),
    passing("a member by its id", *in_management(delegation(text(allow({"AWS": SECURITY}, action="*")))), USUAL),
    passing("a trusted member", *delegated_to(SECURITY), STRICT),
    failing("no policy", *in_management(delegation("")), USUAL, says="has no delegation policy"),
    failing("a member that is not trusted", *delegated_to(SECURITY, MEMBER), STRICT, says="Account 2"),
    failing(
        "a member that only reads", *delegated_to(SECURITY, action=READS), USUAL, says="does not allow a member account"
    ),
    failing(
        "a member that only tags", *delegated_to(SECURITY, action=TAGS), USUAL, says="does not allow a member account"
    ),
    failing(
        "a member that only moves accounts",
        *delegated_to(SECURITY, action=["organizations:MoveAccount", "organizations:CreateOrganizationalUnit"]),
        USUAL,
        says="does not allow a member account",
    ),
    failing("denied again", *denied_again(), USUAL, says="does not allow a member account to manage policies"),
    failing(
        "denied again to everyone",
        *denied_again({"AWS": "*"}, Action="*"),
        USUAL,
        says="does not allow a member account",
    ),
    failing("denied again by NotAction", *denied_again(NotAction=READS), USUAL, says="does not allow a member account"),
    passing("another action denied", *denied_again(Action="organizations:DeletePolicy"), USUAL),
    passing("some resources denied", *denied_again(Resource="arn:aws:organizations::*:policy/*/tag_policy/*"), USUAL),
    passing("another member denied", *denied_again({"AWS": MEMBER}), USUAL),
    passing("a role of the member denied", *denied_again({"AWS": f"arn:aws:iam::{SECURITY}:role/intern"}), USUAL),
    asking("denied again on a condition", *denied_again(Condition=WITHOUT_MFA), USUAL, says="a Deny with conditions"),
    passing(
        "with conditions on the type of policy, as AWS documents it",
        *in_management(delegation(text(allow({"AWS": SECURITY}, action=WRITES, Condition=OF_BACKUP)))),
        USUAL,
    ),
    failing("the management account itself", *delegated_to(MANAGEMENT), USUAL, says="does not allow a member account"),
    failing("an outsider", *delegated_to(OUTSIDER), USUAL, says="does not allow a member account"),
    failing(
        "a Deny",
        *in_management(delegation(text(allow({"AWS": SECURITY}, action=WRITES) | {"Effect": "Deny"}))),
        USUAL,
        says="does not allow a member account",
    ),
    unseen("denied", *in_management(hidden("PolicyDelegation", "organizations:DescribeResourcePolicy")), USUAL),
    *elsewhere(USUAL),
)

DELEGABLE_TOO = (
    "dashboard.eks",
    "ec2.capacitymanager",
    "eks",
    "mgn",
    "networkflowmonitor",
    "private-marketplace.marketplace",
    "procurement-insights.marketplace",
    "selfservicereporting.managedservices",
)
BOTH = trusted("guardduty", "securityhub", "tagpolicies.tag")
TO_SECURITY = {"guardduty": (SECURITY,), "securityhub": (SECURITY,)}
ADMINS = (
    passing("each service", *in_management(BOTH, delegated=TO_SECURITY), USUAL, says="from member accounts: 2"),
    passing("to a trusted member", *in_management(BOTH, delegated=TO_SECURITY), STRICT),
    passing(
        "what is delegated is counted, not what has trusted access",
        *in_management(trusted("controltower"), delegated=TO_SECURITY | {"sso": (), "ram": (MANAGEMENT,)}),
        USUAL,
        says="from member accounts: 2",
    ),
    passing(
        "the administrator of CloudWatch is Network Flow Monitor's too",
        *in_management(
            trusted("networkflowmonitor", "observabilityadmin", "topology.networkflowmonitor"),
            delegated={"observabilityadmin": (SECURITY,)},
        ),
        USUAL,
        says="from member accounts: 1",
    ),
    passing(
        "the dashboard of EKS has two principals",
        *in_management(trusted("dashboard.eks", "eks"), delegated={"eks": (SECURITY,)}),
        USUAL,
    ),
    *(
        failing(
            f"{service} without an administrator",
            *in_management(trusted("guardduty", service), delegated=TO_SECURITY),
            USUAL,
            says=f"no member account administers {service}.amazonaws.com",
        )
        for service in DELEGABLE_TOO
    ),
    passing(
        "a service that cannot be delegated",
        *in_management(trusted("controltower", "sso"), delegated={"sso": (MEMBER,)}),
        USUAL,
    ),
    failing("none", *in_management(BOTH), USUAL, says="no service has a delegated administrator"),
    failing(
        "one service without",
        *in_management(BOTH, delegated={"guardduty": (SECURITY,)}),
        USUAL,
        says="no member account administers securityhub.amazonaws.com",
    ),
    failing(
        "the management account itself",
        *in_management(BOTH, delegated=TO_SECURITY | {"guardduty": (MANAGEMENT,)}),
        USUAL,
        says="no member account administers guardduty.amazonaws.com",
    ),
    failing(
        "a member that is not trusted",
        *in_management(BOTH, delegated=TO_SECURITY | {"sso": (MEMBER,)}),
        STRICT,
        says="not trusted: Account 2 (222222222222)",
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
    assert verdict.evidence == {
        "policies": [{"name": "all", "id": "p-all", "type": "SERVICE_CONTROL_POLICY", "effect": "denies"}]
    }


def test_evidence_names_some_workloads_and_counts_all() -> None:
    verdict = free_of_workloads(*in_management(*(an_instance(f"i-{number}") for number in range(30))))
    assert (len(verdict.evidence["resources"]), verdict.evidence["total"]) == (20, 30)


def test_delegations_are_in_the_evidence() -> None:
    verdict = admins_registered(*in_management(BOTH, delegated=TO_SECURITY | {"sso": (MEMBER,)}), USUAL)
    assert verdict.evidence["delegated"]["sso.amazonaws.com"] == [MEMBER]
