"""Addresses of files that are kept elsewhere, such as s3://bucket/prefix: their form, and where a file:// one is."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FORM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
LOCAL = "file"
"""The scheme of what is a directory of this machine."""


def is_address(text: str) -> bool:
    """Return whether a text is an address with a scheme, and not a path."""
    return _FORM.match(text) is not None


def scheme_of(address: str) -> str:
    """Return an address's scheme in lower case."""
    return address.partition("://")[0].lower()


def directory_of(address: str) -> Path | None:
    """Return the directory of a file:// address, None for another one; raises ValueError for that of another host."""
    if scheme_of(address) != LOCAL:
        return None
    parts = urlsplit(address)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        raise ValueError(f"{address!r} is not a directory of this machine; write file:/// and its whole path")
    return Path(unquote(parts.path))


def normal(address: str) -> str:
    """Return an address without slashes at its end, with its scheme in lower case."""
    scheme, _, rest = address.partition("://")
    return f"{scheme.lower()}://{rest.rstrip('/')}"
