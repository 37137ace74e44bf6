"""What an amendment makes of the entry that it is in, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from orgaudit.register.entries import EntryKind
from orgaudit.settings.documents import explain, nearest
from orgaudit.settings.syntax import KeyPath

_APPROVAL = {"approved_by", "approved_on"}
_SIGNED = {"requested_by"}


def proposed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry as it is once what it waits for is approved: its amendment, if any, is in, its approval out."""
    amendment = entry.get("amendment")
    if not amendment:
        return dict(entry)
    new = {**entry, **amendment["changes"], "requested_by": amendment["requested_by"]}
    return {key: value for key, value in new.items() if value is not None and key not in {"amendment", *_APPROVAL}}


def flaws(kind: EntryKind, entry: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield (key within the changes, message, remedy) for what keeps an entry's amendment from being approved."""
    known = kind.substance - _SIGNED
    unknown = [key for key in entry["amendment"]["changes"] if key not in known]
    for key in unknown:
        yield (key,), "is not a key that an amendment changes", nearest(key, known) or "change it in the entry itself"
    if unknown:
        return
    try:
        kind.model.model_validate(proposed(entry))
    except ValidationError as error:
        yield from explain(error, kind.model, proposed(entry))
