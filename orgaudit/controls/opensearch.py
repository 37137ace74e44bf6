"""Controls on OpenSearch domains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orgaudit.analysis.resource_policies import openings_in
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.judging.flags import Words, requires
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.opensearch import SearchDomain, SearchDomainPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, shown


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Create domains in VPCs, and restrict their access policies to named roles.",
        asset="Name the roles that may read and write in the access policy of domain {resource.name}.",
        command="aws opensearch update-domain-config --region {region} --domain-name {resource.name} "
        "--access-policies file://domain-policy.json",
        preventive="Deny es:CreateDomain and es:UpdateDomainConfig to all but the pipeline that creates domains.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def opensearch_domain_policy_restricted(domain: SearchDomain, policy: Observed[SearchDomainPolicy]) -> Verdict:
    """OpenSearch domain access policies do not allow public access.

    A domain with a public endpoint and a public policy can be read and deleted from the internet without credentials.
    Where the domain is in a VPC or authenticates users itself, a person has to review whether that is sufficient.
    """
    openings = openings_in(policy.value)
    held = _held_by(domain) if openings else None
    if held is not None:
        openings = tuple(replace(each, through=f"{each.through}, but {held}", certain=False) for each in openings)
    return judge_policy(policy.value, openings)


def _held_by(domain: SearchDomain) -> str | None:
    """Return what keeps public requests off whatever the policy allows, or None where nothing does.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/vpc.html and
    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/fgac.html
    """
    if domain.vpc_id.value is not None:
        return f"only what reaches VPC {domain.vpc_id.value} reaches the domain"
    return "fine-grained access control requires a sign-in" if domain.signs_in.value else None


CURRENT_TLS = frozenset({"Policy-Min-TLS-1-2-PFS-2023-10"})
"""The security policies that count as current, as of November 2026.
https://docs.aws.amazon.com/securityhub/latest/userguide/opensearch-controls.html"""
FEWEST_DATA_NODES, FEWEST_MASTERS = 3, 3
UPDATE = "aws opensearch update-domain-config --region {region} --domain-name {resource.name} "
FROM_TEMPLATE = "Create domains only from a template that sets this, and check changes to it in the pipeline."


def _set(asset: str, options: str, *, effort: Effort = Effort.M, reversible: bool = True) -> Fix:
    """Return the fix that changes a domain's configuration, which OpenSearch Service does on new nodes."""
    return Fix(
        service_wide="Change the template of all domains, and deploy it in a maintenance window.",
        asset=asset,
        command=f"{UPDATE}{options}",
        preventive=FROM_TEMPLATE,
        effort=effort,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=reversible,
    )


def _requires(
    name: str,
    severity: Severity,
    title: str,
    rationale: str,
    *,
    has: Callable[[SearchDomain], bool],
    then: str,
    otherwise: str,
    fix: Fix,
    opensearch_only: bool = False,
) -> Control:
    """Return the control that something holds for a domain, of either engine or with `opensearch_only` of one."""
    return requires(
        name,
        SearchDomain,
        has,
        Words(title, rationale, then, otherwise),
        severity=severity,
        fix=fix,
        outside=_elasticsearch if opensearch_only else None,
        evidence=lambda domain: {"engine": shown(domain.engine), "data_nodes": shown(domain.data_nodes)},
        module=__name__,
    )


def _elasticsearch(domain: SearchDomain) -> Verdict | None:
    if not domain.is_elasticsearch:
        return None
    return not_applicable("the engine is Elasticsearch", engine=domain.engine.value)


opensearch_domain_encrypted_at_rest = _requires(
    "opensearch_domain_encrypted_at_rest",
    Severity.MEDIUM,
    "OpenSearch domains encrypt their storage",
    "Encryption covers indexes, logs, swap files and automated snapshots, and reading them then needs permission for "
    "the key as well.",
    has=lambda domain: domain.encrypted.value,
    then="the storage is encrypted",
    otherwise="the storage is not encrypted",
    fix=_set(
        "Enable encryption at rest of domain {resource.name}; it cannot be disabled afterwards.",
        "--encryption-at-rest-options Enabled=true",
        reversible=False,
    ),
)
opensearch_domain_nodes_encrypted = _requires(
    "opensearch_domain_nodes_encrypted",
    Severity.MEDIUM,
    "OpenSearch domains encrypt traffic between nodes",
    "Nodes send each other the data of all indexes. Elasticsearch versions that cannot encrypt this traffic fail as "
    "well.",
    has=lambda domain: domain.nodes_encrypted.value,
    then="traffic between nodes is encrypted",
    otherwise="traffic between nodes is not encrypted",
    fix=_set(
        "Enable encryption between the nodes of domain {resource.name}; it cannot be disabled afterwards.",
        "--node-to-node-encryption-options Enabled=true",
        reversible=False,
    ),
)
opensearch_domain_vpc_attached = _requires(
    "opensearch_domain_vpc_attached",
    Severity.CRITICAL,
    "OpenSearch domains are in a VPC",
    "A domain with a public endpoint is protected from the internet by its access policy only, which can change at any "
    "time. The endpoint itself is judged, however narrow the policy is.",
    has=lambda domain: domain.vpc_id.value is not None,
    then="the domain is in a VPC",
    otherwise="the domain has a public endpoint",
    fix=Fix(
        service_wide="Create domains in VPCs only, and reach them through applications or a VPN.",
        asset="Create a domain in a VPC, restore a snapshot of {resource.name} to it, and delete the public one.",
        command="aws opensearch create-domain --region {region} --domain-name DOMAIN_NAME "
        "--vpc-options SubnetIds=SUBNET_ID,SecurityGroupIds=GROUP_ID",
        preventive="Deny es:CreateDomain to all but the pipeline that creates domains in VPCs.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
opensearch_domain_error_logs_exported = _requires(
    "opensearch_domain_error_logs_exported",
    Severity.MEDIUM,
    "OpenSearch domains send error logs to CloudWatch Logs",
    "Error logs show failed authentication, scripts that were refused and nodes that failed; without a log group they "
    "are not kept.",
    has=lambda domain: "ES_APPLICATION_LOGS" in domain.logs.value,
    then="error logs are sent to a log group",
    otherwise="error logs are not sent to a log group",
    fix=_set(
        "Send the error logs of domain {resource.name} to a log group that the service may write to.",
        "--log-publishing-options ES_APPLICATION_LOGS='{{CloudWatchLogsLogGroupArn=LOG_GROUP_ARN,Enabled=true}}'",
        effort=Effort.S,
    ),
)
opensearch_domain_audit_logs_exported = _requires(
    "opensearch_domain_audit_logs_exported",
    Severity.MEDIUM,
    "OpenSearch domains send audit logs to CloudWatch Logs",
    "Only audit logs show who read or changed which index; CloudTrail records changes of the domain, but no requests "
    "for data.",
    has=lambda domain: "AUDIT_LOGS" in domain.logs.value,
    then="audit logs are sent to a log group",
    otherwise="audit logs are not sent to a log group",
    fix=_set(
        "Enable fine-grained access control and audit logs of domain {resource.name}.",
        "--log-publishing-options AUDIT_LOGS='{{CloudWatchLogsLogGroupArn=LOG_GROUP_ARN,Enabled=true}}'",
    ),
)
opensearch_domain_three_data_nodes_used = _requires(
    "opensearch_domain_three_data_nodes_used",
    Severity.MEDIUM,
    "OpenSearch domains have three data nodes in several Availability Zones",
    "With fewer nodes, or all of them in one zone, one failure makes indexes unavailable or loses data.",
    has=lambda domain: domain.zone_aware.value and domain.data_nodes.value >= FEWEST_DATA_NODES,
    then="three data nodes or more are in several Availability Zones",
    otherwise=f"fewer than {FEWEST_DATA_NODES} data nodes, or all of them in one Availability Zone",
    fix=_set(
        "Spread domain {resource.name} over several Availability Zones, with at least three data nodes.",
        "--cluster-config InstanceCount=3,ZoneAwarenessEnabled=true",
    ),
)
opensearch_domain_dedicated_masters_used = _requires(
    "opensearch_domain_dedicated_masters_used",
    Severity.MEDIUM,
    "OpenSearch domains have three dedicated masters",
    "Masters that also hold data lose control of the cluster when queries overload it, and two of them cannot decide "
    "which one is cut off.",
    has=lambda domain: domain.masters.value >= FEWEST_MASTERS,
    then="three dedicated masters or more are in use",
    otherwise=f"fewer than {FEWEST_MASTERS} dedicated masters are in use",
    fix=_set(
        "Add three dedicated masters to domain {resource.name}.",
        "--cluster-config DedicatedMasterEnabled=true,DedicatedMasterCount=3,DedicatedMasterType=INSTANCE_TYPE",
    ),
)
opensearch_domain_fine_grained_access_enabled = _requires(
    "opensearch_domain_fine_grained_access_enabled",
    Severity.HIGH,
    "OpenSearch domains control access by index and field",
    "Without fine-grained access control, whoever reaches a domain may read and delete all of its data.",
    has=lambda domain: domain.fine_grained.value,
    then="fine-grained access control is enabled",
    otherwise="fine-grained access control is not enabled",
    opensearch_only=True,
    fix=_set(
        "Enable fine-grained access control of domain {resource.name} with a migration period; it cannot be disabled "
        "afterwards.",
        "--advanced-security-options file://advanced-security-options.json",
        effort=Effort.L,
        reversible=False,
    ),
)
opensearch_domain_current_tls_required = _requires(
    "opensearch_domain_current_tls_required",
    Severity.MEDIUM,
    "OpenSearch domains require HTTPS with a current TLS policy",
    "Older policies accept TLS 1.0 or ciphers without forward secrecy: whoever records such traffic can decrypt it "
    "later. Without required HTTPS, clients may send credentials in plain text.",
    has=lambda domain: domain.https_only.value and domain.tls_policy.value in CURRENT_TLS,
    then="HTTPS with a current TLS policy is required",
    otherwise="plain HTTP or an outdated TLS policy is accepted",
    fix=_set(
        "Require HTTPS and the current TLS policy for domain {resource.name}, after its clients support them.",
        "--domain-endpoint-options EnforceHTTPS=true,TLSSecurityPolicy=Policy-Min-TLS-1-2-PFS-2023-10",
        effort=Effort.S,
    ),
)
opensearch_domain_software_current = _requires(
    "opensearch_domain_software_current",
    Severity.MEDIUM,
    "OpenSearch domains have no software update waiting",
    "Updates of the service software fix vulnerabilities. The answer is that of the day of the run.",
    has=lambda domain: not domain.update_available.value,
    then="no software update is available",
    otherwise="a software update is available",
    opensearch_only=True,
    fix=Fix(
        service_wide="Enable automatic software updates in the off-peak window of all domains.",
        asset="Update the service software of domain {resource.name}.",
        command="aws opensearch start-service-software-update --region {region} --domain-name {resource.name}",
        preventive="Create domains only from a template that enables automatic software updates.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
