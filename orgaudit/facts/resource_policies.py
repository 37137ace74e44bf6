"""The policies of resources: how they are kept, and the ways in that they leave to external callers."""

from __future__ import annotations

from typing import ClassVar

from orgaudit.facts.declare import Detail
from orgaudit.languages.iam_policy import Effect, Opening, Policy, dump_policy, openings_of, parse_policy
from orgaudit.model import Json


class ResourcePolicy(Detail, frozen=True, kw_only=True):
    """A resource's policy as JSON, None where it has none; a document that is no policy is never kept."""

    called_by_services: ClassVar[bool] = False
    """Whether services call the resource for what belongs to their customers, so that naming one may let all in."""

    document: Json = None

    @property
    def parsed(self) -> Policy | None:
        """The policy, or None where there is none."""
        return None if self.document is None else parse_policy(self.document)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to external callers, directly or through a service that acts for any customer."""
        policy = self.parsed
        return () if policy is None else openings_of(policy, resource=self.arn, services=self.called_by_services)


def document_of(text: str | None) -> Json:
    """Return an answer's policy as JSON, None for none; raises PolicyError for what is no policy."""
    return dump_policy(parse_policy(text)) if text else None


def conditions_in(policy: Policy) -> list[str]:
    """Return the conditions of the Allow statements, for people to read."""
    allowing = (statement for statement in policy.statements if statement.effect is Effect.ALLOW)
    return [str(condition) for statement in allowing for condition in statement.conditions]
