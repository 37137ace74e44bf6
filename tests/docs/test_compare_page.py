"""The example of the page about second opinions prints what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.compare.checks import table
from orgaudit.model import Status
from tests.compare import second_opinions as made
from tests.compare.second_opinions import HOME, A, asff, ours, written

PAGE = Path(__file__).parents[2] / "docs" / "compare.md"
KEY = f"arn:aws:kms:{HOME}:{A}:key/1a2b"
BUCKET = "arn:aws:s3:::invoices"


def related(requirement: str) -> dict[str, list[str]]:
    return {"RelatedRequirements": [f"CIS AWS Foundations Benchmark v3.0.0/{requirement}"]}


def test_the_example_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(made, "RAN", ("kms_key_rotation_enabled", "s3_bucket_mfa_delete_enabled", made.NO_CHECK))
    rotation = {"rotation_days": 180}
    reason = "the key rotates every 180 days"
    findings = [
        ours("kms_key_rotation_enabled", KEY, Status.PASS, reason=reason, evidence=rotation),
        ours("s3_bucket_mfa_delete_enabled", BUCKET, Status.FAIL),
        ours(made.NO_CHECK, f"arn:aws:glacier:{HOME}:{A}:vaults/old", Status.FAIL),
    ]
    made.run_of(tmp_path / "reports" / "q1", findings)
    title = "keys should be rotated"
    suppressed = {"Status": "SUPPRESSED"}
    theirs = [
        asff("KMS.4", KEY, "FAILED", Title=title, Compliance=related("3.6")),
        asff("S3.20", BUCKET, "FAILED", Compliance=related("2.1.2"), Workflow=suppressed),
        asff("S3.20", BUCKET, "FAILED", Compliance=related("2.1.2"), region="us-east-1"),
        asff("S3.20", "arn:aws:s3:::gone", "FAILED", Compliance=related("2.1.2")),
        asff("Unknown.1", BUCKET),
        asff("KMS.4", KEY, Compliance=related("3.6"), RecordState="ARCHIVED"),
    ]
    written(tmp_path / "findings.json", {"Findings": theirs})
    [(command, output)] = re.findall(r"```text\n\$ ([^\n]+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    done = CliRunner().invoke(cli.orgaudit, shlex.split(command)[1:], standalone_mode=False)
    assert done.exception is None
    assert done.stdout == output


def test_the_files_that_the_page_names_are_there() -> None:
    assert (PAGE.parents[1] / "orgaudit/compare/prowler_checks.csv").is_file()
    assert len(list(table("prowler_checks.csv"))) > 200
