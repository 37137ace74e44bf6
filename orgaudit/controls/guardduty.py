"""Controls on GuardDuty: each account is judged by its own detectors, whichever account administers them."""

from __future__ import annotations

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.guardduty import Detector, GuardDutyRegion
from orgaudit.model import (
    Disruption,
    Effort,
    Gap,
    GapReason,
    NotSeenError,
    Observed,
    Severity,
    Verdict,
    failed,
    passed,
    require,
)

CREATE = "aws guardduty create-detector --region {region} --enable"
ENROLL = (
    "aws guardduty update-organization-configuration --detector-id DETECTOR_ID --auto-enable-organization-members ALL"
)
KEEP = "Deny guardduty:DeleteDetector and guardduty:UpdateDetector in member accounts with a service control policy."


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Register a delegated administrator for GuardDuty in every region, and enable all members from "
        "it.",
        service_wide_command=ENROLL,
        asset="Enable GuardDuty in {region} of account {account}.",
        command=CREATE,
        preventive=KEEP,
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def guardduty_detector_enabled(region: GuardDutyRegion, detector: Observed[Detector]) -> Verdict:
    """GuardDuty is enabled in every region.

    GuardDuty reports stolen credentials, malware and unusual calls. An attacker prefers a region in which nobody looks,
    so regions without workloads count as well. Each account is judged by its own detector.
    """
    seen = detector.value
    if seen.status is None:
        return failed("GuardDuty has no detector in this region")
    suspended = f"the detector is suspended: its status is {seen.status}"
    command = f"aws guardduty update-detector --region {region.region} --detector-id {region.detector_id} --enable"
    if not seen.enabled:
        return failed(suspended, command=command, detector=region.detector_id, status=seen.status)
    return passed("GuardDuty is enabled", detector=region.detector_id, status=seen.status)


def _judge_features(region: GuardDutyRegion, seen: Detector, features: tuple[str, ...]) -> Verdict:
    """Return the verdict on plans of which one has to run; raises NotSeenError where the detector lists none."""
    if seen.status is None:
        return failed(
            "GuardDuty has no detector in this region", command=CREATE.format(region=region.region), features={}
        )
    states = {feature: seen.runs(feature) for feature in features}
    if all(state is None for state in states.values()):
        message = f"the detector does not list {' or '.join(features)}, which the region may not offer"
        raise NotSeenError(Gap(region.account_id, region.region, "guardduty:GetDetector", GapReason.MALFORMED, message))
    on = [feature for feature, state in states.items() if state]
    if on and not seen.enabled:
        return failed(f"{on[0]} is enabled, but the detector is suspended", features=states, status=seen.status)
    return require(
        bool(on),
        then=f"{' and '.join(on)} is enabled",
        otherwise=f"{' or '.join(features)} is not enabled",
        features=states,
        status=seen.status,
    )


def _setting(feature: str, setting: str, value: str) -> str:
    """Return a plan, with the part of it that is meant, as an argument of the AWS CLI within a template."""
    plan, _, part = feature.partition(".")
    parts = f",AdditionalConfiguration=[{{{{Name={part},{setting}={value}}}}}]" if part else ""
    return f"'Name={plan},{setting}={value}{parts}'"


def _monitored(
    name: str, title: str, rationale: str, *features: str, plan: str, severity: Severity = Severity.HIGH
) -> Control:
    """Return the control that one of these protection plans runs; `plan` is what GuardDuty's console calls it."""

    def judge(region: GuardDutyRegion, detector: Observed[Detector]) -> Verdict:
        return _judge_features(region, detector.value, features)

    fix = Fix(
        service_wide=f"Enable {plan} for all members in GuardDuty's delegated administrator account, in every region.",
        service_wide_command=f"{ENROLL} --features {_setting(features[0], 'AutoEnable', 'ALL')}",
        asset=f"Enable {plan} in {{region}} of account {{account}}; for a member, its administrator account does.",
        command="aws guardduty update-detector --region {region} --detector-id {resource.detector_id} "
        f"--features {_setting(features[0], 'Status', 'ENABLED')}",
        preventive=KEEP,
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    )
    return control(severity, fix=fix, id=name, title=title, rationale=rationale)(judge)


guardduty_detector_eks_audit_logs_enabled = _monitored(
    "guardduty_detector_eks_audit_logs_enabled",
    "GuardDuty analyzes EKS audit logs",
    "The audit logs of a cluster show calls to the Kubernetes API with stolen credentials, which CloudTrail does not "
    "record.",
    "EKS_AUDIT_LOGS",
    plan="EKS Protection",
)
guardduty_detector_lambda_protection_enabled = _monitored(
    "guardduty_detector_lambda_protection_enabled",
    "GuardDuty analyzes the network activity of Lambda functions",
    "A function whose code or dependencies are compromised contacts servers of the attacker; nothing else in the "
    "account shows that.",
    "LAMBDA_NETWORK_LOGS",
    plan="Lambda Protection",
)
guardduty_detector_eks_runtime_monitored = _monitored(
    "guardduty_detector_eks_runtime_monitored",
    "GuardDuty monitors EKS nodes and containers at run time",
    "Processes, files and connections within a node are visible only to an agent on it. GuardDuty has to manage the "
    "agent, because nodes without one are not monitored.",
    "RUNTIME_MONITORING.EKS_ADDON_MANAGEMENT",
    "EKS_RUNTIME_MONITORING.EKS_ADDON_MANAGEMENT",
    plan="Runtime Monitoring with automated agents for EKS",
)
guardduty_detector_ec2_malware_protection_enabled = _monitored(
    "guardduty_detector_ec2_malware_protection_enabled",
    "GuardDuty scans volumes of suspicious instances for malware",
    "A scan of the volumes shows which malware caused a finding, without an agent and without a change to the "
    "instance.",
    "EBS_MALWARE_PROTECTION",
    plan="Malware Protection for EC2",
)
guardduty_detector_rds_protection_enabled = _monitored(
    "guardduty_detector_rds_protection_enabled",
    "GuardDuty analyzes sign-ins to databases",
    "Guessed and stolen passwords of database users show in sign-ins, which are not part of CloudTrail.",
    "RDS_LOGIN_EVENTS",
    plan="RDS Protection",
)
guardduty_detector_s3_protection_enabled = _monitored(
    "guardduty_detector_s3_protection_enabled",
    "GuardDuty analyzes access to S3 objects",
    "The theft or deletion of data shows in calls on objects, which GuardDuty does not analyze without this plan.",
    "S3_DATA_EVENTS",
    plan="S3 Protection",
)
guardduty_detector_runtime_monitored = _monitored(
    "guardduty_detector_runtime_monitored",
    "GuardDuty monitors workloads at run time",
    "What happens within an instance or a container is visible only at run time: the start of a miner, a reverse shell "
    "or an escape from the container.",
    "RUNTIME_MONITORING",
    plan="Runtime Monitoring",
)
guardduty_detector_ecs_runtime_agent_managed = _monitored(
    "guardduty_detector_ecs_runtime_agent_managed",
    "GuardDuty manages its agent in Fargate tasks",
    "Runtime Monitoring sees only tasks with an agent; tasks that GuardDuty does not add it to are not monitored.",
    "RUNTIME_MONITORING.ECS_FARGATE_AGENT_MANAGEMENT",
    plan="Runtime Monitoring with automated agents for Fargate",
    severity=Severity.MEDIUM,
)
guardduty_detector_ec2_runtime_agent_managed = _monitored(
    "guardduty_detector_ec2_runtime_agent_managed",
    "GuardDuty manages its agent on EC2 instances",
    "Runtime Monitoring sees only instances with an agent; an agent that is installed by hand is missing on new ones.",
    "RUNTIME_MONITORING.EC2_AGENT_MANAGEMENT",
    plan="Runtime Monitoring with automated agents for EC2",
    severity=Severity.MEDIUM,
)
