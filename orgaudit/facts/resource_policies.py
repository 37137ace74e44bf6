"""The policies of resources, and how they are kept."""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec

from orgaudit.facts.declare import Detail
from orgaudit.languages.iam_policy import Policy, dump_policy, parse_policy
from orgaudit.model import Json


class ResourcePolicy(Detail, frozen=True, kw_only=True):
    """A resource's policy as JSON, None where it has none; a document that is not a policy is never kept."""

    called_by_services: ClassVar[bool] = False
    """Whether services call the resource for what belongs to their customers, so that naming one may admit all."""

    document: Json = None

    @property
    def governs(self) -> str:
        """The ARN of what the policy is about."""
        return self.arn

    @property
    def parsed(self) -> Policy | None:
        """The policy, or None where there is none."""
        return None if self.document is None else parse_policy(self.document)

    @property
    def digest(self) -> str:
        """The SHA-256 of the document, the same for each resource whose text differs only in its own ARN."""
        text = msgspec.json.encode(self.document, order="deterministic").decode()
        for end in ('"', "/"):
            text = text.replace(self.governs + end, "{arn}" + end)
        return hashlib.sha256(text.encode()).hexdigest()


def document_of(text: str | None) -> Json:
    """Return an answer's policy as JSON, None for none; raises PolicyError for what is not a policy."""
    return dump_policy(parse_policy(text)) if text else None
