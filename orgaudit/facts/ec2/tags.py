"""Tags as EC2 answers them."""

from __future__ import annotations

from typing import Any


def tags_of(answer: dict[str, Any]) -> dict[str, str]:
    """Return the tags of anything that EC2 describes."""
    return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
