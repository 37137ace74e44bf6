"""Gives the tests of commands the runs of the tests of reports."""

from __future__ import annotations

from tests.report.conftest import demo_run, hostile_run, small

__all__ = ["demo_run", "hostile_run", "small"]
