"""Gives the tests of reports the small run."""

from __future__ import annotations

from tests.report.small import small

__all__ = ["small"]
