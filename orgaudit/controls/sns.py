"""Controls on SNS topics."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.sns import SnsTopic, TopicPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Restrict topic policies to named accounts and services, or to the organization with "
        "aws:PrincipalOrgID.",
        asset="Name the principals that may publish and subscribe in the policy of topic {resource.name}.",
        command="aws sns set-topic-attributes --region {region} --topic-arn {resource.arn} "
        "--attribute-name Policy --attribute-value file://topic-policy.json",
        preventive="Deny sns:SetTopicAttributes and sns:AddPermission to all but the pipeline that creates topics.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def sns_topic_policy_restricted(_topic: SnsTopic, policy: Observed[TopicPolicy]) -> Verdict:
    """SNS topic policies do not allow public access.

    Public subscription exposes every notification. Public publishing lets external principals send false notifications
    to people and systems.
    """
    return judge_policy(policy.value)
