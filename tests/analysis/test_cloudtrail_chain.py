"""The alarm chain, link by link, with the facts of the trail's owner."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from orgaudit.analysis.cloudtrail.chain import Chain, ChainTerms, alarm_chain
from orgaudit.facts.cloudtrail.alarms import Alarm, CompositeAlarm, Metric, MetricFilter
from orgaudit.facts.cloudtrail.topics import AlarmTopic, TrailTopics
from orgaudit.languages.alarm import AlarmSettings
from orgaudit.languages.filter_pattern.prescribed import CLOUDTRAIL_CHANGES, VPC_CHANGES
from orgaudit.model import Gap, NotSeenError, Seen
from tests.factories import (
    LETS_CLOUDWATCH_IN,
    METRIC,
    NAMES,
    WHOLE_PATTERN,
    a_composite,
    a_filter,
    a_log_group,
    a_status,
    a_topic,
    a_trail,
    alarms_of,
    an_alarm,
    chain_of,
    denied,
    facts_of,
    filters_of,
    pattern,
    statement,
    topic_arn,
    topics_of,
)

TRAIL = a_trail()
NAMESAKE = Metric("Elsewhere", METRIC.name)
SECOND_METRIC = Metric("Security", "TrailEnds")
DAY, NIGHT = topic_arn("day"), topic_arn("night")


FUNCTION = "arn:aws:lambda:eu-west-1:222222222222:function:tell"
MATH = an_alarm("math", limit=None, unclear="compares a metric math expression")


def follow(*changed: Any) -> Chain:
    return alarm_chain(TRAIL, facts_of(TRAIL.account_id, *chain_of(TRAIL, *changed)), CLOUDTRAIL_CHANGES)


def filtered(*filters: MetricFilter) -> Chain:
    return follow(filters_of(TRAIL, *filters))


@pytest.mark.parametrize(
    "matches",
    [
        WHOLE_PATTERN,
        pattern(*NAMES, source="cloudtrail.amazonaws.com"),
        "{ $.eventSource = cloudtrail.amazonaws.com }",
        '{ ($.eventName = "*Trail") || ($.eventName = "*Logging") }',
    ],
)
def test_complete_filter(matches: str) -> None:
    assert filtered(a_filter(matches=matches)).broken is None


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ([], "has no readable metric filter"),
        ([a_filter(matches=pattern(*NAMES[1:]))], "misses CreateTrail"),
        (
            [a_filter(matches=f'{{ {WHOLE_PATTERN.strip("{} ")} && ($.awsRegion = "us-east-1") }}')],
            "only for some values",
        ),
        ([a_filter(matches="ERROR")], "has no"),
        ([a_filter(matches="{ not a pattern")], "has no"),
        ([a_filter(metrics=())], "has no readable metric filter"),
        ([a_filter(narrowed_by='@aws.account = "222222222222"')], "has no readable metric filter"),
        ([a_filter(matches=" && ".join(f"($.eventName = {name})" for name in NAMES).join("{}"))], "misses"),
    ],
    ids=["none", "a name missing", "one region", "text", "broken", "adds zero", "selected fields", "all at once"],
)
def test_incomplete_filter(filters: list[MetricFilter], says: str) -> None:
    chain = filtered(*filters)
    assert chain.broken is not None
    assert "has no metric filter for this" in chain.broken
    assert says in chain.broken


def test_narrowed_filter_beside_a_whole_one_does_no_harm() -> None:
    assert filtered(a_filter("narrow", narrowed_by="@aws.region"), a_filter("whole")).broken is None


# Alarms


@pytest.mark.parametrize(
    ("alarms", "broken"),
    [
        ([an_alarm()], None),
        ([MATH, an_alarm()], None),
        ([an_alarm(limit=AlarmSettings(periods=3))], None),
        ([an_alarm(actions=()), a_composite("ALARM(trail-changes)")], None),
        ([an_alarm(metrics=(NAMESAKE, METRIC))], None),
        ([an_alarm("deaf", limit=AlarmSettings(operator="LessThanThreshold")), an_alarm()], None),
        ([an_alarm("muted", actions_enabled=False), an_alarm()], None),
        ([an_alarm("mute", actions=()), an_alarm()], None),
        ([], "has no alarm on the metric of filter trail-changes"),
        ([an_alarm(metrics=(NAMESAKE,))], "has no alarm on the metric of filter trail-changes"),
        (
            [an_alarm(limit=AlarmSettings(threshold=2))],
            "has the alarm trail-changes, which goes off only after 2 events",
        ),
        (
            [an_alarm(limit=AlarmSettings(operator="LessThanThreshold"))],
            "has the alarm trail-changes, which one event never sets off",
        ),
        ([an_alarm(actions_enabled=False)], "has the alarm trail-changes, which has its actions switched off"),
        ([an_alarm(limit=AlarmSettings(unit="Count"))], "which takes data of the unit Count only"),
        ([an_alarm(actions=())], "has the alarm trail-changes, which notifies no SNS topic"),
        ([an_alarm(actions=(FUNCTION,))], f"which notifies no SNS topic, only {FUNCTION}"),
        (
            [an_alarm(actions=()), a_composite("ALARM(trail-changes) AND ALARM(other)")],
            "has the alarm all, which one event never sets off",
        ),
        (
            [an_alarm(actions=()), a_composite("TRUE OR ALARM(trail-changes)")],
            "all, which is in ALARM without any event",
        ),
        (
            [an_alarm("a", limit=AlarmSettings(threshold=2)), an_alarm("b", actions_enabled=False)],
            "has the alarm a, which goes off only after 2 events, and the alarm b, which has its actions switched off",
        ),
    ],
)
def test_alarms(alarms: list[Alarm], broken: str | None) -> None:
    found = follow(alarms_of(TRAIL, *alarms)).broken
    assert (found is None) == (broken is None)
    assert broken is None or (found is not None and broken in found)


def test_switched_off_alarm_is_named() -> None:
    off = an_alarm("two words", actions_enabled=False)
    assert follow(alarms_of(TRAIL, off)).fixable == off


@pytest.mark.parametrize(
    ("alarms", "unclear"),
    [
        ([MATH], "has the alarm math, which compares a metric math expression"),
        ([MATH, an_alarm(actions=())], "has the alarm math, which compares a metric math expression"),
        (
            [an_alarm(actions=()), a_composite("ALARM(trail-changes) AND NOT ALARM(night)")],
            "has the alarm all, which depends on the state of night",
        ),
        (
            [an_alarm(actions=()), a_composite("ALARM(trail-changes)", suppressor="night")],
            "has the alarm all, which does not act while the alarm night is in ALARM",
        ),
    ],
)
def test_alarms_for_a_person(alarms: list[Alarm | CompositeAlarm], unclear: str) -> None:
    chain = follow(alarms_of(TRAIL, *alarms))
    assert (chain.broken, chain.fixable) == (None, None)
    assert chain.unclear is not None
    assert unclear in chain.unclear


def test_unclear_alarm_that_leads_nowhere_is_broken() -> None:
    assert follow(alarms_of(TRAIL, MATH), topics_of(TRAIL, a_topic(confirmed=0))).broken is not None


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"delivered": None}, "nothing has ever been delivered"),
        ({"delivered": timedelta(hours=25)}, "the last delivery was more than 24 hours ago"),
        ({"logs_delivery_error": "refused"}, "the last delivery failed: refused"),
    ],
)
def test_delivery_that_does_not_work(changes: dict[str, Any], broken: str) -> None:
    chain = follow(a_status(TRAIL, **changes))
    assert chain.broken is not None
    assert chain.broken.startswith(f"does not deliver to its log group trail-events: {broken}")
    assert chain.fixable == TRAIL


def test_terms_are_told_apart() -> None:
    owner = facts_of(TRAIL.account_id, *chain_of(TRAIL, a_status(TRAIL, delivered=timedelta(hours=25))))
    assert alarm_chain(TRAIL, owner, CLOUDTRAIL_CHANGES).broken is not None
    assert alarm_chain(TRAIL, owner, CLOUDTRAIL_CHANGES, ChainTerms(delivery_hours=48)).broken is None


@pytest.mark.parametrize(
    ("alarms", "latching"),
    [
        ([an_alarm()], ()),
        ([an_alarm(limit=AlarmSettings(missing="ignore"))], ("trail-changes",)),
        ([an_alarm("keeps", limit=AlarmSettings(missing="ignore")), an_alarm()], ()),
    ],
)
def test_alarm_that_nothing_takes_out_of_alarm(alarms: list[Alarm], latching: tuple[str, ...]) -> None:
    chain = follow(alarms_of(TRAIL, *alarms))
    assert (chain.broken, chain.unclear, chain.latching) == (None, None, latching)


# Two filters that share the events

STARTS = a_filter("starts", pattern(*NAMES[:2]))
ENDS = a_filter("ends", pattern(*NAMES[2:]), metrics=(SECOND_METRIC,))
TELLS_DAY = an_alarm("starts", actions=(DAY,))
TELLS_NIGHT = an_alarm("ends", metrics=(SECOND_METRIC,), actions=(NIGHT,))


def shared(*alarms: Alarm, topics: tuple[AlarmTopic | tuple[str, Gap], ...] = (a_topic(DAY), a_topic(NIGHT))) -> Chain:
    return follow(filters_of(TRAIL, STARTS, ENDS), alarms_of(TRAIL, *alarms), topics_of(TRAIL, *topics))


def test_two_whole_chains_count_together() -> None:
    chain = shared(TELLS_DAY, TELLS_NIGHT)
    assert chain.broken is None
    assert chain.evidence["filter"] == ["starts", "ends"]
    assert chain.evidence["topic"] == [DAY, NIGHT]
    assert chain.evidence["confirmed subscribers"] == ["2"]


@pytest.mark.parametrize(
    ("alarms", "broken"),
    [
        ([TELLS_DAY], "no alarm on the metric of filter ends"),
        ([TELLS_NIGHT], "no alarm on the metric of filter starts"),
        (
            [TELLS_DAY, an_alarm("late", metrics=(SECOND_METRIC,), limit=AlarmSettings(threshold=5))],
            "late, which goes off only after 5",
        ),
        ([TELLS_DAY, an_alarm("off", metrics=(SECOND_METRIC,), actions_enabled=False)], "off, which has its actions"),
        ([TELLS_DAY, an_alarm("mute", metrics=(SECOND_METRIC,), actions=())], "mute, which notifies no SNS topic"),
    ],
)
def test_one_of_two_chains_is_broken(alarms: list[Alarm], broken: str) -> None:
    found = shared(*alarms).broken
    assert found is not None
    assert broken in found


def test_one_of_two_topics_is_silent() -> None:
    silent = a_topic(NIGHT, confirmed=0, pending=1)
    chain = shared(TELLS_DAY, TELLS_NIGHT, topics=(a_topic(DAY), silent))
    assert chain.broken == f"notifies topic {NIGHT}, which has no confirmed subscriber; 1 wait for confirmation"
    assert chain.fixable == silent


@pytest.mark.parametrize("order", list(permutations(["starts", "ends", "whole"])))
def test_a_broken_part_beside_a_whole_filter_does_no_harm(order: tuple[str, ...]) -> None:
    known = {"starts": STARTS, "ends": ENDS, "whole": a_filter("whole")}
    chain = follow(filters_of(TRAIL, *(known[name] for name in order)), alarms_of(TRAIL, an_alarm()))
    assert chain.broken is None


def test_alarm_on_a_namesake_in_another_namespace_is_not_enough() -> None:
    ends = a_filter("ends", pattern(*NAMES[2:]), metrics=(NAMESAKE,))
    chain = follow(filters_of(TRAIL, STARTS, ends))
    assert chain.broken == "has no alarm on the metric of filter ends"


# What was not seen

UNSEEN_DAY, UNSEEN_NIGHT = (
    (DAY, denied("sns:ListSubscriptionsByTopic")),
    (NIGHT, denied("sns:ListSubscriptionsByTopic")),
)


def test_unseen_topic_may_complete_the_chain() -> None:
    with pytest.raises(NotSeenError) as error:
        shared(TELLS_DAY, TELLS_NIGHT, topics=(a_topic(DAY), UNSEEN_NIGHT))
    assert error.value.gap == UNSEEN_NIGHT[1]


def test_unseen_topic_cannot_mend_what_is_broken_beside_it() -> None:
    chain = shared(TELLS_DAY, TELLS_NIGHT, topics=(UNSEEN_DAY, a_topic(NIGHT, confirmed=0)))
    assert chain.broken == f"notifies topic {NIGHT}, which has no confirmed subscriber"


UNSEEN_POLICY = a_topic(NIGHT, policy=denied("sns:GetTopicAttributes"))
CLOSED = a_topic(NIGHT, policy=Seen(None))
DEPENDS = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
UNCLEAR = a_topic(NIGHT, policy=Seen(statement("sns:Publish", **LETS_CLOUDWATCH_IN, Condition=DEPENDS)))


def test_policy_that_was_not_seen_may_complete_the_chain() -> None:
    with pytest.raises(NotSeenError) as error:
        shared(TELLS_DAY, TELLS_NIGHT, topics=(a_topic(DAY), UNSEEN_POLICY))
    assert error.value.gap == UNSEEN_POLICY.policy


def test_topic_to_which_cloudwatch_may_not_publish() -> None:
    chain = shared(TELLS_DAY, TELLS_NIGHT, topics=(UNSEEN_DAY, CLOSED))
    assert chain.broken is not None
    assert chain.broken.startswith(f"notifies topic {NIGHT}, which has a policy that does not let")
    assert chain.fixable is None


def test_topic_for_a_person() -> None:
    chain = shared(TELLS_DAY, TELLS_NIGHT, topics=(a_topic(DAY), UNCLEAR))
    assert chain.broken is None
    assert chain.unclear == (
        f"notifies topic {NIGHT}, but whether its policy lets CloudWatch publish depends on aws:SourceIp"
    )


def test_what_was_not_seen_comes_before_what_is_for_a_person() -> None:
    both = msgspec.structs.replace(TELLS_NIGHT, actions=(NIGHT, DAY))
    for topics in ((UNSEEN_DAY, UNCLEAR), (UNSEEN_DAY, a_topic(NIGHT, confirmed=0))):
        with pytest.raises(NotSeenError):
            shared(TELLS_DAY, both, topics=topics)


def test_one_open_topic_of_two_is_enough() -> None:
    both = msgspec.structs.replace(TELLS_NIGHT, actions=(DAY, NIGHT))
    for other in (UNSEEN_NIGHT, CLOSED, UNCLEAR):
        chain = shared(TELLS_DAY, both, topics=(a_topic(DAY), other))
        assert (chain.broken, chain.unclear) == (None, None)


def test_details_that_were_not_collected_are_not_seen() -> None:
    with pytest.raises(NotSeenError, match="was not collected"):
        alarm_chain(TRAIL, facts_of(TRAIL.account_id, TRAIL), CLOUDTRAIL_CHANGES)


def test_break_before_an_unseen_link_is_certain() -> None:
    lines = [line for line in chain_of(TRAIL, alarms_of(TRAIL)) if not isinstance(line, TrailTopics)]
    chain = alarm_chain(TRAIL, facts_of(TRAIL.account_id, *lines), CLOUDTRAIL_CHANGES)
    assert chain.broken == "has no alarm on the metric of filter trail-changes"


# Filters that cover, and how the chain is told from others


def test_chains_of_one_owner_are_told_apart() -> None:
    second = a_trail("second", log_group="other-events")
    unfiltered = chain_of(second, filters_of(second))
    owner = facts_of(TRAIL.account_id, *chain_of(TRAIL), *unfiltered)
    for _ in range(2):
        assert alarm_chain(TRAIL, owner, CLOUDTRAIL_CHANGES).broken is None
        assert alarm_chain(second, owner, CLOUDTRAIL_CHANGES).fixable == a_log_group(second)
        assert alarm_chain(TRAIL, owner, VPC_CHANGES).broken is not None


def test_events_of_the_same_names_are_told_apart_by_their_fields() -> None:
    owner = facts_of(TRAIL.account_id, *chain_of(TRAIL))
    others = [replace(event, fields={"$.eventName": "Other"}) for event in CLOUDTRAIL_CHANGES]
    assert alarm_chain(TRAIL, owner, CLOUDTRAIL_CHANGES).broken is None
    assert alarm_chain(TRAIL, owner, others).broken is not None


def test_a_gap_stays_one_when_it_is_asked_for_again() -> None:
    owner = facts_of(TRAIL.account_id, TRAIL)
    for _ in range(2):
        with pytest.raises(NotSeenError, match="was not collected"):
            alarm_chain(TRAIL, owner, CLOUDTRAIL_CHANGES)


@pytest.mark.parametrize(
    ("filters", "restless"),
    [
        ([a_filter()], ()),
        ([a_filter("loud", "{ $.eventName = * }")], ("loud",)),
        ([a_filter("loud", "{ $.eventName = * }"), a_filter()], ()),
        ([a_filter("loud", "{ $.eventName = * }"), STARTS], ("loud",)),
    ],
    ids=["calm", "loud", "both", "the calm one is incomplete"],
)
def test_filter_that_never_rests(filters: list[MetricFilter], restless: tuple[str, ...]) -> None:
    chain = filtered(*filters)
    assert (chain.broken, chain.restless) == (None, restless)
