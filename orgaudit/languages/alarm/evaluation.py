"""CloudWatch's evaluation of a metric alarm over datapoints, and so how many events set it off.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from orgaudit.languages.truth import UNKNOWN, Truth, truth_of

# A metric filter publishes once in so many seconds, at least its default value:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
_MINUTE = 60
States = frozenset[str]
ALARM = "ALARM"
CALM: States = frozenset({"OK", "INSUFFICIENT_DATA"})
ALARMED: States = frozenset({ALARM})
ANY: States = CALM | ALARMED

_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_PERCENTILE = re.compile(r"p\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How many events set an alarm off: 0 where none do, None where that cannot be determined.

    `why` is the predicate of a sentence about the alarm, unless one event is enough. `rest` are the states in which
    the alarm may be while nothing happens.
    """

    needed: int | None
    why: str = ""
    rest: States = CALM


def best(sensitivities: Sequence[Sensitivity]) -> Sensitivity:
    """Return the one that needs least: one event, then what cannot be determined, then the fewest."""
    return min(sensitivities, key=lambda found: (found.needed != 1, found.needed is not None, found.needed or math.inf))


@dataclass(frozen=True, slots=True)
class MetricData:
    """The data of a metric: the value of an event, and the default values of filters in minutes without one.

    `default` is that of the event's own filter, `others` are those of further filters that publish to the metric.
    """

    value: float
    default: float | None = None
    others: tuple[float, ...] = ()

    @property
    def steady(self) -> bool:
        """Whether data arrives without events too, as long as anything is logged."""
        return self.default is not None or bool(self.others)

    def beside(self, minutes: int, *, event: bool) -> list[float]:
        """Return the default values that arrive in so many minutes of steady logging, of which one has an event."""
        own = [] if self.default is None else [self.default] * (minutes - event)
        return own + list(self.others) * minutes


class AlarmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of an alarm: a statistic of each period with a threshold, in `datapoints` of `periods` periods.

    `unit` None takes data of every unit. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
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
        """The number of breaching datapoints that the alarm requires."""
        return self.datapoints or self.periods

    def sensitivity(self, data: MetricData) -> Sensitivity:
        """Return how many events set the alarm off, whether or not anything is logged between them.

        With default values there is data as long as anything is logged. An event has to count then, and also where
        nothing else is logged around it.
        """
        if self.few_samples_ignored and _PERCENTILE.fullmatch(self.statistic):
            return Sensitivity(0, f"one event never sets off: a {self.statistic} of few samples is ignored")
        alone = self._alone(data.value)
        if not data.steady:
            return alone
        amid = self._amid(data)
        rest = alone.rest | amid.rest
        if alone.needed is None:
            return Sensitivity(None, alone.why, rest)
        if amid.needed == 1 and alone.needed != 1:
            return Sensitivity(None, f"{alone.why}, unless something else is logged around it", rest)
        return Sensitivity(amid.needed, amid.why, rest)

    def latches(self, data: MetricData) -> bool:
        """Return whether the alarm stays in ALARM after an event, since no datapoint ever ends it."""
        return self.missing == "ignore" and not data.steady

    def _breach(self, *samples: float) -> Truth:
        """Return whether the statistic of samples breaches the threshold."""
        found, compare = self._statistic(samples), _COMPARISONS.get(self.operator)
        return UNKNOWN if found is None or compare is None else truth_of(compare(found, self.threshold))

    def _alone(self, value: float) -> Sensitivity:
        """Return the sensitivity where one datapoint stands between missing ones.

        Treated as missing, those do not count: the alarm goes off as soon as the one is as old as the number of
        datapoints required, if it breaches and nothing newer does not.
        """
        breach = self._breach(value).value
        if self.missing == "breaching":
            why = "is in ALARM while nothing happens, as missing data counts as breaching: an event changes nothing"
            return Sensitivity(0, why, ALARMED)
        rest = {"missing": frozenset({"INSUFFICIENT_DATA"}), "notBreaching": frozenset({"OK"})}.get(self.missing, CALM)
        if breach is None:
            return Sensitivity(None, self._unclear, rest)
        times = 1 if breach else self._times(value)
        return self._needing(times if self.missing == "missing" else times * self.enough, rest)

    def _amid(self, data: MetricData) -> Sensitivity:
        """Return the sensitivity where default values arrive in every minute without an event."""
        minutes = max(self.period // _MINUTE, 1)
        rest = self._breach(*data.beside(minutes, event=False)).value
        breach = self._breach(data.value, *data.beside(minutes, event=True)).value
        if rest is None or breach is None:
            return Sensitivity(None, self._unclear)
        ok = frozenset({"OK"})
        if rest:
            return Sensitivity(0, f"is in ALARM without any event, as {self._defaults(data)} breaches", ALARMED)
        if breach:
            return self._needing(self.enough, ok)
        if self._breach(data.value).value:
            diluted = f"the {self.statistic} over {self.period} seconds counts {self._defaults(data)} too"
            return Sensitivity(0, f"one event never sets off: {diluted}", ok)
        plain = self.statistic == "Sum" and not any((data.default, *data.others))
        return self._needing(self._times(data.value) * self.enough if plain else 0, ok)

    def _needing(self, needed: int, rest: States) -> Sensitivity:
        if needed == 1:
            return Sensitivity(1, "", rest)
        return Sensitivity(
            needed, f"goes off only after {needed} events" if needed else "one event never sets off", rest
        )

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
        return samples[0] if _PERCENTILE.fullmatch(self.statistic) and len(set(samples)) == 1 else None

    @property
    def _unclear(self) -> str:
        return f"compares the statistic {self.statistic}, of which it cannot be determined what one event makes of it"

    @staticmethod
    def _defaults(data: MetricData) -> str:
        values = sorted({value for value in (data.default, *data.others) if value is not None})
        return f"the default value {', '.join(f'{value:g}' for value in values)}"
