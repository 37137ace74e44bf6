import contextlib
import operator
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orgaudit.languages.filter_pattern import (
    ABSENT,
    EITHER,
    AnythingBut,
    Event,
    EventCoverage,
    FilterPattern,
    Maybe,
    PatternError,
    evaluate,
    event_coverage,
    globs,
    matches_ordinary_calls,
    parse_pattern,
    prescribed,
)
from orgaudit.languages.filter_pattern.known import Fields, Known
from orgaudit.languages.filter_pattern.regex import compile_regex, search
from orgaudit.languages.filter_pattern.syntax import (
    And,
    Compare,
    Glob,
    Is,
    NotExists,
    Number,
    Operator,
    Or,
    Regex,
    Search,
    Term,
    Without,
)
from tests.languages.rendering import render

MAYBE = Maybe(AnythingBut())
TRUE, FALSE, UNKNOWN = True, False, None


def any_name(*names: str, form: str = "($.eventName = {})") -> str:
    return " || ".join(form.format(name) for name in names)


def sourced(source: str, names: str) -> str:
    return f"{{ ($.eventSource = {source}.amazonaws.com) && ({any_name(*names.split())}) }}"


def named(names: str) -> str:
    return f"{{ {any_name(*names.split())} }}"


TRAIL = "CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging"
IAM = (
    "DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy CreatePolicy "
    "DeletePolicy CreatePolicyVersion DeletePolicyVersion AttachRolePolicy DetachRolePolicy AttachUserPolicy "
    "DetachUserPolicy AttachGroupPolicy DetachGroupPolicy"
)
BUCKET = (
    "PutBucketAcl PutBucketPolicy PutBucketCors PutBucketLifecycle PutBucketReplication DeleteBucketPolicy "
    "DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication"
)
CONFIG = "StopConfigurationRecorder DeleteDeliveryChannel PutDeliveryChannel PutConfigurationRecorder"
GROUP = (
    "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress "
    "RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup"
)
ACL = (
    "CreateNetworkAcl CreateNetworkAclEntry DeleteNetworkAcl DeleteNetworkAclEntry ReplaceNetworkAclEntry "
    "ReplaceNetworkAclAssociation"
)
GATEWAY = (
    "CreateCustomerGateway DeleteCustomerGateway AttachInternetGateway CreateInternetGateway DeleteInternetGateway "
    "DetachInternetGateway"
)
ROUTE = (
    "CreateRoute CreateRouteTable ReplaceRoute ReplaceRouteTableAssociation DeleteRouteTable DeleteRoute "
    "DisassociateRouteTable"
)
VPC = (
    "CreateVpc DeleteVpc ModifyVpcAttribute AcceptVpcPeeringConnection CreateVpcPeeringConnection "
    "DeleteVpcPeeringConnection RejectVpcPeeringConnection AttachClassicLinkVpc DetachClassicLinkVpc "
    "DisableVpcClassicLink EnableVpcClassicLink"
)
ORGANIZATION = (
    "AcceptHandshake AttachPolicy CreateAccount CreateOrganizationalUnit CreatePolicy DeclineHandshake "
    "DeleteOrganization DeleteOrganizationalUnit DeletePolicy DetachPolicy DisablePolicyType EnablePolicyType "
    "InviteAccountToOrganization LeaveOrganization MoveAccount RemoveAccountFromOrganization UpdatePolicy "
    "UpdateOrganizationalUnit"
)
UNAUTHORIZED = '($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")'
NO_MFA = '($.eventName="ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes")'

CANONICAL = {
    "unauthorized 1.2": (f"{{ {UNAUTHORIZED} }}", prescribed.UNAUTHORIZED_CALLS),
    "unauthorized 1.4": (
        f'{{ {UNAUTHORIZED} || ($.sourceIPAddress!="delivery.logs.amazonaws.com") || ($.eventName!="HeadBucket") }}',
        prescribed.UNAUTHORIZED_CALLS,
    ),
    "unauthorized 4.0": (
        f'{{ {UNAUTHORIZED} && ($.sourceIPAddress!="delivery.logs.amazonaws.com") && ($.eventName!="HeadBucket") }}',
        prescribed.UNAUTHORIZED_CALLS,
    ),
    "unauthorized grouped": (
        f'{{ ($.eventName!="HeadBucket") && ($.sourceIPAddress!="delivery.logs.amazonaws.com") && ({UNAUTHORIZED}) }}',
        prescribed.UNAUTHORIZED_CALLS,
    ),
    "no mfa": (f"{{ {NO_MFA} }}", prescribed.SIGN_IN_WITHOUT_MFA),
    "no mfa, single sign-on": (
        f'{{ {NO_MFA} && ($.userIdentity.type="IAMUser") && ($.responseElements.ConsoleLogin="Success") }}',
        prescribed.SIGN_IN_WITHOUT_MFA,
    ),
    "root": (
        '{ $.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }',
        prescribed.ROOT_USAGE,
    ),
    "root reordered": (
        "{ $.eventType!=AwsServiceEvent&&($.userIdentity.invokedBy NOT  EXISTS)&&$.userIdentity.type=Root }",
        prescribed.ROOT_USAGE,
    ),
    "iam": (named(IAM), prescribed.IAM_POLICY_CHANGES),
    "cloudtrail": (named(TRAIL), prescribed.CLOUDTRAIL_CHANGES),
    "sign-in failures": (
        '{ ($.eventName=ConsoleLogin) && ($.errorMessage="Failed authentication") }',
        prescribed.SIGN_IN_FAILURES,
    ),
    "kms": (sourced("kms", "DisableKey ScheduleKeyDeletion"), prescribed.KMS_KEY_REMOVALS),
    "s3": (sourced("s3", BUCKET), prescribed.S3_BUCKET_POLICY_CHANGES),
    "config": (sourced("config", CONFIG), prescribed.CONFIG_CHANGES),
    "security groups": (named(GROUP), prescribed.SECURITY_GROUP_CHANGES),
    "security groups 5.0": (named(f"{GROUP} ModifySecurityGroupRules"), prescribed.SECURITY_GROUP_AND_RULE_CHANGES),
    "network acls": (named(ACL), prescribed.NETWORK_ACL_CHANGES),
    "gateways": (named(GATEWAY), prescribed.NETWORK_GATEWAY_CHANGES),
    "routes": (named(ROUTE), prescribed.ROUTE_TABLE_CHANGES),
    "routes 3.0 as printed": (
        f"{{ ($.eventSource = ec2.amazonaws.com) && {any_name(*ROUTE.split())} }}",
        prescribed.ROUTE_TABLE_CHANGES,
    ),
    "routes grouped": (sourced("ec2", ROUTE), prescribed.ROUTE_TABLE_CHANGES),
    "vpc": (named(VPC), prescribed.VPC_CHANGES),
    "organizations": (sourced("organizations", ORGANIZATION), prescribed.ORGANIZATIONS_CHANGES),
}


def judged(events: tuple[Event, ...], *texts: str) -> EventCoverage:
    return event_coverage([parse_pattern(text) for text in texts], events)


def trail(*texts: str) -> EventCoverage:
    return judged(prescribed.CLOUDTRAIL_CHANGES, *texts)


@pytest.mark.parametrize(("text", "events"), CANONICAL.values(), ids=CANONICAL)
def test_every_prescribed_text_covers_its_own_events(text: str, events: tuple[Event, ...]) -> None:
    assert judged(events, text).complete


# As printed these two match nearly every call, and every call to EC2.
PRECISE = {name: case for name, case in CANONICAL.items() if name not in ("unauthorized 1.4", "routes 3.0 as printed")}


@pytest.mark.parametrize(("text", "events"), PRECISE.values(), ids=PRECISE)
def test_a_prescribed_text_covers_no_other_kind(text: str, events: tuple[Event, ...]) -> None:
    own = {event.name for event in events}
    others = tuple(event for _, kinds in PRECISE.values() for event in kinds if event.name not in own)
    assert others
    assert not judged(others, text).covered


@pytest.mark.parametrize(
    "texts",
    [
        [named("StopLogging StartLogging DeleteTrail UpdateTrail CreateTrail")],
        ["{" + any_name(*TRAIL.split(), form='$.eventName="{}"') + "}"],
        ["{$.eventName=*Trail||$.eventName=St*Logging}"],
        ['{ $.eventName = "*Trail" || $.eventName = "*Logging" }'],
        ["{ $.eventName = %Trail$|^St[oa][a-z]+Logging% }"],
        ["{ $.eventSource = cloudtrail.amazonaws.com }"],
        ["{ $.eventSource = cloudtrail* && $.readOnly IS FALSE }"],
        ["{ $.readOnly IS FALSE }"],
        ["{ $.eventName != Describe* && $.eventSource = %cloudtrail% }"],
        ["{ $.['eventName'] = * }"],
        [named("CreateTrail UpdateTrail DeleteTrail"), named("StartLogging StopLogging")],
        ["{ $.userIdentity.type = Root }", named(TRAIL)],
        ["{\n  ( ( $.eventName = *Trail ) )\n  || $.eventName = St*\n}\n"],
    ],
)
def test_other_ways_to_say_it_are_complete(texts: list[str]) -> None:
    assert trail(*texts) == EventCoverage(tuple(TRAIL.split()), (), ())


def test_names_joined_with_and_match_nothing() -> None:
    result = trail(named(TRAIL).replace("||", "&&"))
    assert not result.complete
    assert result.missed == tuple(TRAIL.split())


def test_no_pattern_misses_everything() -> None:
    assert event_coverage([], prescribed.KMS_KEY_REMOVALS).describe() == "misses DisableKey, ScheduleKeyDeletion"


def test_the_missing_event_is_named() -> None:
    result = trail(named("CreateTrail UpdateTrail DeleteTrail StartLogging"))
    assert result.missed == ("StopLogging",)
    assert not result.narrowed
    assert result.describe() == "misses StopLogging"


@pytest.mark.parametrize(
    ("extra", "selectors"),
    [
        ('$.awsRegion = "us-east-1"', ("$.awsRegion",)),
        ('($.userIdentity.arn != "*terraform*")', ("$.userIdentity.arn",)),
        ("$.errorCode NOT EXISTS", ("$.errorCode",)),
        (
            "($.awsRegion = eu* || $.awsRegion = us* || $.recipientAccountId = 1*)",
            ("$.awsRegion", "$.recipientAccountId"),
        ),
        ("$.requestParameters.count > 3 && $.awsRegion = a", ("$.requestParameters.count", "$.awsRegion")),
    ],
)
def test_an_extra_condition_narrows_and_is_named(extra: str, selectors: tuple[str, ...]) -> None:
    result = trail(f"{{ ({any_name(*TRAIL.split())}) && {extra} }}")
    assert not result.complete
    assert result.narrowed == tuple((name, selectors) for name in TRAIL.split())
    assert not result.missed


def test_an_extra_condition_that_always_holds_does_not_narrow() -> None:
    assert trail(f"{{ ({any_name(*TRAIL.split())}) && $.readOnly IS FALSE && $.eventType = AwsApiCall }}").complete


def test_and_binds_tighter_so_the_last_name_alone_is_narrowed() -> None:
    result = trail(f"{{ {any_name(*TRAIL.split())} && $.awsRegion = us-east-1 }}")
    assert result.covered == tuple(TRAIL.split()[:-1])
    assert result.narrowed == (("StopLogging", ("$.awsRegion",)),)


def test_the_sentence_names_what_is_missed_and_what_is_narrowed() -> None:
    result = trail(
        "{ $.eventName = CreateTrail || $.eventName = UpdateTrail }",
        "{ $.eventName = St*Logging && $.awsRegion = us-east-1 }",
    )
    assert result.describe() == (
        "misses DeleteTrail; matches StartLogging, StopLogging only for some values of $.awsRegion"
    )


def test_the_sentence_of_a_complete_set_lists_the_events() -> None:
    assert judged(prescribed.KMS_KEY_REMOVALS, "{ $.eventSource = kms* }").describe() == (
        "covers DisableKey, ScheduleKeyDeletion"
    )


@pytest.mark.parametrize("other", ["root", "unauthorized 4.0", "no mfa", "kms"])
def test_a_pattern_about_something_else_does_not_count_as_half_a_match(other: str) -> None:
    assert trail(CANONICAL[other][0]).missed == tuple(TRAIL.split())


def test_alternatives_of_one_filter_are_judged_apart() -> None:
    result = trail("{ $.userIdentity.type = Root || ($.eventName = *Trail && $.awsRegion = us-east-1) }")
    assert result.missed == ("StartLogging", "StopLogging")
    assert result.narrowed == tuple((name, ("$.awsRegion",)) for name in ("CreateTrail", "UpdateTrail", "DeleteTrail"))


def test_a_sign_in_filter_for_mfa_is_no_filter_for_failures() -> None:
    assert judged(prescribed.SIGN_IN_FAILURES, CANONICAL["no mfa"][0]).missed == ("failed sign-ins",)
    assert judged(prescribed.SIGN_IN_WITHOUT_MFA, CANONICAL["sign-in failures"][0]).missed


def test_filters_of_one_user_narrow_the_sign_ins() -> None:
    result = judged(prescribed.SIGN_IN_WITHOUT_MFA, f"{{ {NO_MFA} && $.userIdentity.userName = alice }}")
    assert result.narrowed == (("sign-ins of IAM users without MFA", ("$.userIdentity.userName",)),)


def test_sign_ins_without_mfa_are_not_only_the_failed_ones() -> None:
    assert judged(prescribed.SIGN_IN_WITHOUT_MFA, f"{{ {NO_MFA} && $.responseElements.ConsoleLogin = Failure }}").missed


def test_one_error_code_is_not_enough_for_unauthorized_calls() -> None:
    assert judged(prescribed.UNAUTHORIZED_CALLS, '{ $.errorCode = "AccessDenied" }').missed == (
        "calls refused with UnauthorizedOperation",
        "calls refused with Client.UnauthorizedOperation",
        "calls refused with AccessDeniedException",
    )


def test_rule_changes_are_asked_for_by_the_later_versions_only() -> None:
    before = named(GROUP)
    assert judged(prescribed.SECURITY_GROUP_CHANGES, before).complete
    assert judged(prescribed.SECURITY_GROUP_AND_RULE_CHANGES, before).missed == ("ModifySecurityGroupRules",)


@pytest.mark.parametrize(
    ("text", "noisy"),
    [
        (CANONICAL["unauthorized 1.4"][0], True),
        ("{ $.eventName = * }", True),
        (CANONICAL["unauthorized 4.0"][0], False),
        ("{ $.readOnly IS FALSE }", False),
        ("{ $.awsRegion = us-east-1 }", False),
    ],
)
def test_patterns_that_always_fire_are_recognised(text: str, noisy: bool) -> None:
    assert matches_ordinary_calls(parse_pattern(text)) is noisy


@pytest.mark.parametrize(
    ("condition", "known", "truth"),
    [
        ('= "a"', "a", TRUE),
        ("= a", "A", FALSE),
        ("= a*c", "abc", TRUE),
        ('= "a*c"', "ac", TRUE),
        ("= a*a", "a", FALSE),
        ("= *b*", "abc", TRUE),
        ("= a*b*c*", "a1c2b3", FALSE),
        ("= *", "", TRUE),
        ("= *", ABSENT, FALSE),
        ("!= a*", "abc", FALSE),
        ("!= a*", "xbc", TRUE),
        ("!= a", ABSENT, UNKNOWN),
        ("= a", ABSENT, FALSE),
        ("> 1", ABSENT, FALSE),
        ("NOT EXISTS", ABSENT, TRUE),
        ("NOT EXISTS", "a", FALSE),
        ("NOT EXISTS", None, FALSE),
        ("NOT EXISTS", AnythingBut(frozenset("a")), FALSE),
        ("IS TRUE", True, TRUE),
        ("IS TRUE", False, FALSE),
        ("IS FALSE", False, TRUE),
        ("IS FALSE", "false", FALSE),
        ("IS FALSE", 0, FALSE),
        ("IS NULL", None, TRUE),
        ("IS NULL", ABSENT, FALSE),
        ("IS NULL", "", FALSE),
        ("= false", False, UNKNOWN),
        ("= true", False, FALSE),
        ("= *", False, TRUE),
        ("= *", None, UNKNOWN),
        ("!= a", None, UNKNOWN),
        ("= 5", 5, TRUE),
        ("= 5.0", 5, TRUE),
        ("!= 5", 5, FALSE),
        ("< 1e1", 9.5, TRUE),
        (">= 10", 9.5, FALSE),
        ("<= 9.5", 9.5, TRUE),
        ("> -1", 0, TRUE),
        ("> 1e999", 10**400, FALSE),
        ("> 5", "text", FALSE),
        ("!= 5", "text", TRUE),
        ("= 5", "5", UNKNOWN),
        ('= "5"', "5", TRUE),
        ('= "5"', 5, UNKNOWN),
        ("> 0", True, FALSE),
        ("= %b%", "abc", TRUE),
        ("= %^b%", "abc", FALSE),
        ("!= %b|x%", "abc", FALSE),
        ("= %b%", AnythingBut(frozenset("a")), UNKNOWN),
        ("= *", AnythingBut(frozenset("a")), TRUE),
        ('!= "**"', AnythingBut(frozenset("a")), FALSE),
        ("= a", AnythingBut(frozenset("a")), FALSE),
        ("!= a", AnythingBut(frozenset("a")), TRUE),
        ("= b", AnythingBut(frozenset("a")), UNKNOWN),
        ("!= b", AnythingBut(frozenset("a")), UNKNOWN),
        ("= a*", AnythingBut(frozenset("a")), UNKNOWN),
        ("!= a*", AnythingBut(frozenset("a")), UNKNOWN),
        ("IS NULL", AnythingBut(frozenset("a")), FALSE),
        ("> 5", AnythingBut(frozenset("a")), UNKNOWN),
        ("= 5", AnythingBut(frozenset("a")), UNKNOWN),
        ("= %x*%", AnythingBut(frozenset("a")), TRUE),
        ("!= %^x*%", AnythingBut(frozenset("a")), FALSE),
        ("= %x*$%", AnythingBut(frozenset("a")), UNKNOWN),
        ("= 1.*", AnythingBut(like="1.*"), TRUE),
        ("= 1*", AnythingBut(like="1.*"), TRUE),
        ("= 1.0*", AnythingBut(like="1.*"), UNKNOWN),
        ("= 2*", AnythingBut(like="1.*"), FALSE),
        ('= "2"', AnythingBut(like="1.*"), FALSE),
        ("= %^1%", AnythingBut(like="1.*"), TRUE),
        ("= %^1.0%", AnythingBut(like="1.*"), UNKNOWN),
        ("= *", Maybe(AnythingBut()), UNKNOWN),
        ("NOT EXISTS", Maybe(AnythingBut()), UNKNOWN),
        ("IS TRUE", Maybe(AnythingBut()), FALSE),
        ("= a", Maybe(AnythingBut(frozenset("a"))), FALSE),
        ("!= a", Maybe(AnythingBut(frozenset("a"))), UNKNOWN),
        ("IS TRUE", EITHER, UNKNOWN),
        ("IS NULL", EITHER, FALSE),
        ("NOT EXISTS", EITHER, FALSE),
        ("= *", EITHER, TRUE),
    ],
)
def test_a_condition_on_a_known_field(condition: str, known: Known, truth: bool | None) -> None:
    assert evaluate(parse_pattern(f"{{ $.field {condition} }}"), {"$.field": known}).value is truth


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("$.other = *", UNKNOWN),
        ("$.other NOT EXISTS", UNKNOWN),
        ("$.user = *", FALSE),
        ("$.user != a", UNKNOWN),
        ("$.user NOT EXISTS", FALSE),
        ("$.user.name.first NOT EXISTS", TRUE),
        ("$.gone.below[0] NOT EXISTS", TRUE),
        ("$.username NOT EXISTS", UNKNOWN),
        ("$.void = a", UNKNOWN),
        ("$.['user'].['name'] = ann", TRUE),
        ("$.user['name'] = ann", TRUE),
        ("$.user.* = a*", TRUE),
        ("$.user.* != b", UNKNOWN),
        ("$.* = ann", UNKNOWN),
        ("$.user.name.* = ann", FALSE),
        ("$.perhaps NOT EXISTS", UNKNOWN),
        ("$.perhaps = *", UNKNOWN),
        ("$.perhaps.below.first NOT EXISTS", TRUE),
    ],
)
def test_selectors_above_and_below_the_known_fields(condition: str, truth: bool | None) -> None:
    fields: Fields = {"$.user.name": "ann", "$.gone": ABSENT, "$.void.below": ABSENT, "$.perhaps.below": MAYBE}
    assert evaluate(parse_pattern(f"{{ {condition} }}"), fields).value is truth


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("$.t = a && $.f = x", FALSE),
        ("$.u = a && $.f = x", FALSE),
        ("$.u = a && $.t = a", UNKNOWN),
        ("$.u = a || $.t = a", TRUE),
        ("$.u = a || $.f = x", UNKNOWN),
        ("$.t = a || $.f = x && $.f = x", TRUE),
        ("($.t = a || $.f = x) && $.f = x", FALSE),
    ],
)
def test_conditions_combine_as_in_kleene_logic(text: str, truth: bool | None) -> None:
    assert evaluate(parse_pattern(f"{{ {text} }}"), {"$.t": "a", "$.f": "a"}).value is truth


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("signin.amazonaws.com", 0),
        ('ERROR "ConsoleLogin', 6),
        ("ERROR +WARN", 6),
        ("ERROR --WARN", 6),
        ('"ERROR""WARN"', 0),
        ("ERROR - ", 6),
        ("%ConsoleLogin", 0),
        (" %(a)%", 1),
        ("%a% ERROR", 0),
        (" [ip, user, ...]", 1),
        ("{}", 1),
        ("{ $.a = b", 9),
        ("{ $.a = b } c", 12),
        ("{ $.a = }", 8),
        ("{ $.a b }", 6),
        ("{ a = b }", 2),
        ("{ $ = b }", 2),
        ("{ $.a == b }", 7),
        ("{ $.a = b & $.c = d }", 10),
        ("{ $.a = b and $.c = d }", 10),
        ("{ $.a = b AND $.c = d }", 10),
        ("{ $.a = b || }", 13),
        ("{ ($.a = b }", 11),
        ("{ $.a = b) }", 9),
        ("{ $.a ( b }", 6),
        ("{ $.a is true }", 6),
        ("{ $.a IS true }", 9),
        ("{ $.a IS NOT NULL }", 9),
        ("{ $.a not exists }", 6),
        ("{ $.a NOT exists }", 10),
        ("{ $.a NOTEXISTS }", 6),
        ("{ $.a EXISTS }", 6),
        ('{ $.a = "b }', 8),
        ("{ $.a = %b }", 8),
        ("{ $.a = %(b)% }", 8),
        ("{ $.a = %b{,}% }", 8),
        ("{ $.** = b }", 5),
        ("{ $.a = %[z-a]% }", 8),
        ("{ $.a > b }", 8),
        ('{ $.a >= "1" }', 9),
        ("{ $.a = $.b }", 8),
        ("{ $.a = b c }", 10),
        ("{ " + "(" * 5000 + "$.a = b" + ")" * 5000 + " }", 63),
    ],
)
def test_other_text_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(PatternError, match=rf"at character {position}\)$") as caught:
        parse_pattern(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("{$.a=b}", Compare("$.a", Operator.EQUAL, Glob("b"))),
        ('{ $.a != "b c" }', Compare("$.a", Operator.NOT_EQUAL, Glob("b c"))),
        (r'{ $.a = "say \"hi\" \\ \d" }', Compare("$.a", Operator.EQUAL, Glob(r'say "hi" \ \d'))),
        ("{ $.a = 123.123.* }", Compare("$.a", Operator.EQUAL, Glob("123.123.*"))),
        ("{ $.a >= 1e-3 }", Compare("$.a", Operator.GREATER_OR_EQUAL, Number("1e-3"))),
        ("{ $.a[0].b-c['d'] IS NULL }", Is("$.a[0].b-c.d", None)),
        ("{ $.a[*].['b.c'] NOT EXISTS }", NotExists("$.a[*].['b.c']")),
        ("{ $.a = %[a-c]{2}% }", Compare("$.a", Operator.EQUAL, Regex("[a-c]{2}"))),
        ("{ $.a.* = %[a-c]{,2}% }", Compare("$.a.*", Operator.EQUAL, Regex("[a-c]{,2}"))),
        ("", Term("")),
        ("  ", Term("")),
        ('" "', Term("")),
        ("ERROR", Term("ERROR")),
        ('"a \\"b\\" {"', Term('a "b" {')),
        (' ERROR  "c d"\n-f -"g h" - i', And((Term("ERROR"), Term("c d"), Without("f"), Without("g h"), Without("i")))),
        ("?ERROR", Term("ERROR")),
        ('?ERROR ?"c d"', Or((Term("ERROR"), Term("c d")))),
        ("?ERROR ?WARN REQUEST", Term("REQUEST")),
        ("?ERROR -WARN", Without("WARN")),
        (" %a|b% ", Search("a|b")),
    ],
)
def test_conditions_are_read_as_written(text: str, pattern: FilterPattern) -> None:
    assert parse_pattern(text) == pattern


SELECTORS = st.sampled_from(["$.eventName", "$.a-b.c_d", "$.a[0].b", "$.a[*]", "$.['x.y'].z", "$.user.['first name']"])
NUMBERS = st.one_of(st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr)).map(Number)
GLOBS = st.text(max_size=8).map(Glob) | st.text('ab*"\\', max_size=8).map(Glob)
ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "-", r"\x61", " "])
TIMES = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{,2}", "{0,2}", "*?", "+?"])
ALTERNATIVES = st.tuples(
    st.sampled_from(["", "^"]),
    st.lists(st.builds(str.__add__, ATOMS, TIMES), max_size=4).map("".join),
    st.sampled_from(["", "$"]),
).map("".join)
REGEXES = st.lists(ALTERNATIVES, min_size=1, max_size=3).map("|".join)
EQUALITIES = st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL])
CONSTANTS = st.sampled_from([True, False, None])
CONDITIONS = st.one_of(
    st.builds(Compare, SELECTORS, EQUALITIES, GLOBS | REGEXES.map(Regex)),
    st.builds(Compare, SELECTORS, st.sampled_from(Operator), NUMBERS),
    st.builds(Is, SELECTORS, CONSTANTS),
    st.builds(NotExists, SELECTORS),
)


def trees(conditions: st.SearchStrategy[FilterPattern]) -> st.SearchStrategy[FilterPattern]:
    def combined(inner: st.SearchStrategy[FilterPattern]) -> st.SearchStrategy[FilterPattern]:
        parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
        return st.builds(And, parts) | st.builds(Or, parts)

    return st.recursive(conditions, combined, max_leaves=10)


@settings(deadline=None)
@given(trees(CONDITIONS))
def test_a_rendered_pattern_reads_back_as_the_same_tree(pattern: FilterPattern) -> None:
    assert parse_pattern(render(pattern)) == pattern


TOKENS = ["{", "}", "(", ")", "$.a", "=", "!=", ">", "&&", "||", "IS", "NULL", "NOT", "EXISTS", "x*", '"y"', "%z%", "1"]


@settings(deadline=None)
@given(
    st.one_of(
        st.text(),
        st.text("{}()$.ab\"%*[]'|&=!<>\\ 1", max_size=40).map("{{ $.a = {} }}".format),
        st.lists(
            st.sampled_from(TOKENS),
            max_size=16,
        ).map(" ".join),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(PatternError):
        pattern = parse_pattern(text)
        assert parse_pattern(render(pattern)) == pattern


@settings(deadline=None)
@given(st.data())
def test_the_order_of_alternatives_does_not_matter(data: st.DataObject) -> None:
    names = TRAIL.split()
    values = st.sampled_from([*names, "*Trail", "St*", "Other"]).map(Glob)
    leaves = st.builds(Compare, st.just("$.eventName"), EQUALITIES, values)
    extra = Compare("$.awsRegion", Operator.EQUAL, Glob("us-east-1"))
    parts = data.draw(st.lists(leaves | leaves.map(lambda leaf: And((leaf, extra))), min_size=2, max_size=6))
    shuffled = data.draw(st.permutations(parts))
    expected = event_coverage([Or(tuple(parts))], prescribed.CLOUDTRAIL_CHANGES)
    assert event_coverage([Or(tuple(shuffled))], prescribed.CLOUDTRAIL_CHANGES) == expected
    # One filter of alternatives means the same as one filter for each.
    assert event_coverage(parts, prescribed.CLOUDTRAIL_CHANGES) == expected


WORDS = st.text("ab", max_size=4)
TOTAL_EVENTS = st.fixed_dictionaries(
    {"$.s": WORDS, "$.t": WORDS, "$.flag": st.booleans(), "$.count": st.integers(-3, 3), "$.gone": st.just(ABSENT)}
)
TEXT_FIELDS = st.sampled_from(["$.s", "$.t"])
SETTLED = st.one_of(
    st.builds(Compare, TEXT_FIELDS, EQUALITIES, st.text("ab*", max_size=5).map(Glob) | REGEXES.map(Regex)),
    st.builds(Compare, st.just("$.count"), st.sampled_from(Operator), st.integers(-3, 3).map(str).map(Number)),
    st.builds(Is, st.sampled_from(["$.flag", "$.gone", "$.s"]), CONSTANTS),
    st.builds(NotExists, st.sampled_from(["$.s", "$.flag", "$.gone"])),
    st.builds(Compare, st.just("$.gone"), st.just(Operator.EQUAL), st.text("ab*", max_size=3).map(Glob)),
)


PYTHON: dict[str, Callable[[Any, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def naive(pattern: FilterPattern, document: Fields) -> bool:
    """Two-valued evaluation over a JSON document, by Python's own operators and regular expressions."""
    assert not isinstance(pattern, Term | Without | Search)
    if isinstance(pattern, And | Or):
        results = [naive(part, document) for part in pattern.parts]
        return all(results) if isinstance(pattern, And) else any(results)
    name = pattern.selector.removeprefix("$.")
    if isinstance(pattern, NotExists):
        return name not in document
    if name not in document:
        return False
    field = document[name]
    if isinstance(pattern, Is):
        return repr(field) == repr(pattern.constant)
    if isinstance(pattern.value, Number):
        return PYTHON[pattern.operator.value](field, int(pattern.value.text))
    if isinstance(pattern.value, Glob):
        matched = re.fullmatch(re.escape(pattern.value.text).replace(r"\*", ".*"), str(field)) is not None
    else:
        matched = re.search(pattern.value.source, str(field)) is not None
    return matched is (pattern.operator is Operator.EQUAL)


@settings(deadline=None, max_examples=300)
@given(trees(SETTLED), TOTAL_EVENTS)
def test_a_total_event_is_judged_as_by_a_plain_evaluator(pattern: FilterPattern, fields: dict[str, Known]) -> None:
    document = {name.removeprefix("$."): value for name, value in fields.items() if value is not ABSENT}
    assert evaluate(pattern, fields).value is naive(pattern, document)


@settings(deadline=None, max_examples=200)
@given(trees(SETTLED), TOTAL_EVENTS, st.data())
def test_knowing_less_never_turns_the_answer(
    pattern: FilterPattern, fields: dict[str, Known], data: st.DataObject
) -> None:
    forgotten = data.draw(st.sets(st.sampled_from(sorted(fields))))
    partial = {name: value for name, value in fields.items() if name not in forgotten}
    assert evaluate(pattern, partial).value in (UNKNOWN, evaluate(pattern, fields).value)


@settings(deadline=None, max_examples=200)
@given(trees(SETTLED), TOTAL_EVENTS, st.frozensets(WORDS))
def test_anything_but_agrees_with_each_text_it_allows(
    pattern: FilterPattern, fields: dict[str, Known], excluded: frozenset[str]
) -> None:
    assume(fields["$.s"] not in excluded)
    assert evaluate(pattern, fields | {"$.s": AnythingBut(excluded)}).value in (
        UNKNOWN,
        evaluate(pattern, fields).value,
    )


@settings(deadline=None, max_examples=300)
@given(REGEXES, st.text("ab1. -", max_size=6))
def test_the_regex_search_agrees_with_pythons(source: str, text: str) -> None:
    assert search(source, text) is (re.search(source, text, re.ASCII) is not None)


@pytest.mark.parametrize(
    "source",
    ["(a)", "a{2", "*a", "a**", "a{3,1}", "[a", "[]", "]", "[[a]", "[a--b]", "[z-a]", r"\b", "a\\", "^*", "??"],
)
def test_undocumented_regular_expressions_are_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"unsupported|repetition|downwards"):
        compile_regex(source)


def test_a_hostile_expression_costs_little() -> None:
    started = time.process_time()
    assert not search("a*" * 60 + "b{999999999}" + ".*" * 40 + "x", "a" * 60)
    assert evaluate(parse_pattern('{ $.a = "' + "*a" * 200 + '*b" }'), {"$.a": "a" * 5000}).value is FALSE
    assert time.process_time() - started < 20


# Clauses that always hold, and halves that make a whole

ALWAYS = (
    "$.eventVersion = *",
    "$.eventVersion = 1.*",
    r"$.eventVersion = %^1\.%",
    "$.eventVersion != 2.*",
    "$.eventTime = *",
    "$.eventID = *",
    "$.awsRegion = *",
    "$.sourceIPAddress = *",
    "$.recipientAccountId = *",
    "$.recipientAccountId = %[0-9]*%",
    "$.userIdentity.type = *",
    "($.awsRegion = us-* || $.awsRegion != us-*)",
    "($.errorCode NOT EXISTS || $.errorCode = *)",
    '$.* = "1.*"',
)
OF_CALLS = (
    "$.readOnly IS FALSE",
    "$.managementEvent IS TRUE",
    "$.eventCategory = Management",
    "$.eventType = AwsApiCall",
    "$.eventSource = cloudtrail.amazonaws.com",
)


@pytest.mark.parametrize("clause", [*ALWAYS, *OF_CALLS])
def test_a_clause_that_always_holds_does_not_narrow(clause: str) -> None:
    assert trail(f"{{ ({any_name(*TRAIL.split())}) && {clause} }}").complete


@pytest.mark.parametrize("clause", ALWAYS)
@pytest.mark.parametrize("name", PRECISE)
def test_no_clause_that_always_holds_narrows_any_prescribed_pattern(name: str, clause: str) -> None:
    text, events = PRECISE[name]
    assert judged(events, f"{{ ({text.strip('{} ')}) && {clause} }}").complete


@pytest.mark.parametrize(
    ("clause", "events"),
    [
        ("$.eventVersion = 1.08", prescribed.CLOUDTRAIL_CHANGES),
        ("$.userAgent = *", prescribed.CLOUDTRAIL_CHANGES),
        ("$.errorCode = *", prescribed.CLOUDTRAIL_CHANGES),
        ("$.errorCode NOT EXISTS", prescribed.CLOUDTRAIL_CHANGES),
        ("$.userIdentity.arn = *", prescribed.CLOUDTRAIL_CHANGES),
        ("$.readOnly IS FALSE", prescribed.ROOT_USAGE),
        ("$.eventCategory = Management", prescribed.ROOT_USAGE),
        ("$.managementEvent IS TRUE", prescribed.UNAUTHORIZED_CALLS),
        ("$.readOnly IS TRUE", prescribed.UNAUTHORIZED_CALLS),
        ("$.* = us-east-1", prescribed.CLOUDTRAIL_CHANGES),
    ],
)
def test_a_clause_on_what_some_events_lack_narrows(clause: str, events: tuple[Event, ...]) -> None:
    ((text, _),) = [case for case in PRECISE.values() if case[1] is events][:1]
    result = judged(events, f"{{ ({text.strip('{} ')}) && {clause} }}")
    assert not result.complete
    assert not result.missed


HALVES = (
    ("$.userIdentity.type = Root", '$.userIdentity.type != "Root"'),
    ("$.errorCode NOT EXISTS", "$.errorCode = *"),
    ("$.awsRegion = us-east-1", "$.awsRegion != us-east-1"),
    ("$.awsRegion = us-*", "$.awsRegion != us-east-*"),
    ("$.awsRegion != us-*", "$.awsRegion != eu-*"),
    ("$.awsRegion != *-1", "$.awsRegion != *-2"),
    ("$.awsRegion = %^us-%", "$.awsRegion != %^us-%"),
    ("$.awsRegion = %^us-east-1$%", "$.awsRegion != us-east-1"),
    ("$.awsRegion = us-east-1", "$.awsRegion = us-west-2", "$.awsRegion != us-east-1 && $.awsRegion != us-west-2"),
    (
        "$.userIdentity.userName = ann",
        "$.userIdentity.userName != ann",
        "$.userIdentity.userName NOT EXISTS",
    ),
    (
        "$.awsRegion = us-east-1 && $.errorCode NOT EXISTS",
        "$.awsRegion != us-east-1",
        "$.errorCode = AccessDenied",
        "$.errorCode != AccessDenied && $.awsRegion = us-*",
    ),
)
NO_HALVES = (
    ("$.userIdentity.type = Root", "$.userIdentity.type = IAMUser"),
    ("$.userIdentity.type = Root", "$.userIdentity.type != IAMUser"),
    ("$.awsRegion = us-east-1", "$.awsRegion != us-west-1"),
    ("$.awsRegion = us-east-*", "$.awsRegion != us-*"),
    ("$.awsRegion != us-*", "$.awsRegion != *-1"),
    ("$.awsRegion = us-east-1", "$.recipientAccountId != 111111111111"),
    # What != does where the field is missing is not documented.
    ("$.errorCode = AccessDenied", "$.errorCode != AccessDenied"),
    ("$.requestParameters.name = a", "$.requestParameters.name != a"),
    ("$.errorCode NOT EXISTS", "$.errorMessage = *"),
    ("$.readOnly IS TRUE", "$.readOnly IS NULL"),
)


@pytest.mark.parametrize("halves", HALVES)
def test_filters_that_share_a_kind_cover_it(halves: tuple[str, ...]) -> None:
    names = any_name(*TRAIL.split())
    assert trail(*(f"{{ ({names}) && {half} }}" for half in halves)).complete
    assert trail(*(f"{{ {half} }}" for half in halves)).complete
    assert trail(f"{{ ({names}) && ({any_name(*halves, form='({})')}) }}").complete
    for left_out in halves:
        assert not trail(*(f"{{ ({names}) && {half} }}" for half in halves if half != left_out)).complete


@pytest.mark.parametrize("halves", NO_HALVES)
def test_filters_that_leave_a_part_out_do_not_cover_it(halves: tuple[str, ...]) -> None:
    names = any_name(*TRAIL.split())
    result = trail(*(f"{{ ({names}) && {half} }}" for half in halves))
    assert [name for name, _ in result.narrowed] == TRAIL.split() or set(result.missed) == set(TRAIL.split())


def test_reads_and_writes_are_the_halves_of_refused_calls() -> None:
    halves = [f"{{ ({UNAUTHORIZED}) && $.readOnly IS {side} }}" for side in ("TRUE", "FALSE")]
    assert judged(prescribed.UNAUTHORIZED_CALLS, *halves).complete
    assert not judged(prescribed.UNAUTHORIZED_CALLS, halves[0]).complete


def test_too_many_cases_are_left_undecided() -> None:
    fields = ["awsRegion", "sourceIPAddress", "eventID", "eventTime", "recipientAccountId", "userIdentity.type"]
    many = [f"($.{field} = {glob} || $.{field} != {glob})" for field in fields for glob in ("a*b*c", "b*c*a", "c*a*b")]
    assert trail(f"{{ ({any_name(*TRAIL.split())}) && {many[0]} && {many[4]} }}").complete
    started = time.process_time()
    apart = [f"{{ $.eventName = *Trail && $.eventID != {number} && {' && '.join(many)} }}" for number in range(100)]
    assert not trail(*apart).complete
    assert time.process_time() - started < 120


def test_filters_for_thirty_regions_and_the_rest_cover_beside_others() -> None:
    names = any_name(*TRAIL.split())
    regions = [f"region-{number}" for number in range(30)]
    rest = " && ".join(f"$.awsRegion != {region}" for region in regions)
    others = [CANONICAL[name][0] for name in ("root", "unauthorized 4.0", "no mfa", "kms", "iam")]
    filters = [f"{{ ({names}) && $.awsRegion = {region} }}" for region in regions]
    assert not trail(*others, *filters).complete
    assert trail(*others, *filters, f"{{ ({names}) && {rest} }}").complete


# MFA


@pytest.mark.parametrize(
    ("condition", "complete"),
    [
        ('= "No"', True),
        ("= N*", True),
        ("= %^No$%", True),
        ('!= "Yes"', True),
        ('!= "yes"', True),
        ("!= Y*", True),
        ('= "no"', False),
        ('= "Yes"', False),
        ('!= "No"', False),
        ("!= *", False),
    ],
)
def test_sign_ins_without_mfa_say_no(condition: str, complete: bool) -> None:
    text = f"{{ ($.eventName = ConsoleLogin) && ($.additionalEventData.MFAUsed {condition}) }}"
    result = judged(prescribed.SIGN_IN_WITHOUT_MFA, text)
    assert result.complete is complete
    assert bool(result.missed) is not complete


# Patterns for the text of events


@pytest.mark.parametrize(
    "texts",
    [
        [""],
        ['" "'],
        [" ".join(f"?{name}" for name in TRAIL.split())],
        ["?Trail ?Logging"],
        ["Trail", "Logging"],
        ['"cloudtrail.amazonaws.com"'],
        ["cloudtrail eventName false"],
        ["%Trail|Logging%"],
        ["%cloudtrail.amazonaws%"],
        ["%^.*%"],
        ["?DeleteVpc cloudtrail"],
        ["cloudtrail root", "cloudtrail -root"],
        ["cloudtrail us", '{ $.awsRegion != "us" }'],
        ["Trail", "{ $.eventName = *Logging }"],
    ],
)
def test_text_that_every_event_has_covers(texts: list[str]) -> None:
    assert trail(*texts).complete


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        (TRAIL, 'matches CreateTrail only where the event\'s text contains "UpdateTrail" and contains "DeleteTrail"'),
        ("createtrail", "misses CreateTrail, UpdateTrail, DeleteTrail, StartLogging, StopLogging"),
        ("-DeleteVpc", "misses CreateTrail"),
        ("Trail", "misses StartLogging, StopLogging"),
        ("Trail -terraform", 'only where the event\'s text lacks "terraform"'),
        ('"cloudtrail.amazonaws.com" "us-east-1"', 'only where the event\'s text contains "us-east-1"'),
        ("?CreateTrail ?StopLogging", "misses UpdateTrail, DeleteTrail, StartLogging"),
        ("?Trail ?Logging -DeleteVpc", "misses CreateTrail"),
        ("%^Create|Trail$%", "misses CreateTrail"),
        # How names, colons and values stand beside each other in the text is not documented.
        (r'"\"eventName\":\"CreateTrail\""', "misses CreateTrail"),
    ],
)
def test_text_that_some_events_may_lack_does_not_cover(text: str, lacks: str) -> None:
    assert lacks in trail(text).describe()
    assert not trail(text).complete


def test_text_about_other_events_covers_nothing() -> None:
    for _, events in PRECISE.values():
        assert not judged(events, "?RunInstances ?TerminateInstances").covered


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ('"ConsoleLogin"', prescribed.SIGN_IN_WITHOUT_MFA),
        ("ConsoleLogin MFAUsed No", prescribed.SIGN_IN_WITHOUT_MFA),
        ('"Failed authentication"', prescribed.SIGN_IN_FAILURES),
        ("Root", prescribed.ROOT_USAGE),
        ("?UnauthorizedOperation ?AccessDenied", prescribed.UNAUTHORIZED_CALLS),
        ("?DisableKey ?ScheduleKeyDeletion", prescribed.KMS_KEY_REMOVALS),
    ],
)
def test_text_covers_the_other_prescribed_events(text: str, events: tuple[Event, ...]) -> None:
    assert judged(events, text).complete
    assert not matches_ordinary_calls(parse_pattern(text))


def test_an_empty_pattern_never_rests() -> None:
    assert matches_ordinary_calls(parse_pattern(""))


WORDS_OF_TEXT = st.text('ab"\\-? {', max_size=5).map(lambda text: text if text.strip() else "")
TERMS = WORDS_OF_TEXT.map(Term)
TEXT_PATTERNS = st.one_of(
    TERMS,
    WORDS_OF_TEXT.map(Without),
    REGEXES.map(Search),
    st.lists(TERMS | WORDS_OF_TEXT.map(Without), min_size=2, max_size=4).map(tuple).map(And),
    st.lists(TERMS, min_size=2, max_size=4).map(tuple).map(Or),
)


@settings(deadline=None)
@given(TEXT_PATTERNS)
def test_a_rendered_pattern_for_text_reads_back_as_the_same_tree(pattern: FilterPattern) -> None:
    assert parse_pattern(render(pattern)) == pattern


GLOB_TEXTS = st.text("ab*", max_size=5)


@settings(deadline=None, max_examples=300)
@given(GLOB_TEXTS, GLOB_TEXTS, WORDS)
def test_globs_relate_as_what_they_match(one: str, other: str, text: str) -> None:
    both = globs.matches(one, text), globs.matches(other, text)
    assert not (globs.includes(one, other) and both == (False, True))
    assert not (globs.disjoint(one, other) and both == (True, True))


@settings(deadline=None)
@given(GLOB_TEXTS, GLOB_TEXTS)
def test_globs_that_do_not_relate_have_a_text_that_shows_it(one: str, other: str) -> None:
    """A text of the second that the first does not match, and a text that both match."""
    assert globs.includes(one, other) or not globs.matches(one, other.replace("*", "~"))
    if "*" in one and "*" in other and not globs.disjoint(one, other):
        heads = [glob.partition("*")[0] for glob in (one, other)]
        tails = [glob.rpartition("*")[2] for glob in (one, other)]
        middles = "".join(glob.partition("*")[2].rpartition("*")[0].replace("*", "") for glob in (one, other))
        common = max(heads, key=len) + middles + max(tails, key=len)
        assert globs.matches(one, common)
        assert globs.matches(other, common)
