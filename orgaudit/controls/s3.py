"""Controls on buckets."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.macie import macie_coverage
from orgaudit.analysis.organization_facts import Organization
from orgaudit.analysis.s3.block import effective_block
from orgaudit.analysis.s3.exposure import exposure, write_exposure
from orgaudit.analysis.s3.transport import Transport, transport_of
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.openings import judge_openings
from orgaudit.facts.macie import MacieDiscovery, MacieSession
from orgaudit.facts.s3.block import SETTINGS, AccountPublicAccessBlock, BucketPublicAccessBlock
from orgaudit.facts.s3.buckets import Bucket, BucketAcl, BucketEncryption, BucketPolicy, BucketVersioning
from orgaudit.model import Observed, Severity, Status, Verdict, failed, passed, require
from orgaudit.settings.thresholds import Thresholds

BLOCK_EVERYTHING = ",".join(f"{setting}=true" for setting in SETTINGS)
BLOCK_ACCOUNT = (
    "aws s3control put-public-access-block --account-id {account} "
    f"--public-access-block-configuration {BLOCK_EVERYTHING}"
)
BLOCK_BUCKET = (
    "aws s3api put-public-access-block --region {resource.region} --bucket {resource.name} "
    f"--public-access-block-configuration {BLOCK_EVERYTHING}"
)
PUT_POLICY = (
    "aws s3api put-bucket-policy --region {resource.region} --bucket {resource.name} --policy file://bucket-policy.json"
)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Nothing is left to do for most: S3 gives every bucket a default encryption.",
        asset="Give bucket {resource.name} a default encryption.",
        command="aws s3api put-bucket-encryption --region {resource.region} --bucket {resource.name} "
        "--server-side-encryption-configuration file://encryption.json",
        preventive="Deny s3:PutEncryptionConfiguration to all but the platform team with a service control policy.",
    ),
)
def s3_bucket_default_encryption_enabled(_bucket: Bucket, encryption: Observed[BucketEncryption]) -> Verdict:
    """Buckets encrypt new objects by default.

    Encrypted objects are of no use to those who get at the storage itself. Since January 2023 S3 gives every bucket a
    default, so this passes by itself; older benchmarks ask for it all the same.
    """
    algorithms = encryption.value.algorithms
    return require(
        bool(algorithms),
        then=f"new objects are encrypted with {', '.join(algorithms)}; S3 sets a default for every bucket",
        otherwise="the bucket has no default encryption",
        algorithms=list(algorithms),
    )


@control(
    Severity.HIGH,
    facts=(AccountPublicAccessBlock, BucketPublicAccessBlock),
    fix=Fix(
        service_wide="Turn on all four settings for the whole account, or for the organization with an S3 policy.",
        service_wide_command=BLOCK_ACCOUNT,
        asset="Turn on all four settings for bucket {resource.name}, unless its data is meant for everyone.",
        command=BLOCK_BUCKET,
        preventive="Attach an S3 policy of AWS Organizations that blocks public access: no member can then undo it.",
    ),
)
def s3_bucket_effective_public_access_blocked(bucket: Bucket, account: AccountFacts) -> Verdict:
    """Public access to each bucket is blocked.

    One careless policy or grant opens a bucket to the world. The four settings of the public access block make that
    impossible, whether they are on for the bucket, for its account or for the organization.
    """
    block = effective_block(account, bucket)
    lacking = [setting for setting in SETTINGS if not block.holds(setting)]
    return require(
        not lacking,
        then="all four settings are on, for the bucket, its account or its organization",
        otherwise=f"{', '.join(lacking)} on neither for the bucket nor for its account",
        **block.evidence,
    )


@control(
    Severity.LOW,
    facts=(MacieSession, MacieDiscovery),
    fix=Fix(
        service_wide="Turn on automated discovery for all members in Macie's delegated administrator account, or name "
        "the accounts that another tool looks into in [thresholds] accept_alternative_data_discovery.",
        service_wide_command="aws macie2 update-automated-discovery-configuration --status ENABLED "
        "--auto-enable-organization-members ALL",
        asset="Let Macie look for sensitive data in bucket {resource.name}.",
        command="aws macie2 update-automated-discovery-configuration --region {resource.region} --status ENABLED",
        preventive="Let Macie's delegated administrator enable every new account automatically.",
    ),
)
def s3_bucket_macie_covered(
    bucket: Bucket, account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """Something looks for sensitive data in each bucket.

    Nobody can protect what nobody knows of. Macie finds personal data and credentials among objects, by a job that
    covers the bucket or by automated discovery, in the account itself or from Macie's administrator account.
    """
    if bucket.account_id in thresholds.accept_alternative_data_discovery:
        reason = "looked into by other means, as [thresholds] accept_alternative_data_discovery declares"
        return Verdict(Status.MANUAL, reason, {"account": bucket.account_id})
    found = macie_coverage(bucket, account, organization)
    if found.by:
        return passed(f"Macie looks into the bucket: {', '.join(found.by)}", by=list(found.by))
    if found.unsure:
        reason = f"{', '.join(found.unsure)} may cover the bucket: look in Macie which buckets its conditions choose"
        return Verdict(Status.MANUAL, reason, {"unsure": list(found.unsure)})
    return failed("neither a job of Macie nor automated discovery covers the bucket", region=bucket.region)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Decide which buckets hold what must never be deleted, and accept the others in the register: "
        "only the root user can switch this on, and it excludes lifecycle rules.",
        asset="Sign in as the root user with its MFA device and turn on MFA delete for bucket {resource.name}.",
        command="aws s3api put-bucket-versioning --region {resource.region} --bucket {resource.name} "
        "--versioning-configuration Status=Enabled,MFADelete=Enabled --mfa 'SERIAL_NUMBER CODE'",
        preventive="Keep what must survive under Object Lock in compliance mode: it needs no root user.",
    ),
)
def s3_bucket_mfa_delete_enabled(_bucket: Bucket, versioning: Observed[BucketVersioning]) -> Verdict:
    """Deleting versions for good takes a second factor.

    With stolen keys alone an intruder then can neither destroy old versions nor switch versioning off.
    """
    seen = versioning.value
    off = [name for name, on in (("versioning", seen.enabled), ("MFA delete", seen.mfa_delete)) if not on]
    return require(
        not off,
        then="versioning and MFA delete are on",
        otherwise=f"{' and '.join(off)} off",
        versioning=seen.enabled,
        mfa_delete=seen.mfa_delete,
    )


PUBLIC = (AccountPublicAccessBlock, BucketPublicAccessBlock, BucketPolicy, BucketAcl)
CLOSE = Fix(
    service_wide="Block public access for the whole account; serve what is meant for everyone through CloudFront.",
    service_wide_command=BLOCK_ACCOUNT,
    asset="Remove what lets strangers into bucket {resource.name}, or void it with the bucket's public access block.",
    command=BLOCK_BUCKET,
    preventive="Attach an S3 policy of AWS Organizations that blocks public access: no member can then undo it.",
)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Turn on versioning for every bucket by an AWS Config rule with a remediation.",
        asset="Turn on versioning for bucket {resource.name}, and let a lifecycle rule delete old versions in time.",
        command="aws s3api put-bucket-versioning --region {resource.region} --bucket {resource.name} "
        "--versioning-configuration Status=Enabled",
        preventive="Create buckets only from a template that turns versioning on.",
    ),
)
def s3_bucket_versioning_enabled(_bucket: Bucket, versioning: Observed[BucketVersioning]) -> Verdict:
    """S3 buckets keep versions.

    Without versions, what is overwritten or deleted is gone, whether by mistake or by an intruder who wants a ransom.
    """
    return require(versioning.value.enabled, then="versioning is on", otherwise="versioning is off")


@control(Severity.CRITICAL, facts=PUBLIC, fix=CLOSE)
def s3_bucket_private(bucket: Bucket, account: AccountFacts) -> Verdict:
    """Buckets are not open to strangers.

    What a bucket shows to everyone is found by scanners within hours. Its policy and its access control list count as
    far as the public access block of the bucket, its account or the organization does not void them.
    """
    found = exposure(account, bucket)
    closed = "neither the policy nor the ACL lets strangers in"
    return judge_openings(found.openings, closed=closed, **found.block.evidence)


@control(Severity.CRITICAL, facts=PUBLIC[:3], fix=CLOSE)
def s3_bucket_policy_writes_restricted(bucket: Bucket, account: AccountFacts) -> Verdict:
    """Bucket policies let no stranger write.

    Whoever may write can plant malware, replace what others trust, delete data or run up costs.
    """
    found = write_exposure(account, bucket)
    closed = "the policy lets no stranger change anything"
    return judge_openings(found.openings, closed=closed, **found.block.evidence)


BY_VERSION_ONLY = (
    "the policy denies old versions of TLS by s3:TlsVersion, and AWS does not document that this applies to plain "
    "HTTP: try a request over plain HTTP, or deny s3:* where aws:SecureTransport is false as well"
)


def _not_denied(bucket: Bucket, found: Transport, *, by_version: bool) -> str:
    """Return what the policy leaves open to requests over plain HTTP."""
    denial = found.plain_http
    verb = "does not" if denial.is_partial else "may not"
    if denial.on_objects:
        missing = f"the bucket itself: a Deny covers {bucket.arn}/* but not {bucket.arn}"
        example = "s3:ListBucket and s3:GetBucketPolicy"
    elif denial.on_bucket:
        missing = f"the objects: a Deny covers {bucket.arn} but not {bucket.arn}/*"
        example = "s3:GetObject and s3:PutObject"
    else:
        ways = "plain HTTP or TLS older than 1.2" if by_version else "plain HTTP"
        return f"the policy {verb} deny all actions on the bucket and its objects to everyone who comes by {ways}"
    return f"the policy {verb} deny plain HTTP to {missing}, which leaves {example} open"


def _why(found: Transport) -> list[str]:
    """Return what is known of the statements that do not deny plain HTTP."""
    notes = []
    if found.inverted:
        notes.append(f"{', '.join(found.inverted)} denies requests with TLS, not those without")
    if found.allowing:
        notes.append(
            f"{', '.join(found.allowing)} allows with TLS only, which does not deny plain HTTP to principals of the "
            "bucket's account that an IAM policy allows"
        )
    if found.depends_on:
        notes.append(f"what the policy denies depends on {', '.join(found.depends_on)}")
    return notes


def _refusal(name: str, docstring: str, *, by_version: bool) -> Control:
    """Return the control that passes where a policy denies plain HTTP; `by_version` accepts that s3:TlsVersion may."""

    def judge(bucket: Bucket, policy: Observed[BucketPolicy]) -> Verdict:
        if policy.value.document is None:
            return failed("the bucket has no policy that could deny anything")
        found = transport_of(policy.value)
        evidence = {"bucket": found.plain_http.on_bucket, "objects": found.plain_http.on_objects}
        if found.plain_http.is_whole:
            return passed("the policy denies everyone plain HTTP", **evidence)
        if by_version and found.by_version:
            return Verdict(Status.MANUAL, BY_VERSION_ONLY, evidence)
        reason = "; ".join((_not_denied(bucket, found, by_version=by_version), *_why(found)))
        return Verdict(Status.FAIL if found.plain_http.is_partial else Status.MANUAL, reason, evidence)

    judge.__name__, judge.__doc__ = name, docstring
    return control(
        Severity.MEDIUM,
        fix=Fix(
            service_wide="Add the same Deny to every bucket's policy by an AWS Config rule with a remediation.",
            asset="Deny s3:* on bucket {resource.name} and its objects to principal * where aws:SecureTransport is "
            "false; keep the statements that the policy has.",
            command=PUT_POLICY,
            preventive="Deny s3:* where aws:SecureTransport is false with a resource control policy for all accounts.",
        ),
    )(judge)


s3_bucket_http_denied = _refusal(
    "s3_bucket_http_denied",
    """Bucket policies deny plain HTTP.

    What travels without TLS can be read and changed on the way, signatures and data alike. The policy has to deny it to
    every principal, on the bucket as well as on its objects. An Allow that requires TLS is not enough: it excludes
    nobody whom an IAM policy of the bucket's own account allows.
    """,
    by_version=False,
)

s3_bucket_tls_required = _refusal(
    "s3_bucket_tls_required",
    """Bucket policies deny plain HTTP or old TLS.

    What travels without TLS, or under a version with known flaws, can be read and changed on the way. S3 itself
    accepts no version below 1.2, so what counts is that plain HTTP is denied. A Deny by s3:TlsVersion alone needs a
    look, as AWS does not document which version a request without TLS has.
    """,
    by_version=True,
)
