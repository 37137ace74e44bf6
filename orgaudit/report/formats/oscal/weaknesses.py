"""What fails as OSCAL has it: a risk for each weakness, and an observation for each account that has it.

A weakness is what fails of one control under one exception, or under none, because FedRAMP counts unique weaknesses and
names their assets (https://www.fedramp.gov/resources/documents/CSP_POAM_Template_Completion_Guide.pdf). A document with
an observation for each of 300,000 failures could not be loaded, so a failure is a subject of its account's observation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from orgaudit.model import Remedy
from orgaudit.report.formats.oscal.document import Audit, encoded
from orgaudit.report.formats.oscal.model import (
    Characterization,
    ComponentRef,
    Facet,
    InventoryItem,
    LogEntry,
    Observation,
    ObservationRef,
    OnDate,
    Prop,
    Response,
    Risk,
    RiskLog,
    Subject,
    Task,
    Timing,
)
from orgaudit.report.formats.oscal.people import EXCEPTION_OWNER, OWNER
from orgaudit.report.formats.oscal.requirements import impacted
from orgaudit.report.formats.oscal.text import (
    FEDRAMP,
    OURS,
    end_of,
    given,
    line,
    markup,
    paragraphs,
    start_of,
)
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.weaknesses import Weakness, WeaknessPlace, places
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.register_result import ExceptionRow
from orgaudit.words import counted

MOST_LISTED = 100_000
"""How many failures are listed with their resource, the first of the view's order; the others are counted."""

DEVIATIONS = {
    "operational_requirement": ("operational-requirement", "approved"),
    "vendor_dependency": ("vendor-dependency", "tracking"),
}
"""FedRAMP's property and its value for the types of exceptions that FedRAMP knows too.

https://github.com/GSA/fedramp-automation, docs/content/guides/poam. Its risk adjustment has another rating and its
false positive is nothing that fails: the register has neither.
"""

_Place = tuple[str, str, str]
"""A control, an exception or nothing, and an account."""


class Listed:
    """The failures that a document lists: the resources as inventory, and the subjects of their observations.

    Subjects are kept encoded, because all of them wait for the observations.
    """

    def __init__(self, audit: Audit, most: int = MOST_LISTED) -> None:
        self._audit, self._most = audit, most
        self._subjects: defaultdict[_Place, list[msgspec.Raw]] = defaultdict(list)

    def inventory(self) -> Iterator[InventoryItem]:
        """Yield every listed resource once, and note the subjects."""
        seen: set[str] = set()
        for finding, _ in zip(self._audit.view.exported("status = 'FAIL'"), range(self._most), strict=False):
            home = finding.inherited_from or finding.account_id
            uuid = self._audit.names.of("resource", home, finding.region, finding.resource)
            place = (finding.control, finding.exception_id or "", finding.account_id)
            self._subjects[place].append(msgspec.Raw(encoded(_subject(finding, uuid))))
            if uuid not in seen:
                seen.add(uuid)
                yield self._item(finding, uuid, home)

    def of(self, place: WeaknessPlace) -> tuple[msgspec.Raw, ...]:
        """Return the subjects of an account's observation."""
        return tuple(self._subjects.get((place.control, place.exception_id, place.account_id), ()))

    def _item(self, finding: ExportedFinding, uuid: str, home: str) -> InventoryItem:
        audit = self._audit
        component = (ComponentRef(component_uuid=audit.account(home)),) if home in audit.accounts else ()
        return InventoryItem(
            uuid=uuid,
            description=markup(f"{finding.resource_type} in {finding.region} of {home}"),
            props=(
                Prop(name="asset-id", value=line(finding.resource)),
                *given(resource_type=finding.resource_type, region=finding.region, account=home),
            ),
            implemented_components=component,
        )


def _subject(finding: ExportedFinding, uuid: str) -> Subject:
    return Subject(
        subject_uuid=uuid,
        type="inventory-item",
        title=markup(finding.resource),
        props=given(
            fingerprint=finding.fingerprint,
            first_seen=finding.first_seen,
            due_on=finding.due_on,
            owner=finding.owner,
            inherited_from=finding.inherited_from,
        ),
        remarks=markup(finding.reason),
    )


def observations(audit: Audit, listed: Listed) -> Iterator[Observation]:
    """Yield what fails of every weakness in each account; the subjects are noted before."""
    for place in places(audit.view.connection):
        yield _observation(audit, place, listed.of(place))


def _observation(audit: Audit, place: WeaknessPlace, subjects: tuple[msgspec.Raw, ...]) -> Observation:
    control, account = audit.records[place.control], audit.accounts[place.account_id]
    left = place.findings - len(subjects)
    where = f"control = '{place.control}' and account_id = '{place.account_id}'"
    return Observation(
        uuid=observation_uuid(audit, place.control, place.exception_id, place.account_id),
        title=markup(f"{control.title}: fails in {account.name or account.id}"),
        description=paragraphs(
            f"{counted(place.findings, 'finding')} on {counted(place.resources, 'resource')} of {account.id}"
            + (f" under exception {place.exception_id}" if place.exception_id else "")
            + (f"; {left:,} of them are not listed here" if left else "")
        ),
        props=given(
            control=place.control,
            account=place.account_id,
            exception=place.exception_id,
            findings=place.findings,
            counted=place.counted,
            resources=place.resources,
            first_seen=place.first_seen,
            due_on=place.due_on,
            not_listed=left or None,
        ),
        methods=("TEST",),
        types=("finding",),
        origins=(audit.origin,),
        subjects=(Subject(subject_uuid=audit.account(place.account_id), type="component"), *subjects),
        relevant_evidence=(audit.evidence(where),),
        collected=audit.view.manifest.ended_at,
    )


def observation_uuid(audit: Audit, control: str, exception: str, account: str) -> str:
    """Return the UUID of the observation of a weakness in an account."""
    return audit.here("failures", control, exception, account)


def risk_uuid(audit: Audit, weakness: Weakness) -> str:
    """Return the UUID of a weakness, which is the same in every document of every run."""
    return audit.names.of("risk", weakness.control, weakness.exception_id)


def risks(audit: Audit, weaknesses: Iterable[Weakness]) -> Iterator[Risk]:
    """Yield the risk of every weakness, in their order."""
    for weakness in weaknesses:
        yield _RiskOf(audit, weakness).risk()


@dataclass(frozen=True, slots=True)
class _RiskOf:
    """Makes the risk of one weakness; an exception of the findings that the register lacks has no row."""

    audit: Audit
    weakness: Weakness

    @property
    def control(self) -> ControlRecord:
        """What is said of the control."""
        return self.audit.records[self.weakness.control]

    @property
    def row(self) -> ExceptionRow | None:
        """The exception in the register."""
        return self.audit.exceptions.get(self.weakness.exception_id)

    def risk(self) -> Risk:
        """Return the risk: a deviation while its exception is in force, else open."""
        weakness, audit = self.weakness, self.audit
        deadline = weakness.exception_expires if weakness.covered else weakness.due_on
        return Risk(
            uuid=risk_uuid(audit, weakness),
            title=markup(self.control.title),
            description=paragraphs(self.control.rationale, exception_words(weakness, self.row)),
            statement=markup(statement(weakness)),
            props=self._props(),
            status="deviation-approved" if weakness.covered else "open",
            origins=(audit.origin,),
            characterizations=(
                Characterization(
                    origin=audit.origin, facets=(Facet(name="severity", system=OURS, value=weakness.severity),)
                ),
            ),
            deadline=end_of(deadline) if deadline else None,
            remediations=(*self._recommended(), *self._planned()),
            risk_log=self._log(),
            related_observations=tuple(
                ObservationRef(
                    observation_uuid=observation_uuid(audit, weakness.control, weakness.exception_id, account)
                )
                for account in weakness.accounts
            ),
        )

    def _props(self) -> tuple[Prop, ...]:
        weakness, row = self.weakness, self.row
        return (
            *given(
                control=weakness.control,
                family=self.control.family,
                severity=weakness.severity,
                findings=weakness.findings,
                counted=weakness.counted,
                resources=weakness.resources,
                accounts=len(weakness.accounts),
                first_seen=weakness.first_seen,
                due_on=weakness.due_on,
                reopened=weakness.reopened or None,
                without_owner=weakness.without_owner or None,
                exception=weakness.exception_id,
                exception_owner=weakness.exception_owner,
                exception_expires=weakness.exception_expires,
                exception_overdue=weakness.exception_overdue or None,
                exception_type=row and row.type,
                exception_ticket=row and row.ticket,
            ),
            *self._deviation(),
            *(
                Prop(name="impacted-control-id", value=name, ns=FEDRAMP)
                for name in impacted(self.audit.controls[weakness.control])
            ),
        )

    def _deviation(self) -> Iterator[Prop]:
        """Yield the kind of the deviation, where FedRAMP has one; nothing is a false positive."""
        known = DEVIATIONS.get(self.row.type) if self.row and self.weakness.covered else None
        if known:
            yield Prop(name=known[0], value=known[1], ns=FEDRAMP)

    def _recommended(self) -> Iterator[Response]:
        """Yield the three ways to fix it, in the order in which they are rolled out."""
        remediation = self.control.remediation
        if remediation is None:
            return
        fixes: tuple[tuple[str, Remedy], ...] = (
            ("Fix it for all", remediation.service_wide),
            ("Fix one resource", remediation.asset),
            ("Prevent it", remediation.preventive),
        )
        for title, fix in fixes:
            yield Response(
                uuid=self.audit.names.of("fix", self.weakness.control, self.weakness.exception_id, title),
                lifecycle="recommendation",
                title=title,
                description=paragraphs(fix.text, fix.command or ""),
                props=given(effort=self.control.effort, disruption=self.control.disruption),
                origins=(self.audit.origin,),
            )

    def _planned(self) -> Iterator[Response]:
        """Yield the plan: what is to be fixed by which date, or what becomes of the exception."""
        tasks = tuple(self._tasks())
        if tasks:
            yield Response(
                uuid=self.audit.names.of("plan", self.weakness.control, self.weakness.exception_id),
                lifecycle="planned",
                title="Until the exception ends" if self.weakness.covered else "Fix by the due dates",
                description=markup(statement(self.weakness)),
                tasks=tasks,
            )

    def _tasks(self) -> Iterator[Task]:
        weakness, people = self.weakness, self.audit.people
        for title, day in milestones(weakness):
            owner = (
                (EXCEPTION_OWNER, [weakness.exception_owner or ""]) if weakness.covered else (OWNER, weakness.owners)
            )
            yield Task(
                uuid=self.audit.names.of("milestone", weakness.control, weakness.exception_id, title, str(day)),
                type="milestone",
                title=markup(title),
                timing=Timing(on_date=OnDate(date=end_of(day))),
                responsible_roles=people.responsible(*owner),
            )

    def _log(self) -> RiskLog | None:
        """Return when the deviation was approved, and when it ended; None without an exception of the register."""
        weakness, row = self.weakness, self.row
        if row is None or row.starts_on is None:
            return None
        expires = weakness.exception_expires
        approved = LogEntry(
            uuid=self.audit.names.of("approved", weakness.control, weakness.exception_id),
            title=markup(f"Exception {row.id} approved"),
            description=paragraphs(f"{row.title}; approved by {row.approved_by or 'nobody named'}"),
            start=start_of(row.starts_on),
            end=end_of(expires) if expires else None,
            status_change="deviation-approved",
        )
        if weakness.covered or expires is None:
            return RiskLog(entries=(approved,))
        ended = LogEntry(
            uuid=self.audit.names.of("ended", weakness.control, weakness.exception_id),
            title=markup(f"Exception {row.id} expired"),
            description=markup(exception_words(weakness, row)),
            start=start_of(expires + timedelta(days=1)),
            status_change="open",
        )
        return RiskLog(entries=(ended, approved))


def statement(weakness: Weakness) -> str:
    """Return how much fails, and since when."""
    words = (
        f"{counted(weakness.findings, 'finding')} on {counted(weakness.resources, 'resource')} in "
        f"{counted(len(weakness.accounts), 'account')}"
    )
    return f"{words}; the first was seen on {weakness.first_seen}" if weakness.first_seen else words


def exception_words(weakness: Weakness, row: ExceptionRow | None) -> str:
    """Return what the exception says of a weakness, empty without one."""
    if not weakness.exception_id:
        return ""
    title = f" ({row.title})" if row else ""
    owner = f"; owner: {weakness.exception_owner}" if weakness.exception_owner else ""
    if weakness.covered:
        return f"Accepted until {weakness.exception_expires} by exception {weakness.exception_id}{title}{owner}"
    return (
        f"Exception {weakness.exception_id}{title} expired on {weakness.exception_expires}, "
        f"{counted(weakness.exception_overdue or 0, 'day')} ago: it accepts nothing any more{owner}"
    )


def milestones(weakness: Weakness) -> Iterator[tuple[str, date]]:
    """Yield what is to be done by which date: the end of the exception in force, or every due date."""
    if weakness.covered:
        if weakness.exception_expires:
            yield f"Fix it, or renew exception {weakness.exception_id}", weakness.exception_expires
        return
    for due in weakness.due_dates:
        yield f"Fix {counted(due.findings, 'finding')} in {counted(due.accounts, 'account')}", due.due_on
