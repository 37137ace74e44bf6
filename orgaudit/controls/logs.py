"""Controls on the alarms on what trails record in CloudWatch Logs: one for each kind of event."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.chain import Chain, ChainTerms, alarm_chain
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.judging.account_trails import judge_each, not_recording, status_command
from orgaudit.facts.cloudtrail.alarms import ActingAlarm, TrailAlarms, TrailFilters
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup
from orgaudit.facts.cloudtrail.topics import AlarmTopic, TrailTopics
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.languages.filter_pattern import Event, prescribed
from orgaudit.model import Disruption, Effort, Severity, Verdict, failed, manual, parse_arn, passed
from orgaudit.settings.thresholds import Thresholds

SECURITY_GROUPS = "logs_metric_filter_security_groups"
"""The family that one alarm on every change to security groups and their rules makes pass."""
CHAIN = (
    "The alarm has to reach people: trail, log group, metric filter, metric, alarm, topic and a confirmed subscription "
    "are all required."
)


def _alarmed(
    name: str,
    title: str,
    rationale: str,
    events: Sequence[Event],
    *,
    pattern: str | None = None,
    family: str = "",
    of_organization: bool = False,
) -> Control:
    """Return the control that each of the events raises an alarm that reaches people.

    `pattern` is the filter pattern that its command sets, by default one for the calls that the events are.
    `of_organization` is whether the events happen in the organization's management account, for all its members.
    """
    topic = name.removeprefix("logs_metric_filter_").removesuffix("_alarmed")
    pattern = pattern or _pattern_for(events)

    def follow(
        trail: Trail, account: AccountFacts, owner: AccountFacts, organization: Organization, hours: int
    ) -> Verdict:
        if reason := not_recording(trail, account, owner):
            return failed(reason)
        member = owner.account_id in organization.account_ids
        chain = alarm_chain(trail, owner, events, ChainTerms(hours, organization.id if member else None))
        if chain.broken:
            return failed(chain.broken, command=_repair(chain, topic, pattern), **chain.evidence)
        if chain.unclear:
            return manual(chain.unclear, **chain.evidence)
        said = f"trail {trail.name} of account {organization.name(trail.account_id)}: {_described(chain)}"
        return passed(said, **chain.evidence)

    def judge(account: AccountFacts, organization: Organization, thresholds: Thresholds) -> Verdict:
        watched = _management_account(account, organization) if of_organization else account
        declared = thresholds.accept_alternative_monitoring
        trails = {trail.arn for trail in watched.resources(Trail)}
        if trails.union({account.account_id, watched.account_id}).intersection(declared):
            reason = "monitored by other means, as declared in [thresholds] accept_alternative_monitoring"
            return manual(reason, declared=list(declared))
        hours = thresholds.delivery_hours
        found = judge_each(
            watched, organization, lambda trail, owner: follow(trail, watched, owner, organization, hours)
        )
        if watched is account:
            return found
        where = f"judged in the management account {organization.name(watched.account_id)}"
        owner = found.inherited_from or watched.account_id
        return msgspec.structs.replace(found, reason=f"{where}: {found.reason}", inherited_from=owner)

    return control(
        Severity.MEDIUM,
        facts=(Trail, TrailStatus, TrailSelectors, TrailLogGroup, TrailFilters, TrailAlarms, TrailTopics),
        fix=_fix(topic, pattern),
        family=family,
        id=name,
        title=title,
        rationale=f"{rationale} {CHAIN}",
    )(judge)


def _described(chain: Chain) -> str:
    """Return the links that hold, with what limits them."""
    said = " → ".join(f"{link} {', '.join(names)}" for link, names in chain.evidence.items() if names)
    if chain.restless:
        said += f"; but filter {', '.join(chain.restless)} matches harmless calls too, so the alarm never rests"
    if chain.latching:
        said += f"; but alarm {', '.join(chain.latching)} ignores missing data: after an event it stays in ALARM, and "
        said += "later events send no notification until its state is reset"
    return said


def _repair(chain: Chain, topic: str, pattern: str) -> str | None:
    """Return the command for the broken link, None where no single one fixes it."""
    match chain.fixable:
        case Trail() as trail:
            return status_command(trail)
        case TrailLogGroup() as group:
            return _put_filter(topic, pattern, group.region, str(group.name))
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
        service_wide="Create metric filter, alarm and topic once, on the log group of the organization trail; every "
        "account inherits them.",
        asset="Fix the first missing part for account {account}: trail, log group, metric filter, alarm, topic or "
        "subscription.",
        command=_put_filter(topic, escaped, "{region}", "LOG_GROUP_NAME"),
        preventive="Create metric filter, alarm, topic and subscription from one template, and test it with a harmless "
        "event.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    )


def _put_filter(topic: str, pattern: str, region: str, group: str) -> str:
    """Return the command that gives a log group the metric filter of a topic."""
    metric = topic.replace("_", " ").title().replace(" ", "")
    return (
        f"aws logs put-metric-filter --region {region} --log-group-name {shlex.quote(group)} "
        f"--filter-name {topic.replace('_', '-')} --metric-transformations "
        f"metricName={metric},metricNamespace=Security,metricValue=1 --filter-pattern {shlex.quote(pattern)}"
    )


def _pattern_for(calls: Sequence[Event]) -> str:
    """Return the filter pattern for calls of one service, by source and name."""
    source = calls[0].fields["$.eventSource"]
    names = " || ".join(f'($.eventName = "{call.name}")' for call in calls)
    return f'{{ ($.eventSource = "{source}") && ({names}) }}'


def _management_account(account: AccountFacts, organization: Organization) -> AccountFacts:
    """Return the facts of the management account for a member of the organization, and its own for any other account.

    Raises NotSeenError where the management account was not collected.
    """
    management = organization.management_account_id
    if management is None or account.account_id not in organization.account_ids - {management}:
        return account
    return organization.facts(management)


logs_metric_filter_unauthorized_api_calls_alarmed = _alarmed(
    "logs_metric_filter_unauthorized_api_calls_alarmed",
    "Unauthorized API calls raise an alarm",
    "Many denied calls in a short time indicate that credentials are tried out, or that a program lacks permissions. "
    "Exclusions of known noise belong after && in the pattern: after || they make it match every event.",
    prescribed.UNAUTHORIZED_CALLS,
    pattern='{ (($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")) && '
    '($.sourceIPAddress != "delivery.logs.amazonaws.com") && ($.eventName != "HeadBucket") }',
)
logs_metric_filter_console_login_without_mfa_alarmed = _alarmed(
    "logs_metric_filter_console_login_without_mfa_alarmed",
    "Console sign-ins without MFA raise an alarm",
    "The session is protected by a password only, which may be stolen, and the required second factor is missing.",
    prescribed.SIGN_IN_WITHOUT_MFA,
    pattern='{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }',
)
logs_metric_filter_root_usage_alarmed = _alarmed(
    "logs_metric_filter_root_usage_alarmed",
    "Root user activity raises an alarm",
    "The root user has unrestricted access and is not needed for daily work, so its use is an emergency or an "
    "intrusion.",
    prescribed.ROOT_USAGE,
    pattern='{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) && '
    '($.eventType != "AwsServiceEvent") }',
)
logs_metric_filter_iam_policy_changes_alarmed = _alarmed(
    "logs_metric_filter_iam_policy_changes_alarmed",
    "Changes to IAM policies raise an alarm",
    "Policies define permissions; one new statement can make an ordinary user an administrator.",
    prescribed.IAM_POLICY_CHANGES,
)
logs_metric_filter_cloudtrail_changes_alarmed = _alarmed(
    "logs_metric_filter_cloudtrail_changes_alarmed",
    "Changes to the CloudTrail configuration raise an alarm",
    "An attacker may stop or restrict the trail first in order to remain undetected.",
    prescribed.CLOUDTRAIL_CHANGES,
)
logs_metric_filter_console_login_failures_alarmed = _alarmed(
    "logs_metric_filter_console_login_failures_alarmed",
    "Failed console sign-ins raise an alarm",
    "A series of failed sign-ins indicates password guessing, and shows the address to block.",
    prescribed.SIGN_IN_FAILURES,
    pattern='{ ($.eventName = "ConsoleLogin") && ($.errorMessage = "Failed authentication") }',
)
logs_metric_filter_kms_key_disable_or_delete_alarmed = _alarmed(
    "logs_metric_filter_kms_key_disable_or_delete_alarmed",
    "Disabling or deleting KMS keys raises an alarm",
    "Data under a deleted key is lost permanently, and data under a disabled key is not available. A deletion can be "
    "cancelled during its waiting period only. A trail that excludes KMS events cannot raise this alarm.",
    prescribed.KMS_KEY_REMOVALS,
)
logs_metric_filter_s3_bucket_policy_changes_alarmed = _alarmed(
    "logs_metric_filter_s3_bucket_policy_changes_alarmed",
    "Changes to S3 bucket policies and settings raise an alarm",
    "A new policy or grant can make a bucket public, and data that was copied cannot be retrieved.",
    prescribed.S3_BUCKET_POLICY_CHANGES,
)
logs_metric_filter_config_changes_alarmed = _alarmed(
    "logs_metric_filter_config_changes_alarmed",
    "Changes to AWS Config raise an alarm",
    "Without a recorder or delivery channel, changes to resources are no longer recorded.",
    prescribed.CONFIG_CHANGES,
)
logs_metric_filter_security_group_changes_alarmed = _alarmed(
    "logs_metric_filter_security_group_changes_alarmed",
    "Changes to security groups raise an alarm",
    "An additional rule can expose an instance to the internet, often as a quick fix that is not reverted.",
    prescribed.SECURITY_GROUP_CHANGES,
    family=SECURITY_GROUPS,
)
logs_metric_filter_security_group_and_rule_changes_alarmed = _alarmed(
    "logs_metric_filter_security_group_and_rule_changes_alarmed",
    "Changes to security groups and to existing rules raise an alarm",
    "A rule can be widened by a call that modifies it in place, without adding or removing a rule.",
    prescribed.SECURITY_GROUP_AND_RULE_CHANGES,
    family=SECURITY_GROUPS,
)
logs_metric_filter_network_acl_changes_alarmed = _alarmed(
    "logs_metric_filter_network_acl_changes_alarmed",
    "Changes to network ACLs raise an alarm",
    "A network ACL filters the traffic of whole subnets: one entry can expose all of their resources.",
    prescribed.NETWORK_ACL_CHANGES,
)
logs_metric_filter_network_gateway_changes_alarmed = _alarmed(
    "logs_metric_filter_network_gateway_changes_alarmed",
    "Changes to network gateways raise an alarm",
    "A new gateway is a new path into and out of a network that was closed.",
    prescribed.NETWORK_GATEWAY_CHANGES,
)
logs_metric_filter_route_table_changes_alarmed = _alarmed(
    "logs_metric_filter_route_table_changes_alarmed",
    "Changes to route tables raise an alarm",
    "A changed route can bypass the firewall or redirect traffic to an attacker.",
    prescribed.ROUTE_TABLE_CHANGES,
)
logs_metric_filter_vpc_changes_alarmed = _alarmed(
    "logs_metric_filter_vpc_changes_alarmed",
    "Changes to VPCs raise an alarm",
    "A peering connection joins networks that were separate, and a new VPC may lack the protection of the others.",
    prescribed.VPC_CHANGES,
)
logs_metric_filter_organizations_changes_alarmed = _alarmed(
    "logs_metric_filter_organizations_changes_alarmed",
    "Changes to the organization raise an alarm",
    "Detaching a policy or moving an account can remove the guardrails of many accounts at once. Such calls are made "
    "in the management account, so its alarms count for every member account.",
    prescribed.ORGANIZATIONS_CHANGES,
    of_organization=True,
)
