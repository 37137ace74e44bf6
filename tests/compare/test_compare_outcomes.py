"""What becomes of a finding of another tool beside ours, case by case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from orgaudit.compare.checks import equivalents, known_differences
from orgaudit.compare.records import Outcome, Row, Tool, Why
from orgaudit.compare.stage import Opinions, beside
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.model import GLOBAL, Finding, Status
from tests.compare import second_opinions as made
from tests.compare.second_opinions import EBS, ENCRYPTED, HOME, OTHER, PRIVATE, ROOT, TRAIL, A, B, asff, ocsf, ours

PASS, FAIL, UNSEEN, NONE = Status.PASS, Status.FAIL, Status.NOT_ASSESSED, Status.NOT_APPLICABLE
ACCOUNT = f"AWS::::Account:{A}"
ROOT_USER = f"arn:aws:iam::{A}:root"


def opened(
    tmp_path: Path, findings: Sequence[Finding], theirs: Sequence[dict[str, Any]]
) -> AbstractContextManager[Opinions]:
    tool = Tool.PROWLER if theirs and "metadata" in theirs[0] else Tool.SECURITY_HUB
    run = made.run_of(tmp_path / "run", findings)
    file = made.written(tmp_path / "export.json", theirs)
    return beside(run, tool, file, equivalents(tool, made.FRAMEWORKS, {}, catalogue()))


def rows(tmp_path: Path, findings: Sequence[Finding], theirs: Sequence[dict[str, Any]]) -> list[Row]:
    with opened(tmp_path, findings, theirs) as opinions:
        return list(opinions.rows())


def only(tmp_path: Path, finding: Finding, *theirs: dict[str, Any]) -> Row:
    (row,) = rows(tmp_path, [finding], theirs)
    return row


DATABASE = made.database("orders")


@pytest.mark.parametrize(
    ("our_status", "said", "outcome", "why"),
    [
        (PASS, "PASSED", Outcome.AGREEMENT, None),
        (FAIL, "FAILED", Outcome.AGREEMENT, None),
        (PASS, "FAILED", Outcome.DISAGREEMENT, None),
        (FAIL, "PASSED", Outcome.DISAGREEMENT, None),
        (NONE, "FAILED", Outcome.DISAGREEMENT, None),
        (NONE, "PASSED", Outcome.DISAGREEMENT, None),
        (UNSEEN, "PASSED", Outcome.THEIRS_ONLY, Why.NOT_ASSESSED),
        (UNSEEN, "FAILED", Outcome.THEIRS_ONLY, Why.NOT_ASSESSED),
        (Status.MANUAL, "PASSED", Outcome.THEIRS_ONLY, Why.MANUAL),
        (PASS, "WARNING", Outcome.OURS_ONLY, Why.UNDECIDED),
        (FAIL, "NOT_AVAILABLE", Outcome.OURS_ONLY, Why.UNDECIDED),
        (NONE, "NOT_AVAILABLE", Outcome.UNDECIDED, None),
        (UNSEEN, "WARNING", Outcome.UNDECIDED, None),
    ],
)
def test_two_answers_about_one_resource(
    tmp_path: Path, our_status: Status, said: str, outcome: Outcome, why: Why | None
) -> None:
    row = only(tmp_path, ours(ENCRYPTED, DATABASE, our_status), asff("RDS.3", DATABASE, said))
    assert (row.outcome, row.why, row.controls, row.checks) == (outcome, why, (ENCRYPTED,), ("RDS.3",))
    assert (row.account_id, row.region, row.resource, row.ours) == (A, HOME, DATABASE, our_status)
    assert said in row.their_reason


def test_a_disagreement_has_both_reasons_and_our_evidence(tmp_path: Path) -> None:
    finding = ours(ENCRYPTED, DATABASE, PASS, reason="the storage is encrypted", evidence={"engine": "mysql"})
    reasons = {"StatusReasons": [{"ReasonCode": "X", "Description": "Not so."}]}
    row = only(tmp_path, finding, asff("RDS.3", DATABASE, "FAILED", Compliance=reasons))
    assert row.our_reason == "the storage is encrypted"
    assert bytes(row.evidence) == b'{"engine":"mysql"}'
    assert row.their_reason == "RDS.3 FAILED: title of RDS.3: Not so."
    assert row.their_date == "2026-09-30"


@pytest.mark.parametrize(
    ("finding", "theirs", "why"),
    [
        (None, asff("RDS.3", DATABASE, account=made.STRANGER), Why.ACCOUNT),
        (None, asff("ACM.1", DATABASE), Why.NO_CONTROL),
        (None, asff("Nowhere.9", DATABASE), Why.NO_CONTROL),
        (None, asff("KMS.4", "arn:aws:kms:eu-central-1:111122223333:key/1"), Why.NOT_RUN),
        (None, asff("RDS.3", made.database("x", region=made.UNSEEN), region=made.UNSEEN), Why.REGION),
        (ours(ENCRYPTED, f"{A}:{HOME}", UNSEEN), asff("RDS.3", DATABASE), Why.NOT_ASSESSED),
        (ours(ENCRYPTED, A, UNSEEN, region=GLOBAL), asff("RDS.3", DATABASE), Why.NOT_ASSESSED),
        (ours(ENCRYPTED, made.database("another"), PASS), asff("RDS.3", DATABASE), Why.RESOURCE),
        (ours(ENCRYPTED, made.database("another"), PASS), asff("RDS.3", ACCOUNT), Why.OTHER_UNIT),
        (
            ours(EBS, made.ebs(), PASS),
            asff("EC2.7", "arn:aws:ec2:eu-central-1:111122223333:volume/vol-1"),
            Why.OTHER_UNIT,
        ),
    ],
)
def test_what_only_they_saw_says_why(tmp_path: Path, finding: Finding | None, theirs: dict[str, Any], why: Why) -> None:
    anchor = asff("RDS.3", made.database("anchor", B), account=B)
    found = rows(tmp_path, [finding] if finding else [], [theirs, anchor])
    alone = [row for row in found if row.outcome is Outcome.THEIRS_ONLY and row.account_id != B]
    assert [(row.why, row.theirs) for row in alone] == [(why, "PASS")]
    assert not [row for row in found if row.outcome is Outcome.AGREEMENT]


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (ours(made.NO_CHECK, "arn:aws:glacier:eu-central-1:111122223333:vaults/x", FAIL), Why.NO_CHECK),
        (ours(ENCRYPTED, made.database("x", B), FAIL, account=B), Why.ACCOUNT_ABSENT),
        (ours(EBS, made.ebs(), FAIL), Why.CHECK_ABSENT),
        (ours(ENCRYPTED, made.database("x", region=OTHER), FAIL, region=OTHER), Why.REGION_ABSENT),
        (ours(ENCRYPTED, made.database("x"), FAIL), Why.RESOURCE_ABSENT),
    ],
)
def test_what_only_we_saw_says_why(tmp_path: Path, finding: Finding, why: Why) -> None:
    found = rows(tmp_path, [finding, ours(ENCRYPTED, DATABASE, PASS)], [asff("RDS.3", DATABASE)])
    alone = [row for row in found if row.outcome is Outcome.OURS_ONLY]
    assert [(row.why, row.resource, row.our_reason) for row in alone] == [(why, finding.resource, "we say fail")]


def test_one_resource_on_each_side_is_not_guessed_to_be_the_same(tmp_path: Path) -> None:
    found = rows(tmp_path, [ours(ENCRYPTED, made.database("a"), PASS)], [asff("RDS.3", made.database("b"))])
    assert {row.outcome for row in found} == {Outcome.THEIRS_ONLY, Outcome.OURS_ONLY}


@pytest.mark.parametrize("account", [ACCOUNT, A, ROOT_USER, "arn:aws:ec2:eu-central-1:111122223333:volume"])
def test_findings_about_a_region_of_an_account(tmp_path: Path, account: str) -> None:
    own = [ours(EBS, made.ebs(region=it), FAIL, region=it) for it in (HOME, OTHER)]
    found = rows(tmp_path, own, [asff("EC2.7", account, "FAILED"), asff("RDS.3", ACCOUNT, region=OTHER)])
    agreed = [row for row in found if row.outcome is Outcome.AGREEMENT]
    assert [row.resource for row in agreed] == [made.ebs()]


def test_what_exists_once_in_an_account_is_met_from_every_region_and_counts_once(tmp_path: Path) -> None:
    own = ours(TRAIL, A, PASS, region=GLOBAL)
    row = only(tmp_path, own, *(asff("CloudTrail.1", ACCOUNT, region=it) for it in (HOME, OTHER, made.UNSEEN)))
    assert row.outcome is Outcome.AGREEMENT


def test_several_standards_about_one_resource_count_once(tmp_path: Path) -> None:
    own = ours(EBS, made.ebs(), PASS)
    fsbp = asff("EC2.7", ACCOUNT, generator="aws-foundational-security-best-practices/v/1.0.0/EC2.7", old=True)
    nist = asff("EC2.7", ACCOUNT, generator="nist-800-53/v/5.0.0/EC2.7", old=True)
    row = only(tmp_path, own, fsbp, nist)
    assert (row.outcome, row.checks) == (Outcome.AGREEMENT, ("EC2.7",))


@pytest.mark.parametrize("our_status", [PASS, FAIL])
def test_standards_that_contradict_each_other_are_said_to(tmp_path: Path, our_status: Status) -> None:
    fsbp = asff("EC2.7", ACCOUNT, generator="aws-foundational-security-best-practices/v/1.0.0/EC2.7", old=True)
    nist = asff("EC2.7", ACCOUNT, "FAILED", generator="nist-800-53/v/5.0.0/EC2.7", old=True)
    row = only(tmp_path, ours(EBS, made.ebs(), our_status), fsbp, nist)
    assert (row.outcome, row.theirs) == (Outcome.CONTRADICTION, "CONTRADICTION")
    assert row.their_reason == "EC2.7 FAILED: title of EC2.7; EC2.7 PASSED: title of EC2.7"


def test_two_controls_of_theirs_that_ask_for_parts_of_ours(tmp_path: Path) -> None:
    bucket = "arn:aws:s3:::logs"
    reads, writes = asff("S3.2", bucket), asff("S3.3", bucket, "FAILED")
    row = only(tmp_path, ours(PRIVATE, bucket, FAIL), reads, writes)
    assert (row.outcome, row.checks) == (Outcome.AGREEMENT, ("S3.2", "S3.3"))
    whole = only(tmp_path / "both", ours(PRIVATE, bucket, PASS), reads, asff("S3.3", bucket))
    assert whole.outcome is Outcome.AGREEMENT
    part = only(tmp_path / "part", ours(PRIVATE, bucket, PASS), reads)
    assert (part.outcome, part.why) == (Outcome.OURS_ONLY, Why.PART)


@pytest.mark.parametrize(("tls", "said"), [(FAIL, "FAILED"), (PASS, "PASSED")])
def test_two_controls_of_ours_that_answer_one_of_theirs_together(tmp_path: Path, tls: Status, said: str) -> None:
    bucket = "arn:aws:s3:::logs"
    own = [ours(made.TLS, bucket, tls, reason="about TLS"), ours(made.HTTP, bucket, PASS, reason="about HTTP")]
    (row,) = rows(tmp_path, own, [asff("S3.99", bucket, said)])
    assert (row.outcome, row.ours, row.controls) == (Outcome.AGREEMENT, tls, (made.HTTP, made.TLS))
    deciding = {f"{made.TLS}: about TLS"} | ({f"{made.HTTP}: about HTTP"} if tls is PASS else set())
    assert set(row.our_reason.split("; ")) == deciding
    assert json.loads(bytes(row.evidence)).keys() == {each.partition(":")[0] for each in deciding}


def test_a_resource_that_two_accounts_see_is_compared_in_each(tmp_path: Path) -> None:
    shared = made.database("shared")
    found = rows(tmp_path, [ours(ENCRYPTED, shared, PASS)], [asff("RDS.3", shared, "FAILED", account=B)])
    assert {(row.outcome, row.account_id) for row in found} == {(Outcome.THEIRS_ONLY, B), (Outcome.OURS_ONLY, A)}


def test_what_they_suppress_is_their_exception(tmp_path: Path) -> None:
    finding = ours(ENCRYPTED, DATABASE, FAIL, exception="EXC-2026-0001")
    other = ours(ENCRYPTED, made.database("b"), FAIL)
    third = ours(ENCRYPTED, made.database("c"), FAIL, exception="EXC-2026-0001")
    theirs = [
        asff("RDS.3", DATABASE, "FAILED", Workflow={"Status": "SUPPRESSED"}),
        asff("RDS.3", made.database("b"), "FAILED", Workflow={"Status": "SUPPRESSED"}),
        asff("RDS.3", made.database("c"), "FAILED"),
    ]
    with opened(tmp_path, [finding, other, third], theirs) as opinions:
        counted = opinions.exceptions()
        (first,) = (row for row in opinions.rows() if row.resource == DATABASE)
    assert (counted.both, counted.ours_only, counted.theirs_only) == (1, 1, 1)
    assert (first.outcome, first.our_exception, first.their_exception) == (Outcome.AGREEMENT, "EXC-2026-0001", True)


def test_archived_findings_and_those_of_other_products_are_counted_and_left_out(tmp_path: Path) -> None:
    other = asff(
        "RDS.3", DATABASE, "FAILED", ProductArn="arn:aws:securityhub:x::product/aws/guardduty", ProductFields={}
    )
    without = asff("RDS.3", DATABASE, "FAILED")
    del without["Compliance"]
    theirs = [asff("RDS.3", DATABASE), asff("RDS.3", DATABASE, "FAILED", RecordState="ARCHIVED"), other, without]
    with opened(tmp_path, [ours(ENCRYPTED, DATABASE, PASS)], theirs) as opinions:
        assert [row.outcome for row in opinions.rows()] == [Outcome.AGREEMENT]
        assert opinions.export.read == 1
        assert {str(why): count for why, count in opinions.export.left.items()} == {
            "archived": 1,
            "of another product or provider": 2,
        }


@pytest.mark.parametrize(
    ("names", "control"),
    [
        (
            {"generator": "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/1.13", "old": True},
            "",
        ),
        ({"generator": "cis-aws-foundations-benchmark/v/1.4.0/1.5", "old": True}, ""),
        (
            {
                "Compliance": {
                    "RelatedRequirements": ["NIST.800-53.r5 AC-2", "CIS AWS Foundations Benchmark v1.4.0/1.5"]
                }
            },
            "IAM.9",
        ),
        ({"generator": "cis-aws-foundations-benchmark/v/1.2.0/1.13"}, "IAM.9"),
    ],
)
def test_requirements_of_cis_find_our_control(tmp_path: Path, names: dict[str, Any], control: str) -> None:
    row = only(tmp_path, ours(ROOT, ROOT_USER, FAIL, region=GLOBAL), asff(control, ACCOUNT, **names))
    assert (row.outcome, row.controls) == (Outcome.DISAGREEMENT, (ROOT,))
    assert row.checks[0] == (
        control or f"cis_{names['generator'].partition('/v/')[2][:3]}:{names['generator'].rpartition('/')[2]}"
    )


def test_prowler_fails_and_mutes(tmp_path: Path) -> None:
    own = [ours(ENCRYPTED, DATABASE, FAIL), ours(ENCRYPTED, made.database("b"), PASS)]
    theirs = [
        ocsf("rds_instance_storage_encrypted", DATABASE, "FAIL", muted=True),
        ocsf("rds_instance_storage_encrypted", made.database("b"), "MANUAL"),
    ]
    agreed, manual = sorted(rows(tmp_path, own, theirs), key=lambda row: row.resource, reverse=True)
    assert (agreed.outcome, agreed.their_exception) == (Outcome.AGREEMENT, True)
    assert (manual.outcome, manual.why) == (Outcome.OURS_ONLY, Why.UNDECIDED)


def test_prowler_has_a_finding_for_each_key_of_a_user(tmp_path: Path) -> None:
    user, check = f"arn:aws:iam::{A}:user/ann", "iam_rotate_access_key_90_days"
    row = only(tmp_path, ours(made.KEYS, user, FAIL, region=GLOBAL), ocsf(check, user), ocsf(check, user, "FAIL"))
    assert (row.outcome, row.theirs) == (Outcome.AGREEMENT, "FAIL")


def test_a_check_of_a_part_decides_by_its_failure_alone(tmp_path: Path) -> None:
    bucket = "arn:aws:s3:::logs"
    own = [ours(made.TLS, bucket, FAIL), ours(made.HTTP, bucket, PASS)]
    check = "s3_bucket_secure_transport_policy"
    passing = {row.controls: row for row in rows(tmp_path / "a", own, [ocsf(check, bucket)])}
    assert passing[made.HTTP,].outcome is Outcome.AGREEMENT
    assert passing[made.TLS,].why is Why.PART
    failing = {row.controls: row for row in rows(tmp_path / "b", own, [ocsf(check, bucket, "FAIL")])}
    assert failing[made.HTTP,].outcome is Outcome.DISAGREEMENT
    assert failing[made.TLS,].outcome is Outcome.AGREEMENT
    assert failing[made.HTTP,].known == known_differences(Tool.PROWLER)[made.HTTP]


def test_counts_add_up(tmp_path: Path) -> None:
    own = [ours(ENCRYPTED, made.database(name), status) for name, status in (("a", PASS), ("b", FAIL), ("c", FAIL))]
    theirs = [asff("RDS.3", made.database(name), "FAILED") for name in ("a", "b", "d")]
    with opened(tmp_path, own, theirs) as opinions:
        counts, found = opinions.counts(), list(opinions.rows())
        assert [(it.controls, it.passed, it.failed) for it in opinions.agreed()] == [((ENCRYPTED,), 0, 1)]
    assert sum(it.count for it in counts) == len(found)
    assert {it.outcome: it.count for it in counts} == {
        Outcome.DISAGREEMENT: 1,
        Outcome.THEIRS_ONLY: 1,
        Outcome.OURS_ONLY: 1,
        Outcome.AGREEMENT: 1,
    }


def test_an_export_of_other_accounts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"shares no account with run run: it is about {made.STRANGER}"):
        rows(tmp_path, [ours(ENCRYPTED, DATABASE, PASS)], [asff("RDS.3", DATABASE, account=made.STRANGER)])


@pytest.mark.parametrize("theirs", [[], [asff("RDS.3", DATABASE, RecordState="ARCHIVED")]])
def test_an_export_without_findings_is_an_error(tmp_path: Path, theirs: list[dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match="holds no finding of Security Hub that is in force"):
        rows(tmp_path, [ours(ENCRYPTED, DATABASE, PASS)], theirs)
