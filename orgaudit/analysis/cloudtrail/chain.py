"""The alarm chain of a trail, followed link by link: log group, filter, alarm, topic, confirmed subscriber."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.log_delivery import last_delivery
from orgaudit.analysis.cloudtrail.notifications import WORKS, Notification, NotificationDelivery
from orgaudit.analysis.cloudtrail.recording import recorded_management
from orgaudit.analysis.cloudtrail.sensitivity import Watcher, watchers
from orgaudit.facts.cloudtrail.alarms import ActingAlarm, MetricFilter, TrailAlarms, TrailFilters
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup
from orgaudit.facts.cloudtrail.topics import AlarmTopic, TrailTopics
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.languages.filter_pattern import (
    Event,
    EventCoverage,
    FilterPattern,
    PatternError,
    evaluate,
    event_coverage,
    matches_ordinary_calls,
    parse_pattern,
)
from orgaudit.languages.truth import FALSE
from orgaudit.model import Gap, Json, NotSeenError, Observed


@dataclass(frozen=True, slots=True)
class ChainTerms:
    """The most hours since the last delivery of a whole chain, and the organization to which its alarms belong."""

    delivery_hours: int = 24
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """How far the chain holds: `broken` names its first broken link, None where every event notifies a person.

    `fixable` is what one command can fix at the broken link: a trail that does not deliver, a log group without the
    filter, an alarm whose actions are off, or a topic without a subscriber. `unclear` is what a person has to decide
    before the chain is certain. `evidence` has the names of the links that hold. `restless` are filters of a whole
    chain that count harmless calls as well, `latching` alarms that no datapoint takes out of ALARM again, each where
    the chain would not be whole without them.
    """

    broken: str | None
    evidence: dict[str, Json] = field(default_factory=dict)
    fixable: Trail | TrailLogGroup | ActingAlarm | AlarmTopic | None = None
    restless: tuple[str, ...] = ()
    latching: tuple[str, ...] = ()
    unclear: str | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """One way through the chain: a filter whose events reach an alarm and its topics."""

    filter: MetricFilter
    pattern: FilterPattern
    watcher: Watcher | None = None
    topic: str = ""
    delivery: NotificationDelivery = WORKS

    @property
    def name(self) -> str:
        """The name of its alarm."""
        return self.watcher.alarm.name if self.watcher else ""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that its alarm notifies."""
        return self.watcher.alarm.topics if self.watcher else ()

    @property
    def unclear(self) -> str | None:
        """What a person has to decide about it."""
        if self.watcher and self.watcher.answer.needed is None:
            return f"has the alarm {self.name}, which {self.watcher.answer.why}"
        return self.delivery.unclear and f"notifies topic {self.topic}, but {self.delivery.unclear}"


def alarm_chain(trail: Trail, owner: AccountFacts, events: Sequence[Event], terms: ChainTerms = ChainTerms()) -> Chain:
    """Return the chain for the events that must raise an alarm, by the facts of the trail's owner.

    All filters with a whole chain count together. Raises NotSeenError where what was not seen could complete it.
    """
    known = _followed.setdefault(owner, {})
    key = trail.arn, trail.log_group_arn, tuple(events), terms
    if key not in known:
        try:
            known[key] = _follow(trail, owner, events, terms)
        except NotSeenError as error:
            known[key] = error.gap
    found = known[key]
    if isinstance(found, Gap):
        raise NotSeenError(found)
    return found


_followed: WeakKeyDictionary[AccountFacts, dict[tuple[object, ...], Chain | Gap]] = WeakKeyDictionary()
"""The chains of each owner: all members of an organization need that of its one trail."""


def _follow(trail: Trail, owner: AccountFacts, events: Sequence[Event], terms: ChainTerms) -> Chain:
    if trail.log_group_arn is None:
        return Chain("delivers to no log group")
    if left_out := _left_out(owner.detail(TrailSelectors, trail).value, events):
        return Chain(f"does not record the events of {', '.join(left_out)}")
    group = owner.detail(TrailLogGroup, trail).value
    evidence: dict[str, Json] = {"log group": [group.name]}
    if not group.exists:
        return Chain(f"delivers to the log group {group.name}, which does not exist", evidence)
    works, said = last_delivery(owner.detail(TrailStatus, trail).value, owner.now, terms.delivery_hours)
    if not works:
        return Chain(f"does not deliver to its log group {group.name}: {said}", evidence, trail)
    filtered = _filtered(owner.detail(TrailFilters, trail).value.filters, tuple(events))
    evidence["filter"] = [line.filter.name for line in filtered.about]
    if filtered.lack:
        return Chain(f"has no metric filter for this: log group {group.name} {filtered.lack}", evidence, group)
    walk = _Walk(events, evidence, list(filtered.about), terms)
    alarms = owner.detail(TrailAlarms, trail)
    return walk.alarms(filtered.filters, alarms) or walk.topics(owner.detail(TrailTopics, trail))


class _Walk:
    """The part of the chain after the filters: each step keeps the lines that hold and stops where events get lost."""

    def __init__(
        self, events: Sequence[Event], evidence: dict[str, Json], lines: list[_Line], terms: ChainTerms
    ) -> None:
        self.events, self.evidence, self.lines, self.terms = events, evidence, lines, terms
        self.lost: list[tuple[str, str]] = []

    def alarms(self, filters: Sequence[MetricFilter], observed: Observed[TrailAlarms]) -> Chain | None:
        """Return the break, if any, and keep the lines with an alarm that one event may set off and that acts."""
        alarms = observed.value
        bare = self.lines
        self.lines = [
            _Line(line.filter, line.pattern, watcher)
            for line in bare
            for watcher in watchers(line.filter, filters, alarms, self.events)
        ]
        self.evidence["alarm"] = sorted({line.name for line in self.lines})
        watched = {line.filter.name for line in self.lines}
        unwatched = [line.filter.name for line in bare if line.filter.name not in watched]
        return (
            self._lost(f"has no alarm on the metric of filter {', '.join(unwatched)}")
            or self._keep(lambda found: found.answer.needed in {None, 1}, lambda found: found.answer.why)
            or self._keep(
                lambda found: found.alarm.actions_enabled, lambda _: "has its actions switched off", fixable=True
            )
            or self._keep(lambda found: bool(found.alarm.topics), _elsewhere)
        )

    def topics(self, observed: Observed[TrailTopics]) -> Chain:
        """Return the chain to the confirmed subscribers; raises NotSeenError where what was not seen may be one."""
        topics = observed.value.topics
        self.evidence["topic"] = sorted({arn for line in self.lines for arn in line.topics})
        followed = [
            _Line(line.filter, line.pattern, line.watcher, arn, self._delivery(topics[arn], line.watcher.alarm.arn))
            for line in self.lines
            if line.watcher
            for arn in line.topics
        ]
        seen = [line for line in followed if not line.delivery.gap and not line.delivery.broken]
        sure = [line for line in seen if line.unclear is None]
        if self._whole(sure):
            count = sum(topics[arn].value.confirmed for arn in {line.topic for line in sure})
            self.evidence["confirmed subscribers"] = [str(count)]
            return self._complete(sure)
        possible = [line for line in followed if not line.delivery.broken]
        if not self._whole(possible):
            return self._silent(possible, topics)
        unseen = [line for line in possible if line.delivery.gap]
        if self._whole([*sure, *(line for line in unseen if line.unclear is None)]) or not self._whole(seen):
            raise NotSeenError(next(line.delivery.gap for line in unseen if line.delivery.gap))
        return Chain(None, self.evidence, unclear=next(line.unclear for line in seen if line.unclear))

    def _delivery(self, topic: Observed[AlarmTopic], alarm_arn: str) -> NotificationDelivery:
        if isinstance(topic, Gap):
            return NotificationDelivery(gap=topic)
        return Notification(topic.value, alarm_arn, self.terms.organization_id).delivery

    def _silent(self, possible: Sequence[_Line], topics: Mapping[str, Observed[AlarmTopic]]) -> Chain:
        """Return the break at the topics of the first line that has none left."""
        left = {(line.filter.name, line.name) for line in possible}
        silent = next(line for line in self.lines if (line.filter.name, line.name) not in left)
        arn = silent.topics[0]
        found = self._delivery(topics[arn], silent.watcher.alarm.arn if silent.watcher else "")
        bare = topics[arn].value if found.silent else None
        return Chain(f"notifies topic {arn}, which {found.broken}", self.evidence, bare)

    def _complete(self, lines: Sequence[_Line]) -> Chain:
        """Return a whole chain, with what limits it."""
        restless = {line.filter.name for line in lines if matches_ordinary_calls(line.pattern)}
        latching = {line.name for line in lines if line.watcher and line.watcher.latches}
        calm = self._whole([line for line in lines if line.filter.name not in restless])
        recurring = self._whole([line for line in lines if line.name not in latching])
        return Chain(
            None,
            self.evidence,
            restless=() if calm else tuple(sorted(restless)),
            latching=() if recurring else tuple(sorted(latching)),
        )

    def _keep(
        self, holds: Callable[[Watcher], bool], why: Callable[[Watcher], str], *, fixable: bool = False
    ) -> Chain | None:
        """Return the break, which names every alarm of the filters without a line left; keep the lines that hold."""
        lost = [(line, line.watcher) for line in self.lines if line.watcher and not holds(line.watcher)]
        self.lines = [line for line in self.lines if line.watcher and holds(line.watcher)]
        if not lost:
            return None
        self.lost += [(line.filter.name, f"the alarm {line.name}, which {why(watcher)}") for line, watcher in lost]
        left = {line.filter.name for line in self.lines}
        reasons = dict.fromkeys(reason for name, reason in self.lost if name not in left)
        return self._lost(f"has {', and '.join(reasons)}", lost[0][1].alarm if fixable else None)

    def _lost(self, reason: str, fixable: ActingAlarm | None = None) -> Chain | None:
        return None if self._whole(self.lines) else Chain(reason, self.evidence, fixable)

    def _whole(self, lines: Sequence[_Line]) -> bool:
        return _coverage(lines, self.events).complete


def _elsewhere(found: Watcher) -> str:
    """Return the actions of an alarm that notifies no topic."""
    actions = found.alarm.actions
    return f"notifies no SNS topic, only {', '.join(actions)}" if actions else "notifies no SNS topic"


def _left_out(selectors: TrailSelectors, events: Sequence[Event]) -> list[str]:
    """Return the event sources of the events that the selectors leave out."""
    recorded = recorded_management(selectors)
    if not recorded.excluded:
        return []
    found = set()
    for event in events:
        source = event.fields.get("$.eventSource")
        sides = (recorded.write,) if event.fields.get("$.readOnly") is False else (recorded.read, recorded.write)
        if isinstance(source, str) and any(side is not None and source in side for side in sides):
            found.add(source)
    return sorted(found)


@dataclass(frozen=True, slots=True)
class _Filtered:
    """The metric filters of a log group, the lines of those that are about some events, and what these lack, if any."""

    filters: tuple[MetricFilter, ...]
    about: tuple[_Line, ...]
    lack: str


@lru_cache(maxsize=4096)
def _filtered(filters: tuple[MetricFilter, ...], events: tuple[Event, ...]) -> _Filtered:
    """Return what filters do with events; the accounts of an organization mostly have the same few filters."""
    lines = _readable(filters)
    about = _about(lines, events)
    found = _coverage(about, events)
    lack = "" if found.complete else found.describe() if lines else "has no readable metric filter"
    return _Filtered(filters, tuple(about), lack)


def _readable(filters: Iterable[MetricFilter]) -> list[_Line]:
    """Return the filters that publish to a metric for every event that their pattern matches."""
    lines = []
    for found in filters:
        pattern = None if not found.metrics or found.narrowed_by else _parsed(found.pattern)
        if pattern is not None:
            lines.append(_Line(found, pattern))
    return lines


@lru_cache(maxsize=4096)
def _parsed(text: str) -> FilterPattern | None:
    """Return a pattern, or None where it cannot be read, or is one for events that CloudTrail does not write."""
    try:
        return parse_pattern(text)
    except PatternError:
        return None


def _coverage(lines: Sequence[_Line], events: Sequence[Event]) -> EventCoverage:
    return _known_coverage(tuple(line.filter.pattern for line in lines), tuple(events))


@lru_cache(maxsize=4096)
def _known_coverage(texts: tuple[str, ...], events: tuple[Event, ...]) -> EventCoverage:
    """Return how far patterns match events; the accounts of an organization mostly have the same few patterns."""
    return event_coverage([pattern for text in texts if (pattern := _parsed(text))], events)


def _about(lines: Sequence[_Line], events: Sequence[Event]) -> list[_Line]:
    """Return the lines whose filters are about the events; where these need others to cover them, all that may match.

    A filter for all calls by root and one for all others are about no event, and together cover every one.
    """
    about = [line for line in lines if (found := _coverage([line], events)).covered or found.narrowed]
    if _coverage(about, events).complete or not _coverage(lines, events).complete:
        return about
    return [line for line in lines if any(evaluate(line.pattern, event.fields) is not FALSE for event in events)]
