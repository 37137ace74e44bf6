"""What was looked at as OSCAL has it: an observation of each control, and of each cause why something was not seen."""

from __future__ import annotations

from collections.abc import Iterator

from orgaudit.model import Status
from orgaudit.report.figures import Cause, RequirementStatus
from orgaudit.report.formats.oscal.document import Audit
from orgaudit.report.formats.oscal.model import Observation, Subject
from orgaudit.report.formats.oscal.requirements import Observed
from orgaudit.report.formats.oscal.text import given, markup, paragraphs
from orgaudit.report.weaknesses import ControlInAccount, ControlInAccounts, controls_in_accounts
from orgaudit.words import counted

NOT_ASSESSED = "not-assessed"
"""The type of the observations of what was not seen."""

_ORDER = (Status.FAIL, Status.NOT_ASSESSED, Status.MANUAL, Status.PASS, Status.NOT_APPLICABLE)
"""Which status of an account decides that of a control: as for a requirement, what was not seen is not a pass, and
neither is what a person decides."""


def controls(audit: Audit, observed: dict[str, Observed]) -> Iterator[Observation]:
    """Yield what became of every control in each account, and note it in `observed`."""
    for found in controls_in_accounts(audit.view.connection):
        statuses = {each.status for each in found.accounts}
        status = next(each for each in _ORDER if each in statuses)
        noted = Observed(audit.here("control", found.control), RequirementStatus(status))
        observed[found.control] = noted
        yield _control(audit, found, noted)


def _control(audit: Audit, found: ControlInAccounts, noted: Observed) -> Observation:
    score, record = audit.controls[found.control], audit.records[found.control]
    counts = score.counts
    return Observation(
        uuid=noted.uuid,
        title=markup(record.title),
        description=paragraphs(
            record.rationale,
            f"{score.evaluations_assessed:,} of {counted(score.evaluations, 'evaluation')} assessed",
        ),
        props=given(
            control=record.id,
            severity=record.severity,
            status=noted.status,
            evaluations=score.evaluations,
            evaluations_assessed=score.evaluations_assessed,
            passed=counts.passed,
            failed=counts.failed,
            covered=counts.covered,
            open=counts.open,
            not_assessed=counts.not_assessed,
            not_applicable=counts.not_applicable,
            manual=counts.manual,
            accepted=counts.accepted or None,
        ),
        methods=("TEST",),
        types=("control-objective",),
        origins=(audit.origin,),
        subjects=tuple(_subject(audit, each) for each in found.accounts),
        relevant_evidence=(audit.evidence(f"control = '{record.id}'"),),
        collected=audit.view.manifest.ended_at,
    )


def _subject(audit: Audit, found: ControlInAccount) -> Subject:
    return Subject(
        subject_uuid=audit.account(found.account_id),
        type="component",
        props=given(
            status=found.status,
            passed=found.passed,
            failed=found.failed,
            evaluations=found.evaluations,
            evaluations_assessed=found.evaluations_assessed,
        ),
    )


def cause_uuid(audit: Audit, cause: Cause) -> str:
    """Return the UUID of the observation of a cause; two may differ in their places alone."""
    places = (*(cause.actions or ()), "", *cause.accounts, "", *cause.regions)
    return audit.here("cause", cause.reason, cause.account_state, cause.example, *places)


def gaps(audit: Audit) -> Iterator[Observation]:
    """Yield what was not assessed, by cause, what of the organization could not be read, and accepted regions."""
    view = audit.view
    for cause in view.all_causes:
        yield _gap(
            audit,
            cause_uuid(audit, cause),
            cause_title(cause),
            paragraphs(cause.example, cause.fix),
            accounts=cause.accounts,
            reason=cause.reason,
            actions=", ".join(cause.actions or ()),
            regions=", ".join(cause.regions),
            evaluations=cause.evaluations,
        )
    for region in view.regions:
        if region.accounts_accepted:
            where = f"{region.region} in {counted(region.accounts_accepted, 'account')}"
            yield _gap(
                audit,
                audit.here("accepted", region.region),
                f"Accepted as not audited: {where}",
                paragraphs("The settings accept that a service control policy denies the region."),
                accounts=(),
                reason="SCP_DENIED",
                regions=region.region,
            )


def cause_title(cause: Cause) -> str:
    """Return how much was not assessed for a cause, and where; of the organization, what was not read."""
    if not cause.evaluations:
        return f"Not read: {', '.join(cause.actions or ())}"
    where = counted(len(cause.accounts), "account")
    return f"Not assessed: {counted(cause.evaluations, 'evaluation')} in {where}, {cause.reason}"


def _gap(
    audit: Audit, uuid: str, title: str, description: str, *, accounts: tuple[str, ...], **props: object
) -> Observation:
    return Observation(
        uuid=uuid,
        title=markup(title),
        description=description,
        props=given(**props),
        methods=("TEST",),
        types=(NOT_ASSESSED,),
        origins=(audit.origin,),
        subjects=tuple(
            Subject(subject_uuid=audit.account(each), type="component") for each in accounts if each in audit.accounts
        ),
        collected=audit.view.manifest.ended_at,
    )
