"""Whether Macie looks for sensitive data in a bucket, by the settings of its account and of the administrator."""

from __future__ import annotations

from dataclasses import dataclass

from orgaudit.analysis.account import AccountFacts
from orgaudit.analysis.organization import Organization
from orgaudit.facts.macie import MacieDiscovery, MacieSession
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Gap, GapReason, NotSeenError


def macie_in(account: AccountFacts, region: str) -> MacieSession:
    """Return what Macie is in a region of an account; raises NotSeenError where that was not seen."""
    for session in account.resources(MacieSession):
        if session.region == region:
            return session
    listed = account.listing(MacieSession, region)
    if listed is not None and listed.gap is not None:
        raise NotSeenError(listed.gap)
    message = f"Macie was not asked about in {region}: the region was not audited in account {account.account_id}"
    raise NotSeenError(Gap(account.account_id, region, "macie2:GetMacieSession", GapReason.UNREACHABLE, message))


@dataclass(frozen=True, slots=True)
class Coverage:
    """What looks for sensitive data in a bucket, and the jobs of which that cannot be told."""

    by: tuple[str, ...]
    unsure: tuple[str, ...]


def coverage(bucket: Bucket, account: AccountFacts, organization: Organization) -> Coverage:
    """Return what looks into a bucket: jobs and automated discovery, of its account or of Macie's administrator.

    Raises NotSeenError where nothing that was seen does, and something was not seen.
    """
    listed = account.listing(MacieSession, bucket.region)
    if listed is not None and listed.nothing_there:
        return Coverage((), ())
    own = account.detail(MacieDiscovery, macie_in(account, bucket.region)).value
    seen, unseen = [own], None
    if own.administrator is not None:
        try:
            central = organization.facts(own.administrator)
            seen.append(central.detail(MacieDiscovery, macie_in(central, bucket.region)).value)
        except NotSeenError as error:
            unseen = error
    answers = [(f"job {job.name}", job.covers(bucket)) for each in seen for job in each.jobs]
    by = [name for name, covered in answers if covered]
    if own.automated and unseen is None and not any(bucket.name in each.excluded for each in seen):
        by.append("automated discovery")
    if unseen is not None and not by:
        raise unseen
    return Coverage(tuple(by), tuple(name for name, covered in answers if covered is None))
