"""What the collectors make of policies that come with a listing: of domains, REST APIs and roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from orgaudit.analysis.resource_policies import openings_in
from orgaudit.controls.apigateway import apigateway_stage_access_logging_enabled
from orgaudit.facts.apigateway import RestApiStage, rest_api_policy, rest_api_stages, rest_apis
from orgaudit.facts.iam.authorization import roles
from orgaudit.facts.iam.trust import role_trust
from orgaudit.facts.opensearch import SearchDomain, search_domain_policy, search_domains
from orgaudit.facts.rows import RowError
from orgaudit.languages.iam_policy import PolicyError
from orgaudit.model import UNKNOWN, NotSeenError, Seen, Status, shown
from tests.factories import HOME, MEMBER, NOW
from tests.factories_resource_policies import METHODS, a_domain, a_role, allow, an_api, text
from tests.literal_aws import Answers, Refused, aws, drained

POLICY = text(allow())


# Domains


def status(name: str, **more: Any) -> dict[str, Any]:
    """A domain with the settings that `a_domain` has, and no fine-grained access control."""
    log = {"CloudWatchLogsLogGroupArn": f"arn:aws:logs:{HOME}:{MEMBER}:log-group:search", "Enabled": True}
    nodes = {"InstanceCount": 3, "ZoneAwarenessEnabled": True}
    values: dict[str, Any] = {
        "DomainId": f"{MEMBER}/{name}",
        "DomainName": name,
        "ARN": a_domain(name).arn,
        "EngineVersion": "OpenSearch_2.11",
        "ClusterConfig": nodes | {"DedicatedMasterEnabled": True, "DedicatedMasterCount": 3},
        "EncryptionAtRestOptions": {"Enabled": True},
        "NodeToNodeEncryptionOptions": {"Enabled": True},
        "LogPublishingOptions": {"AUDIT_LOGS": log, "ES_APPLICATION_LOGS": log},
        "DomainEndpointOptions": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
        "ServiceSoftwareOptions": {"UpdateAvailable": False},
    }
    return values | {"AdvancedSecurityOptions": {"Enabled": False}} | more


def domains(*found: dict[str, Any]) -> Answers:
    by_name = {each["DomainName"]: each for each in found}

    def described(DomainNames: list[str]) -> Mapping[str, Any]:  # noqa: N803 - as the operation calls it
        return {"DomainStatusList": [by_name[name] for name in DomainNames]}

    names = [{"DomainName": name, "EngineType": "OpenSearch"} for name in by_name]
    return {("opensearch", "ListDomainNames"): {"DomainNames": names}, ("opensearch", "DescribeDomains"): described}


VPC = {"VPCOptions": {"VPCId": "vpc-1", "SubnetIds": ["subnet-1"]}}
SWITCHED_OFF = {"CloudWatchLogsLogGroupArn": "arn", "Enabled": False}
NO_MASTERS = {"ClusterConfig": {"InstanceCount": 2, "ZoneAwarenessEnabled": False, "DedicatedMasterEnabled": False}}
SIGN_IN = {"Enabled": True, "InternalUserDatabaseEnabled": True}


async def test_domains_are_described_five_at_a_time() -> None:
    at = aws(domains(*(status(f"logs-{number}") for number in range(7))))
    assert await drained(search_domains(at)) == [a_domain(f"logs-{number}", fine_grained=False) for number in range(7)]
    assert [len(call.parameters["DomainNames"]) for call in at.world.asked("DescribeDomains")] == [5, 2]
    assert at.world.actions == {"es:ListDomainNames", "es:DescribeDomains"}


@pytest.mark.parametrize(
    ("more", "values"),
    [
        ({}, {}),
        ({"VPCOptions": {}}, {}),
        (VPC, {"vpc_id": "vpc-1"}),
        ({"AdvancedSecurityOptions": SIGN_IN}, {"signs_in": True, "fine_grained": True}),
        ({"AdvancedSecurityOptions": SIGN_IN | {"AnonymousAuthEnabled": True}}, {"fine_grained": True}),
        ({"AdvancedSecurityOptions": {"Enabled": False}}, {}),
        ({"LogPublishingOptions": {"AUDIT_LOGS": {"Enabled": True}}}, {"logs": frozenset()}),
        ({"LogPublishingOptions": {"AUDIT_LOGS": SWITCHED_OFF}}, {"logs": frozenset()}),
        (NO_MASTERS, {"data_nodes": 2, "zone_aware": False, "masters": 0}),
    ],
    ids=[
        *("public", "public, in other words", "VPC", "sign-in", "anonymous", "no sign-in"),
        *("no log group", "log switched off", "no masters"),
    ],
)
async def test_what_holds_a_domain(more: dict[str, Any], values: dict[str, Any]) -> None:
    assert await drained(search_domains(aws(domains(status("logs", **more))))) == [
        a_domain(**{"fine_grained": False} | values)
    ]


@pytest.mark.parametrize(
    ("more", "lacking"),
    [
        ({"Endpoints": {"vpc": "vpc-logs.example.com"}}, "VPCOptions"),
        ({"VPCOptions": {"SubnetIds": ["subnet-1"]}}, "VPCId"),
        ({"AdvancedSecurityOptions": {}}, "Enabled"),
    ],
)
async def test_what_holds_a_domain_is_not_seen(more: dict[str, Any], lacking: str) -> None:
    (domain,) = await drained(search_domains(aws(domains(status("logs", **more)))))
    assert isinstance(domain, SearchDomain)
    with pytest.raises(NotSeenError, match=lacking):
        _ = domain.vpc_id.value, domain.signs_in.value


async def test_domain_without_a_name_leaves_the_others() -> None:
    names = {"DomainNames": [{"EngineType": "OpenSearch"}, {"DomainName": "logs"}]}
    listing = search_domains(aws({**domains(status("logs")), ("opensearch", "ListDomainNames"): names}))
    assert await anext(listing) == a_domain(fine_grained=False)
    with pytest.raises(RowError):
        await anext(listing)


async def test_domain_that_is_being_deleted_is_none() -> None:
    assert await drained(search_domains(aws(domains(status("logs", Deleted=True))))) == []


async def test_no_domains_need_no_second_call() -> None:
    at = aws(domains())
    assert await drained(search_domains(at)) == []
    assert [call.operation for call in at.world.calls] == ["ListDomainNames"]


async def test_policies_of_domains_come_with_the_list() -> None:
    at = aws(domains(status("open", AccessPolicies=POLICY), status("plain", AccessPolicies="")))
    found = [await search_domain_policy(at, each) async for each in search_domains(at)]
    assert [policy.document and policy.document["Statement"][0]["Sid"] for policy in found] == ["open", None]
    assert len(at.world.calls) == 2


@pytest.mark.parametrize("operation", ["ListDomainNames", "DescribeDomains"])
async def test_domains_denied(operation: str) -> None:
    at = aws({**domains(status("logs")), ("opensearch", operation): Refused()})
    with pytest.raises(NotSeenError) as raised:
        await drained(search_domains(at))
    assert raised.value.gap.action == f"es:{operation}"
    with pytest.raises(NotSeenError):
        await search_domain_policy(at, a_domain())


async def test_policy_of_a_domain_that_the_answer_lacks() -> None:
    with pytest.raises(KeyError, match="AccessPolicies"):
        await search_domain_policy(aws(domains(status("logs"))), a_domain())


async def test_domain_with_a_policy_that_is_none() -> None:
    with pytest.raises(PolicyError):
        await search_domain_policy(aws(domains(status("logs", AccessPolicies="{}"))), a_domain())


# REST APIs

ESCAPED = json.dumps(POLICY)[1:-1].replace("/", "\\/")
"""A policy as API Gateway returns it: the inside of a JSON string, with even its slashes escaped."""


def apis(*found: dict[str, Any]) -> Answers:
    return {("apigateway", "GetRestApis"): [{"items": [each]} for each in found]}


def one(api_id: str = "abc", *types: str, **more: Any) -> dict[str, Any]:
    return {"id": api_id, "name": "orders", "endpointConfiguration": {"types": list(types or ("EDGE",))}, **more}


async def test_apis_page_by_page_with_their_endpoints() -> None:
    found = [one(), one("b", "PRIVATE", tags={"stage": "prod"}), one("c", "REGIONAL"), one("d", "EDGE")]
    assert await drained(rest_apis(aws(apis(*found)))) == [
        an_api(),
        an_api("b", private=True, tags={"stage": "prod"}),
        an_api("c"),
        an_api("d"),
    ]


async def test_stages_of_private_apis() -> None:
    stages = {("apigateway", "GetStages"): {"item": [{"stageName": "prod"}]}}
    found: Any = await drained(rest_api_stages(aws({**apis(one("a", "PRIVATE"), one("b")), **stages})))
    assert [stage.private.value for stage in found] == [True, False]


async def test_stages_of_an_api_whose_endpoints_are_not_seen() -> None:
    stages = {("apigateway", "GetStages"): {"item": [{"stageName": "prod"}]}}
    lacking = {"id": "a", "name": "orders"}
    listing = rest_api_stages(aws({**apis(lacking, {"name": "no id"}, one("b")), **stages}))
    hidden, seen = await anext(listing), await anext(listing)
    assert isinstance(hidden, RestApiStage)
    assert isinstance(seen, RestApiStage)
    assert (shown(hidden.private), seen.private, seen.api_id) == (UNKNOWN, Seen(value=False), "b")
    assert apigateway_stage_access_logging_enabled(hidden).status is Status.NOT_ASSESSED
    with pytest.raises(RowError):
        await anext(listing)


async def test_policies_of_apis_beside_one_without_an_id() -> None:
    at = aws(apis({"name": "no id"}, one(policy=POLICY)))
    assert (await rest_api_policy(at, an_api())).parsed is not None


@pytest.mark.parametrize("written", [POLICY, ESCAPED], ids=["plain", "escaped"])
async def test_policy_of_an_api_comes_with_the_list(written: str) -> None:
    at = aws(apis(one(policy=written), one("b")))
    assert len(await drained(rest_apis(at))) == 2
    found, other = await rest_api_policy(at, an_api()), await rest_api_policy(at, an_api("b"))
    assert found.parsed is not None
    assert (found.parsed.statements[0].sid, found.methods) == ("open", METHODS)
    assert [opening.certain for opening in openings_in(found)] == [True]
    assert (other.document, openings_in(other)) == (None, ())
    assert len(at.world.calls) == 2, "two pages, read once"


async def test_api_with_a_policy_that_is_none() -> None:
    for written in ("{}", "{\\", "no policy"):
        with pytest.raises(PolicyError):
            await rest_api_policy(aws(apis(one(policy=written))), an_api())


async def test_apis_denied() -> None:
    with pytest.raises(NotSeenError) as raised:
        await drained(rest_apis(aws({})))
    assert raised.value.gap.action == "apigateway:GET"
    with pytest.raises(NotSeenError):
        await rest_api_policy(aws({}), an_api())


# Roles


def role(name: str, trust: Any) -> dict[str, Any]:
    return {"RoleName": name, "Arn": a_role(name).arn, "CreateDate": NOW, "AssumeRolePolicyDocument": trust}


BULK = ("iam", "GetAccountAuthorizationDetails")


async def test_trust_of_roles_comes_with_the_bulk_read() -> None:
    trusting = without_resource(allow(action="sts:AssumeRole"))
    at = aws({BULK: {"RoleDetailList": [role("deploy", trusting), role("b", trusting)]}})
    found = [await role_trust(at, each) async for each in roles(at)]
    assert [(policy.arn, len(openings_in(policy))) for policy in found] == [(a_role().arn, 1), (a_role("b").arn, 1)]
    assert len(at.world.calls) == 1


def without_resource(statement: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in statement.items() if name != "Resource"}
    return {"Version": "2012-10-17", "Statement": [kept]}


async def test_trust_that_is_none() -> None:
    with pytest.raises(PolicyError):
        await role_trust(aws({BULK: {"RoleDetailList": [role("deploy", {})]}}), a_role())


async def test_role_without_a_trust_policy_leaves_the_others() -> None:
    trusting = without_resource(allow(action="sts:AssumeRole"))
    lacking = {name: value for name, value in role("b", {}).items() if name != "AssumeRolePolicyDocument"}
    at = aws({BULK: {"RoleDetailList": [lacking, {}, role("deploy", trusting)]}})
    assert (await role_trust(at, a_role())).parsed is not None
    with pytest.raises(KeyError, match="AssumeRolePolicyDocument"):
        await role_trust(at, a_role("b"))


async def test_trust_denied() -> None:
    with pytest.raises(NotSeenError) as raised:
        await role_trust(aws({}), a_role())
    assert raised.value.gap.action == "iam:GetAccountAuthorizationDetails"
