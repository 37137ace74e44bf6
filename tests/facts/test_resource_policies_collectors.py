"""What the collectors of queues, topics, functions, vaults, secrets, buses and clusters make of literal answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from orgaudit.facts.backup import BackupVault, BackupVaultPolicy, backup_vault_policy, backup_vaults
from orgaudit.facts.declare import Aws, Collector, Resource, load
from orgaudit.facts.ecr import Repository, RepositoryPolicy, repositories, repository_policy
from orgaudit.facts.ecs import EcsCluster, clusters
from orgaudit.facts.efs import FileSystemPolicy, file_system_policy
from orgaudit.facts.eventbridge import EventBus, event_buses
from orgaudit.facts.glacier import GlacierVault, VaultPolicy, vault_policy, vaults
from orgaudit.facts.lambda_ import Function, FunctionPolicy, function_policy, functions
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.facts.secretsmanager import Secret, SecretPolicy, secret_policy, secrets
from orgaudit.facts.sns import SnsTopic, TopicPolicy, topic_policy, topics
from orgaudit.facts.sqs import Queue, QueuePolicy, queue_policy, queues
from orgaudit.languages.iam_policy import PolicyError
from orgaudit.model import Gap, GapReason, NotSeenError, Seen
from tests.factories import HOME, MEMBER, NOW
from tests.factories_efs import a_file_system
from tests.factories_resource_policies import (
    a_backup_vault,
    a_function,
    a_queue,
    a_repository,
    a_secret,
    a_topic,
    a_vault,
    allow,
    arn,
    text,
)
from tests.literal_aws import Refused, aws, drained

POLICY = text(allow())


# Listings


@dataclass(frozen=True)
class Listing:
    """A listing, the call that it makes, two pages of answers, and what they come to."""

    read: Callable[[Aws], AsyncIterator[Any]]
    call: tuple[str, str]
    pages: list[dict[str, Any]]
    empty: dict[str, Any]
    found: list[Resource]


URL = f"https://sqs.{HOME}.amazonaws.com/{MEMBER}"
TAGGED = a_secret("tagged-AbCdEf", tags={"owner": "payments", "bare": ""})
ROTATING = {
    "RotationEnabled": True,
    "NextRotationDate": NOW + timedelta(days=30),
    "LastRotatedDate": NOW,
    "CreatedDate": NOW,
    "LastAccessedDate": NOW,
}
TAGS = [{"Key": "owner", "Value": "payments"}, {"Key": "bare"}]
ARCHIVE = {"PackageType": "Zip", "Runtime": "python3.13"}
LISTINGS = {
    "queues": Listing(
        queues,
        ("sqs", "ListQueues"),
        [{"QueueUrls": [f"{URL}/jobs"], "NextToken": "2"}, {"QueueUrls": [f"{URL}/jobs.fifo"]}],
        {},
        [a_queue(), a_queue("jobs.fifo")],
    ),
    "topics": Listing(
        topics,
        ("sns", "ListTopics"),
        [{"Topics": [{"TopicArn": a_topic().arn}], "NextToken": "2"}, {"Topics": [{"TopicArn": a_topic("b").arn}]}],
        {"Topics": []},
        [a_topic(), a_topic("b")],
    ),
    "functions": Listing(
        functions,
        ("lambda", "ListFunctions"),
        [
            {"Functions": [{"FunctionArn": a_function().arn} | ARCHIVE], "NextMarker": "2"},
            {"Functions": [{"FunctionArn": a_function("b").arn} | ARCHIVE]},
        ],
        {"Functions": []},
        [a_function(), a_function("b")],
    ),
    "vaults": Listing(
        vaults,
        ("glacier", "ListVaults"),
        [
            {"VaultList": [{"VaultARN": a_vault().arn, "VaultName": "archive"}], "Marker": "2"},
            {"VaultList": [{"VaultARN": a_vault("b").arn}]},
        ],
        {"VaultList": []},
        [a_vault(), a_vault("b")],
    ),
    "repositories": Listing(
        repositories,
        ("ecr", "DescribeRepositories"),
        [
            {"repositories": [{"repositoryArn": a_repository().arn, "repositoryName": "team/web"}], "nextToken": "2"},
            {"repositories": [{"repositoryArn": a_repository("b").arn, "repositoryName": "b"}]},
        ],
        {"repositories": []},
        [a_repository(), a_repository("b")],
    ),
    "backup vaults": Listing(
        backup_vaults,
        ("backup", "ListBackupVaults"),
        [
            {"BackupVaultList": [{"BackupVaultArn": a_backup_vault().arn}], "NextToken": "2"},
            {"BackupVaultList": [{"BackupVaultArn": a_backup_vault("b").arn}]},
        ],
        {"BackupVaultList": []},
        [a_backup_vault(), a_backup_vault("b")],
    ),
    "secrets": Listing(
        secrets,
        ("secretsmanager", "ListSecrets"),
        [
            {"SecretList": [{"ARN": a_secret().arn} | ROTATING], "NextToken": "2"},
            {"SecretList": [{"ARN": TAGGED.arn, "Tags": TAGS} | ROTATING]},
        ],
        {"SecretList": []},
        [a_secret(), TAGGED],
    ),
}
every_listing = pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)


@every_listing
async def test_listing_reads_every_page(listing: Listing) -> None:
    assert await drained(listing.read(aws({listing.call: listing.pages}))) == listing.found


@every_listing
async def test_listing_of_nothing(listing: Listing) -> None:
    assert await drained(listing.read(aws({listing.call: listing.empty}))) == []


@every_listing
async def test_listing_denied(listing: Listing) -> None:
    with pytest.raises(NotSeenError):
        await drained(listing.read(aws({})))


async def test_queues_are_asked_for_by_the_thousand() -> None:
    """Without a number, SQS stops after the first thousand without a word."""
    at = aws({("sqs", "ListQueues"): {}})
    await drained(queues(at))
    assert at.world.calls[0].parameters == {"MaxResults": 1000}


# Event buses


def a_bus(name: str, **more: str) -> dict[str, Any]:
    return {"Name": name, "Arn": arn("events", f"event-bus/{name}"), **more}


async def test_buses_come_with_their_policies_page_by_page() -> None:
    pages: list[dict[str, Any]] = [
        {"EventBuses": [a_bus("default")], "NextToken": "2"},
        {"EventBuses": [a_bus("orders", Policy=POLICY)]},
    ]
    at = aws({("events", "ListEventBuses"): pages})
    default, orders = [bus async for bus in event_buses(at)]
    assert (default.name, default.policy, default.attached.parsed) == ("default", Seen(None), None)
    assert orders.attached.parsed is not None
    assert orders.attached.parsed.statements[0].sid == "open"
    assert [call.parameters for call in at.world.calls] == [{"Limit": 100}, {"Limit": 100, "NextToken": "2"}]


async def test_buses_denied() -> None:
    with pytest.raises(NotSeenError):
        await drained(event_buses(aws({})))


async def test_bus_with_a_policy_that_is_none() -> None:
    answer = {"EventBuses": [a_bus("a", Policy="{}"), a_bus("b")]}
    bad, good = [bus async for bus in event_buses(aws({("events", "ListEventBuses"): answer}))]
    assert isinstance(bad.policy, Gap)
    assert (bad.policy.reason, bad.policy.action) == (GapReason.MALFORMED, "events:ListEventBuses")
    assert good.policy == Seen(None)


# Clusters


def counts(name: str, running: int, pending: int, services: int) -> dict[str, Any]:
    return {
        "clusterArn": arn("ecs", f"cluster/{name}"),
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": services,
    }


async def test_clusters_are_described_page_by_page() -> None:
    first, second = arn("ecs", "cluster/a"), arn("ecs", "cluster/b")
    known = {first: counts("a", 2, 1, 0), second: counts("b", 0, 0, 4)}
    at = aws(
        {
            ("ecs", "ListClusters"): [{"clusterArns": [first], "nextToken": "2"}, {"clusterArns": [second]}],
            ("ecs", "DescribeClusters"): lambda clusters, include: {"clusters": [known[each] for each in clusters]},
        }
    )
    assert [(each.name, *each.parts) async for each in clusters(at)] == [
        ("a", Seen(3), Seen(0)),
        ("b", Seen(0), Seen(4)),
    ]


async def test_no_clusters_need_no_second_call() -> None:
    at = aws({("ecs", "ListClusters"): {"clusterArns": []}})
    assert await drained(clusters(at)) == []
    assert [call.operation for call in at.world.calls] == ["ListClusters"]


async def test_clusters_that_may_be_listed_only_are_not_seen() -> None:
    with pytest.raises(NotSeenError):
        await drained(clusters(aws({("ecs", "ListClusters"): {"clusterArns": [arn("ecs", "cluster/a")]}})))


# Policies


@dataclass(frozen=True)
class Reading:
    """The reader of a policy, the call that it makes, and its answers with and without a policy."""

    read: Callable[[Aws, Any], Any]
    resource: Resource
    kind: type[ResourcePolicy]
    call: tuple[str, str]
    answer: Callable[[str], dict[str, Any]]
    without: tuple[dict[str, Any] | Refused, ...]
    asks: dict[str, Any]


READINGS = {
    "queue": Reading(
        queue_policy,
        a_queue(),
        QueuePolicy,
        ("sqs", "GetQueueAttributes"),
        lambda policy: {"Attributes": {"Policy": policy}},
        ({}, {"Attributes": {}}, Refused("AWS.SimpleQueueService.NonExistentQueue"), Refused("QueueDoesNotExist")),
        {"QueueUrl": f"{URL}/jobs", "AttributeNames": ["Policy", "KmsMasterKeyId", "SqsManagedSseEnabled"]},
    ),
    "topic": Reading(
        topic_policy,
        a_topic(),
        TopicPolicy,
        ("sns", "GetTopicAttributes"),
        lambda policy: {"Attributes": {"Policy": policy}},
        ({"Attributes": {"Owner": MEMBER}}, Refused("NotFound"), Refused("NotFoundException")),
        {"TopicArn": a_topic().arn},
    ),
    "function": Reading(
        function_policy,
        a_function(),
        FunctionPolicy,
        ("lambda", "GetPolicy"),
        lambda policy: {"Policy": policy, "RevisionId": "1"},
        (Refused("ResourceNotFoundException"),),
        {"FunctionName": a_function().arn},
    ),
    "vault": Reading(
        vault_policy,
        a_vault(),
        VaultPolicy,
        ("glacier", "GetVaultAccessPolicy"),
        lambda policy: {"policy": {"Policy": policy}},
        ({"policy": {}}, Refused("ResourceNotFoundException")),
        {"accountId": "-", "vaultName": "archive"},
    ),
    "repository": Reading(
        repository_policy,
        a_repository(),
        RepositoryPolicy,
        ("ecr", "GetRepositoryPolicy"),
        lambda policy: {"repositoryName": "team/web", "policyText": policy},
        (Refused("RepositoryPolicyNotFoundException"), Refused("RepositoryNotFoundException")),
        {"repositoryName": "team/web"},
    ),
    "backup vault": Reading(
        backup_vault_policy,
        a_backup_vault(),
        BackupVaultPolicy,
        ("backup", "GetBackupVaultAccessPolicy"),
        lambda policy: {"BackupVaultName": "daily", "Policy": policy},
        ({"BackupVaultName": "daily"}, Refused("ResourceNotFoundException")),
        {"BackupVaultName": "daily"},
    ),
    "file system": Reading(
        file_system_policy,
        a_file_system(),
        FileSystemPolicy,
        ("efs", "DescribeFileSystemPolicy"),
        lambda policy: {"FileSystemId": "fs-0a1b", "Policy": policy},
        (Refused("PolicyNotFound"), Refused("FileSystemNotFound")),
        {"FileSystemId": "fs-0a1b"},
    ),
    "secret": Reading(
        secret_policy,
        a_secret(),
        SecretPolicy,
        ("secretsmanager", "GetResourcePolicy"),
        lambda policy: {"ARN": a_secret().arn, "ResourcePolicy": policy},
        ({"ARN": a_secret().arn}, Refused("ResourceNotFoundException")),
        {"SecretId": a_secret().arn},
    ),
}
every_reading = pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)


@every_reading
async def test_policy_is_read(reading: Reading) -> None:
    at = aws({reading.call: reading.answer(POLICY)})
    found = await reading.read(at, reading.resource)
    assert (type(found), found.arn) == (reading.kind, reading.resource.arn)
    assert found.parsed.statements[0].sid == "open"
    assert [call.parameters for call in at.world.calls] == [reading.asks]


@pytest.mark.parametrize(
    ("reading", "answer"),
    [(reading, answer) for reading in READINGS.values() for answer in reading.without],
    ids=lambda value: value.kind.__name__ if isinstance(value, Reading) else "",
)
async def test_no_policy_is_an_answer(reading: Reading, answer: Any) -> None:
    found = await reading.read(aws({reading.call: answer}), reading.resource)
    assert (found.document, found.parsed) == (None, None)


@every_reading
async def test_policy_denied(reading: Reading) -> None:
    with pytest.raises(NotSeenError):
        await reading.read(aws({}), reading.resource)


@every_reading
async def test_what_is_no_policy_is_refused(reading: Reading) -> None:
    with pytest.raises(PolicyError):
        await reading.read(aws({reading.call: reading.answer("{}")}), reading.resource)


def test_declared_actions_are_those_of_the_calls() -> None:
    kinds = (Queue, SnsTopic, Function, GlacierVault, Secret, EventBus, EcsCluster, Repository, BackupVault)
    declared: dict[str, Collector] = {kind.__name__: load()[kind] for kind in kinds}
    assert {name: found.actions for name, found in declared.items()} == {
        "Queue": ("sqs:ListQueues",),
        "SnsTopic": ("sns:ListTopics",),
        "Function": ("lambda:ListFunctions",),
        "GlacierVault": ("glacier:ListVaults",),
        "Secret": ("secretsmanager:ListSecrets",),
        "EventBus": ("events:ListEventBuses",),
        "EcsCluster": ("ecs:DescribeClusters", "ecs:ListClusters"),
        "Repository": ("ecr:DescribeRepositories",),
        "BackupVault": ("backup:ListBackupVaults",),
    }
