"""Which resource an identifier names, and the join against a judge of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orgaudit.compare.checks import equivalents
from orgaudit.compare.places import WHOLES, place_of
from orgaudit.compare.records import Outcome, Tool
from orgaudit.compare.stage import beside
from orgaudit.model import GLOBAL, Status
from tests.compare import second_opinions as made
from tests.compare.second_opinions import EBS, ENCRYPTED, HOME, OTHER, TRAIL, A, B, asff, ours

FACTS = Path(__file__).parents[2] / "orgaudit" / "facts"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"arn:aws:rds:{HOME}:{A}:db:x", f"arn:aws-us-gov:rds:{HOME}:{A}:db:x"),
        ("arn:aws-cn:s3:::logs", f"arn:aws:s3:{HOME}:{A}:logs"),
        (f"arn:aws:iam::{A}:user/team/ann", f"ARN:aws:IAM::{A}:User/team/ann"),
        (f"arn:aws:ec2:{HOME}:{A}:security-group/sg-0a1b2c3d", "sg-0a1b2c3d"),
        (f"arn:aws:ec2:{HOME}:{A}:instance/i-0123456789abcdef0", " I-0123456789ABCDEF0 "),
        (f"arn:aws:logs:{HOME}:{A}:log-group:trail", f"arn:aws:logs:{HOME}:{A}:log-group:trail:*"),
        (f"arn:aws:lambda:{HOME}:{A}:function:x", f"arn:aws:lambda:{HOME}:{A}:function:x:$LATEST"),
    ],
)
def test_the_same_resource_in_other_words(one: str, other: str) -> None:
    assert place_of(one, A, HOME).key == place_of(other, A, HOME).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"arn:aws:sqs:{HOME}:{A}:Jobs", f"arn:aws:sqs:{HOME}:{A}:jobs"),
        (f"arn:aws:rds:{HOME}:{A}:db:x", f"arn:aws:rds:{OTHER}:{A}:db:x"),
        (f"arn:aws:rds:{HOME}:{A}:db:x", f"arn:aws:rds:{HOME}:{B}:db:x"),
        (f"arn:aws:rds:{HOME}:{A}:db:x", f"arn:aws:rds:{HOME}:{A}:cluster:x"),
        ("arn:aws:s3:::logs", "arn:aws:s3:::logs/a"),
        ("logs", "arn:aws:s3:::logs"),
    ],
)
def test_another_resource(one: str, other: str) -> None:
    assert place_of(one, A, HOME).key != place_of(other, A, HOME).key


def test_a_bucket_by_its_name_needs_its_type() -> None:
    assert place_of("logs", A, HOME, "AwsS3Bucket").key == place_of("arn:aws:s3:::logs", A, HOME).key


@pytest.mark.parametrize(
    ("identifier", "region"),
    [
        (f"AWS::::Account:{A}", HOME),
        (A, HOME),
        (f"{A}:{HOME}", HOME),
        (f"arn:aws:iam::{A}:root", HOME),
        (f"arn:aws:iam:{OTHER}:{A}:password-policy", OTHER),
        (f"arn:aws:config:{OTHER}:{A}:recorder", OTHER),
        (f"arn:aws:guardduty:{OTHER}:{A}:detector/12abc", OTHER),
        (f"arn:aws:access-analyzer:{OTHER}:{A}:analyzer/unknown", OTHER),
        (f"arn:aws:macie:{OTHER}:{A}", OTHER),
        (f"arn:aws:s3:{OTHER}:{A}:account", OTHER),
        (f"arn:aws:ec2:{OTHER}:{A}:volume", OTHER),
    ],
)
def test_what_stands_for_an_account_or_a_region(identifier: str, region: str) -> None:
    found = place_of(identifier, A, HOME)
    assert (found.is_whole, found.region) == (True, region)


@pytest.mark.parametrize(
    "identifier",
    [
        f"AWS::::Account:{B}",
        B,
        f"arn:aws:iam::{B}:root",
        f"arn:aws:sqs:{HOME}:{A}:jobs",
        f"arn:aws:rds:{HOME}:{A}:db:x",
        f"arn:aws:access-analyzer:{HOME}:{A}:analyzer/x",
        "arn:aws:s3:::account",
        "arn:aws",
        "",
        "whatever",
    ],
)
def test_what_does_not_stand_for_an_account(identifier: str) -> None:
    assert not place_of(identifier, A, HOME).is_whole


def only_ones() -> Iterator[tuple[str, str]]:
    """Service and end of each ARN that our facts make with nothing but account and region in it."""
    for path in FACTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
                    for part in node.values
                    if isinstance(part, ast.Constant | ast.FormattedValue)
                )
                arn = re.fullmatch(
                    r"arn:\{aws\.partition\}:([\w-]+):(?:\{aws\.region\})?:\{aws\.account_id\}:(.*)", text
                )
                if arn and not re.search(r"\{(?![A-Z_]+\})", arn[2]):
                    yield arn[1], arn[2]


def test_everything_that_our_facts_name_once_is_known_as_such() -> None:
    found = [(service, end) for service, end in only_ones() if "{" not in end]
    assert len(found) >= 9
    assert not set(found) - WHOLES
    for service, end in WHOLES:
        assert place_of(f"arn:aws:{service}::{A}:{end}", A, HOME).is_whole


DATABASES = st.builds(made.database, st.sampled_from("abc"), st.sampled_from([A, B]), st.sampled_from([HOME, OTHER]))
OUR_STATUSES = st.sampled_from([Status.PASS, Status.FAIL, Status.NOT_APPLICABLE, Status.MANUAL])
STATUSES = st.sampled_from(["PASSED", "FAILED", "WARNING"])
REGIONS = st.sampled_from([HOME, OTHER])
ACCOUNTS = st.sampled_from([A, B])
OURS = st.one_of(
    st.tuples(st.just(ENCRYPTED), DATABASES, OUR_STATUSES),
    st.tuples(st.just(EBS), st.builds(made.ebs, ACCOUNTS, REGIONS), OUR_STATUSES),
    st.tuples(st.just(TRAIL), ACCOUNTS, OUR_STATUSES),
)
THEIRS = st.one_of(
    st.tuples(st.just("RDS.3"), DATABASES, STATUSES, REGIONS),
    st.tuples(st.sampled_from(["EC2.7", "CloudTrail.1"]), ACCOUNTS, STATUSES, REGIONS),
)
CONTROL_OF = {"RDS.3": ENCRYPTED, "EC2.7": EBS, "CloudTrail.1": TRAIL}
DECIDED = {"PASSED": "PASS", "FAILED": "FAIL"}


def account_of(resource: str) -> str:
    return resource if ":" not in resource else resource.split(":")[4]


def judged(
    own: dict[tuple[str, str], Status], theirs: list[tuple[str, str, str, str]]
) -> dict[tuple[str, str], Outcome]:
    """What becomes of each finding of ours that any of theirs is about, decided one by one."""
    found = {}
    for (control, resource), status in own.items():
        said = {
            word
            for check, subject, word, region in theirs
            if CONTROL_OF[check] == control
            and (subject == resource or (control == EBS and resource == made.ebs(subject, region)))
        }
        if said:
            found[control, resource] = outcome_of(status, {DECIDED[word] for word in said if word in DECIDED})
    return found


def outcome_of(status: Status, decided: set[str]) -> Outcome:
    if len(decided) > 1:
        return Outcome.CONTRADICTION
    if status is Status.MANUAL:
        return Outcome.THEIRS_ONLY if decided else Outcome.UNDECIDED
    if not decided:
        return Outcome.UNDECIDED if status is Status.NOT_APPLICABLE else Outcome.OURS_ONLY
    return Outcome.AGREEMENT if decided == {status.value} else Outcome.DISAGREEMENT


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    own=st.dictionaries(OURS.map(lambda it: it[:2]), OUR_STATUSES, max_size=8),
    theirs=st.lists(THEIRS, min_size=1, max_size=10),
)
def test_the_join_says_what_a_judge_says_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    own: dict[tuple[str, str], Status],
    theirs: list[tuple[str, str, str, str]],
) -> None:
    directory = tmp_path_factory.mktemp("judged")
    findings = []
    for (control, resource), status in own.items():
        region = GLOBAL if control == TRAIL else resource.split(":")[3]
        findings.append(ours(control, resource, status, account=account_of(resource), region=region))
    exported = [
        asff(check, subject, word, account=account_of(subject), region=region)
        for check, subject, word, region in theirs
    ]
    run, file = made.run_of(directory / "run", findings), made.written(directory / "e.json", exported)
    with beside(run, Tool.SECURITY_HUB, file, equivalents(Tool.SECURITY_HUB, made.FRAMEWORKS, {}, [])) as opinions:
        rows = list(opinions.rows())
    expected = judged(own, theirs)
    both = {(row.controls[0], row.resource): row.outcome for row in rows if row.ours and row.theirs}
    assert both == expected
    alone = {(row.controls[0], row.resource) for row in rows if not row.theirs}
    assert alone == {key for key, status in own.items() if key not in expected and status in {Status.PASS, Status.FAIL}}
    met = {(check, subject, region) for check, subject, _, region in theirs if is_met(own, check, subject, region)}
    unmet = [row for row in rows if not row.ours]
    assert {(row.checks[0], row.account_id) for row in unmet} == {
        (check, account_of(subject)) for check, subject, _, region in theirs if (check, subject, region) not in met
    }


def is_met(own: dict[tuple[str, str], Status], check: str, subject: str, region: str) -> bool:
    resource = made.ebs(subject, region) if check == "EC2.7" else subject
    return (CONTROL_OF[check], resource) in own
