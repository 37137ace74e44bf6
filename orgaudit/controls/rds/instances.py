"""Controls on the storage, network and zones of RDS instances."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.rds import Approach, approach_to
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.facts.rds import DatabaseInstance
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, not_applicable, passed, require, shown


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create databases only from a template that encrypts their storage.",
        asset="Restore {resource.name} from an encrypted copy of a snapshot: existing storage cannot be encrypted.",
        command="aws rds copy-db-snapshot --region {region} --source-db-snapshot-identifier SNAPSHOT "
        "--target-db-snapshot-identifier SNAPSHOT-encrypted --kms-key-id alias/aws/rds",
        preventive="Deny rds:CreateDBInstance where rds:StorageEncrypted is false with a service control policy.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
def rds_instance_storage_encrypted(instance: DatabaseInstance) -> Verdict:
    """The storage of RDS instances is encrypted.

    Storage encryption also covers backups, replicas and snapshots: a snapshot that is shared by mistake cannot be read
    without the key.
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
        service_wide="Agree on a maintenance window for all databases, and upgrade minor versions in it.",
        asset="Enable automatic minor version upgrades for {resource.name}.",
        command="aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name} "
        "--auto-minor-version-upgrade",
        preventive="Create databases only from a template that sets AutoMinorVersionUpgrade.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.RESTART,
        reversible=True,
    ),
)
def rds_instance_auto_minor_upgrade_enabled(instance: DatabaseInstance) -> Verdict:
    """RDS instances upgrade minor versions automatically.

    Minor versions fix vulnerabilities that are public from the day of their release.
    """
    return require(
        instance.upgrades_minor_versions.value,
        then="minor versions are upgraded automatically",
        otherwise="minor versions are not upgraded automatically",
        engine=instance.engine.value,
    )


@control(
    Severity.CRITICAL,
    facts=(RouteTable, SecurityGroup),
    fix=Fix(
        service_wide="Keep databases in private subnets; reach them through applications, a VPN or Session Manager.",
        asset="Disable public access to {resource.name}, after its clients have another network path.",
        command="aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name} "
        "--no-publicly-accessible --apply-immediately",
        preventive="Deny rds:CreateDBInstance and rds:ModifyDBInstance where rds:PubliclyAccessible is true with a "
        "service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def rds_instance_private(instance: DatabaseInstance, account: AccountFacts) -> Verdict:
    """RDS instances have no public address.

    A database with a public address is protected from the internet only by routes and security groups. The setting
    itself is judged, because these can change at any time; the evidence shows what they allow now.
    """
    evidence: dict[str, Json] = {
        "engine": instance.engine.value,
        "vpc": shown(instance.vpc_id),
        "subnets": shown(instance.subnets),
        "security_groups": shown(instance.security_groups),
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


def _reached(found: Approach) -> str:
    """Return, as a clause, whether an instance can be reached from the internet now, and why."""
    if found.reachable is None:
        unseen = "; ".join((*found.routes.unseen, *found.groups.unseen))
        return f"whether the internet can reach it now is unknown; not assessed: {unseen}"
    if found.reachable:
        return f"the internet can reach it now: {found.routes.shown[0]}, and {found.groups.shown[0]}"
    lacking = []
    if found.routes.open is False:
        lacking.append("none of its subnets has a route to an internet gateway")
    if found.groups.open is False:
        lacking.append("none of its security groups opens its port to the internet")
    return f"the internet cannot reach it now: {' and '.join(lacking)}"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Decide which environments need several Availability Zones, and set that in the database "
        "template.",
        asset="Create a standby of {resource.name} in another Availability Zone, or accept the risk in the register.",
        command="aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name} --multi-az",
        preventive="Create production databases only from a template that sets MultiAZ.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def rds_instance_multi_az(instance: DatabaseInstance) -> Verdict:
    """RDS instances span several Availability Zones.

    Without a standby in another zone, the failure of one zone interrupts the database and may lose data.
    """
    if instance.cluster is not None:
        return not_applicable(f"a member of cluster {instance.cluster}, which rds_cluster_multi_az judges")
    return require(
        instance.multi_az.value,
        then="there is a standby in another Availability Zone",
        otherwise="the instance is in a single Availability Zone",
        engine=instance.engine.value,
    )
