"""The alarm chain of a trail, followed link by link: log group, filter, alarm, topic, confirmed subscriber."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.cloudtrail.alarms import Alarm, MetricFilter, Topic, TrailAlarms, TrailFilters, TrailTopics
from orgaudit.facts.cloudtrail.delivery import TrailLogGroup
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors
from orgaudit.facts.patterns import Coverage, Event, Pattern, PatternError, Truth, coverage, evaluate, parse
from orgaudit.facts.patterns.prescribed import matches_ordinary_calls
from orgaudit.model import Gap, Json, NotSeenError, Observed


@dataclass(frozen=True, slots=True)
class Chain:
    """How far the chain holds: `broken` names its first broken link, None where a person is told of every event.

    `unfiltered` is the log group where its filters are the broken link. `restless` are filters of a whole chain that
    count harmless calls as well, and without which it would not be whole.
    """

    broken: str | None
    command: str | None = None
    evidence: dict[str, Json] = field(default_factory=dict)
    unfiltered: TrailLogGroup | None = None
    restless: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the links that hold, as people would name them."""
        links = " → ".join(f"{link} {', '.join(names)}" for link, names in self.evidence.items() if names)
        if not self.restless:
            return links
        return f"{links}; but filter {', '.join(self.restless)} matches harmless calls too, so the alarm never rests"


@dataclass(frozen=True, slots=True)
class _Line:
    """One way through the chain: a filter whose events reach an alarm and its topics."""

    filter: MetricFilter
    pattern: Pattern
    alarm: Alarm | None = None

    @property
    def events_needed(self) -> int | None:
        """How many events of the filter set the alarm off: 0 where none do, None where that cannot be told."""
        return self.alarm.events_needed(self.filter) if self.alarm else 0


def alarm_chain(trail: Trail, owner: AccountFacts, events: Sequence[Event]) -> Chain:
    """Follow the chain for the events that must raise an alarm, with the facts of the trail's owner.

    All filters with a whole chain count together. Raises NotSeenError where what was not seen could complete it.
    """
    known = _followed.setdefault(owner, {})
    key = trail.arn, trail.log_group_arn, tuple(events)
    if key not in known:
        try:
            known[key] = _follow(trail, owner, events)
        except NotSeenError as error:
            known[key] = error.gap
    found = known[key]
    if isinstance(found, Gap):
        raise NotSeenError(found)
    return found


_followed: WeakKeyDictionary[AccountFacts, dict[tuple[object, ...], Chain | Gap]] = WeakKeyDictionary()
"""The chains of each owner: all members of an organization ask for that of its one trail."""


def _follow(trail: Trail, owner: AccountFacts, events: Sequence[Event]) -> Chain:
    if trail.log_group_arn is None:
        return Chain("delivers to no log group")
    if left_out := _left_out(owner.detail(TrailSelectors, trail).value, events):
        return Chain(f"does not record the events of {', '.join(left_out)}")
    group = owner.detail(TrailLogGroup, trail).value
    evidence: dict[str, Json] = {"log group": [group.name]}
    if not group.exists:
        return Chain(f"delivers to the log group {group.name}, which does not exist", None, evidence)
    lines = _readable(owner.detail(TrailFilters, trail).value.filters)
    about = _about(lines, events)
    evidence["filter"] = [line.filter.name for line in about]
    if not (found := _coverage(about, events)).complete:
        lack = f"has no metric filter for this: log group {group.name} {_lack(found, lines)}"
        return Chain(lack, None, evidence, unfiltered=group)
    walk = _Walk(events, evidence, about, place=f"--region {group.region}")
    return walk.alarms(owner.detail(TrailAlarms, trail)) or walk.topics(owner.detail(TrailTopics, trail))


class _Walk:
    """The part of the chain behind the filters: each step keeps the lines that hold and stops where events get lost."""

    def __init__(self, events: Sequence[Event], evidence: dict[str, Json], lines: list[_Line], *, place: str) -> None:
        self.events, self.evidence, self.lines, self.place = events, evidence, lines, place

    def alarms(self, observed: Observed[TrailAlarms]) -> Chain | None:
        """Keep the lines with an alarm that one event sets off and that acts; return the break if events get lost."""
        alarms = observed.value.alarms
        bare = self.lines
        self.lines = [
            _Line(line.filter, line.pattern, alarm)
            for line in bare
            for alarm in alarms
            if set(line.filter.metrics) & set(alarm.metrics)
        ]
        self.evidence["alarm"] = sorted({line.alarm.name for line in self.lines if line.alarm})
        watched = {line.filter.name for line in self.lines}
        unwatched = [line.filter.name for line in bare if line.filter.name not in watched]
        return (
            self._lost(f"has no alarm on the metric of filter {', '.join(unwatched)}")
            or self._keep(lambda line, _: line.events_needed in {None, 1}, _insensitive)
            or self._keep(
                lambda _, alarm: alarm.actions_enabled, lambda _: "has its actions switched off", self._switch_on
            )
            or self._keep(lambda _, alarm: bool(alarm.topics), lambda _: "notifies no SNS topic")
        )

    def topics(self, observed: Observed[TrailTopics]) -> Chain:
        """Keep the lines that end at a confirmed subscriber; raises NotSeenError where an unseen topic may be one."""
        topics = observed.value.topics
        arns = sorted({arn for line in self.lines if line.alarm for arn in line.alarm.topics})
        self.evidence["topic"] = arns
        sure = [line for line in self.lines if any(_confirmed(topics[arn]) for arn in _topics(line))]
        if _coverage(sure, self.events).complete:
            seen = [topics[arn] for arn in arns]
            count = sum(topic.value.confirmed for topic in seen if not isinstance(topic, Gap))
            self.evidence["confirmed subscribers"] = [str(count)]
            return Chain(None, None, self.evidence, restless=self._restless(sure))
        possible = [line for line in self.lines if line in sure or any(_unseen(topics[arn]) for arn in _topics(line))]
        if not _coverage(possible, self.events).complete:
            silent = next(line for line in self.lines if line not in possible)
            return self._silent(_topics(silent)[0], topics)
        raise NotSeenError(next(topic for arn in arns if isinstance(topic := topics[arn], Gap)))

    def _silent(self, arn: str, topics: Mapping[str, Observed[Topic]]) -> Chain:
        command = f"aws sns subscribe --topic-arn {shlex.quote(arn)} --protocol email --notification-endpoint ADDRESS"
        return Chain(f"notifies topic {arn}, which {_silence(topics[arn].value)}", command, self.evidence)

    def _restless(self, lines: Sequence[_Line]) -> tuple[str, ...]:
        """Return the filters that match harmless calls, where the calm ones alone do not cover the events."""
        restless = {line.filter.name for line in lines if matches_ordinary_calls(line.pattern)}
        calm = [line for line in lines if line.filter.name not in restless]
        return () if _coverage(calm, self.events).complete else tuple(sorted(restless))

    def _keep(
        self,
        holds: Callable[[_Line, Alarm], bool],
        why: Callable[[_Line], str],
        mend: Callable[[Alarm], str] | None = None,
    ) -> Chain | None:
        lost = [(line, line.alarm) for line in self.lines if line.alarm and not holds(line, line.alarm)]
        self.lines = [line for line in self.lines if line.alarm and holds(line, line.alarm)]
        if not lost:
            return None
        line, alarm = lost[0]
        return self._lost(f"has the alarm {alarm.name}, which {why(line)}", mend(alarm) if mend else None)

    def _lost(self, reason: str, command: str | None = None) -> Chain | None:
        complete = _coverage(self.lines, self.events).complete
        return None if complete else Chain(reason, command, self.evidence)

    def _switch_on(self, alarm: Alarm) -> str:
        return f"aws cloudwatch enable-alarm-actions {self.place} --alarm-names {shlex.quote(alarm.name)}"


def _left_out(selectors: TrailSelectors, events: Sequence[Event]) -> list[str]:
    """Return the event sources that the selectors leave out although some of the events come from there."""
    recorded = selectors.management
    found = set()
    for event in events:
        source = event.fields.get("$.eventSource")
        sides = (recorded.write,) if event.fields.get("$.readOnly") is False else (recorded.read, recorded.write)
        if isinstance(source, str) and any(side is not None and source in side for side in sides):
            found.add(source)
    return sorted(found)


def _readable(filters: Iterable[MetricFilter]) -> list[_Line]:
    """Return the filters that add to a metric for every event that their pattern matches."""
    lines = []
    for found in filters:
        pattern = None if not found.metrics or found.narrowed_by else _parsed(found.pattern)
        if pattern is not None:
            lines.append(_Line(found, pattern))
    return lines


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Pattern | None:
    """Return a pattern, or None where it cannot be read, or is one for events that CloudTrail does not write."""
    try:
        return parse(text)
    except PatternError:
        return None


def _coverage(lines: Sequence[_Line], events: Sequence[Event]) -> Coverage:
    return _known_coverage(tuple(line.filter.pattern for line in lines), tuple(events))


@lru_cache(maxsize=4096)
def _known_coverage(texts: tuple[str, ...], events: tuple[Event, ...]) -> Coverage:
    """Return how far patterns match events; the accounts of an organization mostly have the same few patterns."""
    return coverage([pattern for text in texts if (pattern := _parsed(text))], events)


def _about(lines: Sequence[_Line], events: Sequence[Event]) -> list[_Line]:
    """Return the lines whose filters are about the events; where those cover them only with others, all that may match.

    A filter for all calls by root and one for all others are about no event, and together cover every one.
    """
    about = [line for line in lines if _reach([line], events)]
    if _coverage(about, events).complete or not _coverage(lines, events).complete:
        return about
    return [line for line in lines if any(evaluate(line.pattern, event.fields) is not Truth.FALSE for event in events)]


def _reach(lines: Sequence[_Line], events: Sequence[Event]) -> bool:
    found = _coverage(lines, events)
    return bool(found.covered or found.narrowed)


def _lack(found: Coverage, lines: Sequence[_Line]) -> str:
    return found.describe() if lines else "has no readable metric filter"


def _insensitive(line: _Line) -> str:
    return f"goes off only after {line.events_needed} events" if line.events_needed else "one event never sets off"


def _topics(line: _Line) -> tuple[str, ...]:
    return line.alarm.topics if line.alarm else ()


def _confirmed(topic: Observed[Topic]) -> bool:
    return not isinstance(topic, Gap) and topic.value.confirmed > 0


def _unseen(topic: Observed[Topic]) -> bool:
    return isinstance(topic, Gap)


def _silence(topic: Topic) -> str:
    if not topic.exists:
        return "does not exist"
    waiting = f"; {topic.pending} wait for confirmation" if topic.pending else ""
    return f"has no confirmed subscriber{waiting}"
