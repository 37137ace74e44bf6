"""Whether Macie inspects a bucket, by the settings of its account and of the administrator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.facts.macie import BucketCriterion, ClassificationJob, MacieDiscovery, MacieSession
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Gap, GapReason, NotSeenError


def macie_in(account: AccountFacts, region: str) -> MacieSession:
    """Return the state of Macie in a region of an account; raises NotSeenError where that was not seen."""
    for session in account.resources(MacieSession):
        if session.region == region:
            return session
    listed = account.listing(MacieSession, region)
    if listed is not None and listed.gap is not None:
        raise NotSeenError(listed.gap)
    message = f"Macie was not looked up in {region}: the region was not audited in account {account.account_id}"
    raise NotSeenError(Gap(account.account_id, region, "macie2:GetMacieSession", GapReason.UNREACHABLE, message))


@dataclass(frozen=True, slots=True)
class MacieCoverage:
    """What inspects a bucket, and the jobs for which that cannot be determined."""

    by: tuple[str, ...]
    unsure: tuple[str, ...]


def macie_coverage(bucket: Bucket, account: AccountFacts, organization: Organization) -> MacieCoverage:
    """Return what inspects a bucket: jobs and automated discovery, of its account or of Macie's administrator.

    Raises NotSeenError where nothing that was seen does, and something was not seen.
    """
    listed = account.listing(MacieSession, bucket.region)
    if listed is not None and listed.nothing_there:
        return MacieCoverage((), ())
    own = account.detail(MacieDiscovery, macie_in(account, bucket.region)).value
    seen, unseen = [own], None
    if own.administrator is not None:
        try:
            central = organization.facts(own.administrator)
            seen.append(central.detail(MacieDiscovery, macie_in(central, bucket.region)).value)
        except NotSeenError as error:
            unseen = error
    answers = [(f"job {job.name}", covers(job, bucket)) for each in seen for job in each.jobs]
    by = [name for name, covered in answers if covered]
    if own.automated and unseen is None and not any(bucket.name in each.excluded for each in seen):
        by.append("automated discovery")
    if unseen is not None and not by:
        raise unseen
    return MacieCoverage(tuple(by), tuple(name for name, covered in answers if covered is None))


def covers(job: ClassificationJob, bucket: Bucket) -> bool | None:
    """Return whether a job inspects a bucket; None where its conditions cannot be evaluated."""
    if not job.chooses:
        return (bucket.account_id, bucket.name) in job.buckets
    included = _all_hold(job.includes, bucket)
    excluded = _all_hold(job.excludes, bucket) if job.excludes else False
    if included is False or excluded is True:
        return False
    return True if included and excluded is False else None


def _all_hold(criteria: Iterable[BucketCriterion], bucket: Bucket) -> bool | None:
    found = {_holds(criterion, bucket) for criterion in criteria}
    return False if False in found else None if None in found else True


def _holds(criterion: BucketCriterion, bucket: Bucket) -> bool | None:
    """Return whether a condition holds for a bucket; None where its name and account do not decide that."""
    actual = {"ACCOUNT_ID": bucket.account_id, "S3_BUCKET_NAME": bucket.name}.get(criterion.name)
    if actual is None or criterion.comparator not in {"EQ", "NE"}:
        return None
    return (actual in criterion.values) is (criterion.comparator == "EQ")
