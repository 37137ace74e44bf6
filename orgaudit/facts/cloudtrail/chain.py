"""The alarm chain of a trail, followed link by link: log group, filter, alarm, topic, confirmed subscriber."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.cloudtrail.alarms import Alarm, MetricFilter, Topic, TrailAlarms, TrailFilters, TrailTopics
from orgaudit.facts.cloudtrail.delivery import TrailLogGroup
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.patterns import Coverage, Event, Pattern, PatternError, coverage, parse
from orgaudit.model import Gap, Json, NotSeenError, Observed


@dataclass(frozen=True, slots=True)
class Chain:
    """How far the chain holds: `broken` names its first broken link, None where a person is told of every event."""

    broken: str | None
    command: str | None = None
    evidence: dict[str, Json] = field(default_factory=dict)

    def describe(self) -> str:
        """Return the links that hold, as people would name them."""
        return " → ".join(f"{link} {', '.join(names)}" for link, names in self.evidence.items() if names)


@dataclass(frozen=True, slots=True)
class _Line:
    """One way through the chain: a filter whose events reach an alarm and its topics."""

    filter: MetricFilter
    pattern: Pattern
    alarm: Alarm | None = None


def alarm_chain(trail: Trail, owner: AccountFacts, events: Sequence[Event]) -> Chain:
    """Follow the chain for the events that must raise an alarm, with the facts of the trail's owner.

    All filters with a whole chain count together. Raises NotSeenError where what was not seen could complete it.
    """
    if trail.log_group_arn is None:
        return Chain("delivers to no log group")
    group = owner.detail(TrailLogGroup, trail).value
    evidence: dict[str, Json] = {"log group": [group.name]}
    if not group.exists:
        return Chain(f"delivers to the log group {group.name}, which does not exist", None, evidence)
    lines = _readable(owner.detail(TrailFilters, trail).value.filters)
    evidence["filter"] = [line.filter.name for line in lines if _reach([line], events)]
    if not (found := _coverage(lines, events)).complete:
        return Chain(f"has no metric filter for this: log group {group.name} {_lack(found, lines)}", None, evidence)
    walk = _Walk(events, evidence, [line for line in lines if _reach([line], events)], place=f"--region {group.region}")
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
            or self._keep(lambda alarm: alarm.events_needed in {None, 1}, _insensitive)
            or self._keep(
                lambda alarm: alarm.actions_enabled, lambda _: "has its actions switched off", self._switch_on
            )
            or self._keep(lambda alarm: bool(alarm.topics), lambda _: "notifies no SNS topic")
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
            return Chain(None, None, self.evidence)
        possible = [line for line in self.lines if line in sure or any(_unseen(topics[arn]) for arn in _topics(line))]
        if not _coverage(possible, self.events).complete:
            silent = next(line for line in self.lines if line not in possible)
            return self._silent(_topics(silent)[0], topics)
        raise NotSeenError(next(topic for arn in arns if isinstance(topic := topics[arn], Gap)))

    def _silent(self, arn: str, topics: Mapping[str, Observed[Topic]]) -> Chain:
        command = f"aws sns subscribe --topic-arn {shlex.quote(arn)} --protocol email --notification-endpoint ADDRESS"
        return Chain(f"notifies topic {arn}, which {_silence(topics[arn].value)}", command, self.evidence)

    def _keep(
        self, holds: Callable[[Alarm], bool], why: Callable[[Alarm], str], mend: Callable[[Alarm], str] | None = None
    ) -> Chain | None:
        lost = [line.alarm for line in self.lines if line.alarm and not holds(line.alarm)]
        self.lines = [line for line in self.lines if line.alarm and holds(line.alarm)]
        if not lost:
            return None
        return self._lost(f"has the alarm {lost[0].name}, which {why(lost[0])}", mend(lost[0]) if mend else None)

    def _lost(self, reason: str, command: str | None = None) -> Chain | None:
        complete = _coverage(self.lines, self.events).complete
        return None if complete else Chain(reason, command, self.evidence)

    def _switch_on(self, alarm: Alarm) -> str:
        return f"aws cloudwatch enable-alarm-actions {self.place} --alarm-names {shlex.quote(alarm.name)}"


def _readable(filters: Iterable[MetricFilter]) -> list[_Line]:
    """Return the filters that add to a metric for every event that their pattern matches."""
    lines = []
    for found in filters:
        if not found.metrics or found.narrowed_by:
            continue
        try:
            lines.append(_Line(found, parse(found.pattern)))
        except PatternError:
            continue  # a pattern for plain text, not for the JSON that CloudTrail writes
    return lines


def _coverage(lines: Sequence[_Line], events: Sequence[Event]) -> Coverage:
    return coverage([line.pattern for line in lines], events)


def _reach(lines: Sequence[_Line], events: Sequence[Event]) -> bool:
    found = _coverage(lines, events)
    return bool(found.covered or found.narrowed)


def _lack(found: Coverage, lines: Sequence[_Line]) -> str:
    return found.describe() if lines else "has no readable metric filter"


def _insensitive(alarm: Alarm) -> str:
    return f"goes off only after {alarm.events_needed} events" if alarm.events_needed else "one event never sets off"


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
