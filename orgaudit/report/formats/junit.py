"""report.junit.xml: every finding as a test case of its account, for what shows the results of tests.

What fails is a failure, what was not assessed an error, and what nobody has to act on now is skipped with the reason.
The elements and attributes are those that both known schemas take: junit-10.xsd of
https://github.com/jenkinsci/xunit-plugin and JUnit.xsd of https://github.com/windyroad/JUnit-Schema; the totals on
`testsuites` are of the former alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from orgaudit.model import Gap, Status
from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import AccountScore, StatusCounts
from orgaudit.report.formats.finding_words import ACCEPTED, exception_words, place_words, remedy_words
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import View, in_account
from orgaudit.spreadsheet.text import printable
from orgaudit.store.run import writing
from orgaudit.words import rate

DISCOVERY = "discovery"
"""The suite of what of the organization could not be read; it is there only where there is any such."""
_TIME = 'time="0"'


def write(view: View, path: Path) -> None:
    """Write the view as JUnit XML, one test case a finding, account by account; raises ReportError."""
    with writing(path) as file:
        file.writelines(line.encode() for line in _document(view))


def _document(view: View) -> Iterator[str]:
    gaps = view.manifest.discovery_gaps
    counts = [score.counts for score in view.accounts]
    tests, failures = sum(it.total for it in counts), sum(it.open for it in counts)
    errors = sum(it.not_assessed for it in counts) + len(gaps)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites name={_quoted(f'orgaudit {view.manifest.run_id}')} tests={_quoted(tests + len(gaps))} "
    yield f"failures={_quoted(failures)} errors={_quoted(errors)} {_TIME}>\n"
    shared = _properties(_of_run(view))
    if gaps:
        yield from _suite(_started(view, 0, DISCOVERY, StatusCounts(not_assessed=len(gaps))), shared, map(_gap, gaps))
    for number, score in enumerate(view.accounts, bool(gaps)):
        start = _started(view, number, f"{score.id} {score.name}", score.counts)
        cases = map(_case, view.exported(in_account(score.id)))
        yield from _suite(start, shared + _properties(_of_account(score)), cases)
    yield "</testsuites>\n"


def _started(view: View, number: int, name: str, counts: StatusCounts) -> str:
    """Return how the element of a suite begins, with its counts."""
    skipped = counts.total - counts.passed - counts.open - counts.not_assessed
    return (
        f'<testsuite id="{number}" package="orgaudit" name={_quoted(name)} hostname="localhost" '
        f'timestamp="{view.manifest.ended_at:%Y-%m-%dT%H:%M:%S}" tests="{counts.total}" failures="{counts.open}" '
        f'errors="{counts.not_assessed}" skipped="{skipped}" {_TIME}>'
    )


def _suite(start: str, properties: str, cases: Iterable[str]) -> Iterator[str]:
    yield f"{start}\n<properties>\n{properties}</properties>\n"
    yield from cases
    yield "<system-out/><system-err/></testsuite>\n"


def _of_run(view: View) -> dict[str, object]:
    """Return what identifies the run, and its figures, in which each shared resource counts once."""
    summary, headline = view.summary, view.summary.headline
    return {
        "run": view.manifest.run_id,
        "organization": view.manifest.organization.id if view.manifest.organization else "",
        "as_of": view.as_of,
        "run_json_sha256": view.manifest_sha256,
        "framework": f"{headline.title} {headline.version}" if headline else "",
        "rate": rate(headline.rated.counts.rate) if headline else "",
        "rate_with_exceptions": rate(headline.rated.with_exceptions.rate) if headline else "",
        "coverage": rate(summary.coverage.share),
        "completeness": completeness_of(view),
        "open_issues": summary.issues.total,
        "open_findings": summary.counts.open,
        "covered_findings": summary.counts.covered,
        "not_assessed_findings": summary.counts.not_assessed,
    }


def _of_account(score: AccountScore) -> dict[str, object]:
    return {
        "account": score.id,
        "account_name": score.name,
        "unit": score.ou_path,
        "owner": score.owner,
        "account_completeness": score.completeness,
        "account_open_issues": score.issues.total,
    }


def _properties(values: dict[str, object]) -> str:
    return "".join(f'<property name="{name}" value={_quoted(value)}/>\n' for name, value in values.items())


def _case(found: ExportedFinding) -> str:
    name = _quoted(f"{found.region} {found.resource}")
    classname = _quoted(f"{found.account_id}.{found.control}")
    outcome = _outcome(found)
    return f"<testcase classname={classname} name={name} {_TIME}" + (f">{outcome}</testcase>\n" if outcome else "/>\n")


def _outcome(found: ExportedFinding) -> str:
    """Return the element of a test that did not pass; nothing for one that did."""
    if found.status == Status.PASS:
        return ""
    if found.open:
        return _element("failure", found.severity, found.reason, _body(found))
    if found.covered:
        return _element("skipped", "exception", exception_words(found), _body(found))
    if found.accepted:
        return _element("skipped", "accepted", f"{ACCEPTED} {found.reason}", "")
    if found.status == Status.NOT_ASSESSED:
        return _element("error", found.gap_reason or Status.NOT_ASSESSED, found.reason, _body(found))
    return _element("skipped", found.status.lower(), found.reason, "")


def _gap(gap: Gap) -> str:
    error = _element("error", gap.reason, gap.message, gap.reason.remediation(gap.action))
    return f"<testcase classname={_quoted(DISCOVERY)} name={_quoted(gap.action)} {_TIME}>{error}</testcase>\n"


def _body(found: ExportedFinding) -> str:
    """Return what the reader of a result needs: what it is about, where, whose, until when, and how to fix it."""
    lines = (
        f"{found.title} ({found.severity})",
        f"Seen: {found.reason}" if found.covered else exception_words(found),
        f"Resource: {found.resource}",
        f"Place: {place_words(found)}",
        f"Owner: {found.owner or 'unassigned'}",
        f"Failing since {found.first_seen}" if found.first_seen else "",
        f"Due: {found.due_on}" if found.due_on else "",
        *remedy_words(found),
        found.command if found.command and found.status == Status.FAIL else "",
        found.requirements,
    )
    return "\n".join(filter(None, lines))


def _element(name: str, kind: str, message: str, text: str) -> str:
    return f"<{name} type={_quoted(kind)} message={_quoted(message)}>{_escaped(text)}</{name}>"


def _quoted(value: object) -> str:
    return quoteattr(_text(str(value)))


def _escaped(text: str) -> str:
    return escape(_text(text))


def _text(text: str) -> str:
    """Return a text that XML can hold; as XML is read, a line ends with a line feed alone."""
    return printable(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)
