"""The ways in that a resource's policy leaves open to external callers."""

from __future__ import annotations

from dataclasses import dataclass

from orgaudit.languages.iam_policy import Policy, Selection, Way, ways


@dataclass(frozen=True, slots=True)
class Opening:
    """One way in for external callers, as a clause of a sentence; `actions` where a policy allows it.

    `certain` is False where a person has to judge the conditions on it.
    """

    through: str
    actions: Selection[str] | None = None
    certain: bool = True


def openings_of(policy: Policy, *, resource: str | None = None, services: bool = False) -> tuple[Opening, ...]:
    """Return what the Allow statements open to everyone, or may open because it cannot be determined whom they let in.

    `resource` is the ARN of the policy's resource. With `services`, a named service that comes on behalf of any
    account counts too.
    """
    return tuple(
        opening for way in ways(policy, resource=resource, services=services) for opening in _openings(policy, way)
    )


def _openings(policy: Policy, way: Way) -> list[Opening]:
    statement = policy.statements[way.place]
    under = "; ".join(str(condition) for condition in statement.conditions)
    found = []
    for actions, certain in ((way.certain, True), (way.possible, False)):
        if actions:
            selected = Selection(actions, statement.action.negated)
            through = f"policy statement {statement.sid or way.place + 1} allows {_named(selected)} to {_whom(way)}"
            through = f"{through} under {under}" if under else through
            doubt = "" if certain else _doubt(policy, way)
            found.append(Opening(through + doubt, selected, certain))
    return found


def _named(actions: Selection[str]) -> str:
    named = ", ".join(actions.values)
    return f"all but {named}" if actions.negated else named


def _whom(way: Way) -> str:
    if way.service:
        return f"{way.service} on behalf of any account"
    if way.named:
        named = ", ".join(f"{each.kind.value} {each.value}" for each in way.named)
        return f"principals whose wildcard AWS does not document ({named})"
    return "everyone"


def _doubt(policy: Policy, way: Way) -> str:
    """What a Deny has to do with it, where one meets the statement."""
    if not way.guards:
        return ""
    named = "; ".join(policy.statements[place].sid or f"statement {place + 1}" for place in way.guards)
    return f", unless {named} denies it"
