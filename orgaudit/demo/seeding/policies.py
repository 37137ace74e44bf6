"""Roles and policy documents for what is seeded."""

import json
from collections.abc import Iterable, Mapping, Sequence

from moto.iam.models import IAMBackend


def add_role(iam: IAMBackend, name: str, trusted: Mapping[str, str]) -> str:
    """Create a role that the given principal may assume, and return its ARN."""
    statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        role_name=name,
        assume_role_policy_document=document([statement]),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    return role.arn


def document(statements: Iterable[Mapping[str, object]]) -> str:
    """Return the JSON of a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def public(action: str | Sequence[str], resource: str | None = "*") -> dict[str, object]:
    """Return the statement that allows an action to any principal; without a resource, as in a repository's policy."""
    named = {} if resource is None else {"Resource": resource}
    return {"Sid": "PublicAccess", "Effect": "Allow", "Principal": "*", "Action": action, **named}
