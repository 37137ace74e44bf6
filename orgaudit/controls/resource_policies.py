"""How the policy of a queue, a topic, a function … becomes a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.controls.openings import judge_openings
from orgaudit.facts.openings import Opening
from orgaudit.facts.policies import Policy
from orgaudit.facts.resource_policies import conditions_in, ways_in
from orgaudit.model import Verdict, passed


def judge_policy(policy: Policy | None, openings: Iterable[Opening] | None = None) -> Verdict:
    """Fail where a policy lets everyone in, ask a person where a condition may hold them off, and pass otherwise.

    `openings` replace those that any policy has. The conditions that were weighed are in the evidence.
    """
    if policy is None:
        return passed("there is no policy: only the account itself has access")
    found = ways_in(policy) if openings is None else openings
    return judge_openings(found, closed="the policy lets no stranger in", conditions=conditions_in(policy))
