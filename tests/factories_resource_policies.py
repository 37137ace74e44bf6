"""Queues, topics, functions … and their policies for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from orgaudit.facts.apigateway import RestApi, RestApiPolicy
from orgaudit.facts.backup import BackupVault, BackupVaultPolicy
from orgaudit.facts.declare import Resource
from orgaudit.facts.ecr import Repository, RepositoryPolicy
from orgaudit.facts.efs import FileSystemPolicy
from orgaudit.facts.eventbridge import EventBus
from orgaudit.facts.glacier import GlacierVault, VaultPolicy
from orgaudit.facts.iam.authorization import Role
from orgaudit.facts.iam.trust import RoleTrust
from orgaudit.facts.lambda_ import Function, FunctionPolicy
from orgaudit.facts.opensearch import SearchDomain, SearchDomainPolicy
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.secretsmanager import Secret, SecretPolicy
from orgaudit.facts.sns import SnsTopic, TopicPolicy
from orgaudit.facts.sqs import Queue, QueuePolicy
from orgaudit.model import GLOBAL, Seen
from tests.factories import HOME, MEMBER, NOW, seen_all
from tests.factories_efs import a_file_system

EVERYONE = {"AWS": "*"}


def arn(service: str, part: str) -> str:
    return f"arn:aws:{service}:{HOME}:{MEMBER}:{part}"


def a_queue(name: str = "jobs") -> Queue:
    url = f"https://sqs.{HOME}.amazonaws.com/{MEMBER}/{name}"
    return Queue(arn=arn("sqs", name), account_id=MEMBER, region=HOME, url=url)


def a_topic(name: str = "news") -> SnsTopic:
    return SnsTopic(arn=arn("sns", name), account_id=MEMBER, region=HOME)


def a_function(name: str = "resize", account_id: str = MEMBER, region: str = HOME) -> Function:
    arn = f"arn:aws:lambda:{region}:{account_id}:function:{name}"
    return Function(arn=arn, account_id=account_id, region=region, runtime=Seen("python3.13"))


def a_vault(name: str = "archive") -> GlacierVault:
    return GlacierVault(arn=arn("glacier", f"vaults/{name}"), account_id=MEMBER, region=HOME)


def a_secret(name: str = "password-AbCdEf", **changes: Any) -> Secret:
    """A secret that was created today, rotates and is read."""
    values: dict[str, Any] = {
        "rotates": True,
        "due_at": NOW + timedelta(days=30),
        "rotated_at": NOW,
        "created_at": NOW,
        "used_at": NOW,
        "owner": None,
        "primary_region": None,
    }
    made = arn("secretsmanager", f"secret:{name}")
    return seen_all(Secret, arn=made, account_id=MEMBER, region=HOME, **values | changes)


def a_bus(name: str = "orders", policy: Any = None) -> EventBus:
    return EventBus(
        arn=arn("events", f"event-bus/{name}"), account_id=MEMBER, region=HOME, policy=Seen(document_of(policy or None))
    )


def a_repository(name: str = "team/web") -> Repository:
    return Repository(arn=arn("ecr", f"repository/{name}"), account_id=MEMBER, region=HOME, repository_name=name)


def a_backup_vault(name: str = "daily") -> BackupVault:
    return BackupVault(arn=arn("backup", f"backup-vault:{name}"), account_id=MEMBER, region=HOME)


def a_domain(name: str = "logs", **changes: Any) -> SearchDomain:
    values: dict[str, Any] = {
        "engine": "OpenSearch_2.11",
        "vpc_id": None,
        "signs_in": False,
        "fine_grained": True,
        "encrypted": True,
        "nodes_encrypted": True,
        "logs": frozenset({"AUDIT_LOGS", "ES_APPLICATION_LOGS"}),
        "zone_aware": True,
        "data_nodes": 3,
        "masters": 3,
        "https_only": True,
        "tls_policy": "Policy-Min-TLS-1-2-PFS-2023-10",
        "update_available": False,
    } | changes
    return seen_all(SearchDomain, arn=arn("es", f"domain/{name}"), account_id=MEMBER, region=HOME, **values)


def an_api(api_id: str = "abc", **changes: Any) -> RestApi:
    made = f"arn:aws:apigateway:{HOME}::/restapis/{api_id}"
    values = {"api_name": "orders", "private": False} | changes
    return seen_all(RestApi, arn=made, account_id=MEMBER, region=HOME, api_id=api_id, **values)


def a_role(name: str = "deploy") -> Role:
    made = f"arn:aws:iam::{MEMBER}:role/{name}"
    return seen_all(Role, arn=made, account_id=MEMBER, region=GLOBAL, inline=(), attached=())


METHODS = arn("execute-api", "abc/*")


def allow(principal: Any = EVERYONE, *, action: Any = "sqs:SendMessage", **more: Any) -> dict[str, Any]:
    """A statement that lets everyone in, or those that are given."""
    return {"Sid": "open", "Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*", **more}


def deny(principal: Any = EVERYONE, **more: Any) -> dict[str, Any]:
    return {"Sid": "shut", "Effect": "Deny", "Principal": principal, "Action": "*", "Resource": "*", **more}


def text(*statements: dict[str, Any]) -> str:
    """A policy as AWS returns it, empty without statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""


Argued = Callable[..., tuple[Any, ...]]
"""What a control is given where the policy has these statements; none without any."""


def with_detail(resource: Resource, kind: type[ResourcePolicy], **more: Any) -> Argued:
    return lambda *statements: (resource, Seen(kind(arn=resource.arn, document=document_of(text(*statements)), **more)))


QUEUE = with_detail(a_queue(), QueuePolicy)
TOPIC = with_detail(a_topic(), TopicPolicy)
FUNCTION = with_detail(a_function(), FunctionPolicy)
VAULT = with_detail(a_vault(), VaultPolicy)
SECRET = with_detail(a_secret(), SecretPolicy)
REPOSITORY = with_detail(a_repository(), RepositoryPolicy)
BACKUP_VAULT = with_detail(a_backup_vault(), BackupVaultPolicy)
DOMAIN = with_detail(a_domain(), SearchDomainPolicy)
FILE_SYSTEM = with_detail(a_file_system(), FileSystemPolicy)
API = with_detail(an_api(), RestApiPolicy, methods=METHODS)
ROLE = with_detail(a_role(), RoleTrust)


def bus_with(*statements: dict[str, Any]) -> tuple[EventBus]:
    return (a_bus(policy=text(*statements)),)
