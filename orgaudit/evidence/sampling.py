"""How a sample is drawn: by SHA-256 from a seed, so that anyone can draw it again with any program."""

from __future__ import annotations

import hashlib
import heapq
import re
import secrets
from collections.abc import Iterable

from orgaudit.errors import ConfigError

METHOD = (
    "Simple random sampling without replacement. The SHA-256 of SEED:REQUIREMENT:FINGERPRINT (UTF-8, no line feed) "
    "is computed for each evaluation of the population; the SIZE evaluations with the smallest values are drawn."
)
_SEED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def new_seed() -> str:
    """Return a seed that nobody can know before."""
    return secrets.token_hex(8)


def check_seed(seed: str) -> str:
    """Return a seed; raises ConfigError for one that a shell, a file's name or a form could change."""
    if not _SEED.fullmatch(seed):
        message = f"{seed!r} is not a seed: use 1 to 64 letters, digits, dots, hyphens and underscores"
        raise ConfigError(f"{message}, beginning with a letter or a digit", key="--seed")
    return seed


def drawn(seed: str, requirement: str, fingerprints: Iterable[str], size: int) -> frozenset[str]:
    """Return the fingerprints that are drawn; all where there are not more."""
    head = hashlib.sha256(f"{seed}:{requirement}:".encode())

    def value(fingerprint: str) -> tuple[bytes, str]:
        digest = head.copy()
        digest.update(fingerprint.encode())
        return digest.digest(), fingerprint

    return frozenset(fingerprint for _, fingerprint in heapq.nsmallest(size, map(value, fingerprints)))
