"""Roles and policy documents for what is seeded."""

import json
from collections.abc import Iterable, Mapping

from moto.iam.models import IAMBackend


def add_role(iam: IAMBackend, name: str, trusted: dict[str, str]) -> str:
    """The ARN of a new role that the given principal may assume."""
    role = iam.create_role(
        role_name=name,
        assume_role_policy_document=document([
            {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"},
        ]),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )  # fmt: skip
    return role.arn


def document(statements: Iterable[Mapping[str, object]]) -> str:
    """The JSON of a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
