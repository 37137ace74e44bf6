"""What the controls on trails' files, their buckets and object events say, case by case."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.cloudtrail.buckets import cloudtrail_bucket_access_logging_enabled as access_logged
from orgaudit.controls.cloudtrail.buckets import cloudtrail_bucket_private as private
from orgaudit.controls.cloudtrail.buckets import cloudtrail_s3_read_data_events_logged as reads_logged
from orgaudit.controls.cloudtrail.buckets import cloudtrail_s3_write_data_events_logged as writes_logged
from orgaudit.controls.cloudtrail.trails import cloudtrail_trail_kms_encrypted as encrypted
from orgaudit.controls.cloudtrail.trails import cloudtrail_trail_log_validation_enabled as validated
from orgaudit.controls.declare import Control
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors
from orgaudit.facts.s3.buckets import BucketAcl, BucketLogging
from orgaudit.facts.shard import DetailGap, ListingResult
from orgaudit.languages.event_selector import BasicSelector
from orgaudit.model import GLOBAL, Status
from tests.factories import (
    MANAGEMENT,
    MANAGEMENT_FIELD,
    MEMBER,
    OUTSIDER,
    SECURITY,
    Case,
    a_selection,
    a_status,
    a_trail,
    advanced,
    denied,
    every,
    facts_of,
    failing,
    field,
    gap_in,
    idle,
    name_of,
    organization_of,
    passing,
    unseen,
)
from tests.factories_kms import a_key, described
from tests.factories_s3 import (
    ANY_ACCOUNT,
    EVERYONE,
    a_bucket,
    acl_of,
    allow,
    block_of_account,
    block_of_bucket,
    deny,
    hidden,
    owner_of,
    policy_of,
)

TRAIL = a_trail(bucket="data")
ARCHIVE = a_bucket(account_id=SECURITY)


def kept_in(owner: AccountFacts | None) -> tuple[Trail, Organization]:
    """A member's trail, in an organization in which this account was seen."""
    return TRAIL, organization_of(*[owner] if owner else [])


def archive(*lines: Any, **more: Any) -> tuple[Trail, Organization]:
    """The trail's bucket in the account of the logs."""
    return kept_in(owner_of(ARCHIVE, *lines, **more))


# The trail itself

KEY = a_key("trails", account_id=SECURITY)
SEALED = a_trail(key_id=KEY.arn)


def with_key(*lines: Any) -> tuple[Trail, Organization]:
    return SEALED, organization_of(facts_of(SECURITY, *lines))


ENCRYPTED = (
    passing("a key of the organization", *with_key(KEY, described(KEY)), says="in state Enabled"),
    passing("a disabled key is told", *with_key(KEY, described(KEY, state="Disabled")), says="Disabled"),
    passing("a stranger's key", *with_key(), says="encrypted with arn:aws:kms"),
    passing("key denied", *with_key(KEY, DetailGap("KeyDescription", KEY.arn, denied())), says="key/trails"),
    failing("none", a_trail(), organization_of(), says="bucket's default encryption only"),
)
VALIDATED = (
    passing("on", a_trail(validated=True)),
    failing("off", a_trail(), says="log file validation is not enabled"),
)

# Its bucket

LOGGED, SILENT = BucketLogging(arn=ARCHIVE.arn, target="access", prefix="t/"), BucketLogging(arn=ARCHIVE.arn)
ACCESS_LOGGED = (
    passing("logged, in another account", *archive(LOGGED), says="is logged in access"),
    passing("logged, in the trail's account", *kept_in(owner_of(a_bucket(), LOGGED))),
    failing("silent, in another account", *archive(SILENT), says="access to data is not logged"),
    unseen("outside the organization", *kept_in(None), says="no account that was seen has the bucket data"),
    unseen("logging denied", *archive(hidden(BucketLogging, ARCHIVE)), says="s3:BucketLogging is denied"),
)

PUBLIC_POLICY, PUBLIC_ACL = policy_of(ARCHIVE, allow(Sid="World")), acl_of(ARCHIVE, (EVERYONE, "READ"))
TO_CLOUDTRAIL = allow("s3:PutObject", {"Service": "cloudtrail.amazonaws.com"})
PRIVATE = (
    passing("private, in another account", *archive(policy_of(ARCHIVE, TO_CLOUDTRAIL, deny()))),
    passing("public policy, restricted", *archive(PUBLIC_POLICY, block_of_bucket(ARCHIVE, "all"))),
    passing(
        "public ACL, ignored",
        *archive(PUBLIC_ACL, block=block_of_account("IgnorePublicAcls", account_id=SECURITY)),
    ),
    passing(
        "condition on the organization",
        *archive(policy_of(ARCHIVE, allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}))),
    ),
    failing("public policy", *archive(PUBLIC_POLICY), says="policy statement World"),
    failing("ACL for everyone", *archive(PUBLIC_ACL), says="READ to the public"),
    failing("ACL for every account", *archive(acl_of(ARCHIVE, (ANY_ACCOUNT, "READ"))), says="every AWS"),
    Case(
        "unclear",
        Status.MANUAL,
        archive(policy_of(ARCHIVE, allow(Condition={"StringLike": {"es:unknown": "*"}}))),
        "a person must review",
    ),
    unseen("outside the organization", *kept_in(None), says="outside the organization"),
    unseen("ACL denied", *archive(hidden(BucketAcl, ARCHIVE))),
)

# Object events

DATA, OBJECT = field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")
READ_ONLY, WRITE_ONLY = field("readOnly", "true"), field("readOnly", "false")
EVERYTHING = advanced(DATA, OBJECT)
READING, WRITING = advanced(DATA, OBJECT, READ_ONLY), advanced(DATA, OBJECT, WRITE_ONLY)
NAMED = advanced(DATA, OBJECT, field("resources.ARN", starts_with=("arn:aws:s3:::data/",)))
ORG_TRAIL = a_trail("org", account_id=MANAGEMENT)
BUCKETS = (ListingResult("Bucket", GLOBAL), a_bucket(), a_bucket("more"))
ONE_BUCKET = BUCKETS[:2]


def seen(*lines: Any, others: tuple[AccountFacts, ...] = ()) -> tuple[AccountFacts, Organization]:
    facts = facts_of(MEMBER, *lines)
    return facts, organization_of(facts, *others)


def recorded(*selectors: Any, buckets: tuple[Any, ...] = BUCKETS, logging: bool = True, **changes: Any) -> Any:
    trail = a_trail(**changes)
    return seen(*buckets, trail, a_status(trail, logging=logging), a_selection(trail, *selectors))


def inherited(*selectors: Any) -> Any:
    owner = facts_of(MANAGEMENT, ORG_TRAIL, a_status(ORG_TRAIL), a_selection(ORG_TRAIL, *selectors))
    return seen(*BUCKETS, ORG_TRAIL, others=(owner,))


NOT_NAMED = advanced(DATA, OBJECT, field("resources.ARN", not_starts_with=("arn:aws:s3:::data/",)))
MORE = advanced(DATA, OBJECT, field("resources.ARN", starts_with=("arn:aws:s3:::more/",)))
MORE_WRITES = msgspec.structs.replace(MORE, fields=(*MORE.fields, WRITE_ONLY))
SECOND = a_trail("second")


def basic_objects(*values: str) -> BasicSelector:
    return BasicSelector(management=False, read_write_type="All", objects=values)


def shared(first: Any, second: Any, *others: Any, trail: Trail = SECOND, **status: Any) -> Any:
    """A member whose buckets two trails share, the second perhaps the organization's."""
    lines: tuple[Any, ...] = (
        trail,
        a_status(trail, **status),
        *([] if second is None else [a_selection(trail, second)]),
    )
    own = trail.account_id == MEMBER
    owner = facts_of(MANAGEMENT, *lines)
    return seen(
        *(others or BUCKETS),
        TRAIL,
        a_status(TRAIL),
        a_selection(TRAIL, first),
        *(lines if own else [trail]),
        others=() if own else (owner,),
    )


DENIED_BUCKETS = (ListingResult("Bucket", GLOBAL, gap=denied("s3:ListAllMyBuckets")),)
READS_LOGGED: tuple[Case, ...] = (
    passing("advanced, all", *recorded(EVERYTHING), says="object reads in all buckets"),
    passing("advanced, reads", *recorded(READING)),
    passing("each bucket by name", *recorded(NAMED, buckets=ONE_BUCKET), says="each of the 1 buckets"),
    passing("an organization trail", *inherited(EVERYTHING), says="trail org of account Account 1"),
    passing("all buckets, which are denied", *recorded(EVERYTHING, buckets=DENIED_BUCKETS)),
    failing("advanced, writes only", *recorded(WRITING), says="no object reads in data, more"),
    failing("some buckets left out", *recorded(NAMED), says="no object reads in more"),
    failing("one region", *recorded(EVERYTHING, multi_region=False), says="one region only"),
    failing("stopped", *recorded(EVERYTHING, logging=False), says="is not logging"),
    failing("management events only", *recorded(advanced(MANAGEMENT_FIELD)), says="no object reads in data, more"),
    failing("no trail", *seen(*BUCKETS), says="no trail records this account"),
    idle("no buckets", *recorded(buckets=BUCKETS[:1]), says="the account has no buckets"),
    unseen("buckets denied", *recorded(NAMED, buckets=DENIED_BUCKETS), says="ListAllMyBuckets"),
    unseen("selectors denied", *seen(*BUCKETS, TRAIL, a_status(TRAIL), gap_in(TrailSelectors, TRAIL))),
    unseen("owner unseen", *seen(*BUCKETS, ORG_TRAIL), says="was not collected"),
)
READS_LOGGED += (
    passing("two trails name each", *shared(NAMED, MORE), says="together select each of the 2 buckets"),
    passing("two trails leave nothing out", *shared(NAMED, NOT_NAMED), says="in all buckets, including future ones"),
    passing("basic and advanced", *shared(basic_objects("arn:aws:s3:::data/"), MORE), says="together select each"),
    passing("a reader and a writer of the rest", *shared(READING, MORE), says="including future ones"),
    passing("a trail and the organization's", *shared(NAMED, MORE, trail=ORG_TRAIL), says="trail org of account"),
    passing("shared, buckets denied", *shared(NAMED, NOT_NAMED, *DENIED_BUCKETS), says="including future ones"),
    failing("the same bucket twice", *shared(NAMED, NAMED), says="no object reads in more; trail second"),
    failing("the other only writes", *shared(NAMED, MORE_WRITES), says="no object reads in more"),
    failing("the other is stopped", *shared(NAMED, MORE, logging=False), says="no object reads in more"),
    failing("the other in one region", *shared(NAMED, MORE, trail=a_trail("second", multi_region=False)), says="one"),
    unseen("the other's selectors denied", *shared(NAMED, None)),
    unseen("two trails, buckets denied", *shared(NAMED, MORE, *DENIED_BUCKETS), says="ListAllMyBuckets"),
)
WRITES_LOGGED = (
    passing("two trails name each", *shared(NAMED, MORE_WRITES), says="together select each of the 2 buckets"),
    passing("advanced, all", *recorded(EVERYTHING), says="object writes in all buckets"),
    passing("advanced, writes", *recorded(WRITING)),
    failing("advanced, reads only", *recorded(READING), says="no object writes in data, more"),
    idle("no buckets", *recorded(buckets=BUCKETS[:1]), says="no buckets"),
    unseen("no trail, buckets denied", *seen(*DENIED_BUCKETS), says="ListAllMyBuckets"),
)

CASES: dict[Control, tuple[Case, ...]] = {
    encrypted: ENCRYPTED,
    validated: VALIDATED,
    access_logged: ACCESS_LOGGED,
    private: PRIVATE,
    reads_logged: READS_LOGGED,
    writes_logged: WRITES_LOGGED,
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_left_out_buckets_are_in_the_evidence() -> None:
    """One verdict an account, with the buckets that are not covered."""
    (trail,) = reads_logged(*recorded(NAMED)).evidence["trails"]
    assert trail["buckets_left_out"] == ["more"]


@pytest.mark.parametrize(
    ("arguments", "evidence", "owner"),
    [
        (recorded(EVERYTHING), {"trail": TRAIL.arn, "future_buckets": True}, None),
        (recorded(NAMED, buckets=ONE_BUCKET), {"trail": TRAIL.arn, "future_buckets": False}, None),
        (shared(NAMED, MORE), {"trails": [TRAIL.arn, SECOND.arn], "future_buckets": False}, None),
        (shared(NAMED, NOT_NAMED), {"trails": [TRAIL.arn, SECOND.arn], "future_buckets": True}, None),
        (inherited(EVERYTHING), {"trail": ORG_TRAIL.arn, "future_buckets": True}, MANAGEMENT),
        (shared(NAMED, MORE, trail=ORG_TRAIL), {"trails": [ORG_TRAIL.arn, TRAIL.arn], "future_buckets": False}, None),
    ],
)
def test_evidence_says_what_of_buckets_to_come(arguments: Any, evidence: dict[str, Any], owner: str | None) -> None:
    verdict = reads_logged(*arguments)
    assert dict(verdict.evidence) == evidence
    assert verdict.inherited_from == owner


def test_another_trail_that_records_the_buckets_to_come_counts() -> None:
    for first, second in ((NAMED, NOT_NAMED), (NOT_NAMED, NAMED), (NAMED, EVERYTHING)):
        account, organization = shared(first, second, *ONE_BUCKET)
        assert reads_logged(account, organization).evidence["future_buckets"] is True


def test_two_trails_of_one_owner_are_inherited() -> None:
    second = a_trail("second", account_id=MANAGEMENT)
    lines = [
        one
        for trail, selector in ((ORG_TRAIL, NAMED), (second, MORE))
        for one in (trail, a_status(trail), a_selection(trail, selector))
    ]
    verdict = reads_logged(*seen(*BUCKETS, ORG_TRAIL, second, others=(facts_of(MANAGEMENT, *lines),)))
    assert (verdict.status, verdict.inherited_from) == (Status.PASS, MANAGEMENT)


def test_a_trail_that_adds_nothing_is_not_named() -> None:
    third = a_trail("third")
    account, organization = shared(NAMED, MORE, *BUCKETS, third, a_status(third), a_selection(third, NAMED))
    assert len(reads_logged(account, organization).evidence["trails"]) == 2


def test_the_holder_of_the_bucket_is_in_the_evidence() -> None:
    """The bucket was judged in the account that has it."""
    assert private(*archive()).evidence["bucket_account"] == f"Account 3 ({SECURITY})"


@pytest.mark.parametrize("holder", [MEMBER, SECURITY, OUTSIDER])
def test_gap_of_a_missing_bucket_is_the_trails(holder: str) -> None:
    elsewhere = owner_of(a_bucket("another", account_id=holder))
    verdict = private(*kept_in(elsewhere))
    assert verdict.gap is not None
    assert (verdict.gap.account_id, verdict.gap.region) == (TRAIL.account_id, TRAIL.region)
