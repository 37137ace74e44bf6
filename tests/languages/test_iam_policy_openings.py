"""Whom the policy of a resource lets in from outside: the cases that have a name, with the right answer to each."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from orgaudit.languages.iam_policy import Selection, openings_of, parse_policy
from tests.languages.openness import CLOSED, OPEN, UNSURE, openness

Json = dict[str, Any]

OWN, FRIEND = "111122223333", "444455556666"
QUEUE = f"arn:aws:sqs:eu-west-1:{OWN}:jobs"
BUCKET = "arn:aws:s3:::data"
ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}
OTHER_ORGS = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abc"}}
PLAIN_HTTP, TLS = ({"Bool": {"aws:SecureTransport": value}} for value in ("false", "true"))


def allow(principal: Any = "*", condition: Json | None = None, **more: Any) -> Json:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": [BUCKET, f"{BUCKET}/*"]}
    return statement | ({"Condition": condition} if condition else {}) | more


def deny(condition: Json | None = None, **more: Any) -> Json:
    return allow("*", condition, **more) | {"Effect": "Deny"}


def all_but(*principals: str, effect: str = "Deny") -> Json:
    rest = {key: value for key, value in allow(Effect=effect).items() if key != "Principal"}
    return rest | {"NotPrincipal": {"AWS": list(principals)}}


def when(operator: str, key: str, *values: Any) -> Json:
    return allow(condition={operator: {key: list(values)}})


def access(*statements: Json, version: str = "2012-10-17", resource: str | None = BUCKET) -> str:
    return openness({"Version": version, "Statement": list(statements)}, resource=resource)


NARROWER = [str(each) for each in ip_network("0.0.0.0/0").subnets(new_prefix=8)]
CASES: tuple[tuple[str, str, list[Json]], ...] = (
    # Principals
    ("everyone", OPEN, [allow()]),
    ("every AWS principal", OPEN, [allow({"AWS": "*"})]),
    ("everyone beside an account", OPEN, [allow({"AWS": [FRIEND, "*"]})]),
    ("everyone but an account", OPEN, [all_but(FRIEND, effect="Allow")]),
    ("nobody", CLOSED, [allow() | {"Effect": "Deny"}]),
    ("an account", CLOSED, [allow({"AWS": FRIEND})]),
    ("an account's root", CLOSED, [allow({"AWS": f"arn:aws:iam::{FRIEND}:root"})]),
    ("a canonical user", CLOSED, [allow({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"})]),
    ("a service", CLOSED, [allow({"Service": "logging.s3.amazonaws.com"})]),
    ("a SAML provider", CLOSED, [allow({"Federated": f"arn:aws:iam::{FRIEND}:saml-provider/x"})]),
    ("a public provider of web identities", OPEN, [allow({"Federated": "graph.facebook.com"})]),
    (
        "one application of a public provider",
        UNSURE,
        [allow({"Federated": "graph.facebook.com"}, {"StringEquals": {"graph.facebook.com:app_id": "1"}})],
    ),
    ("any canonical user", UNSURE, [allow({"CanonicalUser": "*"})]),
    ("any service", UNSURE, [allow({"Service": "*"})]),
    ("any federated user", UNSURE, [allow({"Federated": "*"})]),
    ("the root of any account", UNSURE, [allow({"AWS": "arn:aws:iam::*:root"})]),
    ("any principal of any account", UNSURE, [allow({"AWS": "arn:*:iam::*:*"})]),
    ("a role of any account", UNSURE, [allow({"AWS": "arn:aws:iam::*:role/x"})]),
    ("accounts that begin alike", UNSURE, [allow({"AWS": "1111*"})]),
    ("any SAML provider", UNSURE, [allow({"Federated": "arn:aws:iam::*:saml-provider/x"})]),
    ("any role of one account", CLOSED, [allow({"AWS": f"arn:aws:iam::{FRIEND}:role/*"})]),
    ("an unclear wildcard, but in the organization", CLOSED, [allow({"AWS": "arn:aws:iam::*:root"}, ORG)]),
    ("everyone but an unclear wildcard", UNSURE, [all_but("arn:aws:iam::*:root", effect="Allow")]),
    # Keys that name an owner
    ("the organization", CLOSED, [allow(condition=ORG)]),
    ("any organization", OPEN, [when("StringLike", "aws:PrincipalOrgID", "o-*")]),
    ("a star taken as it stands", CLOSED, [when("StringEquals", "aws:PrincipalOrgID", "o-*")]),
    ("organizations that begin alike", OPEN, [when("StringLike", "aws:PrincipalOrgID", "o-a*")]),
    ("all but the organization", OPEN, [when("StringNotEquals", "aws:PrincipalOrgID", "o-abc")]),
    ("the organization, if there is one", OPEN, [when("StringEqualsIfExists", "aws:PrincipalOrgID", "o-abc")]),
    ("for all of no values", OPEN, [when("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-abc")]),
    ("in no organization", OPEN, [when("Null", "aws:PrincipalOrgID", "true")]),
    ("signed by anyone", OPEN, [when("Null", "aws:PrincipalArn", "false")]),
    ("a unit of the organization", CLOSED, [when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abc/r-1/*")]),
    ("for all of no paths", OPEN, [when("ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-abc/*")]),
    ("two accounts", CLOSED, [when("StringEquals", "aws:PrincipalAccount", OWN, FRIEND)]),
    ("an account, by its signed requests", CLOSED, [when("StringEqualsIfExists", "kms:CallerAccount", OWN)]),
    ("a role of any account by condition", OPEN, [when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x")]),
    ("any role of one account by condition", CLOSED, [when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OWN}:*")]),
    ("a role's name at the end", UNSURE, [when("StringLike", "aws:PrincipalArn", "*:role/x")]),
    ("one endpoint", CLOSED, [when("StringEquals", "aws:SourceVpce", "vpce-1")]),
    ("one endpoint, if there is one", OPEN, [when("StringEqualsIfExists", "aws:SourceVpce", "vpce-1")]),
    ("one bucket", CLOSED, [when("ArnLike", "aws:SourceArn", BUCKET)]),
    ("one bucket, with stars for empty parts", CLOSED, [when("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:data")]),
    ("objects of one bucket", CLOSED, [when("ArnLike", "aws:SourceArn", f"{BUCKET}/*")]),
    ("any bucket", OPEN, [when("ArnLike", "aws:SourceArn", "arn:aws:s3:::*")]),
    ("buckets that begin alike", OPEN, [when("ArnLike", "aws:SourceArn", "arn:aws:s3:::data-*")]),
    ("any topic of one account", CLOSED, [when("ArnLike", "aws:SourceArn", f"arn:aws:sns:*:{OWN}:*")]),
    ("any topic", OPEN, [when("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:*")]),
    ("services and regions that begin alike", OPEN, [when("ArnLike", "aws:SourceArn", "arn:aws:sq*:eu-*:*:*")]),
    ("accounts that begin alike, by ARN", OPEN, [when("ArnLike", "aws:SourceArn", "arn:aws:sqs:*:98*:*")]),
    ("on behalf of an account", CLOSED, [when("StringEquals", "aws:SourceAccount", OWN)]),
    ("on behalf of any account", OPEN, [when("StringLike", "aws:SourceAccount", "*")]),
    ("any service by condition", UNSURE, [when("Bool", "aws:PrincipalIsAWSService", "true")]),
    # Keys that keep nobody out
    ("TLS", OPEN, [allow(condition=TLS)]),
    ("a user agent", OPEN, [when("StringEquals", "aws:UserAgent", "secret")]),
    ("a referer", OPEN, [when("StringLike", "aws:Referer", "https://example.com/*")]),
    ("a time", OPEN, [when("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z")]),
    ("a region", OPEN, [when("StringEquals", "aws:RequestedRegion", "eu-west-1")]),
    ("a prefix", OPEN, [when("StringLike", "s3:prefix", "public/*")]),
    ("an ACL", OPEN, [when("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")]),
    ("a sort of signature", OPEN, [when("StringEquals", "s3:authType", "REST-QUERY-STRING")]),
    ("a sort of principal", OPEN, [when("StringEquals", "aws:PrincipalType", "User")]),
    ("a tag of the caller's own", OPEN, [when("StringEquals", "aws:PrincipalTag/team", "red")]),
    ("the resource's account", OPEN, [when("StringEquals", "aws:ResourceAccount", OWN)]),
    ("the resource's organization", OPEN, [when("StringEquals", "aws:ResourceOrgID", "o-abc")]),
    ("through a service", OPEN, [when("StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com")]),
    ("a key of unknown meaning", UNSURE, [when("StringEquals", "es:unknown", "x")]),
    ("an operator of unknown meaning", UNSURE, [when("Resembles", "aws:SourceAccount", OWN)]),
    ("a key that another policy guards", UNSURE, [
        when("StringEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", f"arn:aws:kms:eu-west-1:{OWN}:key/1")
    ]),
    # Policy variables
    ("the resource's own organization", CLOSED, [when("StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}")]),
    ("the same, the other way round", CLOSED, [when("StringEquals", "aws:ResourceOrgID", "${aws:PrincipalOrgID}")]),
    ("the resource's own account", CLOSED, [when("StringEquals", "aws:PrincipalAccount", "${aws:ResourceAccount}")]),
    ("any but the own organization", OPEN, [when("StringNotEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}")]),
    ("a prefix of the caller's name", OPEN, [when("StringLike", "s3:prefix", "${aws:username}/*")]),
    ("a variable with a default", OPEN, [when("StringLike", "s3:prefix", "${aws:PrincipalOrgID, 'x'}/*")]),
    ("a role of the caller's own account", OPEN, [
        when("StringLike", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}:role/admin")
    ]),
    ("any tags, but not only those", OPEN, [
        when("ForAnyValue:StringEquals", "aws:TagKeys", "a"), deny({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}})
    ]),
    # Addresses
    ("one network", CLOSED, [when("IpAddress", "aws:SourceIp", "192.0.2.0/24")]),
    ("all addresses", OPEN, [when("IpAddress", "aws:SourceIp", "0.0.0.0/0")]),
    ("all addresses in two halves", OPEN, [when("IpAddress", "aws:SourceIp", "0.0.0.0/1", "128.0.0.0/1")]),
    ("all addresses in 256 parts", OPEN, [when("IpAddress", "aws:SourceIp", *NARROWER)]),
    ("every third network of that size left out", OPEN, [
        when("IpAddress", "aws:SourceIp", *(each for place, each in enumerate(NARROWER) if place % 3))
    ]),
    ("one /8", CLOSED, [when("IpAddress", "aws:SourceIp", "12.0.0.0/8")]),
    ("two that make a /7", OPEN, [when("IpAddress", "aws:SourceIp", "12.0.0.0/8", "13.0.0.0/8")]),
    ("all IPv6 addresses in two halves", OPEN, [when("IpAddress", "aws:SourceIp", "::/1", "8000::/1")]),
    ("one IPv6 network", CLOSED, [when("IpAddress", "aws:SourceIp", "2001:db8::/32")]),
    ("private addresses of any VPC", OPEN, [when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8")]),
    ("all but one network", OPEN, [when("NotIpAddress", "aws:SourceIp", "192.0.2.0/24")]),
    ("no network", UNSURE, [when("IpAddress", "aws:SourceIp", "office")]),
    # Lists without values
    ("of no networks", CLOSED, [when("IpAddress", "aws:SourceIp")]),
    ("of no organizations", CLOSED, [when("StringEquals", "aws:PrincipalOrgID")]),
    ("of no organizations, if there is one", OPEN, [when("StringEqualsIfExists", "aws:PrincipalOrgID")]),
    ("for all of none", OPEN, [when("ForAllValues:StringEquals", "aws:PrincipalOrgID")]),
    ("for any of none", CLOSED, [when("ForAnyValue:StringEquals", "aws:PrincipalOrgPaths")]),
    ("not of no organizations", OPEN, [when("StringNotEquals", "aws:PrincipalOrgID")]),
    ("an empty block", OPEN, [allow(Condition={})]),
    ("an empty operator", OPEN, [allow(Condition={"StringEquals": {}})]),
    # What a Deny takes back
    ("denied to all", CLOSED, [allow(), deny()]),
    ("denied to all other organizations", CLOSED, [allow(), deny(OTHER_ORGS)]),
    ("denied to all but an account", CLOSED, [allow(), all_but(FRIEND)]),
    ("denied to one account", OPEN, [allow(), deny() | {"Principal": {"AWS": FRIEND}}]),
    ("denied to the own organization", OPEN, [allow(), deny(ORG)]),
    ("denied over HTTP", OPEN, [allow(), deny(PLAIN_HTTP)]),
    ("denied over HTTP and over TLS", CLOSED, [allow(), deny(PLAIN_HTTP), deny(TLS)]),
    ("denied over the TLS that is required", CLOSED, [allow(condition=TLS), deny(TLS)]),
    ("denied to others over HTTP only", OPEN, [allow(), deny(OTHER_ORGS | PLAIN_HTTP)]),
    ("denied to others over the TLS that is required", CLOSED, [allow(condition=TLS), deny(OTHER_ORGS | TLS)]),
    ("denied to others who are no service", UNSURE, [
        allow(), deny(OTHER_ORGS | {"Bool": {"aws:PrincipalIsAWSService": "false"}})
    ]),
    ("denied to other accounts in no organization", OPEN, [
        allow(), deny({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-abc/*"}})
    ]),
    ("denied off one network", CLOSED, [allow(), deny({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}})]),
    ("denied off one network, if known", OPEN, [
        allow(), deny({"NotIpAddressIfExists": {"aws:SourceIp": "192.0.2.0/24"}, "Null": {"aws:SourceVpce": "true"}})
    ]),
    ("denied to a network", OPEN, [allow(), deny({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})]),
    ("denied by a condition of unknown meaning", UNSURE, [allow(), deny({"StringEquals": {"es:unknown": "x"}})]),
    ("denied after a time", UNSURE, [allow(), deny({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}})]),
    ("another action denied", OPEN, [allow(Action="s3:GetObject"), deny(OTHER_ORGS, Action="s3:PutObject")]),
    ("some actions denied", OPEN, [allow(), deny(Action="s3:Put*")]),
    ("all actions denied by a star", CLOSED, [allow(), deny(OTHER_ORGS, Action="*")]),
    ("every action denied by that of the service", CLOSED, [allow(Action="*"), deny(OTHER_ORGS)]),
    ("all but reading denied", OPEN, [allow(), {**deny(), "NotAction": "s3:GetObject"} | {"Action": None}]),
    ("another resource denied", OPEN, [allow(), deny(OTHER_ORGS, Resource=f"{BUCKET}-2/*")]),
    ("only the objects denied", OPEN, [allow(), deny(OTHER_ORGS, Resource=f"{BUCKET}/*")]),
    ("the bucket and its objects denied one by one", CLOSED, [
        allow(), deny(OTHER_ORGS, Resource=f"{BUCKET}/*"), deny(OTHER_ORGS, Resource=BUCKET)
    ]),
    ("two that share the actions", CLOSED, [allow(Action="s3:*"), deny(Action="s3:Get*"), {
        **{key: value for key, value in deny().items() if key != "Action"}, "NotAction": "s3:Get*"
    }]),
    ("all resources but what a variable names", OPEN, [
        {**allow(), "NotResource": "arn:aws:s3:::${aws:username}", "Resource": None}
    ]),
    ("all resources but all", CLOSED, [{**allow(), "NotResource": f"{BUCKET}*", "Resource": None}]),
    ("all actions but all", CLOSED, [{**allow(), "NotAction": "*", "Action": None}]),
    ("a Deny for another service", OPEN, [allow(Action="*"), deny(Action="sqs:*")]),
    ("any resource allowed, the own denied", CLOSED, [allow(Resource="*"), deny(OTHER_ORGS)]),
    ("a resource that a variable names denied", UNSURE, [allow(), deny(Resource="arn:aws:s3:::${aws:username}*")]),
    ("one of two statements", OPEN, [allow(condition=ORG), allow(Action="s3:GetObject")]),
)  # fmt: skip


@pytest.mark.parametrize(("expected", "statements"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_who_is_let_in(expected: str, statements: list[Json]) -> None:
    given = [{key: value for key, value in each.items() if value is not None} for each in statements]
    assert access(*given) is expected


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({name for name, _, _ in CASES}) == len(CASES) >= 60


def test_older_version_takes_a_variable_as_it_stands() -> None:
    statement = when("StringNotEquals", "aws:PrincipalOrgID", "${aws:PrincipalOrgID}")
    assert access(statement) is OPEN  # by callers in no organization
    matched = when("StringEquals", "s3:prefix", "${aws:PrincipalOrgID}")
    assert access(matched, version="2008-10-17") is OPEN
    named = when("StringLike", "aws:SourceAccount", "${aws:SourceAccount}")
    assert (access(named), access(named, version="2008-10-17")) == (UNSURE, CLOSED)


def test_without_the_resource_a_deny_of_a_named_one_is_for_a_person() -> None:
    """Whether the Deny names the resource that the policy is on cannot be seen."""
    statements = (
        allow(Action="sqs:*", Resource="*"),
        deny(OTHER_ORGS, Action="sqs:*", Resource=QUEUE),
    )
    assert access(*statements, resource=None) is UNSURE
    assert access(*statements, resource=QUEUE) is CLOSED
    assert access(*statements, resource=f"{QUEUE}-2") is OPEN


def test_only_actions_that_stay_open_are_listed() -> None:
    document = {"Statement": [allow(Action=["s3:GetObject", "s3:PutObject"]), deny(OTHER_ORGS, Action="s3:PutObject")]}
    (opening,) = openings_of(parse_policy(document), resource=BUCKET)
    assert opening.actions == Selection(("s3:GetObject",))
    assert opening.through == "policy statement 1 allows s3:GetObject to the public"


def test_certain_and_uncertain_actions_are_two_openings() -> None:
    unclear = deny({"StringEquals": {"es:unknown": "x"}}, Action="s3:PutObject", Sid="Maybe")
    document = {"Statement": [allow(Action=["s3:GetObject", "s3:PutObject"]), unclear]}
    certain, perhaps = openings_of(parse_policy(document), resource=BUCKET)
    assert (certain.certain, certain.actions) == (True, Selection(("s3:GetObject",)))
    assert (perhaps.certain, perhaps.actions) == (False, Selection(("s3:PutObject",)))
    assert perhaps.through == "policy statement 1 allows s3:PutObject to the public, unless Maybe denies it"


def test_a_deny_of_something_else_is_not_named() -> None:
    allowed = when("StringEquals", "es:unknown", "x")
    for elsewhere in (deny(Action="sqs:*"), deny(Resource="arn:aws:s3:::other/*"), allow({"AWS": FRIEND})):
        (opening,) = openings_of(parse_policy({"Statement": [allowed, elsewhere]}), resource=BUCKET)
        assert opening.through == "policy statement 1 allows s3:* to the public under StringEquals es:unknown x"


def test_an_unclear_wildcard_is_named() -> None:
    (opening,) = openings_of(parse_policy({"Statement": [allow({"CanonicalUser": "*"})]}), resource=BUCKET)
    assert not opening.certain
    assert "principals whose wildcard AWS does not document (CanonicalUser *)" in opening.through


def test_many_conditions_end() -> None:
    """What would take too many combinations is left to a person, not tried for ever."""
    keys = [f"s3:ExistingObjectTag/{number}" for number in range(12)]
    denied = [
        deny({"StringEquals": {key: ["a", "b", "c"] for key in keys}}),
        deny({"StringLike": dict.fromkeys(keys, "d*")}),
    ]
    assert access(allow(), *denied) in (OPEN, UNSURE)


def unlimited(**elements: Any) -> Json:
    """An Allow of everything on everything."""
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | elements


CONDITIONED = [
    ({}, OPEN),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}, CLOSED),
    ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, OPEN),
    ({"StringEquals": {"AWS:SourceOwner": OWN}}, CLOSED),
    ({"StringEquals": {"kms:CallerAccount": OWN, "kms:ViaService": "s3"}}, CLOSED),
    ({"StringEquals": {"kms:ViaService": "s3"}}, OPEN),
    ({"StringEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}, CLOSED),
    ({"StringLike": {"aws:SourceAccount": [OWN, "*"]}}, OPEN),
    ({"StringNotEquals": {"aws:SourceAccount": OWN}}, OPEN),
    ({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}, OPEN),
    ({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}, OPEN),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}, CLOSED),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-1/*"}}, OPEN),
    ({"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}, CLOSED),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, CLOSED),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket-*"}}, OPEN),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN}:*"}}, CLOSED),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, OPEN),
    ({"StringLike": {"aws:PrincipalArn": "*"}}, OPEN),
    ({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}, UNSURE),
    ({"Null": {"aws:PrincipalArn": "false"}}, OPEN),
    ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, CLOSED),
    ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/0"]}}, OPEN),
    ({"IpAddress": {"aws:SourceIp": "2000::/3"}}, OPEN),
    ({"IpAddress": {"aws:SourceIp": "office"}}, UNSURE),
    ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, OPEN),
    ({"Bool": {"aws:SecureTransport": "true"}}, OPEN),
    ({"StringEquals": {"aws:PrincipalTag/team": "x"}}, OPEN),
    ({"StringEquals": {"es:unknown": "x"}}, UNSURE),
    ({"Resembles": {"aws:SourceAccount": OWN}}, UNSURE),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONED)
def test_public_under_a_condition(condition: Json, expected: str) -> None:
    assert access(unlimited(Principal={"AWS": "*"}, Condition=condition), resource=None) is expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (unlimited(Principal="*"), OPEN),
        (unlimited(Principal={"AWS": [OWN, "*"]}), OPEN),
        (unlimited(NotPrincipal={"AWS": OWN}), OPEN),
        (unlimited(NotPrincipal="*"), CLOSED),
        (unlimited(Principal={"AWS": OWN}), CLOSED),
        (unlimited(Principal={"Service": "sns.amazonaws.com"}), CLOSED),
        (unlimited(), CLOSED),
        (unlimited(Effect="Deny", Principal="*"), CLOSED),
    ],
)
def test_public_principal(statement: Json, expected: str) -> None:
    assert access(statement, resource=None) is expected
