"""Controls on SNS topics."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.sns import SnsTopic, TopicPolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Let topic policies name accounts and services, or tie them to aws:PrincipalOrgID.",
        asset="Name in the policy of topic {resource.name} who may publish and subscribe.",
        command="aws sns set-topic-attributes --region {region} --topic-arn {resource.arn} "
        "--attribute-name Policy --attribute-value file://topic-policy.json",
        preventive="Deny sns:SetTopicAttributes and sns:AddPermission to all but the pipeline that creates topics.",
    ),
)
def sns_topic_policy_restricted(_topic: SnsTopic, policy: Observed[TopicPolicy]) -> Verdict:
    """Topic policies name who may use the topic.

    Strangers who may subscribe read every notification; those who may publish send false ones to people and machines.
    """
    return judge_policy(policy.value)
