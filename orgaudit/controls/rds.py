"""Controls on RDS instances and clusters."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.rds import Approach, approach_to
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.facts.rds import DatabaseCluster, DatabaseInstance
from orgaudit.model import (
    UNKNOWN,
    Gap,
    Json,
    Observed,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
    shown,
)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create databases only from a template that encrypts their storage.",
        asset="Restore {resource.name} from an encrypted copy of a snapshot: its storage cannot be encrypted in place.",
        command="aws rds copy-db-snapshot --region {region} --source-db-snapshot-identifier SNAPSHOT "
        "--target-db-snapshot-identifier SNAPSHOT-encrypted --kms-key-id alias/aws/rds",
        preventive="Deny rds:CreateDBInstance where rds:StorageEncrypted is false with a service control policy.",
    ),
)
def rds_instance_storage_encrypted(instance: DatabaseInstance) -> Verdict:
    """The storage of RDS instances is encrypted.

    Encryption of storage covers backups, replicas and snapshots too: a snapshot that is shared by mistake is then of
    no use without the key.
    """
    return require(
        instance.encrypted.value,
        then="the storage is encrypted",
        otherwise="the storage is not encrypted",
        engine=instance.engine.value,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Agree on a maintenance window for all databases, and let minor versions come in it.",
        asset="Let {resource.name} take minor versions in its maintenance window.",
        command="aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name} "
        "--auto-minor-version-upgrade",
        preventive="Create databases only from a template that sets AutoMinorVersionUpgrade.",
    ),
)
def rds_instance_auto_minor_upgrade_enabled(instance: DatabaseInstance) -> Verdict:
    """RDS instances take minor versions by themselves.

    Minor versions mend flaws that are public from the day on which they appear.
    """
    return require(
        instance.upgrades_minor_versions.value,
        then="minor versions are taken automatically",
        otherwise="minor versions wait for somebody",
        engine=instance.engine.value,
    )


@control(
    Severity.CRITICAL,
    facts=(RouteTable, SecurityGroup),
    fix=Fix(
        service_wide="Keep databases in private subnets; reach them through applications, a VPN or Session Manager.",
        asset="Take the public address from {resource.name}, after its clients have another way to it.",
        command="aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name} "
        "--no-publicly-accessible --apply-immediately",
        preventive="Deny rds:CreateDBInstance and rds:ModifyDBInstance where rds:PubliclyAccessible is true with a "
        "service control policy.",
    ),
)
def rds_instance_private(instance: DatabaseInstance, account: AccountFacts) -> Verdict:
    """RDS instances have no public address.

    A database with a public address is one rule or one route from the internet. The setting itself counts: what subnets
    and security groups hold back today can change tomorrow. The evidence shows what they hold back now.
    """
    evidence: dict[str, Json] = {
        "engine": instance.engine.value,
        "vpc": shown(instance.vpc_id),
        "subnets": _listed(instance.subnets),
        "security_groups": _listed(instance.security_groups),
    }
    if not instance.public.value:
        return passed("the instance has no public address", **evidence)
    found = approach_to(instance, account)
    evidence |= {
        "port": shown(instance.port),
        "reachable_from_internet": found.reachable,
        "internet_routes": list(found.routes.shown),
        "open_groups": list(found.groups.shown),
        "unseen": [*found.routes.unseen, *found.groups.unseen],
    }
    return failed(f"the instance is publicly accessible; {_reached(found)}", **evidence)


def _listed(observed: Observed[tuple[str, ...]]) -> Json:
    return UNKNOWN if isinstance(observed, Gap) else list(observed.value)


def _reached(found: Approach) -> str:
    """Return, as a clause, whether the internet reaches an instance now, and why."""
    if found.reachable is None:
        unseen = "; ".join((*found.routes.unseen, *found.groups.unseen))
        return f"whether the internet reaches it now is unknown; not seen: {unseen}"
    if found.reachable:
        return f"the internet reaches it now: {found.routes.shown[0]}, and {found.groups.shown[0]}"
    lacking = []
    if found.routes.open is False:
        lacking.append("no subnet of it has a route to an internet gateway")
    if found.groups.open is False:
        lacking.append("no security group of it opens its port to the internet")
    return f"the internet does not reach it now: {' and '.join(lacking)}"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Decide which stages need several zones, and set that in the databases' template.",
        asset="Give {resource.name} a standby in another zone, or accept an outage of its zone in the register.",
        command="aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name} --multi-az",
        preventive="Create production databases only from a template that sets MultiAZ.",
    ),
)
def rds_instance_multi_az(instance: DatabaseInstance) -> Verdict:
    """RDS instances span several zones.

    Without a standby in another zone, the failure of one data centre takes the database down and may cost data.
    """
    if instance.cluster is not None:
        return not_applicable(f"a member of cluster {instance.cluster}: rds_cluster_multi_az judges that")
    return require(
        instance.multi_az.value,
        then="there is a standby in another zone",
        otherwise="the instance stands in one zone only",
        engine=instance.engine.value,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Decide which stages need several zones, and set that in the clusters' template.",
        asset="Add a reader in another zone to cluster {resource.name}, or accept an outage of its zone.",
        command="aws rds create-db-instance --region {region} --db-cluster-identifier {resource.name} "
        "--db-instance-identifier READER --db-instance-class CLASS --engine {resource.engine.value} "
        "--availability-zone ZONE",
        preventive="Create production clusters only from a template with readers in other zones.",
    ),
)
def rds_cluster_multi_az(cluster: DatabaseCluster) -> Verdict:
    """RDS clusters span several zones.

    A cluster keeps its data in several zones, but with instances in one of them only it is down when that zone fails.
    """
    return require(
        cluster.multi_az.value,
        then="the cluster has instances in several zones",
        otherwise="all instances of the cluster stand in one zone",
        engine=cluster.engine.value,
    )
