"""Creates the demo organization in the moto that runs in this process, always with the same ids."""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from unittest.mock import patch

from moto.ec2.models import ec2_backends
from moto.iam.models import AccessKey, iam_backends
from moto.moto_api._internal import mock_random
from moto.organizations import utils as organization_ids
from moto.organizations.models import OrganizationsBackend, organizations_backends

from orgaudit.demo.estate import seed_estate
from orgaudit.demo.membership import ACCOUNT_SERVICE
from orgaudit.demo.organization import (
    ACCOUNTS,
    DELEGATED_ADMINISTRATORS,
    FENCED_REGION,
    FENCED_UNIT,
    MANAGEMENT,
    OPEN_EVERYWHERE,
    OPT_IN_REGION,
    REGIONS_BY_DEFAULT,
    ROLE_NAME,
    TRAILS,
    UNITS,
    DemoAccount,
    account_named,
)
from orgaudit.demo.regions import Regions
from orgaudit.demo.roles import add_role, document
from orgaudit.demo.trails import seed_trail
from orgaudit.demo.world import World

_HOME_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Seeded:
    """The world around moto, and the caller's access key in the management account."""

    world: World
    caller: AccessKey


def seed() -> Seeded:
    """Create the organization in an untouched moto."""
    mock_random.seed(20_190_204)
    world = World(regions=_regions())
    home = _organization()
    units = _units(home)
    for account in ACCOUNTS:
        _account(home, account, units[account.unit])
    _delegation(home)
    _fence(home, units)
    for trail in TRAILS:
        seed_trail(trail, world)
    seed_estate(world)
    _networks()
    return Seeded(world, _caller())


def _regions() -> Regions:
    opened = {account.id: frozenset({OPT_IN_REGION}) for account in ACCOUNTS if account.has_opt_in_region}
    return Regions(frozenset(REGIONS_BY_DEFAULT), opened)


def _organization() -> OrganizationsBackend:
    home = organizations_backends[MANAGEMENT.id]["aws"]
    # moto draws the ids of accounts; nothing else lets a caller choose them.
    with patch.object(organization_ids, "make_random_account_id", return_value=MANAGEMENT.id):
        home.create_organization(_HOME_REGION, FeatureSet="ALL")
    for service in (ACCOUNT_SERVICE, *chain.from_iterable(DELEGATED_ADMINISTRATORS.values())):
        home.enable_aws_service_access(ServicePrincipal=service)
    home.enable_policy_type(RootId=home.ou[0].id, PolicyType="SERVICE_CONTROL_POLICY")
    return home


def _units(home: OrganizationsBackend) -> dict[str, str]:
    """The id of every unit by its path, the root's under the empty path."""
    ids = {"": home.ou[0].id}
    for path in UNITS:
        parent, _, name = path.rpartition("/")
        unit = home.create_organizational_unit(Name=name, ParentId=ids[parent])
        ids[path] = unit["OrganizationalUnit"]["Id"]
    return ids


def _account(home: OrganizationsBackend, account: DemoAccount, unit_id: str) -> None:
    if account is not MANAGEMENT:
        with patch.object(organization_ids, "make_random_account_id", return_value=account.id):
            home.create_account(AccountName=account.name, Email=_mailbox(account))
    made = home.get_account_by_id(account.id)
    made.name, made.email = account.name, _mailbox(account)
    made.create_time = datetime.fromisoformat(account.joined)
    made.joined_method = "INVITED" if account.invited or account is MANAGEMENT else "CREATED"
    made.parent_id, made.tags = unit_id, account.tags
    iam = iam_backends[account.id]["aws"]
    if made.joined_method == "INVITED":
        iam.delete_role("OrganizationAccountAccessRole")
    if account.has_audit_role:
        add_role(iam, ROLE_NAME, {"AWS": f"arn:aws:iam::{MANAGEMENT.id}:root"})
    if account.closed:
        home.close_account(AccountId=account.id)


def _mailbox(account: DemoAccount) -> str:
    return f"aws+{account.name.lower().replace(' ', '-')}@meridian.example"


def _delegation(home: OrganizationsBackend) -> None:
    for name, services in DELEGATED_ADMINISTRATORS.items():
        for service in services:
            home.register_delegated_administrator(AccountId=account_named(name).id, ServicePrincipal=service)


def _fence(home: OrganizationsBackend, units: dict[str, str]) -> None:
    """Keep the fenced unit out of the fenced region, the way Control Tower words it."""
    open_regions = sorted({*REGIONS_BY_DEFAULT, OPT_IN_REGION} - {FENCED_REGION})
    statement = {
        "Sid": "RegionDeny",
        "Effect": "Deny",
        "NotAction": OPEN_EVERYWHERE,
        "Resource": "*",
        "Condition": {
            "StringNotEquals": {"aws:RequestedRegion": open_regions},
            "ArnNotLike": {"aws:PrincipalARN": ["arn:*:iam::*:role/AWSControlTowerExecution"]},
        },
    }
    policy = home.create_policy(
        Name="sandbox-region-deny",
        Description=f"Keeps the sandbox out of {FENCED_REGION}.",
        Type="SERVICE_CONTROL_POLICY",
        Content=document([statement]),
    )
    home.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=units[FENCED_UNIT])


def _networks() -> None:
    """Make the default network of every account and region; moto would draw its ids in the order of the first calls."""
    for account in ACCOUNTS:
        for region in (*REGIONS_BY_DEFAULT, OPT_IN_REGION):
            ec2_backends[account.id][region]


def _caller() -> AccessKey:
    iam = iam_backends[MANAGEMENT.id]["aws"]
    iam.create_user(_HOME_REGION, "orgaudit")
    return iam.create_access_key("orgaudit")
