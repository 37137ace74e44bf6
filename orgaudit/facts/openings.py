"""The ways in that a resource's policy leaves open to strangers."""

from __future__ import annotations

from dataclasses import dataclass

from orgaudit.facts.policies import Policy, PublicAccess, Selection, is_public


@dataclass(frozen=True, slots=True)
class Opening:
    """One way in for strangers, as a clause of a sentence; `actions` where a policy allows it.

    `certain` is False where a person has to judge the conditions on it.
    """

    through: str
    actions: Selection[str] | None = None
    certain: bool = True


def openings_of(policy: Policy) -> tuple[Opening, ...]:
    """Return each Allow that lets everyone in, or that may do so because its conditions are of unclear reach."""
    found = []
    for place, statement in enumerate(policy.statements, start=1):
        exposure = is_public(statement)
        if exposure.access in {PublicAccess.PUBLIC, PublicAccess.REVIEW}:
            named = f"policy statement {statement.sid or place} allows {_named(statement.action)} to everyone"
            under = "; ".join(str(condition) for condition in exposure.conditions)
            through = f"{named} under {under}" if under else named
            found.append(Opening(through, statement.action, certain=exposure.access is PublicAccess.PUBLIC))
    return tuple(found)


def _named(actions: Selection[str]) -> str:
    named = ", ".join(actions.values)
    return f"all but {named}" if actions.negated else named
