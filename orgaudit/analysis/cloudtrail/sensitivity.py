"""Which alarms watch what a metric filter publishes, and how many of its events set each of them off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from orgaudit.facts.cloudtrail.alarms import ActingAlarm, Addition, Alarm, CompositeAlarm, MetricFilter, TrailAlarms
from orgaudit.languages.alarm import (
    ALARM,
    ALARMED,
    ANY,
    CALM,
    AlarmSettings,
    CompositeRule,
    MetricData,
    RuleError,
    Sensitivity,
    States,
    StatesOf,
    best,
    composite_states,
    mentioned,
    parse_rule,
)
from orgaudit.languages.filter_pattern import ABSENT, Event

FIELDS = frozenset(
    {
        *("addendum", "additionalEventData", "apiVersion", "awsRegion", "edgeDeviceDetails", "errorCode"),
        *("errorMessage", "eventCategory", "eventContext", "eventID", "eventName", "eventSource", "eventTime"),
        *("eventType", "eventVersion", "insightDetails", "managementEvent", "readOnly", "recipientAccountId"),
        *("requestID", "requestParameters", "resources", "responseElements", "serviceEventDetails"),
        *("sessionCredentialFromConsole", "sharedEventID", "sourceIPAddress", "tlsDetails", "userAgent"),
        *("userIdentity", "vpcEndpointAccountId", "vpcEndpointId"),
    }
)
"""The fields of a record.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html"""
TEXTUAL = frozenset(
    {
        *("awsRegion", "errorCode", "eventCategory", "eventID", "eventName", "eventSource", "eventTime", "eventType"),
        *("managementEvent", "readOnly", "requestID", "sharedEventID", "sourceIPAddress", "userAgent", "vpcEndpointId"),
    }
)
"""Those of them that never hold a number or anything with fields of its own."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """An alarm that watches what a filter publishes, and how many of its events set it off."""

    alarm: ActingAlarm
    answer: Sensitivity
    latches: bool = False


def watchers(
    found: MetricFilter, filters: Sequence[MetricFilter], alarms: TrailAlarms, events: Sequence[Event]
) -> list[Watcher]:
    """Return the alarms that watch a filter's metrics, themselves or through others, among all filters of its group.

    The events are those that the filter is for: a value that they lack is never published.
    """
    plain = [
        Watcher(alarm, best(answers), _latches(alarm, found, filters))
        for alarm in alarms.alarms
        if (answers := [_answer(alarm, each, filters, events) for each in found.adds if alarm.watches(each.metric)])
    ]
    if not plain or not alarms.composites:
        return plain
    composed = _Composed({each.alarm.name: each for each in plain}, alarms.composites)
    return [*plain, *composed.watchers()]


def _answer(alarm: Alarm, addition: Addition, filters: Sequence[MetricFilter], events: Sequence[Event]) -> Sensitivity:
    limit = alarm.limit
    if addition.field is not None and all(_has_no_number(addition.field, event) for event in events):
        return Sensitivity(0, f"gets no data, as the events have no number in {addition.field}")
    if limit is None:
        return Sensitivity(None, alarm.unclear)
    if limit.unit not in {None, addition.unit}:
        return Sensitivity(0, f"takes data of the unit {limit.unit} only, while that of the filter has {addition.unit}")
    others = _others(addition, filters, limit)
    if units := {each.unit for each in others} - {addition.unit}:
        # Unit: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        mixed = ", ".join(sorted({addition.unit, *units}))
        return Sensitivity(None, f"takes data of several units ({mixed}): what it does then is not documented")
    if addition.value is None:
        return Sensitivity(None, f"depends on the number in {addition.field} of each event")
    return limit.sensitivity(_feed(addition, addition.value, others))


def _others(addition: Addition, filters: Sequence[MetricFilter], limit: AlarmSettings) -> list[Addition]:
    """Return what other filters publish to the same metric, as far as the alarm counts it."""
    return [
        each
        for found in filters
        for each in found.adds
        if each is not addition and each.metric == addition.metric and limit.unit in {None, each.unit}
    ]


def _feed(addition: Addition, value: float, others: Sequence[Addition]) -> MetricData:
    return MetricData(value, addition.default, tuple(each.default for each in others if each.default is not None))


def _latches(alarm: Alarm, found: MetricFilter, filters: Sequence[MetricFilter]) -> bool:
    limit = alarm.limit
    return limit is not None and any(
        limit.latches(_feed(each, each.value or 0, _others(each, filters, limit)))
        for each in found.adds
        if alarm.watches(each.metric)
    )


def _has_no_number(selector: str, event: Event) -> bool:
    """Return whether a field is known to be absent from an event, or to hold something other than a number."""
    if selector in event.fields:
        known = event.fields[selector]
        return known is ABSENT or isinstance(known, bool) or (isinstance(known, str) and not known[:1].isdigit())
    first = re.match(r"""\$\.?(?:\[\s*["'])?([A-Za-z]\w*)""", selector)
    return first is not None and (first[1] not in FIELDS or first[1] in TEXTUAL)


class _Composed:
    """The composite alarms over the alarms that watch one filter's metrics."""

    def __init__(self, plain: Mapping[str, Watcher], composites: Sequence[CompositeAlarm]) -> None:
        self.plain = plain
        self.composites = {each.name: each for each in composites}

    def watchers(self) -> Iterator[Watcher]:
        """Yield the composite alarms that depend on one of the plain alarms."""
        for alarm in self.composites.values():
            names = self._below(alarm.name) - {alarm.name}
            part = [self.plain[name] for name in sorted(names & self.plain.keys())]
            if part:
                answer = self._suppressed(alarm, self._answer(alarm, names, part))
                yield Watcher(alarm, answer, any(each.latches for each in part))

    def _below(self, name: str, above: frozenset[str] = frozenset()) -> set[str]:
        """Return the alarms that a composite alarm mentions, itself and through others."""
        if name not in self.composites or name in above:
            return {name}
        names = mentioned(self.composites[name].rule, [*self.plain, *self.composites])
        return {name}.union(*(self._below(each, above | {name}) for each in names))

    def _answer(self, alarm: CompositeAlarm, names: set[str], part: Sequence[Watcher]) -> Sensitivity:
        try:
            rule = parse_rule(alarm.rule)
        except RuleError as error:
            return Sensitivity(None, f"has a rule that cannot be read: {error}")
        at_rest = self._holds(rule, self._at_rest)
        if at_rest:
            return Sensitivity(0, f"is in ALARM without any event, by its rule {alarm.rule}", ALARMED)
        one = _set_off(part, 1)
        if at_rest is False and self._surely(rule, one):
            return Sensitivity(1)
        if self._holds(rule, lambda name: ALARMED if name in _names(one) else self._possible(name)) is not False:
            rest = ", ".join(sorted(names - _names(one)))
            doubt = f"the state of {rest}" if rest else "several alarms in ALARM at the same time"
            return Sensitivity(None, f"depends on {doubt}, by its rule {alarm.rule}")
        for number in sorted({each.answer.needed for each in part if each.answer.needed}):
            if at_rest is False and self._surely(rule, _set_off(part, number)):
                return Sensitivity(number, f"goes off only after {number} events")
        return Sensitivity(0, f"one event never sets off, by its rule {alarm.rule}")

    def _surely(self, rule: CompositeRule, off: Sequence[Watcher]) -> bool:
        """Return whether the rule holds when these alarms go off, whatever the states of all others.

        Alarms of different periods may go off one after the other; only with one limit do they at the same time.
        """
        limits = {each.alarm.limit for each in off if isinstance(each.alarm, Alarm)}
        together = [off] if len(limits) == 1 else []
        return any(
            self._holds(rule, partial(_only, _names(each))) is True for each in [*together, *([one] for one in off)]
        )

    def _holds(self, rule: CompositeRule, plain: StatesOf) -> bool | None:
        return rule.holds(lambda name: self._states(name, plain)).value

    def _states(self, name: str, plain: StatesOf, above: frozenset[str] = frozenset()) -> States:
        if name not in self.composites:
            return plain(name)
        if name in above:
            return ANY
        return composite_states(self.composites[name].rule, lambda each: self._states(each, plain, above | {name}))

    def _at_rest(self, name: str) -> States:
        return self.plain[name].answer.rest if name in self.plain else CALM

    def _possible(self, name: str) -> States:
        """Return the states after an event that does not certainly set an alarm off, where nothing else happens."""
        return ANY if name in self.plain and self.plain[name].answer.needed is None else self._at_rest(name)

    def _suppressed(self, alarm: CompositeAlarm, answer: Sensitivity) -> Sensitivity:
        """Return the answer after what suppresses the alarm's actions."""
        states = CALM if alarm.suppressor is None else self._states(alarm.suppressor, lambda _: ANY)
        if states == ALARMED:
            return Sensitivity(0, f"never acts, as the alarm {alarm.suppressor} suppresses its actions all the time")
        if answer.needed == 1 and ALARM in states:
            return Sensitivity(None, f"does not act while the alarm {alarm.suppressor} is in ALARM")
        return answer


def _set_off(part: Sequence[Watcher], number: int) -> list[Watcher]:
    """Return the alarms that so many events set off."""
    return [each for each in part if 0 < (each.answer.needed or 0) <= number]


def _names(alarms: Sequence[Watcher]) -> frozenset[str]:
    return frozenset(each.alarm.name for each in alarms)


def _only(off: frozenset[str], name: str) -> States:
    """Return the states where these alarms are in ALARM and nothing is known of others."""
    return ALARMED if name in off else ANY
