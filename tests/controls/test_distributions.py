"""What the controls on the origins, viewers and certificates of distributions say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls import cloudfront
from orgaudit.controls.declare import Control
from orgaudit.facts.cloudfront import KEY_GROUPS, Behavior, Distribution, DistributionRoot, OriginBuckets
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Observed, Seen
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    HOME,
    MEMBER,
    SECURITY,
    Case,
    denied,
    every,
    facts_of,
    failing,
    idle,
    name_of,
    organization_of,
    passing,
    unseen,
)
from tests.factories_front_ends import a_distribution, an_origin

USUAL = Thresholds()
STRICTER = Thresholds(cloudfront_refused_origin_protocols=("SSLv3", "TLSv1"))
CUSTOM, TENANTS = a_distribution(), a_distribution(multi_tenant=True)
S3 = an_origin("files", "files.s3.eu-west-1.amazonaws.com", "")
WEBSITE = an_origin("site", "site.s3-website-eu-west-1.amazonaws.com", "http-only")
URL = an_origin("call", "abc123.lambda-url.eu-west-1.on.aws")
OF_BUCKET = a_distribution(origins=(S3,), access_controls={"files": "OAC1"})
UNSEEN = a_distribution(origins=denied())
OUTSIDE, INSIDE = (
    organization_of(
        facts_of(MEMBER),
        facts_of(SECURITY, *(Bucket(arn=f"arn:aws:s3:::{name}", account_id=SECURITY, region=HOME) for name in names)),
    )
    for names in ((), ("files",))
)


def root(name: str) -> Seen[DistributionRoot]:
    return Seen(DistributionRoot(arn=CUSTOM.arn, root_object=name))


def exists(files: Observed[bool]) -> Seen[OriginBuckets]:
    return Seen(OriginBuckets(arn=CUSTOM.arn, exists={"files": files}))


def serving(viewers: str, further: str = "https-only", **changes: Any) -> Distribution:
    behaviors = (Behavior("*", "one", viewers), Behavior("/api/*", "pair", further))
    return a_distribution(behaviors=behaviors, **changes)


def following(viewers: str, further: str = "https-only", **changes: Any) -> Distribution:
    return serving(viewers, further, origins=(an_origin(protocol="match-viewer"),), **changes)


def speaking(*versions: str, protocol: str = "https-only") -> Distribution:
    origin = an_origin(protocol=protocol)
    return a_distribution(origins=(type(origin)(origin.id, origin.domain, origin.protocol, versions),))


CASES: dict[Control, tuple[Case, ...]] = {
    cloudfront.cloudfront_distribution_default_root_object_set: (
        passing("set", OF_BUCKET, root("index.html"), says="index.html"),
        failing("not set", OF_BUCKET, root(""), says="no default root object"),
        failing("mixed origins", a_distribution(origins=(S3, an_origin())), root(""), says="no default root object"),
        idle("custom", CUSTOM, denied(), says="no origin is an S3 bucket"),
        idle("website", a_distribution(origins=(WEBSITE,)), root(""), says="no origin is an S3 bucket"),
        unseen("denied", OF_BUCKET, denied()),
        unseen("origins unseen", UNSEEN, root("")),
    ),
    cloudfront.cloudfront_distribution_viewer_https_required: (
        passing("redirected", serving("redirect-to-https")),
        failing("default", serving("allow-all"), says="paths *"),
        failing("further", serving("https-only", "allow-all"), says="paths /api/*"),
        unseen("behaviors unseen", a_distribution(behaviors=denied())),
    ),
    cloudfront.cloudfront_distribution_origin_failover_configured: (
        passing("pair", CUSTOM, says="pair"),
        failing("none", a_distribution(groups={}), says="no origin group"),
        failing("one member", a_distribution(groups={"alone": ("one",)}), says="no origin group"),
        unseen("groups unseen", a_distribution(groups=denied())),
    ),
    cloudfront.cloudfront_distribution_waf_attached: (
        passing("WAF", CUSTOM, says="of AWS WAF is"),
        passing("WAF Classic", a_distribution(web_acl="473e64fd-f30b"), says="AWS WAF Classic"),
        failing("none", a_distribution(web_acl=""), says="no web ACL"),
        unseen("unseen", a_distribution(web_acl=denied())),
    ),
    cloudfront.cloudfront_distribution_custom_certificate_used: (
        passing("ACM", CUSTOM, says="certificate/1"),
        passing("IAM", a_distribution(certificate="ASCAEXAMPLE")),
        failing("default", a_distribution(certificate=""), says="default certificate"),
        idle("tenants", TENANTS, says="tenants"),
        unseen("unseen", a_distribution(certificate=denied())),
    ),
    cloudfront.cloudfront_distribution_sni_used: (
        passing("SNI", CUSTOM),
        failing("dedicated", a_distribution(certificate_served_by="vip"), says="method vip"),
        failing("default", a_distribution(certificate="", certificate_served_by=denied()), says="default certificate"),
        idle("tenants", TENANTS, says="tenants"),
        unseen("method unseen", a_distribution(certificate_served_by=denied())),
    ),
    cloudfront.cloudfront_distribution_origin_traffic_encrypted: (
        passing("HTTPS", CUSTOM),
        passing("follows viewers over HTTPS", following("redirect-to-https")),
        failing("HTTP", a_distribution(origins=(WEBSITE,)), says="over HTTP only"),
        failing("follows viewers", following("allow-all"), says="paths * serve plain HTTP"),
        failing("through a group", following("https-only", "allow-all"), says="paths /api/* serve"),
        passing("another origin is open", following("https-only", "allow-all", groups={"pair": ("two", "three")})),
        idle("bucket", OF_BUCKET, says="no origin is a custom origin"),
        unseen("origins unseen", UNSEEN),
        unseen("behaviors unseen", a_distribution(origins=(an_origin(protocol="match-viewer"),), behaviors=denied())),
    ),
    cloudfront.cloudfront_distribution_origin_protocols_current: (
        passing("TLS 1.2", CUSTOM, USUAL),
        passing("TLS 1.0 is accepted", speaking("TLSv1", "TLSv1.2"), USUAL),
        failing("TLS 1.0 is refused", speaking("TLSv1", "TLSv1.2"), STRICTER, says="with TLSv1"),
        failing("SSL 3", speaking("SSLv3", "TLSv1.2"), USUAL, says="www.example.com with SSLv3"),
        failing("SSL 3, HTTP only", speaking("SSLv3", protocol="http-only"), USUAL, says="SSLv3"),
        idle("bucket", OF_BUCKET, USUAL, says="no origin is a custom origin"),
        unseen("origins unseen", UNSEEN, USUAL),
    ),
    cloudfront.cloudfront_distribution_s3_origins_exist: (
        passing("of the organization", OF_BUCKET, denied(), INSIDE),
        passing("of another account", OF_BUCKET, exists(Seen(True)), OUTSIDE),
        failing("missing", OF_BUCKET, exists(Seen(False)), OUTSIDE, says="do not exist: files"),
        idle("custom", CUSTOM, denied(), OUTSIDE, says="no origin is an S3 bucket"),
        unseen("denied", OF_BUCKET, denied(), OUTSIDE),
        unseen("bucket unseen", OF_BUCKET, exists(denied()), OUTSIDE),
    ),
    cloudfront.cloudfront_distribution_s3_origin_access_controlled: (
        passing("controlled", OF_BUCKET),
        failing("open", a_distribution(origins=(S3,), access_controls={"files": ""}), says=S3.domain),
        idle("custom", CUSTOM, says="no origin is an S3 bucket"),
        idle("website", a_distribution(origins=(WEBSITE,)), says="no origin is an S3 bucket"),
        unseen("access unseen", a_distribution(origins=(S3,), access_controls=denied())),
    ),
    cloudfront.cloudfront_distribution_lambda_origin_access_controlled: (
        passing("controlled", a_distribution(origins=(URL,), access_controls={"call": "OAC1"})),
        failing("open", a_distribution(origins=(URL,), access_controls={"call": ""}), says=URL.domain),
        idle("custom", CUSTOM, says="no origin is the URL"),
        unseen("access unseen", a_distribution(origins=(URL,), access_controls=denied())),
    ),
    cloudfront.cloudfront_distribution_tls_policy_recommended: (
        *(passing(each, a_distribution(tls_policy=each), USUAL) for each in USUAL.cloudfront_tls_policies),
        failing("older", a_distribution(tls_policy="TLSv1.2_2019"), USUAL, says="TLSv1.2_2019"),
        passing(
            "accepted", a_distribution(tls_policy="TLSv1.2_2019"), Thresholds(cloudfront_tls_policies=("TLSv1.2_2019",))
        ),
        idle("default certificate", a_distribution(certificate=""), USUAL, says="cannot be set"),
        idle("dedicated", a_distribution(certificate_served_by="static-ip"), USUAL, says="without SNI"),
        unseen("policy unseen", a_distribution(tls_policy=denied()), USUAL),
    ),
    cloudfront.cloudfront_distribution_trusted_key_groups_used: (
        passing("key groups", CUSTOM),
        failing(
            "accounts too", a_distribution(signers={"*": (KEY_GROUPS, "accounts")}), says="key groups and accounts"
        ),
        failing("accounts", a_distribution(signers={"*": ("accounts",)}), says="* trusts accounts"),
        failing("nothing", a_distribution(signers={"*": (KEY_GROUPS,), "/a": ()}), says="/a trusts no signer"),
        idle("tenants", TENANTS, says="multi-tenant"),
        unseen("signers unseen", a_distribution(signers=denied())),
    ),
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason


def test_owner_of_a_bucket_is_in_the_evidence() -> None:
    inside = cloudfront.cloudfront_distribution_s3_origins_exist(OF_BUCKET, denied(), INSIDE)
    outside = cloudfront.cloudfront_distribution_s3_origins_exist(OF_BUCKET, exists(Seen(True)), OUTSIDE)
    assert inside.evidence["owners"] == {"files": SECURITY}
    assert outside.evidence["owners"] == {"files": "not in the organization"}
