"""The organization as its management account sees it, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.analysis.workloads import DELIVERING, KINDS
from orgaudit.facts.config import ConfigDelivery, ConfigRecording
from orgaudit.facts.declare import Detail, Resource, load
from orgaudit.facts.dynamodb import DynamoDbTable
from orgaudit.facts.ec2.instances import Instance
from orgaudit.facts.ecs import EcsCluster
from orgaudit.facts.iam.root import RootFeatures
from orgaudit.facts.organizations import (
    ControlPolicy,
    Effectiveness,
    Guardrails,
    MemberOf,
    PolicyDelegation,
    TrustedServices,
)
from orgaudit.facts.resource_policies import document_of
from orgaudit.facts.s3.buckets import Bucket, BucketLogging
from orgaudit.facts.shard import AccountHeader, DetailGap, ListingResult
from orgaudit.model import GLOBAL, AccountRecord, Gap, Scope
from tests.factories import HOME, MANAGEMENT, MEMBER, NOW, REGIONS, SECURITY, an_account, seen_all

ROOT, UNIT, CHILD, ELSEWHERE = "r-root", "ou-root-workload", "ou-root-payments", "ou-root-sandbox"
PATH = (ROOT, UNIT, CHILD)
THE_ORGANIZATION = MemberOf(
    arn=f"arn:aws:organizations::{MANAGEMENT}:organization/o-example1234", account_id=MANAGEMENT, region=GLOBAL
)
LISTED: tuple[type[Resource], ...] = (MemberOf, RootFeatures, *KINDS, *DELIVERING)


def features(*enabled: str) -> RootFeatures:
    arn = f"arn:aws:iam::{MANAGEMENT}:organizations-features"
    return RootFeatures(arn=arn, account_id=MANAGEMENT, region=GLOBAL, enabled=enabled)


def a_policy(name: str = "deny-leaving", *targets: str, **changes: Any) -> ControlPolicy:
    values: dict[str, Any] = {"id": f"p-{name}", "name": name, "effect": Effectiveness.DENIES, "targets": targets}
    return ControlPolicy(**values | changes)


def guardrails(*policies: ControlPolicy, enabled: bool = True) -> Guardrails:
    return Guardrails(arn=THE_ORGANIZATION.arn, enabled=enabled, root_id=ROOT, policies=policies)


def delegation(text: str) -> PolicyDelegation:
    return PolicyDelegation(arn=THE_ORGANIZATION.arn, document=document_of(text or None))


def trusted(*names: str) -> TrustedServices:
    principals = tuple(f"{name}.amazonaws.com" for name in names)
    return TrustedServices(arn=THE_ORGANIZATION.arn, principals=principals)


def seen(
    account_id: str,
    *lines: Resource | Detail | DetailGap | ListingResult,
    ou_ids: tuple[str, ...] = PATH,
    gap: Any = None,
) -> AccountFacts:
    """An account's facts, with the listings that these controls need."""
    told = {(line.fact, line.region) for line in lines if isinstance(line, ListingResult)}
    places = [
        (kind.__name__, region)
        for kind in LISTED
        for region in ((GLOBAL,) if load()[kind].scope is Scope.ACCOUNT else REGIONS)
    ]
    record = AccountRecord(
        account_id=account_id,
        collected_at=NOW,
        regions=(),
        enabled=REGIONS,
        regions_source="account:ListRegions",
        gap=gap,
    )
    listed = [] if gap else [ListingResult(fact, region) for fact, region in places if (fact, region) not in told]
    return AccountFacts([AccountHeader(an_account(account_id, ou_ids=ou_ids), record), *listed, *lines])


def governed(
    *facts: AccountFacts,
    delegated: Mapping[str, tuple[str, ...]] | None = None,
    management: str | None = MANAGEMENT,
    accounts: Iterable[str] = (MANAGEMENT, MEMBER, SECURITY),
) -> Organization:
    """The organization, with the services that are delegated by principal without `.amazonaws.com`."""
    found = {one.account_id: one for one in facts}
    return Organization(
        [an_account(account_id) for account_id in accounts],
        id="o-example1234",
        management_account_id=management,
        load=found.get,
        delegated=None if delegated is None else {f"{name}.amazonaws.com": ids for name, ids in delegated.items()},
    )


def in_management(
    *lines: Resource | Detail | DetailGap | ListingResult, **more: Any
) -> tuple[AccountFacts, Organization]:
    """The management account with these facts, and the organization in which it is."""
    facts = seen(MANAGEMENT, THE_ORGANIZATION, *lines)
    return facts, governed(facts, **({"delegated": {}} | more))


def in_member(
    *lines: Detail | DetailGap, ou_ids: tuple[str, ...] = PATH, gap: Any = None
) -> tuple[AccountFacts, Organization]:
    """A member, in an organization whose management account has these facts or is shut for a reason."""
    member = seen(MEMBER, THE_ORGANIZATION, ou_ids=ou_ids)
    return member, governed(member, seen(MANAGEMENT, THE_ORGANIZATION, *lines, gap=gap))


def an_instance(name: str = "i-1", state: str = "running") -> Instance:
    arn = f"arn:aws:ec2:{HOME}:{MANAGEMENT}:instance/{name}"
    values: dict[str, Any] = {"state": state, "profile_arn": None, "tokens": "required", "endpoint": "enabled"}
    return seen_all(Instance, arn=arn, account_id=MANAGEMENT, region=HOME, applied=True, **values)


def a_cluster(tasks: int | Gap = 0, services: int = 0) -> EcsCluster:
    arn = f"arn:aws:ecs:{HOME}:{MANAGEMENT}:cluster/main"
    return seen_all(EcsCluster, arn=arn, account_id=MANAGEMENT, region=HOME, tasks=tasks, services=services)


def a_table(name: str = "orders") -> DynamoDbTable:
    arn = f"arn:aws:dynamodb:{HOME}:{MANAGEMENT}:table/{name}"
    return DynamoDbTable(arn=arn, account_id=MANAGEMENT, region=HOME)


def a_bucket(name: str = "data", *, logs_to: str | None = None, seen: bool = True) -> tuple[Resource | Detail, ...]:
    """A bucket, and where its access log goes, unless that was not collected."""
    bucket = Bucket(arn=f"arn:aws:s3:::{name}", account_id=MANAGEMENT, region=HOME)
    return (bucket, BucketLogging(arn=bucket.arn, target=logs_to)) if seen else (bucket,)


def a_recording(*buckets: str) -> tuple[Resource | Detail, ...]:
    """AWS Config in the home region, delivering to these buckets."""
    recording = ConfigRecording(arn=f"arn:aws:config:{HOME}:{MANAGEMENT}:x", account_id=MANAGEMENT, region=HOME)
    return recording, ConfigDelivery(arn=recording.arn, buckets=buckets)
