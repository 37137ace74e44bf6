"""What the control on alarms for changes to CloudTrail says, link by link of the chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control
from orgaudit.controls.logs import logs_metric_filter_cloudtrail_changes_alarmed as alarmed
from orgaudit.facts.cloudtrail.alarms import MetricFilter, TrailAlarms, TrailFilters
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup
from orgaudit.facts.cloudtrail.topics import TrailTopics
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.languages.alarm import AlarmSettings
from orgaudit.model import Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    HOME,
    LETS_CLOUDWATCH_IN,
    MANAGEMENT,
    MANAGEMENT_FIELD,
    MEMBER,
    NAMES,
    OUTSIDER,
    SECURITY,
    Case,
    a_filter,
    a_log_group,
    a_selection,
    a_status,
    a_topic,
    a_topic_key,
    a_trail,
    advanced,
    alarms_of,
    alone,
    an_alarm,
    asking,
    basic,
    chain_of,
    denied,
    every,
    facts_of,
    failing,
    filters_of,
    gap_in,
    name_of,
    organization_of,
    passing,
    pattern,
    statement,
    topic_arn,
    topics_of,
    unseen,
)

TRAIL, SECOND = a_trail(), a_trail("second")
ORG_TRAIL = a_trail("org", account_id=MANAGEMENT)
USUAL = Thresholds()


def chained(*changed: Any, trail: Trail = TRAIL) -> tuple[Any, ...]:
    """A member whose one trail has a whole chain, but for what is changed."""
    return *alone(*chain_of(trail, *changed)), USUAL


def two(*first: Any, second: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    return *alone(*chain_of(TRAIL, *first), *chain_of(SECOND, *second)), USUAL


def inherited(*changed: Any, trail: Trail = ORG_TRAIL, own: tuple[Any, ...] = (), **more: Any) -> tuple[Any, ...]:
    """A member that shows a trail of the management account, whose chain has these changes."""
    return *beside(facts_of(MANAGEMENT, *chain_of(trail, *changed)), trail, *own, **more), USUAL


def beside(owner: AccountFacts | None, trail: Trail, *own: Any, **more: Any) -> tuple[AccountFacts, Organization]:
    member = facts_of(MEMBER, trail, *own, **more)
    return member, organization_of(*[facts for facts in (member, owner) if facts])


def subscribed(**changes: Any) -> tuple[Any, ...]:
    return chained(topics_of(TRAIL, a_topic(**changes)))


def limited(found: MetricFilter | None = None, **limit: Any) -> tuple[Any, ...]:
    return chained(filters_of(TRAIL, found or a_filter()), alarms_of(TRAIL, an_alarm(limit=AlarmSettings(**limit))))


KMS = "kms.amazonaws.com"
STARTS, ENDS = a_filter("starts", pattern(*NAMES[:2])), a_filter("ends", pattern(*NAMES[2:]))
BARE = a_trail(log_group=None)
ELSEWHERE = a_trail("org", account_id=MANAGEMENT, log_group_account=SECURITY)
AFRICAN = a_trail("org", account_id=MANAGEMENT, region="af-south-1")
SHARED_TOPIC = topic_arn("soc", SECURITY)
TO_SHARED = alarms_of(ORG_TRAIL, an_alarm(actions=(SHARED_TOPIC,)))
GONE = a_log_group(TRAIL, exists=False)
STRANGE_TOPIC = topic_arn("soc", OUTSIDER)
NOT_OURS = denied("sts:AssumeRole", OUTSIDER)
UNSEEN_SHARED = (SHARED_TOPIC, denied("sns:ListSubscriptionsByTopic", SECURITY))
BOTH_TOPICS = alarms_of(TRAIL, an_alarm(actions=(topic_arn(), SHARED_TOPIC)))

MATH = an_alarm("math", limit=None, unclear="compares a metric math expression")
FUNCTION = f"arn:aws:lambda:{HOME}:{MEMBER}:function:tell"
WITHIN = {"StringEquals": {"aws:SourceOrgID": "o-example1234"}}
IN_ORGANIZATION = a_topic(SHARED_TOPIC, policy=Seen(statement("sns:Publish", **LETS_CLOUDWATCH_IN, Condition=WITHIN)))

CASES: dict[Control, tuple[Case, ...]] = {
    alarmed: (
        passing("whole chain", *chained(), says="log group trail-events → filter trail-changes → alarm trail-changes"),
        passing("a broken trail beside a whole one", *two(a_status(TRAIL, logging=False))),
        passing("an unseen trail beside a whole one", *two(gap_in(TrailStatus, TRAIL))),
        passing("inherited", *inherited(), says=f"trail org of account Account 1 ({MANAGEMENT})"),
        passing("inherited beside own without a log group", *inherited(own=tuple(chain_of(BARE)))),
        passing("group and topic elsewhere", *inherited(TO_SHARED, topics_of(ORG_TRAIL, a_topic(SHARED_TOPIC)),
                trail=ELSEWHERE), says=SHARED_TOPIC),
        failing("no trail", *alone(), USUAL, says="no trail records this account"),
        failing("no log group", *chained(trail=BARE), says="delivers to no log group"),
        failing("group is gone", *chained(GONE), says="trail-events, which does not exist"),
        failing("stopped", *chained(a_status(TRAIL, logging=False)), says="is not logging"),
        failing("one region", *chained(trail=a_trail(multi_region=False)), says="records one region only"),
        passing("advanced selectors", *chained(a_selection(TRAIL, advanced(MANAGEMENT_FIELD)))),
        passing("keys left out", *chained(a_selection(TRAIL, basic(excluding=[KMS])))),
        failing("reads only", *chained(a_selection(TRAIL, basic("ReadOnly"))), says="only read management events"),
        failing("no filter", *chained(filters_of(TRAIL)), says="no metric filter"),
        failing("incomplete filter", *chained(filters_of(TRAIL, STARTS)), says="DeleteTrail"),
        failing("no alarm", *chained(alarms_of(TRAIL)), says="no alarm on the metric of filter trail-changes"),
        failing("actions off", *chained(alarms_of(TRAIL, an_alarm(actions_enabled=False))), says="switched off"),
        failing("no action", *chained(alarms_of(TRAIL, an_alarm(actions=()))), says="notifies no SNS topic"),
        failing("not one event", *limited(threshold=2), says="only after 2 events"),
        failing("no event at all", *limited(operator="LessThanThreshold"), says="never sets off"),
        passing("five each, five asked", *limited(a_filter(value=5), threshold=5)),
        failing("half a one each", *limited(a_filter(value=0.5), threshold=1), says="only after 2 events"),
        asking("a value from the event", *limited(a_filter(value=None, field="$.requestParameters.n"), threshold=1),
               says="depends on the number in $.requestParameters.n"),
        failing("a value that no event has", *limited(a_filter(value=None, field="$.latency"), threshold=1),
                says="have no number in $.latency"),
        failing("adds nothing", *limited(a_filter(value=0)), says="one event never sets off"),
        passing("three of three, missing data missing", *limited(periods=3)),
        failing("three of three, missing data good", *limited(periods=3, missing="notBreaching"), says="only after 3"),
        failing("a unit that no datum has", *limited(unit="Count"), says="takes data of the unit Count only"),
        failing("diluted", *limited(a_filter(default=0), statistic="Average"), says="counts the default value 0 too"),
        asking("metric math", *chained(alarms_of(TRAIL, MATH)), says="trail main has the alarm math, which compares"),
        asking("metric math beside failing", *two(filters_of(TRAIL), second=(alarms_of(SECOND, MATH),)),
               says="trail second has the alarm math"),
        passing("metric math beside a whole chain", *two(alarms_of(TRAIL, MATH))),
        unseen("unseen beside metric math", *two(alarms_of(TRAIL, MATH), second=(gap_in(TrailFilters, SECOND),))),
        failing("delivery failed", *chained(a_status(TRAIL, logs_delivery_error="refused")),
                says="does not deliver to its log group trail-events: the last delivery failed: refused"),
        failing("delivered long ago", *chained(a_status(TRAIL, delivered=timedelta(hours=30))), says="29 hours ago"),
        passing("delivered long ago, as allowed", *chained(a_status(TRAIL, delivered=timedelta(hours=30)))[:-1],
                Thresholds(delivery_hours=48)),
        failing("only a function", *chained(alarms_of(TRAIL, an_alarm(actions=(FUNCTION,)))), says=FUNCTION),
        failing("topic closed to CloudWatch", *subscribed(policy=Seen(None)), says="does not let cloudwatch"),
        failing("key closed to CloudWatch", *subscribed(key=Seen(a_topic_key(policy=None))), says="key alias/alerts"),
        unseen("topic's policy denied", *subscribed(policy=denied("sns:GetTopicAttributes"))),
        unseen("topic's key denied", *subscribed(key=denied("kms:GetKeyPolicy"))),
        passing("topic open to the organization", *inherited(TO_SHARED, topics_of(ORG_TRAIL, IN_ORGANIZATION))),
        failing("nobody subscribed", *subscribed(confirmed=0), says="no confirmed subscriber"),
        failing("pending", *subscribed(confirmed=0, pending=2), says="2 wait for confirmation"),
        failing("topic is gone", *subscribed(confirmed=0, exists=False), says="does not exist"),
        failing("home not enabled here", *inherited(trail=AFRICAN), says="which this account has not enabled"),
        failing("inherited, no filter", *inherited(filters_of(ORG_TRAIL)), says="trail org has no metric filter"),
        unseen("status denied", *chained(gap_in(TrailStatus, TRAIL))),
        unseen("selectors denied", *chained(gap_in(TrailSelectors, TRAIL))),
        unseen("group denied", *chained(gap_in(TrailLogGroup, TRAIL))),
        unseen("filters denied", *chained(gap_in(TrailFilters, TRAIL))),
        unseen("alarms denied", *chained(gap_in(TrailAlarms, TRAIL))),
        unseen("topics denied", *chained(gap_in(TrailTopics, TRAIL))),
        unseen("unseen beside failing", *two(gap_in(TrailFilters, TRAIL), second=(filters_of(SECOND),))),
        unseen("unseen after failing", *two(filters_of(TRAIL), second=(gap_in(TrailFilters, SECOND),))),
        unseen("owner has no facts", *beside(None, ORG_TRAIL), USUAL, says="not collected in this run"),
        unseen("owner is shut", *beside(facts_of(MANAGEMENT, gap=denied()), ORG_TRAIL), USUAL),
        unseen("group's account denied", *inherited(gap_in(TrailLogGroup, ELSEWHERE, denied(account_id=SECURITY)),
               trail=ELSEWHERE), says=SECURITY),
        unseen("topic's account denied", *inherited(TO_SHARED, topics_of(ORG_TRAIL, UNSEEN_SHARED)), says=SECURITY),
        unseen("topic outside the organization", *chained(alarms_of(TRAIL, an_alarm(actions=(STRANGE_TOPIC,))),
               topics_of(TRAIL, (STRANGE_TOPIC, NOT_OURS))), says=OUTSIDER),
        passing("an unseen topic beside a confirmed one", *chained(BOTH_TOPICS,
                topics_of(TRAIL, a_topic(), UNSEEN_SHARED)), says=SHARED_TOPIC),
        unseen("an unseen topic beside a silent one", *chained(BOTH_TOPICS,
               topics_of(TRAIL, a_topic(confirmed=0), UNSEEN_SHARED))),
        Case("declared for the account", Status.MANUAL, (*alone(*chain_of(TRAIL, filters_of(TRAIL))),
             Thresholds(accept_alternative_monitoring=(MEMBER,))), "monitored by other means"),
        Case("declared for the trail", Status.MANUAL, (*alone(*chain_of(TRAIL, filters_of(TRAIL))),
             Thresholds(accept_alternative_monitoring=(TRAIL.arn,))), "monitored by other means"),
        failing("declared for another", *alone(*chain_of(TRAIL, filters_of(TRAIL))),
                Thresholds(accept_alternative_monitoring=(SECURITY, SECOND.arn)), says="no metric filter"),
    )
}  # fmt: skip


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


@pytest.mark.parametrize(
    ("arguments", "owner"),
    [
        (inherited(), MANAGEMENT),
        (inherited(filters_of(ORG_TRAIL)), MANAGEMENT),
        (chained(), None),
        (inherited(filters_of(ORG_TRAIL), own=tuple(chain_of(BARE))), None),
    ],
    ids=["passing", "failing", "own", "failing beside own"],
)
def test_shared_judgement_names_its_owner(arguments: tuple[Any, ...], owner: str | None) -> None:
    assert alarmed(*arguments).inherited_from == owner


def test_evidence_follows_the_chain() -> None:
    assert alarmed(*chained()).evidence == {
        "log group": ["trail-events"],
        "filter": ["trail-changes"],
        "alarm": ["trail-changes"],
        "topic": [topic_arn()],
        "confirmed subscribers": ["1"],
    }


def test_reason_names_every_link() -> None:
    links = (
        f"log group trail-events → filter trail-changes → alarm trail-changes → topic {topic_arn()}"
        " → confirmed subscribers 1"
    )
    assert alarmed(*chained()).reason.endswith(f": {links}")
    loud, latching = a_filter("loud", "{ $.eventName = * }"), an_alarm(limit=AlarmSettings(missing="ignore"))
    assert "filter loud matches harmless calls too" in alarmed(*chained(filters_of(TRAIL, loud))).reason
    assert "until its state is reset" in alarmed(*chained(alarms_of(TRAIL, latching))).reason


@pytest.mark.parametrize(
    ("changed", "command"),
    [
        (
            alarms_of(TRAIL, an_alarm("a; rm -rf /", actions_enabled=False)),
            f"aws cloudwatch enable-alarm-actions --region {HOME} --alarm-names 'a; rm -rf /'",
        ),
        (a_status(TRAIL, delivered=None), f"aws cloudtrail get-trail-status --region {HOME} --name {TRAIL.arn}"),
        (
            topics_of(TRAIL, a_topic(confirmed=0)),
            f"aws sns subscribe --topic-arn {topic_arn()} --protocol email --notification-endpoint ADDRESS",
        ),
        (topics_of(TRAIL, a_topic(policy=Seen(None))), None),
    ],
    ids=["actions off", "no delivery", "no subscriber", "closed topic"],
)
def test_command_for_the_broken_link(changed: Any, command: str | None) -> None:
    verdict = alarmed(*chained(changed))
    assert (verdict.status, verdict.command) == (Status.FAIL, command)
