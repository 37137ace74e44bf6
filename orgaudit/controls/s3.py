"""Controls on S3 buckets."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.macie import macie_coverage
from orgaudit.analysis.organization_facts import Organization
from orgaudit.analysis.s3.block import effective_block
from orgaudit.analysis.s3.cross_account import protection_grants
from orgaudit.analysis.s3.exposure import exposure, write_exposure
from orgaudit.analysis.s3.transport import Transport, transport_of
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.judging.public_access import judge_openings
from orgaudit.controls.macie import DISCOVERED_OTHERWISE
from orgaudit.facts.macie import MacieDiscovery, MacieSession
from orgaudit.facts.s3.block import SETTINGS, AccountPublicAccessBlock, BucketPublicAccessBlock, PublicAccessBlock
from orgaudit.facts.s3.buckets import (
    Bucket,
    BucketAcl,
    BucketEncryption,
    BucketLifecycle,
    BucketLogging,
    BucketOwnership,
    BucketPolicy,
    BucketVersioning,
)
from orgaudit.model import (
    Disruption,
    Effort,
    Json,
    NotSeenError,
    Observed,
    Severity,
    Verdict,
    failed,
    manual,
    not_applicable,
    passed,
    require,
)
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
PUBLIC_ACCESS = "s3_bucket_public_access"
"""The family that all four settings of the public access block make pass."""
BLOCK_FOR_GOOD = "Block public access with an S3 policy of AWS Organizations, which member accounts cannot undo."
PUT_POLICY = (
    "aws s3api put-bucket-policy --region {resource.region} --bucket {resource.name} --policy file://bucket-policy.json"
)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="No action is needed for most buckets: S3 applies default encryption to every bucket.",
        asset="Set default encryption for bucket {resource.name}.",
        command="aws s3api put-bucket-encryption --region {resource.region} --bucket {resource.name} "
        "--server-side-encryption-configuration file://encryption.json",
        preventive="Deny s3:PutEncryptionConfiguration to all but the platform team with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_default_encryption_enabled(_bucket: Bucket, encryption: Observed[BucketEncryption]) -> Verdict:
    """S3 buckets encrypt new objects by default.

    Encryption protects objects where the storage itself is accessed. Since January 2023, S3 applies default encryption
    to every bucket, so this normally passes; older benchmarks still require it.
    """
    algorithms = encryption.value.algorithms
    return require(
        bool(algorithms),
        then=f"new objects are encrypted with {', '.join(algorithms)}; S3 applies a default to every bucket",
        otherwise="the bucket has no default encryption",
        algorithms=list(algorithms),
    )


@control(
    Severity.HIGH,
    family=PUBLIC_ACCESS,
    facts=(AccountPublicAccessBlock, BucketPublicAccessBlock),
    fix=Fix(
        service_wide="Enable all four settings for the whole account, or for the organization with an S3 policy.",
        service_wide_command=BLOCK_ACCOUNT,
        asset="Enable all four settings for bucket {resource.name}, unless its data is intended to be public.",
        command=BLOCK_BUCKET,
        preventive=BLOCK_FOR_GOOD,
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_effective_public_access_blocked(bucket: Bucket, account: AccountFacts) -> Verdict:
    """Public access to every S3 bucket is blocked.

    A single policy or grant can make a bucket public. The four settings of the public access block prevent this,
    whether they are enabled for the bucket, its account or the organization.
    """
    block = effective_block(account, bucket)
    lacking = [setting for setting in SETTINGS if not block.holds(setting)]
    return require(
        not lacking,
        then="all four settings are enabled for the bucket, its account or its organization",
        otherwise=f"not enabled for the bucket or its account: {', '.join(lacking)}",
        **block.evidence,
    )


@control(
    Severity.LOW,
    facts=(MacieSession, MacieDiscovery),
    fix=Fix(
        service_wide="Enable automated discovery for all members in Macie's delegated administrator account, or "
        "declare the accounts that another tool covers in [thresholds] accept_alternative_data_discovery.",
        service_wide_command="aws macie2 update-automated-discovery-configuration --status ENABLED "
        "--auto-enable-organization-members ALL",
        asset="Cover bucket {resource.name} with automated discovery or a job of Macie.",
        command="aws macie2 update-automated-discovery-configuration --region {resource.region} --status ENABLED",
        preventive="Enable every new account automatically from Macie's delegated administrator account.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_macie_covered(
    bucket: Bucket, account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """Sensitive data discovery covers every S3 bucket.

    Sensitive data can be protected only where its location is known. Macie finds personal data and credentials in
    objects, through automated discovery or a job that covers the bucket, in the account itself or from Macie's
    administrator account.
    """
    if bucket.account_id in thresholds.accept_alternative_data_discovery:
        return manual(DISCOVERED_OTHERWISE, account=bucket.account_id)
    found = macie_coverage(bucket, account, organization)
    if found.by:
        return passed(f"Macie covers the bucket: {', '.join(found.by)}", by=list(found.by))
    if found.unsure:
        reason = f"{', '.join(found.unsure)} may cover the bucket; a person must review in Macie whether it does"
        return manual(reason, unsure=list(found.unsure))
    return failed("neither a Macie job nor automated discovery covers the bucket", region=bucket.region)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Decide which buckets hold data that must not be deleted, and accept the others in the register: "
        "only the root user can enable MFA delete, and it excludes lifecycle rules.",
        asset="Sign in as the root user with its MFA device and enable MFA delete for bucket {resource.name}.",
        command="aws s3api put-bucket-versioning --region {resource.region} --bucket {resource.name} "
        "--versioning-configuration Status=Enabled,MFADelete=Enabled --mfa 'SERIAL_NUMBER CODE'",
        preventive="Protect data that must be kept with Object Lock in compliance mode, which needs no root user.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_mfa_delete_enabled(_bucket: Bucket, versioning: Observed[BucketVersioning]) -> Verdict:
    """Permanent deletion of S3 object versions requires MFA.

    With MFA delete, stolen access keys are not sufficient to destroy old versions or to suspend versioning.
    """
    seen = versioning.value
    off = [name for name, on in (("versioning", seen.enabled), ("MFA delete", seen.mfa_delete)) if not on]
    return require(
        not off,
        then="versioning and MFA delete are enabled",
        otherwise=f"not enabled: {' and '.join(off)}",
        versioning=seen.enabled,
        mfa_delete=seen.mfa_delete,
    )


PUBLIC = (AccountPublicAccessBlock, BucketPublicAccessBlock, BucketPolicy, BucketAcl)
CLOSE = Fix(
    service_wide="Block public access for the whole account; serve public content through CloudFront.",
    service_wide_command=BLOCK_ACCOUNT,
    asset="Remove the statements and grants that make bucket {resource.name} public, or block public access to it.",
    command=BLOCK_BUCKET,
    preventive=BLOCK_FOR_GOOD,
    effort=Effort.M,
    per_resource=False,
    disruption=Disruption.NONE,
    reversible=True,
)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Enable versioning for every bucket with an AWS Config rule and its remediation.",
        asset="Enable versioning for bucket {resource.name}, and delete old versions with a lifecycle rule.",
        command="aws s3api put-bucket-versioning --region {resource.region} --bucket {resource.name} "
        "--versioning-configuration Status=Enabled",
        preventive="Create buckets only from a template that enables versioning.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_versioning_enabled(_bucket: Bucket, versioning: Observed[BucketVersioning]) -> Verdict:
    """S3 buckets have versioning enabled.

    Without versioning, objects that are overwritten or deleted cannot be recovered, whether the cause is a mistake or
    an attack with ransomware.
    """
    return require(versioning.value.enabled, then="versioning is enabled", otherwise="versioning is not enabled")


@control(Severity.CRITICAL, family=PUBLIC_ACCESS, facts=PUBLIC, fix=CLOSE)
def s3_bucket_private(bucket: Bucket, account: AccountFacts) -> Verdict:
    """S3 buckets are not public.

    Scanners find public buckets within hours. The bucket's policy and access control list count as far as the public
    access block of the bucket, its account or the organization does not override them.
    """
    found = exposure(account, bucket)
    closed = "neither the policy nor the ACL allows public access"
    return judge_openings(found.openings, closed=closed, **found.block.evidence)


@control(Severity.CRITICAL, family=PUBLIC_ACCESS, facts=PUBLIC[:3], fix=CLOSE)
def s3_bucket_policy_writes_restricted(bucket: Bucket, account: AccountFacts) -> Verdict:
    """S3 bucket policies do not allow public write access.

    Public write access lets external principals store malware, replace trusted objects, delete data or cause costs.
    """
    found = write_exposure(account, bucket)
    closed = "the policy does not allow public write access"
    return judge_openings(found.openings, closed=closed, **found.block.evidence)


BY_VERSION_ONLY = (
    "the policy denies outdated TLS versions with s3:TlsVersion, and AWS does not document that this applies to plain "
    "HTTP; test a request over plain HTTP, or deny s3:* where aws:SecureTransport is false as well"
)


def _not_denied(bucket: Bucket, found: Transport, *, by_version: bool) -> str:
    """Return what the policy does not deny to requests over plain HTTP."""
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
        return f"the policy {verb} deny all actions on the bucket and its objects to every principal over {ways}"
    return f"the policy {verb} deny plain HTTP to {missing}, which leaves {example} open"


def _why(found: Transport) -> list[str]:
    """Return why statements do not deny plain HTTP."""
    notes = []
    if found.inverted:
        notes.append(f"{', '.join(found.inverted)} denies requests with TLS, but not those without")
    if found.allowing:
        notes.append(
            f"{', '.join(found.allowing)} allows access with TLS only, which does not deny plain HTTP to principals "
            "of the bucket's account that an IAM policy allows"
        )
    if found.depends_on:
        notes.append(f"what the policy denies depends on {', '.join(found.depends_on)}")
    return notes


def _plain_http_denied(name: str, title: str, rationale: str, *, by_version: bool = False) -> Control:
    """Return the control that passes where a policy denies plain HTTP; `by_version` accepts that s3:TlsVersion may."""

    def judge(bucket: Bucket, policy: Observed[BucketPolicy]) -> Verdict:
        if policy.value.document is None:
            return failed("the bucket has no policy that denies plain HTTP")
        found = transport_of(policy.value)
        evidence: dict[str, Json] = {
            "bucket": found.plain_http.on_bucket,
            "objects": found.plain_http.on_objects,
            "policy_sha256": policy.value.digest,
        }
        if found.plain_http.is_whole:
            return passed("the policy denies plain HTTP to every principal", **evidence)
        if by_version and found.by_version:
            return manual(BY_VERSION_ONLY, **evidence)
        reason = "; ".join((_not_denied(bucket, found, by_version=by_version), *_why(found)))
        return failed(reason, **evidence) if found.plain_http.is_partial else manual(reason, **evidence)

    return control(
        Severity.MEDIUM,
        family="s3_bucket_plain_http",
        id=name,
        title=title,
        rationale=rationale,
        fix=Fix(
            service_wide="Add the same Deny to every bucket policy with an AWS Config rule and its remediation.",
            asset="Deny s3:* on bucket {resource.name} and its objects to principal * where aws:SecureTransport is "
            "false, and keep the policy's other statements.",
            command=PUT_POLICY,
            preventive="Deny s3:* where aws:SecureTransport is false with a resource control policy for all accounts.",
            effort=Effort.S,
            per_resource=True,
            disruption=Disruption.NONE,
            reversible=True,
        ),
    )(judge)


s3_bucket_http_denied = _plain_http_denied(
    "s3_bucket_http_denied",
    "S3 bucket policies deny plain HTTP",
    "Data that is sent without TLS can be read and changed in transit, signatures included. The policy has to deny "
    "plain HTTP to every principal, for the bucket as well as for its objects. An Allow that requires TLS is not "
    "sufficient: it does not restrict principals that an IAM policy of the bucket's own account allows.",
)
s3_bucket_tls_required = _plain_http_denied(
    "s3_bucket_tls_required",
    "S3 bucket policies deny plain HTTP or outdated TLS versions",
    "Data that is sent without TLS, or with a version that has known vulnerabilities, can be read and changed in "
    "transit. S3 does not accept versions below 1.2, so a policy has to deny plain HTTP. A Deny with s3:TlsVersion "
    "alone needs a review, because AWS does not document which version a request without TLS has.",
    by_version=True,
)


def _judge_block(block: PublicAccessBlock, whose: str) -> Verdict:
    """Return whether all settings of one block are on; raises NotSeenError where one that was not seen decides it."""
    off = [setting for setting in SETTINGS if setting not in block.on and setting not in block.unseen]
    if not off and block.unseen:
        raise NotSeenError(next(iter(block.unseen.values())))
    return require(
        not off,
        then=f"all four settings are enabled for {whose}",
        otherwise=f"not enabled for {whose}: {', '.join(off)}",
        enabled=sorted(block.on),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable all four settings for the organization with an S3 policy.",
        asset="Enable all four settings for account {account}, after a review of buckets that are intended to be "
        "public.",
        command=BLOCK_ACCOUNT,
        preventive=BLOCK_FOR_GOOD,
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_account_public_access_blocked(found: AccountPublicAccessBlock) -> Verdict:
    """The account blocks public access to S3.

    The block of the account covers buckets that are created later, whoever creates them. Where the organization has an
    S3 policy, S3 answers with that.
    """
    return _judge_block(found.block, "the account")


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Create buckets from a template that enables all four settings.",
        asset="Enable all four settings for bucket {resource.name} itself.",
        command=BLOCK_BUCKET,
        preventive="Deny s3:PutBucketPublicAccessBlock to all but the platform team with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_public_access_blocked(_bucket: Bucket, found: Observed[BucketPublicAccessBlock]) -> Verdict:
    """S3 buckets block public access themselves.

    A block of its own keeps a bucket private when the block of its account is lifted for the sake of another bucket.
    Blocks of the account and the organization do not count here.
    """
    return _judge_block(found.value.block, "the bucket")


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Grant other accounts roles in the bucket's account, or the actions on objects that they need.",
        asset="Remove the actions that change its protection from the policy of bucket {resource.name}, or declare the "
        "account in [thresholds] trusted_bucket_accounts.",
        command=PUT_POLICY,
        preventive="Deny these actions to principals outside the organization with a resource control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_cross_account_changes_restricted(
    bucket: Bucket, policy: Observed[BucketPolicy], thresholds: Thresholds
) -> Verdict:
    """S3 bucket policies do not let other accounts change a bucket's protection.

    Whoever may change the policy, the access control lists or the encryption of a bucket can open it to others.
    Accounts of the same organization count as other accounts unless they are declared, and conditions do not help.
    """
    parsed = policy.value.parsed
    if parsed is None:
        return not_applicable("the bucket has no policy")
    grants = protection_grants(parsed, {bucket.account_id, *thresholds.trusted_bucket_accounts})
    outside = [each.describe(each.outsiders) for each in grants if each.outsiders]
    unclear = [each.describe(each.unclear) for each in grants if each.unclear]
    conditions = [condition for each in grants for condition in each.conditions]
    evidence: dict[str, Json] = {"conditions": conditions, "policy_sha256": policy.value.digest}
    if outside:
        return failed("; ".join(outside), **evidence)
    if unclear:
        return manual(f"{'; '.join(unclear)}; a person must review whose principals these are", **evidence)
    return passed("the policy lets no other account change the bucket's protection", **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create one log bucket in each account and region, and enable access logs in the bucket template.",
        asset="Enable the access log of bucket {resource.name}, unless CloudTrail data events record the same.",
        command="aws s3api put-bucket-logging --region {resource.region} --bucket {resource.name} "
        "--bucket-logging-status file://logging.json",
        preventive="Create buckets only from a template that enables access logs.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_access_logging_enabled(_bucket: Bucket, logging: Observed[BucketLogging]) -> Verdict:
    """S3 buckets have an access log.

    After an incident, only a log of requests shows which objects were read. Buckets that receive such logs are judged
    like all others.
    """
    seen = logging.value
    return require(
        bool(seen.target),
        then=f"requests are logged to bucket {seen.target}",
        otherwise="the bucket has no access log",
        target=seen.target,
        prefix=seen.prefix,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set default encryption with KMS in the bucket template, with bucket keys to limit costs.",
        asset="Set default encryption with a KMS key for bucket {resource.name}, unless it receives access logs, which "
        "require AES256.",
        command="aws s3api put-bucket-encryption --region {resource.region} --bucket {resource.name} "
        "--server-side-encryption-configuration file://encryption.json",
        preventive="Deny s3:PutObject without KMS encryption with a resource control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_kms_encrypted(_bucket: Bucket, encryption: Observed[BucketEncryption]) -> Verdict:
    """S3 buckets encrypt new objects with KMS by default.

    With a KMS key, reading an object needs permission for the key too, and CloudTrail records each use of it. The AWS
    managed key is sufficient.
    """
    algorithms = encryption.value.algorithms
    return require(
        bool(algorithms) and all(each.startswith("aws:kms") for each in algorithms),
        then=f"new objects are encrypted with {', '.join(algorithms)}",
        otherwise=f"new objects are not encrypted with KMS by default, but with {', '.join(algorithms) or 'AES256'}",
        algorithms=list(algorithms),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace access control lists with bucket policies, and disable them in the bucket template.",
        asset="Disable the access control lists of bucket {resource.name}, after its policy grants what they grant.",
        command="aws s3api put-bucket-ownership-controls --region {resource.region} --bucket {resource.name} "
        "--ownership-controls 'Rules=[{{ObjectOwnership=BucketOwnerEnforced}}]'",
        preventive="Deny s3:CreateBucket where s3:x-amz-object-ownership is not BucketOwnerEnforced.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def s3_bucket_acl_disabled(_bucket: Bucket, ownership: Observed[BucketOwnership], acl: Observed[BucketAcl]) -> Verdict:
    """S3 buckets do not grant access with access control lists.

    Lists are easily overlooked beside policies, and those of single objects can differ. Where they are not disabled,
    the bucket's own list may grant access to its owner only.
    """
    held = ownership.value.ownership
    if held == "BucketOwnerEnforced":
        return passed("access control lists are disabled", ownership=held)
    owner = acl.value.owner.value
    others = [f"{each.permission} to {each.grantee}" for each in acl.value.grants if each.grantee != owner]
    return require(
        not others,
        then="the access control list grants access to the owner only",
        otherwise=f"the access control list grants {', '.join(others)}",
        ownership=held,
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Set lifecycle rules in the bucket template, by the class of the data.",
        asset="Add lifecycle rules to bucket {resource.name} that expire what is not needed anymore.",
        command="aws s3api put-bucket-lifecycle-configuration --region {resource.region} --bucket {resource.name} "
        "--lifecycle-configuration file://lifecycle.json",
        preventive="Create buckets only from a template that has lifecycle rules.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def s3_bucket_lifecycle_configured(_bucket: Bucket, lifecycle: Observed[BucketLifecycle]) -> Verdict:
    """S3 buckets have lifecycle rules.

    Data that nobody deletes is kept longer than required, costs money and increases the harm of a leak.
    """
    seen = lifecycle.value
    none = "no lifecycle rule is enabled" if seen.disabled else "the bucket has no lifecycle rules"
    return require(
        bool(seen.enabled),
        then=f"lifecycle rules that are enabled: {len(seen.enabled)}",
        otherwise=none,
        enabled=list(seen.enabled),
        disabled=list(seen.disabled),
    )
