"""The page that says what is what in a quarter's folder: verdict, what is missing, each file, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orgaudit.history.sentence import sentence
from orgaudit.quarter.folder import RECORD, QuarterRecord
from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import Completeness
from orgaudit.report.framework_scores import by_mapping
from orgaudit.report.view import View
from orgaudit.spreadsheet.text import one_line
from orgaudit.words import counted, rate

NAME = "README.md"
SUMS = "SHA256SUMS"
NAMED = 5
"""How many accounts are named; the sheet Coverage has all."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or directory of the folder: who reads it, and what it is for."""

    name: str
    reader: str
    what: str


def lines(view: View, record: QuarterRecord, places: Sequence[Place]) -> Iterator[str]:
    """Yield the page as Markdown; `places` are the files and directories that it lists."""
    manifest = view.manifest
    audited = view.settings.organization_name or (manifest.organization.id if manifest.organization else record.audited)
    yield f"# {_text(view.settings.title)}: {_text(audited or '')}, quarter of {record.date.isoformat()}"
    yield ""
    yield f"Run {record.run}, with the exceptions of {view.as_of.isoformat()}. {_compared(view)}"
    yield "Nothing in this folder was sent to anyone."
    yield from _section("Verdict", [f"{number}. {line}" for number, line in enumerate(verdict(view), 1)])
    if not view.summary.coverage.complete:
        yield from _section("What is missing", missing(view))
    yield from _section("What is here", _table(places))
    yield from _section("What to do next", [f"{n}. {line}" for n, line in enumerate(_next(view, record), 1)])
    yield from _section("How to verify it", _verifying(view, record))


def verdict(view: View) -> list[str]:
    """Return the verdict in a few lines: whether all was seen, the headline rate, what is open, evidence by mapping."""
    evidence = (f"By mapping, {_text(words)}." for words in by_mapping(view))
    return [f"{completeness_of(view)}.", _rated(view), _open(view), *evidence]


def missing(view: View) -> Iterator[str]:
    """Yield what was not assessed, an item for each reason, with what to do about it."""
    for unseen in view.unseen:
        lacking = [it for it in view.missing if it.reason is unseen.reason]
        fixes = list(dict.fromkeys(it.fix for it in lacking))
        more = f" The sheet Coverage lists {counted(len(fixes) - 1, 'more way')} to fix it." if len(fixes) > 1 else ""
        counts = f"{counted(unseen.evaluations, 'evaluation')} in {counted(unseen.accounts, 'account')}"
        yield f"- {unseen.reason}: {counts}. {fixes[0] if fixes else ''}{more}".rstrip()
    shut = [f"{_text(it.name)} ({it.id})" for it in view.accounts if it.completeness is Completeness.NOT_ASSESSED]
    if shut:
        others = f", and {len(shut) - NAMED:,} more" if len(shut) > NAMED else ""
        yield f"- Accounts of which nothing was seen: {', '.join(shut[:NAMED])}{others}."


def _compared(view: View) -> str:
    comparison = view.comparison
    if comparison.baseline_date is None:
        return f"Not compared: {_text(comparison.why_none)}."
    return f"Compared with run {comparison.baseline} of {comparison.baseline_date.isoformat()}."


def _rated(view: View) -> str:
    headline, comparison = view.summary.headline, view.comparison
    if headline is None:
        return "Rate: – (no framework of which all controls were in the run)."  # noqa: RUF001 - as in every report
    counts, excepted = headline.rated.counts, headline.rated.with_exceptions
    before = comparison.rates_before.get(headline.framework)
    was = f", {rate(before)} on {comparison.baseline_date.isoformat()}" if before and comparison.baseline_date else ""
    return f"{rate(counts.rate)} of {_text(headline.title)} met{was}; with exceptions {rate(excepted.rate)}."


def _open(view: View) -> str:
    issues, comparison = view.summary.issues, view.comparison
    severities = f"{issues.critical} critical, {issues.high} high, {issues.medium} medium, {issues.low} low"
    late = comparison.points[-1].overdue_issues if comparison.points else None
    past = f"; {late:,} past their due date" if late else ""
    said = f"{counted(issues.total, 'open issue')}: {severities}{past}."
    if comparison.baseline_date is None:
        return said
    counts = {it.kind: it.count for it in comparison.issues}
    return f"{said} {sentence(counts, 'issues', comparison.baseline_date)}."


def _table(places: Sequence[Place]) -> Iterator[str]:
    yield "| file | who reads it | what it is |"
    yield "|---|---|---|"
    for place in (*places, Place(RECORD, "orgaudit", "Which steps are done, with their files, for the next run.")):
        yield f"| `{place.name}` | {place.reader} | {place.what} |"


def _next(view: View, record: QuarterRecord) -> Iterator[str]:
    if not view.summary.coverage.complete:
        yield "See to it that what is missing can be read; until then the audit is incomplete and decides nothing."
    if "report.xlsx" in record.files:
        yield "Take page one of `report.xlsx` to the meeting; it lists what has to be decided."
    if any(name.startswith("owners/") and name.endswith(".eml") for name in record.files):
        yield "Send the mails in `owners/`: each carries the workbook of what its owner has to fix."
    if any(name.startswith("reminders/") and name.endswith(".eml") for name in record.files):
        yield "Read the mails in `reminders/` and send them: each opens as a draft, addressed to its owner."
    elif "reminders/due.txt" in record.files:
        yield "Inform the owners in `reminders/due.txt`; no mail was written for them."
    if view.actions.count:
        yield "Begin with the first actions of `actions.txt`: they remove the most risk for their effort."
    yield f"Keep this folder and the run {record.run}: the next `orgaudit quarter` compares with it."


def _verifying(view: View, record: QuarterRecord) -> Iterator[str]:
    yield f"`run.json` of the run has the SHA-256 `{view.manifest_sha256}`; each report prints it."
    yield ""
    yield "```sh"
    yield f"orgaudit verify {record.run}"
    yield f"sha256sum --check {SUMS}   # in this folder"
    if "evidence.zip" in record.files:
        yield "orgaudit verify evidence.zip   # in this folder"
    yield "```"


def _section(title: str, content: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from content


def _text(text: str) -> str:
    """Return a text that people or AWS wrote as Markdown shows it."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", one_line(text))
