"""Where people and programs sign in: SAML and OIDC providers, and instances of IAM Identity Center."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import each_row, listed
from orgaudit.model import GLOBAL, Observed, Scope


class FederationProtocol(StrEnum):
    """The protocol of an identity provider."""

    SAML = "SAML"
    OIDC = "OIDC"


class IdentityProvider(Resource, frozen=True, kw_only=True):
    """An identity provider that is registered in the account."""

    protocol: FederationProtocol


class IdentityCenter(Resource, frozen=True, kw_only=True):
    """An instance of IAM Identity Center, in the account that owns it and the region where it is.

    https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_InstanceMetadata.html
    """

    status: Observed[str]

    @property
    def active(self) -> bool:
        """Whether people can sign in with it; raises NotSeenError where its status was not seen."""
        return self.status.value == "ACTIVE"


@collector(scope=Scope.ACCOUNT, actions=("iam:ListSAMLProviders", "iam:ListOpenIDConnectProviders"))
async def identity_providers(aws: Aws) -> AsyncIterator[IdentityProvider]:
    """Yield every SAML and every OIDC provider."""
    saml = (await aws.call("iam", "ListSAMLProviders")).get("SAMLProviderList", ())
    oidc = (await aws.call("iam", "ListOpenIDConnectProviders")).get("OpenIDConnectProviderList", ())
    lists = (
        [(protocol, each) for each in found]
        for protocol, found in ((FederationProtocol.SAML, saml), (FederationProtocol.OIDC, oidc))
    )
    async for row in each_row(aws, "iam:ListSAMLProviders", lists):
        with row as (protocol, each):
            yield IdentityProvider(arn=each["Arn"], **here(aws, GLOBAL), protocol=protocol)


@collector(scope=Scope.REGIONAL, actions=("sso:ListInstances",))
async def identity_centers(aws: Aws) -> AsyncIterator[IdentityCenter]:
    """Yield the instances that the region shows: own ones, and the organization's."""
    async for row in listed(
        aws, "sso-admin", "ListInstances", "Instances", action="sso:ListInstances", omits_empty=True
    ):
        with row as each:
            yield IdentityCenter(
                arn=each["InstanceArn"],
                account_id=each["OwnerAccountId"],
                region=aws.region,
                status=row.member("Status", str),
            )
