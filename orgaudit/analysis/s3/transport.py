"""Whether a bucket's policy denies every request without TLS, whichever principal sends it for whichever action.

Every request carries aws:SecureTransport: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orgaudit.facts.s3.buckets import BucketPolicy
from orgaudit.languages.iam_policy import (
    AllowedPart,
    DeniedArea,
    Effect,
    KnownKeys,
    Policy,
    Principal,
    PrincipalKind,
    Statement,
    admits,
    leaves_some,
    parse_policy,
    situations,
    takes_all,
    target_of,
    tokens_of,
    touches,
)

SECURE_TRANSPORT, TLS_VERSION = "aws:securetransport", "s3:tlsversion"
# AWS does not document whether a request without TLS carries a version of it. By the rules for absent keys a condition
# on its version alone does not hold then, but AWS recommends one as enforcing HTTPS, as if the version were 0:
# https://repost.aws/knowledge-center/s3-enforce-modern-tls
_WITHOUT_VERSION: KnownKeys = ((SECURE_TRANSPORT, ("false",)), (TLS_VERSION, ()))
_WITH_LOWEST_VERSION: KnownKeys = ((SECURE_TRANSPORT, ("false",)), (TLS_VERSION, ("0",)))
_OLD_TLS: tuple[KnownKeys, ...] = tuple(
    ((SECURE_TRANSPORT, ("true",)), (TLS_VERSION, (each,))) for each in ("1.0", "1.1")
)
_ANYONE_ELSE = Principal(PrincipalKind.AWS, "arn:aws:iam::986420135790:role/anyone-else")


@dataclass(frozen=True, slots=True)
class Denial:
    """Whether all requests of one kind are denied, on the bucket and on its objects; None where that is unknown."""

    on_bucket: bool | None
    on_objects: bool | None

    @property
    def is_whole(self) -> bool:
        """Whether every request is denied."""
        return self.on_bucket is True and self.on_objects is True

    @property
    def is_partial(self) -> bool:
        """Whether a request is known that is not denied."""
        return False in (self.on_bucket, self.on_objects)


@dataclass(frozen=True, slots=True)
class Transport:
    """What a bucket's policy denies without TLS, and what its other statements on TLS do.

    `by_version` shows that old versions are denied, and plain HTTP as well if its requests count as of an old version.
    `inverted` are the Deny statements that apply with TLS only, `allowing` the Allow statements that require it.
    `depends_on` are the other condition keys in Deny statements.
    """

    plain_http: Denial
    by_version: bool
    inverted: tuple[str, ...]
    allowing: tuple[str, ...]
    depends_on: tuple[str, ...]


def transport_of(policy: BucketPolicy) -> Transport:
    """Return what the policy of a bucket denies without TLS; it must have a document."""
    # Buckets mostly have one policy from one template, so it is decided once for all, under a name that none has.
    text, namesake = json.dumps(policy.document), policy.arn.rpartition(":")[0] + ":BUCKET"
    shared = text.replace(policy.arn, namesake)
    return _transport(shared, namesake) if _names_only(shared, namesake) else _transport(text, policy.arn)


@lru_cache(maxsize=4096)
def _names_only(document: str, arn: str) -> bool:
    """Return whether every resource has the bucket's ARN, so that other names mean the same for other buckets."""
    return all(
        value == "*" or value.startswith(arn)
        for statement in _denials(parse_policy(document))
        if statement.resource is not None
        for value in statement.resource.values
    )


@lru_cache(maxsize=4096)
def _transport(document: str, arn: str) -> Transport:
    policy = parse_policy(document)
    plain, lowest = (_denial(policy, arn, known) for known in (_WITHOUT_VERSION, _WITH_LOWEST_VERSION))
    denials = _denials(policy)
    keys = {each.key for statement in denials for each in statement.conditions}
    return Transport(
        Denial(_both(plain.on_bucket, lowest.on_bucket), _both(plain.on_objects, lowest.on_objects)),
        lowest.is_whole and all(_denial(policy, arn, known).is_whole for known in _OLD_TLS),
        tuple(name for name, each in _named(policy, Effect.DENY) if _requires_tls(each)),
        tuple(name for name, each in _named(policy, Effect.ALLOW) if _requires_tls(each)),
        tuple(sorted(key for key in keys if key.lower() not in {SECURE_TRANSPORT, TLS_VERSION})),
    )


def _denials(policy: Policy) -> list[Statement]:
    return [each for each in policy.statements if each.effect is Effect.DENY and each.principal is not None]


def _named(policy: Policy, effect: Effect) -> Iterator[tuple[str, Statement]]:
    for number, statement in enumerate(policy.statements, start=1):
        if statement.effect is effect:
            yield statement.sid or f"statement {number}", statement


def _requires_tls(statement: Statement) -> bool:
    """Return whether a statement is about aws:SecureTransport and never applies to a request without TLS."""
    about = any(each.key.lower() == SECURE_TRANSPORT for each in statement.conditions)
    return about and not any(each.active for each in situations([statement], _WITHOUT_VERSION, variables=False))


def _denial(policy: Policy, arn: str, known: KnownKeys) -> Denial:
    """Return whether the requests that carry the known keys are denied to every principal in every situation."""
    target, every = target_of(policy, arn), tokens_of("s3:*")
    parts = [AllowedPart("s3:*", every, tokens_of(name)) for name in (arn, f"{arn}/*")]
    taking = [(each, target.denied(each)) for each in _denials(policy)]
    taking = [(each, area) for each, area in taking if any(touches(area, part) for part in parts)]
    denials, areas = [each for each, _ in taking], [area for _, area in taking]
    found: list[bool | None] = [True, True]
    for active, certain in _in_force(denials, known, variables=policy.has_variables):
        taken = [areas[place] for place in active]
        for place, part in enumerate(parts):
            found[place] = _worse(found[place], _taken(taken, part, certain=certain))
    return Denial(*found)


def _in_force(
    denials: Sequence[Statement], known: KnownKeys, *, variables: bool
) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Yield the places of the Deny statements that apply together to some principal, and whether that is certain."""
    named = {each: None for statement in denials if statement.principal for each in statement.principal.values}
    asking = [each for each in named if not each.is_anyone]
    for principal in (*asking, _ANYONE_ELSE):
        places = [place for place, each in enumerate(denials) if admits(each.principal, principal).value]
        applying = [denials[place] for place in places]
        # What a principal is by its name and what it is by its keys cannot be chosen apart.
        free = not (asking and any(map(_is_about_principals, applying)))
        for situation in situations(applying, known, variables=variables):
            yield tuple(places[place] for place in situation.active), situation.certain and free


def _is_about_principals(statement: Statement) -> bool:
    return any(each.key.lower().startswith(("aws:principal", "aws:userid")) for each in statement.conditions)


def _taken(denials: Sequence[DeniedArea], part: AllowedPart, *, certain: bool) -> bool | None:
    if takes_all(denials, part):
        return True
    return False if certain and leaves_some(denials, part) else None


def _both(without_version: bool | None, with_lowest: bool | None) -> bool | None:
    """Return what holds whether or not a request without TLS has a version of it; by the rules for absent keys, not."""
    return True if without_version and with_lowest else False if without_version is False else None


def _worse(one: bool | None, other: bool | None) -> bool | None:
    return False if False in (one, other) else None if None in (one, other) else True
