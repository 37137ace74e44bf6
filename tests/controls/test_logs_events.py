"""What each control on alarms says of its own events; numbers are those of known disagreements between tools."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls import logs
from orgaudit.controls.declare import Control
from orgaudit.facts.cloudtrail.alarms import Alarm, Metric, MetricFilter, TrailFilters
from orgaudit.facts.cloudtrail.topics import TrailTopics
from orgaudit.languages.filter_pattern import Event, event_coverage, parse_pattern, prescribed
from orgaudit.model import Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    MANAGEMENT,
    MANAGEMENT_FIELD,
    MEMBER,
    OUTSIDER,
    Case,
    a_filter,
    a_selection,
    a_trail,
    advanced,
    alarms_of,
    alone,
    an_alarm,
    basic,
    chain_of,
    denied,
    every,
    facts_of,
    failing,
    field,
    filters_of,
    gap_in,
    name_of,
    organization_of,
    passing,
    pattern,
    unseen,
)
from tests.literal_aws import service_model

EVENTS: dict[Control, tuple[Event, ...]] = {
    logs.logs_metric_filter_unauthorized_api_calls_alarmed: prescribed.UNAUTHORIZED_CALLS,
    logs.logs_metric_filter_console_login_without_mfa_alarmed: prescribed.SIGN_IN_WITHOUT_MFA,
    logs.logs_metric_filter_root_usage_alarmed: prescribed.ROOT_USAGE,
    logs.logs_metric_filter_iam_policy_changes_alarmed: prescribed.IAM_POLICY_CHANGES,
    logs.logs_metric_filter_cloudtrail_changes_alarmed: prescribed.CLOUDTRAIL_CHANGES,
    logs.logs_metric_filter_console_login_failures_alarmed: prescribed.SIGN_IN_FAILURES,
    logs.logs_metric_filter_kms_key_disable_or_delete_alarmed: prescribed.KMS_KEY_REMOVALS,
    logs.logs_metric_filter_s3_bucket_policy_changes_alarmed: prescribed.S3_BUCKET_POLICY_CHANGES,
    logs.logs_metric_filter_config_changes_alarmed: prescribed.CONFIG_CHANGES,
    logs.logs_metric_filter_security_group_changes_alarmed: prescribed.SECURITY_GROUP_CHANGES,
    logs.logs_metric_filter_security_group_and_rule_changes_alarmed: prescribed.SECURITY_GROUP_AND_RULE_CHANGES,
    logs.logs_metric_filter_network_acl_changes_alarmed: prescribed.NETWORK_ACL_CHANGES,
    logs.logs_metric_filter_network_gateway_changes_alarmed: prescribed.NETWORK_GATEWAY_CHANGES,
    logs.logs_metric_filter_route_table_changes_alarmed: prescribed.ROUTE_TABLE_CHANGES,
    logs.logs_metric_filter_vpc_changes_alarmed: prescribed.VPC_CHANGES,
    logs.logs_metric_filter_organizations_changes_alarmed: prescribed.ORGANIZATIONS_CHANGES,
}
UNAUTHORIZED = logs.logs_metric_filter_unauthorized_api_calls_alarmed
SIGN_IN = logs.logs_metric_filter_console_login_without_mfa_alarmed
ROOT = logs.logs_metric_filter_root_usage_alarmed
ROUTES = logs.logs_metric_filter_route_table_changes_alarmed
GROUPS = logs.logs_metric_filter_security_group_changes_alarmed
GROUPS_AND_RULES = logs.logs_metric_filter_security_group_and_rule_changes_alarmed
KEYS = logs.logs_metric_filter_kms_key_disable_or_delete_alarmed
TRAILS = logs.logs_metric_filter_cloudtrail_changes_alarmed
ORGANIZATIONS = logs.logs_metric_filter_organizations_changes_alarmed

TRAIL, ORG_TRAIL, STRANGE_TRAIL = a_trail(), a_trail("org", account_id=MANAGEMENT), a_trail(account_id=OUTSIDER)
USUAL = Thresholds()


def own_pattern(control: Control) -> str:
    """The pattern that the control's command sets."""
    filled = control.remediation(None, None, {"account": MEMBER, "region": "eu-west-1", "partition": "aws"})
    return shlex.split(str(filled.asset.command))[-1]


def watched(matches: str, *changed: Any, thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    """The management account, whose trail has a filter with this pattern and a whole chain, but for what is changed."""
    found = filters_of(ORG_TRAIL, a_filter("watch", matches))
    given = any(isinstance(one, TrailFilters) for one in changed)
    lines = chain_of(ORG_TRAIL, *changed, *([] if given else [found]))
    facts = facts_of(MANAGEMENT, *lines)
    return facts, organization_of(facts), thresholds


def usual(control: Control) -> tuple[Case, ...]:
    right = own_pattern(control)
    narrow = f'{{ ({right.strip("{} ")}) && ($.awsRegion = "us-east-1") }}'
    elsewhere = Thresholds(accept_alternative_monitoring=(MANAGEMENT,))
    return (
        passing("pattern of the command", *watched(right), says="filter watch"),
        failing("a clause that narrows it", *watched(narrow), says="only for some values of $.awsRegion"),
        failing("another pattern", *watched("{ $.eventName = DescribeTags }"), says="has no metric filter for this"),
        unseen("topics of the pattern denied", *watched(right, gap_in(TrailTopics, ORG_TRAIL))),
        Case("another way", Status.MANUAL, watched("{}", thresholds=elsewhere), "monitored by other means"),
    )


CASES = {control: usual(control) for control in EVENTS}

REFUSED = '($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")'
NOISE = '($.sourceIPAddress != "delivery.logs.amazonaws.com")', '($.eventName != "HeadBucket")'
RESTLESS = "filter watch matches harmless calls too, so the alarm never rests"
CASES[UNAUTHORIZED] += (
    passing("two clauses", *watched(f"{{ {REFUSED} }}")),
    passing("exclusions joined by AND", *watched(f"{{ ({REFUSED}) && {' && '.join(NOISE)} }}")),
    passing("exclusions joined by OR", *watched(f"{{ {REFUSED} || {' || '.join(NOISE)} }}"), says=RESTLESS),
    failing("one code only", *watched('{ $.errorCode = "AccessDenied*" }'), says="UnauthorizedOperation"),
)

LOGIN = "($.eventName = ConsoleLogin) && ($.additionalEventData.MFAUsed != Yes)"
PEOPLE = '($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success")'
CASES[SIGN_IN] += (
    passing("single sign-on, after", *watched(f"{{ {LOGIN} && {PEOPLE} }}")),
    passing("single sign-on, before", *watched(f"{{ {PEOPLE} && {LOGIN} }}")),
    failing("root only", *watched(f'{{ {LOGIN} && ($.userIdentity.type = "Root") }}'), says="misses sign-ins"),
)

FEDERATED = '{ ($.eventName = ConsoleLogin) && ($.additionalEventData.MFAUsed = "No") }'
CASES[SIGN_IN] += (
    passing("MFA is No", *watched(FEDERATED)),
    passing("MFA is not yes", *watched(FEDERATED.replace('= "No"', '!= "yes"'))),
    passing("any sign-in", *watched('"ConsoleLogin"')),
    failing("MFA is no, in another case", *watched(FEDERATED.replace("No", "no")), says="misses sign-ins"),
    failing("text that leaves MFA out", *watched("ConsoleLogin -Yes"), says='event\'s text lacks "Yes"'),
)

REORDERED = "{$.eventType!=AwsServiceEvent&&$.userIdentity.invokedBy NOT EXISTS&&$.userIdentity.type=Root}"
CASES[ROOT] += (passing("other order, spaces and quotes", *watched(REORDERED)),)

CHANGES = [event.name for event in prescribed.ROUTE_TABLE_CHANGES]
EC2 = "ec2.amazonaws.com"
UNBRACKETED = f"{{ ($.eventSource = {EC2}) && {pattern(*CHANGES).strip('{} ')} }}"
CASES[ROUTES] += (
    passing("names only", *watched(pattern(*CHANGES))),
    passing("with the source", *watched(pattern(*CHANGES, source=EC2))),
    passing("with the source, without brackets", *watched(UNBRACKETED)),
    failing("another source", *watched(pattern(*CHANGES, source="rds.amazonaws.com")), says="misses CreateRoute"),
    failing("names joined by AND", *watched(pattern(*CHANGES).replace("||", "&&")), says="misses CreateRoute"),
)

SIX = pattern(*(event.name for event in prescribed.SECURITY_GROUP_CHANGES))
SEVEN = pattern(*(event.name for event in prescribed.SECURITY_GROUP_AND_RULE_CHANGES))
CASES[GROUPS] += (passing("six names", *watched(SIX)), passing("seven names", *watched(SEVEN)))
CASES[GROUPS_AND_RULES] += (
    passing("seven names", *watched(SEVEN)),
    failing("six names", *watched(SIX), says="misses ModifySecurityGroupRules"),
)


def recorded(*selectors: Any) -> tuple[Any, ...]:
    return watched(own_pattern(KEYS), a_selection(ORG_TRAIL, *selectors))


KMS = "kms.amazonaws.com"
NO_KEYS = field("eventSource", not_equals=(KMS,))
LEFT_OUT = f"trail org does not record the events of {KMS}"
CASES[KEYS] += (
    failing("keys left out", *recorded(basic(excluding=[KMS])), says=LEFT_OUT),
    failing("keys left out, advanced", *recorded(advanced(MANAGEMENT_FIELD, NO_KEYS)), says=LEFT_OUT),
    failing("other selector reads only", *recorded(basic(excluding=[KMS]), basic("ReadOnly")), says=LEFT_OUT),
    passing("other selector writes", *recorded(basic(excluding=[KMS]), basic("WriteOnly"))),
    passing("others left out", *recorded(basic(excluding=["rdsdata.amazonaws.com"]))),
)


OWN = own_pattern(TRAILS)
BY_ROOT, BY_OTHERS = (
    a_filter(name, f"{{ ({OWN.strip('{} ')}) && $.userIdentity.type {is_root} Root }}", metrics=(Metric("M", name),))
    for name, is_root in (("by-root", "="), ("by-others", "!="))
)
ROOT_ALARM, OTHERS_ALARM = (an_alarm(one.name, metrics=one.metrics) for one in (BY_ROOT, BY_OTHERS))
ANY_ROOT = a_filter("by-root", "{ $.userIdentity.type = Root }", metrics=BY_ROOT.metrics)
ANY_OTHERS = a_filter("by-others", "{ $.userIdentity.type != Root }", metrics=BY_OTHERS.metrics)


def halves(*filters: MetricFilter, alarms: tuple[Alarm, ...] = (ROOT_ALARM, OTHERS_ALARM)) -> tuple[Any, ...]:
    return watched("{}", filters_of(ORG_TRAIL, *filters), alarms_of(ORG_TRAIL, *alarms))


CASES[TRAILS] += (
    passing("two halves", *halves(BY_ROOT, BY_OTHERS), says="filter by-root, by-others → alarm by-others, by-root"),
    passing("halves of all events", *halves(ANY_ROOT, ANY_OTHERS), says="filter by-root, by-others"),
    passing("halves beside others", *halves(a_filter("else", "{ $.eventName = RunInstances }"), BY_ROOT, BY_OTHERS)),
    passing("every name as text", *watched(" ".join(f"?{each.name}" for each in prescribed.CLOUDTRAIL_CHANGES))),
    passing("everything", *watched(""), says="filter watch matches harmless calls too"),
    passing("clauses that always hold", *watched(f'{{ ({OWN.strip("{} ")}) && $.eventVersion = 1.* }}')),
    failing("one half", *halves(BY_ROOT), says="only for some values of $.userIdentity.type"),
    failing("half without an alarm", *halves(BY_ROOT, BY_OTHERS, alarms=(ROOT_ALARM,)), says="of filter by-others"),
    failing("half of all without one", *halves(ANY_ROOT, ANY_OTHERS, alarms=(ROOT_ALARM,)), says="of filter by-others"),
    failing("names joined as text", *watched(" ".join(each.name for each in prescribed.CLOUDTRAIL_CHANGES)),
            says="event's text contains"),
)  # fmt: skip


def governed(matches: str) -> AccountFacts:
    """The facts of a management account with this filter."""
    facts, _, _ = watched(matches)
    assert isinstance(facts, AccountFacts)
    return facts


def member(management: AccountFacts | None, *own: Any, thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    facts = facts_of(MEMBER, *own)
    return facts, organization_of(*[each for each in (facts, management) if each]), thresholds


WHOLE = own_pattern(ORGANIZATIONS)
OWN_CHAIN = chain_of(TRAIL, filters_of(TRAIL, a_filter(matches=WHOLE)))
ALONE, _ = alone(*OWN_CHAIN)
STANDALONE = Organization([], management_account_id=None, load={MEMBER: ALONE}.get)
OUTSIDE = facts_of(OUTSIDER, *chain_of(STRANGE_TRAIL, filters_of(STRANGE_TRAIL)))
DECLARED = Thresholds(accept_alternative_monitoring=(MEMBER,))
CASES[ORGANIZATIONS] += (
    passing(
        "member of a watched one",
        *member(governed(WHOLE)),
        says=f"judged in the management account Account 1 ({MANAGEMENT})",
    ),
    failing("member of an unwatched one", *member(governed("{}"), *OWN_CHAIN), says="no metric filter"),
    unseen("management account not collected", *member(None, *OWN_CHAIN), says="not collected"),
    unseen("management account shut", *member(facts_of(MANAGEMENT, gap=denied()))),
    Case("another way, member", Status.MANUAL, member(governed("{}"), thresholds=DECLARED), "by other means"),
    passing("no organization", ALONE, STANDALONE, USUAL),
    failing("outside the organization", OUTSIDE, organization_of(OUTSIDE, governed(WHOLE)), USUAL, says="no metric"),
)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


@pytest.mark.parametrize("control", EVENTS, ids=name_of)
def test_command_sets_a_pattern_that_covers_the_events(control: Control) -> None:
    text = own_pattern(control)
    found = parse_pattern(text)
    assert event_coverage([found], EVENTS[control]).complete
    assert not prescribed.matches_ordinary_calls(found)
    assert len(text) <= service_model("logs").shape_for("FilterPattern").metadata["max"]


def test_every_control_has_events_and_words_of_its_own() -> None:
    found = [value for value in vars(logs).values() if isinstance(value, Control)]
    assert len(found) == len(EVENTS)
    for said in ("id", "title", "rationale"):
        assert {getattr(control, said) for control in found} == {getattr(control, said) for control in EVENTS}
        assert len({getattr(control, said) for control in found}) == len(found)
    assert len({tuple(event.name for event in events) for events in EVENTS.values()}) == len(found)


def test_command_names_the_log_group_that_lacks_the_filter() -> None:
    facts, organization = alone(*chain_of(TRAIL, filters_of(TRAIL)))
    command = shlex.split(str(TRAILS(facts, organization, USUAL).command))
    assert command[:3] == ["aws", "logs", "put-metric-filter"]
    assert command[3:7] == ["--region", "eu-west-1", "--log-group-name", "trail-events"]
    assert event_coverage([parse_pattern(command[-1])], prescribed.CLOUDTRAIL_CHANGES).complete


@pytest.mark.parametrize(
    ("arguments", "owner"),
    [
        (member(governed(WHOLE)), MANAGEMENT),
        (member(governed("{}"), *OWN_CHAIN), MANAGEMENT),
        (member(facts_of(MANAGEMENT)), MANAGEMENT),
        (watched(WHOLE), None),
        ((ALONE, STANDALONE, USUAL), None),
    ],
    ids=["passing", "failing", "without any trail", "management itself", "no organization"],
)
def test_changes_of_the_organization_are_judged_where_they_happen(
    arguments: tuple[Any, ...], owner: str | None
) -> None:
    assert ORGANIZATIONS(*arguments).inherited_from == owner


def test_calm_filter_beside_a_restless_one_needs_no_warning() -> None:
    both = a_filter("calm", own_pattern(UNAUTHORIZED)), a_filter("loud", "{ $.eventName != HeadBucket }")
    verdict = UNAUTHORIZED(*watched("{}", filters_of(ORG_TRAIL, *both)))
    assert verdict.status is Status.PASS
    assert RESTLESS.replace("watch", "loud") not in verdict.reason
