"""The root user of an account, and the features with which an organization manages root access."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import Row
from orgaudit.model import GLOBAL, Observed, Scope, Seen, shown

ROOT_DEVICE = ":mfa/root-account-mfa-device"
"""How the serial number of a virtual MFA device for the root user ends."""
ELSEWHERE = (
    "AccountNotManagementOrDelegatedAdministrator",
    "AccountNotManagementOrDelegatedAdministratorException",
    "OrganizationNotFound",
    "OrganizationNotFoundException",
)
"""The errors in accounts that do not administer the features, as the API reference and the SDK spell them.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOrganizationsFeatures.html"""
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
        """Whether the root user can be used without recovering its password.

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
        **here(aws, GLOBAL),
        mfa=summary.read(lambda found: found["AccountMFAEnabled"] > 0),
        password=summary.read(lambda found: found["AccountPasswordPresent"] > 0),
        access_keys=summary.member("AccountAccessKeysPresent", int),
        signing_certificates=summary.member("AccountSigningCertificatesPresent", int),
    )


@detail(actions=("iam:ListVirtualMFADevices",))
async def root_virtual_devices(aws: Aws, root: Root) -> RootVirtualDevices:
    """Return which assigned virtual MFA devices are the root user's."""
    found = [
        device["SerialNumber"]
        async for page in aws.pages("iam", "ListVirtualMFADevices", AssignmentStatus="Assigned")
        for device in page["VirtualMFADevices"]
        if device.get("User", {}).get("Arn") == root.arn or device["SerialNumber"].endswith(ROOT_DEVICE)
    ]
    return RootVirtualDevices(arn=root.arn, serial_numbers=tuple(found))


@collector(scope=Scope.ACCOUNT, actions=("iam:ListOrganizationsFeatures",))
async def root_features(aws: Aws) -> AsyncIterator[RootFeatures]:
    """Yield the enabled features where the account administers them; no other account can read them."""
    answer = await aws.find("iam", "ListOrganizationsFeatures", (*ELSEWHERE, *NOT_ENABLED))
    if answer is not None:
        yield RootFeatures(
            arn=f"arn:{aws.partition}:iam::{aws.account_id}:organizations-features",
            **here(aws, GLOBAL),
            enabled=tuple(sorted(answer.get("EnabledFeatures", ()))),
        )
