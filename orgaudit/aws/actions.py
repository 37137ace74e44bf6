"""The IAM action behind each API operation, and which actions only read.

Most actions are called like their operation; the exceptions are from the Service Authorization Reference
(docs.aws.amazon.com/service-authorization/latest/reference/).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

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
    ("apigateway", "GetRestApis"): "apigateway:GET",
    ("apigateway", "GetStages"): "apigateway:GET",
    ("apigatewayv2", "GetApis"): "apigateway:GET",
    ("apigatewayv2", "GetStages"): "apigateway:GET",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
"""Operations whose action is called otherwise."""

READ_VERBS = ("Describe", "Get", "List", "Lookup", "BatchGet")
READS_BY_OTHER_NAMES = frozenset({"apigateway:GET", "iam:GenerateCredentialReport"})


def iam_action(service: str, operation: str) -> str:
    """Return the IAM action that permits an API operation, such as s3:ListAllMyBuckets for (s3, ListBuckets)."""
    found = IAM_ACTIONS.get((service, operation))
    return found or f"{IAM_PREFIXES.get(service, service)}:{operation}"


def is_read(action: str) -> bool:
    """Tell whether an IAM action only reads."""
    return action in READS_BY_OTHER_NAMES or action.partition(":")[2].startswith(READ_VERBS)


HOLDS_CONTENT = frozenset(
    {
        "codecommit",
        "dynamodb",
        "ecr",
        "glacier",
        "kinesis",
        "kms",
        "lambda",
        "logs",
        "s3",
        "secretsmanager",
        "sqs",
        "ssm",
    }
)
"""Services in which some action that begins with Get reads what customers keep there."""
SESSION_POLICY_LIMIT = 2048
"""The most characters that sts:AssumeRole takes for an inline session policy."""


def session_policy(actions: Iterable[str]) -> dict[str, object]:
    """Return the policy that narrows an assumed session to these read actions.

    Where the exact list is longer than AWS takes, actions are folded into patterns, the harmless ones first: those that
    describe and list, then those that get and have their first two words in common, then all that get. Services whose
    objects, messages and secrets can be got keep to two words.
    """
    folded = sorted(set(actions))
    for fold in (_by_verb, _by_two_words, _by_service):
        if len(json.dumps(_allowing(folded), separators=(",", ":"))) > SESSION_POLICY_LIMIT:
            folded = sorted({fold(action) for action in folded})
    return _allowing(folded)


def _allowing(actions: Sequence[str]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}


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
