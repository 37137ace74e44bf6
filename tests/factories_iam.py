"""Facts about identities, analyzers and contacts: every factory builds one that is right, keywords say what differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.accessanalyzer import Analyzer, RegionAnalyzers
from orgaudit.facts.contacts import ContactInformation, SecurityContact
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.iam.access_keys import AccessKey, UserAccessKeys
from orgaudit.facts.iam.authorization import AwsPolicy, CustomerPolicy, Group, InlinePolicy, InstanceProfile, Role, User
from orgaudit.facts.iam.certificates import ServerCertificate
from orgaudit.facts.iam.credential_report import CredentialRow, KeySlot, RootCredentials, UserCredentials
from orgaudit.facts.iam.federation import FederationProtocol, IdentityCenter, IdentityProvider
from orgaudit.facts.iam.passwords import PasswordPolicy
from orgaudit.facts.iam.root import Root, RootFeatures, RootVirtualDevices
from orgaudit.facts.shard import DetailGap, ListingResult
from orgaudit.languages.iam_policy import Home, PolicyError, grants_of, service_grants_of
from orgaudit.model import GLOBAL, Gap, Seen
from tests.factories import HOME, MANAGEMENT, MEMBER, NOW, REGIONS, denied, facts_of, seen_all, statement

DAY = timedelta(days=1)
LONG_AGO = NOW - 1000 * DAY
ONCE = (
    User,
    Group,
    Role,
    InstanceProfile,
    CustomerPolicy,
    InlinePolicy,
    AwsPolicy,
    Root,
    RootFeatures,
    PasswordPolicy,
    IdentityProvider,
)
REGIONAL = (IdentityCenter, RegionAnalyzers)
EVERYTHING = statement("*", Resource="*")
NO_POLICIES: dict[str, Any] = {"inline": (), "attached": ()}
ADMINISTRATOR = "AdministratorAccess"


def ago(days: float, **more: float) -> datetime:
    return NOW - timedelta(days=days, **more)


def iam_facts(
    *lines: Resource | Detail | DetailGap,
    account_id: str = MEMBER,
    gaps: Mapping[type[Resource], Gap] | None = None,
    regions: tuple[str, ...] = REGIONS,
) -> AccountFacts:
    """The facts of an account in which everything was listed but for what is a gap, in all regions or the gap's own."""
    found = gaps or {}
    listed = [ListingResult(kind.__name__, GLOBAL, gap=found.get(kind)) for kind in ONCE]
    for kind in REGIONAL:
        gap = found.get(kind)
        listed += [
            ListingResult(kind.__name__, region, gap=gap if gap and gap.region == region else None)
            for region in regions
        ]
    return facts_of(account_id, *listed, *lines, regions=regions)


def _at_once(kind: str, name: str, account_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    arn = f"arn:aws:iam::{account_id}:{kind}{name}"
    return {"arn": arn, "account_id": account_id, "region": GLOBAL} | dict(changes)


def a_user(name: str = "alice", *, account_id: str = MEMBER, **changes: Any) -> User:
    return seen_all(User, **_at_once("user/", name, account_id, NO_POLICIES | {"groups": ("staff",)} | changes))


def a_group(name: str = "staff", *, account_id: str = MEMBER, **changes: Any) -> Group:
    return seen_all(Group, **_at_once("group/", name, account_id, NO_POLICIES | changes))


def an_iam_role(name: str = "deploys", *, account_id: str = MEMBER, **changes: Any) -> Role:
    return seen_all(Role, **_at_once("role/", name, account_id, NO_POLICIES | changes))


def an_instance_profile(name: str = "web", role_arn: str = "", *, account_id: str = MEMBER) -> InstanceProfile:
    values = {"role_arn": role_arn or an_iam_role(name, account_id=account_id).arn}
    return seen_all(InstanceProfile, **_at_once("instance-profile/", name, account_id, values))


def aws_policy_arn(name: str, partition: str = "aws") -> str:
    return f"arn:{partition}:iam::aws:policy/{name}"


def a_policy(document: object = EVERYTHING, name: str = "wide", **changes: Any) -> CustomerPolicy:
    values = {
        "attached_to": (a_user().arn,),
        "grants": Seen(grants_of(document, Home("aws", MEMBER))),
        "services": Seen(service_grants_of(document, Home("aws", MEMBER))),
    }
    return seen_all(CustomerPolicy, **_at_once("policy/", name, MEMBER, values | changes))


def an_inline_policy(
    document: object = EVERYTHING, name: str = "own", holder: str = "", **changes: Any
) -> InlinePolicy:
    holder = holder or a_user().arn
    values = {
        "arn": f"{holder}/inline-policy/{name}",
        "holder": holder,
        "services": Seen(service_grants_of(document, Home("aws", MEMBER))),
    }
    return seen_all(InlinePolicy, **_at_once("", "", MEMBER, values | changes))


def an_aws_policy(*holders: str, name: str = ADMINISTRATOR, document: object = EVERYTHING, **changes: Any) -> AwsPolicy:
    values = {
        "arn": aws_policy_arn(name),
        "attached_to": holders,
        "grants": Seen(grants_of(document, Home("aws", MEMBER))),
    }
    return seen_all(AwsPolicy, **_at_once("policy/", name, MEMBER, values | changes))


def a_row(user: str = "alice", arn: str = "", **changes: Any) -> CredentialRow:
    """The row of a user with a password and MFA and no key, used today."""
    values: dict[str, Any] = {
        "created_at": LONG_AGO,
        "password_enabled": True,
        "password_used_at": NOW,
        "password_changed_at": LONG_AGO,
        "mfa": True,
        "keys": (KeySlot(1, active=False), KeySlot(2, active=False)),
    }
    return CredentialRow(user=user, arn=arn or a_user(user).arn, **values | changes)


def slots(first: KeySlot | None = None, second: KeySlot | None = None) -> tuple[KeySlot, KeySlot]:
    return first or KeySlot(1, active=False), second or KeySlot(2, active=False)


def credentials_of(user: User, **changes: Any) -> UserCredentials:
    return UserCredentials(arn=user.arn, generated_at=NOW, row=a_row(user.name, user.arn, **changes))


def a_key(days: float = 0, name: str = "AKIAFIRST", *, active: bool = True) -> AccessKey:
    return AccessKey(name, active, ago(days))


def keys_of(user: User, *keys: AccessKey) -> UserAccessKeys:
    return UserAccessKeys(arn=user.arn, keys=keys)


def a_root(*, account_id: str = MEMBER, **changes: Any) -> Root:
    """A root user with a password and MFA."""
    values = {"mfa": True, "password": True, "access_keys": 0, "signing_certificates": 0}
    return seen_all(Root, **_at_once("root", "", account_id, values | changes))


def no_root_credentials(**changes: Any) -> Root:
    return a_root(**{"mfa": False, "password": False} | changes)


def devices_of(root: Root, *serial_numbers: str) -> RootVirtualDevices:
    return RootVirtualDevices(arn=root.arn, serial_numbers=serial_numbers)


def root_used(root: Root, **changes: Any) -> RootCredentials:
    """A root user that was never used."""
    row = a_row("<root_account>", root.arn, **{"password_used_at": None} | changes)
    return RootCredentials(arn=root.arn, generated_at=NOW, row=row)


def features(*enabled: str) -> RootFeatures:
    return seen_all(RootFeatures, **_at_once("organizations-features", "", MANAGEMENT, {"enabled": enabled}))


def a_password_policy(**changes: Any) -> PasswordPolicy:
    values: dict[str, Any] = {
        "exists": True,
        "min_length": 14,
        "uppercase": True,
        "lowercase": True,
        "symbols": True,
        "numbers": True,
        "max_age_days": 90,
        "remembered": 24,
    }
    return seen_all(PasswordPolicy, **_at_once("password-policy", "", MEMBER, values | changes))


def a_certificate(ends: datetime, name: str = "shop") -> ServerCertificate:
    return seen_all(ServerCertificate, **_at_once("server-certificate/", name, MEMBER, {"expires_at": ends}))


def a_provider(protocol: FederationProtocol = FederationProtocol.SAML) -> IdentityProvider:
    return seen_all(IdentityProvider, **_at_once("saml-provider/", "company", MEMBER, {"protocol": protocol}))


def an_identity_center(
    *, account_id: str = MANAGEMENT, status: str | Gap = "ACTIVE", region: str = HOME
) -> IdentityCenter:
    arn = f"arn:aws:sso:::instance/ssoins-{account_id}"
    return seen_all(IdentityCenter, arn=arn, account_id=account_id, region=region, status=status)


def an_analyzer(kind: str = "ACCOUNT", status: str = "ACTIVE", account_id: str = MEMBER) -> Analyzer:
    return Analyzer(kind.lower(), f"arn:aws:access-analyzer:{HOME}:{account_id}:analyzer/{kind.lower()}", kind, status)


def analyzers_in(region: str, *found: Analyzer, account_id: str = MEMBER) -> RegionAnalyzers:
    arn = f"arn:aws:access-analyzer:{region}:{account_id}:analyzers"
    return RegionAnalyzers(arn=arn, account_id=account_id, region=region, analyzers=found)


def a_contact(**changes: Any) -> ContactInformation:
    values: dict[str, Any] = {
        "full_name": "Cloud team",
        "company": "Example",
        "phone": "+44 20 7946 0000",
        "address": "1 High Street",
        "city": "London",
        "country": "GB",
    }
    return seen_all(ContactInformation, **_at_once("contact-information", "", MEMBER, values | changes))


def a_security_contact(**changes: Any) -> SecurityContact:
    values: dict[str, Any] = {
        "exists": True,
        "full_name": "Security",
        "title": "Team",
        "email": "soc@example.com",
        "phone": "+44 20 7946 0001",
    }
    return seen_all(SecurityContact, **_at_once("alternate-contact", "", MEMBER, values | changes))


def unreadable() -> Gap:
    """The gap that a policy is which could not be read."""
    try:
        grants_of({})
    except PolicyError as error:
        return denied(f"iam:GetAccountAuthorizationDetails ({error})")
    raise AssertionError("an empty document is no policy")


def named(name: str) -> dict[str, Resource]:
    """A resource of every type that a control here judges, with this name."""
    found: tuple[Resource, ...] = (
        a_user(name),
        a_policy(name=name),
        an_inline_policy(name=name),
        an_aws_policy(name=name),
        a_certificate(NOW, name),
        a_root(),
        a_password_policy(),
        a_contact(),
        a_security_contact(),
        analyzers_in(HOME),
    )
    return {type(each).__name__: each for each in found}
