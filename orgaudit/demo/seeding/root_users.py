"""Root users and the contacts of accounts."""

from datetime import UTC, datetime, timedelta

from moto.account.models import account_backends
from moto.iam.models import iam_backends

from orgaudit.demo.accounts import MANAGEMENT, SECURITY_TOOLING_ID, assessed_accounts
from orgaudit.demo.extra_state import ExtraState, RootUser
from orgaudit.demo.seeding.policies import document

_REMOVED = RootUser(password=False)
"""A member's root user under central root access management."""
_ROOTS = {
    "Meridian Management": RootUser(mfa="hardware", used=timedelta(days=210)),
    "Shared Services": RootUser(mfa="virtual", used=timedelta(days=400)),
    "Payments Development": RootUser(mfa="virtual", used=timedelta(days=31)),
    "Mobile Development": RootUser(),
    "Sandbox Platform": RootUser(access_keys=1, used=timedelta(days=3)),
}
"""The accounts whose root user still has credentials."""
_WITHOUT_CONTACT = ("Mobile Development", "Sandbox Data Science")
_WITHOUT_SECURITY_CONTACT = ("Webshop Development", "Mobile Development", "Sandbox Platform", "Sandbox Data Science")
_DELEGATED = {
    "Sid": "SecurityToolingManagesPolicies",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{SECURITY_TOOLING_ID}:root"},
    "Action": ["organizations:CreatePolicy", "organizations:UpdatePolicy", "organizations:AttachPolicy"],
    "Resource": "*",
}


def seed(state: ExtraState) -> None:
    """Give every account its root user and its contacts, and the organization its central root management."""
    state.root_features[MANAGEMENT.id] = ("RootCredentialsManagement", "RootSessions")
    state.delegation[MANAGEMENT.id] = document([_DELEGATED])
    for account in assessed_accounts():
        state.roots[account.id] = _ROOTS.get(account.name, _REMOVED)
        _root_device(account.id, state.roots[account.id])
        if account.name not in _WITHOUT_CONTACT:
            state.contacts[account.id] = {
                "FullName": "Meridian Cloud Team",
                "CompanyName": "Meridian",
                "AddressLine1": "1 Harbour Street",
                "City": "Hamburg",
                "PostalCode": "20095",
                "CountryCode": "DE",
                "PhoneNumber": "+49 40 5550100",
            }
        if account.name not in _WITHOUT_SECURITY_CONTACT:
            account_backends[account.id]["aws"].put_alternate_contact(
                alternate_contact_type="SECURITY",
                email_address="security@meridian.example",
                name="Security Operations",
                phone_number="+49 40 5550199",
                title="On-call analyst",
            )


def _root_device(account: str, root: RootUser) -> None:
    if root.mfa == "virtual":
        device = iam_backends[account]["aws"].create_virtual_mfa_device("root-account-mfa-device", "/")
        device.enable_date = datetime(2021, 5, 3, tzinfo=UTC)
