"""`orgaudit compare` as a person runs it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from orgaudit import cli
from orgaudit.errors import ConfigError
from orgaudit.model import GLOBAL, Status
from orgaudit.store.run import Run
from tests.compare import second_opinions as made
from tests.compare.second_opinions import EBS, ENCRYPTED, HTTP, ROOT, A, asff, ocsf, ours, written

CHECK = "rds_instance_storage_encrypted"
HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\x9b31m"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an agreement, three disagreements and findings of ours alone, one with a hostile name."""
    directory = tmp_path_factory.mktemp("reports")
    (directory / "orgaudit.toml").write_text("")
    made.run_of(
        directory / "q1",
        [
            ours(ENCRYPTED, made.database("a"), Status.PASS),
            ours(ENCRYPTED, made.database("b"), Status.FAIL, evidence={"engine": "mysql", "note": HOSTILE}),
            ours(ENCRYPTED, made.database(f"=x{HOSTILE}"), Status.FAIL, reason=HOSTILE),
            ours(HTTP, "arn:aws:s3:::logs", Status.FAIL),
            ours(EBS, made.ebs(), Status.FAIL),
            ours(ROOT, f"arn:aws:iam::{A}:root", Status.PASS, region=GLOBAL),
        ],
    )
    return directory


def ran(out: Path, *arguments: str) -> Result:
    options = ["--config", str(out / "orgaudit.toml"), "--out", str(out)]
    return CliRunner().invoke(cli.orgaudit, ["compare", *arguments, *options], standalone_mode=False)


def printed(out: Path, *arguments: str) -> str:
    done = ran(out, *arguments)
    if done.exception:
        raise done.exception
    assert not done.return_value
    return done.stdout


def prowler_file(out: Path) -> Path:
    names = ("a", "b", f"=x{HOSTILE}", "gone")
    several = [ocsf(CHECK, made.database(name)) for name in names]
    return written(out / "prowler.json", [*several, ocsf("s3_bucket_secure_transport_policy", "arn:aws:s3:::logs")])


SUMMARY = """\
5 findings of 1 account of theirs

disagree                                                                       3
  orgaudit FAIL · Prowler PASS                                                 3
they contradict themselves                                                     0
only Prowler has an answer                                                     1
  resource is not in our answer                                                1
only orgaudit has an answer                                                    2
  their check is not in the export                                             2
decided by neither                                                             0
agree                                                                          1
  orgaudit PASS · Prowler PASS                                                 1

Agreements by control                                             PASS      FAIL
rds_instance_storage_encrypted                                       1         0

Disagreements
"""

ONE = """
s3_bucket_http_denied
  111122223333 eu-central-1 arn:aws:s3:::logs
  orgaudit FAIL: we say fail
    evidence: {"seen":"FAIL"}
  Prowler PASS on 2026-09-30: s3_bucket_secure_transport_policy PASS:
    s3_bucket_secure_transport_policy is PASS.
    known difference: Prowler does not read the principal and the resource of
      the statement that denies.
"""


def test_the_text_fits_80_columns_and_has_both_reasons_and_our_evidence(out: Path) -> None:
    text = printed(out, "q1", "--prowler", str(prowler_file(out)))
    first, _, rest = text.partition("\n")
    assert first == f"Run q1 beside Prowler: {out}/prowler.json"
    assert rest.startswith(SUMMARY)
    assert ONE in rest
    assert max(map(len, rest.splitlines())) <= 80


def test_hostile_names_reach_no_terminal(out: Path) -> None:
    for form in ([], ["--csv"], ["--json"]):
        text = printed(out, "q1", "--prowler", str(prowler_file(out)), *form)
        assert "\x1b" not in text
        if form != ["--json"]:
            assert not {"\x07", "\x9b", "\u202e"} & set(text)
        assert "gnp.exe" in text


def test_csv_and_json_have_every_row(out: Path) -> None:
    file = str(prowler_file(out))
    document = json.loads(printed(out, "q1", "--prowler", file, "--json"))
    table = list(csv.DictReader(io.StringIO(printed(out, "q1", "--prowler", file, "--csv"))))
    assert len(document["rows"]) == len(table) == sum(it["count"] for it in document["counts"]) == 7
    assert [row["outcome"] for row in document["rows"]] == [row["outcome"] for row in table]
    assert (document["tool"], document["findings"], document["left_out"]) == ("Prowler", 5, {})
    assert document["agreements"] == [{"controls": [ENCRYPTED], "passed": 1, "failed": 0}]
    (row,) = (row for row in document["rows"] if row["resource"] == made.database("b"))
    assert row["evidence"] == {"engine": "mysql", "note": HOSTILE}
    assert (row["ours"], row["theirs"], row["controls"], row["checks"]) == ("FAIL", "PASS", [ENCRYPTED], [CHECK])


def test_no_cell_is_a_formula(out: Path) -> None:
    file = written(out / "formula.json", [asff("=1+1", made.database("=2+2"), Title="@x"), asff("RDS.3", A)])
    table = csv.reader(io.StringIO(printed(out, "q1", "--securityhub", str(file), "--csv")))
    assert not [cell for row in table for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_security_hub_beside_the_frameworks_that_come_with_orgaudit(out: Path) -> None:
    root = asff("", f"AWS::::Account:{A}", "FAILED", generator="cis-aws-foundations-benchmark/v/1.4.0/1.5", old=True)
    text = printed(out, "q1", "--securityhub", str(written(out / "hub.json", {"Findings": [root]})))
    assert "orgaudit PASS · Security Hub FAIL" in text
    assert "  Security Hub FAIL on 2026-09-30: cis_1.4:1.5 FAILED: title of" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name one export"),
        (["--securityhub", "a", "--prowler", "b"], "Name one export"),
        (["--prowler", "a", "--json", "--csv"], "exclude each other"),
    ],
)
def test_wrong_usage(out: Path, arguments: list[str], said: str) -> None:
    done = ran(out, "q1", *arguments)
    assert isinstance(done.exception, click.UsageError)
    assert said in str(done.exception)


def test_an_error_prints_nothing_and_leaves_nothing(out: Path) -> None:
    done = ran(out, "q1", "--securityhub", str(prowler_file(out)))
    assert isinstance(done.exception, ConfigError)
    assert "name it with --prowler" in str(done.exception)
    assert done.stdout == ""
    assert not [path for path in (out / "q1").iterdir() if path.name.startswith(".")]


def test_a_run_without_tables_is_refused(out: Path) -> None:
    run = made.run_of(out / "bare", [])
    (Run(run.path).path / "findings.parquet").unlink()
    done = ran(out, "bare", "--prowler", str(prowler_file(out)))
    assert "the run has no tables yet" in str(done.exception)
