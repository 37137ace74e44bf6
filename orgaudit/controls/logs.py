"""Controls on the alarms that CloudWatch Logs raises from what trails record: one for each kind of event."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.chain import Chain, ChainTerms, alarm_chain
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.trails import judge_each, recording, status_command
from orgaudit.facts.cloudtrail.alarms import ActingAlarm, TrailAlarms, TrailFilters
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup
from orgaudit.facts.cloudtrail.topics import AlarmTopic, TrailTopics
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.languages.filter_pattern import Event, prescribed
from orgaudit.model import Severity, Status, Verdict, failed, parse_arn, passed
from orgaudit.settings.thresholds import Thresholds

CHAIN = (
    "Somebody must hear of it at once: from trail to log group, filter, metric, alarm, topic and a subscriber who has "
    "confirmed, every link has to hold."
)


def alarmed(
    topic: str,
    title: str,
    rationale: str,
    events: Sequence[Event],
    *,
    pattern: str | None = None,
    of_organization: bool = False,
) -> Control:
    """Return the control `logs_metric_filter_<topic>_alarmed`: each of the events raises an alarm that reaches people.

    `pattern` is the filter pattern that its command sets, by default one for the calls that the events are.
    `of_organization` says that the events happen in the organization's management account, for all its members.
    """
    pattern = pattern or pattern_for(events)

    def follow(
        trail: Trail, account: AccountFacts, owner: AccountFacts, organization: Organization, hours: int
    ) -> Verdict:
        if reason := recording(trail, account, owner):
            return failed(reason)
        member = owner.account_id in organization.account_ids
        chain = alarm_chain(trail, owner, events, ChainTerms(hours, organization.id if member else None))
        if chain.broken:
            return failed(chain.broken, command=_repair(chain, topic, pattern), **chain.evidence)
        if chain.unclear:
            return Verdict(Status.MANUAL, chain.unclear, chain.evidence)
        said = f"trail {trail.name} of account {organization.name(trail.account_id)}: {_described(chain)}"
        return passed(said, **chain.evidence)

    def judge(account: AccountFacts, organization: Organization, thresholds: Thresholds) -> Verdict:
        watched = management_account(account, organization) if of_organization else account
        declared = thresholds.accept_alternative_monitoring
        trails = {trail.arn for trail in watched.resources(Trail)}
        if trails.union({account.account_id, watched.account_id}).intersection(declared):
            reason = "monitored by other means, as [thresholds] accept_alternative_monitoring declares"
            return Verdict(Status.MANUAL, reason, {"declared": list(declared)})
        hours = thresholds.delivery_hours
        found = judge_each(
            watched, organization, lambda trail, owner: follow(trail, watched, owner, organization, hours)
        )
        if watched is account:
            return found
        where = f"the organization is changed in account {organization.name(watched.account_id)}"
        owner = found.inherited_from or watched.account_id
        return msgspec.structs.replace(found, reason=f"{where}: {found.reason}", inherited_from=owner)

    judge.__name__ = judge.__qualname__ = f"logs_metric_filter_{topic}_alarmed"
    judge.__doc__ = f"{title}.\n\n{rationale} {CHAIN}"
    facts = (Trail, TrailStatus, TrailSelectors, TrailLogGroup, TrailFilters, TrailAlarms, TrailTopics)
    return control(Severity.MEDIUM, facts=facts, fix=_fix(topic, pattern))(judge)


def _described(chain: Chain) -> str:
    """Return the links that hold, with what limits them."""
    said = " → ".join(f"{link} {', '.join(names)}" for link, names in chain.evidence.items() if names)
    if chain.restless:
        said += f"; but filter {', '.join(chain.restless)} matches harmless calls too, so the alarm never rests"
    if chain.latching:
        said += f"; but alarm {', '.join(chain.latching)} ignores missing data: after an event it stays in ALARM, and "
        said += "later events notify nobody, until its state is reset"
    return said


def _repair(chain: Chain, topic: str, pattern: str) -> str | None:
    """Return the command for the broken link, None where no single one fixes it."""
    match chain.fixable:
        case Trail() as trail:
            return status_command(trail)
        case TrailLogGroup() as group:
            return put_filter(topic, pattern, group.region, str(group.name))
        case ActingAlarm() as alarm:
            region = parse_arn(alarm.arn)[2]
            return f"aws cloudwatch enable-alarm-actions --region {region} --alarm-names {shlex.quote(alarm.name)}"
        case AlarmTopic() as bare:
            subscribe = f"aws sns subscribe --topic-arn {shlex.quote(bare.arn)} --protocol email"
            return f"{subscribe} --notification-endpoint ADDRESS"
    return None


def _fix(topic: str, pattern: str) -> Fix:
    escaped = pattern.replace("{", "{{").replace("}", "}}")
    return Fix(
        service_wide="Build filter, alarm and topic once, on the log group of the organization trail; every account "
        "inherits them.",
        asset="Mend the first broken link for account {account}: trail, log group, filter, alarm, topic, subscriber.",
        command=put_filter(topic, escaped, "{region}", "LOG_GROUP_NAME"),
        preventive="Keep filter, alarm, topic and subscription in one template, and test it with a harmless event.",
    )


def put_filter(topic: str, pattern: str, region: str, group: str) -> str:
    """Return the command that gives a log group the metric filter of a topic."""
    metric = topic.replace("_", " ").title().replace(" ", "")
    return (
        f"aws logs put-metric-filter --region {region} --log-group-name {shlex.quote(group)} "
        f"--filter-name {topic.replace('_', '-')} --metric-transformations "
        f"metricName={metric},metricNamespace=Security,metricValue=1 --filter-pattern {shlex.quote(pattern)}"
    )


def pattern_for(calls: Sequence[Event]) -> str:
    """Return the filter pattern for calls of one service, by source and name."""
    source = calls[0].fields["$.eventSource"]
    names = " || ".join(f'($.eventName = "{call.name}")' for call in calls)
    return f'{{ ($.eventSource = "{source}") && ({names}) }}'


def management_account(account: AccountFacts, organization: Organization) -> AccountFacts:
    """Return the facts of the management account for a member of the organization, and its own for any other account.

    Raises NotSeenError where the management account was not collected.
    """
    management = organization.management_account_id
    if management is None or account.account_id not in organization.account_ids - {management}:
        return account
    return organization.facts(management)


logs_metric_filter_unauthorized_api_calls_alarmed = alarmed(
    "unauthorized_api_calls",
    "Refused API calls raise an alarm",
    "Many refusals in a short time are somebody who tries keys, or a program with too few permissions. Exclusions of "
    "known noise belong behind && in the pattern: behind || they make it match every event.",
    prescribed.UNAUTHORIZED_CALLS,
    pattern='{ (($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")) && '
    '($.sourceIPAddress != "delivery.logs.amazonaws.com") && ($.eventName != "HeadBucket") }',
)
logs_metric_filter_console_login_without_mfa_alarmed = alarmed(
    "console_login_without_mfa",
    "Console sign-ins without MFA raise an alarm",
    "A password alone opened the console: it may be a stolen one, and at least the second factor is missing.",
    prescribed.SIGN_IN_WITHOUT_MFA,
    pattern='{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }',
)
logs_metric_filter_root_usage_alarmed = alarmed(
    "root_usage",
    "Activity of the root user raises an alarm",
    "Nothing limits the root user, and daily work never needs it, so its use is an emergency or an intrusion.",
    prescribed.ROOT_USAGE,
    pattern='{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) && '
    '($.eventType != "AwsServiceEvent") }',
)
logs_metric_filter_iam_policy_changes_alarmed = alarmed(
    "iam_policy_changes",
    "Changes to IAM policies raise an alarm",
    "A policy decides who may do what; one new statement can make an ordinary user an administrator.",
    prescribed.IAM_POLICY_CHANGES,
)
logs_metric_filter_cloudtrail_changes_alarmed = alarmed(
    "cloudtrail_changes",
    "Changes to CloudTrail's configuration raise an alarm",
    "Who wants to act unseen stops or narrows the trail first.",
    prescribed.CLOUDTRAIL_CHANGES,
)
logs_metric_filter_console_login_failures_alarmed = alarmed(
    "console_login_failures",
    "Failed console sign-ins raise an alarm",
    "A series of wrong passwords is how guessing looks from the inside, with an address to block.",
    prescribed.SIGN_IN_FAILURES,
    pattern='{ ($.eventName = "ConsoleLogin") && ($.errorMessage = "Failed authentication") }',
)
logs_metric_filter_kms_key_disable_or_delete_alarmed = alarmed(
    "kms_key_disable_or_delete",
    "Disabling or deleting KMS keys raises an alarm",
    "Data under a deleted key is lost for good, and under a disabled one out of reach. A deletion can be called off "
    "during its waiting time only. A trail that leaves out the events of KMS never tells.",
    prescribed.KMS_KEY_REMOVALS,
)
logs_metric_filter_s3_bucket_policy_changes_alarmed = alarmed(
    "s3_bucket_policy_changes",
    "Changes to the access rules of buckets raise an alarm",
    "One new policy or list of grants opens a bucket to everybody, and what was copied does not come back.",
    prescribed.S3_BUCKET_POLICY_CHANGES,
)
logs_metric_filter_config_changes_alarmed = alarmed(
    "config_changes",
    "Changes to AWS Config raise an alarm",
    "Without its recorder or delivery channel nothing notes any more how resources change.",
    prescribed.CONFIG_CHANGES,
)
logs_metric_filter_security_group_changes_alarmed = alarmed(
    "security_group_changes",
    "Changes to security groups raise an alarm",
    "A rule too many puts a machine on the internet, often by a quick fix that nobody takes back.",
    prescribed.SECURITY_GROUP_CHANGES,
)
logs_metric_filter_security_group_and_rule_changes_alarmed = alarmed(
    "security_group_and_rule_changes",
    "Changes to security groups and to existing rules raise an alarm",
    "A rule can be widened in place, by a call of its own, without adding or removing one.",
    prescribed.SECURITY_GROUP_AND_RULE_CHANGES,
)
logs_metric_filter_network_acl_changes_alarmed = alarmed(
    "network_acl_changes",
    "Changes to network ACLs raise an alarm",
    "A network ACL is the outer wall of a subnet: an entry opens it for all machines behind it at once.",
    prescribed.NETWORK_ACL_CHANGES,
)
logs_metric_filter_network_gateway_changes_alarmed = alarmed(
    "network_gateway_changes",
    "Changes to network gateways raise an alarm",
    "A new gateway is a new way into and out of a network that was closed.",
    prescribed.NETWORK_GATEWAY_CHANGES,
)
logs_metric_filter_route_table_changes_alarmed = alarmed(
    "route_table_changes",
    "Changes to route tables raise an alarm",
    "A changed route leads traffic past the firewall, or to somebody who reads along.",
    prescribed.ROUTE_TABLE_CHANGES,
)
logs_metric_filter_vpc_changes_alarmed = alarmed(
    "vpc_changes",
    "Changes to VPCs raise an alarm",
    "A peering joins two networks that were apart; a new VPC may stand outside all that guards the others.",
    prescribed.VPC_CHANGES,
)
logs_metric_filter_organizations_changes_alarmed = alarmed(
    "organizations_changes",
    "Changes to the organization raise an alarm",
    "Who detaches a policy or moves an account lifts the guard rails of many accounts at once. Such calls are made in "
    "the management account, so what watches that one counts for every member.",
    prescribed.ORGANIZATIONS_CHANGES,
    of_organization=True,
)
