"""IAM policies: parsed, decided for a request, and examined for how much they give and to whom."""

from orgaudit.languages.iam_policy.breadth import AllowedPrincipal, allows_everything, principals_allowed
from orgaudit.languages.iam_policy.decision import Decision, Outcome, Request, admits, decide
from orgaudit.languages.iam_policy.denials import (
    AllowedPart,
    DeniedArea,
    PolicyTarget,
    leaves_some,
    takes_all,
    target_of,
    touches,
)
from orgaudit.languages.iam_policy.document import (
    Condition,
    Effect,
    Policy,
    PolicyError,
    Principal,
    PrincipalKind,
    Selection,
    Statement,
    dump_policy,
    parse_policy,
)
from orgaudit.languages.iam_policy.grants import FullGrant, PolicyGrants, grants_of
from orgaudit.languages.iam_policy.openings import Opening, openings_of
from orgaudit.languages.iam_policy.service_grants import ServiceGrants, service_grants_of
from orgaudit.languages.iam_policy.situations import KnownKeys, Situation, situations
from orgaudit.languages.iam_policy.vocabulary import Home
from orgaudit.languages.iam_policy.wildcards import tokens_of

__all__ = [
    "AllowedPart",
    "AllowedPrincipal",
    "Condition",
    "Decision",
    "DeniedArea",
    "Effect",
    "FullGrant",
    "Home",
    "KnownKeys",
    "Opening",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyGrants",
    "PolicyTarget",
    "Principal",
    "PrincipalKind",
    "Request",
    "Selection",
    "ServiceGrants",
    "Situation",
    "Statement",
    "admits",
    "allows_everything",
    "decide",
    "dump_policy",
    "grants_of",
    "leaves_some",
    "openings_of",
    "parse_policy",
    "principals_allowed",
    "service_grants_of",
    "situations",
    "takes_all",
    "target_of",
    "tokens_of",
    "touches",
]
