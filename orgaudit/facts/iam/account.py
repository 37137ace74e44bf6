"""What exists once in an account's IAM: the root user, the password policy, and the organization's root features."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.model import GLOBAL, Scope

ROOT_DEVICE = ":mfa/root-account-mfa-device"
"""How the serial number of a virtual MFA device ends that was made for the root user."""
ELSEWHERE = (
    "AccountNotManagementOrDelegatedAdministrator",
    "AccountNotManagementOrDelegatedAdministratorException",
    "OrganizationNotFound",
    "OrganizationNotFoundException",
)
"""Only the accounts that administer the features are told of them; the API reference and the SDK spell the codes so."""
NOT_ENABLED = (
    "OrganizationNotInAllFeaturesMode",
    "OrganizationNotInAllFeaturesModeException",
    "ServiceAccessNotEnabled",
    "ServiceAccessNotEnabledException",
)


class Root(Resource, frozen=True, kw_only=True):
    """The root user of an account, and which credentials it has."""

    mfa: bool
    password: bool
    access_keys: int
    signing_certificates: int

    @property
    def has_credentials(self) -> bool:
        """Whether anybody could act as the root user without recovering its password."""
        return self.password or self.access_keys > 0 or self.signing_certificates > 0


class RootVirtualDevices(Detail, frozen=True, kw_only=True):
    """The serial numbers of the virtual MFA devices that are assigned to the root user."""

    serial_numbers: tuple[str, ...] = ()


class PasswordPolicy(Resource, frozen=True, kw_only=True):
    """The rules for passwords of IAM users; `exists` False means that AWS's default applies.

    `max_age_days` and `remembered` are None where passwords do not expire and may be used again.
    """

    exists: bool
    min_length: int = 0
    uppercase: bool = False
    lowercase: bool = False
    symbols: bool = False
    numbers: bool = False
    max_age_days: int | None = None
    remembered: int | None = None


class RootFeatures(Resource, frozen=True, kw_only=True):
    """The features with which an organization manages root access centrally.

    Only an account that administers them has it: where the management account has none, no feature is enabled.
    """

    enabled: tuple[str, ...] = ()


@collector(scope=Scope.ACCOUNT, actions=("iam:GetAccountSummary",))
async def root(aws: Aws) -> AsyncIterator[Root]:
    """Yield the root user."""
    summary: dict[str, int] = (await aws.call("iam", "GetAccountSummary"))["SummaryMap"]
    yield Root(
        arn=f"arn:{aws.partition}:iam::{aws.account_id}:root",
        account_id=aws.account_id,
        region=GLOBAL,
        mfa=summary["AccountMFAEnabled"] > 0,
        password=summary.get("AccountPasswordPresent", 1) > 0,  # where AWS does not tell, root has one
        access_keys=summary["AccountAccessKeysPresent"],
        signing_certificates=summary.get("AccountSigningCertificatesPresent", 0),
    )


@detail(actions=("iam:ListVirtualMFADevices",))
async def root_virtual_devices(aws: Aws, root: Root) -> RootVirtualDevices:
    """Read which assigned virtual MFA devices are the root user's."""
    found = [
        device["SerialNumber"]
        async for page in aws.pages("iam", "ListVirtualMFADevices", AssignmentStatus="Assigned")
        for device in page["VirtualMFADevices"]
        if device.get("User", {}).get("Arn") == root.arn or device["SerialNumber"].endswith(ROOT_DEVICE)
    ]
    return RootVirtualDevices(arn=root.arn, serial_numbers=tuple(found))


@collector(scope=Scope.ACCOUNT, actions=("iam:GetAccountPasswordPolicy",))
async def password_policy(aws: Aws) -> AsyncIterator[PasswordPolicy]:
    """Yield the password policy, whether one is set or not."""
    answer = await aws.find("iam", "GetAccountPasswordPolicy", ("NoSuchEntity",))
    rules: dict[str, Any] = answer["PasswordPolicy"] if answer else {}
    yield PasswordPolicy(
        arn=f"arn:{aws.partition}:iam::{aws.account_id}:password-policy",
        account_id=aws.account_id,
        region=GLOBAL,
        exists=answer is not None,
        min_length=rules.get("MinimumPasswordLength", 0),
        uppercase=rules.get("RequireUppercaseCharacters", False),
        lowercase=rules.get("RequireLowercaseCharacters", False),
        symbols=rules.get("RequireSymbols", False),
        numbers=rules.get("RequireNumbers", False),
        max_age_days=rules.get("MaxPasswordAge") if rules.get("ExpirePasswords") else None,
        remembered=rules.get("PasswordReusePrevention"),
    )


@collector(scope=Scope.ACCOUNT, actions=("iam:ListOrganizationsFeatures",))
async def root_features(aws: Aws) -> AsyncIterator[RootFeatures]:
    """Yield the enabled features where the account administers them; other accounts are told of none."""
    answer = await aws.find("iam", "ListOrganizationsFeatures", (*ELSEWHERE, *NOT_ENABLED))
    if answer is not None:
        yield RootFeatures(
            arn=f"arn:{aws.partition}:iam::{aws.account_id}:organizations-features",
            account_id=aws.account_id,
            region=GLOBAL,
            enabled=tuple(sorted(answer.get("EnabledFeatures", ()))),
        )
