"""What an identity policy gives of whole services, and of decryption with every key of its account.

Statements are read as Security Hub reads them: each by itself, whatever its conditions are and what others deny.
https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html and iam-controls.html beside it
"""

import re

import msgspec

from orgaudit.languages.iam_policy.document import Effect, Statement, parse_policy
from orgaudit.languages.iam_policy.vocabulary import ANYWHERE, Home
from orgaudit.languages.iam_policy.wildcards import covers, matches, tokens_of
from orgaudit.model import Json

DECRYPTING = ("kms:decrypt", "kms:reencryptfrom")
_ANY = r"[*?]*\*[*?]*"
"""Wildcards alone, which name nothing: `?*` is any name as well as `*`."""
WHOLE_SERVICE = re.compile(rf"([^:]+:)?{_ANY}")
EVERYTHING = re.compile(rf"({_ANY}:)?{_ANY}")


class ServiceGrants(msgspec.Struct, frozen=True):
    """The statements, as clauses, that give whole services, and that let their holder decrypt with every key."""

    services: tuple[str, ...] = ()
    decrypting: tuple[str, ...] = ()


def service_grants_of(document: Json, home: Home = ANYWHERE) -> ServiceGrants:
    """Return what a policy of that account gives; raises PolicyError for what is not a policy."""
    statements = [
        (each, f"statement {each.sid or number}")
        for number, each in enumerate(parse_policy(document).statements, start=1)
        if each.effect is Effect.ALLOW
    ]
    return ServiceGrants(
        services=tuple(f"{name} allows {what}{_if(each)}" for each, name in statements if (what := _services(each))),
        decrypting=tuple(
            f"{name} allows {what} with every key{_if(each)}"
            for each, name in statements
            if (what := _decrypting(each)) and _is_on_every_key(each, home)
        ),
    )


def _if(statement: Statement) -> str:
    return f" if {' and '.join(map(str, statement.conditions))}" if statement.conditions else ""


def _services(statement: Statement) -> str:
    """Return the actions that are all of a service; a NotAction gives every service that it does not name."""
    action = statement.action
    if action.negated:
        return "" if any(map(EVERYTHING.fullmatch, action.values)) else f"all but {', '.join(action.values)}"
    return ", ".join(value for value in action.values if WHOLE_SERVICE.fullmatch(value))


def _decrypting(statement: Statement) -> str:
    patterns = [tokens_of(value.lower()) for value in statement.action.values]
    negated = statement.action.negated
    return ", ".join(each for each in DECRYPTING if any(matches(one, each) for one in patterns) is not negated)


def _is_on_every_key(statement: Statement, home: Home) -> bool:
    """Return whether a statement is on all keys of the account, or on all but those that a NotResource names."""
    resource = statement.resource
    if resource is None:
        return True
    patterns = [tokens_of(value) for value in resource.values]
    account = home.account or "*"
    whole = [covers(patterns, tokens_of(f"arn:{each}:kms:*:{account}:key/*")) for each in home.partitions]
    return not all(whole) if resource.negated else any(whole)
