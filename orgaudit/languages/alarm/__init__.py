"""CloudWatch alarms: how datapoints set one off, and the rules of composite alarms."""

from orgaudit.languages.alarm.composite_rules import (
    CompositeRule,
    RuleError,
    StatesOf,
    composite_states,
    mentioned,
    name_of,
    parse_rule,
)
from orgaudit.languages.alarm.evaluation import (
    ALARM,
    ALARMED,
    ANY,
    CALM,
    AlarmSettings,
    MetricData,
    Sensitivity,
    States,
    best,
)

__all__ = [
    "ALARM",
    "ALARMED",
    "ANY",
    "CALM",
    "AlarmSettings",
    "CompositeRule",
    "MetricData",
    "RuleError",
    "Sensitivity",
    "States",
    "StatesOf",
    "best",
    "composite_states",
    "mentioned",
    "name_of",
    "parse_rule",
]
