"""Repositories, search domains and backup vaults, and a role that trusts everyone."""

from typing import Any

from moto.backup.models import backup_backends
from moto.ecr.models import ecr_backends
from moto.iam.models import iam_backends
from moto.opensearch.models import opensearch_backends

from orgaudit.demo.organization import account_named
from orgaudit.demo.roles import add_role, document
from orgaudit.demo.world import World

_REPOSITORIES = (
    ("Shared Services", "eu-west-1", "base/python", False),
    ("Sandbox Platform", "us-east-1", "try-out", True),
)
_DOMAINS = (
    ("Webshop Production", "eu-west-1", "catalogue", False),
    ("Sandbox Data Science", "eu-west-1", "papers", True),
)
_VAULTS = (
    ("Payments Production", "eu-central-1", "daily", False),
    ("Sandbox Platform", "us-east-1", "shared-copies", True),
)
"""Each with its account and region, and whether its policy lets everyone in."""
_DEFAULTS: dict[str, Any] = dict.fromkeys(
    (
        *("cluster_config", "ebs_options", "snapshot_options", "vpc_options", "cognito_options"),
        *(
            "encryption_at_rest_options",
            "node_to_node_encryption_options",
            "advanced_options",
            "log_publishing_options",
        ),
        *("domain_endpoint_options", "advanced_security_options", "tag_list", "auto_tune_options"),
        *(
            "off_peak_window_options",
            "software_update_options",
            "elasticsearch_version",
            "elasticsearch_cluster_config",
        ),
    )
)
"""What moto takes of a domain beside its name and policy; for None it has defaults of its own."""
_TRUSTING = ("Sandbox Platform", "deploy-from-anywhere")


def seed(world: World) -> None:
    """Create all of it."""
    for name, region, repository, shared in _REPOSITORIES:
        ecr = ecr_backends[account_named(name).id][region]
        ecr.create_repository(repository, None, {}, None, "MUTABLE", [])
        if shared:
            ecr.set_repository_policy("", repository, _everyone("ecr:BatchGetImage"))
    for name, region, domain, shared in _DOMAINS:
        _domain(account_named(name).id, region, domain, shared=shared)
    for name, region, vault, shared in _VAULTS:
        made = backup_backends[account_named(name).id][region].create_backup_vault(vault, {}, "", "")
        if shared:
            world.vault_policies[made.backup_vault_arn] = _everyone("backup:CopyIntoBackupVault", Resource="*")
    account, role = _TRUSTING
    add_role(iam_backends[account_named(account).id]["aws"], role, {"AWS": "*"})


def _domain(account: str, region: str, name: str, *, shared: bool) -> None:
    arn = f"arn:aws:es:{region}:{account}:domain/{name}"
    backend = opensearch_backends[account][region]
    made = backend.create_domain(
        domain_name=name,
        engine_version="OpenSearch_2.19",
        access_policies=_everyone("es:ESHttp*", Resource=f"{arn}/*") if shared else "",
        is_es=False,
        **_DEFAULTS,
    )
    made.vpc_options = {}


def _everyone(action: str, **more: str) -> str:
    return document([{"Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": action, **more}])
