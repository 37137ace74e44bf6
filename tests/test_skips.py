"""Where nothing may be skipped, a skip is a failure."""

from __future__ import annotations

import pytest

from tests.conftest import NO_SKIPS, pytest_runtest_makereport


def passed_on(report: pytest.TestReport) -> pytest.TestReport:
    """What becomes of a report."""
    hook = pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(report)
    returned: pytest.TestReport = ended.value.value
    return returned


def skipped() -> pytest.TestReport:
    return pytest.TestReport("a test", ("a.py", 1, "a"), {}, "skipped", ("a.py", 1, "LibreOffice is missing"), "setup")


@pytest.mark.parametrize(("value", "outcome"), [("1", "failed"), ("", "skipped")])
def test_a_skip_fails_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch, value: str, outcome: str) -> None:
    monkeypatch.setenv(NO_SKIPS, value)
    report = passed_on(skipped())
    assert report.outcome == outcome
    assert "LibreOffice is missing" in str(report.longrepr)


def test_what_is_expected_to_fail_is_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_SKIPS, "1")
    report = skipped()
    report.wasxfail = "reason"
    assert passed_on(report).outcome == "skipped"
