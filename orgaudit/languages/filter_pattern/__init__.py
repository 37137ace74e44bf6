"""Reads CloudWatch Logs filter patterns and judges by their meaning which events they match.

The module `prescribed` holds the events that benchmarks ask for.
"""

from orgaudit.languages.filter_pattern.coverage import Coverage, Event, coverage
from orgaudit.languages.filter_pattern.known import ABSENT, EITHER, AnythingBut, Maybe
from orgaudit.languages.filter_pattern.match import Truth, evaluate
from orgaudit.languages.filter_pattern.parse import parse
from orgaudit.languages.filter_pattern.syntax import Pattern, PatternError, render

__all__ = [
    "ABSENT",
    "EITHER",
    "AnythingBut",
    "Coverage",
    "Event",
    "Maybe",
    "Pattern",
    "PatternError",
    "Truth",
    "coverage",
    "evaluate",
    "parse",
    "render",
]
