"""How far a resource's policy is open to external callers, in one word."""

from __future__ import annotations

from typing import Any

from orgaudit.languages.iam_policy import openings_of, parse_policy

OPEN, CLOSED, UNSURE = "open", "closed", "unsure"


def openness(document: Any, *, resource: str | None = None, services: bool = False) -> str:
    """Return whether a request of an external caller is allowed for certain, for none, or perhaps."""
    found = openings_of(parse_policy(document), resource=resource, services=services)
    if not found:
        return CLOSED
    return OPEN if any(opening.certain for opening in found) else UNSURE
