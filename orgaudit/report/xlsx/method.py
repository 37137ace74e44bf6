"""The method sheet: how every figure is made, and from which inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from orgaudit.report.view import View
from orgaudit.report.xlsx.findings import evaluations_note
from orgaudit.report.xlsx.tables import TableSheet
from orgaudit.settings.frameworks import Framework
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column
from orgaudit.store.seal import Standing
from orgaudit.words import counted


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the method."""

    topic: str
    name: str
    text: str


_COLUMNS: tuple[Column[Statement], ...] = (
    Column("Topic", 16, lambda it: it.topic, replace(look.TEXT, ink=look.MUTED)),
    Column("Term", 34, lambda it: it.name, replace(look.TEXT, bold=True)),
    Column("Meaning", 150, lambda it: it.text),
)

_DEFINITIONS = (
    ("Evaluation", "One control in one region of one account; every planned evaluation ends in one status."),
    ("PASS, FAIL", "What was assessed meets, or does not meet, what the control requires."),
    (
        "NOT_ASSESSED",
        "Something that the control needs could not be read. It never counts as passed and never as failed. It lowers "
        "the headline rate; the pass rates of findings leave it out and show it beside them.",
    ),
    (
        "NOT_APPLICABLE",
        "There is nothing to assess: no such resource, the region is not enabled, or the service is not offered there.",
    ),
    (
        "Blocked by policy",
        "NOT_ASSESSED because a service control policy denies it. The policy stops the calls of the audit, not what "
        "runs there. A region that is denied whole, while other regions of the account respond, is BLOCKED.",
    ),
    (
        "Accepted",
        "A blocked region that [scope] accept_blocked_regions accepts as not audited. What is denied there stays "
        "NOT_ASSESSED and leaves every figure except the column Accepted of Coverage; controls over a whole account "
        "assess the other regions, and their evidence names the accepted ones.",
    ),
    ("MANUAL", "A person decides. Manual evaluations are not in any coverage figure."),
    ("Excepted", "A FAIL that an active or expiring exception covers. It stays a FAIL in every list."),
    ("Open", "A FAIL that no active or expiring exception covers. An expired exception covers nothing."),
    (
        "Headline rate",
        "PASS / (PASS + FAIL + NOT_ASSESSED) over accounts x automated requirements of one framework, by default the "
        "newest CIS of the run. A requirement of an account is FAIL where any of its controls fails there, else "
        "NOT_ASSESSED where anything was not assessed or a control was left out of the run, else PASS. Where a person "
        "decides, nothing applies, or all that is left is in accepted regions, it is not in the rate.",
    ),
    (
        "Headline rate with exceptions",
        "The same without the failures that an active or expiring exception covers; where nothing else remains, the "
        "requirement of the account is not in the rate.",
    ),
    (
        "Finding, issue",
        "A finding is one row of All evaluations: one control at one resource. An issue is what one fix closes: the "
        "findings of one account, region, resource and family of controls. It is open where any of them is open, with "
        "the highest severity of these. The summary and Accounts count issues, lists show findings. The open findings "
        "of one control are as many issues, but two controls of a family share theirs, so those do not add up.",
    ),
    (
        "Family",
        "The controls of a family are those that one fix closes together on a resource. Most are alone in theirs.",
    ),
    (
        "Rate of an account",
        "The headline rate over that account alone: its automated requirements of the headline framework that pass, "
        "over those that pass, fail or were not assessed. An account of which nothing was seen has none. Its "
        "colour: at or over [report] pass_rate_threshold, down to three quarters of it, and below.",
    ),
    (
        "Coverage",
        "Evaluations that ended in PASS, FAIL or NOT_APPLICABLE, over all that are not MANUAL and not accepted. A "
        "cause is one reason with one kind of answer; what a permission or a policy denies is one where it is denied "
        "in the same accounts and regions.",
    ),
    (
        "First seen, age",
        "The first day on which a finding failed in its present episode, and the days since. A regression begins anew.",
    ),
    (
        "Due, overdue, late",
        "Due is the day first seen plus the days of [remediation] for the severity, and never moves. An issue is due "
        "on the earliest day of its open findings, and late from the day after. While an exception covers a finding it "
        "is not late. An exception is late where it has expired and its findings still fail.",
    ),
    (
        "Change",
        "Each issue that is open in the baseline or in this run has one kind; the sheet Changes says what each means. "
        "Opened are those open now only; closed those open before only, without what was not checked again, which is "
        "never counted as resolved. Issues open before + opened - no longer open = issues open now.",
    ),
    (
        "Baseline",
        "The newest earlier audit of the same organization with the whole scope, unless another one was named.",
    ),
    (
        "Action, share of risk",
        "What removes several issues together. Risk points of an issue by severity and the effort of an action are in "
        "the settings [actions]; the order takes, again and again, the most points per effort among what no earlier "
        "action closes. Share of risk so far = points closed up to there / points of all open issues.",
    ),
    (
        "Heat map",
        "Open findings of each control in each account; with many accounts, open issues by section of the headline "
        "framework. A dash where any part was not assessed and nothing is open.",
    ),
    (
        "Links",
        "Titles lead to the control on Controls, which says why it matters; accounts and exceptions to their rows; "
        "resources to their page of the AWS console, or to its home in their region where no address of theirs is "
        "certain. The console shows the account into which you are signed in. A sheet holds 65,530 links; what comes "
        "after, and text of several lines, has a formula, or none where it is too long for one.",
    ),
    ("Pass rate", "PASS / (PASS + FAIL), of findings."),
    ("Pass rate with exceptions", "PASS / (PASS + FAIL - excepted): excepted failures leave the denominator."),
    ("Evaluations assessed", "Evaluations that ended in PASS, FAIL or NOT_APPLICABLE, over all that are not MANUAL."),
    (
        "Accounts assessed",
        "Accounts in scope with at least one evaluation that is not NOT_ASSESSED; in part where another one is.",
    ),
    (
        "Regions audited",
        "Regions that are neither disabled nor accepted in every assessed account, audited in at least one of them.",
    ),
    (
        "Inherited findings",
        "A resource that accounts share, such as an organization's trail, is assessed in the account that owns it; the "
        "others repeat that result and name the owner. Account and framework figures include the repetitions. "
        "The summary's results, units, controls and Open count each shared resource once (column Counted of All "
        "evaluations): in its owner's account, or, where the owner is out of scope, in the first one that inherits it.",
    ),
    (
        "Status of a requirement",
        "FAIL where any account fails it (exceptions do not change that), else NOT_ASSESSED where any part of it was "
        "not assessed or a control of it was left out of the run, else PASS. A requirement that its publisher leaves "
        "to a person, or without a control, is MANUAL: findings on it are that person's evidence. NOT_COVERED is what "
        "a machine could decide and no control does: a framework with such requirements has no rate.",
    ),
    (
        "Requirement by mapping",
        "Its parts are what it asks for, each answered by certain controls or by people. A part fails where any of its "
        "evidence fails, and has evidence where all of its controls answered in all accounts. EVIDENCE: no part fails, "
        "was not seen, or waits for an attestation. It never passes, and its framework has no rate.",
    ),
    ("Order", "Open and All evaluations: open first, then by status, severity, account, control, region and resource."),
    ("Times", "All times are UTC."),
)


_STANDINGS = {
    Standing.VERIFIED: "verified: they have the SHA-256 that run.json lists; `orgaudit verify` checks them again",
    Standing.NOT_SEALED: "not sealed: run.json lists no SHA-256 of them, so a later change cannot be detected",
    Standing.UNVERIFIED: "UNVERIFIED: files of the run were changed after it was sealed; `orgaudit verify` lists them",
}


def _framework(framework: Framework) -> str:
    """Return a framework in words: its version, its size, and how much of it is covered where that is not all."""
    size = len(framework.requirements)
    text = f"{framework.title}, version {framework.version}: {counted(size, 'requirement')}"
    if framework.is_mapping:
        return f"{text} by mapping, in {counted(sum(len(each.parts) for each in framework.requirements), 'part')}"
    return text if framework.is_whole else f"{text}, {framework.covered} of them covered"


def _statements(view: View) -> Iterator[Statement]:
    """Yield the definitions, the run's own facts, its thresholds and the hashes of its inputs."""
    manifest = view.manifest
    yield from (Statement("Definitions", name, text) for name, text in _DEFINITIONS)
    yield Statement("Run", "Run id", manifest.run_id)
    yield Statement("Run", "Started, collected, evaluated", _times(view))
    yield Statement("Run", "Exceptions as of", view.as_of.isoformat())
    yield Statement("Run", "Baseline", _baseline(view))
    yield Statement("Run", "Rows of All evaluations", evaluations_note(view))
    yield Statement("Run", "Tool", f"orgaudit {manifest.tool_version}")
    yield Statement("Run", "Caller", f"{manifest.caller.arn} (account {manifest.caller.account_id})")
    if manifest.organization:
        yield Statement("Run", "Organization", f"{manifest.organization.arn}")
    yield Statement("Run", "Accepted blocked regions", ", ".join(manifest.accept_blocked_regions) or "none")
    yield Statement("Run", "Accounts out of scope", ", ".join(a.id for a in manifest.out_of_scope) or "none")
    for gap in manifest.discovery_gaps:
        yield Statement("Run", "Not discovered", f"{gap.action} ({gap.reason.value}): {gap.message}")
    for framework in manifest.frameworks:
        yield Statement("Frameworks", framework.id, _framework(framework))
    threshold = f"{100 * view.settings.pass_rate_threshold:.1f} %"
    yield Statement("Thresholds", "[report] pass_rate_threshold", threshold)
    for severity, days in manifest.remediation_days.items():
        yield Statement("Thresholds", f"Days to fix, {severity}", counted(days, "day"))
    for kind, points in sorted(manifest.settings.get("actions", {}).items()):
        yield Statement("Thresholds", f"[actions] {kind}", _setting(points))
    for name, value in sorted(manifest.thresholds.items()):
        yield Statement("Thresholds", name, _setting(value))
    yield Statement("Evidence", "SHA-256 of run.json", view.manifest_sha256)
    register = view.source.file or "no file"
    yield Statement("Evidence", "Register", f"{register}, SHA-256 {view.source.sha256 or 'none'}")
    yield Statement("Evidence", "Rules", f"SHA-256 of the {counted(len(manifest.controls), 'control')}: {_rules(view)}")
    yield Statement("Evidence", "SHA-256 of register.json", view.register_sha256 or "none")
    yield Statement("Evidence", "Files that these figures come from", _STANDINGS[view.standing])
    for name, digest in sorted(manifest.inputs.items()):
        yield Statement("Inputs (SHA-256)", name, digest)


def _setting(value: object) -> str:
    """Return the value of a setting in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_setting(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_setting, value)) or "none"
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()


def _baseline(view: View) -> str:
    compared = view.comparison
    if compared.baseline is None:
        return f"none: {compared.why_none}"
    changed = f"; judged differently since: {', '.join(compared.rules)}" if compared.rules else ""
    return f"{compared.baseline} of {compared.baseline_date}{changed}"


def _rules(view: View) -> str:
    """Return one hash of what every control of the run is: code, thresholds and requirements."""
    lines = sorted(f"{record.id} {record.digest}" for record in view.manifest.controls)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _times(view: View) -> str:
    moments = (view.manifest.started_at, view.manifest.collected_at, view.manifest.evaluated_at)
    return ", ".join(f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "not yet" for moment in moments)


METHOD = TableSheet(
    "Method",
    "definitions, thresholds, inputs",
    _COLUMNS,
    _statements,
    "How the figures are made, and from which inputs.",
)
