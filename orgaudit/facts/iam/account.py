"""What exists once in an account's IAM: the root user, the password policy, and the organization's root features."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.rows import Row
from orgaudit.model import GLOBAL, Observed, Scope, Seen, shown

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

    mfa: Observed[bool]
    password: Observed[bool]
    access_keys: Observed[int]
    signing_certificates: Observed[int]

    @property
    def has_credentials(self) -> bool:
        """Whether somebody could act as the root user without recovering its password.

        Raises NotSeenError where none was seen and one may be there.
        """
        kinds = (self.password, self.access_keys, self.signing_certificates)
        return any(isinstance(kind, Seen) and kind.value for kind in kinds) or any(kind.value for kind in kinds)

    @property
    def is_bare(self) -> bool:
        """Whether it was seen to have no credential of any kind."""
        return all(shown(kind) == 0 for kind in (self.password, self.access_keys, self.signing_certificates))


class RootVirtualDevices(Detail, frozen=True, kw_only=True):
    """The serial numbers of the virtual MFA devices that are assigned to the root user."""

    serial_numbers: tuple[str, ...] = ()


class PasswordPolicy(Resource, frozen=True, kw_only=True):
    """The rules for passwords of IAM users; `exists` False means that AWS's default applies.

    `max_age_days` and `remembered` are None where passwords do not expire and may be used again.
    """

    exists: bool
    min_length: Observed[int] = Seen(0)
    uppercase: Observed[bool] = Seen(False)
    lowercase: Observed[bool] = Seen(False)
    symbols: Observed[bool] = Seen(False)
    numbers: Observed[bool] = Seen(False)
    max_age_days: Observed[int | None] = Seen(None)
    remembered: int | None = None


class RootFeatures(Resource, frozen=True, kw_only=True):
    """The features with which an organization manages root access centrally.

    Only an account that administers them has it: where the management account has none, no feature is enabled.
    """

    enabled: tuple[str, ...] = ()


@collector(scope=Scope.ACCOUNT, actions=("iam:GetAccountSummary",))
async def root(aws: Aws) -> AsyncIterator[Root]:
    """Yield the root user."""
    summary = Row(aws, "iam:GetAccountSummary", (await aws.call("iam", "GetAccountSummary"))["SummaryMap"])
    yield Root(
        arn=f"arn:{aws.partition}:iam::{aws.account_id}:root",
        account_id=aws.account_id,
        region=GLOBAL,
        mfa=summary.read(lambda found: found["AccountMFAEnabled"] > 0),
        password=summary.read(lambda found: found["AccountPasswordPresent"] > 0),
        access_keys=summary.member("AccountAccessKeysPresent", int),
        signing_certificates=summary.member("AccountSigningCertificatesPresent", int),
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
    arn = f"arn:{aws.partition}:iam::{aws.account_id}:password-policy"
    if answer is None:
        yield PasswordPolicy(arn=arn, account_id=aws.account_id, region=GLOBAL, exists=False)
        return
    rules = Row(aws, "iam:GetAccountPasswordPolicy", answer["PasswordPolicy"])
    yield PasswordPolicy(
        arn=arn,
        account_id=aws.account_id,
        region=GLOBAL,
        exists=True,
        min_length=rules.member("MinimumPasswordLength", int),
        uppercase=rules.member("RequireUppercaseCharacters", bool),
        lowercase=rules.member("RequireLowercaseCharacters", bool),
        symbols=rules.member("RequireSymbols", bool),
        numbers=rules.member("RequireNumbers", bool),
        max_age_days=rules.read(_max_age),
        # Without it old passwords may be used again:
        # docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
        remembered=rules.found.get("PasswordReusePrevention"),
    )


def _max_age(rules: dict[str, Any]) -> int | None:
    """Return after how many days passwords expire, None for never. Where they never do, there need not be an age.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_PasswordPolicy.html
    """
    age: int | None = rules["MaxPasswordAge"] if rules.get("ExpirePasswords") else rules.get("MaxPasswordAge")
    return age if rules.get("ExpirePasswords", age) else None


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
