"""How the ways in that strangers find become a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.languages.iam_policy import Opening
from orgaudit.model import Json, Status, Verdict, failed, passed


def judge_openings(openings: Iterable[Opening], *, closed: str, **evidence: Json) -> Verdict:
    """Fail on a certain opening, ask a person about an uncertain one, and pass with the sentence `closed` on none."""
    found = tuple(openings)
    certain = [opening.through for opening in found if opening.certain]
    if certain:
        return failed("; ".join(certain), openings=[opening.through for opening in found], **evidence)
    if not found:
        return passed(closed, **evidence)
    listed = [opening.through for opening in found]
    reason = f"{'; '.join(listed)}: whether external callers are kept out is for a person to judge"
    return Verdict(Status.MANUAL, reason, {"openings": listed, **evidence})
