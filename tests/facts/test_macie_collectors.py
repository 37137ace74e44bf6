"""What the collectors of Macie make of answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.macie import BucketCriterion, ClassificationJob, MacieSession, macie_discovery, macie_sessions
from orgaudit.model import NotSeenError
from tests.factories import MEMBER, SECURITY
from tests.factories_macie import a_session
from tests.factories_s3 import a_bucket
from tests.literal_aws import LiteralAws, Refused, aws_of

SESSION = a_session()
BUCKET = a_bucket()
NO_JOBS: dict[str, Any] = {"items": []}
NOT_AUTOMATED = {"status": "DISABLED"}


def aws(**answers: Any) -> LiteralAws:
    return aws_of("macie2", **answers)


async def listed(at: LiteralAws) -> list[MacieSession]:
    return [session async for session in macie_sessions(at)]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": "ENABLED"}, "ENABLED"),
        ({"status": "PAUSED"}, "PAUSED"),
        (Refused("AccessDeniedException: Macie is not enabled."), "DISABLED"),
        (Refused("ResourceNotFoundException"), "DISABLED"),
    ],
)
async def test_one_session_whether_macie_is_on_or_off(answer: Any, status: str) -> None:
    (session,) = await listed(aws(GetMacieSession=answer))
    assert session == a_session(status)
    assert session.enabled is (status == "ENABLED")


async def test_a_lack_of_permission_is_not_taken_for_a_macie_that_is_off() -> None:
    with pytest.raises(NotSeenError) as raised:
        await listed(aws(GetMacieSession=Refused("AccessDeniedException: not authorized to perform")))
    assert raised.value.gap.action == "macie2:GetMacieSession"


@pytest.mark.parametrize("status", ["DISABLED", "PAUSED"])
async def test_nothing_more_is_asked_where_macie_is_off(status: str) -> None:
    at = aws()
    found = await macie_discovery(at, a_session(status))
    assert (found.automated, found.jobs) == (False, ())
    assert at.world.calls == []


async def test_standalone_account_with_automated_discovery() -> None:
    at = aws(
        GetAdministratorAccount={},
        GetAutomatedDiscoveryConfiguration={"status": "ENABLED", "classificationScopeId": "scope"},
        GetClassificationScope={"s3": {"excludes": {"bucketNames": ["logs"]}}},
        ListClassificationJobs=NO_JOBS,
    )
    found = await macie_discovery(at, SESSION)
    assert (found.administrator, found.automated, found.excluded) == (None, True, frozenset({"logs"}))
    assert at.world.asked("GetClassificationScope")[0].parameters == {"id": "scope"}


async def test_standalone_account_without_automated_discovery() -> None:
    at = aws(
        GetAdministratorAccount={},
        GetAutomatedDiscoveryConfiguration=NOT_AUTOMATED,
        ListClassificationJobs=NO_JOBS,
    )
    assert not (await macie_discovery(at, SESSION)).automated
    assert at.world.asked("GetClassificationScope") == []


@pytest.mark.parametrize(("status", "automated"), [("ENABLED", True), ("DISABLED", False)])
async def test_a_member_asks_for_its_own_status_only(status: str, automated: bool) -> None:
    at = aws(
        GetAdministratorAccount={"administrator": {"accountId": SECURITY, "relationshipStatus": "Enabled"}},
        ListAutomatedDiscoveryAccounts={"items": [{"accountId": MEMBER, "status": status}]},
        ListClassificationJobs=NO_JOBS,
    )
    found = await macie_discovery(at, SESSION)
    assert (found.administrator, found.automated) == (SECURITY, automated)
    assert at.world.asked("ListAutomatedDiscoveryAccounts")[0].parameters == {"accountIds": [MEMBER]}


async def test_an_administrator_that_was_left_is_none() -> None:
    at = aws(
        GetAdministratorAccount={"administrator": {"accountId": SECURITY, "relationshipStatus": "Resigned"}},
        GetAutomatedDiscoveryConfiguration=NOT_AUTOMATED,
        ListClassificationJobs=NO_JOBS,
    )
    assert (await macie_discovery(at, SESSION)).administrator is None


async def test_jobs_page_by_page() -> None:
    """A job that was cancelled, or paused by somebody, covers nothing."""
    simple = {"simpleCriterion": {"key": "S3_BUCKET_NAME", "comparator": "EQ", "values": ["data"]}}
    tags = {"tagCriterion": {"comparator": "EQ", "tagValues": [{"key": "stage", "value": "prod"}]}}
    named = {"jobId": "1", "name": "named", "jobStatus": "IDLE"}
    named["bucketDefinitions"] = [{"accountId": MEMBER, "buckets": ["data", "more"]}]  # type: ignore[assignment]
    choosing = {
        "jobId": "2",
        "jobStatus": "COMPLETE",
        "bucketCriteria": {"includes": {"and": [simple]}, "excludes": {"and": [tags]}},
    }
    over = [{"jobId": "3", "jobStatus": status} for status in ("CANCELLED", "USER_PAUSED")]
    at = aws(
        GetAdministratorAccount={},
        GetAutomatedDiscoveryConfiguration=NOT_AUTOMATED,
        ListClassificationJobs=[{"items": [named, *over]}, {"items": [choosing]}],
    )
    assert (await macie_discovery(at, SESSION)).jobs == (
        ClassificationJob("named", buckets=((MEMBER, "data"), (MEMBER, "more"))),
        ClassificationJob(
            "2",
            includes=(BucketCriterion("S3_BUCKET_NAME", "EQ", ("data",)),),
            excludes=(BucketCriterion("tags"),),
            chooses=True,
        ),
    )


@pytest.mark.parametrize(
    "operation", ["GetAdministratorAccount", "GetAutomatedDiscoveryConfiguration", "ListClassificationJobs"]
)
async def test_denied(operation: str) -> None:
    answers: dict[str, Any] = {
        "GetAdministratorAccount": {},
        "GetAutomatedDiscoveryConfiguration": NOT_AUTOMATED,
        "ListClassificationJobs": NO_JOBS,
    }
    with pytest.raises(NotSeenError) as raised:
        await macie_discovery(aws(**answers | {operation: Refused()}), SESSION)
    assert raised.value.gap.action == f"macie2:{operation}"
