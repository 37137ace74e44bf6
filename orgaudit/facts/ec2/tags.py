"""Tags as EC2 answers them."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.rows import tags_in


def tags_of(answer: dict[str, Any]) -> dict[str, str]:
    """Return the tags of anything that EC2 describes."""
    return tags_in(answer.get("Tags"))
