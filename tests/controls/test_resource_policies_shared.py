"""What the controls on policies of repositories, vaults, domains, file systems, APIs and roles say."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls.apigateway import apigateway_rest_api_policy_restricted as api_restricted
from orgaudit.controls.backup import backup_vault_policy_restricted as vault_restricted
from orgaudit.controls.declare import Control
from orgaudit.controls.ecr import ecr_repository_policy_restricted as repository_restricted
from orgaudit.controls.efs import efs_file_system_policy_restricted as file_system_restricted
from orgaudit.controls.iam.trust import iam_role_trust_restricted as role_restricted
from orgaudit.controls.opensearch import opensearch_domain_policy_restricted as domain_restricted
from orgaudit.facts.opensearch import SearchDomain, SearchDomainPolicy
from tests.controls.test_resource_policies import ORGANIZATION, common
from tests.factories import (
    MEMBER,
    NASTY,
    OUTSIDER,
    Case,
    asking,
    denied,
    every,
    failing,
    name_of,
    passing,
    unseen,
)
from tests.factories_efs import a_file_system
from tests.factories_resource_policies import (
    API,
    BACKUP_VAULT,
    DOMAIN,
    FILE_SYSTEM,
    METHODS,
    REPOSITORY,
    ROLE,
    a_backup_vault,
    a_domain,
    a_repository,
    a_role,
    allow,
    an_api,
    arn,
    with_detail,
)


def without_resource(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement as policies of repositories and roles have it."""
    return {name: value for name, value in statement.items() if name != "Resource"}


def inside(operator: str = "Bool", value: str = "true", **more: Any) -> dict[str, Any]:
    """What the EFS console writes: everyone, by a mount target."""
    condition = {operator: {"elasticfilesystem:AccessedViaMountTarget": value}, **more}
    return allow(action="elasticfilesystem:ClientMount", Condition=condition)


OF_FILE_SYSTEMS = (
    passing("everyone by a mount target", *FILE_SYSTEM(inside()), says="does not allow public access"),
    passing("a mount target and TLS", *FILE_SYSTEM(inside("Bool", "True", StringEquals={"aws:x": "y"}))),
    passing(
        "no policy, as the network decides",
        *FILE_SYSTEM(),
        says="only clients that reach a mount target over the network",
    ),
    failing(
        "everyone beside a mount target", *FILE_SYSTEM(inside(), allow()), says="statement open allows sqs:SendMessage"
    ),
    asking("all but mount targets", *FILE_SYSTEM(inside(value="false")), says="a person must review"),
    asking("a mount target, if there is one", *FILE_SYSTEM(inside("BoolIfExists")), says="a person must review"),
)

INVOKE = {"action": "execute-api:Invoke", "Resource": METHODS}
OF_APIS = (
    passing("no policy, as methods decide", *API(), says="access depends on the authorization of each method"),
    failing("every method", *API(allow("*", **INVOKE)), says="allows execute-api:Invoke to the public"),
    passing(
        "one VPC endpoint",
        *API(allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}, **INVOKE)),
    ),
    passing("one network", *API(allow("*", Condition={"IpAddress": {"aws:SourceIp": "8.8.8.0/24"}}, **INVOKE))),
)


def domain_with(domain: SearchDomain, *statements: dict[str, Any]) -> tuple[Any, ...]:
    return with_detail(domain, SearchDomainPolicy)(*statements)


EVERYTHING = {"action": "es:*", "Resource": arn("es", "domain/logs/*")}
IN_VPC, SIGNED_IN = a_domain(vpc_id="vpc-1"), a_domain(signs_in=True)
OF_DOMAINS = (
    failing("everything in it", *DOMAIN(allow("*", **EVERYTHING)), says="allows es:* to the public"),
    passing(
        "a network",
        *DOMAIN(allow("*", Condition={"IpAddress": {"aws:SourceIp": "8.8.8.0/24"}}, **EVERYTHING)),
    ),
    asking("open in a VPC", *domain_with(IN_VPC, allow("*", **EVERYTHING)), says="but only what reaches VPC vpc-1"),
    asking("open, with a sign-in", *domain_with(SIGNED_IN, allow("*", **EVERYTHING)), says="requires a sign-in"),
    passing("closed in a VPC", *domain_with(IN_VPC, allow({"AWS": MEMBER}, **EVERYTHING))),
    passing("closed, with a sign-in", *domain_with(SIGNED_IN, allow({"AWS": MEMBER}, **EVERYTHING))),
    passing("no policy in a VPC", *domain_with(IN_VPC)),
    passing("closed, VPC not seen", *domain_with(a_domain(vpc_id=denied()), allow({"AWS": MEMBER}, **EVERYTHING))),
    unseen("open, VPC not seen", *domain_with(a_domain(vpc_id=denied()), allow("*", **EVERYTHING))),
    unseen("open, sign-in not seen", *domain_with(a_domain(signs_in=denied()), allow("*", **EVERYTHING))),
    asking(
        "in a VPC, sign-in not seen",
        *domain_with(a_domain(vpc_id="vpc-1", signs_in=denied()), allow("*", **EVERYTHING)),
        says="but only what reaches VPC vpc-1",
    ),
)

ASSUME = {"action": "sts:AssumeRole"}
OF_ROLES = (
    passing("a service", *ROLE(without_resource(allow({"Service": "ec2.amazonaws.com"}, **ASSUME)))),
    passing("a provider", *ROLE(allow({"Federated": f"arn:aws:iam::{MEMBER}:saml-provider/sso"}, **ASSUME))),
    passing("everyone of the organization, by role", *ROLE(without_resource(allow(Condition=ORGANIZATION, **ASSUME)))),
    failing("everyone, by role", *ROLE(without_resource(allow(**ASSUME))), says="sts:AssumeRole to the public"),
)
OF_REPOSITORIES = (
    passing("another account", *REPOSITORY(without_resource(allow({"AWS": OUTSIDER}, action="ecr:BatchGetImage")))),
    failing(
        "everyone may pull",
        *REPOSITORY(without_resource(allow("*", action="ecr:BatchGetImage"))),
        says="allows ecr:BatchGetImage to the public",
    ),
)

CASES: dict[Control, tuple[Case, ...]] = {
    repository_restricted: (
        *common(REPOSITORY),
        *OF_REPOSITORIES,
        unseen("denied", a_repository(), denied("ecr:GetRepositoryPolicy")),
    ),
    vault_restricted: (
        *common(BACKUP_VAULT),
        unseen("denied", a_backup_vault(), denied("backup:GetBackupVaultAccessPolicy")),
    ),
    domain_restricted: (
        *common(DOMAIN),
        *OF_DOMAINS,
        unseen("denied", a_domain(), denied("es:DescribeDomains")),
        unseen("denied in a VPC", IN_VPC, denied("es:DescribeDomains")),
    ),
    file_system_restricted: (
        *common(FILE_SYSTEM),
        *OF_FILE_SYSTEMS,
        unseen("denied", a_file_system(), denied("elasticfilesystem:DescribeFileSystemPolicy")),
    ),
    api_restricted: (*common(API), *OF_APIS, unseen("denied", an_api(), denied("apigateway:GET"))),
    role_restricted: (
        *common(ROLE),
        *OF_ROLES,
        unseen("denied", a_role(), denied("iam:GetAccountAuthorizationDetails")),
    ),
}
NASTY_RESOURCES = (a_repository(NASTY), a_backup_vault(NASTY), a_domain(NASTY), an_api(NASTY), a_role(NASTY))


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason
