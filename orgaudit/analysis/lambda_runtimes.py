"""The runtimes of Lambda that AWS has supported lately, and until when.

A runtime that is not here is old, or too new to be known: neither counts as supported.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, read on 2026-08-03
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

OS_ONLY = frozenset({"provided", "provided.al2", "provided.al2023"})
"""Runtimes without a language, whose support is not that of a language's version."""
DEPRECATED_ON: Mapping[str, date] = {
    "dotnet10": date(2028, 11, 14),
    "dotnet8": date(2026, 11, 10),
    "java11": date(2027, 6, 30),
    "java11.al2023": date(2029, 6, 30),
    "java17": date(2027, 6, 30),
    "java17.al2023": date(2029, 6, 30),
    "java21": date(2029, 6, 30),
    "java25": date(2029, 6, 30),
    "java8.al2": date(2027, 6, 30),
    "java8.al2023": date(2029, 6, 30),
    "nodejs18.x": date(2025, 9, 1),
    "nodejs20.x": date(2026, 4, 30),
    "nodejs22.x": date(2027, 4, 30),
    "nodejs24.x": date(2028, 4, 30),
    "python3.10": date(2026, 10, 31),
    "python3.11": date(2027, 6, 30),
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
    "python3.9": date(2025, 12, 15),
    "ruby3.2": date(2026, 3, 31),
    "ruby3.3": date(2027, 3, 31),
    "ruby3.4": date(2028, 3, 31),
    "ruby4.0": date(2029, 3, 31),
}
"""The day of each runtime's deprecation, from which it gets no more updates."""


def is_supported(runtime: str, day: date) -> bool:
    """Return whether AWS supports a runtime on a day."""
    until = DEPRECATED_ON.get(runtime)
    return until is not None and day < until
