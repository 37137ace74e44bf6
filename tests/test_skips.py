"""Where nothing may be skipped, a skip is a failure."""

from __future__ import annotations

import pytest

from tests.conftest import NO_SKIPS, pytest_runtest_makereport
from tests.needs import ALSO_MISSING_IN_CI, NO_IMAGE_BUILDER


def passed_on(report: pytest.TestReport) -> pytest.TestReport:
    """What becomes of a report."""
    hook = pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(report)
    returned: pytest.TestReport = ended.value.value
    return returned


def skipped(reason: str = "LibreOffice is missing") -> pytest.TestReport:
    return pytest.TestReport("a test", ("a.py", 1, "a"), {}, "skipped", ("a.py", 1, f"Skipped: {reason}"), "setup")


@pytest.mark.parametrize(("value", "outcome"), [("1", "failed"), ("", "skipped")])
def test_a_skip_fails_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch, value: str, outcome: str) -> None:
    monkeypatch.setenv(NO_SKIPS, value)
    report = passed_on(skipped())
    assert report.outcome == outcome
    assert "LibreOffice is missing" in str(report.longrepr)


def test_only_an_image_builder_may_be_missing_where_nothing_may_be_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_SKIPS, "1")
    assert frozenset({NO_IMAGE_BUILDER}) == ALSO_MISSING_IN_CI
    assert passed_on(skipped(NO_IMAGE_BUILDER)).outcome == "skipped"
    assert passed_on(skipped(f"{NO_IMAGE_BUILDER}, and more")).outcome == "failed"


def test_what_is_expected_to_fail_is_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_SKIPS, "1")
    report = skipped()
    report.wasxfail = "reason"
    assert passed_on(report).outcome == "skipped"
