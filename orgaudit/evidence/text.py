"""A requirement as people read it: plain text, so that nothing that an account holds can act when it is opened."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from orgaudit.evidence.form import (
    ControlRule,
    Evaluation,
    Fact,
    FactType,
    Listing,
    NotAssessed,
    RequirementDocument,
    written,
)
from orgaudit.model import Json
from orgaudit.report.evidence_parts import PartScore, counts_of
from orgaudit.settings.frameworks import Assessment
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.register_result import AttestationRow, ExceptionRow
from orgaudit.store.seal import Standing
from orgaudit.words import counted

WIDTH = 110
MOST_SHOWN = 100
"""The evaluations of a requirement that its text shows; its document has all that are in the pack."""
MOST_LINES = 60
"""The lines of one fact in a text."""
NOT_RECORDED = "not recorded by the version that made the run"
_ROLES = {
    "judged": "the resource",
    "shown": "the resource as this account shows it; it is judged in another account",
    "looked up": "looked up in the account",
    "named": "named by the verdict, in another account",
}
STANDINGS = {
    Standing.VERIFIED: "every file of the run has the hash that it was sealed with",
    Standing.NOT_SEALED: "NOT SEALED: an earlier version made the run, so a change of its files cannot be detected",
    Standing.UNVERIFIED: "UNVERIFIED: FILES OF THE RUN WERE CHANGED AFTER IT WAS SEALED",
}
"""What is known of the files of a run, as people read it."""


def heading(text: str, mark: str = "-") -> list[str]:
    """Return a heading with the line under it, after an empty line."""
    line = one_line(text)
    return ["", line, mark * min(len(line), WIDTH)]


def said(label: str, text: object, indent: int = 0) -> list[str]:
    """Return a label and what it says, on as many lines as that needs, the later ones further in."""
    first, later = " " * indent + f"{label}: " if label else " " * indent, " " * (indent + 4)
    options = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(one_line(str(text)) or "-", WIDTH, initial_indent=first, subsequent_indent=later, **options)  # type: ignore[arg-type]  # by name


def moment(at: datetime | None) -> str:
    """Return a moment in UTC, or that it was not recorded."""
    return NOT_RECORDED if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def joined(lines: Iterable[str]) -> bytes:
    """Return lines as a file's content."""
    return "".join(f"{line}\n" for line in lines).encode()


def head(document: RequirementDocument) -> bytes:
    """Return the text of a requirement before its evaluations."""
    return joined(
        [
            one_line(f"{document.name}  {document.title}"),
            "=" * min(len(one_line(f"{document.name}  {document.title}")), WIDTH),
            *_required(document),
            *_concluded(document),
            *_rules(document),
            *_unseen(document.not_assessed),
            *_excepted(document.exceptions),
            *_attested(document),
            *_chosen(document),
        ]
    )


def _required(document: RequirementDocument) -> Iterator[str]:
    yield from said("Run", f"{document.run_id}, run.json SHA-256 {document.manifest_sha256}")
    if document.standing is not Standing.VERIFIED:
        yield from said("The run's files", STANDINGS[document.standing])
    yield from heading("What is required")
    yield from said("Framework", f"{document.framework_title}, version {document.framework_version}")
    yield from said("Requirement", f"{document.id}  {document.title}")
    yield from said("Section", document.section or "-")
    if document.level is not None:
        yield from said("Level", document.level)
    yield from said("Assessment by its publisher", document.assessment)


def _concluded(document: RequirementDocument) -> Iterator[str]:
    counts = document.counts
    yield from heading("What was concluded")
    yield from said("Status", document.conclusion)
    accounts = (
        f"{document.accounts_passing} pass, {document.accounts_failing} fail, {document.accounts_not_assessed} not "
        f"assessed, {document.accounts_not_applicable} not applicable"
    )
    yield from said("Accounts", accounts)
    evaluations = (
        f"{counts.passed} pass, {counts.failed} fail ({counts.covered} of them under an exception), "
        f"{counts.not_assessed} not assessed, {counts.not_applicable} not applicable, {counts.manual} for a person"
    )
    yield from said("Evaluations", evaluations)
    if counts.accepted:
        yield from said("Not assessed in regions that the settings accept", counts.accepted)
    yield from _parts(document)
    for control in document.controls_not_in_run:
        yield from said("NOT IN THE RUN", f"{control} decides this requirement, and the run did not evaluate it")
    if not document.controls and not document.controls_not_in_run:
        yield from said("", "No control decides this requirement: people attest it.")


def _parts(document: RequirementDocument) -> Iterator[str]:
    """Yield the parts of a requirement by mapping: how many have evidence, and what is known of each."""
    if not document.parts:
        return
    yield from said("By mapping", f"{counts_of(document.parts).words}; the requirement as a whole never passes")
    for number, part in enumerate(document.parts, 1):
        seen = f", fails in {counted(part.accounts_failing, 'account')}" if part.accounts_failing else ""
        seen += f", not all seen in {counted(part.accounts_not_seen, 'account')}" if part.accounts_not_seen else ""
        yield from said(f"Part {number}", f"{part.state}{seen}: {part.title}")
        yield from said("Answered by", ", ".join(part.controls) or _left_to(part), 4)


def _left_to(part: PartScore) -> str:
    return (
        "people, who attest the requirement" if part.assessment == Assessment.MANUAL else "nothing: it is not covered"
    )


def _rules(document: RequirementDocument) -> Iterator[str]:
    if document.controls:
        yield from heading("By which rules")
    for control in document.controls:
        yield from _rule(control)
    if document.controls:
        yield from said("Thresholds", _json(document.thresholds))


def _rule(control: ControlRule) -> Iterator[str]:
    yield from said(control.id, f"{control.title} ({control.severity}; judged {control.scope})")
    yield from said("Why", control.rationale, 4)
    yield from said("SHA-256 of its code and thresholds", control.digest or NOT_RECORDED, 4)
    for label, kinds in (("Takes of the resource", control.facts), ("Looks up in the account", control.account_facts)):
        for kind in kinds:
            yield from said(label, _read_by(kind), 4)
    if not control.facts and not control.account_facts:
        yield from said("Facts it takes", NOT_RECORDED, 4)
    if control.uses_organization:
        yield from said("", "It may also look at the organization and at facts of its other accounts.", 4)


def _read_by(kind: FactType) -> str:
    if kind.operations is None:
        return f"{kind.name}, operation {NOT_RECORDED}"
    return f"{kind.name}, read by {', '.join(kind.operations)} (IAM: {', '.join(kind.actions or ())})"


def _unseen(rows: Sequence[NotAssessed]) -> Iterator[str]:
    if rows:
        yield from heading("What was not assessed")
    for row in rows:
        accepted = "; the settings accept this region as not audited" if row.accepted else ""
        yield from said(f"{row.control}, {row.cells} account x region", f"{row.reason}{accepted}")
        yield from said("Action", row.action or "-", 4)
        yield from said("AWS's message, one of them", row.message, 4)
        yield from said("Accounts", ", ".join(row.accounts), 4)
        yield from said("Regions", ", ".join(row.regions), 4)


def _excepted(rows: Sequence[ExceptionRow]) -> Iterator[str]:
    if rows:
        yield from heading("Exceptions that speak about its evaluations")
    for row in rows:
        yield from said(row.id, f"{row.title} ({row.state})")
        yield from said("Type", row.type, 4)
        yield from said("Owner", row.owner, 4)
        yield from said("Approved by", row.approved_by, 4)
        yield from said("Ticket", row.ticket, 4)
        yield from said("In force", f"{row.starts_on or '-'} to {row.expires_on or '-'}", 4)
        yield from said("Scope", row.scope, 4)


def _attested(document: RequirementDocument) -> Iterator[str]:
    if document.assessment == "manual" or document.attestations:
        yield from heading("What people attest")
    if document.assessment == "manual" and not document.attestations:
        yield from said("", "Nothing: the register has no attestation of this requirement.")
    for row in document.attestations:
        yield from _attestation(row)
    for answer in document.answers:
        by = (
            f"{answer.status}, by {answer.attested_by} on {answer.attested_on}, until {answer.expires_on} ({answer.id})"
        )
        yield from said(f"Account {answer.account_id}", by)


def _attestation(row: AttestationRow) -> Iterator[str]:
    yield from said(row.id, f"{row.status or '-'} ({row.state})")
    yield from said("Attested by", f"{row.attested_by}, on {row.attested_on or '-'}, until {row.expires_on or '-'}", 4)
    yield from said("Speaks about", row.subject, 4)
    yield from said("Answers for", ", ".join(row.accounts) or "no account", 4)
    for each in row.evidence:
        yield from said("Evidence", each, 4)


def _chosen(document: RequirementDocument) -> Iterator[str]:
    population, sampling = document.population, document.sampling
    yield from heading("Population")
    counts = ", ".join(f"{count} {status}" for status, count in population.by_status.items())
    yield from said("Evaluations", f"{population.size} ({counts or 'none'}), listed in {population.file}")
    without = f"{population.cells}, of which {population.cells_without} have no resource to evaluate"
    yield from said("Account x region x control", without)
    if sampling is None:
        yield from said("Shown", f"all {document.included}")
    else:
        yield from said("Drawn", f"{document.included}, by SEED {sampling.seed} and SIZE {sampling.size}")
        yield from said("Method", sampling.method.replace("REQUIREMENT", document.name))
    if document.included > MOST_SHOWN:
        yield from said("In this text", f"the first {MOST_SHOWN}; all are in the .json beside it")


def evaluation(found: Evaluation, *, requirement: str) -> bytes:
    """Return the text of one evaluation."""
    return joined(
        [
            *heading(f"{requirement}, number {found.number} of its population: {found.status}"),
            *said("Control", f"{found.control} ({found.severity})"),
            *said("Account", f"{found.account_id} {found.account_name} ({found.ou_path or 'no unit'})"),
            *said("Region", found.region),
            *said("Resource", f"{found.resource} ({found.resource_type})"),
            *said("Verdict", f"{found.status}: {found.reason}"),
            *_gap(found),
            *said("What it saw", _json(found.seen)),
            *_register(found),
            *said("Judged", f"by the facts of account {found.judged_in}, as of {moment(found.assessed_at)}"),
            *said("Facts from", f"{found.facts_of.file}, SHA-256 {found.facts_of.sha256 or 'not sealed'}"),
            *said("Fingerprint", found.fingerprint),
            *_facts(found),
        ]
    )


def _gap(found: Evaluation) -> Iterator[str]:
    if found.gap is not None:
        accepted = " (in a region that the settings accept as not audited)" if found.accepted else ""
        yield from said("Not read", f"{found.gap.action or 'no action'}: {found.gap.reason}{accepted}")
        yield from said("AWS's message", found.gap.message)


def _register(found: Evaluation) -> Iterator[str]:
    if found.exception is not None:
        covers = "covers this failure" if found.covered else "does not cover it"
        of = found.exception
        yield from said("Exception", f"{of.id} ({of.state}, owner {of.owner}, until {of.expires_on}): {covers}")


def _facts(found: Evaluation) -> Iterator[str]:
    if not found.facts_selected:
        yield from said("Facts", f"which ones the control takes is {NOT_RECORDED}; all about the resource are shown")
    elif not found.facts:
        yield from said("Facts", "none about the resource: the listings and the verdict are all there is")
    for fact in found.facts:
        yield from _fact(fact)
    for each in found.listings:
        yield from _listing(each)
    for left in found.left_out:
        yield from said(
            "Left out", f"{left.found - left.shown} of {left.found} {left.type}; all are in the run's facts"
        )


def _fact(fact: Fact) -> Iterator[str]:
    yield from said(f"Fact {fact.type}", f"{_ROLES[fact.role]}; {fact.arn}")
    yield from said("Operation", ", ".join(fact.operations or ()) or NOT_RECORDED, 4)
    yield from said("Read", f"{moment(fact.read_at)}, in account {fact.account_id}", 4)
    yield from said("Session", fact.session or NOT_RECORDED, 4)
    content = msgspec.json.format(written(fact.content), indent=2).decode().split("\n")
    yield from (f"    | {line}" for line in content[:MOST_LINES])
    if len(content) > MOST_LINES:
        yield f"    | … {len(content) - MOST_LINES} more lines in the .json"


def _listing(found: Listing) -> Iterator[str]:
    answer = f"found {found.count}" if found.gap is None else f"found {found.count}, then {found.gap.reason}"
    told = f"{answer}; {moment(found.at)}; {found.session or f'session {NOT_RECORDED}'}"
    yield from said(f"Listing {found.type} in {found.region}", told)
    if found.gap is not None:
        yield from said("AWS's message", f"{found.gap.action}: {found.gap.message}", 4)


def _json(value: Json) -> str:
    return msgspec.json.format(written(value), indent=0).decode()
