"""What the controls on trails say, case by case."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.cloudtrail.delivery import cloudtrail_trail_cloudwatch_logs_delivered as delivered
from orgaudit.controls.cloudtrail.delivery import cloudtrail_trail_log_group_retained as retained
from orgaudit.controls.cloudtrail.delivery import cloudtrail_trail_log_group_subscriptions_known as subscriptions_known
from orgaudit.controls.cloudtrail.delivery import cloudtrail_trail_role_can_deliver as role_can_deliver
from orgaudit.controls.cloudtrail.trails import cloudtrail_trail_logging as logging
from orgaudit.controls.cloudtrail.trails import cloudtrail_trail_multi_region_management_events as multi_region
from orgaudit.controls.declare import Control
from orgaudit.facts.cloudtrail.log_groups import TrailRole
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, GapReason, Seen, Status, Verdict
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    HOME,
    MANAGEMENT,
    MANAGEMENT_FIELD,
    MEMBER,
    NASTY,
    NOW,
    OUTSIDER,
    REGIONS,
    SECURITY,
    Case,
    a_log_group,
    a_role,
    a_selection,
    a_status,
    a_trail,
    advanced,
    alone,
    asking,
    basic,
    denied,
    every,
    facts_of,
    failing,
    field,
    gap_in,
    idle,
    name_of,
    organization_of,
    passing,
    statement,
    subscriptions_to,
    trust,
    unseen,
)

TRAIL, BARE = a_trail(), a_trail(log_group=None)
USUAL = Thresholds()
FACTS, ORGANIZATION = alone(TRAIL)
DAY = timedelta(days=1)


def heard(age: timedelta | None, thresholds: Thresholds = USUAL, **changes: Any) -> tuple[Any, ...]:
    return TRAIL, Seen(a_status(TRAIL, delivered=age, **changes)), FACTS, thresholds


DELIVERED = (
    passing("just now", *heard(timedelta(0)), says="delivered"),
    passing("exactly a day ago", *heard(DAY)),
    failing(
        "a second over a day", *heard(DAY + timedelta(seconds=1)), says="more than 24 hours ago; at most 24 are allowed"
    ),
    passing("as long ago as asked", *heard(2 * DAY, Thresholds(delivery_hours=48))),
    failing(
        "longer than asked",
        *heard(timedelta(hours=2), Thresholds(delivery_hours=1)),
        says="more than 1 hours ago; at most 1 are",
    ),
    failing("never", *heard(None), says="nothing has ever been delivered"),
    failing("an error", *heard(DAY / 2, logs_delivery_error="role refused"), says="role refused"),
    failing("no log group", BARE, Seen(a_status(BARE)), FACTS, USUAL, says="no log group is configured"),
    failing("no log group, status unseen", BARE, denied(), FACTS, USUAL, says="no log group is configured"),
    passing(
        "files in the bucket are old, the log group is not",
        *heard(DAY / 2, delivered_at=NOW - 9 * DAY),
        says="12 hours",
    ),
    failing("only files arrive", *heard(3 * DAY, delivered_at=NOW), says="more than 71 hours ago"),
    unseen("status denied", TRAIL, denied("cloudtrail:GetTrailStatus"), FACTS, USUAL),
)

LOGGING = (
    passing("logs", TRAIL, Seen(a_status(TRAIL))),
    failing("stopped, nobody knows when", TRAIL, Seen(a_status(TRAIL, logging=False)), says="has been stopped"),
    failing("stopped", TRAIL, Seen(a_status(TRAIL, logging=False, stopped_at=NOW)), says="stopped since 2025-11-21"),
    unseen("status denied", TRAIL, denied("cloudtrail:GetTrailStatus"), says="cloudtrail:GetTrailStatus is denied"),
)


def has(trail: Trail = TRAIL, **changes: Any) -> tuple[Trail, Seen[TrailRole], Organization]:
    return trail, Seen(a_role(trail, **changes)), ORGANIZATION


ORGANIZATION_TRAIL = a_trail(organization=True)


STREAMS = f"arn:aws:logs:{HOME}:{MEMBER}:log-group:trail-events:log-stream:{MEMBER}_CloudTrail_{HOME}*"
BOTH = ["logs:CreateLogStream", "logs:PutLogEvents"]
NO_WRITES = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "logs:Put*", "Resource": "*"}]}
MEMBERS_STREAMS = f"arn:aws:logs:{HOME}:{MEMBER}:log-group:trail-events:log-stream:o-example1234_*"
IN_ORGANIZATION = {"StringEquals": {"aws:SourceOrgID": "o-example1234"}}
FROM_TRAIL = {"StringEquals": {"aws:SourceArn": TRAIL.arn}}
FROM_ANOTHER = {"StringEquals": {"aws:SourceArn": TRAIL.arn + "2"}}

ROLE = (
    passing("may do all of logs", *has()),
    passing("may do just enough", *has(writes=BOTH, on=STREAMS)),
    passing("trusts for this trail only", *has(trust=trust(Condition=FROM_TRAIL))),
    passing("is within its boundary", *has(boundary=statement("logs:*", Resource="*"))),
    failing("trusts for another trail only", *has(trust=trust(Condition=FROM_ANOTHER)), says="sts:AssumeRole"),
    failing("trusts another service", *has(trust=trust("events.amazonaws.com")), says="does not allow sts:AssumeRole"),
    failing("may not write", *has(writes="logs:CreateLogStream"), says="does not allow logs:PutLogEvents"),
    failing("may not create streams", *has(writes="logs:PutLogEvents"), says="does not allow logs:CreateLogStream"),
    failing(
        "may write to another group", *has(on=STREAMS.replace("trail-events", "other")), says="does not allow logs:"
    ),
    failing(
        "a second policy denies",
        *has(permissions=(statement("*", Resource="*"), NO_WRITES)),
        says="does not allow logs:PutLogEvents",
    ),
    failing("boundary leaves it out", *has(boundary=statement("s3:*", Resource="*")), says="logs:PutLogEvents"),
    failing("has no policy", *has(permissions=()), says="does not allow logs:CreateLogStream"),
    failing("is gone", *has(exists=False, trust=None, permissions=()), says="does not exist"),
    failing(
        "lacks the members' streams", *has(ORGANIZATION_TRAIL, writes=BOTH, on=STREAMS), says="does not allow logs:"
    ),
    passing("has the members' streams", *has(ORGANIZATION_TRAIL, writes=BOTH, on=[STREAMS, MEMBERS_STREAMS])),
    asking("trusts within an organization", *has(trust=trust(Condition=IN_ORGANIZATION)), says="aws:SourceOrgID"),
    unseen("unreadable policy", *has(permissions=({"Statement": "no"},)), says="cannot be read"),
    idle("no log group", BARE, Seen(a_role(BARE)), ORGANIZATION, says="has no log group"),
    idle("no log group, role unseen", BARE, denied(), ORGANIZATION, says="has no log group"),
    unseen("role denied", TRAIL, denied("iam:GetRole"), ORGANIZATION),
)


def keeps(days: int | None, thresholds: Thresholds = USUAL, **changes: Any) -> tuple[Any, ...]:
    return TRAIL, Seen(a_log_group(TRAIL, retention_days=days, **changes)), thresholds


ELSEWHERE = a_trail(log_group_account=SECURITY)

RETAINED = (
    passing("exactly a year", *keeps(365), says="365 days"),
    failing("a day less than a year", *keeps(364), says="364 days; at least 365 are required"),
    passing("for ever", *keeps(None), says="indefinitely"),
    passing("as short as asked", *keeps(30, Thresholds(log_retention_days=30))),
    failing("shorter than asked", *keeps(365, Thresholds(log_retention_days=366)), says="at least 366"),
    failing("the group is gone", *keeps(None, exists=False), says=f"does not exist in account {MEMBER}"),
    passing("in another account", ELSEWHERE, Seen(a_log_group(ELSEWHERE)), USUAL, says="indefinitely"),
    failing(
        "gone in another account",
        ELSEWHERE,
        Seen(a_log_group(ELSEWHERE, exists=False)),
        USUAL,
        says=f"in account {SECURITY}",
    ),
    idle("no log group", BARE, Seen(a_log_group(BARE)), USUAL, says="has no log group"),
    unseen("group denied", TRAIL, denied("logs:DescribeLogGroups", SECURITY), USUAL, says=SECURITY),
)


def sends_to(*accounts: str, thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    return TRAIL, Seen(a_log_group(TRAIL)), Seen(subscriptions_to(TRAIL, *accounts)), ORGANIZATION, thresholds


APPROVED = Thresholds(approved_log_destinations=(OUTSIDER,))
GONE = a_log_group(TRAIL, exists=False)

SUBSCRIPTIONS = (
    passing("nowhere", *sends_to(), says="subscription filters: 0,"),
    passing("within the account", *sends_to(MEMBER)),
    passing("within the organization", *sends_to(SECURITY, MANAGEMENT), says="subscription filters: 2,"),
    passing("to an approved account", *sends_to(OUTSIDER, thresholds=APPROVED)),
    failing("outside", *sends_to(OUTSIDER), says=f"copy-0 sends to account {OUTSIDER}, outside"),
    failing("outside beside inside", *sends_to(SECURITY, OUTSIDER), says=f"copy-1 sends to account {OUTSIDER}"),
    idle("no log group", BARE, denied(), denied(), ORGANIZATION, USUAL, says="has no log group"),
    idle("the group is gone", TRAIL, Seen(GONE), denied(), ORGANIZATION, USUAL, says="does not exist"),
    unseen("group denied", TRAIL, denied(), Seen(subscriptions_to(TRAIL)), ORGANIZATION, USUAL),
    unseen("subscriptions denied", TRAIL, Seen(a_log_group(TRAIL)), denied(), ORGANIZATION, USUAL),
)

ORG_TRAIL = a_trail("org", account_id=MANAGEMENT)
AFRICAN = a_trail("org", account_id=MANAGEMENT, region="af-south-1")
SECOND = a_trail("second")


def recorded(trail: Trail, *selectors: Any, **changes: Any) -> list[Any]:
    """The trail as its owner's facts have it."""
    return [trail, a_status(trail, **changes), a_selection(trail, *selectors)]


def beside(owner: AccountFacts | None, trail: Trail, *own: Any, **more: Any) -> tuple[AccountFacts, Organization]:
    """A member that shows another account's trail, and these facts of the owner."""
    member = facts_of(MEMBER, trail, *own, **more)
    return member, organization_of(*[facts for facts in (member, owner) if facts])


def inherited(trail: Trail, *own: Any, logging: bool = True, **more: Any) -> tuple[AccountFacts, Organization]:
    """A member that shows a trail of the management account, which was seen there."""
    return beside(facts_of(MANAGEMENT, *recorded(trail, logging=logging)), trail, *own, **more)


def at_home(trail: Trail) -> tuple[AccountFacts, Organization]:
    """The management account itself."""
    facts = facts_of(MANAGEMENT, *recorded(trail))
    return facts, organization_of(facts)


SHUT = Gap(MANAGEMENT, "global", "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, "cannot assume the role")
READS = field("readOnly", "true")
NO_KMS = field("eventSource", not_equals=("kms.amazonaws.com",))
UNSEEN_REGIONS = [
    ListingResult("Trail", region, gap=denied("cloudtrail:DescribeTrails", region=region)) for region in REGIONS
]
STOPPED = recorded(TRAIL, logging=False)
STATUS_UNSEEN = gap_in(TrailStatus, TRAIL)

MULTI_REGION = (
    passing("own trail", *alone(*recorded(TRAIL)), says="trail main of account Account 2 (222222222222) records all"),
    passing("advanced selector", *alone(*recorded(TRAIL, advanced(MANAGEMENT_FIELD)))),
    passing("reads and writes in two", *alone(*recorded(TRAIL, basic("ReadOnly"), basic("WriteOnly")))),
    passing("all but kms", *alone(*recorded(TRAIL, advanced(MANAGEMENT_FIELD, NO_KMS))), says="except those of kms"),
    passing("a good one beside a stopped one", *alone(*STOPPED, *recorded(SECOND))),
    passing("a good one beside an unseen one", *alone(TRAIL, STATUS_UNSEEN, *recorded(SECOND))),
    passing("one region denied", *alone(*recorded(TRAIL), UNSEEN_REGIONS[0])),
    passing("inherited", *inherited(ORG_TRAIL), says=f"({MANAGEMENT}) records all"),
    passing("inherited beside own failing", *inherited(ORG_TRAIL, *STOPPED), says="trail org"),
    passing("own beside unseen owner", *beside(None, ORG_TRAIL, *recorded(TRAIL)), says="trail main"),
    passing("home enabled here", *inherited(AFRICAN, regions=("eu-west-1", "af-south-1"))),
    passing("home of its owner", *at_home(AFRICAN)),
    failing("home not enabled here", *inherited(AFRICAN), says="has the home region af-south-1"),
    failing("no trail", *alone(), says="no trail records this account"),
    failing("one region", *alone(*recorded(a_trail(multi_region=False))), says="main records one region only"),
    failing("stopped", *alone(*STOPPED), says="is not logging"),
    failing("reads only", *alone(*recorded(TRAIL, basic("ReadOnly"))), says="only read management events"),
    failing("reads only, advanced", *alone(*recorded(TRAIL, advanced(MANAGEMENT_FIELD, READS))), says="only read"),
    failing("data events", *alone(*recorded(TRAIL, advanced(field("eventCategory", "Data")))), says="no management"),
    failing("management switched off", *alone(*recorded(TRAIL, basic(management=False))), says="no management events"),
    failing(
        "halves on two trails",
        *alone(*recorded(TRAIL, basic("ReadOnly")), *recorded(SECOND, basic("WriteOnly"))),
        says="only read management events; trail second records only write",
    ),
    failing("inherited, stopped", *inherited(ORG_TRAIL, logging=False), says="trail org is not logging"),
    unseen("all regions denied", *alone(*UNSEEN_REGIONS), says="DescribeTrails is denied"),
    unseen("status denied", *alone(TRAIL, STATUS_UNSEEN, a_selection(TRAIL))),
    unseen("selectors denied", *alone(TRAIL, a_status(TRAIL), gap_in(TrailSelectors, TRAIL))),
    unseen("unseen before failing", *alone(TRAIL, STATUS_UNSEEN, *recorded(SECOND, logging=False))),
    unseen("unseen after failing", *alone(*STOPPED, SECOND, gap_in(TrailStatus, SECOND))),
    unseen("owner has no facts", *beside(None, ORG_TRAIL), says="was not collected in this run"),
    unseen("owner is shut", *beside(facts_of(MANAGEMENT, gap=SHUT), ORG_TRAIL), says="cannot assume the role"),
    unseen(
        "owner's status denied",
        *beside(facts_of(MANAGEMENT, ORG_TRAIL, gap_in(TrailStatus, ORG_TRAIL)), ORG_TRAIL),
    ),
    unseen("account shut", *alone(gap=denied("sts:AssumeRole")), says="sts:AssumeRole"),
)

CASES: dict[Control, tuple[Case, ...]] = {
    delivered: DELIVERED,
    logging: LOGGING,
    role_can_deliver: ROLE,
    retained: RETAINED,
    subscriptions_known: SUBSCRIPTIONS,
    multi_region: MULTI_REGION,
}


NASTY_RESOURCES = (a_trail(NASTY, log_group=NASTY, bucket=NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_not_assessed_names_the_action_that_is_missing() -> None:
    verdict = logging(TRAIL, denied("cloudtrail:GetTrailStatus"))
    assert verdict.gap == denied("cloudtrail:GetTrailStatus")
    assert verdict.evidence == {"action": "cloudtrail:GetTrailStatus"}


@pytest.mark.parametrize(
    ("arguments", "owner"),
    [
        (inherited(ORG_TRAIL), MANAGEMENT),
        (inherited(ORG_TRAIL, logging=False), MANAGEMENT),
        (alone(*recorded(TRAIL)), None),
        (inherited(ORG_TRAIL, *STOPPED, logging=False), None),
    ],
    ids=["passing", "failing", "own", "failing beside own"],
)
def test_shared_judgement_names_its_owner(arguments: tuple[Any, ...], owner: str | None) -> None:
    assert multi_region(*arguments).inherited_from == owner


def test_each_failing_trail_is_in_the_evidence() -> None:
    verdict = multi_region(*alone(*recorded(TRAIL, logging=False), *recorded(SECOND, basic("ReadOnly"))))
    assert [found["trail"] for found in verdict.evidence["trails"]] == [TRAIL.arn, SECOND.arn]


@pytest.mark.parametrize(("wanted", "days"), [(365, 365), (366, 400), (1000, 1096), (9999, 3653)])
def test_retention_command_names_a_period_that_aws_takes(wanted: int, days: int) -> None:
    command = retained(*keeps(1, Thresholds(log_retention_days=wanted))).command
    assert command is not None
    assert command.endswith(f"--log-group-name trail-events --retention-in-days {days}")


def test_retention_command_is_quoted() -> None:
    assert_quoted(retained(TRAIL, Seen(a_log_group(TRAIL, name=NASTY, retention_days=1)), USUAL))


def test_subscription_command_is_quoted() -> None:
    group = Seen(a_log_group(TRAIL, name=NASTY))
    assert_quoted(subscriptions_known(TRAIL, group, Seen(subscriptions_to(TRAIL, OUTSIDER)), ORGANIZATION, USUAL))


def test_status_command_is_quoted() -> None:
    trail = a_trail(NASTY)
    verdict = delivered(trail, Seen(a_status(trail, delivered=None)), FACTS, USUAL)
    assert verdict.command is not None
    assert shlex.split(verdict.command)[-1] == trail.arn


def assert_quoted(verdict: Verdict) -> None:
    assert verdict.command is not None
    assert NASTY in shlex.split(verdict.command)
