"""The requirements of a run's frameworks under the ids of OSCAL's catalogs, and what was found of each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from orgaudit.report.figures import ControlScore, RequirementScore, RequirementStatus
from orgaudit.report.formats.oscal.document import Audit
from orgaudit.report.formats.oscal.model import (
    ControlRef,
    ControlSelection,
    Finding,
    ImplementationStatus,
    LocalObjective,
    ObjectivePart,
    ObjectiveRef,
    ObjectiveSelection,
    ObservationRef,
    ReviewedControls,
    RiskRef,
    Target,
    TargetStatus,
)
from orgaudit.report.formats.oscal.text import given, markup, token

NIST = "nist_800_53_r5"
"""The framework of which NIST publishes the catalog as OSCAL, with the objectives of SP 800-53A."""
OWN = "orgaudit"
"""What stands for a framework where no requirement of the run names a control."""

_ENHANCEMENT = re.compile(r"\((\d+)\)")
_UNIQUE = 8


@dataclass(frozen=True, slots=True)
class Observed:
    """The observation of a control: its UUID, and what became of the control as a whole."""

    uuid: str
    status: RequirementStatus


def nist_id(requirement: str) -> str:
    """Return the id that NIST's catalog gives a control: AC-2(1) is ac-2.1.

    https://github.com/usnistgov/oscal-content/tree/main/nist.gov/SP800-53/rev5
    """
    return _ENHANCEMENT.sub(r".\1", requirement.lower())


def nist_requirements(score: ControlScore) -> tuple[str, ...]:
    """Return the controls of SP 800-53 that a control decides, as NIST writes them."""
    named = (name.partition(" ") for name in score.requirements)
    return tuple(requirement for framework, _, requirement in named if framework == NIST)


def impacted(score: ControlScore) -> tuple[str, ...]:
    """Return the ids in NIST's catalog of the controls that a control decides."""
    return tuple(map(nist_id, nist_requirements(score)))


class ControlIds:
    """Gives every requirement the id of a control in a catalog.

    Those of SP 800-53 are NIST's own. No catalog of the others is published for everyone, so theirs begin with the
    framework. Two that differ in nothing that a token can hold end with a part of a hash.
    """

    def __init__(self, requirements: Iterable[RequirementScore], controls: Iterable[ControlScore]) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        taken: set[str] = set()
        for framework, name in (
            *((score.framework, score.id) for score in requirements),
            *((OWN, score.id) for score in controls if not score.requirements),
        ):
            found = nist_id(name) if framework == NIST else f"{token(framework)}-{token(name)}"
            if not found[:1].isalpha() or token(found) != found:
                found = f"_{token(found)}"
            if found in taken:
                found += f"-{sha256(name.encode()).hexdigest()[:_UNIQUE]}"
            taken.add(found)
            self._ids[framework, name] = found

    def of(self, framework: str, requirement: str) -> str:
        """Return the id of a requirement as a control."""
        return self._ids[framework, requirement]

    def objective(self, framework: str, requirement: str) -> str:
        """Return the id of a requirement's objective, in NIST's catalog or in the document itself."""
        return f"{self.of(framework, requirement)}_obj"


def unasked(audit: Audit) -> tuple[ControlScore, ...]:
    """Return the controls that no requirement of the run names."""
    return tuple(score for score in audit.view.controls if not score.requirements)


def reviewed(audit: Audit, ids: ControlIds) -> ReviewedControls:
    """Return the requirements of each framework of the run, and the controls that none of them names."""
    by_framework: defaultdict[str, list[str]] = defaultdict(list)
    for score in audit.view.requirements:
        by_framework[score.framework].append(score.id)
    for control in unasked(audit):
        by_framework[OWN].append(control.id)
    titles = {it.id: f"{it.title} {it.version}" for it in audit.view.manifest.frameworks}
    selections = tuple(
        ControlSelection(
            description=markup(titles.get(framework, "Controls that no requirement of the run names")),
            props=given(framework=framework),
            include_controls=tuple(ControlRef(control_id=ids.of(framework, name)) for name in names),
        )
        for framework, names in by_framework.items()
    )
    objectives = tuple(
        ObjectiveRef(objective_id=ids.objective(framework, name))
        for framework, names in by_framework.items()
        for name in names
    )
    return ReviewedControls(
        description="The requirements of the run's frameworks, each as a control with one objective.",
        control_selections=selections,
        control_objective_selections=(ObjectiveSelection(include_objectives=objectives),),
    )


def local_objectives(audit: Audit, ids: ControlIds) -> Iterator[LocalObjective]:
    """Yield the objectives of the requirements that are not in NIST's catalog."""
    for score in audit.view.requirements:
        if score.framework != NIST:
            yield _objective(ids, score.framework, score.id, score.title)
    for control in unasked(audit):
        yield _objective(ids, OWN, control.id, control.title)


def _objective(ids: ControlIds, framework: str, name: str, title: str) -> LocalObjective:
    return LocalObjective(
        control_id=ids.of(framework, name),
        description=markup(f"{framework} {name}"),
        parts=(ObjectivePart(id=ids.objective(framework, name), name="assessment-objective", prose=markup(title)),),
    )


_REASONS: Mapping[RequirementStatus, tuple[str, str]] = {
    RequirementStatus.PASS: ("pass", "Every control of it passed wherever it applies, or people attest it"),
    RequirementStatus.FAIL: ("fail", "It fails"),
    RequirementStatus.NOT_ASSESSED: ("other", "Not assessed: a part of it could not be seen"),
    RequirementStatus.NOT_APPLICABLE: ("other", "Not applicable: there is nothing to which it applies"),
    RequirementStatus.MANUAL: (
        "other",
        "Not assessed: a person decides it, and no attestation answers for all accounts",
    ),
    RequirementStatus.NOT_COVERED: ("other", "Not assessed: no control covers it"),
    RequirementStatus.EVIDENCE: ("other", "Evidence only: nothing fails, and a person decides whether it is met"),
}
"""The reason and the remark of each status; nothing but PASS is satisfied."""


def findings(
    audit: Audit, ids: ControlIds, observed: Mapping[str, Observed], risks: Mapping[str, tuple[RiskRef, ...]]
) -> Iterator[Finding]:
    """Yield what was found of every requirement, and of the controls that none names.

    `observed` and `risks` are those of the controls, by control.
    """

    def finding(framework: str, name: str, title: str, status: RequirementStatus, controls: Iterable[str]) -> Finding:
        known = [control for control in controls if control in observed]
        return Finding(
            uuid=audit.here("finding", framework, name),
            title=markup(f"{framework} {name}: {title}"),
            description=markup(_REASONS[status][1]),
            props=given(framework=framework, requirement=name, status=status),
            target=_target(ids.objective(framework, name), title, status),
            related_observations=tuple(ObservationRef(observation_uuid=observed[each].uuid) for each in known),
            related_risks=tuple(risk for each in known for risk in risks.get(each, ())),
        )

    for score in audit.view.requirements:
        found = finding(score.framework, score.id, score.title, score.status, score.controls)
        yield msgspec.structs.replace(found, props=(*found.props, *given(**_figures(score))))
    for control in unasked(audit):
        status = observed[control.id].status if control.id in observed else RequirementStatus.NOT_ASSESSED
        yield finding(OWN, control.id, control.title, status, (control.id,))


def _target(objective: str, title: str, status: RequirementStatus) -> Target:
    reason, remark = _REASONS[status]
    return Target(
        type="objective-id",
        target_id=objective,
        title=markup(title),
        implementation_status=_NOT_APPLICABLE if status is RequirementStatus.NOT_APPLICABLE else None,
        status=TargetStatus(
            state="satisfied" if status is RequirementStatus.PASS else "not-satisfied", reason=reason, remarks=remark
        ),
    )


_NOT_APPLICABLE = ImplementationStatus(state="not-applicable")


def _figures(score: RequirementScore) -> dict[str, object]:
    return {
        "section": score.section,
        "level": score.level,
        "assessment": score.assessment,
        "accounts_failing": score.accounts_failing,
        "accounts_not_assessed": score.accounts_not_assessed,
        "accounts_passing": score.accounts_passing,
        "accounts_not_applicable": score.accounts_not_applicable,
        "evidence": score.evidence.words if score.parts else None,
    }
