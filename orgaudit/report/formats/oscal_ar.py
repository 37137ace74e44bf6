"""report.oscal-ar.json: the run as OSCAL's assessment results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from orgaudit.report.completeness import completeness_of
from orgaudit.report.formats.oscal import coverage, weaknesses
from orgaudit.report.formats.oscal.document import (
    Audit,
    accounts,
    assets,
    back_matter,
    encoded,
    member,
    members,
    metadata,
)
from orgaudit.report.formats.oscal.model import Attestation, Prop, RiskRef, StatementPart
from orgaudit.report.formats.oscal.people import ATTESTER
from orgaudit.report.formats.oscal.requirements import ControlIds, Observed, findings, local_objectives, reviewed
from orgaudit.report.formats.oscal.text import given, markup, paragraphs
from orgaudit.report.formats.oscal.weaknesses import MOST_LISTED, Listed
from orgaudit.report.manual import AttestationScore
from orgaudit.report.view import View
from orgaudit.report.weaknesses import Weakness
from orgaudit.report.weaknesses import weaknesses as failing
from orgaudit.store.run import writing


def write(view: View, path: Path, *, most_listed: int = MOST_LISTED) -> None:
    """Write the view as assessment results, listing so many failures with their resources; raises ReportError."""
    with writing(path) as file:
        file.writelines(_document(view, most_listed))


def _document(view: View, most_listed: int) -> Iterator[bytes]:
    audit = Audit(view)
    ids = ControlIds(view.requirements, view.controls)
    found, components = failing(view.connection), accounts(audit)
    risks = tuple(weaknesses.risks(audit, found))  # before the metadata, which lists everybody who owns any
    attested = tuple(_attestation(audit, score) for score in view.manual.attestations if score.entry.state.covers)
    listed = Listed(audit, most_listed)
    observed: dict[str, Observed] = {}

    yield b'{"assessment-results": {"uuid": "%s"' % audit.here("assessment-results").encode()
    yield member("metadata", metadata(audit, "assessment results"))
    yield member("import-ap", {"href": f"#{audit.here('plan')}"})
    if objectives := tuple(local_objectives(audit, ids)):
        yield member("local-definitions", {"objectives-and-methods": objectives})
    yield b',\n"results": [{"uuid": "%s"' % audit.here("result").encode()
    yield from _about(audit)
    yield b',\n"local-definitions": {"assessment-assets": ' + encoded(assets(audit))
    yield from members("components", components)
    yield from members("inventory-items", listed.inventory())
    yield b"}" + member("reviewed-controls", reviewed(audit, ids))
    yield from members("attestations", attested)
    yield from members(
        "observations",
        chain(coverage.controls(audit, observed), coverage.gaps(audit), weaknesses.observations(audit, listed)),
    )
    yield from members("risks", risks)
    yield from members("findings", findings(audit, ids, observed, _by_control(audit, found)))
    yield b"}]" + member("back-matter", back_matter(audit)) + b"}}\n"


def _about(audit: Audit) -> Iterator[bytes]:
    """Yield what is said of the result as a whole."""
    manifest = audit.view.manifest
    yield member("title", markup(f"Audit {manifest.run_id}"))
    yield member("description", paragraphs(completeness_of(audit.view)))
    yield member("start", manifest.started_at)
    yield member("end", manifest.ended_at)
    yield member("props", _figures(audit.view))


def _figures(view: View) -> tuple[Prop, ...]:
    """Return the headline figures of the view, as properties."""
    summary, counts, totals = view.summary, view.summary.counts, view.summary.coverage
    headline = summary.headline
    rated = headline and headline.rated
    return given(
        passed=counts.passed,
        failed=counts.failed,
        covered=counts.covered,
        open=counts.open,
        not_assessed=counts.not_assessed,
        not_applicable=counts.not_applicable,
        manual=counts.manual,
        accepted=counts.accepted,
        open_issues=summary.issues.total,
        open_issues_critical=summary.issues.critical,
        open_issues_high=summary.issues.high,
        open_issues_medium=summary.issues.medium,
        open_issues_low=summary.issues.low,
        headline_framework=headline and headline.framework,
        headline_rate=rated and rated.counts.rate,
        headline_rate_with_exceptions=rated and rated.with_exceptions.rate,
        evaluations=totals.evaluations,
        evaluations_assessed=totals.evaluations_assessed,
        evaluations_accepted=totals.evaluations_accepted,
        coverage=totals.share,
        complete=str(totals.complete).lower(),
    )


def _by_control(audit: Audit, found: tuple[Weakness, ...]) -> dict[str, tuple[RiskRef, ...]]:
    """Return the risks of each control."""
    risks: defaultdict[str, list[RiskRef]] = defaultdict(list)
    for weakness in found:
        risks[weakness.control].append(RiskRef(risk_uuid=weaknesses.risk_uuid(audit, weakness)))
    return {control: tuple(each) for control, each in risks.items()}


def _attestation(audit: Audit, score: AttestationScore) -> Attestation:
    entry = score.entry
    return Attestation(
        responsible_parties=audit.people.responsible(ATTESTER, [entry.attested_by or "nobody named"]),
        parts=(
            StatementPart(
                name="attestation",
                title=markup(f"{entry.requirement}: {entry.status}"),
                props=given(
                    id=entry.id,
                    requirement=entry.requirement,
                    status=entry.status,
                    attested_on=entry.attested_on,
                    expires_on=entry.expires_on,
                    accounts=" ".join(entry.accounts),
                    contradicted=" ".join(score.contradicted),
                ),
                prose=paragraphs(entry.subject, score.effect, *entry.evidence),
            ),
        ),
    )
