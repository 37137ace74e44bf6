"""What runs in an account and what it stores, as far as the audit sees, without what only receives logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.apigateway import RestApiStage
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.facts.cloudfront import Distribution
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.config import ConfigDelivery, ConfigRecording
from orgaudit.facts.declare import FactType, Resource
from orgaudit.facts.dynamodb import DynamoDbTable
from orgaudit.facts.ec2.instances import Instance
from orgaudit.facts.ec2.vpcs import FlowLog
from orgaudit.facts.ecs import EcsCluster
from orgaudit.facts.efs import FileSystem
from orgaudit.facts.elb import ClassicLoadBalancer
from orgaudit.facts.elbv2 import LoadBalancer
from orgaudit.facts.lambda_ import Function
from orgaudit.facts.rds import DatabaseCluster, DatabaseInstance
from orgaudit.facts.s3.buckets import Bucket, BucketLogging
from orgaudit.model import Gap, NotSeenError, Seen, shown

SERVING: tuple[type[Resource], ...] = (ClassicLoadBalancer, LoadBalancer, RestApiStage, ApiStage)
"""What takes requests for an application as long as it exists."""
KINDS: tuple[type[Resource], ...] = (
    *SERVING,
    Bucket,
    DatabaseCluster,
    DatabaseInstance,
    Distribution,
    DynamoDbTable,
    EcsCluster,
    FileSystem,
    Function,
    Instance,
)
DELIVERING: tuple[type[Resource], ...] = (Trail, ConfigRecording, FlowLog)
"""What writes logs into buckets, beside the access logs of buckets themselves."""
FACTS: tuple[FactType, ...] = (*KINDS, *DELIVERING, ConfigDelivery, BucketLogging)
RUNNING = frozenset({"pending", "running"})


def workloads(account: AccountFacts) -> list[Resource]:
    """Return what certainly is a workload: running instances and containers, databases, and what takes requests."""
    instances = [one for one in account.resources(Instance) if shown(one.state) in RUNNING]
    clusters = [
        one for one in account.resources(EcsCluster) if any(isinstance(part, Seen) and part.value for part in one.parts)
    ]
    distributions = [one for one in account.resources(Distribution) if one.enabled]
    serving = [one for kind in SERVING for one in account.resources(kind)]
    return [*instances, *_databases(account), *clusters, *distributions, *serving]


def _databases(account: AccountFacts) -> list[Resource]:
    """Return each database once: instances, and clusters of which no instance is listed."""
    instances = account.resources(DatabaseInstance)
    listed = {(one.region, one.cluster) for one in instances}
    return [*instances, *(one for one in account.resources(DatabaseCluster) if (one.region, one.name) not in listed)]


def doubtful(account: AccountFacts) -> list[Resource]:
    """Return what may serve administration only: functions, storage beyond logs, and what is switched off.

    Raises NotSeenError where a region may hide a workload.
    """
    for kind in KINDS:
        account.everywhere(kind)
    for cluster in account.resources(EcsCluster):
        for part in cluster.parts:
            part.value  # noqa: B018 - a gap raises what it is: something may run there
    return [
        *account.resources(Function),
        *account.resources(DynamoDbTable),
        *account.resources(FileSystem),
        *beyond_logs(account),
        *(one for one in account.resources(Instance) if shown(one.state) not in RUNNING),
        *(one for one in account.resources(Distribution) if not one.enabled),
    ]


def beyond_logs(account: AccountFacts) -> list[Bucket]:
    """Return the buckets into which nothing that was seen in the account delivers logs.

    Logs are those of trails, AWS Config, flow logs, and the access logs of buckets. Raises NotSeenError where a bucket
    is left over and a delivery may have been missed.
    """
    buckets = account.everywhere(Bucket)
    configured = [account.detail(ConfigDelivery, one) for one in account.resources(ConfigRecording)]
    accessed = [account.detail(BucketLogging, one) for one in buckets]
    receiving = {
        *(trail.bucket.value for trail in account.resources(Trail) if isinstance(trail.bucket, Seen)),
        *(_bucket_in(log.destination.value) for log in account.resources(FlowLog) if isinstance(log.destination, Seen)),
        *(name for one in configured if isinstance(one, Seen) for name in one.value.buckets),
        *(one.value.target for one in accessed if isinstance(one, Seen)),
    }
    left = [bucket for bucket in buckets if bucket.name not in receiving]
    if left:
        for kind in DELIVERING:
            account.everywhere(kind)
        trails = (trail.bucket for trail in account.resources(Trail))
        logs = (log.destination for log in account.resources(FlowLog))
        for observed in (*configured, *accessed, *trails, *logs):
            if isinstance(observed, Gap):
                raise NotSeenError(observed)
    return left


def _bucket_in(destination: str) -> str:
    """Return the bucket in the ARN of a flow log's destination, empty for a destination of another service."""
    return destination.partition(":s3:::")[2].partition("/")[0]


def counted(found: Iterable[Resource]) -> str:
    """Return how many resources of each kind there are, for a sentence."""
    counts = Counter(type(one).__name__ for one in found)
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items()))
