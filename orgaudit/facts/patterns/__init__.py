"""Reads CloudWatch Logs filter patterns and judges by their meaning which events they match.

The module `prescribed` holds the events that benchmarks ask for.
"""

from orgaudit.facts.patterns.coverage import Coverage, Event, coverage
from orgaudit.facts.patterns.known import ABSENT, EITHER, AnythingBut, Maybe
from orgaudit.facts.patterns.match import Truth, evaluate
from orgaudit.facts.patterns.parse import parse
from orgaudit.facts.patterns.syntax import Pattern, PatternError, render

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
