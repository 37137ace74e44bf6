"""Resources with a policy of their own, some of them public: keys, queues, functions, repositories, vaults …"""

import inspect
import json
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.backup.models import backup_backends
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.opensearch.models import opensearch_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.seeding.policies import add_role, document, public

_EMPTY_ARCHIVE = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
_SHOP, _PAYMENTS = ("Webshop Production", "eu-west-1"), ("Payments Production", "eu-central-1")
_SANDBOX, _SCIENCE = ("Sandbox Platform", "us-east-1"), ("Sandbox Data Science", "eu-west-1")
_TESTS = ("Payments Development", "eu-west-1")

_KEYS = (
    (*_SHOP, "orders", True, False),
    (*_PAYMENTS, "ledger", True, False),
    (*_TESTS, "ledger-test", False, False),
    (*_SANDBOX, "shared-by-all", False, True),
)
"""Keys by account, region and alias: whether they rotate, and whether they are public."""
_QUEUES = ((*_SHOP, "orders", False), (*_SCIENCE, "inbox", True))
_TOPICS = ((*_PAYMENTS, "settlements", False), (*_SANDBOX, "broadcast", True))
_SECRETS = ((*_PAYMENTS, "ledger/password", False), (*_SANDBOX, "demo/password", True))
_FUNCTIONS = ((*_SHOP, "resize-images", False), (*_TESTS, "callback", True))
_REPOSITORIES = (("Shared Services", "eu-west-1", "base/python", False), (*_SANDBOX, "try-out", True))
_DOMAINS = ((*_SHOP, "catalogue", False), (*_SCIENCE, "papers", True))
_VAULTS = ((*_PAYMENTS, "daily", False), (*_SANDBOX, "shared-copies", True))
"""Other resources by account, region and name: whether they are public."""
_PUBLIC_BUS = _SCIENCE
_BUSES = ((*_SHOP, "orders", True), (*_TESTS, "callbacks", False))
"""Custom event buses by account, region and name: whether they have a policy."""
_ROLE_THAT_TRUSTS_EVERYONE = ("Sandbox Platform", "deploy-from-anywhere")


def seed_stores(state: ExtraState) -> None:
    """Create repositories, search domains and backup vaults, and a role that trusts every account."""
    for name, region, repository, shared in _REPOSITORIES:
        ecr = ecr_backends[account_named(name).id][region]
        ecr.create_repository(repository, None, {}, None, "MUTABLE", [])
        if shared:
            ecr.set_repository_policy("", repository, document([public("ecr:BatchGetImage", None)]))
    for name, region, domain, shared in _DOMAINS:
        _domain(account_named(name).id, region, domain, shared=shared)
        if shared:
            state.outdated_domains.add(domain)
    for name, region, vault, shared in _VAULTS:
        made = backup_backends[account_named(name).id][region].create_backup_vault(vault, {}, "", "")
        if shared:
            state.vault_policies[made.backup_vault_arn] = document([public("backup:CopyIntoBackupVault")])
    account, role = _ROLE_THAT_TRUSTS_EVERYONE
    add_role(iam_backends[account_named(account).id]["aws"], role, {"AWS": "*"})


def seed() -> None:
    """Create keys, queues, topics, secrets and functions, and open an event bus."""
    for name, region, alias, rotates, shared in _KEYS:
        add_key(account_named(name).id, region, alias, rotates=rotates, shared=shared)
    for name, region, queue, shared in _QUEUES:
        made = sqs_backends[account_named(name).id][region].create_queue(queue, SqsManagedSseEnabled=not shared)
        if shared:
            made.policy = document([public("sqs:SendMessage", made.queue_arn)])
    for name, region, topic, shared in _TOPICS:
        added = sns_backends[account_named(name).id][region].create_topic(topic)
        if shared:
            added.policy = document([public("sns:Publish", added.arn)])
    for name, region, secret, shared in _SECRETS:
        backend = secretsmanager_backends[account_named(name).id][region]
        backend.create_secret(secret, "not-a-real-one", None, None, [], None, None, [], False)
        if shared:
            backend.put_resource_policy(secret, document([public("secretsmanager:GetSecretValue")]))
    for name, region, function, shared in _FUNCTIONS:
        _function(account_named(name).id, region, function, shared=shared)
    name, region = _PUBLIC_BUS
    account_id = account_named(name).id
    policy = document([public("events:PutEvents", f"arn:aws:events:{region}:{account_id}:event-bus/default")])
    events_backends[account_id][region].put_permission("", "", "", "", {}, policy)
    for name, region, bus, restricted in _BUSES:
        _bus(account_named(name).id, region, bus, restricted=restricted)


def _bus(account: str, region: str, name: str, *, restricted: bool) -> None:
    """Create an event bus; a restricted one has a policy that lets another account of the organization send events."""
    events = events_backends[account][region]
    made = events.create_event_bus(name)
    if restricted:
        sender = f"arn:aws:iam::{account_named('Payments Production').id}:root"
        statement = {"Sid": "Payments", "Effect": "Allow", "Principal": {"AWS": sender}, "Action": "events:PutEvents"}
        events.put_permission(name, "", "", "", {}, document([statement | {"Resource": made.arn}]))


def add_key(account: str, region: str, alias: str, *, rotates: bool, shared: bool = False) -> str:
    """Create a symmetric key with an alias, and return its ARN; a shared one is public."""
    kms = kms_backends[account][region]
    key = kms.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", alias, None)
    kms.create_alias(key.id, f"alias/{alias}")
    if rotates:
        kms.enable_key_rotation(key.id)
    if shared:
        kms.put_key_policy(key.id, document([public("kms:*")]))
    return key.arn


_GUARDED: dict[str, Any] = {
    "encryption_at_rest_options": {"Enabled": True},
    "node_to_node_encryption_options": {"Enabled": True},
    "domain_endpoint_options": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
    "advanced_security_options": {"Enabled": True},
    "cluster_config": {
        "InstanceCount": 3,
        "ZoneAwarenessEnabled": True,
        "DedicatedMasterEnabled": True,
        "DedicatedMasterCount": 3,
    },
}
"""What the domain is created with that is open to nobody."""


def _domain(account: str, region: str, name: str, *, shared: bool) -> None:
    arn = f"arn:aws:es:{region}:{account}:domain/{name}"
    backend = opensearch_backends[account][region]
    given: dict[str, Any] = {
        "domain_name": name,
        "engine_version": "OpenSearch_2.19",
        "access_policies": document([public("es:ESHttp*", f"{arn}/*")]) if shared else "",
        "is_es": False,
        **(_GUARDED | _placed(account, region, name) if not shared else {}),
    }
    # moto requires every parameter; for None it has defaults of its own.
    defaults: dict[str, Any] = dict.fromkeys(inspect.signature(backend.create_domain).parameters)
    made = backend.create_domain(**defaults | given)
    if shared:
        made.vpc_options = {}


def _placed(account: str, region: str, domain: str) -> dict[str, Any]:
    """Return the options of a domain in the first VPC of its region, with logs."""
    group = f"arn:aws:logs:{region}:{account}:log-group:/aws/opensearch/{domain}"
    logs = {"Enabled": True, "CloudWatchLogsLogGroupArn": group}
    return {
        "log_publishing_options": dict.fromkeys(("AUDIT_LOGS", "ES_APPLICATION_LOGS"), logs),
        "vpc_options": {"VPCId": next(iter(ec2_backends[account][region].vpcs))},
    }


def _function(account: str, region: str, name: str, *, shared: bool) -> None:
    role = add_role(iam_backends[account]["aws"], f"{name}-function", {"Service": "lambda.amazonaws.com"})
    function = lambda_backends[account][region].create_function({
        "FunctionName": name,
        "Runtime": "nodejs18.x" if shared else "python3.13",
        "Handler": "main.handle",
        "Role": role,
        "Code": {"ZipFile": _EMPTY_ARCHIVE},
    })  # fmt: skip
    permission = {"StatementId": "invoke", "Action": "lambda:InvokeFunction"}
    principal = {"Principal": "*"} if shared else {"Principal": "s3.amazonaws.com", "SourceAccount": account}
    function.policy.add_statement(json.dumps(permission | principal))
