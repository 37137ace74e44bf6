"""The items of a plan of action: one for each weakness, and one for each cause why something was not assessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256

from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import Cause
from orgaudit.report.formats.oscal.coverage import cause_title, cause_uuid
from orgaudit.report.formats.oscal.document import Audit
from orgaudit.report.formats.oscal.model import ObservationRef, PlanItem, Prop, Response, Risk, RiskRef
from orgaudit.report.formats.oscal.text import FEDRAMP, given, line, markup, paragraphs
from orgaudit.report.formats.oscal.weaknesses import exception_words, observation_uuid, risk_uuid, statement
from orgaudit.report.weaknesses import Weakness

NOTHING_OPEN = "NOTHING-OPEN"
"""The id of the only item of a plan that has nothing else, because OSCAL allows no plan without any."""
_DIGITS = 8


def weakness_id(weakness: Weakness) -> str:
    """Return the id of a weakness's item, which is the same in every run."""
    return "/".join(filter(None, (weakness.control, weakness.exception_id)))


def with_ids(causes: Iterable[Cause]) -> Iterator[tuple[str, Cause]]:
    """Yield causes with the ids of their items: the same while reason and actions are, unless two share them."""
    found = [(cause, "\n".join((cause.reason, cause.account_state, *(cause.actions or ())))) for cause in causes]
    shared = Counter(key for _, key in found)
    for cause, key in found:
        places = (cause.example, *cause.accounts, "", *cause.regions) if shared[key] > 1 else ()
        digest = sha256("\n".join((key, *places)).encode()).hexdigest()[:_DIGITS]
        yield f"NOT-ASSESSED/{cause.reason}/{digest}", cause


def gap_risks(audit: Audit) -> Iterator[Risk]:
    """Yield a risk for each cause why something was not assessed: nobody knows what fails there."""
    for name, cause in with_ids(audit.view.all_causes):
        yield Risk(
            uuid=audit.names.of("gap", name),
            title=markup(cause_title(cause)),
            description=paragraphs(cause.example),
            statement="What was not assessed may fail: nothing of it passes.",
            props=given(reason=cause.reason, evaluations=cause.evaluations, accounts=len(cause.accounts)),
            status="investigating",
            origins=(audit.origin,),
            remediations=(
                Response(
                    uuid=audit.names.of("gap-fix", name),
                    lifecycle="recommendation",
                    title="Assess it",
                    description=paragraphs(cause.fix),
                    origins=(audit.origin,),
                ),
            ),
            related_observations=(ObservationRef(observation_uuid=cause_uuid(audit, cause)),),
        )


def items(audit: Audit, weaknesses: Iterable[Weakness]) -> Iterator[PlanItem]:
    """Yield the items: what fails, then what was not assessed; one that says so where there is neither."""
    empty = True
    for weakness in weaknesses:
        empty = False
        yield _weakness(audit, weakness)
    for name, cause in with_ids(audit.view.all_causes):
        empty = False
        yield PlanItem(
            uuid=audit.names.of("poam-item", name),
            title=markup(cause_title(cause)),
            description=paragraphs(cause.example, cause.fix),
            props=(_poam_id(name), *given(reason=cause.reason, evaluations=cause.evaluations)),
            related_observations=(ObservationRef(observation_uuid=cause_uuid(audit, cause)),),
            related_risks=(RiskRef(risk_uuid=audit.names.of("gap", name)),),
        )
    if empty:
        yield PlanItem(
            uuid=audit.names.of("poam-item", NOTHING_OPEN),
            title="Nothing is open",
            description=paragraphs(f"Nothing fails on {audit.view.as_of}. {completeness_of(audit.view)}."),
            props=(_poam_id(NOTHING_OPEN),),
        )


def _weakness(audit: Audit, weakness: Weakness) -> PlanItem:
    record = audit.records[weakness.control]
    row = audit.exceptions.get(weakness.exception_id)
    return PlanItem(
        uuid=audit.names.of("poam-item", weakness_id(weakness)),
        title=markup(record.title),
        description=paragraphs(record.rationale, statement(weakness)),
        props=(
            _poam_id(weakness_id(weakness)),
            *given(
                control=weakness.control,
                severity=weakness.severity,
                counted=weakness.counted,
                due_on=weakness.due_on,
                exception=weakness.exception_id,
            ),
        ),
        related_observations=tuple(
            ObservationRef(observation_uuid=observation_uuid(audit, weakness.control, weakness.exception_id, account))
            for account in weakness.accounts
        ),
        related_risks=(RiskRef(risk_uuid=risk_uuid(audit, weakness)),),
        remarks=markup(words) if (words := exception_words(weakness, row)) else None,
    )


def _poam_id(name: str) -> Prop:
    return Prop(name="POAM-ID", value=line(name), ns=FEDRAMP)
