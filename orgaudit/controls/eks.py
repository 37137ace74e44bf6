"""Controls on EKS clusters."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.eks import EksCluster, EksClusterSettings, EksVersionSupport
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, require, shown


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Reach clusters through a VPN or a bastion in their VPC, then close their public endpoints.",
        asset="Close the public endpoint of cluster {resource.name}, after its users and pipelines have another path.",
        command="aws eks update-cluster-config --region {region} --name {resource.name} "
        "--resources-vpc-config endpointPublicAccess=false,endpointPrivateAccess=true",
        preventive="Deny eks:CreateCluster and eks:UpdateClusterConfig where eks:endpointPublicAccess is true with a "
        "service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def eks_cluster_endpoint_private(_cluster: EksCluster, settings: Observed[EksClusterSettings]) -> Verdict:
    """EKS clusters have no public endpoint.

    A public endpoint exposes the Kubernetes API to the internet, where one stolen token or one vulnerability is
    sufficient. An endpoint that is limited to some networks is public as well; the evidence names them.
    """
    found = settings.value
    return require(
        not found.public.value,
        then="the endpoint is private",
        otherwise="the endpoint is public",
        public_access_cidrs=shown(found.public_cidrs),
    )


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Plan an upgrade of all clusters in each quarter, before the standard support of a version ends.",
        asset="Resolve the upgrade insights of cluster {resource.name}, then upgrade it one minor version at a time.",
        command="aws eks list-insights --region {region} --cluster-name {resource.name} "
        "--filter categories=UPGRADE_READINESS",
        preventive="Set the upgrade policy of clusters to STANDARD, so that EKS upgrades them when that support ends.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.RESTART,
        reversible=False,
    ),
)
def eks_cluster_version_supported(
    _cluster: EksCluster, settings: Observed[EksClusterSettings], support: Observed[EksVersionSupport]
) -> Verdict:
    """EKS clusters run a Kubernetes version in standard support.

    Kubernetes fixes vulnerabilities in recent versions only. AWS patches older ones for a time in extended support, at
    a higher price, and then upgrades them without asking.
    """
    found = settings.value
    if found.status.value == "DELETING":
        return not_applicable("the cluster is being deleted")
    version, status = found.version.value, support.value.status.value
    until = support.value.standard_until
    return require(
        status == "STANDARD_SUPPORT",
        then=f"version {version} is in standard support",
        otherwise=f"version {version} is not in standard support: {status or 'AWS does not list it'}",
        version=version,
        support=status,
        standard_support_until=until.date().isoformat() if until else None,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable audit logs in the template of all clusters.",
        asset="Enable the audit log of cluster {resource.name}.",
        command="aws eks update-cluster-config --region {region} --name {resource.name} "
        """--logging '{{"clusterLogging": [{{"types": ["audit"], "enabled": true}}]}}'""",
        preventive="Deny eks:CreateCluster where eks:loggingType/audit is false with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def eks_cluster_audit_logging_enabled(_cluster: EksCluster, settings: Observed[EksClusterSettings]) -> Verdict:
    """EKS clusters write audit logs.

    The audit log shows who called the Kubernetes API and what they changed. CloudTrail does not record these calls.
    """
    logs = settings.value.logs.value
    return require(
        "audit" in logs, then="the audit log is enabled", otherwise="the audit log is not enabled", logs=list(logs)
    )
