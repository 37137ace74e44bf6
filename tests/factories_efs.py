"""File systems for tests: right ones, unless the keywords say what is different."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.efs import FileSystem
from tests.factories import HOME, MEMBER, seen_all


def a_file_system(name: str = "fs-0a1b", **changes: Any) -> FileSystem:
    arn = f"arn:aws:elasticfilesystem:{HOME}:{MEMBER}:file-system/{name}"
    values: dict[str, Any] = {"arn": arn, "account_id": MEMBER, "region": HOME, "encrypted": True}
    return seen_all(FileSystem, **values | changes)
