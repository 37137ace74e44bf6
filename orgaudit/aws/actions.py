"""The IAM action behind each API operation, and which actions only read.

Most actions are called like their operation; the exceptions are from the Service Authorization Reference
(docs.aws.amazon.com/service-authorization/latest/reference/).
"""

from __future__ import annotations

from collections.abc import Iterable

IAM_PREFIXES = {
    "accessanalyzer": "access-analyzer",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "s3control": "s3",
    "sso-admin": "sso",
}
"""SDK service names whose IAM prefix differs."""

IAM_ACTIONS = {
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
"""Operations whose action is called otherwise."""

READ_VERBS = ("Describe", "Get", "List", "Lookup", "BatchGet")
READS_BY_OTHER_NAMES = frozenset({"iam:GenerateCredentialReport"})


def iam_action(service: str, operation: str) -> str:
    """Return the IAM action that permits an API operation, such as s3:ListAllMyBuckets for (s3, ListBuckets)."""
    found = IAM_ACTIONS.get((service, operation))
    return found or f"{IAM_PREFIXES.get(service, service)}:{operation}"


def is_read(action: str) -> bool:
    """Tell whether an IAM action only reads."""
    return action in READS_BY_OTHER_NAMES or action.partition(":")[2].startswith(READ_VERBS)


SESSION_POLICY_LIMIT = 2048
"""The most characters that sts:AssumeRole takes for an inline session policy."""


def session_policy(actions: Iterable[str]) -> dict[str, object]:
    """Return the policy that narrows an assumed session to these read actions.

    Where the exact list is longer than AWS takes, the actions of a service are folded into one pattern for each verb
    (`ec2:Describe*`), which still only reads.
    """
    exact = sorted(set(actions))
    if len(",".join(exact)) + 3 * len(exact) + 100 > SESSION_POLICY_LIMIT:
        exact = sorted({_folded(action) for action in exact})
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": exact, "Resource": "*"}]}


def _folded(action: str) -> str:
    service, _, name = action.partition(":")
    verb = next((verb for verb in READ_VERBS if name.startswith(verb)), None)
    return f"{service}:{verb}*" if verb else action
