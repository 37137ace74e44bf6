"""How much of each framework is met, what changed, and how many of its manual requirements people answered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from orgaudit.report.evidence_parts import PartCounts, counts_of
from orgaudit.report.figures import RatedCounts, RequirementScore, RequirementStatus
from orgaudit.report.view import View
from orgaudit.settings.frameworks import Assessment, Framework, is_ratable


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkScore:
    """One framework: what its rate counts, its rate in the baseline, and its manual requirements.

    Where it has no rate, `why` says so in words; `before` is None where it had none in the baseline, or there is none.
    `evidence` are the parts of a framework by mapping, None of any other.
    """

    framework: Framework
    rated: RatedCounts
    why: str
    before: float | None
    manual: int
    answered: int
    evidence: PartCounts | None = None

    @property
    def rate(self) -> float | None:
        """The share that is met, None where it cannot be said."""
        return None if self.why else self.rated.rate


def framework_scores(view: View) -> tuple[FrameworkScore, ...]:
    """Return the frameworks of the run, the headline one first."""
    by_framework = defaultdict(list)
    for score in view.requirements:
        by_framework[score.framework].append(score)
    controls = {record.id for record in view.manifest.controls}
    headline = view.summary.headline.framework if view.summary.headline else None
    ordered = sorted(view.manifest.frameworks, key=lambda it: it.id != headline)
    return tuple(_score(view, it, by_framework[it.id], is_ratable(it, controls)) for it in ordered)


def _score(view: View, framework: Framework, scores: list[RequirementScore], ratable: bool) -> FrameworkScore:
    rated = RatedCounts(
        passed=sum(it.rated.counts.passed for it in scores),
        failed=sum(it.rated.counts.failed for it in scores),
        not_assessed=sum(it.rated.counts.not_assessed for it in scores),
    )
    why = "" if ratable else "not all of its controls were in the run"
    evidence = counts_of(part for it in scores for part in it.parts) if framework.is_mapping else None
    if evidence is not None:
        why = evidence.words
    elif not framework.is_whole:
        why = f"{framework.covered} of {len(framework.requirements)} requirements are covered"
    if not rated.total:
        why = why or ("nothing of it is in this part" if view.part else "nothing in it is decided by a machine")
    manual = [it for it in scores if it.assessment == Assessment.MANUAL]
    return FrameworkScore(
        framework=framework,
        rated=rated,
        why=why,
        before=view.comparison.rates_before.get(framework.id),
        manual=len(manual),
        answered=sum(it.status is not RequirementStatus.MANUAL for it in manual),
        evidence=evidence,
    )


def by_mapping(view: View) -> tuple[str, ...]:
    """Return what is known of each framework by mapping of the run, in words; none has a rate."""
    return tuple(f"{it.framework.id}: {it.evidence.words}" for it in framework_scores(view) if it.evidence is not None)
