"""The verdict on the public access that policies and access control lists allow."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.facts.resource_policies import conditions_in
from orgaudit.languages.iam_policy import Policy
from orgaudit.languages.iam_policy.openings import Opening
from orgaudit.model import Json, Verdict, failed, manual, passed

NO_POLICY = "no resource policy: only principals of the account have access"


def judge_policy(policy: Policy | None, openings: Iterable[Opening], *, absent: str = NO_POLICY) -> Verdict:
    """Return the verdict on a resource policy, with its conditions as evidence; `absent` is the reason without one."""
    if policy is None:
        return passed(absent)
    return judge_openings(openings, closed="the policy does not allow public access", conditions=conditions_in(policy))


def judge_openings(openings: Iterable[Opening], *, closed: str, **evidence: Json) -> Verdict:
    """Return a FAIL for a certain opening, MANUAL for an uncertain one, and a PASS with the sentence `closed` for none.

    An opening is a clause that names what allows which access.
    """
    found = tuple(openings)
    if not found:
        return passed(closed, **evidence)
    listed = [opening.through for opening in found]
    if certain := [opening.through for opening in found if opening.certain]:
        return failed("; ".join(certain), openings=listed, **evidence)
    return manual(f"{'; '.join(listed)}; a person must review the external access", openings=listed, **evidence)
