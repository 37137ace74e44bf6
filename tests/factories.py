"""Facts for tests: every factory builds one that is right, and its keywords say what is different about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control
from orgaudit.facts.cloudtrail.alarms import (
    Addition,
    Alarm,
    CompositeAlarm,
    Metric,
    MetricFilter,
    TrailAlarms,
    TrailFilters,
)
from orgaudit.facts.cloudtrail.log_groups import SubscriptionFilter, TrailLogGroup, TrailRole, TrailSubscriptions
from orgaudit.facts.cloudtrail.topics import AlarmTopic, TopicKey, TrailTopics
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.shard import AccountHeader, DetailGap, ListingResult
from orgaudit.languages.alarm import AlarmSettings
from orgaudit.languages.event_selector import AdvancedSelector, BasicSelector, FieldSelector
from orgaudit.model import Account, AccountRecord, Gap, GapReason, Observed, RegionRecord, RegionState, Seen, Status

S = TypeVar("S", bound=msgspec.Struct)

NOW = datetime(2025, 11, 21, 12, 0, tzinfo=UTC)
MANAGEMENT, MEMBER, SECURITY, OUTSIDER = "111111111111", "222222222222", "333333333333", "999999999999"
NASTY = "a; rm -rf /"
"""A name that a shell must not see; NASTY_RESOURCES of a control's test module carry it."""
HOME = "eu-west-1"
REGIONS = ("eu-west-1", "us-east-1")

NAMES = ("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging")
METRIC = Metric("Security", "TrailChanges")


def pattern(*names: str, source: str = "") -> str:
    """A filter pattern for the calls of these names."""
    either = " || ".join(f"($.eventName = {name})" for name in names)
    return f"{{ {either} }}" if not source else f"{{ ($.eventSource = {source}) && ({either}) }}"


WHOLE_PATTERN = pattern(*NAMES)


@cache
def observed_fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a fact that are seen or a gap each by itself."""
    hints = get_type_hints(kind).items()
    return frozenset(name for name, hint in hints if any(get_origin(part) is Seen for part in get_args(hint)))


def seen_all(kind: type[S], /, **values: Any) -> S:
    """A fact of these values: those of observed fields were seen, unless they are given as Seen or Gap."""
    return kind(
        **{
            name: Seen(value) if name in observed_fields(kind) and not isinstance(value, Seen | Gap) else value
            for name, value in values.items()
        }
    )


@dataclass(frozen=True)
class Case:
    """What a control says about some facts, and a part of the reason that it gives."""

    name: str
    status: Status
    arguments: tuple[Any, ...]
    says: str = ""


def passing(name: str, *arguments: Any, says: str = "") -> Case:
    return Case(name, Status.PASS, arguments, says)


def failing(name: str, *arguments: Any, says: str) -> Case:
    return Case(name, Status.FAIL, arguments, says)


def unseen(name: str, *arguments: Any, says: str = "not assessed") -> Case:
    return Case(name, Status.NOT_ASSESSED, arguments, says)


def asking(name: str, *arguments: Any, says: str) -> Case:
    """A case that only a person can decide."""
    return Case(name, Status.MANUAL, arguments, says)


def idle(name: str, *arguments: Any, says: str) -> Case:
    return Case(name, Status.NOT_APPLICABLE, arguments, says)


def every(cases: dict[Control, tuple[Case, ...]]) -> Iterable[Any]:
    """The rows of a table of cases, flat, as (control, case)."""
    return [(control, case) for control, table in cases.items() for case in table]


def name_of(value: object) -> str:
    """The name under which pytest shows a control or a case."""
    return value.id if isinstance(value, Control) else getattr(value, "name", "")


def denied(action: str = "some:Action", account_id: str = MEMBER, region: str = HOME) -> Gap:
    return Gap(account_id, region, action, GapReason.DENIED, f"{action} is denied in {account_id}")


def a_trail(
    name: str = "main",
    *,
    account_id: str = MEMBER,
    region: str = HOME,
    log_group: str | None = "trail-events",
    log_group_account: str = "",
    **changes: Any,
) -> Trail:
    group = f"arn:aws:logs:{region}:{log_group_account or account_id}:log-group:{log_group}:*" if log_group else None
    values: dict[str, Any] = {
        "arn": f"arn:aws:cloudtrail:{region}:{account_id}:trail/{name}",
        "account_id": account_id,
        "region": region,
        "multi_region": True,
        "organization": account_id == MANAGEMENT,
        "log_group_arn": group,
        "role_arn": f"arn:aws:iam::{account_id}:role/{name}-delivers" if log_group else None,
        "bucket": "trail-files",
        "validated": False,
    }
    return seen_all(Trail, **values | changes)


def a_status(trail: Trail, *, delivered: timedelta | None = timedelta(minutes=5), **changes: Any) -> TrailStatus:
    """`delivered` is how long ago the log group last heard something."""
    at = NOW - delivered if delivered is not None else None
    return TrailStatus(arn=trail.arn, **{"logging": True, "logs_delivered_at": at} | changes)


def field(name: str, *equals: str, **more: Any) -> FieldSelector:
    return FieldSelector(name, equals, **more)


MANAGEMENT_FIELD = field("eventCategory", "Management")


def advanced(*fields: FieldSelector, name: str = "") -> AdvancedSelector:
    return AdvancedSelector(name, fields)


def basic(read_write_type: str = "All", *, management: bool = True, excluding: Iterable[str] = ()) -> BasicSelector:
    return BasicSelector(management, read_write_type, tuple(excluding))


def a_selection(trail: Trail, *found: BasicSelector | AdvancedSelector) -> TrailSelectors:
    return TrailSelectors(
        arn=trail.arn,
        basic=tuple(one for one in found if isinstance(one, BasicSelector)),
        advanced=tuple(one for one in found if isinstance(one, AdvancedSelector)),
    )


def a_log_group(trail: Trail, **changes: Any) -> TrailLogGroup:
    if trail.log_group_arn is None:
        return TrailLogGroup(arn=trail.arn, name=None)
    _, _, _, region, account_id, _, name, *_ = trail.log_group_arn.split(":")
    values: dict[str, Any] = {"name": name, "account_id": account_id, "region": region, "exists": True}
    return TrailLogGroup(arn=trail.arn, **values | changes)


def subscriptions_to(trail: Trail, *accounts: str) -> TrailSubscriptions:
    arns = [f"arn:aws:logs:{HOME}:{account}:destination:intake" for account in accounts]
    return TrailSubscriptions(
        arn=trail.arn, subscriptions=tuple(SubscriptionFilter(f"copy-{place}", arn) for place, arn in enumerate(arns))
    )


def statement(action: object, **more: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]}


def trust(service: str = "cloudtrail.amazonaws.com", **more: object) -> dict[str, object]:
    return statement("sts:AssumeRole", Principal={"Service": service}, **more)


def a_role(trail: Trail, *, writes: object = "logs:*", on: object = "*", **changes: Any) -> TrailRole:
    values = {
        "role_arn": trail.role_arn,
        "exists": True,
        "trust": trust(),
        "permissions": (statement(writes, Resource=on),),
    }
    return TrailRole(arn=trail.arn, **values | changes)


def a_filter(
    name: str = "trail-changes",
    matches: str = WHOLE_PATTERN,
    *,
    metrics: Iterable[Metric] = (METRIC,),
    narrowed_by: str | None = None,
    **adds: Any,
) -> MetricFilter:
    return MetricFilter(name, matches, tuple(Addition(metric, **adds) for metric in metrics), narrowed_by)


def topic_arn(name: str = "alerts", account_id: str = MEMBER) -> str:
    return f"arn:aws:sns:{HOME}:{account_id}:{name}"


def an_alarm(name: str = "trail-changes", **changes: Any) -> Alarm:
    values: dict[str, Any] = {
        "arn": f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:{name}",
        "metrics": (METRIC,),
        "actions_enabled": True,
        "actions": (topic_arn(),),
        "limit": AlarmSettings(),
    }
    return Alarm(name=name, **values | changes)


def a_composite(rule: str, name: str = "all", **changes: Any) -> CompositeAlarm:
    values: dict[str, Any] = {
        "arn": f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:{name}",
        "actions_enabled": True,
        "actions": (topic_arn(),),
    }
    return CompositeAlarm(name=name, rule=rule, **values | changes)


LETS_CLOUDWATCH_IN = {"Principal": {"Service": "cloudwatch.amazonaws.com"}, "Resource": "*"}


def a_topic(arn: str = "", **changes: Any) -> AlarmTopic:
    """A topic with one subscriber; `policy` and `key` are given as seen ones or gaps."""
    values: dict[str, Any] = {
        "exists": True,
        "confirmed": 1,
        "policy": Seen(statement("sns:Publish", **LETS_CLOUDWATCH_IN)),
        "key": Seen(None),
    }
    return AlarmTopic(arn=arn or topic_arn(), **values | changes)


def a_topic_key(**changes: Any) -> TopicKey:
    values: dict[str, Any] = {
        "name": "alias/alerts",
        "arn": f"arn:aws:kms:{HOME}:{MEMBER}:key/1",
        "state": "Enabled",
        "policy": statement(["kms:Decrypt", "kms:GenerateDataKey*"], **LETS_CLOUDWATCH_IN),
    }
    return TopicKey(**values | changes)


def filters_of(trail: Trail, *filters: MetricFilter) -> TrailFilters:
    return TrailFilters(arn=trail.arn, filters=filters)


def alarms_of(trail: Trail, *alarms: Alarm | CompositeAlarm) -> TrailAlarms:
    return TrailAlarms(
        arn=trail.arn,
        alarms=tuple(one for one in alarms if isinstance(one, Alarm)),
        composites=tuple(one for one in alarms if isinstance(one, CompositeAlarm)),
    )


def topics_of(trail: Trail, *topics: AlarmTopic | tuple[str, Gap]) -> TrailTopics:
    seen: dict[str, Observed[AlarmTopic]] = {}
    for topic in topics:
        if isinstance(topic, tuple):
            seen[topic[0]] = topic[1]
        else:
            seen[topic.arn] = Seen(topic)
    return TrailTopics(arn=trail.arn, topics=seen)


def chain_of(trail: Trail, *changed: Detail | DetailGap) -> list[Resource | Detail | DetailGap]:
    """A trail with all its details, right ones except for those that are given."""
    right: list[Detail] = [
        a_status(trail),
        a_selection(trail),
        a_log_group(trail),
        filters_of(trail, a_filter()),
        alarms_of(trail, an_alarm()),
        topics_of(trail, a_topic()),
    ]
    replaced = {one.fact if isinstance(one, DetailGap) else type(one).__name__ for one in changed}
    return [trail, *(one for one in right if type(one).__name__ not in replaced), *changed]


def gap_in(kind: type[Detail], trail: Trail, gap: Gap | None = None) -> DetailGap:
    return DetailGap(kind.__name__, trail.arn, gap or denied())


def an_account(account_id: str = MEMBER, **changes: Any) -> Account:
    return Account(**{"id": account_id, "name": f"Account {account_id[0]}"} | changes)


def facts_of(
    account_id: str = MEMBER,
    *lines: Resource | Detail | DetailGap | ListingResult,
    regions: Iterable[str] = REGIONS,
    gap: Gap | None = None,
) -> AccountFacts:
    """The facts of an account with trails listed in all regions; a `ListingResult` among the lines replaces one."""
    told = {line.region for line in lines if isinstance(line, ListingResult)}
    record = AccountRecord(
        account_id=account_id,
        collected_at=NOW,
        regions=tuple(RegionRecord(region, RegionState.AUDITED) for region in regions),
        enabled=tuple(regions),
        regions_source="account:ListRegions",
        gap=gap,
    )
    listed = [] if gap else [ListingResult("Trail", region) for region in regions if region not in told]
    return AccountFacts([AccountHeader(an_account(account_id), record), *listed, *lines])


def organization_of(*seen: AccountFacts, accounts: Iterable[str] = (MANAGEMENT, MEMBER, SECURITY)) -> Organization:
    """An organization of these accounts, of which some have facts."""
    found = {facts.account_id: facts for facts in seen}
    return Organization(map(an_account, accounts), id="o-example1234", management_account_id=MANAGEMENT, load=found.get)


def alone(*lines: Resource | Detail | DetailGap | ListingResult, **more: Any) -> tuple[AccountFacts, Organization]:
    """A member's facts, and the organization in which they are all that was seen."""
    facts = facts_of(MEMBER, *lines, **more)
    return facts, organization_of(facts)
