"""Gives the tests of reports the small run, the same with hostile names, and the demo's."""

from __future__ import annotations

from tests.demo_run import demo_run
from tests.report.hostile import hostile_run
from tests.report.small import small

__all__ = ["demo_run", "hostile_run", "small"]
