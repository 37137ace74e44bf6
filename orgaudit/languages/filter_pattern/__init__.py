"""CloudWatch Logs filter patterns: parsed, and evaluated for the events that they match.

The module `prescribed` holds the events that benchmarks require to raise an alarm.
"""

from orgaudit.languages.filter_pattern import prescribed
from orgaudit.languages.filter_pattern.coverage import Event, EventCoverage, event_coverage
from orgaudit.languages.filter_pattern.known import ABSENT, EITHER, AnythingBut, Maybe
from orgaudit.languages.filter_pattern.match import evaluate
from orgaudit.languages.filter_pattern.parser import parse_pattern
from orgaudit.languages.filter_pattern.prescribed import matches_ordinary_calls
from orgaudit.languages.filter_pattern.syntax import FilterPattern, PatternError

__all__ = [
    "ABSENT",
    "EITHER",
    "AnythingBut",
    "Event",
    "EventCoverage",
    "FilterPattern",
    "Maybe",
    "PatternError",
    "evaluate",
    "event_coverage",
    "matches_ordinary_calls",
    "parse_pattern",
    "prescribed",
]
