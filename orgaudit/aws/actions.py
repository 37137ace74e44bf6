"""The IAM action behind each API operation, and which actions only read.

Most actions have the name of their operation; the exceptions are from the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

IAM_PREFIXES = {
    "accessanalyzer": "access-analyzer",
    "apigatewayv2": "apigateway",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "opensearch": "es",
    "s3control": "s3",
    "sso-admin": "sso",
}
"""SDK service names whose IAM prefix differs."""

IAM_ACTIONS = {
    ("apigateway", "GetResources"): "apigateway:GET",
    ("apigateway", "GetRestApis"): "apigateway:GET",
    ("apigateway", "GetStages"): "apigateway:GET",
    ("apigatewayv2", "GetApis"): "apigateway:GET",
    ("apigatewayv2", "GetStages"): "apigateway:GET",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
"""Operations whose action has another name."""

READ_VERBS = ("Describe", "Get", "List", "Lookup", "BatchGet")
READS_BY_OTHER_NAMES = frozenset({"apigateway:GET", "iam:GenerateCredentialReport"})


def iam_action(service: str, operation: str) -> str:
    """Return the IAM action that permits an API operation, such as s3:ListAllMyBuckets for (s3, ListBuckets)."""
    found = IAM_ACTIONS.get((service, operation))
    return found or f"{IAM_PREFIXES.get(service, service)}:{operation}"


def operations_of(action: str) -> tuple[str, ...]:
    """Return the API operations that an IAM action permits as far as orgaudit calls them, such as ListBuckets."""
    named = sorted({operation for (_, operation), permitted in IAM_ACTIONS.items() if permitted == action})
    return tuple(named) or (action.partition(":")[2],)


def is_read(action: str) -> bool:
    """Return whether an IAM action only reads."""
    return action in READS_BY_OTHER_NAMES or action.partition(":")[2].startswith(READ_VERBS)


HOLDS_CONTENT = frozenset(
    {
        *("codecommit", "dynamodb", "ecr", "glacier", "kinesis", "kms", "lambda", "logs", "s3"),
        *("secretsmanager", "sqs", "ssm"),
    }
)
"""Services in which some action that begins with Get reads what customers store there."""
SESSION_POLICY_LIMIT = 2048
"""The most characters of an inline session policy:
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
MOST_SESSIONS = 4
"""The most sessions of one role for exact policies: each is a call to STS, whose rate all accounts share."""


@dataclass(frozen=True, slots=True)
class SessionGroup:
    """What one session may do: the actions that are called through it, and the entries of its policy."""

    actions: frozenset[str]
    entries: tuple[str, ...]

    @property
    def policy(self) -> str:
        """The session policy as JSON."""
        statement = {"Effect": "Allow", "Action": self.entries, "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))

    @property
    def size(self) -> int:
        """The characters of the policy."""
        return len(self.policy)


def session_groups(actions: Iterable[str], limit: int = SESSION_POLICY_LIMIT) -> tuple[SessionGroup, ...]:
    """Return the sessions that narrow a role to these read actions, at least one, each with a policy within the limit.

    Most audits need one session whose policy names every action. Longer lists are spread by service over a few more.
    Where that takes more than MOST_SESSIONS, actions are replaced by patterns, the least sensitive first: Describe* and
    List*, then Get actions with their first two words in common, then Get*. Services whose objects, messages or secrets
    a Get action reads keep to two words. The last pattern is final, however many sessions it takes.
    """
    allowing = {action: action for action in actions}
    packed = _packed(set(allowing.values()), limit)
    for fold in (_by_verb, _by_two_words, _by_service):
        if len(packed) <= MOST_SESSIONS:
            break
        allowing = {action: fold(entry) for action, entry in allowing.items()}
        packed = _packed(set(allowing.values()), limit)
    return tuple(
        SessionGroup(frozenset(action for action, entry in allowing.items() if entry in entries), tuple(entries))
        for entries in packed
    )


def _packed(entries: Iterable[str], limit: int) -> list[list[str]]:
    """Return the entries of each policy: a service in the first that has room for all of it, else in as many as needed.

    An entry that is too long alone has a policy of its own.
    """
    room = limit - SessionGroup(frozenset(), ()).size + 1
    packed: list[list[str]] = [[]]
    for _, names in groupby(sorted(entries), key=lambda entry: entry.partition(":")[0]):
        service = list(names)
        found = next((each for each in packed if _length([*each, *service]) <= room), None)
        if found is not None:
            found += service
            continue
        packed.append([])
        for entry in service:
            if packed[-1] and _length([*packed[-1], entry]) > room:
                packed.append([])
            packed[-1].append(entry)
    return [sorted(each) for each in packed if each] or [[]]


def _length(entries: Iterable[str]) -> int:
    """Return the characters that entries take in a policy, with quotes and a comma each."""
    return sum(len(entry) + 3 for entry in entries)


def _by_verb(action: str) -> str:
    service, _, name = action.partition(":")
    verb = next((verb for verb in ("Describe", "List") if name.startswith(verb)), None)
    return f"{service}:{verb}*" if verb else action


def _by_service(action: str) -> str:
    service, _, name = action.partition(":")
    return f"{service}:Get*" if name.startswith("Get") and service not in HOLDS_CONTENT else action


def _by_two_words(action: str) -> str:
    found = re.match(r"([a-z0-9-]+:Get[A-Z][a-z0-9]+)[A-Z]", action)
    return f"{found[1]}*" if found else action
