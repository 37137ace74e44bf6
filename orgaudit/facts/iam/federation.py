"""Where people and programs come from: SAML and OIDC providers, and instances of IAM Identity Center."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.model import GLOBAL, Scope


class Protocol(StrEnum):
    """How an identity provider vouches for those that it sends."""

    SAML = "SAML"
    OIDC = "OIDC"


class IdentityProvider(Resource, frozen=True, kw_only=True):
    """An identity provider that the account knows."""

    protocol: Protocol


class IdentityCenter(Resource, frozen=True, kw_only=True):
    """An instance of IAM Identity Center, in the account that owns it and the region where it is."""

    status: str = ""

    @property
    def active(self) -> bool:
        """Whether people can sign in with it."""
        return self.status in {"", "ACTIVE"}


@collector(scope=Scope.ACCOUNT, actions=("iam:ListSAMLProviders", "iam:ListOpenIDConnectProviders"))
async def identity_providers(aws: Aws) -> AsyncIterator[IdentityProvider]:
    """Yield every SAML and every OIDC provider."""
    saml = (await aws.call("iam", "ListSAMLProviders")).get("SAMLProviderList", ())
    oidc = (await aws.call("iam", "ListOpenIDConnectProviders")).get("OpenIDConnectProviderList", ())
    for protocol, found in ((Protocol.SAML, saml), (Protocol.OIDC, oidc)):
        for each in found:
            yield IdentityProvider(arn=each["Arn"], account_id=aws.account_id, region=GLOBAL, protocol=protocol)


@collector(scope=Scope.REGIONAL, actions=("sso:ListInstances",))
async def identity_centers(aws: Aws) -> AsyncIterator[IdentityCenter]:
    """Yield the instances that the region shows: own ones, and the organization's."""
    async for page in aws.pages("sso-admin", "ListInstances"):
        for each in page.get("Instances", ()):
            yield IdentityCenter(
                arn=each["InstanceArn"],
                account_id=each.get("OwnerAccountId") or aws.account_id,
                region=aws.region,
                status=each.get("Status", ""),
            )
