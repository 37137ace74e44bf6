"""Policy documents: parsing, matching, decisions and grants."""

import json
import random
import re
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgaudit.languages.iam_policy import (
    Condition,
    Decision,
    Effect,
    Outcome,
    Policy,
    PolicyError,
    Principal,
    PrincipalKind,
    Request,
    Selection,
    Statement,
    decide,
    dump_policy,
    grants_of,
    parse_policy,
    principals_allowed,
    tokens_of,
)
from orgaudit.languages.iam_policy.wildcards import covers, matches, overlaps

ACCOUNT = "111122223333"
T = TypeVar("T")
Json = dict[str, Any]

TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:trails"
STREAMS = f"{GROUP}:log-stream:{ACCOUNT}_CloudTrail_us-east-1*"
CLOUDTRAIL = Principal(PrincipalKind.SERVICE, "cloudtrail.amazonaws.com")
BUCKET_OBJECT = "arn:aws:s3:::logs/a.txt"


def allow(**elements: Any) -> Json:
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | elements


def deny(**elements: Any) -> Json:
    return allow(**elements) | {"Effect": "Deny"}


def policy(*statements: Json, version: str = "2012-10-17") -> Policy:
    return parse_policy({"Version": version, "Statement": list(statements)})


def answer(
    *statements: Json,
    action: str = "s3:GetObject",
    resource: str | None = BUCKET_OBJECT,
    principal: Principal | None = None,
    context: Json | None = None,
) -> Decision:
    return decide([policy(*statements)], Request(action, resource, principal, context or {}))


def outcome(*statements: Json, **request: Any) -> Outcome:
    return answer(*statements, **request).outcome


class TestParse:
    DOCUMENT: ClassVar[Json] = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": ["a", "b"], "Sid": "Read"},
    }
    PARSED = Policy(
        (Statement(Effect.ALLOW, Selection(("s3:Get*",)), Selection(("a", "b")), sid="Read"),), version="2012-10-17"
    )

    @pytest.mark.parametrize(
        "document", [DOCUMENT, json.dumps(DOCUMENT), quote(json.dumps(DOCUMENT)), "\n " + json.dumps(DOCUMENT)]
    )
    def test_accepts_mapping_text_and_encoded_text(self, document: Any) -> None:
        assert parse_policy(document) == self.PARSED

    def test_keeps_a_plus_and_a_percent_sign(self) -> None:
        document = json.dumps({"Statement": allow(Resource="arn:aws:s3:::a+b%20c")})
        assert parse_policy(document) == parse_policy(quote(document))

    @pytest.mark.parametrize(
        ("element", "expected"),
        [
            ({"Principal": "*"}, [("*", "*")]),
            ({"Principal": {"AWS": "*"}}, [("AWS", "*")]),
            ({"Principal": {"AWS": ["1", "2"], "Service": "x"}}, [("AWS", "1"), ("AWS", "2"), ("Service", "x")]),
            ({"NotPrincipal": {"Federated": "f", "CanonicalUser": "c"}}, [("Federated", "f"), ("CanonicalUser", "c")]),
        ],
    )
    def test_reads_principals(self, element: Json, expected: Any) -> None:
        selection = policy(allow(**element)).statements[0].principal
        assert selection is not None
        assert [(p.kind.value, p.value) for p in selection.values] == expected
        assert selection.negated == ("NotPrincipal" in element)

    def test_condition_values_become_text(self) -> None:
        condition = {"Bool": {"a": True, "b": [False]}, "NumericLessThan": {"c": 3600}}
        assert policy(allow(Condition=condition)).statements[0].conditions == (
            Condition("Bool", "a", ("true",)),
            Condition("Bool", "b", ("false",)),
            Condition("NumericLessThan", "c", ("3600",)),
        )

    def test_a_condition_may_have_no_values(self) -> None:
        document = {"Statement": [allow(Condition={"IpAddress": {"aws:SourceIp": []}, "Bool": {}})]}
        parsed = parse_policy(document)
        assert parsed.statements[0].conditions == (Condition("IpAddress", "aws:SourceIp", ()),)
        assert parse_policy(dump_policy(parsed)) == parsed

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ("", "not JSON"),
            ("{", "not JSON"),
            pytest.param('{"a":' * 100_000, "nested too deeply", id="deep"),
            ("[]", "not a JSON object"),
            ("null", "not a JSON object"),
            ('{"Statement": [], "Statement": []}', "'Statement' occurs twice"),
            ("{}", "no Statement"),
            ({"Statement": ["x"]}, "statement 1 is not a JSON object"),
            ({"statement": []}, "unknown element 'statement'"),
            ({"Version": "2020-01-01", "Statement": []}, "Version '2020-01-01'"),
            ({"Version": 1, "Statement": []}, "Version holds 1"),
            ({"Statement": [allow(), {"Effect": "Allow"}]}, "statement 2 has neither Action nor NotAction"),
            ({"Statement": allow(NotAction="x")}, "both Action and NotAction"),
            ({"Statement": allow(NotResource="x")}, "both Resource and NotResource"),
            ({"Statement": allow(Principal="*", NotPrincipal="*")}, "both Principal and NotPrincipal"),
            ({"Statement": allow(Effect="allow")}, "Effect is 'allow'"),
            ({"Statement": {"Action": "*"}}, "Effect is None"),
            ({"Statement": allow(Effect=["Allow"])}, "Effect is"),
            ({"Statement": allow(action="x")}, "unknown element 'action'"),
            ({"Statement": allow(Action=[])}, "Action is empty"),
            ({"Statement": allow(Action=[1])}, "Action holds 1"),
            ({"Statement": allow(Principal="cloudtrail.amazonaws.com")}, "only '\\*' may stand"),
            ({"Statement": allow(Principal={})}, "Principal is empty"),
            ({"Statement": allow(Principal={"aws": "*"})}, "unknown element 'aws'"),
            ({"Statement": allow(Principal=["*"])}, "Principal is not a JSON object"),
            ({"Statement": allow(Condition=[])}, "Condition is not a JSON object"),
            ({"Statement": allow(Condition={"Bool": "x"})}, "Condition: Bool is not a JSON object"),
            ({"Statement": allow(Condition={"Bool": {"k": {}}})}, "Bool k holds"),
        ],
    )
    def test_says_what_is_malformed(self, document: Any, message: str) -> None:
        with pytest.raises(PolicyError, match=message):
            parse_policy(document)


class TestTrustOfCloudTrail:
    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({}, Outcome.ALLOWED),
            ({"StringEquals": {"aws:SourceArn": TRAIL}}, Outcome.ALLOWED),
            ({"ArnLike": {"AWS:SourceArn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"}}, Outcome.ALLOWED),
            ({"StringEquals": {"aws:SourceArn": TRAIL, "aws:SourceAccount": ACCOUNT}}, Outcome.ALLOWED),
            ({"StringEquals": {"aws:SourceAccount": "444455556666"}}, Outcome.NOT_ALLOWED),
            ({"StringEquals": {"aws:SourceArn": TRAIL + "-2"}}, Outcome.NOT_ALLOWED),
            ({"StringEquals": {"sts:ExternalId": "x"}}, Outcome.UNKNOWN),
            ({"StringEquals": {"aws:SourceAccount": "4", "sts:ExternalId": "x"}}, Outcome.NOT_ALLOWED),
        ],
    )
    def test_under_conditions(self, condition: Json, expected: Any) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
        context = {"aws:SourceArn": TRAIL, "aws:SourceAccount": ACCOUNT}
        found = answer(statement, action="sts:AssumeRole", resource=None, principal=CLOUDTRAIL, context=context)
        assert found.outcome is expected
        assert found.depends_on == (("sts:ExternalId",) if expected is Outcome.UNKNOWN else ())

    def test_another_service_is_not_trusted(self) -> None:
        statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        assert outcome(statement, action="sts:AssumeRole", principal=CLOUDTRAIL) is Outcome.NOT_ALLOWED


class TestWritingToLogGroup:
    @pytest.mark.parametrize(
        ("resource", "expected"),
        [
            ("*", Outcome.ALLOWED),
            (f"{GROUP}:*", Outcome.ALLOWED),
            (f"{GROUP}:log-stream:*", Outcome.ALLOWED),
            (f"{GROUP}*", Outcome.ALLOWED),
            (STREAMS, Outcome.ALLOWED),
            ([f"{GROUP}-other:*", f"{GROUP}:*"], Outcome.ALLOWED),
            (f"arn:aws:logs:*:{ACCOUNT}:log-group:*", Outcome.ALLOWED),
            (GROUP, Outcome.NOT_ALLOWED),
            (f"{GROUP}-other:*", Outcome.NOT_ALLOWED),
            (f"{STREAMS[:-1]}", Outcome.NOT_ALLOWED),
            (f"{STREAMS[:-1]}_x*", Outcome.NOT_ALLOWED),
            (GROUP.replace("us-east-1", "eu-west-1") + ":*", Outcome.NOT_ALLOWED),
            (f"{GROUP}:log-stream:${{aws:PrincipalAccount}}_CloudTrail_*", Outcome.UNKNOWN),
        ],
    )
    @pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents"])
    def test_resource(self, resource: Any, expected: Any, action: str) -> None:
        statement = allow(Action=["logs:CreateLogStream", "logs:PutLogEvents"], Resource=resource)
        assert outcome(statement, action=action, resource=STREAMS) is expected

    def test_two_resources_cover_the_family_together(self) -> None:
        statement = allow(Resource=["a/?*", "a/"])
        assert outcome(statement, resource="a/*") is Outcome.ALLOWED

    @pytest.mark.parametrize(
        ("resource", "expected"),
        [(f"{STREAMS[:-1]}_x", Outcome.DENIED), (f"{GROUP}-other:*", Outcome.ALLOWED)],
    )
    def test_a_deny_of_one_member_denies_the_family(self, resource: Any, expected: Any) -> None:
        assert outcome(allow(), deny(Resource=resource), resource=STREAMS) is expected

    @pytest.mark.parametrize(
        ("effect", "outside", "expected"),
        [
            ("Allow", "a/b*", Outcome.NOT_ALLOWED),
            ("Allow", "b/*", Outcome.ALLOWED),
            ("Deny", "a/b*", Outcome.DENIED),
            ("Deny", "a*", Outcome.ALLOWED),
        ],
    )
    def test_not_resource_asked_for_a_family(self, effect: str, outside: str, expected: Any) -> None:
        statement = {"Effect": effect, "Action": "*", "NotResource": outside}
        others = [allow()] if effect == "Deny" else []
        assert outcome(statement, *others, resource="a/*") is expected

    def test_two_policies_of_a_role_add_up(self) -> None:
        policies = [
            policy(allow(Action="logs:CreateLogStream", Sid="Create")),
            policy(allow(Action="logs:Put*", Sid="Put")),
        ]
        request = Request("logs:PutLogEvents", STREAMS)
        assert [decide(policies[:count], request).outcome for count in (1, 2)] == [Outcome.NOT_ALLOWED, Outcome.ALLOWED]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], Outcome.NOT_ALLOWED),
        ([allow()], Outcome.ALLOWED),
        ([deny()], Outcome.DENIED),
        ([allow(), deny()], Outcome.DENIED),
        ([allow(Action="S3:getobject")], Outcome.ALLOWED),
        ([allow(Action="s3:Get?bject")], Outcome.ALLOWED),
        ([allow(Action="s3:Get")], Outcome.NOT_ALLOWED),
        ([allow(Resource="arn:aws:s3:::LOGS/*")], Outcome.NOT_ALLOWED),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], Outcome.ALLOWED),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], Outcome.NOT_ALLOWED),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::logs/*"}], Outcome.NOT_ALLOWED),
        ([allow(), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::logs/*"}], Outcome.ALLOWED),
        ([allow(), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::x/*"}], Outcome.DENIED),
        ([allow(Resource="arn:aws:s3:::${aws:username}/*")], Outcome.UNKNOWN),
        ([allow(Resource="arn:aws:sqs:${aws:username}")], Outcome.NOT_ALLOWED),
        ([allow(Resource="arn:aws:s3:::${aws:username}/*"), allow()], Outcome.ALLOWED),
        ([allow(), deny(Resource="arn:aws:s3:::${aws:username}/*")], Outcome.UNKNOWN),
        ([deny(Resource="arn:aws:s3:::${aws:username}/*")], Outcome.NOT_ALLOWED),
        ([allow(Resource="arn:aws:s3:::logs/${*}")], Outcome.NOT_ALLOWED),
    ],
)
def test_decides(statements: list[Json], expected: Any) -> None:
    assert outcome(*statements) is expected


def test_older_version_takes_a_variable_literally() -> None:
    statement = allow(Resource="arn:aws:s3:::${aws:username}/*")
    decision = decide([policy(statement, version="2008-10-17")], Request("s3:GetObject", BUCKET_OBJECT))
    assert decision.outcome is Outcome.NOT_ALLOWED


UNKNOWN_CONDITION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow(Condition=UNKNOWN_CONDITION)], (Outcome.UNKNOWN, ("aws:PrincipalOrgID",))),
        ([allow(Condition=UNKNOWN_CONDITION), allow()], (Outcome.ALLOWED, ())),
        ([allow(), deny(Condition=UNKNOWN_CONDITION)], (Outcome.UNKNOWN, ("aws:PrincipalOrgID",))),
        ([deny(Condition=UNKNOWN_CONDITION)], (Outcome.NOT_ALLOWED, ())),
        ([allow(Condition=UNKNOWN_CONDITION), deny()], (Outcome.DENIED, ())),
        (
            [allow(Condition=UNKNOWN_CONDITION), deny(Condition={"Bool": {"aws:ViaAWSService": "true"}})],
            (Outcome.UNKNOWN, ("aws:PrincipalOrgID", "aws:ViaAWSService")),
        ),
        ([allow(Principal={"Service": "x"})], (Outcome.UNKNOWN, ("Principal",))),
        ([allow(Resource="${aws:userid}")], (Outcome.UNKNOWN, ("aws:userid",))),
    ],
)
def test_decision_names_the_keys_that_it_depends_on(statements: list[Json], expected: Any) -> None:
    found = answer(*statements)
    assert (found.outcome, found.depends_on) == expected


def test_an_action_without_resources_needs_the_bare_wildcard() -> None:
    assert outcome(allow(), resource=None) is Outcome.ALLOWED
    assert outcome(allow(Resource="arn:aws:s3:::*"), resource=None) is Outcome.NOT_ALLOWED
    assert outcome(allow(), deny(Resource="arn:aws:s3:::*"), resource=None) is Outcome.ALLOWED


ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/Reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/me"
USER = f"arn:aws:iam::{ACCOUNT}:user/me"


@pytest.mark.parametrize(
    ("named", "kind", "value", "expected"),
    [
        ("*", "Service", "cloudtrail.amazonaws.com", True),
        ({"AWS": "*"}, "AWS", USER, True),
        ({"AWS": ACCOUNT}, "AWS", USER, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "AWS", SESSION, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "AWS", ACCOUNT, True),
        ({"AWS": "444455556666"}, "AWS", USER, False),
        ({"AWS": USER}, "AWS", USER, True),
        ({"AWS": USER}, "AWS", f"arn:aws:iam::{ACCOUNT}:root", False),
        ({"AWS": ROLE}, "AWS", SESSION, True),
        ({"AWS": ROLE.replace("Reader", "Writer")}, "AWS", SESSION, False),
        ({"AWS": ROLE.replace("1111", "4444")}, "AWS", SESSION, False),
        ({"AWS": "AROAEXAMPLE"}, "AWS", SESSION, False),
        ({"Service": "EC2.amazonaws.com"}, "Service", "ec2.amazonaws.com", True),
        ({"AWS": "ec2.amazonaws.com"}, "Service", "ec2.amazonaws.com", False),
        ({"Federated": "f"}, "Federated", "f", True),
        ({"CanonicalUser": "c"}, "CanonicalUser", "d", False),
    ],
)
def test_principal(named: Any, kind: str, value: Any, expected: Any) -> None:
    principal = Principal(PrincipalKind(kind), value)
    assert (outcome(allow(Principal=named), principal=principal) is Outcome.ALLOWED) is expected
    assert (outcome(allow(NotPrincipal=named), principal=principal) is Outcome.ALLOWED) is not expected


YES, NO, UNSURE = Outcome.ALLOWED, Outcome.NOT_ALLOWED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "a", "a", YES),
        ("stringequals", "a", "a", YES),
        ("StringEquals", ["b", "a"], "a", YES),
        ("StringEquals", "a*", "ab", NO),
        ("StringEquals", "A", "a", NO),
        ("StringEquals", "a", (), NO),
        ("StringEqualsIfExists", "a", (), YES),
        ("StringEqualsIfExists", "a", "b", NO),
        ("StringEqualsIgnoreCase", "A", "a", YES),
        ("StringNotEquals", ["a", "b"], "b", NO),
        ("StringNotEquals", ["a", "b"], "c", YES),
        ("StringNotEquals", "a", (), YES),
        ("StringNotEqualsIgnoreCase", "A", "a", NO),
        ("StringLike", "a*c?", "abbcd", YES),
        ("StringLike", "a*c?", "abbc", NO),
        ("StringNotLike", "a*", "abc", NO),
        ("StringEquals", "${aws:username}", "a", UNSURE),
        ("StringEquals", "x-${aws:username}", "a", NO),
        ("StringLike", "a${*}", "ab", NO),
        ("ArnLike", "arn:aws:s3:::b*", "arn:aws:s3:::bucket", YES),
        ("ArnEquals", f"arn:aws:iam::{ACCOUNT}:role/*", ROLE, YES),
        ("ArnLike", "arn:*:us-east-1:*:log-group:trails", GROUP, NO),
        ("ArnLike", "arn:*", ROLE, UNSURE),
        ("ArnLike", "arn:aws:*:*:*:*", "none", NO),
        ("ArnNotLike", f"arn:aws:iam::{ACCOUNT}:role/*", ROLE, NO),
        ("ArnNotEquals", f"arn:aws:iam::{ACCOUNT}:user/*", ROLE, YES),
        ("Bool", True, "true", YES),
        ("Bool", "True", "false", NO),
        ("BoolIfExists", "false", (), YES),
        ("Null", "true", (), YES),
        ("Null", "true", "x", NO),
        ("Null", "false", "x", YES),
        ("Null", False, (), NO),
        ("NumericEquals", 10, "10.0", YES),
        ("NumericNotEquals", 10, "10", NO),
        ("NumericLessThan", 3600, "900", YES),
        ("NumericLessThan", 900, "900", NO),
        ("NumericLessThanEquals", 900, "900", YES),
        ("NumericGreaterThan", "1", "2", YES),
        ("NumericGreaterThanEquals", "3", "2", NO),
        ("NumericEquals", "ten", "10", UNSURE),
        ("DateGreaterThan", "2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z", YES),
        ("DateLessThan", "2024-01-01", "2024-06-01T00:00:00Z", NO),
        ("DateEquals", "2024-01-01T00:00:00Z", "1704067200", YES),
        ("DateNotEquals", "2024-01-01T00:00:00Z", "1704067200", NO),
        ("DateLessThanEquals", "soon", "1704067200", UNSURE),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", YES),
        ("IpAddress", ["192.0.2.1", "2001:db8::/32"], "2001:db8::1", YES),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", NO),
        ("IpAddress", "nonsense", "10.1.2.3", UNSURE),
        ("BinaryEquals", "QUI=", "QUI=", YES),
        ("ForAnyValue:StringEquals", ["a", "b"], ["x", "b"], YES),
        ("ForAnyValue:StringEquals", "a", ["x", "y"], NO),
        ("ForAnyValue:StringEquals", "a", (), NO),
        ("ForAnyValue:StringNotEquals", "a", ["a", "b"], YES),
        ("ForAnyValue:StringNotEquals", "a", ["a"], NO),
        ("ForAnyValue:StringEqualsIfExists", "a", (), NO),
        ("ForAllValues:StringLike", ["a*", "b"], ["ab", "b"], YES),
        ("ForAllValues:StringEquals", "a", ["a", "b"], NO),
        ("ForAllValues:StringEquals", "a", (), YES),
        ("ForAllValues:StringNotEquals", "a", ["b", "a"], NO),
        ("StringEquals", "a", ["x", "a"], YES),
        ("StringNotEquals", "a", ["x", "a"], NO),
        ("StringEquals", [], "a", NO),
        ("StringEqualsIfExists", [], (), YES),
        ("StringNotEquals", [], "a", YES),
        ("Null", [], "a", NO),
        ("ForAllValues:StringEquals", [], (), YES),
        ("ForAllValues:StringEquals", [], "a", NO),
        ("ForAnyValue:StringEquals", [], "a", NO),
        ("StringResembles", "a", "a", UNSURE),
        ("ForNoValues:StringEquals", "a", "a", UNSURE),
    ],
)
def test_condition_operator(operator: str, wanted: Any, value: Any, expected: Any) -> None:
    statement = allow(Condition={operator: {"aws:Key": wanted}})
    assert outcome(statement, context={"AWS:key": value}) is expected
    assert outcome(statement, context={"aws:other": value}) is UNSURE


def test_principals_allowed_leaves_out_denied_ones() -> None:
    found = principals_allowed(
        policy(
            deny(Principal="*"),
            allow(Principal={"AWS": [USER, "444455556666"], "Service": "x"}),
            allow(NotPrincipal={"AWS": "*"}),
        )
    )
    assert [(p.principal.value, p.account_id, p.excluded) for p in found] == [
        (USER, ACCOUNT, False),
        ("444455556666", "444455556666", False),
        ("x", None, False),
        ("*", None, True),
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(), [((), (), ())]),
        (allow(Action="*:*"), [((), (), ())]),
        (allow(Action=["s3:Get*", "**"]), [((), (), ())]),
        (allow(Resource="arn:*"), [((), (), ())]),
        (allow(Resource="arn:aws:*:*:*:*"), [((), (), ())]),
        (allow(Resource="arn:aws-us-gov:*"), [((), (), ())]),
        (allow(Resource="arn:aws:s3:::*"), []),
        (allow(Resource="${aws:username}"), []),
        (allow(Action="s3:*"), []),
        (allow(Action="iam:*"), []),
        (deny(), []),
        ({"Effect": "Allow", "Action": "*", "Principal": "*"}, []),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, [(("iam:*",), (), ())]),
        ({"Effect": "Allow", "NotAction": "*", "Resource": "*"}, []),
        ({"Effect": "Allow", "Action": "*", "NotResource": "a"}, [((), ("a",), ())]),
        ({"Effect": "Allow", "Action": "*", "NotResource": "*"}, []),
        (allow(Condition=UNKNOWN_CONDITION), [((), (), ("StringEquals aws:PrincipalOrgID o-1",))]),
    ],
)
def test_grants_everything(statement: Json, expected: Any) -> None:
    found = grants_of({"Version": "2012-10-17", "Statement": statement}).full
    assert [(grant.except_actions, grant.except_resources, grant.conditions) for grant in found] == expected


def test_full_grant_names_its_statement_and_conditions() -> None:
    (grant,) = grants_of({"Statement": [allow(Action="iam:*"), allow(Condition=UNKNOWN_CONDITION)]}).full
    assert (grant.statement, grant.conditions) == ("statement 2", ("StringEquals aws:PrincipalOrgID o-1",))


texts = st.text("ab:", max_size=6)
globs = st.text("ab*?", max_size=6)


def regex(glob: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in glob), re.DOTALL)


def members(glob: str, longest: int = 4) -> list[str]:
    names = [""]
    for name in names:
        names.extend(name + sign for sign in "abz" if len(name) < longest)
    return [name for name in names if regex(glob).fullmatch(name)]


@given(globs, texts)
def test_matcher_agrees_with_a_regular_expression(glob: str, text: str) -> None:
    assert matches(tokens_of(glob), text) == bool(regex(glob).fullmatch(text))


short_globs = st.text("ab*?", max_size=3)


@settings(deadline=None)
@given(st.lists(short_globs, max_size=3), short_globs)
def test_cover_and_overlap_agree_with_the_members(patterns: list[str], family: str) -> None:
    hits = [any(regex(pattern).fullmatch(name) for pattern in patterns) for name in members(family)]
    assert any(overlaps(tokens_of(pattern), tokens_of(family)) for pattern in patterns) >= any(hits)
    assert covers([tokens_of(pattern) for pattern in patterns], tokens_of(family)) <= all(hits)


@settings(deadline=None)
@given(st.lists(st.text("a*?", max_size=2), max_size=3), st.text("a*?", max_size=2))
def test_cover_and_overlap_are_exact_where_short_names_decide(patterns: list[str], family: str) -> None:
    hits = [any(regex(pattern).fullmatch(name) for pattern in patterns) for name in members(family, longest=5)]
    assert any(overlaps(tokens_of(pattern), tokens_of(family)) for pattern in patterns) == any(hits)
    assert covers([tokens_of(pattern) for pattern in patterns], tokens_of(family)) == all(hits)


def listed(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | list[T]]:
    return values | st.lists(values, min_size=1, max_size=2)


actions = listed(st.sampled_from(["*", "s3:*", "s3:Get*", "S3:getobject", "iam:*"]))
resources = listed(st.sampled_from(["*", BUCKET_OBJECT, "arn:aws:s3:::*", "arn:aws:sqs:*", "${aws:username}", "?"]))
principals = st.just("*") | st.dictionaries(
    st.sampled_from(["AWS", "Service"]), listed(st.sampled_from(["*", "x", ACCOUNT, USER])), min_size=1
)
conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "StringNotLike", "Null", "ForAllValues:StringLike", "Odd"]),
    st.dictionaries(st.sampled_from(["k:a", "k:b"]), listed(st.sampled_from(["a", "true", "${x}", True, 7]))),
    max_size=2,
)
statement_values = st.builds(
    lambda names, effect, action, resource, rest: {"Effect": effect, names[0]: action, names[1]: resource} | rest,
    st.tuples(st.sampled_from(["Action", "NotAction"]), st.sampled_from(["Resource", "NotResource"])),
    st.sampled_from(["Allow", "Deny"]),
    actions,
    resources,
    st.fixed_dictionaries({}, optional={"Principal": principals, "Condition": conditions, "Sid": texts}),
)
statement_lists = st.lists(statement_values, max_size=4)
requests = st.builds(
    Request,
    st.sampled_from(["s3:GetObject", "s3:*", "iam:ListUsers"]),
    st.sampled_from([None, BUCKET_OBJECT, "arn:aws:s3:::logs/*", "arn:aws:sqs:us-east-1:1:q"]),
    st.none() | st.just(Principal(PrincipalKind.AWS, USER)),
    st.dictionaries(st.sampled_from(["k:a", "K:B"]), st.sampled_from(["a", (), ["a", "b"]])),
)
LEAST_FIRST = [Outcome.DENIED, Outcome.NOT_ALLOWED, Outcome.UNKNOWN, Outcome.ALLOWED]


@given(statement_lists, st.sampled_from([None, "2008-10-17", "2012-10-17"]))
def test_dump_round_trip(statements: list[Json], version: str | None) -> None:
    parsed = parse_policy({"Statement": statements} | ({"Version": version} if version else {}))
    assert parse_policy(dump_policy(parsed)) == parsed
    assert parse_policy(quote(json.dumps(dump_policy(parsed)))) == parsed


@given(statement_lists, statement_values, requests)
def test_a_further_deny_never_allows_more(statements: list[Json], added: Json, request: Request) -> None:
    before = decide([policy(*statements)], request).outcome
    after = decide([policy(*statements, added | {"Effect": "Deny"})], request).outcome
    assert LEAST_FIRST.index(after) <= LEAST_FIRST.index(before)


@given(statement_lists, requests, st.randoms(use_true_random=False))
def test_order_and_grouping_of_statements_never_matter(
    statements: list[Json], request: Request, source: random.Random
) -> None:
    shuffled = source.sample(statements, len(statements))
    expected = decide([policy(*statements)], request)
    assert decide([policy(*shuffled)], request) == expected
    assert decide([policy(statement) for statement in shuffled], request) == expected
