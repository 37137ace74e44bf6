"""IAM policy documents: parsed, decided for a request, and judged for how widely they open."""

from orgaudit.languages.iam_policy.decision import Decision, Outcome, Request, StatementRef, decide
from orgaudit.languages.iam_policy.document import (
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
from orgaudit.languages.iam_policy.exposure import (
    AllowedPrincipal,
    FullGrant,
    allows_everything,
    grants_everything,
    principals_allowed,
)
from orgaudit.languages.iam_policy.reach import Exposure, PublicAccess, Way, is_public, ways

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
    "Way",
    "allows_everything",
    "decide",
    "dump",
    "grants_everything",
    "is_public",
    "parse",
    "principals_allowed",
    "ways",
]
