"""The method sheet: how every figure is made, and from which inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from orgaudit.report.view import View
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column
from orgaudit.spreadsheet.workbook import Book
from orgaudit.store.seal import Standing


class Line(NamedTuple):
    """One statement of the method."""

    topic: str
    name: str
    text: str


COLUMNS: tuple[Column[Line], ...] = (
    Column("Topic", 18, lambda line: line.topic, look.TEXT._replace(ink=look.MUTED)),
    Column("Term", 40, lambda line: line.name, look.TEXT._replace(bold=True)),
    Column("Meaning", 110, lambda line: line.text),
)

DEFINITIONS = (
    ("Evaluation", "One control asked in one region of one account; every one that was planned ends in one status."),
    ("PASS, FAIL", "What was seen does, or does not, hold what the control asks for."),
    (
        "NOT_ASSESSED",
        "Something that the control needs could not be read. It never counts as passed and never as failed, so it is "
        "in no pass rate; it is shown beside it.",
    ),
    (
        "NOT_APPLICABLE",
        "There is nothing to judge: no such resource, the region is not enabled, or the service is not offered there.",
    ),
    (
        "Blocked by policy",
        "NOT_ASSESSED because a service control policy denies it. The policy stops the calls of the audit, not what "
        "runs there. A region that is denied whole while others of the account answer is BLOCKED.",
    ),
    (
        "Accepted",
        "A blocked region that [scope] accept_blocked_regions accepts as not audited. What is denied there stays "
        "NOT_ASSESSED and leaves every figure but the column Accepted of Coverage; controls over a whole account judge "
        "the other regions, and their evidence names the accepted ones.",
    ),
    ("MANUAL", "A person decides. Manual evaluations are in no coverage figure."),
    ("Excepted", "A FAIL that an active or expiring exception covers. It stays a FAIL in every list."),
    ("Open", "A FAIL that no active or expiring exception covers. An expired exception covers nothing."),
    ("Pass rate", "PASS / (PASS + FAIL)."),
    ("Pass rate with exceptions", "PASS / (PASS + FAIL - excepted): excepted failures leave the denominator."),
    ("Evaluations assessed", "Evaluations that ended in PASS, FAIL or NOT_APPLICABLE, over all that are not MANUAL."),
    (
        "Accounts assessed",
        "Accounts in scope with at least one evaluation that is not NOT_ASSESSED; in part where any other is.",
    ),
    (
        "Regions audited",
        "Regions that are neither disabled nor accepted in every assessed account, audited in at least one of them.",
    ),
    (
        "Inherited findings",
        "A resource that accounts share, such as an organization's trail, is judged in the account that owns it; the "
        "others repeat that judgement and name the owner. Account and framework figures include the repetitions. "
        "The summary's results, units and controls count each shared resource once (column Counted of Findings): in "
        "its owner's account, or, where the owner is out of scope, in the first account that inherits it.",
    ),
    (
        "Status of a requirement",
        "FAIL where any account fails it (exceptions do not change that), else NOT_ASSESSED where any part of it was "
        "not seen or a control of it was left out of the run, else PASS. A requirement that its publisher leaves to a "
        "person, or without a control, is MANUAL: findings on it are that person's evidence.",
    ),
    ("Order", "Findings: open first, then by status, severity, account, control, region and resource."),
    ("Times", "All times are UTC."),
)


STANDINGS = {
    Standing.VERIFIED: "verified: they have the SHA-256 that run.json lists; `orgaudit verify` checks them again",
    Standing.NOT_SEALED: "not sealed: run.json lists no SHA-256 of them, so a later change cannot be detected",
    Standing.UNVERIFIED: "UNVERIFIED: files of the run were changed after it was sealed; `orgaudit verify` lists them",
}


def method_lines(view: View) -> list[Line]:
    """Return the definitions, the run's own facts, its thresholds and the hashes of its inputs."""
    return list(_lines(view))


def write_method(book: Book, view: View) -> None:
    """Write the method sheet."""
    lines = method_lines(view)
    book.table("Method", COLUMNS, lines, total=len(lines), note="How the figures are made, and from what.")


def _lines(view: View) -> Iterator[Line]:
    manifest = view.manifest
    yield from (Line("Definitions", name, text) for name, text in DEFINITIONS)
    yield Line("Run", "Run id", manifest.run_id)
    yield Line("Run", "Started, collected, evaluated", _times(view))
    yield Line("Run", "Exceptions as of", view.as_of.isoformat())
    yield Line("Run", "Tool", f"orgaudit {manifest.tool_version}")
    yield Line("Run", "Caller", f"{manifest.caller.arn} (account {manifest.caller.account_id})")
    if manifest.organization:
        yield Line("Run", "Organization", f"{manifest.organization.arn}")
    yield Line("Run", "Accepted blocked regions", ", ".join(manifest.accept_blocked_regions) or "none")
    yield Line("Run", "Accounts out of scope", ", ".join(a.id for a in manifest.out_of_scope) or "none")
    for gap in manifest.discovery_gaps:
        yield Line("Run", "Not discovered", f"{gap.action} ({gap.reason.value}): {gap.message}")
    for framework in manifest.frameworks:
        text = f"{framework.title}, version {framework.version}: {len(framework.requirements)} requirements"
        yield Line("Frameworks", framework.id, text)
    for name, value in sorted(manifest.thresholds.items()):
        yield Line("Thresholds", name, msgspec.json.encode(value).decode())
    yield Line("Evidence", "SHA-256 of run.json", view.manifest_sha256)
    yield Line("Evidence", "SHA-256 of register.json", view.register_sha256 or "none")
    yield Line("Evidence", "Files that these figures come from", STANDINGS[view.standing])
    for name, digest in sorted(manifest.inputs.items()):
        yield Line("Inputs (SHA-256)", name, digest)


def _times(view: View) -> str:
    moments = (view.manifest.started_at, view.manifest.collected_at, view.manifest.evaluated_at)
    return ", ".join(f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "not yet" for moment in moments)
