"""report.junit.xml is read by programs that show results of tests, with the counts of the view."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import junitparser
import msgspec
import pytest

from orgaudit.model import EntryState, Gap, GapReason, Status
from orgaudit.report.formats import FORMATS, junit
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.spreadsheet.text import printable
from orgaudit.store.run import Run, write_lines
from tests.report import hostile, parts
from tests.report import small as few
from tests.report.parts import Kept, Seen
from tests.report.small import viewed
from tests.synthetic_run import account_id, build

ELEMENTS = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, ["testsuite*"]),
    "testsuite": (
        {*("name", "tests", "failures", "errors", "time", "timestamp", "hostname", "id", "package")},
        {"skipped"},
        ["properties", "testcase*", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property*"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": ({"name", "classname", "time"}, set(), ["outcome?"]),
    "failure": ({"type"}, {"message"}, []),
    "error": ({"type"}, {"message"}, []),
    "skipped": (set(), {"type", "message"}, []),
    "system-out": (set(), set(), []),
    "system-err": (set(), set(), []),
}
"""What both JUnit.xsd of Apache Ant and junit-10.xsd of Jenkins allow: required and other attributes, and the children
in their order. Attributes of `testsuites` are in the second alone."""
FORMS = {
    **dict.fromkeys(("tests", "failures", "errors", "skipped", "id"), r"[0-9]+"),
    "time": r"[0-9]+(\.[0-9]+)?",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
}


def checked(element: ET.Element) -> None:
    """Fail where an element is not as both schemas have it."""
    required, other, children = ELEMENTS[element.tag]
    assert required <= set(element.attrib) <= required | other
    for name, value in element.attrib.items():
        assert re.fullmatch(FORMS.get(name, r"[\s\S]*"), value), (element.tag, name, value)
    kinds = ["outcome" if each.tag in {"failure", "error", "skipped"} else each.tag for each in element]
    assert re.fullmatch("".join(_children(each) for each in children), "".join(f"<{kind}>" for kind in kinds))
    for each in element:
        checked(each)


def _children(pattern: str) -> str:
    name = pattern.rstrip("*?")
    return f"(<{name}>){pattern[len(name) :]}"


def written(view: View, path: Path) -> junitparser.JUnitXml:
    """Return what junitparser reads of a file that both schemas take; reading and writing it changes nothing."""
    file = path / "report.junit.xml"
    junit.write(view, file)
    root = ET.parse(file).getroot()  # noqa: S314 - a file of ours
    checked(root)
    assert [suite.attrib["id"] for suite in root] == [str(number) for number in range(len(root))]
    report = junitparser.JUnitXml.fromfile(str(file))
    report.write(str(path / "again.xml"))
    assert _canonical(path / "again.xml") == _canonical(file)
    return report


def _canonical(path: Path) -> str:
    return ET.canonicalize(from_file=str(path))


def outcome(case: junitparser.TestCase) -> str:
    return type(case.result[0]).__name__ if case.result else "Passed"


def properties(suite: junitparser.TestSuite) -> dict[str, str]:
    return {each.name: each.value for each in suite.properties()}  # type: ignore[no-untyped-call]


def cases_of(path: Path, seen: Sequence[Seen], kept: Sequence[Kept] = ()) -> list[junitparser.TestCase]:
    run = parts.written(path, (("Ann <ann@example.org>", "Root/Payments"), ("", "Root/Claims")), seen, kept=kept)
    with viewing(run) as view:
        return [case for suite in written(view, path) for case in suite]


def one(path: Path, seen: Seen, *kept: Kept) -> tuple[str, Any]:
    """Return how the only test case ended, and its element."""
    (case,) = cases_of(path, [seen], kept)
    return outcome(case), case.result[0] if case.result else None


def test_the_demo_has_a_test_a_finding_and_the_counts_of_each_account(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        report = written(view, tmp_path)
        scores, total, summary = {score.id: score for score in view.accounts}, view.findings_total, view.summary
    suites = {properties(suite)["account"]: suite for suite in report}
    assert suites.keys() == scores.keys()
    for account, suite in suites.items():
        found, counts = Counter(map(outcome, suite)), scores[account].counts
        assert found["Passed"] == counts.passed
        assert found["Failure"] == suite.failures == counts.open
        assert found["Error"] == suite.errors == counts.not_assessed
        skipped = counts.covered + counts.not_applicable + counts.manual + counts.accepted
        assert found["Skipped"] == suite.skipped == skipped
        assert suite.tests == sum(found.values())
        assert properties(suite)["account_open_issues"] == str(scores[account].issues.total)
        assert properties(suite)["open_issues"] == str(summary.issues.total)
        assert properties(suite)["covered_findings"] == str(summary.counts.covered)
        assert properties(suite)["not_assessed_findings"] == str(summary.counts.not_assessed)
    assert report.tests == total
    assert report.failures == sum(score.counts.open for score in scores.values())
    assert report.errors == sum(score.counts.not_assessed for score in scores.values()) > 0
    names = [(case.classname, case.name) for suite in report for case in suite]
    assert len(set(names)) == len(names)


def test_the_severities_are_those_of_the_view(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        report = written(view, tmp_path)
        rows = Counter(found.severity for found in view.exported("open"))
    shown = Counter(case.result[0].type for suite in report for case in suite if outcome(case) == "Failure")
    assert shown == rows


def test_hostile_names_are_text(hostile_run: Run, tmp_path: Path) -> None:
    with viewed(hostile_run, hostile.REGISTER) as view:
        report = written(view, tmp_path)
        resources = {f"{found.region} {found.resource}" for found in view.exported()}
        assert report.tests == view.findings_total
    shown = {case.name for suite in report for case in suite}
    assert shown == {printable(name).replace("\r\n", "\n") for name in resources}
    assert all("<b>" in suite.name for suite in report)
    assert any("*?#\n\t" in case.result[0].message for suite in report for case in suite if case.result)


def test_the_same_view_gives_the_same_bytes(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        junit.write(view, tmp_path / "one.xml")
        junit.write(view, tmp_path / "two.xml")
    assert (tmp_path / "one.xml").read_bytes() == (tmp_path / "two.xml").read_bytes()


def test_an_open_failure_fails_with_all_that_its_reader_needs(tmp_path: Path) -> None:
    ended, element = one(tmp_path, Seen(name="a", owner="Ann <ann@example.org>"))
    assert (ended, element.type, element.message) == ("Failure", "critical", "a-reason")
    assert element.text.splitlines() == [
        "Promise 0 is kept (critical)",
        "Resource: arn:aws:s3:::a-bucket",
        "Place: account 700000000000 (accountname0x, Root/Payments), region eu-central-1",
        "Owner: Ann <ann@example.org>",
        "Failing since 2026-09-22",
        "Due: 2026-10-04",
        "Turn it on here.",
        "Everywhere: Turn it on for all.",
        "Prevent it: Deny turning it off.",
        "aws s3 turn-on a-bucket",
        "cis_4.0 1.1",
    ]


def test_a_test_is_named_by_its_account_control_region_and_resource(tmp_path: Path) -> None:
    (case,) = cases_of(tmp_path, [Seen(name="a")])
    assert (case.classname, case.name) == ("700000000000.control0", "eu-central-1 arn:aws:s3:::a-bucket")


def test_an_exception_in_force_skips_and_says_whose_it_is_and_what_still_fails(tmp_path: Path) -> None:
    ended, element = one(tmp_path, Seen(name="a", exception="EXC-1"), Kept(name="EXC-1", owner="Bo <bo@example.org>"))
    assert (ended, element.type) == ("Skipped", "exception")
    assert element.message == "Exception EXC-1 of Bo <bo@example.org> accepts this until 2026-12-31; it still fails."
    assert "Seen: a-reason" in element.text


def test_an_exception_that_ended_fails_again(tmp_path: Path) -> None:
    kept = Kept(name="EXC-1", owner="Bo", state=EntryState.EXPIRED)
    ended, element = one(tmp_path, Seen(name="a", exception="EXC-1"), kept)
    assert ended == "Failure"
    assert "Exception EXC-1 of Bo ended on 2026-12-31 and accepts this no longer." in element.text


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.PASS, "Passed"),
        (Status.NOT_ASSESSED, "Error"),
        (Status.NOT_APPLICABLE, "Skipped"),
        (Status.MANUAL, "Skipped"),
    ],
)
def test_each_status_ends_a_test_in_its_way(status: Status, expected: str, tmp_path: Path) -> None:
    ended, element = one(tmp_path, Seen(name="a", status=status))
    assert ended == expected
    assert element is None or element.message == "a-reason"


def test_what_was_not_assessed_says_why_and_what_to_do(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        report = written(view, tmp_path)
    (closed,) = [suite for suite in report if properties(suite)["account"] == account_id(3)]
    assert {outcome(case) for case in closed} == {"Error"}
    error = next(iter(closed)).result[0]
    assert error.type == "ACCOUNT_UNAVAILABLE"
    assert GapReason.ACCOUNT_UNAVAILABLE.remediation("sts:AssumeRole") in error.text


def test_what_the_settings_accept_as_not_audited_is_skipped(small: Run, tmp_path: Path) -> None:
    account = account_id(3)
    found = [msgspec.structs.replace(each, accepted=True) for each in small.findings(account)]
    write_lines(small.findings_path(account), found)
    with viewed(small, few.REGISTER) as view:
        report = written(view, tmp_path)
        (score,) = [score for score in view.accounts if score.id == account]
    (suite,) = [suite for suite in report if properties(suite)["account"] == account]
    assert (suite.errors, suite.skipped) == (0, score.counts.accepted)
    assert {case.result[0].type for case in suite} == {"accepted"}


def test_what_of_the_organization_could_not_be_read_is_an_error(small: Run, tmp_path: Path) -> None:
    gap = Gap("100000000000", "global", "organizations:ListRoots", GapReason.DENIED, "no roots for you")
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), discovery_gaps=(gap,)))
    with viewed(small, few.REGISTER) as view:
        report = written(view, tmp_path)
        assert report.tests == view.findings_total + 1
    first = next(iter(report))
    (case,) = first
    assert (first.name, first.errors, case.name) == ("discovery", 1, "organizations:ListRoots")
    assert case.result[0].message == "no roots for you"


def test_each_suite_names_the_run_the_framework_and_what_is_missing(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        report = written(view, tmp_path)
        hashed = view.manifest_sha256
    for suite in report:
        said = properties(suite)
        assert (said["run"], said["organization"], said["as_of"]) == ("2026-q3", "o-exampleorg", "2026-10-01")
        assert said["run_json_sha256"] == hashed
        assert said["framework"] == "CIS AWS Foundations 4.0.0"
        assert said["completeness"].startswith("INCOMPLETE: ")
        assert suite.timestamp == "2026-10-01T06:12:00"


def test_a_run_of_nothing_has_suites_without_tests(tmp_path: Path) -> None:
    with viewed(build(tmp_path / "empty", accounts=1, regions=1, controls=0), few.decided()) as view:
        report = written(view, tmp_path)
    assert (report.tests, [suite.tests for suite in report]) == (0, [0])


def test_the_format_is_listed() -> None:
    assert FORMATS["junit"].file == "report.junit.xml"
