"""Security services and settings: GuardDuty, Security Hub, Macie, Inspector, Access Analyzer and Systems Manager."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

from scripts.simulator.answers import CREATED, Asked, RefusedError, answers, constant
from scripts.simulator.organization import ACCOUNT, Place
from scripts.simulator.protocol import Answer

DETECTOR = f"d{ACCOUNT}"


@answers("guardduty", "ListDetectors")
def detectors(place: Place, _asked: Asked) -> Answer:
    return {"DetectorIds": [DETECTOR] if place.often("guardduty", 80) else []}


@answers("guardduty", "GetDetector")
def detector(place: Place, _asked: Asked) -> Answer:
    plans = ("CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS", "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION")
    further = ("RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS")
    agents = ("EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT")

    def plan(name: str) -> dict[str, str]:
        return {"Name": name, "Status": "ENABLED" if place.often(name, 50) else "DISABLED"}

    return {
        "Status": "ENABLED",
        "CreatedAt": "2020-01-01T00:00:00Z",
        "ServiceRole": f"arn:aws:iam::{ACCOUNT}:role/guardduty",
        "FindingPublishingFrequency": "SIX_HOURS",
        "Features": [
            *({"Name": name, "Status": "ENABLED"} for name in plans),
            *map(plan, further),
            {**plan("RUNTIME_MONITORING"), "AdditionalConfiguration": [plan(name) for name in agents]},
        ],
    }


@answers("securityhub", "DescribeHub")
def hub(place: Place, _asked: Asked) -> Answer:
    if not place.often("securityhub", 70):
        raise RefusedError("ResourceNotFoundException", status=404)
    found = {"HubArn": place.arn("securityhub", "hub/default"), "SubscribedAt": "2020-01-01T00:00:00.000Z"}
    return {**found, "AutoEnableControls": True}


@answers("macie2", "GetMacieSession")
def macie_session(place: Place, _asked: Asked) -> Answer:
    if not place.often("macie", 50):
        raise RefusedError("AccessDeniedException", "Macie is not enabled.", 403)
    return {"status": "ENABLED", "createdAt": CREATED, "updatedAt": CREATED}


constant("macie2", "GetAdministratorAccount", {})
constant("macie2", "ListClassificationJobs", {"items": []})
constant("macie2", "ListAutomatedDiscoveryAccounts", {"items": [{"accountId": ACCOUNT, "status": "ENABLED"}]})
constant("macie2", "GetAutomatedDiscoveryConfiguration", {"status": "ENABLED", "classificationScopeId": "scope"})
constant(
    "macie2", "GetClassificationScope", {"id": "scope", "name": "automated", "s3": {"excludes": {"bucketNames": []}}}
)


@answers("inspector2", "BatchGetAccountStatus")
def inspector(place: Place, _asked: Asked) -> Answer:
    def state(name: str) -> dict[str, str]:
        status = "ENABLED" if place.often(name, 60) else "DISABLED"
        return {"status": status, "errorCode": "ALREADY_ENABLED", "errorMessage": ""}

    scans = {name: state(name) for name in ("ec2", "ecr", "lambda", "lambdaCode")}
    return {"accounts": [{"accountId": ACCOUNT, "state": state("inspector"), "resourceState": scans}]}


@answers("accessanalyzer", "ListAnalyzers")
def analyzers(place: Place, _asked: Asked) -> Answer:
    found = {
        "arn": place.arn("access-analyzer", "analyzer/account"),
        "name": "account",
        "type": "ACCOUNT",
        "status": "ACTIVE",
        "createdAt": CREATED,
    }
    return {"analyzers": [found] if place.often("analyzer", 60) else []}


@answers("ssm", "GetServiceSetting")
def document_sharing(place: Place, asked: Asked) -> Answer:
    value = "Disable" if place.often("sharing", 50) else "Enable"
    return {"ServiceSetting": {"SettingId": str(asked.get("SettingId")), "SettingValue": value, "Status": "Default"}}
