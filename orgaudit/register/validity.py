"""Whether an entry is valid: what its model finds wrong in it, and whether it would live longer than policy allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError

from orgaudit.register.entries import CompleteEntry, ExceptionEntry, RegisterEntry
from orgaudit.settings.documents import dotted, explain
from orgaudit.settings.syntax import KeyPath
from orgaudit.words import counted


def wrong_in(model: type[RegisterEntry], entry: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield what is wrong in an entry by its model: the path, the message and the remedy."""
    try:
        model.model_validate(dict(entry))
    except ValidationError as error:
        yield from explain(error, model, dict(entry))


def checked(
    model: type[RegisterEntry],
    entry: Mapping[str, Any],
    longest_days: int | None = None,
    approved_on: date | None = None,
) -> Any:  # noqa: ANN401 - of the model that was given
    """Return an entry as the model; raises ValueError with every problem, or where it lives longer than these days.

    Its life counts from `approved_on`, where that is given and it has begun by then.
    """
    try:
        found = model.model_validate(dict(entry))
    except ValidationError as error:
        problems = [
            " ".join(part for part in (dotted(path), f"{message}; {remedy}" if remedy else message) if part)
            for path, message, remedy in explain(error, model, dict(entry))
        ]
        raise ValueError(f"{entry.get('id', 'the entry')}: {', '.join(problems)}") from error
    for message, remedy in too_long(found, longest_days, approved_on):
        raise ValueError(f"{found.id} {message}; {remedy}")
    return found


def too_long(
    entry: RegisterEntry, longest_days: int | None, approved_on: date | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the message and the remedy where an entry would live longer than these days, if there is such a limit."""
    if longest_days is None or not isinstance(entry, CompleteEntry):
        return
    begins = max(entry.valid_from, approved_on or entry.valid_from)
    if (days := (entry.expires_on - begins).days) > longest_days:
        narrower = ", or leave its most severe controls out of its scope" if isinstance(entry, ExceptionEntry) else ""
        message = f"would live {counted(days, 'day')}, and policy allows {longest_days} for what it covers"
        yield message, f"set expires_on to {begins + timedelta(longest_days)} or earlier{narrower}"
