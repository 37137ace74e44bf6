"""Whether a bucket's policy turns away everyone who comes without TLS, or with an old version of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from orgaudit.facts.policies import Decision, Effect, Outcome, Policy, Request, decide
from orgaudit.facts.s3.buckets import Bucket

Context: TypeAlias = Mapping[str, str | Sequence[str]]

PLAIN_HTTP: Context = {"aws:SecureTransport": "false", "s3:TlsVersion": ()}
"""A request without TLS carries no version of it."""
OLD_TLS: Context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}
"""The best of the versions that are too old."""
_WORST_FIRST = (Outcome.NOT_ALLOWED, Outcome.UNKNOWN, Outcome.ALLOWED)


def refuses(policy: Policy, bucket: Bucket, context: Context) -> Decision:
    """Decide whether every S3 action on a bucket and on its objects is denied to everyone who comes like this.

    ALLOWED says that the denial is whole, UNKNOWN that it hangs on the conditions in `depends_on`.
    """
    # Whether denials cover everything is asked as whether permissions of the same reach would.
    mirrored = Policy(
        tuple(
            replace(statement, effect=Effect.ALLOW)
            for statement in policy.statements
            if statement.effect is Effect.DENY
            and statement.principal is not None
            and not statement.principal.negated
            and any(principal.is_anyone for principal in statement.principal.values)
        ),
        policy.version,
    )
    found = [
        decide([mirrored], Request(action="s3:*", resource=resource, context=context))
        for resource in (bucket.arn, f"{bucket.arn}/*")
    ]
    return min(found, key=lambda decision: _WORST_FIRST.index(decision.outcome))
