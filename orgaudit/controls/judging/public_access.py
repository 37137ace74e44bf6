"""The verdict on the public access that policies and access control lists allow."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.analysis.resource_policies import openings_in
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.languages.iam_policy import Effect, Opening, Policy
from orgaudit.model import Json, Verdict, failed, manual, passed

NO_POLICY = "no resource policy: only principals of the account have access"


def judge_policy(
    attached: ResourcePolicy, openings: Iterable[Opening] | None = None, *, absent: str = NO_POLICY
) -> Verdict:
    """Return the verdict on a resource policy, with its conditions and its hash as evidence.

    `absent` is the reason without a policy. `openings` replace those of the policy where more than the policy decides.
    """
    policy = attached.parsed
    if policy is None:
        return passed(absent)
    found = openings_in(attached) if openings is None else openings
    return judge_openings(
        found,
        closed="the policy does not allow public access",
        conditions=_conditions_in(policy),
        policy_sha256=attached.digest,
    )


def _conditions_in(policy: Policy) -> list[str]:
    """Return the conditions of the Allow statements, for people to read."""
    allowing = (statement for statement in policy.statements if statement.effect is Effect.ALLOW)
    return [str(condition) for statement in allowing for condition in statement.conditions]


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
