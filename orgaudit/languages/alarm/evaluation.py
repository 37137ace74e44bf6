"""How CloudWatch evaluates a metric alarm over datapoints, and so how many events set it off.

The rules are those of docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

MINUTE = 60
"""The seconds in which a metric filter publishes once: the filter's value, or its default value."""
States = frozenset[str]
ALARM = "ALARM"
CALM: States = frozenset({"OK", "INSUFFICIENT_DATA"})
ALARMED: States = frozenset({ALARM})
ANY: States = CALM | ALARMED

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
PERCENTILE = re.compile(r"p\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """How many events set an alarm off: 0 where none do, None where that cannot be determined.

    `why` is the predicate of a sentence about the alarm, unless one event is enough. `rest` are the states in which
    the alarm may be while nothing happens.
    """

    needed: int | None
    why: str = ""
    rest: States = CALM


def best(answers: Sequence[Answer]) -> Answer:
    """Return the answer of the way that needs least: one event, then what cannot be determined, then the fewest."""
    return min(answers, key=lambda found: (found.needed != 1, found.needed is not None, found.needed or math.inf))


@dataclass(frozen=True, slots=True)
class Feed:
    """What arrives at a metric: the value of an event, and the default values of filters in minutes without one.

    `default` is that of the event's own filter, `others` are those of further filters that publish to the metric.
    """

    value: float
    default: float | None = None
    others: tuple[float, ...] = ()

    @property
    def steady(self) -> bool:
        """Tell whether data arrives without events too, as long as anything is logged."""
        return self.default is not None or bool(self.others)

    def beside(self, minutes: int, *, event: bool) -> list[float]:
        """Return the default values that arrive in so many minutes of steady logging, of which one has an event."""
        own = [] if self.default is None else [self.default] * (minutes - event)
        return own + list(self.others) * minutes


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm compares: the statistic of each period with a threshold, in `datapoints` of `periods` periods.

    `unit` None takes data of every unit.
    """

    threshold: float = 1
    operator: str = "GreaterThanOrEqualToThreshold"
    statistic: str = "Sum"
    period: int = 300
    periods: int = 1
    datapoints: int | None = None
    missing: str = "missing"
    unit: str | None = None
    few_samples_ignored: bool = False

    @property
    def enough(self) -> int:
        """The number of breaching datapoints that the alarm asks for."""
        return self.datapoints or self.periods

    def answer(self, feed: Feed) -> Answer:
        """Return how many events set the alarm off, whether or not anything is logged between them.

        With default values there is data as long as anything is logged. An event has to count then, and also where
        nothing else is logged around it.
        """
        if self.few_samples_ignored and PERCENTILE.fullmatch(self.statistic):
            return Answer(0, f"one event never sets off: a {self.statistic} of few samples is ignored")
        alone = self._alone(feed.value)
        if not feed.steady:
            return alone
        amid = self._amid(feed)
        rest = alone.rest | amid.rest
        if alone.needed is None:
            return Answer(None, alone.why, rest)
        if amid.needed == 1 and alone.needed != 1:
            return Answer(None, f"{alone.why}, unless something else is logged around it", rest)
        return Answer(amid.needed, amid.why, rest)

    def latches(self, feed: Feed) -> bool:
        """Tell whether the alarm stays in ALARM after an event, since no datapoint ever ends it."""
        return self.missing == "ignore" and not feed.steady

    def breaches(self, samples: Sequence[float]) -> bool | None:
        """Tell whether the statistic of samples breaches the threshold; None where it cannot be determined."""
        found, compare = self._statistic(samples), COMPARISONS.get(self.operator)
        return None if found is None or compare is None else bool(compare(found, self.threshold))

    def _alone(self, value: float) -> Answer:
        """Return the answer where one datapoint stands between missing ones.

        Treated as missing, those do not count: the alarm goes off as soon as the one is as old as the number of
        datapoints asked for, if it breaches and nothing newer does not.
        """
        breach = self.breaches([value])
        if self.missing == "breaching":
            why = "is in ALARM while nothing happens, as missing data counts as breaching: an event changes nothing"
            return Answer(0, why, ALARMED)
        rest = {"missing": frozenset({"INSUFFICIENT_DATA"}), "notBreaching": frozenset({"OK"})}.get(self.missing, CALM)
        if breach is None:
            return Answer(None, self._unclear, rest)
        times = 1 if breach else self._times(value)
        return self._answered(times if self.missing == "missing" else times * self.enough, rest)

    def _amid(self, feed: Feed) -> Answer:
        """Return the answer where default values arrive in every minute without an event."""
        minutes = max(self.period // MINUTE, 1)
        rest = self.breaches(feed.beside(minutes, event=False))
        breach = self.breaches([feed.value, *feed.beside(minutes, event=True)])
        if rest is None or breach is None:
            return Answer(None, self._unclear)
        ok = frozenset({"OK"})
        if rest:
            return Answer(0, f"is in ALARM without any event, as {self._defaults(feed)} breaches", ALARMED)
        if breach:
            return self._answered(self.enough, ok)
        if self.breaches([feed.value]):
            diluted = f"the {self.statistic} over {self.period} seconds counts {self._defaults(feed)} too"
            return Answer(0, f"one event never sets off: {diluted}", ok)
        plain = self.statistic == "Sum" and not any((feed.default, *feed.others))
        return self._answered(self._times(feed.value) * self.enough if plain else 0, ok)

    def _answered(self, needed: int, rest: States) -> Answer:
        if needed == 1:
            return Answer(1, "", rest)
        return Answer(needed, f"goes off only after {needed} events" if needed else "one event never sets off", rest)

    def _times(self, value: float) -> int:
        """Return how often a value has to be added to breach; 0 where it never does."""
        value = 1 if self.statistic == "SampleCount" else value
        if self.statistic not in {"Sum", "SampleCount"} or not self.operator.startswith("Greater") or value <= 0:
            return 0
        quotient = self.threshold / value
        return max(math.ceil(quotient) if "OrEqual" in self.operator else math.floor(quotient) + 1, 1)

    def _statistic(self, samples: Sequence[float]) -> float | None:
        match self.statistic:
            case "Sum":
                return math.fsum(samples)
            case "SampleCount":
                return len(samples)
            case "Average":
                return math.fsum(samples) / len(samples)
            case "Minimum" | "p0":
                return min(samples)
            case "Maximum" | "p100":
                return max(samples)
        # A percentile of equal samples is each of them; how CloudWatch interpolates between others is not documented.
        return samples[0] if PERCENTILE.fullmatch(self.statistic) and len(set(samples)) == 1 else None

    @property
    def _unclear(self) -> str:
        return f"compares the statistic {self.statistic}, of which it cannot be determined what one event makes of it"

    @staticmethod
    def _defaults(feed: Feed) -> str:
        values = sorted({value for value in (feed.default, *feed.others) if value is not None})
        return f"the default value {', '.join(f'{value:g}' for value in values)}"
