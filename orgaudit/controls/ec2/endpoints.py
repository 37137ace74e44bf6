"""Controls on the interface endpoints through which VPCs reach AWS's services."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.ec2.vpcs import endpoint_in
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.ec2.endpoints import VpcEndpoint
from orgaudit.facts.ec2.vpcs import Vpc
from orgaudit.model import Disruption, Effort, Severity, Verdict, failed, not_applicable, parse_arn, passed, shown
from orgaudit.settings.thresholds import Thresholds

RATIONALE = (
    "Without an interface endpoint, what runs in the VPC needs a path to the internet to call {api}. With one, the "
    "calls stay in AWS's network, and the endpoint's policy limits which resources they reach. The VPCs of "
    "[thresholds] endpoint_hub_vpcs provide their endpoints to the other VPCs of their region."
)


def _endpoint_present(name: str, title: str, api: str, *services: str) -> Control:
    """Return the control that VPCs have an interface endpoint for one of these names of a service."""

    def judge(vpc: Vpc, owner: AccountFacts, organization: Organization, thresholds: Thresholds) -> Verdict:
        default = shown(vpc.default)
        if found := endpoint_in(vpc.vpc_id, vpc.region, services, owner):
            return passed(f"endpoint {found.name} is available", endpoint=found.arn, default_vpc=default)
        for hub in thresholds.endpoint_hub_vpcs:
            _, _, region, account_id, resource = parse_arn(hub)
            if region != vpc.region or hub == vpc.arn:
                continue
            facts = organization.facts(account_id)
            if found := endpoint_in(resource.rpartition("/")[2], region, services, facts):
                said = f"the VPC uses endpoint {found.name} of hub {hub}, as the settings state"
                return not_applicable(said, endpoint=found.arn, default_vpc=default)
        said = f"the VPC has no available interface endpoint for {' or '.join(services)}"
        return failed(said, hubs=list(thresholds.endpoint_hub_vpcs), default_vpc=default)

    fix = Fix(
        service_wide="Create the endpoint in one hub VPC of each region, and share it with the other VPCs through a "
        "transit gateway and a private hosted zone, or in every VPC with a StackSet.",
        asset=f"Create an interface endpoint for {services[0]} in VPC {{resource.name}}.",
        command="aws ec2 create-vpc-endpoint --region {region} --vpc-id {resource.vpc_id} "
        f"--vpc-endpoint-type Interface --service-name com.amazonaws.{{region}}.{services[0]} "
        "--subnet-ids SUBNET_IDS --private-dns-enabled",
        preventive="Create VPCs only in the account factory, from a template with the endpoints.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    )
    rationale = RATIONALE.format(api=api)
    return control(Severity.MEDIUM, fix=fix, facts=(VpcEndpoint,), id=name, title=title, rationale=rationale)(judge)


# Security Hub accepts the FIPS names of EC2 and Incident Manager as well:
# https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-10
ec2_vpc_endpoint_ec2_present = _endpoint_present(
    "ec2_vpc_endpoint_ec2_present",
    "VPCs reach EC2 through an interface endpoint",
    "EC2",
    "ec2",
    "ec2-fips",
)
ec2_vpc_endpoint_ecr_api_present = _endpoint_present(
    "ec2_vpc_endpoint_ecr_api_present",
    "VPCs reach the API of ECR through an interface endpoint",
    "the API of ECR",
    "ecr.api",
)
ec2_vpc_endpoint_ecr_registry_present = _endpoint_present(
    "ec2_vpc_endpoint_ecr_registry_present",
    "VPCs reach the registry of ECR through an interface endpoint",
    "the registry of ECR",
    "ecr.dkr",
)
ec2_vpc_endpoint_ssm_present = _endpoint_present(
    "ec2_vpc_endpoint_ssm_present",
    "VPCs reach Systems Manager through an interface endpoint",
    "Systems Manager",
    "ssm",
)
ec2_vpc_endpoint_ssm_contacts_present = _endpoint_present(
    "ec2_vpc_endpoint_ssm_contacts_present",
    "VPCs reach the contacts of Incident Manager through an interface endpoint",
    "the contacts of Incident Manager",
    "ssm-contacts",
)
ec2_vpc_endpoint_ssm_incidents_present = _endpoint_present(
    "ec2_vpc_endpoint_ssm_incidents_present",
    "VPCs reach Incident Manager through an interface endpoint",
    "Incident Manager",
    "ssm-incidents",
    "ssm-incidents-fips",
)
