"""What runs in an account, as far as the audit sees: instances, databases, containers and functions."""

from __future__ import annotations

from collections import Counter

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.declare import FactType, Resource
from orgaudit.facts.ec2.instances import Instance
from orgaudit.facts.ecs import EcsCluster
from orgaudit.facts.lambda_ import Function
from orgaudit.facts.rds import DatabaseInstance

KINDS: tuple[type[Resource], ...] = (Instance, DatabaseInstance, EcsCluster, Function)
FACTS: tuple[FactType, ...] = KINDS


def workloads(account: AccountFacts) -> list[Resource]:
    """Return what certainly is work: running instances, databases, and clusters that run tasks or services."""
    instances = [one for one in account.resources(Instance) if one.state in {"pending", "running"}]
    clusters = [one for one in account.resources(EcsCluster) if one.tasks or one.services]
    return [*instances, *account.resources(DatabaseInstance), *clusters]


def doubtful(account: AccountFacts) -> list[Resource]:
    """Return what may serve the administration alone: functions, and instances that are stopped.

    Raises NotSeenError where a region may hide a workload.
    """
    instances = account.everywhere(Instance)
    for kind in KINDS:
        account.everywhere(kind)
    return [*account.resources(Function), *(one for one in instances if one.state not in {"pending", "running"})]


def counted(found: list[Resource]) -> str:
    """Return how many resources of each kind there are, for a sentence."""
    counts = Counter(type(one).__name__ for one in found)
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items()))
