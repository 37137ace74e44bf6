"""External callers: the routes by which their requests come, and the condition keys that these carry.

A value that a policy writes out in full is that of a known caller; an external caller has any other. What a caller
sets freely, what every request carries and what the resource itself supplies excludes no caller. Which requests carry
a key: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from dataclasses import dataclass, replace
from enum import Enum


class Caller(Enum):
    """An external caller: unauthenticated, an account in no organization, one in another, or a service."""

    ANONYMOUS = "anonymous"
    ACCOUNT = "account"
    MEMBER = "member"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Route:
    """An external caller's way to the resource: through a VPC endpoint of its own or over the internet.

    A service acts on behalf of an external customer; `service` is its principal, empty for any service.
    """

    caller: Caller
    by_endpoint: bool = False
    service: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether the request carries the identity of a principal of an account."""
        return self.caller in (Caller.ACCOUNT, Caller.MEMBER)


DIRECT = tuple(
    Route(caller, by_endpoint)
    for by_endpoint in (False, True)
    for caller in (Caller.ANONYMOUS, Caller.ACCOUNT, Caller.MEMBER)
)


@dataclass(frozen=True, slots=True)
class Value:
    """The values of a key in a request, none for a key that it does not carry; `certain` where AWS documents that."""

    texts: tuple[str, ...]
    certain: bool = True


ABSENT = Value(())
_PERHAPS_ABSENT = Value((), certain=False)
# Two of each, as a wildcard may match one and not the other. No policy names them.
ACCOUNTS = ("986420135790", "135790246801")
_ORGANIZATIONS = ("o-zz9outside", "o-1a2outside")
_PATHS = tuple(f"{organization}/r-zz9o/ou-zz9o-outside1/" for organization in _ORGANIZATIONS)
OWN = {
    "aws:resourceaccount": "own-account",
    "s3:resourceaccount": "own-account",
    "aws:resourceorgid": "own-org",
    "aws:resourceorgpaths": "own-org/r-own/",
}
# Keys whose value names an owner: values of external owners, and the separator after the part that names the owner.
OWNED: dict[str, tuple[tuple[str, ...], str]] = {
    "aws:principalaccount": (ACCOUNTS, ""),
    "aws:principalorgid": (_ORGANIZATIONS, ""),
    "aws:principalorgpaths": (_PATHS, "/"),
    "aws:sourceaccount": (ACCOUNTS, ""),
    "aws:sourceorgid": (_ORGANIZATIONS, ""),
    "aws:sourceorgpaths": (_PATHS, "/"),
    "aws:sourceowner": (ACCOUNTS, ""),
    "aws:sourcevpc": (("vpc-0f9e8d7c6b5a43210", "vpc-1f9e8d7c6b5a43210"), ""),
    "aws:sourcevpce": (("vpce-0f9e8d7c6b5a43210", "vpce-1f9e8d7c6b5a43210"), ""),
    "aws:userid": (("AIDAOUTSIDEOUTSIDE001", "AROAOUTSIDEOUTSIDE002:session"), ":"),
    "aws:vpceaccount": (ACCOUNTS, ""),
    "aws:vpceorgid": (_ORGANIZATIONS, ""),
    "aws:vpceorgpaths": (_PATHS, "/"),
    "kms:calleraccount": (ACCOUNTS, ""),
    "lambda:eventsourcetoken": (("outside-token", "amzn1.outside"), ""),
    "s3:dataaccesspointaccount": (ACCOUNTS, ""),
}
_PRINCIPALS = (
    f"arn:aws:iam::{ACCOUNTS[0]}:role/outside",
    f"arn:aws:iam::{ACCOUNTS[1]}:user/outside",
    f"arn:aws:iam::{ACCOUNTS[0]}:root",
    f"arn:aws:sts::{ACCOUNTS[0]}:federated-user/outside",
)
_SOURCES = (
    "arn:aws:s3:::outside-bucket",
    f"arn:aws:sns:us-east-1:{ACCOUNTS[0]}:outside",
    f"arn:aws:events:us-east-1:{ACCOUNTS[1]}:rule/outside",
)
ARNS = {
    "aws:principalarn": _PRINCIPALS,
    "aws:sourcearn": _SOURCES,
    "s3:dataaccesspointarn": (f"arn:aws:s3:us-east-1:{ACCOUNTS[0]}:accesspoint/outside",),
}
# The service whose ARNs these send as aws:SourceArn; others send those of several services.
SERVICE_OF_ARN = {"s3.amazonaws.com": "s3", "sns.amazonaws.com": "sns", "events.amazonaws.com": "events"}
_OF_SERVICES = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"})
SOURCE_KEYS = _OF_SERVICES | {"aws:sourceowner"}
"""The keys that restrict on whose behalf a service may call."""
_OF_ENDPOINTS = frozenset(
    {
        *("aws:sourcevpc", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"),
        "aws:vpcsourceip",
    }
)
NETWORK_KEYS = _OF_ENDPOINTS | {"aws:sourceip"}
"""The keys that depend on whether a request comes through a VPC endpoint."""
ADDRESSES = frozenset({"aws:sourceip", "aws:vpcsourceip"})
# No clock is read here: at some time such a condition excludes no caller, and a Deny may have ended or not begun.
TIMES = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime"})
BOOLS = frozenset(
    {"aws:securetransport", "aws:viaawsservice", "aws:multifactorauthpresent", "kms:grantisforawsresource"}
)
ALWAYS = frozenset({"aws:securetransport", "aws:requestedregion", "aws:viaawsservice", *OWN})
# The caller, or the administrator of its account, chooses their values.
_FREE = frozenset(
    {
        *BOOLS,
        *("aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:multifactorauthage", "aws:referer"),
        *("aws:requestedregion", "aws:tagkeys", "aws:useragent", "aws:username", "events:detail-type", "events:source"),
        *("kms:encryptionalgorithm", "kms:encryptioncontextkeys", "kms:grantoperations", "kms:viaservice"),
        *("lambda:functionurlauthtype", "lambda:invokedviafunctionurl", "secretsmanager:versionid"),
        *("secretsmanager:versionstage", "sns:protocol"),
    }
)
_FREE_PREFIXES = ("aws:principaltag/", "aws:requesttag/", "events:detail.", "kms:encryptioncontext:", "s3:")
# Their values name a KMS key with a policy of its own, or an access point or grant of the owner.
_UNCLEAR = frozenset(
    {"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:accesspointnetworkorigin", "s3:accessgrantsinstancearn"}
)
SIGNED = frozenset({"aws:username", "aws:multifactorauthpresent", "aws:multifactorauthage", "kms:viaservice"})


def fixed(key: str, route: Route) -> list[Value] | None:
    """Return the values of a key that depends on the kind of caller only, None for other keys."""
    anonymous, service = route.caller is Caller.ANONYMOUS, route.caller is Caller.SERVICE
    if key == "aws:principalisawsservice":
        return [Value(("true" if service else "false",))]
    if key == "aws:principaltype" and not service:
        kinds = ("Anonymous",) if anonymous else ("Account", "AssumedRole", "FederatedUser", "User")
        return [Value((each,)) for each in kinds]
    if key in {"aws:principalaccount", "aws:userid"} and anonymous:
        return [Value(("anonymous",))]
    if key in {"aws:principalservicename", "aws:principalservicenameslist"}:
        return [Value((route.service,))] if route.service else None if service else [ABSENT]
    return None


def carried_by(key: str, values: list[Value], route: Route) -> list[Value]:
    """Return the values, or that the key is absent, as far as requests by this route carry it."""
    service = route.caller is Caller.SERVICE
    perhaps = [replace(each, certain=False) for each in values]
    if key in _OF_ENDPOINTS:
        carried = values if route.by_endpoint else [ABSENT]
    elif key in {"aws:principalorgid", "aws:principalorgpaths"}:
        carried = values if route.caller is Caller.MEMBER else [ABSENT]
    elif key in {"aws:sourceorgid", "aws:sourceorgpaths"}:
        carried = [*values, ABSENT] if service else [ABSENT]
    elif key in _OF_SERVICES:
        carried = [*values, _PERHAPS_ABSENT] if service else [ABSENT]
    elif key == "aws:sourceowner":
        carried = [*values, _PERHAPS_ABSENT]
    elif key in {"lambda:eventsourcetoken", "s3:dataaccesspointaccount", "s3:dataaccesspointarn"}:
        carried = [*values, ABSENT]
    elif key == "kms:calleraccount":
        # KMS answers signed requests only, and every one carries the key:
        # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        carried = values if route.is_signed else perhaps if service else []
    else:
        carried = values if route.is_signed else [*perhaps, _PERHAPS_ABSENT] if service else [ABSENT]
    return carried


def variable(key: str, route: Route) -> str | None:
    """Return the text that a variable stands for: empty for a key that is not carried, None where it is unknown."""
    if key in OWN:
        return OWN[key]
    if key == "aws:principalorgid" and route.caller is not Caller.MEMBER:
        return ""
    if key in _OF_SERVICES and route.caller is not Caller.SERVICE:
        return ""
    if key in {"aws:principalaccount", "aws:principalorgid"} and route.is_signed:
        return OWNED[key][0][0]
    return None


def is_free(key: str) -> bool:
    """Return whether the caller, or the administrator of its account, chooses the value of a key."""
    return key in _FREE or (key.startswith(_FREE_PREFIXES) and key not in _UNCLEAR | OWN.keys() | ARNS.keys())
