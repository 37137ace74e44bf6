"""Judges one account by every control: each cell of the plan gets a status, each resource a finding."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.aliases import first_id
from orgaudit.controls.declare import Control
from orgaudit.facts.declare import Detail, Resource, load
from orgaudit.model import (
    GLOBAL,
    Account,
    AccountRecord,
    Cell,
    Finding,
    Gap,
    GapReason,
    NotSeenError,
    Remediation,
    Remedy,
    RequirementRef,
    Scope,
    Status,
    Verdict,
    fingerprint,
    not_applicable,
    not_assessed,
)
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store.run import Run, write_lines

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all accounts of a run are judged with; `requirements` are by control id, `regions` those of the run.

    `asked` are the only places of the plan to judge, regions by account and control; None for all.
    """

    controls: Sequence[Control]
    thresholds: Thresholds
    requirements: Mapping[str, list[RequirementRef]]
    regions: Sequence[str]
    organization: Organization
    partition: str
    home_region: str
    asked: Mapping[str, Mapping[str, Collection[str]]] | None = None

    def places(self, account_id: str, control: Control) -> Sequence[str]:
        """Return where a control has a cell in an account."""
        if self.asked is not None:
            return sorted(self.asked.get(account_id, {}).get(control.id, ()))
        return places(control, self.regions)


def evaluate_account(run: Run, facts: AccountFacts, context: RunContext) -> None:
    """Write an account's findings, as they are made, and its cells; raises ReportError."""
    cells: list[Cell] = []
    write_lines(run.findings_path(facts.account_id), findings_of(facts, context, cells))
    write_lines(run.cells_path(facts.account_id), cells)


def findings_of(facts: AccountFacts, context: RunContext, cells: list[Cell]) -> Iterator[Finding]:
    """Yield an account's findings, and add its cells to `cells`."""
    evaluation = Evaluation(facts, context)
    for control in context.controls:
        for region in context.places(facts.account_id, control):
            tally = Tally()
            yield from evaluation.findings(control, region, tally)
            cells.append(evaluation.counted(control, region, tally))


def places(control: Control, regions: Sequence[str]) -> Sequence[str]:
    """Return where a control has a cell in each account, given the regions of the run: in each, or once for all."""
    return (GLOBAL,) if control.scope is Scope.ACCOUNT or _is_global(control) else regions


def _is_global(control: Control) -> bool:
    return issubclass(control.subject, Resource) and load()[control.subject].scope is Scope.ACCOUNT


class Tally:
    """The verdicts of one cell, counted.

    `counted` are those that count, by status, `accepted` those in regions that the settings accept, and `gaps` the
    first gap by status, of those that count where any does. `owners` are the accounts in which they were judged;
    `outside` counts the verdicts that are no findings.
    """

    def __init__(self) -> None:
        self.counted: dict[Status, int] = {}
        self.accepted: dict[Status, int] = {}
        self.gaps: dict[Status, Gap] = {}
        self.owners: set[str | None] = set()
        self.outside = 0

    def add(self, verdict: Verdict, *, is_finding: bool = True) -> None:
        """Count a verdict."""
        if not verdict.accepted and not self.counted:
            self.gaps.clear()
        by_status = self.accepted if verdict.accepted else self.counted
        by_status[verdict.status] = by_status.get(verdict.status, 0) + 1
        if verdict.gap is not None and not (verdict.accepted and self.counted):
            self.gaps.setdefault(verdict.status, verdict.gap)
        self.owners.add(verdict.inherited_from)
        self.outside += not is_finding


class Evaluation:
    """One account, judged by every control."""

    def __init__(self, facts: AccountFacts, context: RunContext) -> None:
        self.facts, self.context, self.organization = facts, context, context.organization
        self.account: Account = facts.account
        self.regions = {record.name: record for record in facts.record.regions}
        self._placed: dict[type, dict[str, array[int]]] = {}

    def findings(self, control: Control, region: str, tally: Tally) -> Iterator[Finding]:
        """Judge one cell of the plan: yields its findings, and counts them in `tally`."""
        shut = self._shut(control, region)
        if shut is not None:
            verdict, is_finding = self._accepted(shut[0], region), shut[1]
            tally.add(verdict, is_finding=is_finding)
            if is_finding:
                yield self._finding(control, region, None, verdict)
            if not is_finding or not self._seen_in_part(control, region):
                return
        for resource, judged in self._judge(control, region):
            verdict = self._accepted(judged, _location(resource, region))
            tally.add(verdict)
            yield self._finding(control, region, resource, verdict)

    def _shut(self, control: Control, region: str) -> tuple[Verdict, bool] | None:
        """Return the verdict on a cell that could not be seen, and whether it is a finding; None for others."""
        if self.facts.record.gap is not None:
            return not_assessed(self.facts.record.gap), True
        if region != GLOBAL and region not in self.regions:
            return self._outside(region)
        if not issubclass(control.subject, Resource):
            return None
        listed = self.facts.listing(control.subject, region)
        if listed is None:
            gap = Gap(self.account.id, region, "", GapReason.DEFECT, "not collected in this run; audit again to see it")
            return not_assessed(gap), True
        if listed.gap is None:
            return None
        return (_nothing_there if listed.nothing_there else not_assessed)(listed.gap), True

    def _accepted(self, verdict: Verdict, location: str) -> Verdict:
        """Return a verdict, as accepted where the settings accept that nothing can be seen in that very region.

        A verdict on a whole account is never accepted: it has to be given from the other regions.
        """
        if verdict.gap is None or verdict.gap.region != location or not self.facts.is_accepted(verdict.gap):
            return verdict
        evidence = {**verdict.evidence, "accepted_by": "[scope] accept_blocked_regions"}
        return msgspec.structs.replace(verdict, accepted=True, evidence=evidence)

    def _seen_in_part(self, control: Control, region: str) -> bool:
        """Return whether a listing saw some resources before it became a gap: these are judged beside it."""
        listed = self.facts.listing(control.subject, region) if issubclass(control.subject, Resource) else None
        return listed is not None and listed.count > 0

    def _outside(self, region: str) -> tuple[Verdict, bool]:
        """Return the verdict on a region that other accounts of the run have and this one has not."""
        if self.facts.record.has_enabled(region) is False:
            gap = Gap(
                self.account.id, region, "", GapReason.REGION_DISABLED, f"{region} is not enabled in this account"
            )
            return _nothing_there(gap), False
        return not_assessed(self.facts.unknown_region(region)), True

    def _judge(self, control: Control, region: str) -> Iterator[tuple[Resource | None, Verdict]]:
        if not issubclass(control.subject, Resource):
            yield None, self._verdict(control, None, self.facts)
            return
        numbers = self._numbers(control, control.subject).get(region)
        resources = self.facts.resources(control.subject) if numbers else ()
        for number in numbers or ():
            resource = resources[number]
            if resource.account_id in {self.account.id, ""}:
                yield resource, self._verdict(control, resource, self.facts)
            else:
                yield resource, self._inherited(control, resource)

    def _numbers(self, control: Control, kind: type[Resource]) -> Mapping[str, Sequence[int]]:
        """Return where each region's resources stand among all of a kind."""
        found = self._placed.get(kind)
        if found is None:
            found = self._placed[kind] = {}
            for number, resource in enumerate(self.facts.resources(kind)):
                found.setdefault(self._place_of(resource, control), array("L")).append(number)
        return found

    def _place_of(self, resource: Resource, control: Control) -> str:
        """Return the region in whose cell a resource counts: its own, or the first that showed it."""
        if load()[type(resource)].scope is Scope.ACCOUNT:
            return GLOBAL
        own = self.facts.listing(type(resource), resource.region)
        if resource.region in self.regions and own is not None and (own.gap is None or own.count > 0):
            return resource.region
        seen = (name for name in sorted(self.regions) if self._answered(control, name))
        return next(seen, resource.region)

    def _answered(self, control: Control, region: str) -> bool:
        listed = self.facts.listing(control.subject, region) if issubclass(control.subject, Resource) else None
        return listed is not None and listed.gap is None

    def _inherited(self, control: Control, resource: Resource) -> Verdict:
        """Judge a resource of another account where it lives, with that account's facts."""
        try:
            owner = self.organization.facts(resource.account_id)
        except NotSeenError as error:
            where = self.organization.name(resource.account_id)
            verdict = not_assessed(error.gap)
            reason = f"to be judged in account {where}, which was not seen: {error.gap.message}"
            return msgspec.structs.replace(verdict, reason=reason, inherited_from=resource.account_id)
        own = owner.find(type(resource), resource.arn) or resource
        verdict = self._verdict(control, own, owner)
        evidence = {**verdict.evidence, "judged_in": self.organization.name(resource.account_id)}
        return msgspec.structs.replace(verdict, evidence=evidence, inherited_from=resource.account_id)

    def _verdict(self, control: Control, resource: Resource | None, facts: AccountFacts) -> Verdict:
        try:
            verdict = control(*self._arguments(control, resource, facts))
        except Exception as error:
            message = f"the control {control.id} failed: {type(error).__name__}: {error}"
            log.error("%s, on %s", message, resource.arn if resource else facts.account_id)  # noqa: TRY400
            log.info("the traceback", exc_info=True)
            return not_assessed(Gap(facts.account_id, GLOBAL, "", GapReason.DEFECT, message))
        if not facts.accepted or verdict.gap is not None or AccountFacts not in control.takes:
            return verdict
        regions = facts.overlooked(control.facts)
        evidence = {**verdict.evidence, "accepted_regions_not_audited": regions} if regions else verdict.evidence
        return msgspec.structs.replace(verdict, evidence=evidence)

    def _arguments(self, control: Control, resource: Resource | None, facts: AccountFacts) -> list[Any]:
        given: dict[type, Any] = {
            AccountFacts: facts,
            Organization: self.organization,
            Thresholds: self.context.thresholds,
            control.subject: facts if resource is None else resource,
        }
        return [
            facts.detail(kind, resource) if resource is not None and issubclass(kind, Detail) else given[kind]
            for kind in control.takes
        ]

    def _finding(self, control: Control, region: str, resource: Resource | None, verdict: Verdict) -> Finding:
        account = self.account
        place = _location(resource, region)
        subject = resource.arn if resource else f"{account.id}:{region}" if region != GLOBAL else account.id
        kind = type(resource).__name__ if resource else "Account" if region == GLOBAL else "Region"
        owner = resource.account_id if resource and resource.account_id else account.id
        region_of_command = self.context.home_region if place == GLOBAL else place
        blanks = {"account": owner, "region": region_of_command, "partition": self.context.partition}
        return Finding(
            fingerprint=fingerprint(first_id(control.id), account.id, place, subject),
            control=control.id,
            family=control.family,
            title=control.title,
            severity=control.severity,
            status=verdict.status,
            reason=verdict.reason,
            account_id=account.id,
            account_name=account.name,
            ou_path=account.ou_path,
            region=place,
            resource=subject,
            resource_type=kind,
            resource_tags=resource.tags if resource else {},
            requirements=self.context.requirements.get(control.id, []),
            evidence=verdict.evidence,
            remediation=_remediation(control, resource, verdict, blanks),
            inherited_from=verdict.inherited_from,
            gap=verdict.gap,
            accepted=verdict.accepted,
            assessed_at=self.facts.now,
        )

    def counted(self, control: Control, region: str, tally: Tally) -> Cell:
        """Return a cell of the plan, given its counted findings."""
        weighed = tally.counted or tally.accepted
        status = next((status for status in _WORST_FIRST if status in weighed), Status.NOT_APPLICABLE)
        gap, owners, counts = tally.gaps.get(status), tally.owners, tally.counted
        return Cell(
            account_id=self.account.id,
            account_name=self.account.name,
            ou_path=self.account.ou_path,
            region=region,
            control=control.id,
            status=status,
            reason=gap.reason if gap else None,
            action=gap.action or None if gap else None,
            message=gap.message if gap else "" if owners else "no resource of this kind exists here",
            passed=counts.get(Status.PASS, 0),
            failed=counts.get(Status.FAIL, 0),
            not_assessed=counts.get(Status.NOT_ASSESSED, 0),
            not_applicable=counts.get(Status.NOT_APPLICABLE, 0) - tally.outside,
            manual=counts.get(Status.MANUAL, 0),
            accepted=sum(tally.accepted.values()),
            inherited_from=next(iter(owners)) if len(owners) == 1 else None,
        )


_WORST_FIRST = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL, Status.NOT_APPLICABLE)


def _location(resource: Resource | None, region: str) -> str:
    """Return the region of a finding in the cell of a region: the resource's own, where it has one."""
    return region if resource is None or resource.region == GLOBAL else resource.region


def _nothing_there(gap: Gap) -> Verdict:
    return msgspec.structs.replace(not_applicable(gap.message, action=gap.action), gap=gap)


def _remediation(
    control: Control, resource: Resource | None, verdict: Verdict, blanks: Mapping[str, str]
) -> Remediation | None:
    if verdict.gap is not None:
        return _seeing(verdict.gap)
    fixed = verdict.status in {Status.PASS, Status.NOT_APPLICABLE}
    return None if fixed else control.remediation(resource, verdict.command, blanks)


def _seeing(gap: Gap) -> Remediation:
    """Return what lets the next run see what this one could not."""
    return Remediation(
        service_wide=Remedy(
            "Roll the audit role out to every account with a StackSet.", "orgaudit policy --format cloudformation"
        ),
        asset=Remedy(gap.reason.remediation(gap.action)),
        preventive=Remedy("Let `orgaudit doctor` check the role in every account before an audit.", "orgaudit doctor"),
    )


def regions_of(records: Iterable[AccountRecord]) -> list[str]:
    """Return the regions of a run, sorted: all that any account has in scope."""
    return sorted({region.name for record in records for region in record.regions})
