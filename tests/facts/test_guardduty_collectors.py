"""What the collectors of GuardDuty and Inspector make of answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.guardduty import Detector, detector, guardduty_regions
from orgaudit.facts.inspector2 import inspector_accounts
from orgaudit.model import Gap, GapReason, NotSeenError, Seen
from tests.factories import MEMBER
from tests.factories_guardduty import ARN, a_region
from tests.literal_aws import Refused, aws_of

ROLE = f"arn:aws:iam::{MEMBER}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty"


@pytest.mark.parametrize(("ids", "detector_id"), [(["12abc34d"], "12abc34d"), ([], None)])
async def test_one_region_whether_there_is_a_detector_or_not(ids: list[str], detector_id: str | None) -> None:
    at = aws_of("guardduty", ListDetectors={"DetectorIds": ids})
    assert [each async for each in guardduty_regions(at)] == [a_region(detector_id)]
    assert len(at.world.calls) == 1


async def test_detectors_that_are_denied_are_a_gap() -> None:
    with pytest.raises(NotSeenError) as raised:
        [each async for each in guardduty_regions(aws_of("guardduty", ListDetectors=Refused()))]
    assert (raised.value.gap.action, raised.value.gap.reason) == ("guardduty:ListDetectors", GapReason.DENIED)


async def test_nothing_is_asked_without_a_detector() -> None:
    at = aws_of("guardduty")
    assert await detector(at, a_region(None)) == Detector(arn=ARN)
    assert at.world.calls == []


async def test_detector_with_plans_and_their_parts() -> None:
    agents = [
        {"Name": "EKS_ADDON_MANAGEMENT", "Status": "ENABLED"},
        {"Name": "EC2_AGENT_MANAGEMENT", "Status": "DISABLED"},
    ]
    features = [
        {"Name": "S3_DATA_EVENTS", "Status": "ENABLED"},
        {"Name": "RUNTIME_MONITORING", "Status": "ENABLED", "AdditionalConfiguration": agents},
        {"Name": "RDS_LOGIN_EVENTS"},
    ]
    at = aws_of("guardduty", GetDetector={"Status": "ENABLED", "ServiceRole": ROLE, "Features": features})
    found = await detector(at, a_region())
    assert found.features == {
        "S3_DATA_EVENTS": "ENABLED",
        "RUNTIME_MONITORING": "ENABLED",
        "RUNTIME_MONITORING.EKS_ADDON_MANAGEMENT": "ENABLED",
        "RUNTIME_MONITORING.EC2_AGENT_MANAGEMENT": "DISABLED",
    }
    assert found.enabled
    assert at.world.asked("GetDetector")[0].parameters == {"DetectorId": "12abc34d"}
    assert [found.runs(f"RUNTIME_MONITORING{part}") for part in ("", ".EKS_ADDON_MANAGEMENT")] == [True, True]
    assert found.runs("RUNTIME_MONITORING.EC2_AGENT_MANAGEMENT") is False
    assert found.runs("RUNTIME_MONITORING.ECS_FARGATE_AGENT_MANAGEMENT") is None
    assert found.runs("RDS_LOGIN_EVENTS") is None


def a_status(status: str) -> dict[str, str]:
    return {"status": status, "errorCode": "ALREADY_ENABLED", "errorMessage": ""}


async def test_inspector_of_the_own_account() -> None:
    scans = {"ec2": a_status("ENABLED"), "ecr": a_status("DISABLED"), "lambda": a_status("SUSPENDED")}
    account = {"accountId": MEMBER, "state": a_status("ENABLED"), "resourceState": scans}
    at = aws_of("inspector2", BatchGetAccountStatus={"accounts": [account]})
    (found,) = [each async for each in inspector_accounts(at)]
    assert (found.ec2, found.ecr, found.functions) == (Seen("ENABLED"), Seen("DISABLED"), Seen("SUSPENDED"))
    assert isinstance(found.function_code, Gap)
    assert at.world.asked("BatchGetAccountStatus")[0].parameters == {"accountIds": [MEMBER]}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Refused("AccessDeniedException"), "AccessDeniedException"),
        ({"accounts": []}, "no status of this account"),
        (
            {
                "accounts": [],
                "failedAccounts": [{"accountId": MEMBER, "errorCode": "ACCESS_DENIED", "errorMessage": "not yours"}],
            },
            "ACCESS_DENIED: not yours",
        ),
    ],
)
async def test_inspector_without_a_status_is_a_gap(answer: Any, says: str) -> None:
    with pytest.raises(NotSeenError) as raised:
        [each async for each in inspector_accounts(aws_of("inspector2", BatchGetAccountStatus=answer))]
    assert says in raised.value.gap.message
    assert raised.value.gap.action == "inspector2:BatchGetAccountStatus"
