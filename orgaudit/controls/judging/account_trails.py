"""The trails that record an account, and the account's verdict from the verdicts on them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.recording import recorded_management
from orgaudit.analysis.organization_facts import Organization
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.model import NotSeenError, Status, Verdict, failed


def not_recording(trail: Trail, account: AccountFacts, owner: AccountFacts) -> str | None:
    """Return why a trail does not record all management events of an account in every region, or None if it does.

    Raises NotSeenError where the trail's status or selectors were not seen.
    """
    if reason := not_everywhere(trail, account, owner):
        return reason
    management = recorded_management(owner.detail(TrailSelectors, trail).value)
    return None if management.complete else f"records {management.describe()}"


def not_everywhere(trail: Trail, account: AccountFacts, owner: AccountFacts) -> str | None:
    """Return why a trail does not log in every region of an account, or None if it does, whatever it records.

    Raises NotSeenError where the trail's status was not seen, or whether the account has the trail's home region.
    """
    if not trail.multi_region.value:
        return "records one region only"
    if trail.account_id != account.account_id and not account.has_enabled(trail.region):
        # docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html, on opt-in home regions
        return f"has the home region {trail.region}, which this account has not enabled, so it records nothing here"
    return None if owner.detail(TrailStatus, trail).value.logging else "is not logging"


def status_command(trail: Trail) -> str:
    """Return the command that shows how the deliveries of a trail went."""
    return f"aws cloudtrail get-trail-status --region {trail.region} --name {shlex.quote(trail.arn)}"


def judge_each(
    account: AccountFacts, organization: Organization, judge: Callable[[Trail, AccountFacts], Verdict]
) -> Verdict:
    """Return the best verdict on any trail of the account, each judged with the facts of its owner.

    One passing trail is enough. Without one, a trail that was not seen may pass, so the verdict is that gap; next
    comes what a person has to decide. The account fails only if every trail was seen and fails, with the reason of
    each.
    """
    verdicts: list[tuple[Trail, Verdict]] = []
    gaps: list[NotSeenError] = []
    for trail in sorted(account.anywhere(Trail), key=lambda found: found.arn):
        try:
            verdict = judge(trail, organization.facts(trail.account_id))
        except NotSeenError as error:
            gaps.append(error)
            continue
        if trail.account_id != account.account_id:
            verdict = msgspec.structs.replace(verdict, inherited_from=trail.account_id)
        if verdict.status is Status.PASS:
            return verdict
        verdicts.append((trail, verdict))
    if gaps:
        raise gaps[0]
    return _together([found for found in verdicts if found[1].status is Status.MANUAL] or verdicts)


def _together(verdicts: Iterable[tuple[Trail, Verdict]]) -> Verdict:
    """Return verdicts of one status on several trails as one."""
    found = list(verdicts)
    if not found:
        return failed("no trail records this account", trails=[])
    reasons = "; ".join(f"trail {trail.name} {verdict.reason}" for trail, verdict in found)
    evidence = [{"trail": trail.arn, "reason": verdict.reason, **verdict.evidence} for trail, verdict in found]
    command = next((verdict.command for _, verdict in found if verdict.command), None)
    owners = {verdict.inherited_from for _, verdict in found}
    inherited_from = owners.pop() if len(owners) == 1 else None
    return Verdict(found[0][1].status, reasons, {"trails": evidence}, command, inherited_from)
