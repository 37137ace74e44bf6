"""The parts of OSCAL 1.2.1 that are written, by the names of its JSON.

https://pages.nist.gov/OSCAL-Reference/models/v1.2.1/ has assessment-results and plan-of-action-and-milestones.
A list without anything is left out, because OSCAL allows no empty one.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

VERSION = "1.2.1"


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="kebab", gc=False):
    """Any part of a document; what equals its default is left out."""


class Prop(_Part, frozen=True, kw_only=True):
    """A name with a value; `ns` says whose name it is, NIST's without one."""

    name: str
    value: str
    ns: str | None = None


class Responsible(_Part, frozen=True, kw_only=True):
    """The parties that have a role."""

    role_id: str
    party_uuids: tuple[str, ...]


class Role(_Part, frozen=True, kw_only=True):
    """A role that parties have."""

    id: str
    title: str


class Party(_Part, frozen=True, kw_only=True):
    """A person or an organization."""

    uuid: str
    type: str
    name: str
    email_addresses: tuple[str, ...] = ()


class Metadata(_Part, frozen=True, kw_only=True):
    """What is said of a document as a whole."""

    title: str
    last_modified: datetime
    version: str
    oscal_version: str
    props: tuple[Prop, ...] = ()
    roles: tuple[Role, ...] = ()
    parties: tuple[Party, ...] = ()
    responsible_parties: tuple[Responsible, ...] = ()
    remarks: str | None = None


class Actor(_Part, frozen=True, kw_only=True):
    """Who or what made an observation."""

    type: str
    actor_uuid: str


class Origin(_Part, frozen=True, kw_only=True):
    """Where an observation is from."""

    actors: tuple[Actor, ...]


class Subject(_Part, frozen=True, kw_only=True):
    """What was observed."""

    subject_uuid: str
    type: str
    title: str | None = None
    props: tuple[Prop, ...] = ()
    remarks: str | None = None


class Evidence(_Part, frozen=True, kw_only=True):
    """Where the evidence of an observation is."""

    href: str
    description: str


class Observation(_Part, frozen=True, kw_only=True):
    """What was seen; `subjects` may be encoded already."""

    uuid: str
    title: str
    description: str
    props: tuple[Prop, ...] = ()
    methods: tuple[str, ...]
    types: tuple[str, ...]
    origins: tuple[Origin, ...]
    subjects: tuple[Subject | msgspec.Raw, ...] = ()
    relevant_evidence: tuple[Evidence, ...] = ()
    collected: datetime
    remarks: str | None = None


class ObservationRef(_Part, frozen=True, kw_only=True):
    """A reference to an observation."""

    observation_uuid: str


class RiskRef(_Part, frozen=True, kw_only=True):
    """A reference to a risk."""

    risk_uuid: str


class Facet(_Part, frozen=True, kw_only=True):
    """One measure of a risk."""

    name: str
    system: str
    value: str


class Characterization(_Part, frozen=True, kw_only=True):
    """The measures of a risk, and whose they are."""

    origin: Origin
    facets: tuple[Facet, ...]


class OnDate(_Part, frozen=True, kw_only=True):
    """A date."""

    date: datetime


class Timing(_Part, frozen=True, kw_only=True):
    """When a task is to be done."""

    on_date: OnDate


class Task(_Part, frozen=True, kw_only=True):
    """A milestone."""

    uuid: str
    type: str
    title: str
    timing: Timing
    responsible_roles: tuple[Responsible, ...] = ()


class Response(_Part, frozen=True, kw_only=True):
    """What is recommended or planned about a risk."""

    uuid: str
    lifecycle: str
    title: str
    description: str
    props: tuple[Prop, ...] = ()
    origins: tuple[Origin, ...] = ()
    tasks: tuple[Task, ...] = ()


class LogEntry(_Part, frozen=True, kw_only=True):
    """What happened to a risk."""

    uuid: str
    title: str
    description: str
    start: datetime
    end: datetime | None = None
    status_change: str | None = None


class RiskLog(_Part, frozen=True, kw_only=True):
    """The entries of a risk's log."""

    entries: tuple[LogEntry, ...]


class Risk(_Part, frozen=True, kw_only=True):
    """A weakness that is not fixed."""

    uuid: str
    title: str
    description: str
    statement: str
    props: tuple[Prop, ...] = ()
    status: str
    origins: tuple[Origin, ...] = ()
    characterizations: tuple[Characterization, ...] = ()
    deadline: datetime | None = None
    remediations: tuple[Response, ...] = ()
    risk_log: RiskLog | None = None
    related_observations: tuple[ObservationRef, ...] = ()


class TargetStatus(_Part, frozen=True, kw_only=True):
    """Whether an objective is satisfied, and why not."""

    state: str
    reason: str
    remarks: str | None = None


class ImplementationStatus(_Part, frozen=True, kw_only=True):
    """How far a control is implemented."""

    state: str


class Target(_Part, frozen=True, kw_only=True):
    """The objective that a finding is about."""

    type: str
    target_id: str
    title: str
    props: tuple[Prop, ...] = ()
    implementation_status: ImplementationStatus | None = None
    status: TargetStatus


class Finding(_Part, frozen=True, kw_only=True):
    """What was found of one requirement."""

    uuid: str
    title: str
    description: str
    props: tuple[Prop, ...] = ()
    target: Target
    related_observations: tuple[ObservationRef, ...] = ()
    related_risks: tuple[RiskRef, ...] = ()


class ComponentStatus(_Part, frozen=True, kw_only=True):
    """Whether a component is in operation."""

    state: str


class Component(_Part, frozen=True, kw_only=True):
    """An account, or the tool."""

    uuid: str
    type: str
    title: str
    description: str
    props: tuple[Prop, ...] = ()
    status: ComponentStatus
    responsible_roles: tuple[Responsible, ...] = ()


class ComponentRef(_Part, frozen=True, kw_only=True):
    """A reference to a component."""

    component_uuid: str


class InventoryItem(_Part, frozen=True, kw_only=True):
    """A resource."""

    uuid: str
    description: str
    props: tuple[Prop, ...]
    implemented_components: tuple[ComponentRef, ...] = ()


class Platform(_Part, frozen=True, kw_only=True):
    """Where the tool ran."""

    uuid: str
    title: str
    props: tuple[Prop, ...] = ()
    uses_components: tuple[ComponentRef, ...]


class Assets(_Part, frozen=True, kw_only=True):
    """What the assessment was made with."""

    components: tuple[Component, ...]
    assessment_platforms: tuple[Platform, ...]


class Hash(_Part, frozen=True, kw_only=True):
    """The digest of a file."""

    algorithm: str
    value: str


class FileLink(_Part, frozen=True, kw_only=True):
    """A file beside the document."""

    href: str
    media_type: str
    hashes: tuple[Hash, ...] = ()


class Resource(_Part, frozen=True, kw_only=True):
    """What a document refers to and does not hold."""

    uuid: str
    title: str
    description: str
    rlinks: tuple[FileLink, ...]


class BackMatter(_Part, frozen=True, kw_only=True):
    """What a document refers to."""

    resources: tuple[Resource, ...]


class ControlRef(_Part, frozen=True, kw_only=True):
    """A reference to a control of a catalog."""

    control_id: str


class ControlSelection(_Part, frozen=True, kw_only=True):
    """The controls of one catalog that were assessed."""

    description: str
    props: tuple[Prop, ...]
    include_controls: tuple[ControlRef, ...]


class ObjectiveRef(_Part, frozen=True, kw_only=True):
    """A reference to an objective."""

    objective_id: str


class ObjectiveSelection(_Part, frozen=True, kw_only=True):
    """The objectives that were assessed."""

    include_objectives: tuple[ObjectiveRef, ...]


class ReviewedControls(_Part, frozen=True, kw_only=True):
    """What was assessed."""

    description: str
    control_selections: tuple[ControlSelection, ...]
    control_objective_selections: tuple[ObjectiveSelection, ...]


class ObjectivePart(_Part, frozen=True, kw_only=True):
    """The text of an objective."""

    id: str
    name: str
    prose: str


class LocalObjective(_Part, frozen=True, kw_only=True):
    """An objective of a control that no catalog of NIST has."""

    control_id: str
    description: str
    parts: tuple[ObjectivePart, ...]


class StatementPart(_Part, frozen=True, kw_only=True):
    """What somebody attests."""

    name: str
    title: str
    props: tuple[Prop, ...]
    prose: str


class Attestation(_Part, frozen=True, kw_only=True):
    """What somebody attests, and who it is."""

    responsible_parties: tuple[Responsible, ...]
    parts: tuple[StatementPart, ...]


class SystemId(_Part, frozen=True, kw_only=True):
    """The id of the system that a plan is for."""

    identifier_type: str
    id: str


class PlanItem(_Part, frozen=True, kw_only=True):
    """One item of a plan of action."""

    uuid: str
    title: str
    description: str
    props: tuple[Prop, ...]
    related_observations: tuple[ObservationRef, ...] = ()
    related_risks: tuple[RiskRef, ...] = ()
    remarks: str | None = None
