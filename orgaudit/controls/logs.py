"""Controls on the alarms that CloudWatch Logs raises from what trails record."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.trails import judge_each, recording
from orgaudit.facts.account import AccountFacts
from orgaudit.facts.cloudtrail.alarms import TrailAlarms, TrailFilters, TrailTopics
from orgaudit.facts.cloudtrail.chain import alarm_chain
from orgaudit.facts.cloudtrail.delivery import TrailLogGroup
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.organization import Organization
from orgaudit.facts.patterns.prescribed import CLOUDTRAIL_CHANGES
from orgaudit.model import Severity, Status, Verdict, failed, passed
from orgaudit.thresholds import Thresholds


@control(
    Severity.MEDIUM,
    facts=(Trail, TrailStatus, TrailSelectors, TrailLogGroup, TrailFilters, TrailAlarms, TrailTopics),
    fix=Fix(
        service_wide="Build filter, alarm and topic once, on the log group of the organization trail; every account "
        "inherits them.",
        asset="Mend the first broken link for account {account}: trail, log group, filter, alarm, topic, subscriber.",
        command="aws logs put-metric-filter --region {region} --log-group-name LOG_GROUP_NAME "
        "--filter-name cloudtrail-changes --metric-transformations "
        "metricName=CloudTrailChanges,metricNamespace=Security,metricValue=1 --filter-pattern "
        "'{{ ($.eventSource = \"cloudtrail.amazonaws.com\") && ($.readOnly IS FALSE) }}'",
        preventive="Keep filter, alarm, topic and subscription in one template, and test it with a harmless change.",
    ),
)
def logs_metric_filter_cloudtrail_changes_alarmed(
    account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """Changes to CloudTrail's configuration raise an alarm.

    Who wants to act unseen stops or narrows the trail first. Somebody must hear of it at once: from trail to log group,
    filter, metric, alarm, topic and a subscriber who has confirmed, every link has to hold.
    """

    def judge(trail: Trail, owner: AccountFacts) -> Verdict:
        if reason := recording(trail, account, owner):
            return failed(reason)
        chain = alarm_chain(trail, owner, CLOUDTRAIL_CHANGES)
        if chain.broken:
            return failed(chain.broken, command=chain.command, **chain.evidence)
        said = f"trail {trail.name} of account {organization.name(trail.account_id)}: {chain.describe()}"
        return passed(said, **chain.evidence)

    declared = thresholds.accept_alternative_monitoring
    trails = {trail.arn for trail in account.resources(Trail)}
    if account.account_id in declared or trails.intersection(declared):
        reason = "monitored by other means, as [thresholds] accept_alternative_monitoring declares"
        return Verdict(Status.MANUAL, reason, {"declared": list(declared)})
    return judge_each(account, organization, judge)
