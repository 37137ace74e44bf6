"""What the controls on GuardDuty say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls import guardduty
from orgaudit.controls.declare import Control
from orgaudit.facts.guardduty import Detector
from orgaudit.model import Seen, Status
from tests.factories import NASTY, Case, denied, every, failing, name_of, passing, unseen
from tests.factories_guardduty import ARN, a_region


def detecting(status: str = "ENABLED", /, **features: str) -> tuple[Any, ...]:
    """A detector; the parts of a plan are written with two underscores."""
    named = {name.replace("__", "."): each for name, each in features.items()}
    return a_region(), Seen(Detector(arn=ARN, status=status, features=named))


NO_DETECTOR = (a_region(None), Seen(Detector(arn=ARN)))
DENIED = (a_region(), denied("guardduty:GetDetector"))
ENABLED = (
    passing("enabled", *detecting(), says="is enabled"),
    failing("suspended", *detecting("DISABLED"), says="suspended: its status is DISABLED"),
    failing("no detector", *NO_DETECTOR, says="has no detector"),
    unseen("denied", *DENIED, says="guardduty:GetDetector is denied"),
)
PLANS = {
    guardduty.guardduty_detector_eks_audit_logs_enabled: "EKS_AUDIT_LOGS",
    guardduty.guardduty_detector_lambda_protection_enabled: "LAMBDA_NETWORK_LOGS",
    guardduty.guardduty_detector_ec2_malware_protection_enabled: "EBS_MALWARE_PROTECTION",
    guardduty.guardduty_detector_rds_protection_enabled: "RDS_LOGIN_EVENTS",
    guardduty.guardduty_detector_s3_protection_enabled: "S3_DATA_EVENTS",
    guardduty.guardduty_detector_runtime_monitored: "RUNTIME_MONITORING",
}
PARTS = {
    guardduty.guardduty_detector_eks_runtime_monitored: "EKS_ADDON_MANAGEMENT",
    guardduty.guardduty_detector_ecs_runtime_agent_managed: "ECS_FARGATE_AGENT_MANAGEMENT",
    guardduty.guardduty_detector_ec2_runtime_agent_managed: "EC2_AGENT_MANAGEMENT",
}
OTHERS = {"FLOW_LOGS": "ENABLED", "DNS_LOGS": "ENABLED"}


def plan_cases(plan: str) -> tuple[Case, ...]:
    every_other = {each: "ENABLED" for each in PLANS.values() if each != plan}
    return (
        passing("enabled", *detecting(**{plan: "ENABLED"}), says=plan),
        failing("disabled", *detecting(**every_other, **{plan: "DISABLED"}), says=f"{plan} is not enabled"),
        failing("suspended", *detecting("DISABLED", **{plan: "ENABLED"}), says="the detector is suspended"),
        failing("no detector", *NO_DETECTOR, says="has no detector"),
        unseen("not listed", *detecting(**OTHERS, **every_other), says=f"does not list {plan}"),
        unseen("denied", *DENIED),
    )


def part_cases(part: str) -> tuple[Case, ...]:
    plan, whole = "RUNTIME_MONITORING", f"RUNTIME_MONITORING__{part}"
    return (
        passing("enabled", *detecting(**{plan: "ENABLED", whole: "ENABLED"}), says=part),
        failing("the part is off", *detecting(**{plan: "ENABLED", whole: "DISABLED"}), says="is not enabled"),
        failing("the plan is off", *detecting(**{plan: "DISABLED", whole: "ENABLED"}), says="is not enabled"),
        failing("the plan is off and shows no parts", *detecting(**{plan: "DISABLED"}), says="is not enabled"),
        failing("suspended", *detecting("DISABLED", **{plan: "ENABLED", whole: "ENABLED"}), says="suspended"),
        failing("no detector", *NO_DETECTOR, says="has no detector"),
        unseen("the part is not listed", *detecting(**{plan: "ENABLED"}), says="does not list"),
        unseen("denied", *DENIED),
    )


OLDER = {"EKS_RUNTIME_MONITORING": "ENABLED", "EKS_RUNTIME_MONITORING__EKS_ADDON_MANAGEMENT": "ENABLED"}
EITHER = (
    passing("the older plan alone", *detecting(RUNTIME_MONITORING="DISABLED", **OLDER), says="EKS_RUNTIME"),
    failing(
        "the older plan without agents",
        *detecting(
            RUNTIME_MONITORING="DISABLED", **OLDER | {"EKS_RUNTIME_MONITORING__EKS_ADDON_MANAGEMENT": "DISABLED"}
        ),
        says="is not enabled",
    ),
)
CASES: dict[Control, tuple[Case, ...]] = {
    guardduty.guardduty_detector_enabled: ENABLED,
    **{control: plan_cases(plan) for control, plan in PLANS.items()},
    **{control: part_cases(part) for control, part in PARTS.items()},
}
CASES[guardduty.guardduty_detector_eks_runtime_monitored] += EITHER
NASTY_RESOURCES = (a_region(NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_command_without_a_detector_creates_one() -> None:
    verdict = guardduty.guardduty_detector_s3_protection_enabled(*NO_DETECTOR)
    assert verdict.command == "aws guardduty create-detector --region eu-west-1 --enable"


def test_command_of_a_suspended_detector_enables_it() -> None:
    assert guardduty.guardduty_detector_enabled(*detecting("DISABLED")).command == (
        "aws guardduty update-detector --region eu-west-1 --detector-id 12abc34d --enable"
    )
