"""The organization, its units and accounts, delegated administrators, and the policy that denies a region."""

from datetime import datetime
from itertools import chain
from unittest.mock import patch

from moto.iam.models import iam_backends
from moto.organizations import utils as organization_ids
from moto.organizations.models import OrganizationsBackend, organizations_backends

from orgaudit.demo.accounts import (
    ACCOUNTS,
    ALLOWED_EVERYWHERE,
    DELEGATED_ADMINISTRATORS,
    DENIED_REGION,
    MANAGEMENT,
    OPT_IN_REGION,
    REGIONS_BY_DEFAULT,
    RESTRICTED_UNIT,
    ROLE_NAME,
    UNITS,
    DemoAccount,
    account_named,
)
from orgaudit.demo.emulated_organization import ACCOUNT_SERVICE
from orgaudit.demo.seeding.policies import add_role, document


def seed() -> None:
    """Create the organization with its units and accounts."""
    home = _organization()
    units = _units(home)
    for account in ACCOUNTS:
        _account(home, account, units[account.unit])
    for name, services in DELEGATED_ADMINISTRATORS.items():
        for service in services:
            home.register_delegated_administrator(AccountId=account_named(name).id, ServicePrincipal=service)
    _deny_region(home, units[RESTRICTED_UNIT])


def _organization() -> OrganizationsBackend:
    home = organizations_backends[MANAGEMENT.id]["aws"]
    # moto draws the ids of accounts at random and takes none from its callers.
    with patch.object(organization_ids, "make_random_account_id", return_value=MANAGEMENT.id):
        home.create_organization("us-east-1", FeatureSet="ALL")
    for service in (ACCOUNT_SERVICE, *chain.from_iterable(DELEGATED_ADMINISTRATORS.values())):
        home.enable_aws_service_access(ServicePrincipal=service)
    home.enable_policy_type(RootId=home.ou[0].id, PolicyType="SERVICE_CONTROL_POLICY")
    return home


def _units(home: OrganizationsBackend) -> dict[str, str]:
    """Create the units and return the id of each by its path, the root's under the empty path."""
    ids = {"": home.ou[0].id}
    for path in UNITS:
        parent, _, name = path.rpartition("/")
        unit = home.create_organizational_unit(Name=name, ParentId=ids[parent])
        ids[path] = unit["OrganizationalUnit"]["Id"]
    return ids


def _account(home: OrganizationsBackend, account: DemoAccount, unit_id: str) -> None:
    mailbox = f"aws+{account.name.lower().replace(' ', '-')}@meridian.example"
    if account is not MANAGEMENT:
        with patch.object(organization_ids, "make_random_account_id", return_value=account.id):
            home.create_account(AccountName=account.name, Email=mailbox)
    made = home.get_account_by_id(account.id)
    made.name, made.email = account.name, mailbox
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


def _deny_region(home: OrganizationsBackend, unit_id: str) -> None:
    """Attach the region deny policy to a unit, in the form that Control Tower gives it."""
    regions = sorted({*REGIONS_BY_DEFAULT, OPT_IN_REGION} - {DENIED_REGION})
    statement = {
        "Sid": "RegionDeny",
        "Effect": "Deny",
        "NotAction": ALLOWED_EVERYWHERE,
        "Resource": "*",
        "Condition": {
            "StringNotEquals": {"aws:RequestedRegion": regions},
            "ArnNotLike": {"aws:PrincipalARN": ["arn:*:iam::*:role/AWSControlTowerExecution"]},
        },
    }
    policy = home.create_policy(
        Name="sandbox-region-deny",
        Description=f"Denies {DENIED_REGION} to the sandbox.",
        Type="SERVICE_CONTROL_POLICY",
        Content=document([statement]),
    )
    home.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=unit_id)
