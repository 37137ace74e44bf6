"""How the policy of a queue, a topic, a function … becomes a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.analysis.resource_policies import openings_in
from orgaudit.controls.openings import judge_openings
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.languages.iam_policy import Effect, Policy
from orgaudit.languages.iam_policy.openings import Opening
from orgaudit.model import Verdict, passed


def judge_policy(attached: ResourcePolicy, openings: Iterable[Opening] | None = None) -> Verdict:
    """Fail where a policy lets everyone in, ask a person where that cannot be determined, and pass otherwise.

    `openings` replace those of the policy where more than the policy decides. The conditions that were weighed are in
    the evidence.
    """
    policy = attached.parsed
    if policy is None:
        return passed("there is no policy: only the account itself has access")
    found = openings_in(attached) if openings is None else openings
    return judge_openings(found, closed="the policy lets no stranger in", conditions=_conditions_in(policy))


def _conditions_in(policy: Policy) -> list[str]:
    """Return the conditions of the Allow statements, for people to read."""
    allowing = (statement for statement in policy.statements if statement.effect is Effect.ALLOW)
    return [str(condition) for statement in allowing for condition in statement.conditions]
