"""Whether a bucket's policy turns away everyone who comes without TLS, or with an old version of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from orgaudit.facts.policies import Decision, Effect, Outcome, Policy, Request, decide, parse
from orgaudit.facts.s3.buckets import BucketPolicy

Context: TypeAlias = Mapping[str, str | tuple[str, ...]]

PLAIN_HTTP: Context = {"aws:SecureTransport": "false", "s3:TlsVersion": ()}
"""A request without TLS carries no version of it."""
OLD_TLS: Context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}
"""The best of the versions that are too old."""
_WORST_FIRST = (Outcome.NOT_ALLOWED, Outcome.UNKNOWN, Outcome.ALLOWED)


def refuses(policy: BucketPolicy, context: Context) -> Decision:
    """Decide whether every S3 action on a bucket and on its objects is denied to everyone who comes like this.

    ALLOWED says that the denial is whole, UNKNOWN that it hangs on the conditions in `depends_on`.
    """
    # Buckets mostly have one policy from one template, so it is decided once for them all, under a name that none has.
    namesake = policy.arn.rpartition(":")[0] + ":BUCKET"
    document = json.dumps(policy.document).replace(policy.arn, namesake)
    return _refuses(document, namesake, tuple(sorted(context.items())))


@lru_cache(maxsize=4096)
def _refuses(document: str, bucket_arn: str, context: tuple[tuple[str, str | tuple[str, ...]], ...]) -> Decision:
    # Whether denials cover everything is asked as whether permissions of the same reach would.
    policy = parse(document)
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
        decide([mirrored], Request(action="s3:*", resource=resource, context=dict(context)))
        for resource in (bucket_arn, f"{bucket_arn}/*")
    ]
    return min(found, key=lambda decision: _WORST_FIRST.index(decision.outcome))
