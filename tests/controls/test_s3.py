"""What the controls on buckets say, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control
from orgaudit.controls.s3 import (
    s3_bucket_default_encryption_enabled as encrypted,
)
from orgaudit.controls.s3 import (
    s3_bucket_effective_public_access_blocked as blocked,
)
from orgaudit.controls.s3 import (
    s3_bucket_http_denied as http_denied,
)
from orgaudit.controls.s3 import (
    s3_bucket_macie_covered as macie_covered,
)
from orgaudit.controls.s3 import (
    s3_bucket_mfa_delete_enabled as mfa_delete,
)
from orgaudit.controls.s3 import (
    s3_bucket_policy_writes_restricted as writes_restricted,
)
from orgaudit.controls.s3 import (
    s3_bucket_private as private,
)
from orgaudit.controls.s3 import (
    s3_bucket_tls_required as tls_required,
)
from orgaudit.controls.s3 import (
    s3_bucket_versioning_enabled as versioning,
)
from orgaudit.facts.macie import BucketCriterion, ClassificationJob
from orgaudit.facts.s3.block import SETTINGS, BucketPublicAccessBlock
from orgaudit.facts.s3.buckets import BucketAcl, BucketPolicy, BucketVersioning
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, GapReason, Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    HOME,
    MEMBER,
    NASTY,
    SECURITY,
    Case,
    asking,
    denied,
    every,
    facts_of,
    failing,
    name_of,
    organization_of,
    passing,
    unseen,
)
from tests.factories_macie import a_discovery, a_session, discovery_hidden
from tests.factories_s3 import (
    ANY_ACCOUNT,
    EVERYONE,
    LOG_DELIVERY,
    a_bucket,
    acl_of,
    allow,
    block_of_account,
    block_of_bucket,
    deny,
    encrypted_by,
    hidden,
    owner_of,
    policy_of,
    settings,
)

BUCKET = a_bucket()
BLOCKED_REGION = Gap(MEMBER, HOME, "s3:GetBucketVersioning", GapReason.SCP_DENIED, "denied by a service control policy")


ENCRYPTED = (
    passing("the platform's default", *encrypted_by("AES256"), says="S3 applies a default"),
    passing("KMS without a key of its own", *encrypted_by("aws:kms"), says="aws:kms"),
    failing("none", *encrypted_by(), says="no default encryption"),
    unseen("denied", BUCKET, denied("s3:GetEncryptionConfiguration"), says="GetEncryptionConfiguration is denied"),
)


def owned(*lines: Any, **more: Any) -> tuple[Any, ...]:
    return BUCKET, owner_of(BUCKET, *lines, **more)


HALF, OTHER_HALF = ("BlockPublicAcls", "IgnorePublicAcls"), ("BlockPublicPolicy", "RestrictPublicBuckets")
IN_PART = replace(settings(*HALF, "BlockPublicPolicy"), restrict_public_buckets=denied())
BLOCK_IN_PART = BucketPublicAccessBlock(arn=BUCKET.arn, block=IN_PART)
BLOCKED = (
    passing("the bucket alone", *owned(block_of_bucket(BUCKET, "all"))),
    passing("the account alone", *owned(block=block_of_account("all"))),
    passing(
        "each half on one level",
        *owned(block_of_bucket(BUCKET, *HALF), block=block_of_account(*OTHER_HALF)),
    ),
    passing(
        "an organization policy, which the account's setting then shows",
        *owned(hidden(BucketPublicAccessBlock, BUCKET), block=block_of_account("all")),
    ),
    passing("the bucket has all, the account is denied", *owned(block_of_bucket(BUCKET, "all"), block=denied())),
    failing("none at all", *owned(), says="BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, Restrict"),
    failing(
        "only the two that void what is open",
        *owned(block_of_bucket(BUCKET, "IgnorePublicAcls", "RestrictPublicBuckets")),
        says="not enabled for the bucket or its account: BlockPublicAcls, BlockPublicPolicy",
    ),
    failing(
        "the same half twice", *owned(block_of_bucket(BUCKET, *HALF), block=block_of_account(*HALF)), says="Policy"
    ),
    unseen("one setting not seen", *owned(BLOCK_IN_PART), says="is denied"),
    unseen("both denied", *owned(hidden(BucketPublicAccessBlock, BUCKET), block=denied())),
    unseen("the bucket's denied, the account lacks one", *owned(hidden(BucketPublicAccessBlock, BUCKET))),
    unseen("the account's denied, the bucket lacks some", *owned(block_of_bucket(BUCKET, *HALF), block=denied())),
)

VERSIONED = (
    passing("both", BUCKET, Seen(BucketVersioning(arn=BUCKET.arn, enabled=True, mfa_delete=True))),
    failing(
        "versions without MFA",
        BUCKET,
        Seen(BucketVersioning(arn=BUCKET.arn, enabled=True, mfa_delete=False)),
        says="not enabled: MFA delete",
    ),
    failing(
        "suspended with MFA",
        BUCKET,
        Seen(BucketVersioning(arn=BUCKET.arn, enabled=False, mfa_delete=True)),
        says="not enabled: versioning",
    ),
    failing(
        "neither",
        BUCKET,
        Seen(BucketVersioning(arn=BUCKET.arn, enabled=False, mfa_delete=False)),
        says="not enabled: versioning and MFA delete",
    ),
    unseen("its region is shut by policy", BUCKET, BLOCKED_REGION, says="service control policy"),
)

FROM_ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}
FROM_ANYWHERE = {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}
UNCLEAR = {"StringLike": {"es:unknown": "*"}}
SELF_TAGGED = {"StringLike": {"aws:PrincipalTag/team": "*"}}
GUARD = deny({"StringNotEquals": {"aws:PrincipalOrgID": "o-abc"}}, Sid="Guard")
NO_WRITES = deny({"StringNotEquals": {"aws:PrincipalOrgID": "o-abc"}}, Action="s3:Put*", Sid="NoWrites")
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
OPEN_POLICY = policy_of(BUCKET, allow(Sid="World"))
OPEN_ACL = acl_of(BUCKET, (EVERYONE, "READ"))
NO_ACLS, NO_STRANGERS = block_of_bucket(BUCKET, "IgnorePublicAcls"), block_of_bucket(BUCKET, "RestrictPublicBuckets")
PRIVATE = (
    passing("closed", *owned(), says="neither the policy nor the ACL"),
    passing("open to the organization", *owned(policy_of(BUCKET, allow(Condition=FROM_ORGANIZATION)))),
    passing("one account", *owned(policy_of(BUCKET, allow(principal={"AWS": SECURITY})))),
    passing("everyone is denied", *owned(policy_of(BUCKET, deny()))),
    passing("log delivery may write", *owned(acl_of(BUCKET, (LOG_DELIVERY, "WRITE")))),
    passing("public ACL, ignored by the bucket", *owned(OPEN_ACL, NO_ACLS)),
    passing("public ACL, ignored by the account", *owned(OPEN_ACL, block=block_of_account("IgnorePublicAcls"))),
    passing("public policy, restricted by the bucket", *owned(OPEN_POLICY, NO_STRANGERS)),
    passing(
        "all denied, but the account blocks",
        *owned(
            hidden(BucketPolicy, BUCKET),
            hidden(BucketAcl, BUCKET),
            hidden(BucketPublicAccessBlock, BUCKET),
            block=block_of_account("all"),
        ),
    ),
    failing("public policy", *owned(OPEN_POLICY), says="policy statement World allows s3:GetObject to the public"),
    failing("public ACL", *owned(OPEN_ACL), says="the ACL grants READ to the public"),
    failing("ACL for any account", *owned(acl_of(BUCKET, (ANY_ACCOUNT, "WRITE_ACP"))), says="to every AWS account"),
    failing("public ACL, policies restricted", *owned(OPEN_ACL, NO_STRANGERS), says="the ACL grants"),
    failing("public policy, ACLs ignored", *owned(OPEN_POLICY, NO_ACLS), says="policy statement World"),
    failing(
        "new ones blocked, old ones stay",
        *owned(OPEN_POLICY, OPEN_ACL, block_of_bucket(BUCKET, "BlockPublicAcls", "BlockPublicPolicy")),
        says="READ to the public; policy statement World",
    ),
    failing("from any address", *owned(policy_of(BUCKET, allow(Condition=FROM_ANYWHERE))), says="0.0.0.0/0"),
    failing("public policy, ACL denied", *owned(OPEN_POLICY, hidden(BucketAcl, BUCKET)), says="World"),
    failing("public ACL, policy denied", *owned(OPEN_ACL, hidden(BucketPolicy, BUCKET)), says="READ"),
    asking("conditions of unclear reach", *owned(policy_of(BUCKET, allow(Condition=UNCLEAR))), says="es:unknown"),
    passing("a service without conditions", *owned(policy_of(BUCKET, allow(principal=CLOUDTRAIL)))),
    passing("others are denied beside", *owned(policy_of(BUCKET, allow(), GUARD))),
    failing(
        "a tag that callers give themselves", *owned(policy_of(BUCKET, allow(Condition=SELF_TAGGED))), says="Tag/team"
    ),
    failing("others are denied to write", *owned(policy_of(BUCKET, allow(), NO_WRITES)), says="allows s3:GetObject"),
    asking("any canonical user", *owned(policy_of(BUCKET, allow(principal={"CanonicalUser": "*"}))), says="document"),
    unseen("policy denied", *owned(hidden(BucketPolicy, BUCKET))),
    unseen("ACL denied", *owned(hidden(BucketAcl, BUCKET))),
    unseen("public, but perhaps blocked", *owned(OPEN_POLICY, block=denied())),
    unseen("unclear, ACL denied", *owned(policy_of(BUCKET, allow(Condition=UNCLEAR)), hidden(BucketAcl, BUCKET))),
)


def written(action: object, **more: object) -> tuple[Any, ...]:
    return owned(policy_of(BUCKET, allow(action, **more)))


WRITES = (
    passing("no policy", *owned()),
    passing("everyone reads", *written(["s3:GetObject", "s3:List*"])),
    passing("the organization writes", *written("s3:PutObject", Condition=FROM_ORGANIZATION)),
    passing("everyone writes, restricted", *owned(policy_of(BUCKET, allow("s3:*")), NO_STRANGERS)),
    passing("the ACL lets write, which is not asked here", *owned(acl_of(BUCKET, (EVERYONE, "WRITE")))),
    failing("put", *written("s3:PutObject"), says="allows s3:PutObject to the public"),
    failing("delete beside get", *written(["s3:GetObject", "S3:DELETEOBJECT"]), says="S3:DELETEOBJECT"),
    failing("everything", *written("*"), says="allows * to the public"),
    failing(
        "all but reading",
        *owned(
            policy_of(BUCKET, {"Effect": "Allow", "Principal": {"AWS": "*"}, "NotAction": "s3:Get*", "Resource": "*"})
        ),
        says="all but s3:Get*",
    ),
    asking("conditions of unclear reach", *written("s3:PutObject", Condition=UNCLEAR), says="es:unknown"),
    passing("denied beside", *owned(policy_of(BUCKET, allow(["s3:GetObject", "s3:PutObject"]), NO_WRITES))),
    unseen("policy denied", *owned(hidden(BucketPolicy, BUCKET))),
    unseen(
        "writable, but perhaps blocked",
        *owned(policy_of(BUCKET, allow("s3:*")), hidden(BucketPublicAccessBlock, BUCKET)),
    ),
)


def ruled(*statements: dict[str, Any]) -> tuple[Any, ...]:
    return BUCKET, Seen(policy_of(BUCKET, *statements))


NO_HTTP = {"Bool": {"aws:SecureTransport": "false"}}
IN_TWO = (deny(NO_HTTP, Resource="arn:aws:s3:::data"), deny(NO_HTTP, Resource="arn:aws:s3:::data/*"))
FROM_OUTSIDE = NO_HTTP | {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}


FROM_INSIDE = NO_HTTP | {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
WITH_TLS = {"Bool": {"aws:SecureTransport": "true"}}
HERE, ELSEWHERE = ({operator: {"aws:PrincipalOrgID": "o-own"}} for operator in ("StringEquals", "StringNotEquals"))
NOT_OWN = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{MEMBER}:role/*"}}
ONE, OTHER = {"AWS": SECURITY}, {"AWS": MEMBER}
OLD = ("0", "1.0", "1.1")


def other(statement: dict[str, Any], element: str, value: object) -> dict[str, Any]:
    """The statement with the Not… form of an element."""
    kept = {name: each for name, each in statement.items() if name != element}
    return kept | {f"Not{element}": value}


def below(operator: str, version: str) -> dict[str, Any]:
    return deny({operator: {"s3:TlsVersion": version}})


def tls_below(version: str, key: str = "s3:TlsVersion") -> dict[str, Any]:
    return deny({"NumericLessThan": {key: version}})


DENIES_HTTP = (
    passing("the usual statement", *ruled(deny(NO_HTTP)), says="denies plain HTTP to every principal"),
    passing("the key in another case", *ruled(deny({"Bool": {"AWS:securetransport": ["false"]}}))),
    passing("bucket and objects in two statements", *ruled(*IN_TWO)),
    passing("every action and resource", *ruled(deny(NO_HTTP, Action="*", Resource="*"))),
    passing("one pattern for both", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::data*"))),
    passing("principal in the long form", *ruled(deny(NO_HTTP, Principal={"AWS": "*"}))),
    passing("beside a permission", *ruled(allow(), deny(NO_HTTP))),
    failing("no policy", *ruled(), says="has no policy"),
    failing(
        "only a permission", *ruled(allow(Condition={"Bool": {"aws:SecureTransport": "true"}})), says="does not deny"
    ),
    failing("one action", *ruled(deny(NO_HTTP, Action="s3:PutObject")), says="does not deny"),
    failing("objects only", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::data/*")), says="does not deny"),
    failing("bucket only", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::data")), says="does not deny"),
    failing(
        "another bucket",
        *ruled(deny(NO_HTTP, Resource=["arn:aws:s3:::dat", "arn:aws:s3:::dat/*"])),
        says="does",
    ),
    failing("one principal", *ruled(deny(NO_HTTP, Principal={"AWS": SECURITY})), says="does not deny"),
    failing(
        "all but one principal",
        *ruled(
            {
                "Effect": "Deny",
                "NotPrincipal": {"AWS": SECURITY},
                "Action": "s3:*",
                "Resource": "*",
                "Condition": NO_HTTP,
            }
        ),
        says="does not deny",
    ),
    failing("the wrong way round", *ruled(deny({"Bool": {"aws:SecureTransport": "true"}})), says="does not deny"),
    failing("further conditions", *ruled(deny(FROM_OUTSIDE)), says="depends on aws:SourceIp"),
    failing("old TLS only", *ruled(tls_below("1.2")), says="over plain HTTP"),
    passing("below any version, or without one", *ruled(below("NumericLessThanIfExists", "1.2"))),
    asking("without a version, if AWS gives none", *ruled(deny({"Null": {"s3:TlsVersion": "true"}})), says="may not"),
    failing(
        "the bucket's own ARN is missing",
        *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::data/*")),
        says="covers arn:aws:s3:::data/* but not arn:aws:s3:::data, which leaves s3:ListBucket and s3:GetBucketPolicy",
    ),
    failing(
        "the objects are missing",
        *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::data")),
        says="covers arn:aws:s3:::data but not arn:aws:s3:::data/*, which leaves s3:GetObject and s3:PutObject open",
    ),
    passing("a wildcard within the name", *ruled(deny(NO_HTTP, Resource=["arn:aws:s3:::d*a", "arn:aws:s3:::d*/*"]))),
    passing("a wildcard that takes in objects", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::da*"))),
    passing("a wildcard for any bucket", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::*"))),
    passing("all but another bucket", *ruled(other(deny(NO_HTTP), "Resource", "arn:aws:s3:::more/*"))),
    failing("a wildcard for other names", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::logs-*")), says="does not deny"),
    failing("a wildcard for a part of the objects", *ruled(deny(NO_HTTP, Resource="arn:aws:s3:::d*/a*")), says="not"),
    failing(
        "all but this bucket",
        *ruled(other(deny(NO_HTTP), "Resource", ["arn:aws:s3:::data", "arn:aws:s3:::data/*"])),
        says="does not deny",
    ),
    passing(
        "actions in two statements", *ruled(deny(NO_HTTP, Action="s3:Get*"), other(deny(NO_HTTP), "Action", "s3:Get*"))
    ),
    failing("all but some actions", *ruled(other(deny(NO_HTTP), "Action", "s3:Get*")), says="does not deny"),
    passing(
        "every principal in two statements",
        *ruled(deny(NO_HTTP, Principal=ONE), other(deny(NO_HTTP), "Principal", ONE)),
    ),
    failing("two principals", *ruled(deny(NO_HTTP, Principal=ONE), deny(NO_HTTP, Principal=OTHER)), says="not deny"),
    asking(
        "a principal by its name and by its ARN",
        *ruled(deny(NO_HTTP | NOT_OWN, Principal=ONE), other(deny(NO_HTTP), "Principal", ONE)),
        says="may not deny",
    ),
    passing("from inside and from outside", *ruled(deny(FROM_INSIDE), deny(FROM_OUTSIDE))),
    failing("to other organizations", *ruled(deny(NO_HTTP | ELSEWHERE)), says="depends on aws:PrincipalOrgID"),
    passing("with or without an organization", *ruled(deny(NO_HTTP | ELSEWHERE), deny(NO_HTTP | HERE))),
    asking("an operator that is not known", *ruled(deny(NO_HTTP | {"Odd": {"es:key": "x"}})), says="on es:key"),
    failing(
        "TLS required by an Allow",
        *ruled(allow(Condition=WITH_TLS)),
        says="statement 1 allows access with TLS only, which does not deny plain HTTP to principals of the bucket's "
        "account",
    ),
    failing("inverted", *ruled(deny(WITH_TLS, Sid="Odd")), says="Odd denies requests with TLS, but not those without"),
    passing("inverted beside", *ruled(deny(WITH_TLS), deny(NO_HTTP))),
    passing("whatever the transport", *ruled(deny({"Bool": {"aws:SecureTransport": ["true", "false"]}}))),
    unseen("policy denied", BUCKET, denied("s3:GetBucketPolicy")),
)

NEEDS_TLS = (
    passing("no HTTP", *ruled(deny(NO_HTTP)), says="plain HTTP"),
    asking("below 1.2", *ruled(tls_below("1.2")), says="denies outdated TLS versions with s3:TlsVersion"),
    asking("below 1.3, a number that no text compares with", *ruled(tls_below("1.3")), says="s3:TlsVersion"),
    asking("the key in another case", *ruled(tls_below("1.2", "S3:tlsversion")), says="s3:TlsVersion"),
    passing("below 1.2, or without a version", *ruled(below("NumericLessThanIfExists", "1.2"))),
    passing("no HTTP, and below 1.2", *ruled(deny(NO_HTTP), tls_below("1.2"))),
    failing("the version 1.1 alone", *ruled(below("NumericEquals", "1.1")), says="does not deny"),
    asking(
        "every version below 1.2 by its own statement",
        *ruled(*(below("NumericEquals", each) for each in OLD)),
        says="TLS",
    ),
    failing("the wrong way round", *ruled(deny(WITH_TLS)), says="statement 1 denies requests with TLS, but not those"),
    failing(
        "old TLS, where it is TLS",
        *ruled(deny(WITH_TLS | {"NumericLessThan": {"s3:TlsVersion": "1.2"}})),
        says="denies requests with TLS",
    ),
    failing("below 1.2 on the objects", *ruled(tls_below("1.2") | {"Resource": "arn:aws:s3:::data/*"}), says="TLS"),
    failing("below 1.1, which lets 1.1 in", *ruled(tls_below("1.1")), says="plain HTTP or TLS older"),
    failing("one action", *ruled(tls_below("1.2") | {"Action": "s3:GetObject"}), says="does not deny"),
    failing("no policy", *ruled(), says="has no policy"),
    unseen("policy denied", BUCKET, denied("s3:GetBucketPolicy")),
)

SESSION = a_session()
CENTRAL = a_session(account_id=SECURITY)
NAMED = ClassificationJob("weekly", buckets=((MEMBER, "data"),))


def chosen(*includes: BucketCriterion, excludes: tuple[BucketCriterion, ...] = ()) -> ClassificationJob:
    return ClassificationJob("chosen", includes=includes, excludes=excludes, chooses=True)


MINE, THIS = BucketCriterion("ACCOUNT_ID", "EQ", (MEMBER,)), BucketCriterion("S3_BUCKET_NAME", "EQ", ("data", "more"))
NOT_THIS, TAGGED = BucketCriterion("S3_BUCKET_NAME", "NE", ("data",)), BucketCriterion("tags")
USUAL = Thresholds()
NOT_OFFERED = Gap(MEMBER, HOME, "macie2:GetMacieSession", GapReason.NOT_OFFERED, "no such endpoint")
NO_MACIE = facts_of(MEMBER, ListingResult("MacieSession", HOME, gap=NOT_OFFERED))


def looked(*lines: Any, central: AccountFacts | None = None, thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    own = facts_of(MEMBER, ListingResult("MacieSession", HOME), *lines)
    return BUCKET, own, organization_of(*[facts for facts in (own, central) if facts]), thresholds


def standing(**discovery: Any) -> tuple[Any, ...]:
    return looked(SESSION, a_discovery(SESSION, **discovery))


def administered(central: AccountFacts | None, **discovery: Any) -> tuple[Any, ...]:
    member = a_discovery(SESSION, administrator=SECURITY, **discovery)
    return looked(SESSION, member, central=central)


def administrator(**discovery: Any) -> AccountFacts:
    return facts_of(SECURITY, ListingResult("MacieSession", HOME), CENTRAL, a_discovery(CENTRAL, **discovery))


MACIE = (
    passing("a job names it", *standing(jobs=(NAMED,)), says="job weekly"),
    passing("automated discovery", *standing(automated=True), says="automated discovery"),
    passing("conditions choose it", *standing(jobs=(chosen(MINE, THIS),)), says="job chosen"),
    passing("conditions without any", *standing(jobs=(chosen(),))),
    passing("a job of the administrator", *administered(administrator(jobs=(NAMED,))), says="weekly"),
    passing("automated by the administrator", *administered(administrator(), automated=True)),
    passing("own job, administrator unseen", *administered(None, jobs=(NAMED,)), says="weekly"),
    failing("nothing", *standing(), says="neither a Macie job nor automated discovery"),
    failing("off", *looked(a_session("DISABLED"), a_discovery(SESSION)), says="neither a Macie job"),
    failing(
        "a job for another bucket",
        *standing(jobs=(ClassificationJob("other", buckets=((MEMBER, "more"),)),)),
        says="neither",
    ),
    failing(
        "a job for a namesake",
        *standing(jobs=(ClassificationJob("other", buckets=((SECURITY, "data"),)),)),
        says="neither",
    ),
    failing("conditions choose another", *standing(jobs=(chosen(NOT_THIS),)), says="neither"),
    failing("excluded by conditions", *standing(jobs=(chosen(MINE, excludes=(THIS,)),)), says="neither"),
    failing("left out of discovery", *standing(automated=True, excluded=frozenset({"data"})), says="neither"),
    failing(
        "left out centrally", *administered(administrator(excluded=frozenset({"data"})), automated=True), says="neither"
    ),
    asking("chosen by tags", *standing(jobs=(chosen(MINE, TAGGED),)), says="job chosen may cover the bucket"),
    asking("perhaps excluded", *standing(jobs=(chosen(MINE, excludes=(TAGGED,)),)), says="may cover"),
    asking(
        "another tool",
        *looked(thresholds=Thresholds(accept_alternative_data_discovery=(MEMBER,))),
        says="as declared in",
    ),
    failing(
        "another account's tool",
        *looked(SESSION, a_discovery(SESSION), thresholds=Thresholds(accept_alternative_data_discovery=(SECURITY,))),
        says="neither",
    ),
    failing(
        "Macie does not exist there", BUCKET, NO_MACIE, organization_of(NO_MACIE), USUAL, says="neither a Macie job"
    ),
    unseen("discovery denied", *looked(SESSION, discovery_hidden(SESSION)), says="ListClassificationJobs"),
    unseen("administrator unseen", *administered(None, automated=True), says="was not collected"),
    unseen(
        "administrator denied",
        *administered(facts_of(SECURITY, ListingResult("MacieSession", HOME), CENTRAL, discovery_hidden(CENTRAL))),
    ),
    unseen(
        "region denied",
        BUCKET,
        facts_of(MEMBER, ListingResult("MacieSession", HOME, gap=denied())),
        organization_of(),
        USUAL,
    ),
    unseen(
        "region outside the scope", a_bucket(region="eu-north-1"), *looked(SESSION)[1:], says="eu-north-1: the region"
    ),
)

KEEPS = (
    passing("on", BUCKET, Seen(BucketVersioning(arn=BUCKET.arn, enabled=True, mfa_delete=False))),
    failing(
        "off", BUCKET, Seen(BucketVersioning(arn=BUCKET.arn, enabled=False, mfa_delete=False)), says="is not enabled"
    ),
    unseen("denied", BUCKET, denied("s3:GetBucketVersioning")),
)

CASES: dict[Control, tuple[Case, ...]] = {
    encrypted: ENCRYPTED,
    blocked: BLOCKED,
    mfa_delete: VERSIONED,
    versioning: KEEPS,
    private: PRIVATE,
    writes_restricted: WRITES,
    http_denied: DENIES_HTTP,
    tls_required: NEEDS_TLS,
    macie_covered: MACIE,
}


NASTY_RESOURCES = (a_bucket(NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


@pytest.mark.parametrize("lacking", SETTINGS)
def test_each_of_the_four_settings_counts(lacking: str) -> None:
    """Three of four are not enough, on whichever level they are."""
    others = [setting for setting in SETTINGS if setting != lacking]
    verdict = blocked(*owned(block_of_bucket(BUCKET, *others[:1]), block=block_of_account(*others[1:])))
    assert verdict.status is Status.FAIL
    assert verdict.reason == f"not enabled for the bucket or its account: {lacking}"
    assert verdict.evidence == {"block_of_bucket": sorted(others[:1]), "block_of_account": sorted(others[1:])}


def test_every_opening_is_in_the_evidence() -> None:
    verdict = private(*owned(policy_of(BUCKET, allow(Sid="World"), allow(Sid="Tagged", Condition=UNCLEAR)), OPEN_ACL))
    assert (
        verdict.reason == "the ACL grants READ to the public; policy statement World allows s3:GetObject to the public"
    )
    assert len(verdict.evidence["openings"]) == 3


def test_organization_is_not_needed_where_macie_has_no_administrator() -> None:
    bucket, own, _, thresholds = standing(automated=True)
    nobody = Organization([], management_account_id=None, load=lambda _: None)
    assert macie_covered(bucket, own, nobody, thresholds).status is Status.PASS
