"""What may be written of an error: its text, without the keys, tokens and signatures that it quotes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

from orgaudit.model import key_hint

MASK: Final = "***"
SHORTEST = 6
"""Characters of the shortest known value that is masked: a shorter one also occurs in words that do not quote it."""

_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,124}\b")
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids"""
_LABELLED = re.compile(
    r"((?:x-amz-(?:security-token|signature|credential)|security_?token|session_?token|secret_?access_?key|secret_?key"
    r"|external_?id|signature|password)[\"']?\s*[=:>]\s*[\"']?)([^\s\"'<>&,;]+)",
    re.IGNORECASE,
)
"""A value after its name, as headers, queries, XML, JSON and SignatureDoesNotMatch's canonical request write it."""
_IN_URL = re.compile(r"(?<=://)[^/@\s\"']+@")


def masked(text: str, known: Iterable[str | None] = ()) -> str:
    """Return the text without secrets: the values in `known`, and what has the form or the name of one."""
    for secret in known:
        if secret and len(secret) >= SHORTEST:
            text = text.replace(secret, MASK)
    text = _LABELLED.sub(rf"\g<1>{MASK}", text)
    text = _IN_URL.sub(f"{MASK}@", text)
    return _KEY_ID.sub(lambda found: key_hint(found[0]), text)


class MaskingFormatter(logging.Formatter):
    """Masks secrets in every line of the log, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return masked(super().format(record))
