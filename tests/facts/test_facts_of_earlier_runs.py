"""Facts that an earlier version collected: what they lack is a gap, and no control passes or fails by it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orgaudit.controls.rds import instances, settings
from orgaudit.controls.s3 import s3_bucket_acl_disabled
from orgaudit.facts.apigateway import RestApiStage
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.facts.cloudfront import Distribution
from orgaudit.facts.declare import UNREAD, FactType
from orgaudit.facts.ec2.acls import NetworkAcl
from orgaudit.facts.ec2.instances import Instance
from orgaudit.facts.ecs import EcsCluster
from orgaudit.facts.elb import ClassicLoadBalancer
from orgaudit.facts.elbv2 import LoadBalancer
from orgaudit.facts.iam.authorization import CustomerPolicy
from orgaudit.facts.kms import KeyDescription
from orgaudit.facts.lambda_ import Function
from orgaudit.facts.opensearch import SearchDomain
from orgaudit.facts.rds import DatabaseCluster, DatabaseInstance
from orgaudit.facts.s3.buckets import BucketAcl, BucketOwnership
from orgaudit.facts.secretsmanager import Secret
from orgaudit.model import Seen, Status
from tests.factories_rds import an_instance
from tests.factories_s3 import a_bucket, acl_of

LATER: dict[FactType, tuple[str, ...]] = {
    RestApiStage: ("log_levels", "has_cache", "caches", "traced", "web_acl", "client_certificate"),
    ApiStage: ("log_levels",),
    Distribution: (
        "origins",
        "access_controls",
        "groups",
        "behaviors",
        "signers",
        "certificate",
        "certificate_served_by",
        "tls_policy",
        "web_acl",
    ),
    NetworkAcl: ("in_use",),
    Instance: ("public_address", "ipv6_addresses", "interfaces", "virtualization", "changed_at", "launched_at"),
    EcsCluster: ("status", "insights"),
    ClassicLoadBalancer: ("zones", "listeners"),
    LoadBalancer: ("zones",),
    CustomerPolicy: ("services",),
    Function: ("runtime",),
    SearchDomain: (
        "engine",
        "fine_grained",
        "encrypted",
        "nodes_encrypted",
        "logs",
        "zone_aware",
        "data_nodes",
        "masters",
        "https_only",
        "tls_policy",
        "update_available",
    ),
    DatabaseCluster: (
        "encrypted",
        "deletion_protected",
        "backup_days",
        "logs",
        "mode",
        "port",
        "iam_login",
        "copies_tags",
        "admin_name",
        "upgrades_minor_versions",
        "backtrack_seconds",
    ),
    DatabaseInstance: (
        "status",
        "monitoring_seconds",
        "deletion_protected",
        "logs",
        "iam_login",
        "backup_days",
        "copies_tags",
        "admin_name",
    ),
    BucketAcl: ("owner",),
    Secret: ("rotates", "due_at", "rotated_at", "created_at", "used_at", "owner", "primary_region"),
}
"""What was added to listings and details, by type."""
WORDS_ONLY: set[tuple[FactType, str]] = {
    (Distribution, "multi_tenant"),
    (CustomerPolicy, "bounds"),
    (KeyDescription, "deletes_at"),
    (SearchDomain, "updates_at"),
    (DatabaseCluster, "global_cluster"),
    (DatabaseInstance, "replica_of"),
}
"""Added members that only explain a verdict for which another added member is needed as well."""
every_type = pytest.mark.parametrize("kind", LATER, ids=lambda kind: kind.__name__)


def earlier(fact: Any, *names: str) -> Any:
    """The fact as it is read from a shard that lacks these members, or all that were added."""
    later = {*(names or LATER[type(fact)]), *(name for kind, name in WORDS_ONLY if kind is type(fact))}
    written = msgspec.to_builtins(fact)
    return msgspec.json.decode(
        msgspec.json.encode({name: value for name, value in written.items() if name not in later}), type=type(fact)
    )


@every_type
def test_what_was_added_is_a_gap_by_default(kind: FactType) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    assert {name: defaults[name] for name in LATER[kind]} == dict.fromkeys(LATER[kind], UNREAD)


def test_an_instance_of_an_earlier_run() -> None:
    found = earlier(an_instance())
    assert found.encrypted == Seen(value=True)
    assert found.deletion_protected == UNREAD
    verdict = settings.rds_instance_deletion_protected(found)
    assert (verdict.status, verdict.gap) == (Status.NOT_ASSESSED, UNREAD)
    assert "audit again" in verdict.reason
    assert instances.rds_instance_storage_encrypted(found).status is Status.PASS


def test_the_owner_of_a_list_of_an_earlier_run_is_not_taken_for_another_account() -> None:
    bucket = a_bucket("data")
    ownership = Seen(BucketOwnership(arn=bucket.arn, ownership="ObjectWriter"))
    verdict = s3_bucket_acl_disabled(bucket, ownership, Seen(earlier(acl_of(bucket))))
    assert verdict.status is Status.NOT_ASSESSED
