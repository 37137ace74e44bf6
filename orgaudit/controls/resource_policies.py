"""How the policy of a queue, a topic, a function … becomes a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.controls.openings import judge_openings
from orgaudit.facts.resource_policies import conditions_in
from orgaudit.languages.iam_policy import Opening, Policy
from orgaudit.model import Verdict, passed


def judge_policy(policy: Policy | None, openings: Iterable[Opening]) -> Verdict:
    """Fail where a policy lets everyone in, ask a person where that cannot be determined, and pass otherwise.

    The conditions that were weighed are in the evidence.
    """
    if policy is None:
        return passed("there is no policy: only the account itself has access")
    return judge_openings(openings, closed="the policy lets no stranger in", conditions=conditions_in(policy))
