"""IAM policy documents: parsed, decided for a request, and judged for how widely they open."""

from orgaudit.facts.policies.decision import Decision, Outcome, Request, StatementRef, decide
from orgaudit.facts.policies.document import (
    Condition,
    Effect,
    Policy,
    PolicyError,
    Principal,
    PrincipalKind,
    Selection,
    Statement,
    dump,
    parse,
)
from orgaudit.facts.policies.exposure import (
    AllowedPrincipal,
    Exposure,
    FullGrant,
    PublicAccess,
    grants_everything,
    is_public,
    principals_allowed,
)

__all__ = [
    "AllowedPrincipal",
    "Condition",
    "Decision",
    "Effect",
    "Exposure",
    "FullGrant",
    "Outcome",
    "Policy",
    "PolicyError",
    "Principal",
    "PrincipalKind",
    "PublicAccess",
    "Request",
    "Selection",
    "Statement",
    "StatementRef",
    "decide",
    "dump",
    "grants_everything",
    "is_public",
    "parse",
    "principals_allowed",
]
