"""report.sarif-*.json fulfil the schema of SARIF 2.1.0 and the demands and limits of GitHub's code scanning."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from orgaudit.model import EntryState, Gap, GapReason, Status
from orgaudit.report.formats import FORMATS, sarif
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from tests.report import hostile, parts
from tests.report import small as few
from tests.report.parts import Kept, Seen
from tests.report.small import render, store, viewed
from tests.synthetic_run import account_id, build

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_bytes())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
RELATIVE = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+(?:/(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)*")
"""A relative path that needs no knowledge of a scheme (RFC 3986, path-noscheme), as GitHub wants it."""
GITHUB_SHOWS, GITHUB_TAKES = 5_000, 10_000_000


def checked(path: Path) -> dict[str, Any]:
    """Return the only run of a file, refused where the schema, the specification or GitHub would refuse it."""
    content = path.read_bytes()
    report = json.loads(content)
    VALIDATOR.validate(report)
    (run,) = report["runs"]
    assert report["$schema"]
    assert len(run["results"]) <= GITHUB_SHOWS
    assert len(gzip.compress(content)) < GITHUB_TAKES
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        _check_rule(rule)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        _check_result(result)
    return run  # type: ignore[no-any-return]


def _check_rule(rule: dict[str, Any]) -> None:
    assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))
    assert len(rule["shortDescription"]["text"]) <= 1024
    assert len(rule["fullDescription"]["text"]) <= 1024
    assert len(rule["properties"]["tags"]) <= 10
    assert "security" in rule["properties"]["tags"]
    assert 0 < float(rule["properties"]["security-severity"]) <= 10


def _check_result(result: dict[str, Any]) -> None:
    assert result["message"]["text"]
    # 3.11.5 and 3.11.6: nothing in a message is a placeholder or a link.
    assert not re.search(r"\{|\}|\]\(", result["message"]["text"].replace("{{", "").replace("}}", ""))
    # 3.27.10: only what fails has a level.
    assert (result["level"] == "none") == (result["kind"] != "fail")
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    assert RELATIVE.fullmatch(physical["artifactLocation"]["uri"])
    assert set(physical["region"]) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert result["partialFingerprints"]["primaryLocationLineHash"]


def written(view: View, path: Path) -> list[dict[str, Any]]:
    return [checked(each) for each in sarif.write(view, path)]


def results(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [result for run in runs for result in run["results"]]


def of(path: Path, *seen: Seen, kept: Sequence[Kept] = ()) -> list[dict[str, Any]]:
    """Return the runs of a run of two accounts."""
    run = parts.written(path, (("Ann <ann@example.org>", "Root/Payments"), ("", "Root/Claims")), seen, kept=kept)
    with viewing(run) as view:
        return written(view, path)


def test_the_demo_is_valid_with_the_figures_of_the_view(demo_run: Run, tmp_path: Path) -> None:
    with viewing(demo_run) as view:
        runs = written(view, tmp_path)
        shown = list(view.exported("status IN ('FAIL', 'NOT_ASSESSED')"))
        counts, opened = view.summary.counts, msgspec.structs.asdict(view.summary.open)
        scores = {score.id: score for score in view.accounts}
    every = results(runs)
    fingerprints = [result["fingerprints"]["orgaudit/v1"] for result in every]
    assert len(fingerprints) == len(set(fingerprints))
    assert set(fingerprints) == {found.fingerprint for found in shown}
    once = [result for result in every if result["properties"]["counted"]]
    assert sum(result["kind"] == "fail" and bool(result["suppressions"]) for result in once) == counts.covered > 0
    assert sum(result["kind"] == "open" and not result["suppressions"] for result in once) == counts.not_assessed > 0
    severities = Counter(r["properties"]["severity"] for r in once if r["kind"] == "fail" and not r["suppressions"])
    assert severities == {name: count for name, count in opened.items() if count}
    assert {run["properties"]["account"] for run in runs} == scores.keys()
    for run in runs:
        score = scores[run["properties"]["account"]]
        assert run["properties"]["account_findings"]["open"] == score.counts.open
        assert run["properties"]["account_open_issues"] == score.issues.total
        (invoked,) = run["invocations"]
        assert invoked["executionSuccessful"] == (score.completeness == "COMPLETE")
        assert bool(invoked["toolExecutionNotifications"]) == (score.completeness != "COMPLETE")
    paths = {json.dumps((result["ruleId"], result["locations"][0]["physicalLocation"])) for result in every}
    assert len(paths) == len(every), "GitHub would take two for one alert"


def test_hostile_names_are_valid_and_no_links_or_placeholders(hostile_run: Run, tmp_path: Path) -> None:
    with viewed(hostile_run, hostile.REGISTER) as view:
        every = results(written(view, tmp_path))
        assert len(every) == sum(1 for _ in view.exported("status IN ('FAIL', 'NOT_ASSESSED')"))
    assert all("<b>&amp;" in result["message"]["text"] for result in every)
    assert all("{{}}" in result["message"]["text"] for result in every)


def test_a_reason_that_looks_like_a_link_stays_text(small: Run, tmp_path: Path) -> None:
    found = [
        msgspec.structs.replace(f, reason="see [here](https://evil.example) {0}") for f in small.findings(account_id(0))
    ]
    write_lines(small.findings_path(account_id(0)), found)
    with viewed(small, few.REGISTER) as view:
        texts = {r["message"]["text"] for r in results(written(view, tmp_path)) if "evil" in r["message"]["text"]}
    assert "see [here] (https://evil.example) {{0}}." in texts


def test_the_same_view_gives_the_same_bytes(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        one, two = sarif.write(view, tmp_path / "one"), sarif.write(view, tmp_path / "two")
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_failure_has_every_field(tmp_path: Path) -> None:
    first, _ = of(tmp_path, Seen(name="a", owner="Ann <ann@example.org>"))
    print_of_a = parts.print_of(Seen(name="a"))
    assert first["results"] == [
        {
            "ruleId": "control0",
            "ruleIndex": 0,
            "kind": "fail",
            "level": "error",
            "message": {"text": "a-reason."},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {
                            "uri": "aws/700000000000/eu-central-1/s3%3Abucket/arn%3Aaws%3As3%3A%3A%3Aa-bucket"
                        },
                        "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
                    },
                    "logicalLocations": [{"fullyQualifiedName": "arn:aws:s3:::a-bucket", "kind": "resource"}],
                }
            ],
            "fingerprints": {"orgaudit/v1": print_of_a},
            "partialFingerprints": {"primaryLocationLineHash": print_of_a},
            "suppressions": [],
            "properties": {
                "status": "FAIL",
                "severity": "critical",
                "account": "700000000000",
                "account_name": "accountname0x",
                "unit": "Root/Payments",
                "region": "eu-central-1",
                "owner": "Ann <ann@example.org>",
                "counted": True,
                "first_seen": "2026-09-22",
                "due_on": "2026-10-04",
                "requirements": "cis_4.0 1.1",
                "remedy": "Turn it on here.",
                "command": "aws s3 turn-on a-bucket",
            },
        }
    ]
    (rule,) = first["tool"]["driver"]["rules"]
    assert rule == {
        "id": "control0",
        "shortDescription": {"text": "Promise 0 is kept"},
        "fullDescription": {"text": "It matters."},
        "help": {"text": "It matters."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security", "aws", "s3"], "precision": "very-high", "security-severity": "9.5"},
    }


@pytest.mark.parametrize(("control", "level", "score"), [(0, "error", 9.5), (1, "error", 8.0), (2, "note", 2.0)])
def test_levels_and_scores_are_those_of_the_severity(control: int, level: str, score: float, tmp_path: Path) -> None:
    first, _ = of(tmp_path, Seen(name="a", control=control))
    assert [result["level"] for result in first["results"]] == [level]
    assert [float(r["properties"]["security-severity"]) for r in first["tool"]["driver"]["rules"]] == [score]


def test_an_exception_in_force_suppresses_and_stays_a_failure(tmp_path: Path) -> None:
    first, _ = of(tmp_path, Seen(name="a", exception="EXC-1"), kept=[Kept(name="EXC-1", owner="Bo <bo@example.org>")])
    (result,) = first["results"]
    said = "Exception EXC-1 of Bo <bo@example.org> accepts this until 2026-12-31; it still fails."
    assert (result["kind"], result["level"]) == ("fail", "error")
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": said}]
    assert result["message"]["text"] == f"a-reason. {said}"
    named = {name: value for name, value in result["properties"].items() if name.startswith("exception")}
    assert named == {
        "exception": "EXC-1",
        "exception_owner": "Bo <bo@example.org>",
        "exception_state": "active",
        "exception_expires": "2026-12-31",
    }


def test_an_exception_that_ended_suppresses_nothing(tmp_path: Path) -> None:
    kept = [Kept(name="EXC-1", owner="Bo", state=EntryState.EXPIRED)]
    first, _ = of(tmp_path, Seen(name="a", exception="EXC-1"), kept=kept)
    (result,) = first["results"]
    assert result["suppressions"] == []
    assert result["message"]["text"].endswith("Exception EXC-1 of Bo ended on 2026-12-31 and accepts this no longer.")


@pytest.mark.parametrize("status", [Status.PASS, Status.NOT_APPLICABLE, Status.MANUAL])
def test_what_neither_fails_nor_was_unseen_is_no_result(status: Status, tmp_path: Path) -> None:
    first, second = of(tmp_path, Seen(name="a", status=status))
    assert (first["results"], second["results"]) == ([], [])


def test_what_was_not_assessed_is_open_and_the_run_was_not_successful(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        runs = {run["properties"]["account"]: run for run in written(view, tmp_path)}
    closed = runs[account_id(3)]
    assert {(result["kind"], result["level"]) for result in closed["results"]} == {("open", "none")}
    assert {result["properties"]["gap"] for result in closed["results"]} == {"ACCOUNT_UNAVAILABLE"}
    (invoked,) = closed["invocations"]
    assert invoked["executionSuccessful"] is False
    assert (invoked["startTimeUtc"], invoked["endTimeUtc"]) == ("2026-10-01T06:00:00Z", "2026-10-01T06:12:00Z")
    (notification,) = invoked["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert notification["properties"]["reason"] == "ACCOUNT_UNAVAILABLE"
    assert "sts:AssumeRole: account unavailable" in notification["message"]["text"]


def test_an_account_that_was_seen_whole_is_successful(tmp_path: Path) -> None:
    first, _ = of(tmp_path, *(Seen(name=f"a{control}", control=control) for control in range(3)))
    assert first["invocations"][0]["executionSuccessful"] is True
    assert first["invocations"][0]["toolExecutionNotifications"] == []


def test_what_of_the_organization_could_not_be_read_is_a_notification_of_every_account(
    small: Run, tmp_path: Path
) -> None:
    gap = Gap("100000000000", "global", "organizations:ListRoots", GapReason.DENIED, "no roots for you")
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), discovery_gaps=(gap,)))
    with viewed(small, few.REGISTER) as view:
        runs = written(view, tmp_path)
    for run in runs:
        (invoked,) = run["invocations"]
        assert invoked["executionSuccessful"] is False
        assert "no roots for you" in invoked["toolExecutionNotifications"][-1]["message"]["text"]


def test_what_the_settings_accept_as_not_audited_is_suppressed(small: Run, tmp_path: Path) -> None:
    account = account_id(3)
    found = [msgspec.structs.replace(each, accepted=True) for each in small.findings(account)]
    write_lines(small.findings_path(account), found)
    with viewed(small, few.REGISTER) as view:
        (run,) = [run for run in written(view, tmp_path) if run["properties"]["account"] == account]
    justified = {suppression["justification"] for r in run["results"] for suppression in r["suppressions"]}
    assert justified == {"The settings accept that this region is not audited."}
    assert {result["kind"] for result in run["results"]} == {"open"}


def test_a_shared_resource_is_named_and_counted_once(tmp_path: Path) -> None:
    first, second = of(tmp_path, Seen(name="a"), Seen(name="a", account=1, home=0))
    assert first["results"][0]["properties"]["counted"] is True
    repeated = second["results"][0]["properties"]
    assert (repeated["counted"], repeated["inherited_from"]) == (False, "700000000000")


def test_an_account_without_results_has_a_file_that_closes_what_was_open(tmp_path: Path) -> None:
    _, second = of(tmp_path, Seen(name="a"))
    assert second["results"] == []
    assert second["automationDetails"] == {"id": "orgaudit/700000000001/1/2026-q3"}


def test_an_account_with_more_than_github_shows_goes_on_in_further_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sarif, "RESULTS", 3)
    runs = of(tmp_path, *(Seen(name=f"n{each}", control=each % 3) for each in range(7)))
    first = [run for run in runs if run["properties"]["account"] == "700000000000"]
    assert [len(run["results"]) for run in first] == [3, 3, 1]
    assert [(run["properties"]["part"], run["properties"]["next_part"]) for run in first] == [
        (1, "report.sarif-700000000000-2.json"),
        (2, "report.sarif-700000000000-3.json"),
        (3, None),
    ]
    assert [run["automationDetails"]["id"] for run in first] == [
        f"orgaudit/700000000000/{part}/2026-q3" for part in (1, 2, 3)
    ]
    levels = [result["level"] for run in first for result in run["results"]]
    assert levels == ["error"] * 5 + ["note"] * 2, "the most severe come first"
    assert len({result["fingerprints"]["orgaudit/v1"] for result in results(first)}) == 7


def test_a_file_takes_no_more_bytes_than_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sarif, "BYTES", 2_000)
    runs = of(tmp_path, *(Seen(name=f"n{each}") for each in range(5)))
    assert [len(run["results"]) for run in runs] == [3, 2, 0]


def test_the_limits_are_those_of_github() -> None:
    assert sarif.RESULTS <= GITHUB_SHOWS
    assert sarif.BYTES + 1_000_000 <= GITHUB_TAKES


def test_a_part_that_is_needed_no_more_is_removed(small: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store(small, few.REGISTER)
    with monkeypatch.context() as patched:
        patched.setattr(sarif, "RESULTS", 1)
        many = render(small, ["sarif"])
    now = render(small, ["sarif"])
    assert len(now) == 4 < len(many)
    assert set(small.results.glob("report.sarif-*")) == set(now)


def test_each_file_names_the_run_and_the_account(small: Run, tmp_path: Path) -> None:
    with viewed(small, few.REGISTER) as view:
        run = next(run for run in written(view, tmp_path) if run["properties"]["account"] == account_id(1))
        said = run["properties"]
        assert said["run_json_sha256"] == view.manifest_sha256
    assert (said["run"], said["organization"], said["as_of"]) == ("2026-q3", "o-exampleorg", "2026-10-01")
    assert (said["account_name"], said["account_unit"]) == ("account 1", "Root/Workloads/Payments")
    assert said["completeness"].startswith("INCOMPLETE: ")
    assert run["tool"]["driver"]["version"] == "0.1.0"


def test_a_run_of_nothing_is_an_empty_file_an_account(tmp_path: Path) -> None:
    with viewed(build(tmp_path / "empty", accounts=1, regions=1, controls=0), few.decided()) as view:
        assert [run["results"] for run in written(view, tmp_path)] == [[]]


def test_the_format_owns_its_files() -> None:
    assert FORMATS["sarif"].owns("report.sarif-123456789012.json")
    assert FORMATS["sarif"].owns("report.sarif-123456789012-2.json")
