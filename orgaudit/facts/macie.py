"""Macie in each region: whether it is enabled, and in which buckets it looks for sensitive data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import Row
from orgaudit.model import NotSeenError, Observed, Scope, Seen

OFF = "Macie is not enabled"
"""The message of the AccessDeniedException where Macie is not enabled; the code alone may be a missing permission.
https://docs.aws.amazon.com/macie/latest/APIReference/macie.html"""
IDLE_STATUSES = frozenset({"CANCELLED", "USER_PAUSED"})
"""Statuses of a job that inspects nothing until a person acts.
https://docs.aws.amazon.com/macie/latest/APIReference/jobs-list.html"""


class MacieSession(Resource, frozen=True, kw_only=True):
    """Macie in one region of an account; `status` is ENABLED, PAUSED or DISABLED."""

    status: Observed[str]

    @property
    def enabled(self) -> bool:
        """Whether Macie monitors the buckets of the region; raises NotSeenError where its status was not seen."""
        return self.status.value == "ENABLED"


class BucketCriterion(msgspec.Struct, frozen=True):
    """One condition on a bucket; tags are named "tags" and have no comparator."""

    name: str
    comparator: str = ""
    values: tuple[str, ...] = ()


class ClassificationJob(msgspec.Struct, frozen=True):
    """A classification job that runs: the buckets that it lists by account and name, or conditions if it `chooses`."""

    name: str
    buckets: tuple[tuple[str, str], ...] = ()
    includes: tuple[BucketCriterion, ...] = ()
    excludes: tuple[BucketCriterion, ...] = ()
    chooses: bool = False


class MacieDiscovery(Detail, frozen=True, kw_only=True):
    """What Macie inspects, by automated discovery and by jobs.

    A member's administrator has jobs of its own, and sets for all members which buckets are `excluded`.
    """

    administrator: str | None = None
    automated: bool = False
    excluded: frozenset[str] = frozenset()
    jobs: tuple[ClassificationJob, ...] = ()


@collector(scope=Scope.REGIONAL, actions=("macie2:GetMacieSession",))
async def macie_sessions(aws: Aws) -> AsyncIterator[MacieSession]:
    """Yield the state of Macie in the region: one item, whether it is enabled or not."""
    yield MacieSession(
        arn=f"arn:{aws.partition}:macie2:{aws.region}:{aws.account_id}:session", **here(aws), status=await _status(aws)
    )


async def _status(aws: Aws) -> Observed[str]:
    try:
        answer = await aws.find("macie2", "GetMacieSession", ("ResourceNotFoundException",))
    except NotSeenError as error:
        if OFF not in error.gap.message:
            raise
        answer = None
    return Seen("DISABLED") if answer is None else Row(aws, "macie2:GetMacieSession", answer).member("status", str)


@detail(
    actions=(
        "macie2:GetAdministratorAccount",
        "macie2:GetAutomatedDiscoveryConfiguration",
        "macie2:GetClassificationScope",
        "macie2:ListAutomatedDiscoveryAccounts",
        "macie2:ListClassificationJobs",
    )
)
async def macie_discovery(aws: Aws, session: MacieSession) -> MacieDiscovery:
    """Return what Macie inspects, where it is enabled."""
    if not session.enabled:
        return MacieDiscovery(arn=session.arn)
    found = (await aws.call("macie2", "GetAdministratorAccount")).get("administrator", {})
    administrator = found["accountId"] if found.get("relationshipStatus") == "Enabled" else None
    automated, excluded = await (_own_configuration(aws) if administrator is None else _as_member(aws))
    jobs = [
        _job(job)
        async for page in aws.pages("macie2", "ListClassificationJobs")
        for job in page["items"]
        if job["jobStatus"] not in IDLE_STATUSES
    ]
    return MacieDiscovery(
        arn=session.arn, administrator=administrator, automated=automated, excluded=excluded, jobs=tuple(jobs)
    )


async def _own_configuration(aws: Aws) -> tuple[bool, frozenset[str]]:
    """Return whether automated discovery runs in an administrator or standalone account, and what it excludes."""
    configuration = await aws.call("macie2", "GetAutomatedDiscoveryConfiguration")
    if configuration["status"] != "ENABLED":
        return False, frozenset()
    scope = await aws.call("macie2", "GetClassificationScope", id=configuration["classificationScopeId"])
    return True, frozenset(scope.get("s3", {}).get("excludes", {}).get("bucketNames", ()))


async def _as_member(aws: Aws) -> tuple[bool, frozenset[str]]:
    """Return whether automated discovery runs in a member, which may read its own status only."""
    answer = await aws.call("macie2", "ListAutomatedDiscoveryAccounts", accountIds=[aws.account_id])
    return any(each["status"] == "ENABLED" for each in answer["items"]), frozenset()


def _job(answer: dict[str, Any]) -> ClassificationJob:
    criteria = answer.get("bucketCriteria")
    return ClassificationJob(
        name=answer.get("name", answer["jobId"]),
        buckets=tuple(
            (each["accountId"], bucket) for each in answer.get("bucketDefinitions", ()) for bucket in each["buckets"]
        ),
        includes=_criteria(criteria, "includes"),
        excludes=_criteria(criteria, "excludes"),
        chooses=criteria is not None,
    )


def _criteria(criteria: dict[str, Any] | None, side: str) -> tuple[BucketCriterion, ...]:
    block = (criteria or {}).get(side, {})
    return tuple(_criterion(each.get("simpleCriterion")) for each in block.get("and", ()))


def _criterion(simple: dict[str, Any] | None) -> BucketCriterion:
    if simple is None:
        return BucketCriterion("tags")
    return BucketCriterion(simple["key"], simple["comparator"], tuple(simple["values"]))
