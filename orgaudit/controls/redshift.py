"""Controls on Redshift clusters."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.rds import groups_of
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.databases import Databases, admin_renamed, storage_encrypted
from orgaudit.controls.judging.flags import Words, retains
from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.redshift import RedshiftCluster, RedshiftLogging, RedshiftParameters
from orgaudit.model import (
    Disruption,
    Effort,
    Gap,
    GapReason,
    Observed,
    Severity,
    Verdict,
    failed,
    not_applicable,
    not_assessed,
    passed,
    require,
    shown,
)

CLUSTERS = Databases(
    __name__,
    RedshiftCluster,
    "Redshift clusters",
    "aws redshift modify-cluster --region {region} --cluster-identifier {resource.name}",
)

redshift_cluster_private = CLUSTERS.requires(
    "redshift_cluster_private",
    lambda cluster: not cluster.public.value,
    Words(
        "Redshift clusters have no public address",
        "A data warehouse with a public address is protected from the internet only by security groups, which can "
        "change at any time.",
        "the cluster has no public address",
        "the cluster is publicly accessible",
    ),
    severity=Severity.CRITICAL,
    fix=CLUSTERS.fix("private addresses only", "--no-publicly-accessible"),
)
redshift_cluster_encrypted = storage_encrypted(
    "redshift_cluster_encrypted",
    CLUSTERS,
    lambda cluster: cluster.encrypted.value,
    title="The storage of Redshift clusters is encrypted",
    fix=CLUSTERS.fix("encrypted storage", "--encrypted --kms-key-id KEY", disruption=Disruption.RESTART),
)
redshift_cluster_snapshots_retained_7_days = retains(
    "redshift_cluster_snapshots_retained_7_days",
    RedshiftCluster,
    lambda cluster: cluster.backup_days.value,
    title="Redshift clusters keep automatic snapshots for a week",
    fix=CLUSTERS.fix("automatic backups for 7 days", "--automated-snapshot-retention-period 7"),
)
redshift_cluster_version_upgrade_allowed = CLUSTERS.requires(
    "redshift_cluster_version_upgrade_allowed",
    lambda cluster: cluster.upgrades_versions.value,
    Words(
        "Redshift clusters upgrade major versions automatically",
        "New versions fix vulnerabilities that are public from the day of their release.",
        "major versions are upgraded automatically in the maintenance window",
        "major versions are not upgraded automatically",
    ),
    severity=Severity.MEDIUM,
    fix=CLUSTERS.fix("automatic upgrades", "--allow-version-upgrade", disruption=Disruption.RESTART),
)
redshift_cluster_enhanced_vpc_routing_enabled = CLUSTERS.requires(
    "redshift_cluster_enhanced_vpc_routing_enabled",
    lambda cluster: cluster.enhanced_routing.value,
    Words(
        "Redshift clusters load and unload data through their VPC",
        "Without enhanced VPC routing, COPY and UNLOAD use the internet, past the security groups, endpoints and flow "
        "logs of the VPC.",
        "enhanced VPC routing is enabled",
        "enhanced VPC routing is not enabled",
    ),
    severity=Severity.MEDIUM,
    fix=CLUSTERS.fix("enhanced VPC routing", "--enhanced-vpc-routing", disruption=Disruption.RESTART),
)
redshift_cluster_custom_admin_name_used = admin_renamed(
    "redshift_cluster_custom_admin_name_used",
    CLUSTERS,
    lambda cluster: cluster.admin_name.value,
    ("awsuser",),
    title="The administrator of Redshift clusters does not have the default name",
    create="aws redshift create-cluster --region {region} --cluster-identifier NAME --node-type TYPE "
    "--manage-master-password",
)
redshift_cluster_multi_az = CLUSTERS.requires(
    "redshift_cluster_multi_az",
    # The API answers Enabled or Disabled: https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html
    lambda cluster: cluster.multi_az.value.lower() == "enabled",
    Words(
        "Redshift clusters span several Availability Zones",
        "A cluster in one zone is unavailable when that zone fails, until its snapshot is restored in another one.",
        "the cluster spans several Availability Zones",
        "the cluster is in a single Availability Zone",
    ),
    severity=Severity.MEDIUM,
    fix=CLUSTERS.fix("several Availability Zones", "--multi-az", disruption=Disruption.RESTART),
)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Use one parameter group with require_ssl for all clusters.",
        asset="Set require_ssl in the parameter group of {resource.name}, or give it a group that has it, and reboot "
        "the cluster.",
        command="aws redshift modify-cluster-parameter-group --region {region} --parameter-group-name GROUP "
        "--parameters ParameterName=require_ssl,ParameterValue=true",
        preventive="Deploy Redshift clusters only from a template that names a parameter group with require_ssl.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.RESTART,
        reversible=True,
    ),
)
def redshift_cluster_tls_required(cluster: RedshiftCluster, parameters: Observed[RedshiftParameters]) -> Verdict:
    """Redshift clusters refuse connections without TLS.

    A connection without TLS carries the password and all data readable through every network in between. Each of the
    cluster's parameter groups has to require TLS.
    """
    found = parameters.value.require_ssl
    open_groups = sorted(group for group, value in found.items() if value.lower() != "true")
    return require(
        bool(found) and not open_groups,
        then=f"TLS is required by {', '.join(sorted(found))}",
        otherwise=f"TLS is not required by {', '.join(open_groups) or 'any parameter group'}",
        require_ssl=dict(found),
        public=shown(cluster.public),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Send the audit logs of all clusters to CloudWatch Logs, or to one bucket of the log account.",
        asset="Enable audit logging for {resource.name}, and enable_user_activity_logging in its parameter group.",
        command="aws redshift enable-logging --region {region} --cluster-identifier {resource.name} "
        "--log-destination-type cloudwatch --log-exports connectionlog userlog useractivitylog",
        preventive="Deny redshift:DisableLogging with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def redshift_cluster_audit_logging_enabled(cluster: RedshiftCluster, logging: Observed[RedshiftLogging]) -> Verdict:
    """Redshift clusters write audit logs.

    Connections, changes of users and queries are otherwise only in system tables of the cluster, which keep them for
    days and which its administrators can change.
    """
    return require(
        logging.value.enabled,
        then="audit logging is enabled",
        otherwise="audit logging is not enabled",
        destination=logging.value.destination,
        parameter_groups=shown(cluster.parameter_groups),
    )


@control(
    Severity.HIGH,
    facts=(SecurityGroup,),
    fix=Fix(
        service_wide="Let only applications and VPNs reach data warehouses, by the security groups that they have.",
        asset="Remove the rules that open the port of {resource.name} to the internet.",
        command="aws ec2 revoke-security-group-ingress --region {region} --group-id GROUP "
        "--security-group-rule-ids RULE",
        preventive="Block public inbound traffic to VPCs with a declarative policy for EC2.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def redshift_cluster_port_closed_to_internet(cluster: RedshiftCluster, account: AccountFacts) -> Verdict:
    """The security groups of Redshift clusters do not open their port to the internet.

    A port that is open to the internet becomes reachable as soon as the cluster gets a public address.
    """
    if cluster.port.value is None:
        return not_applicable("the cluster is being created and has no port yet")
    found = groups_of(cluster, account)
    port = cluster.port.value
    if found.shown:
        return failed("; ".join(found.shown), port=port)
    if found.unseen:
        message = f"not seen: {', '.join(found.unseen)}"
        place = (cluster.account_id, cluster.region, "ec2:DescribeSecurityGroups")
        return not_assessed(Gap(*place, GapReason.DENIED, message))
    return passed(f"no security group opens port {port} to the internet", port=port)
