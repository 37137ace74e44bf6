"""The policies of resources: how they are kept, the ways in that they leave to strangers, and what holds these shut."""

from __future__ import annotations

from dataclasses import replace

from orgaudit.facts.declare import Detail
from orgaudit.facts.openings import Opening, openings_of
from orgaudit.facts.policies import Condition, Effect, Policy, PublicAccess, Statement, dump, is_public, parse
from orgaudit.model import Json

MIRRORED = {
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
}
"""The operators with which a Deny turns away all but those that it names, and the opposite of each."""


class ResourcePolicy(Detail, frozen=True, kw_only=True):
    """A resource's policy as JSON, None where it has none; a document that is no policy is never kept."""

    document: Json = None

    @property
    def parsed(self) -> Policy | None:
        """The policy, or None where there is none."""
        return None if self.document is None else parse(self.document)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to external callers."""
        policy = self.parsed
        return () if policy is None else ways_in(policy)


def document_of(text: str | None) -> Json:
    """Return an answer's policy as JSON, None for none; raises PolicyError for what is no policy."""
    return dump(parse(text)) if text else None


def ways_in(policy: Policy) -> tuple[Opening, ...]:
    """Return the openings of a policy; none is certain where a Deny turns strangers away from some of it at least."""
    found = openings_of(policy)
    guards = [statement for statement in policy.statements if _turns_strangers_away(statement)]
    if not guards:
        return found
    held = "; ".join(statement.sid or "a statement without a name" for statement in guards)
    return tuple(
        replace(opening, through=f"{opening.through}, but {held} denies strangers", certain=False) for opening in found
    )


def conditions_in(policy: Policy) -> list[str]:
    """Return the conditions of the Allow statements, for people to read."""
    allowing = (statement for statement in policy.statements if statement.effect is Effect.ALLOW)
    return [str(condition) for statement in allowing for condition in statement.conditions]


def _turns_strangers_away(statement: Statement) -> bool:
    """Tell whether a Deny is for all but named principals, or for all but those of an account or organization."""
    principal = statement.principal
    if statement.effect is not Effect.DENY or principal is None:
        return False
    if principal.negated:
        return not statement.conditions
    if len(statement.conditions) != 1:
        return False
    (condition,) = statement.conditions
    # A negated operator holds for a request without the key, and so does one with IfExists: both deny strangers.
    operator = MIRRORED.get(condition.operator.removesuffix("IfExists"))
    if operator is None:
        return False
    mirrored = Condition(operator, condition.key, condition.values)
    return is_public(replace(statement, effect=Effect.ALLOW, conditions=(mirrored,))).access is PublicAccess.RESTRICTED
